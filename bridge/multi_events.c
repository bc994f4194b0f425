/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/events?job=…&job=…&stream=…: the events of several jobs and streams
 * in one answer, since a browser has six connections an origin. An event is
 * that of the single path, wrapped to tell whose it is:
 *
 *   id: 1f2e3d4c/12,3
 *   event: delta
 *   data: {"job":"01J…","event":{"sequence":"12",…}}
 *
 * Each id holds the cursors of all of them (cursor.h), so that a reconnection
 * to the same URL resumes each. What cannot be continued is a `reset` of that
 * one alone, and begins anew in the same answer; the answer ends when all are
 * over.
 */
#include <string.h>

#include "alloc.h"
#include "core_link.h"
#include "handlers.h"
#include "job_events.h"
#include "jobs.h"
#include "sse.h"
#include "stats_events.h"
#include "worker.h"

#define REASON_BYTES_MAX 4096
#define FRAME_BYTES_MAX  ((size_t)128 << 20)

struct multi;

/* One of what is followed. */
struct subscription {
    struct multi *multi;
    /* "job" or "stream", and which; in the request's pool. */
    const char *type;
    const char *name;
    struct rnl_member member;
    size_t index;
    /* To be joined, at first and after a reset. */
    bool wants_join;
};

/* An answer; in the request's pool. */
struct multi {
    struct rnl_streaming streaming;
    enum rnl_event_format format;
    /* What the newest id says. */
    struct rnl_cursor cursor;
    struct subscription *subs;
    size_t count;
    /* Whose turn it is to send first. */
    size_t turn;
    /* Frames that belong to no topic. */
    struct rnl_frame_queue queue;
    /* Owned by the exchange, for joins. */
    const struct rnl_query *query;
};

static const char *const own_params[] = {"job", "stream", "after", NULL};

/* --- events --- */

/* Appends an event of a subscription; data is NULL when there is none. */
static void put_event(struct subscription *sub, struct rnl_text *text,
                      const struct rnl_event_text *event)
{
    struct rnl_text id, data;
    struct rnl_event_text own = *event;
    rnl_text_init(&id, REASON_BYTES_MAX);
    rnl_text_init(&data, FRAME_BYTES_MAX);
    rnl_cursor_put(&id, &sub->multi->cursor);
    rnl_text_printf(&data, "{\"%s\":", sub->type);
    rnl_text_put_json(&data, sub->name, strlen(sub->name));
    if (event->data != NULL) {
        rnl_text_puts(&data, ",\"event\":");
        rnl_text_put(&data, event->data, event->data_len);
    }
    rnl_text_put_byte(&data, '}');
    own.id = id.data;
    own.id_len = id.len;
    own.has_id = true;
    own.data = data.data;
    own.data_len = data.len;
    if (id.failed || data.failed)
        text->failed = true;
    else
        rnl_event_text_put(text, sub->multi->format, &own);
    rnl_text_fini(&id);
    rnl_text_fini(&data);
}

static bool is_named(const struct rnl_event_text *event, const char *name)
{
    return event->name_len == strlen(name) &&
           memcmp(event->name, name, event->name_len) == 0;
}

/* The same events as they are sent here; NULL when memory is out. */
static struct rnl_frame *wrap(struct subscription *sub,
                              const struct rnl_frame *frame)
{
    struct rnl_text text;
    struct rnl_event_text event;
    struct rnl_cursor *cursor = &sub->multi->cursor;
    const char *at = frame->data;
    rnl_text_init(&text, FRAME_BYTES_MAX);
    if (frame->last_sequence > cursor->after[sub->index])
        cursor->after[sub->index] = frame->last_sequence;
    while (rnl_event_text_next(&at, frame->data + frame->len, &event)) {
        if (is_named(&event, "end"))
            cursor->over[sub->index] = true;
        put_event(sub, &text, &event);
    }
    return rnl_frame_of_text(&text);
}

