/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core_internal.h"
#include "core_json.h"
#include "utf8.h"

/* "job 01J..." for messages, in a buffer of the caller. */
struct subject {
    char text[80];
};

static const char *job_subject(struct subject *subject, const char *id)
{
    snprintf(subject->text, sizeof(subject->text), "job %.64s", id);
    return subject->text;
}

static void fill_spec(struct rnl_job_spec *spec, const struct cli_new_job *job)
{
    spec->kind = job->kind;
    spec->input = job->input;
    spec->input_len = job->input_len;
    spec->content_type = job->content_type;
    spec->input_is_text =
        job->input_len > 0 && rnl_utf8_valid(job->input, job->input_len);
    spec->options = job->options;
    spec->option_count = job->option_count;
    spec->labels = job->labels;
    spec->label_count = job->label_count;
    spec->priority = job->priority;
    spec->deadline_ms = job->deadline_ms;
    spec->retention_ms = job->retention_ms;
    spec->max_attempts = job->max_attempts;
    spec->initial_backoff_ms = job->initial_backoff_ms;
    spec->max_backoff_ms = job->max_backoff_ms;
    spec->idempotency_key = job->idempotency_key;
    spec->keep_newest_bytes = job->keep_newest_bytes;
}

int cli_core_create_job(struct cli_context *context,
                        const struct cli_new_job *job, json_t **ret_job)
{
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    struct rnl_job *made;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    fill_spec(&spec, job);
    status = cli_core_end(context, "job create",
                          rnl_job_create(context->client, &spec, &made));
    if (status != CLI_EXIT_OK)
        return status;
    *ret_job = cli_job_json(made);
    rnl_job_destroy(made);
    return CLI_EXIT_OK;
}

bool cli_core_kind_served(struct cli_context *context, const char *kind)
{
    struct rnl_server_info *info;
    bool served = false;
    if (cli_core_open(context) != CLI_EXIT_OK ||
        rnl_server_info_get(context->client, &info) != RNL_OK)
        return true;
    for (size_t i = 0; i < info->kind_count && !served; i++)
        served = strcmp(info->kinds[i], kind) == 0;
    rnl_server_info_destroy(info);
    return served;
}

int cli_core_get_job(struct cli_context *context, const char *id,
                     bool include_input, json_t **ret_job)
{
    struct subject subject;
    struct rnl_job *job;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    status =
        cli_core_end(context, job_subject(&subject, id),
                     rnl_job_get(context->client, id, include_input, &job));
    if (status != CLI_EXIT_OK)
        return status;
    *ret_job = cli_job_json(job);
    rnl_job_destroy(job);
    return CLI_EXIT_OK;
}

static json_t *page_json(const struct rnl_job_page *page)
{
    json_t *answer = cli_json_object();
    json_t *jobs = cli_json_array();
    for (size_t i = 0; i < page->job_count; i++)
        json_array_append_new(jobs, cli_job_json(page->jobs[i]));
    cli_json_set(answer, "jobs", jobs);
    cli_json_set_text(answer, "nextPageToken", page->next_page_token);
    return answer;
}

/* The number of a state, by its short name: "running". */
static enum rnl_job_state state_number(const char *name)
{
    for (int i = RNL_JOB_QUEUED; i <= RNL_JOB_EXPIRED; i++) {
        if (strcasecmp(rnl_job_state_name((enum rnl_job_state)i), name) == 0)
            return (enum rnl_job_state)i;
    }
    return RNL_JOB_UNSPECIFIED;
}

int cli_core_list_jobs(struct cli_context *context,
                       const struct cli_job_filter *filter, json_t **ret_answer)
{
    struct rnl_job_filter asked = RNL_OPTIONS_INIT(asked);
    struct rnl_job_page *page;
    enum rnl_job_state states[CLI_JOB_STATES_MAX];
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    for (size_t i = 0; i < filter->state_count; i++)
        states[i] = state_number(filter->states[i]);
    asked.states = states;
    asked.state_count = filter->state_count;
    asked.page_size = filter->page_size;
    asked.page_token = filter->page_token;
    asked.kind = filter->kind;
    asked.labels = filter->labels;
    asked.label_count = filter->label_count;
    status = cli_core_end(context, "job list",
                          rnl_job_list(context->client, &asked, &page));
    if (status != CLI_EXIT_OK)
        return status;
    *ret_answer = page_json(page);
    rnl_job_page_destroy(page);
    return CLI_EXIT_OK;
}

