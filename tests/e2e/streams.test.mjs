// SPDX-License-Identifier: Apache-2.0
// A stream's statistics in the console: right, live, and marked when unusual.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, test } from 'node:test';
import { accessibilityFaults, holds, PHONE, shows, World }
  from './support/world.mjs';

/** @typedef {import('./support/world.mjs').Page} Page */

const world = await World.start();
after(() => world.stop());

/**
 * Sends events into a stream and waits until they count.
 * @param {string} stream
 * @param {{key: string, value?: number, latencyMs?: number,
 *   time?: string}[]} events
 */
const send = (stream, events) => world.request(
  'POST', `v1/streams/${stream}/events`, { events });

/**
 * So many events of each key.
 * @param {Record<string, number>} times
 */
const eventsOf = (times) => Object.entries(times).flatMap(([key, n]) =>
  Array.from({ length: n }, (_, i) => ({ key, value: i + 1, latencyMs: i + 1 })));

/**
 * A figure of the tiles.
 * @param {Page} page
 * @param {string} name
 */
const tile = (page, name) => page.locator('.tiles > div')
  .filter({ has: page.getByText(name, { exact: true }) });

/**
 * Waits until a chart has enough pixels of a colour.
 * @param {Page} page
 * @param {string} title
 * @param {string} color name of a custom property of the style sheet
 */
const drawn = (page, title, color) => holds(page, ([wanted, property]) => {
  const figure = [...document.querySelectorAll('figure')].find((one) =>
    one.querySelector('figcaption')?.textContent?.startsWith(wanted));
  const canvas = figure?.querySelector('canvas');
  const hex = getComputedStyle(document.documentElement)
    .getPropertyValue(property).trim();
  const rgb = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const pixels = canvas?.getContext('2d')
    ?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
  let found = 0;
  for (let i = 0; i < pixels.length; i += 4)
    if (rgb.every((c, j) => Math.abs(pixels[i + j] - c) < 8) &&
        pixels[i + 3] > 200)
      found++;
  return found > 15;
}, [title, color]);

test('without a stream the page says how to get one', async () => {
  const page = await world.open('#/streams');
  await shows(page.locator('.side .empty'), 'No stream yet');
  await page.getByRole('heading', { name: 'Statistics that move' }).waitFor();
  await world.close(page);
});

test('figures of a stream are those of its events', async () => {
  await send('exact', eventsOf({ '/': 400, '/cart': 200, '/help': 100 }));
  const page = await world.open('#/streams/exact?window=0');
  await shows(tile(page, 'Events'), '700');
  await shows(tile(page, 'Unique keys'), '3');
  const keys = page.locator('.keys li');
  assert.deepEqual(
    await keys.locator('.key').allTextContents(), ['/', '/cart', '/help']);
  assert.deepEqual(
    await keys.locator('.key-count').allTextContents(), ['400', '200', '100']);
  await shows(keys.first().locator('.key-share'), '57.1 %');
  const value = page.locator('figure').filter({ hasText: 'Value' });
  await shows(value, 'From 1 to 400, exact');
  assert.ok(await value.locator('rect').count() > 5);

  await page.getByLabel('Key to look up').fill('/cart');
  await page.getByRole('button', { name: 'How often?' }).click();
  await shows(page.locator('.lookup-answer'), '“/cart”: 200 times');
  await page.getByLabel('Key to look up').fill('/nowhere');
  await page.keyboard.press('Enter');
  await shows(page.locator('.lookup-answer'), '“/nowhere”: 0 times');
  await world.close(page);
});

test('figures and charts move as events come', async () => {
  await send('live', eventsOf({ a: 50 }));
  const page = await world.open('#/streams/live');
  await shows(tile(page, 'Events'), '50');
  await send('live', eventsOf({ a: 30, b: 20 }));
  await shows(tile(page, 'Events'), '100');
  await shows(tile(page, 'Unique keys'), '2');
  await shows(page.locator('.rows [aria-current]'), '100 events');
  await shows(tile(page, 'Rate now'), /^Rate now[1-9]/);
  await send('live', eventsOf({ c: 300 }));
  await drawn(page, 'Events a second', '--series-1');
  await drawn(page, 'Latency', '--series-3');
  await drawn(page, 'Unique keys', '--series-4');
  await world.close(page);
});

test('all streams are shown live over one connection', async () => {
  await send('one', eventsOf({ a: 3 }));
  await send('two', eventsOf({ b: 2, c: 2 }));
  const page = await world.open('#/streams');
  const card = (/** @type {string} */ name) =>
    page.locator('.stream-card').filter({ hasText: name });
  await shows(card('one'), /3\sevents/);
  await shows(card('two'), /4\sevents · 2\skeys · p99\s[\d.]+\sms/);
  await send('one', eventsOf({ a: 4 }));
  await shows(card('one'), /7\sevents/);
  await shows(card('one').locator('.card-rate'), /^[1-9]/);
  const followed = await page.evaluate(() => performance.getEntriesByType(
    'resource').map(({ name }) => name).filter((n) => n.includes('events')));
  assert.deepEqual(followed.filter((n) => !n.includes('v1/events?')), []);
  assert.deepEqual(await accessibilityFaults(page), []);
  await page.setViewportSize(PHONE);
  assert.deepEqual(await accessibilityFaults(page), []);
  await card('two').click();
  await shows(tile(page, 'Unique keys'), '2');
  await world.close(page);
});

