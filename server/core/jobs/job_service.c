/* SPDX-License-Identifier: Apache-2.0 */
/* The methods of JobService: requests in, answers out; engine.c and watch.c
 * do the work. Answers that promise something wait until it is durable. */
#include "engine.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "job_ahead.h"
#include "job_id.h"
#include "job_wire.h"
#include "utf8.h"
#include "wire.h"

/* A call that waits for the store. */
struct rnl_waiter {
    struct rnl_store_request request;
    struct rnl_jobs *jobs;
    /* NULL when the caller has gone. */
    struct rnl_stream *stream;
    void (*reply)(struct rnl_waiter *waiter);
    char job_id[RNL_JOB_ID_LEN + 1];
    TAILQ_ENTRY(rnl_waiter) link;
};

static void waiter_free(struct rnl_waiter *waiter)
{
    if (waiter->stream != NULL)
        rnl_stream_set_state(waiter->stream, NULL);
    TAILQ_REMOVE(&waiter->jobs->waiters, waiter, link);
    rnl_free(waiter);
}

void rnl_waiters_free(struct rnl_jobs *jobs)
{
    struct rnl_waiter *waiter;
    while ((waiter = TAILQ_FIRST(&jobs->waiters)) != NULL) {
        TAILQ_REMOVE(&jobs->waiters, waiter, link);
        rnl_free(waiter);
    }
}

/* A store that cannot write says why; otherwise the reason is the text. */
static void finish_unstored(struct rnl_stream *stream, enum rnl_code code,
                            const char *text)
{
    const struct rnl_store *store = rnl_stream_core(stream)->jobs->store;
    struct rnl_store_usage usage;
    store->ops->usage(store, &usage);
    if (!usage.stalled)
        rnl_stream_finish(stream, code, "%s", text);
    else
        rnl_stream_finish_retry(
            stream, code, RNL_STORE_RETRY_MS,
            "this could not be stored (%s): nothing was done, try again",
            usage.error[0] == '\0' ? "the disk is full?" : usage.error);
}

static void on_done(struct rnl_store_request *request, enum rnl_code code)
{
    struct rnl_waiter *waiter = (struct rnl_waiter *)request;
    if (waiter->stream != NULL && code != RNL_OK)
        finish_unstored(waiter->stream, code, rnl_code_text(code));
    else if (waiter->stream != NULL)
        waiter->reply(waiter);
    waiter_free(waiter);
}

/* NULL: the stream has been finished. */
static struct rnl_waiter *waiter_create(struct rnl_stream *stream,
                                        void (*reply)(struct rnl_waiter *))
{
    struct rnl_waiter *waiter = rnl_calloc(1, sizeof(*waiter));
    if (waiter == NULL) {
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED, "memory is out");
        return NULL;
    }
    waiter->request.done = on_done;
    waiter->jobs = rnl_stream_core(stream)->jobs;
    waiter->stream = stream;
    waiter->reply = reply;
    TAILQ_INSERT_TAIL(&waiter->jobs->waiters, waiter, link);
    rnl_stream_set_state(stream, waiter);
    return waiter;
}

/* For every method that waits. */
static void on_close(struct rnl_stream *stream, enum rnl_code code)
{
    (void)code;
    struct rnl_waiter *waiter = rnl_stream_state(stream);
    if (waiter != NULL)
        waiter->stream = NULL;
}

static void finish_missing(struct rnl_stream *stream, enum rnl_code code)
{
    if (code == RNL_NOT_FOUND)
        rnl_stream_finish(stream, code, "there is no such job");
    else
        rnl_stream_finish(stream, code, "%s", rnl_code_text(code));
}

/* ---- CreateJob ---- */

