/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "keeper_private.h"
#include "meter_bytes.h"
#include "producers_bytes.h"
#include "sketch/bytes.h"
#include "stream_config.h"

/* One stream into a group. */
struct writing {
    struct rnl_stats_group *group;
    struct rnl_event_stream *stream;
};

static uint8_t *add(const struct writing *writing, enum rnl_stats_kind kind,
                    size_t len)
{
    const struct rnl_event_stream *stream = writing->stream;
    const struct rnl_stats_record record = {
        .kind = kind,
        .stream = stream->kept.number,
        .time_ns = kind == RNL_STATS_STREAM ? stream->create_wall_ns
                                            : stream->streams->core->wall_ns,
        .len = len,
    };
    return rnl_stats_group_add(writing->group, &record);
}

static uint8_t *add_part(void *arg, uint32_t key, size_t len)
{
    const struct writing *writing = arg;
    const struct rnl_stats_record record = {
        .kind = RNL_STATS_PART,
        .stream = writing->stream->kept.number,
        .key = key,
        .len = len,
    };
    return rnl_stats_group_add(writing->group, &record);
}

static bool write_stream(const struct writing *writing)
{
    const struct rnl_event_stream *stream = writing->stream;
    Runnel__V1__StreamConfig config;
    rnl_stream_config_write(rnl_meter_config(stream->meter), stream->name,
                            &config);
    uint8_t *out = add(writing, RNL_STATS_STREAM,
                       runnel__v1__stream_config__get_packed_size(&config));
    if (out != NULL)
        runnel__v1__stream_config__pack(&config, out);
    return out != NULL;
}

static bool write_log(const struct writing *writing)
{
    struct rnl_kept *kept = &writing->stream->kept;
    uint8_t *out =
        add(writing, RNL_STATS_LOG, kept->log_len + RNL_SKETCH_CHECK_LEN);
    if (out == NULL)
        return false;
    memcpy(out, kept->log, kept->log_len);
    rnl_sketch_seal(out, out + kept->log_len);
    return true;
}

static bool write_summary(const struct writing *writing)
{
    struct rnl_meter_info info;
    rnl_meter_peek(writing->stream->meter, &info);
    const struct rnl_stats_summary summary = {
        .events = info.count,
        .late_events = info.late_events,
        .duplicate_batches = info.duplicate_batches,
        .first_event_ms = info.first_event_ms,
        .last_event_ms = info.last_event_ms,
        .watermark_ms = info.watermark_ms,
    };
    uint8_t *out = add(writing, RNL_STATS_SAVE, sizeof(summary));
    if (out != NULL)
        memcpy(out, &summary, sizeof(summary));
    return out != NULL;
}

static bool write_producers(struct writing *writing)
{
    const struct rnl_producers *producers = &writing->stream->producers;
    if (!writing->stream->kept.producers_changed)
        return true;
    uint8_t *out = add_part(writing, RNL_KEEP_PART_PRODUCERS,
                            rnl_producers_bytes_len(producers));
    if (out != NULL)
        rnl_producers_bytes_write(producers, out);
    return out != NULL;
}

/* The meter comes last: once it is written, it takes itself for saved. */
static bool write_save(struct writing *writing)
{
    return write_summary(writing) && write_producers(writing) &&
           rnl_meter_save(writing->stream->meter, false, add_part, writing) ==
               RNL_OK;
}

enum rnl_code rnl_kept_write(struct rnl_keeper *keeper, struct rnl_kept *kept,
                             uint64_t *saved_bytes)
{
    struct writing writing = {&keeper->filling, kept->stream};
    size_t before = keeper->filling.len;
    bool saves = kept->must_save;
    bool written = !kept->is_new || write_stream(&writing);
    if (written && saves)
        written = write_save(&writing);
    else if (written && kept->log_len > 0)
        written = write_log(&writing);
    if (!written) {
        keeper->filling.len = before;
        return RNL_RESOURCE_EXHAUSTED;
    }
    kept->is_new = false;
    if (saves) {
        kept->must_save = false;
        kept->producers_changed = false;
        keeper->logged_bytes -= kept->logged_bytes;
        kept->logged_bytes = 0;
        kept->saved_bytes = keeper->filling.len - before;
        *saved_bytes += kept->saved_bytes;
    } else {
        kept->logged_bytes += kept->log_len;
        keeper->logged_bytes += kept->log_len;
    }
    kept->log_len = 0;
    if (kept->log_cap > kept->log_len + 4096)
        rnl_kept_drop_log(kept);
    return RNL_OK;
}
