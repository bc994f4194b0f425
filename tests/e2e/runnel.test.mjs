// SPDX-License-Identifier: Apache-2.0
// runnel.js as the bridge serves it, in Node and in Chromium, against the real
// programs: what is lost, repeated or mixed up shows in the events.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { Cutter } from './support/cutter.mjs';
import { DEADLINE_MS } from './support/programs.mjs';
import { World } from './support/world.mjs';

/** @typedef {import('../../web/runnel/runnel.d.ts').Runnel} Runnel */
/** @typedef {import('../../web/runnel/runnel.d.ts').RunnelError} RunnelError */

const world = await World.start();
after(() => world.stop());

// What the bridge serves, not what lies beside this file.
const file = path.join(world.data, 'runnel.mjs');
await writeFile(file, await (await world.request('GET', 'runnel.js')).text());
/** @type {typeof import('../../web/runnel/runnel.d.ts')} */
const { Runnel, RunnelError } = await import(file);
const runnel = new Runnel({ url: world.url('') });

const TEXT = Array.from({ length: 300 }, (_, i) => `${i}: 流れ 🌊\n`).join('');
/** Some 2 s long, and 1,500 events. */
const job = {
  kind: 'echo', input: { text: TEXT },
  options: { chunk_bytes: '7', pace_ms: '3' },
};
/** Goes on until it is cancelled. */
const endless = {
  kind: 'echo', input: { text: TEXT.repeat(20) },
  options: { chunk_bytes: '7', pace_ms: '20' },
};

const deadline = () => AbortSignal.timeout(DEADLINE_MS);

/**
 * Follows a job to its end; its sequences must only rise, and its text be that
 * of a job that nobody disturbed.
 * @param {Runnel} client
 * @param {string} id
 * @param {(seen: number) => unknown} [onEvent]
 * @param {object} [options]
 */
async function followed(client, id, onEvent, options) {
  let last = 0;
  let text = '';
  let seen = 0;
  for await (const update of client.watchJob(id, { signal: deadline(), ...options })) {
    assert.notEqual(update.event, 'reset');
    const data = /** @type {any} */ (update.data);
    if (update.event !== 'end') {
      // Joined deltas begin where the one before ended.
      assert.equal(Number(data.firstSequence ?? data.sequence), last + 1);
      last = Number(data.sequence);
    }
    text += data.delta?.text ?? '';
    await onEvent?.(++seen);
  }
  return { text, last };
}

test('a job is made, read, listed, cancelled and forgotten', async () => {
  const { id } = await runnel.createJob({ ...endless, labels: { of: 'runnel.js' } });
  assert.equal((await runnel.getJob(id, { includeInput: true })).input?.text,
    endless.input.text);
  const { jobs } = await runnel.listJobs(
    { labels: { of: 'runnel.js' }, states: ['running', 'queued'], pageSize: 5 });
  assert.deepEqual(jobs?.map((one) => one.id), [id]);
  assert.ok((await runnel.cancelJob(id, { reason: 'enough' })).id);
  const { last } = await followed(runnel, id);
  const ended = await runnel.getJob(id);
  assert.equal(ended.state, 'JOB_STATE_CANCELLED');
  assert.equal(Number(ended.lastSequence), last);
  assert.match(ended.error?.message ?? '', /enough/);
  await runnel.deleteJob(id);
  await assert.rejects(runnel.getJob(id), { status: 404, code: 'NOT_FOUND' });
});

test('connections cut anywhere lose nothing and repeat nothing', async () => {
  const { id } = await runnel.createJob(job);
  const cutter = new Cutter(world.bridge.address,
    (nth) => nth < 6 ? 300 + 997 * nth : Infinity);
  const client = new Runnel({ url: await cutter.start() });
  /** @type {string[]} */
  const states = [];
  const { text } = await followed(client, id, undefined,
    { onState: (/** @type {string} */ state) => states.push(state) });
  cutter.stop();
  assert.equal(text, TEXT);
  assert.ok(cutter.count > 6, `${cutter.count} connections`);
  assert.ok(states.includes('waiting'));
  assert.equal(states[0], 'connecting');
  assert.equal(states.at(-1), 'live');
});

