// SPDX-License-Identifier: Apache-2.0
// Starts the console: the address chooses a section and an item of it.
import 'uplot/dist/uPlot.min.css';
import './style.css';
import { announce, frame, setText } from './dom.js';
import { JobsView } from './jobs.js';
import { onLink } from './link.js';
import { follow } from './router.js';
import { StreamsView } from './streams.js';

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

/** @param {import('./router.js').Route} route */
function show({ section, item, query }) {
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
  document.title = item ? `${item} · Runnel` : `Runnel ${section}`;
  for (const tab of document.querySelectorAll('.tabs a')) {
    if (/** @type {HTMLElement} */ (tab).dataset.section === section)
      tab.setAttribute('aria-current', 'page');
    else
      tab.removeAttribute('aria-current');
  }
  if (!isFirst)
    /** @type {HTMLElement | null} */ (
      frame('main').querySelector('.detail h1'))?.focus();
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
follow(show);
