// SPDX-License-Identifier: Apache-2.0
// Every page for everyone: keyboard, screen reader, phone, light and dark.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { accessibilityFaults, holds, notInFirefox, PHONE, shows, World }
  from './support/world.mjs';

/** @typedef {import('./support/world.mjs').Page} Page */

const world = await World.start();
after(() => world.stop());
const id = await world.createJob({
  kind: 'echo', input: { text: 'word '.repeat(400) },
  options: { chunk_bytes: '5', pace_ms: '500' },
});
const failed = await world.createJob({
  kind: 'echo', input: { text: 'x' }, options: { fail_attempts: '1' } });

/** Each page, and what is to be seen before it is judged.
 * @type {[string, string, (page: Page) => Promise<void>][]} */
const pages = [
  ['the form', '#/jobs/new', (page) => page.getByRole('button', { name: 'Start job' })
    .waitFor()],
  ['a running job', `#/jobs/${id}`, (page) => shows(page.locator('.output-text'), 'word')],
  ['a failed job', `#/jobs/${failed}`,
    (page) => shows(page.locator('.job .badge'), 'failed')],
  ['the streams', '#/streams', (page) => page.getByRole('heading', { name: 'Statistics' })
    .waitFor()],
];

for (const [name, hash, ready] of pages)
  test(`${name} is for everyone: light, dark, on a phone`, async () => {
    const page = await world.open(hash, { hasTouch: true });
    await ready(page);
    await shows(page.locator('#link-state'), 'Connected');
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.setViewportSize(PHONE);
    assert.deepEqual(await accessibilityFaults(page), []);
    const [wide, view] = await page.evaluate(() =>
      [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= view, `${wide} pixels wide on a screen of ${view}`);
    await world.close(page);
  });

for (const width of [360, 390, 1280])
  test(`no time below a chart is cut off on a screen of ${width}`, async () => {
    const name = `quiet-${width}`;
    await world.request('POST', 'v1/streams', { config: { name } });
    const page = await world.open('#/jobs', { viewport: { width, height: 844 } });
    await page.evaluate(() => {
      /** @type {any} */ (window).drawn = [];
      const { prototype } = CanvasRenderingContext2D;
      const fillText = prototype.fillText;
      prototype.fillText = function (text, x, y) {
        const half = this.measureText(text).width / 2;
        if (/^\d\d:\d\d:\d\d$/.test(text))
          /** @type {any} */ (window).drawn.push(
            x - half >= 0 && x + half <= this.canvas.width ? 'whole' : text);
        fillText.call(this, text, x, y);
      };
    });
    // A stream without events ends now: just after a round time.
    await page.clock.setFixedTime('2026-01-01T12:00:01Z');
    await page.goto(world.url(`#/streams/${name}`));
    await holds(page, (label) =>
      /** @type {any} */ (window).drawn.includes(label), 'whole');
    assert.deepEqual(await page.evaluate(() =>
      [...new Set(/** @type {any} */ (window).drawn)]), ['whole']);
    await world.close(page);
  });

test('the head of the page keeps its margin on a small phone', async () => {
  const page = await world.open('#/jobs', { viewport: { width: 360, height: 740 } });
  await shows(page.locator('#link-state'), 'Connected');
  const right = await page.locator('#link-state').evaluate((state) =>
    state.getBoundingClientRect().right);
  assert.ok(right <= 346, `the state of the link ends at ${right} of 360`);
  await world.close(page);
});

test('dark and light are different', notInFirefox, async () => {
  const page = await world.open('#/jobs');
  const background = () => page.evaluate(() =>
    getComputedStyle(document.body).backgroundColor);
  await page.emulateMedia({ colorScheme: 'light' });
  const light = await background();
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.notEqual(await background(), light);
  await world.close(page);
});

test('on a phone a job hides the list, and leads back to it', async () => {
  const page = await world.open('#/jobs', { viewport: PHONE });
  await page.locator(`li[data-key="${id}"] a`).click();
  await shows(page.locator('.output-text'), 'word');
  assert.equal(await page.locator('.side').isVisible(), false);
  await page.getByRole('link', { name: 'Jobs' }).last().click();
  await page.locator(`li[data-key="${id}"] a`).waitFor();
  await world.close(page);
});

test('a job is made and cancelled with the keyboard alone', async () => {
  const page = await world.open('#/jobs');
  await page.getByRole('button', { name: 'Start job' }).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'Skip to the content');
  await page.keyboard.press('Enter');
  await tabTo(page, 'kind');
  await page.keyboard.press('ArrowDown');
  await page.getByLabel('Into stream').waitFor();
  await page.keyboard.press('ArrowUp');
  await tabTo(page, 'options.pace_ms');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('60000');
  await tabTo(page, 'Start job');
  await page.keyboard.press('Enter');
  await shows(page.locator('.job .badge'), 'running');
  await page.waitForFunction(() => document.activeElement?.tagName === 'H1');
  await tabTo(page, 'Cancel');
  await page.keyboard.press('Enter');
  await shows(page.locator('.job .badge'), 'cancelled');
  await world.close(page);
});

/**
 * The name, or else the text, of what has the focus.
 * @param {Page} page
 */
function focused(page) {
  return page.evaluate(() => {
    const element = /** @type {HTMLInputElement} */ (document.activeElement);
    return element.name || element.textContent?.trim() || element.tagName;
  });
}

/**
 * @param {Page} page
 * @param {string} wanted as focused() says it
 */
async function tabTo(page, wanted) {
  const seen = [];
  for (let i = 0; i < 30; i++) {
    await page.keyboard.press('Tab');
    seen.push(await focused(page));
    if (seen.at(-1) === wanted)
      return;
  }
  assert.fail(`Tab never came to ${wanted}, only to ${seen.join(', ')}`);
}
