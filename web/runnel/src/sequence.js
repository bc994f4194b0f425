// SPDX-License-Identifier: Apache-2.0
// Where a reader of events stands, so that it goes on exactly there.

/**
 * The events of one job, numbered: keeps a replayed or repeated one from being
 * seen twice.
 */
export class Sequence {
  /** @param {string} after */
  constructor(after) {
    this.last = Number(after) || 0;
  }

  /** What to ask for: `after`; empty from the beginning. */
  get after() {
    return this.last > 0 ? String(this.last) : '';
  }

  /**
   * Whether an event is new; if so it is the last one from now on.
   * @param {string | undefined} id
   */
  take(id) {
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
}

/** Ids that are only to be sent back. */
export class Bookmark {
  /** @param {string} after */
  constructor(after) {
    this.after = after;
  }

  /** @param {string | undefined} id */
  take(id) {
    this.after = id ?? this.after;
    return true;
  }

  reset() {
    this.after = '';
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