test('a connection that falls silent is given up for another', async () => {
  const { id } = await runnel.createJob(job);
  const cutter = new Cutter(world.bridge.address,
    (nth) => nth < 2 ? 4000 : Infinity, 'silence');
  const client = new Runnel({ url: await cutter.start() });
  const { text } = await followed(client, id, undefined, { silenceMs: 1500 });
  cutter.stop();
  assert.equal(text, TEXT);
  assert.ok(cutter.count >= 3, `${cutter.count} connections`);
});

test('bridge and core start anew in the middle of a job', async () => {
  // The attempt that ran ends with the core; the next one goes on in the log.
  const { id } = await runnel.createJob({ ...job, retry: { maxAttempts: 3,
    initialBackoff: '0.1s' } });
  const { last } = await followed(runnel, id, async (seen) => {
    if (seen === 30) {
      await world.bridge.stop('SIGKILL');
      await world.bridge.start();
    } else if (seen === 90) {
      await world.core.stop('SIGKILL');
      await world.core.start();
    }
  });
  const ended = await runnel.getJob(id, { signal: deadline() });
  assert.equal(ended.state, 'JOB_STATE_SUCCEEDED');
  assert.equal(Number(ended.lastSequence), last);
});

test('it begins after what one has, and after the last there is nothing', async () => {
  const { id } = await runnel.createJob({ kind: 'echo', input: { text: 'abcdef' },
    options: { chunk_bytes: '1' } });
  const { last } = await followed(runnel, id);
  const events = [];
  for await (const { event, data } of runnel.watchJob(id, { after: last - 1 }))
    events.push([event, Number(/** @type {any} */ (data).sequence)]);
  assert.deepEqual(events, [['status', last], ['end', last]]);
  for await (const { event } of runnel.watchJob(id, { after: last }))
    assert.fail(event);
});

test('a store that began anew is a reset, and then the job is not there', async () => {
  const memory = await World.programs('--durability', 'memory');
  const client = new Runnel({ url: memory.url('') });
  const { id } = await client.createJob(endless);
  /** @type {string[]} */
  const seen = [];
  await assert.rejects(async () => {
    for await (const { event } of client.watchJob(id, { signal: deadline() })) {
      if (seen.length === 0) {
        await memory.core.stop('SIGKILL');
        await memory.core.start();
      }
      seen.push(event);
    }
  }, { status: 404 });
  assert.ok(seen.includes('reset'), seen.join());
  await memory.stop();
});

test('a signal ends it at once, with its own reason', async () => {
  const { id } = await runnel.createJob(endless);
  const control = new AbortController();
  const reason = new Error('looked away');
  await assert.rejects(async () => {
    for await (const _ of runnel.watchJob(id, { signal: control.signal }))
      control.abort(reason);
  }, reason);
  await assert.rejects(runnel.getJob(id, { signal: AbortSignal.abort(reason) }),
    reason);
  for await (const _ of runnel.watchJob(id))
    break; // gives its connection back, too
  await runnel.cancelJob(id);
});

test('who gives up is told why', async () => {
  const gone = new Cutter(world.bridge.address, () => 0);
  const client = new Runnel({ url: await gone.start() });
  await assert.rejects(async () => {
    for await (const _ of client.watchJob('x', { giveUpAfterMs: 600 }));
  }, { name: 'RunnelError', status: 0, code: 'UNAVAILABLE' });
  gone.stop();
});

test('output comes as text and as bytes; a failure is thrown', async () => {
  const { id } = await runnel.createJob({ ...job, options: { chunk_bytes: '5' } });
  let text = '';
  for await (const piece of runnel.outputText(id))
    text += piece;
  assert.equal(text, TEXT);
  assert.equal(await (await runnel.output(id)).text(), TEXT);
  const bad = await runnel.createJob({ kind: 'echo', input: { text: 'x' },
    options: { fail_attempts: '1' } });
  await assert.rejects(async () => {
    for await (const _ of runnel.outputText(bad.id));
  }, RunnelError);
});

