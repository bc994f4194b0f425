// SPDX-License-Identifier: Apache-2.0
// The lines of an answer as they arrive.
import { interrupted, unreachable } from './error.js';

/** Characters of a line: far above an event of the largest frame in base64. */
const LINE_MAX = 64 << 20;

/**
 * The lines that have arrived whole, some at a time, without empty ones. What
 * stands behind the last line end when the answer ends is no line. Throws when
 * nothing arrives for `silenceMs`.
 * @param {ReadableStream<Uint8Array>} body
 * @param {number} silenceMs
 * @returns {AsyncGenerator<string[], void, undefined>}
 */
export async function* lines(body, silenceMs) {
  const reader = body.getReader();
  const utf8 = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await within(reader.read().catch((cause) => {
        throw unreachable(cause);
      }), silenceMs);
      if (done)
        return;
      const parts = (rest + utf8.decode(value, { stream: true })).split('\n');
      rest = /** @type {string} */ (parts.pop());
      if (rest.length > LINE_MAX)
        throw interrupted('A line of the answer does not end.');
      yield parts.filter((line) => line !== '');
    }
  } finally {
    reader.cancel().catch(() => {}); // it may be broken already
  }
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {number} ms
 * @returns {Promise<T>}
 */
export function within(promise, ms) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(interrupted(`Nothing came for ${ms / 1000} s.`)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
