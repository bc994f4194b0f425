/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the jobs engine, shared by its files:
 *
 *   engine.c       birth and death, submit, cancel, remove, retention
 *   run.c          queues, timers and slices of work
 *   attempt.c      attempts, retries, and the end of a job
 *   job_events.c   what is written of a job: its events and its record
 *   recover.c      jobs that a durable store had
 *   resume.c       attempts of built-in kinds that it cut
 *   workers.h      jobs that workers do
 *   job_measure.c  what jobs took
 *   job_view.c     a job as the Job message of the contract
 *   watch.c        watchers: cursors into the event log
 *   job_service.c  the methods of JobService
 *
 * A struct rnl_job lives while the job has not ended; afterwards the store
 * alone knows the job.
 */
#ifndef RNL_JOBS_ENGINE_H
#define RNL_JOBS_ENGINE_H

#include <sys/queue.h>

#include "core.h"
#include "fair_queue.h"
#include "id_table.h"
#include "job_bounds.h"
#include "jobs.h"
#include "kind.h"
#include "store.h"

#define RNL_SECOND_NS INT64_C(1000000000)

#define RNL_KINDS_BUILT_IN_MAX 8

/* Kinds that have a queue at once: all that workers serve and jobs wait
 * for. */
#define RNL_KIND_QUEUES_MAX 256

struct rnl_kind_queue;
struct rnl_lease;
struct rnl_trim;
struct rnl_worker;

/* Where a job is besides the table of jobs. */
enum rnl_job_place {
    /* Nowhere: its put is not durable yet, or a timer will bring it back. */
    RNL_PLACE_WAITING,
    /* In the queue of its priority. */
    RNL_PLACE_QUEUED,
    /* Among those that want a slice. */
    RNL_PLACE_READY,
};

/* What a kind is handed in step. */
struct rnl_run {
    struct rnl_job *job;
};

struct rnl_job {
    struct rnl_id_node node;
    struct rnl_jobs *jobs;
    /* NULL: workers do it. */
    const struct rnl_kind *kind;
    /* Where it waits: with the jobs of its kind, priority and tenant. */
    struct rnl_kind_queue *queue;
    struct rnl_job_lane *lane;
    /* Of the running attempt, when a worker has it. */
    struct rnl_lease *lease;
    /* The record as it was created, without input. Owned. */
    Runnel__V1__Job *base;
    /* What a worker said that the output is, NULL before; base has it, too.
     * Owned. */
    char *content_type;
    Runnel__V1__JobState state;
    enum rnl_job_place place;
    TAILQ_ENTRY(rnl_job) link;
    uint32_t attempt;
    uint64_t last_sequence;
    /* The RUNNING event of the attempt, 0: none; its time; the output in front
     * of it. */
    uint64_t attempt_sequence;
    int64_t attempt_wall_ns;
    uint64_t attempt_output_offset;
    /* After a restart: newest events that are there already, and that the
     * worker or the kind says again; of a kind, output that is yet to come
     * with them. */
    uint64_t replay_count;
    uint64_t replay_bytes;
    uint64_t output_bytes;
    /* Wall clock; 0 until then. */
    int64_t start_ns;
    /* For measuring. Monotonic: when it could run first, and when its last
     * attempt began; 0: not yet. */
    int64_t ready_ns;
    int64_t attempt_ns;
    double wait_ms;
    bool has_output;
    int64_t end_ns;
    /* Wall clock: when the next attempt may begin, since one has failed; 0:
     * what base says. */
    int64_t not_before_ns;
    double progress_done;
    double progress_total;
    /* Static, or unit_text; NULL while there is no progress. */
    const char *progress_unit;
    char unit_text[RNL_JOB_UNIT_LEN_MAX + 1];
    enum rnl_code error_code;
    uint32_t error_attempt;
    char error_message[RNL_JOB_ERROR_LEN_MAX + 1];
    /* For not_before, the next attempt, the next slice; for the deadline. */
    struct rnl_timer wake;
    struct rnl_timer deadline;
    /* The running attempt: its record with the input, owned; what the kind
     * was given; the kind's state. */
    Runnel__V1__Job *input_job;
    struct rnl_work work;
    void *kind_state;
    struct rnl_run run;
    /* It was there before the process was: it may be what ended the last
     * one, so that its attempts are written down before they run. */
    bool recovered;
    /* That event: the RUNNING one of the attempt, or the note that it goes on.
     * 0: it is durable, or none is needed. */
    uint64_t awaited_sequence;
    /* The attempt goes on from there. */
    bool goes_on;
    struct rnl_cut cut;
    /* Which of its events may go. NULL: none. Owned. */
    struct rnl_trim *trim;
    /* The put, and who waits for it. */
    struct rnl_store_request put;
    struct rnl_store_request *creator;
    bool put_pending;
};

