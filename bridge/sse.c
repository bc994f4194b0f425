/* SPDX-License-Identifier: Apache-2.0 */
#include "sse.h"

#include <inttypes.h>
#include <string.h>

#include "alloc.h"
#include "bridge.h"
#include "pbjson.h"
#include "worker.h"

#define EVENT_BYTES_MAX 4096

/* A piece in another format may be longer by the names of its events. */
#define PIECE_BYTES_MAX ((size_t)128 << 20)

/* An answer; in the request's pool. */
struct sse {
    struct rnl_streaming streaming;
    struct rnl_member member;
    enum rnl_event_format format;
};

/* --- requests --- */

static bool refuse_cursor(struct rnl_exchange *exchange, const char *field)
{
    struct rnl_pbjson_error error = {
        .what = "must be the id of an event of this path, such as 7"};
    snprintf(error.field, sizeof(error.field), "%s", field);
    rnl_exchange_fail_mapping(exchange, RNL_INVALID_ARGUMENT, &error);
    return false;
}

static bool take_id(struct rnl_exchange *exchange, const char *field,
                    h2o_iovec_t id, size_t count_max, struct rnl_cursor *cursor)
{
    if (rnl_cursor_parse(id.base, id.len, cursor) &&
        cursor->count <= count_max && (count_max > 1 || !cursor->over[0]))
        return true;
    return refuse_cursor(exchange, field);
}

bool rnl_sse_take_cursor(struct rnl_exchange *exchange, size_t count_max,
                         struct rnl_cursor *ret_cursor)
{
    const h2o_iovec_t *header = rnl_exchange_header(exchange, "last-event-id");
    const char *after = rnl_query_get(&exchange->query, "after");
    *ret_cursor = (struct rnl_cursor){0};
    if (after != NULL &&
        !take_id(exchange, "after", h2o_iovec_init(after, strlen(after)),
                 count_max, ret_cursor))
        return false;
    return header == NULL || header->len == 0 ||
           take_id(exchange, "Last-Event-ID", *header, count_max, ret_cursor);
}

enum rnl_event_format rnl_sse_format(const struct rnl_exchange *exchange)
{
    const h2o_iovec_t *accept = rnl_exchange_header(exchange, "accept");
    return accept == NULL ? RNL_EVENT_FORMAT_SSE
                          : rnl_event_format_of(accept->base, accept->len);
}

void rnl_sse_fail_full(struct rnl_exchange *exchange)
{
    rnl_exchange_fail_text(exchange, 0, RNL_RESOURCE_EXHAUSTED,
                           "too many jobs and streams are followed already, "
                           "or memory is out");
}

/* --- events --- */

void rnl_sse_put(struct rnl_text *text, const char *id, const char *event,
                 const struct rnl_text *data)
{
    const struct rnl_event_text parts = {
        .name = event,
        .name_len = strlen(event),
        .id = id,
        .id_len = strlen(id),
        .has_id = *id != '\0',
        .data = data->data,
        .data_len = data->len,
    };
    rnl_event_text_put(text, RNL_EVENT_FORMAT_SSE, &parts);
    if (data->failed)
        text->failed = true;
}

bool rnl_sse_is_reset(const struct rnl_status_info *status)
{
    switch (status->code) {
    case RNL_NOT_FOUND:
    case RNL_OUT_OF_RANGE:
    case RNL_INVALID_ARGUMENT:
    case RNL_FAILED_PRECONDITION:
    case RNL_PERMISSION_DENIED:
    case RNL_UNAUTHENTICATED:
    case RNL_UNIMPLEMENTED:
        return true;
    default:
        return false;
    }
}

void rnl_sse_put_reason(struct rnl_text *text,
                        const struct rnl_status_info *status)
{
    rnl_text_printf(
        text, "{\"code\":\"%s\",\"reason\":", rnl_code_name(status->code));
    rnl_text_put_json(text, status->message, strlen(status->message));
    if (status->first_available_sequence > 0)
        rnl_text_printf(text, ",\"firstAvailableSequence\":\"%" PRIu64 "\"",
                        status->first_available_sequence);
    rnl_text_put_byte(text, '}');
}

/* "id" without a value empties the client's last event id. */
static struct rnl_piece *make_reset(const struct rnl_status_info *status)
{
    struct rnl_text text, data;
    rnl_text_init(&data, EVENT_BYTES_MAX);
    rnl_text_init(&text, EVENT_BYTES_MAX);
    rnl_sse_put_reason(&data, status);
    rnl_text_puts(&text, "id\n");
    rnl_sse_put(&text, "", "reset", &data);
    rnl_text_fini(&data);
    return rnl_piece_of_text(&text);
}

struct rnl_piece *rnl_sse_retry_piece(enum rnl_event_format format)
{
    static const char retry[] = "retry: " H2O_TO_STR(RNL_RETRY_MS) "\n\n";
    return format == RNL_EVENT_FORMAT_SSE
               ? rnl_piece_create(retry, sizeof(retry) - 1)
               : NULL;
}

