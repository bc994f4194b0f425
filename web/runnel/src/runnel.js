// SPDX-License-Identifier: Apache-2.0
// The client of the bridge. What each method does is said in ../runnel.d.ts,
// its public face.
import { errorOf, RunnelError, unreachable } from './error.js';
import { follow } from './follow.js';
import { Bookmark, Sequence } from './sequence.js';
import { textDecoder } from './text.js';

export { RunnelError, textDecoder };

/**
 * @typedef {import('../runnel.d.ts').CallOptions} CallOptions
 * @typedef {import('../runnel.d.ts').WatchOptions} WatchOptions
 * @typedef {import('../runnel.d.ts').StatsOptions} StatsOptions
 * @typedef {import('../runnel.d.ts').WindowOptions} WindowOptions
 * @typedef {import('../runnel.d.ts').PageOptions} PageOptions
 * @typedef {import('../runnel.d.ts').Int64} Int64
 *
 * @typedef {Record<string, string | number | boolean | undefined |
 *   (string | number)[]>} Query
 * @typedef {object} Request
 * @property {Query} [query]
 * @property {object} [body] sent as JSON
 * @property {string} [accept]
 * @property {AbortSignal} [signal]
 * @property {string} [ticket] instead of the token
 */

const NDJSON = 'application/x-ndjson';

export class Runnel {
  /** @param {import('../runnel.d.ts').RunnelOptions} [options] */
  constructor({ url, token = '', fetch } = {}) {
    this.base = baseOf(url);
    this.token = token;
    this.fetch = fetch ?? globalThis.fetch.bind(globalThis);
  }

  // --- jobs ---

  /**
   * @param {import('../runnel.d.ts').CreateJobRequest} request
   * @param {CallOptions} [options]
   */
  async createJob(request, options) {
    return (await this.call('POST', 'v1/jobs', { ...options, body: request }))
      .job;
  }

  /**
   * @param {string} id
   * @param {CallOptions & {includeInput?: boolean}} [options]
   */
  async getJob(id, { signal, includeInput } = {}) {
    const query = { include_input: includeInput || undefined };
    return (await this.call('GET', jobPath(id), { signal, query })).job;
  }

  /** @param {CallOptions & import('../runnel.d.ts').ListJobsOptions} options */
  listJobs({ signal, states, kind, labels = {}, ...page } = {}) {
    const query = { ...pageQuery(page), states, kind, ...Object.fromEntries(
      Object.entries(labels).map(([name, v]) => [`labels.${name}`, v])) };
    return this.call('GET', 'v1/jobs', { signal, query });
  }

  /**
   * @param {string} id
   * @param {CallOptions & {reason?: string}} [options]
   */
  async cancelJob(id, { signal, reason } = {}) {
    return (await this.call('POST', `${jobPath(id)}/cancel`,
      { signal, body: { reason } })).job;
  }

  /**
   * @param {string} id
   * @param {CallOptions} [options]
   */
  async deleteJob(id, options) {
    await this.call('DELETE', jobPath(id), options);
  }

  /**
   * @param {string} id
   * @param {WatchOptions & {after?: Int64}} [options]
   */
  watchJob(id, options = {}) {
    const place = new Sequence(String(options.after ?? ''));
    return this.watch(`${jobPath(id)}/events`, {}, place, options, true);
  }

  /**
   * @param {string} id
   * @param {WatchOptions} [options]
   * @returns {AsyncGenerator<string, void, undefined>}
   */
  async* outputText(id, options) {
    const decode = textDecoder();
    for await (const { event, data } of this.watchJob(id, options)) {
      if (event === 'delta') {
        const { text } = decode(data.delta);
        if (text)
          yield text;
      } else if (event === 'reset') {
        throw new RunnelError({ status: 0, code: 'DATA_LOSS',
          detail: data.reason || 'The output cannot be continued.' });
      } else if (event === 'end') {
        checkSuccess(data.state);
      }
    }
  }

  /**
   * @param {string} id
   * @param {CallOptions & {follow?: boolean}} [options]
   */
  output(id, { signal, follow: following } = {}) {
    return this.request('GET', `${jobPath(id)}/output`,
      { signal, query: { follow: following }, accept: '*/*' });
  }

  // --- streams ---

  /**
   * @param {import('../runnel.d.ts').StreamConfig} config
   * @param {CallOptions} [options]
   */
  async createStream(config, options) {
    return (await this.call('POST', 'v1/streams',
      { ...options, body: { config } })).stream;
  }

  /**
   * @param {string} name
   * @param {CallOptions} [options]
   */
  async getStream(name, options) {
    return (await this.call('GET', streamPath(name), options)).stream;
  }

  /** @param {CallOptions & PageOptions} [options] */
  listStreams({ signal, ...page } = {}) {
    return this.call('GET', 'v1/streams', { signal, query: pageQuery(page) });
  }

  /**
   * @param {string} name
   * @param {CallOptions} [options]
   */
  async deleteStream(name, options) {
    await this.call('DELETE', streamPath(name), options);
  }

  /**
   * @param {string} name
   * @param {import('../runnel.d.ts').StreamEvent[]} events
   * @param {CallOptions & {producerId?: string, producerSequence?: Int64}} [o]
   */
  ingest(name, events, { signal, producerId, producerSequence } = {}) {
    return this.call('POST', `${streamPath(name)}/events`, {
      signal, body: { events },
      query: { producer_id: producerId, producer_sequence: producerSequence },
    });
  }

