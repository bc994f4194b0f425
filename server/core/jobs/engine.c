/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "draft.h"
#include "frame.h"
#include "hex.h"
#include "job_base.h"
#include "job_id.h"
#include "store_memory.h"
#include "trim.h"
#include "workers.h"

/* A clock that is set back or forward moves the end of a retention: it is
 * looked at this often at least. */
#define EXPIRY_LOOK_NS (60 * RNL_SECOND_NS)

static const struct rnl_kind *const kinds[] = {
    &rnl_kind_analyze,
    &rnl_kind_echo,
    &rnl_kind_simulate,
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

_Static_assert(KIND_COUNT <= RNL_KINDS_BUILT_IN_MAX, "they fit the list");

/* ---- retention ---- */

void rnl_jobs_arm_expiry(struct rnl_jobs *jobs, int64_t wall_ns)
{
    struct rnl_core *core = jobs->core;
    if (wall_ns == INT64_MAX)
        return;
    int64_t wait = wall_ns - core->wall_ns;
    if (wait > EXPIRY_LOOK_NS)
        wait = EXPIRY_LOOK_NS;
    if (wait < 0)
        wait = 0;
    /* Cannot fail: the timer is started already. */
    if (core->now_ns + wait < jobs->expiry.due_ns)
        (void)!rnl_timer_start(&core->timers, &jobs->expiry,
                               core->now_ns + wait);
}

static void on_expiry(struct rnl_timer *timer, void *arg)
{
    struct rnl_jobs *jobs = arg;
    /* Its slot has just become free. */
    (void)!rnl_timer_start(&jobs->core->timers, timer, INT64_MAX);
    rnl_jobs_arm_expiry(
        jobs, jobs->store->ops->expire(jobs->store, jobs->core->wall_ns));
}

static void on_runner(struct rnl_timer *timer, void *arg)
{
    struct rnl_jobs *jobs = arg;
    (void)!rnl_timer_start(&jobs->core->timers, timer, INT64_MAX);
    rnl_jobs_run(jobs);
}

/* ---- submit ---- */

static const struct rnl_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    }
    return NULL;
}

static enum rnl_code check_kind(struct rnl_jobs *jobs,
                                struct rnl_job_draft *draft,
                                struct rnl_field_error *error)
{
    const struct rnl_kind *kind = find_kind(draft->job.kind);
    /* A worker knows what is right for it. */
    if (kind == NULL)
        return RNL_OK;
    struct rnl_work work = {
        .core = jobs->core,
        .job = &draft->job,
        .input = draft->input,
    };
    return kind->validate(&work, error);
}

static enum rnl_code find_existing(struct rnl_jobs *jobs,
                                   const struct rnl_request_hash *hash,
                                   struct rnl_submission *submission)
{
    const char *key = submission->request->idempotency_key;
    struct rnl_request_hash old;
    if (key[0] == '\0' ||
        jobs->store->ops->find_key(jobs->store, key, submission->job_id,
                                   &old) != RNL_OK)
        return RNL_OK;
    if (old.low == hash->low && old.high == hash->high) {
        submission->existing = true;
        return RNL_OK;
    }
    snprintf(submission->message, sizeof(submission->message),
             "the idempotency key is held by job %s, made from another request",
             submission->job_id);
    return RNL_ALREADY_EXISTS;
}

static void make_id(struct rnl_jobs *jobs, char ret_id[RNL_JOB_ID_LEN + 1])
{
    const struct rnl_core *core = jobs->core;
    /* Ids go on rising when the wall clock is set back. */
    uint64_t now_ms = (uint64_t)(core->wall_ns / 1000000);
    if (now_ms > jobs->last_id_ms)
        jobs->last_id_ms = now_ms;
    uint8_t random[RNL_JOB_ID_RANDOM_LEN];
    core->options.random(core->options.random_arg, random, sizeof(random));
    rnl_job_id_make(jobs->last_id_ms, random, ret_id);
}

