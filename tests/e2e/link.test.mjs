// SPDX-License-Identifier: Apache-2.0
// What the console shows while the bridge or the core is away, and how it
// goes on when they are back.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { shows, holds, World } from './support/world.mjs';

// What is in memory alone is gone when the core is.
const world = await World.start('--durability', 'memory');
after(() => world.stop());

const text = Array.from({ length: 2000 }, (_, i) => `${i} `).join('');
const slow = {
  kind: 'echo', input: { text },
  options: { chunk_bytes: '5', pace_ms: '30' },
};

/** @param {import('./support/world.mjs').Page} page */
const output = (page) =>
  page.locator('.output-text').evaluate((box) => box.textContent ?? '');

test('without a job the page says how to get one', async () => {
  const page = await world.open('');
  await shows(page.locator('.side .empty'), 'No job yet');
  await page.getByRole('heading', { name: 'New job' }).waitFor();
  await shows(page.locator('#link-state'), 'Connected');
  await world.close(page);
});

test('the output goes on without a gap when the bridge is back', async () => {
  const id = await world.createJob(slow);
  const page = await world.open(`#/jobs/${id}`);
  await shows(page.locator('.output-text'), '12 ');
  await world.bridge.stop();
  await shows(page.locator('#link-state'), 'Reconnecting…');
  await shows(page.locator('#notice'), 'bridge cannot be reached');
  const before = await output(page);
  await world.bridge.start();
  await shows(page.locator('#link-state'), 'Connected');
  await page.locator('#notice').waitFor({ state: 'hidden' });
  await holds(page, (length) => (document.querySelector('.output-text')
    ?.textContent?.length ?? 0) > length + 20, before.length);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await shows(page.locator('.feed'), 'complete');
  assert.equal(await output(page), await world.output(id));
  await world.close(page);
});

test('a core that went away is said to be, and seen when back', async () => {
  const id = await world.createJob(slow);
  const page = await world.open(`#/jobs/${id}`);
  await shows(page.locator('.output-text'), '12 ');
  await world.core.stop('SIGKILL');
  await shows(page.locator('#link-state'), 'Core unreachable');
  await shows(page.locator('#notice'), 'the core daemon behind it does not');
  await shows(page.locator('.feed'), 'interrupted; goes on after event');
  assert.match(await output(page), /^0 1 2 /); // the last that was known
  await world.core.start();
  await shows(page.locator('#link-state'), 'Connected');
  // The memory store began anew: the job is gone, and that is said.
  await shows(page.locator('.problem'), 'no such job');
  await shows(page.locator('.side .empty'), 'No job yet');
  await world.close(page);
});

test('a job asked for while the core is away is shown when it is back', async () => {
  await world.core.stop();
  const page = await world.open(`#/jobs/${'0'.repeat(26)}`);
  await shows(page.locator('#link-state'), 'Core unreachable');
  await page.getByRole('link', { name: 'New job' }).click();
  await page.getByRole('button', { name: 'Start job' }).click();
  await shows(page.locator('form [role=alert]'), /\w/);
  await world.core.start();
  await shows(page.locator('#link-state'), 'Connected');
  await page.getByRole('button', { name: 'Start job' }).click();
  await shows(page.locator('.output-text'), 'A runnel');
  await world.close(page);
});
