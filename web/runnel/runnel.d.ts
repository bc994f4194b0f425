// SPDX-License-Identifier: Apache-2.0
/**
 * runnel.js: Runnel's bridge for JavaScript, in browsers and in Node 18 and
 * later. One ES module without dependencies; it needs `fetch` alone.
 *
 * Messages are those of proto/runnel/v1 in protobuf's JSON form: a field at
 * its default (0, "", empty) may be absent, 64-bit integers are strings.
 */

/** "12345"; numbers are taken too. */
export type Int64 = string | number;

/** What every call takes. */
export interface CallOptions {
  /** Ends the call; it then throws the signal's reason. */
  signal?: AbortSignal;
}

export interface RunnelOptions {
  /** Where the bridge is, "http://127.0.0.1:7480" for example, perhaps with a
   * path. Without it: where this module was loaded from. */
  url?: string | URL;
  /** The token to show, or a function that is asked at each request; empty
   * where none is needed. */
  token?: string | (() => string | Promise<string>);
  /** Instead of the global one. */
  fetch?: typeof fetch;
}

/**
 * What went wrong, as the bridge tells it (RFC 9457) or, with `status` 0,
 * because there was no answer.
 */
export class RunnelError extends Error {
  constructor(fields: {
    status: number, code?: string, title?: string, detail?: string,
    violations?: Violation[], retryAfterMs?: number, cause?: unknown,
  });
  /** One sentence for a person, the violations in it. */
  readonly message: string;
  /** HTTP's status; 0: no answer, or what came is not one of a bridge. */
  readonly status: number;
  /** "NOT_FOUND", "UNAVAILABLE" …: the code of the core. */
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  /** Which fields are wrong, and why. */
  readonly violations: Violation[];
  /** How long to wait before it is tried again; 0: not told. */
  readonly retryAfterMs: number;
  /** Whether the same request may succeed later: no answer, 429, 502 to 504. */
  readonly isTransient: boolean;
}
export interface Violation { field: string; description: string }

/** `connecting` → `live` → (lost) `waiting` → `connecting` … */
export type WatchState = 'connecting' | 'live' | 'waiting';

/** What every iterator of events takes. */
export interface WatchOptions extends CallOptions {
  /** Told as the connection comes and goes; `waiting` with what was wrong. */
  onState?: (state: WatchState, error?: RunnelError) => void;
  /** How long it may be without a connection before the iterator throws what
   * is wrong. Without it: for ever, until the signal. */
  giveUpAfterMs?: number;
  /** A connection that brings nothing for so long is taken as lost; 45,000.
   * The bridge sends something at least every 15 s. */
  silenceMs?: number;
  /** A stream ticket instead of a token (docs/rest.md#tokens), or a function
   * that is asked for one at each connection, since they last a minute. */
  ticket?: string | (() => string | Promise<string>);
}

export class Runnel {
  constructor(options?: RunnelOptions);

  // --- jobs ---

  /** Creates a job; with an `idempotencyKey` it may find one. */
  createJob(request: CreateJobRequest, options?: CallOptions): Promise<Job>;
  getJob(id: string, options?: CallOptions & { includeInput?: boolean }):
    Promise<Job>;
  /** A page of jobs, newest first; `nextPageToken` is absent on the last. With
   * a filter a page may be short, or empty, and still not be the last. */
  listJobs(options?: CallOptions & ListJobsOptions): Promise<JobPage>;
  cancelJob(id: string, options?: CallOptions & { reason?: string }):
    Promise<Job>;
  /** Forgets a job that has ended. */
  deleteJob(id: string, options?: CallOptions): Promise<void>;

  /**
   * Follows a job to its end, from its first event or after `after`: each
   * event once and in order, over lost connections and restarts of the bridge
   * and the core. The last event is `end`; there is none when `after` is the
   * job's last.
   *
   * `reset` means that what you had cannot be continued (a core that lost its
   * store, events no longer kept): forget it, it begins anew. A job that is
   * then gone throws NOT_FOUND.
   */
  watchJob(id: string, options?: WatchOptions & { after?: Int64 }):
    AsyncGenerator<JobUpdate, void, undefined>;

  /**
   * The output as text, as it arrives, over lost connections. Throws a
   * RunnelError when the job does not succeed, or its output cannot be
   * continued (code DATA_LOSS).
   */
  outputText(id: string, options?: WatchOptions):
    AsyncGenerator<string, void, undefined>;

  /** The output as bytes, in one answer: to the job's end, or, with `follow`
   * false, what there is now. */
  output(id: string, options?: CallOptions & { follow?: boolean }):
    Promise<Response>;

