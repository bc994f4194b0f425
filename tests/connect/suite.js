// SPDX-License-Identifier: Apache-2.0
// What stock clients of JavaScript do with the bridge, in Node and in a
// browser. run() ends with the names of what was done, or with the first error.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport }
  from '@connectrpc/connect-web';
import { BadRequestSchema } from './gen/rpc_details_pb.js';
import { EventService } from './gen/runnel/v1/events_pb.js';
import { JobService, JobState, WatchJobRequestSchema, WatchJobResponseSchema,
  CreateJobRequestSchema, CreateJobResponseSchema } from './gen/runnel/v1/jobs_pb.js';
import { StatsService } from './gen/runnel/v1/stats_pb.js';

const NO_JOB = '0'.repeat(26);
// Far above what anything takes: only a hang gets there.
const TIMEOUT_MS = 20_000;

function check(holds, what) {
  if (!holds)
    throw new Error(what);
}

function equal(got, want, what) {
  const text = (value) => JSON.stringify(value,
    (_, item) => typeof item === 'bigint' ? String(item) : item);
  check(text(got) === text(want), `${what}: ${text(got)}, not ${text(want)}`);
}

/** The error that a call ends with. */
async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error('it did not fail');
}

async function drain(stream) {
  for await (const answer of stream)
    void answer;
}

/** The bytes of a piece of output, which comes as text when it is some. */
function pieceOf({ content: { case: kind, value } }) {
  return kind === 'text' ? new TextEncoder().encode(value) : value;
}

/** Bytes of every value, so that nothing is text by chance. */
const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);

async function roundTrip({ jobs }) {
  const { job, existing } = await jobs.createJob({
    kind: 'echo', input: { content: { case: 'data', value: bytes } },
    options: { chunk_bytes: '100' }, labels: { team: 'sürch' }, priority: -3,
  });
  equal(existing, false, 'existing');
  const out = [];
  let last = 0n;
  for await (const { event } of jobs.watchJob({ jobId: job.id })) {
    const first = event.firstSequence || event.sequence;
    equal(first, last + 1n, 'sequence');
    last = event.sequence;
    if (event.payload.case === 'delta')
      out.push(...pieceOf(event.payload.value));
  }
  equal(out.join(), bytes.join(), 'output');
  const got = (await jobs.getJob({ jobId: job.id })).job;
  equal(got.state, JobState.SUCCEEDED, 'state');
  equal(got.labels, { team: 'sürch' }, 'labels');
  equal(got.priority, -3, 'priority');
  equal(got.lastSequence, last, 'last sequence');
  let again = last - 2n;
  for await (const { event } of
    jobs.watchJob({ jobId: job.id, afterSequence: again })) {
    equal(event.sequence, again + 1n, 'sequence after resuming');
    again = event.sequence;
  }
  equal(again, last, 'last sequence after resuming');
  await jobs.deleteJob({ jobId: job.id });
}

async function errors({ jobs }) {
  let error = await failure(jobs.createJob({
    kind: 'echo', options: { pace_ms: '-1' } }));
  equal(error.code, Code.InvalidArgument, 'code of a bad field');
  const [detail] = error.findDetails(BadRequestSchema);
  equal(detail.fieldViolations[0].field, 'options.pace_ms', 'field');
  check(error.rawMessage.includes(detail.fieldViolations[0].description),
    error.rawMessage);
  error = await failure(jobs.getJob({ jobId: NO_JOB }));
  equal(error.code, Code.NotFound, 'code of no job');
  error = await failure(drain(jobs.watchJob({ jobId: NO_JOB })));
  equal(error.code, Code.NotFound, 'code of a stream of no job');
}

/** A job that stands still after its first piece of output. */
async function standing(jobs) {
  const { job } = await jobs.createJob({
    kind: 'echo', input: { content: { case: 'text', value: 'abc' } },
    options: { chunk_bytes: '1', pace_ms: '60000' },
  });
  return job.id;
}

async function live({ jobs }) {
  const jobId = await standing(jobs);
  const stop = new AbortController();
  const error = await failure((async () => {
    for await (const { event } of
      jobs.watchJob({ jobId }, { signal: stop.signal })) {
      if (event.payload.case !== 'delta')
        continue;
      const { job } = await jobs.getJob({ jobId });
      equal(job.state, JobState.RUNNING, 'state while it runs');
      stop.abort();
    }
  })());
  equal(error.code, Code.Canceled, 'code of what was given up');
  const late = await failure(drain(
    jobs.watchJob({ jobId }, { timeoutMs: 200 })));
  equal(late.code, Code.DeadlineExceeded, 'code of what took too long');
  const { job } = await jobs.cancelJob({ jobId, reason: 'seen enough' });
  check(job.cancelRequested || job.state === JobState.CANCELLED, 'cancelled');
}

