// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textDecoder as decoder } from '../runnel/src/text.js';

/** @param {Uint8Array} bytes */
const delta = (bytes) => ({ data: Buffer.from(bytes).toString('base64') });

test('a character cut in two pieces is whole again', () => {
  const bytes = new TextEncoder().encode('a€b𝄞c');
  for (let cut = 0; cut <= bytes.length; cut++) {
    const decode = decoder();
    const first = decode(delta(bytes.subarray(0, cut)));
    const rest = decode(delta(bytes.subarray(cut)));
    assert.equal(first.text + rest.text, 'a€b𝄞c');
    assert.equal(first.bytes + rest.bytes, bytes.length);
  }
});

test('bytes are counted, not characters', () => {
  assert.equal(decoder()({ text: '€' }).bytes, 3);
});

test('text after half a character shows that something is broken', () => {
  const decode = decoder();
  decode(delta(new Uint8Array([0xe2, 0x82])));
  assert.equal(decode({ text: 'x' }).text, '\ufffdx');
});

test('an empty delta is no text', () => {
  assert.deepEqual(decoder()({}), { text: '', bytes: 0 });
});
