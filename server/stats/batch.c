/* SPDX-License-Identifier: Apache-2.0 */
/* Each column is first judged as a whole, in loops that vectorise. Only when
 * one is found wanting is it walked again for the place. */
#include "batch.h"

#include <math.h>
#include <string.h>

#include "sketch/simd.h"
#include "utf8.h"

static enum rnl_code fault(struct rnl_meter_fault *ret_fault, const char *field,
                           size_t index, const char *what)
{
    ret_fault->field = field;
    ret_fault->index = index;
    ret_fault->what = what;
    return RNL_INVALID_ARGUMENT;
}

/* ---- loops that vectorise ---- */

struct range {
    uint32_t low;
    uint32_t high;
};

RNL_SIMD_INLINE struct range range_plain(const uint32_t *numbers, size_t count)
{
    struct range range = {UINT32_MAX, 0};
    for (size_t i = 0; i < count; i++) {
        range.low = numbers[i] < range.low ? numbers[i] : range.low;
        range.high = numbers[i] > range.high ? numbers[i] : range.high;
    }
    return range;
}

/* True when all bytes are 0x01 to 0x7F: nearly always so, and then valid
 * however it is cut into keys. */
RNL_SIMD_INLINE bool is_plain_text(const uint8_t *bytes, size_t len)
{
    uint8_t high = 0;
    uint8_t nul = 0;
    for (size_t i = 0; i < len; i++) {
        high |= bytes[i];
        nul |= bytes[i] == 0;
    }
    return high < 0x80 && nul == 0;
}

#if RNL_SIMD_X86
RNL_SIMD_AVX2 static struct range range_avx2(const uint32_t *numbers,
                                             size_t count)
{
    return range_plain(numbers, count);
}

RNL_SIMD_AVX2 static bool is_plain_avx2(const uint8_t *bytes, size_t len)
{
    return is_plain_text(bytes, len);
}
#endif

static struct range range_of(const uint32_t *numbers, size_t count)
{
#if RNL_SIMD_X86
    if (rnl_simd_avx2())
        return range_avx2(numbers, count);
#endif
    return range_plain(numbers, count);
}

static bool is_plain(const uint8_t *bytes, size_t len)
{
#if RNL_SIMD_X86
    if (rnl_simd_avx2())
        return is_plain_avx2(bytes, len);
#endif
    return is_plain_text(bytes, len);
}

/* ---- keys ---- */

static enum rnl_code check_lengths(const struct rnl_meter_batch *batch,
                                   struct rnl_meter_fault *ret_fault)
{
    uint64_t sum = 0;
    uint32_t wrong = 0;
    for (size_t k = 0; k < batch->key_count; k++) {
        uint32_t len = batch->key_lengths[k];
        sum += len;
        wrong |= len - 1 >= RNL_METER_KEY_BYTES_MAX;
    }
    for (size_t k = 0; wrong != 0 && k < batch->key_count; k++) {
        if (batch->key_lengths[k] - 1 >= RNL_METER_KEY_BYTES_MAX)
            return fault(ret_fault, "key_lengths", k, "must be 1 to 256 bytes");
    }
    if (sum != batch->keys_len)
        return fault(ret_fault, "key_lengths", SIZE_MAX,
                     "must add up to the length of keys");
    return RNL_OK;
}

static enum rnl_code check_text(const struct rnl_meter_batch *batch,
                                struct rnl_meter_fault *ret_fault)
{
    if (is_plain(batch->keys, batch->keys_len))
        return RNL_OK;
    const uint8_t *key = batch->keys;
    for (size_t k = 0; k < batch->key_count; k++) {
        size_t len = batch->key_lengths[k];
        if (!rnl_utf8_valid(key, len))
            return fault(ret_fault, "keys", k, "must be UTF-8");
        if (memchr(key, 0, len) != NULL)
            return fault(ret_fault, "keys", k, "must not contain U+0000");
        key += len;
    }
    return RNL_OK;
}

static enum rnl_code check_indexes(const struct rnl_meter_batch *batch,
                                   struct rnl_meter_fault *ret_fault)
{
    uint32_t highest = range_of(batch->key_indexes, batch->event_count).high;
    for (size_t i = 0; highest >= batch->key_count; i++) {
        if (batch->key_indexes[i] >= batch->key_count)
            return fault(ret_fault, "key_indexes", i,
                         "must be below the number of key_lengths");
    }
    return RNL_OK;
}

