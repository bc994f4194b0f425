// SPDX-License-Identifier: Apache-2.0
// Asks for a token where the server needs one, in the place of what it would
// show.
import { RunnelError, tryToken } from './api.js';
import { h, setText } from './dom.js';
import { setToken } from './token.js';

/** What a header may carry; a token that was copied with more is none. */
const TOKEN = /^[\x21-\x7e]+$/;

export class SignIn {
  /**
   * @param {string} why the token is needed; may be empty
   * @param {() => void} onDone
   */
  constructor(why, onDone) {
    this.onDone = onDone;
    this.entry = h('input', {
      id: 'token', type: 'password', name: 'token', required: true,
      autocomplete: 'off', spellcheck: false, 'aria-describedby': 'token-about',
    });
    this.problem = h('p', { class: 'form-error', role: 'alert' }, why);
    this.problem.hidden = !why;
    this.submit = h('button', { class: 'primary', type: 'submit' }, 'Continue');
    this.element = h('form', {
      class: 'sign-in',
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        this.take(this.entry.value.trim());
      },
    },
    h('h1', { tabIndex: -1 }, 'A token, please'),
    h('p', { id: 'token-about' }, 'This server shows nothing without one. It ' +
      'is kept in this tab alone, until you close it or sign out.'),
    h('div', { class: 'field' }, h('label', { htmlFor: 'token' }, 'Token'),
      this.entry),
    this.problem,
    h('div', { class: 'actions' }, this.submit),
    h('p', { class: 'hint' }, 'Whoever runs the server makes one with ',
      h('code', {}, 'runnel token create'), '.'));
  }

  focus() {
    this.entry.focus();
  }

  /** @param {string} token */
  async take(token) {
    this.submit.disabled = true;
    this.problem.hidden = true;
    try {
      if (!TOKEN.test(token))
        throw new Error('A token has no spaces and only plain characters.');
      await tryToken(token);
      setToken(token);
      this.onDone();
    } catch (error) {
      this.show(/** @type {Error} */ (error));
    } finally {
      this.submit.disabled = false;
    }
  }

  /** @param {Error} error */
  show(error) {
    const refused = error instanceof RunnelError && error.status === 401;
    this.problem.hidden = false;
    setText(this.problem, refused
      ? 'The server does not know this token, or it has expired or was revoked.'
      : error.message);
    this.entry.select();
  }
}
