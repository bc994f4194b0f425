// SPDX-License-Identifier: Apache-2.0
// One subscription that lives as long as its view. The client goes on after
// lost connections; this makes it rest while nobody looks, go on where it was,
// and come back at once when the bridge does.
import { RunnelError } from './api.js';
import { doubtLink, linkState, onLink } from './link.js';
import { needToken } from './token.js';

/** A hidden page gives its connection back soon: a browser has six an origin,
 * and a seventh page would get no answer at all. */
const REST_MS = 5_000;
/** Between attempts of a feed whose view wants it again after an error. */
const AGAIN_MS = 2_000;

/**
 * @typedef {'connecting' | 'live' | 'waiting' | 'resting' | 'ended'} FeedState
 *
 * @typedef {object} FeedOptions
 * @property {(options: {signal: AbortSignal, after: string,
 *   onState: (state: FeedState) => void}) => AsyncIterable<any>} watch
 * @property {(update: any) => void} onUpdate
 * @property {(state: FeedState) => void} onState
 * @property {(error: Error) => boolean} onError whether to try again
 */

export class Feed {
  /** @param {FeedOptions} options */
  constructor(options) {
    this.options = options;
    /** The newest id: where to go on. */
    this.after = '';
    /** @type {FeedState} */
    this.state = 'connecting';
    this.closed = false;
    /** @type {AbortController | null} */
    this.connection = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.seen = () => this.rest();
    document.addEventListener('visibilitychange', this.seen);
    this.offLink = onLink((state) => {
      if (state === 'online' && this.state === 'waiting' && !document.hidden)
        this.open();
      else if (this.state === 'live')
        this.enter('live');
    });
    this.open();
  }

  /** The sequence of a job's newest event. */
  get last() {
    return Number(this.after);
  }

  /** Ends the feed for good. May be called again. */
  close() {
    this.closed = true;
    this.drop();
    this.offLink();
    document.removeEventListener('visibilitychange', this.seen);
  }

  drop() {
    clearTimeout(this.timer);
    this.connection?.abort();
    this.connection = null;
  }

  /**
   * A bridge keeps its answer open while the core is away: nothing comes then,
   * and the view is not told that it is live.
   * @param {FeedState} state
   */
  enter(state) {
    this.state = state;
    const away = state === 'live' && linkState() === 'no-core';
    this.options.onState(away ? 'waiting' : state);
  }

  open() {
    if (this.closed)
      return;
    this.drop();
    this.connection = new AbortController();
    this.run(this.connection.signal);
    if (document.hidden)
      this.rest();
  }

  /** @param {AbortSignal} signal */
  async run(signal) {
    const onState = (/** @type {FeedState} */ state) => {
      if (state === 'waiting')
        doubtLink();
      if (!signal.aborted)
        this.enter(state);
    };
    try {
      for await (const update of
        this.options.watch({ signal, after: this.after, onState })) {
        if (signal.aborted)
          return;
        this.after = update.id ?? this.after;
        this.options.onUpdate(update);
      }
      this.close();
      this.enter('ended');
    } catch (error) {
      if (!signal.aborted)
        this.failed(/** @type {Error} */ (error));
    }
  }

  /** @param {Error} error */
  failed(error) {
    this.drop();
    this.enter('waiting');
    if (error instanceof RunnelError && error.status === 401)
      needToken('The token is no longer valid.');
    else if (this.options.onError(error))
      this.timer = setTimeout(() => this.open(), AGAIN_MS);
    else
      this.close();
  }

  rest() {
    clearTimeout(this.timer);
    if (this.closed)
      return;
    if (!document.hidden) {
      if (!this.connection)
        this.open();
      return;
    }
    this.timer = setTimeout(() => {
      this.drop();
      this.enter('resting');
    }, REST_MS);
  }
}