int cli_core_cancel_job(struct cli_context *context, const char *id,
                        const char *reason, json_t **ret_job)
{
    struct subject subject;
    struct rnl_job *job;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    status = cli_core_end(context, job_subject(&subject, id),
                          rnl_job_cancel(context->client, id, reason, &job));
    if (status != CLI_EXIT_OK)
        return status;
    *ret_job = cli_job_json(job);
    rnl_job_destroy(job);
    return CLI_EXIT_OK;
}

int cli_core_delete_job(struct cli_context *context, const char *id)
{
    struct subject subject;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    return cli_core_end(context, job_subject(&subject, id),
                        rnl_job_delete(context->client, id));
}

json_t *cli_job_event_json(const struct cli_job_event *event)
{
    json_t *object = cli_json_object();
    cli_json_set_u64(object, "sequence", event->sequence);
    cli_json_set_u64(object, "firstSequence", event->first_sequence);
    cli_json_set_time(object, "time", event->time_ms);
    json_t *content = cli_json_object();
    if (event->kind == CLI_EVENT_DELTA) {
        cli_json_set_content(content, event->data, event->len);
        cli_json_set(object, "delta", json_incref(content));
    } else if (event->kind == CLI_EVENT_LOG) {
        struct cli_buf line = {0};
        cli_buf_add(&line, event->data, event->len);
        cli_json_set_text(content, "message", cli_buf_str(&line));
        cli_json_set(object, "log", json_incref(content));
        cli_buf_fini(&line);
    } else {
        cli_json_set(object,
                     event->kind == CLI_EVENT_STATE ? "state" : "progress",
                     json_incref((json_t *)event->detail));
    }
    json_decref(content);
    return object;
}

/* A watch while it runs. */
struct job_watch {
    struct cli_context *context;
    const struct cli_job_watch *watch;
    bool done;
    int status;
};

static void on_event(struct rnl_watch *handle,
                     const struct rnl_job_event *event, void *arg)
{
    struct job_watch *w = arg;
    struct cli_job_event out = {.sequence = event->sequence,
                                .first_sequence = event->first_sequence,
                                .time_ms = event->time_ms,
                                .data = event->data,
                                .len = event->len};
    json_t *detail = NULL;
    (void)handle;
    if (w->done || event->kind == RNL_JOB_EVENT_OTHER)
        return;
    out.kind = (enum cli_event_kind)(event->kind - RNL_JOB_EVENT_DELTA);
    if (event->kind == RNL_JOB_EVENT_PROGRESS)
        detail = cli_progress_json(&event->progress);
    else if (event->kind == RNL_JOB_EVENT_STATE)
        detail = cli_state_json(event);
    out.detail = detail;
    if (!w->watch->on_event(w->watch->arg, &out))
        w->done = true;
    json_decref(detail);
}

static void on_connection(struct rnl_watch *handle, bool connected, void *arg)
{
    struct job_watch *w = arg;
    (void)handle;
    if (w->watch->on_connection)
        w->watch->on_connection(w->watch->arg, connected);
}

static void on_end(struct rnl_watch *handle,
                   const struct rnl_status_info *status, void *arg)
{
    struct job_watch *w = arg;
    struct subject subject;
    (void)handle;
    w->done = true;
    if (status->code != RNL_OK)
        w->status = cli_core_fail(
            w->context, job_subject(&subject, w->watch->job_id), status);
}

int cli_core_watch_job(struct cli_context *context,
                       const struct cli_job_watch *watch)
{
    struct job_watch w = {.context = context, .watch = watch};
    struct rnl_watch_options options = RNL_OPTIONS_INIT(options);
    struct rnl_watch *handle;
    struct subject subject;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    options.after_sequence = watch->after_sequence;
    options.on_event = on_event;
    options.on_connection = on_connection;
    options.on_end = on_end;
    options.arg = &w;
    enum rnl_code code =
        rnl_watch_start(context->client, watch->job_id, &options, &handle);
    if (code != RNL_OK)
        return cli_core_end(context, job_subject(&subject, watch->job_id),
                            code);
    struct cli_ticker ticker = {watch->tick_ms, watch->on_tick, watch->arg, 0};
    status = cli_core_run(context, &w.done, &ticker);
    rnl_watch_destroy(handle);
    return status == CLI_EXIT_OK ? w.status : status;
}
