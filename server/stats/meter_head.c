/* SPDX-License-Identifier: Apache-2.0 */
#include "meter_head.h"

#include "anomaly_bytes.h"

#define VERSION 1

/* Some 280,000 years; sums of times do not overflow. */
#define TIME_MAX_MS (INT64_C(1) << 53)

/* Panes that the oldest open one is behind the newest. */
#define BEHIND_MAX (RNL_PANES_GRACE + 1 + RNL_PANES_LAG_MS_MAX / 1000)

static const char head_letters[4] = {'R', 'M', 'T', 'R'};
static const char list_letters[4] = {'R', 'A', 'N', 'O'};

/* ---- writing ---- */

static void write_signed(struct rnl_writer *writer, int64_t number)
{
    rnl_write_varint(writer, rnl_zigzag(number));
}

static void write_times(struct rnl_writer *writer,
                        const struct rnl_meter *meter)
{
    bool begun = meter->newest_ms != INT64_MIN;
    rnl_write_varint(writer, begun);
    if (!begun)
        return;
    write_signed(writer, meter->newest_ms);
    write_signed(writer, meter->oldest_ms);
    write_signed(writer, meter->watermark_ms);
    write_signed(writer, meter->newest_second);
    rnl_write_varint(writer, meter->live);
    rnl_write_varint(writer, meter->count);
    rnl_write_varint(writer, meter->late_events);
}

static void write_levels(struct rnl_writer *writer,
                         const struct rnl_panes *panes)
{
    write_signed(writer, panes->watermark_ms);
    write_signed(writer, panes->lag_ms);
    rnl_write_varint(writer, panes->level_count);
    for (size_t l = 0; l < panes->level_count; l++) {
        const struct rnl_level *level = &panes->levels[l];
        rnl_write_varint(writer, (uint64_t)level->width_ms);
        rnl_write_varint(writer, level->pane_count);
        write_signed(writer, level->newest);
        rnl_write_varint(writer, (uint64_t)(level->newest - level->frontier));
    }
}

static void write_head(struct rnl_writer *writer, const struct rnl_meter *meter)
{
    rnl_write_word(writer, meter->config.hash_seed);
    rnl_write_varint(writer, meter->version);
    rnl_write_varint(writer, meter->duplicate_batches);
    rnl_write_varint(writer, meter->merged_events);
    write_times(writer, meter);
    write_levels(writer, &meter->panes);
    for (size_t i = 0; i < RATE_SECONDS; i++)
        rnl_write_varint(writer, meter->seconds[i]);
    rnl_judge_write(writer, &meter->judge);
}

size_t rnl_meter_head_len(const struct rnl_meter *meter)
{
    struct rnl_writer counter = {NULL, 0};
    write_head(&counter, meter);
    return RNL_SKETCH_HEAD_LEN + counter.len + RNL_SKETCH_CHECK_LEN;
}

void rnl_meter_head_write(const struct rnl_meter *meter, uint8_t *out)
{
    struct rnl_writer writer = {rnl_sketch_head(out, head_letters, VERSION), 0};
    write_head(&writer, meter);
    rnl_sketch_seal(out, writer.out + writer.len);
}

size_t rnl_meter_list_len(const struct rnl_meter *meter)
{
    struct rnl_writer counter = {NULL, 0};
    rnl_anomalies_write(&counter, &meter->anomalies);
    return RNL_SKETCH_HEAD_LEN + counter.len + RNL_SKETCH_CHECK_LEN;
}

void rnl_meter_list_write(const struct rnl_meter *meter, uint8_t *out)
{
    struct rnl_writer writer = {rnl_sketch_head(out, list_letters, VERSION), 0};
    rnl_anomalies_write(&writer, &meter->anomalies);
    rnl_sketch_seal(out, writer.out + writer.len);
}

/* ---- reading ---- */

static bool get_signed(struct rnl_wire *in, int64_t min, int64_t max,
                       int64_t *ret_number)
{
    uint64_t word;
    if (!rnl_get_varint(in, &word))
        return false;
    *ret_number = rnl_unzigzag(word);
    return *ret_number >= min && *ret_number <= max;
}

static bool get_flag(struct rnl_wire *in, bool *ret_flag)
{
    uint64_t word;
    if (!rnl_get_varint(in, &word) || word > 1)
        return false;
    *ret_flag = word == 1;
    return true;
}

