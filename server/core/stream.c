/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call's life:
 *
 *   create -> frames in, messages out -> end -> Status written ("sent")
 *                                           \-> on_close called ("closed")
 *
 * The two ends come in either order, and the last of them frees the stream.
 */
#include <assert.h>
#include <string.h>

#include <runnel/v1/frame.pb-c.h>

#include "alloc.h"
#include "measure.h"
#include "session_private.h"
#include "tokens.h"

#define TABLE_CAP_FIRST 16
#define NS_PER_MS       INT64_C(1000000)

_Static_assert((RNL_STREAM_ITEMS_INLINE & (RNL_STREAM_ITEMS_INLINE - 1)) == 0,
               "the queue's capacity is a power of two");

/* --- the table of a session's streams --- */

static size_t slot_of(const struct rnl_session *session, uint32_t id)
{
    return (id >> 1) & (session->table_cap - 1);
}

/* A table that cannot grow is only slower. */
static void grow_table(struct rnl_session *session)
{
    size_t cap =
        session->table_cap == 0 ? TABLE_CAP_FIRST : session->table_cap * 2;
    struct rnl_stream **table = rnl_calloc(cap, sizeof(table[0]));
    if (table == NULL)
        return;
    struct rnl_stream **old = session->table;
    size_t old_cap = session->table_cap;
    session->table = table;
    session->table_cap = cap;
    for (size_t i = 0; i < old_cap; i++) {
        while (old[i] != NULL) {
            struct rnl_stream *stream = old[i];
            old[i] = stream->hash_next;
            size_t slot = slot_of(session, stream->id);
            stream->hash_next = table[slot];
            table[slot] = stream;
        }
    }
    rnl_free(old);
}

struct rnl_stream *rnl_stream_find(const struct rnl_session *session,
                                   uint32_t id)
{
    if (session->table_cap == 0)
        return NULL;
    struct rnl_stream *stream = session->table[slot_of(session, id)];
    while (stream != NULL && stream->id != id)
        stream = stream->hash_next;
    return stream;
}

static void table_remove(struct rnl_session *session, struct rnl_stream *stream)
{
    struct rnl_stream **at = &session->table[slot_of(session, stream->id)];
    while (*at != stream)
        at = &(*at)->hash_next;
    *at = stream->hash_next;
    session->stream_count--;
    session->core->rpc->stream_count--;
}

static bool table_add(struct rnl_session *session, struct rnl_stream *stream)
{
    if (session->stream_count >= session->table_cap)
        grow_table(session);
    if (session->table_cap == 0)
        return false;
    size_t slot = slot_of(session, stream->id);
    stream->hash_next = session->table[slot];
    session->table[slot] = stream;
    session->stream_count++;
    session->core->rpc->stream_count++;
    return true;
}

/* --- begin and end --- */

static void on_deadline(struct rnl_timer *timer, void *arg)
{
    (void)timer;
    rnl_stream_end(arg, RNL_DEADLINE_EXCEEDED, "the call's deadline has passed",
                   true);
}

