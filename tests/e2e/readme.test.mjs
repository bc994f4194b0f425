// SPDX-License-Identifier: Apache-2.0
// The examples of README.md, taken out of it and run. Only the addresses are
// put in, since tests never use the default ports.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { binDir, cleanEnvironment, DEADLINE_MS, root }
  from './support/programs.mjs';
import { shows, World } from './support/world.mjs';

const run = promisify(execFile);
const readme = await readFile(path.join(root, 'README.md'), 'utf8');
const world = await World.start();
const dir = await mkdtemp(path.join(os.tmpdir(), 'runnel-readme-'));
const model = spawn('python3', [
  path.join(root, 'tests/support/llm_server.py'), '--port', '0', '--pace', '0',
], { stdio: ['ignore', 'pipe', 'inherit'] });
const [hello] = await once(model.stdout, 'data');
const modelUrl = /http:\S+\/v1/.exec(String(hello))?.[0] ?? '';
after(async () => {
  model.kill();
  await world.stop();
  await rm(dir, { recursive: true });
});

/**
 * The blocks in a language, in order.
 * @param {string} language
 */
function blocks(language) {
  const fence = new RegExp('^```' + language + '\\n(.*?)^```$', 'gms');
  const found = [...readme.matchAll(fence)].map(([, text]) => text);
  assert.ok(found.length > 0, `README.md has no ${language}`);
  return found;
}

/**
 * Puts an address in for another; that one must be there.
 * @param {string} text
 * @param {string} from
 * @param {string} to
 */
function put(text, from, to) {
  assert.ok(text.includes(from), `${from} is not in:\n${text}`);
  return text.replaceAll(from, to);
}

/**
 * @param {string} program
 * @param {string[]} args
 */
async function output(program, ...args) {
  const { stdout } = await run(program, args, {
    cwd: dir, timeout: DEADLINE_MS,
    env: {
      ...cleanEnvironment(), RUNNEL_CORE: world.core.address,
      PATH: `${binDir}:${process.env.PATH}`,
    },
  });
  return stdout;
}

/** What each shell example prints, a part of it. */
const SHELL = [
  ['hello, stream', 'SUCCEEDED'],
  ['3', '/cart'],
  ['event: delta', 'event: end', 'hello'],
  ['"stats"', '"topKeys"', '/cart'],
  ['HELLO, PROGRAM'],
  ['You said: Why is the sea salty?'],
];

test('the command line and curl', async () => {
  const scripts = blocks('sh');
  assert.equal(scripts.length, SHELL.length);
  for (const [i, script] of scripts.entries()) {
    const text = script.replaceAll('localhost:7480', world.bridge.address)
      .replaceAll('http://127.0.0.1:11434/v1', modelUrl);
    const said = await output('bash', '-euo', 'pipefail', '-c', text);
    for (const part of SHELL[i])
      assert.ok(said.toLowerCase().includes(part.toLowerCase()),
        `${part} is not in what this printed:\n${script}\n${said}`);
  }
});

test('the browser', async () => {
  const page = await world.open('#/jobs/new');
  const id = await world.createJob(
    { kind: 'echo', input: { text: 'from the page' } });
  const [script] = blocks('js');
  await page.evaluate(`{
    const id = ${JSON.stringify(id)};
    const output = document.createElement('p');
    document.body.append(output);
    output.id = 'readme';
    ${script}
  }`);
  await shows(page.locator('#readme'), 'from the page');
  await world.close(page);
});

test('JavaScript in Node', async () => {
  const [, source] = blocks('js');
  const url = world.url('');
  await writeFile(path.join(dir, 'package.json'), '{"type":"module"}');
  await writeFile(path.join(dir, 'runnel.js'),
    await (await world.request('GET', 'runnel.js')).text());
  await writeFile(path.join(dir, 'job.js'),
    put(source, 'http://localhost:7480', url));
  assert.equal(await output(process.execPath, 'job.js'), 'hello, module\n');
});

test('C', async () => {
  const [source] = blocks('c');
  await writeFile(path.join(dir, 'watch.c'), put(put(source,
    'int main(void)', 'int main(int argc, char **argv)'),
    'rnl_client_create(NULL', 'rnl_client_create(&(struct ' +
    'rnl_client_options){.size = sizeof(struct rnl_client_options), ' +
    `.address = argc > 1 ? argv[1] : "${world.core.address}"}`));
  const lib = path.join(binDir, '../lib');
  await output('cc', '-std=c11', '-Wall', '-Wextra', '-Werror',
    `-I${root}/client/include`, `-I${root}/proto/include`,
    'watch.c', '-o', 'watch', `-L${lib}`, '-lrunnel_client', '-lrunnel_timer',
    '-lrunnel_common', '-lrunnel_proto', '-lrunnel_schema', '-lprotobuf-c',
    '-lssl', '-lcrypto');
  assert.equal(await output('./watch'), 'hello, stream\n');
  const failed = await output('./watch', '127.0.0.1:1').catch(error => error);
  assert.equal(failed.code, 1);
  assert.equal(failed.stderr, 'UNAVAILABLE: cannot connect to 127.0.0.1:1: ' +
    'Connection refused\n');
});

test('Python', async () => {
  const [source] = blocks('python');
  const [host, port] = world.core.address.split(':');
  await writeFile(path.join(dir, 'watch.py'), put(source,
    '("127.0.0.1", 7400)', `("${host}", ${port})`));
  const protoc = /`(protoc [^`]*)`/.exec(readme)?.[1] ?? '';
  await output('bash', '-c', put(put(protoc, '-I proto ', `-I ${root}/proto `),
    ' proto/runnel', ` ${root}/proto/runnel`));
  assert.equal(await output(await python(), 'watch.py'), 'hello, stream\n');
});

/** A Python that has protobuf: the one in the PATH, else Debian's. */
async function python() {
  const found = await output('python3', '-c', 'import google.protobuf')
    .catch(() => null);
  return found === null ? '/usr/bin/python3' : 'python3';
}
