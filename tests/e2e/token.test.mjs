// SPDX-License-Identifier: Apache-2.0
// The console on a server with tokens: asked for, kept, refused, lost.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { binDir, cleanEnvironment, startBridge, startCore }
  from './support/programs.mjs';
import { accessibilityFaults, holds, PHONE, shows, startBrowser, World }
  from './support/world.mjs';

/** @typedef {import('./support/world.mjs').Page} Page */

const world = new World();
world.data = await mkdtemp(path.join(os.tmpdir(), 'runnel-e2e-'));
const root = path.join(world.data, 'root.token');
await writeFile(root, 'r'.repeat(64), { mode: 0o600 });
world.core = await startCore('--data', world.data, '--token-file', root);

/** @param {string[]} args */
const runnel = (...args) => execFileSync(path.join(binDir, 'runnel'), args, {
  encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env: { ...cleanEnvironment(), RUNNEL_CORE: world.core.address,
    RUNNEL_TOKEN: 'r'.repeat(64) },
}).trim();

/**
 * A token made by the command line.
 * @param {string} name
 * @param {string[]} scopes
 */
const tokenOf = (name, ...scopes) => runnel('token', 'create', '--name', name,
  ...scopes.flatMap((scope) => ['--scope', scope]));

const bridgeToken = path.join(world.data, 'bridge.token');
await writeFile(bridgeToken, tokenOf('bridge', 'bridge'), { mode: 0o600 });
world.bridge = await startBridge(world.core, '--token-file', bridgeToken);
world.browser = await startBrowser();
after(() => world.stop());

const reader = tokenOf('reader', 'jobs:read', 'stats:read');
const all = tokenOf('all', 'jobs:read', 'jobs:write', 'events:write', 'stats:read');

const TEXT = 'word '.repeat(3000);
/** @param {object} options */
const job = (options) => runnel('job', 'create', '--kind', 'echo', '--input', TEXT,
  ...Object.entries(options).flatMap(([k, v]) => ['--option', `${k}=${v}`]))
  .split(/\s/)[0];

/**
 * @param {Page} page
 * @param {string} token
 */
async function enter(page, token) {
  await page.getByLabel('Token', { exact: true }).fill(token);
  await page.getByRole('button', { name: 'Continue' }).click();
}

/** @param {Page} page */
const fits = (page) => page.evaluate(() =>
  document.documentElement.scrollWidth <= innerWidth);

/** @param {Page} page */
const output = (page) =>
  page.locator('.output-text').evaluate((box) => box.textContent ?? '');

test('a token is asked for, judged, kept over a reload, and forgotten', async () => {
  const page = await world.open('#/streams');
  await page.getByRole('heading', { name: 'A token, please' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'token');
  assert.equal(await page.locator('#sign-out').isVisible(), false);
  await enter(page, 'x'.repeat(64));
  await shows(page.getByRole('alert'), 'does not know this token');
  await enter(page, 'two words');
  await shows(page.getByRole('alert'), 'no spaces');
  await page.keyboard.type(all); // what was wrong is selected
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Statistics that move' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Statistics that move' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await shows(page.getByRole('alert'), 'signed out');
  assert.equal(await page.evaluate(() => JSON.stringify([
    { ...sessionStorage }, { ...localStorage }, document.cookie])), '[{},{},""]');
  await page.reload();
  await page.getByRole('heading', { name: 'A token, please' }).waitFor();
  await world.close(page);
});

test('with a token jobs are made, followed, cancelled and read whole', async () => {
  const page = await world.open('#/jobs');
  await enter(page, all);
  await page.getByLabel('Text').fill(TEXT);
  await page.getByLabel('Pause').fill('20');
  await page.getByRole('button', { name: 'Start job' }).click();
  await shows(page.locator('.output-text'), 'word word');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await shows(page.locator('.feed'), 'complete');
  const [whole] = await Promise.all([page.waitForEvent('popup'),
    page.getByRole('link', { name: 'Whole output' }).click()]);
  await whole.waitForLoadState();
  assert.match(whole.url(), /ticket=/);
  assert.equal(await whole.locator('body').textContent(), await output(page));
  await world.close(page);
});

test('what a token does not allow is said, and the rest works', async () => {
  const id = job({ chunk_bytes: '5', pace_ms: '30' });
  const page = await world.open(`#/jobs/${id}`);
  await enter(page, reader);
  await shows(page.locator('.output-text'), 'word word');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await shows(page.locator('.problem'), 'jobs:write');
  await page.getByRole('link', { name: 'New job' }).click();
  await page.getByRole('button', { name: 'Start job' }).click();
  await shows(page.locator('form [role=alert]'), 'jobs:write');
  runnel('job', 'cancel', id);
  await world.close(page);
  const narrow = await world.open('#/jobs');
  await enter(narrow, tokenOf('statistics', 'stats:read'));
  await shows(narrow.locator('.side .empty'), 'jobs:read');
  await narrow.getByRole('link', { name: 'Streams', exact: true }).click();
  await shows(narrow.locator('.side .empty'), 'No stream yet');
  await world.close(narrow);
});

test('a token that is revoked is asked for anew, and the job goes on', async () => {
  const id = job({ chunk_bytes: '5', pace_ms: '60' });
  const short = tokenOf('short', 'jobs:read');
  const page = await world.open(`#/jobs/${id}`);
  await enter(page, short);
  await shows(page.locator('.output-text'), 'word word');
  const before = (await output(page)).length;
  const tokens = runnel('token', 'list', '--json').split('\n')
    .map((line) => JSON.parse(line));
  runnel('token', 'revoke', tokens.find(({ name }) => name === 'short').id);
  await shows(page.getByRole('alert'), 'no longer valid');
  await enter(page, all);
  await holds(page, (than) => (document.querySelector('.output-text')
    ?.textContent?.length ?? 0) > than + 20, before);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await shows(page.locator('.feed'), 'complete');
  assert.equal((await output(page)).trim(), runnel('job', 'output', id));
  await world.close(page);
});

test('the token entry is for everyone: light, dark, on a phone', async () => {
  const page = await world.open('#/jobs');
  await page.getByRole('heading', { name: 'A token, please' }).waitFor();
  await enter(page, 'x');
  await shows(page.getByRole('alert'), 'does not know');
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await accessibilityFaults(page), []);
  }
  await page.setViewportSize(PHONE);
  assert.deepEqual(await accessibilityFaults(page), []);
  assert.ok(await fits(page));
  await enter(page, all);
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  assert.ok(await fits(page));
  assert.deepEqual(await accessibilityFaults(page), []);
  await world.close(page);
});
