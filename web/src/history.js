// SPDX-License-Identifier: Apache-2.0
// The recent past of a stream, made of the snapshots that this page has seen:
// what the charts over time draw. Pure: time comes in with each call.
import { num } from './format.js';

/**
 * @typedef {import('../runnel/runnel.d.ts').Snapshot} Snapshot
 * @typedef {import('../runnel/runnel.d.ts').StreamStats} StreamStats
 *
 * @typedef {object} Series columns of equal length
 * @property {number[]} time seconds since 1970
 * @property {(number | null)[]} rate
 * @property {(number | null)[]} p50
 * @property {(number | null)[]} p90
 * @property {(number | null)[]} p99
 * @property {(number | null)[]} unique
 */

/** Points kept for each window: half an hour at one a second. */
const KEPT = 1800;
/** The server sends a snapshot a second while something changes. */
const INTERVAL_S = 1;
/** A longer silence than this is a gap in the lines. */
const GAP_S = 15;

/** @returns {Series} */
function empty() {
  return { time: [], rate: [], p50: [], p90: [], p99: [], unique: [] };
}

export class History {
  constructor() {
    /** @type {Map<number, Series>} by window */
    this.windows = new Map();
    /** @type {{time: number, count: number} | null} */
    this.before = null;
    /** @type {number | null} */
    this.rate = null;
  }

  /**
   * Takes in a snapshot.
   * @param {Snapshot} snapshot
   * @param {number} now milliseconds since 1970, if the snapshot has no time
   */
  add(snapshot, now) {
    const time = (snapshot.time ? Date.parse(snapshot.time) : now) / 1000;
    const all = snapshot.windows?.find((w) => num(w.windowSeconds) === 0);
    if (all)
      this.rate = this.liveRate(time, num(all.count));
    for (const stats of snapshot.windows ?? [])
      this.push(stats, time);
  }

  /**
   * Events a second since the last snapshot: livelier than the rate of any
   * window.
   * @param {number} time
   * @param {number} count
   */
  liveRate(time, count) {
    const { before } = this;
    this.before = { time, count };
    if (!before || time <= before.time || count < before.count)
      return this.rate;
    // An instant after a silence the time since is that of a look, not of the
    // events: they took up to the interval of the snapshots.
    return (count - before.count) / Math.max(INTERVAL_S, time - before.time);
  }

  /**
   * Adds the silence since the last snapshot: the server sends none while
   * nothing changes, so what is no rate stays as it was.
   * @param {number} now milliseconds since 1970
   */
  idle(now) {
    if (!this.before)
      return;
    this.before.time = now / 1000;
    this.rate = 0;
    for (const series of this.windows.values())
      append(series, now / 1000, {
        p50: latest(series.p50), p90: latest(series.p90),
        p99: latest(series.p99), unique: latest(series.unique), rate: 0,
      });
  }

  /**
   * @param {StreamStats} stats
   * @param {number} time
   */
  push(stats, time) {
    const window = num(stats.windowSeconds);
    let series = this.windows.get(window);
    if (!series)
      this.windows.set(window, series = empty());
    const last = series.time.at(-1);
    if (last !== undefined && time <= last)
      return;
    if (last !== undefined && time - last > GAP_S)
      append(series, last + 1, {});
    append(series, time, {
      rate: this.rate,
      p50: quantile(stats, 0.5),
      p90: quantile(stats, 0.9),
      p99: quantile(stats, 0.99),
      unique: num(stats.uniqueKeys?.value),
    });
  }

  /**
   * @param {number} window
   * @returns {Series}
   */
  of(window) {
    return this.windows.get(window) ?? empty();
  }
}

/** @param {(number | null)[]} column */
function latest(column) {
  return column.at(-1) ?? null;
}

/**
 * @param {Series} series
 * @param {number} time
 * @param {Record<string, number | null>} point absent columns are gaps
 */
function append(series, time, point) {
  const { time: times, ...columns } = series;
  times.push(time);
  for (const [name, column] of Object.entries(columns))
    column.push(point[name] ?? null);
  if (times.length > KEPT)
    Object.values(series).forEach((column) => column.shift());
}

/**
 * @param {StreamStats} stats
 * @param {number} q
 * @returns {number | null}
 */
function quantile(stats, q) {
  if (num(stats.latencyMs?.count) === 0)
    return null;
  const found = stats.latencyMs?.quantiles?.find(
    (one) => Math.abs(num(one.q) - q) < 1e-9);
  return found ? num(found.value) : null;
}
