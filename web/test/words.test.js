// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anomalyWords } from '../src/anomalies.js';
import { trafficJob } from '../src/kinds.js';
import { hasEnded, stateWord } from '../src/states.js';

test('only the four terminal states are an end', () => {
  const states = ['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED',
    'EXPIRED', 'UNSPECIFIED'].filter((s) => hasEnded(`JOB_STATE_${s}`));
  assert.deepEqual(states, ['SUCCEEDED', 'FAILED', 'CANCELLED', 'EXPIRED']);
  assert.equal(stateWord(undefined), 'unknown');
});

test('traffic goes into the stream that was asked for', () => {
  const job = trafficJob('shop');
  assert.equal(job.kind, 'simulate');
  assert.equal(job.options.stream, 'shop');
});

test('an anomaly says what was seen and what is usual', () => {
  assert.equal(anomalyWords({
    metric: 'ANOMALY_METRIC_RATE', method: 'ANOMALY_METHOD_EWMA',
    observed: 5192, baseline: 2000, score: 9.13,
  }), 'Rate 5,192/s, usually 2,000/s; score 9.13 by moving average');
  assert.equal(anomalyWords({
    metric: 'ANOMALY_METRIC_EVENT_LATENCY', method: 'ANOMALY_METHOD_THRESHOLD',
    observed: 1530, threshold: 1000, key: 'user-1',
  }), 'Latency of one event (user-1) 1.53 s, above 1 s');
});
