// SPDX-License-Identifier: Apache-2.0
// A core, a bridge and a browser, and what the tests of the console do with
// them. A page that logs an error fails the test that opened it.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { DEADLINE_MS, startBridge, startCore } from './programs.mjs';

// The packages are the console's own, beside its sources.
const packages = createRequire(new URL('../../../web/package.json',
  import.meta.url));
/** @type {import('playwright-core')} */
const { chromium, firefox } = packages('playwright-core');
const axe = await readFile(packages.resolve('axe-core/axe.min.js'), 'utf8');

/**
 * @typedef {import('playwright-core').Page} Page
 * @typedef {import('playwright-core').Locator} Locator
 * @typedef {import('playwright-core').BrowserContextOptions &
 *   {timeout?: number}} PageOptions timeout of each wait, in ms
 */

const CHROMIUM_FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update',
  '--disable-sync',
];
/** A request that found nobody, which tests cause, is reported as an error. */
const EXPECTED_ERRORS = /Failed to load resource/;

export const PHONE = { width: 390, height: 844 };

/** The program that is tested in place of Chromium: Firefox as Debian has it,
 * over WebDriver BiDi. */
const { FIREFOX } = process.env;
/** For tests of what that way to drive it cannot do. */
export const notInFirefox = { skip: FIREFOX && 'not over WebDriver BiDi' };

/** Starts a headless browser with a profile of its own. */
export function startBrowser() {
  if (FIREFOX)
    return firefox.launch({ executablePath: FIREFOX, channel: 'moz-firefox' });
  return chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: CHROMIUM_FLAGS,
  });
}

export class World {
  /** @param {string[]} coreArgs */
  static async start(...coreArgs) {
    const world = await World.programs(...coreArgs);
    world.browser = await startBrowser();
    return world;
  }

  /**
   * The same without a browser.
   * @param {string[]} coreArgs
   */
  static async programs(...coreArgs) {
    const world = new World();
    world.data = await mkdtemp(path.join(os.tmpdir(), 'runnel-e2e-'));
    world.core = await startCore('--data', world.data, ...coreArgs);
    world.bridge = await startBridge(world.core);
    return world;
  }

  constructor() {
    /** Where the core keeps its jobs. */
    this.data = '';
    /** @type {import('./programs.mjs').Program} */
    this.core = /** @type {any} */ (null);
    /** @type {import('./programs.mjs').Program} */
    this.bridge = /** @type {any} */ (null);
    /** @type {import('playwright-core').Browser} */
    this.browser = /** @type {any} */ (null);
    /** @type {string[]} */
    this.errors = [];
  }

  async stop() {
    await this.browser?.close();
    await this.bridge.stop();
    await this.core.stop();
    await rm(this.data, { recursive: true });
  }

  /** @param {string} path */
  url(path) {
    return `http://${this.bridge.address}/${path}`;
  }

  /**
   * Opens the console at a place.
   * @param {string} hash "#/jobs"
   * @param {PageOptions} [options]
   * @returns {Promise<Page>}
   */
  async open(hash, options = {}) {
    const context = await this.browser.newContext({
      viewport: { width: 1280, height: 800 }, ...options,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(options.timeout ?? DEADLINE_MS);
    page.on('pageerror', (error) => this.errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' && !EXPECTED_ERRORS.test(message.text()))
        this.errors.push(message.text());
    });
    await page.goto(this.url(hash));
    return page;
  }

  /**
   * Closes a page, and says whether anything went wrong in it.
   * @param {Page} page
   */
  async close(page) {
    await page.context().close();
    assert.deepEqual(this.errors.splice(0), []);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  async request(method, path, body) {
    const answer = await fetch(this.url(path), {
      method,
      headers: { 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status}` +
      (answer.ok ? '' : await answer.text()));
    return answer;
  }

  /**
   * Makes a job and returns its id.
   * @param {object} wish a CreateJobRequest
   * @returns {Promise<string>}
   */
  async createJob(wish) {
    return (await (await this.request('POST', 'v1/jobs', wish)).json()).job.id;
  }

  /** @param {string} id */
  async output(id) {
    return (await this.request('GET', `v1/jobs/${id}/output`)).text();
  }
}

/**
 * Waits until an element has a text.
 * @param {Locator} locator
 * @param {string | RegExp} text
 */
export function shows(locator, text) {
  return locator.filter({ hasText: text }).first().waitFor();
}

/**
 * Waits until a condition holds in the page.
 * @template T
 * @param {Page} page
 * @param {(arg: T) => unknown} condition
 * @param {T} arg
 */
export function holds(page, condition, arg) {
  return page.waitForFunction(/** @type {any} */ (condition), arg);
}

/**
 * Faults of the page that axe-core finds, one a line.
 * @param {Page} page
 * @returns {Promise<string[]>}
 */
export async function accessibilityFaults(page) {
  await page.evaluate(axe);
  const result = await page.evaluate(() => /** @type {any} */ (window)
    .axe.run(document, { resultTypes: ['violations'] }));
  return result.violations.flatMap((/** @type {any} */ rule) =>
    rule.nodes.map((/** @type {any} */ node) =>
      `${rule.id}: ${node.html} ${node.failureSummary}`));
}
