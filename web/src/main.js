// SPDX-License-Identifier: Apache-2.0
// Starts the console: the address chooses a section and an item of it.
import 'uplot/dist/uPlot.min.css';
import './style.css';
import { announce, frame, setText } from './dom.js';
import { JobsView } from './jobs.js';
import { onLink } from './link.js';
import { follow, here } from './router.js';
import { SignIn } from './sign-in.js';
import { StreamsView } from './streams.js';
import { currentToken, needToken, onTokenNeeded } from './token.js';

/** @typedef {import('./link.js').LinkState} LinkState */

/** @type {Record<LinkState, string>} */
const LINK_WORDS = {
  connecting: 'Connecting…',
  online: 'Connected',
  offline: 'Reconnecting…',
  'no-core': 'Core unreachable',
};
/** @type {Partial<Record<LinkState, string>>} */
const LINK_NOTICES = {
  offline: 'The bridge cannot be reached. What you see is the last that was ' +
    'known; it goes on by itself when the bridge is back.',
  'no-core': 'The bridge answers, but the core daemon behind it does not. ' +
    'It goes on by itself when runneld is back.',
};

/** @type {{section: string, view: JobsView | StreamsView} | null} */
let current = null;

/** @type {SignIn | null} */
let signIn = null;

const signOut = /** @type {HTMLButtonElement} */ (frame('sign-out'));
signOut.hidden = !currentToken();
signOut.addEventListener('click', () => needToken('You are signed out.'));

/** @param {import('./router.js').Route} route */
function show({ section, item, query }) {
  showTab(section, item);
  if (signIn)
    return;
  const isFirst = current === null;
  if (current?.section !== section) {
    current?.view.destroy();
    current = {
      section,
      view: section === 'streams' ? new StreamsView() : new JobsView(),
    };
    frame('main').replaceChildren(current.view.element);
  }
  current.view.show(item, query);
  if (!isFirst)
    /** @type {HTMLElement | null} */ (
      frame('main').querySelector('.detail h1'))?.focus();
}

/**
 * @param {string} section
 * @param {string} item
 */
function showTab(section, item) {
  document.title = item ? `${item} · Runnel` : `Runnel ${section}`;
  for (const tab of document.querySelectorAll('.tabs a')) {
    if (/** @type {HTMLElement} */ (tab).dataset.section === section)
      tab.setAttribute('aria-current', 'page');
    else
      tab.removeAttribute('aria-current');
  }
}

/**
 * Asks for a token in the place of everything else; then goes on where one
 * was.
 * @param {string} why
 */
function askForToken(why) {
  if (signIn)
    return;
  current?.view.destroy();
  current = null;
  signIn = new SignIn(why, () => {
    signIn = null;
    signOut.hidden = false;
    show(here());
  });
  signOut.hidden = true;
  frame('main').replaceChildren(signIn.element);
  signIn.focus();
}

/** @param {LinkState} state */
function showLink(state) {
  const text = LINK_NOTICES[state];
  const notice = frame('notice');
  frame('link-state').dataset.state = state;
  setText(frame('link-state'), LINK_WORDS[state]);
  notice.hidden = !text;
  setText(notice, text ?? '');
  if (state === 'online')
    announce('Connected');
}

onLink(showLink);
onTokenNeeded(askForToken);
follow(show);
