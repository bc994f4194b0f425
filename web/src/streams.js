// SPDX-License-Identifier: Apache-2.0
// The streams: a list with their rates, and beside it one stream's statistics
// or how to get events into one.
import { client } from './api.js';
import { copyButton, h, setText } from './dom.js';
import { figure, num } from './format.js';
import { DEMO_STREAM, trafficJob } from './kinds.js';
import { Overview } from './overview.js';
import { poll } from './poll.js';
import { go, href } from './router.js';
import { emptyNote, keepRows, split } from './split.js';
import { StreamView } from './stream.js';

/** @typedef {import('../runnel/runnel.d.ts').StreamInfo} StreamInfo */

const REFRESH_MS = 2000;
const STREAMS_SHOWN = 200;
const INGEST_COMMAND =
  'tail -f access.ndjson | runnel ingest web --format ndjson --key path --latency ms';

export class StreamsView {
  constructor() {
    this.split = split('Streams');
    this.element = this.split.element;
    this.list = h('ul', { class: 'rows' });
    this.ownList = h('ul', { class: 'rows' });
    this.own = h('section', { 'aria-label': 'Runnel itself', hidden: true },
      h('h3', { class: 'side-part' }, 'Runnel itself'), this.ownList);
    this.note = emptyNote('Loading…');
    this.split.side.append(
      h('div', { class: 'side-head' },
        h('h2', {}, 'Streams'),
        trafficButton(DEMO_STREAM, () => this.refresh.now(), 'Simulate traffic')),
      this.note, this.list, this.own);
    /** @type {StreamView | null} */
    this.stream = null;
    /** @type {Overview | null} */
    this.overview = null;
    this.item = '';
    this.refresh = poll(() => this.load(), REFRESH_MS);
  }

  destroy() {
    this.refresh.stop();
    this.leave();
  }

  /** Ends what is shown beside the list. */
  leave() {
    this.stream?.destroy();
    this.overview?.destroy();
    this.stream = null;
    this.overview = null;
  }

  /**
   * @param {string} item name of a stream, or ""
   * @param {URLSearchParams} query
   */
  show(item, query) {
    this.leave();
    this.item = item;
    this.mark();
    if (item) {
      this.stream = new StreamView(item, Number(query.get('window') ?? 60));
      this.split.show(this.stream.element, true);
    } else {
      this.split.show(welcome(() => this.refresh.now()), false);
      this.refresh.now();
    }
  }

  /**
   * Without a stream the welcome stays.
   * @param {StreamInfo[]} streams
   */
  showAll(streams) {
    if (this.item || streams.length === 0)
      return;
    if (!this.overview) {
      this.overview = new Overview();
      this.split.show(h('article', { class: 'all-streams' },
        h('h1', { tabIndex: -1 }, 'All streams'), this.overview.element,
        h('h2', {}, 'Send your own'), ...sendYourOwn()), false);
    }
    this.overview.set(streams);
  }

  async load() {
    try {
      this.render(
        (await client.listStreams({ pageSize: STREAMS_SHOWN })).streams ?? []);
    } catch (error) {
      if (this.list.childElementCount === 0)
        setText(this.note, /** @type {Error} */ (error).message);
      throw error;
    }
  }

  /** @param {StreamInfo[]} streams */
  render(streams) {
    const isOwn = (/** @type {StreamInfo} */ s) => s.config.name.startsWith('_');
    const own = streams.filter(isOwn);
    const sent = streams.filter((s) => !isOwn(s));
    setText(this.note, 'No stream yet. The first event makes one.');
    this.note.hidden = sent.length > 0;
    this.own.hidden = own.length === 0;
    keepRows(this.list, sent, (s) => s.config.name, row, updateRow);
    keepRows(this.ownList, own, (s) => s.config.name, row, updateRow);
    this.mark();
    this.showAll(sent);
  }

  /** Marks the chosen stream in the list. */
  mark() {
    for (const link of this.split.side.querySelectorAll('li a')) {
      if (link.closest('li')?.dataset.key === this.item)
        link.setAttribute('aria-current', 'true');
      else
        link.removeAttribute('aria-current');
    }
  }
}

/** @param {StreamInfo} stream */
function row({ config }) {
  return h('li', {},
    h('a', { class: 'row', href: href('streams', config.name) },
      h('span', { class: 'row-name' }, config.name),
      h('span', { class: 'row-rate' }),
      h('span', { class: 'row-note' })));
}

/**
 * @param {HTMLElement} element
 * @param {StreamInfo} stream
 */
function updateRow(element, { rate, count }) {
  const [, rates, note] = [...element.querySelectorAll('span')];
  setText(rates, `${figure(rate)}/s`);
  setText(note, num(count) === 1 ? '1 event' : `${figure(count)} events`);
}

/**
 * A button that starts a job which sends events into a stream, and shows it.
 * @param {string} stream
 * @param {() => void} onStarted
 * @param {string} label
 */
export function trafficButton(stream, onStarted, label) {
  const button = h('button', { type: 'button', onclick: async () => {
    button.disabled = true;
    try {
      await client.createJob(trafficJob(stream));
      onStarted();
      go(href('streams', stream));
    } catch (error) {
      button.after(h('p', { class: 'form-error', role: 'alert' },
        /** @type {Error} */ (error).message));
    } finally {
      button.disabled = false;
    }
  } }, label);
  return button;
}

/** @param {() => void} onStarted */
function welcome(onStarted) {
  const primary = trafficButton(DEMO_STREAM, onStarted, 'Simulate traffic');
  primary.className = 'primary';
  return h('article', { class: 'welcome' },
    h('h1', { tabIndex: -1 }, 'Statistics that move'),
    h('p', {}, 'A stream takes events: a key, and with it a value, a latency ' +
      'or both. It answers at any moment how many there are, how many keys ' +
      'differ, which are most frequent and how the figures are distributed, ' +
      'each with its error bound.'),
    h('h2', {}, 'See one at once'),
    h('p', {}, 'Two minutes of made-up traffic into the stream ',
      h('code', {}, DEMO_STREAM), ', with an incident now and then.'),
    primary,
    h('h2', {}, 'Send your own'),
    ...sendYourOwn());
}

function sendYourOwn() {
  return [
    h('p', {}, 'Any program that writes lines will do:'),
    h('div', { class: 'command' },
      h('pre', { tabIndex: 0 }, h('code', {}, INGEST_COMMAND)),
      copyButton(INGEST_COMMAND, 'the command')),
  ];
}
