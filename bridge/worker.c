/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/rand.h>

#include "alloc.h"
#include "core_link.h"
#include "dispatch.h"
#include "files.h"
#include "host.h"
#include "log.h"
#include "rate_limit.h"
#include "shared_call.h"
#include "streaming.h"
#include "tally.h"
#include "topic.h"

/* How often a loop looks up without an event. */
#define LOOP_WAIT_MS 1000

/* --- connections --- */

static void on_conn_close(void *data)
{
    struct rnl_conn *conn = data;
    rnl_uncount(&conn->worker->counters.connections_open);
    if (conn->address_key != 0)
        rnl_tally_give(conn->worker->tally, conn->address_key);
    LIST_REMOVE(conn, link);
    rnl_free(conn);
}

static bool has_room(struct rnl_worker *worker)
{
    uint64_t open = atomic_load_explicit(&worker->counters.connections_open,
                                         memory_order_relaxed);
    return open < worker->connections_max;
}

/* Best effort: without these a reader that stops costs the kernel more, one
 * that vanished is noticed by a quarter of an hour's retransmissions, and never
 * while there is nothing to send. */
static void set_options(int fd)
{
    int size = RNL_SEND_BUFFER_BYTES;
    int on = 1, idle_s = RNL_KEEPALIVE_MS / 1000;
    unsigned silence_ms = RNL_STUCK_MS;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle_s, sizeof(idle_s));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms,
                     sizeof(silence_ms));
}

/* Takes the connection into account; false when its address has too many.
 * *ret_key is 0 for those that are not counted. */
static bool admit_address(struct rnl_worker *worker, h2o_socket_t *sock,
                          uint64_t *ret_key)
{
    struct sockaddr_storage address;
    const void *bytes;
    *ret_key = 0;
    if (worker->tally == NULL ||
        h2o_socket_getpeername(sock, (struct sockaddr *)&address) == 0)
        return true;
    size_t len = rnl_host_client((const struct sockaddr *)&address, &bytes);
    if (len == 0)
        return true;
    *ret_key = rnl_tally_key(worker->tally, bytes, len);
    return rnl_tally_take(worker->tally, *ret_key);
}

static void accept_one(struct rnl_worker *worker, h2o_socket_t *sock)
{
    struct rnl_conn *conn =
        has_room(worker) ? rnl_calloc(1, sizeof(*conn)) : NULL;
    if (conn == NULL || !admit_address(worker, sock, &conn->address_key)) {
        rnl_free(conn);
        rnl_count(&worker->counters.connections_refused, 1);
        h2o_socket_close(sock);
        return;
    }
    conn->worker = worker;
    conn->sock = sock;
    LIST_INSERT_HEAD(&worker->conns, conn, link);
    sock->on_close.cb = on_conn_close;
    sock->on_close.data = conn;
    rnl_count(&worker->counters.connections_accepted, 1);
    rnl_count(&worker->counters.connections_open, 1);
    set_options(h2o_socket_get_fd(sock));
    h2o_accept(&worker->accept, sock);
}

static void on_accept(h2o_socket_t *listener, const char *error)
{
    struct rnl_worker *worker = listener->data;
    h2o_socket_t *sock;
    if (error == NULL && (sock = h2o_evloop_socket_accept(listener)) != NULL)
        accept_one(worker, sock);
}

/* libh2o closes a connection only after an answer, or a time-out. One without
 * a byte of a request has nothing to lose. */
static void close_idle(struct rnl_worker *worker)
{
    struct rnl_conn *conn;
    LIST_FOREACH(conn, &worker->conns, link)
    if (conn->requests == 0 && conn->sock->input->size == 0)
        shutdown(h2o_socket_get_fd(conn->sock), SHUT_RD);
}

/* --- the second's tick, and the end --- */

static void finish_drain(struct rnl_worker *worker)
{
    uint64_t open = atomic_load_explicit(&worker->counters.connections_open,
                                         memory_order_relaxed);
    if (open > 0)
        rnl_log(RNL_LOG_WARN, "drain_cut", RNL_LOG_INT("connections", open));
    worker->drain_until_ms = 0;
}

static void on_tick(h2o_timeout_entry_t *entry)
{
    struct rnl_worker *worker =
        H2O_STRUCT_FROM_MEMBER(struct rnl_worker, tick, entry);
    rnl_streaming_sweep(worker);
    rnl_topics_sweep(worker->topics);
    rnl_core_link_tick(worker->core);
    if (worker->draining)
        close_idle(worker);
    h2o_timeout_link(worker->context.loop, &worker->context.one_sec_timeout,
                     entry);
}

