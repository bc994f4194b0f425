// SPDX-License-Identifier: Apache-2.0
// Jobs in the console: made, followed live, resumed, cancelled, listed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { after, test } from 'node:test';
import { binDir, cleanEnvironment } from './support/programs.mjs';
import { accessibilityFaults, holds, notInFirefox, shows, World } from './support/world.mjs';

/** @typedef {import('./support/world.mjs').Page} Page */

const world = await World.start();
after(() => world.stop());

const TEXT = Array.from({ length: 60 },
  (_, i) => `Line ${i}: Übergrößen, 流れ, 🌊 and a <b>tag</b>.\n`).join('');

/** A job that goes on until it is cancelled: its input lasts for minutes. */
const endless = {
  kind: 'echo', input: { text: TEXT.repeat(10) },
  options: { chunk_bytes: '7', pace_ms: '60' },
};

/** @param {Page} page */
const output = (page) =>
  page.locator('.output-text').evaluate((box) => box.textContent ?? '');

/**
 * Waits until the output has more than so many characters.
 * @param {Page} page
 * @param {number} length
 */
const grows = (page, length) => holds(page, (than) =>
  (document.querySelector('.output-text')?.textContent?.length ?? 0) > than,
length);

test('a job made in the form streams its output to the end', async () => {
  const page = await world.open('#/jobs');
  await page.getByLabel('Text').fill(TEXT);
  await page.getByLabel('Piece size').fill('9');
  await page.getByLabel('Pause').fill('1');
  await page.getByRole('button', { name: 'Start job' }).click();
  await shows(page.locator('.job .badge'), 'succeeded');
  assert.equal(await output(page), TEXT);
  await shows(page.locator('.job .progress'), '100 %');
  await shows(page.locator('.feed'), 'complete');
  await shows(page.locator('.rows .badge'), 'succeeded');
  const whole = page.getByRole('link', { name: 'Whole output' });
  const answer = await page.request.get(
    new URL(await whole.getAttribute('href') ?? '', page.url()).href);
  assert.equal(await answer.text(), TEXT);
  await world.close(page);
});

test('each kind of job runs as the form offers it', async () => {
  const page = await world.open('#/jobs/new');
  await page.getByRole('radio', { name: 'analyze' }).check();
  await page.getByRole('button', { name: 'Start job' }).click();
  await shows(page.locator('.job .badge'), 'succeeded');
  await shows(page.locator('.output-text'), '"uniqueKeys"');
  await page.getByRole('link', { name: 'New job' }).click();
  await page.getByRole('radio', { name: 'simulate' }).check();
  await page.getByLabel('Into stream').fill('made');
  await page.getByRole('button', { name: 'Start job' }).click();
  await shows(page.locator('.job .badge'), 'running');
  await page.getByRole('link', { name: 'Watch stream made' }).click();
  await page.getByRole('heading', { name: 'made' }).waitFor();
  await world.close(page);
});

test('output arrives while the job runs', async () => {
  const id = await world.createJob(
    { ...endless, options: { chunk_bytes: '7', pace_ms: '60000' } });
  const page = await world.open(`#/jobs/${id}`);
  await shows(page.locator('.output-text'), 'Line 0');
  await shows(page.locator('.feed'), 'live');
  await shows(page.locator('.job .badge'), 'running');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await shows(page.locator('.job .badge'), 'cancelled');
  await world.close(page);
});

test('a reload in the middle loses nothing', async () => {
  const id = await world.createJob(endless);
  const page = await world.open(`#/jobs/${id}`);
  await grows(page, 30);
  const before = await output(page);
  await page.reload();
  await grows(page, before.length + 30);
  assert.ok((await output(page)).startsWith(before));
  await page.getByRole('button', { name: 'Cancel' }).click();
  await shows(page.locator('.feed'), 'complete');
  assert.equal(await output(page), await world.output(id));
  await world.close(page);
});

test('every window knows at once that a job was cancelled', async () => {
  const id = await world.createJob(endless);
  const [one, two] = await Promise.all(
    [world.open(`#/jobs/${id}`), world.open(`#/jobs/${id}`)]);
  await Promise.all([grows(one, 0), grows(two, 0)]);
  await one.getByRole('button', { name: 'Cancel' }).click();
  for (const page of [one, two]) {
    await shows(page.locator('.job .badge'), 'cancelled');
    await shows(page.locator('.problem'), 'cancelled in the console');
    await shows(page.locator('.feed'), 'complete');
    assert.equal(
      await page.getByRole('button', { name: 'Cancel' }).isVisible(), false);
  }
  assert.equal(await output(one), await output(two));
  await world.close(one);
  await world.close(two);
});

