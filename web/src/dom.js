// SPDX-License-Identifier: Apache-2.0
// The few helpers with which every view makes its elements. Text only ever
// enters the page as text nodes, never as markup.

/**
 * Makes an element. Properties that start with "on" are listeners, `class`
 * and names with a dash are attributes, the rest are DOM properties;
 * undefined ones are left out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [props]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined)
      continue;
    if (name.startsWith('on'))
      element.addEventListener(name.slice(2), value);
    else if (name === 'class' || name === 'role' || name.includes('-'))
      element.setAttribute(name === 'class' ? 'class' : name, value);
    else
      /** @type {any} */ (element)[name] = value;
  }
  for (const child of children) {
    if (child || child === '')
      element.append(child);
  }
  return element;
}

/**
 * Makes an SVG element with attributes.
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes))
    element.setAttribute(name, String(value));
  return element;
}

/**
 * Sets an element's text, but only when it differs, so that a screen reader
 * or a selection is not disturbed once a second.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text)
    element.textContent = text;
}

/**
 * Finds an element of the page's own frame, which index.html holds.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function frame(id) {
  const element = document.getElementById(id);
  if (!element)
    throw new Error(`index.html has no #${id}`);
  return element;
}

/**
 * Says a sentence to screen readers. Meant for what a person waits for: a
 * job's end, a lost connection; not for figures that move.
 * @param {string} sentence
 */
export function announce(sentence) {
  setText(frame('announcer'), sentence);
}

/**
 * Makes a button that copies a text and says that it did.
 * @param {string} text
 * @param {string} what named to screen readers, "the job's id"
 * @returns {HTMLButtonElement}
 */
export function copyButton(text, what) {
  const button = h('button', {
    type: 'button',
    class: 'quiet',
    'aria-label': `Copy ${what}`,
    onclick: async () => {
      const done = await copy(text);
      button.textContent = done ? 'Copied' : 'Select and copy by hand';
      announce(done ? `Copied ${what}` : 'This browser refused to copy');
      setTimeout(() => { button.textContent = 'Copy'; }, 1500);
    },
  }, 'Copy');
  return button;
}

/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // not a secure context, or not permitted
  }
}
