// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff, Cursor } from '../src/sequence.js';

/**
 * @param {Cursor} cursor
 * @param {string[]} ids
 */
const taken = (cursor, ids) => ids.filter((id) => cursor.take(id));

test('a replay after a reconnect adds only what is new', () => {
  const cursor = new Cursor();
  assert.deepEqual(taken(cursor, ['1', '2', '3']), ['1', '2', '3']);
  assert.deepEqual(taken(cursor, ['2', '3', '4']), ['4']);
});

test('joined deltas may skip numbers', () => {
  const cursor = new Cursor();
  assert.deepEqual(taken(cursor, ['1', '40', '7', '41']), ['1', '40', '41']);
});

test('numbers are compared as numbers', () => {
  const cursor = new Cursor();
  assert.deepEqual(taken(cursor, ['9', '10', '100']), ['9', '10', '100']);
});

test('an event without a number is taken and moves nothing', () => {
  const cursor = new Cursor();
  cursor.take('5');
  assert.equal(cursor.take(''), true);
  assert.equal(cursor.last, 5);
});

test('a number that is none is refused', () => {
  assert.equal(new Cursor().take('five'), false);
});

test('a new connection goes on after the last event', () => {
  const cursor = new Cursor();
  assert.equal(cursor.address('v1/jobs/x/events'), 'v1/jobs/x/events');
  cursor.take('12');
  assert.equal(cursor.address('v1/jobs/x/events'), 'v1/jobs/x/events?after=12');
  cursor.reset();
  assert.equal(cursor.take('1'), true);
});

test('attempts to connect grow apart, up to eight seconds', () => {
  const waits = [0, 1, 2, 3, 4, 5, 60].map((n) => backoff(n, 1));
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
  assert.equal(backoff(1, 0), 750);
});
