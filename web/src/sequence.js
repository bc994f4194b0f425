// SPDX-License-Identifier: Apache-2.0
// Keeps a replayed or repeated event from being shown twice.

/** The last event that was taken of one job. */
export class Cursor {
  constructor() {
    this.last = 0;
  }

  /**
   * Whether an event is new; if so it is the last one from now on. An event
   * without a sequence is always new.
   * @param {string} id the event's `id` line
   * @returns {boolean}
   */
  take(id) {
    if (id === '')
      return true;
    const sequence = Number(id);
    if (!(sequence > this.last))
      return false;
    this.last = sequence;
    return true;
  }

  /** Forgets everything: the server has other events under the same ids. */
  reset() {
    this.last = 0;
  }

  /**
   * The address from which to go on.
   * @param {string} url without a query
   * @returns {string}
   */
  address(url) {
    return this.last > 0 ? `${url}?after=${this.last}` : url;
  }
}

/**
 * Time until the next attempt to connect: doubled from 0.5 s to 8 s, a
 * quarter of it by chance, so that many pages do not come back at once.
 * @param {number} attempt from 0
 * @param {number} chance 0 to 1
 * @returns {number} milliseconds
 */
export function backoff(attempt, chance) {
  const step = Math.min(8000, 500 * 2 ** Math.min(attempt, 10));
  return Math.round(step * (0.75 + chance / 4));
}
