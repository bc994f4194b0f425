/* SPDX-License-Identifier: Apache-2.0 */
#include "workers.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"

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

enum rnl_code rnl_kind_queue_use(struct rnl_jobs *jobs, const char *kind,
                                 struct rnl_kind_queue **ret)
{
    struct rnl_kind_queue *queue = find(jobs, kind);
    if (queue == NULL) {
        if (jobs->kind_queue_count == RNL_KIND_QUEUES_MAX)
            return RNL_RESOURCE_EXHAUSTED;
        queue = rnl_calloc(1, sizeof(*queue));
        if (queue == NULL)
            return RNL_RESOURCE_EXHAUSTED;
        snprintf(queue->kind, sizeof(queue->kind), "%s", kind);
        for (size_t i = 0; i < RNL_PRIORITY_COUNT; i++)
            TAILQ_INIT(&queue->jobs[i]);
        TAILQ_INIT(&queue->workers);
        jobs->kind_queues[jobs->kind_queue_count++] = queue;
    }
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
    rnl_free(queue);
}

static struct rnl_job *first_job(const struct rnl_kind_queue *queue)
{
    for (int i = RNL_PRIORITY_COUNT - 1; i >= 0; i--) {
        if (!TAILQ_EMPTY(&queue->jobs[i]))
            return TAILQ_FIRST(&queue->jobs[i]);
    }
    return NULL;
}

static void go_last(struct rnl_worker_kind *kind)
{
    TAILQ_REMOVE(&kind->queue->workers, kind, link);
    TAILQ_INSERT_TAIL(&kind->queue->workers, kind, link);
}

void rnl_worker_goes_last(struct rnl_worker *worker)
{
    for (size_t i = 0; i < worker->kind_count; i++)
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
    struct rnl_job *job;
    struct rnl_worker *worker;
    if (jobs->core->draining || jobs->store->ops->busy(jobs->store))
        return;
    while ((job = first_job(queue)) != NULL &&
           (worker = next_worker(queue)) != NULL)
        rnl_job_assign(job, worker);
}

void rnl_worker_match(struct rnl_worker *worker)
{
    for (size_t i = 0; i < worker->kind_count; i++)
        rnl_kind_queue_match(worker->jobs, worker->kinds[i].queue);
}

void rnl_workers_match(struct rnl_jobs *jobs)
{
    for (size_t i = 0; i < jobs->kind_queue_count; i++)
        rnl_kind_queue_match(jobs, jobs->kind_queues[i]);
}