static void reply_existing(struct rnl_stream *stream, const char *job_id)
{
    struct rnl_jobs *jobs = rnl_stream_core(stream)->jobs;
    struct rnl_job_view view;
    enum rnl_code code = rnl_job_view_any(&view, jobs, job_id, false);
    if (code != RNL_OK) {
        finish_missing(stream, code);
        return;
    }
    Runnel__V1__CreateJobResponse response =
        RUNNEL__V1__CREATE_JOB_RESPONSE__INIT;
    response.job = &view.job;
    response.existing = true;
    rnl_stream_reply(stream, &response.base);
    rnl_job_view_fini(&view);
}

/* As it is stored. */
static void reply_created(struct rnl_waiter *waiter)
{
    struct rnl_store *store = waiter->jobs->store;
    struct rnl_store_record record;
    enum rnl_code code =
        store->ops->peek(store, waiter->job_id, false, &record);
    if (code == RNL_OK)
        rnl_stream_reply_buf(waiter->stream, rnl_job_wire_created(&record));
    else
        finish_missing(waiter->stream, code);
}

static void create(struct rnl_stream *stream,
                   const Runnel__V1__CreateJobRequest *request)
{
    struct rnl_waiter *waiter = waiter_create(stream, reply_created);
    if (waiter == NULL)
        return;
    struct rnl_submission submission = {
        .request = request,
        .done = &waiter->request,
    };
    enum rnl_code code = rnl_jobs_submit(waiter->jobs, &submission);
    if (code == RNL_OK && !submission.existing) {
        memcpy(waiter->job_id, submission.job_id, sizeof(waiter->job_id));
        return;
    }
    waiter_free(waiter);
    if (code == RNL_OK)
        reply_existing(stream, submission.job_id);
    else if (code == RNL_INVALID_ARGUMENT)
        rnl_stream_finish_field(stream, submission.error.field, "%s",
                                submission.error.message);
    else if (code == RNL_RESOURCE_EXHAUSTED)
        finish_unstored(stream, code, submission.message);
    else
        rnl_stream_finish(stream, code, "%s", submission.message);
}

static void on_create(struct rnl_stream *stream, const uint8_t *data,
                      size_t len)
{
    static char none[] = "";
    Runnel__V1__CreateJobRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__create_job_request__descriptor, data, len);
    if (request == NULL)
        return;
    const char *key = rnl_stream_metadata(stream, "idempotency-key");
    char *own_key = request->idempotency_key;
    if (own_key[0] == '\0')
        request->idempotency_key = key == NULL ? none : (char *)key;
    create(stream, request);
    request->idempotency_key = own_key;
    rnl_request_free(request);
}

/* ---- GetJob ---- */

static void reply_active(struct rnl_stream *stream, const struct rnl_job *job,
                         bool with_input)
{
    struct rnl_job_view view;
    enum rnl_code code = rnl_job_view_whole(&view, job, with_input);
    if (code != RNL_OK) {
        finish_missing(stream, code);
        return;
    }
    Runnel__V1__GetJobResponse response = RUNNEL__V1__GET_JOB_RESPONSE__INIT;
    response.job = &view.job;
    rnl_stream_reply(stream, &response.base);
    rnl_job_view_fini(&view);
}

/* The store has all of it, encoded, unless it goes on. */
static void reply_any(struct rnl_stream *stream, const char *job_id,
                      bool with_input)
{
    struct rnl_jobs *jobs = rnl_stream_core(stream)->jobs;
    struct rnl_store *store = jobs->store;
    struct rnl_store_record record;
    enum rnl_code code = store->ops->peek(store, job_id, false, &record);
    const struct rnl_job *active =
        code != RNL_OK || record.ended ? NULL : rnl_jobs_find(jobs, job_id);
    if (active != NULL) {
        reply_active(stream, active, with_input);
        return;
    }
    if (code == RNL_OK && with_input)
        code = store->ops->peek(store, job_id, true, &record);
    if (code == RNL_OK)
        rnl_stream_reply_buf(stream, rnl_job_wire_got(&record));
    else
        finish_missing(stream, code);
}

static void on_get(struct rnl_stream *stream, const uint8_t *data, size_t len)
{
    Runnel__V1__GetJobRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__get_job_request__descriptor, data, len);
    if (request == NULL)
        return;
    reply_any(stream, request->job_id, request->include_input);
    rnl_request_free(request);
}