  /**
   * @param {string} name
   * @param {CallOptions & WindowOptions & {top?: number}} [options]
   */
  stats(name, { signal, window, top } = {}) {
    return this.call('GET', `${streamPath(name)}/stats`,
      { signal, query: { window, top } });
  }

  /**
   * @param {string} name
   * @param {string | string[]} keys
   * @param {CallOptions & WindowOptions} [options]
   */
  frequency(name, keys, { signal, window } = {}) {
    const query = { keys: typeof keys === 'string' ? [keys] : keys, window };
    return this.call('GET', `${streamPath(name)}/frequency`, { signal, query });
  }

  /**
   * @param {string} name
   * @param {WatchOptions & StatsOptions & {after?: string}} [options]
   */
  watchStats(name, options = {}) {
    const place = new Bookmark(options.after ?? '');
    return this.watch(`${streamPath(name)}/stats/events`, statsQuery(options),
      place, options);
  }

  /**
   * @param {{jobs?: string[], streams?: string[]}} what
   * @param {WatchOptions & StatsOptions & {after?: string}} [options]
   */
  watchMany({ jobs, streams }, options = {}) {
    const query = { job: jobs, stream: streams, ...statsQuery(options) };
    return this.watch('v1/events', query, new Bookmark(options.after ?? ''),
      options);
  }

  // --- server ---

  /** @param {CallOptions} [options] */
  info(options) {
    return this.call('GET', 'v1/info', options);
  }

  /** @param {CallOptions} [options] */
  ownToken(options) {
    return this.call('GET', 'v1/token', options);
  }

  /**
   * @param {string} path
   * @param {CallOptions} [options]
   */
  async ticketUrl(path, options) {
    // The bridge knows its own path, whatever a proxy put in front of it.
    const { ticket } = await this.call('POST', 'v1/tickets',
      { ...options, body: { path: `/${path}` } });
    const url = new URL(path, this.base);
    url.searchParams.set('ticket', ticket);
    return url.href;
  }

  // --- how ---

  /**
   * @param {string} path
   * @param {Query} query
   * @param {import('./follow.js').Place} place
   * @param {WatchOptions} options
   * @param {boolean} [endsWithEnd]
   * @returns {AsyncGenerator<any, void, undefined>}
   */
  watch(path, query, place, options, endsWithEnd = false) {
    return follow({
      place,
      endsWithEnd,
      connect: async (after, signal) => this.request('GET', path, {
        query: { ...query, after: after || undefined },
        accept: NDJSON,
        signal,
        ticket: await given(options.ticket),
      }),
    }, options);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Request} [request]
   * @returns {Promise<any>}
   */
  async call(method, path, request) {
    const answer = await this.request(method, path, request);
    try {
      const text = await answer.text();
      return text ? JSON.parse(text) : {};
    } catch (cause) {
      request?.signal?.throwIfAborted();
      throw unreachable(cause);
    }
  }

  /**
   * An answer that is well; any other is thrown.
   * @param {string} method
   * @param {string} path
   * @param {Request} [request]
   */
  async request(method, path, { query, body, accept, signal, ticket } = {}) {
    const url = new URL(path, this.base);
    addQuery(url, { ...query, ticket });
    /** @type {Record<string, string>} */
    const headers = { accept: accept ?? 'application/json' };
    if (body)
      headers['content-type'] = 'application/json';
    const token = ticket ? '' : await given(this.token);
    if (token)
      headers.authorization = `Bearer ${token}`;
    const answer = await this.ask(url, {
      method, headers, signal, cache: 'no-store',
      body: body && JSON.stringify(body),
    });
    if (!answer.ok)
      throw await errorOf(answer);
    return answer;
  }

  /**
   * @param {URL} url
   * @param {RequestInit} init
   */
  async ask(url, init) {
    try {
      return await this.fetch(url, init);
    } catch (cause) {
      init.signal?.throwIfAborted();
      throw unreachable(cause);
    }
  }
}

/** @param {string} id */
const jobPath = (id) => `v1/jobs/${encodeURIComponent(id)}`;
/** @param {string} name */
const streamPath = (name) => `v1/streams/${encodeURIComponent(name)}`;

/** @param {string | URL | undefined} url */
function baseOf(url) {
  const base = new URL(url ?? new URL('.', import.meta.url));
  if (base.protocol !== 'http:' && base.protocol !== 'https:')
    throw new TypeError('url: say where the bridge is, http://HOST:PORT');
  if (!base.pathname.endsWith('/'))
    base.pathname += '/';
  return base;
}

/**
 * @param {URL} url
 * @param {Query} query what is undefined or empty is left out
 */
function addQuery(url, query) {
  for (const [name, value] of Object.entries(query))
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined && one !== '')
        url.searchParams.append(name, String(one));
}

/** @param {PageOptions} page */
function pageQuery({ pageSize, pageToken }) {
  return { page_size: pageSize, page_token: pageToken };
}

/** @param {StatsOptions} options */
function statsQuery({ windows, intervalMs, top }) {
  return { window_seconds: windows, interval_ms: intervalMs, top };
}

/** @param {string | (() => string | Promise<string>) | undefined} value */
async function given(value) {
  return typeof value === 'function' ? value() : value;
}

/** @param {import('../runnel.d.ts').StateChange} state */
function checkSuccess({ state, error }) {
  if (state === 'JOB_STATE_SUCCEEDED')
    return;
  const word = state.replace('JOB_STATE_', '').toLowerCase();
  throw new RunnelError({ status: 0, code: error?.code ?? 'UNKNOWN',
    detail: error?.message || `The job ${word}.` });
}