/* A piece of the same events in another format; NULL when memory is out. */
static struct rnl_piece *convert(const struct rnl_piece *piece,
                                 enum rnl_event_format format)
{
    struct rnl_text text;
    struct rnl_event_text event;
    const char *at = piece->data;
    rnl_text_init(&text, PIECE_BYTES_MAX);
    while (rnl_event_text_next(&at, piece->data + piece->len, &event))
        rnl_event_text_put(&text, format, &event);
    return rnl_piece_of_text(&text);
}

/* --- the answer --- */

static struct sse *sse_of(struct rnl_member *member)
{
    return H2O_STRUCT_FROM_MEMBER(struct sse, member, member);
}

static bool is_ready(struct rnl_member *member)
{
    return rnl_streaming_ready(&sse_of(member)->streaming);
}

/* Replaces pieces by those in the format; false when memory is out. */
static bool convert_all(struct rnl_piece **pieces, size_t count,
                        enum rnl_event_format format)
{
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        struct rnl_piece *piece = convert(pieces[i], format);
        ok = ok && piece != NULL;
        rnl_piece_unref(pieces[i]);
        pieces[i] = piece;
    }
    for (size_t i = 0; i < count && !ok; i++)
        rnl_piece_unref(pieces[i]);
    return ok;
}

/* When memory is out the answer ends, and the client goes on with another. */
static void send_pieces(struct rnl_member *member, struct rnl_piece **pieces,
                        size_t count)
{
    struct sse *sse = sse_of(member);
    bool terminal = false;
    for (size_t i = 0; i < count; i++)
        terminal = terminal || pieces[i]->terminal;
    if (sse->format != RNL_EVENT_FORMAT_SSE &&
        !convert_all(pieces, count, sse->format)) {
        rnl_streaming_finish(&sse->streaming, true);
        return;
    }
    rnl_streaming_send(&sse->streaming, pieces, count);
    if (terminal)
        rnl_streaming_finish(&sse->streaming, false);
}

/* Ends the answer, after one last piece (taken over) unless it is NULL. */
static void finish(struct sse *sse, struct rnl_piece *piece)
{
    if (piece == NULL) {
        rnl_streaming_finish(&sse->streaming, false);
        return;
    }
    piece->terminal = true;
    rnl_member_push(&sse->member, piece);
    rnl_member_pump(&sse->member);
}

/* What was watched is there no longer, or not in the order that the client
 * knows: it must begin anew. Anything else ends the answer, and the client
 * connects again and goes on. */
static void on_over(struct rnl_member *member,
                    const struct rnl_status_info *status)
{
    finish(sse_of(member),
           rnl_sse_is_reset(status) ? make_reset(status) : NULL);
}

static const struct rnl_member_sink sink = {
    .is_ready = is_ready, .send = send_pieces, .on_over = on_over};

static void on_ready(struct rnl_streaming *streaming)
{
    struct sse *sse = H2O_STRUCT_FROM_MEMBER(struct sse, streaming, streaming);
    rnl_member_pump(&sse->member);
}

static void on_gone(struct rnl_streaming *streaming)
{
    struct sse *sse = H2O_STRUCT_FROM_MEMBER(struct sse, streaming, streaming);
    rnl_topic_leave(&sse->member);
    rnl_sse_ended(streaming);
}

void rnl_sse_begin(struct rnl_exchange *exchange,
                   struct rnl_streaming *streaming,
                   enum rnl_event_format format)
{
    bool is_sse = format == RNL_EVENT_FORMAT_SSE;
    streaming->keepalive = is_sse ? ": keep-alive\n\n" : "\n";
    rnl_count(&exchange->worker->counters.event_streams_open, 1);
    rnl_streaming_start(streaming, exchange,
                        is_sse ? "text/event-stream" : "application/x-ndjson");
}

void rnl_sse_ended(const struct rnl_streaming *streaming)
{
    rnl_uncount(&streaming->exchange->worker->counters.event_streams_open);
}

static struct sse *create(struct rnl_exchange *exchange, uint64_t after)
{
    struct sse *sse = h2o_mem_alloc_pool(&exchange->req->pool, sizeof(*sse));
    memset(sse, 0, sizeof(*sse));
    sse->format = rnl_sse_format(exchange);
    sse->streaming.on_ready = on_ready;
    sse->streaming.on_gone = on_gone;
    /* Until the answer has begun. */
    sse->streaming.busy = true;
    rnl_member_init(&sse->member, &sink, after, exchange->authorization);
    struct rnl_piece *piece = rnl_sse_retry_piece(sse->format);
    if (piece != NULL)
        rnl_member_push(&sse->member, piece);
    return sse;
}

void rnl_sse_start(struct rnl_exchange *exchange,
                   const struct rnl_sse_source *source)
{
    struct sse *sse = create(exchange, source->after);
    if (rnl_topic_join(exchange->worker, source->kind, source->key,
                       source->request, &sse->member) == RNL_OK) {
        rnl_sse_begin(exchange, &sse->streaming, sse->format);
        return;
    }
    rnl_topic_leave(&sse->member);
    rnl_sse_fail_full(exchange);
}

void rnl_sse_reset(struct rnl_exchange *exchange,
                   const struct rnl_status_info *status)
{
    struct sse *sse = create(exchange, 0);
    rnl_sse_begin(exchange, &sse->streaming, sse->format);
    finish(sse, make_reset(status));
}
