/* SPDX-License-Identifier: Apache-2.0 */
/* Assignments: work is handed to the program as it has a hand free. */
#include <string.h>

#include "alloc.h"
#include "job_model.h"
#include "worker_private.h"

/* The core gives it to another worker at once. */
#define NOT_BEGUN "the worker takes no job any more"

static bool has_hand_free(const struct rnl_worker *worker)
{
    return worker->in_hand < worker->options.concurrency;
}

struct rnl_work *rnl_worker_next_assignment(const struct rnl_worker *worker)
{
    return has_hand_free(worker) ? TAILQ_FIRST(&worker->waiting) : NULL;
}

/* Without memory to keep it, another worker is to have it. */
static void keep_assignment(struct rnl_work *work, const uint8_t *data,
                            size_t len)
{
    work->assignment = rnl_malloc(len);
    if (work->assignment == NULL) {
        rnl_work_release(work, "memory of the worker is out");
        return;
    }
    memcpy(work->assignment, data, len);
    work->assignment_len = len;
    rnl_work_put(work, RNL_WORK_WAITS);
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
    rnl_work_put(work, RNL_WORK_IN_HAND);
    if (whole)
        worker->options.on_job(worker, work, &job, worker->options.arg);
    else
        rnl_work_release(work, "memory of the worker is out");
}

void rnl_worker_release_assignments(struct rnl_worker *worker)
{
    struct rnl_work *work;
    while ((work = TAILQ_FIRST(&worker->waiting)) != NULL)
        rnl_work_release(work, NOT_BEGUN);
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