test('a hidden page gives its connection back, then goes on', async () => {
  const id = await world.createJob(endless);
  const page = await world.open(`#/jobs/${id}`);
  await grows(page, 20);
  const turn = (/** @type {boolean} */ hidden) => page.evaluate((to) => {
    Object.defineProperty(document, 'hidden', { value: to, writable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await turn(true);
  await shows(page.locator('.feed'), 'resting');
  const before = await output(page);
  await turn(false);
  await shows(page.locator('.feed'), 'live');
  await grows(page, before.length + 20);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await shows(page.locator('.feed'), 'complete');
  assert.equal(await output(page), await world.output(id));
  await world.close(page);
});

test('of ten tabs the one that is looked at is live', async () => {
  // A browser has six connections an origin, for all tabs together.
  const id = await world.createJob(endless);
  const first = await world.open(`#/jobs/${id}`);
  const tabs = [first];
  const turn = (/** @type {Page} */ page, /** @type {boolean} */ hidden) =>
    page.evaluate((to) => {
      Object.defineProperty(document, 'hidden', { value: to, writable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  for (let i = 0; i < 9; i++) {
    await turn(tabs[i], true);
    const page = await first.context().newPage();
    // Its answers may have to wait until others rest.
    await page.goto(world.url(`#/jobs/${id}`));
    tabs.push(page);
  }
  await grows(tabs[9], 20);
  await turn(tabs[9], true);
  await turn(tabs[3], false);
  await shows(tabs[3].locator('.feed'), 'live');
  await tabs[3].getByRole('button', { name: 'Cancel' }).click();
  await shows(tabs[3].locator('.feed'), 'complete');
  assert.equal(await output(tabs[3]), await world.output(id));
  await world.close(first);
});

test('a second bridge shows the same job', async () => {
  const id = await world.createJob(endless);
  const { startBridge } = await import('./support/programs.mjs');
  const other = await startBridge(world.core);
  const page = await world.open('#/jobs');
  await page.goto(`http://${other.address}/#/jobs/${id}`);
  await grows(page, 20);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await shows(page.locator('.feed'), 'complete');
  assert.equal(await output(page), await world.output(id));
  await world.close(page);
  await other.stop();
});

test('a job that failed says why', async () => {
  const id = await world.createJob(
    { kind: 'echo', input: { text: 'x' }, options: { fail_attempts: '1' } });
  const page = await world.open(`#/jobs/${id}`);
  await shows(page.locator('.job .badge'), 'failed');
  await shows(page.locator('.problem'), /\w/);
  await world.close(page);
});

test('kinds that workers serve are offered, and say how they are served', async () => {
  const worker = spawn(path.join(binDir, 'runnel'),
    ['work', '--kind', 'shout', '--', 'tr', 'a-z', 'A-Z'], { stdio: 'ignore',
      env: { ...cleanEnvironment(), RUNNEL_CORE: world.core.address } });
  after(() => worker.kill());
  await world.createJob({ kind: 'nobody', input: { text: 'x' } });
  const early = await world.createJob({ kind: 'shout', input: { text: 'x' } });
  assert.equal(await world.output(early), 'X'); // the worker is there
  const page = await world.open('#/jobs/new');
  await shows(page.locator('.kind').filter({ hasText: 'nobody' }),
    'No worker serves it now; jobs wait for one. 0 running, 1 waiting.');
  await shows(page.locator('.kind').filter({ hasText: 'shout' }),
    'One worker serves it.');
  await page.getByRole('radio', { name: 'shout' }).check();
  await page.getByRole('textbox', { name: 'Input' }).fill('a small stream');
  await page.getByRole('button', { name: 'Start job' }).click();
  await shows(page.locator('.output-text'), 'A SMALL STREAM');
  assert.deepEqual(await accessibilityFaults(page), []);
  await world.close(page);
});

test('a job that nobody serves says so until it runs', async () => {
  const id = await world.createJob({ kind: 'lonely', input: { text: 'x' } });
  const page = await world.open(`#/jobs/${id}`);
  const hint = page.getByRole('status').filter({ hasText: 'No worker' });
  await shows(hint, 'No worker serves kind lonely now; the job waits for one.');
  assert.deepEqual(await accessibilityFaults(page), []);
  const worker = spawn(path.join(binDir, 'runnel'),
    ['work', '--kind', 'lonely', '--', 'sh', '-c', 'cat; exec sleep 60'],
    { stdio: 'ignore',
      env: { ...cleanEnvironment(), RUNNEL_CORE: world.core.address } });
  after(() => worker.kill());
  await shows(page.locator('.job .badge'), 'running');
  await hint.waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Cancel' }).click();
  await shows(page.locator('.job .badge'), 'cancelled');
  await world.close(page);
});

test('a job that waits for its time says no such thing', async () => {
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const id = await world.createJob(
    { kind: 'echo', notBefore: later, input: { text: 'x' } });
  const page = await world.open(`#/jobs/${id}`);
  await shows(page.locator('.job .badge'), 'queued');
  await page.waitForResponse('**/v1/info');
  await page.waitForResponse('**/v1/info'); // the first was looked at
  assert.equal(await page.getByText('No worker serves').count(), 0);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await world.close(page);
});

test('a store that cannot take jobs is said to be stalled', async () => {
  const page = await world.open('#/streams');
  // A full disk, as GetInfo tells of one.
  await page.route('**/v1/info', (route) => route.fulfill({ json: {
    storeInfo: { state: 'STORE_STATE_STALLED', error: 'disk is full' } } }));
  await page.getByRole('link', { name: 'Jobs', exact: true }).click();
  await shows(page.locator('.problem'),
    'The server cannot store new jobs now: disk is full');
  await world.close(page);
});

test('attempts that failed before are told, with their errors', async () => {
  const id = await world.createJob({ kind: 'echo', input: { text: 'third time' },
    options: { fail_attempts: '2' },
    retry: { maxAttempts: 3, initialBackoff: '0.01s' } });
  const page = await world.open(`#/jobs/${id}`);
  await shows(page.locator('.job .badge'), 'succeeded');
  await page.locator('.log summary').click();
  for (const [i, words] of ['Attempt 1 failed', 'Attempt 2 failed'].entries())
    await shows(page.locator('.log-lines li').nth(i), words);
  assert.equal(await page.locator('.log-lines li').count(), 2);
  await shows(page.locator('.output-text'), 'third time');
  await world.close(page);
});

test('bytes that are no text do not break the output', async () => {
  const bytes = Buffer.from([0x41, 0, 0xff, 0xfe, 0x42, 0xc3, 0xa9, 0x0a]);
  const id = await world.createJob({
    kind: 'echo', input: { data: bytes.toString('base64') },
    options: { chunk_bytes: '1' },
  });
  const page = await world.open(`#/jobs/${id}`);
  await shows(page.locator('.feed'), 'complete');
  assert.equal(await output(page), 'A\0\ufffd\ufffdBé\n');
  await world.close(page);
});

test('the list shows every state, the newest job first', async () => {
  const far = new Date(Date.now() + 86_400_000).toISOString();
  const soon = new Date(Date.now() + 500).toISOString();
  const text = { text: 'x' };
  /** @type {[string, object][]} */
  const wanted = [
    ['succeeded', { kind: 'echo', input: text }],
    ['failed', { kind: 'echo', input: text, options: { fail_attempts: '1' } }],
    ['expired', { ...endless, deadline: soon }],
    ['running', endless],
    ['queued', { kind: 'echo', input: text, notBefore: far }],
  ];
  const ids = [];
  for (const [, wish] of wanted)
    ids.push(await world.createJob(wish));
  const page = await world.open('#/jobs');
  for (const [i, [word]] of wanted.entries())
    await shows(page.locator(`li[data-key="${ids[i]}"] .badge`), word);
  const listed = await page.locator('.rows li').evaluateAll((rows) =>
    rows.map((row) => /** @type {HTMLElement} */ (row).dataset.key));
  assert.deepEqual(listed.slice(0, ids.length), [...ids].reverse());

  await page.locator(`li[data-key="${ids[3]}"] a`).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await shows(page.locator(`li[data-key="${ids[3]}"] .badge`), 'cancelled');
  await world.request('POST', `v1/jobs/${ids[4]}/cancel`, {});
  await world.close(page);
});

// A megabyte takes a minute to be typed there.
test('the form shows what the server refuses, and keeps the input', notInFirefox, async () => {
  const page = await world.open('#/jobs');
  const long = 'x'.repeat(1_000_000);
  await page.getByLabel('Text').fill(long);
  await page.getByRole('button', { name: 'Start job' }).click();
  await shows(page.getByRole('alert'), /input/);
  assert.equal(await page.getByLabel('Text').inputValue(), long);
  assert.match(page.url(), /#\/jobs$/);
  await world.close(page);
});

test('a job that does not exist is said to', async () => {
  const page = await world.open(`#/jobs/${'0'.repeat(26)}`);
  await shows(page.locator('.problem'), 'no such job');
  await page.locator('.output-head').waitFor({ state: 'hidden' });
  await page.locator('.output-text').waitFor({ state: 'hidden' });
  await world.close(page);
});

test('back and forward lead through what was looked at', async () => {
  const id = await world.createJob({ kind: 'echo', input: { text: 'pond' } });
  const page = await world.open('#/jobs');
  await page.locator(`li[data-key="${id}"] a`).click();
  await shows(page.locator('.output-text'), 'pond');
  await page.goBack();
  await page.getByRole('heading', { name: 'New job' }).waitFor();
  await page.goForward();
  await shows(page.locator('.output-text'), 'pond');
  await world.close(page);
});
