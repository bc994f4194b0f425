// SPDX-License-Identifier: Apache-2.0
// Lines over time, drawn by uPlot in the colours of the style sheet.
import uPlot from 'uplot';
import { h, setText } from './dom.js';

/**
 * @typedef {object} Line
 * @property {string} label
 * @property {string} color name of a custom property of the style sheet
 * @property {boolean} [area] filled down to zero
 *
 * @typedef {object} Mark
 * @property {number} time seconds since 1970
 */

const HEIGHT = 170;
/** Room for the labels of the axis of values, and right of the plot. */
const AXIS_WIDTH = 56;
const RIGHT = 6;
/** Of "16:17:30", which is centred below its time. */
const CLOCK_WIDTH = 52;
/** Time shown at least and at most, in seconds. */
const SPAN_MIN = 60;
const SPAN_MAX = 300;

/** @param {string} name */
function color(name) {
  return getComputedStyle(document.documentElement)
    .getPropertyValue(name).trim();
}

export class TimeChart {
  /**
   * @param {string} title
   * @param {Line[]} lines
   * @param {(value: number) => string} format
   */
  constructor(title, lines, format) {
    this.lines = lines;
    this.format = format;
    /** @type {Mark[]} */
    this.marks = [];
    /** @type {(number | null)[][]} */
    this.data = [[], ...lines.map(() => [])];
    this.values = lines.map(() => h('b', {}, '–'));
    this.plotBox = h('div', { class: 'plot', role: 'img',
      'aria-label': `${title}, over the last minutes` });
    this.element = h('figure', { class: 'card chart' },
      h('figcaption', {}, h('span', {}, title), this.legend()), this.plotBox);
    this.plot = this.draw();
    this.resizer = new ResizeObserver(() => this.resize());
    this.resizer.observe(this.plotBox);
    this.scheme = matchMedia('(prefers-color-scheme: dark)');
    this.recolor = () => this.redraw();
    this.scheme.addEventListener('change', this.recolor);
  }

  destroy() {
    this.resizer.disconnect();
    this.scheme.removeEventListener('change', this.recolor);
    this.plot.destroy();
  }

  legend() {
    return h('span', { class: 'legend' }, ...this.lines.map((line, i) => {
      const swatch = h('i', { 'aria-hidden': 'true' });
      swatch.style.background = `var(${line.color})`;
      return h('span', {}, swatch, `${line.label} `, this.values[i]);
    }));
  }

  /**
   * @param {number[]} time
   * @param {(number | null)[][]} columns one a line
   * @param {Mark[]} marks
   */
  set(time, columns, marks) {
    this.data = [time, ...columns];
    this.marks = marks;
    this.plot.setData(/** @type {uPlot.AlignedData} */ (this.data));
    this.showValues(null);
  }

  /** @param {number | null} index of the point under the cursor, or the last */
  showValues(index) {
    this.values.forEach((element, i) => {
      const column = this.data[i + 1];
      const value = column[index ?? column.length - 1];
      setText(element, value === null || value === undefined
        ? '–' : this.format(value));
    });
  }

  resize() {
    const width = this.plotBox.clientWidth;
    if (width > 0 && width !== this.plot.width)
      this.plot.setSize({ width, height: HEIGHT });
  }

  redraw() {
    this.plot.destroy();
    this.plot = this.draw();
  }

  draw() {
    const muted = color('--muted');
    const grid = { stroke: color('--line'), width: 1 };
    const font = '11px system-ui, sans-serif';
    const axis = { stroke: muted, grid, font, ticks: { show: false } };
    return new uPlot({
      width: this.plotBox.clientWidth || 400,
      height: HEIGHT,
      padding: [12, RIGHT, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 7 } },
      scales: {
        x: { range: (_, min, max) => span(min, max) },
        y: { range: (_, min, max) => fromZero(min, max) },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 26, space: 70,
          values: clocks },
        { ...axis, size: AXIS_WIDTH, space: 34,
          values: (_, values) => values.map(this.format) },
      ],
      series: [{}, ...this.lines.map(seriesOf)],
      hooks: {
        draw: [(plot) => this.drawMarks(plot)],
        setCursor: [(plot) => this.showValues(plot.cursor.idx ?? null)],
      },
    }, /** @type {uPlot.AlignedData} */ (this.data), this.plotBox);
  }

  /**
   * Anomalies: a line from top to bottom with a flag at the top.
   * @param {uPlot} plot
   */
  drawMarks(plot) {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio || 1;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = color('--bad');
    ctx.lineWidth = ratio;
    for (const { time } of this.marks) {
      const x = Math.round(plot.valToPos(time, 'x', true)) + 0.5;
      if (!(x >= bbox.left && x <= bbox.left + bbox.width))
        continue;
      drawMark(ctx, x, bbox.top, bbox.height, ratio);
    }
    ctx.restore();
  }
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {number} x
 * @param {number} top
 * @param {number} height
 * @param {number} ratio device pixels a CSS pixel
 */
function drawMark(ctx, x, top, height, ratio) {
  ctx.globalAlpha = 0.45;
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  ctx.beginPath();
  ctx.moveTo(x, top);
  ctx.lineTo(x, top + height);
  ctx.stroke();
  ctx.globalAlpha = 1;
  ctx.beginPath();
  ctx.moveTo(x - 4 * ratio, top);
  ctx.lineTo(x + 4 * ratio, top);
  ctx.lineTo(x, top + 6 * ratio);
  ctx.fill();
}

/**
 * @param {Line} line
 * @returns {uPlot.Series}
 */
function seriesOf(line) {
  const stroke = color(line.color);
  return {
    label: line.label,
    stroke,
    width: 1.75,
    fill: line.area ? `${stroke}22` : undefined, // tokens are #rrggbb
    points: { show: false },
    spanGaps: false,
  };
}

/**
 * @param {number} min
 * @param {number} max
 * @returns {[number, number]}
 */
function span(min, max) {
  const end = max ?? Date.now() / 1000;
  const width = Math.min(SPAN_MAX, Math.max(SPAN_MIN, end - (min ?? end)));
  return [end - width, end];
}

/**
 * @param {number} min
 * @param {number} max
 * @returns {[number, number]}
 */
function fromZero(min, max) {
  if (!(max > 0))
    return [Math.min(0, min ?? 0), 1];
  return [Math.min(0, min), max * 1.12];
}

/**
 * Labels of times; none where its end would be outside of the canvas.
 * @param {uPlot} plot
 * @param {number[]} times
 */
function clocks(plot, times) {
  const { min = 0, max = 0 } = plot.scales.x;
  const secondsPerPixel = (max - min) / (plot.width - AXIS_WIDTH - RIGHT);
  const last = max - (CLOCK_WIDTH / 2 - RIGHT) * secondsPerPixel;
  return times.map((time) => time <= last ? clockOf(time) : '');
}

/** @param {number} seconds */
function clockOf(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB');
}
