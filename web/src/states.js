// SPDX-License-Identifier: Apache-2.0
// A job's states in words, and the badge that shows one. The word is always
// there: colour only helps.
import { h, setText } from './dom.js';

/** @type {Record<string, string>} */
const WORDS = {
  JOB_STATE_QUEUED: 'queued',
  JOB_STATE_RUNNING: 'running',
  JOB_STATE_SUCCEEDED: 'succeeded',
  JOB_STATE_FAILED: 'failed',
  JOB_STATE_CANCELLED: 'cancelled',
  JOB_STATE_EXPIRED: 'expired',
};

export const STATE_WORDS = Object.values(WORDS);

/**
 * @param {string | undefined} state
 * @returns {string}
 */
export function stateWord(state) {
  return WORDS[state ?? ''] ?? 'unknown';
}

/**
 * @param {string | undefined} state
 * @returns {boolean}
 */
export function hasEnded(state) {
  return !['queued', 'running', 'unknown'].includes(stateWord(state));
}

/** @returns {HTMLSpanElement} */
export function badge() {
  return h('span', { class: 'badge' });
}

/**
 * @param {HTMLElement} element a badge
 * @param {{state?: string, cancelRequested?: boolean}} job
 */
export function setBadge(element, job) {
  const word = stateWord(job.state);
  const stopping = job.cancelRequested && !hasEnded(job.state);
  element.dataset.state = word;
  setText(element, stopping ? 'cancelling' : word);
}
