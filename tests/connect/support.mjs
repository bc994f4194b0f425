// SPDX-License-Identifier: Apache-2.0
import { DEADLINE_MS } from '../e2e/support/programs.mjs';

/**
 * Asks until it holds; there is no event to wait for.
 * @param {() => Promise<boolean>} holds
 */
export async function until(holds) {
  const end = Date.now() + DEADLINE_MS;
  while (!await holds())
    if (Date.now() > end)
      throw new Error(`not within the deadline: ${holds}`);
}
