/* SPDX-License-Identifier: Apache-2.0 */
#include "draft.h"
#include "engine.h"

#include "alloc.h"

static void view_error(struct rnl_job_view *view, const struct rnl_job *job)
{
    view->error = (Runnel__V1__JobError)RUNNEL__V1__JOB_ERROR__INIT;
    if (job->error_code == RNL_OK)
        return;
    view->error.code = (Runnel__V1__Code)job->error_code;
    view->error.message = (char *)job->error_message;
    view->error.attempt = job->error_attempt;
    view->job.error = &view->error;
}

static void view_progress(struct rnl_job_view *view, const struct rnl_job *job)
{
    view->progress = (Runnel__V1__Progress)RUNNEL__V1__PROGRESS__INIT;
    if (job->progress_unit == NULL)
        return;
    view->progress.done = job->progress_done;
    view->progress.total = job->progress_total;
    view->progress.unit = (char *)job->progress_unit;
    view->job.progress = &view->progress;
}

/* The time of the first one is start_time. */
static void view_attempt(struct rnl_job_view *view, const struct rnl_job *job)
{
    view->job.attempt = job->attempt;
    view->job.attempt_sequence = job->attempt_sequence;
    view->job.attempt_output_offset = job->attempt_output_offset;
    rnl_timestamp_set(&view->attempt_time, job->attempt_wall_ns);
    if (job->attempt > 1 && job->attempt_sequence > 0)
        view->job.attempt_time = &view->attempt_time;
}

void rnl_job_view_active(struct rnl_job_view *view, const struct rnl_job *job)
{
    view->stored = NULL;
    view->input = NULL;
    view->job = *job->base;
    view->job.state = job->state;
    view->job.output_bytes = job->output_bytes;
    view->job.last_sequence = job->last_sequence;
    view_attempt(view, job);
    view_progress(view, job);
    view_error(view, job);
    rnl_timestamp_set(&view->start_time, job->start_ns);
    if (job->start_ns != 0)
        view->job.start_time = &view->start_time;
    rnl_timestamp_set(&view->end_time, job->end_ns);
    if (job->end_ns != 0)
        view->job.end_time = &view->end_time;
    rnl_timestamp_set(&view->not_before, job->not_before_ns);
    if (job->not_before_ns != 0)
        view->job.not_before = &view->not_before;
}

/* The record of a job that goes on is at hand: only its input is not. */
enum rnl_code rnl_job_view_whole(struct rnl_job_view *view,
                                 const struct rnl_job *job, bool with_input)
{
    struct rnl_store *store = job->jobs->store;
    struct rnl_store_log log;
    enum rnl_code code = store->ops->log(store, job->node.id, &log);
    if (code != RNL_OK)
        return code;
    rnl_job_view_active(view, job);
    view->job.first_sequence = log.first_sequence;
    if (!with_input)
        return RNL_OK;
    code = store->ops->input(store, job->node.id, &view->input);
    view->job.input = view->input;
    return code;
}

static enum rnl_code view_ended(struct rnl_job_view *view,
                                struct rnl_store *store, const char *job_id,
                                bool with_input)
{
    struct rnl_store_log log;
    enum rnl_code code = store->ops->log(store, job_id, &log);
    if (code == RNL_OK)
        code = store->ops->get(store, job_id, with_input, &view->stored);
    if (code != RNL_OK)
        return code;
    view->input = NULL;
    view->job = *view->stored;
    view->job.first_sequence = log.first_sequence;
    return RNL_OK;
}

enum rnl_code rnl_job_view_any(struct rnl_job_view *view, struct rnl_jobs *jobs,
                               const char *job_id, bool with_input)
{
    const struct rnl_job *job = rnl_jobs_find(jobs, job_id);
    return job == NULL ? view_ended(view, jobs->store, job_id, with_input)
                       : rnl_job_view_whole(view, job, with_input);
}

void rnl_job_view_fini(struct rnl_job_view *view)
{
    if (view->stored != NULL)
        runnel__v1__job__free_unpacked(view->stored, &rnl_pb_allocator);
    if (view->input != NULL)
        runnel__v1__payload__free_unpacked(view->input, &rnl_pb_allocator);
    view->stored = NULL;
    view->input = NULL;
}
