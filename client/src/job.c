/* SPDX-License-Identifier: Apache-2.0 */
/* The unary methods of JobService. */
#include <stddef.h>
#include <string.h>

#include "alloc.h"
#include "client_private.h"
#include "job_model.h"
#include "typed.h"

/* A result and the memory that it lies in. */
struct job_box {
    struct rnl_job job;
    struct rnl_arena arena;
};

struct page_box {
    struct rnl_job_page page;
    struct rnl_arena arena;
};

void rnl_job_destroy(struct rnl_job *job)
{
    if (job == NULL)
        return;
    struct job_box *box = (struct job_box *)job;
    rnl_arena_fini(&box->arena);
    rnl_free(box);
}

void rnl_job_page_destroy(struct rnl_job_page *page)
{
    if (page == NULL)
        return;
    struct page_box *box = (struct page_box *)page;
    rnl_arena_fini(&box->arena);
    rnl_free(box);
}

_Static_assert(offsetof(struct job_box, job) == 0 &&
                   offsetof(struct page_box, page) == 0,
               "a result is its box");

/* Calls a method whose answer has a job; get_job finds it. */
static enum rnl_code call_for_job(struct rnl_client *client,
                                  const struct rnl_method_type *method,
                                  const ProtobufCMessage *request,
                                  const Runnel__V1__Job *(*get_job)(void *),
                                  struct rnl_job **ret_job)
{
    struct job_box *box = rnl_calloc(1, sizeof(*box));
    if (box == NULL)
        return rnl_typed_no_memory(client);
    void *answer;
    enum rnl_code code =
        rnl_typed_call(client, method, request, &box->arena, &answer);
    const Runnel__V1__Job *job = code == RNL_OK ? get_job(answer) : NULL;
    if (code == RNL_OK && job == NULL)
        code = rnl_client_fail(client, RNL_INTERNAL, "the answer has no job");
    if (code == RNL_OK && !rnl_job_convert(&box->arena, job, &box->job))
        code = rnl_typed_no_memory(client);
    if (code == RNL_OK && ret_job != NULL)
        *ret_job = &box->job;
    else
        rnl_job_destroy(&box->job);
    return code;
}

/* --- create --- */

static const Runnel__V1__Job *created_job(void *answer)
{
    const Runnel__V1__CreateJobResponse *response = answer;
    return response->job;
}

/* Storage of a request's parts. */
struct create_parts {
    Runnel__V1__Payload input;
    Runnel__V1__RetryPolicy retry;
    Google__Protobuf__Timestamp not_before;
    Google__Protobuf__Timestamp deadline;
    Google__Protobuf__Duration retention;
    Google__Protobuf__Duration initial_backoff;
    Google__Protobuf__Duration max_backoff;
};

static char no_text[] = "";

/* Text goes as text only when it can: protobuf-c's strings end at a NUL. */
static Runnel__V1__Payload *make_input(struct rnl_arena *arena,
                                       const struct rnl_job_spec *spec,
                                       Runnel__V1__Payload *storage)
{
    if (spec->input == NULL && spec->content_type == NULL)
        return NULL;
    runnel__v1__payload__init(storage);
    storage->content_type = rnl_typed_text(spec->content_type);
    bool has_nul = spec->input_len > 0 &&
                   memchr(spec->input, '\0', spec->input_len) != NULL;
    if (!spec->input_is_text || has_nul) {
        storage->content_case = RUNNEL__V1__PAYLOAD__CONTENT_DATA;
        storage->data.data = (uint8_t *)spec->input;
        storage->data.len = spec->input_len;
        return storage;
    }
    char *text = rnl_arena_alloc(arena, spec->input_len + 1, 1);
    if (text != NULL && spec->input_len > 0)
        memcpy(text, spec->input, spec->input_len);
    storage->content_case = RUNNEL__V1__PAYLOAD__CONTENT_TEXT;
    storage->text = text == NULL ? no_text : text;
    return storage;
}