/* ---- ListJobs ---- */

/* What a page of small jobs takes: no memory is allocated for it. */
#define PAGE_SMALL 8192

/* The answer, encoded as the jobs come: a page of copies would be larger than
 * what is sent. */
struct page {
    struct rnl_jobs *jobs;
    /* small, or owned. */
    uint8_t *bytes;
    size_t len;
    size_t cap;
    size_t len_max;
    bool no_memory;
    uint8_t small[PAGE_SMALL];
};

/* A field of type LEN with up to 2^28 bytes. */
#define PAGE_FIELD_HEAD 5
#define PAGE_JOBS       1
#define PAGE_TOKEN      2

/* Leaves small as it is. */
static void page_init(struct page *page, struct rnl_jobs *jobs)
{
    page->jobs = jobs;
    page->bytes = page->small;
    page->len = 0;
    page->cap = sizeof(page->small);
    page->len_max = RNL_JOBS_LIST_BYTES_MAX;
    page->no_memory = false;
}

static void page_fini(struct page *page)
{
    if (page->bytes != page->small)
        rnl_free(page->bytes);
}

static bool page_reserve(struct page *page, size_t len)
{
    if (page->len + len <= page->cap)
        return true;
    size_t cap = page->cap * 2 + len + 1024;
    bool is_small = page->bytes == page->small;
    uint8_t *bytes = rnl_realloc(is_small ? NULL : page->bytes, cap);
    if (bytes == NULL) {
        page->no_memory = true;
        return false;
    }
    if (is_small)
        memcpy(bytes, page->small, page->len);
    page->bytes = bytes;
    page->cap = cap;
    return true;
}

static void page_put_head(struct page *page, uint32_t field, size_t len)
{
    const uint8_t *end =
        rnl_wire_put_head(page->bytes + page->len, field, RNL_WIRE_BYTES, len);
    page->len = (size_t)(end - page->bytes);
}

/* Room for one more job; NULL: there is none, and *ret_taken whether to go on
 * without it. */
static uint8_t *page_begin_job(struct page *page, size_t len, bool *ret_taken)
{
    *ret_taken =
        page->len == 0 || page->len + len + PAGE_FIELD_HEAD <= page->len_max;
    if (!*ret_taken || !page_reserve(page, len + PAGE_FIELD_HEAD))
        return NULL;
    page_put_head(page, PAGE_JOBS, len);
    page->len += len;
    return page->bytes + page->len - len;
}

static bool page_add(void *arg, const char *job_id,
                     const struct rnl_store_record *record)
{
    struct page *page = arg;
    struct rnl_job_view view;
    /* That table is not looked at for jobs that cannot be in it. */
    const struct rnl_job *active =
        record->ended ? NULL : rnl_jobs_find(page->jobs, job_id);
    bool taken;
    uint8_t *out;
    if (active == NULL) {
        out = page_begin_job(page, rnl_job_wire_len(record), &taken);
        if (out != NULL)
            rnl_job_wire_put(record, out);
        return taken;
    }
    rnl_job_view_active(&view, active);
    out = page_begin_job(page, runnel__v1__job__get_packed_size(&view.job),
                         &taken);
    if (out != NULL)
        runnel__v1__job__pack(&view.job, out);
    return taken;
}

