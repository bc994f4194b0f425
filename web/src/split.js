// SPDX-License-Identifier: Apache-2.0
// A list beside the item chosen from it. On a phone one of the two is shown:
// the item when there is one, else the list.
import { h } from './dom.js';

/**
 * @typedef {object} Split
 * @property {HTMLElement} element
 * @property {HTMLElement} side
 * @property {(view: HTMLElement, isItem: boolean) => void} show
 */

/**
 * @param {string} label of the list, for screen readers
 * @returns {Split}
 */
export function split(label) {
  const side = h('div', { class: 'side-inner' });
  const list = h('section', { class: 'side', 'aria-label': label }, side);
  const detail = h('section', { class: 'detail', 'aria-label': 'Details' });
  const element = h('div', { class: 'split' }, list, detail);
  return {
    element,
    side,
    show: (view, isItem) => {
      element.dataset.item = isItem ? 'yes' : 'no';
      detail.replaceChildren(view);
      detail.scrollTop = 0;
    },
  };
}

/**
 * The state of a list that has nothing to show.
 * @param {string} text
 * @returns {HTMLElement}
 */
export function emptyNote(text) {
  return h('p', { class: 'empty' }, text);
}

/**
 * Updates a list in place: keeps the rows of the keys that stay, so that
 * focus, selection and screen readers are not disturbed.
 * @template T
 * @param {HTMLElement} list
 * @param {T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => HTMLElement} make
 * @param {(row: HTMLElement, item: T) => void} update
 */
export function keepRows(list, items, keyOf, make, update) {
  /** @type {Map<string, HTMLElement>} */
  const old = new Map();
  for (const row of /** @type {Iterable<HTMLElement>} */ (list.children))
    old.set(row.dataset.key ?? '', row);
  let place = list.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const row = old.get(key) ?? make(item);
    old.delete(key);
    row.dataset.key = key;
    update(row, item);
    if (row === place)
      place = place.nextElementSibling;
    else
      list.insertBefore(row, place);
  }
  for (const row of old.values())
    row.remove();
}
