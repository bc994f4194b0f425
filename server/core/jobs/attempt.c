/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <stdarg.h>
#include <stdio.h>

#include "alloc.h"
#include "draft.h"
#include "workers.h"

_Static_assert(RNL_JOB_ERROR_LEN_MAX + 64 <= RNL_STORE_END_MAX / 2,
               "an error fits a terminal event, and a record beside the rest");

void rnl_step_fail(struct rnl_step *ret_step, enum rnl_code code,
                   const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ret_step->kind = RNL_STEP_FAILED;
    ret_step->code = code;
    vsnprintf(ret_step->message, sizeof(ret_step->message), format, args);
    va_end(args);
}

void rnl_step_fail_full(struct rnl_step *ret_step)
{
    rnl_step_fail(ret_step, RNL_RESOURCE_EXHAUSTED,
                  "the job's output is at its limit, or memory is out");
}

static void stop_attempt(struct rnl_job *job)
{
    rnl_lease_end(job, job->error_message);
    if (job->kind_state != NULL)
        job->kind->destroy(job->kind_state);
    job->kind_state = NULL;
    if (job->input_job != NULL)
        runnel__v1__job__free_unpacked(job->input_job, &rnl_pb_allocator);
    job->input_job = NULL;
    job->awaited_sequence = 0;
    job->goes_on = false;
    job->replay_count = 0;
}

/* Adds one, or takes one away, where a job in this state counts. */
static void count(struct rnl_job *job, int one)
{
    struct rnl_jobs *jobs = job->jobs;
    uint64_t change = (uint64_t)(int64_t)one;
    if (job->state == RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED)
        jobs->queued_count += change;
    if (job->state != RUNNEL__V1__JOB_STATE__JOB_STATE_RUNNING)
        return;
    jobs->running_count += change;
    job->queue->running += change;
    if (job->kind != NULL)
        jobs->built_in_running += change;
}

void rnl_job_count(struct rnl_job *job)
{
    count(job, 1);
}

static void set_state(struct rnl_job *job, Runnel__V1__JobState state)
{
    count(job, -1);
    job->state = state;
    count(job, 1);
}

static void set_error(struct rnl_job *job, enum rnl_code code,
                      const char *message)
{
    job->error_code = code;
    job->error_attempt = job->attempt;
    snprintf(job->error_message, sizeof(job->error_message), "%s",
             message == NULL ? "" : message);
    rnl_job_clean_text(job->error_message, RNL_JOB_ERROR_LEN_MAX);
}

void rnl_job_halt(struct rnl_job *job)
{
    rnl_job_leave_place(job);
    rnl_timer_stop(&job->jobs->core->timers, &job->wake);
    rnl_timer_stop(&job->jobs->core->timers, &job->deadline);
    stop_attempt(job);
}

void rnl_job_end(struct rnl_job *job, Runnel__V1__JobState state,
                 enum rnl_code code, const char *message,
                 struct rnl_store_request *request)
{
    struct rnl_jobs *jobs = job->jobs;
    set_error(job, code, message);
    rnl_job_halt(job);
    set_state(job, state);
    job->end_ns = jobs->core->wall_ns;
    rnl_job_measure_end(job);
    /* The store keeps room for both from the start (store.h). */
    (void)!rnl_job_write_state(job, RNL_EVENT_END);
    (void)!rnl_job_write_record(job, request);
    rnl_jobs_arm_expiry(jobs,
                        job->end_ns + rnl_duration_ns(job->base->retention));
    rnl_id_table_remove(&jobs->active, &job->node);
    rnl_jobs_kick(jobs);
    /* The store still holds the request of a put that is under way. */
    if (job->put_pending)
        TAILQ_INSERT_TAIL(&jobs->ended_early, job, link);
    else
        rnl_job_free(job);
}

/* Initial backoff doubled for each attempt, up to the longest, and then 50 to
 * 100 % of it, so that jobs that failed together do not come back together. */
