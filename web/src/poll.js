// SPDX-License-Identifier: Apache-2.0
// Asks again and again, but not while the page is hidden or the bridge away.
import { isRefused } from './api.js';
import { linkState, onLink } from './link.js';

/**
 * Runs a task now, then `ms` after each end of it, until stop is called.
 * `now` runs it out of turn.
 * @param {() => Promise<void>} task
 * @param {number} ms
 * @returns {{now: () => void, stop: () => void}}
 */
export function poll(task, ms) {
  let stopped = false;
  let running = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  async function run() {
    if (stopped || running)
      return;
    clearTimeout(timer);
    running = true;
    // The task has shown its own error; one that is not allowed stays so.
    const refused = await task().then(() => false, isRefused);
    running = false;
    if (!stopped && !refused)
      timer = setTimeout(tick, ms);
  }
  function tick() {
    if (document.hidden || linkState() === 'offline')
      timer = setTimeout(tick, ms);
    else
      run();
  }
  const seen = () => { if (!document.hidden) run(); };
  const offLink = onLink((state) => { if (state === 'online') run(); });
  document.addEventListener('visibilitychange', seen);
  run();
  return {
    now: run,
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      offLink();
      document.removeEventListener('visibilitychange', seen);
    },
  };
}