  // --- streams ---

  /** Creates a stream, or finds it with the same configuration. */
  createStream(config: StreamConfig, options?: CallOptions):
    Promise<StreamInfo>;
  getStream(name: string, options?: CallOptions): Promise<StreamInfo>;
  listStreams(options?: CallOptions & PageOptions): Promise<StreamPage>;
  deleteStream(name: string, options?: CallOptions): Promise<void>;

  /** Sends events, at most 65,536, as one batch: all are taken or none. A
   * batch with a producer's id and a sequence that only rises counts once,
   * however often it is sent. */
  ingest(name: string, events: StreamEvent[], options?: CallOptions &
    { producerId?: string, producerSequence?: Int64 }): Promise<IngestResult>;

  /** The statistics of a window, "1m" or seconds; 0, "all" or left out: of
   * all time. */
  stats(name: string, options?: CallOptions & WindowOptions &
    { top?: number }): Promise<StatsAnswer>;
  /** How often keys occurred; in the order of the keys. */
  frequency(name: string, keys: string | string[], options?: CallOptions &
    WindowOptions): Promise<FrequencyAnswer>;

  /** Follows a stream's statistics until the signal: a snapshot at once, then
   * what changed, and anomalies, none of them twice. */
  watchStats(name: string, options?: WatchOptions & StatsOptions &
    { after?: string }): AsyncGenerator<StatsUpdate, void, undefined>;

  /**
   * Follows up to 64 jobs and streams in one connection, to the end of all of
   * them. `reset` with the code OUT_OF_RANGE: that one begins anew; with any
   * other: it is over.
   */
  watchMany(what: { jobs?: string[], streams?: string[] },
    options?: WatchOptions & StatsOptions & { after?: string }):
    AsyncGenerator<ManyUpdate, void, undefined>;

  // --- server ---

  /** GetInfoResponse: version, kinds, limits, store. */
  info(options?: CallOptions): Promise<any>;
  /** What the token allows; an empty object where none is needed. */
  ownToken(options?: CallOptions): Promise<{ token?: TokenInfo }>;
  /**
   * An address of an answer that streams, with a ticket for it, where headers
   * cannot be set: an EventSource, a link. Use it within a minute.
   * @param path "v1/jobs/ID/events", with its query
   */
  ticketUrl(path: string, options?: CallOptions): Promise<string>;
}

/** Makes text of the deltas of one job, in order: bytes may be split within a
 * character. `bytes` is the length of that delta. */
export function textDecoder():
  (delta: OutputDelta) => { text: string, bytes: number };

// --- jobs ---

export type JobState = 'JOB_STATE_QUEUED' | 'JOB_STATE_RUNNING' |
  'JOB_STATE_SUCCEEDED' | 'JOB_STATE_FAILED' | 'JOB_STATE_CANCELLED' |
  'JOB_STATE_EXPIRED';

export interface Payload {
  text?: string;
  /** base64 */
  data?: string;
  contentType?: string;
}
export interface RetryPolicy {
  maxAttempts?: number;
  /** "1.5s" */
  initialBackoff?: string;
  maxBackoff?: string;
}
export interface CreateJobRequest {
  kind: string;
  input?: Payload;
  options?: Record<string, string>;
  labels?: Record<string, string>;
  priority?: number;
  notBefore?: string;
  deadline?: string;
  retry?: RetryPolicy;
  retention?: string;
  idempotencyKey?: string;
  keepNewestBytes?: Int64;
}
export interface Progress {
  done?: number;
  /** 0 when unknown */
  total?: number;
  unit?: string;
  message?: string;
}
export interface JobError { code?: string; message?: string }
export interface Job {
  id: string;
  kind: string;
  state: JobState;
  labels?: Record<string, string>;
  priority?: number;
  input?: Payload;
  options?: Record<string, string>;
  inputBytes?: Int64;
  outputBytes?: Int64;
  outputContentType?: string;
  lastSequence?: Int64;
  firstSequence?: Int64;
  progress?: Progress;
  attempt?: number;
  error?: JobError;
  createTime?: string;
  startTime?: string;
  endTime?: string;
  notBefore?: string;
  deadline?: string;
  retry?: RetryPolicy;
  retention?: string;
  idempotencyKey?: string;
  cancelRequested?: boolean;
  keepNewestBytes?: Int64;
  /** Where the attempt begins: its first event, the bytes of output in front. */
  attemptSequence?: Int64;
  attemptOutputOffset?: Int64;
  attemptTime?: string;
}
export interface PageOptions { pageSize?: number; pageToken?: string }
export interface ListJobsOptions extends PageOptions {
  /** Any of these: "running" or "JOB_STATE_RUNNING". */
  states?: string[];
  kind?: string;
  /** All of these. */
  labels?: Record<string, string>;
}
export interface JobPage { jobs?: Job[]; nextPageToken?: string }