enum rnl_code rnl_stream_create(struct rnl_session *session, uint32_t id,
                                const struct rnl_method *method,
                                struct rnl_stream **ret_stream)
{
    struct rnl_stream *stream = rnl_malloc(sizeof(*stream));
    if (stream == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    *stream = (struct rnl_stream){
        .session = session,
        .method = method,
        .id = id,
        .item_cap = RNL_STREAM_ITEMS_INLINE,
        .send_balance = session->peer_credit,
        .receive_balance = RNL_CREDIT_BYTES_DEFAULT,
        .deadline = {.fire = on_deadline, .arg = stream},
        .start_ns = rnl_core_clock(session->core),
    };
    stream->items = stream->items_inline;
    if (!table_add(session, stream)) {
        rnl_free(stream);
        return RNL_RESOURCE_EXHAUSTED;
    }
    *ret_stream = stream;
    return RNL_OK;
}

static void free_stream(struct rnl_stream *stream)
{
    assert(stream->event == RNL_EVENT_NONE && !stream->is_ready);
    rnl_timer_stop(&stream->session->core->timers, &stream->deadline);
    rnl_stream_drop_request(stream);
    rnl_buf_unref(stream->status);
    if (stream->items != stream->items_inline)
        rnl_free(stream->items);
    rnl_free(stream->metadata);
    rnl_token_unref(stream->token);
    rnl_free(stream);
}

void rnl_stream_drop_request(struct rnl_stream *stream)
{
    stream->session->request_bytes -= stream->request_len;
    rnl_free(stream->request);
    stream->request = NULL;
    stream->request_len = 0;
}

static void drop_items(struct rnl_stream *stream)
{
    while (stream->item_count > 0)
        rnl_buf_unref(rnl_stream_take_item(stream));
}

/* A Status without text is written from its code; so is one whose text finds
 * no memory. */
static struct rnl_buf *encode_status(enum rnl_code code, const char *text)
{
    if (*text == '\0')
        return NULL;
    Runnel__V1__Status status = RUNNEL__V1__STATUS__INIT;
    status.code = (Runnel__V1__Code)code;
    status.message = (char *)text;
    return rnl_buf_pack(&status.base);
}

static void note_close(struct rnl_stream *stream)
{
    struct rnl_session *session = stream->session;
    if (stream->closed || stream->event == RNL_EVENT_CLOSING)
        return;
    if (stream->event == RNL_EVENT_WAITING)
        TAILQ_REMOVE(&session->waiting, stream, event_link);
    stream->event = RNL_EVENT_CLOSING;
    TAILQ_INSERT_TAIL(&session->closing, stream, event_link);
    rnl_session_mark_pending(session);
}

void rnl_stream_end_encoded(struct rnl_stream *stream, enum rnl_code code,
                            struct rnl_buf *status, bool drop)
{
    if (stream->sent || (stream->finished && !drop)) {
        rnl_buf_unref(status);
        return;
    }
    rnl_buf_unref(stream->status);
    stream->status = status;
    stream->final_code = code;
    stream->finished = true;
    if (drop)
        drop_items(stream);
    note_close(stream);
    rnl_stream_update_ready(stream);
}

void rnl_stream_end(struct rnl_stream *stream, enum rnl_code code,
                    const char *text, bool drop)
{
    rnl_stream_end_encoded(stream, code, encode_status(code, text), drop);
}

static void leave_ready(struct rnl_stream *stream)
{
    if (!stream->is_ready)
        return;
    struct rnl_session *session = stream->session;
    TAILQ_REMOVE(&session->ready, stream, ready_link);
    session->ready_bytes -= stream->queued_bytes;
    stream->is_ready = false;
}

void rnl_stream_sent(struct rnl_stream *stream)
{
    leave_ready(stream);
    table_remove(stream->session, stream);
    stream->sent = true;
    if (stream->closed)
        free_stream(stream);
}

void rnl_stream_abandon(struct rnl_stream *stream, enum rnl_code code)
{
    drop_items(stream);
    stream->finished = true;
    stream->final_code = code;
    note_close(stream);
    rnl_stream_sent(stream);
}

/* A stream of messages lasts as long as its client wants: its time tells
 * nothing about the server. */
static void measure(const struct rnl_stream *stream)
{
    const struct rnl_core *core = stream->session->core;
    const enum rnl_code code = stream->final_code;
    struct rnl_measured call = {
        .name = stream->method->name,
        .suffix = code == RNL_OK ? NULL : rnl_code_name((int)code),
        .has_latency = stream->method->shape == RNL_UNARY,
    };
    if (call.has_latency)
        call.latency_ms =
            (double)(rnl_core_clock(core) - stream->start_ns) / 1e6;
    rnl_streams_measure(core->streams, RNL_MEASURE_RPC, &call);
}

void rnl_stream_close(struct rnl_stream *stream)
{
    TAILQ_REMOVE(&stream->session->closing, stream, event_link);
    stream->event = RNL_EVENT_NONE;
    stream->closed = true;
    if (stream->called && stream->method->on_close != NULL)
        stream->method->on_close(stream, stream->final_code);
    measure(stream);
    if (stream->sent)
        free_stream(stream);
}

enum rnl_code rnl_stream_start_deadline(struct rnl_stream *stream,
                                        uint32_t timeout_ms)
{
    struct rnl_core *core = stream->session->core;
    return rnl_timer_start(&core->timers, &stream->deadline,
                           core->now_ns + timeout_ms * NS_PER_MS);
}

/* --- the queue --- */

static bool reserve_item(struct rnl_stream *stream)
{
    if (stream->item_count < stream->item_cap)
        return true;
    size_t cap = stream->item_cap * 2;
    struct rnl_buf **items = rnl_malloc(cap * sizeof(items[0]));
    if (items == NULL)
        return false;
    for (size_t i = 0; i < stream->item_count; i++)
        items[i] =
            stream->items[(stream->item_head + i) & (stream->item_cap - 1)];
    if (stream->items != stream->items_inline)
        rnl_free(stream->items);
    stream->items = items;
    stream->item_cap = cap;
    stream->item_head = 0;
    return true;
}

bool rnl_stream_put_item(struct rnl_stream *stream, struct rnl_buf *buf)
{
    struct rnl_session *session = stream->session;
    if (!reserve_item(stream))
        return false;
    size_t index =
        (stream->item_head + stream->item_count++) & (stream->item_cap - 1);
    stream->items[index] = buf;
    stream->queued_bytes += buf->len;
    session->queued_bytes += buf->len;
    if (stream->is_ready)
        session->ready_bytes += buf->len;
    rnl_stream_update_ready(stream);
    return true;
}

struct rnl_buf *rnl_stream_take_item(struct rnl_stream *stream)
{
    struct rnl_session *session = stream->session;
    struct rnl_buf *buf = stream->items[stream->item_head];
    stream->item_head = (stream->item_head + 1) & (stream->item_cap - 1);
    stream->item_count--;
    stream->queued_bytes -= buf->len;
    session->queued_bytes -= buf->len;
    if (stream->is_ready)
        session->ready_bytes -= buf->len;
    stream->send_balance -= buf->len;
    return buf;
}

void rnl_stream_update_ready(struct rnl_stream *stream)
{
    struct rnl_session *session = stream->session;
    bool ready =
        stream->item_count > 0 ? stream->send_balance > 0 : stream->finished;
    if (!ready || stream->sent) {
        leave_ready(stream);
        return;
    }
    if (!stream->is_ready) {
        stream->is_ready = true;
        session->ready_bytes += stream->queued_bytes;
        TAILQ_INSERT_TAIL(&session->ready, stream, ready_link);
    }
    rnl_session_announce(session);
}

/* --- credit --- */

bool rnl_stream_has_credit(const struct rnl_stream *stream)
{
    return stream->send_balance > (int64_t)stream->queued_bytes;
}

void rnl_stream_update_waiting(struct rnl_stream *stream)
{
    struct rnl_session *session = stream->session;
    if (!stream->wants_room || stream->finished ||
        stream->event != RNL_EVENT_NONE || !rnl_stream_has_credit(stream))
        return;
    stream->event = RNL_EVENT_WAITING;
    TAILQ_INSERT_TAIL(&session->waiting, stream, event_link);
    if (rnl_session_backlog(session) < RNL_SESSION_OUTPUT_BYTES_MAX)
        rnl_session_mark_pending(session);
}

void rnl_stream_return_credit(struct rnl_stream *stream)
{
    if (stream->finished || stream->half_closed || stream->held ||
        stream->credit_owed < RNL_CREDIT_BYTES_DEFAULT / 2 ||
        !rnl_stream_has_credit(stream))
        return;
    Runnel__V1__Credit credit = RUNNEL__V1__CREDIT__INIT;
    credit.bytes = stream->credit_owed;
    uint8_t body[16];
    size_t len = runnel__v1__credit__pack(&credit, body);
    rnl_session_put_control(stream->session, stream->id, RNL_FRAME_CREDIT,
                            (struct rnl_bytes){body, len});
    stream->receive_balance += stream->credit_owed;
    stream->credit_owed = 0;
}

void rnl_stream_hold(struct rnl_stream *stream, bool held)
{
    stream->held = held;
    rnl_stream_return_credit(stream);
}
