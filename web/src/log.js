// SPDX-License-Identifier: Apache-2.0
// A job's log lines, folded away until there are some.
import { h } from './dom.js';

/** Older lines are dropped from the page. */
const KEPT_LINES = 1000;

export class LogView {
  constructor() {
    this.lines = h('ol', { class: 'log-lines' });
    this.element = h('details', { class: 'log', hidden: true },
      h('summary', {}, 'Log'), this.lines);
  }

  clear() {
    this.lines.replaceChildren();
    this.element.hidden = true;
  }

  /** @param {string} message */
  add(message) {
    this.element.hidden = false;
    this.lines.append(h('li', {}, message));
    if (this.lines.childElementCount > KEPT_LINES)
      this.lines.firstElementChild?.remove();
  }
}
