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
    enum rnl_code code = take(stream, data, len, &receipt, &error);
    if (code != RNL_OK) {
        rnl_stream_finish_error(stream, code, &error);
        return;
    }
    Runnel__V1__IngestBatchResponse response =
        RUNNEL__V1__INGEST_BATCH_RESPONSE__INIT;
    response.accepted_events = receipt.taken.accepted_events;
    response.late_events = receipt.taken.late_events;
    response.duplicate = receipt.duplicate;
    rnl_stream_reply(stream, &response.base);
}

/* ---- Ingest ---- */

/* The state of a call: batches acknowledged so far. */
struct ingest {
    uint64_t batches;
};

static struct ingest *state_of(struct rnl_stream *stream)
{
    struct ingest *ingest = rnl_stream_state(stream);
    if (ingest != NULL)
        return ingest;
    ingest = rnl_calloc(1, sizeof(*ingest));
    rnl_stream_set_state(stream, ingest);
    return ingest;
}

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
    struct ingest *ingest = state_of(stream);
    if (ingest == NULL) {
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED, "memory is out");
        return;
    }
    uint64_t number = ingest->batches + 1;
    enum rnl_code code = take(stream, data, len, &receipt, &error);
    if (code != RNL_OK) {
        refuse(stream, number, code, &error);
        return;
    }
    Runnel__V1__IngestResponse response = RUNNEL__V1__INGEST_RESPONSE__INIT;
    response.batch_number = number;
    response.accepted_events = receipt.taken.accepted_events;
    response.late_events = receipt.taken.late_events;
    response.duplicate = receipt.duplicate;
    ingest->batches = number;
    rnl_stream_send(stream, &response.base);
}

static void on_half_close(struct rnl_stream *stream)
{
    rnl_stream_finish(stream, RNL_OK, NULL);
}

static void on_close(struct rnl_stream *stream, enum rnl_code code)
{
    (void)code;
    rnl_free(rnl_stream_state(stream));
    rnl_stream_set_state(stream, NULL);
}

static const struct rnl_method methods[] = {
    {
        .name = "runnel.v1.EventService/Ingest",
        .scope = RNL_SCOPE_EVENTS_WRITE,
        .shape = RNL_BIDI_STREAM,
        .on_message = on_ingest,
        .on_half_close = on_half_close,
        .on_close = on_close,
    },
    {
        .name = "runnel.v1.EventService/IngestBatch",
        .scope = RNL_SCOPE_EVENTS_WRITE,
        .shape = RNL_UNARY,
        .on_message = on_batch,
    },
};

const struct rnl_service rnl_event_service = {
    .methods = methods,
    .method_count = sizeof(methods) / sizeof(methods[0]),
};
