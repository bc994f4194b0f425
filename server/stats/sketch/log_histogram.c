/* SPDX-License-Identifier: Apache-2.0 */
/* Life and counting; answers are in log_histogram_read.c. */
#include "log_histogram.h"

#include <float.h>
#include <math.h>

#include "bins.h"
#include "column.h"

#define SIGN_BIT (UINT64_C(1) << 63)

void rnl_histogram_init(struct rnl_histogram *histogram)
{
    *histogram = (struct rnl_histogram){0};
}

void rnl_histogram_fini(struct rnl_histogram *histogram)
{
    rnl_bins_fini(&histogram->positive);
    rnl_bins_fini(&histogram->negative);
    histogram->zeros = 0;
}

void rnl_histogram_reset(struct rnl_histogram *histogram)
{
    rnl_bins_reset(&histogram->positive);
    rnl_bins_reset(&histogram->negative);
    histogram->zeros = 0;
}

enum rnl_code rnl_histogram_copy(struct rnl_histogram *target,
                                 const struct rnl_histogram *source)
{
    struct rnl_histogram made;
    rnl_histogram_init(&made);
    enum rnl_code code = rnl_histogram_merge(&made, source);
    if (code != RNL_OK) {
        rnl_histogram_fini(&made);
        return code;
    }
    rnl_histogram_fini(target);
    *target = made;
    return RNL_OK;
}

enum rnl_code rnl_histogram_reserve(struct rnl_histogram *histogram,
                                    size_t count,
                                    const struct rnl_spread *spread)
{
    if (spread->huge == 0)
        return RNL_OK;
    /* For values of both signs, the smallest of either will do: a window that
     * begins too low only takes memory. */
    int32_t first = rnl_log_index(spread->tiny);
    /* Both are of one width, so that one loop counts into both. */
    bool wide = histogram->positive.wide || histogram->negative.wide;
    uint64_t more = wide ? UINT64_MAX : count;
    enum rnl_code code = RNL_OK;
    if (spread->max > 0)
        code = rnl_bins_reserve(&histogram->positive, first,
                                rnl_log_index(spread->max), more);
    if (code == RNL_OK && spread->min < 0)
        code = rnl_bins_reserve(&histogram->negative, first,
                                rnl_log_index(-spread->min), more);
    return code;
}

/* ---- any column, one by one ---- */

static void add_value(struct rnl_histogram *histogram, double value,
                      uint64_t weight)
{
    if (value > 0)
        rnl_bins_add(&histogram->positive, rnl_log_index(value), weight);
    else if (value < 0)
        rnl_bins_add(&histogram->negative, rnl_log_index(-value), weight);
    else
        histogram->zeros = rnl_add_saturating(histogram->zeros, weight);
}

static void add_any(struct rnl_histogram *histogram, const void *values,
                    size_t count, bool f32)
{
    for (size_t i = 0; i < count; i++) {
        double value = rnl_column_at(values, i, f32);
        if (isfinite(value))
            add_value(histogram, value, 1);
    }
}

/* ---- the common columns: finite, no subnormal, within the windows ----
 *
 * In two passes over a block: positions of the counters, then the counters.
 * In one pass, a load would wait for the addresses of all increments before it
 * to be known; two take 0.8 ns a value instead of 0.95, and as much as one with
 * gathers of AVX2. Two copies of each counter, against increments of the same
 * one waiting for each other, gain nothing here: a column of one bin takes
 * 0.9 ns. See bench/sketch_dist.c. */

#define BLOCK 256

/* In a position: a counter of the negative bins. */
#define NEGATIVE (UINT32_C(1) << 31)

/* Position of a bin is its index, biased as rnl_log_raw is, less this; position
 * 0 is the cell before the window, for zeros. */
static uint32_t bias_of(const struct rnl_bins *bins)
{
    return (uint32_t)(bins->low + RNL_LOG_RAW_BIAS) - 1;
}

/* position, or 0 when bits are 0: without a branch, which zeros among other
 * values would make costly. */
RNL_SIMD_INLINE uint32_t unless_zero(uint64_t bits, uint32_t position)
{
    return position & (0 - (uint32_t)(bits != 0));
}

/* Values of one sign. */
RNL_SIMD_INLINE void find_one_sign(const void *values, size_t count, bool f32,
                                   bool zeros, uint32_t bias, uint32_t *ret_at)
{
    for (size_t i = 0; i < count; i++) {
        double value = rnl_column_at(values, i, f32);
        uint64_t bits = rnl_double_bits(value) & ~SIGN_BIT;
        uint32_t at = rnl_log_raw(bits) - bias;
        ret_at[i] = zeros ? unless_zero(bits, at) : at;
    }
}

