// SPDX-License-Identifier: Apache-2.0
// Events over lost connections: asks again after the last event that was
// taken, for as long as what went wrong may pass.
import { interrupted, RunnelError } from './error.js';
import { lines, within } from './lines.js';
import { backoff } from './sequence.js';

/**
 * @typedef {import('../runnel.d.ts').WatchOptions} WatchOptions
 * @typedef {import('./sequence.js').Sequence |
 *   import('./sequence.js').Bookmark} Place
 *
 * @typedef {object} Source
 * @property {(after: string, signal: AbortSignal) => Promise<Response>} connect
 * @property {Place} place where to go on; moved with each event
 * @property {boolean} [endsWithEnd] `end` is the last event, not that of one
 *   of several
 */

const SILENCE_MS = 45_000;
/** Codes of a `reset` that says that the token is no longer good: what was
 * had stays so. */
const REFUSED = { UNAUTHENTICATED: 401, PERMISSION_DENIED: 403 };

/**
 * @param {Source} source
 * @param {WatchOptions} options
 * @returns {AsyncGenerator<any, void, undefined>}
 */
export async function* follow(source, options) {
  const { onState, signal, giveUpAfterMs = Infinity } = options;
  let attempt = 0;
  let lostAt = Date.now();
  for (;;) {
    onState?.('connecting');
    const connection = new Connection(source, options);
    const error = yield* connection.events();
    if (!error)
      return;
    signal?.throwIfAborted();
    if (!(error instanceof RunnelError && error.isTransient))
      throw error;
    if (connection.wasLive) {
      attempt = 0;
      lostAt = Date.now();
    }
    const ms = Math.max(backoff(attempt++, Math.random()), error.retryAfterMs);
    if (Date.now() + ms - lostAt > giveUpAfterMs)
      throw error;
    onState?.('waiting', error);
    await pause(ms, signal);
  }
}

/** One connection, from asking for it to its end. */
class Connection {
  /**
   * @param {Source} source
   * @param {WatchOptions} options
   */
  constructor(source, options) {
    this.source = source;
    this.options = options;
    /** Something came: the next failure is a new one. */
    this.wasLive = false;
    this.abort = new AbortController();
  }

  /**
   * Its events, and why there are no more of them; undefined: it is over.
   * @returns {AsyncGenerator<any, unknown, undefined>}
   */
  async* events() {
    const { signal } = this.options;
    const onAbort = () => this.abort.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort);
    try {
      signal?.throwIfAborted();
      return yield* this.read();
    } catch (error) {
      return error ?? interrupted('The connection was lost.');
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.abort.abort();
    }
  }

  /** @returns {AsyncGenerator<any, unknown, undefined>} */
  async* read() {
    const { onState, silenceMs = SILENCE_MS } = this.options;
    const { connect, place, endsWithEnd } = this.source;
    const answer =
      await within(connect(place.after, this.abort.signal), silenceMs);
    if (answer.status === 204 || !answer.body)
      return undefined;
    onState?.('live');
    for await (const some of lines(answer.body, silenceMs)) {
      this.wasLive = true;
      for (const line of some) {
        const event = JSON.parse(line);
        if (!this.take(event))
          continue;
        yield event;
        if (endsWithEnd && event.event === 'end')
          return undefined;
      }
    }
    return interrupted('The connection was lost.');
  }

  /**
   * Whether an event is news.
   * @param {any} event
   */
  take({ event, id, data }) {
    const { place, endsWithEnd } = this.source;
    if (event === 'reset') {
      refuse(data.event ?? data);
      if (id === '')
        place.reset();
      else
        place.take(id);
      return true;
    }
    return place.take(id) || (event === 'end' && endsWithEnd);
  }
}

/** @param {import('../runnel.d.ts').Reset} reset */
function refuse({ code, reason }) {
  const status = /** @type {Record<string, number>} */ (REFUSED)[code ?? ''];
  if (status)
    throw new RunnelError({ status, code, detail: reason });
}

/**
 * @param {number} ms
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<void>}
 */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      if (signal?.aborted)
        reject(signal.reason);
      else
        resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener('abort', finish);
  });
}
