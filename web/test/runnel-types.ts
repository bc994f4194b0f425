// SPDX-License-Identifier: Apache-2.0
// Compiled, not run: what runnel.js is, against what runnel.d.ts says, and a
// program that uses it.
import type * as said from '../runnel/runnel.d.ts';
import * as made from '../runnel/src/runnel.js';

export const runnel: typeof said.Runnel = made.Runnel;
export const error: typeof said.RunnelError = made.RunnelError;
export const decoder: typeof said.textDecoder = made.textDecoder;

export async function use(client: said.Runnel): Promise<string> {
  const { id } = await client.createJob({ kind: 'echo', input: { text: 'x' } });
  let text = '';
  for await (const update of client.watchJob(id)) {
    if (update.event === 'reset')
      text = update.data.reason ?? '';
    else if (update.event === 'delta')
      text += update.data.delta?.text;
    // @ts-expect-error there is no such event
    else if (update.event === 'deltas')
      text = '';
  }
  // @ts-expect-error events have keys
  await client.ingest('web', [{ value: 1 }]);
  const { stats } = await client.stats('web', { window: '1m', top: 1 });
  return text + stats?.topKeys?.[0].key;
}