async function statistics({ events, stats, name }) {
  const stream = `connect-${name}`.replaceAll(' ', '-');
  const answer = await events.ingestBatch({ batch: {
    stream, keys: new TextEncoder().encode('/home/help'),
    keyLengths: [5, 5], keyIndexes: [0, 0, 1], values: [1.5, 2.5, -4],
  } });
  equal(answer.acceptedEvents, 3, 'accepted');
  const got = (await stats.getStats({ stream, top: 1 })).stats;
  equal(got.count, 3n, 'count');
  equal(got.value.min, -4, 'least');
  equal(got.topKeys[0].key, '/home', 'top key');
  const { streams } = await stats.listStreams({});
  check(streams.some(({ config }) => config.name === stream), 'listed');
  for await (const { update } of stats.watchStats({ stream })) {
    equal(update.case, 'snapshot', 'first of a watch');
    equal(update.value.windows[0].count, 3n, 'count of a watch');
    break;
  }
  await stats.deleteStream({ stream });
}

/** The transports of @connectrpc/connect-web by name. */
function transports(baseUrl) {
  return {
    'Connect JSON': createConnectTransport({ baseUrl }),
    'Connect binary': createConnectTransport({
      baseUrl, useBinaryFormat: true }),
    'Connect by GET': createConnectTransport({
      baseUrl, useHttpGet: true, useBinaryFormat: true }),
    'gRPC-Web binary': createGrpcWebTransport({ baseUrl }),
    'gRPC-Web JSON': createGrpcWebTransport({
      baseUrl, useBinaryFormat: false }),
  };
}

/**
 * @param {string} baseUrl
 * @returns {Promise<string[]>}
 */
export async function run(baseUrl) {
  const done = [];
  for (const [name, transport] of Object.entries(transports(baseUrl))) {
    const clients = {
      name, jobs: createClient(JobService, transport),
      stats: createClient(StatsService, transport),
      events: createClient(EventService, transport),
    };
    for (const step of [roundTrip, errors, live, statistics]) {
      try {
        await step(clients);
      } catch (error) {
        throw new Error(`${name}, ${step.name}: ${error.stack ?? error}`);
      }
      done.push(`${name}, ${step.name}`);
    }
  }
  return done;
}

// --- the client of grpc-web, which needs XMLHttpRequest ---

function descriptor({ MethodDescriptor, MethodType }, name, type, input,
  output) {
  return new MethodDescriptor(`/runnel.v1.JobService/${name}`,
    MethodType[type], Object, Object,
    (message) => toBinary(input, message),
    (data) => fromBinary(output, data));
}

function streamed(client, url, message, method) {
  const out = [];
  let last = 0n;
  return new Promise((resolve) => {
    const call = client.serverStreaming(url, message, {}, method);
    call.on('data', ({ event }) => {
      last = event.sequence;
      if (event.payload.case === 'delta')
        out.push(...pieceOf(event.payload.value));
    });
    call.on('error', (error) => resolve({ error, out, last }));
    call.on('end', () => resolve({ out, last }));
  });
}

/**
 * @param {object} grpc the module grpc-web
 * @param {string} baseUrl
 */
export async function runGrpcWeb(grpc, baseUrl) {
  const createJob = descriptor(grpc, 'CreateJob', 'UNARY',
    CreateJobRequestSchema, CreateJobResponseSchema);
  const watchJob = descriptor(grpc, 'WatchJob', 'SERVER_STREAMING',
    WatchJobRequestSchema, WatchJobResponseSchema);
  const createUrl = `${baseUrl}/runnel.v1.JobService/CreateJob`;
  const watchUrl = `${baseUrl}/runnel.v1.JobService/WatchJob`;
  const done = [];
  for (const format of ['text', 'binary']) {
    const client = new grpc.GrpcWebClientBase({ format });
    const { job } = await client.unaryCall(createUrl,
      create(CreateJobRequestSchema, {
        kind: 'echo', input: { content: { case: 'data', value: bytes } },
        options: { chunk_bytes: '70' },
      }), { deadline: String(Date.now() + TIMEOUT_MS) }, createJob);
    const seen = await streamed(client, watchUrl,
      create(WatchJobRequestSchema, { jobId: job.id }), watchJob);
    equal(seen.error, undefined, 'error of a stream');
    equal(seen.out.join(), bytes.join(), 'output');
    const bad = await client.unaryCall(createUrl,
      create(CreateJobRequestSchema, { kind: 'echo', priority: 1e6 }), {},
      createJob)
      .then(() => undefined, (error) => error);
    equal(bad.code, grpc.StatusCode.INVALID_ARGUMENT, 'code of a bad field');
    check(bad.message.startsWith('priority: '), bad.message);
    const none = await streamed(client, watchUrl,
      create(WatchJobRequestSchema, { jobId: NO_JOB }), watchJob);
    equal(none.error.code, grpc.StatusCode.NOT_FOUND, 'code of no job');
    done.push(`grpc-web ${format}`);
  }
  return done;
}
