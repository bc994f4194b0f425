/* SPDX-License-Identifier: Apache-2.0 */
#include "aspect_bytes.h"

#include <string.h>

#include "sketch/bytes.h"
#include "sketch/ultraloglog.h"

#define VERSION 1

static const char keys_letters[4] = {'R', 'K', 'E', 'Y'};
static const char metric_letters[4] = {'R', 'D', 'S', 'T'};

/* ---- parts with their length in front ---- */

static size_t part_len(size_t len)
{
    return rnl_varint_len(len) + len;
}

static bool get_part(struct rnl_wire *in, struct rnl_wire *ret_part)
{
    uint64_t len;
    if (!rnl_get_varint(in, &len) || len > (size_t)(in->end - in->at))
        return false;
    *ret_part = rnl_wire_of(in->at, (size_t)len);
    in->at += len;
    return true;
}

static size_t wire_len(const struct rnl_wire *part)
{
    return (size_t)(part->end - part->at);
}

static uint8_t *put_histogram(uint8_t *at,
                              const struct rnl_histogram *histogram)
{
    size_t len = rnl_histogram_serialized_len(histogram);
    at = rnl_put_varint(at, len);
    rnl_histogram_serialize(histogram, at);
    return at + len;
}

static uint8_t *put_moments(uint8_t *at, const struct rnl_moments *moments)
{
    size_t len = rnl_moments_serialized_len(moments);
    at = rnl_put_varint(at, len);
    rnl_moments_serialize(moments, at);
    return at + len;
}

static enum rnl_code get_histogram(struct rnl_wire *in,
                                   struct rnl_histogram *histogram)
{
    struct rnl_wire part;
    if (!get_part(in, &part))
        return RNL_INVALID_ARGUMENT;
    return rnl_histogram_deserialize(histogram, part.at, wire_len(&part));
}

static enum rnl_code get_moments(struct rnl_wire *in,
                                 struct rnl_moments *moments)
{
    struct rnl_wire part;
    if (!get_part(in, &part))
        return RNL_INVALID_ARGUMENT;
    return rnl_moments_deserialize(moments, part.at, wire_len(&part));
}

/* ---- a metric ---- */

static size_t rough_len(const struct rnl_rough *rough)
{
    if (rough == NULL)
        return 0;
    return part_len(rnl_histogram_serialized_len(&rough->summed)) +
           part_len(rnl_histogram_serialized_len(&rough->unsummed)) +
           part_len(rnl_moments_serialized_len(&rough->sums)) +
           part_len(rnl_moments_serialized_len(&rough->ends));
}

size_t rnl_digest_metric_len(const struct rnl_digest_metric *metric)
{
    return RNL_SKETCH_HEAD_LEN + RNL_SKETCH_CHECK_LEN +
           part_len(rnl_moments_serialized_len(&metric->moments)) +
           part_len(rnl_histogram_serialized_len(&metric->histogram)) + 1 +
           rough_len(metric->rough);
}

void rnl_digest_metric_write(const struct rnl_digest_metric *metric,
                             uint8_t *out)
{
    const struct rnl_rough *rough = metric->rough;
    uint8_t *at = rnl_sketch_head(out, metric_letters, VERSION);
    at = put_moments(at, &metric->moments);
    at = put_histogram(at, &metric->histogram);
    at = rnl_put_varint(at, rough != NULL);
    if (rough != NULL) {
        at = put_histogram(at, &rough->summed);
        at = put_histogram(at, &rough->unsummed);
        at = put_moments(at, &rough->sums);
        at = put_moments(at, &rough->ends);
    }
    rnl_sketch_seal(out, at);
}

static enum rnl_code get_rough(struct rnl_wire *in, struct rnl_rough **rough)
{
    enum rnl_code code = rnl_rough_create(rough);
    if (code == RNL_OK)
        code = get_histogram(in, &(*rough)->summed);
    if (code == RNL_OK)
        code = get_histogram(in, &(*rough)->unsummed);
    if (code == RNL_OK)
        code = get_moments(in, &(*rough)->sums);
    if (code == RNL_OK)
        code = get_moments(in, &(*rough)->ends);
    return code;
}

