/* SPDX-License-Identifier: Apache-2.0 */
/* A job that a worker of this program has in its hand. */
#ifndef RNL_BENCH_WORKER_JOB_H
#define RNL_BENCH_WORKER_JOB_H

#include <runnel/worker.h>

#include "load.h"

/* Client 0 is the worker's, 1 made the job; links more are for watchers. */
struct bench_job {
    struct bench_clients clients;
    struct rnl_worker *worker;
    struct rnl_work *work;
    char id[64];
};

/* Returns when the job is in hand. */
void bench_job_init(struct bench_job *job, const char *address, size_t links);

/* Ends the job, and waits until that is acknowledged. */
void bench_job_complete(struct bench_job *job);

void bench_job_fini(struct bench_job *job);

#endif
