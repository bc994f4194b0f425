/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs of kinds that are not built in, and the workers that do them:
 *
 *   work_queue.c      jobs of each kind that wait (fair_queue.h), workers that
 *                     serve it, and who gets what
 *   lease.c           the right to report on one attempt
 *   worker_service.c  WorkerService.Work: a worker's stream
 *
 * A job is given out under a lease with a token that nobody can guess. Every
 * report and heartbeat under it renews it; when it expires the attempt is lost
 * and the job goes to another worker under another token, so that the first
 * one, should it come back, is refused (fencing). A worker whose connection
 * broke has the time of its leases to connect again and go on.
 */
#ifndef RNL_JOBS_WORKERS_H
#define RNL_JOBS_WORKERS_H

#include <runnel/v1/workers.pb-c.h>

#include "engine.h"

/* workers.proto: kinds of a worker, and jobs that it takes at once. */
#define RNL_WORKER_KINDS_MAX       64
#define RNL_WORKER_CONCURRENCY_MAX 1024
#define RNL_WORKER_NAME_LEN_MAX    128

/* A lease lasts three heartbeats: two may be lost on the way. */
#define RNL_LEASE_NS     (30 * RNL_SECOND_NS)
#define RNL_HEARTBEAT_NS (10 * RNL_SECOND_NS)

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
    /* NULL while its connection is lost. */
    struct rnl_worker *worker;
    TAILQ_ENTRY(rnl_lease) link;
    struct rnl_timer expiry;
    uint64_t token;
    uint64_t last_report;
    struct rnl_lease_report reports[RNL_LEASE_REPORTS_MAX];
    size_t report_count;
};

TAILQ_HEAD(rnl_lease_list, rnl_lease);

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
    uint32_t concurrency;
    uint32_t busy;
    bool registered;
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

/* Makes a lease of the job's attempt and sends it to the worker. Errors: those
 * of the store; RNL_RESOURCE_EXHAUSTED; RNL_FAILED_PRECONDITION when the job
 * does not fit the worker's frames. */
RNL_MUST_USE enum rnl_code rnl_lease_grant(struct rnl_job *job,
                                           struct rnl_worker *worker);

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

/* Notes that a report has been taken, whose last event is the job's last. */
void rnl_lease_note(struct rnl_lease *lease, uint64_t report);

/* Events up to sequence are durable. */
void rnl_lease_committed(struct rnl_lease *lease, uint64_t sequence);

/* ---- worker_service.c ---- */

void rnl_worker_send_ack(struct rnl_worker *worker, const char *job_id,
                         uint32_t attempt, uint64_t report);

#endif
