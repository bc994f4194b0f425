/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Being a worker: jobs of some kinds are given to this program, which streams
 * their output back. Reports are numbered and kept until the core has made
 * them durable; after a lost connection the worker connects again, says which
 * jobs it still has and repeats what was not acknowledged, so that each report
 * counts exactly once (docs/jobs.md, "Workers").
 *
 * The client must be run (client.h) while there are jobs in hand, at least
 * every 10 seconds: it renews their leases then.
 */
#ifndef RNL_WORKER_H
#define RNL_WORKER_H

#include <runnel/job.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rnl_worker;

/* One attempt of a job, in hand until rnl_work_complete, rnl_work_fail or
 * rnl_work_release. */
struct rnl_work;

struct rnl_worker_options {
    size_t size;
    /* 1 to 64, those that the core does itself are refused; copied. */
    const char *const *kinds;
    size_t kind_count;
    /* Jobs in hand at once, 1 to 1,024; default 1. Those that were stopped
     * count until they are released. */
    uint32_t concurrency;
    /* For people; at most 128 bytes; copied. */
    const char *name;
    /* Reports of a job that are not acknowledged are bounded by so many bytes,
     * and one rnl_work_output. Default 1 MiB. */
    size_t work_buffer_bytes;
    /* Wait for the core also when it cannot be reached at the start; by
     * default the worker then ends with RNL_UNAVAILABLE. */
    bool wait_for_connection;
    /* A job to do. job, with its input, is borrowed until this returns; work
     * is in hand from now on. Must be set. */
    void (*on_job)(struct rnl_worker *worker, struct rnl_work *work,
                   const struct rnl_job *job, void *arg);
    /* Stop: the job was cancelled, has expired, or is another worker's by now.
     * Its reports are refused with RNL_CANCELLED; release it, here or later. */
    void (*on_stop)(struct rnl_worker *worker, struct rnl_work *work,
                    const char *reason, void *arg);
    /* rnl_work_writable turned true after a report had been refused. */
    void (*on_writable)(struct rnl_worker *worker, struct rnl_work *work,
                        void *arg);
    /* The core goes down, and gives no new job over this connection: what can
     * be finished within seconds should be. The worker connects again by
     * itself. */
    void (*on_drain)(struct rnl_worker *worker, const char *reason, void *arg);
    /* The worker ended, once and last: with RNL_OK after rnl_worker_drain, else
     * with an error; work in hand is lost then. Status is borrowed. */
    void (*on_end)(struct rnl_worker *worker,
                   const struct rnl_status_info *status, void *arg);
    void *arg;
};

/*
 * Begins to work. *ret_worker is the caller's, to be given to
 * rnl_worker_destroy. What the core refuses comes by on_end.
 *
 * Errors: RNL_INVALID_ARGUMENT for options out of range;
 * RNL_RESOURCE_EXHAUSTED.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_worker_start(
    struct rnl_client *client, const struct rnl_worker_options *options,
    struct rnl_worker **ret_worker);

/* No work is in hand, and all reports are acknowledged. */
RNL_API bool rnl_worker_idle(const struct rnl_worker *worker);

/*
 * Takes no new job, and ends: on_end follows with RNL_OK when the work in hand
 * is out of hand and acknowledged, not from inside this call. Assignments that
 * are on their way go back to the core, which gives them to others at once.
 */
RNL_API void rnl_worker_drain(struct rnl_worker *worker);

/* Frees a worker with all its work; jobs in hand go to others when their
 * leases are over. May be called inside of its callbacks. Accepts NULL. */
RNL_API void rnl_worker_destroy(struct rnl_worker *worker);

/* --- reports --- */

/* What the program wants to find again in a callback; NULL at first. */
RNL_API void rnl_work_set_context(struct rnl_work *work, void *context);
RNL_API void *rnl_work_context(const struct rnl_work *work);

/* Whether the next report has room. */
RNL_API bool rnl_work_writable(const struct rnl_work *work);

/*
 * Appends output, copied; all of it or nothing is taken.
 *
 * Errors: RNL_RESOURCE_EXHAUSTED without room (on_writable follows) or memory;
 * RNL_CANCELLED after on_stop.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_work_output(struct rnl_work *work,
                                                   const void *data,
                                                   size_t len);

/* Appends a line to the job's log: UTF-8; the core cuts it at 4,096 bytes.
 * Errors: as rnl_work_output. */
RNL_API RNL_MUST_USE enum rnl_code rnl_work_log(struct rnl_work *work,
                                                const char *line);

/* Says how far the job is. Errors: as rnl_work_output. */
RNL_API RNL_MUST_USE enum rnl_code rnl_work_progress(
    struct rnl_work *work, const struct rnl_progress *progress);

/*
 * The job is done: content_type (may be NULL) is that of its output. There is
 * always room. With RNL_OK the work is out of the caller's hand.
 *
 * Errors: RNL_CANCELLED after on_stop; RNL_RESOURCE_EXHAUSTED when memory is
 * out: the work is still in hand.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_work_complete(struct rnl_work *work,
                                                     const char *content_type);

/* The attempt failed; retryable: the next one could succeed. As
 * rnl_work_complete. */
RNL_API RNL_MUST_USE enum rnl_code rnl_work_fail(struct rnl_work *work,
                                                 enum rnl_code code,
                                                 const char *message,
                                                 bool retryable);

/* The longest time that an attempt can be put off for. */
#define RNL_RETRY_DELAY_MS_MAX 86400000

/*
 * The attempt failed, and the next one may begin after delay_ms, 0 to
 * RNL_RETRY_DELAY_MS_MAX, at the earliest: that is taken instead of the backoff
 * of the job's retry policy, which still says how many attempts there are. As
 * rnl_work_complete.
 *
 * Errors: also RNL_INVALID_ARGUMENT for a delay out of range: the work is still
 * in hand.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_work_retry(struct rnl_work *work,
                                                  enum rnl_code code,
                                                  const char *message,
                                                  int64_t delay_ms);

/* Lets go of work without a result: unless it was stopped, that is a lost
 * attempt, and the job goes to another worker after its backoff. reason is what
 * people are told, NULL for a general one. The work is out of the caller's
 * hand. Accepts NULL. */
RNL_API void rnl_work_release(struct rnl_work *work, const char *reason);

#ifdef __cplusplus
}
#endif

#endif
