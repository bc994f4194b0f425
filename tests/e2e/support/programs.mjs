// SPDX-License-Identifier: Apache-2.0
// The real programs under test: each is awaited until it logs that it listens,
// and ended by its process id. RUNNEL_BIN_DIR says where they were built.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

/** Far above what anything takes: only a hang gets there. */
export const DEADLINE_MS = 20_000;

export const root = path.resolve(
  fileURLToPath(new URL('../../..', import.meta.url)));
export const binDir = path.resolve(
  process.env.RUNNEL_BIN_DIR || path.join(root, 'build/dev/bin'));

/** @type {Set<Program>} */
const running = new Set();
process.on('exit', () => {
  for (const { child } of running)
    child.kill('SIGKILL');
});

/** The environment without settings that would reach the programs. */
export function cleanEnvironment() {
  return Object.fromEntries(Object.entries(process.env)
    .filter(([name]) => !name.startsWith('RUNNEL_')));
}

/** A program that listens. */
export class Program {
  /**
   * @param {string} name "runneld"
   * @param {string[]} args
   */
  constructor(name, args) {
    this.name = name;
    this.args = args;
    /** HOST:PORT; stays the same when the program is started again. */
    this.address = '127.0.0.1:0';
    this.log = '';
    /** @type {import('node:child_process').ChildProcess} */
    this.child = /** @type {any} */ (null);
  }

  /** Starts it, and returns it once it listens. */
  async start() {
    const args = ['--listen', this.address, ...this.args];
    const child = spawn(path.join(binDir, this.name), args, {
      env: cleanEnvironment(), stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.child = child;
    running.add(this);
    child.once('exit', () => running.delete(this));
    this.address = await this.listening();
    return this;
  }

  /** @returns {Promise<string>} its address */
  listening() {
    const { child } = this;
    this.log = '';
    return new Promise((resolve, reject) => {
      const fail = (/** @type {string} */ why) =>
        reject(new Error(`${this.name} ${why}:\n${this.log}`));
      const timer = setTimeout(() => fail('does not listen'), DEADLINE_MS);
      child.once('error', (error) => fail(error.message));
      child.once('exit', (status) => fail(`ended with ${status}`));
      child.stderr?.setEncoding('utf8').on('data', (text) => {
        this.log += text;
        const found = /event=listening address=(\S+)/.exec(this.log);
        if (found) {
          clearTimeout(timer);
          resolve(found[1]);
        }
      });
    });
  }

  /**
   * Ends it and waits for that.
   * @param {NodeJS.Signals} signal
   */
  async stop(signal = 'SIGTERM') {
    if (!running.has(this))
      return;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), DEADLINE_MS);
    await ended;
    clearTimeout(timer);
  }
}

/** @param {string[]} args */
export const startCore = (...args) => new Program('runneld', args).start();

/**
 * @param {Program} core
 * @param {string[]} args
 */
export const startBridge = (core, ...args) =>
  new Program('runnel-bridge', [
    '--core', core.address, '--web-root', path.join(root, 'build/web'), ...args,
  ]).start();
