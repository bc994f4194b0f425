/* SPDX-License-Identifier: Apache-2.0 */
#include "workers.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "kind_limits.h"

/* A plain walk: there are few kinds, and a job keeps its queue. */
static struct rnl_kind_queue *find(const struct rnl_jobs *jobs,
                                   const char *kind)
{
    for (size_t i = 0; i < jobs->kind_queue_count; i++) {
        if (strcmp(jobs->kind_queues[i]->kind, kind) == 0)
            return jobs->kind_queues[i];
    }
    return NULL;
}

static struct rnl_kind_queue *make(struct rnl_jobs *jobs, const char *kind)
{
    const struct rnl_core_options *options = &jobs->core->options;
    struct rnl_kind_queue *queue = rnl_calloc(1, sizeof(*queue));
    if (queue == NULL)
        return NULL;
    uint64_t seed;
    options->random(options->random_arg, (uint8_t *)&seed, sizeof(seed));
    snprintf(queue->kind, sizeof(queue->kind), "%s", kind);
    rnl_fair_queue_init(&queue->jobs, seed);
    queue->running_max = rnl_kind_limits_of(options->kind_limits, kind);
    TAILQ_INIT(&queue->workers);
    jobs->kind_queues[jobs->kind_queue_count++] = queue;
    return queue;
}

enum rnl_code rnl_kind_queue_use(struct rnl_jobs *jobs, const char *kind,
                                 struct rnl_kind_queue **ret)
{
    struct rnl_kind_queue *queue = find(jobs, kind);
    size_t max = jobs->built_in_count + RNL_KIND_QUEUES_MAX;
    if (queue == NULL && jobs->kind_queue_count < max)
        queue = make(jobs, kind);
    if (queue == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    queue->users++;
    *ret = queue;
    return RNL_OK;
}

void rnl_kind_queue_leave(struct rnl_jobs *jobs, struct rnl_kind_queue *queue)
{
    if (queue == NULL || --queue->users > 0)
        return;
    size_t i = 0;
    while (jobs->kind_queues[i] != queue)
        i++;
    jobs->kind_queues[i] = jobs->kind_queues[--jobs->kind_queue_count];
    rnl_fair_queue_fini(&queue->jobs);
    rnl_free(queue);
}

bool rnl_kind_queue_may_start(const struct rnl_kind_queue *queue)
{
    return queue->jobs.job_count > 0 && queue->running < queue->running_max;
}

static void go_last(struct rnl_worker_kind *kind)
{
    TAILQ_REMOVE(&kind->queue->workers, kind, link);
    TAILQ_INSERT_TAIL(&kind->queue->workers, kind, link);
}

void rnl_worker_goes_last(struct rnl_worker *worker)
{
    for (size_t i = 0; worker->queued && i < worker->kind_count; i++)
        go_last(&worker->kinds[i]);
}

/* The next worker with room, which then has had its turn. */
static struct rnl_worker *next_worker(struct rnl_kind_queue *queue)
{
    struct rnl_worker_kind *kind;
    TAILQ_FOREACH(kind, &queue->workers, link)
    {
        struct rnl_worker *worker = kind->worker;
        if (worker->busy >= worker->concurrency ||
            !rnl_stream_writable(worker->stream))
            continue;
        go_last(kind);
        return worker;
    }
    return NULL;
}

void rnl_kind_queue_match(struct rnl_jobs *jobs, struct rnl_kind_queue *queue)
{
    struct rnl_worker *worker;
    if (jobs->core->draining || jobs->store->ops->busy(jobs->store))
        return;
    while (rnl_kind_queue_may_start(queue) &&
           (worker = next_worker(queue)) != NULL)
        rnl_job_assign(rnl_fair_queue_first(&queue->jobs), worker);
}

void rnl_worker_match(struct rnl_worker *worker)
{
    for (size_t i = 0; i < worker->kind_count; i++)
        rnl_kind_queue_match(worker->jobs, worker->kinds[i].queue);
}

bool rnl_jobs_kind_at(const struct rnl_jobs *jobs, size_t index,
                      struct rnl_kind_state *ret_state)
{
    if (index >= jobs->kind_queue_count)
        return false;
    const struct rnl_kind_queue *queue = jobs->kind_queues[index];
    const struct rnl_worker_kind *worker;
    *ret_state = (struct rnl_kind_state){
        .kind = queue->kind,
        .built_in = index < jobs->built_in_count,
        .waiting = queue->jobs.job_count,
        .running = queue->running,
        .running_max = queue->running_max,
    };
    TAILQ_FOREACH(worker, &queue->workers, link)
    ret_state->workers++;
    return true;
}

void rnl_workers_match(struct rnl_jobs *jobs)
{
    for (size_t i = jobs->built_in_count; i < jobs->kind_queue_count; i++)
        rnl_kind_queue_match(jobs, jobs->kind_queues[i]);
}
