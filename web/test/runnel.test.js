// SPDX-License-Identifier: Apache-2.0
// runnel.js against answers that a test makes up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lines } from '../runnel/src/lines.js';
import { Runnel, RunnelError } from '../runnel/src/runnel.js';

/** @param {Uint8Array[]} pieces */
const body = (pieces) => new ReadableStream({
  start(control) {
    for (const piece of pieces)
      control.enqueue(piece);
    control.close();
  },
});

/**
 * A client whose requests are answered in turn, and what it asked for.
 * @param {(() => Response)[]} answers
 */
function clientOf(...answers) {
  /** @type {{url: URL, init: any}[]} */
  const asked = [];
  const fetch = async (/** @type {any} */ url, /** @type {any} */ init) => {
    asked.push({ url, init });
    const next = answers.shift();
    if (!next)
      throw new TypeError('fetch failed');
    return next();
  };
  return { asked, client: new Runnel({
    url: 'http://localhost/below', fetch: /** @type {any} */ (fetch) }) };
}

/** @param {object[]} events */
const ndjson = (...events) => () =>
  new Response(events.map((e) => `${JSON.stringify(e)}\n`).join(''));
const problem = (/** @type {number} */ status, /** @type {object} */ fields,
  headers = {}) => () =>
  new Response(JSON.stringify({ status, ...fields }), { status, headers });

/** @param {AsyncIterable<any>} updates */
async function all(updates) {
  const got = [];
  for await (const update of updates)
    got.push(update);
  return got;
}

test('lines are the same wherever the bytes are split', async () => {
  const bytes = new TextEncoder().encode('{"a":"流🌊"}\n\n{"b":1}\nrest');
  for (let i = 0; i <= bytes.length; i++) {
    const got = await all(lines(body([bytes.slice(0, i), bytes.slice(i)]), 1000));
    assert.deepEqual(got.flat(), ['{"a":"流🌊"}', '{"b":1}']);
  }
});

test('a problem names the field and its limit once', async () => {
  const violations = [{ field: 'options.rate', description: 'must be at most 5' }];
  const { client } = clientOf(
    problem(400, { detail: 'The job is invalid.', violations }),
    problem(400, { detail: 'options.rate must be at most 5', violations }));
  await assert.rejects(client.info(),
    { message: 'The job is invalid. options.rate: must be at most 5.' });
  await assert.rejects(client.info(), { message: 'options.rate must be at most 5' });
});

test('an answer that is no problem document still makes a sentence', async () => {
  const { client } = clientOf(() => new Response('<h1>', { status: 502 }));
  await assert.rejects(client.info(), (error) => {
    assert.ok(error instanceof RunnelError);
    assert.equal(error.message, 'The server answered 502.');
    assert.equal(error.isTransient, true);
    return true;
  });
});

test('what may pass is tried again after the time that it tells', async () => {
  const { client, asked } = clientOf(
    problem(429, {}, { 'retry-after': '1' }), problem(503, {}),
    ndjson({ event: 'delta', id: '7', data: { sequence: '7' } }),
    ndjson({ event: 'delta', id: '7', data: { sequence: '7' } },
      { event: 'status', id: '8', data: { sequence: '8' } },
      { event: 'end', id: '8', data: { sequence: '8' } }));
  /** @type {any[]} */
  const waits = [];
  const got = await all(client.watchJob('a/b', { after: 6,
    onState: (state, error) => state === 'waiting' && waits.push(error?.status) }));
  assert.deepEqual(got.map(({ event, id }) => event + id),
    ['delta7', 'status8', 'end8']);
  assert.deepEqual(waits, [429, 503, 0]);
  assert.deepEqual(asked.map(({ url }) => url.searchParams.get('after')),
    ['6', '6', '6', '7']);
  assert.equal(asked[0].url.pathname, '/below/v1/jobs/a%2Fb/events');
});

test('what stays wrong is thrown at once', async () => {
  for (const status of [400, 401, 403, 404, 501]) {
    const { client, asked } = clientOf(problem(status, {}));
    await assert.rejects(all(client.watchJob('x')), { status });
    assert.equal(asked.length, 1);
  }
});

test('a token that ends is no reset: what was had stays', async () => {
  const { client } = clientOf(ndjson(
    { event: 'delta', id: '1', data: { sequence: '1' } },
    { event: 'reset', id: '', data: { code: 'UNAUTHENTICATED', reason: 'revoked' } }));
  /** @type {string[]} */
  const seen = [];
  await assert.rejects(async () => {
    for await (const { event } of client.watchJob('x'))
      seen.push(event);
  }, { status: 401, message: 'revoked' });
  assert.deepEqual(seen, ['delta']);
});

test('a reset begins anew', async () => {
  const { client, asked } = clientOf(
    ndjson({ event: 'reset', id: '', data: { code: 'OUT_OF_RANGE' } }),
    ndjson({ event: 'end', id: '2', data: { sequence: '2' } }));
  const got = await all(client.watchJob('x', { after: 9 }));
  assert.deepEqual(got.map(({ event }) => event), ['reset', 'end']);
  assert.equal(asked[1].url.searchParams.get('after'), null);
});

test('a ticket stands for the token', async () => {
  let made = 0;
  const { client, asked } = clientOf(
    ndjson({ event: 'delta', id: '1', data: { sequence: '1' } }),
    () => new Response(null, { status: 204 }));
  client.token = 'secret';
  await all(client.watchJob('x', { ticket: () => `t${++made}` }));
  assert.deepEqual(asked.map(({ url }) => url.searchParams.get('ticket')),
    ['t1', 't2']);
  assert.ok(asked.every(({ init }) => !init.headers.authorization));
});

test('a token is asked for at each request', async () => {
  const { client, asked } = clientOf(() => new Response('{}'),
    () => new Response('{}'));
  let n = 0;
  client.token = async () => `t${++n}`;
  await client.info();
  await client.info();
  assert.deepEqual(asked.map(({ init }) => init.headers.authorization),
    ['Bearer t1', 'Bearer t2']);
});
