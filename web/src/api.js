// SPDX-License-Identifier: Apache-2.0
// The bridge's REST paths that the console uses. Addresses are relative to
// the page, so that the console also works below a path of a front proxy.
import { reportLink } from './link.js';

/**
 * @typedef {import('./types.js').Job} Job
 * @typedef {import('./types.js').StreamInfo} StreamInfo
 * @typedef {import('./types.js').StatsAnswer} StatsAnswer
 * @typedef {import('./types.js').KeyFrequency} KeyFrequency
 */

/** An answer that is not the one asked for, in words for a person. */
export class Problem extends Error {
  /**
   * @param {string} message
   * @param {number} status HTTP status; 0: there was no answer
   */
  constructor(message, status) {
    super(message);
    this.name = 'Problem';
    this.status = status;
  }
}

/**
 * Makes a Problem of an RFC 9457 body. Field violations are part of the
 * sentence, since they say what to change.
 * @param {number} status
 * @param {any} body
 * @returns {Problem}
 */
export function problemOf(status, body) {
  let message = body?.detail || body?.title || `The server answered ${status}.`;
  for (const { field, description } of body?.violations ?? []) {
    if (!message.includes(description))
      message += ` ${field}: ${description}.`;
  }
  return new Problem(message, status);
}

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>}
 */
async function request(method, path, body) {
  const answer = await ask(method, path, body);
  const json = await answer.json().catch(() => null);
  reportLink(answer.status === 503 ? 'no-core' : 'online');
  if (!answer.ok)
    throw problemOf(answer.status, json);
  return json ?? {};
}

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
async function ask(method, path, body) {
  try {
    return await fetch(path, {
      method,
      cache: 'no-store',
      headers: body ? { 'content-type': 'application/json' } : {},
      body: body ? JSON.stringify(body) : undefined,
    });
  } catch {
    reportLink('offline');
    throw new Problem('The bridge cannot be reached.', 0);
  }
}

/** @param {string} id */
const job = (id) => `v1/jobs/${encodeURIComponent(id)}`;
/** @param {string} name */
const stream = (name) => `v1/streams/${encodeURIComponent(name)}`;

/** @returns {Promise<{jobs?: Job[], nextPageToken?: string}>} */
export const listJobs = () => request('GET', 'v1/jobs?page_size=100');

/**
 * @param {string} id
 * @returns {Promise<Job>}
 */
export async function getJob(id) {
  return (await request('GET', job(id))).job;
}

/**
 * @param {object} wish a CreateJobRequest
 * @returns {Promise<Job>}
 */
export async function createJob(wish) {
  return (await request('POST', 'v1/jobs', wish)).job;
}

/**
 * @param {string} id
 * @returns {Promise<Job>}
 */
export async function cancelJob(id) {
  return (await request('POST', `${job(id)}/cancel`,
    { reason: 'cancelled in the console' })).job;
}

/** @returns {Promise<{streams?: StreamInfo[]}>} */
export const listStreams = () => request('GET', 'v1/streams?page_size=200');

/**
 * How often a key occurred in a stream's window.
 * @param {string} name
 * @param {string} key
 * @param {number} window seconds, 0 for all time
 * @returns {Promise<{frequencies?: KeyFrequency[], count?: string}>}
 */
export function getFrequency(name, key, window) {
  const query = new URLSearchParams({ key, window: String(window) });
  return request('GET', `${stream(name)}/frequency?${query}`);
}

/**
 * @param {string} name
 * @returns {Promise<StatsAnswer>}
 */
export const getStats = (name) => request('GET', `${stream(name)}/stats`);

/** @param {string} id */
export const jobEventsUrl = (id) => `${job(id)}/events`;

/** @param {string} id */
export const jobOutputUrl = (id) => `${job(id)}/output`;

/** @param {string} name */
export const statsEventsUrl = (name) => `${stream(name)}/stats/events`;

/**
 * Several streams in one connection.
 * @param {string[]} names
 * @param {number[]} windows seconds, 0 for all time
 */
export function severalEventsUrl(names, windows) {
  const query = new URLSearchParams({ top: '1' });
  for (const name of names)
    query.append('stream', name);
  for (const window of windows)
    query.append('window_seconds', String(window));
  return `v1/events?${query}`;
}
