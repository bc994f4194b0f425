// SPDX-License-Identifier: Apache-2.0
// The messages of proto/runnel/v1 in protobuf's JSON form, as far as the
// console reads them. Fields at their default may be absent.

/**
 * @typedef {string | number} Int64 "12345"
 *
 * @typedef {object} Progress
 * @property {number} [done]
 * @property {number} [total] 0 when unknown
 * @property {string} [unit]
 * @property {string} [message]
 *
 * @typedef {object} JobError
 * @property {string} [code]
 * @property {string} [message]
 *
 * @typedef {object} Job
 * @property {string} id
 * @property {string} kind
 * @property {string} state "JOB_STATE_RUNNING"
 * @property {Record<string, string>} [options]
 * @property {Int64} [inputBytes]
 * @property {Int64} [outputBytes]
 * @property {string} [outputContentType]
 * @property {Int64} [lastSequence]
 * @property {Progress} [progress]
 * @property {number} [attempt]
 * @property {JobError} [error]
 * @property {string} [createTime]
 * @property {string} [startTime]
 * @property {string} [endTime]
 * @property {boolean} [cancelRequested]
 *
 * @typedef {object} StateChange
 * @property {string} state
 * @property {number} [attempt]
 * @property {JobError} [error]
 *
 * @typedef {object} JobEvent one of its last four
 * @property {Int64} sequence
 * @property {string} [time]
 * @property {{text?: string, data?: string}} [delta]
 * @property {Progress} [progress]
 * @property {StateChange} [state]
 * @property {{message?: string}} [log]
 *
 * @typedef {object} StreamInfo
 * @property {{name: string, windowSeconds?: number[]}} config
 * @property {Int64} [count]
 * @property {number} [rate]
 * @property {string} [lastEventTime]
 *
 * @typedef {object} Estimate
 * @property {number} [value]
 * @property {number} [lower]
 * @property {number} [upper]
 * @property {number} [confidence]
 *
 * @typedef {object} KeyFrequency
 * @property {string} [key]
 * @property {Int64} [count]
 * @property {Int64} [lower]
 * @property {Int64} [upper]
 *
 * @typedef {object} Bucket
 * @property {number} [lower]
 * @property {number} [upper]
 * @property {Int64} [count]
 *
 * @typedef {object} Distribution
 * @property {Int64} [count]
 * @property {number} [min]
 * @property {number} [max]
 * @property {number} [mean]
 * @property {number} [stddev]
 * @property {{q?: number, value?: number}[]} [quantiles]
 * @property {number} [quantileRelativeError]
 * @property {Int64} [roughCount] values known by their buckets alone
 * @property {number} [meanError]
 * @property {number} [stddevError]
 * @property {Bucket[]} [histogram]
 *
 * @typedef {object} StreamStats
 * @property {number} [windowSeconds] 0 is all time
 * @property {string} [startTime]
 * @property {string} [endTime]
 * @property {Int64} [count]
 * @property {number} [rate]
 * @property {Estimate} [uniqueKeys]
 * @property {KeyFrequency[]} [topKeys]
 * @property {Distribution} [value]
 * @property {Distribution} [latencyMs]
 * @property {Int64} [lateEvents]
 * @property {Int64} [duplicateBatches]
 * @property {Int64} [anomalyCount]
 *
 * @typedef {object} Snapshot
 * @property {string} [time]
 * @property {StreamStats[]} [windows]
 *
 * @typedef {object} Anomaly
 * @property {Int64} [sequence]
 * @property {string} [time]
 * @property {string} [metric]
 * @property {string} [method]
 * @property {number} [observed]
 * @property {number} [baseline]
 * @property {number} [score]
 * @property {number} [threshold]
 * @property {string} [key]
 *
 * @typedef {object} StatsAnswer
 * @property {StreamStats} [stats]
 * @property {Anomaly[]} [anomalies]
 */

export {};
