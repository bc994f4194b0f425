// SPDX-License-Identifier: Apache-2.0
// The browser's own EventSource against the bridge: what the
// web-platform-tests of EventSource ask of a server, and what they feed to the
// parser, asked of ours. The console has no part in it but to be the page.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { DEADLINE_MS } from './support/programs.mjs';
import { holds, World } from './support/world.mjs';

const NO_JOB = '0'.repeat(26);
/** Stands still after its first piece. */
const STANDING = { chunk_bytes: '1', pace_ms: '60000' };

/** A page of another origin, on a host of its own. */
const other = createServer((_, answer) => {
  answer.setHeader('content-type', 'text/html');
  answer.end('<!doctype html><title>other</title>');
});
await new Promise((resolve) => other.listen(0, '127.0.0.1', () => resolve(0)));
const { port } = /** @type {import('node:net').AddressInfo} */ (
  other.address());
const listed = `http://127.0.0.1:${port}`;
const unlisted = `http://localhost:${port}`;

const world = await World.start();
await world.bridge.stop();
world.bridge.args.push('--cors-origin', listed);
await world.bridge.start();
after(async () => {
  await world.stop();
  other.close();
});

/**
 * A page with `follow`, which resolves when an EventSource was given the event
 * `until`, so many times as `ends` says, or gave up.
 * @param {string} [address]
 */
async function open(address = world.url('#/jobs/new')) {
  const context = await world.browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  await page.goto(address);
  await page.evaluate(() => {
    const names = ['message', 'delta', 'progress', 'status', 'log', 'end',
      'reset', 'stats', 'anomaly'];
    /** @type {any} */ (globalThis).follow = (
      /** @type {string} */ url, /** @type {any} */ options = {}) =>
      new Promise((resolve) => {
        const source = new EventSource(url, options);
        const told = {
          states: [source.readyState], seen: /** @type {any[]} */ ([]),
          breaks: 0,
        };
        let left = options.ends ?? 1;
        const finish = () => {
          source.close();
          resolve({ ...told, last: source.readyState });
        };
        /** @type {any} */ (globalThis).following = told;
        source.onopen = () => told.states.push(source.readyState);
        source.onerror = () => {
          told.breaks++;
          if (source.readyState === EventSource.CLOSED)
            resolve({ ...told, last: source.readyState, gaveUp: true });
        };
        for (const name of names)
          source.addEventListener(name, (event) => {
            told.seen.push({ name, id: event.lastEventId, data: event.data });
            if (name === options.until && --left === 0)
              finish();
          });
      });
  });
  return page;
}

/**
 * @param {import('./support/world.mjs').Page} page
 * @param {string} url
 * @param {object} [options] of follow
 * @returns {Promise<any>}
 */
const follow = (page, url, options) => page.evaluate(
  ([address, given]) => /** @type {any} */ (globalThis)
    .follow(address, given), /** @type {const} */ ([url, options]));

/** @param {import('./support/world.mjs').Page} page */
const close = (page) => page.context().close();

/** Waits until the bridge has found the core. */
async function ready() {
  const end = Date.now() + DEADLINE_MS;
  while (!(await fetch(world.url('readyz'))).ok)
    assert.ok(Date.now() < end, 'the bridge does not find the core');
}

/** @param {string} id */
const eventsOf = (id) => world.url(`v1/jobs/${id}/events`);

/**
 * @param {string} text
 * @param {Record<string, string>} [options]
 */
const echo = (text, options = {}) => world.createJob({
  kind: 'echo', options,
  input: { data: Buffer.from(text).toString('base64') },
});

/** The output that events have brought, each of which comes after the last.
 * @param {any[]} seen
 * @param {number} [last]
 */
function outputOf(seen, last = 0) {
  const pieces = [];
  for (const { name, data } of seen) {
    if (name === 'end')
      continue;
    const event = JSON.parse(data);
    assert.equal(Number(event.firstSequence ?? event.sequence), last + 1);
    last = Number(event.sequence);
    pieces.push(Buffer.from(event.delta?.text ?? ''),
      Buffer.from(event.delta?.data ?? '', 'base64'));
  }
  return Buffer.concat(pieces).toString();
}

/** How many event streams the bridge has open.
 * @param {number} wanted
 */