static bool list_query(struct rnl_stream *stream,
                       const Runnel__V1__ListJobsRequest *request,
                       struct rnl_store_query *query)
{
    *query = (struct rnl_store_query){
        .kind = request->kind[0] == '\0' ? NULL : request->kind,
        .labels = request->labels,
        .label_count = request->n_labels,
        .limit =
            request->page_size == 0 ? RNL_JOB_PAGE_DEFAULT : request->page_size,
    };
    if (query->limit > RNL_JOB_PAGE_MAX) {
        rnl_stream_finish_field(stream, "page_size", "must be at most %d",
                                RNL_JOB_PAGE_MAX);
        return false;
    }
    if (query->label_count > RNL_JOB_LABELS_MAX) {
        rnl_stream_finish_field(stream, "labels", "has more than %d entries",
                                RNL_JOB_LABELS_MAX);
        return false;
    }
    if (request->page_token[0] != '\0') {
        if (!rnl_job_id_valid(request->page_token)) {
            rnl_stream_finish_field(stream, "page_token",
                                    "is not the token of a page");
            return false;
        }
        memcpy(query->before, request->page_token, sizeof(query->before));
    }
    for (size_t i = 0; i < request->n_states; i++) {
        int state = (int)request->states[i];
        if (state < RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED ||
            state > RUNNEL__V1__JOB_STATE__JOB_STATE_EXPIRED) {
            rnl_stream_finish_field(stream, "states", "has no state %d", state);
            return false;
        }
        query->states |= UINT32_C(1) << state;
    }
    return true;
}

static void reply_list(struct rnl_stream *stream, struct page *page,
                       const char *next)
{
    size_t token_len = strlen(next);
    struct rnl_buf *buf = NULL;
    if (!page->no_memory && page_reserve(page, token_len + PAGE_FIELD_HEAD)) {
        if (token_len > 0) {
            page_put_head(page, PAGE_TOKEN, token_len);
            memcpy(page->bytes + page->len, next, token_len);
            page->len += token_len;
        }
        buf = rnl_buf_create(page->len);
    }
    if (buf == NULL) {
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED, "memory is out");
        return;
    }
    memcpy(buf->data, page->bytes, page->len);
    rnl_stream_reply_buf(stream, buf);
}

static void list(struct rnl_stream *stream,
                 const Runnel__V1__ListJobsRequest *request)
{
    struct rnl_jobs *jobs = rnl_stream_core(stream)->jobs;
    struct rnl_store_query query;
    if (!list_query(stream, request, &query))
        return;
    size_t message_max = rnl_stream_message_max(stream);
    size_t token_room = RNL_JOB_ID_LEN + PAGE_FIELD_HEAD;
    struct page page;
    page_init(&page, jobs);
    if (page.len_max > message_max)
        page.len_max = message_max;
    page.len_max -= page.len_max > token_room ? token_room : 0;
    struct rnl_store_list out = {.job = page_add, .arg = &page};
    enum rnl_code code = jobs->store->ops->list(jobs->store, &query, &out);
    if (code == RNL_OK)
        reply_list(stream, &page, out.next);
    else
        rnl_stream_finish(stream, code, "%s", rnl_code_text(code));
    page_fini(&page);
}

static void on_list(struct rnl_stream *stream, const uint8_t *data, size_t len)
{
    Runnel__V1__ListJobsRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__list_jobs_request__descriptor, data, len);
    if (request == NULL)
        return;
    list(stream, request);
    rnl_request_free(request);
}

/* ---- CancelJob ---- */

static void reply_cancel(struct rnl_stream *stream, const char *job_id)
{
    struct rnl_jobs *jobs = rnl_stream_core(stream)->jobs;
    struct rnl_job_view view;
    enum rnl_code code = rnl_job_view_any(&view, jobs, job_id, false);
    if (code != RNL_OK) {
        finish_missing(stream, code);
        return;
    }
    Runnel__V1__CancelJobResponse response =
        RUNNEL__V1__CANCEL_JOB_RESPONSE__INIT;
    response.job = &view.job;
    rnl_stream_reply(stream, &response.base);
    rnl_job_view_fini(&view);
}

static void reply_cancelled(struct rnl_waiter *waiter)
{
    reply_cancel(waiter->stream, waiter->job_id);
}