static bool read_times(struct rnl_meter *meter, struct rnl_wire *in)
{
    bool begun;
    if (!get_flag(in, &begun))
        return false;
    if (!begun)
        return true;
    return get_signed(in, 0, TIME_MAX_MS, &meter->newest_ms) &&
           get_signed(in, 0, INT64_MAX, &meter->oldest_ms) &&
           get_signed(in, 0, TIME_MAX_MS, &meter->watermark_ms) &&
           get_signed(in, 0, TIME_MAX_MS, &meter->newest_second) &&
           get_flag(in, &meter->live) && rnl_get_varint(in, &meter->count) &&
           rnl_get_varint(in, &meter->late_events) &&
           meter->late_events <= meter->count &&
           (meter->count == 0 || meter->oldest_ms <= meter->newest_ms);
}

/* Frontiers lie where rnl_panes_advance leaves them: what comes next walks from
 * there. */
static bool read_level(struct rnl_level *level, int64_t watermark_ms,
                       struct rnl_wire *in)
{
    uint64_t width, count, behind;
    if (!rnl_get_varint(in, &width) || !rnl_get_varint(in, &count) ||
        !get_signed(in, 0, TIME_MAX_MS, &level->newest) ||
        !rnl_get_varint(in, &behind) || width != (uint64_t)level->width_ms ||
        count != level->pane_count || behind > BEHIND_MAX ||
        level->newest != watermark_ms / level->width_ms)
        return false;
    level->frontier = level->newest - (int64_t)behind;
    return true;
}

static bool read_levels(struct rnl_panes *panes, struct rnl_wire *in)
{
    uint64_t count;
    if (!get_signed(in, 0, TIME_MAX_MS, &panes->watermark_ms) ||
        !get_signed(in, 0, RNL_PANES_LAG_MS_MAX, &panes->lag_ms) ||
        !rnl_get_varint(in, &count) || count != panes->level_count)
        return false;
    for (size_t l = 0; l < panes->level_count; l++) {
        if (!read_level(&panes->levels[l], panes->watermark_ms, in))
            return false;
    }
    panes->lag_second = panes->watermark_ms / 1000;
    return true;
}

static enum rnl_code read_content(struct rnl_meter *meter, struct rnl_wire *in)
{
    if (!rnl_get_varint(in, &meter->version) ||
        !rnl_get_varint(in, &meter->duplicate_batches) ||
        !rnl_get_varint(in, &meter->merged_events) || !read_times(meter, in) ||
        !read_levels(&meter->panes, in) ||
        meter->watermark_ms != meter->panes.watermark_ms)
        return RNL_INVALID_ARGUMENT;
    for (size_t i = 0; i < RATE_SECONDS; i++) {
        if (!rnl_get_varint(in, &meter->seconds[i]))
            return RNL_INVALID_ARGUMENT;
    }
    enum rnl_code code = rnl_judge_read(&meter->judge, in);
    if (code != RNL_OK)
        return code;
    return in->at == in->end &&
                   meter->judge.pane <= meter->panes.levels[0].newest
               ? RNL_OK
               : RNL_INVALID_ARGUMENT;
}

enum rnl_code rnl_meter_head_read(const struct rnl_meter_config *config,
                                  const uint8_t *bytes, size_t len,
                                  struct rnl_meter **ret_meter)
{
    struct rnl_meter_config seeded = *config;
    struct rnl_meter *meter = NULL;
    struct rnl_wire content;
    enum rnl_code code =
        rnl_sketch_open(bytes, len, head_letters, VERSION, &content);
    if (code != RNL_OK)
        return code;
    if (!rnl_get_word(&content, &seeded.hash_seed))
        return RNL_INVALID_ARGUMENT;
    code = rnl_meter_create(&seeded, 0, &meter);
    if (code == RNL_OK)
        code = read_content(meter, &content);
    if (code != RNL_OK) {
        rnl_meter_destroy(meter);
        return code;
    }
    *ret_meter = meter;
    return RNL_OK;
}

enum rnl_code rnl_meter_list_read(struct rnl_meter *meter, const uint8_t *bytes,
                                  size_t len)
{
    struct rnl_wire content;
    enum rnl_code code =
        rnl_sketch_open(bytes, len, list_letters, VERSION, &content);
    if (code != RNL_OK)
        return code;
    if (!rnl_anomalies_read(&meter->anomalies, &content) ||
        content.at != content.end)
        return RNL_INVALID_ARGUMENT;
    meter->saved_anomalies = meter->anomalies.sequence;
    return RNL_OK;
}
