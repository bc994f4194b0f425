/* SPDX-License-Identifier: Apache-2.0 */
#include "count_min.h"

#include <stdbool.h>

#include "bytes.h"

#define VERSION 1

static const char letters[4] = {'R', 'C', 'M', 'S'};

static size_t counters_of(const struct rnl_count_min *sketch)
{
    return (size_t)RNL_COUNT_MIN_ROWS << sketch->width_log2;
}

size_t rnl_count_min_serialized_len(const struct rnl_count_min *sketch)
{
    size_t len = RNL_SKETCH_HEAD_LEN + RNL_SKETCH_CHECK_LEN +
                 rnl_varint_len(sketch->width_log2) +
                 rnl_varint_len(sketch->total);
    size_t counters = counters_of(sketch);
    /* rnl_varint_len of each, in a form that becomes vectors. */
    for (size_t i = 0; i < counters; i++) {
        uint32_t counter = sketch->counters[i];
        len += 1U + (counter >= 1U << 7) + (counter >= 1U << 14) +
               (counter >= 1U << 21) + (counter >= 1U << 28);
    }
    return len;
}

void rnl_count_min_serialize(const struct rnl_count_min *sketch, uint8_t *out)
{
    uint8_t *at = rnl_sketch_head(out, letters, VERSION);
    size_t counters = counters_of(sketch);
    at = rnl_put_varint(at, sketch->width_log2);
    at = rnl_put_varint(at, sketch->total);
    for (size_t i = 0; i < counters; i++) {
        /* Nearly all are small. */
        if (sketch->counters[i] < 0x80)
            *at++ = (uint8_t)sketch->counters[i];
        else
            at = rnl_put_varint(at, sketch->counters[i]);
    }
    rnl_sketch_seal(out, at);
}

/* A row adds up to N, or to less if one of its counters is at its end. */
static bool read_row(struct rnl_count_min *sketch, struct rnl_wire *content,
                     uint32_t *row)
{
    size_t width = (size_t)1 << sketch->width_log2;
    uint64_t sum = 0;
    bool saturated = false;
    for (size_t i = 0; i < width; i++) {
        uint64_t counter;
        if (!rnl_get_varint(content, &counter) ||
            counter > RNL_COUNT_MIN_SATURATED)
            return false;
        row[i] = (uint32_t)counter;
        sum += counter;
        if (counter == RNL_COUNT_MIN_SATURATED) {
            saturated = true;
            sketch->saturated_count++;
        }
    }
    return saturated ? sum <= sketch->total : sum == sketch->total;
}

static bool read_rows(struct rnl_count_min *sketch, struct rnl_wire *content)
{
    for (size_t r = 0; r < RNL_COUNT_MIN_ROWS; r++) {
        if (!read_row(sketch, content,
                      sketch->counters + (r << sketch->width_log2)))
            return false;
    }
    return content->at == content->end;
}

enum rnl_code rnl_count_min_deserialize(const uint8_t *bytes, size_t len,
                                        struct rnl_count_min **ret_sketch)
{
    struct rnl_wire content;
    enum rnl_code code =
        rnl_sketch_open(bytes, len, letters, VERSION, &content);
    if (code != RNL_OK)
        return code;
    uint64_t width_log2;
    uint64_t total;
    if (!rnl_get_varint(&content, &width_log2) ||
        !rnl_get_varint(&content, &total) ||
        width_log2 < RNL_COUNT_MIN_WIDTH_LOG2_MIN ||
        width_log2 > RNL_COUNT_MIN_WIDTH_LOG2_MAX)
        return RNL_INVALID_ARGUMENT;
    /* Each counter takes a byte at least: memory is not taken on a claim. */
    if ((size_t)(content.end - content.at) >> width_log2 < RNL_COUNT_MIN_ROWS)
        return RNL_INVALID_ARGUMENT;
    struct rnl_count_min *sketch = NULL;
    code = rnl_count_min_create((uint32_t)width_log2, &sketch);
    if (code != RNL_OK)
        return code;
    sketch->total = total;
    if (!read_rows(sketch, &content)) {
        rnl_count_min_destroy(sketch);
        return RNL_INVALID_ARGUMENT;
    }
    *ret_sketch = sketch;
    return RNL_OK;
}
