// SPDX-License-Identifier: Apache-2.0
// Stock clients of JavaScript, with code made from our .proto files as anyone
// would, against the real programs: in Node, and in Chromium on a page of
// another origin.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, test } from 'node:test';
import { Program, root, startCore } from '../e2e/support/programs.mjs';
import { startBrowser } from '../e2e/support/world.mjs';
import { until } from './support.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const packages = createRequire(path.join(root, 'web/package.json'));

async function generate() {
  const protos = path.join(root, 'proto');
  const files = (await readdir(path.join(protos, 'runnel/v1')))
    .filter((name) => name.endsWith('.proto'))
    .map((name) => `runnel/v1/${name}`);
  await mkdir(path.join(here, 'gen'), { recursive: true });
  execFileSync('protoc', [
    '-I', protos, '-I', path.join(root, 'bridge'),
    `--plugin=${path.join(here, 'node_modules/.bin/protoc-gen-es')}`,
    `--es_out=${path.join(here, 'gen')}`, '--es_opt=target=js,import_extension=js',
    ...files, 'rpc_details.proto',
  ]);
}

await generate();
const page = createServer((_, answer) => {
  answer.setHeader('content-type', 'text/html; charset=utf-8');
  answer.end('<!doctype html><title>clients</title>');
});
await new Promise((resolve) => page.listen(0, '127.0.0.1', () => resolve()));
const origin = `http://127.0.0.1:${page.address().port}`;
const core = await startCore('--durability', 'memory');
const bridge = await new Program('runnel-bridge', [
  '--core', core.address, '--cors-origin', origin]).start();
const base = `http://${bridge.address}`;
await until(async () => (await fetch(`${base}/readyz`)).ok);
after(async () => {
  page.close();
  await bridge.stop();
  await core.stop();
});

/** Nothing may be left at the core of what clients have given up. */
async function nothingIsLeft() {
  await until(async () => {
    const info = await (await fetch(`${base}/v1/info`)).json();
    return info.streamsOpen === 1;
  });
}

test('connect-web in Node', { timeout: 60_000 }, async () => {
  const { run } = await import('./suite.js');
  assert.equal((await run(base)).length, 20);
  await nothingIsLeft();
});

test('connect-web and grpc-web in Chromium', { timeout: 60_000 }, async () => {
  const { build } = packages('esbuild');
  const { outputFiles: [bundle] } = await build({
    entryPoints: [path.join(here, 'page.js')], bundle: true, write: false,
    format: 'iife', logLevel: 'error',
  });
  const browser = await startBrowser();
  try {
    const tab = await browser.newPage();
    await tab.goto(origin);
    await tab.addScriptTag({ content: bundle.text });
    const done = await tab.evaluate(async (url) => [
      ...await globalThis.suite.run(url),
      ...await globalThis.suite.runGrpcWeb(url),
    ], base);
    assert.equal(done.length, 22);
    await nothingIsLeft();
  } finally {
    await browser.close();
  }
});
