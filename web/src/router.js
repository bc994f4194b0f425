// SPDX-License-Identifier: Apache-2.0
// Where the person is, held in the address after the '#', so that a reload,
// a bookmark and the back button lead to the same place.

/**
 * @typedef {object} Route
 * @property {string} section "jobs" or "streams"
 * @property {string} item id of a job, name of a stream, "" for none
 * @property {URLSearchParams} query
 */

const SECTIONS = ['jobs', 'streams'];

/**
 * Reads an address; what it does not know leads to the jobs.
 * @param {string} hash "#/streams/web?window=60"
 * @returns {Route}
 */
export function parse(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [section, item = ''] = path.split('/', 2);
  const known = SECTIONS.includes(section);
  return {
    section: known ? section : 'jobs',
    item: known ? decode(item) : '',
    query: new URLSearchParams(query),
  };
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // typed by hand
  }
}

/**
 * The address of a place.
 * @param {string} section
 * @param {string} [item]
 * @param {Record<string, string>} [query]
 * @returns {string}
 */
export function href(section, item = '', query = {}) {
  const path = item ? `#/${section}/${encodeURIComponent(item)}` : `#/${section}`;
  const tail = new URLSearchParams(query).toString();
  return tail ? `${path}?${tail}` : path;
}

/** @returns {Route} */
export function here() {
  return parse(location.hash);
}

/** @param {string} address from href() */
export function go(address) {
  location.hash = address;
}

/**
 * Changes the address without a new entry in the history and without a call
 * of the listener.
 * @param {string} address
 */
export function stay(address) {
  history.replaceState(null, '', address);
}

/**
 * Calls back now and whenever the place changes.
 * @param {(route: Route) => void} listener
 */
export function follow(listener) {
  addEventListener('hashchange', () => {
    // The skip link's target is no place of its own.
    if (location.hash === '' || location.hash.startsWith('#/'))
      listener(here());
  });
  listener(here());
}