export interface OutputDelta { text?: string; data?: string }
export interface StateChange {
  state: JobState;
  attempt?: number;
  error?: JobError;
}
/** One of its last four. */
export interface JobEvent {
  sequence: Int64;
  /** Of joined deltas: where they begin. */
  firstSequence?: Int64;
  time?: string;
  delta?: OutputDelta;
  progress?: Progress;
  state?: StateChange;
  log?: { message?: string };
}
export interface Reset {
  code?: string;
  reason?: string;
  firstAvailableSequence?: Int64;
}
export type JobUpdate =
  { event: 'delta' | 'progress' | 'status' | 'log' | 'end', id: string,
    data: JobEvent } |
  { event: 'reset', id: string, data: Reset };

// --- streams ---

export interface StreamConfig {
  name: string;
  windowSeconds?: number[];
  uniquePrecision?: number;
  topCapacity?: number;
  valueThreshold?: number;
  valueThresholdSet?: boolean;
  latencyThresholdMs?: number;
  anomalyThreshold?: number;
  uniqueAlgorithm?: string;
  keyHash?: string;
  timeBasis?: string;
}
export interface StreamInfo {
  config: StreamConfig;
  createTime?: string;
  count?: Int64;
  rate?: number;
  lastEventTime?: string;
  memoryBytes?: Int64;
}
export interface StreamPage { streams?: StreamInfo[]; nextPageToken?: string }
/** A property is given with every event of a batch or with none. */
export interface StreamEvent {
  key: string;
  value?: number;
  latencyMs?: number;
  /** RFC 3339, or milliseconds since 1970. */
  time?: string | number;
}
export interface IngestResult {
  acceptedEvents?: Int64;
  [more: string]: unknown;
}
export interface WindowOptions { window?: string | number }
export interface StatsOptions {
  /** In seconds, 0 for all time; left out: all that there are. */
  windows?: number[];
  /** 1,000; at least 100. */
  intervalMs?: number;
  /** Of the top keys: 10. */
  top?: number;
}
export interface Estimate {
  value?: number;
  lower?: number;
  upper?: number;
  confidence?: number;
}
export interface KeyFrequency {
  key?: string;
  count?: Int64;
  lower?: Int64;
  upper?: Int64;
  confidence?: number;
}
export interface FrequencyAnswer {
  frequencies?: KeyFrequency[];
  /** Events in the window. */
  count?: Int64;
}
export interface Bucket { lower?: number; upper?: number; count?: Int64 }
export interface Distribution {
  count?: Int64;
  sum?: number;
  min?: number;
  max?: number;
  mean?: number;
  variance?: number;
  stddev?: number;
  quantiles?: { q?: number, value?: number }[];
  quantileRelativeError?: number;
  histogram?: Bucket[];
  roughCount?: Int64;
  sumError?: number;
  meanError?: number;
  stddevError?: number;
}
export interface StreamStats {
  stream?: string;
  /** 0 is all time. */
  windowSeconds?: number;
  startTime?: string;
  endTime?: string;
  count?: Int64;
  rate?: number;
  uniqueKeys?: Estimate;
  topKeys?: KeyFrequency[];
  value?: Distribution;
  latencyMs?: Distribution;
  lateEvents?: Int64;
  duplicateBatches?: Int64;
  anomalyCount?: Int64;
  mergedEvents?: Int64;
}
export interface Snapshot { time?: string; windows?: StreamStats[] }
export interface Anomaly {
  sequence?: Int64;
  time?: string;
  metric?: string;
  method?: string;
  observed?: number;
  baseline?: number;
  score?: number;
  threshold?: number;
  key?: string;
}
export interface StatsAnswer { stats?: StreamStats; anomalies?: Anomaly[] }
export type StatsUpdate =
  { event: 'stats', id?: string, data: Snapshot } |
  { event: 'anomaly', id?: string, data: Anomaly } |
  { event: 'reset', id?: string, data: Reset };

/** An event of one of several: `job` or `stream` says of which. */
export interface ManyUpdate {
  event: 'delta' | 'progress' | 'status' | 'log' | 'end' | 'reset' | 'stats' |
    'anomaly';
  id?: string;
  data: { job?: string, stream?: string, event?: any };
}

// --- tokens ---

export interface TokenInfo {
  id?: string;
  name?: string;
  scopes?: string[];
  createTime?: string;
  expireTime?: string;
}
