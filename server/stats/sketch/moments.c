/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting. How a block of values becomes a few integers:
 *
 * Let all magnitudes be in [2^(E - 22), 2^(E + 1)). With M = 1.5 * 2^(52 + k),
 * the sum x + M has a spacing of 2^k, so that the addition rounds x to a
 * multiple of 2^k, and the bits of the result, as an integer, are those of M
 * plus x / 2^k. So the integers x / 2^k are summed by adding bit patterns, and
 * what was rounded away, x - ((x + M) - M), is exact and goes to the next k.
 *
 *     x          k = E - 49, E - 99:  |x / 2^k| < 2^50, 53 + 22 bits are taken
 *     p = x * x  k = 2E - 48, 2E - 98             p rounded: 53 + 44 bits
 *     q = x * x - p (fused, exact)    k = 2E - 98, 2E - 148: 106 + 44 bits
 *
 * The last k of each is below the last bit of every value, so nothing is lost.
 * Sums of 2,048 integers below 2^51 stay below 2^62. Values that are too small
 * for the window are set aside and get a window of their own.
 */
#include "moments.h"

#include <math.h>
#include <string.h>

#include "column.h"

#define BLOCK 2048

/* Fewer values than this are added one by one. */
#define BLOCK_MIN 8

/* Binades from the largest magnitude of a window to its smallest. */
#define WINDOW 22

/* Exponents E for which no constant over- or underflows, with room. */
#define EXPONENT_MAX 400

#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1023
#define LOWEST_BIT    (-1074)

void rnl_moments_init(struct rnl_moments *moments)
{
    *moments = (struct rnl_moments){0};
    rnl_exact_init(&moments->sum);
    rnl_exact_init(&moments->squares);
}

void rnl_moments_fini(struct rnl_moments *moments)
{
    rnl_exact_fini(&moments->sum);
    rnl_exact_fini(&moments->squares);
    rnl_moments_init(moments);
}

void rnl_moments_reset(struct rnl_moments *moments)
{
    moments->count = 0;
    moments->min = 0;
    moments->max = 0;
    rnl_exact_reset(&moments->sum);
    rnl_exact_reset(&moments->squares);
}

enum rnl_code rnl_moments_reserve(struct rnl_moments *moments,
                                  const struct rnl_spread *spread)
{
    if (spread->huge == 0)
        return RNL_OK;
    int low = ilogb(spread->tiny) - MANTISSA_BITS;
    int high = ilogb(spread->huge) + 1;
    if (low < LOWEST_BIT)
        low = LOWEST_BIT;
    /* 2^64 values. */
    enum rnl_code code = rnl_exact_reserve(&moments->sum, low, high + 64);
    if (code != RNL_OK)
        return code;
    return rnl_exact_reserve(&moments->squares, 2 * low, 2 * high + 64);
}

/* ---- one value ---- */

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* value is finite. */
static void add_value(struct rnl_moments *moments, double value)
{
    uint64_t bits = bits_of(value);
    int exponent = (int)(bits >> MANTISSA_BITS & 0x7ff);
    uint64_t mantissa = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
    if (exponent > 0)
        mantissa |= UINT64_C(1) << MANTISSA_BITS;
    else
        exponent = 1;
    if (mantissa == 0)
        return;
    int place = exponent - EXPONENT_BIAS - MANTISSA_BITS;
    rnl_exact_add(&moments->sum,
                  value < 0 ? -(int64_t)mantissa : (int64_t)mantissa, place);
    unsigned __int128 square = (unsigned __int128)mantissa * mantissa;
    rnl_exact_add_wide(&moments->squares, (uint64_t)square,
                       (uint64_t)(square >> 64), 2 * place);
}

/* ---- a block of values of one window ---- */

/* The constants M, and the sums of bit patterns that they made. */
struct cut {
    double magic[5];
    uint64_t sums[6];
};

