/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collects events one by one into columns with a dictionary of keys, the shape
 * in which the statistics engine takes them (events.proto, EventBatch). It
 * holds one batch and never grows.
 */
#ifndef RNL_STREAMS_COLUMNS_H
#define RNL_STREAMS_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meter.h"

/* Events of one batch: what one slice of work makes. */
#define RNL_COLUMNS_MAX 512

/* All distinct keys of a batch: room for 64 of the longest at least, and for
 * 512 of 32 bytes. */
#define RNL_COLUMNS_KEY_BYTES 16384

/* Twice the events, a power of two: short probes. */
#define RNL_COLUMNS_SLOTS 1024

struct rnl_columns {
    size_t count;
    size_t key_count;
    size_t key_bytes;
    uint32_t key_indexes[RNL_COLUMNS_MAX];
    double values[RNL_COLUMNS_MAX];
    float latencies_ms[RNL_COLUMNS_MAX];
    int64_t times_ms[RNL_COLUMNS_MAX];
    /* The distinct keys, one after the other. */
    uint8_t keys[RNL_COLUMNS_KEY_BYTES];
    uint32_t key_lengths[RNL_COLUMNS_MAX];
    uint32_t key_offsets[RNL_COLUMNS_MAX];
    /* Index of a key + 1; 0: free. */
    uint16_t slots[RNL_COLUMNS_SLOTS];
};

struct rnl_column_event {
    const char *key;
    size_t key_len;
    double value;
    double latency_ms;
    int64_t time_ms;
};

/* Empties it. */
void rnl_columns_reset(struct rnl_columns *columns);

/* Adds an event; false when there is no room: take what is there, reset, and
 * add it again. key_len is 1 to 256. */
bool rnl_columns_add(struct rnl_columns *columns,
                     const struct rnl_column_event *event);

/* Lends what was collected, without the times, to the engine. The caller takes
 * out the columns that its events do not have. */
void rnl_columns_batch(const struct rnl_columns *columns,
                       struct rnl_meter_batch *ret_batch);

#endif
