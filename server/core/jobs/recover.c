/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a durable store had when the server went down goes on: jobs that waited
 * wait again, with the deadlines that they had; an attempt of a worker waits
 * for it; an attempt of a built-in kind goes on where its output ends
 * (resume.c). One that cannot has failed, and is tried again if the job's retry
 * policy has it. The log of such a job keeps the output of the broken attempt;
 * the RUNNING event of the next one tells where that begins.
 */
#include "engine.h"

#include <stdio.h>

#include "alloc.h"
#include "draft.h"
#include "trim.h"

#define ACTIVE_STATES                                \
    (1U << RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED | \
     1U << RUNNEL__V1__JOB_STATE__JOB_STATE_RUNNING)

/* Jobs that one walk of the store gives. */
#define PAGE 512

struct found {
    struct rnl_jobs *jobs;
    struct rnl_job_list list;
    enum rnl_code code;
};

/* Why the last attempt that failed did. */
static void restore_error(struct rnl_job *job,
                          const Runnel__V1__JobError *error)
{
    job->error_code = (enum rnl_code)error->code;
    job->error_attempt = error->attempt;
    snprintf(job->error_message, sizeof(job->error_message), "%s",
             error->message);
}

static void restore_progress(struct rnl_job *job,
                             const Runnel__V1__Progress *progress)
{
    snprintf(job->unit_text, sizeof(job->unit_text), "%s", progress->unit);
    job->progress_done = progress->done;
    job->progress_total = progress->total;
    job->progress_unit = job->unit_text;
}

static void restore_attempt(struct rnl_job *job, const Runnel__V1__Job *stored)
{
    job->attempt = stored->attempt;
    job->attempt_sequence = stored->attempt_sequence;
    job->attempt_output_offset = stored->attempt_output_offset;
    if (stored->start_time != NULL)
        job->start_ns = rnl_timestamp_ns(stored->start_time);
    job->attempt_wall_ns = stored->attempt_time == NULL
                               ? job->start_ns
                               : rnl_timestamp_ns(stored->attempt_time);
}

/* Makes the struct of a stored job: the record as it was created, and what
 * was added to it since apart. */
static enum rnl_code add_job(struct found *found, const Runnel__V1__Job *stored)
{
    struct rnl_job *job = NULL;
    enum rnl_code code = rnl_job_create(found->jobs, stored, &job);
    if (code != RNL_OK)
        return code;
    job->recovered = true;
    job->state = stored->state;
    job->output_bytes = stored->output_bytes;
    restore_attempt(job, stored);
    if (stored->error != NULL)
        restore_error(job, stored->error);
    if (stored->progress != NULL)
        restore_progress(job, stored->progress);
    /* The walk goes from new to old; in their queues the older ones are in
     * front again. */
    TAILQ_INSERT_HEAD(&found->list, job, link);
    return RNL_OK;
}

static bool take_job(void *arg, const char *job_id,
                     const struct rnl_store_record *record)
{
    struct found *found = arg;
    (void)job_id;
    Runnel__V1__Job *stored = runnel__v1__job__unpack(
        &rnl_pb_allocator, record->record_len, record->record);
    found->code = RNL_RESOURCE_EXHAUSTED;
    if (stored == NULL)
        return false;
    found->code = add_job(found, stored);
    runnel__v1__job__free_unpacked(stored, &rnl_pb_allocator);
    return found->code == RNL_OK;
}

/* Without memory it is not known until the next one. */
static void read_progress(struct rnl_job *job, const struct rnl_event *event)
{
    Runnel__V1__Progress *progress = runnel__v1__progress__unpack(
        &rnl_pb_allocator, event->len, event->data);
    if (progress == NULL)
        return;
    restore_progress(job, progress);
    runnel__v1__progress__free_unpacked(progress, &rnl_pb_allocator);
}

static void take_events(void *arg, const struct rnl_store_page *page)
{
    struct rnl_job *job = arg;
    const struct rnl_event *progress = NULL;
    for (size_t i = 0; i < page->count; i++) {
        const struct rnl_event *event = &page->events[i];
        if (event->type == RNL_EVENT_TEXT || event->type == RNL_EVENT_DATA)
            job->output_bytes += event->len;
        else if (event->type == RNL_EVENT_PROGRESS)
            progress = event;
    }
    if (progress != NULL)
        read_progress(job, progress);
}

/* The record has output and progress up to its last_sequence, which is that of
 * the last change of state or the last trim. */
static enum rnl_code read_events(struct rnl_job *job, uint64_t first_sequence)
{
    uint64_t after = job->base->last_sequence;
    if (after + 1 < first_sequence)
        after = first_sequence - 1;
    return rnl_job_read_events(job, after, take_events, job);
}

static enum rnl_code resume_job(struct rnl_job *job)
{
    struct rnl_jobs *jobs = job->jobs;
    struct rnl_store_log log;
    enum rnl_code code = jobs->store->ops->log(jobs->store, job->node.id, &log);
    if (code != RNL_OK)
        return code;
    job->last_sequence = log.last_sequence;
    bool was_running = job->state == RUNNEL__V1__JOB_STATE__JOB_STATE_RUNNING;
    rnl_job_count(job);
    if (job->trim != NULL)
        rnl_trim_init(job->trim, job->base->keep_newest_bytes,
                      log.last_sequence, log.event_bytes);
    if (was_running && (code = read_events(job, log.first_sequence)) != RNL_OK)
        return code;
    return was_running ? rnl_job_resume(job) : rnl_job_schedule(job);
}

static enum rnl_code resume_all(struct found *found)
{
    struct rnl_job *job;
    while ((job = TAILQ_FIRST(&found->list)) != NULL) {
        TAILQ_REMOVE(&found->list, job, link);
        enum rnl_code code = resume_job(job);
        if (code != RNL_OK)
            return code;
    }
    return RNL_OK;
}

enum rnl_code rnl_jobs_recover(struct rnl_jobs *jobs)
{
    struct rnl_store *store = jobs->store;
    struct found found = {.jobs = jobs};
    struct rnl_store_list list = {.job = take_job, .arg = &found};
    struct rnl_store_query query = {.states = ACTIVE_STATES, .limit = PAGE};
    TAILQ_INIT(&found.list);
    do {
        enum rnl_code code = store->ops->list(store, &query, &list);
        if (code == RNL_OK)
            code = found.code;
        if (code != RNL_OK)
            return code;
        for (size_t i = 0; i < sizeof(query.before); i++)
            query.before[i] = list.next[i];
    } while (list.next[0] != '\0');
    enum rnl_code code = resume_all(&found);
    if (code != RNL_OK)
        return code;
    rnl_jobs_arm_expiry(jobs, store->ops->expire(store, jobs->core->wall_ns));
    return RNL_OK;
}
