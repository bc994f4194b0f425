/* SPDX-License-Identifier: Apache-2.0 */
#include "streaming.h"

#include <string.h>
#include <sys/socket.h>

#include "alloc.h"
#include "bridge.h"
#include "worker.h"

/* A client of an event stream has nothing to say: bytes that come all the same
 * (pipelined requests) are kept by libh2o, and must not grow. */
#define INPUT_BYTES_MAX 8192

static void release_inflight(struct rnl_streaming *streaming)
{
    for (size_t i = 0; i < streaming->inflight_count; i++)
        rnl_piece_unref(streaming->inflight[i]);
    streaming->inflight_count = 0;
    streaming->busy = false;
}

static h2o_socket_t *socket_of(const struct rnl_streaming *streaming)
{
    h2o_conn_t *conn = streaming->exchange->req->conn;
    return conn->callbacks->get_socket(conn);
}

/* Nothing can be written to the socket any more, so that a send in flight
 * fails, and libh2o frees the request. */
static void break_connection(struct rnl_streaming *streaming)
{
    shutdown(h2o_socket_get_fd(socket_of(streaming)), SHUT_RDWR);
}

static void on_end(h2o_timeout_entry_t *entry)
{
    struct rnl_streaming *streaming =
        H2O_STRUCT_FROM_MEMBER(struct rnl_streaming, end, entry);
    if (streaming->finished)
        return;
    streaming->finished = true;
    h2o_socket_read_stop(socket_of(streaming));
    h2o_send(streaming->exchange->req, NULL, 0,
             streaming->end_is_error ? H2O_SEND_STATE_ERROR
                                     : H2O_SEND_STATE_FINAL);
}

static void schedule_end(struct rnl_streaming *streaming)
{
    h2o_context_t *context = &streaming->exchange->worker->context;
    if (!h2o_timeout_is_linked(&streaming->end))
        h2o_timeout_link(context->loop, &context->zero_timeout,
                         &streaming->end);
}

static void on_proceed(h2o_generator_t *generator, h2o_req_t *req)
{
    struct rnl_streaming *streaming = (struct rnl_streaming *)generator;
    (void)req;
    release_inflight(streaming);
    if (streaming->finished)
        return;
    if (streaming->ending)
        schedule_end(streaming);
    else
        streaming->on_ready(streaming);
}

static void on_stop(h2o_generator_t *generator, h2o_req_t *req)
{
    struct rnl_streaming *streaming = (struct rnl_streaming *)generator;
    (void)req;
    streaming->finished = true;
}

/* libh2o does not read while it answers, so the end of the peer is ours to
 * see. The connection's slot leads back to the answer (worker.c). */
static void on_input(h2o_socket_t *sock, const char *error)
{
    struct rnl_conn *conn = sock->on_close.data;
    struct rnl_streaming *streaming = conn->streaming;
    if (error == NULL && sock->input->size <= INPUT_BYTES_MAX)
        return;
    h2o_socket_read_stop(sock);
    if (streaming == NULL || streaming->finished)
        return;
    if (streaming->busy)
        break_connection(streaming);
    else
        rnl_streaming_finish(streaming, true);
}

static void on_dispose(struct rnl_exchange *exchange)
{
    struct rnl_streaming *streaming = exchange->state;
    struct rnl_conn *conn = socket_of(streaming)->on_close.data;
    conn->streaming = NULL;
    streaming->finished = true;
    h2o_timeout_unlink(&streaming->end);
    LIST_REMOVE(streaming, link);
    release_inflight(streaming);
    streaming->on_gone(streaming);
}

void rnl_streaming_start(struct rnl_streaming *streaming,
                         struct rnl_exchange *exchange,
                         const char *content_type)
{
    h2o_req_t *req = exchange->req;
    streaming->generator.proceed = on_proceed;
    streaming->generator.stop = on_stop;
    streaming->end.cb = on_end;
    streaming->exchange = exchange;
    streaming->sent_at_ms = rnl_worker_now(exchange->worker);
    exchange->state = streaming;
    exchange->on_dispose = on_dispose;
    LIST_INSERT_HEAD(&exchange->worker->streaming, streaming, link);
    rnl_exchange_begin(exchange, content_type);
    /* What the socket was read for in the meantime must not be taken for the
     * next request. */
    req->http1_is_persistent = 0;
    h2o_socket_t *sock = socket_of(streaming);
    struct rnl_conn *conn = sock->on_close.data;
    conn->streaming = streaming;
    h2o_start_response(req, &streaming->generator);
    streaming->busy = true;
    h2o_send(req, NULL, 0, H2O_SEND_STATE_IN_PROGRESS);
    h2o_socket_read_start(sock, on_input);
}

bool rnl_streaming_ready(const struct rnl_streaming *streaming)
{
    return !streaming->busy && !streaming->ending && !streaming->finished;
}

void rnl_streaming_send(struct rnl_streaming *streaming,
                        struct rnl_piece *const *pieces, size_t count)
{
    struct rnl_worker *worker = streaming->exchange->worker;
    h2o_iovec_t parts[RNL_STREAMING_PIECES_MAX];
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        parts[i] = h2o_iovec_init(pieces[i]->data, pieces[i]->len);
        streaming->inflight[i] = pieces[i];
        bytes += pieces[i]->len;
    }
    streaming->inflight_count = count;
    streaming->busy = true;
    streaming->sent_at_ms = rnl_worker_now(worker);
    rnl_count(&worker->counters.frames_sent, count);
    rnl_count(&worker->counters.bytes_sent, bytes);
    h2o_send(streaming->exchange->req, parts, count,
             H2O_SEND_STATE_IN_PROGRESS);
}

void rnl_streaming_finish(struct rnl_streaming *streaming, bool is_error)
{
    if (streaming->ending || streaming->finished)
        return;
    streaming->ending = true;
    streaming->end_is_error = is_error;
    if (!streaming->busy)
        schedule_end(streaming);
}

static void send_keepalive(struct rnl_streaming *streaming)
{
    struct rnl_piece *piece =
        rnl_piece_create(streaming->keepalive, strlen(streaming->keepalive));
    if (piece != NULL)
        rnl_streaming_send(streaming, &piece, 1);
}

static void sweep_one(struct rnl_streaming *streaming, uint64_t now)
{
    uint64_t idle_ms = now - streaming->sent_at_ms;
    if (streaming->busy && idle_ms >= RNL_STUCK_MS) {
        rnl_count(&streaming->exchange->worker->counters.stuck, 1);
        break_connection(streaming);
    } else if (rnl_streaming_ready(streaming) && streaming->keepalive != NULL &&
               idle_ms >= RNL_KEEPALIVE_MS) {
        send_keepalive(streaming);
    }
}

void rnl_streaming_sweep(struct rnl_worker *worker)
{
    uint64_t now = rnl_worker_now(worker);
    struct rnl_streaming *streaming, *next;
    for (streaming = LIST_FIRST(&worker->streaming); streaming != NULL;
         streaming = next) {
        next = LIST_NEXT(streaming, link);
        sweep_one(streaming, now);
    }
}

void rnl_streaming_drain(struct rnl_worker *worker)
{
    struct rnl_streaming *streaming, *next;
    for (streaming = LIST_FIRST(&worker->streaming); streaming != NULL;
         streaming = next) {
        next = LIST_NEXT(streaming, link);
        if (streaming->on_drain != NULL)
            streaming->on_drain(streaming);
        else
            rnl_streaming_finish(streaming, streaming->cut_is_error);
    }
}
