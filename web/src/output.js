// SPDX-License-Identifier: Apache-2.0
// A job's output as it arrives. A thousand pieces a second must not make a
// thousand layouts: pieces are gathered and written once a frame, into blocks
// that the browser can skip when they are out of sight.
import { h } from './dom.js';
import { textDecoder } from '../runnel/src/text.js';

/** A block is closed at the first line end after this many characters. */
const BLOCK_CHARS = 8192;
/** A line longer than this is cut into blocks all the same. */
const LINE_CHARS = 65_536;
/** What is kept on the page; the rest is behind the link. */
const KEPT_CHARS = 2_000_000;
/** Nearer to the bottom than this means: the person follows the output. */
const FOLLOW_PX = 40;

export class OutputView {
  constructor() {
    this.text = h('pre', {
      class: 'output-text', tabIndex: 0, role: 'log',
      'aria-live': 'off', 'aria-label': 'Output',
    });
    this.cut = h('p', { class: 'output-cut', hidden: true },
      'The beginning is no longer shown here; “Whole output” has all of it.');
    this.toEnd = h('button', {
      type: 'button', class: 'to-end', hidden: true,
      onclick: () => {
        this.jump();
        this.text.focus(); // the button goes away
      },
    }, 'To the newest');
    this.element = h('div', { class: 'output' },
      this.cut, this.text, this.toEnd);
    this.text.addEventListener('scroll', () => {
      this.toEnd.hidden = this.isAtEnd();
    }, { passive: true });
    this.text.addEventListener('keydown', (event) => {
      if (event.key === 'End')
        this.jump();
    });
    this.decode = textDecoder();
    /** @type {string[]} */
    this.pending = [];
    this.frame = 0;
    /** @type {Text | null} */
    this.open = null;
    this.chars = 0;
    this.bytes = 0;
  }

  clear() {
    this.text.replaceChildren();
    this.cut.hidden = true;
    this.decode = textDecoder();
    this.pending = [];
    this.open = null;
    this.chars = 0;
    this.bytes = 0;
  }

  /** @param {{text?: string, data?: string}} delta an OutputDelta */
  add(delta) {
    const { text, bytes } = this.decode(delta);
    this.bytes += bytes;
    this.pending.push(text);
    this.frame ||= requestAnimationFrame(() => this.flush());
  }

  isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.text;
    return scrollHeight - scrollTop - clientHeight < FOLLOW_PX;
  }

  /** To the end at once: a scroll that takes its time would never come up
   * with output that is fast. */
  jump() {
    this.text.scrollTop = this.text.scrollHeight;
    this.toEnd.hidden = true;
  }

  /** Shows what has been added, now. */
  flush() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const follow = this.isAtEnd();
    this.append(this.pending.join(''));
    this.pending = [];
    this.forget();
    if (follow)
      this.jump();
    else
      this.toEnd.hidden = false;
  }

  /** @param {string} text */
  append(text) {
    let from = 0;
    while (from < text.length) {
      const room = BLOCK_CHARS - (this.open?.length ?? 0);
      const to = blockEnd(text, from, room);
      const piece = text.slice(from, to);
      this.chars += piece.length;
      if (this.open)
        this.open.appendData(piece);
      else
        this.open = this.block(piece);
      if (piece.endsWith('\n') && this.open.length >= BLOCK_CHARS)
        this.closeBlock('whole');
      else if (this.open.length >= LINE_CHARS)
        this.closeBlock('part');
      from = to;
    }
  }

  /** @param {string} piece */
  block(piece) {
    const node = document.createTextNode(piece);
    this.text.append(h('span', {}, node));
    return node;
  }

  /** @param {string} how "whole": it ends with its line */
  closeBlock(how) {
    /** @type {Element} */ (this.text.lastElementChild).className = how;
    this.open = null;
  }

  /** Drops the oldest blocks above the limit. */
  forget() {
    while (this.chars > KEPT_CHARS && this.text.childElementCount > 1) {
      const oldest = /** @type {Element} */ (this.text.firstElementChild);
      this.chars -= oldest.textContent?.length ?? 0;
      oldest.remove();
      this.cut.hidden = false;
    }
  }
}

/**
 * Where to cut: after the first line end once `room` is used up, or after
 * LINE_CHARS when there is none.
 * @param {string} text
 * @param {number} from
 * @param {number} room
 */
function blockEnd(text, from, room) {
  const line = text.indexOf('\n', from + Math.max(0, room - 1));
  const end = line < 0 ? text.length : line + 1;
  return Math.min(end, from + LINE_CHARS);
}
