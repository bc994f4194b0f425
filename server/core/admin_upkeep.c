/* SPDX-License-Identifier: Apache-2.0 */
#include "admin_upkeep.h"

#include <runnel/v1/admin.pb-c.h>

#include "alloc.h"
#include "core.h"
#include "upkeep.h"

/* Around the data of a BackupResponse: two fields' heads and a number. */
#define RESPONSE_OVERHEAD 32

/* A call that has begun a task. */
struct upkeep_call {
    struct rnl_upkeep_task task;
    struct rnl_upkeep *upkeep;
    struct rnl_stream *stream;
    enum rnl_upkeep_kind kind;
    /* No report will come: cancelling would hit another's task. */
    bool ended;
    /* Backup: what of the piece has not been sent. */
    const uint8_t *data;
    size_t len;
    uint64_t total_bytes;
};

/* ---- reports ---- */

static void reply_check(struct upkeep_call *call,
                        const struct rnl_upkeep_report *report)
{
    Runnel__V1__CheckStoreResponse response =
        RUNNEL__V1__CHECK_STORE_RESPONSE__INIT;
    char *problems[RNL_UPKEEP_PROBLEMS_MAX];
    response.jobs = report->jobs;
    response.events = report->events;
    response.problem_count = report->problem_count;
    response.problems = problems;
    while (response.n_problems < report->problem_count &&
           response.n_problems < RNL_UPKEEP_PROBLEMS_MAX) {
        problems[response.n_problems] = report->problems[response.n_problems];
        response.n_problems++;
    }
    rnl_stream_reply(call->stream, &response.base);
}

static void reply_compact(struct upkeep_call *call,
                          const struct rnl_upkeep_report *report)
{
    Runnel__V1__CompactStoreResponse response =
        RUNNEL__V1__COMPACT_STORE_RESPONSE__INIT;
    response.bytes_before = report->bytes_before;
    response.bytes_after = report->bytes_after;
    rnl_stream_reply(call->stream, &response.base);
}

/* Sends of the piece what there is room for, and asks for the next. */
static void send_piece(struct upkeep_call *call)
{
    size_t max = rnl_stream_message_max(call->stream) - RESPONSE_OVERHEAD;
    if (call->len == 0)
        return;
    while (call->len > 0 && rnl_stream_writable(call->stream)) {
        Runnel__V1__BackupResponse response = RUNNEL__V1__BACKUP_RESPONSE__INIT;
        response.total_bytes = call->total_bytes;
        response.data.data = (uint8_t *)(uintptr_t)call->data;
        response.data.len = call->len < max ? call->len : max;
        rnl_stream_send(call->stream, &response.base);
        call->data += response.data.len;
        call->len -= response.data.len;
    }
    if (call->len == 0)
        call->upkeep->ops->more(call->upkeep);
}

static void on_report(struct rnl_upkeep_task *task,
                      const struct rnl_upkeep_report *report)
{
    struct upkeep_call *call = (struct upkeep_call *)task;
    call->ended = report->done;
    if (!report->done) {
        call->data = report->data;
        call->len = report->len;
        call->total_bytes = report->total_bytes;
        send_piece(call);
    } else if (report->code != RNL_OK) {
        rnl_stream_finish(call->stream, report->code, "%s", report->error);
    } else if (call->kind == RNL_UPKEEP_CHECK) {
        reply_check(call, report);
    } else if (call->kind == RNL_UPKEEP_COMPACT) {
        reply_compact(call, report);
    } else {
        rnl_stream_finish(call->stream, RNL_OK, NULL);
    }
}

/* ---- calls ---- */

static void begin(struct rnl_stream *stream, enum rnl_upkeep_kind kind)
{
    struct rnl_upkeep *upkeep = rnl_stream_core(stream)->options.upkeep;
    if (upkeep == NULL) {
        rnl_stream_finish(stream, RNL_FAILED_PRECONDITION,
                          "the store is in memory: there are no files");
        return;
    }
    struct upkeep_call *call = rnl_calloc(1, sizeof(*call));
    if (call == NULL) {
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED, "memory is out");
        return;
    }
    *call = (struct upkeep_call){
        .task = {.report = on_report},
        .upkeep = upkeep,
        .stream = stream,
        .kind = kind,
    };
    enum rnl_code code = upkeep->ops->begin(upkeep, kind, &call->task);
    if (code == RNL_OK) {
        rnl_stream_set_state(stream, call);
        return;
    }
    rnl_free(call);
    rnl_stream_finish(stream, code, "%s",
                      code == RNL_FAILED_PRECONDITION
                          ? "a backup, check or compaction is running: try "
                            "again when it has ended"
                          : rnl_code_text((int)code));
}

/* None of the requests says anything. */
static bool can_read(struct rnl_stream *stream,
                     const ProtobufCMessageDescriptor *descriptor,
                     const uint8_t *data, size_t len)
{
    void *request = rnl_stream_unpack(stream, descriptor, data, len);
    rnl_request_free(request);
    return request != NULL;
}

static void on_backup(struct rnl_stream *stream, const uint8_t *data,
                      size_t len)
{
    if (can_read(stream, &runnel__v1__backup_request__descriptor, data, len))
        begin(stream, RNL_UPKEEP_BACKUP);
}

static void on_check(struct rnl_stream *stream, const uint8_t *data, size_t len)
{
    if (can_read(stream, &runnel__v1__check_store_request__descriptor, data,
                 len))
        begin(stream, RNL_UPKEEP_CHECK);
}

static void on_compact(struct rnl_stream *stream, const uint8_t *data,
                       size_t len)
{
    if (can_read(stream, &runnel__v1__compact_store_request__descriptor, data,
                 len))
        begin(stream, RNL_UPKEEP_COMPACT);
}

static void on_writable(struct rnl_stream *stream)
{
    struct upkeep_call *call = rnl_stream_state(stream);
    if (call != NULL)
        send_piece(call);
}

static void on_close(struct rnl_stream *stream, enum rnl_code code)
{
    (void)code;
    struct upkeep_call *call = rnl_stream_state(stream);
    if (call != NULL && !call->ended)
        call->upkeep->ops->cancel(call->upkeep);
    rnl_free(call);
}

/* The server would wait for it, or cut it off without a word. */
static void on_drain(struct rnl_stream *stream)
{
    rnl_stream_finish(stream, RNL_UNAVAILABLE, "the server is going down");
}

static const struct rnl_method methods[] = {
    {.name = "runnel.v1.AdminService/Backup",
     .scope = RNL_SCOPE_ADMIN,
     .shape = RNL_SERVER_STREAM,
     .on_message = on_backup,
     .on_writable = on_writable,
     .on_close = on_close},
    {.name = "runnel.v1.AdminService/CheckStore",
     .scope = RNL_SCOPE_ADMIN,
     .shape = RNL_UNARY,
     .on_message = on_check,
     .on_close = on_close,
     .on_drain = on_drain},
    {.name = "runnel.v1.AdminService/CompactStore",
     .scope = RNL_SCOPE_ADMIN,
     .shape = RNL_UNARY,
     .on_message = on_compact,
     .on_close = on_close,
     .on_drain = on_drain},
};

const struct rnl_service rnl_admin_upkeep_service = {
    methods, sizeof(methods) / sizeof(methods[0])};
