// SPDX-License-Identifier: Apache-2.0
// Which part of a long list is shown: a page of it, and the way to the pages
// beside it. A page holds few enough rows for any browser and screen reader,
// however long the list is.
import { announce, h, setText } from './dom.js';
import { count } from './format.js';

export class Pager {
  /**
   * @param {number} size rows of a page
   * @param {() => void} onTurn another page is wanted
   */
  constructor(size, onTurn) {
    this.size = size;
    this.onTurn = onTurn;
    this.page = 0;
    /** Where each page begins, as far as one has come. */
    this.tokens = [''];
    this.newer = this.button('Newer', -1);
    this.older = this.button('Older', 1);
    this.words = h('span', {});
    this.element = h('nav', {
      class: 'pager', 'aria-label': 'Pages of the list', hidden: true,
    }, this.newer, this.words, this.older);
  }

  /**
   * Not `disabled` where there is no page: the button would lose the focus
   * under the person who pressed it.
   * @param {string} label
   * @param {number} step
   */
  button(label, step) {
    return h('button', { type: 'button', onclick: () => {
      if (this.has(step))
        this.turn(this.page + step);
    } }, label);
  }

  /** @param {number} step */
  has(step) {
    return this.page + step >= 0 && this.tokens.length > this.page + step;
  }

  get token() {
    return this.tokens[this.page];
  }

  /** @param {number} page */
  turn(page) {
    this.page = page;
    announce(`Page ${page + 1}`);
    this.onTurn();
  }

  /** Back to the first page, of another list. */
  reset() {
    this.page = 0;
    this.tokens = [''];
  }

  /**
   * What the page has.
   * @param {number} rows
   * @param {string} [nextToken] none: it is the last
   */
  set(rows, nextToken) {
    this.tokens.length = this.page + 1;
    if (nextToken)
      this.tokens.push(nextToken);
    const first = this.page * this.size;
    setText(this.words, rows > 0
      ? `${count(first + 1)}–${count(first + rows)}` : 'none so far');
    this.element.hidden = this.tokens.length === 1;
    this.newer.setAttribute('aria-disabled', String(!this.has(-1)));
    this.older.setAttribute('aria-disabled', String(!this.has(1)));
  }
}
