// SPDX-License-Identifier: Apache-2.0
// The most frequent keys, as bars with their bounds, and a look-up of any
// other key: its frequency is known too, though it is in no list.
import { client } from './api.js';
import { h, setText } from './dom.js';
import { count, num, share } from './format.js';
import { keepRows } from './split.js';

/** @typedef {import('../runnel/runnel.d.ts').KeyFrequency} KeyFrequency */

export class TopKeys {
  /** @param {() => {stream: string, window: number}} place what is shown */
  constructor(place) {
    this.place = place;
    this.list = h('ol', { class: 'keys' });
    this.empty = h('p', { class: 'empty' }, 'No key yet.');
    this.answer = h('output', { class: 'lookup-answer' });
    this.entry = h('input', {
      type: 'search', name: 'key', placeholder: 'any key',
      'aria-label': 'Key to look up', autocomplete: 'off', spellcheck: false,
    });
    this.element = h('section', { class: 'card', 'aria-label': 'Top keys' },
      h('h2', {}, 'Top keys'), this.empty, this.list,
      h('form', { class: 'lookup', onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        this.lookUp();
      } }, this.entry, h('button', { type: 'submit' }, 'How often?')),
      this.answer);
  }

  /**
   * @param {KeyFrequency[]} keys
   * @param {number} all events in the window
   */
  set(keys, all) {
    this.empty.hidden = keys.length > 0;
    const highest = Math.max(...keys.map((k) => num(k.count)), 1);
    keepRows(this.list, keys, (k) => k.key ?? '', row, (element, key) =>
      update(element, key, highest, all));
  }

  async lookUp() {
    const key = this.entry.value;
    const { stream, window } = this.place();
    if (!key)
      return;
    try {
      const { frequencies } = await client.frequency(stream, key, { window });
      setText(this.answer, `“${key}”: ${sentence(frequencies?.[0] ?? {})}`);
    } catch (error) {
      setText(this.answer, /** @type {Error} */ (error).message);
    }
  }
}

function row() {
  return h('li', {},
    h('span', { class: 'key' }), h('span', { class: 'key-count' }),
    h('span', { class: 'key-share' }),
    h('span', { class: 'key-bar', 'aria-hidden': 'true' }, h('i')));
}

/**
 * @param {HTMLElement} element
 * @param {KeyFrequency} key
 * @param {number} highest
 * @param {number} all
 */
function update(element, key, highest, all) {
  const [name, times, part, bar] =
    /** @type {HTMLElement[]} */ ([...element.children]);
  const n = num(key.count);
  setText(name, key.key ?? '');
  setText(times, count(key.count));
  setText(part, share(n, all));
  element.title = sentence(key);
  const fill = /** @type {HTMLElement} */ (bar.firstElementChild);
  fill.style.transform = `scaleX(${n / highest})`;
}

/** @param {KeyFrequency} key */
function sentence({ count: n, lower, upper }) {
  const low = num(lower);
  const high = num(upper);
  if (low === high)
    return `${count(n)} times, exactly`;
  return `${count(n)} times, between ${count(lower)} and ${count(upper)}`;
}