static void make_request(struct rnl_arena *arena,
                         const struct rnl_job_spec *spec,
                         struct create_parts *parts,
                         Runnel__V1__CreateJobRequest *request)
{
    runnel__v1__create_job_request__init(request);
    request->kind = rnl_typed_text(spec->kind);
    request->input = make_input(arena, spec, &parts->input);
    request->options = rnl_typed_entries(
        arena, &runnel__v1__create_job_request__options_entry__descriptor,
        spec->options, spec->option_count);
    request->n_options = spec->option_count;
    request->labels = rnl_typed_entries(
        arena, &runnel__v1__create_job_request__labels_entry__descriptor,
        spec->labels, spec->label_count);
    request->n_labels = spec->label_count;
    request->priority = spec->priority;
    request->not_before =
        rnl_typed_time(&parts->not_before, spec->not_before_ms);
    request->deadline = rnl_typed_time(&parts->deadline, spec->deadline_ms);
    request->retention =
        rnl_typed_duration(&parts->retention, spec->retention_ms);
    request->idempotency_key = rnl_typed_text(spec->idempotency_key);
    request->keep_newest_bytes = spec->keep_newest_bytes;
    runnel__v1__retry_policy__init(&parts->retry);
    parts->retry.max_attempts = spec->max_attempts;
    parts->retry.initial_backoff =
        rnl_typed_duration(&parts->initial_backoff, spec->initial_backoff_ms);
    parts->retry.max_backoff =
        rnl_typed_duration(&parts->max_backoff, spec->max_backoff_ms);
    if (spec->max_attempts != 0 || spec->initial_backoff_ms != 0 ||
        spec->max_backoff_ms != 0)
        request->retry = &parts->retry;
}

enum rnl_code rnl_job_create(struct rnl_client *client,
                             const struct rnl_job_spec *spec,
                             struct rnl_job **ret_job)
{
    static const struct rnl_method_type method = {
        "runnel.v1.JobService/CreateJob",
        &runnel__v1__create_job_response__descriptor,
    };
    struct rnl_job_spec own;
    if (!rnl_options_copy(&own, sizeof(own), spec))
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT, RNL_OPTIONS_FAULT);
    if (own.input == NULL && own.input_len > 0)
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT,
                               "input must not be NULL, since input_len is "
                               "not 0");
    struct rnl_arena arena = {0};
    struct create_parts parts;
    Runnel__V1__CreateJobRequest request;
    make_request(&arena, &own, &parts, &request);
    enum rnl_code code = arena.exhausted
                             ? rnl_typed_no_memory(client)
                             : call_for_job(client, &method, &request.base,
                                            created_job, ret_job);
    rnl_arena_fini(&arena);
    return code;
}

/* --- get, cancel, delete --- */

static const Runnel__V1__Job *got_job(void *answer)
{
    const Runnel__V1__GetJobResponse *response = answer;
    return response->job;
}

enum rnl_code rnl_job_get(struct rnl_client *client, const char *id,
                          bool include_input, struct rnl_job **ret_job)
{
    static const struct rnl_method_type method = {
        "runnel.v1.JobService/GetJob",
        &runnel__v1__get_job_response__descriptor,
    };
    Runnel__V1__GetJobRequest request = RUNNEL__V1__GET_JOB_REQUEST__INIT;
    request.job_id = rnl_typed_text(id);
    request.include_input = include_input;
    return call_for_job(client, &method, &request.base, got_job, ret_job);
}

static const Runnel__V1__Job *cancelled_job(void *answer)
{
    const Runnel__V1__CancelJobResponse *response = answer;
    return response->job;
}

