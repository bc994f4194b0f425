/* SPDX-License-Identifier: Apache-2.0 */
#include "count_min.h"

#include <stdbool.h>
#include <string.h>

#include "alloc.h"

/* Items whose cache lines are fetched at a time. */
#define PLACES 32

#define E 2.71828182845904523536

/* Odd, from the digits of pi's fraction: nothing up the sleeve. */
static const uint64_t multipliers[RNL_COUNT_MIN_ROWS] = {
    UINT64_C(0x243F6A8885A308D3), UINT64_C(0x13198A2E03707345),
    UINT64_C(0xA4093822299F31D1), UINT64_C(0x082EFA98EC4E6C89)};

static size_t width_of(const struct rnl_count_min *sketch)
{
    return (size_t)1 << sketch->width_log2;
}

/* Bits 32 and up of the product depend on all bits of the hash below them and
 * stay the same ones when the width changes. */
static size_t position(uint64_t hash, size_t row, size_t mask)
{
    return (size_t)((hash * multipliers[row]) >> 32) & mask;
}

static void add(struct rnl_count_min *sketch, uint32_t *counter,
                uint64_t weight)
{
    uint32_t room = RNL_COUNT_MIN_SATURATED - *counter;
    if (weight < room) {
        *counter += (uint32_t)weight;
        return;
    }
    if (room > 0)
        sketch->saturated_count++;
    *counter = RNL_COUNT_MIN_SATURATED;
}

size_t rnl_count_min_size(uint32_t width_log2)
{
    return sizeof(struct rnl_count_min) +
           (RNL_COUNT_MIN_ROWS * sizeof(uint32_t) << width_log2);
}

