/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "draft.h"
#include "store_memory.h"
#include "trim.h"
#include "utf8.h"
#include "workers.h"

_Static_assert(RNL_JOB_ERROR_LEN_MAX + 64 <= RNL_STORE_END_MAX / 2,
               "an error fits a terminal event, and a record beside the rest");

/* Cuts a text at a character and makes it UTF-8 whatever was printed into
 * it. */
static void clean_text(char *text, size_t len_max)
{
    size_t len = strlen(text);
    if (len > len_max)
        len = rnl_utf8_cut(text, len, len_max);
    text[len] = '\0';
    if (rnl_utf8_valid(text, len))
        return;
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
}

/* ---- events ---- */

static enum rnl_code update_record(struct rnl_job *job,
                                   struct rnl_store_request *request)
{
    struct rnl_store *store = job->jobs->store;
    struct rnl_job_view view;
    rnl_job_view_active(&view, job);
    return store->ops->update(store, &view.job, request);
}

/* An event of so many bytes was added: old ones go if it is time. The record
 * goes along, since it counts the output that recovery cannot (recover.c). */
static void trim(struct rnl_job *job, uint64_t bytes)
{
    struct rnl_store *store = job->jobs->store;
    uint64_t sequence;
    uint64_t gone_bytes;
    rnl_trim_add(job->trim, job->last_sequence, bytes);
    if (!rnl_trim_take(job->trim, &sequence, &gone_bytes))
        return;
    (void)!store->ops->trim(store, job->node.id, sequence, gone_bytes);
    (void)!update_record(job, NULL);
}

static enum rnl_code append(struct rnl_job *job, enum rnl_event_type type,
                            const void *data, size_t len)
{
    struct rnl_store *store = job->jobs->store;
    if (job->replay_count > 0) {
        job->replay_count--;
        return RNL_OK;
    }
    struct rnl_event event = {
        .sequence = job->last_sequence + 1,
        .time_ns = job->jobs->core->wall_ns,
        .type = type,
        .data = data,
        .len = len,
    };
    enum rnl_code code = store->ops->append(store, job->node.id, &event, 1);
    if (code != RNL_OK)
        return code;
    job->last_sequence++;
    /* Before the trim, which writes down both. */
    if (type == RNL_EVENT_TEXT || type == RNL_EVENT_DATA)
        job->output_bytes += len;
    if (job->trim != NULL && type != RNL_EVENT_END)
        trim(job, len + RNL_STORE_EVENT_BYTES);
    return RNL_OK;
}

static enum rnl_code append_message(struct rnl_job *job,
                                    enum rnl_event_type type,
                                    const ProtobufCMessage *message)
{
    uint8_t bytes[RNL_JOB_LOG_LEN_MAX + 64];
    size_t len = protobuf_c_message_get_packed_size(message);
    if (len > sizeof(bytes))
        return RNL_RESOURCE_EXHAUSTED;
    protobuf_c_message_pack(message, bytes);
    return append(job, type, bytes, len);
}

static enum rnl_code append_state(struct rnl_job *job, enum rnl_event_type type)
{
    Runnel__V1__StateChange change = RUNNEL__V1__STATE_CHANGE__INIT;
    Runnel__V1__JobError error = RUNNEL__V1__JOB_ERROR__INIT;
    change.state = job->state;
    change.attempt = job->attempt;
    if (job->error_code != RNL_OK &&
        job->state != RUNNEL__V1__JOB_STATE__JOB_STATE_RUNNING) {
        error.code = (Runnel__V1__Code)job->error_code;
        error.message = job->error_message;
        error.attempt = job->error_attempt;
        change.error = &error;
    }
    return append_message(job, type, &change.base);
}

/* ---- what kinds call ---- */

/* Length of the next event of an output: whole characters, if it is text. */
static size_t event_len(const uint8_t *data, size_t len)
{
    return rnl_utf8_cut(data, len, RNL_JOB_EVENT_BYTES_MAX);
}

enum rnl_code rnl_run_output(struct rnl_run *run, const void *data, size_t len)
{
    struct rnl_job *job = run->job;
    const uint8_t *bytes = data;
    while (len > 0) {
        size_t part = event_len(bytes, len);
        bool is_text =
            memchr(bytes, '\0', part) == NULL && rnl_utf8_valid(bytes, part);
        enum rnl_code code =
            append(job, is_text ? RNL_EVENT_TEXT : RNL_EVENT_DATA, bytes, part);
        if (code != RNL_OK)
            return code;
        rnl_job_measure_output(job);
        bytes += part;
        len -= part;
    }
    return RNL_OK;
}