/* The parts tell of the same values. */
static bool agrees(const struct rnl_digest_metric *metric)
{
    uint64_t all = rnl_histogram_count(&metric->histogram);
    uint64_t exact = metric->moments.count;
    uint64_t rough = metric->rough != NULL ? rnl_rough_count(metric->rough) : 0;
    return all <= RNL_DIGEST_COUNT_MAX && exact <= all && rough == all - exact;
}

enum rnl_code rnl_digest_metric_read(struct rnl_digest_metric *metric,
                                     const uint8_t *bytes, size_t len)
{
    struct rnl_wire in;
    uint64_t has_rough = 0;
    enum rnl_code code =
        rnl_sketch_open(bytes, len, metric_letters, VERSION, &in);
    if (code == RNL_OK)
        code = get_moments(&in, &metric->moments);
    if (code == RNL_OK)
        code = get_histogram(&in, &metric->histogram);
    if (code == RNL_OK && (!rnl_get_varint(&in, &has_rough) || has_rough > 1))
        code = RNL_INVALID_ARGUMENT;
    if (code == RNL_OK && has_rough == 1)
        code = get_rough(&in, &metric->rough);
    if (code != RNL_OK)
        return code;
    return in.at == in.end && agrees(metric) ? RNL_OK : RNL_INVALID_ARGUMENT;
}

/* ---- keys ---- */

/* Empty ones are there or not by what was reserved. */
static bool is_used(const struct rnl_count_min *sketch)
{
    return sketch != NULL && sketch->total > 0;
}

static uint64_t rest_count(const struct rnl_rest *rest)
{
    uint64_t count = 0;
    for (size_t i = 0; i < RNL_REST_WIDTHS; i++)
        count += is_used(rest->by_width[i]);
    return count;
}

static size_t rest_len(const struct rnl_rest *rest)
{
    size_t len = rnl_varint_len(rest_count(rest));
    for (size_t i = 0; i < RNL_REST_WIDTHS; i++) {
        if (is_used(rest->by_width[i]))
            len += part_len(rnl_count_min_serialized_len(rest->by_width[i]));
    }
    return len;
}

size_t rnl_digest_keys_len(const struct rnl_digest *digest)
{
    return RNL_SKETCH_HEAD_LEN + RNL_SKETCH_CHECK_LEN +
           rnl_varint_len(digest->count) + rnl_varint_len(digest->lost_events) +
           rnl_varint_len(digest->lost_offset) + 1 +
           part_len(rnl_frequent_serialized_len(&digest->keys)) +
           part_len(rnl_hll_serialized_len(&digest->fallen)) +
           rest_len(&digest->rest);
}

static uint8_t *put_rest(uint8_t *at, const struct rnl_rest *rest)
{
    at = rnl_put_varint(at, rest_count(rest));
    for (size_t i = 0; i < RNL_REST_WIDTHS; i++) {
        const struct rnl_count_min *sketch = rest->by_width[i];
        if (!is_used(sketch))
            continue;
        size_t len = rnl_count_min_serialized_len(sketch);
        at = rnl_put_varint(at, len);
        rnl_count_min_serialize(sketch, at);
        at += len;
    }
    return at;
}