enum rnl_code rnl_count_min_create(uint32_t width_log2,
                                   struct rnl_count_min **ret_sketch)
{
    struct rnl_count_min *sketch =
        rnl_calloc(1, rnl_count_min_size(width_log2));
    if (sketch == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    sketch->width_log2 = width_log2;
    *ret_sketch = sketch;
    return RNL_OK;
}

void rnl_count_min_destroy(struct rnl_count_min *sketch)
{
    rnl_free(sketch);
}

void rnl_count_min_reset(struct rnl_count_min *sketch)
{
    uint32_t width_log2 = sketch->width_log2;
    memset(sketch, 0, rnl_count_min_size(width_log2));
    sketch->width_log2 = width_log2;
}

void rnl_count_min_update(struct rnl_count_min *sketch, uint64_t hash,
                          uint64_t weight)
{
    size_t width = width_of(sketch);
    uint32_t *row = sketch->counters;
    for (size_t r = 0; r < RNL_COUNT_MIN_ROWS; r++, row += width)
        add(sketch, row + position(hash, r, width - 1), weight);
    sketch->total += weight;
}

/* Where the counters of some items are, with their cache lines on the way. */
struct places {
    uint32_t *counters[PLACES][RNL_COUNT_MIN_ROWS];
};

static void find_places(struct rnl_count_min *sketch,
                        const struct rnl_count_min_item *items, size_t count,
                        struct places *places)
{
    size_t width = width_of(sketch);
    for (size_t i = 0; i < count; i++) {
        for (size_t r = 0; r < RNL_COUNT_MIN_ROWS; r++) {
            uint32_t *counter = sketch->counters + r * width +
                                position(items[i].hash, r, width - 1);
            places->counters[i][r] = counter;
            __builtin_prefetch(counter, 1);
        }
    }
}

void rnl_count_min_update_batch(struct rnl_count_min *sketch,
                                const struct rnl_count_min_item *items,
                                size_t count)
{
    struct places places;
    for (size_t from = 0; from < count; from += PLACES) {
        size_t now = count - from < PLACES ? count - from : PLACES;
        find_places(sketch, items + from, now, &places);
        for (size_t i = 0; i < now; i++) {
            for (size_t r = 0; r < RNL_COUNT_MIN_ROWS; r++)
                add(sketch, places.counters[i][r], items[from + i].weight);
            sketch->total += items[from + i].weight;
        }
    }
}

/* Adds an item unless that goes above limit; returns its estimate before, or
 * limit where the counters are at their end: they know no more. */
static uint64_t add_below(struct rnl_count_min *sketch, uint64_t limit,
                          uint64_t weight, uint32_t *const *counters)
{
    uint32_t least = RNL_COUNT_MIN_SATURATED;
    for (size_t r = 0; r < RNL_COUNT_MIN_ROWS; r++)
        least = *counters[r] < least ? *counters[r] : least;
    if (least == RNL_COUNT_MIN_SATURATED && least < limit)
        return limit;
    if (least + weight <= limit) {
        for (size_t r = 0; r < RNL_COUNT_MIN_ROWS; r++)
            add(sketch, counters[r], weight);
    }
    return least;
}

size_t rnl_count_min_update_below(struct rnl_count_min *sketch, uint64_t limit,
                                  const struct rnl_count_min_item *items,
                                  size_t count, uint32_t *ret_above,
                                  uint64_t *ret_estimates)
{
    struct places places;
    size_t above = 0;
    for (size_t from = 0; from < count; from += PLACES) {
        size_t now = count - from < PLACES ? count - from : PLACES;
        find_places(sketch, items + from, now, &places);
        for (size_t i = 0; i < now; i++) {
            uint64_t weight = items[from + i].weight;
            uint64_t estimate =
                add_below(sketch, limit, weight, places.counters[i]);
            if (estimate + weight <= limit) {
                sketch->total += weight;
                continue;
            }
            ret_above[above] = (uint32_t)(from + i);
            ret_estimates[above++] = estimate;
        }
    }
    return above;
}

/* Adds a row, or a part of one that is as wide. No counter is above the sum of
 * all weights: while that fits 32 bits none can saturate, and the loop is one
 * that vectorises. */
static void add_row(struct rnl_count_min *sketch, uint32_t *row,
                    const uint32_t *from, size_t width, bool saturates)
{
    if (!saturates) {
        for (size_t i = 0; i < width; i++)
            row[i] += from[i];
        return;
    }
    for (size_t i = 0; i < width; i++)
        add(sketch, row + i, from[i]);
}

void rnl_count_min_merge(struct rnl_count_min *sketch,
                         const struct rnl_count_min *other)
{
    size_t width = width_of(sketch);
    size_t other_width = width_of(other);
    bool saturates = sketch->total + other->total >= RNL_COUNT_MIN_SATURATED;
    for (size_t r = 0; r < RNL_COUNT_MIN_ROWS; r++) {
        uint32_t *row = sketch->counters + r * width;
        const uint32_t *from = other->counters + r * other_width;
        for (size_t part = 0; part < other_width; part += width)
            add_row(sketch, row, from + part, width, saturates);
    }
    sketch->total += other->total;
}

/* In place: row r moves down to r * narrow, which is at or below where it
 * starts, so that nothing is overwritten before it is read. */
void rnl_count_min_fold(struct rnl_count_min **sketch, uint32_t width_log2)
{
    struct rnl_count_min *wide = *sketch;
    size_t width = width_of(wide);
    if (wide->width_log2 <= width_log2)
        return;
    size_t narrow = (size_t)1 << width_log2;
    bool saturates = wide->total >= RNL_COUNT_MIN_SATURATED;
    wide->saturated_count = 0;
    for (size_t r = 0; r < RNL_COUNT_MIN_ROWS; r++) {
        uint32_t *row = wide->counters + r * narrow;
        const uint32_t *from = wide->counters + r * width;
        memmove(row, from, narrow * sizeof(*row));
        for (size_t i = 0; saturates && i < narrow; i++)
            wide->saturated_count += row[i] == RNL_COUNT_MIN_SATURATED;
        for (size_t part = narrow; part < width; part += narrow)
            add_row(wide, row, from + part, narrow, saturates);
    }
    wide->width_log2 = width_log2;
    struct rnl_count_min *less =
        rnl_realloc(wide, rnl_count_min_size(width_log2));
    *sketch = less != NULL ? less : wide;
}

uint64_t rnl_count_min_estimate(const struct rnl_count_min *sketch,
                                uint64_t hash)
{
    size_t width = width_of(sketch);
    const uint32_t *row = sketch->counters;
    uint32_t least = RNL_COUNT_MIN_SATURATED;
    for (size_t r = 0; r < RNL_COUNT_MIN_ROWS; r++, row += width) {
        uint32_t counter = row[position(hash, r, width - 1)];
        least = counter < least ? counter : least;
    }
    return least;
}

double rnl_count_min_error(const struct rnl_count_min *sketch)
{
    return E / (double)width_of(sketch) * (double)sketch->total;
}
