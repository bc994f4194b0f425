/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs engine as the core sees it: born with the core, it runs jobs of the
 * built-in kinds, keeps them in a store (store.h) and serves JobService.
 * docs/jobs.md tells how jobs behave.
 */
#ifndef RNL_JOBS_JOBS_H
#define RNL_JOBS_JOBS_H

#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

#include "rpc.h"
#include "store.h"

struct rnl_core;
struct rnl_jobs;

struct rnl_jobs_counts {
    uint64_t queued;
    uint64_t running;
    /* All that the store keeps, ended ones too. */
    uint64_t stored;
    struct rnl_store_usage store;
};

/* JobService, for the core's table of services. */
extern const struct rnl_service rnl_job_service;
/* WorkerService. */
extern const struct rnl_service rnl_worker_service;

/* Creates the engine on a memory store, with the journal of core->options if
 * there is one. Uses core->options (random, and the limits of jobs, in which it
 * replaces 0 by the default), core->timers and the time; core outlives it.
 * Errors: RNL_RESOURCE_EXHAUSTED; RNL_DATA_LOSS of the journal. */
RNL_MUST_USE enum rnl_code rnl_jobs_create(struct rnl_core *core,
                                           struct rnl_jobs **ret_jobs);

/* Accepts NULL. All streams of JobService must have ended. */
void rnl_jobs_destroy(struct rnl_jobs *jobs);

void rnl_jobs_count(const struct rnl_jobs *jobs,
                    struct rnl_jobs_counts *ret_counts);

/* Of a job's input. */
size_t rnl_jobs_input_bytes_max(const struct rnl_jobs *jobs);

/* "memory", or the name of the journal; static. */
const char *rnl_jobs_store_name(const struct rnl_jobs *jobs);

/* Names of the kinds that are served now, by the server or by workers; lent
 * until the next call. */
const char *const *rnl_jobs_kinds(struct rnl_jobs *jobs, size_t *ret_count);

/* What is known of a kind. */
struct rnl_kind_state {
    /* Lent until the next call. */
    const char *kind;
    bool built_in;
    uint32_t workers;
    uint64_t waiting;
    uint64_t running;
    /* UINT64_MAX: no limit. */
    uint64_t running_max;
};

/* Kinds that are built in, served by a worker, or have jobs, by an index that
 * counts from 0. False above the last one. */
bool rnl_jobs_kind_at(const struct rnl_jobs *jobs, size_t index,
                      struct rnl_kind_state *ret_state);

#endif
