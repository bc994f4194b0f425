/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs of kinds that are not built in, and the workers that do them:
 *
 *   work_queue.c      jobs of each kind that wait (fair_queue.h), workers that
 *                     serve it, and who gets what
 *   lease.c           the right to report on one attempt
 *   worker_service.c  WorkerService.Work: a worker's stream
 *   worker_enter.c    how a worker registers, and how it is known again
 *   worker_reports.c  what it says about its jobs
 *
 * A job is given out under a lease with a token that nobody can guess. Every
 * report and heartbeat under it renews it; when it expires the attempt is lost
 * and the job goes to another worker under another token, so that the first
 * one, should it come back, is refused (fencing). A worker whose connection
 * broke has the time of its leases to connect again, claim them and go on; what
 * it does not claim then never reached it.
 */
#ifndef RNL_JOBS_WORKERS_H
#define RNL_JOBS_WORKERS_H

#include <runnel/v1/workers.pb-c.h>

#include "engine.h"

/* workers.proto: kinds of a worker, and jobs that it takes at once. */
#define RNL_WORKER_KINDS_MAX        64
#define RNL_WORKER_CONCURRENCY_MAX  1024
#define RNL_WORKER_NAME_LEN_MAX     128
#define RNL_WORKER_INSTANCE_LEN_MAX 64

/* A lease lasts three heartbeats: two may be lost on the way. */
#define RNL_HEARTBEATS_PER_LEASE 3

#define RNL_LOST_BY_RESTART "the server was restarted during the attempt"

/* Reports of a lease that wait to become durable, told apart: of more the
 * newest are acknowledged together. */
#define RNL_LEASE_REPORTS_MAX 32

struct rnl_worker;
struct rnl_kind_queue;

/* One kind of one worker. */
struct rnl_worker_kind {
    struct rnl_worker *worker;
    struct rnl_kind_queue *queue;
    TAILQ_ENTRY(rnl_worker_kind) link;
};

TAILQ_HEAD(rnl_worker_kind_list, rnl_worker_kind);

/* One kind: its jobs, and the workers that serve it. Built-in kinds have one
 * too, without workers. */
struct rnl_kind_queue {
    char kind[RNL_JOB_KIND_LEN_MAX + 1];
    struct rnl_fair_queue jobs;
    /* Jobs that run, and how many may at once; UINT64_MAX: any number. */
    uint64_t running;
    uint64_t running_max;
    /* Whose turn it is comes first. */
    struct rnl_worker_kind_list workers;
    /* Jobs that have not ended, and workers: the queue goes with the last. */
    size_t users;
};

struct rnl_lease_report {
    uint64_t number;
    /* The last event that it made. */
    uint64_t sequence;
};

struct rnl_lease {
    struct rnl_job *job;
    /* NULL while its connection is lost: it is among the orphans. */
    struct rnl_worker *worker;
    TAILQ_ENTRY(rnl_lease) link;
    /* Of the worker; "": it will not connect again. */
    char instance[RNL_WORKER_INSTANCE_LEN_MAX + 1];
    struct rnl_timer expiry;
    uint64_t token;
    /* From before a restart; the number of the last report is not known. */
    bool restored;
    uint64_t last_report;
    uint64_t acked_sequence;
    struct rnl_lease_report reports[RNL_LEASE_REPORTS_MAX];
    size_t report_count;
};

struct rnl_ack {
    const char *job_id;
    uint32_t attempt;
    uint64_t report;
    /* The last event of the reports. */
    uint64_t sequence;
};

/* A report whose effect has ended the attempt: it is acknowledged when the
 * store has it. */
struct rnl_work_ack {
    struct rnl_store_request request;
    /* NULL when it has gone. */
    struct rnl_worker *worker;
    TAILQ_ENTRY(rnl_work_ack) link;
    char job_id[RNL_JOB_ID_LEN + 1];
    uint32_t attempt;
    uint64_t report;
};

TAILQ_HEAD(rnl_work_ack_list, rnl_work_ack);

struct rnl_worker {
    struct rnl_jobs *jobs;
    struct rnl_stream *stream;
    TAILQ_ENTRY(rnl_worker) link;
    char id[RNL_JOB_ID_LEN + 1];
    char name[RNL_WORKER_NAME_LEN_MAX + 1];
    char instance[RNL_WORKER_INSTANCE_LEN_MAX + 1];
    uint32_t concurrency;
    uint32_t busy;
    /* Leases that it has yet to claim before it is given a job. */
    uint32_t claims;
    bool registered;
    /* It is to be given no job, and ends when it has none. */
    bool draining;
    /* Its kinds are in their queues. */
    bool queued;
    /* The store is busy: its reports get no credit. */
    bool held;
    /* rnl_workers_settle is to look at it. */
    bool unsettled;
    TAILQ_ENTRY(rnl_worker) unsettled_link;
    struct rnl_lease_list leases;
    struct rnl_work_ack_list acks;
    struct rnl_worker_kind *kinds;
    size_t kind_count;
};

