/* SPDX-License-Identifier: Apache-2.0 */
/* Workers against the jobs engine, by hand: each call sends one message and
 * lets the engine settle; what was sent to the worker is looked at in order. */
#ifndef RNL_TESTS_WORKER_FIXTURE_H
#define RNL_TESTS_WORKER_FIXTURE_H

#include <runnel/v1/workers.pb-c.h>

#include "job_fixture.h"

/* The core of the test; jobs_setup makes it. */
extern struct rnl_core worker_core;

/* cmocka's. */
int worker_setup(void **state);
int worker_teardown(void **state);

struct worker {
    struct rnl_stream stream;
    /* Messages looked at. */
    size_t seen;
};

/* What a worker holds of an assignment. */
struct hand {
    char job_id[RNL_JOB_ID_LEN + 1];
    uint32_t attempt;
    uint64_t token;
    uint64_t report;
};

void worker_settle(void);

/* Any message. */
void worker_send(struct worker *worker, Runnel__V1__WorkRequest *request);

/* Sends a registration; instance "": it does not come back. */
void worker_register(struct worker *worker, const char *kind,
                     uint32_t concurrency);
void worker_register_as(struct worker *worker, const char *kind,
                        uint32_t concurrency, const char *instance,
                        uint32_t claims);

/* Opens a stream and registers for the kind "llm", which must succeed. */
void worker_open(struct worker *worker, uint32_t concurrency);
void worker_open_as(struct worker *worker, const char *instance,
                    uint32_t concurrency, uint32_t claims);

/* ---- reports ---- */

void hand_lease(const struct hand *hand, Runnel__V1__Lease *ret_lease);
void worker_append(struct worker *worker, struct hand *hand, const char *text);
void worker_complete(struct worker *worker, struct hand *hand);
/* ABORTED, "it broke". */
void worker_fail(struct worker *worker, struct hand *hand, bool retryable);
/* The same, retryable, with a retry_delay. */
void worker_retry(struct worker *worker, struct hand *hand, int64_t seconds,
                  int32_t nanos);
void worker_heartbeat(struct worker *worker, const struct hand *hand);
/* "no room" */
void worker_release(struct worker *worker, struct hand *hand);
void worker_drain(struct worker *worker);

/* ---- what it is told next ---- */

/* The next message, which must be of that kind; free it. NULL for none at all,
 * if kind says so. */
Runnel__V1__WorkResponse *worker_next(struct worker *worker,
                                      Runnel__V1__WorkResponse__OrderCase kind);
void worker_expect_nothing(struct worker *worker);
void worker_take_job(struct worker *worker, struct hand *hand);
void worker_expect_ack(struct worker *worker, const struct hand *hand);
void worker_expect_stop(struct worker *worker, const struct hand *hand,
                        const char *reason);

/* ---- jobs ---- */

/* Label "team" of the jobs made next; NULL: none. */
extern const char *worker_job_tenant;

/* attempts 0: the default. Its input is "the input". */
void worker_job(const char *kind, int32_t priority, uint32_t attempts,
                char ret_id[RNL_JOB_ID_LEN + 1]);
void worker_expect_output(const char *id, const char *text);
void worker_expect_error(const char *id, Runnel__V1__JobState state,
                         const char *message, uint32_t attempt);

/* What happened to a job, each as text: "2 1" is the state RUNNING of attempt
 * 1, with its error behind; a line of log is itself; else "output". The last is
 * NULL. */
void worker_expect_story(const char *id, const char *const *story);

#endif
