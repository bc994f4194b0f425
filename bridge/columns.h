/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathers events, one at a time, into the columns of an EventBatch: each
 * distinct key once, values, latencies and times in arrays of fixed width.
 *
 * It checks what makes a batch whole (a column has an entry for every event or
 * for none); whether a value is acceptable is the core's to say.
 */
#ifndef RNL_BRIDGE_COLUMNS_H
#define RNL_BRIDGE_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>
#include <runnel/v1/events.pb-c.h>

/* EventBatch of events.proto: its events and its longest key. */
#define RNL_COLUMNS_EVENTS_MAX 65536
#define RNL_COLUMNS_KEY_MAX    256

struct rnl_event {
    /* Borrowed. */
    const char *key;
    size_t key_len;
    bool has_value;
    bool has_latency;
    bool has_time;
    double value;
    double latency_ms;
    int64_t time_ms;
};

struct rnl_columns;

RNL_MUST_USE enum rnl_code rnl_columns_create(struct rnl_columns **ret_columns);

/* Accepts NULL. */
void rnl_columns_destroy(struct rnl_columns *columns);

/*
 * Adds an event.
 *
 * Errors: RNL_INVALID_ARGUMENT with *ret_field ("key", "value", "latencyMs",
 * "time" or "") and *ret_what, both static; RNL_RESOURCE_EXHAUSTED when memory
 * is out.
 */
RNL_MUST_USE enum rnl_code rnl_columns_add(struct rnl_columns *columns,
                                           const struct rnl_event *event,
                                           const char **ret_field,
                                           const char **ret_what);

/* Fills the columns of batch, which borrows them until the next add or
 * destroy. */
RNL_MUST_USE enum rnl_code rnl_columns_fill(struct rnl_columns *columns,
                                            Runnel__V1__EventBatch *batch,
                                            const char **ret_field,
                                            const char **ret_what);

#endif
