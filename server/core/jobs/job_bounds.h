/* SPDX-License-Identifier: Apache-2.0 */
/* The ceilings of jobs, each with its reason. Those marked (setting) are
 * defaults of struct rnl_core_options. */
#ifndef RNL_JOBS_JOB_BOUNDS_H
#define RNL_JOBS_JOB_BOUNDS_H

#include <stdint.h>

/* (setting) Jobs kept, ended ones too: twelve a second for a day. On disk an
 * ended one takes about 450 bytes of memory and, as far as the cache goes, its
 * record; one that waits 5 KiB; in the memory store a small one takes 4 KiB,
 * and the bound of bytes comes first. */
#define RNL_JOBS_MAX_DEFAULT 1000000

/* (setting) Event log of one job: a long answer of a language model is 100 KB,
 * an hour of log lines some MB. */
#define RNL_JOB_OUTPUT_BYTES_DEFAULT (UINT64_C(64) << 20)

/* The least that keep_newest_bytes may ask for: a few of the largest events. */
#define RNL_JOB_KEEP_BYTES_MIN (UINT64_C(64) << 10)

/* (setting) All jobs together, in the memory store; never less than two full
 * jobs. */
#define RNL_JOBS_BYTES_MAX (UINT64_C(1) << 30)

/* The same on disk. */
#define RNL_JOBS_DISK_BYTES_MAX (UINT64_C(64) << 30)

/* (setting) Memory for records of ended jobs, beside the disk: a million small
 * ones. */
#define RNL_JOB_CACHE_BYTES_DEFAULT (UINT64_C(256) << 20)

/* Built-in jobs that run at once: they share one thread, and each holds its
 * input once more while it runs. */
#define RNL_JOBS_RUNNING_MAX 64

/* Slices of work in one turn of the loop, each of at most about 250 us: a turn
 * stays below 2 ms. */
#define RNL_JOBS_SLICES_PER_TURN 8

/* What jobs.proto says of a request. */
#define RNL_JOB_KIND_LEN_MAX          64
#define RNL_JOB_CONTENT_TYPE_LEN_MAX  128
#define RNL_JOB_OPTIONS_MAX           64
#define RNL_JOB_LABELS_MAX            32
#define RNL_JOB_KEY_LEN_MAX           64
#define RNL_JOB_OPTION_LEN_MAX        4096
#define RNL_JOB_LABEL_LEN_MAX         256
#define RNL_JOB_PRIORITY_MAX          100
#define RNL_JOB_ATTEMPTS_MAX          100
#define RNL_JOB_IDEMPOTENCY_LEN_MAX   128
#define RNL_JOB_CANCEL_REASON_LEN_MAX 256
#define RNL_JOB_PAGE_MAX              1000
#define RNL_JOB_PAGE_DEFAULT          50

/* Room that the other fields of a request and of GetJob's answer get beside the
 * input in one frame. */
#define RNL_JOB_INPUT_FRAME_SLACK (64 * 1024)

/* Longest wait before a further attempt, and its defaults. */
#define RNL_JOB_BACKOFF_S_MAX     86400
#define RNL_JOB_BACKOFF_INITIAL_S 1
#define RNL_JOB_BACKOFF_LONGEST_S 60

/* not_before and deadline lie at most this far ahead: a year, so that a time
 * given in milliseconds by mistake is noticed. */
#define RNL_JOB_AHEAD_S_MAX (366 * 86400)

/* How long an ended job is kept: at least long enough for its watchers to read
 * the end of it. */
#define RNL_JOB_RETENTION_S_MIN     1
#define RNL_JOB_RETENTION_S_MAX     (30 * 86400)
#define RNL_JOB_RETENTION_S_DEFAULT 86400

/* Text of a JobError. With it a terminal event stays below
 * RNL_STORE_END_MAX. */
#define RNL_JOB_ERROR_LEN_MAX 400

/* One output event: it fits the smallest frame that a client may ask for
 * (16 KiB) with room for everything around it. Larger pieces are split. */
#define RNL_JOB_EVENT_BYTES_MAX 8192

/* The unit of a progress and its sentence. */
#define RNL_JOB_UNIT_LEN_MAX             32
#define RNL_JOB_PROGRESS_MESSAGE_LEN_MAX 256

/* (setting) Silence of a worker after which its jobs are given to others: long
 * enough for a laptop that changes its network. */
#define RNL_LEASE_MS_DEFAULT 30000

/* An attempt that was lost with its worker or the server is not the job's own
 * failure: so many are allowed beyond the retry policy, so that a job that
 * kills what works on it ends all the same. */
#define RNL_JOB_LOST_ATTEMPTS_MAX 4

/* A line of a log. */
#define RNL_JOB_LOG_LEN_MAX 4096

/* A watcher that is more events behind than this gets neighbouring deltas
 * joined. Below it all share the same encoded events. */
#define RNL_WATCH_BEHIND_MAX 32

/* A joined delta. */
#define RNL_WATCH_JOIN_BYTES_MAX (64 * 1024)

/* Answer to one ListJobs, so that it fits the default frame; one job at
 * least. */
#define RNL_JOBS_LIST_BYTES_MAX (512 * 1024)

#endif