async function untilOpen(wanted) {
  const end = Date.now() + DEADLINE_MS;
  for (;;) {
    const text = await (await world.request('GET', 'metrics')).text();
    const found = /^runnel_bridge_event_streams_open (\d+)$/m.exec(text);
    if (Number(found?.[1]) === wanted)
      return;
    assert.ok(Date.now() < end, `${found?.[1]} are open, not ${wanted}`);
  }
}

test('it connects, opens, has only named events, and closes at the end', async () => {
  const page = await open();
  const told = await follow(page, eventsOf(await echo('abc')),
    { until: 'end' });
  assert.deepEqual(told.states, [0, 1]);
  assert.equal(told.last, 2);
  assert.equal(told.breaks, 0);
  assert.equal(outputOf(told.seen), 'abc');
  const names = new Set(told.seen.map((/** @type {any} */ e) => e.name));
  assert.deepEqual(names, new Set(['status', 'delta', 'progress', 'end']));
  await close(page);
});

test('whatever output says, it stays inside of its event', async () => {
  const texts = [
    '\uFEFFa mark of byte order',
    'a\nb\rc\r\nd\u2028e\u0085f\u0000g',
    '\n\ndata: x\n\nevent: end\nid: 7\nretry: 1\n\n: comment\n\n',
    'ok…☃🌊é'.repeat(50),
  ];
  const page = await open();
  for (const text of texts)
    for (const chunk of ['1', '5', '4096']) { // also within a character
      const id = await echo(text, { chunk_bytes: chunk });
      const told = await follow(page, eventsOf(id), { until: 'end' });
      assert.equal(outputOf(told.seen), text);
      assert.equal(told.breaks, 0);
    }
  await close(page);
});

test('a line may be long', async () => {
  const text = 'a long line without an end, '.repeat(30_000);
  const page = await open();
  const id = await echo(text, { chunk_bytes: '8192' });
  const told = await follow(page, eventsOf(id), { until: 'end' });
  assert.equal(outputOf(told.seen), text);
  await close(page);
});

test('204 after the end, and errors, stop it for good', async () => {
  const id = await echo('abc');
  const page = await open();
  const told = await follow(page, eventsOf(id), { until: 'end' });
  const last = told.seen.at(-1).id;
  for (const url of [
    `${eventsOf(id)}?after=${last}`, // 204
    `${eventsOf(id)}?after=soon`, // 400
    eventsOf(NO_JOB), // 404
    world.url('v1/jobs'), // no event stream
    world.url(`v1/jobs/${id}/output`), // neither
  ]) {
    const refused = await follow(page, url);
    assert.deepEqual({ ...refused, url }, {
      states: [0], seen: [], breaks: 1, last: 2, gaveUp: true, url });
  }
  await close(page);
});

test('503 while the core is away stops it too', async () => {
  const page = await open();
  await world.core.stop();
  const refused = await follow(page, eventsOf(NO_JOB));
  assert.equal(refused.gaveUp, true);
  assert.deepEqual(refused.seen, []);
  await world.core.start();
  await ready();
  await close(page);
});

test('a listed origin may follow, without credentials', async () => {
  const id = await echo('abc');
  const page = await open(listed);
  const told = await follow(page, eventsOf(id), { until: 'end' });
  assert.equal(outputOf(told.seen), 'abc');
  // No cookie means anything here, so none is asked for.
  const refused = await follow(page, eventsOf(id),
    { withCredentials: true, until: 'end' });
  assert.equal(refused.gaveUp, true);
  await close(page);
  const same = await open();
  const own = await follow(same, eventsOf(id),
    { withCredentials: true, until: 'end' });
  assert.equal(outputOf(own.seen), 'abc');
  await close(same);
});

test('another origin may not', async () => {
  const page = await open(unlisted);
  const refused = await follow(page, eventsOf(await echo('abc')),
    { until: 'end' });
  assert.equal(refused.gaveUp, true);
  assert.deepEqual(refused.seen, []);
  await close(page);
});

test('a listed origin may import runnel.js, another may not', async () => {
  const id = await echo('abc');
  const client = world.url('runnel.js');
  const page = await open(listed);
  const text = await page.evaluate(async ([url, job]) => {
    const { Runnel } = await import(url);
    let all = '';
    for await (const part of new Runnel().outputText(job))
      all += part;
    return all;
  }, [client, id]);
  assert.equal(text, 'abc');
  await close(page);
  const stranger = await open(unlisted);
  await assert.rejects(stranger.evaluate((url) => import(url), client),
    /dynamically imported module/);
  await close(stranger);
});

