// SPDX-License-Identifier: Apache-2.0
// The bridge, by the same client that it serves to others (runnel.js).
// Addresses are relative to the page, so that the console also works below a
// path of a front proxy.
import { Runnel, RunnelError } from '../runnel/src/runnel.js';
import { reportLink } from './link.js';
import { currentToken, needToken } from './token.js';

export { RunnelError };

/** Jobs of one page of the list. */
export const JOBS_SHOWN = 100;

const url = new URL('.', globalThis.location?.href ?? 'http://localhost/');

/**
 * Asks, and learns from each answer whether bridge and core are there, and
 * whether the token is still good.
 * @type {typeof fetch}
 */
const watchedFetch = async (address, init) => {
  let answer;
  try {
    answer = await fetch(address, init);
  } catch (error) {
    if (!init?.signal?.aborted)
      reportLink('offline');
    throw error;
  }
  reportLink(answer.status === 503 ? 'no-core' : 'online');
  if (answer.status === 401 && isCurrent(init?.headers))
    needToken(currentToken()
      ? 'The token is no longer valid.' : '');
  return answer;
};

/**
 * Whether a request showed the token that is in use now: the answer to an
 * older one says nothing about it.
 * @param {any} headers
 */
function isCurrent(headers) {
  const shown = headers?.authorization ?? '';
  return shown === (currentToken() ? `Bearer ${currentToken()}` : '');
}

export const client = new Runnel(
  { url, token: currentToken, fetch: watchedFetch });

/**
 * What a token allows; throws when it is none.
 * @param {string} token
 */
export function tryToken(token) {
  return new Runnel({ url, token }).ownToken();
}

/** @param {string} id */
export const jobOutputUrl = (id) => `v1/jobs/${encodeURIComponent(id)}/output`;

/**
 * Whether the token does not allow it, so that asking again is of no use.
 * @param {unknown} error
 */
export const isRefused = (error) =>
  error instanceof RunnelError && error.status === 403;
