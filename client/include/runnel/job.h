/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs: create, look at, list, cancel, delete, and watch. No protobuf type
 * appears; the functions block unless they take callbacks.
 */
#ifndef RNL_JOB_H
#define RNL_JOB_H

#include <runnel/call.h>

#ifdef __cplusplus
extern "C" {
#endif

/* QUEUED, RUNNING, then one of the four terminal states. */
enum rnl_job_state {
    RNL_JOB_UNSPECIFIED = 0,
    RNL_JOB_QUEUED = 1,
    RNL_JOB_RUNNING = 2,
    RNL_JOB_SUCCEEDED = 3,
    RNL_JOB_FAILED = 4,
    RNL_JOB_CANCELLED = 5,
    /* The deadline passed before the job ended. */
    RNL_JOB_EXPIRED = 6,
};

/* Returns "RUNNING" and the like; "UNSPECIFIED" for a number that is none. */
RNL_API const char *rnl_job_state_name(enum rnl_job_state state);

/* Tells whether a job in this state has ended. */
RNL_API bool rnl_job_state_terminal(enum rnl_job_state state);

/* How far a job is. done and total count the same unit. */
struct rnl_progress {
    double done;
    /* 0 when unknown. */
    double total;
    const char *unit;
    const char *message;
};

/* A job as it stood. Made by the library, freed with rnl_job_destroy; strings
 * are never NULL. */
struct rnl_job {
    const char *id;
    const char *kind;
    enum rnl_job_state state;
    const struct rnl_pair *labels;
    size_t label_count;
    const struct rnl_pair *options;
    size_t option_count;
    int32_t priority;
    /* Only when asked for; data is NULL otherwise. */
    const void *input;
    size_t input_len;
    const char *input_content_type;
    uint64_t input_bytes;
    uint64_t output_bytes;
    const char *output_content_type;
    /* Newest event, and oldest one still kept (0: none is). */
    uint64_t last_sequence;
    uint64_t first_sequence;
    bool has_progress;
    struct rnl_progress progress;
    /* The running or last attempt, from 1; 0 before the first. */
    uint32_t attempt;
    /* RNL_OK unless the job FAILED, was CANCELLED or EXPIRED. */
    enum rnl_code error_code;
    const char *error_message;
    int64_t create_time_ms;
    int64_t start_time_ms;
    int64_t end_time_ms;
    int64_t not_before_ms;
    int64_t deadline_ms;
    int64_t retention_ms;
    const char *idempotency_key;
    bool cancel_requested;
    /* Its oldest events go, so that the newest so many bytes stay; 0: they all
     * stay. */
    uint64_t keep_newest_bytes;
    /* Where the attempt begins: its first event, and the bytes of output in
     * front of it. Its time, 0 for the first, which began at start_time_ms. */
    uint64_t attempt_sequence;
    uint64_t attempt_output_offset;
    int64_t attempt_time_ms;
};

/* Accepts NULL. */
RNL_API void rnl_job_destroy(struct rnl_job *job);

/* What to create. */
struct rnl_job_spec {
    size_t size;
    /* "echo", "simulate", "analyze" or a kind that a worker serves. */
    const char *kind;
    const void *input;
    size_t input_len;
    /* Default application/octet-stream, or text/plain if input_is_text, which
     * promises UTF-8. */
    const char *content_type;
    bool input_is_text;
    /* Parameters of the kind; docs/jobs.md lists them. */
    const struct rnl_pair *options;
    size_t option_count;
    const struct rnl_pair *labels;
    size_t label_count;
    /* -100 to 100; higher runs first. */
    int32_t priority;
    int64_t not_before_ms;
    int64_t deadline_ms;
    /* Kept so long after the end. Default 24 h. */
    int64_t retention_ms;
    /* Attempts in all; 0 means 1. */
    uint32_t max_attempts;
    /* Wait before the second attempt, doubled for each further one, and the
     * longest; 0: 1 s and 60 s. */
    int64_t initial_backoff_ms;
    int64_t max_backoff_ms;
    /* The same key with the same request finds the job made first. */
    const char *idempotency_key;
    /* Instead of failing when its event log is full, the job loses its oldest
     * events, so that the newest so many bytes stay. 0: it fails. */
    uint64_t keep_newest_bytes;
};

/*
 * Blocks: creates a job. Errors: RNL_INVALID_ARGUMENT with the fields that are
 * wrong (rnl_client_status); RNL_ALREADY_EXISTS when the idempotency key is
 * held by another request; RNL_RESOURCE_EXHAUSTED; those of every call.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_job_create(
    struct rnl_client *client, const struct rnl_job_spec *spec,
    struct rnl_job **ret_job);

/* Blocks. RNL_NOT_FOUND when no such job is stored. */
RNL_API RNL_MUST_USE enum rnl_code rnl_job_get(struct rnl_client *client,
                                               const char *id,
                                               bool include_input,
                                               struct rnl_job **ret_job);

struct rnl_job_filter {
    size_t size;
    /* 1 to 1,000; default 50. */
    uint32_t page_size;
    /* Of the page before; NULL: the first page. */
    const char *page_token;
    /* Any of these; none means all. */
    const enum rnl_job_state *states;
    size_t state_count;
    const char *kind;
    /* All of these. */
    const struct rnl_pair *labels;
    size_t label_count;
};

/* One page, newest job first. The jobs belong to the page. */
struct rnl_job_page {
    struct rnl_job *const *jobs;
    size_t job_count;
    /* Empty on the last page. */
    const char *next_page_token;
};

/* Blocks; filter may be NULL. Free the page with rnl_job_page_destroy. */
RNL_API RNL_MUST_USE enum rnl_code rnl_job_list(
    struct rnl_client *client, const struct rnl_job_filter *filter,
    struct rnl_job_page **ret_page);

/* Frees the page with its jobs. Accepts NULL. */
RNL_API void rnl_job_page_destroy(struct rnl_job_page *page);

/* Blocks: asks for the end of a job; one that has ended is left as it is.
 * reason and ret_job may be NULL. */
RNL_API RNL_MUST_USE enum rnl_code rnl_job_cancel(struct rnl_client *client,
                                                  const char *id,
                                                  const char *reason,
                                                  struct rnl_job **ret_job);

/* Blocks: forgets a job. RNL_FAILED_PRECONDITION while it has not ended. */
RNL_API RNL_MUST_USE enum rnl_code rnl_job_delete(struct rnl_client *client,
                                                  const char *id);

/* --- watching --- */

enum rnl_job_event_kind {
    /* A piece of output: data. */
    RNL_JOB_EVENT_DELTA = 1,
    /* How far the job is: progress. */
    RNL_JOB_EVENT_PROGRESS = 2,
    /* The job entered a state: state, attempt, error_*. The terminal one is
     * the last event of every job. */
    RNL_JOB_EVENT_STATE = 3,
    /* A line of the job's log: data. */
    RNL_JOB_EVENT_LOG = 4,
    /* A kind that this library does not know; see encoded. */
    RNL_JOB_EVENT_OTHER = 5,
};

/* One event of a job. Borrowed: until the callback returns, or until the next
 * rnl_watch_next. */
struct rnl_job_event {
    enum rnl_job_event_kind kind;
    /* 1, 2, 3... without holes in each job. */
    uint64_t sequence;
    /* Below sequence when neighbouring pieces of output were joined: the event
     * then stands for first_sequence to sequence. */
    uint64_t first_sequence;
    int64_t time_ms;
    const char *data;
    size_t len;
    /* data is valid UTF-8 by itself. */
    bool is_text;
    struct rnl_progress progress;
    enum rnl_job_state state;
    uint32_t attempt;
    enum rnl_code error_code;
    const char *error_message;
    /* The runnel.v1.WatchJobResponse as it came, for programs that have the
     * schema. */
    const uint8_t *encoded;
    size_t encoded_len;
};

struct rnl_watch;

struct rnl_watch_options {
    size_t size;
    /* Events with a higher sequence are wanted; 0: all. */
    uint64_t after_sequence;
    /* End with RNL_UNAVAILABLE when the connection is lost, in place of going
     * on after it is back. */
    bool no_resume;
    /* Wait for the core also when it cannot be reached at the start; by
     * default the watch then ends with RNL_UNAVAILABLE. */
    bool wait_for_connection;
    /* An event counts as consumed when rnl_watch_consume says so, with its
     * encoded_len, not when on_event returns. */
    bool manual_consume;
    /* One event. NULL: events are fetched by rnl_watch_next, which needs none
     * of these callbacks. Such a watch goes on after a lost connection when
     * the events that were there have been fetched. */
    void (*on_event)(struct rnl_watch *watch, const struct rnl_job_event *event,
                     void *arg);
    /* The connection was lost (false), or the watch goes on (true). */
    void (*on_connection)(struct rnl_watch *watch, bool connected, void *arg);
    /* The end, exactly once and last. RNL_OK: the terminal event was seen. */
    void (*on_end)(struct rnl_watch *watch,
                   const struct rnl_status_info *status, void *arg);
    void *arg;
};

/*
 * Watches a job: every event after a sequence, live, without gap or
 * repetition, over lost connections and restarts of the core, until the
 * terminal event.
 *
 * It ends with RNL_OK after the terminal event; RNL_NOT_FOUND when there is no
 * such job, or when the core came back without the jobs that it had (another
 * epoch; the message tells which of the two); RNL_OUT_OF_RANGE when events that
 * were asked for are no longer kept, with first_available_sequence;
 * RNL_DATA_LOSS should the core ever skip or repeat an event. *ret_watch is the
 * caller's, to be given to rnl_watch_destroy. Ending a watch does not cancel
 * the job.
 *
 * Errors: RNL_INVALID_ARGUMENT; RNL_RESOURCE_EXHAUSTED. All else comes as the
 * end of the watch.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_watch_start(
    struct rnl_client *client, const char *job_id,
    const struct rnl_watch_options *options, struct rnl_watch **ret_watch);

/*
 * Blocks until the next event (timeout_ms negative: for ever; 0: only what is
 * there), of a watch without on_event. After the last event RNL_OK with
 * *ret_event NULL.
 *
 * Errors: RNL_DEADLINE_EXCEEDED: none came in time, the watch goes on;
 * RNL_RESOURCE_EXHAUSTED from want of memory here: the event is kept for the
 * next call; RNL_FAILED_PRECONDITION of a watch with on_event; the status with
 * which the watch ended.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_watch_next(
    struct rnl_watch *watch, int64_t timeout_ms,
    const struct rnl_job_event **ret_event);

/* Sequence of the last event delivered: where to resume in another process. */
RNL_API uint64_t rnl_watch_sequence(const struct rnl_watch *watch);

/* See manual_consume. */
RNL_API void rnl_watch_consume(struct rnl_watch *watch, size_t len);

/* Stops and frees a watch; nothing is called back. May be called inside of its
 * own callbacks. Accepts NULL. */
RNL_API void rnl_watch_destroy(struct rnl_watch *watch);

/*
 * Blocks until the job has ended and gives its whole output to sink, piece by
 * piece; false of sink ends it with RNL_CANCELLED. sink may block, and may use
 * the client.
 *
 * Errors: as a watch; RNL_OK however the job itself ended, *ret_state (may be
 * NULL) tells that.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_job_output(
    struct rnl_client *client, const char *id,
    bool (*sink)(const void *data, size_t len, void *arg), void *arg,
    enum rnl_job_state *ret_state);

#ifdef __cplusplus
}
#endif

#endif
