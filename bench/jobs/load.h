/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of librunnel that are run together, and figures of rounds. */
#ifndef RNL_BENCH_LOAD_H
#define RNL_BENCH_LOAD_H

#include <runnel/call.h>

#include "parts.h"

struct bench_clients {
    struct rnl_client **clients;
    size_t count;
};

/* Connects them all. Ends the program when that cannot be. */
void bench_clients_init(struct bench_clients *clients, const char *address,
                        size_t count);
void bench_clients_fini(struct bench_clients *clients);

/* Waits for sockets and timers and processes them once. */
void bench_clients_turn(struct bench_clients *clients);

/* Durations of single operations, in seconds. */
struct bench_times {
    double *seconds;
    size_t count;
};

/* Sorts; share is 0 to 1. */
double bench_times_quantile(struct bench_times *times, double share);

/* A round: work is done count times. Reports NAME_per_s and, with a pid,
 * NAME_per_core_s, of task->repeats rounds. */
struct bench_rounds {
    const struct bench_task *task;
    const char *name;
    void (*run)(void *arg);
    void *arg;
    size_t work;
};
void bench_rounds(const struct bench_rounds *rounds);

#endif
