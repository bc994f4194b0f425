// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff, Bookmark, Sequence } from '../runnel/src/sequence.js';

/**
 * @param {Sequence} place
 * @param {string[]} ids
 */
const taken = (place, ids) => ids.filter((id) => place.take(id));

test('a replay after a reconnect adds only what is new', () => {
  const place = new Sequence('');
  assert.deepEqual(taken(place, ['1', '2', '3']), ['1', '2', '3']);
  assert.deepEqual(taken(place, ['2', '3', '4']), ['4']);
});

test('joined deltas may skip numbers', () => {
  const place = new Sequence('');
  assert.deepEqual(taken(place, ['1', '40', '7', '41']), ['1', '40', '41']);
});

test('numbers are compared as numbers', () => {
  const place = new Sequence('');
  assert.deepEqual(taken(place, ['9', '10', '100']), ['9', '10', '100']);
});

test('a number that is none is refused', () => {
  assert.equal(new Sequence('').take('five'), false);
});

test('a new connection goes on after the last event', () => {
  const place = new Sequence('');
  assert.equal(place.after, '');
  place.take('12');
  assert.equal(place.after, '12');
  place.reset();
  assert.equal(place.after, '');
  assert.equal(place.take('1'), true);
  assert.equal(new Sequence('12').take('12'), false);
});

test('ids that mean nothing here are sent back as they are', () => {
  const place = new Bookmark('');
  assert.equal(place.take('058d/3,5e'), true);
  assert.equal(place.take(undefined), true); // snapshots have none
  assert.equal(place.after, '058d/3,5e');
});

test('attempts to connect grow apart, up to eight seconds', () => {
  const waits = [0, 1, 2, 3, 4, 5, 60].map((n) => backoff(n, 1));
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
  assert.equal(backoff(1, 0), 750);
});
