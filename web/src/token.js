// SPDX-License-Identifier: Apache-2.0
// The token that the person gave. It lives as long as the tab, in its
// sessionStorage: a reload keeps it, other tabs and other days do not have it.

const KEY = 'runnel.token';

/** @type {Set<(why: string) => void>} */
const listeners = new Set();
let token = stored();

function stored() {
  try {
    return sessionStorage.getItem(KEY) ?? '';
  } catch {
    return ''; // storage is forbidden: the token lives as long as the page
  }
}

export const currentToken = () => token;

/** @param {string} given empty: none any more */
export function setToken(given) {
  token = given;
  try {
    if (given)
      sessionStorage.setItem(KEY, given);
    else
      sessionStorage.removeItem(KEY);
  } catch {
    // as above
  }
}

/**
 * Calls back when a token is needed, with the reason.
 * @param {(why: string) => void} listener
 */
export function onTokenNeeded(listener) {
  listeners.add(listener);
}

/**
 * Told by whoever was refused: forgets the token and has another asked for.
 * @param {string} why
 */
export function needToken(why) {
  setToken('');
  for (const listener of listeners)
    listener(why);
}
