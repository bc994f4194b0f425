// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ago, bytes, count, duration, figure, milliseconds, num, plusMinus, share,
  windowName,
} from '../src/format.js';

test('a 64-bit count keeps its last digit', () => {
  assert.equal(count('9007199254740993'), '9,007,199,254,740,993');
  assert.equal(count(18_446_744_073_709_551_615n),
    '18,446,744,073,709,551,615');
});

test('an absent field is zero', () => {
  assert.equal(num(undefined), 0);
  assert.equal(num(null), 0);
  assert.equal(count(undefined), '0');
});

test('a figure has three digits that matter, and no more', () => {
  assert.equal(figure(0), '0');
  assert.equal(figure(12), '12');
  assert.equal(figure(12.3456), '12.3');
  assert.equal(figure(0.012345), '0.012');
  assert.equal(figure(1234.5), '1,235');
  assert.equal(figure(-42.25), '-42.3');
  assert.equal(figure(4_560_000), '4.56M');
  assert.equal(figure('NaN'), '–');
  assert.equal(figure('Infinity'), '–');
});

test('milliseconds take the unit that suits', () => {
  assert.equal(milliseconds(0.25), '0.25 ms');
  assert.equal(milliseconds(840), '840 ms');
  assert.equal(milliseconds(1530), '1.53 s');
  assert.equal(milliseconds(125_000), '2 min 05 s');
});

test('a duration never shows sixty seconds or sixty minutes', () => {
  assert.equal(duration(-3), '0 ms');
  assert.equal(duration(999), '999 ms');
  assert.equal(duration(59_990), '59.9 s');
  assert.equal(duration(60_000), '1 min 00 s');
  assert.equal(duration(3_599_999), '59 min 59 s');
  assert.equal(duration(7_265_000), '2 h 01 min');
});

test('how long ago ends in a date', () => {
  const now = Date.parse('2026-03-02T12:00:00Z');
  assert.equal(ago('2026-03-02T11:59:58.5Z', now), 'just now');
  assert.equal(ago('2026-03-02T11:59:20Z', now), '40 s ago');
  assert.equal(ago('2026-03-02T09:00:00Z', now), '3 h ago');
  assert.equal(ago('2026-02-01T09:00:00Z', now), '2026-02-01');
  assert.equal(ago(undefined, now), '');
});

test('bytes change their unit before a fourth digit', () => {
  assert.equal(bytes(0), '0 B');
  assert.equal(bytes(999), '999 B');
  assert.equal(bytes(1000), '1.0 KB');
  assert.equal(bytes(999_600), '1.0 MB');
  assert.equal(bytes('123456789'), '123 MB');
});

test('an estimate shows half its width, and exactness as such', () => {
  assert.equal(plusMinus({ value: 1000, lower: 984, upper: 1016 }), '± 1.6 %');
  assert.equal(plusMinus({ value: 12, lower: 12, upper: 12 }), 'exact');
  assert.equal(plusMinus(undefined), 'exact');
});

test('a small share is not shown as none', () => {
  assert.equal(share(1, 3), '33.3 %');
  assert.equal(share(1, 100_000), '< 0.1 %');
  assert.equal(share(0, 10), '0.0 %');
  assert.equal(share(1, 0), '–');
});

test('windows are named in their own unit', () => {
  assert.deepEqual([0, 60, 300, 3600, 90].map(windowName),
    ['All time', '1 min', '5 min', '1 h', '90 s']);
});