/* An event of the answer's own; when memory is out it ends. */
static void push_event(struct subscription *sub, const char *name,
                       const struct rnl_text *data)
{
    struct multi *multi = sub->multi;
    struct rnl_text text;
    const struct rnl_event_text event = {
        .name = name,
        .name_len = strlen(name),
        .data = data != NULL ? data->data : NULL,
        .data_len = data != NULL ? data->len : 0};
    rnl_text_init(&text, FRAME_BYTES_MAX);
    put_event(sub, &text, &event);
    struct rnl_frame *frame = rnl_frame_of_text(&text);
    if (frame != NULL)
        STAILQ_INSERT_TAIL(&multi->queue, frame, link);
    else
        rnl_streaming_finish(&multi->streaming, true);
}

/* --- sending --- */

static bool is_over(const struct multi *multi)
{
    for (size_t i = 0; i < multi->count; i++)
        if (!multi->cursor.over[i])
            return false;
    return true;
}

/* Sends frames of the answer's own; ends it when nothing is left. */
static void send_own(struct multi *multi)
{
    struct rnl_frame *frames[RNL_STREAMING_FRAMES_MAX];
    struct rnl_frame *frame;
    size_t count = 0;
    if (!rnl_streaming_ready(&multi->streaming))
        return;
    while (count < RNL_STREAMING_FRAMES_MAX &&
           (frame = STAILQ_FIRST(&multi->queue)) != NULL) {
        STAILQ_REMOVE_HEAD(&multi->queue, link);
        frames[count++] = frame;
    }
    if (count > 0)
        rnl_streaming_send(&multi->streaming, frames, count);
    else if (is_over(multi))
        rnl_streaming_finish(&multi->streaming, false);
}

static struct subscription *sub_of(struct rnl_member *member)
{
    return H2O_STRUCT_FROM_MEMBER(struct subscription, member, member);
}

/* Own frames go first: a `reset` before what begins anew. */
static bool is_ready(struct rnl_member *member)
{
    const struct multi *multi = sub_of(member)->multi;
    return rnl_streaming_ready(&multi->streaming) &&
           STAILQ_EMPTY(&multi->queue);
}