enum rnl_code rnl_run_log(struct rnl_run *run, const char *format, ...)
{
    char text[RNL_JOB_LOG_LEN_MAX + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    clean_text(text, RNL_JOB_LOG_LEN_MAX);
    Runnel__V1__LogEntry entry = RUNNEL__V1__LOG_ENTRY__INIT;
    entry.message = text;
    return append_message(run->job, RNL_EVENT_LOG, &entry.base);
}

enum rnl_code rnl_run_progress(struct rnl_run *run, double done, double total,
                               const char *unit)
{
    struct rnl_job *job = run->job;
    job->progress_done = done;
    job->progress_total = total;
    job->progress_unit = unit;
    Runnel__V1__Progress progress = RUNNEL__V1__PROGRESS__INIT;
    progress.done = done;
    progress.total = total;
    progress.unit = (char *)unit;
    return append_message(job, RNL_EVENT_PROGRESS, &progress.base);
}

enum rnl_code rnl_job_progress(struct rnl_job *job,
                               const Runnel__V1__Progress *progress)
{
    Runnel__V1__Progress copy = *progress;
    char message[RNL_JOB_PROGRESS_MESSAGE_LEN_MAX + 1];
    snprintf(job->unit_text, sizeof(job->unit_text), "%s", progress->unit);
    clean_text(job->unit_text, RNL_JOB_UNIT_LEN_MAX);
    snprintf(message, sizeof(message), "%s", progress->message);
    clean_text(message, RNL_JOB_PROGRESS_MESSAGE_LEN_MAX);
    job->progress_done = progress->done;
    job->progress_total = progress->total;
    job->progress_unit = job->unit_text;
    copy.unit = job->unit_text;
    copy.message = message;
    return append_message(job, RNL_EVENT_PROGRESS, &copy.base);
}

void rnl_job_set_content_type(struct rnl_job *job, const char *type)
{
    char *copy = type[0] == '\0' ? NULL : rnl_strdup(type);
    if (copy == NULL)
        return;
    rnl_free(job->content_type);
    job->content_type = copy;
    job->base->output_content_type = copy;
}

uint64_t rnl_job_committed(const struct rnl_job *job)
{
    struct rnl_store *store = job->jobs->store;
    struct rnl_store_log log;
    enum rnl_code code = store->ops->log(store, job->node.id, &log);
    return code == RNL_OK ? log.committed_sequence : 0;
}

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

static void leave_place(struct rnl_job *job)
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

static enum rnl_code start_deadline(struct rnl_job *job)
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
    if (start_deadline(job) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    if (job->base->not_before != NULL &&
        rnl_timestamp_ns(job->base->not_before) > core->wall_ns)
        return rnl_timer_start(&core->timers, &job->wake,
                               due_of(core, job->base->not_before));
    rnl_job_enqueue(job);
    return RNL_OK;
}

/* ---- attempts ---- */

static void stop_attempt(struct rnl_job *job)
{
    rnl_lease_end(job, job->error_message);
    if (job->kind_state != NULL)
        job->kind->destroy(job->kind_state);
    job->kind_state = NULL;
    if (job->input_job != NULL)
        runnel__v1__job__free_unpacked(job->input_job, &rnl_pb_allocator);
    job->input_job = NULL;
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
    clean_text(job->error_message, RNL_JOB_ERROR_LEN_MAX);
}

void rnl_job_halt(struct rnl_job *job)
{
    leave_place(job);
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
    (void)!append_state(job, RNL_EVENT_END);
    (void)!update_record(job, request);
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
    if (append_state(job, RNL_EVENT_STATE) == RNL_OK &&
        update_record(job, request) == RNL_OK)
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
        append_state(job, RNL_EVENT_STATE) != RNL_OK ||
        update_record(job, request) != RNL_OK) {
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
    if (start_deadline(job) != RNL_OK)
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
    if (job->start_ns == 0)
        job->start_ns = job->jobs->core->wall_ns;
    job->run.job = job;
    rnl_job_measure_attempt(job);
    set_state(job, RUNNEL__V1__JOB_STATE__JOB_STATE_RUNNING);
}

void rnl_job_assign(struct rnl_job *job, struct rnl_worker *worker)
{
    mark_running(job);
    enum rnl_code code = append_state(job, RNL_EVENT_STATE);
    job->attempt_sequence = job->last_sequence;
    job->attempt_wall_ns = job->jobs->core->wall_ns;
    if (code == RNL_OK)
        code = update_record(job, NULL);
    if (code == RNL_OK)
        code = rnl_lease_grant(job, worker);
    if (code == RNL_OK) {
        /* A short job's start is so written with its end, once. */
        job->jobs->store->ops->linger(job->jobs->store, job->node.id);
        return;
    }
    struct rnl_step step = {.retry = code != RNL_FAILED_PRECONDITION};
    rnl_step_fail(&step, code, "%s",
                  step.retry ? rnl_code_text((int)code)
                             : "the job does not fit the worker's frames");
    rnl_job_fail(job, &step, NULL);
}

enum rnl_code rnl_job_load(struct rnl_job *job)
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
    return job->kind->create(&job->work, &job->kind_state);
}

static enum rnl_code begin_attempt(struct rnl_job *job)
{
    enum rnl_code code = append_state(job, RNL_EVENT_STATE);
    if (code == RNL_OK)
        code = update_record(job, NULL);
    return code == RNL_OK ? rnl_job_load(job) : code;
}

static void start_attempt(struct rnl_job *job)
{
    mark_running(job);
    if (begin_attempt(job) == RNL_OK) {
        rnl_job_make_ready(job);
        return;
    }
    struct rnl_step step = {.retry = true};
    rnl_step_fail_full(&step);
    rnl_job_fail(job, &step, NULL);
}

static void run_slice(struct rnl_job *job)
{
    struct rnl_core *core = job->jobs->core;
    struct rnl_step step = {.kind = RNL_STEP_AGAIN};
    leave_place(job);
    job->kind->step(job->kind_state, &job->run, &step);
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
    /* A start copies the input: it costs about a slice. */
    for (int left = RNL_JOBS_SLICES_PER_TURN; left > 0; left--) {
        if ((job = take_next(jobs)) == NULL)
            break;
        start_attempt(job);
    }
    for (int left = RNL_JOBS_SLICES_PER_TURN; left > 0; left--) {
        if ((job = TAILQ_FIRST(&jobs->ready)) == NULL)
            break;
        run_slice(job);
    }
    if (next_to_start(jobs) != NULL || !TAILQ_EMPTY(&jobs->ready))
        rnl_jobs_kick(jobs);
}
