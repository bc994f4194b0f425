// SPDX-License-Identifier: Apache-2.0
// Whether the bridge, and the core behind it, can be reached: one state for
// the whole page, learned from every request, and watched by asking again
// while it is not well.

/** @typedef {'connecting' | 'online' | 'offline' | 'no-core'} LinkState */

const PROBE_MS = 1000;

/** @type {LinkState} */
let state = 'connecting';
/** @type {Set<(state: LinkState) => void>} */
const listeners = new Set();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let probing;

/** @returns {LinkState} */
export function linkState() {
  return state;
}

/**
 * Calls back on every change, until the function returned is called.
 * @param {(state: LinkState) => void} listener
 * @returns {() => void}
 */
export function onLink(listener) {
  listeners.add(listener);
  return () => { listeners.delete(listener); };
}

/**
 * Told by whoever talks to the bridge, after each answer or its absence.
 * @param {LinkState} seen
 */
export function reportLink(seen) {
  if (seen !== 'online')
    probeSoon();
  if (seen === state)
    return;
  state = seen;
  for (const listener of [...listeners])
    listener(seen);
}

/** Told by a broken event stream: finds out at once what is wrong. */
export function doubtLink() {
  clearTimeout(probing);
  probing = setTimeout(probe, 0);
}

function probeSoon() {
  probing ??= setTimeout(probe, PROBE_MS);
}

async function probe() {
  probing = undefined;
  try {
    const answer = await fetch('readyz', { cache: 'no-store' });
    reportLink(answer.ok ? 'online' : 'no-core');
  } catch {
    reportLink('offline');
  }
}
