/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A WatchStatsResponse is assembled from encoded windows, so that windows are
 * encoded once whatever messages they get into:
 *
 *     sequence, snapshot { time, windows*{ figures, times } }
 *
 * Fields may come in any order, so that the times can follow the figures.
 */
#include "stats_snapshot.h"

#include <string.h>

#include "alloc.h"
#include "stats_message.h"
#include "timestamp.h"
#include "wire.h"

/* Field numbers of stats.proto; the tests decode with protobuf-c. */
enum {
    RESPONSE_SEQUENCE = 1,
    RESPONSE_SNAPSHOT = 2,
    SNAPSHOT_TIME = 1,
    SNAPSHOT_WINDOWS = 2,
};

#define TAG_VARINT(field) ((uint8_t)((field) << 3 | RNL_WIRE_VARINT))
#define TAG_BYTES(field)  ((uint8_t)((field) << 3 | RNL_WIRE_BYTES))

/* ---- figures ---- */

static enum rnl_code encode_window(struct rnl_snapshot *snapshot, uint32_t at,
                                   struct rnl_stats_message *message)
{
    Runnel__V1__StreamStats times = RUNNEL__V1__STREAM_STATS__INIT;
    times.start_time = message->stats.start_time;
    times.end_time = message->stats.end_time;
    message->stats.start_time = NULL;
    message->stats.end_time = NULL;
    snapshot->figures[at] = rnl_buf_pack(&message->stats.base);
    snapshot->times[at] = rnl_buf_pack(&times.base);
    return snapshot->figures[at] != NULL && snapshot->times[at] != NULL
               ? RNL_OK
               : RNL_RESOURCE_EXHAUSTED;
}

static enum rnl_code take_window(struct rnl_snapshot *snapshot, uint32_t at,
                                 const struct rnl_meter_view *view,
                                 const struct rnl_stats_subject *subject)
{
    struct rnl_stats_message message;
    enum rnl_code code = rnl_stats_message_fill(&message, view, subject);
    if (code != RNL_OK)
        return code;
    code = encode_window(snapshot, at, &message);
    rnl_stats_message_fini(&message);
    return code;
}

enum rnl_code rnl_snapshot_take(struct rnl_snapshot *snapshot,
                                struct rnl_event_stream *stream,
                                const struct rnl_snapshot_spec *spec)
{
    const struct rnl_core *core = stream->streams->core;
    int64_t wall_ms = rnl_streams_wall_ms(stream->streams);
    struct rnl_stats_subject subject = {
        .stream = stream->name,
        .top = spec->top,
    };
    rnl_meter_info(stream->meter, wall_ms, &subject.info);
    struct rnl_snapshot taken = {
        .version = subject.info.version,
        .now_ns = core->now_ns,
        .wall_ns = core->wall_ns,
        .window_count = spec->window_count,
    };
    enum rnl_code code = RNL_OK;
    for (uint32_t i = 0; i < spec->window_count && code == RNL_OK; i++) {
        struct rnl_meter_view *view = NULL;
        code = rnl_meter_view_create(stream->meter, spec->windows[i], wall_ms,
                                     &view);
        if (code == RNL_OK)
            code = take_window(&taken, i, view, &subject);
        rnl_meter_view_destroy(view);
    }
    rnl_event_stream_on_viewed(stream);
    if (code != RNL_OK) {
        rnl_snapshot_fini(&taken);
        return RNL_RESOURCE_EXHAUSTED;
    }
    *snapshot = taken;
    return RNL_OK;
}

void rnl_snapshot_fini(struct rnl_snapshot *snapshot)
{
    for (uint32_t i = 0; i < RNL_SNAPSHOT_WINDOWS_MAX; i++) {
        rnl_buf_unref(snapshot->figures[i]);
        rnl_buf_unref(snapshot->times[i]);
        rnl_buf_unref(snapshot->parts[i]);
    }
    rnl_buf_unref(snapshot->whole);
    rnl_buf_unref(snapshot->changes);
    *snapshot = (struct rnl_snapshot){0};
}

