/* SPDX-License-Identifier: Apache-2.0 */
/* ExportSketch: a sketch of a window as bytes. MergeSketch: the other way. */
#include <string.h>

#include <runnel/v1/stats.pb-c.h>

#include "alloc.h"
#include "export.h"
#include "registry.h"

static void reply(struct rnl_stream *stream,
                  const struct rnl_sketch_bytes *bytes,
                  enum rnl_sketch_format format)
{
    Runnel__V1__ExportSketchResponse response =
        RUNNEL__V1__EXPORT_SKETCH_RESPONSE__INIT;
    bool is_protobuf = format == RNL_SKETCH_FORMAT_DDSKETCH ||
                       format == RNL_SKETCH_FORMAT_OTEL;
    response.sketch.data = bytes->data;
    response.sketch.len = bytes->len;
    response.content_type = (char *)(is_protobuf ? "application/x-protobuf"
                                                 : "application/octet-stream");
    rnl_stream_reply(stream, &response.base);
}

static void export(struct rnl_stream *stream, const struct rnl_meter_view *view,
                   const Runnel__V1__ExportSketchRequest *request)
{
    enum rnl_sketch_format format = (enum rnl_sketch_format)request->format;
    struct rnl_sketch_bytes bytes;
    const char *what;
    enum rnl_code code = rnl_meter_view_export(
        view, (enum rnl_sketch_of)request->kind, format, &bytes, &what);
    if (code == RNL_INVALID_ARGUMENT) {
        rnl_stream_finish_field(stream, "format", "%s", what);
    } else if (code != RNL_OK) {
        rnl_stream_finish(stream, code, "the format %s", what);
    } else {
        reply(stream, &bytes, format);
        rnl_free(bytes.data);
    }
}

/* Both are numbers of the schema. */
static bool check(struct rnl_stream *stream, int kind, int format)
{
    if (kind < RNL_SKETCH_OF_UNIQUE || kind > RNL_SKETCH_OF_LATENCY)
        rnl_stream_finish_field(stream, "kind",
                                "must be UNIQUE, FREQUENCY, VALUE or LATENCY");
    else if (format < RNL_SKETCH_FORMAT_RUNNEL ||
             format > RNL_SKETCH_FORMAT_REDIS)
        rnl_stream_finish_field(stream, "format",
                                "must be RUNNEL, DDSKETCH, OTEL_EXPONENTIAL, "
                                "DATASKETCHES or REDIS_HYLL");
    else
        return true;
    return false;
}

void rnl_sketch_on_export(struct rnl_stream *stream, const uint8_t *data,
                          size_t len)
{
    Runnel__V1__ExportSketchRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__export_sketch_request__descriptor, data, len);
    if (request == NULL)
        return;
    struct rnl_event_stream *subject =
        rnl_stream_subject(stream, request->stream);
    if (subject != NULL &&
        check(stream, (int)request->kind, (int)request->format)) {
        struct rnl_meter_view *view =
            rnl_stats_view(stream, subject, request->window_seconds);
        if (view != NULL)
            export(stream, view, request);
        rnl_meter_view_destroy(view);
    }
    rnl_request_free(request);
}

static void merge(struct rnl_stream *stream,
                  const Runnel__V1__MergeSketchRequest *request)
{
    const struct rnl_sketch_offer offer = {
        .stream = request->stream,
        .import = {.of = (enum rnl_sketch_of)request->kind,
                   .format = (enum rnl_sketch_format)request->format,
                   .bytes = request->sketch.data,
                   .len = request->sketch.len},
        .producer_id = (const uint8_t *)request->producer_id,
        .producer_id_len = strlen(request->producer_id),
        .producer_sequence = request->producer_sequence,
    };
    struct rnl_sketch_receipt receipt;
    struct rnl_field_error error;
    struct rnl_ack *ack = rnl_ack_unary(stream);
    if (ack == NULL)
        return;
    enum rnl_code code = rnl_streams_take_sketch(
        rnl_stream_core(stream)->streams, &offer, &receipt, &error);
    if (code != RNL_OK) {
        rnl_ack_drop(ack);
        rnl_stream_finish_error(stream, code, &error);
        return;
    }
    Runnel__V1__MergeSketchResponse response =
        RUNNEL__V1__MERGE_SKETCH_RESPONSE__INIT;
    response.count = receipt.count;
    response.duplicate = receipt.duplicate;
    ack->request.repeatable = offer.producer_id_len > 0;
    rnl_ack_await(ack, receipt.into, &response.base);
}

void rnl_sketch_on_merge(struct rnl_stream *stream, const uint8_t *data,
                         size_t len)
{
    Runnel__V1__MergeSketchRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__merge_sketch_request__descriptor, data, len);
    if (request == NULL)
        return;
    if (check(stream, (int)request->kind, (int)request->format))
        merge(stream, request);
    rnl_request_free(request);
}
