/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs of one kind that wait, in the order in which they are to begin: higher
 * priority first; within a priority tenants take turns, one job each; of a
 * tenant the one that came first. The tenant of a job is the value of the label
 * that the setting fair-label names; without it all jobs are of one tenant.
 *
 * A tenant's jobs of one priority are its *lane*. Lanes that have jobs stand in
 * a line, and the one in front goes to its end when a job of it has begun; a
 * lane that was empty joins at the end. That is round robin: a tenant with a
 * million jobs delays another tenant's first by one job for each tenant in
 * front. Every operation takes constant time, whatever waits.
 *
 * A lane lives while a job refers to it, from the job's birth on, so that
 * adding to it cannot fail.
 */
#ifndef RNL_JOBS_FAIR_QUEUE_H
#define RNL_JOBS_FAIR_QUEUE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <runnel/status.h>

#include "job_bounds.h"

struct rnl_job;
struct rnl_fair_queue;

#define RNL_PRIORITY_COUNT (2 * RNL_JOB_PRIORITY_MAX + 1)

TAILQ_HEAD(rnl_job_list, rnl_job);

struct rnl_job_lane {
    struct rnl_fair_queue *queue;
    struct rnl_job_lane *next_in_bucket;
    /* Among those of its priority that have jobs. */
    TAILQ_ENTRY(rnl_job_lane) turn;
    struct rnl_job_list jobs;
    size_t users;
    uint64_t hash;
    /* Position 0 is the lowest priority. */
    uint32_t level;
    char tenant[];
};

TAILQ_HEAD(rnl_job_lane_list, rnl_job_lane);

#define RNL_LEVEL_WORDS ((RNL_PRIORITY_COUNT + 63) / 64)

struct rnl_fair_queue {
    struct rnl_job_lane_list lines[RNL_PRIORITY_COUNT];
    /* Bit of each line that is not empty. */
    uint64_t present[RNL_LEVEL_WORDS];
    /* Jobs that wait. */
    uint64_t job_count;
    /* All lanes, by a hash of level and tenant whose seed nobody knows, so that
     * values cannot be chosen to collide. */
    uint64_t seed;
    struct rnl_job_lane **buckets;
    size_t bucket_count;
    size_t lane_count;
};

void rnl_fair_queue_init(struct rnl_fair_queue *queue, uint64_t seed);

/* All lanes must be gone. */
void rnl_fair_queue_fini(struct rnl_fair_queue *queue);

/* The lane of a priority and a tenant, made if there is none; the caller
 * becomes its user. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_job_lane_use(struct rnl_fair_queue *queue,
                                            int32_t priority,
                                            const char *tenant,
                                            struct rnl_job_lane **ret_lane);

/* Accepts NULL. The last one to leave takes the lane along. */
void rnl_job_lane_leave(struct rnl_job_lane *lane);

/* Adds a job behind those of its lane, which is job->lane. */
void rnl_fair_queue_add(struct rnl_job *job);

/* Takes one that waits out; nobody's turn changes. */
void rnl_fair_queue_remove(struct rnl_job *job);

/* The same for the one that begins: its tenant has had its turn. */
void rnl_fair_queue_begin(struct rnl_job *job);

/* Undoes rnl_fair_queue_begin: the job is the first of its priority. */
void rnl_fair_queue_return(struct rnl_job *job);

/* The job whose turn it is; NULL when none waits. */
struct rnl_job *rnl_fair_queue_first(const struct rnl_fair_queue *queue);

/* Priority of that job as a level; -1 when none waits. */
int rnl_fair_queue_level(const struct rnl_fair_queue *queue);

#endif