static bool equal(const struct rnl_buf *a, const struct rnl_buf *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

void rnl_snapshot_compare(struct rnl_snapshot *snapshot,
                          const struct rnl_snapshot *before)
{
    snapshot->changed = 0;
    for (uint32_t i = 0; i < snapshot->window_count; i++)
        if (!equal(snapshot->figures[i], before->figures[i]))
            snapshot->changed |= UINT32_C(1) << i;
}

rnl_window_set rnl_snapshot_all(const struct rnl_snapshot *snapshot)
{
    return (UINT32_C(1) << snapshot->window_count) - 1;
}

size_t rnl_snapshot_memory(const struct rnl_snapshot *snapshot)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < snapshot->window_count; i++) {
        bytes += snapshot->figures[i]->len + snapshot->times[i]->len;
        if (snapshot->parts[i] != NULL)
            bytes += snapshot->parts[i]->len;
    }
    if (snapshot->whole != NULL)
        bytes += snapshot->whole->len;
    if (snapshot->changes != NULL)
        bytes += snapshot->changes->len;
    return bytes;
}

/* ---- messages ---- */

static size_t varint_len(uint64_t value)
{
    size_t len = 1;
    while (value >= 0x80) {
        value >>= 7;
        len++;
    }
    return len;
}

static size_t block_len(size_t len)
{
    return 1 + varint_len(len) + len;
}

static size_t window_len(const struct rnl_snapshot *snapshot, uint32_t at)
{
    return (size_t)snapshot->figures[at]->len + snapshot->times[at]->len;
}

static bool has(rnl_window_set set, uint32_t at)
{
    return (set >> at & 1) != 0;
}

static uint8_t *put_head(uint8_t *out, uint8_t tag, size_t len)
{
    *out++ = tag;
    return out + rnl_wire_put_varint(out, len);
}

static uint8_t *put_buf(uint8_t *out, const struct rnl_buf *buf)
{
    memcpy(out, buf->data, buf->len);
    return out + buf->len;
}

static uint8_t *put_windows(uint8_t *out, const struct rnl_snapshot *snapshot,
                            rnl_window_set windows)
{
    for (uint32_t i = 0; i < snapshot->window_count; i++) {
        if (!has(windows, i))
            continue;
        out =
            put_head(out, TAG_BYTES(SNAPSHOT_WINDOWS), window_len(snapshot, i));
        out = put_buf(out, snapshot->figures[i]);
        out = put_buf(out, snapshot->times[i]);
    }
    return out;
}

static struct rnl_buf *encode(const struct rnl_snapshot *snapshot,
                              rnl_window_set windows, uint64_t sequence)
{
    Google__Protobuf__Timestamp time;
    rnl_timestamp_set(&time, snapshot->wall_ns);
    size_t time_len = google__protobuf__timestamp__get_packed_size(&time);
    size_t body = block_len(time_len);
    for (uint32_t i = 0; i < snapshot->window_count; i++)
        if (has(windows, i))
            body += block_len(window_len(snapshot, i));
    struct rnl_buf *buf =
        rnl_buf_create(1 + varint_len(sequence) + block_len(body));
    if (buf == NULL)
        return NULL;
    uint8_t *out = put_head(buf->data, TAG_VARINT(RESPONSE_SEQUENCE), sequence);
    out = put_head(out, TAG_BYTES(RESPONSE_SNAPSHOT), body);
    out = put_head(out, TAG_BYTES(SNAPSHOT_TIME), time_len);
    out += google__protobuf__timestamp__pack(&time, out);
    (void)put_windows(out, snapshot, windows);
    return buf;
}

static struct rnl_buf **place_of(struct rnl_snapshot *snapshot,
                                 rnl_window_set windows)
{
    if (windows == rnl_snapshot_all(snapshot))
        return &snapshot->whole;
    if (windows == snapshot->changed)
        return &snapshot->changes;
    uint32_t at = 0;
    while (!has(windows, at))
        at++;
    return &snapshot->parts[at];
}

struct rnl_buf *rnl_snapshot_message(struct rnl_snapshot *snapshot,
                                     rnl_window_set windows, uint64_t *sequence)
{
    struct rnl_buf **place = place_of(snapshot, windows);
    if (*place == NULL) {
        *place = encode(snapshot, windows, *sequence + 1);
        *sequence += *place != NULL;
    }
    return *place;
}
