// SPDX-License-Identifier: Apache-2.0
// The built-in kinds of job and their options, from which the form is made.
// docs/jobs.md is the reference; the server checks what is sent.

/**
 * @typedef {object} Field
 * @property {string} name key in CreateJobRequest.options
 * @property {string} label
 * @property {'number' | 'text' | 'select'} type
 * @property {string} value
 * @property {string} [hint]
 * @property {string[]} [choices]
 * @property {number} [min]
 * @property {number} [max]
 *
 * @typedef {object} Kind
 * @property {string} name
 * @property {string} about
 * @property {string} [input] label of the input, when the kind takes one
 * @property {string} [sample] what the input holds at first
 * @property {(options: Record<string, string>) => string} [contentType]
 * @property {Field[]} fields
 */

const ECHO_SAMPLE = `A runnel is a small stream.

This job sends its input back in small pieces, at the pace that you choose,
so that you can see output arrive. Reload the page in the middle: it goes on
where it was, and nothing is missing. Open it in a second window: both show
the same. Cancel it: every window knows at once.

Every piece is an event with a number of its own. Whoever comes late, or
comes back, is sent what was missed and then goes on live. The same events
reach the command line, a C program, a browser and a line of curl.
`;

/** @returns {string} CSV of 400 requests, the same ones every time */
function analyzeSample() {
  const paths = ['/', '/login', '/search', '/cart', '/checkout', '/help'];
  const lines = ['path,bytes,ms'];
  let seed = 7;
  const next = () => (seed = seed * 16_807 % 2_147_483_647) / 2_147_483_647;
  for (let i = 0; i < 400; i++) {
    const path = paths[Math.floor(next() ** 2 * paths.length)];
    const bytes = Math.floor(500 + next() * 9500);
    const ms = (Math.exp(3 + next() * 1.8 - next() * 1.2)).toFixed(2);
    lines.push(`${path},${bytes},${ms}`);
  }
  return `${lines.join('\n')}\n`;
}

/** @type {Kind[]} */
export const KINDS = [
  {
    name: 'echo',
    about: 'Sends its input back in small pieces, at a pace you choose.',
    input: 'Text',
    sample: ECHO_SAMPLE,
    fields: [
      { name: 'chunk_bytes', label: 'Piece size', type: 'number',
        value: '4', min: 1, max: 8192, hint: 'bytes' },
      { name: 'pace_ms', label: 'Pause between pieces', type: 'number',
        value: '40', min: 0, max: 60_000, hint: 'ms' },
    ],
  },
  {
    name: 'simulate',
    about: 'Makes traffic: skewed users, long-tailed latencies, and now and ' +
      'then an incident, into a stream whose statistics you can watch.',
    fields: [
      { name: 'stream', label: 'Into stream', type: 'text', value: 'demo' },
      { name: 'rate', label: 'Rate', type: 'number', value: '2000',
        min: 1, max: 1_000_000, hint: 'events a second' },
      { name: 'duration_s', label: 'For', type: 'number', value: '120',
        min: 1, max: 86_400, hint: 'seconds' },
      { name: 'users', label: 'Users', type: 'number', value: '20000',
        min: 1, max: 10_000_000 },
      { name: 'incident_every_s', label: 'Incident every', type: 'number',
        value: '40', min: 0, max: 86_400, hint: 'seconds; 0: never' },
    ],
  },
  {
    name: 'analyze',
    about: 'Reads CSV or NDJSON and reports its statistics as they converge.',
    input: 'Rows',
    sample: analyzeSample(),
    contentType: ({ format }) =>
      format === 'ndjson' ? 'application/x-ndjson' : 'text/csv',
    fields: [
      { name: 'format', label: 'Format', type: 'select', value: 'csv',
        choices: ['csv', 'ndjson'] },
      { name: 'key', label: 'Key column', type: 'text', value: 'path' },
      { name: 'value', label: 'Value column', type: 'text', value: 'bytes' },
      { name: 'latency', label: 'Latency column', type: 'text', value: 'ms' },
    ],
  },
];

/**
 * A kind that workers serve, or have jobs waiting for one.
 * @param {{kind: string, workers?: number, jobsWaiting?: string | number,
 *   jobsRunning?: string | number}} info KindInfo of GetInfo
 * @returns {Kind}
 */
export function workersKind({ kind, workers = 0, jobsWaiting = 0,
  jobsRunning = 0 }) {
  const who = workers === 0 ? 'No worker serves it now; jobs wait for one.'
    : workers === 1 ? 'One worker serves it.' : `${workers} workers serve it.`;
  return {
    name: kind,
    about: `${who} ${jobsRunning} running, ${jobsWaiting} waiting.`,
    input: 'Input',
    fields: [],
  };
}

/** The traffic that the button on the streams page makes. */
export const DEMO_STREAM = 'demo';

/**
 * A CreateJobRequest for traffic into a stream, with the form's defaults.
 * @param {string} stream
 */
export function trafficJob(stream) {
  const simulate = /** @type {Kind} */ (
    KINDS.find(({ name }) => name === 'simulate'));
  const options = Object.fromEntries(
    simulate.fields.map(({ name, value }) => [name, value]));
  return { kind: 'simulate', options: { ...options, stream } };
}