enum rnl_code rnl_job_cancel(struct rnl_client *client, const char *id,
                             const char *reason, struct rnl_job **ret_job)
{
    static const struct rnl_method_type method = {
        "runnel.v1.JobService/CancelJob",
        &runnel__v1__cancel_job_response__descriptor,
    };
    Runnel__V1__CancelJobRequest request = RUNNEL__V1__CANCEL_JOB_REQUEST__INIT;
    request.job_id = rnl_typed_text(id);
    request.reason = rnl_typed_text(reason);
    return call_for_job(client, &method, &request.base, cancelled_job, ret_job);
}

enum rnl_code rnl_job_delete(struct rnl_client *client, const char *id)
{
    static const struct rnl_method_type method = {
        "runnel.v1.JobService/DeleteJob",
        &runnel__v1__delete_job_response__descriptor,
    };
    Runnel__V1__DeleteJobRequest request = RUNNEL__V1__DELETE_JOB_REQUEST__INIT;
    request.job_id = rnl_typed_text(id);
    struct rnl_arena arena = {0};
    void *answer;
    enum rnl_code code =
        rnl_typed_call(client, &method, &request.base, &arena, &answer);
    rnl_arena_fini(&arena);
    return code;
}

/* --- list --- */

static bool fill_page(struct page_box *box,
                      const Runnel__V1__ListJobsResponse *response)
{
    size_t count = response->n_jobs;
    struct rnl_job *jobs = rnl_arena_alloc(&box->arena, count, sizeof(*jobs));
    struct rnl_job **refs =
        rnl_arena_alloc(&box->arena, count, sizeof(struct rnl_job *));
    if (jobs == NULL || refs == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!rnl_job_convert(&box->arena, response->jobs[i], &jobs[i]))
            return false;
        refs[i] = &jobs[i];
    }
    box->page = (struct rnl_job_page){
        .jobs = refs,
        .job_count = count,
        .next_page_token = response->next_page_token,
    };
    return true;
}

static enum rnl_code call_for_page(struct rnl_client *client,
                                   const ProtobufCMessage *request,
                                   struct rnl_job_page **ret_page)
{
    static const struct rnl_method_type method = {
        "runnel.v1.JobService/ListJobs",
        &runnel__v1__list_jobs_response__descriptor,
    };
    struct page_box *box = rnl_calloc(1, sizeof(*box));
    if (box == NULL)
        return rnl_typed_no_memory(client);
    void *answer;
    enum rnl_code code =
        rnl_typed_call(client, &method, request, &box->arena, &answer);
    if (code == RNL_OK && !fill_page(box, answer))
        code = rnl_typed_no_memory(client);
    if (code == RNL_OK)
        *ret_page = &box->page;
    else
        rnl_job_page_destroy(&box->page);
    return code;
}

enum rnl_code rnl_job_list(struct rnl_client *client,
                           const struct rnl_job_filter *filter,
                           struct rnl_job_page **ret_page)
{
    struct rnl_job_filter own;
    if (!rnl_options_copy(&own, sizeof(own), filter))
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT, RNL_OPTIONS_FAULT);
    struct rnl_arena arena = {0};
    Runnel__V1__ListJobsRequest request = RUNNEL__V1__LIST_JOBS_REQUEST__INIT;
    request.page_size = own.page_size;
    request.page_token = rnl_typed_text(own.page_token);
    request.kind = rnl_typed_text(own.kind);
    request.labels = rnl_typed_entries(
        &arena, &runnel__v1__list_jobs_request__labels_entry__descriptor,
        own.labels, own.label_count);
    request.n_labels = own.label_count;
    request.states =
        rnl_arena_alloc(&arena, own.state_count, sizeof(request.states[0]));
    request.n_states = own.state_count;
    for (size_t i = 0; request.states != NULL && i < own.state_count; i++)
        request.states[i] = (Runnel__V1__JobState)own.states[i];
    enum rnl_code code = arena.exhausted
                             ? rnl_typed_no_memory(client)
                             : call_for_page(client, &request.base, ret_page);
    rnl_arena_fini(&arena);
    return code;
}
