// SPDX-License-Identifier: Apache-2.0
// Figures and times as a person reads them. All functions are pure and take
// the forms of protobuf's JSON: 64-bit integers as strings, absent zeros,
// "NaN" and "Infinity" as strings.

/** @typedef {string | number | bigint | null | undefined} Numeric */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', {
  notation: 'compact',
  minimumSignificantDigits: 3,
  maximumSignificantDigits: 3,
});

/**
 * The number that a JSON field stands for; absent is 0, as in protobuf.
 * @param {Numeric} value
 * @returns {number}
 */
export function num(value) {
  return value === null || value === undefined ? 0 : Number(value);
}

/**
 * A count in full: "1,234,567". Exact above 2^53 as well.
 * @param {Numeric} value
 * @returns {string}
 */
export function count(value) {
  if (typeof value === 'string' && /^-?\d+$/.test(value))
    return whole.format(BigInt(value));
  return whole.format(typeof value === 'bigint' ? value : num(value));
}

/**
 * A figure for a small place: "1,234", "12.3", "0.0123", "4.56M".
 * @param {Numeric} value
 * @returns {string}
 */
export function figure(value) {
  const n = num(value);
  if (!Number.isFinite(n))
    return '–';
  const size = Math.abs(n);
  if (size >= 1e6)
    return short.format(n);
  if (size >= 1000 || Number.isInteger(n))
    return whole.format(n);
  return trimmed(n, size >= 1 ? 3 : 2);
}

/**
 * @param {number} n
 * @param {number} digits significant ones
 */
function trimmed(n, digits) {
  const text = n.toPrecision(digits);
  return text.includes('e') ? text : String(Number(text));
}

/**
 * Milliseconds with the unit that suits: "0.25 ms", "840 ms", "1.53 s".
 * @param {Numeric} value
 * @returns {string}
 */
export function milliseconds(value) {
  const ms = num(value);
  if (!Number.isFinite(ms))
    return '–';
  if (ms < 1000)
    return `${trimmed(ms, 3)} ms`;
  if (ms < 60_000)
    return `${trimmed(ms / 1000, 3)} s`;
  return duration(ms);
}

/**
 * A span of time: "420 ms", "3.2 s", "2 min 05 s", "3 h 20 min".
 * @param {number} ms
 * @returns {string}
 */
export function duration(ms) {
  const pad = (/** @type {number} */ n) => String(n).padStart(2, '0');
  if (ms < 1000)
    return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000)
    return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 3600)
    return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/**
 * How long ago a time was: "just now", "40 s ago", "5 min ago", "3 h ago",
 * then the date.
 * @param {string | undefined} time RFC 3339
 * @param {number} now milliseconds since 1970
 * @returns {string}
 */
export function ago(time, now) {
  if (!time)
    return '';
  const seconds = Math.floor((now - Date.parse(time)) / 1000);
  if (seconds < 5)
    return 'just now';
  if (seconds < 60)
    return `${seconds} s ago`;
  if (seconds < 3600)
    return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400)
    return `${Math.floor(seconds / 3600)} h ago`;
  return time.slice(0, 10);
}

/**
 * Bytes: "812 B", "1.4 KB", "3.2 MB", in powers of 1,000.
 * @param {Numeric} value
 * @returns {string}
 */
export function bytes(value) {
  let n = num(value);
  if (n < 1000)
    return `${n} B`;
  let unit = 0;
  do {
    n /= 1000;
    unit++;
  } while (n >= 999.5 && unit < 4);
  return `${n >= 99.5 ? n.toFixed(0) : n.toFixed(1)} ${'.KMGT'[unit]}B`;
}

/**
 * Half the width of an estimate's interval, relative to its value: "± 0.8 %";
 * "exact" where the bounds meet.
 * @param {{value?: Numeric, lower?: Numeric, upper?: Numeric} | undefined} e
 * @returns {string}
 */
export function plusMinus(e) {
  const value = num(e?.value);
  const half = (num(e?.upper) - num(e?.lower)) / 2;
  if (!(half > 0) || !(value > 0))
    return 'exact';
  return `± ${trimmed(half / value * 100, 2)} %`;
}

/**
 * A share of a whole: "12.3 %", "< 0.1 %".
 * @param {number} part
 * @param {number} all
 * @returns {string}
 */
export function share(part, all) {
  if (!(all > 0))
    return '–';
  const percent = part / all * 100;
  if (percent > 0 && percent < 0.1)
    return '< 0.1 %';
  return `${percent.toFixed(1)} %`;
}

/**
 * The time of day on this machine's clock: "14:03:22".
 * @param {string | number | undefined} time RFC 3339, or milliseconds
 * @returns {string}
 */
export function clock(time) {
  if (time === undefined)
    return '';
  return new Date(time).toLocaleTimeString('en-GB');
}

/**
 * A window of statistics: "1 min", "1 h", "90 s"; 0 is all time.
 * @param {number} seconds
 * @returns {string}
 */
export function windowName(seconds) {
  if (seconds === 0)
    return 'All time';
  if (seconds % 3600 === 0)
    return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}
