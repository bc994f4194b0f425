/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection: bytes between a socket and a session. When the session is
 * done, the socket lingers: our side is shut down and what the peer still
 * sends is thrown away for a moment, since a close with unread input would
 * reset the connection and could take our last Status with it.
 */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "server_private.h"

#define LINGER_NS INT64_C(1000000000)

/* libuv's buffers are iovec's on every Unix. */
_Static_assert(sizeof(uv_buf_t) == sizeof(struct iovec) &&
                   offsetof(uv_buf_t, base) ==
                       offsetof(struct iovec, iov_base) &&
                   offsetof(uv_buf_t, len) == offsetof(struct iovec, iov_len),
               "uv_buf_t is struct iovec");

union pieces {
    struct iovec iov[RNL_CONN_PIECES];
    uv_buf_t bufs[RNL_CONN_PIECES];
};

static void set_reading(struct rnl_conn *conn, bool reading);

void rnl_conn_mark_dirty(struct rnl_conn *conn)
{
    if (conn->is_dirty || conn->closing)
        return;
    conn->is_dirty = true;
    TAILQ_INSERT_TAIL(&conn->server->dirty, conn, dirty_link);
}

static void on_output(struct rnl_session *session, void *arg)
{
    (void)session;
    rnl_conn_mark_dirty(arg);
}

/* --- the end --- */

static void log_end(const struct rnl_conn *conn)
{
    const char *text;
    enum rnl_code code = rnl_session_reason(conn->session, &text);
    rnl_log(code == RNL_OK ? RNL_LOG_DEBUG : RNL_LOG_WARN, "disconnected",
            RNL_LOG_TEXT("peer", conn->peer),
            RNL_LOG_TEXT("agent", rnl_session_agent(conn->session)),
            RNL_LOG_INT("calls", rnl_session_calls(conn->session)),
            RNL_LOG_TEXT("code", rnl_code_name((int)code)),
            RNL_LOG_TEXT("reason", text));
}

static void end_session(struct rnl_conn *conn)
{
    if (conn->session == NULL)
        return;
    log_end(conn);
    rnl_session_destroy(conn->session);
    conn->session = NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct rnl_conn *conn = handle->data;
    struct rnl_server *server = conn->server;
    TAILQ_REMOVE(&server->conns, conn, link);
    rnl_tls_filter_destroy(conn->tls);
    free(conn->sealed);
    free(conn);
    rnl_server_conn_closed(server);
}

void rnl_conn_close(struct rnl_conn *conn)
{
    if (conn->closing)
        return;
    conn->closing = true;
    if (conn->is_dirty)
        TAILQ_REMOVE(&conn->server->dirty, conn, dirty_link);
    conn->is_dirty = false;
    end_session(conn);
    rnl_timer_stop(&conn->server->core->timers, &conn->linger);
    uv_close(&conn->socket.handle, on_closed);
}

static void on_linger_end(struct rnl_timer *timer, void *arg)
{
    (void)timer;
    rnl_conn_close(arg);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct rnl_conn *conn = request->data;
    if (status != 0 && status != UV_ECANCELED)
        rnl_conn_close(conn);
}

static void begin_linger(struct rnl_conn *conn)
{
    struct rnl_core *core = conn->server->core;
    end_session(conn);
    if (conn->tls != NULL)
        rnl_conn_tls_end(conn);
    conn->shutdown.data = conn;
    if (rnl_timer_start(&core->timers, &conn->linger,
                        core->now_ns + LINGER_NS) != RNL_OK ||
        uv_shutdown(&conn->shutdown, &conn->socket.stream, on_shutdown) != 0) {
        rnl_conn_close(conn);
        return;
    }
    set_reading(conn, true);
}

/* --- writing --- */

static size_t total_len(const union pieces *pieces, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += pieces->iov[i].iov_len;
    return len;
}

static void on_written(uv_write_t *request, int status)
{
    struct rnl_conn *conn = request->data;
    if (conn->closing)
        return;
    rnl_server_enter(conn->server);
    size_t len = conn->writing;
    conn->writing = 0;
    if (status != 0) {
        rnl_conn_close(conn);
    } else {
        rnl_session_wrote(conn->session, len);
        rnl_conn_mark_dirty(conn);
    }
    rnl_server_leave(conn->server);
}

/* Hands the output to libuv, to be written when the socket takes it. */
static void write_later(struct rnl_conn *conn)
{
    union pieces pieces;
    size_t count =
        rnl_session_output(conn->session, pieces.iov, RNL_CONN_PIECES);
    if (count == 0)
        return;
    conn->write.data = conn;
    conn->writing = total_len(&pieces, count);
    if (uv_write(&conn->write, &conn->socket.stream, pieces.bufs,
                 (unsigned)count, on_written) != 0)
        rnl_conn_close(conn);
}

/* Writes until there is no more (true) or the socket, or the turn, is full
 * (false). */
