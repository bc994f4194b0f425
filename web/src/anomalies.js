// SPDX-License-Identifier: Apache-2.0
// What drew attention in a stream: the newest first, in plain words.
import { h } from './dom.js';
import { clock, figure, milliseconds, num } from './format.js';

/** @typedef {import('../runnel/runnel.d.ts').Anomaly} Anomaly */

const KEPT = 50;

/** @type {Record<string, {name: string, format: (v: any) => string}>} */
const METRICS = {
  ANOMALY_METRIC_RATE: { name: 'Rate', format: (v) => `${figure(v)}/s` },
  ANOMALY_METRIC_VALUE_MEAN: { name: 'Mean value', format: figure },
  ANOMALY_METRIC_LATENCY_P99: { name: 'p99 latency', format: milliseconds },
  ANOMALY_METRIC_UNIQUE_KEYS: { name: 'Unique keys', format: figure },
  ANOMALY_METRIC_EVENT_VALUE: { name: 'Value of one event', format: figure },
  ANOMALY_METRIC_EVENT_LATENCY: {
    name: 'Latency of one event', format: milliseconds,
  },
};

/** @type {Record<string, string>} */
const METHODS = {
  ANOMALY_METHOD_EWMA: 'moving average',
  ANOMALY_METHOD_MEDIAN_MAD: 'median of recent panes',
  ANOMALY_METHOD_THRESHOLD: 'threshold',
};

/**
 * An anomaly in one sentence.
 * @param {Anomaly} anomaly
 * @returns {string}
 */
export function anomalyWords({ metric, method, observed, baseline, score,
  threshold, key }) {
  const { name, format } = METRICS[metric ?? ''] ?? { name: 'Value', format: figure };
  const of = key ? ` (${key})` : '';
  if (method === 'ANOMALY_METHOD_THRESHOLD')
    return `${name}${of} ${format(observed)}, above ${format(threshold)}`;
  return `${name}${of} ${format(observed)}, usually ${format(baseline)}; ` +
    `score ${figure(score)} by ${METHODS[method ?? ''] ?? 'an unknown method'}`;
}

export class Anomalies {
  constructor() {
    this.list = h('ol', { class: 'anomalies' });
    this.empty = h('p', { class: 'empty' },
      'Nothing unusual so far. A jump of rate, mean, p99 latency or unique ' +
      'keys is listed here and marked in the charts.');
    this.element = h('section', { class: 'card', 'aria-label': 'Anomalies' },
      h('h2', {}, 'Anomalies'), this.empty, this.list);
    /** @type {{time: number, metric: string}[]} */
    this.marks = [];
    this.last = 0;
  }

  clear() {
    this.list.replaceChildren();
    this.empty.hidden = false;
    this.marks = [];
    this.last = 0;
  }

  /** @param {Anomaly} anomaly one that was seen before is left out */
  add(anomaly) {
    const sequence = num(anomaly.sequence);
    if (sequence <= this.last)
      return;
    this.last = sequence;
    this.empty.hidden = true;
    this.marks.push({
      time: Date.parse(anomaly.time ?? '') / 1000,
      metric: anomaly.metric ?? '',
    });
    this.list.prepend(h('li', {},
      h('time', { dateTime: anomaly.time ?? '' }, clock(anomaly.time)),
      h('span', {}, anomalyWords(anomaly))));
    if (this.list.childElementCount > KEPT) {
      this.list.lastElementChild?.remove();
      this.marks.shift();
    }
  }

  /**
   * The marks of a chart.
   * @param {string[]} metrics
   */
  of(metrics) {
    return this.marks.filter(({ metric }) => metrics.includes(metric));
  }
}
