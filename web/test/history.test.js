// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History } from '../src/history.js';

const START = Date.parse('2026-03-02T12:00:00Z');

/**
 * A snapshot `second` seconds after the start with all time and one minute.
 * @param {number} second
 * @param {number} count
 */
function snapshot(second, count) {
  const latencyMs = { count: String(count), quantiles: [{ q: 0.5, value: 20 }] };
  return {
    time: new Date(START + second * 1000).toISOString(),
    windows: [
      { count: String(count), latencyMs },
      { windowSeconds: 60, count: String(count), latencyMs },
    ],
  };
}

test('the live rate is that between two snapshots', () => {
  const history = new History();
  history.add(snapshot(0, 1000), 0);
  assert.equal(history.rate, null);
  history.add(snapshot(2, 5000), 0);
  assert.equal(history.rate, 2000);
  assert.deepEqual(history.of(60).rate, [null, 2000]);
  assert.deepEqual(history.of(0).p50, [20, 20]);
});

test('a silence is a rate of zero, and does not dilute the next one', () => {
  const history = new History();
  history.add(snapshot(0, 1000), 0);
  history.idle(START + 3000);
  assert.equal(history.rate, 0);
  history.add(snapshot(4, 1500), 0);
  assert.equal(history.rate, 500);
});

test('events right after a look at a silence are no peak', () => {
  const history = new History();
  history.add(snapshot(0, 1000), 0);
  history.idle(START + 3990);
  history.add(snapshot(4, 1500), 0);
  assert.equal(history.rate, 500);
});

test('in a silence all but the rate stays as it was', () => {
  const history = new History();
  history.add(snapshot(0, 1000), 0);
  history.idle(START + 3000);
  assert.deepEqual(history.of(60).p50, [20, 20]);
  assert.deepEqual(history.of(60).rate, [null, 0]);
});

test('a snapshot from before the last one adds no point', () => {
  const history = new History();
  history.add(snapshot(5, 10), 0);
  history.add(snapshot(4, 9), 0);
  assert.equal(history.of(0).time.length, 1);
});

test('a long silence is a gap in the line', () => {
  const history = new History();
  history.add(snapshot(0, 10), 0);
  history.add(snapshot(100, 20), 0);
  assert.deepEqual(history.of(0).p50, [20, null, 20]);
});

test('all columns stay of equal length, and bounded', () => {
  const history = new History();
  for (let i = 0; i < 2000; i++)
    history.add(snapshot(i, i), 0);
  const lengths = Object.values(history.of(60)).map((c) => c.length);
  assert.deepEqual(new Set(lengths), new Set([1800]));
});
