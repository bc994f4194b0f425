/* SPDX-License-Identifier: Apache-2.0 */
/* Assignments: work is handed to the program as it has a hand free. */
#include <string.h>

#include "alloc.h"
#include "job_model.h"
#include "worker_private.h"

/* The core gives it to another worker at once. */
#define NOT_BEGUN "the worker takes no job any more"

/* Work that was stopped counts as well until the program lets go of it: it may
 * still be busy with it, while the core has given its place away. */
static bool has_hand_free(const struct rnl_worker *worker)
{
    const struct rnl_work *work;
    uint32_t in_hand = 0;
    TAILQ_FOREACH(work, &worker->works, link)
    in_hand += !work->finished && work->assignment == NULL;
    return in_hand < worker->options.concurrency;
}

struct rnl_work *rnl_worker_next_assignment(const struct rnl_worker *worker)
{
    struct rnl_work *work;
    TAILQ_FOREACH(work, &worker->works, link)
    {
        if (work->assignment != NULL && !work->finished)
            return has_hand_free(worker) ? work : NULL;
    }
    return NULL;
}

/* Without memory to keep it, another worker is to have it. */
static void keep_assignment(struct rnl_work *work, const uint8_t *data,
                            size_t len)
{
    work->assignment = rnl_malloc(len);
    work->assignment_len = len;
    if (work->assignment != NULL)
        memcpy(work->assignment, data, len);
    else
        rnl_work_release(work, "memory of the worker is out");
}

void rnl_worker_hand_out(struct rnl_worker *worker, struct rnl_work *work)
{
    struct rnl_job job;
    rnl_arena_reset(&worker->arena);
    const Runnel__V1__WorkResponse *response =
        rnl_arena_unpack(&worker->arena, &runnel__v1__work_response__descriptor,
                         work->assignment, work->assignment_len);
    bool whole = response != NULL &&
                 rnl_job_convert(&worker->arena, response->assign->job, &job);
    rnl_free(work->assignment);
    work->assignment = NULL;
    if (whole)
        worker->options.on_job(worker, work, &job, worker->options.arg);
    else
        rnl_work_release(work, "memory of the worker is out");
}

void rnl_worker_release_assignments(struct rnl_worker *worker)
{
    struct rnl_work *work = TAILQ_FIRST(&worker->works);
    while (work != NULL) {
        struct rnl_work *next = TAILQ_NEXT(work, link);
        if (work->assignment != NULL)
            rnl_work_release(work, NOT_BEGUN);
        work = next;
    }
}

/* Without memory the lease is not held here, and runs out. */
void rnl_worker_take_assignment(struct rnl_worker *worker,
                                const Runnel__V1__AssignJob *assign,
                                const uint8_t *data, size_t len)
{
    struct rnl_job job;
    if (assign->lease == NULL || assign->job == NULL ||
        rnl_work_find(worker, assign->lease->job_id, assign->lease->attempt) !=
            NULL ||
        !rnl_job_convert(&worker->arena, assign->job, &job))
        return;
    bool hand_free = has_hand_free(worker);
    struct rnl_work *work = rnl_work_create(worker, assign->lease);
    if (work == NULL)
        return;
    if (worker->draining)
        rnl_work_release(work, NOT_BEGUN);
    else if (hand_free)
        worker->options.on_job(worker, work, &job, worker->options.arg);
    else
        keep_assignment(work, data, len);
}