static int64_t backoff_ns(struct rnl_job *job)
{
    const Runnel__V1__RetryPolicy *retry = job->base->retry;
    double wait = (double)retry->initial_backoff->seconds * 1e9 +
                  retry->initial_backoff->nanos;
    double longest =
        (double)retry->max_backoff->seconds * 1e9 + retry->max_backoff->nanos;
    for (uint32_t i = 1; i < job->attempt && wait < longest; i++)
        wait *= 2;
    if (wait > longest)
        wait = longest;
    const struct rnl_core_options *options = &job->jobs->core->options;
    uint16_t random;
    options->random(options->random_arg, (uint8_t *)&random, sizeof(random));
    return (int64_t)(wait * (0.5 + 0.5 * random / UINT16_MAX));
}

/* The wait is in the record, so that a restart does not cut it short. */
static bool try_again(struct rnl_job *job, int64_t wait_ns,
                      struct rnl_store_request *request)
{
    struct rnl_core *core = job->jobs->core;
    if (rnl_timer_start(&core->timers, &job->wake, core->now_ns + wait_ns) !=
        RNL_OK)
        return false;
    job->not_before_ns = core->wall_ns + wait_ns;
    set_state(job, RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED);
    if (rnl_job_write_state(job, RNL_EVENT_STATE) == RNL_OK &&
        rnl_job_write_record(job, request) == RNL_OK)
        return true;
    rnl_timer_stop(&core->timers, &job->wake);
    return false;
}

static void fail_attempt(struct rnl_job *job, const struct rnl_step *step,
                         uint32_t attempts_max,
                         struct rnl_store_request *request)
{
    set_error(job, step->code, step->message);
    stop_attempt(job);
    /* One more of its kind may run. */
    rnl_jobs_kick(job->jobs);
    int64_t wait_ns = step->has_delay ? step->delay_ns : backoff_ns(job);
    if (step->retry && job->attempt < attempts_max &&
        try_again(job, wait_ns, request))
        return;
    rnl_job_end(job, RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED, step->code,
                step->message, request);
}

void rnl_job_fail(struct rnl_job *job, const struct rnl_step *step,
                  struct rnl_store_request *request)
{
    fail_attempt(job, step, job->base->retry->max_attempts, request);
}

void rnl_job_lost(struct rnl_job *job, const char *why,
                  struct rnl_store_request *request)
{
    struct rnl_step step = {.retry = true};
    rnl_step_fail(&step, RNL_UNAVAILABLE, "%s", why);
    fail_attempt(job, &step,
                 job->base->retry->max_attempts + RNL_JOB_LOST_ATTEMPTS_MAX,
                 request);
}

/* The clocks of the job's first attempt, too. */
static void undo_attempt(struct rnl_job *job)
{
    job->attempt--;
    job->attempt_sequence = 0;
    job->attempt_output_offset = 0;
    if (job->attempt == 0) {
        job->start_ns = 0;
        job->attempt_ns = 0;
    }
    set_state(job, RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED);
}

void rnl_job_return(struct rnl_job *job, const char *why,
                    struct rnl_store_request *request)
{
    stop_attempt(job);
    undo_attempt(job);
    if (rnl_run_log(&job->run, "%s", why) != RNL_OK ||
        rnl_job_write_state(job, RNL_EVENT_STATE) != RNL_OK ||
        rnl_job_write_record(job, request) != RNL_OK) {
        struct rnl_step step;
        rnl_step_fail_full(&step);
        rnl_job_end(job, RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED, step.code,
                    step.message, request);
        return;
    }
    rnl_fair_queue_return(job);
    job->place = RNL_PLACE_QUEUED;
    rnl_jobs_kick(job->jobs);
}

