/* SPDX-License-Identifier: Apache-2.0 */
#include "digest_bytes.h"

#include "aspect_bytes.h"
#include "sketch/bytes.h"

#define VERSION 1

static const char letters[4] = {'R', 'D', 'I', 'G'};

/* Bits of parts. */
enum part {
    PART_KEYS = 0,
    PART_FALLEN = 1,
    PART_METRIC = 2,
    PART_REST = PART_METRIC + RNL_METER_METRICS,
    PART_LOG = PART_REST + RNL_REST_WIDTHS,
    PART_COUNT,
};

static bool has_part(const struct rnl_digest *digest, unsigned part)
{
    if (part == PART_KEYS)
        /* One that was trimmed is another table than a new one. */
        return digest->keys.entry_count > 0 || digest->keys.offset > 0 ||
               digest->keys.trimmed;
    if (part == PART_FALLEN)
        return digest->fallen.dense || digest->fallen.count > 0;
    if (part < PART_REST)
        return rnl_histogram_count(
                   &digest->metrics[part - PART_METRIC].histogram) > 0;
    if (part == PART_LOG)
        return digest->log.count > 0;
    return digest->rest.by_width[part - PART_REST] != NULL;
}

/* ---- writing ---- */

static size_t log_len(const struct rnl_key_log *log)
{
    struct rnl_writer counter = {NULL, 0};
    rnl_key_log_write(&counter, log);
    return counter.len;
}

static void write_log(const struct rnl_key_log *log, uint8_t *out)
{
    struct rnl_writer writer = {out, 0};
    rnl_key_log_write(&writer, log);
}

static size_t part_len(const struct rnl_digest *digest, unsigned part)
{
    if (part == PART_KEYS)
        return rnl_frequent_layout_len(&digest->keys);
    if (part == PART_FALLEN)
        return rnl_hll_serialized_len(&digest->fallen);
    if (part < PART_REST)
        return rnl_digest_metric_len(&digest->metrics[part - PART_METRIC]);
    if (part == PART_LOG)
        return log_len(&digest->log);
    return rnl_count_min_serialized_len(
        digest->rest.by_width[part - PART_REST]);
}

static void write_part(const struct rnl_digest *digest, unsigned part,
                       uint8_t *out)
{
    if (part == PART_KEYS)
        rnl_frequent_layout_write(&digest->keys, out);
    else if (part == PART_FALLEN)
        rnl_hll_serialize(&digest->fallen, out);
    else if (part < PART_REST)
        rnl_digest_metric_write(&digest->metrics[part - PART_METRIC], out);
    else if (part == PART_LOG)
        write_log(&digest->log, out);
    else
        rnl_count_min_serialize(digest->rest.by_width[part - PART_REST], out);
}

static uint64_t parts_of(const struct rnl_digest *digest)
{
    uint64_t parts = 0;
    for (unsigned p = 0; p < PART_COUNT; p++)
        parts |= (uint64_t)has_part(digest, p) << p;
    return parts;
}

size_t rnl_digest_bytes_len(const struct rnl_digest *digest)
{
    uint64_t parts = parts_of(digest);
    size_t len =
        RNL_SKETCH_HEAD_LEN + RNL_SKETCH_CHECK_LEN +
        rnl_varint_len(digest->width_log2) + rnl_varint_len(digest->count) +
        rnl_varint_len(digest->anomaly_count) +
        rnl_varint_len(digest->distinct) + rnl_varint_len(digest->lost_events) +
        rnl_varint_len(digest->lost_offset) + 1 + rnl_varint_len(parts);
    for (unsigned p = 0; p < PART_COUNT; p++) {
        if ((parts >> p & 1) == 0)
            continue;
        size_t part = part_len(digest, p);
        len += rnl_varint_len(part) + part;
    }
    return len;
}

void rnl_digest_bytes_write(const struct rnl_digest *digest, uint8_t *out)
{
    uint64_t parts = parts_of(digest);
    uint8_t *at = rnl_sketch_head(out, letters, VERSION);
    at = rnl_put_varint(at, digest->width_log2);
    at = rnl_put_varint(at, digest->count);
    at = rnl_put_varint(at, digest->anomaly_count);
    at = rnl_put_varint(at, digest->distinct);
    at = rnl_put_varint(at, digest->lost_events);
    at = rnl_put_varint(at, digest->lost_offset);
    at = rnl_put_varint(at, digest->merged_keys);
    at = rnl_put_varint(at, parts);
    for (unsigned p = 0; p < PART_COUNT; p++) {
        if ((parts >> p & 1) == 0)
            continue;
        size_t len = part_len(digest, p);
        at = rnl_put_varint(at, len);
        write_part(digest, p, at);
        at += len;
    }
    rnl_sketch_seal(out, at);
}

/* ---- reading ---- */

/* Lends the next block and goes on. */
static bool get_block(struct rnl_wire *in, struct rnl_wire *ret_block)
{
    uint64_t len;
    if (!rnl_get_varint(in, &len) || len > (size_t)(in->end - in->at))
        return false;
    *ret_block = (struct rnl_wire){in->at, in->at + len};
    in->at += len;
    return true;
}

static size_t left_of(const struct rnl_wire *in)
{
    return (size_t)(in->end - in->at);
}

static enum rnl_code read_metric(struct rnl_digest_metric *metric,
                                 const struct rnl_wire *in)
{
    enum rnl_code code = rnl_digest_metric_read(metric, in->at, left_of(in));
    if (code == RNL_OK && rnl_histogram_count(&metric->histogram) == 0)
        return RNL_INVALID_ARGUMENT;
    return code;
}