/**
 * Follows while `happens` does, which begins when an event was seen.
 * @param {import('./support/world.mjs').Page} page
 * @param {string} url
 * @param {() => Promise<any>} happens
 */
async function followThrough(page, url, happens) {
  const following = follow(page, url, { until: 'end' });
  await holds(page, () => /** @type {any} */ (globalThis).following?.seen
    .some((/** @type {any} */ event) => event.name === 'delta'), undefined);
  await happens();
  return following;
}

async function restartBridge() {
  await world.bridge.stop('SIGKILL');
  await world.bridge.start();
  await ready();
}

test('it comes back with its last id, and misses and repeats nothing', async () => {
  const text = '0123456789'.repeat(10);
  const page = await open();
  const id = await echo(text, { chunk_bytes: '1', pace_ms: '20' });
  const told = await followThrough(page, eventsOf(id), restartBridge);
  assert.ok(told.breaks > 0);
  assert.deepEqual(told.states, [0, 1, 1]);
  assert.equal(outputOf(told.seen), text);
  await close(page);
});

test('an open one outlives the core', async () => {
  const page = await open();
  const id = await echo('0123456789'.repeat(10),
    { chunk_bytes: '1', pace_ms: '20' });
  const told = await followThrough(page, eventsOf(id), async () => {
    await world.core.stop('SIGKILL');
    await world.core.start();
    await ready();
  });
  assert.equal(told.breaks, 0);
  outputOf(told.seen); // The attempt may be another; the events are whole.
  await close(page);
});

test('a long id of another origin is asked for first, and taken', async () => {
  // Above 128 bytes a browser sends it only after a preflight.
  const standing = await echo('abc', STANDING);
  const ids = [standing];
  while (ids.length < 60)
    ids.push(await echo('ab'));
  const url = world.url(`v1/events?${ids.map((id) => `job=${id}`).join('&')}`);
  const page = await open(listed);
  const following = follow(page, url, { until: 'end', ends: ids.length });
  await holds(page, (/** @type {number} */ count) =>
    /** @type {any} */ (globalThis).following?.seen
      .filter((/** @type {any} */ event) => event.name === 'end')
      .length === count, ids.length - 1);
  await restartBridge();
  await holds(page, () => /** @type {any} */ (globalThis).following.states
    .length === 3, undefined);
  await world.request('POST', `v1/jobs/${standing}/cancel`);
  const told = await following;
  assert.ok(told.seen.at(-1).id.length > 128);
  const ended = told.seen
    .filter((/** @type {any} */ event) => event.name === 'end')
    .map((/** @type {any} */ event) => JSON.parse(event.data).job);
  assert.deepEqual(ended.sort(), ids.sort());
  await close(page);
});

test('who closes it, or leaves the page, is gone from the bridge', async () => {
  const page = await open();
  await untilOpen(0);
  for (let i = 0; i < 3; i++) {
    const id = await echo('abc', STANDING);
    await follow(page, eventsOf(id), { until: 'delta' });
  }
  await untilOpen(0);
  for (const leave of [
    () => page.goto('about:blank'), () => page.reload(), () => close(page),
  ]) {
    await page.goto(world.url('#/jobs/new'));
    const id = await echo('abc', STANDING);
    await page.evaluate((url) => new Promise((resolve) => {
      new EventSource(url).addEventListener('delta', resolve);
    }), eventsOf(id));
    await untilOpen(1);
    await leave();
    await untilOpen(0);
  }
});

test('in a worker it is the same', async () => {
  const page = await open(listed);
  const text = await page.evaluate((url) => new Promise((resolve) => {
    const code = `const source = new EventSource(${JSON.stringify(url)});
      let text = '';
      source.addEventListener('delta', (event) =>
        text += JSON.parse(event.data).delta.text);
      source.addEventListener('end', () => {
        source.close();
        postMessage(text);
      });`;
    const worker = new Worker(URL.createObjectURL(new Blob([code])));
    worker.onmessage = (event) => resolve(event.data);
  }), eventsOf(await echo('from a worker')));
  assert.equal(text, 'from a worker');
  await close(page);
});