RNL_SIMD_INLINE void find_both_signs(const void *values, size_t count, bool f32,
                                     const uint32_t biases[2], uint32_t *ret_at)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = rnl_double_bits(rnl_column_at(values, i, f32));
        size_t sign = bits >> 63;
        bits &= ~SIGN_BIT;
        uint32_t at = rnl_log_raw(bits) - biases[sign];
        ret_at[i] = unless_zero(bits, at) | (uint32_t)sign * NEGATIVE;
    }
}

/* Each loop in a function of its own: together they run out of registers. */
#define FIND_ONE_SIGN(name, f32, zeros)                                    \
    static __attribute__((noinline)) void name(                            \
        const void *values, size_t count, uint32_t bias, uint32_t *ret_at) \
    {                                                                      \
        find_one_sign(values, count, f32, zeros, bias, ret_at);            \
    }

FIND_ONE_SIGN(find_f64, false, false)
FIND_ONE_SIGN(find_f64_zeros, false, true)
FIND_ONE_SIGN(find_f32, true, false)
FIND_ONE_SIGN(find_f32_zeros, true, true)

typedef void find_fn(const void *values, size_t count, uint32_t bias,
                     uint32_t *ret_at);

static find_fn *finder(bool f32, bool zeros)
{
    if (f32)
        return zeros ? find_f32_zeros : find_f32;
    return zeros ? find_f64_zeros : find_f64;
}

static void tally(const struct rnl_bins *bins, const uint32_t *at, size_t count)
{
    if (bins->wide) {
        uint64_t *cells = bins->cells;
        for (size_t i = 0; i < count; i++)
            cells[at[i]]++;
    } else {
        uint32_t *cells = bins->cells;
        for (size_t i = 0; i < count; i++)
            cells[at[i]]++;
    }
}

/* Returns the number of sign bits. Both bins are of one width. */
static size_t tally_both(const struct rnl_histogram *histogram,
                         const uint32_t *at, size_t count)
{
    size_t negatives = 0;
    if (histogram->positive.wide) {
        uint64_t *const cells[2] = {histogram->positive.cells,
                                    histogram->negative.cells};
        for (size_t i = 0; i < count; i++) {
            cells[at[i] / NEGATIVE][at[i] % NEGATIVE]++;
            negatives += at[i] / NEGATIVE;
        }
    } else {
        uint32_t *const cells[2] = {histogram->positive.cells,
                                    histogram->negative.cells};
        for (size_t i = 0; i < count; i++) {
            cells[at[i] / NEGATIVE][at[i] % NEGATIVE]++;
            negatives += at[i] / NEGATIVE;
        }
    }
    return negatives;
}

/* Books count values that a loop put into bins, some of them as zeros. */
static void book(struct rnl_histogram *histogram, struct rnl_bins *bins,
                 uint64_t count)
{
    uint64_t zeros;
    if (bins->wide) {
        uint64_t *cells = bins->cells;
        zeros = cells[0];
        cells[0] = 0;
    } else {
        uint32_t *cells = bins->cells;
        zeros = cells[0];
        cells[0] = 0;
    }
    histogram->zeros += zeros;
    bins->total += count - zeros;
}

static void add_one_sign(struct rnl_bins *bins, const void *values,
                         size_t count, bool f32, find_fn *find)
{
    uint32_t at[BLOCK];
    uint32_t bias = bias_of(bins);
    for (size_t from = 0; from < count; from += BLOCK) {
        size_t some = count - from < BLOCK ? count - from : BLOCK;
        find(rnl_column_from(values, from, f32), some, bias, at);
        tally(bins, at, some);
    }
}

static void add_both_signs(struct rnl_histogram *histogram, const void *values,
                           size_t count, bool f32)
{
    uint32_t at[BLOCK];
    const uint32_t biases[2] = {bias_of(&histogram->positive),
                                bias_of(&histogram->negative)};
    size_t negatives = 0;
    for (size_t from = 0; from < count; from += BLOCK) {
        size_t some = count - from < BLOCK ? count - from : BLOCK;
        const void *block = rnl_column_from(values, from, f32);
        if (f32)
            find_both_signs(block, some, true, biases, at);
        else
            find_both_signs(block, some, false, biases, at);
        negatives += tally_both(histogram, at, some);
    }
    book(histogram, &histogram->positive, count - negatives);
    book(histogram, &histogram->negative, negatives);
}

/* Whether the loops above may run: no value is below a window, none is
 * subnormal, no counter can reach its end, and both signs, if there, have
 * counters of one width. */