/* The put is durable, or has failed: the job begins now. */
static void on_put(struct rnl_store_request *request, enum rnl_code code)
{
    struct rnl_job *job =
        (struct rnl_job *)((char *)request - offsetof(struct rnl_job, put));
    struct rnl_store_request *creator = job->creator;
    bool ended = job->state != RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED;
    job->put_pending = false;
    if (ended) {
        TAILQ_REMOVE(&job->jobs->ended_early, job, link);
        rnl_job_free(job);
    } else if (code != RNL_OK) {
        job->jobs->queued_count--;
        rnl_id_table_remove(&job->jobs->active, &job->node);
        rnl_job_free(job);
    } else if (rnl_job_schedule(job) != RNL_OK) {
        rnl_job_end(job, RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED,
                    RNL_RESOURCE_EXHAUSTED, "memory is out", NULL);
    }
    creator->done(creator, code);
}

static enum rnl_code put_draft(struct rnl_jobs *jobs, struct rnl_job *job,
                               const struct rnl_job_draft *draft,
                               const struct rnl_request_hash *hash)
{
    struct rnl_store *store = jobs->store;
    Runnel__V1__StateChange change = RUNNEL__V1__STATE_CHANGE__INIT;
    change.state = RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED;
    uint8_t bytes[16];
    struct rnl_event first = {
        .sequence = 1,
        .time_ns = jobs->core->wall_ns,
        .type = RNL_EVENT_STATE,
        .data = bytes,
        .len = runnel__v1__state_change__pack(&change, bytes),
    };
    job->put.done = on_put;
    enum rnl_code code =
        store->ops->put(store, &draft->job, hash, &first, &job->put);
    if (code != RNL_OK)
        return code;
    job->put_pending = true;
    if (job->trim != NULL)
        rnl_trim_add(job->trim, 1, first.len + RNL_STORE_EVENT_BYTES);
    return RNL_OK;
}

/* Whose turn the job takes. */
static const char *tenant_of(const struct rnl_jobs *jobs,
                             const Runnel__V1__Job *job)
{
    const char *label = jobs->core->options.fair_label;
    for (size_t i = 0; label != NULL && i < job->n_labels; i++) {
        if (strcmp(job->labels[i]->key, label) == 0)
            return job->labels[i]->value;
    }
    return "";
}

