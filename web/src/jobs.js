// SPDX-License-Identifier: Apache-2.0
// The jobs: a list that keeps itself fresh, and beside it one job or the form
// for a new one.
import { client, JOBS_SHOWN } from './api.js';
import { h, setText } from './dom.js';
import { ago, num } from './format.js';
import { JobView } from './job.js';
import { jobForm } from './job-form.js';
import { Pager } from './pager.js';
import { poll } from './poll.js';
import { href } from './router.js';
import { emptyNote, keepRows, split } from './split.js';
import { badge, hasEnded, setBadge, STATE_WORDS } from './states.js';

/** @typedef {import('../runnel/runnel.d.ts').Job} Job */

const REFRESH_MS = 2000;
/** For one page: far enough for 80,000 jobs, of which few are in the state. */
const REQUESTS_MAX = 20;
/** The address of the form; no job has such an id. */
const NEW = 'new';

export class JobsView {
  constructor() {
    this.split = split('Jobs');
    this.element = this.split.element;
    this.list = h('ul', { class: 'rows' });
    this.note = emptyNote('Loading…');
    this.pager = new Pager(JOBS_SHOWN, () => this.turn());
    this.state = '';
    this.split.side.append(
      h('div', { class: 'side-head' },
        h('h2', {}, 'Jobs'),
        h('a', { class: 'button', href: href('jobs', NEW) }, 'New job')),
      this.filter(), this.note, this.list, this.pager.element);
    /** @type {JobView | null} */
    this.job = null;
    this.item = '';
    this.refresh = poll(() => this.load(), REFRESH_MS);
  }

  destroy() {
    this.refresh.stop();
    this.job?.destroy();
  }

  /** The choice of a state. */
  filter() {
    const choice = h('select', { id: 'job-state', onchange: () => {
      this.state = choice.value;
      this.pager.reset();
      this.turn();
    } }, h('option', { value: '' }, 'of any state'),
    ...STATE_WORDS.map((word) => h('option', { value: word }, word)));
    return h('div', { class: 'filter' },
      h('label', { htmlFor: 'job-state' }, 'Show jobs'), choice);
  }

  /** Another page or state is wanted. */
  turn() {
    this.list.replaceChildren();
    this.note.hidden = false;
    setText(this.note, 'Loading…');
    this.split.side.scrollTop = 0;
    this.refresh.now();
  }

  /** @param {string} item id of a job, "new" or "" */
  show(item) {
    this.job?.destroy();
    this.job = null;
    this.item = item;
    this.mark();
    if (item && item !== NEW) {
      this.job = new JobView(item, () => this.refresh.now());
      this.split.show(this.job.element, true);
    } else {
      this.split.show(jobForm(() => this.refresh.now()), item === NEW);
    }
  }

  async load() {
    try {
      await this.loadPage();
    } catch (error) {
      if (this.list.childElementCount === 0)
        setText(this.note, /** @type {Error} */ (error).message);
      throw error;
    }
  }

  /** @returns {Promise<void>} */
  async loadPage() {
    const { state, pager: { token } } = this;
    const { jobs, nextPageToken } = await fullPage(state, token);
    if (state !== this.state || token !== this.pager.token)
      return this.loadPage(); // another one was chosen meanwhile
    if (jobs.length === 0 && token && !nextPageToken) {
      this.pager.reset(); // what was there has been forgotten
      return this.loadPage();
    }
    this.pager.set(jobs.length, nextPageToken);
    this.render(jobs);
  }

  /** @param {Job[]} jobs */
  render(jobs) {
    setText(this.note, this.state ? `No job is ${this.state} now.`
      : 'No job yet. Start one: its output appears here, live.');
    this.note.hidden = jobs.length > 0;
    keepRows(this.list, jobs, (job) => job.id, row, updateRow);
    this.mark();
  }

  /** Marks the chosen job in the list. */
  mark() {
    for (const link of this.list.querySelectorAll('a')) {
      if (link.closest('li')?.dataset.key === this.item)
        link.setAttribute('aria-current', 'true');
      else
        link.removeAttribute('aria-current');
    }
  }
}

/**
 * A page of jobs in a state. The server looks at some thousands of jobs a
 * request, so that its page may be short, or empty, though there are more.
 * @param {string} state empty: any
 * @param {string} token
 */
async function fullPage(state, token) {
  /** @type {Job[]} */
  const jobs = [];
  /** @type {string | undefined} */
  let pageToken = token;
  for (let i = 0; i < REQUESTS_MAX && jobs.length < JOBS_SHOWN; i++) {
    const page = await client.listJobs({
      pageSize: JOBS_SHOWN - jobs.length, pageToken,
      states: state ? [state] : [],
    });
    jobs.push(...page.jobs ?? []);
    pageToken = page.nextPageToken;
    if (!pageToken)
      break;
  }
  return { jobs, nextPageToken: pageToken };
}

/** @param {Job} job */
function row(job) {
  return h('li', {},
    h('a', { class: 'row', href: href('jobs', job.id) },
      h('span', { class: 'row-name' }, jobTitle(job)),
      badge(),
      h('span', { class: 'row-id' }, job.id),
      h('span', { class: 'row-note' })));
}

/**
 * @param {HTMLElement} element
 * @param {Job} job
 */
function updateRow(element, job) {
  const [state, , note] = /** @type {HTMLElement[]} */ (
    [...element.querySelectorAll('span')].slice(1));
  setBadge(state, job);
  setText(note, rowNote(job));
}

/** @param {Job} job */
function rowNote(job) {
  const total = num(job.progress?.total);
  if (!hasEnded(job.state) && total > 0)
    return `${Math.floor(num(job.progress?.done) / total * 100)} %`;
  return ago(job.endTime ?? job.createTime, Date.now());
}

/** @param {Job} job */
function jobTitle(job) {
  const stream = job.options?.stream;
  return stream ? `${job.kind} → ${stream}` : job.kind;
}
