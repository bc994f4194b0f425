// SPDX-License-Identifier: Apache-2.0
// All streams side by side, each with its rate over the last minute. One
// connection carries them all (GET /v1/events), since a browser has six.
import { client, isRefused } from './api.js';
import { h, setText, svg } from './dom.js';
import { count, figure, milliseconds, num } from './format.js';
import { History } from './history.js';
import { href } from './router.js';
import { Feed } from './feed.js';

/**
 * @typedef {import('../runnel/runnel.d.ts').StreamInfo} StreamInfo
 * @typedef {import('../runnel/runnel.d.ts').StreamStats} StreamStats
 * @typedef {import('../runnel/runnel.d.ts').Snapshot} Snapshot
 */

/** The bridge follows up to 64 in one connection. */
const STREAMS_MAX = 64;
/** Points of a line: a minute. */
const POINTS = 60;
const WIDTH = 240;
const HEIGHT = 44;

export class Overview {
  constructor() {
    this.element = h('div', { class: 'overview' });
    /** @type {Map<string, Card>} */
    this.cards = new Map();
    this.key = '';
    /** @type {Feed | null} */
    this.feed = null;
  }

  destroy() {
    this.feed?.close();
  }

  /** @param {StreamInfo[]} streams */
  set(streams) {
    const shown = streams.slice(0, STREAMS_MAX);
    const names = shown.map(({ config }) => config.name);
    const window = commonWindow(shown);
    const key = JSON.stringify([names, window]);
    if (key === this.key)
      return;
    this.key = key;
    for (const name of names)
      if (!this.cards.has(name))
        this.cards.set(name, new Card(name));
    for (const name of [...this.cards.keys()])
      if (!names.includes(name))
        this.cards.delete(name);
    this.element.replaceChildren(
      ...names.map((name) => /** @type {Card} */ (this.cards.get(name)).element));
    this.follow(names, window);
  }

  /**
   * @param {string[]} names
   * @param {number} window
   */
  follow(names, window) {
    this.feed?.close();
    this.feed = new Feed({
      watch: (options) => client.watchMany({ streams: names },
        { ...options, windows: [...new Set([0, window])], top: 1 }),
      onUpdate: ({ event, data }) => {
        if (event === 'stats')
          this.cards.get(data.stream)?.take(data.event, window);
        else if (event === 'reset')
          this.cards.get(data.stream)?.clear();
      },
      onState: () => {},
      onError: (error) => !isRefused(error),
    });
  }
}

class Card {
  /** @param {string} name */
  constructor(name) {
    this.history = new History();
    this.rate = h('span', { class: 'card-rate' }, '…');
    this.line = svg('polyline', { points: '' });
    this.spark = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'spark',
      preserveAspectRatio: 'none', 'aria-hidden': 'true' });
    this.spark.append(this.line);
    this.facts = h('span', { class: 'card-facts' });
    this.alarm = h('span', { class: 'badge', 'data-state': 'failed', hidden: true });
    this.element = h('a', { class: 'card stream-card', href: href('streams', name) },
      h('span', { class: 'card-name' }, name), this.alarm, this.rate,
      /** @type {any} */ (this.spark), this.facts);
  }

  clear() {
    this.history = new History();
    setText(this.rate, '…');
    this.line.setAttribute('points', '');
  }

  /**
   * @param {Snapshot} snapshot
   * @param {number} window seconds
   */
  take(snapshot, window) {
    this.history.add(snapshot, Date.now());
    const stats = snapshot.windows?.find((w) => num(w.windowSeconds) === window);
    const { rate } = this.history;
    setText(this.rate, rate === null ? '…' : `${figure(rate)}/s`);
    this.line.setAttribute('points', points(this.history.of(0).rate));
    if (stats)
      this.show(stats);
  }

  /** @param {StreamStats} stats */
  show({ count: events, uniqueKeys, latencyMs, anomalyCount }) {
    const p99 = latencyMs?.quantiles?.find(({ q }) => num(q) === 0.99)?.value;
    const unusual = num(anomalyCount);
    setText(this.facts, [num(events) === 1 ? '1 event' : `${count(events)} events`,
      `${figure(Math.round(num(uniqueKeys?.value)))} keys`,
      ...num(latencyMs?.count) ? [`p99 ${milliseconds(p99)}`] : []]
      .map((part) => part.replaceAll(' ', '\u00a0')).join(' · '));
    this.alarm.hidden = unusual === 0;
    setText(this.alarm, `${unusual} unusual`);
  }
}

/**
 * The shortest window that every stream has; 0, all time, if none is.
 * @param {StreamInfo[]} streams
 */
function commonWindow(streams) {
  const [first = [], ...rest] =
    streams.map(({ config }) => config.windowSeconds ?? []);
  const common = first.filter((seconds) =>
    rest.every((windows) => windows.includes(seconds)));
  return common.length > 0 ? Math.min(...common) : 0;
}

/**
 * A line from left to right, the newest value at the right edge.
 * @param {(number | null)[]} rates
 */
function points(rates) {
  const last = rates.filter((rate) => rate !== null).slice(-POINTS);
  const highest = Math.max(...last, 1e-9);
  const left = POINTS - last.length;
  return last.map((rate, i) =>
    `${((left + i) / (POINTS - 1) * WIDTH).toFixed(1)},` +
    `${(HEIGHT - 2 - rate / highest * (HEIGHT - 4)).toFixed(1)}`).join(' ');
}
