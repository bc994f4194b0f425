/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a worker: worker.c keeps the call to the core, worker_send.c
 * makes its own messages, worker_hand.c hands out what it is given, and work.c
 * makes the reports on one job. */
#ifndef RNL_CLIENT_WORKER_PRIVATE_H
#define RNL_CLIENT_WORKER_PRIVATE_H

#include <runnel/v1/workers.pb-c.h>
#include <runnel/worker.h>

#include "arena.h"
#include "call_private.h"

#define RNL_WORK_ID_SIZE     64
#define RNL_WORKER_NAME_SIZE 129
/* 128 random bits, so that nobody else can claim to be this worker. */
#define RNL_WORKER_INSTANCE_SIZE 33

/* An encoded WorkRequest that the core has not acknowledged. */
struct rnl_work_report {
    STAILQ_ENTRY(rnl_work_report) link;
    uint64_t number;
    size_t len;
    uint8_t data[];
};

enum rnl_work_place {
    /* For a hand of the program: its assignment is kept. */
    RNL_WORK_WAITS,
    /* Stopped work, too, until the program lets go of it: it may still be busy
     * with it, while the core has given its place away. */
    RNL_WORK_IN_HAND,
    /* The result is among the reports: the caller has let go. */
    RNL_WORK_FINISHED,
};

struct rnl_work {
    TAILQ_ENTRY(rnl_work) link;
    LIST_ENTRY(rnl_work) hash_link;
    struct rnl_worker *worker;
    char job_id[RNL_WORK_ID_SIZE];
    uint32_t attempt;
    uint64_t token;
    enum rnl_work_place place;
    TAILQ_ENTRY(rnl_work) waiting_link;
    /* The encoded WorkResponse, until the program has it; else NULL. Owned. */
    uint8_t *assignment;
    size_t assignment_len;
    void *context;
    /* In the order of their numbers: sent, then from next on not sent. */
    STAILQ_HEAD(, rnl_work_report) reports;
    struct rnl_work_report *next;
    TAILQ_ENTRY(rnl_work) unsent_link;
    uint64_t last_number;
    /* Acknowledged last, and the job's event of then. */
    uint64_t acked_number;
    uint64_t acked_sequence;
    size_t pending_bytes;
    /* on_writable is owed. */
    bool was_full;
    /* The core takes nothing more of it. */
    bool stopped;
};

LIST_HEAD(rnl_work_bucket, rnl_work);

/* What happens for each job looks at that job's work alone: there may be
 * thousands. */
struct rnl_worker {
    struct rnl_attachment attachment;
    struct rnl_client *client;
    struct rnl_worker_options options;
    char **kinds;
    char name[RNL_WORKER_NAME_SIZE];
    char instance[RNL_WORKER_INSTANCE_SIZE];
    TAILQ_HEAD(, rnl_work) works;
    /* In the order in which they came. */
    TAILQ_HEAD(, rnl_work) waiting;
    /* Work that has a next report. */
    TAILQ_HEAD(, rnl_work) unsent;
    uint32_t in_hand;
    struct rnl_arena arena;

    struct rnl_call *call;
    /* Registration and leases went out on this call. */
    bool introduced;
    /* The core was reached once. */
    bool opened;
    /* No new job; the core was told on this call. */
    bool draining;
    bool drain_sent;
    int64_t heartbeat_ms;
    struct rnl_timer heartbeat;
    struct rnl_timer retry;
    /* The program has a hand free. */
    struct rnl_timer hand;
    bool ended;
    unsigned busy;
    bool doomed;
    struct rnl_status_box status;
    /* Works by job; a power of two of them. */
    uint32_t bucket_count;
    struct rnl_work_bucket buckets[];
};

/* Sends reports as far as there is room. */
void rnl_worker_pump(struct rnl_worker *worker);

/* Work is out of the program's hand: later, not from inside the program's call,
 * it gets an assignment that waits, or on_end if it drains and nobody is there
 * to be told. */
void rnl_worker_hand_free(struct rnl_worker *worker);

/* --- worker_send.c --- */

/* Errors: those of rnl_call_send; RNL_RESOURCE_EXHAUSTED when memory is out. */
RNL_MUST_USE enum rnl_code rnl_worker_send_registration(
    struct rnl_worker *worker);
RNL_MUST_USE enum rnl_code rnl_worker_send_leases(struct rnl_worker *worker);
RNL_MUST_USE enum rnl_code rnl_worker_send_drain(struct rnl_worker *worker);

/* --- worker_hand.c --- */

/* Hands an order out, keeps it until the program has a hand free, or lets go of
 * it. data is the encoded WorkResponse that assign is of. */
void rnl_worker_take_assignment(struct rnl_worker *worker,
                                const Runnel__V1__AssignJob *assign,
                                const uint8_t *data, size_t len);

/* Work that waits and that the program can have now; NULL: none. */
struct rnl_work *rnl_worker_next_assignment(const struct rnl_worker *worker);

/* Gives it that. */
void rnl_worker_hand_out(struct rnl_worker *worker, struct rnl_work *work);

/* Lets go of all that waits. */
void rnl_worker_release_assignments(struct rnl_worker *worker);

/* --- work.c --- */

/* It is in hand. NULL when memory is out. */
struct rnl_work *rnl_work_create(struct rnl_worker *worker,
                                 const Runnel__V1__Lease *lease);
void rnl_work_destroy(struct rnl_work *work);

void rnl_work_put(struct rnl_work *work, enum rnl_work_place place);

/* NULL when the worker has none of that attempt. */
struct rnl_work *rnl_work_find(struct rnl_worker *worker, const char *job_id,
                               uint32_t attempt);

/* lease borrows from the work. */
void rnl_work_lease(const struct rnl_work *work, Runnel__V1__Lease *ret_lease);

/* Its next report went out. */
void rnl_work_sent(struct rnl_work *work);

/* Drops the reports up to this number. */
void rnl_work_acknowledge(struct rnl_work *work, uint64_t number);

/* The next call begins with the first report. */
void rnl_work_rewind(struct rnl_work *work);

#endif
