/* SPDX-License-Identifier: Apache-2.0 */
/* ExportSketch: a sketch of a window as bytes. */
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
static bool check(struct rnl_stream *stream,
                  const Runnel__V1__ExportSketchRequest *request)
{
    const int kind = (int)request->kind;
    const int format = (int)request->format;
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
    const struct rnl_event_stream *subject =
        rnl_stream_subject(stream, request->stream);
    if (subject != NULL && check(stream, request)) {
        struct rnl_meter_view *view =
            rnl_stats_view(stream, subject, request->window_seconds);
        if (view != NULL)
            export(stream, view, request);
        rnl_meter_view_destroy(view);
    }
    rnl_request_free(request);
}
