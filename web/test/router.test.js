// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { href, parse } from '../src/router.js';

test('an address leads back to the same place', () => {
  const route = parse(href('streams', 'a.b-c_d/é', { window: '300' }));
  assert.equal(route.section, 'streams');
  assert.equal(route.item, 'a.b-c_d/é');
  assert.equal(route.query.get('window'), '300');
});

test('what is not known leads to the jobs', () => {
  for (const hash of ['', '#', '#main', '#/nowhere/x', '#/__proto__']) {
    const { section, item } = parse(hash);
    assert.deepEqual([section, item], ['jobs', '']);
  }
});

test('a broken escape is taken as it stands', () => {
  assert.equal(parse('#/jobs/%E0%A4%A').item, '%E0%A4%A');
});