enum rnl_code rnl_job_resume(struct rnl_job *job)
{
    if (rnl_job_start_deadline(job) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    job->run.job = job;
    job->ready_ns = job->jobs->core->now_ns;
    job->attempt_ns = job->ready_ns;
    if (job->kind != NULL && rnl_job_go_on(job) == RNL_OK)
        return RNL_OK;
    if (job->kind == NULL && job->attempt_sequence > 0 &&
        rnl_lease_restore(job) == RNL_OK)
        return RNL_OK;
    rnl_job_lost(job, RNL_LOST_BY_RESTART, NULL);
    return RNL_OK;
}

static void mark_running(struct rnl_job *job)
{
    rnl_fair_queue_begin(job);
    job->place = RNL_PLACE_WAITING;
    job->attempt++;
    job->attempt_sequence = job->last_sequence + 1;
    job->attempt_wall_ns = job->jobs->core->wall_ns;
    job->attempt_output_offset = job->output_bytes;
    if (job->start_ns == 0)
        job->start_ns = job->jobs->core->wall_ns;
    job->run.job = job;
    rnl_job_measure_attempt(job);
    set_state(job, RUNNEL__V1__JOB_STATE__JOB_STATE_RUNNING);
}

/* The start of the attempt: its event and the record. */
static enum rnl_code write_start(struct rnl_job *job)
{
    mark_running(job);
    enum rnl_code code = rnl_job_write_state(job, RNL_EVENT_STATE);
    return code == RNL_OK ? rnl_job_write_record(job, NULL) : code;
}

static void fail_assignment(struct rnl_job *job, enum rnl_code code)
{
    struct rnl_step step = {.retry = code != RNL_FAILED_PRECONDITION};
    rnl_step_fail(&step, code, "%s",
                  step.retry ? rnl_code_text((int)code)
                             : "the job does not fit the worker's frames");
    rnl_lease_end(job, NULL);
    rnl_job_fail(job, &step, NULL);
}

/* Its worker may have gone, or begun to drain, since it was chosen. */
static void send_assignment(struct rnl_job *job)
{
    const struct rnl_worker *worker = job->lease->worker;
    if (worker == NULL || worker->draining) {
        rnl_lease_let_go(job->lease, false,
                         "the worker went before it was given the job", NULL);
        return;
    }
    enum rnl_code code = rnl_lease_send(job->lease);
    if (code != RNL_OK)
        fail_assignment(job, code);
}

void rnl_job_assign(struct rnl_job *job, struct rnl_worker *worker)
{
    enum rnl_code code = write_start(job);
    if (code == RNL_OK)
        code = rnl_lease_grant(job, worker);
    if (code == RNL_OK && job->recovered) {
        job->awaited_sequence = job->last_sequence;
        return;
    }
    if (code == RNL_OK)
        code = rnl_lease_send(job->lease);
    /* A short job's start is written with its end, once. */
    if (code == RNL_OK)
        job->jobs->store->ops->linger(job->jobs->store, job->node.id);
    else
        fail_assignment(job, code);
}

static void fail_start(struct rnl_job *job)
{
    struct rnl_step step = {.retry = true};
    rnl_step_fail_full(&step);
    rnl_job_fail(job, &step, NULL);
}

void rnl_job_begin(struct rnl_job *job)
{
    if (write_start(job) != RNL_OK)
        fail_start(job);
    else if (job->recovered)
        job->awaited_sequence = job->last_sequence;
    else
        rnl_job_make_ready(job);
}

void rnl_job_committed_to(struct rnl_job *job, uint64_t sequence)
{
    if (sequence < job->awaited_sequence)
        return;
    job->awaited_sequence = 0;
    if (job->kind == NULL)
        send_assignment(job);
    else
        rnl_job_make_ready(job);
}

static enum rnl_code load(struct rnl_job *job)
{
    struct rnl_jobs *jobs = job->jobs;
    enum rnl_code code =
        jobs->store->ops->get(jobs->store, job->node.id, true, &job->input_job);
    if (code != RNL_OK)
        return code;
    job->work = (struct rnl_work){
        .core = jobs->core,
        .job = job->input_job,
        .attempt = job->attempt,
    };
    rnl_input_of(job->input_job->input, &job->work.input);
    code = job->kind->create(&job->work, &job->kind_state);
    if (code == RNL_OK && job->goes_on && job->kind->resume != NULL &&
        !job->kind->resume(job->kind_state, &job->cut))
        code = RNL_FAILED_PRECONDITION;
    return code;
}

bool rnl_job_load(struct rnl_job *job)
{
    if (load(job) == RNL_OK)
        return true;
    if (job->goes_on)
        rnl_job_lost(job, RNL_LOST_BY_RESTART, NULL);
    else
        fail_start(job);
    return false;
}
