// SPDX-License-Identifier: Apache-2.0
// What one job looks like. Knows no requests and no events: it is given a job
// and shows it.
import { client, jobOutputUrl } from './api.js';
import { copyButton, h, setText } from './dom.js';
import { bytes, clock, count, duration, figure, num } from './format.js';
import { href } from './router.js';
import { badge, hasEnded, setBadge, stateWord } from './states.js';
import { currentToken } from './token.js';

/**
 * @typedef {import('../runnel/runnel.d.ts').Job} Job
 * @typedef {import('../runnel/runnel.d.ts').Progress} Progress
 * @typedef {import('./feed.js').FeedState} FeedState
 */

/** @type {Record<FeedState, string>} */
const FEED_WORDS = {
  connecting: 'connecting…',
  live: 'live',
  waiting: 'interrupted',
  resting: 'resting while out of sight',
  ended: 'complete',
};

export class JobPage {
  /**
   * @param {string} id
   * @param {HTMLElement} output
   * @param {HTMLElement} log
   * @param {() => void} onCancel
   */
  constructor(id, output, log, onCancel) {
    this.title = h('h1', { tabIndex: -1 }, 'Job');
    this.badge = badge();
    this.cancel = h('button', {
      type: 'button', class: 'danger', hidden: true, onclick: onCancel,
    }, 'Cancel');
    this.streamLink = h('a', { class: 'button', hidden: true });
    this.progress = h('progress', { max: 1 });
    this.progressText = h('span', {});
    this.progressBox = h('div', { class: 'progress', hidden: true },
      h('label', {}, this.progress, this.progressText));
    this.facts = h('dl', { class: 'facts' });
    this.problem = h('p', { class: 'problem', hidden: true });
    this.unserved = h('p', { class: 'problem', role: 'status', hidden: true });
    this.feed = h('p', { class: 'feed', 'data-state': 'connecting' });
    this.output = output;
    this.outputHead = h('div', { class: 'output-head' },
      h('h2', {}, 'Output'), this.feed,
      h('a', {
        class: 'quiet', href: jobOutputUrl(id), target: '_blank',
        onclick: (/** @type {Event} */ event) => this.openOutput(event, id),
      }, 'Whole output'));
    this.element = h('article', { class: 'job' },
      h('a', { class: 'back', href: href('jobs') }, 'Jobs'),
      this.head(id), this.problem, this.unserved, this.progressBox, this.facts,
      this.outputHead, output, log);
    this.showOutput(false);
  }

  /** @param {boolean} shown a job that is not known has no output */
  showOutput(shown) {
    this.outputHead.hidden = !shown;
    this.output.hidden = !shown;
  }

  /** @param {string} id */
  head(id) {
    return h('header', { class: 'item-head' },
      h('div', { class: 'item-title' }, this.title, this.badge),
      h('div', { class: 'actions' }, this.streamLink, this.cancel),
      h('p', { class: 'item-id' },
        h('code', {}, id), copyButton(id, 'the job’s id')));
  }

  /**
   * A link shows no token; a ticket in its address stands for it.
   * @param {Event} event
   * @param {string} id
   */
  async openOutput(event, id) {
    if (!currentToken())
      return;
    event.preventDefault();
    try {
      const url = await client.ticketUrl(jobOutputUrl(id));
      if (!open(url, '_blank'))
        location.assign(url); // no new windows here
    } catch (error) {
      this.showProblem(/** @type {Error} */ (error).message, 'failed');
    }
  }

  /** @param {Job} job */
  show(job) {
    this.showOutput(true);
    setText(this.title, job.kind || 'Job');
    setBadge(this.badge, job);
    this.cancel.hidden = hasEnded(job.state);
    this.cancel.disabled = Boolean(job.cancelRequested);
    this.showStream(job.options?.stream);
    this.showProgress(job.progress);
    this.showProblem(job.error?.message ?? '', stateWord(job.state));
  }

  /** @param {string | undefined} stream */
  showStream(stream) {
    this.streamLink.hidden = !stream;
    this.streamLink.href = href('streams', stream);
    setText(this.streamLink, `Watch stream ${stream}`);
  }

  /** @param {Progress | undefined} progress */
  showProgress(progress) {
    const total = num(progress?.total);
    const done = num(progress?.done);
    this.progressBox.hidden = total === 0 && done === 0;
    if (total > 0)
      this.progress.value = Math.min(1, done / total);
    else
      this.progress.removeAttribute('value');
    setText(this.progressText, progressWords(done, total, progress));
  }

  /**
   * @param {string} text empty: nothing is wrong
   * @param {string} state a word of states.js
   */
  showProblem(text, state) {
    this.problem.hidden = !text;
    this.problem.dataset.state = state;
    setText(this.problem, text);
  }

  /** @param {string} kind that nobody serves; empty: somebody does */
  showUnserved(kind) {
    this.unserved.hidden = !kind;
    setText(this.unserved,
      kind && `No worker serves kind ${kind} now; the job waits for one.`);
  }

  /**
   * @param {FeedState} state
   * @param {number} last the sequence from which an interrupted feed goes on
   */
  showFeed(state, last) {
    const words = FEED_WORDS[state];
    this.feed.dataset.state = state;
    setText(this.feed, state === 'waiting' && last > 0
      ? `${words}; goes on after event ${count(last)}` : words);
  }

  /**
   * The figures that move by themselves.
   * @param {Job} job
   * @param {number} outputBytes
   * @param {number} last sequence of the newest event shown
   */
  showFacts(job, outputBytes, last) {
    const facts = {
      Created: clock(job.createTime),
      Ran: ranFor(job),
      Attempt: job.attempt ? String(job.attempt) : '–',
      Output: bytes(outputBytes),
      Events: count(last),
    };
    Object.entries(facts).forEach(([name, value], i) => {
      if (!this.facts.children[i])
        this.facts.append(h('div', {}, h('dt'), h('dd')));
      const [dt, dd] = this.facts.children[i].children;
      setText(dt, name);
      setText(dd, value);
    });
  }
}

/** @param {Job} job */
function ranFor(job) {
  if (!job.startTime)
    return '–';
  const from = Date.parse(job.startTime);
  if (job.endTime)
    return duration(Date.parse(job.endTime) - from);
  return hasEnded(job.state) ? '…' : duration(Date.now() - from);
}

/**
 * @param {number} done
 * @param {number} total
 * @param {Progress | undefined} progress
 */
function progressWords(done, total, progress) {
  const unit = progress?.unit ? ` ${progress.unit}` : '';
  const words = total > 0
    ? `${Math.floor(done / total * 100)} % · ` +
      `${figure(done)} of ${figure(total)}${unit}`
    : `${figure(done)}${unit}`;
  return progress?.message ? `${words} · ${progress.message}` : words;
}
