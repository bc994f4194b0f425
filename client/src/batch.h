/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds one columnar EventBatch, and encodes it as an IngestRequest:
 *
 *   0a LEN                       IngestRequest.batch
 *     0a LEN stream
 *     12 LEN keys                one after the other
 *     1a LEN lengths             varints
 *     22 LEN indexes             4 bytes an event
 *     2a LEN values              8 bytes an event, or absent
 *     32 LEN latencies           4 bytes an event, or absent
 *     38 time_base   42 LEN offsets    4 bytes an event, or both absent
 *     4a LEN producer
 *     50 sequence
 *
 * Columns have fixed width and lie in memory as on the wire, so that encoding
 * is a copy each on little-endian machines. A column is there for all events
 * of a batch or for none: events are sorted into batches by what they have.
 */
#ifndef RNL_CLIENT_BATCH_H
#define RNL_CLIENT_BATCH_H

#include <runnel/ingest.h>

#include "key_table.h"

/* What the server takes. */
#define RNL_BATCH_EVENTS_MAX 65536

/* Bits of a batch's columns: which of the three it has. */
#define RNL_COLUMN_VALUE   1u
#define RNL_COLUMN_LATENCY 2u
#define RNL_COLUMN_TIME    4u
#define RNL_COLUMN_SETS    8u

struct rnl_batch {
    unsigned columns;
    uint32_t event_count_max;
    size_t byte_max;
    /* Bytes an event takes besides its key. */
    size_t event_bytes;
    uint32_t event_count;
    struct rnl_key_table keys;
    uint32_t *key_indexes;
    /* NULL when the batch does not have them. */
    double *values;
    float *latencies;
    int64_t *times;
    int64_t time_min;
    int64_t time_max;
};

enum rnl_batch_added {
    RNL_BATCH_ADDED,
    /* Encode and reset it first. */
    RNL_BATCH_FULL,
    /* The key is not UTF-8. */
    RNL_BATCH_BAD_KEY,
};

/* Where a batch belongs to, and its number. */
struct rnl_batch_label {
    const char *stream;
    const char *producer_id;
    uint64_t sequence;
};

/* The columns that an event needs. */
unsigned rnl_event_columns(const struct rnl_event *event);

/* False when memory is out; the batch is zeroed then. */
bool rnl_batch_init(struct rnl_batch *batch, unsigned columns,
                    uint32_t event_count_max, size_t byte_max);
void rnl_batch_fini(struct rnl_batch *batch);
void rnl_batch_reset(struct rnl_batch *batch);

/* Adds an event that was checked, and whose columns are the batch's. */
enum rnl_batch_added rnl_batch_add(struct rnl_batch *batch,
                                   const struct rnl_event *event);

/* Length of the encoded request. */
size_t rnl_batch_size(const struct rnl_batch *batch,
                      const struct rnl_batch_label *label);

/* Encodes into out, which has rnl_batch_size bytes. */
void rnl_batch_encode(const struct rnl_batch *batch,
                      const struct rnl_batch_label *label, uint8_t *out);

#endif