static bool is_common(const struct rnl_histogram *histogram, size_t count,
                      const struct rnl_spread *spread)
{
    const struct rnl_bins *positive = &histogram->positive;
    const struct rnl_bins *negative = &histogram->negative;
    const uint64_t room = UINT64_MAX - count;
    if (!spread->finite || spread->tiny < DBL_MIN || histogram->zeros > room ||
        positive->total > room || negative->total > room)
        return false;
    bool up = spread->max > 0, down = spread->min < 0;
    int32_t first = rnl_log_index(spread->tiny);
    return (!up || first >= positive->low) &&
           (!down || first >= negative->low) &&
           (!(up && down) || positive->wide == negative->wide);
}

/* Room is reserved, and the loops above may run. */
static void add_common(struct rnl_histogram *histogram, const void *values,
                       size_t count, bool f32, const struct rnl_spread *spread)
{
    if (spread->min < 0 && spread->max > 0) {
        add_both_signs(histogram, values, count, f32);
        return;
    }
    struct rnl_bins *bins =
        spread->min < 0 ? &histogram->negative : &histogram->positive;
    add_one_sign(bins, values, count, f32, finder(f32, spread->zeros));
    book(histogram, bins, count);
}

static enum rnl_code update(struct rnl_histogram *histogram, const void *values,
                            size_t count, bool f32,
                            const struct rnl_spread *spread)
{
    enum rnl_code code = rnl_histogram_reserve(histogram, count, spread);
    if (code != RNL_OK)
        return code;
    if (spread->min == spread->max && spread->finite)
        add_value(histogram, spread->min, count);
    else if (is_common(histogram, count, spread))
        add_common(histogram, values, count, f32, spread);
    else
        add_any(histogram, values, count, f32);
    return RNL_OK;
}

enum rnl_code rnl_histogram_update_f64(struct rnl_histogram *histogram,
                                       const double *values, size_t count,
                                       const struct rnl_spread *spread)
{
    return update(histogram, values, count, false, spread);
}

enum rnl_code rnl_histogram_update_f32(struct rnl_histogram *histogram,
                                       const float *values, size_t count,
                                       const struct rnl_spread *spread)
{
    return update(histogram, values, count, true, spread);
}

enum rnl_code rnl_histogram_update(struct rnl_histogram *histogram,
                                   double value, uint64_t weight)
{
    struct rnl_spread spread;
    rnl_spread_f64(&value, 1, &spread);
    if (!spread.finite || weight == 0)
        return RNL_OK;
    enum rnl_code code = rnl_histogram_reserve(histogram, weight, &spread);
    if (code == RNL_OK)
        add_value(histogram, value, weight);
    return code;
}

/* ---- other histograms ---- */

enum rnl_code rnl_histogram_merge(struct rnl_histogram *target,
                                  const struct rnl_histogram *source)
{
    enum rnl_code code =
        rnl_bins_reserve_merge(&target->positive, &source->positive);
    if (code == RNL_OK)
        code = rnl_bins_reserve_merge(&target->negative, &source->negative);
    if (code != RNL_OK)
        return code;
    rnl_bins_merge(&target->positive, &source->positive);
    rnl_bins_merge(&target->negative, &source->negative);
    target->zeros = rnl_add_saturating(target->zeros, source->zeros);
    return RNL_OK;
}

enum rnl_code rnl_histogram_subtract(struct rnl_histogram *target,
                                     const struct rnl_histogram *source)
{
    if (rnl_histogram_saturated(target))
        return RNL_OUT_OF_RANGE;
    if (target->zeros < source->zeros ||
        !rnl_bins_contain(&target->positive, &source->positive) ||
        !rnl_bins_contain(&target->negative, &source->negative))
        return RNL_INVALID_ARGUMENT;
    rnl_bins_subtract(&target->positive, &source->positive);
    rnl_bins_subtract(&target->negative, &source->negative);
    target->zeros -= source->zeros;
    return RNL_OK;
}

/* ---- sizes ---- */

uint64_t rnl_histogram_count(const struct rnl_histogram *histogram)
{
    return rnl_add_saturating(histogram->zeros,
                              rnl_add_saturating(histogram->positive.total,
                                                 histogram->negative.total));
}

uint64_t rnl_histogram_collapsed(const struct rnl_histogram *histogram)
{
    return rnl_add_saturating(histogram->positive.collapsed,
                              histogram->negative.collapsed);
}

bool rnl_histogram_saturated(const struct rnl_histogram *histogram)
{
    return rnl_histogram_count(histogram) == UINT64_MAX;
}

static size_t bins_bytes(const struct rnl_bins *bins)
{
    size_t cell = bins->wide ? sizeof(uint64_t) : sizeof(uint32_t);
    return bins->cells == NULL ? 0 : ((size_t)bins->cap + 1) * cell;
}

size_t rnl_histogram_heap_bytes(const struct rnl_histogram *histogram)
{
    return bins_bytes(&histogram->positive) + bins_bytes(&histogram->negative);
}