/* ---- numbers ---- */

static enum rnl_code check_values(const struct rnl_meter_batch *batch,
                                  struct rnl_spread *ret_spread,
                                  struct rnl_meter_fault *ret_fault)
{
    rnl_spread_f64(batch->values, batch->event_count, ret_spread);
    if (ret_spread->finite)
        return RNL_OK;
    size_t i = 0;
    while (isfinite(batch->values[i]))
        i++;
    return fault(ret_fault, "values", i, "must be finite");
}

static enum rnl_code check_latencies(const struct rnl_meter_batch *batch,
                                     struct rnl_spread *ret_spread,
                                     struct rnl_meter_fault *ret_fault)
{
    rnl_spread_f32(batch->latencies_ms, batch->event_count, ret_spread);
    if (ret_spread->finite && ret_spread->min >= 0)
        return RNL_OK;
    size_t i = 0;
    while (isfinite(batch->latencies_ms[i]) && batch->latencies_ms[i] >= 0)
        i++;
    return fault(ret_fault, "latencies_ms", i,
                 "must be finite and not negative");
}

/* ---- times ---- */

static enum rnl_code check_times(const struct rnl_meter_batch *batch,
                                 int64_t wall_ms,
                                 struct rnl_batch_facts *ret_facts,
                                 struct rnl_meter_fault *ret_fault)
{
    const char *ahead = "must not be more than an hour ahead of the server";
    int64_t base = batch->time_base_ms;
    if (base == 0 && batch->time_offsets_ms == NULL) {
        ret_facts->first_ms = wall_ms;
        ret_facts->last_ms = wall_ms;
        return RNL_OK;
    }
    if (base < 0)
        return fault(ret_fault, "time_base_ms", SIZE_MAX,
                     "must not be negative");
    if (base > wall_ms + RNL_METER_AHEAD_MS)
        return fault(ret_fault, "time_base_ms", SIZE_MAX, ahead);
    struct range range = {0, 0};
    if (batch->time_offsets_ms != NULL)
        range = range_of(batch->time_offsets_ms, batch->event_count);
    for (size_t i = 0; base + range.high > wall_ms + RNL_METER_AHEAD_MS; i++) {
        if (base + batch->time_offsets_ms[i] > wall_ms + RNL_METER_AHEAD_MS)
            return fault(ret_fault, "time_offsets_ms", i, ahead);
    }
    ret_facts->first_ms = base + range.low;
    ret_facts->last_ms = base + range.high;
    return RNL_OK;
}

enum rnl_code rnl_batch_check(const struct rnl_meter_batch *batch,
                              int64_t wall_ms,
                              struct rnl_batch_facts *ret_facts,
                              struct rnl_meter_fault *ret_fault)
{
    if (batch->event_count == 0 ||
        batch->event_count > RNL_METER_BATCH_EVENTS_MAX)
        return fault(ret_fault, "key_indexes", SIZE_MAX,
                     "must be 1 to 65536 events");
    if (batch->key_count > RNL_METER_BATCH_EVENTS_MAX)
        return fault(ret_fault, "key_lengths", SIZE_MAX,
                     "must be at most 65536 keys");
    enum rnl_code code = check_lengths(batch, ret_fault);
    if (code == RNL_OK)
        code = check_text(batch, ret_fault);
    if (code == RNL_OK)
        code = check_indexes(batch, ret_fault);
    if (code == RNL_OK && batch->values != NULL)
        code = check_values(batch, &ret_facts->spreads[RNL_METER_VALUE],
                            ret_fault);
    if (code == RNL_OK && batch->latencies_ms != NULL)
        code = check_latencies(batch, &ret_facts->spreads[RNL_METER_LATENCY],
                               ret_fault);
    if (code == RNL_OK)
        code = check_times(batch, wall_ms, ret_facts, ret_fault);
    return code;
}

size_t rnl_batch_events_before(const struct rnl_meter_batch *batch,
                               const struct rnl_batch_facts *facts,
                               int64_t time_ms)
{
    if (facts->first_ms >= time_ms)
        return 0;
    if (facts->last_ms < time_ms)
        return batch->event_count;
    size_t before = 0;
    for (size_t i = 0; i < batch->event_count; i++)
        before += batch->time_base_ms + batch->time_offsets_ms[i] < time_ms;
    return before;
}