RNL_SIMD_INLINE uint64_t pattern(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* q of x * x = p + q. Without a fused multiply-add by Dekker's product (1971),
 * whose halves have 26 bits. */
RNL_SIMD_INLINE double square_rest(double x, double p, bool fused)
{
    if (fused)
        return __builtin_fma(x, x, -p);
    double scaled = x * 134217729.0; /* 2^27 + 1 */
    double high = scaled - (scaled - x);
    double low = x - high;
    return ((high * high - p) + 2 * high * low) + low * low;
}

RNL_SIMD_INLINE void cut_f64(const double *values, size_t count, bool fused,
                             struct cut *cut)
{
    const double x1 = cut->magic[0], x2 = cut->magic[1];
    const double p1 = cut->magic[2], p2 = cut->magic[3], p3 = cut->magic[4];
    uint64_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0;
    for (size_t i = 0; i < count; i++) {
        double x = values[i];
        double t = x + x1;
        s0 += pattern(t);
        s1 += pattern((x - (t - x1)) + x2);
        double p = x * x;
        double q = square_rest(x, p, fused);
        t = p + p1;
        s2 += pattern(t);
        s3 += pattern((p - (t - p1)) + p2);
        t = q + p2;
        s4 += pattern(t);
        s5 += pattern((q - (t - p2)) + p3);
    }
    const uint64_t sums[] = {s0, s1, s2, s3, s4, s5};
    memcpy(cut->sums, sums, sizeof(sums));
}

/* A float has 24 bits: one k takes x, and its square needs no rest. */
RNL_SIMD_INLINE void cut_f32(const float *values, size_t count, struct cut *cut)
{
    const double x1 = cut->magic[0], p1 = cut->magic[2], p2 = cut->magic[3];
    uint64_t s0 = 0, s2 = 0, s3 = 0;
    for (size_t i = 0; i < count; i++) {
        double x = (double)values[i];
        s0 += pattern(x + x1);
        double p = x * x;
        double t = p + p1;
        s2 += pattern(t);
        s3 += pattern((p - (t - p1)) + p2);
    }
    cut->sums[0] = s0;
    cut->sums[2] = s2;
    cut->sums[3] = s3;
}

#if RNL_SIMD_X86
RNL_SIMD_AVX2 static void cut_avx2(const void *values, size_t count, bool f32,
                                   struct cut *cut)
{
    if (f32)
        cut_f32(values, count, cut);
    else
        cut_f64(values, count, true, cut);
}
#endif

static void cut_block(const void *values, size_t count, bool f32,
                      struct cut *cut)
{
#if RNL_SIMD_X86
    if (rnl_simd_avx2()) {
        cut_avx2(values, count, f32, cut);
        return;
    }
#endif
    if (f32)
        cut_f32(values, count, cut);
    else
#ifdef __FP_FAST_FMA
        cut_f64(values, count, true, cut);
#else
        cut_f64(values, count, false, cut);
#endif
}

/* Adds a sum of count patterns made with 1.5 * 2^(52 + place). */
static void add_patterns(struct rnl_exact *exact, uint64_t sum, double magic,
                         size_t count, int place)
{
    rnl_exact_add(exact, (int64_t)(sum - count * bits_of(magic)), place);
}

/* All values are 0 or in the window below 2^(exponent + 1). */
static void add_block(struct rnl_moments *moments, const void *values,
                      size_t count, bool f32, int exponent)
{
    const int places[] = {exponent - 49, exponent - 99, 2 * exponent - 48,
                          2 * exponent - 98, 2 * exponent - 148};
    struct cut cut;
    for (size_t i = 0; i < 5; i++)
        cut.magic[i] = ldexp(1.5, MANTISSA_BITS + places[i]);
    cut_block(values, count, f32, &cut);
    const double *magic = cut.magic;
    const uint64_t *sums = cut.sums;
    add_patterns(&moments->sum, sums[0], magic[0], count, places[0]);
    add_patterns(&moments->squares, sums[2], magic[2], count, places[2]);
    add_patterns(&moments->squares, sums[3], magic[3], count, places[3]);
    if (f32)
        return;
    add_patterns(&moments->sum, sums[1], magic[1], count, places[1]);
    add_patterns(&moments->squares, sums[4], magic[3], count, places[3]);
    add_patterns(&moments->squares, sums[5], magic[4], count, places[4]);
}

/* ---- a column ---- */

static bool fits_window(const struct rnl_spread *spread, int *ret_exponent)
{
    if (!spread->finite || spread->huge == 0)
        return false;
    *ret_exponent = ilogb(spread->huge);
    return *ret_exponent <= EXPONENT_MAX && *ret_exponent >= -EXPONENT_MAX &&
           *ret_exponent - ilogb(spread->tiny) <= WINDOW;
}

/* Any values but NaN and infinities; they are moved about. */
static void add_sorted_out(struct rnl_moments *moments, double *values,
                           size_t count)
{
    double window[BLOCK];
    while (count >= BLOCK_MIN) {
        double huge = 0;
        for (size_t i = 0; i < count; i++)
            huge = fabs(values[i]) > huge ? fabs(values[i]) : huge;
        int exponent = huge > 0 ? ilogb(huge) : 0;
        if (exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX)
            break;
        double least = ldexp(1, exponent - WINDOW);
        size_t taken = 0, left = 0;
        for (size_t i = 0; i < count; i++) {
            double value = values[i];
            bool small = fabs(value) < least;
            window[taken] = value;
            values[left] = value;
            taken += !small;
            left += small && value != 0;
        }
        add_block(moments, window, taken, false, exponent);
        count = left;
    }
    for (size_t i = 0; i < count; i++)
        add_value(moments, values[i]);
}

static uint64_t add_any(struct rnl_moments *moments, const void *values,
                        size_t count, bool f32)
{
    double finite[BLOCK];
    uint64_t added = 0;
    for (size_t from = 0; from < count; from += BLOCK) {
        size_t end = count - from < BLOCK ? count : from + BLOCK;
        size_t kept = 0;
        for (size_t i = from; i < end; i++) {
            double value = rnl_column_at(values, i, f32);
            if (isfinite(value))
                finite[kept++] = value;
        }
        add_sorted_out(moments, finite, kept);
        added += kept;
    }
    return added;
}

static uint64_t add_column(struct rnl_moments *moments, const void *values,
                           size_t count, bool f32,
                           const struct rnl_spread *spread)
{
    int exponent;
    if (spread->finite && spread->huge == 0)
        return count;
    if (count < BLOCK_MIN || !fits_window(spread, &exponent))
        return add_any(moments, values, count, f32);
    for (size_t from = 0; from < count; from += BLOCK) {
        size_t some = count - from < BLOCK ? count - from : BLOCK;
        add_block(moments, rnl_column_from(values, from, f32), some, f32,
                  exponent);
    }
    return count;
}

static uint64_t add_counts(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

static void add_extremes(struct rnl_moments *moments, double min, double max)
{
    if (moments->count == 0 || min < moments->min)
        moments->min = min;
    if (moments->count == 0 || max > moments->max)
        moments->max = max;
}

static enum rnl_code update(struct rnl_moments *moments, const void *values,
                            size_t count, bool f32,
                            const struct rnl_spread *spread)
{
    enum rnl_code code = rnl_moments_reserve(moments, spread);
    if (code != RNL_OK)
        return code;
    uint64_t added = add_column(moments, values, count, f32, spread);
    if (added == 0)
        return RNL_OK;
    add_extremes(moments, spread->min, spread->max);
    moments->count = add_counts(moments->count, added);
    return RNL_OK;
}

enum rnl_code rnl_moments_update_f64(struct rnl_moments *moments,
                                     const double *values, size_t count,
                                     const struct rnl_spread *spread)
{
    return update(moments, values, count, false, spread);
}

enum rnl_code rnl_moments_update_f32(struct rnl_moments *moments,
                                     const float *values, size_t count,
                                     const struct rnl_spread *spread)
{
    return update(moments, values, count, true, spread);
}

enum rnl_code rnl_moments_update(struct rnl_moments *moments, double value)
{
    struct rnl_spread spread;
    rnl_spread_f64(&value, 1, &spread);
    return update(moments, &value, 1, false, &spread);
}

enum rnl_code rnl_moments_merge(struct rnl_moments *target,
                                const struct rnl_moments *source)
{
    if (source->count == 0)
        return RNL_OK;
    enum rnl_code code = rnl_exact_reserve_merge(&target->sum, &source->sum);
    if (code == RNL_OK)
        code = rnl_exact_reserve_merge(&target->squares, &source->squares);
    if (code != RNL_OK)
        return code;
    rnl_exact_merge(&target->sum, &source->sum);
    rnl_exact_merge(&target->squares, &source->squares);
    add_extremes(target, source->min, source->max);
    target->count = add_counts(target->count, source->count);
    return RNL_OK;
}

enum rnl_code rnl_moments_copy(struct rnl_moments *target,
                               const struct rnl_moments *source)
{
    struct rnl_moments made;
    rnl_moments_init(&made);
    enum rnl_code code = rnl_moments_merge(&made, source);
    if (code != RNL_OK) {
        rnl_moments_fini(&made);
        return code;
    }
    rnl_moments_fini(target);
    *target = made;
    return RNL_OK;
}
