/* SPDX-License-Identifier: Apache-2.0 */
/* What `bench_ingest` can measure, one part a run. */
#ifndef RNL_BENCH_PARTS_H
#define RNL_BENCH_PARTS_H

#include "events.h"

struct bench_task {
    size_t event_count;
    size_t batch_events;
    size_t repeats;
    /* Events a second of event time: how often panes close. */
    double rate;
    /* Streams that batches go to in turn. */
    size_t streams;
    /* Of each; 0: the default ones. */
    size_t windows;
    /* How far events are behind the wall clock, of an engine that is fed by
     * itself. */
    int64_t behind_ms;
    /* As runneld's --threads. */
    size_t threads;
    const struct bench_events *events;
    const struct bench_batches *batches;
    /* Prefix of the names of figures: "zipf", "flights". */
    const char *label;
    /* Of a server: HOST:PORT, and its process. */
    const char *address;
    long pid;
};

/* The least that any engine has to do: read every column once; hash each
 * distinct key of a batch; copy the bytes once. */
void bench_floor(const struct bench_task *task);

/* The engine alone: rnl_meter_ingest. */
void bench_engine(const struct bench_task *task);

/* The same with threads that count, by the clock. */
void bench_threads(const struct bench_task *task);

/* The cost of writing what has changed in a meter: rnl_meter_save. */
void bench_save(const struct bench_task *task);

/* Appending the same bytes to a file in the working directory. */
void bench_append(const struct bench_task *task);

/* Over a connection into runneld, batches encoded before the clock starts. */
void bench_wire(const struct bench_task *task);

/* PFADD, ZINCRBY and HINCRBY of each event, pipelined, encoded before the
 * clock starts. */
void bench_redis(const struct bench_task *task);

/* Prints "LABEL_NAME: figure". */
void bench_report(const struct bench_task *task, const char *name,
                  double figure);

#endif
