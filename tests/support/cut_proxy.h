/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A proxy that cuts connections: it relays bytes between a client and a core,
 * and after a random number of them, counted in both directions, it drops the
 * connection in the middle of whatever goes on, sometimes with a reset. The
 * seed makes a run repeatable as far as the kernel's timing lets it.
 *
 * A thread of its own; one connection at a time, as one client makes them.
 */
#ifndef RNL_TESTS_CUT_PROXY_H
#define RNL_TESTS_CUT_PROXY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct cut_proxy {
    /* "127.0.0.1:PORT" */
    char address[32];
    uint16_t target_port;
    /* A connection lives for 1 to so many bytes, and for more after every 16
     * cuts: the core joins events for a watcher that lags into one message,
     * which has to get through whole. */
    uint32_t bytes_max;
    uint64_t random;
    int listen_fd;
    int stop_pipe[2];
    pthread_t thread;
    /* Connections cut so far. */
    atomic_uint cut_count;
    /* Not 0: after so many cuts, connections live. */
    unsigned cut_limit;
};

/* target_port, bytes_max, random (the seed) and cut_limit are set. */
void cut_proxy_start(struct cut_proxy *proxy);
void cut_proxy_stop(struct cut_proxy *proxy);

#endif
