/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What conn.c does otherwise when a connection speaks TLS: bytes pass the
 * filter on their way between socket and session. Sealed bytes that the socket
 * does not take at once are copied for libuv, since the filter may make more
 * meanwhile; nothing is sealed until they are gone, which bounds them.
 */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "server_private.h"
#include "tls_server.h"

static void on_sealed_written(uv_write_t *request, int status)
{
    struct rnl_conn *conn = request->data;
    if (conn->closing)
        return;
    rnl_server_enter(conn->server);
    free(conn->sealed);
    conn->sealed = NULL;
    conn->writing = 0;
    if (status != 0)
        rnl_conn_close(conn);
    else
        rnl_conn_mark_dirty(conn);
    rnl_server_leave(conn->server);
}

/* Hands a copy of the rest to libuv, to be written when the socket takes
 * it. */
static void push_later(struct rnl_conn *conn, const char *data, size_t len)
{
    conn->sealed = malloc(len);
    if (conn->sealed == NULL) {
        rnl_conn_close(conn);
        return;
    }
    memcpy(conn->sealed, data, len);
    rnl_tls_filter_wrote(conn->tls, len);
    uv_buf_t buf = uv_buf_init(conn->sealed, (unsigned)len);
    conn->write.data = conn;
    conn->writing = len;
    if (uv_write(&conn->write, &conn->socket.stream, &buf, 1,
                 on_sealed_written) != 0)
        rnl_conn_close(conn);
}

/* Writes what is sealed. True when the socket has taken all. */
static bool push(struct rnl_conn *conn)
{
    char *data;
    size_t len = rnl_tls_filter_output(conn->tls, &data);
    if (len == 0)
        return true;
    uv_buf_t buf = uv_buf_init(data, (unsigned)len);
    int written = uv_try_write(&conn->socket.stream, &buf, 1);
    if (written == UV_EAGAIN)
        written = 0;
    if (written < 0) {
        rnl_conn_close(conn);
        return false;
    }
    if ((size_t)written < len) {
        rnl_tls_filter_wrote(conn->tls, (size_t)written);
        len = rnl_tls_filter_output(conn->tls, &data);
        push_later(conn, data, len);
        return false;
    }
    rnl_tls_filter_wrote(conn->tls, len);
    return true;
}

/* True when something was sealed. */
static bool seal(struct rnl_conn *conn)
{
    struct iovec pieces[RNL_CONN_PIECES];
    size_t len;
    size_t count = rnl_session_output(conn->session, pieces, RNL_CONN_PIECES);
    if (count == 0)
        return false;
    if (!rnl_tls_filter_seal(conn->tls, pieces, count, &len)) {
        rnl_conn_close(conn);
        return false;
    }
    rnl_session_wrote(conn->session, len);
    return true;
}

void rnl_conn_tls_flush(struct rnl_conn *conn)
{
    const char *text;
    for (int round = 0; round < RNL_CONN_WRITE_ROUNDS; round++) {
        if (!push(conn))
            return;
        if (!rnl_tls_filter_is_open(conn->tls)) {
            /* There is nobody whom the reason could be told. */
            if (rnl_session_reason(conn->session, &text) != RNL_OK)
                rnl_conn_close(conn);
            return;
        }
        if (!seal(conn))
            return;
    }
    /* More may follow: the others first, and this one when its socket has
     * taken what is sealed. */
    char *data;
    size_t len = rnl_tls_filter_output(conn->tls, &data);
    if (len > 0)
        push_later(conn, data, len);
}

static void fail(struct rnl_conn *conn)
{
    const char *reason = rnl_tls_reason();
    rnl_log(RNL_LOG_WARN, "tls_failed", RNL_LOG_TEXT("peer", conn->peer),
            RNL_LOG_TEXT("reason", *reason != '\0' ? reason : "cut off"));
    /* An alert may tell the peer. */
    if (conn->writing == 0)
        push(conn);
    rnl_conn_close(conn);
}

void rnl_conn_tls_take(struct rnl_conn *conn, const char *data, size_t len)
{
    struct rnl_server *server = conn->server;
    size_t plain;
    if (!rnl_tls_filter_feed(conn->tls, data, len)) {
        fail(conn);
        return;
    }
    /* Handshakes have answers. */
    rnl_conn_mark_dirty(conn);
    for (;;) {
        switch (rnl_tls_filter_read(conn->tls, server->plain_buf,
                                    sizeof(server->plain_buf), &plain)) {
        case RNL_TLS_BYTES:
            rnl_session_feed(conn->session, (const uint8_t *)server->plain_buf,
                             plain);
            break;
        case RNL_TLS_WANTS_MORE:
            return;
        case RNL_TLS_CLOSED:
            rnl_conn_close(conn);
            return;
        case RNL_TLS_FAILED:
            fail(conn);
            return;
        }
    }
}

/* Best effort: a peer that takes nothing does not need to hear it. */
void rnl_conn_tls_end(struct rnl_conn *conn)
{
    char *data;
    rnl_tls_filter_close(conn->tls);
    size_t len = rnl_tls_filter_output(conn->tls, &data);
    uv_buf_t buf = uv_buf_init(data, (unsigned)len);
    if (len > 0)
        (void)uv_try_write(&conn->socket.stream, &buf, 1);
}
