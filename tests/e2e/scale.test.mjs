// SPDX-License-Identifier: Apache-2.0
// Much of everything: what the page holds stays bounded, and it can still be
// used. Nothing here depends on how fast the machine is.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import path from 'node:path';
import { after, test } from 'node:test';
import { binDir, cleanEnvironment } from './support/programs.mjs';
import { accessibilityFaults, holds, PHONE, shows, World }
  from './support/world.mjs';

/** @typedef {import('./support/world.mjs').Page} Page */

const JOBS = 10_000;
const SHOWN = 100;
/** Of a page of the list and its frame; each row has six elements. */
const NODES_MAX = 1000;

const world = await World.start('--durability', 'memory');
after(() => world.stop());

/** @param {Page} page */
const nodes = (page) =>
  page.evaluate(() => document.querySelectorAll('*').length);

/**
 * Ids of the rows, from the top.
 * @param {Page} page
 * @returns {Promise<string[]>}
 */
const rows = (page) => page.locator('.rows li').evaluateAll((list) =>
  list.map((row) => /** @type {HTMLElement} */ (row).dataset.key ?? ''));

/**
 * Waits until the pager says a range.
 * @param {Page} page
 * @param {string} words
 */
const ranges = (page, words) => shows(page.locator('.pager span'), words);

/** Jobs that wait for tomorrow; their ids, the oldest first. By node:http,
 * which takes a third of fetch's time. */
async function makeJobs() {
  const notBefore = new Date(Date.now() + 86_400_000).toISOString();
  const body = JSON.stringify({ kind: 'echo', input: { text: 'x' }, notBefore });
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  /** @returns {Promise<string>} */
  const make = () => new Promise((resolve, reject) => {
    const asked = request(world.url('v1/jobs'), { method: 'POST', agent,
      headers: { 'content-type': 'application/json' } });
    asked.on('error', reject);
    asked.on('response', async (answer) => {
      let text = '';
      for await (const some of answer)
        text += some;
      resolve(JSON.parse(text).job.id);
    });
    asked.end(body);
  });
  const ids = await Promise.all(Array.from({ length: JOBS }, make));
  agent.destroy();
  return ids.sort();
}

test('ten thousand jobs are a page at a time, with the keyboard too', async () => {
  const ids = await makeJobs();
  await world.request('POST', `v1/jobs/${ids[0]}/cancel`, {});
  const newest = [...ids].reverse();
  const page = await world.open('#/jobs');
  await ranges(page, `1–${SHOWN}`);
  assert.deepEqual(await rows(page), newest.slice(0, SHOWN));
  assert.ok(await nodes(page) < NODES_MAX, `${await nodes(page)} elements`);

  await page.getByRole('button', { name: 'Older' }).focus();
  for (let i = 1; i <= 3; i++) {
    await page.keyboard.press('Enter');
    await ranges(page, `${i}01–${i + 1}00`);
  }
  assert.deepEqual(await rows(page), newest.slice(300, 400));
  assert.ok(await nodes(page) < NODES_MAX, `${await nodes(page)} elements`);
  assert.equal(await page.evaluate(() => document.activeElement?.textContent),
    'Older');
  await shows(page.locator('#announcer'), 'Page 4');
  await page.getByRole('button', { name: 'Newer' }).click();
  await ranges(page, '201–300');
  // A new job moves the others down; this page begins where it began.
  await world.createJob({ kind: 'echo', input: { text: 'new' } });
  await page.getByRole('button', { name: 'Newer' }).click();
  await ranges(page, '101–200');
  assert.deepEqual(await rows(page), newest.slice(100, 200));

  await page.getByLabel('Show jobs').selectOption('cancelled');
  await page.locator(`li[data-key="${ids[0]}"]`).waitFor();
  assert.deepEqual(await rows(page), [ids[0]]);
  assert.equal(await page.locator('.pager').isVisible(), false);
  await page.getByLabel('Show jobs').selectOption('failed');
  await shows(page.locator('.side .empty'), 'No job is failed now');
  await page.getByLabel('Show jobs').selectOption('');
  await ranges(page, `1–${SHOWN}`);
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await accessibilityFaults(page), []);
  }
  await page.setViewportSize(PHONE);
  assert.deepEqual(await accessibilityFaults(page), []);
  await world.close(page);
});

