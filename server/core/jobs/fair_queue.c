/* SPDX-License-Identifier: Apache-2.0 */
#include "fair_queue.h"

#include <assert.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "alloc.h"
#include "engine.h"

/* Enough for a service without tenants that uses a few priorities. */
#define BUCKETS_FIRST 16

void rnl_fair_queue_init(struct rnl_fair_queue *queue, uint64_t seed)
{
    *queue = (struct rnl_fair_queue){.seed = seed};
    for (size_t i = 0; i < RNL_PRIORITY_COUNT; i++)
        TAILQ_INIT(&queue->lines[i]);
}

void rnl_fair_queue_fini(struct rnl_fair_queue *queue)
{
    assert(queue->lane_count == 0);
    rnl_free(queue->buckets);
    queue->buckets = NULL;
}

/* ---- lanes ---- */

static uint64_t hash_of(const struct rnl_fair_queue *queue, uint32_t level,
                        const char *tenant)
{
    return XXH3_64bits_withSeed(tenant, strlen(tenant), queue->seed + level);
}

static struct rnl_job_lane **bucket_of(const struct rnl_fair_queue *queue,
                                       uint64_t hash)
{
    return &queue->buckets[hash & (queue->bucket_count - 1)];
}

static void put_in_bucket(struct rnl_fair_queue *queue,
                          struct rnl_job_lane *lane)
{
    struct rnl_job_lane **bucket = bucket_of(queue, lane->hash);
    lane->next_in_bucket = *bucket;
    *bucket = lane;
}

/* A table that cannot grow goes on with longer chains. */
static void grow(struct rnl_fair_queue *queue)
{
    struct rnl_job_lane **old = queue->buckets;
    size_t old_count = queue->bucket_count;
    size_t count = old_count == 0 ? BUCKETS_FIRST : old_count * 2;
    struct rnl_job_lane **buckets =
        rnl_calloc(count, sizeof(struct rnl_job_lane *));
    if (buckets == NULL)
        return;
    queue->buckets = buckets;
    queue->bucket_count = count;
    for (size_t i = 0; i < old_count; i++) {
        struct rnl_job_lane *lane = old[i];
        while (lane != NULL) {
            struct rnl_job_lane *next = lane->next_in_bucket;
            put_in_bucket(queue, lane);
            lane = next;
        }
    }
    rnl_free(old);
}

static struct rnl_job_lane *find(const struct rnl_fair_queue *queue,
                                 uint64_t hash, uint32_t level,
                                 const char *tenant)
{
    if (queue->bucket_count == 0)
        return NULL;
    struct rnl_job_lane *lane = *bucket_of(queue, hash);
    while (lane != NULL && (lane->hash != hash || lane->level != level ||
                            strcmp(lane->tenant, tenant) != 0))
        lane = lane->next_in_bucket;
    return lane;
}

static struct rnl_job_lane *make(struct rnl_fair_queue *queue, uint64_t hash,
                                 uint32_t level, const char *tenant)
{
    if (queue->lane_count >= queue->bucket_count)
        grow(queue);
    size_t size = strlen(tenant) + 1;
    struct rnl_job_lane *lane =
        queue->bucket_count == 0 ? NULL : rnl_malloc(sizeof(*lane) + size);
    if (lane == NULL)
        return NULL;
    *lane = (struct rnl_job_lane){.queue = queue, .hash = hash, .level = level};
    memcpy(lane->tenant, tenant, size);
    TAILQ_INIT(&lane->jobs);
    put_in_bucket(queue, lane);
    queue->lane_count++;
    return lane;
}

enum rnl_code rnl_job_lane_use(struct rnl_fair_queue *queue, int32_t priority,
                               const char *tenant,
                               struct rnl_job_lane **ret_lane)
{
    uint32_t level = (uint32_t)(priority + RNL_JOB_PRIORITY_MAX);
    assert(level < RNL_PRIORITY_COUNT);
    uint64_t hash = hash_of(queue, level, tenant);
    struct rnl_job_lane *lane = find(queue, hash, level, tenant);
    if (lane == NULL)
        lane = make(queue, hash, level, tenant);
    if (lane == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    lane->users++;
    *ret_lane = lane;
    return RNL_OK;
}

void rnl_job_lane_leave(struct rnl_job_lane *lane)
{
    if (lane == NULL || --lane->users > 0)
        return;
    assert(TAILQ_EMPTY(&lane->jobs));
    struct rnl_fair_queue *queue = lane->queue;
    struct rnl_job_lane **link = bucket_of(queue, lane->hash);
    while (*link != lane)
        link = &(*link)->next_in_bucket;
    *link = lane->next_in_bucket;
    queue->lane_count--;
    rnl_free(lane);
}

/* ---- the line ---- */

static void join_line(struct rnl_job_lane *lane)
{
    struct rnl_fair_queue *queue = lane->queue;
    TAILQ_INSERT_TAIL(&queue->lines[lane->level], lane, turn);
    queue->present[lane->level / 64] |= UINT64_C(1) << lane->level % 64;
}

static void leave_line(struct rnl_job_lane *lane)
{
    struct rnl_fair_queue *queue = lane->queue;
    TAILQ_REMOVE(&queue->lines[lane->level], lane, turn);
    if (TAILQ_EMPTY(&queue->lines[lane->level]))
        queue->present[lane->level / 64] &= ~(UINT64_C(1) << lane->level % 64);
}

void rnl_fair_queue_add(struct rnl_job *job)
{
    struct rnl_job_lane *lane = job->lane;
    if (TAILQ_EMPTY(&lane->jobs))
        join_line(lane);
    TAILQ_INSERT_TAIL(&lane->jobs, job, link);
    lane->queue->job_count++;
}

void rnl_fair_queue_remove(struct rnl_job *job)
{
    struct rnl_job_lane *lane = job->lane;
    TAILQ_REMOVE(&lane->jobs, job, link);
    lane->queue->job_count--;
    if (TAILQ_EMPTY(&lane->jobs))
        leave_line(lane);
}

void rnl_fair_queue_begin(struct rnl_job *job)
{
    struct rnl_job_lane *lane = job->lane;
    rnl_fair_queue_remove(job);
    if (!TAILQ_EMPTY(&lane->jobs)) {
        leave_line(lane);
        join_line(lane);
    }
}

void rnl_fair_queue_return(struct rnl_job *job)
{
    struct rnl_job_lane *lane = job->lane;
    struct rnl_fair_queue *queue = lane->queue;
    if (!TAILQ_EMPTY(&lane->jobs))
        leave_line(lane);
    TAILQ_INSERT_HEAD(&queue->lines[lane->level], lane, turn);
    queue->present[lane->level / 64] |= UINT64_C(1) << lane->level % 64;
    TAILQ_INSERT_HEAD(&lane->jobs, job, link);
    queue->job_count++;
}

int rnl_fair_queue_level(const struct rnl_fair_queue *queue)
{
    for (int word = RNL_LEVEL_WORDS - 1; word >= 0; word--) {
        if (queue->present[word] != 0)
            return word * 64 + 63 - __builtin_clzll(queue->present[word]);
    }
    return -1;
}

struct rnl_job *rnl_fair_queue_first(const struct rnl_fair_queue *queue)
{
    int level = rnl_fair_queue_level(queue);
    if (level < 0)
        return NULL;
    return TAILQ_FIRST(&TAILQ_FIRST(&queue->lines[level])->jobs);
}