static void drain(struct rnl_worker *worker)
{
    if (worker->draining)
        return;
    worker->draining = true;
    worker->drain_until_ms =
        rnl_worker_now(worker) + worker->bridge->drain_grace_ms;
    h2o_socket_read_stop(worker->listener);
    h2o_socket_close(worker->listener);
    h2o_context_request_shutdown(&worker->context);
    rnl_streaming_drain(worker);
    close_idle(worker);
}

/* --- messages of other threads --- */

struct message {
    h2o_multithread_message_t base;
    /* A reference; NULL: drain. */
    SSL_CTX *tls;
};

/* Open connections keep the certificate that they began with. */
static void renew(struct rnl_worker *worker, SSL_CTX *tls)
{
    SSL_CTX_free(worker->tls);
    worker->tls = tls;
    worker->accept.ssl_ctx = tls;
}

static void on_messages(h2o_multithread_receiver_t *receiver,
                        h2o_linklist_t *messages)
{
    struct rnl_worker *worker =
        H2O_STRUCT_FROM_MEMBER(struct rnl_worker, receiver, receiver);
    while (!h2o_linklist_is_empty(messages)) {
        struct message *message =
            H2O_STRUCT_FROM_MEMBER(struct message, base.link, messages->next);
        h2o_linklist_unlink(&message->base.link);
        if (message->tls != NULL)
            renew(worker, message->tls);
        else
            drain(worker);
        rnl_free(message);
    }
}

void rnl_worker_drain(struct rnl_worker *worker)
{
    struct message *message = rnl_calloc(1, sizeof(*message));
    if (message == NULL)
        _exit(EXIT_FAILURE); /* We are leaving anyway. */
    h2o_multithread_send_message(&worker->receiver, &message->base);
}

void rnl_worker_renew(struct rnl_worker *worker, SSL_CTX *tls)
{
    struct message *message = rnl_calloc(1, sizeof(*message));
    if (message == NULL)
        return; /* It keeps the old one. */
    SSL_CTX_up_ref(tls);
    message->tls = tls;
    h2o_multithread_send_message(&worker->receiver, &message->base);
}

static bool is_over(struct rnl_worker *worker)
{
    if (!worker->draining)
        return false;
    if (atomic_load(&worker->counters.connections_open) == 0)
        return true;
    if (rnl_worker_now(worker) < worker->drain_until_ms)
        return false;
    finish_drain(worker);
    return true;
}

/* --- the loop --- */