TAILQ_HEAD(rnl_worker_list, rnl_worker);
TAILQ_HEAD(rnl_lease_list, rnl_lease);

struct rnl_waiter;
TAILQ_HEAD(rnl_waiter_list, rnl_waiter);

struct rnl_jobs {
    struct rnl_core *core;
    struct rnl_store *store;
    size_t input_bytes_max;
    char lease_key[RNL_LEASE_KEY_LEN + 1];
    /* Of one job's events. */
    uint64_t log_bytes_max;
    /* Jobs that have not ended; groups of watchers (watch.c). */
    struct rnl_id_table active;
    struct rnl_id_table groups;
    struct rnl_job_list ready;
    /* Ended before their put was durable, which they wait for. */
    struct rnl_job_list ended_early;
    uint64_t queued_count;
    uint64_t running_count;
    /* Of these, jobs of built-in kinds. */
    uint64_t built_in_running;
    uint64_t last_id_ms;
    /* The built-in kinds first, which stay; then those that workers do. */
    struct rnl_kind_queue
        *kind_queues[RNL_KINDS_BUILT_IN_MAX + RNL_KIND_QUEUES_MAX];
    size_t kind_queue_count;
    size_t built_in_count;
    /* The built-in kind that begins next, others being equal. */
    size_t built_in_turn;
    /* Registered ones, and leases of those whose connection was lost. */
    struct rnl_worker_list workers;
    /* Those that drain, or are held while the store is busy. */
    struct rnl_worker_list unsettled;
    struct rnl_lease_list orphans;
    /* What rnl_jobs_kinds lends. */
    const char *kind_names[RNL_KIND_QUEUES_MAX + RNL_KINDS_BUILT_IN_MAX];
    /* Both are always started, so that moving them cannot fail. */
    struct rnl_timer runner;
    struct rnl_timer expiry;
    /* Calls that wait for the store (job_service.c). */
    struct rnl_waiter_list waiters;
    /* Where deltas are joined. */
    uint8_t join[RNL_WATCH_JOIN_BYTES_MAX];
};

/* A Job message with room for what it points to. */
struct rnl_job_view {
    Runnel__V1__Job job;
    Runnel__V1__Progress progress;
    Runnel__V1__JobError error;
    Google__Protobuf__Timestamp start_time;
    Google__Protobuf__Timestamp end_time;
    Google__Protobuf__Timestamp not_before;
    Google__Protobuf__Timestamp attempt_time;
    /* From the store: an ended job; the input of one that goes on. Owned. */
    Runnel__V1__Job *stored;
    Runnel__V1__Payload *input;
};

/* ---- engine.c ---- */

struct rnl_submission {
    const Runnel__V1__CreateJobRequest *request;
    /* done is called when the job is durable, unless existing. */
    struct rnl_store_request *done;
    /* Set: */
    char job_id[RNL_JOB_ID_LEN + 1];
    bool existing;
    struct rnl_field_error error;
    char message[256];
};

/* Errors: RNL_INVALID_ARGUMENT with error filled; RNL_ALREADY_EXISTS and
 * RNL_RESOURCE_EXHAUSTED with message filled. */
