// SPDX-License-Identifier: Apache-2.0
// Whether a job waits for a worker that is not there: asked again and again
// while the job is queued, since one may come, or the last one leave.
import { client } from './api.js';
import { poll } from './poll.js';
import { stateWord } from './states.js';

const ASK_MS = 2000;

export class Unserved {
  /** @param {(kind: string) => void} show a kind that nobody serves, or '' */
  constructor(show) {
    this.show = show;
    this.kind = '';
    /** @type {ReturnType<typeof poll> | null} */
    this.polling = null;
  }

  /** @param {{state?: string, kind?: string}} job as it is known now */
  follow({ state, kind = '' }) {
    if (stateWord(state) !== 'queued') {
      this.stop();
      return;
    }
    this.kind = kind;
    this.polling ??= poll(() => this.ask(), ASK_MS);
  }

  async ask() {
    const { kinds = [] } = await client.info();
    if (this.polling) // the job may have begun since
      this.show(kinds.includes(this.kind) ? '' : this.kind);
  }

  stop() {
    this.polling?.stop();
    this.polling = null;
    this.show('');
  }
}