test('a thousand pieces a second are a frame at a time, and bounded', async () => {
  const line = 'a line of some fifty characters, as logs have them\n';
  const text = line.repeat(18_000);
  const id = await world.createJob({ kind: 'echo', input: { text },
    options: { chunk_bytes: '128', pace_ms: '1' } });
  const page = await world.open(`#/jobs/${id}`);
  await page.evaluate(() => {
    const box = document.querySelector('.output-text');
    const seen = { batches: 0, frames: 0, most: 0 };
    /** @type {any} */ (globalThis).seen = seen;
    new MutationObserver(() => {
      seen.batches++;
      seen.most = Math.max(seen.most, box?.querySelectorAll('*').length ?? 0);
    }).observe(/** @type {Element} */ (box),
      { childList: true, subtree: true, characterData: true });
    const count = () => {
      seen.frames++;
      requestAnimationFrame(count);
    };
    count();
  });
  await holds(page, (length) => (document.querySelector('.output-text')
    ?.textContent?.length ?? 0) > length, 20_000);
  await atEnd(page);
  // Whoever scrolls up is left there; whoever comes back to the end follows.
  await page.locator('.output-text').evaluate((box) => { box.scrollTop = 0; });
  const length = await page.locator('.output-text').evaluate((box) =>
    box.textContent?.length ?? 0);
  await holds(page, (than) => (document.querySelector('.output-text')
    ?.textContent?.length ?? 0) > than + 20_000, length);
  assert.equal(await page.locator('.output-text').evaluate((box) => box.scrollTop), 0);
  await page.locator('.output-text').focus();
  await page.keyboard.press('End');
  await atEnd(page);
  await page.locator('.output-text').evaluate((box) => { box.scrollTop = 0; });
  await page.getByRole('button', { name: 'To the newest' }).click();
  await atEnd(page);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await shows(page.locator('.feed'), 'complete');
  const whole = await world.output(id);
  assert.equal(await page.locator('.output-text').evaluate(
    (box) => box.textContent), whole);
  const { batches, frames, most } = await page.evaluate(() =>
    /** @type {any} */ (globalThis).seen);
  assert.ok(batches <= frames, `${batches} changes in ${frames} frames`);
  // A block is at least 8 KiB.
  assert.ok(most <= whole.length / 8192 + 2, `${most} blocks`);
  await world.close(page);
});

test('of an output of many megabytes the newest part is on the page', async () => {
  const worker = spawn(path.join(binDir, 'runnel'), ['work', '--kind', 'large',
    '--', 'sh', '-c', 'yes 0123456789 | head -c 6000000; echo; echo last'],
  { stdio: 'ignore',
    env: { ...cleanEnvironment(), RUNNEL_CORE: world.core.address } });
  after(() => worker.kill());
  const id = await world.createJob({ kind: 'large' });
  const page = await world.open(`#/jobs/${id}`);
  await shows(page.locator('.feed'), 'complete');
  await shows(page.locator('.output-cut'), 'no longer shown');
  const [length, blocks, end] = await page.locator('.output-text').evaluate(
    (box) => [box.textContent?.length ?? 0, box.querySelectorAll('*').length,
      box.textContent?.slice(-6)]);
  assert.ok(Number(length) <= 2_000_000 + 65_536, `${length} characters`);
  assert.ok(Number(blocks) <= 260, `${blocks} blocks`);
  assert.equal(end, '\nlast\n');
  await atEnd(page);
  await world.close(page);
});

/**
 * Waits until the newest output is in sight.
 * @param {Page} page
 */
const atEnd = (page) => holds(page, () => {
  const box = document.querySelector('.output-text');
  return box && box.scrollHeight - box.scrollTop - box.clientHeight < 60;
}, 0);