/* ---- work_queue.c ---- */

/* The queue of a kind, made if there is none; the caller becomes its user.
 * Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_kind_queue_use(struct rnl_jobs *jobs,
                                              const char *kind,
                                              struct rnl_kind_queue **ret);
void rnl_kind_queue_leave(struct rnl_jobs *jobs, struct rnl_kind_queue *queue);

/* A job waits, and one more of the kind may run. */
bool rnl_kind_queue_may_start(const struct rnl_kind_queue *queue);

/* Gives the jobs that wait to workers that have room. */
void rnl_kind_queue_match(struct rnl_jobs *jobs, struct rnl_kind_queue *queue);

/* The same for all kinds of a worker, and for all kinds. */
void rnl_worker_match(struct rnl_worker *worker);
void rnl_workers_match(struct rnl_jobs *jobs);

/* All others of its kinds have their turn first. */
void rnl_worker_goes_last(struct rnl_worker *worker);

/* ---- lease.c ---- */

int64_t rnl_lease_ns(const struct rnl_jobs *jobs);

/* Makes the lease anew of an attempt that was running when the server went
 * down: it waits for its worker. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_lease_restore(struct rnl_job *job);

/* Its worker has come, and says what was acknowledged last. False: what is
 * there does not fit that. */
RNL_MUST_USE bool rnl_lease_resume(struct rnl_lease *lease,
                                   const Runnel__V1__Acknowledge *last);

/* Makes a lease of the job's attempt for the worker. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_lease_grant(struct rnl_job *job,
                                           struct rnl_worker *worker);

/* Sends the job with its lease to the worker; its record is that of the
 * attempt. Errors: those of the store; RNL_RESOURCE_EXHAUSTED;
 * RNL_FAILED_PRECONDITION when the job does not fit the worker's frames. */
RNL_MUST_USE enum rnl_code rnl_lease_send(struct rnl_lease *lease);

/* Ends a lease; told says to let the worker know why. Accepts a job without
 * one. */
void rnl_lease_end(struct rnl_job *job, const char *told);

/* The job's lease if that is what the worker holds, now by this connection;
 * else NULL. */
struct rnl_lease *rnl_lease_find(struct rnl_worker *worker,
                                 const Runnel__V1__Lease *held);

/* Begins its time anew. */
void rnl_lease_renew(struct rnl_lease *lease);

/* The worker's connection is lost: its leases wait for it. */
void rnl_lease_abandon(struct rnl_lease *lease);

/* The worker does not go on with the job. Unless it has begun, or has reported
 * on it, the job has not been given out. request as in rnl_job_fail. */
void rnl_lease_let_go(struct rnl_lease *lease, bool begun, const char *why,
                      struct rnl_store_request *request);

/* Lets go of what an instance had and has not claimed. */
void rnl_leases_return(struct rnl_jobs *jobs, const char *instance);

/* Notes that a report has been taken, whose last event is the job's last. */
void rnl_lease_note(struct rnl_lease *lease, uint64_t report);

/* Events up to sequence are durable. */
void rnl_lease_committed(struct rnl_lease *lease, uint64_t sequence);

/* ---- worker_enter.c ---- */

/* First message of a worker; what is wrong with it ends the stream. */
void rnl_worker_register(struct rnl_worker *worker,
                         const Runnel__V1__RegisterWorker *request);

/* It has claimed a lease, or one that it does not hold any more. */
void rnl_worker_claimed(struct rnl_worker *worker);

/* It is given no job any more, and its stream ends when it has none. */
void rnl_worker_drain(struct rnl_worker *worker);

/* Takes it out of all lists; it is registered. */
void rnl_worker_leave(struct rnl_worker *worker);

/* ---- worker_reports.c ---- */

/* Any other message of a worker. */
void rnl_worker_take(struct rnl_worker *worker,
                     const Runnel__V1__WorkRequest *request);

/* ---- worker_service.c ---- */

void rnl_worker_send(struct rnl_worker *worker,
                     Runnel__V1__WorkResponse *response);

/* Has the worker looked at by the next rnl_workers_settle. */
void rnl_worker_settle_later(struct rnl_worker *worker);

/* The store has room again, and workers that drain may have ended. */
void rnl_workers_settle(struct rnl_jobs *jobs);

void rnl_worker_send_ack(struct rnl_worker *worker, const struct rnl_ack *ack);

#endif
