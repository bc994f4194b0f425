/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runnel measures itself: what its calls and jobs took goes into event streams
 * of its own, which are read and watched like all others (docs/streams.md).
 * Events are gathered and counted once a second, so that a call costs no more
 * than a look-up; while nothing happens no timer runs.
 */
#ifndef RNL_STREAMS_MEASURE_H
#define RNL_STREAMS_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rnl_streams;

enum rnl_measure {
    /* "_rpc": an event a call. Key: the method, and the code if not OK;
     * latency of unary calls: from the Call to the Status. */
    RNL_MEASURE_RPC,
    /* "_jobs": an event a job that has ended. Key: kind and state; value: its
     * wait in the queue, in milliseconds; latency: its last attempt. */
    RNL_MEASURE_JOBS,
    /* "_jobs.first_output": an event a job. Key: kind; latency: from the time
     * that it could run to its first output. */
    RNL_MEASURE_FIRST_OUTPUT,
    RNL_MEASURE_COUNT,
};

/* One event. */
struct rnl_measured {
    /* Key of the event: name, and a space and suffix, which may be NULL. UTF-8
     * without NUL; cut to what a key may have. */
    const char *name;
    const char *suffix;
    bool has_value;
    bool has_latency;
    double value;
    double latency_ms;
};

/* Takes note of an event. Without memory it is forgotten. streams may be
 * NULL. */
void rnl_streams_measure(struct rnl_streams *streams, enum rnl_measure measure,
                         const struct rnl_measured *measured);

/* The parts of struct rnl_streams that do this; NULL when memory is out. */
struct rnl_measures *rnl_measures_create(struct rnl_streams *streams);

/* Accepts NULL. */
void rnl_measures_destroy(struct rnl_measures *measures);

#endif