static void cancel(struct rnl_stream *stream,
                   const Runnel__V1__CancelJobRequest *request)
{
    const char *reason = request->reason;
    if (strlen(reason) > RNL_JOB_CANCEL_REASON_LEN_MAX ||
        !rnl_utf8_valid(reason, strlen(reason))) {
        rnl_stream_finish_field(stream, "reason",
                                "must be UTF-8 of at most %d bytes",
                                RNL_JOB_CANCEL_REASON_LEN_MAX);
        return;
    }
    struct rnl_waiter *waiter = waiter_create(stream, reply_cancelled);
    if (waiter == NULL)
        return;
    bool ended = false;
    enum rnl_code code =
        rnl_jobs_cancel(waiter->jobs, request->job_id,
                        reason[0] == '\0' ? "cancelled on request" : reason,
                        &waiter->request, &ended);
    if (code == RNL_OK && !ended) {
        memcpy(waiter->job_id, request->job_id, sizeof(waiter->job_id));
        return;
    }
    waiter_free(waiter);
    if (code == RNL_OK)
        reply_cancel(stream, request->job_id);
    else
        finish_missing(stream, code);
}

static void on_cancel(struct rnl_stream *stream, const uint8_t *data,
                      size_t len)
{
    Runnel__V1__CancelJobRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__cancel_job_request__descriptor, data, len);
    if (request == NULL)
        return;
    cancel(stream, request);
    rnl_request_free(request);
}

/* ---- DeleteJob ---- */

static void reply_deleted(struct rnl_waiter *waiter)
{
    Runnel__V1__DeleteJobResponse response =
        RUNNEL__V1__DELETE_JOB_RESPONSE__INIT;
    rnl_stream_reply(waiter->stream, &response.base);
}

static void on_delete(struct rnl_stream *stream, const uint8_t *data,
                      size_t len)
{
    Runnel__V1__DeleteJobRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__delete_job_request__descriptor, data, len);
    if (request == NULL)
        return;
    struct rnl_waiter *waiter = waiter_create(stream, reply_deleted);
    if (waiter != NULL) {
        enum rnl_code code =
            rnl_jobs_remove(waiter->jobs, request->job_id, &waiter->request);
        if (code != RNL_OK)
            waiter_free(waiter);
        if (code == RNL_FAILED_PRECONDITION)
            rnl_stream_finish(stream, code,
                              "the job has not ended: cancel it first");
        else if (code != RNL_OK)
            finish_missing(stream, code);
    }
    rnl_request_free(request);
}

/* ---- the table ---- */

static const struct rnl_method methods[] = {
    {
        .name = "runnel.v1.JobService/CreateJob",
        .scope = RNL_SCOPE_JOBS_WRITE,
        .shape = RNL_UNARY,
        .on_message = on_create,
        .on_close = on_close,
    },
    {
        .name = "runnel.v1.JobService/GetJob",
        .scope = RNL_SCOPE_JOBS_READ,
        .shape = RNL_UNARY,
        .on_message = on_get,
        .on_ahead = rnl_job_ahead_get,
    },
    {
        .name = "runnel.v1.JobService/ListJobs",
        .scope = RNL_SCOPE_JOBS_READ,
        .shape = RNL_UNARY,
        .on_message = on_list,
        .on_ahead = rnl_job_ahead_list,
    },
    {
        .name = "runnel.v1.JobService/CancelJob",
        .scope = RNL_SCOPE_JOBS_WRITE,
        .shape = RNL_UNARY,
        .on_message = on_cancel,
        .on_close = on_close,
    },
    {
        .name = "runnel.v1.JobService/DeleteJob",
        .scope = RNL_SCOPE_JOBS_WRITE,
        .shape = RNL_UNARY,
        .on_message = on_delete,
        .on_close = on_close,
    },
    {
        .name = "runnel.v1.JobService/WatchJob",
        .scope = RNL_SCOPE_JOBS_READ,
        .shape = RNL_SERVER_STREAM,
        .on_message = rnl_watch_on_message,
        .on_writable = rnl_watch_on_writable,
        .on_close = rnl_watch_on_close,
    },
};

const struct rnl_service rnl_job_service = {
    .methods = methods,
    .method_count = sizeof(methods) / sizeof(methods[0]),
};
