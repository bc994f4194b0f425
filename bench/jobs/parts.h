/* SPDX-License-Identifier: Apache-2.0 */
/* What `bench_jobs` can measure, one part a run. */
#ifndef RNL_BENCH_JOBS_PARTS_H
#define RNL_BENCH_JOBS_PARTS_H

#include <stddef.h>

struct bench_task {
    /* Prefix of the names of figures. */
    const char *label;
    /* Of a server: HOST:PORT, and its process; 0: no figure of its CPU. */
    const char *address;
    long pid;
    size_t connections;
    /* Calls or jobs at once on each connection. */
    size_t in_flight;
    /* Of a round; the median of all is shown. */
    size_t count;
    size_t repeats;
    /* A file or folder that the part uses. */
    const char *path;
};

/* Prints "LABEL_name: figure". */
void bench_report(const struct bench_task *task, const char *name,
                  double figure);

/* GetJob: calls a second, and how long one takes. The answer is left in path
 * for peers, who give the same. */
void bench_unary(const struct bench_task *task);

/* WatchJob of a job with count events, by in_flight watchers on each
 * connection: messages a second. */
void bench_stream(const struct bench_task *task);

/* count jobs created and completed by a worker, in_flight of them at once. */
void bench_cycles(const struct bench_task *task);

/* The same with a tube of beanstalkd: put; reserve and delete. */
void bench_beanstalkd(const struct bench_task *task);

/* The same with lists of Redis: LPUSH; LMOVE and LREM. */
void bench_redis(const struct bench_task *task);

/* What any such queue on SQLite has to do: the rows of count jobs, groups of
 * in_flight in a transaction. */
void bench_sqlite(const struct bench_task *task);

/* From a worker's append to a watcher's event: count of them, one at a time,
 * then as fast as they go. */
void bench_delta(const struct bench_task *task);

/* count chunks of one job to 1,000 watchers. */
void bench_fanout(const struct bench_task *task);

/* A late subscriber of a job with count chunks; path is the raw output. */
void bench_catchup(const struct bench_task *task);

#endif