enum rnl_code rnl_digest_keys_write(const struct rnl_digest *digest,
                                    uint8_t *out)
{
    uint8_t *at = rnl_sketch_head(out, keys_letters, VERSION);
    at = rnl_put_varint(at, digest->count);
    at = rnl_put_varint(at, digest->lost_events);
    at = rnl_put_varint(at, digest->lost_offset);
    at = rnl_put_varint(at, digest->merged_keys);
    size_t len = rnl_frequent_serialized_len(&digest->keys);
    at = rnl_put_varint(at, len);
    if (rnl_frequent_serialize(&digest->keys, at) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    at += len;
    len = rnl_hll_serialized_len(&digest->fallen);
    at = rnl_put_varint(at, len);
    rnl_hll_serialize(&digest->fallen, at);
    at = put_rest(at + len, &digest->rest);
    rnl_sketch_seal(out, at);
    return RNL_OK;
}

enum rnl_code rnl_digest_hll_read(struct rnl_hll *hll, const uint8_t *bytes,
                                  size_t len)
{
    bool ultra = len >= 4 && memcmp(bytes, "RULL", 4) == 0;
    enum rnl_code code = ultra ? rnl_ull_init(hll, RNL_HLL_PRECISION_DEFAULT, 0)
                               : rnl_hll_init(hll, RNL_HLL_PRECISION_DEFAULT,
                                              RNL_HASH_NATIVE, 0);
    return code == RNL_OK ? rnl_hll_deserialize(hll, bytes, len) : code;
}

static enum rnl_code get_counts(struct rnl_digest *digest, struct rnl_wire *in)
{
    uint64_t merged_keys;
    if (!rnl_get_varint(in, &digest->count) ||
        !rnl_get_varint(in, &digest->lost_events) ||
        !rnl_get_varint(in, &digest->lost_offset) ||
        !rnl_get_varint(in, &merged_keys) || merged_keys > 1 ||
        digest->count > RNL_DIGEST_COUNT_MAX)
        return RNL_INVALID_ARGUMENT;
    digest->merged_keys = merged_keys == 1;
    return RNL_OK;
}

static enum rnl_code get_rest(struct rnl_rest *rest, struct rnl_wire *in)
{
    uint64_t count;
    uint32_t width_before = RNL_REST_WIDTH_LOG2_MIN - 1;
    if (!rnl_get_varint(in, &count) || count > RNL_REST_WIDTHS)
        return RNL_INVALID_ARGUMENT;
    for (uint64_t i = 0; i < count; i++) {
        struct rnl_wire part;
        struct rnl_count_min *sketch = NULL;
        if (!get_part(in, &part))
            return RNL_INVALID_ARGUMENT;
        enum rnl_code code =
            rnl_count_min_deserialize(part.at, wire_len(&part), &sketch);
        if (code != RNL_OK)
            return code;
        if (sketch->width_log2 <= width_before ||
            sketch->width_log2 > RNL_REST_WIDTH_LOG2_MAX) {
            rnl_count_min_destroy(sketch);
            return RNL_INVALID_ARGUMENT;
        }
        width_before = sketch->width_log2;
        rest->by_width[width_before - RNL_REST_WIDTH_LOG2_MIN] = sketch;
    }
    return RNL_OK;
}

/* Every event is in the table, behind it, or lost. */
static bool adds_up(const struct rnl_digest *digest)
{
    uint64_t left = digest->count;
    size_t slots = rnl_frequent_slots(&digest->keys);
    for (size_t i = 0; i < slots; i++) {
        if (digest->keys.hashes[i] == 0)
            continue;
        if (digest->keys.entries[i].count > left)
            return false;
        left -= digest->keys.entries[i].count;
    }
    for (size_t i = 0; i < RNL_REST_WIDTHS; i++) {
        const struct rnl_count_min *sketch = digest->rest.by_width[i];
        if (sketch != NULL && sketch->total > left)
            return false;
        left -= sketch != NULL ? sketch->total : 0;
    }
    return left == digest->lost_events &&
           digest->keys.offset <= digest->count &&
           digest->lost_offset <= digest->keys.offset &&
           (digest->keys.offset == digest->lost_offset ||
            rest_count(&digest->rest) > 0);
}

static enum rnl_code get_sketches(struct rnl_digest *digest,
                                  struct rnl_wire *in)
{
    struct rnl_wire part;
    if (!get_part(in, &part))
        return RNL_INVALID_ARGUMENT;
    enum rnl_code code =
        rnl_frequent_deserialize(&digest->keys, part.at, wire_len(&part));
    if (code != RNL_OK)
        return code;
    digest->keys.entries_max = RNL_FREQUENT_UNLIMITED;
    if (!get_part(in, &part))
        return RNL_INVALID_ARGUMENT;
    rnl_hll_fini(&digest->fallen);
    code = rnl_digest_hll_read(&digest->fallen, part.at, wire_len(&part));
    return code == RNL_OK ? get_rest(&digest->rest, in) : code;
}

enum rnl_code rnl_digest_keys_read(struct rnl_digest *digest,
                                   const uint8_t *bytes, size_t len)
{
    struct rnl_wire in;
    enum rnl_code code =
        rnl_sketch_open(bytes, len, keys_letters, VERSION, &in);
    if (code == RNL_OK)
        code = get_counts(digest, &in);
    if (code == RNL_OK)
        code = get_sketches(digest, &in);
    if (code != RNL_OK)
        return code;
    return in.at == in.end && adds_up(digest) ? RNL_OK : RNL_INVALID_ARGUMENT;
}
