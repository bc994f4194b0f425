/* SPDX-License-Identifier: Apache-2.0 */
#include "streaming.h"

#include <assert.h>
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
    static h2o_iovec_t last_chunk = {(char *)(uintptr_t) "0\r\n\r\n", 5};
    struct rnl_streaming *streaming =
        H2O_STRUCT_FROM_MEMBER(struct rnl_streaming, end, entry);
    if (streaming->finished)
        return;
    streaming->finished = true;
    h2o_socket_read_stop(socket_of(streaming));
    if (streaming->end_is_error)
        h2o_send(streaming->exchange->req, NULL, 0, H2O_SEND_STATE_ERROR);
    else
        h2o_send(streaming->exchange->req, &last_chunk, streaming->chunked,
                 H2O_SEND_STATE_FINAL);
}

static void schedule_end(struct rnl_streaming *streaming)
{
    rnl_worker_run_soon(streaming->worker, &streaming->end);
}

static void on_wake(h2o_timeout_entry_t *entry)
{
    struct rnl_streaming *streaming =
        H2O_STRUCT_FROM_MEMBER(struct rnl_streaming, wake, entry);
    if (rnl_streaming_ready(streaming))
        streaming->on_ready(streaming);
}

void rnl_streaming_wake(struct rnl_streaming *streaming)
{
    rnl_worker_run_soon(streaming->worker, &streaming->wake);
}

/* The head of the answer has left, and the connection ends with the answer: the
 * request's bytes, which take 4 KiB, are of no use any more. */
static void drop_request(struct rnl_streaming *streaming)
{
    h2o_socket_t *sock = socket_of(streaming);
    h2o_buffer_dispose(&sock->input);
    h2o_buffer_init(&sock->input, &h2o_socket_buffer_prototype);
    streaming->begun = true;
}

static void on_proceed(h2o_generator_t *generator, h2o_req_t *req)
{
    struct rnl_streaming *streaming = (struct rnl_streaming *)generator;
    (void)req;
    release_inflight(streaming);
    if (!streaming->begun)
        drop_request(streaming);
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
    h2o_timeout_unlink(&streaming->wake);
    LIST_REMOVE(streaming, link);
    release_inflight(streaming);
    streaming->on_gone(streaming);
}

/* The same bytes for all of HTTP/1.1, so that they are framed once, and not by
 * libh2o for each: it leaves an answer alone that says that it is chunked. */
static void begin_chunks(struct rnl_streaming *streaming, h2o_req_t *req)
{
    streaming->chunked = req->version == 0x101;
    if (streaming->chunked)
        h2o_add_header(&req->pool, &req->res.headers,
                       H2O_TOKEN_TRANSFER_ENCODING, NULL,
                       H2O_STRLIT("chunked"));
}

void rnl_streaming_start(struct rnl_streaming *streaming,
                         struct rnl_exchange *exchange,
                         const char *content_type)
{
    h2o_req_t *req = exchange->req;
    streaming->generator.proceed = on_proceed;
    streaming->generator.stop = on_stop;
    streaming->end.cb = on_end;
    streaming->wake.cb = on_wake;
    streaming->exchange = exchange;
    streaming->worker = exchange->worker;
    streaming->sent_at_ms = rnl_worker_now(exchange->worker);
    exchange->state = streaming;
    exchange->on_dispose = on_dispose;
    LIST_INSERT_HEAD(&exchange->worker->streaming, streaming, link);
    rnl_exchange_begin(exchange, content_type);
    begin_chunks(streaming, req);
    /* What the socket was read for in the meantime must not be taken for the
     * next request. */
    req->http1_is_persistent = 0;
    h2o_socket_t *sock = socket_of(streaming);
    struct rnl_conn *conn = sock->on_close.data;
    conn->streaming = streaming;
    streaming->fd =
        streaming->chunked && sock->ssl == NULL ? h2o_socket_get_fd(sock) : -1;
    h2o_start_response(req, &streaming->generator);
    streaming->busy = true;
    h2o_send(req, NULL, 0, H2O_SEND_STATE_IN_PROGRESS);
    h2o_socket_read_start(sock, on_input);
}

bool rnl_streaming_ready(const struct rnl_streaming *streaming)
{
    return !streaming->busy && !streaming->ending && !streaming->finished;
}

/* Bytes that the kernel took at once. All that libh2o would do with them is
 * hand them to it, which costs a quarter more: they are framed already, and it
 * has nothing under way on this socket. What is left, and what was refused for
 * good, is libh2o's. */
static size_t send_at_once(const struct rnl_streaming *streaming,
                           h2o_iovec_t *parts, size_t count)
{
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    struct msghdr message = {.msg_iov = (struct iovec *)parts,
                             .msg_iovlen = count};
    if (streaming->fd < 0)
        return 0;
    ssize_t sent = count == 1
                       ? send(streaming->fd, parts[0].base, parts[0].len, flags)
                       : sendmsg(streaming->fd, &message, flags);
    return sent > 0 ? (size_t)sent : 0;
}

/* Gives the parts after the first sent bytes to libh2o. */
static void send_rest(struct rnl_streaming *streaming, h2o_iovec_t *parts,
                      size_t count, size_t sent)
{
    size_t first = 0;
    assert(count > 0);
    while (first < count - 1 && sent >= parts[first].len)
        sent -= parts[first++].len;
    parts[first].base += sent;
    parts[first].len -= sent;
    streaming->busy = true;
    h2o_send(streaming->exchange->req, parts + first, count - first,
             H2O_SEND_STATE_IN_PROGRESS);
}

static size_t make_parts(const struct rnl_streaming *streaming,
                         struct rnl_piece *const *pieces, size_t count,
                         h2o_iovec_t *parts)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const struct rnl_piece *piece = pieces[i];
        size_t len = piece->len;
        const char *data =
            streaming->chunked ? rnl_piece_chunk(piece, &len) : piece->data;
        parts[i] = h2o_iovec_init(data, len);
        bytes += len;
    }
    return bytes;
}

void rnl_streaming_send(struct rnl_streaming *streaming,
                        struct rnl_piece *const *pieces, size_t count)
{
    struct rnl_worker *worker = streaming->worker;
    h2o_iovec_t parts[RNL_STREAMING_PIECES_MAX];
    size_t bytes = make_parts(streaming, pieces, count, parts);
    streaming->sent_at_ms = rnl_worker_now(worker);
    rnl_count(&worker->counters.frames_sent, count);
    rnl_count(&worker->counters.bytes_sent, bytes);
    size_t sent = send_at_once(streaming, parts, count);
    if (sent == bytes) {
        for (size_t i = 0; i < count; i++)
            rnl_piece_unref(pieces[i]);
        return;
    }
    memcpy(streaming->inflight, pieces, count * sizeof(struct rnl_piece *));
    streaming->inflight_count = count;
    send_rest(streaming, parts, count, sent);
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
        rnl_count(&streaming->worker->counters.stuck, 1);
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
