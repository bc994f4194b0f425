/* SPDX-License-Identifier: Apache-2.0 */
/* EventService: batches in, an acknowledgement for each. */
#include <stdio.h>
#include <string.h>

#include <runnel/v1/events.pb-c.h>

#include "alloc.h"
#include "registry.h"

static enum rnl_code take(struct rnl_stream *stream, const uint8_t *data,
                          size_t len, struct rnl_event_receipt *ret_receipt,
                          struct rnl_field_error *error)
{
    struct rnl_streams *streams = rnl_stream_core(stream)->streams;
    struct rnl_event_batch batch;
    struct rnl_meter_fault fault;
    enum rnl_code code =
        rnl_event_batch_decode(&streams->decoder, data, len, &batch, &fault);
    if (code == RNL_INVALID_ARGUMENT)
        return rnl_streams_say_fault(&fault, error);
    if (code != RNL_OK)
        return rnl_field_error_text(error, code, "memory is out");
    return rnl_streams_take_batch(streams, &batch, ret_receipt, error);
}

/* ---- IngestBatch ---- */

static void on_batch(struct rnl_stream *stream, const uint8_t *data, size_t len)
{
    struct rnl_event_receipt receipt = {0};
    struct rnl_field_error error;
    struct rnl_ack *ack = rnl_ack_unary(stream);
    if (ack == NULL)
        return;
    enum rnl_code code = take(stream, data, len, &receipt, &error);
    if (code != RNL_OK) {
        rnl_ack_drop(ack);
        rnl_stream_finish_error(stream, code, &error);
        return;
    }
    Runnel__V1__IngestBatchResponse response =
        RUNNEL__V1__INGEST_BATCH_RESPONSE__INIT;
    response.accepted_events = receipt.taken.accepted_events;
    response.late_events = receipt.taken.late_events;
    response.duplicate = receipt.duplicate;
    /* A producer that numbers its batches can send one again. */
    ack->request.repeatable = receipt.numbered;
    rnl_ack_await(ack, receipt.stream, &response.base);
}

/* ---- Ingest ---- */

/* Says which of the call's batches it was. */
static void refuse(struct rnl_stream *stream, uint64_t number,
                   enum rnl_code code, struct rnl_field_error *error)
{
    struct rnl_field_error numbered = *error;
    snprintf(numbered.message, sizeof(numbered.message),
             "%.200s (batch %llu of the call)", error->message,
             (unsigned long long)number);
    rnl_stream_finish_error(stream, code, &numbered);
}

static void on_ingest(struct rnl_stream *stream, const uint8_t *data,
                      size_t len)
{
    struct rnl_event_receipt receipt = {0};
    struct rnl_field_error error;
    struct rnl_acks *acks = rnl_acks_of(stream);
    struct rnl_ack *ack = acks == NULL ? NULL : rnl_ack_begin(acks);
    if (ack == NULL)
        return;
    uint64_t number = acks->count;
    enum rnl_code code = take(stream, data, len, &receipt, &error);
    if (code != RNL_OK) {
        rnl_ack_drop(ack);
        refuse(stream, number, code, &error);
        return;
    }
    Runnel__V1__IngestResponse response = RUNNEL__V1__INGEST_RESPONSE__INIT;
    response.batch_number = number;
    response.accepted_events = receipt.taken.accepted_events;
    response.late_events = receipt.taken.late_events;
    response.duplicate = receipt.duplicate;
    ack->request.repeatable = receipt.numbered;
    rnl_ack_await(ack, receipt.stream, &response.base);
    rnl_acks_hold(acks);
}

static void on_half_close(struct rnl_stream *stream)
{
    struct rnl_acks *acks = rnl_acks_of(stream);
    if (acks != NULL)
        rnl_acks_end(acks);
}

static const struct rnl_method methods[] = {
    {
        .name = "runnel.v1.EventService/Ingest",
        .scope = RNL_SCOPE_EVENTS_WRITE,
        .shape = RNL_BIDI_STREAM,
        .on_message = on_ingest,
        .on_half_close = on_half_close,
        .on_close = rnl_acks_on_close,
    },
    {
        .name = "runnel.v1.EventService/IngestBatch",
        .scope = RNL_SCOPE_EVENTS_WRITE,
        .shape = RNL_UNARY,
        .on_message = on_batch,
        .on_close = rnl_acks_on_close,
    },
};

const struct rnl_service rnl_event_service = {
    .methods = methods,
    .method_count = sizeof(methods) / sizeof(methods[0]),
};
