// SPDX-License-Identifier: Apache-2.0
// One job, live: its state, progress, log and output as they arrive. After a
// reload everything is replayed from the first event, so that what is shown
// is always the whole of it.
import { client } from './api.js';
import { announce } from './dom.js';
import { num } from './format.js';
import { JobPage } from './job-page.js';
import { onLink } from './link.js';
import { LogView } from './log.js';
import { OutputView } from './output.js';
import { Feed } from './feed.js';
import { hasEnded, stateWord } from './states.js';
import { Unserved } from './unserved.js';

/**
 * @typedef {import('../runnel/runnel.d.ts').Job} Job
 * @typedef {import('../runnel/runnel.d.ts').JobEvent} JobEvent
 * @typedef {import('../runnel/runnel.d.ts').StateChange} StateChange
 */

const TICK_MS = 250;
const REASON = 'cancelled in the console';

export class JobView {
  /**
   * @param {string} id
   * @param {() => void} onChange the job entered another state
   */
  constructor(id, onChange) {
    this.id = id;
    this.onChange = onChange;
    /** @type {Job | null} */
    this.job = null;
    /** @type {Feed | null} */
    this.feed = null;
    this.gone = false;
    this.output = new OutputView();
    this.log = new LogView();
    this.page = new JobPage(
      id, this.output.element, this.log.element, () => this.cancel());
    this.element = this.page.element;
    this.unserved = new Unserved((kind) => this.page.showUnserved(kind));
    this.ticker = setInterval(() => this.tick(), TICK_MS);
    this.offLink = onLink((state) => {
      if (state === 'online' && !this.job)
        this.start();
    });
    this.start();
  }

  destroy() {
    this.gone = true;
    clearInterval(this.ticker);
    this.offLink();
    this.unserved.stop();
    this.feed?.close();
  }

  async start() {
    try {
      this.learn(await client.getJob(this.id));
    } catch (error) {
      this.fail(/** @type {Error} */ (error));
      return;
    }
    if (!this.gone && !this.feed)
      this.feed = this.follow();
  }

  follow() {
    return new Feed({
      watch: (options) => client.watchJob(this.id, options),
      onUpdate: ({ event, data }) => {
        if (event === 'reset')
          this.restart();
        else if (event !== 'end') // the same as the status before it
          this.take(data);
      },
      onState: (state) => {
        if (state === 'ended')
          this.output.flush(); // "complete" is said of what is shown
        this.page.showFeed(state, this.feed?.last ?? 0);
        this.tick();
      },
      onError: (error) => {
        this.fail(error);
        return false;
      },
    });
  }

  /** @param {JobEvent} event */
  take({ delta, log, progress, state }) {
    if (delta)
      this.output.add(delta);
    else if (log)
      this.log.add(log.message ?? '');
    else if (state?.error && !hasEnded(state.state))
      this.log.add(`Attempt ${state.attempt ?? 1} failed and is tried again: ` +
        (state.error.message || state.error.code));
    if (progress && this.isNews())
      this.learn({ progress });
    else if (state && this.isNews())
      this.enter(state);
  }

  /** Whether the current event is younger than what getJob said, and not a
   * replay of states that the job has left. */
  isNews() {
    return num(this.feed?.last) > num(this.job?.lastSequence);
  }

  /** @param {StateChange} change */
  enter(change) {
    // What an attempt failed with is not what the next one has.
    this.learn({ error: {}, ...change });
    announce(`Job ${stateWord(change.state)}`);
    this.onChange();
    this.refresh();
  }

  /** Learns when it began or ended; events do not tell. */
  refresh() {
    client.getJob(this.id).then(
      (job) => this.learn({ error: {}, ...job }), () => {});
  }

  /** @param {Partial<Job>} news */
  learn(news) {
    const known = Object.entries(news).filter(([, v]) => v !== undefined);
    this.job = {
      .../** @type {Job} */ (this.job), ...Object.fromEntries(known),
    };
    this.page.show(this.job);
    if (!this.gone)
      this.unserved.follow(this.job);
    this.tick();
  }

  tick() {
    const last = this.feed?.last ?? 0;
    if (this.job)
      this.page.showFacts(this.job, this.output.bytes, last);
  }

  async cancel() {
    this.page.cancel.disabled = true;
    try {
      this.learn(await client.cancelJob(this.id, { reason: REASON }));
      this.onChange();
    } catch (error) {
      this.fail(/** @type {Error} */ (error));
      this.page.cancel.disabled = false;
    }
  }

  /** The server began anew: what is shown is of another time. */
  restart() {
    this.output.clear();
    this.log.clear();
    announce('The server has restarted; reading the job again');
  }

  /** @param {Error} error */
  fail(error) {
    if (!this.gone)
      this.page.showProblem(error.message, 'failed');
  }
}
