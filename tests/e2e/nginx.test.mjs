// SPDX-License-Identifier: Apache-2.0
// The console behind nginx, over HTTP/2: no six connections, so that any
// number of tabs is live at once.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { NGINX, startNginx } from './support/nginx.mjs';
import { holds, shows, World } from './support/world.mjs';

const TABS = 10;
const world = await World.start();
after(() => world.stop());

test('ten tabs are live at once over HTTP/2', { skip: !NGINX }, async () => {
  const nginx = await startNginx(world.bridge.address);
  const context = await world.browser.newContext({ ignoreHTTPSErrors: true });
  const text = Array.from({ length: 2000 }, (_, i) => `${i} `).join('');
  const id = await world.createJob({
    kind: 'echo', input: { text }, options: { chunk_bytes: '5', pace_ms: '40' },
  });
  const tabs = [];
  for (let i = 0; i < TABS; i++) {
    const page = await context.newPage();
    await page.goto(`${nginx.url}/#/jobs/${id}`);
    tabs.push(page);
  }
  for (const page of tabs) {
    await shows(page.locator('.feed'), 'live');
    await shows(page.locator('.output-text'), '0 1 2 ');
  }
  const open = async () => /^runnel_bridge_event_streams_open (\d+)$/m.exec(
    await (await world.request('GET', 'metrics')).text())?.[1];
  assert.equal(await open(), String(TABS));
  assert.equal(await tabs[0].evaluate(() =>
    /** @type {PerformanceNavigationTiming} */ (
      performance.getEntriesByType('navigation')[0]).nextHopProtocol), 'h2');
  await tabs[0].getByRole('button', { name: 'Cancel' }).click();
  await shows(tabs[0].locator('.feed'), 'complete');
  const whole = await world.output(id);
  for (const page of tabs)
    await holds(page, (/** @type {string} */ wanted) =>
      document.querySelector('.output-text')?.textContent === wanted, whole);
  await context.close();
  await nginx.stop();
});