test('the button makes traffic and shows it', async () => {
  const page = await world.open('#/streams');
  await page.getByRole('button', { name: 'Simulate traffic' }).first().click();
  await page.getByRole('heading', { name: 'demo' }).waitFor();
  await shows(tile(page, 'Rate now'), /^Rate now[1-9]/);
  await drawn(page, 'Latency', '--series-1');
  const { jobs } = await (await world.request('GET', 'v1/jobs')).json();
  await page.goto(world.url(`#/jobs/${jobs[0].id}`));
  await page.getByRole('link', { name: 'Watch stream demo' }).waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await shows(page.locator('.job .badge'), 'cancelled');
  await world.close(page);
});

test('another window has figures of its own', async () => {
  const hourAgo = new Date(Date.now() - 3_000_000).toISOString();
  const now = new Date().toISOString();
  await send('windows',
    [{ key: 'old', time: hourAgo }, { key: 'new', time: now }]);
  const page = await world.open('#/streams/windows');
  await shows(tile(page, 'Events'), /^Events1none/);
  await page.getByText('1 h', { exact: true }).click();
  await shows(tile(page, 'Events'), /^Events2none/);
  assert.match(page.url(), /window=3600$/);
  await page.reload();
  await shows(tile(page, 'Events'), /^Events2none/);
  await world.close(page);
});

test('an anomaly is listed and marked', async () => {
  await world.request('POST', 'v1/streams',
    { config: { name: 'strange', latencyThresholdMs: 1000 } });
  await send('strange', eventsOf({ calm: 20 }));
  const page = await world.open('#/streams/strange');
  await shows(page.locator('.card'), 'Nothing unusual so far');
  await send('strange', [{ key: '/slow <i>', latencyMs: 5000 }]);
  await shows(page.locator('.anomalies'),
    'Latency of one event (/slow <i>) 5 s, above 1 s');
  await shows(tile(page, 'Anomalies'), '1');
  await drawn(page, 'Latency', '--bad');
  // Who comes later sees it too.
  await page.reload();
  await shows(page.locator('.anomalies'), '/slow <i>');
  await world.close(page);
});

test('keys are text, whatever is in them', async () => {
  const key = '<img src=x onerror=alert(1)> "流れ" 🌊';
  await send('odd', [{ key }]);
  const page = await world.open('#/streams/odd');
  await shows(page.locator('.keys .key'), key);
  await world.close(page);
});

test('a stream that is deleted is said to be, and shown when it is back', async () => {
  await send('brief', eventsOf({ a: 7 }));
  const page = await world.open('#/streams/brief');
  await shows(tile(page, 'Events'), '7');
  await world.request('DELETE', 'v1/streams/brief');
  await shows(page.locator('.stream > .empty'), 'no stream of this name');
  assert.equal(await page.locator('.tiles').isVisible(), false);
  await send('brief', eventsOf({ a: 2 }));
  await shows(tile(page, 'Events'), /^Events2/);
  await world.close(page);
});

for (const colorScheme of /** @type {('light' | 'dark')[]} */ (['light', 'dark']))
  test(`axe finds no fault in statistics, ${colorScheme}`, async () => {
    await send('strange', [{ key: 'slow', latencyMs: 5000 }]);
    const page = await world.open('#/streams/strange', { colorScheme });
    await shows(page.locator('.anomalies'), 'slow');
    assert.deepEqual(await accessibilityFaults(page), []);
    await world.close(page);
  });

test('statistics fit a phone', async () => {
  const page = await world.open('#/streams/exact?window=0',
    { viewport: PHONE, hasTouch: true });
  await shows(tile(page, 'Events'), '700');
  assert.deepEqual(await accessibilityFaults(page), []);
  const [wide, view] = await page.evaluate(() =>
    [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= view, `${wide} pixels wide on a screen of ${view}`);
  await world.close(page);
});

test('a window is chosen with the keyboard', async () => {
  const page = await world.open('#/streams/exact?window=0');
  await shows(tile(page, 'Events'), '700');
  await page.getByRole('radio', { name: 'All time' }).focus();
  await page.keyboard.press('ArrowLeft');
  assert.match(page.url(), /window=3600$/);
  assert.ok(await page.getByRole('radio', { name: '1 h' }).isChecked());
  await world.close(page);
});

/**
 * Stops the core, does something meanwhile, and starts it again, before a page
 * that shows both.
 * @param {Page} page
 * @param {() => Promise<void>} [meanwhile]
 */
async function restart(page, meanwhile) {
  await world.core.stop();
  await shows(page.locator('#link-state'), 'Core unreachable');
  await meanwhile?.();
  await world.core.start();
  await shows(page.locator('#link-state'), 'Connected');
}

test('statistics go on over a restart of the core', async () => {
  await send('again', eventsOf({ a: 5 }));
  const page = await world.open('#/streams/again');
  await shows(tile(page, 'Events'), '5');
  await restart(page);
  await send('again', eventsOf({ a: 2 }));
  await shows(tile(page, 'Events'), /^Events7/);
  await world.close(page);
});

test('statistics begin with a core that has begun anew', async () => {
  await send('anew', eventsOf({ a: 5 }));
  const page = await world.open('#/streams/anew');
  await shows(tile(page, 'Events'), '5');
  await restart(page, () => rm(world.data, { recursive: true }));
  await send('anew', eventsOf({ a: 2 }));
  await shows(tile(page, 'Events'), /^Events2/);
  await world.close(page);
});
