// SPDX-License-Identifier: Apache-2.0
// One stream, live: its figures, charts, keys and anomalies in the window
// that the person chose. All windows are received, so that a change of window
// needs no request and keeps the lines that were drawn.
import { client, RunnelError } from './api.js';
import { Anomalies } from './anomalies.js';
import { num } from './format.js';
import { History } from './history.js';
import { href, stay } from './router.js';
import { Feed } from './feed.js';
import { StreamPage } from './stream-page.js';

/**
 * @typedef {import('../runnel/runnel.d.ts').Snapshot} Snapshot
 * @typedef {import('../runnel/runnel.d.ts').StreamStats} StreamStats
 */

/** The server sends a snapshot a second while something changes. */
const IDLE_MS = 2500;
const TICK_MS = 1000;
const NONE = 'There is no stream of this name now. Its first event makes it, ' +
  'and then it is shown here.';

export class StreamView {
  /**
   * @param {string} name
   * @param {number} window seconds; 0 for all time
   */
  constructor(name, window) {
    this.name = name;
    this.window = window;
    /** @type {Map<number, StreamStats>} */
    this.stats = new Map();
    this.history = new History();
    this.anomalies = new Anomalies();
    this.heard = 0;
    this.page = new StreamPage(name, this.anomalies.element, {
      place: () => ({ stream: name, window: this.window }),
      onWindow: (chosen) => this.choose(chosen),
    });
    this.element = this.page.element;
    this.feed = this.follow();
    this.ticker = setInterval(() => this.tick(), TICK_MS);
  }

  destroy() {
    clearInterval(this.ticker);
    this.feed.close();
    this.page.destroy();
  }

  follow() {
    return new Feed({
      watch: (options) => client.watchStats(this.name, options),
      onUpdate: ({ event, data }) => {
        if (event === 'anomaly')
          this.anomalies.add(data);
        else if (event === 'stats')
          this.take(data);
        else
          this.restart();
      },
      onState: (state) => this.page.showFeed(state),
      onError: (error) => this.failed(error),
    });
  }

  /**
   * Whether the stream may come to be, so that it is worth trying again.
   * @param {Error} error
   */
  failed(error) {
    if (error instanceof RunnelError && error.status === 404) {
      this.page.showNone(NONE);
      return true; // its first event may be on the way
    }
    this.page.showProblem(error.message);
    return false;
  }

  /** @param {Snapshot} snapshot */
  take(snapshot) {
    this.heard = Date.now();
    this.history.add(snapshot, this.heard);
    for (const stats of snapshot.windows ?? [])
      this.stats.set(num(stats.windowSeconds), stats);
    this.page.showWindows([...this.stats.keys()], this.window);
    this.show();
  }

  tick() {
    if (this.heard === 0 || Date.now() - this.heard < IDLE_MS)
      return;
    if (this.page.isLive())
      this.history.idle(Date.now());
    this.show();
  }

  show() {
    const window = this.stats.has(this.window) ? this.window : 0;
    const stats = this.stats.get(window);
    if (stats)
      this.page.show(
        stats, this.history.of(window), this.history.rate, this.anomalies);
  }

  /** @param {number} window */
  choose(window) {
    this.window = window;
    stay(href('streams', this.name, { window: String(window) }));
    this.page.showWindows([...this.stats.keys()], window);
    this.show();
  }

  /** The server began anew: what is shown is of another time. */
  restart() {
    this.stats.clear();
    this.history = new History();
    this.anomalies.clear();
    this.heard = 0;
    this.page.showNone('Waiting for the first figures…');
  }
}

