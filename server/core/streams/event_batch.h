/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes an EventBatch (events.proto) at about the speed of a copy: columns
 * of fixed width are lent to the engine where they lie in the request, or
 * copied once when their place is not aligned. protobuf-c would make an
 * allocation a column and a copy of each.
 *
 * It takes every encoding that protobuf allows: repeated fields packed, not
 * packed, in several parts, and a batch in several parts. It checks the shape
 * (bounds, columns of one length); what the values must be the engine checks.
 */
#ifndef RNL_STREAMS_EVENT_BATCH_H
#define RNL_STREAMS_EVENT_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

#include "meter.h"

enum rnl_event_column {
    RNL_COLUMN_KEY_LENGTHS,
    RNL_COLUMN_KEY_INDEXES,
    RNL_COLUMN_VALUES,
    RNL_COLUMN_LATENCIES,
    RNL_COLUMN_TIME_OFFSETS,
    RNL_COLUMN_COUNT,
};

/* The memory of a decoder, kept from batch to batch: at most
 * RNL_METER_BATCH_EVENTS_MAX entries a column, 1.5 MiB in all. Zero it before
 * the first use. */
struct rnl_event_decoder {
    struct {
        /* Owned. */
        uint8_t *own;
        size_t own_cap;
        /* The entries of the batch, in bytes: in own or in the request. */
        const uint8_t *at;
        size_t len;
    } columns[RNL_COLUMN_COUNT];
};

void rnl_event_decoder_fini(struct rnl_event_decoder *decoder);

/* All pointers are borrowed from the request and the decoder. */
struct rnl_event_batch {
    const uint8_t *stream;
    size_t stream_len;
    const uint8_t *producer_id;
    size_t producer_id_len;
    uint64_t producer_sequence;
    struct rnl_meter_batch columns;
    /* What it was decoded from. */
    const uint8_t *request;
    size_t request_len;
};

/*
 * Decodes the field `batch` (1) of an IngestRequest or IngestBatchRequest;
 * further fields of the request are ignored. The result is valid until the
 * next call, as long as data is.
 *
 * Errors: RNL_INVALID_ARGUMENT with ret_fault: the bytes are no such message
 * (field ""), a column is too long, or columns differ in length;
 * RNL_RESOURCE_EXHAUSTED.
 */
RNL_MUST_USE enum rnl_code rnl_event_batch_decode(
    struct rnl_event_decoder *decoder, const uint8_t *data, size_t len,
    struct rnl_event_batch *ret_batch, struct rnl_meter_fault *ret_fault);

#endif