static void send_frames(struct rnl_member *member, struct rnl_frame **frames,
                        size_t count)
{
    struct subscription *sub = sub_of(member);
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        struct rnl_frame *own = wrap(sub, frames[i]);
        ok = ok && own != NULL;
        rnl_frame_unref(frames[i]);
        frames[i] = own;
    }
    if (ok) {
        rnl_streaming_send(&sub->multi->streaming, frames, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        rnl_frame_unref(frames[i]);
    rnl_streaming_finish(&sub->multi->streaming, true);
}

/* The job or stream is gone, or must be followed from elsewhere. */
static void reset(struct subscription *sub,
                  const struct rnl_status_info *status)
{
    struct multi *multi = sub->multi;
    struct rnl_cursor *cursor = &multi->cursor;
    uint64_t first = status->first_available_sequence;
    struct rnl_text data;
    rnl_cursor_epoch(
        rnl_core_link_epoch(multi->streaming.exchange->worker->core),
        cursor->epoch);
    cursor->over[sub->index] = status->code != RNL_OUT_OF_RANGE;
    cursor->after[sub->index] = first > 0 ? first - 1 : 0;
    sub->wants_join = status->code == RNL_OUT_OF_RANGE;
    rnl_text_init(&data, REASON_BYTES_MAX);
    rnl_sse_put_reason(&data, status);
    push_event(sub, "reset", &data);
    rnl_text_fini(&data);
}

/* A job that had ended where the client was has nothing to send but that. */
static void on_over(struct rnl_member *member,
                    const struct rnl_status_info *status)
{
    struct subscription *sub = sub_of(member);
    struct multi *multi = sub->multi;
    bool *over = &multi->cursor.over[sub->index];
    if (rnl_sse_is_reset(status)) {
        reset(sub, status);
    } else if (status->code != RNL_OK) {
        rnl_streaming_finish(&multi->streaming, false);
        return;
    } else if (!*over) {
        *over = true;
        push_event(sub, "end", NULL);
    }
    send_own(multi);
}

static const struct rnl_member_sink sink = {
    .is_ready = is_ready, .send = send_frames, .on_over = on_over};

/* --- joining --- */

static enum rnl_code make_source(const struct subscription *sub,
                                 struct rnl_text *key,
                                 ProtobufCMessage **ret_request,
                                 struct rnl_pbjson_error *error)
{
    if (strcmp(sub->type, "job") == 0) {
        rnl_text_init(key, RNL_QUERY_VALUE_MAX);
        rnl_text_put(key, sub->name, strlen(sub->name) + 1);
        *ret_request = rnl_watch_job_request(sub->name);
        return *ret_request != NULL && !key->failed ? RNL_OK
                                                    : RNL_RESOURCE_EXHAUSTED;
    }
    enum rnl_code code = rnl_stats_events_request(
        sub->multi->query, sub->name, own_params, ret_request, error);
    return code == RNL_OK ? rnl_stats_events_key(*ret_request, key) : code;
}

static enum rnl_code join(struct subscription *sub,
                          struct rnl_pbjson_error *error)
{
    struct rnl_text key = {0};
    ProtobufCMessage *request = NULL;
    sub->wants_join = false;
    rnl_member_init(&sub->member, &sink, sub->multi->cursor.after[sub->index]);
    enum rnl_code code = make_source(sub, &key, &request, error);
    if (code == RNL_OK)
        code = rnl_topic_join(sub->multi->streaming.exchange->worker,
                              strcmp(sub->type, "job") == 0 ? &rnl_job_events
                                                            : &rnl_stats_events,
                              key.data, request, &sub->member);
    else
        rnl_pbjson_free(request);
    rnl_text_fini(&key);
    return code;
}

/* --- the answer --- */

/* One send, of whoever has something; the turn goes round. */
static void on_ready(struct rnl_streaming *streaming)
{
    struct multi *multi =
        H2O_STRUCT_FROM_MEMBER(struct multi, streaming, streaming);
    struct rnl_pbjson_error error;
    send_own(multi);
    for (size_t i = 0; i < multi->count; i++) {
        struct subscription *sub =
            &multi->subs[(multi->turn + i) % multi->count];
        if (!rnl_streaming_ready(streaming))
            break;
        if (sub->wants_join && join(sub, &error) != RNL_OK)
            rnl_streaming_finish(streaming, false);
        else if (multi->cursor.over[sub->index])
            rnl_topic_leave(&sub->member);
        else
            rnl_member_pump(&sub->member);
    }
    multi->turn = (multi->turn + 1) % multi->count;
}

static void leave_all(struct multi *multi)
{
    for (size_t i = 0; i < multi->count; i++)
        rnl_topic_leave(&multi->subs[i].member);
    rnl_frame_queue_drop(&multi->queue);
}

static void on_gone(struct rnl_streaming *streaming)
{
    struct multi *multi =
        H2O_STRUCT_FROM_MEMBER(struct multi, streaming, streaming);
    leave_all(multi);
    rnl_sse_ended(streaming);
}

/* --- the request --- */

static bool fail(struct rnl_exchange *exchange, const char *field,
                 const char *what)
{
    struct rnl_pbjson_error error;
    snprintf(error.field, sizeof(error.field), "%s", field);
    snprintf(error.what, sizeof(error.what), "%s", what);
    rnl_exchange_fail_mapping(exchange, RNL_INVALID_ARGUMENT, &error);
    return false;
}

static bool is_known(const struct multi *multi, const char *type,
                     const char *name)
{
    for (size_t i = 0; i < multi->count; i++)
        if (strcmp(multi->subs[i].type, type) == 0 &&
            strcmp(multi->subs[i].name, name) == 0)
            return true;
    return false;
}

/* Takes the names in the order of the query, which ids follow. */
static bool take_names(struct rnl_exchange *exchange, struct multi *multi)
{
    for (size_t i = 0; i < exchange->query.count; i++) {
        const struct rnl_query_param *param = &exchange->query.params[i];
        bool is_job = strcmp(param->name, "job") == 0;
        if (!is_job && strcmp(param->name, "stream") != 0)
            continue;
        const char *type = is_job ? "job" : "stream";
        if (*param->value == '\0' ||
            strlen(param->value) >= RNL_QUERY_VALUE_MAX)
            return fail(exchange, type, "must be a name of 1 to 255 bytes");
        if (is_known(multi, type, param->value))
            return fail(exchange, type, "is given twice");
        if (multi->count == RNL_CURSOR_MAX)
            return fail(exchange, type, "a connection follows at most 64");
        struct subscription *sub = &multi->subs[multi->count];
        *sub = (struct subscription){.multi = multi,
                                     .type = type,
                                     .name = param->value,
                                     .index = multi->count,
                                     .wants_join = true};
        rnl_member_init(&sub->member, &sink, 0);
        multi->count++;
    }
    return multi->count > 0 ||
           fail(exchange, "job", "name at least one job or stream to follow");
}

static bool take_cursor(struct rnl_exchange *exchange, struct multi *multi)
{
    struct rnl_cursor *cursor = &multi->cursor;
    char epoch[RNL_CURSOR_EPOCH_LEN + 1];
    if (!rnl_sse_take_cursor(exchange, RNL_CURSOR_MAX, cursor))
        return false;
    if (cursor->given && cursor->count != multi->count)
        return fail(exchange, "Last-Event-ID",
                    "is of another list of jobs and streams");
    cursor->count = multi->count;
    rnl_cursor_epoch(rnl_core_link_epoch(exchange->worker->core), epoch);
    bool is_of_epoch =
        cursor->epoch[0] == '\0' || strcmp(cursor->epoch, epoch) == 0;
    memcpy(cursor->epoch, epoch, sizeof(epoch));
    for (size_t i = 0; i < multi->count; i++) {
        static const struct rnl_status_info anew = {
            .code = RNL_OUT_OF_RANGE, .message = RNL_STATS_EVENTS_ANEW};
        struct subscription *sub = &multi->subs[i];
        if (cursor->over[i])
            sub->wants_join = false;
        else if (!is_of_epoch && strcmp(sub->type, "stream") == 0)
            reset(sub, &anew);
    }
    return true;
}

static struct multi *create(struct rnl_exchange *exchange)
{
    h2o_mem_pool_t *pool = &exchange->req->pool;
    struct multi *multi = h2o_mem_alloc_pool(pool, sizeof(*multi));
    memset(multi, 0, sizeof(*multi));
    multi->subs =
        h2o_mem_alloc_pool(pool, RNL_CURSOR_MAX * sizeof(*multi->subs));
    multi->format = rnl_sse_format(exchange);
    multi->query = &exchange->query;
    multi->streaming.exchange = exchange;
    multi->streaming.on_ready = on_ready;
    multi->streaming.on_gone = on_gone;
    /* Until the answer has begun. */
    multi->streaming.busy = true;
    STAILQ_INIT(&multi->queue);
    struct rnl_frame *frame = rnl_sse_retry_frame(multi->format);
    if (frame != NULL)
        STAILQ_INSERT_TAIL(&multi->queue, frame, link);
    return multi;
}

/* Joins all, so that what is wrong with one is an answer and not an end. */
static bool join_all(struct rnl_exchange *exchange, struct multi *multi)
{
    struct rnl_pbjson_error error = {"", ""};
    for (size_t i = 0; i < multi->count; i++) {
        struct subscription *sub = &multi->subs[i];
        enum rnl_code code = sub->wants_join ? join(sub, &error) : RNL_OK;
        if (code == RNL_OK)
            continue;
        if (code == RNL_RESOURCE_EXHAUSTED)
            rnl_sse_fail_full(exchange);
        else
            rnl_exchange_fail_mapping(exchange, code, &error);
        return false;
    }
    return true;
}

void rnl_handle_events(struct rnl_exchange *exchange)
{
    if (!rnl_core_link_ready(exchange->worker->core)) {
        rnl_exchange_fail_text(exchange, 0, RNL_UNAVAILABLE,
                               "the core is not connected");
        return;
    }
    struct multi *multi = create(exchange);
    if (!take_names(exchange, multi) || !take_cursor(exchange, multi)) {
        leave_all(multi);
    } else if (is_over(multi)) {
        leave_all(multi);
        rnl_exchange_reply(exchange, 204, NULL, "", 0);
    } else if (join_all(exchange, multi)) {
        rnl_sse_begin(exchange, &multi->streaming, multi->format);
    } else {
        leave_all(multi);
    }
}