RNL_MUST_USE enum rnl_code rnl_jobs_submit(struct rnl_jobs *jobs,
                                           struct rnl_submission *submission);

/* Ends a job that has not ended; *ret_ended says that it had, and request will
 * not be called then. Errors: RNL_NOT_FOUND. */
RNL_MUST_USE enum rnl_code rnl_jobs_cancel(struct rnl_jobs *jobs,
                                           const char *job_id,
                                           const char *reason,
                                           struct rnl_store_request *request,
                                           bool *ret_ended);

/* Errors: RNL_NOT_FOUND, RNL_FAILED_PRECONDITION. */
RNL_MUST_USE enum rnl_code rnl_jobs_remove(struct rnl_jobs *jobs,
                                           const char *job_id,
                                           struct rnl_store_request *request);

bool rnl_job_kind_built_in(const char *kind);

/* NULL when the job has ended or there is none. */
struct rnl_job *rnl_jobs_find(const struct rnl_jobs *jobs, const char *job_id);

/* Sees that jobs are removed when the retention of one that ends now is
 * over. */
void rnl_jobs_arm_expiry(struct rnl_jobs *jobs, int64_t wall_ns);

/* Makes the struct of a job in state QUEUED, with a copy of its record, and
 * adds it to the table. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_job_create(struct rnl_jobs *jobs,
                                          const Runnel__V1__Job *from,
                                          struct rnl_job **ret_job);

/* Frees a job that is in no list any more. */
void rnl_job_free(struct rnl_job *job);

/* ---- run.c ---- */

/* Puts a job that may run into its queue. */
void rnl_job_enqueue(struct rnl_job *job);

/* Starts the timers of not_before and deadline, or enqueues. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_job_schedule(struct rnl_job *job);

/* The part of that which is the deadline's; sets both timers up. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_job_start_deadline(struct rnl_job *job);

/* The attempt of a built-in kind wants a slice. */
void rnl_job_make_ready(struct rnl_job *job);

/* Takes the job out of the list that it is in. */
void rnl_job_leave_place(struct rnl_job *job);

/* Has rnl_jobs_run called soon. */
void rnl_jobs_kick(struct rnl_jobs *jobs);

void rnl_jobs_run(struct rnl_jobs *jobs);

/* ---- attempt.c ---- */

/* Counts a job that has come to be, in its state; from then on the counts
 * follow it. */
void rnl_job_count(struct rnl_job *job);

/* Begins an attempt of a built-in kind. */
void rnl_job_begin(struct rnl_job *job);

/* Begins an attempt with a worker that has room. */
void rnl_job_assign(struct rnl_job *job, struct rnl_worker *worker);

/* Events up to sequence are durable: an attempt that waits for one of them
 * runs. */
void rnl_job_committed_to(struct rnl_job *job, uint64_t sequence);

/* Makes the state of a built-in kind's attempt, and what it works on. False:
 * the attempt has ended. */
RNL_MUST_USE bool rnl_job_load(struct rnl_job *job);

/* The same for a job whose attempt the end of the process has cut. That of a
 * worker waits for it, for the time of a lease; that of a built-in kind goes on
 * if it can (resume.c); another one is lost. */
RNL_MUST_USE enum rnl_code rnl_job_resume(struct rnl_job *job);

/* The attempt has failed: the job is tried again, or ends. request is called
 * once that is durable; it may be NULL. */
void rnl_job_fail(struct rnl_job *job, const struct rnl_step *step,
                  struct rnl_store_request *request);

/* The attempt was not the job's to fail: it is tried again, a few times more
 * than its retry policy says. request as in rnl_job_fail. */
void rnl_job_lost(struct rnl_job *job, const char *why,
                  struct rnl_store_request *request);

/* The attempt was never begun: the job is the next of its queue, as if it had
 * not been given out. request as in rnl_job_fail. */
void rnl_job_return(struct rnl_job *job, const char *why,
                    struct rnl_store_request *request);

/* Takes the job out of every list, stops its timers and its attempt. */
void rnl_job_halt(struct rnl_job *job);

