/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Methods whose answer streams. Messages go to the client as it takes them:
 * what it has not taken is not consumed, so that the core stops sending when
 * the credit of this one call is used up. Between core and client nothing is
 * repeated or joined; a client that was cut goes on by a call of its own.
 */
#include <string.h>

#include "alloc.h"
#include "core_link.h"
#include "feed.h"
#include "piece.h"
#include "rpc.h"
#include "rpc_error.h"
#include "sse.h"
#include "streaming.h"
#include "worker.h"

/* Of one message in its envelope: JSON and base64 make several bytes of one. */
#define PIECE_BYTES_MAX ((size_t)128 << 20)

/* An answer; in the request's pool. */
struct stream {
    struct rnl_streaming streaming;
    struct rnl_worker *worker;
    struct rnl_rpc rpc;
    struct rnl_call *call;
    struct rnl_piece_queue queue;
    /* The last piece is in the queue, or was. */
    bool is_over;
};

static struct rnl_piece *take(struct stream *stream)
{
    struct rnl_piece *piece = STAILQ_FIRST(&stream->queue);
    if (piece == NULL)
        return NULL;
    STAILQ_REMOVE_HEAD(&stream->queue, link);
    if (stream->call != NULL)
        rnl_call_consume(stream->call, piece->wire_len);
    return piece;
}

/* Sends once; false when there is nothing, or no room. */
static bool pump_once(struct stream *stream)
{
    struct rnl_piece *pieces[RNL_STREAMING_PIECES_MAX];
    struct rnl_piece *piece;
    size_t count = 0, bytes = 0;
    bool is_last = false;
    if (!rnl_streaming_ready(&stream->streaming))
        return false;
    while (count < RNL_STREAMING_PIECES_MAX && bytes < RNL_MEMBER_BYTES_MAX &&
           (piece = take(stream)) != NULL) {
        is_last = piece->terminal;
        bytes += piece->len;
        pieces[count++] = piece;
    }
    if (count > 0)
        rnl_streaming_send(&stream->streaming, pieces, count);
    if (is_last)
        rnl_streaming_finish(&stream->streaming, false);
    return count > 0;
}

static void pump(struct rnl_streaming *streaming)
{
    struct stream *stream =
        H2O_STRUCT_FROM_MEMBER(struct stream, streaming, streaming);
    while (pump_once(stream))
        ;
}

/* Queues what is in text, which is emptied; false when memory was out. */
static bool push(struct stream *stream, struct rnl_text *text, size_t wire_len,
                 bool terminal)
{
    if (stream->rpc.form.is_text)
        rnl_rpc_to_text(text);
    struct rnl_piece *piece = rnl_piece_of_text(text);
    if (piece == NULL)
        return false;
    piece->wire_len = wire_len;
    piece->terminal = terminal;
    STAILQ_INSERT_TAIL(&stream->queue, piece, link);
    rnl_streaming_wake(&stream->streaming);
    return true;
}

/* The last word, after which nothing of the call counts. */
static void end(struct stream *stream, const struct rnl_problem *problem)
{
    struct rnl_text text;
    if (stream->is_over)
        return;
    stream->is_over = true;
    rnl_text_init(&text, PIECE_BYTES_MAX);
    rnl_rpc_put_end(&text, &stream->rpc.form, problem);
    if (!push(stream, &text, 0, true))
        rnl_streaming_finish(&stream->streaming, true);
}

static void on_message(struct rnl_call *call, const uint8_t *data, size_t len,
                       void *arg)
{
    struct stream *stream = arg;
    const struct rnl_rpc_bytes answer = {data, len};
    struct rnl_text text;
    (void)call;
    if (stream->is_over)
        return;
    rnl_text_init(&text, PIECE_BYTES_MAX);
    size_t at = rnl_rpc_begin(&text);
    enum rnl_code code = rnl_rpc_put_answer(&text, &stream->rpc, answer);
    if (code == RNL_OK)
        rnl_rpc_seal(&text, at, 0);
    if (code == RNL_OK && push(stream, &text, len, false))
        return;
    rnl_text_fini(&text);
    const struct rnl_problem problem = {
        .code = code != RNL_OK ? code : RNL_RESOURCE_EXHAUSTED,
        .detail = "the core's message could not be written"};
    end(stream, &problem);
}

static void on_end(struct rnl_call *call, const struct rnl_status_info *status,
                   void *arg)
{
    struct stream *stream = arg;
    (void)call;
    status = rnl_core_link_status(stream->worker->core, status);
    const struct rnl_problem problem = {
        .code = status->code,
        .detail = status->message,
        .violations = status->violations,
        .violation_count = status->violation_count,
        .retry_delay_ms = status->retry_delay_ms,
        .first_available_sequence = status->first_available_sequence,
    };
    end(stream, status->code == RNL_OK ? NULL : &problem);
}

static void on_drain(struct rnl_streaming *streaming)
{
    static const struct rnl_problem problem = {
        .code = RNL_UNAVAILABLE, .detail = "the bridge is going down"};
    end(H2O_STRUCT_FROM_MEMBER(struct stream, streaming, streaming), &problem);
}

static void on_gone(struct rnl_streaming *streaming)
{
    struct stream *stream =
        H2O_STRUCT_FROM_MEMBER(struct stream, streaming, streaming);
    rnl_call_destroy(stream->call);
    stream->call = NULL;
    stream->worker->feed_count--;
    rnl_uncount(&stream->worker->counters.call_streams_open);
    rnl_piece_queue_drop(&stream->queue);
}

static enum rnl_code start_call(struct rnl_exchange *exchange,
                                struct stream *stream)
{
    struct rnl_call_options options = RNL_OPTIONS_INIT(options);
    if (!rnl_feed_has_room(exchange->worker))
        return RNL_RESOURCE_EXHAUSTED;
    options.timeout_ms = stream->rpc.timeout_ms;
    options.manual_consume = true;
    options.on_message = on_message;
    options.on_end = on_end;
    options.arg = stream;
    return rnl_rpc_start(exchange, &stream->rpc, &options, &stream->call);
}

void rnl_rpc_stream(struct rnl_exchange *exchange, const struct rnl_rpc *rpc)
{
    struct stream *stream =
        h2o_mem_alloc_pool(&exchange->req->pool, sizeof(*stream));
    memset(stream, 0, sizeof(*stream));
    STAILQ_INIT(&stream->queue);
    stream->worker = exchange->worker;
    stream->rpc = *rpc;
    stream->streaming.on_ready = pump;
    stream->streaming.on_gone = on_gone;
    stream->streaming.on_drain = on_drain;
    enum rnl_code code = start_call(exchange, stream);
    if (code == RNL_RESOURCE_EXHAUSTED) {
        rnl_sse_fail_full(exchange);
        return;
    }
    if (code != RNL_OK) {
        rnl_exchange_fail_text(exchange, 0, code, NULL);
        return;
    }
    exchange->worker->feed_count++;
    rnl_count(&exchange->worker->counters.call_streams_open, 1);
    /* It was sent, and its bytes may move (streaming.h). */
    stream->rpc.request = (struct rnl_rpc_bytes){NULL, 0};
    rnl_streaming_start(&stream->streaming, exchange,
                        rnl_rpc_form_type(&stream->rpc.form));
}