/* The hashes are those of the keys, under the seed of the stream. */
static enum rnl_code read_keys(struct rnl_frequent *keys, uint64_t seed,
                               const struct rnl_wire *in)
{
    enum rnl_code code = rnl_frequent_layout_read(keys, in->at, left_of(in));
    if (code != RNL_OK)
        return code;
    size_t slots = rnl_frequent_slots(keys);
    for (size_t i = 0; i < slots; i++) {
        const struct rnl_frequent_entry *entry = &keys->entries[i];
        if (keys->hashes[i] == 0)
            continue;
        uint64_t hash =
            rnl_hash(rnl_frequent_key(keys, entry), entry->key_len, seed);
        if (keys->hashes[i] != hash + (hash == 0))
            return RNL_INVALID_ARGUMENT;
    }
    return RNL_OK;
}

static enum rnl_code read_fallen(struct rnl_hll *fallen,
                                 const struct rnl_wire *in)
{
    const struct rnl_hll expected = *fallen;
    enum rnl_code code = rnl_hll_deserialize(fallen, in->at, left_of(in));
    if (code != RNL_OK)
        return code;
    return fallen->precision == expected.precision &&
                   fallen->profile == expected.profile &&
                   fallen->seed_check == expected.seed_check
               ? RNL_OK
               : RNL_INVALID_ARGUMENT;
}

static enum rnl_code read_rest(struct rnl_digest *digest, unsigned width,
                               const struct rnl_wire *in)
{
    struct rnl_count_min *sketch = NULL;
    enum rnl_code code =
        rnl_count_min_deserialize(in->at, left_of(in), &sketch);
    if (code != RNL_OK)
        return code;
    digest->rest.by_width[width] = sketch;
    return sketch->width_log2 == width + RNL_REST_WIDTH_LOG2_MIN
               ? RNL_OK
               : RNL_INVALID_ARGUMENT;
}

static enum rnl_code read_part(struct rnl_digest *digest, uint64_t seed,
                               unsigned part, struct rnl_wire *block)
{
    if (part == PART_KEYS)
        return read_keys(&digest->keys, seed, block);
    if (part == PART_FALLEN)
        return read_fallen(&digest->fallen, block);
    if (part < PART_REST)
        return read_metric(&digest->metrics[part - PART_METRIC], block);
    if (part == PART_LOG)
        return digest->logged ? rnl_key_log_read(&digest->log, seed, block)
                              : RNL_INVALID_ARGUMENT;
    return read_rest(digest, part - PART_REST, block);
}

/* What is in the table, what fell out of it and what was lost are all
 * events. */
static bool adds_up(const struct rnl_digest *digest)
{
    uint64_t sum = rnl_rest_total(&digest->rest) + digest->lost_events;
    size_t slots = rnl_frequent_slots(&digest->keys);
    for (size_t i = 0; i < slots; i++) {
        if (digest->keys.hashes[i] != 0)
            sum += digest->keys.entries[i].count;
    }
    for (size_t i = 0; i < digest->log.count; i++)
        sum += digest->log.counts[i];
    uint64_t offset = digest->logged ? digest->log.offset : digest->keys.offset;
    return sum == digest->count && digest->lost_offset <= offset;
}

static bool read_head(struct rnl_digest *digest, struct rnl_wire *content,
                      uint64_t *ret_parts)
{
    uint64_t width, merged_keys;
    if (!rnl_get_varint(content, &width) ||
        !rnl_get_varint(content, &digest->count) ||
        !rnl_get_varint(content, &digest->anomaly_count) ||
        !rnl_get_varint(content, &digest->distinct) ||
        !rnl_get_varint(content, &digest->lost_events) ||
        !rnl_get_varint(content, &digest->lost_offset) ||
        !rnl_get_varint(content, &merged_keys) || merged_keys > 1 ||
        !rnl_get_varint(content, ret_parts) ||
        width < RNL_REST_WIDTH_LOG2_MIN || width > digest->width_log2 ||
        digest->distinct > digest->count || *ret_parts >> PART_COUNT != 0)
        return false;
    /* One or the other form. */
    if ((*ret_parts >> PART_KEYS & 1) != 0)
        digest->logged = false;
    digest->width_log2 = (uint32_t)width;
    digest->merged_keys = merged_keys == 1;
    return true;
}

enum rnl_code rnl_digest_bytes_read(struct rnl_digest *digest,
                                    const struct rnl_digest_settings *settings,
                                    const uint8_t *bytes, size_t len)
{
    struct rnl_wire content;
    uint64_t parts;
    enum rnl_code code =
        rnl_sketch_open(bytes, len, letters, VERSION, &content);
    if (code != RNL_OK)
        return code;
    if (!read_head(digest, &content, &parts))
        return RNL_INVALID_ARGUMENT;
    for (unsigned p = 0; p < PART_COUNT && code == RNL_OK; p++) {
        struct rnl_wire block;
        if ((parts >> p & 1) == 0)
            continue;
        if (!get_block(&content, &block))
            return RNL_INVALID_ARGUMENT;
        code = read_part(digest, settings->hash_seed, p, &block);
    }
    if (code != RNL_OK)
        return code;
    digest->unsaved = false;
    return content.at == content.end && adds_up(digest) ? RNL_OK
                                                        : RNL_INVALID_ARGUMENT;
}