/* Ends a job: its last event, its record, and the struct rnl_job. message may
 * be NULL, request too. */
void rnl_job_end(struct rnl_job *job, Runnel__V1__JobState state,
                 enum rnl_code code, const char *message,
                 struct rnl_store_request *request);

/* ---- job_events.c ---- */

/* Reads the events above a sequence in pages of bounded memory, to the newest.
 * Errors: those of the store; RNL_OUT_OF_RANGE when some have gone. */
RNL_MUST_USE enum rnl_code rnl_job_read_events(
    const struct rnl_job *job, uint64_t after,
    void (*take)(void *arg, const struct rnl_store_page *page), void *arg);

/* Writes the job's record as it is now. request may be NULL. Errors: those of
 * the store. */
RNL_MUST_USE enum rnl_code rnl_job_write_record(
    struct rnl_job *job, struct rnl_store_request *request);

/* Appends the state that the job is in, as an event of this type. Errors: as
 * rnl_run_output. */
RNL_MUST_USE enum rnl_code rnl_job_write_state(struct rnl_job *job,
                                               enum rnl_event_type type);

/* Cuts a text at a character and makes it UTF-8 whatever was printed into
 * it. */
void rnl_job_clean_text(char *text, size_t len_max);

/* Appends a progress event. Errors: as rnl_run_output. */
RNL_MUST_USE enum rnl_code rnl_job_progress(
    struct rnl_job *job, const Runnel__V1__Progress *progress);

/* Sets the type of the output, unless it is empty or memory is out. */
void rnl_job_set_content_type(struct rnl_job *job, const char *type);

/* The newest durable event. */
uint64_t rnl_job_committed(const struct rnl_job *job);

/* ---- recover.c ---- */

/* Begins again with the jobs of a store that has not ended them. Errors: those
 * of the store. */
RNL_MUST_USE enum rnl_code rnl_jobs_recover(struct rnl_jobs *jobs);

/* ---- resume.c ---- */

/* The attempt of a built-in kind goes on, once that is written down. Errors:
 * those of the store; RNL_RESOURCE_EXHAUSTED; RNL_FAILED_PRECONDITION when it
 * is not known where it was, or no kind's attempts can. It is lost then. */
RNL_MUST_USE enum rnl_code rnl_job_go_on(struct rnl_job *job);

/* ---- job_view.c ---- */

/* Describes a job that has not ended. Borrows from the job. */
void rnl_job_view_active(struct rnl_job_view *view, const struct rnl_job *job);

/* The same as GetJob shows it: with its first sequence, and its input if asked
 * for. Errors: those of the store; RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_job_view_whole(struct rnl_job_view *view,
                                              const struct rnl_job *job,
                                              bool with_input);

/* The same for any job. Errors: RNL_NOT_FOUND, RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_job_view_any(struct rnl_job_view *view,
                                            struct rnl_jobs *jobs,
                                            const char *job_id,
                                            bool with_input);

void rnl_job_view_fini(struct rnl_job_view *view);

/* ---- job_measure.c ---- */

/* It may run now; an attempt begins; it has output; it has ended in its
 * state. */
void rnl_job_measure_ready(struct rnl_job *job);
void rnl_job_measure_attempt(struct rnl_job *job);
void rnl_job_measure_output(struct rnl_job *job);
void rnl_job_measure_end(const struct rnl_job *job);

/* ---- job_service.c ---- */

/* Frees those that still wait. */
void rnl_waiters_free(struct rnl_jobs *jobs);

/* ---- watch.c ---- */

/* The listener of the store. */
void rnl_watch_committed(void *arg, const char *job_id, uint64_t sequence);
void rnl_watch_removed(void *arg, const char *job_id);

void rnl_watch_on_message(struct rnl_stream *stream, const uint8_t *data,
                          size_t len);
void rnl_watch_on_writable(struct rnl_stream *stream);
void rnl_watch_on_close(struct rnl_stream *stream, enum rnl_code code);

#endif
