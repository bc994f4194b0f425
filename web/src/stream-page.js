// SPDX-License-Identifier: Apache-2.0
// What one stream looks like. Knows no requests and no events: it is given
// statistics and shows them.
import { TimeChart } from './charts.js';
import { h, setText } from './dom.js';
import { count, figure, milliseconds, num, plusMinus, windowName }
  from './format.js';
import { Histogram } from './histogram.js';
import { href } from './router.js';
import { TopKeys } from './top-keys.js';

/**
 * @typedef {import('../runnel/runnel.d.ts').StreamStats} StreamStats
 * @typedef {import('./history.js').Series} Series
 * @typedef {import('./feed.js').FeedState} FeedState
 * @typedef {import('./anomalies.js').Anomalies} Anomalies
 *
 * @typedef {object} StreamDuties
 * @property {() => {stream: string, window: number}} place
 * @property {(window: number) => void} onWindow
 */

/** @type {Record<FeedState, string>} */
const FEED_WORDS = {
  connecting: 'connecting…',
  live: 'live',
  waiting: 'interrupted; trying again',
  resting: 'resting while out of sight',
  ended: 'the stream was deleted',
};
const RATE_METRICS = ['ANOMALY_METRIC_RATE'];
const UNIQUE_METRICS = ['ANOMALY_METRIC_UNIQUE_KEYS'];
const LATENCY_METRICS =
  ['ANOMALY_METRIC_LATENCY_P99', 'ANOMALY_METRIC_EVENT_LATENCY'];

export class StreamPage {
  /**
   * @param {string} name
   * @param {HTMLElement} anomalies
   * @param {StreamDuties} duties
   */
  constructor(name, anomalies, duties) {
    this.duties = duties;
    this.state = 'connecting';
    this.feed = h('p', { class: 'feed', 'data-state': 'connecting' });
    this.problem = h('p', { class: 'problem', hidden: true,
      'data-state': 'failed' });
    this.waiting = h('p', { class: 'empty' }, 'Waiting for the first figures…');
    this.windows = h('fieldset', { class: 'windows', hidden: true },
      h('legend', { class: 'unseen' }, 'Window'));
    this.tiles = h('dl', { class: 'tiles' });
    this.rate = new TimeChart('Events a second',
      [{ label: 'rate', color: '--series-1', area: true }], figure);
    this.latency = new TimeChart('Latency', [
      { label: 'p50', color: '--series-1' },
      { label: 'p90', color: '--series-2' },
      { label: 'p99', color: '--series-3' },
    ], milliseconds);
    this.unique = new TimeChart('Unique keys in the window',
      [{ label: 'keys', color: '--series-4', area: true }], figure);
    this.keys = new TopKeys(duties.place);
    this.value = new Histogram('Value');
    this.spread = new Histogram('Latency', milliseconds);
    this.body = h('div', { class: 'stream-body', hidden: true },
      this.tiles,
      h('div', { class: 'grid' },
        this.rate.element, this.latency.element,
        this.keys.element,
        h('div', { class: 'stack' }, this.value.element, this.spread.element),
        this.unique.element, anomalies));
    this.element = h('article', { class: 'stream' },
      h('a', { class: 'back', href: href('streams') }, 'Streams'),
      h('header', { class: 'item-head' },
        h('div', { class: 'item-title' },
          h('h1', { tabIndex: -1 }, name), this.feed),
        this.windows),
      this.problem, this.waiting, this.body);
  }

  destroy() {
    this.rate.destroy();
    this.latency.destroy();
    this.unique.destroy();
  }

  isLive() {
    return this.state === 'live';
  }

  /** @param {FeedState} state */
  showFeed(state) {
    this.state = state;
    this.feed.dataset.state = state;
    setText(this.feed, FEED_WORDS[state]);
  }

  /** @param {string} text why there is nothing to show */
  showNone(text) {
    this.body.hidden = true;
    this.waiting.hidden = false;
    setText(this.waiting, text);
  }

  /** @param {string} text */
  showProblem(text) {
    this.problem.hidden = false;
    setText(this.problem, text);
  }

  /**
   * @param {number[]} windows
   * @param {number} chosen
   */
  showWindows(windows, chosen) {
    this.windows.hidden = windows.length === 0;
    const sorted = windows.sort((a, b) => (a || Infinity) - (b || Infinity));
    const shown = [...this.windows.querySelectorAll('input')];
    if (shown.length !== sorted.length)
      this.windows.replaceChildren(
        /** @type {Element} */ (this.windows.firstElementChild),
        ...sorted.map((window) => this.windowChoice(window)));
    for (const input of this.windows.querySelectorAll('input'))
      input.checked = input.value === String(chosen);
  }

  /** @param {number} window */
  windowChoice(window) {
    return h('label', {},
      h('input', {
        type: 'radio', name: 'window', value: String(window),
        onchange: () => this.duties.onWindow(window),
      }),
      h('span', {}, windowName(window)));
  }

  /**
   * @param {StreamStats} stats
   * @param {Series} series
   * @param {number | null} rate live, events a second
   * @param {Anomalies} anomalies
   */
  show(stats, series, rate, anomalies) {
    this.waiting.hidden = true;
    this.problem.hidden = true;
    this.body.hidden = false;
    this.showTiles(stats, rate);
    this.rate.set(series.time, [series.rate], anomalies.of(RATE_METRICS));
    this.latency.set(series.time, [series.p50, series.p90, series.p99],
      anomalies.of(LATENCY_METRICS));
    this.unique.set(series.time, [series.unique],
      anomalies.of(UNIQUE_METRICS));
    this.keys.set(stats.topKeys ?? [], num(stats.count));
    this.value.set(stats.value);
    this.spread.set(stats.latencyMs);
  }

  /**
   * @param {StreamStats} stats
   * @param {number | null} rate
   */
  showTiles(stats, rate) {
    const { uniqueKeys, latencyMs } = stats;
    const p99 = latencyMs?.quantiles?.find((q) => num(q.q) === 0.99)?.value;
    const late = num(stats.lateEvents);
    /** @type {[string, string, string][]} */
    const tiles = [
      ['Rate now', rate === null ? '…' : `${figure(rate)}/s`,
        `mean ${figure(stats.rate)}/s`],
      ['Events', count(stats.count), late > 0 ? `${count(late)} late` : 'none late'],
      ['Unique keys', figure(Math.round(num(uniqueKeys?.value))),
        plusMinus(uniqueKeys)],
      ['p99 latency', num(latencyMs?.count) ? milliseconds(p99) : '–',
        num(latencyMs?.count) ? `mean ${milliseconds(latencyMs?.mean)}` : 'not sent'],
      ['Anomalies', count(stats.anomalyCount), 'in the window'],
    ];
    tiles.forEach((tile, i) => this.showTile(i, tile));
  }

  /**
   * @param {number} i
   * @param {[string, string, string]} tile
   */
  showTile(i, [name, value, note]) {
    if (!this.tiles.children[i])
      this.tiles.append(h('div', {},
        h('dt'), h('dd', { class: 'tile-value' }), h('dd', { class: 'tile-note' })));
    const [dt, main, below] = this.tiles.children[i].children;
    setText(dt, name);
    setText(main, value);
    setText(below, note);
  }
}
