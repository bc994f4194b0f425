/* SPDX-License-Identifier: Apache-2.0 */
#include "sse.h"

#include <inttypes.h>
#include <string.h>

#include "bridge.h"
#include "worker.h"

#define EVENT_BYTES_MAX 4096

/* An answer; in the request's pool. */
struct sse {
    struct rnl_streaming streaming;
    struct rnl_member member;
};

static bool refuse_cursor(struct rnl_exchange *exchange, const char *field)
{
    const struct rnl_pbjson_error error = {.what =
                                               "must be a sequence: a whole "
                                               "number from 0"};
    struct rnl_pbjson_error named = error;
    snprintf(named.field, sizeof(named.field), "%s", field);
    rnl_exchange_fail_mapping(exchange, RNL_INVALID_ARGUMENT, &named);
    return false;
}

bool rnl_sse_take_cursor(struct rnl_exchange *exchange,
                         struct rnl_sse_cursor *ret_cursor)
{
    const h2o_iovec_t *header = rnl_exchange_header(exchange, "last-event-id");
    const char *after = rnl_query_get(&exchange->query, "after");
    *ret_cursor = (struct rnl_sse_cursor){0};
    if (header != NULL && header->len > 0) {
        h2o_iovec_t id =
            h2o_strdup(&exchange->req->pool, header->base, header->len);
        ret_cursor->given = true;
        return rnl_query_number(id.base, 0, UINT64_MAX, &ret_cursor->after) ||
               refuse_cursor(exchange, "Last-Event-ID");
    }
    if (after == NULL)
        return true;
    ret_cursor->given = true;
    return rnl_query_number(after, 0, UINT64_MAX, &ret_cursor->after) ||
           refuse_cursor(exchange, "after");
}

void rnl_sse_put(struct rnl_text *text, uint64_t id, const char *event,
                 const struct rnl_text *data)
{
    if (id > 0)
        rnl_text_printf(text, "id: %" PRIu64 "\n", id);
    rnl_text_printf(text, "event: %s\ndata: ", event);
    rnl_text_put(text, data->data, data->len);
    rnl_text_puts(text, "\n\n");
    if (data->failed)
        text->failed = true;
}

/* "id" without a value empties the client's last event id. */
static struct rnl_frame *make_reset(const char *reason, uint64_t first_sequence)
{
    struct rnl_text text;
    rnl_text_init(&text, EVENT_BYTES_MAX);
    rnl_text_puts(&text, "id\nevent: reset\ndata: {\"reason\":");
    rnl_text_put_json(&text, reason, strlen(reason));
    if (first_sequence > 0)
        rnl_text_printf(&text, ",\"firstAvailableSequence\":\"%" PRIu64 "\"",
                        first_sequence);
    rnl_text_puts(&text, "}\n\n");
    struct rnl_frame *frame =
        text.failed ? NULL : rnl_frame_create(text.data, text.len);
    rnl_text_fini(&text);
    return frame;
}

static void on_ready(struct rnl_streaming *streaming)
{
    struct sse *sse = H2O_STRUCT_FROM_MEMBER(struct sse, streaming, streaming);
    rnl_member_pump(&sse->member);
}

static void on_gone(struct rnl_streaming *streaming)
{
    struct sse *sse = H2O_STRUCT_FROM_MEMBER(struct sse, streaming, streaming);
    rnl_topic_leave(&sse->member);
    rnl_uncount(&streaming->exchange->worker->counters.event_streams_open);
}

/* What was watched is there no longer, or not in the order that the client
 * knows: it must begin anew. Anything else ends the answer, and the client
 * connects again and goes on. */
static void on_over(struct rnl_member *member,
                    const struct rnl_status_info *status)
{
    struct rnl_frame *frame = NULL;
    if (status->code == RNL_NOT_FOUND || status->code == RNL_OUT_OF_RANGE)
        frame = make_reset(status->message, status->first_available_sequence);
    rnl_member_finish(member, frame);
}

static struct sse *start(struct rnl_exchange *exchange, uint64_t after)
{
    static const char retry[] = "retry: " H2O_TO_STR(RNL_RETRY_MS) "\n\n";
    struct sse *sse = h2o_mem_alloc_pool(&exchange->req->pool, sizeof(*sse));
    memset(sse, 0, sizeof(*sse));
    sse->streaming.on_ready = on_ready;
    sse->streaming.on_gone = on_gone;
    sse->streaming.keepalive = ": keep-alive\n\n";
    rnl_member_init(&sse->member, &sse->streaming, after);
    sse->member.on_over = on_over;
    struct rnl_frame *frame = rnl_frame_create(retry, sizeof(retry) - 1);
    if (frame != NULL)
        rnl_member_push(&sse->member, frame);
    rnl_count(&exchange->worker->counters.event_streams_open, 1);
    rnl_exchange_set_header(exchange, "x-accel-buffering", "no");
    rnl_streaming_start(&sse->streaming, exchange, "text/event-stream");
    return sse;
}

void rnl_sse_start(struct rnl_exchange *exchange,
                   const struct rnl_sse_source *source)
{
    struct sse *sse = start(exchange, source->after);
    if (rnl_topic_join(exchange->worker, source->kind, source->key,
                       source->request, &sse->member) != RNL_OK)
        rnl_member_finish(&sse->member, NULL);
}

void rnl_sse_reset(struct rnl_exchange *exchange, const char *reason,
                   uint64_t first_sequence)
{
    struct sse *sse = start(exchange, 0);
    rnl_member_finish(&sse->member, make_reset(reason, first_sequence));
}
