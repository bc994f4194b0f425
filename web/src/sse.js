// SPDX-License-Identifier: Apache-2.0
// One subscription to server-sent events that lives as long as its view: it
// goes on after the last event when the connection, the bridge or the core
// was away, drops what it has had before, and rests while nobody looks.
//
// A browser reconnects by itself when a connection breaks, but gives up when
// the answer is not an event stream (503 while the core is away, 404, or 204
// after the end). The feed then asks `check` what that means.
import { doubtLink, onLink } from './link.js';
import { backoff, Cursor } from './sequence.js';

/** A hidden page gives its connection back soon: a browser has six an origin,
 * and a seventh page would get no answer at all. */
const REST_MS = 5_000;

/**
 * @typedef {'connecting' | 'live' | 'waiting' | 'resting' | 'ended'} FeedState
 *
 * @typedef {object} FeedOptions
 * @property {string} url
 * @property {string[]} names the events wanted
 * @property {boolean} ordered ids are a sequence: drop what was seen
 * @property {(name: string, data: any) => void} onEvent
 * @property {(state: FeedState) => void} onState
 * @property {() => void} [onReset] all that was shown belongs to another store;
 *   without it `end` and `reset` are events like others, of one of several
 * @property {(last: number) => Promise<boolean>} check whether to try again
 *   after a refusal; what it throws ends the feed and goes to onError
 * @property {(error: Error) => void} onError
 */

export class Feed {
  /** @param {FeedOptions} options */
  constructor(options) {
    this.options = options;
    this.cursor = new Cursor();
    this.attempt = 0;
    this.closed = false;
    /** @type {EventSource | null} */
    this.source = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.resting = undefined;
    this.seen = () => this.rest();
    document.addEventListener('visibilitychange', this.seen);
    this.offLink = onLink((state) => {
      if (state === 'online' && !this.source && !document.hidden)
        this.open();
    });
    this.open();
  }

  /** Ends the feed for good. May be called again. */
  close() {
    this.closed = true;
    clearTimeout(this.resting);
    this.drop();
    this.offLink();
    document.removeEventListener('visibilitychange', this.seen);
  }

  drop() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  open() {
    if (this.closed)
      return;
    this.drop();
    const { url, names, onState } = this.options;
    const source = new EventSource(this.cursor.address(url));
    this.source = source;
    onState('connecting');
    source.onopen = () => {
      this.attempt = 0;
      onState('live');
    };
    source.onerror = () => this.failed(source);
    for (const name of names)
      source.addEventListener(name, (event) => this.take(name, event));
    const { onReset } = this.options;
    if (onReset) {
      source.addEventListener('end', () => this.end());
      source.addEventListener('reset', () => this.reset(onReset));
    }
    if (document.hidden)
      this.rest();
  }

  /**
   * @param {string} name
   * @param {MessageEvent} event
   */
  take(name, event) {
    if (this.options.ordered && !this.cursor.take(event.lastEventId))
      return;
    this.options.onEvent(name, JSON.parse(event.data));
  }

  end() {
    this.close();
    this.options.onState('ended');
  }

  /** @param {() => void} onReset */
  reset(onReset) {
    this.cursor.reset();
    onReset();
    this.open();
  }

  /** @param {EventSource} source */
  failed(source) {
    this.options.onState('waiting');
    doubtLink();
    if (source.readyState !== EventSource.CLOSED)
      return; // the browser comes back by itself, with Last-Event-ID
    this.drop();
    this.options.check(this.cursor.last).then(
      (again) => again ? this.later() : this.end(),
      (error) => this.refused(error));
  }

  later() {
    clearTimeout(this.timer);
    const wait = backoff(this.attempt++, Math.random());
    this.timer = setTimeout(() => this.open(), wait);
  }

  /** @param {Error} error */
  refused(error) {
    if (this.closed)
      return;
    this.close();
    this.options.onError(error);
  }

  rest() {
    clearTimeout(this.resting);
    if (!document.hidden) {
      if (!this.source)
        this.open();
      return;
    }
    this.resting = setTimeout(() => {
      this.drop();
      this.options.onState('resting');
    }, REST_MS);
  }
}
