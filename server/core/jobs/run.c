/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include "timestamp.h"
#include "workers.h"

/* ---- queue ---- */

void rnl_jobs_kick(struct rnl_jobs *jobs)
{
    /* Cannot fail: the timer is started already. */
    (void)!rnl_timer_start(&jobs->core->timers, &jobs->runner, 0);
}

void rnl_job_enqueue(struct rnl_job *job)
{
    rnl_fair_queue_add(job);
    job->place = RNL_PLACE_QUEUED;
    rnl_job_measure_ready(job);
    rnl_jobs_kick(job->jobs);
}

void rnl_job_make_ready(struct rnl_job *job)
{
    TAILQ_INSERT_TAIL(&job->jobs->ready, job, link);
    job->place = RNL_PLACE_READY;
    rnl_jobs_kick(job->jobs);
}

void rnl_job_leave_place(struct rnl_job *job)
{
    if (job->place == RNL_PLACE_QUEUED)
        rnl_fair_queue_remove(job);
    else if (job->place == RNL_PLACE_READY)
        TAILQ_REMOVE(&job->jobs->ready, job, link);
    job->place = RNL_PLACE_WAITING;
}

/* The built-in kind whose job begins next: the one with the highest priority
 * in front, and kinds take turns. NULL: none may. */
static struct rnl_kind_queue *next_to_start(const struct rnl_jobs *jobs)
{
    struct rnl_kind_queue *best = NULL;
    if (jobs->built_in_running >= RNL_JOBS_RUNNING_MAX)
        return NULL;
    for (size_t i = 0; i < jobs->built_in_count; i++) {
        struct rnl_kind_queue *queue =
            jobs->kind_queues[(jobs->built_in_turn + i) % jobs->built_in_count];
        if (rnl_kind_queue_may_start(queue) &&
            (best == NULL || rnl_fair_queue_level(&queue->jobs) >
                                 rnl_fair_queue_level(&best->jobs)))
            best = queue;
    }
    return best;
}

static struct rnl_job *take_next(struct rnl_jobs *jobs)
{
    const struct rnl_kind_queue *queue = next_to_start(jobs);
    if (queue == NULL)
        return NULL;
    size_t at = 0;
    while (jobs->kind_queues[at] != queue)
        at++;
    jobs->built_in_turn = at + 1;
    return rnl_fair_queue_first(&queue->jobs);
}

static void on_wake(struct rnl_timer *timer, void *arg)
{
    (void)timer;
    struct rnl_job *job = arg;
    if (job->state == RUNNEL__V1__JOB_STATE__JOB_STATE_RUNNING)
        rnl_job_make_ready(job);
    else
        rnl_job_enqueue(job);
}

static void on_deadline(struct rnl_timer *timer, void *arg)
{
    (void)timer;
    rnl_job_end(arg, RUNNEL__V1__JOB_STATE__JOB_STATE_EXPIRED,
                RNL_DEADLINE_EXCEEDED, "the job's deadline passed", NULL);
}

/* Monotonic time of a time of the wall clock. */
static int64_t due_of(const struct rnl_core *core,
                      const Google__Protobuf__Timestamp *timestamp)
{
    return core->now_ns + (rnl_timestamp_ns(timestamp) - core->wall_ns);
}

enum rnl_code rnl_job_start_deadline(struct rnl_job *job)
{
    struct rnl_core *core = job->jobs->core;
    job->wake.fire = on_wake;
    job->wake.arg = job;
    job->deadline.fire = on_deadline;
    job->deadline.arg = job;
    if (job->base->deadline == NULL)
        return RNL_OK;
    return rnl_timer_start(&core->timers, &job->deadline,
                           due_of(core, job->base->deadline));
}

enum rnl_code rnl_job_schedule(struct rnl_job *job)
{
    struct rnl_core *core = job->jobs->core;
    if (rnl_job_start_deadline(job) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    if (job->base->not_before != NULL &&
        rnl_timestamp_ns(job->base->not_before) > core->wall_ns)
        return rnl_timer_start(&core->timers, &job->wake,
                               due_of(core, job->base->not_before));
    rnl_job_enqueue(job);
    return RNL_OK;
}

/* ---- slices ---- */

/* The kind has not said the same again: another version of the server had. All
 * that is there is of whole slices, since a group is. */
static bool replayed_otherwise(const struct rnl_job *job)
{
    return job->goes_on && job->kind->resume == NULL &&
           job->replay_count == 0 && job->replay_bytes != 0;
}

static void run_slice(struct rnl_job *job)
{
    struct rnl_core *core = job->jobs->core;
    struct rnl_step step = {.kind = RNL_STEP_AGAIN};
    rnl_job_leave_place(job);
    if (job->kind_state == NULL && !rnl_job_load(job))
        return;
    job->kind->step(job->kind_state, &job->run, &step);
    if (replayed_otherwise(job)) {
        rnl_job_lost(job, RNL_LOST_BY_RESTART, NULL);
        return;
    }
    if (step.kind == RNL_STEP_AGAIN && step.delay_ns > 0 &&
        rnl_timer_start(&core->timers, &job->wake,
                        core->now_ns + step.delay_ns) != RNL_OK)
        rnl_step_fail_full(&step);
    if (step.kind == RNL_STEP_DONE)
        rnl_job_end(job, RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED, RNL_OK,
                    NULL, NULL);
    else if (step.kind == RNL_STEP_FAILED)
        rnl_job_fail(job, &step, NULL);
    else if (step.delay_ns == 0)
        rnl_job_make_ready(job);
}

void rnl_jobs_run(struct rnl_jobs *jobs)
{
    struct rnl_job *job;
    /* The store's ready kicks again. */
    if (jobs->store->ops->busy(jobs->store))
        return;
    rnl_workers_settle(jobs);
    rnl_workers_match(jobs);
    for (int left = RNL_JOBS_SLICES_PER_TURN; left > 0; left--) {
        if ((job = take_next(jobs)) == NULL)
            break;
        rnl_job_begin(job);
    }
    for (int left = RNL_JOBS_SLICES_PER_TURN; left > 0; left--) {
        if ((job = TAILQ_FIRST(&jobs->ready)) == NULL)
            break;
        run_slice(job);
    }
    if (next_to_start(jobs) != NULL || !TAILQ_EMPTY(&jobs->ready))
        rnl_jobs_kick(jobs);
}
