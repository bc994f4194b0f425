// SPDX-License-Identifier: Apache-2.0
// Output pieces to text. A piece of bytes may end inside a character; the
// rest of it comes with the next one.

/**
 * Makes a function that turns the OutputDeltas of one job, in order, into
 * text and tells how many bytes each had.
 * @returns {(delta: import('../runnel.d.ts').OutputDelta) =>
 *   {text: string, bytes: number}}
 */
export function textDecoder() {
  const encode = new TextEncoder();
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  return ({ text, data }) => {
    if (data !== undefined) {
      const bytes = fromBase64(data);
      return { text: utf8.decode(bytes, { stream: true }), bytes: bytes.length };
    }
    const piece = text ?? '';
    // Bytes left over from before are no character: say so, then go on.
    return {
      text: utf8.decode() + piece,
      bytes: encode.encode(piece).length,
    };
  };
}

/**
 * @param {string} text
 * @returns {Uint8Array}
 */
function fromBase64(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}
