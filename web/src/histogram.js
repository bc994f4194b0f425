// SPDX-License-Identifier: Apache-2.0
// A distribution as bars. The server's buckets grow with the value, so each
// gets the same width here: the axis is logarithmic where they are, and long
// tails stay visible.
import { h, setText, svg } from './dom.js';
import { count, figure, num, share } from './format.js';

/**
 * @typedef {import('../runnel/runnel.d.ts').Distribution} Distribution
 * @typedef {import('../runnel/runnel.d.ts').Bucket} Bucket
 */

const WIDTH = 600;
const HEIGHT = 150;
const LABELS = 5;
const QUANTILES = [0.5, 0.9, 0.99];

export class Histogram {
  /**
   * @param {string} title
   * @param {(value: number) => string} format
   */
  constructor(title, format = figure) {
    this.format = format;
    this.bars = svg('svg', {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none',
      role: 'img', 'aria-label': `${title}: histogram`, class: 'bars',
    });
    this.axis = h('div', { class: 'bars-axis', 'aria-hidden': 'true' });
    this.summary = h('span', { class: 'legend' });
    this.hint = h('p', { class: 'bars-hint' });
    this.empty = h('p', { class: 'empty' }, 'No figures yet.');
    this.element = h('figure', { class: 'card' },
      h('figcaption', {}, h('span', {}, title), this.summary),
      this.empty, /** @type {any} */ (this.bars), this.axis, this.hint);
  }

  /** @param {Distribution | undefined} distribution */
  set(distribution) {
    const buckets = distribution?.histogram ?? [];
    const none = num(distribution?.count) === 0 || buckets.length === 0;
    this.empty.hidden = !none;
    this.bars.toggleAttribute('hidden', none);
    this.axis.hidden = none;
    this.element.classList.toggle('has-none', none);
    setText(this.summary, none ? '' : this.words(distribution ?? {}));
    setText(this.hint, none ? '' : this.bounds(distribution ?? {}));
    if (none)
      return;
    this.draw(buckets, num(distribution?.count));
    this.label(buckets);
  }

  /** @param {Distribution} distribution */
  words({ mean, stddev, quantiles }) {
    const at = (/** @type {number} */ q) => quantiles?.find(
      (one) => Math.abs(num(one.q) - q) < 1e-9)?.value;
    const parts = QUANTILES.map((q) =>
      `p${Math.round(q * 100)} ${this.format(num(at(q)))}`);
    // A line breaks between figures, not between a figure and its unit.
    return [`mean ${this.format(num(mean))}`,
      `σ ${this.format(num(stddev))}`, ...parts]
      .map((part) => part.replaceAll(' ', '\u00a0')).join(' · ');
  }

  /** @param {Distribution} distribution */
  bounds({ min, max, quantileRelativeError, roughCount, meanError,
    stddevError }) {
    const error = num(quantileRelativeError) * 100;
    const ends =
      `From ${this.format(num(min))} to ${this.format(num(max))}`;
    // Of values that came as the buckets of another program.
    if (num(roughCount) > 0)
      return `${ends}; mean within ± ${this.format(num(meanError))}, ` +
        `σ within ± ${this.format(num(stddevError))}, ` +
        `all else within ± ${error.toPrecision(2)} %`;
    return error > 0
      ? `${ends}, exact; quantiles within ± ${error.toPrecision(2)} %`
      : ends;
  }

  /**
   * @param {Bucket[]} buckets
   * @param {number} all
   */
  draw(buckets, all) {
    const highest = Math.max(...buckets.map((b) => num(b.count)), 1);
    const step = WIDTH / buckets.length;
    while (this.bars.childElementCount > buckets.length)
      this.bars.lastElementChild?.remove();
    buckets.forEach((bucket, i) => {
      let bar = this.bars.children[i];
      if (!bar) {
        bar = svg('rect');
        bar.append(svg('title'));
        this.bars.append(bar);
      }
      const height = num(bucket.count) / highest * (HEIGHT - 2);
      bar.setAttribute('x', (i * step + step * 0.08).toFixed(2));
      bar.setAttribute('width', (step * 0.84).toFixed(2));
      bar.setAttribute('y', (HEIGHT - height).toFixed(2));
      bar.setAttribute('height', height.toFixed(2));
      setText(/** @type {Element} */ (bar.firstElementChild),
        this.tip(bucket, all));
    });
  }

  /**
   * @param {Bucket} bucket
   * @param {number} all
   */
  tip({ lower, upper, count: n }, all) {
    return `${this.format(num(lower))} to ${this.format(num(upper))}: ` +
      `${count(n)} (${share(num(n), all)})`;
  }

  /** @param {Bucket[]} buckets */
  label(buckets) {
    const edges = [...buckets.map((b) => num(b.lower)),
      num(buckets[buckets.length - 1].upper)];
    for (let i = 0; i < LABELS; i++) {
      const edge = edges[Math.round(i * (edges.length - 1) / (LABELS - 1))];
      if (!this.axis.children[i])
        this.axis.append(h('span'));
      setText(this.axis.children[i], this.format(edge));
    }
  }
}