static enum rnl_code make_trim(struct rnl_job *job, uint64_t keep_bytes)
{
    if (keep_bytes == 0)
        return RNL_OK;
    job->trim = rnl_malloc(sizeof(*job->trim));
    if (job->trim == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    rnl_trim_init(job->trim, keep_bytes, 0, 0);
    return RNL_OK;
}

enum rnl_code rnl_job_create(struct rnl_jobs *jobs, const Runnel__V1__Job *from,
                             struct rnl_job **ret_job)
{
    struct rnl_job *job = rnl_calloc(1, sizeof(*job));
    if (job == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    job->jobs = jobs;
    job->kind = find_kind(from->kind);
    job->state = RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED;
    job->last_sequence = 1;
    memcpy(job->node.id, from->id, sizeof(job->node.id));
    if (rnl_kind_queue_use(jobs, from->kind, &job->queue) != RNL_OK ||
        rnl_job_lane_use(&job->queue->jobs, from->priority,
                         tenant_of(jobs, from), &job->lane) != RNL_OK) {
        rnl_job_free(job);
        return RNL_RESOURCE_EXHAUSTED;
    }
    if (make_trim(job, from->keep_newest_bytes) != RNL_OK) {
        rnl_job_free(job);
        return RNL_RESOURCE_EXHAUSTED;
    }
    job->base = rnl_job_base_copy(from);
    if (job->base == NULL ||
        rnl_id_table_add(&jobs->active, &job->node) != RNL_OK) {
        rnl_job_free(job);
        return RNL_RESOURCE_EXHAUSTED;
    }
    *ret_job = job;
    return RNL_OK;
}

static enum rnl_code create_and_put(struct rnl_jobs *jobs,
                                    struct rnl_job_draft *draft,
                                    const struct rnl_request_hash *hash,
                                    struct rnl_submission *submission)
{
    const struct rnl_kind *kind = find_kind(draft->job.kind);
    /* A worker says it at the end. */
    const char *output_type =
        kind == NULL ? "application/octet-stream" : kind->output_content_type;
    make_id(jobs, submission->job_id);
    draft->job.id = submission->job_id;
    draft->job.state = RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED;
    draft->job.last_sequence = 1;
    draft->job.output_content_type =
        (char *)(output_type == NULL ? draft->input.content_type : output_type);
    rnl_timestamp_set(&draft->create_time, jobs->core->wall_ns);
    draft->job.create_time = &draft->create_time;
    struct rnl_job *job = NULL;
    enum rnl_code code = rnl_job_create(jobs, &draft->job, &job);
    if (code == RNL_OK)
        code = put_draft(jobs, job, draft, hash);
    if (code == RNL_OK) {
        job->creator = submission->done;
        rnl_job_count(job);
        return RNL_OK;
    }
    if (job != NULL) {
        rnl_id_table_remove(&jobs->active, &job->node);
        rnl_job_free(job);
    }
    snprintf(submission->message, sizeof(submission->message),
             "no room for another job: all jobs that are stored are waiting or "
             "running, or memory is out");
    return code;
}

enum rnl_code rnl_jobs_submit(struct rnl_jobs *jobs,
                              struct rnl_submission *submission)
{
    struct rnl_job_draft draft;
    struct rnl_request_hash hash;
    struct rnl_field_error *error = &submission->error;
    submission->existing = false;
    snprintf(submission->message, sizeof(submission->message), "memory is out");
    enum rnl_code code = rnl_job_draft_fill(&draft, submission->request,
                                            jobs->input_bytes_max, error);
    if (code == RNL_OK)
        code = rnl_job_draft_check_keep(&draft, jobs->log_bytes_max, error);
    if (code == RNL_OK)
        code = check_kind(jobs, &draft, error);
    if (code == RNL_OK)
        code = rnl_job_draft_hash(&draft, &hash);
    if (code == RNL_OK)
        code = find_existing(jobs, &hash, submission);
    if (code != RNL_OK || submission->existing)
        return code;
    /* Only now: a repeated request finds its job though its times passed. */
    code = rnl_job_draft_check_times(&draft, jobs->core->wall_ns, error);
    if (code != RNL_OK)
        return code;
    return create_and_put(jobs, &draft, &hash, submission);
}

bool rnl_job_kind_built_in(const char *kind)
{
    return find_kind(kind) != NULL;
}

/* ---- cancel, remove, find ---- */

struct rnl_job *rnl_jobs_find(const struct rnl_jobs *jobs, const char *job_id)
{
    return (struct rnl_job *)rnl_id_table_find(&jobs->active, job_id);
}

enum rnl_code rnl_jobs_cancel(struct rnl_jobs *jobs, const char *job_id,
                              const char *reason,
                              struct rnl_store_request *request,
                              bool *ret_ended)
{
    struct rnl_store_log log;
    struct rnl_job *job = rnl_jobs_find(jobs, job_id);
    if (job == NULL) {
        enum rnl_code code = jobs->store->ops->log(jobs->store, job_id, &log);
        if (code == RNL_OK)
            *ret_ended = true;
        return code;
    }
    *ret_ended = false;
    rnl_job_end(job, RUNNEL__V1__JOB_STATE__JOB_STATE_CANCELLED, RNL_CANCELLED,
                reason, request);
    return RNL_OK;
}

enum rnl_code rnl_jobs_remove(struct rnl_jobs *jobs, const char *job_id,
                              struct rnl_store_request *request)
{
    if (rnl_jobs_find(jobs, job_id) != NULL)
        return RNL_FAILED_PRECONDITION;
    return jobs->store->ops->remove(jobs->store, job_id, request);
}

void rnl_job_free(struct rnl_job *job)
{
    rnl_job_lane_leave(job->lane);
    rnl_kind_queue_leave(job->jobs, job->queue);
    rnl_free(job->base);
    rnl_free(job->content_type);
    rnl_free(job->trim);
    rnl_free(job);
}

/* ---- life ---- */

static size_t input_bytes_max(const struct rnl_core_options *options)
{
    size_t frame = options->max_frame_bytes == 0 ? RNL_FRAME_BYTES_DEFAULT
                                                 : options->max_frame_bytes;
    if (frame < (size_t)2 * RNL_JOB_INPUT_FRAME_SLACK)
        return frame / 2;
    return frame - RNL_JOB_INPUT_FRAME_SLACK;
}

size_t rnl_jobs_input_bytes_max(const struct rnl_jobs *jobs)
{
    return jobs->input_bytes_max;
}

static void on_ready(void *arg)
{
    rnl_jobs_kick(arg);
}

/* Who watches the job, the worker that has it, and the attempt that waits to
 * run. */
static void on_committed(void *arg, const char *job_id, uint64_t sequence)
{
    struct rnl_job *job = rnl_jobs_find(arg, job_id);
    if (job != NULL && job->lease != NULL)
        rnl_lease_committed(job->lease, sequence);
    if (job != NULL && job->awaited_sequence > 0)
        rnl_job_committed_to(job, sequence);
    rnl_watch_committed(arg, job_id, sequence);
}

static enum rnl_code create_store(struct rnl_jobs *jobs)
{
    const struct rnl_core_options *options = &jobs->core->options;
    struct rnl_store_memory_options memory = {
        .timers = &jobs->core->timers,
        .jobs_max =
            options->max_jobs == 0 ? RNL_JOBS_MAX_DEFAULT : options->max_jobs,
        .log_bytes_max = options->max_job_output_bytes == 0
                             ? RNL_JOB_OUTPUT_BYTES_DEFAULT
                             : options->max_job_output_bytes,
        .bytes_max = options->journal == NULL ? RNL_JOBS_BYTES_MAX
                                              : RNL_JOBS_DISK_BYTES_MAX,
        .cache_bytes = options->job_cache_bytes == 0
                           ? RNL_JOB_CACHE_BYTES_DEFAULT
                           : options->job_cache_bytes,
        .journal = options->journal,
        .now_ns = &jobs->core->now_ns,
    };
    if (options->max_store_bytes != 0)
        memory.bytes_max = options->max_store_bytes;
    if (memory.log_bytes_max > memory.bytes_max / 2)
        memory.bytes_max = memory.log_bytes_max * 2;
    jobs->log_bytes_max = memory.log_bytes_max;
    jobs->core->options.journal = NULL;
    enum rnl_code code = rnl_store_memory_create(&memory, &jobs->store);
    if (code == RNL_OK)
        jobs->store->listener = (struct rnl_store_listener){
            .committed = on_committed,
            .removed = rnl_watch_removed,
            .ready = on_ready,
            .arg = jobs,
        };
    return code;
}

static enum rnl_code start_timers(struct rnl_jobs *jobs)
{
    struct rnl_timers *timers = &jobs->core->timers;
    jobs->runner.fire = on_runner;
    jobs->runner.arg = jobs;
    jobs->expiry.fire = on_expiry;
    jobs->expiry.arg = jobs;
    enum rnl_code code = rnl_timer_start(timers, &jobs->runner, INT64_MAX);
    if (code == RNL_OK)
        code = rnl_timer_start(timers, &jobs->expiry, INT64_MAX);
    return code;
}

/* The engine itself is a user of their queues, so that they stay. */
static enum rnl_code use_built_in_kinds(struct rnl_jobs *jobs)
{
    enum rnl_code code = RNL_OK;
    for (size_t i = 0; i < KIND_COUNT && code == RNL_OK; i++) {
        struct rnl_kind_queue *queue;
        code = rnl_kind_queue_use(jobs, kinds[i]->name, &queue);
        if (code == RNL_OK)
            jobs->built_in_count++;
    }
    return code;
}

static void take_lease_key(struct rnl_jobs *jobs)
{
    struct rnl_core_options *options = &jobs->core->options;
    uint8_t bytes[RNL_LEASE_KEY_LEN / 2];
    options->random(options->random_arg, bytes, sizeof(bytes));
    rnl_hex_write(bytes, sizeof(bytes), jobs->lease_key);
    if (options->lease_key != NULL)
        snprintf(jobs->lease_key, sizeof(jobs->lease_key), "%s",
                 options->lease_key);
    options->lease_key = NULL;
}

enum rnl_code rnl_jobs_create(struct rnl_core *core, struct rnl_jobs **ret_jobs)
{
    struct rnl_jobs *jobs = rnl_calloc(1, sizeof(*jobs));
    if (jobs == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    jobs->core = core;
    jobs->input_bytes_max = input_bytes_max(&core->options);
    take_lease_key(jobs);
    rnl_id_table_init(&jobs->active);
    rnl_id_table_init(&jobs->groups);
    TAILQ_INIT(&jobs->ready);
    TAILQ_INIT(&jobs->ended_early);
    TAILQ_INIT(&jobs->workers);
    TAILQ_INIT(&jobs->unsettled);
    TAILQ_INIT(&jobs->orphans);
    TAILQ_INIT(&jobs->waiters);
    bool durable = core->options.journal != NULL;
    enum rnl_code code = use_built_in_kinds(jobs);
    if (code == RNL_OK)
        code = create_store(jobs);
    if (code == RNL_OK)
        code = start_timers(jobs);
    if (code == RNL_OK && durable)
        code = rnl_jobs_recover(jobs);
    if (code != RNL_OK) {
        rnl_jobs_destroy(jobs);
        return code;
    }
    *ret_jobs = jobs;
    return RNL_OK;
}

void rnl_jobs_destroy(struct rnl_jobs *jobs)
{
    if (jobs == NULL)
        return;
    struct rnl_id_node *node;
    while ((node = rnl_id_table_any(&jobs->active)) != NULL) {
        struct rnl_job *job = (struct rnl_job *)node;
        rnl_id_table_remove(&jobs->active, node);
        rnl_job_halt(job);
        rnl_job_free(job);
    }
    struct rnl_job *early;
    while ((early = TAILQ_FIRST(&jobs->ended_early)) != NULL) {
        TAILQ_REMOVE(&jobs->ended_early, early, link);
        rnl_job_free(early);
    }
    rnl_timer_stop(&jobs->core->timers, &jobs->runner);
    rnl_timer_stop(&jobs->core->timers, &jobs->expiry);
    if (jobs->store != NULL)
        jobs->store->ops->destroy(jobs->store);
    rnl_waiters_free(jobs);
    while (jobs->built_in_count > 0)
        rnl_kind_queue_leave(jobs, jobs->kind_queues[--jobs->built_in_count]);
    rnl_id_table_fini(&jobs->active);
    rnl_id_table_fini(&jobs->groups);
    rnl_free(jobs);
}

void rnl_jobs_count(const struct rnl_jobs *jobs,
                    struct rnl_jobs_counts *ret_counts)
{
    struct rnl_store_usage usage;
    jobs->store->ops->usage(jobs->store, &usage);
    *ret_counts = (struct rnl_jobs_counts){
        .queued = jobs->queued_count,
        .running = jobs->running_count,
        .stored = usage.jobs,
        .store = usage,
    };
}

const char *rnl_jobs_store_name(const struct rnl_jobs *jobs)
{
    return jobs->store->ops->name;
}

const char *const *rnl_jobs_kinds(struct rnl_jobs *jobs, size_t *ret_count)
{
    size_t count = 0;
    for (size_t i = 0; i < KIND_COUNT; i++)
        jobs->kind_names[count++] = kinds[i]->name;
    for (size_t i = KIND_COUNT; i < jobs->kind_queue_count; i++) {
        if (!TAILQ_EMPTY(&jobs->kind_queues[i]->workers))
            jobs->kind_names[count++] = jobs->kind_queues[i]->kind;
    }
    *ret_count = count;
    return jobs->kind_names;
}