static void configure(struct rnl_worker *worker)
{
    h2o_globalconf_t *config = &worker->config;
    h2o_config_init(config);
    config->server_name = h2o_iovec_init(H2O_STRLIT("runnel"));
    config->handshake_timeout = worker->bridge->handshake_ms;
    config->http1.req_timeout = RNL_REQUEST_MS;
    /* libh2o 2.2.5 does not withstand floods of HTTP/2 frames. */
    config->http1.upgrade_to_http2 = 0;
    /* A little above ours: what is too large by a little is told so in the
     * words of every other problem. */
    config->max_request_entity_size =
        (size_t)worker->bridge->max_body_bytes + RNL_BODY_SLACK_BYTES;
    h2o_hostconf_t *host = h2o_config_register_host(
        config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    rnl_dispatch_register(path);
    if (worker->bridge->web_root != NULL)
        rnl_files_register(path, worker->bridge->web_root);
}

static enum rnl_code create_limits(struct rnl_worker *worker)
{
    const struct rnl_bridge *bridge = worker->bridge;
    enum rnl_code code = RNL_OK;
    uint64_t seed;
    if (RAND_bytes((uint8_t *)&seed, sizeof(seed)) != 1)
        return RNL_UNAVAILABLE;
    if (bridge->max_request_rate > 0)
        code = rnl_rate_limit_create(bridge->max_request_rate, seed,
                                     &worker->rate);
    if (code == RNL_OK && bridge->max_address_connections > 0)
        code = rnl_tally_create(bridge->max_address_connections, seed,
                                &worker->tally);
    return code;
}

static enum rnl_code set_up(struct rnl_worker *worker)
{
    h2o_loop_t *loop = h2o_evloop_create();
    configure(worker);
    h2o_context_init(&worker->context, loop, &worker->config);
    h2o_multithread_register_receiver(worker->context.queue, &worker->receiver,
                                      on_messages);
    worker->accept.ctx = &worker->context;
    worker->accept.hosts = worker->config.hosts;
    worker->accept.ssl_ctx = worker->tls;
    worker->tick.cb = on_tick;
    enum rnl_code code = rnl_core_link_create(worker, &worker->core);
    if (code == RNL_OK)
        code = rnl_topics_create(worker, &worker->topics);
    if (code == RNL_OK)
        code = create_limits(worker);
    if (code != RNL_OK)
        return code;
    h2o_timeout_link(loop, &worker->context.one_sec_timeout, &worker->tick);
    worker->listener = h2o_evloop_socket_create(loop, worker->listen_fd,
                                                H2O_SOCKET_FLAG_DONT_READ);
    worker->listener->data = worker;
    h2o_socket_read_start(worker->listener, on_accept);
    return RNL_OK;
}

bool rnl_worker_open(struct rnl_worker *worker)
{
    LIST_INIT(&worker->conns);
    LIST_INIT(&worker->streaming);
    LIST_INIT(&worker->resting);
    enum rnl_code code = set_up(worker);
    if (code == RNL_OK)
        return true;
    rnl_log(RNL_LOG_ERROR, "worker_failed",
            RNL_LOG_TEXT("reason", rnl_code_text((int)code)));
    return false;
}

void rnl_worker_run(struct rnl_worker *worker)
{
    bool goes_on = false;
    while (!is_over(worker)) {
        h2o_evloop_run(worker->context.loop, goes_on ? 0 : LOOP_WAIT_MS);
        goes_on = rnl_shared_calls_round(worker);
    }
    rnl_topics_destroy(worker->topics);
    rnl_core_link_destroy(worker->core);
    rnl_rate_limit_destroy(worker->rate);
    rnl_tally_destroy(worker->tally);
    SSL_CTX_free(worker->tls);
}

/* --- a thread of its own --- */

/* What start waits for. */
struct starting {
    struct rnl_worker *worker;
    bool is_open;
    sem_t done;
};

static void *run(void *arg)
{
    struct starting *starting = arg;
    struct rnl_worker *worker = starting->worker;
    bool is_open = rnl_worker_open(worker);
    starting->is_open = is_open;
    sem_post(&starting->done); /* starting is gone from here on */
    if (is_open)
        rnl_worker_run(worker);
    return NULL;
}

bool rnl_worker_start(struct rnl_worker *worker)
{
    struct starting starting = {.worker = worker};
    sem_init(&starting.done, 0, 0);
    int error = pthread_create(&worker->thread, NULL, run, &starting);
    if (error != 0)
        rnl_log(RNL_LOG_ERROR, "worker_failed",
                RNL_LOG_TEXT("reason", strerror(error)));
    while (error == 0 && sem_wait(&starting.done) != 0)
        ;
    sem_destroy(&starting.done);
    return error == 0 && starting.is_open;
}

void rnl_worker_join(struct rnl_worker *worker)
{
    pthread_join(worker->thread, NULL);
}

struct rnl_worker *rnl_worker_of(h2o_req_t *req)
{
    return H2O_STRUCT_FROM_MEMBER(struct rnl_worker, context, req->conn->ctx);
}

struct rnl_conn *rnl_worker_conn(h2o_req_t *req)
{
    return req->conn->callbacks->get_socket(req->conn)->on_close.data;
}

static void stop_waiting(struct rnl_conn *conn)
{
    conn->waits = false;
    h2o_socket_dont_read(conn->sock, 0);
    h2o_socket_read_stop(conn->sock);
}

/* Its next request, or its end: neither is looked at before the answer. */
static void on_early_input(h2o_socket_t *sock, const char *error)
{
    (void)error;
    stop_waiting(sock->on_close.data);
}

void rnl_worker_wait_begin(h2o_req_t *req)
{
    struct rnl_conn *conn = rnl_worker_conn(req);
    if (conn->sock->ssl != NULL || conn->waits)
        return;
    conn->waits = true;
    h2o_socket_dont_read(conn->sock, 1);
    h2o_socket_read_start(conn->sock, on_early_input);
}

void rnl_worker_wait_end(h2o_req_t *req)
{
    struct rnl_conn *conn = rnl_worker_conn(req);
    if (conn->waits)
        stop_waiting(conn);
}

static void untrack(void *data)
{
    struct rnl_conn *const *conn = data;
    (*conn)->requests--;
}

void rnl_worker_track(h2o_req_t *req)
{
    struct rnl_conn **conn =
        h2o_mem_alloc_shared(&req->pool, sizeof(*conn), untrack);
    *conn = rnl_worker_conn(req);
    (*conn)->requests++;
}

void rnl_worker_count_answer(struct rnl_worker *worker, int status)
{
    int class = status / 100;
    if (class >= 1 && class <= 5)
        rnl_count(&worker->counters.answers[class], 1);
}

void rnl_worker_run_soon(struct rnl_worker *worker, h2o_timeout_entry_t *entry)
{
    h2o_context_t *context = &worker->context;
    if (!h2o_timeout_is_linked(entry))
        h2o_timeout_link(context->loop, &context->zero_timeout, entry);
}

uint64_t rnl_worker_now(const struct rnl_worker *worker)
{
    return h2o_now(worker->context.loop);
}
