/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What server.c, conn.c and listener.c share.
 *
 * Each callback of libuv into this room begins with rnl_server_enter and ends
 * with rnl_server_leave: in between, sessions only note that they have output
 * (the dirty list); leave writes it.
 */
#ifndef RNL_IO_SERVER_PRIVATE_H
#define RNL_IO_SERVER_PRIVATE_H

#include <sys/queue.h>

#include <uv.h>

#include "server.h"
#include "session.h"
#include "sockaddr.h"
#include "tls_filter.h"

/* One read: a full socket buffer of loopback TCP. One block serves all
 * connections, since a read is consumed before the next begins. */
#define RNL_READ_BYTES (64 * 1024)

/* Pieces of one write. */
#define RNL_CONN_PIECES 64

/* Writes of one connection before others have their turn. */
#define RNL_CONN_WRITE_ROUNDS 8

struct rnl_server;

struct rnl_conn {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct rnl_server *server;
    /* NULL once lingering. */
    struct rnl_session *session;
    TAILQ_ENTRY(rnl_conn) link;
    TAILQ_ENTRY(rnl_conn) dirty_link;
    bool is_dirty;
    bool reading;
    bool closing;
    /* Bytes that the write in flight was given; 0: none is. */
    size_t writing;
    /* NULL: it is plain. Owned. */
    struct rnl_tls_filter *tls;
    /* Sealed bytes that the write in flight has; owned. */
    char *sealed;
    /* The time that a peer has to take our last words. */
    struct rnl_timer linger;
    char peer[RNL_SOCKADDR_TEXT_MAX];
};

TAILQ_HEAD(rnl_conn_list, rnl_conn);

struct rnl_server {
    const struct rnl_server_options *options;
    uv_loop_t loop;
    uv_tcp_t listener;
    /* The Unix socket. */
    uv_pipe_t local;
    uv_timer_t timer;
    uv_timer_t grace;
    uv_signal_t sigterm;
    uv_signal_t sigint;
    uv_signal_t sighup;
    /* The journal's writer has something to report; its last group failed. */
    uv_async_t committed;
    bool store_failed;
    /* Threads that count events, NULL without; they have counted some. */
    struct rnl_shards *shards;
    uv_async_t counted;
    /* The core's; NULL without. */
    struct rnl_journal *journal;
    /* Owned; NULL without. */
    struct rnl_upkeep *upkeep;
    /* NULL without a journal. */
    struct rnl_token_store *token_store;
    struct rnl_core *core;
    struct rnl_conn_list conns;
    struct rnl_conn_list dirty;
    /* What timer is set to. */
    int64_t timer_due_ns;
    bool draining;
    char address[RNL_SOCKADDR_TEXT_MAX];
    /* NULL: connections are plain. */
    SSL_CTX *tls;
    char read_buf[RNL_READ_BYTES];
    /* Of a connection with TLS: a read of it, opened. */
    char plain_buf[RNL_READ_BYTES];
};

/* Tells the core the time. */
void rnl_server_enter(struct rnl_server *server);

/* Writes what is due and sets the timer. */
void rnl_server_leave(struct rnl_server *server);

/* A connection has gone; ends a drain with the last one. */
void rnl_server_conn_closed(struct rnl_server *server);

/* conn.c: takes the connection that waits at a listener. */
void rnl_conn_accept(struct rnl_server *server, uv_stream_t *listener);

/* conn.c: writes output, begins or ends reading, closes what is done. */
void rnl_conn_flush(struct rnl_conn *conn);

/* conn.c: closes at once. */
void rnl_conn_close(struct rnl_conn *conn);

/* conn.c: has rnl_server_leave flush the connection. */
void rnl_conn_mark_dirty(struct rnl_conn *conn);

/* conn_tls.c: takes bytes of the socket; writes what is due; says goodbye. */
void rnl_conn_tls_take(struct rnl_conn *conn, const char *data, size_t len);
void rnl_conn_tls_flush(struct rnl_conn *conn);
void rnl_conn_tls_end(struct rnl_conn *conn);

/* listener.c: opens the socket (or takes the service manager's) and sets
 * server->address. Returns false after having logged why not. */
bool rnl_listener_open(struct rnl_server *server);

/* listener_local.c: the same for the Unix socket, if there is to be one. */
bool rnl_listener_open_local(struct rnl_server *server);

/* Waiting connections: what the kernel caps it to anyway (net.core.somaxconn)
 * since Linux 5.4. */
#define RNL_LISTEN_BACKLOG 4096

/* listener.c: logs why an address cannot be listened at; false. */
bool rnl_listener_fail(const char *address, const char *reason);

/* listener.c: libuv's callback of a listener. */
void rnl_listener_on_connection(uv_stream_t *listener, int status);

#endif