static bool write_now(struct rnl_conn *conn)
{
    for (int round = 0; round < RNL_CONN_WRITE_ROUNDS; round++) {
        union pieces pieces;
        size_t count =
            rnl_session_output(conn->session, pieces.iov, RNL_CONN_PIECES);
        if (count == 0)
            return true;
        int written =
            uv_try_write(&conn->socket.stream, pieces.bufs, (unsigned)count);
        if (written == UV_EAGAIN)
            written = 0;
        if (written < 0) {
            rnl_conn_close(conn);
            return true;
        }
        rnl_session_wrote(conn->session, (size_t)written);
        if ((size_t)written < total_len(&pieces, count))
            return false;
    }
    return false;
}

void rnl_conn_flush(struct rnl_conn *conn)
{
    if (conn->closing || conn->session == NULL || conn->writing > 0)
        return;
    if (conn->tls != NULL)
        rnl_conn_tls_flush(conn);
    else if (!write_now(conn))
        write_later(conn);
    if (conn->closing)
        return;
    if (conn->writing == 0 && rnl_session_done(conn->session))
        begin_linger(conn);
    else
        set_reading(conn, rnl_session_reading(conn->session));
}

/* --- reading --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct rnl_conn *conn = handle->data;
    uint8_t *room = NULL;
    bool is_plain = conn->session != NULL && conn->tls == NULL;
    size_t len = is_plain ? rnl_session_room(conn->session, &room) : 0;
    buf->base = len > 0 ? (char *)room : conn->server->read_buf;
    buf->len = len > 0 ? len : RNL_READ_BYTES;
}

static void take_bytes(struct rnl_conn *conn, const char *data, size_t len)
{
    if (conn->tls != NULL)
        rnl_conn_tls_take(conn, data, len);
    else if (data == conn->server->read_buf)
        rnl_session_feed(conn->session, (const uint8_t *)data, len);
    else
        rnl_session_filled(conn->session, len);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct rnl_conn *conn = stream->data;
    if (count == 0)
        return;
    rnl_server_enter(conn->server);
    if (count < 0) {
        rnl_conn_close(conn);
    } else if (conn->session != NULL) {
        take_bytes(conn, buf->base, (size_t)count);
        /* A session that was marked dirty is looked at in any case. */
        if (!conn->is_dirty && !conn->closing)
            set_reading(conn, rnl_session_reading(conn->session));
    }
    rnl_server_leave(conn->server);
}

static void set_reading(struct rnl_conn *conn, bool reading)
{
    if (conn->reading == reading)
        return;
    conn->reading = reading;
    if (!reading)
        uv_read_stop(&conn->socket.stream);
    else if (uv_read_start(&conn->socket.stream, on_alloc, on_read) != 0)
        rnl_conn_close(conn);
}

/* --- the begin --- */

/* A Unix socket's peer is of this machine. */
static bool is_local(const struct rnl_conn *conn)
{
    return conn->socket.handle.type == UV_NAMED_PIPE;
}

static void name_peer(struct rnl_conn *conn)
{
    struct sockaddr_storage address = {.ss_family = AF_UNIX};
    int len = sizeof(address);
    if (is_local(conn) ||
        uv_tcp_getpeername(&conn->socket.tcp, (struct sockaddr *)&address,
                           &len) == 0)
        rnl_sockaddr_format(&address, conn->peer);
}

/* TLS is for networks. */
static bool set_up_tls(struct rnl_conn *conn)
{
    if (conn->server->tls == NULL || is_local(conn))
        return true;
    conn->tls = rnl_tls_filter_create(conn->server->tls);
    return conn->tls != NULL;
}

static bool start_session(struct rnl_conn *conn, uv_stream_t *listener)
{
    struct rnl_session_host host = {on_output, conn};
    if (uv_accept(listener, &conn->socket.stream) != 0 || !set_up_tls(conn))
        return false;
    if (!is_local(conn))
        uv_tcp_nodelay(&conn->socket.tcp, 1);
    name_peer(conn);
    return rnl_session_create(conn->server->core, &host, &conn->session) ==
           RNL_OK;
}

static int init_socket(struct rnl_conn *conn, const uv_stream_t *listener)
{
    uv_loop_t *loop = &conn->server->loop;
    return listener->type == UV_NAMED_PIPE
               ? uv_pipe_init(loop, &conn->socket.pipe, 0)
               : uv_tcp_init(loop, &conn->socket.tcp);
}

void rnl_conn_accept(struct rnl_server *server, uv_stream_t *listener)
{
    struct rnl_conn *conn = calloc(1, sizeof(*conn));
    if (conn != NULL)
        conn->server = server;
    if (conn == NULL || init_socket(conn, listener) != 0) {
        rnl_log(RNL_LOG_ERROR, "accept_failed",
                RNL_LOG_TEXT("reason", "out of memory"));
        free(conn);
        return;
    }
    conn->socket.handle.data = conn;
    conn->linger.fire = on_linger_end;
    conn->linger.arg = conn;
    TAILQ_INSERT_TAIL(&server->conns, conn, link);
    if (!start_session(conn, listener)) {
        rnl_conn_close(conn);
        return;
    }
    rnl_log(RNL_LOG_DEBUG, "connected", RNL_LOG_TEXT("peer", conn->peer));
    set_reading(conn, true);
}
