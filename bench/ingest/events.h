/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events that every part of `bench/run ingest` is fed with, made before
 * the clock starts: the same ones for each, whatever form it takes them in.
 */
#ifndef RNL_BENCH_EVENTS_H
#define RNL_BENCH_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "meter.h"

/* Of the made ones: "user-0000001". */
#define BENCH_KEY_BYTES 12

struct bench_events {
    size_t count;
    /* Text of all keys; offsets has key_count + 1 entries. */
    char *keys;
    uint32_t *key_offsets;
    size_t key_count;
    /* For each event. */
    uint32_t *key_of;
    double *values;
    float *latencies_ms;
    /* Distinct keys that occur. */
    size_t distinct;
};

/* Events in dictionary-coded batches, as librunnel makes them. */
struct bench_batches {
    struct rnl_meter_batch *batches;
    size_t count;
    /* Bytes of all columns and keys. */
    size_t bytes;
    /* Distinct keys, summed over the batches. */
    size_t entries;
    /* Owned. */
    uint8_t *memory;
};

/* Zipf users, lognormal values and latencies, from a seed. Ends the program
 * when memory is out, like all of these. */
void bench_events_make(struct bench_events *events, size_t count, size_t users,
                       double skew);

/* Rows of a CSV file with a header: column names of key and value; the value
 * is taken for the latency too, as its magnitude. Repeated until there are
 * count events. */
struct bench_csv {
    const char *path;
    const char *key;
    const char *value;
};
void bench_events_read(struct bench_events *events, size_t count,
                       const struct bench_csv *csv);

void bench_events_fini(struct bench_events *events);

/* The events in batches of batch_events. Event i happened i / rate seconds
 * after base_ms. */
void bench_batches_make(struct bench_batches *batches,
                        const struct bench_events *events, size_t batch_events,
                        double rate, int64_t base_ms);
void bench_batches_fini(struct bench_batches *batches);

#endif
