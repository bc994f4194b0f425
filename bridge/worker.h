/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: a thread's event loop, libh2o context, listening socket
 * (SO_REUSEPORT shares the port out) and connection to the core.
 * Workers share nothing that changes but counters.
 *
 * Everything of libh2o is created on the thread that uses it: its buffers come
 * from thread-local pools, and a context made elsewhere shares one, which ends
 * in a crash under load.
 */
#ifndef RNL_BRIDGE_WORKER_H
#define RNL_BRIDGE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

#include <openssl/ssl.h>

#include "bridge.h"
#include "h2o_use.h"

/* Places for calls that can be joined (shared_call.h), by the hash of the path:
 * who finds another's there takes the place. */
#define RNL_SHARED_CALLS_MAX 256

struct rnl_core_link;
struct rnl_rate_limit;
struct rnl_shared_call;
struct rnl_streaming;
struct rnl_tally;
struct rnl_topics;
struct rnl_worker;

/* A connection's own data, in its socket's on_close.data. */
struct rnl_conn {
    struct rnl_worker *worker;
    h2o_socket_t *sock;
    /* In the worker's tally; 0: not counted. */
    uint64_t address_key;
    /* Requests that are being answered: exchanges, and those of
     * rnl_worker_track. */
    uint32_t requests;
    LIST_ENTRY(rnl_conn) link;
    /* The answer that is streamed on it, if any. */
    struct rnl_streaming *streaming;
    /* rnl_worker_wait_begin. */
    bool waits;
};

/* Only counted up, but for the gauges; read by any worker for /metrics. */
struct rnl_counters {
    /* By the first digit of the status. */
    atomic_uint_fast64_t answers[6];
    atomic_uint_fast64_t connections_accepted;
    atomic_uint_fast64_t connections_refused;
    /* Gauges. */
    atomic_uint_fast64_t connections_open;
    atomic_uint_fast64_t event_streams_open;
    atomic_uint_fast64_t call_streams_open;
    atomic_uint_fast64_t topics_open;
    /* Of event streams. */
    atomic_uint_fast64_t frames_sent;
    atomic_uint_fast64_t bytes_sent;
    atomic_uint_fast64_t frames_encoded;
    /* A reader fell behind what is shared and went over to a replay of its
     * own. */
    atomic_uint_fast64_t fallbacks;
    /* Ended because nothing was taken for RNL_STUCK_MS. */
    atomic_uint_fast64_t stuck;
    /* Refused since their client makes too many. */
    atomic_uint_fast64_t requests_limited;
    /* Requests that were answered by another one's call. */
    atomic_uint_fast64_t calls_shared;
};

/* On the worker's own thread, so that it need not be one step for others. */
static inline void rnl_count(atomic_uint_fast64_t *counter, uint64_t by)
{
    uint64_t count = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, count + by, memory_order_relaxed);
}

static inline void rnl_uncount(atomic_uint_fast64_t *counter)
{
    atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
}

struct rnl_worker {
    const struct rnl_bridge *bridge;
    /* All of them, for /metrics. */
    struct rnl_worker *workers;
    uint32_t worker_count;
    pthread_t thread;
    int listen_fd;
    /* A reference; NULL: HTTP. Later ones come by rnl_worker_renew. */
    SSL_CTX *tls;
    /* Open at once; the others are closed as they come. */
    uint64_t connections_max;

    /* Of the worker's thread. */
    h2o_globalconf_t config;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
    h2o_socket_t *listener;
    h2o_multithread_receiver_t receiver;
    h2o_timeout_entry_t tick;
    struct rnl_core_link *core;
    struct rnl_topics *topics;
    /* NULL: there is no limit. */
    struct rnl_rate_limit *rate;
    /* Connections of each address; NULL: there is no limit. */
    struct rnl_tally *tally;
    LIST_HEAD(, rnl_conn) conns;
    LIST_HEAD(, rnl_streaming) streaming;
    /* Calls that can be joined, or were; shared_call.h. */
    struct rnl_shared_call *shared[RNL_SHARED_CALLS_MAX];
    LIST_HEAD(, rnl_shared_call) resting;
    /* Open feeds. */
    uint32_t feed_count;
    bool draining;
    uint64_t drain_until_ms;

    struct rnl_counters counters;
};

/* Has a worker whose first block of fields is set accept connections; it takes
 * over listen_fd. False after having logged why it does not. */
bool rnl_worker_open(struct rnl_worker *worker);

/* Serves until it was drained, and frees what it has; on the thread that opened
 * it. */
void rnl_worker_run(struct rnl_worker *worker);

/* Both on a thread of its own. Returns when it is open, or false. */
bool rnl_worker_start(struct rnl_worker *worker);

/* Waits for the end of that thread. */
void rnl_worker_join(struct rnl_worker *worker);

/* Any thread: new connections get another certificate. Takes a reference of
 * its own. */
void rnl_worker_renew(struct rnl_worker *worker, SSL_CTX *tls);

/* Any thread: stop accepting, end what streams, then end. */
void rnl_worker_drain(struct rnl_worker *worker);

/* The worker of a request, and its connection. */
struct rnl_worker *rnl_worker_of(h2o_req_t *req);
struct rnl_conn *rnl_worker_conn(h2o_req_t *req);

/*
 * Between these a request waits for the core. libh2o takes the socket of a
 * request that is not answered at once out of its poll set, and puts it back
 * after the answer: two system calls for each. Meanwhile it stays there, until
 * something comes before its time, which is left in the kernel.
 *
 * begin does nothing where that cannot be (TLS), end where nothing was begun;
 * end must come before anything else is done with the socket.
 */
void rnl_worker_wait_begin(h2o_req_t *req);
void rnl_worker_wait_end(h2o_req_t *req);

/* Counts a request without an exchange as under way until it is disposed of. */
void rnl_worker_track(h2o_req_t *req);

void rnl_worker_count_answer(struct rnl_worker *worker, int status);

/* entry's callback is called in this round of the loop, after all sockets, once
 * however often this was asked for. */
void rnl_worker_run_soon(struct rnl_worker *worker, h2o_timeout_entry_t *entry);

/* Milliseconds of the loop's clock. */
uint64_t rnl_worker_now(const struct rnl_worker *worker);

#endif
