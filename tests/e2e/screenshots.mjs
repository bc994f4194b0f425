// SPDX-License-Identifier: Apache-2.0
// Takes the pictures of docs/: `scripts/screenshots` calls it. It makes its own
// traffic, so that everything in them is what the programs answered.
import path from 'node:path';
import { root } from './support/programs.mjs';
import { holds, PHONE, shows, World } from './support/world.mjs';

/** Time for charts to have a shape, and for an incident to be found. */
const SHAPE_S = 75;

const docs = path.join(root, 'docs');
const world = await World.start();

/**
 * @param {string} name
 * @param {string} hash
 * @param {import('./support/world.mjs').PageOptions} options
 * @param {(page: import('./support/world.mjs').Page) => Promise<unknown>} ready
 */
async function picture(name, hash, options, ready) {
  const page = await world.open(hash, options);
  await ready(page);
  await page.screenshot({ path: path.join(docs, `console-${name}.png`) });
  await page.context().close();
}

/** @type {(words: string) => Promise<string>} */
const text = (words) => world.createJob({
  kind: 'echo', input: { text: words.repeat(40) },
  options: { chunk_bytes: '5', pace_ms: '25' },
});

try {
  for (const [stream, rate] of [['checkout', 4000], ['login', 600],
    ['payments', 250], ['search', 9000]])
    await world.createJob({ kind: 'simulate', options: {
      stream: String(stream), rate: String(rate), duration_s: '600',
      users: '20000', incident_every_s: '20', incident_s: '5',
    } });
  await world.createJob({ kind: 'echo', input: { text: 'x' },
    options: { fail_attempts: '1' } });
  await world.createJob({ kind: 'echo', input: { text: 'x' } });
  const id = await text('A runnel is a small stream. It finds its way around ' +
    'every stone,\nand whoever comes late sees where it has been.\n\n');

  await Promise.all([
    picture('stream', '#/streams/checkout', {
      viewport: { width: 1280, height: 900 }, colorScheme: 'light', timeout: 180_000,
    }, (page) => holds(page, (seconds) => (performance.now() > seconds * 1000) &&
      document.querySelector('.anomalies li'), SHAPE_S)),
    picture('streams', '#/streams', {
      viewport: { width: 1280, height: 560 }, colorScheme: 'light',
      timeout: 180_000,
    }, (page) => holds(page, (seconds) =>
      performance.now() > seconds * 1000, SHAPE_S)),
    picture('phone', '#/streams/checkout',
      { viewport: PHONE, colorScheme: 'dark', timeout: 180_000 },
      (page) => holds(page, (seconds) =>
        performance.now() > seconds * 1000, SHAPE_S / 2)),
    picture('job', `#/jobs/${id}`, {
      viewport: { width: 1280, height: 720 }, colorScheme: 'dark',
    }, (page) => shows(page.locator('.output-text'), /(stone.*){4}/s)),
  ]);
} finally {
  await world.stop();
}