test('events are sent once, counted, and followed as they come', async () => {
  const events = [{ key: '/a', value: 1, latencyMs: 5 },
    { key: '/b', value: 2, latencyMs: 7 }, { key: '/a', value: 3, latencyMs: 9 }];
  const batch = { producerId: 'test', producerSequence: 1 };
  assert.equal((await runnel.ingest('sent', events, batch)).acceptedEvents, 3);
  await runnel.ingest('sent', events, batch);
  const { stats } = await runnel.stats('sent', { top: 1 });
  assert.equal(stats?.count, '3');
  assert.equal(stats?.topKeys?.length, 1);
  const { frequencies } = await runnel.frequency('sent', ['/b', '/a'],
    { window: '1m' });
  assert.deepEqual(frequencies?.map(({ key, count }) => [key, count]),
    [['/b', '1'], ['/a', '2']]);
  const counts = [];
  for await (const update of runnel.watchStats('sent',
    { windows: [0], intervalMs: 100, signal: deadline() })) {
    if (update.event !== 'stats')
      continue;
    counts.push(Number(update.data.windows?.[0].count));
    if (counts.length === 2)
      break;
    await runnel.ingest('sent', events);
  }
  assert.deepEqual(counts, [3, 6]);
});

test('streams are made, listed and deleted', async () => {
  assert.equal((await runnel.createStream({ name: 'made', windowSeconds: [10] }))
    .config.name, 'made');
  const { streams } = await runnel.listStreams();
  assert.ok(streams?.some(({ config }) => config.name === 'made'));
  assert.deepEqual((await runnel.getStream('made')).config.windowSeconds, [10]);
  await runnel.deleteStream('made');
  await assert.rejects(runnel.getStream('made'), { status: 404 });
});

test('several at once are followed through cuts to the end of all', async () => {
  const [a, b] = await Promise.all([runnel.createJob(job), runnel.createJob(job)]);
  const cutter = new Cutter(world.bridge.address,
    (nth) => nth < 3 ? 5000 : Infinity);
  const client = new Runnel({ url: await cutter.start() });
  /** @type {Record<string, string>} */
  const texts = { [a.id]: '', [b.id]: '' };
  for await (const { event, data } of client.watchMany(
    { jobs: [a.id, b.id] }, { signal: deadline() }))
    if (event === 'delta')
      texts[data.job ?? ''] += data.event.delta.text;
  cutter.stop();
  assert.deepEqual(Object.values(texts), [TEXT, TEXT]);
});

test('what is refused says which field and why', async () => {
  await assert.rejects(runnel.createJob({ kind: 'No such!' }), (error) => {
    assert.ok(error instanceof RunnelError);
    assert.equal(error.status, 400);
    assert.equal(error.code, 'INVALID_ARGUMENT');
    assert.equal(error.violations[0].field, 'kind');
    assert.match(error.message, /kind/);
    assert.equal(error.isTransient, false);
    return true;
  });
  assert.throws(() => new Runnel({ url: 'file:///tmp/' }), TypeError);
});

test('in a browser it finds its bridge, and follows it over a restart', async () => {
  const page = await world.open('#/jobs/new');
  const { id } = await runnel.createJob(job);
  const done = page.evaluate(async (job) => {
    const { Runnel } = await import(`${location.origin}/runnel.js`);
    let text = '';
    for await (const piece of new Runnel().outputText(job)) {
      text += piece;
      document.title = `got ${text.length}`;
    }
    return text;
  }, id);
  await page.waitForFunction(() => Number(document.title.slice(4)) > 60);
  await world.bridge.stop('SIGKILL');
  await world.bridge.start();
  assert.equal(await done, TEXT);
  await world.close(page);
});
