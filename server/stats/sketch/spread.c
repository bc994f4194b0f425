/* SPDX-License-Identifier: Apache-2.0 */
#include "spread.h"

#include <math.h>

#include "column.h"

#if RNL_SIMD_X86
#include <immintrin.h>
#endif

/* Independent chains: a minimum waits up to 4 cycles for the one before it, and
 * one or two begin in each. */
#define CHAINS 4

bool rnl_simd_off = false;

struct scan {
    double min;
    double max;
    /* 0 when all are finite, else NaN. */
    double poison;
};

static const struct scan nothing_seen = {INFINITY, -INFINITY, 0};

RNL_SIMD_INLINE void see(struct scan *scan, double value)
{
    scan->min = value < scan->min ? value : scan->min;
    scan->max = value > scan->max ? value : scan->max;
    scan->poison += value * 0.0;
}

RNL_SIMD_INLINE double lesser_size(double least, double value)
{
    double size = fabs(value);
    return size > 0 && size < least ? size : least;
}

/* ---- baseline ---- */

RNL_SIMD_INLINE void scan_plain(const void *values, size_t count, bool f32,
                                struct scan *ret_scan)
{
    struct scan chains[4] = {nothing_seen, nothing_seen, nothing_seen,
                             nothing_seen};
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        for (size_t j = 0; j < 4; j++)
            see(&chains[j], rnl_column_at(values, i + j, f32));
    }
    for (; i < count; i++)
        see(&chains[0], rnl_column_at(values, i, f32));
    for (size_t j = 1; j < 4; j++) {
        chains[0].min = fmin(chains[0].min, chains[j].min);
        chains[0].max = fmax(chains[0].max, chains[j].max);
        chains[0].poison += chains[j].poison;
    }
    *ret_scan = chains[0];
}

RNL_SIMD_INLINE double tiny_plain(const void *values, size_t count, bool f32)
{
    double least = INFINITY;
    for (size_t i = 0; i < count; i++)
        least = lesser_size(least, rnl_column_at(values, i, f32));
    return least;
}

/* ---- AVX2; gcc makes no vectors of the loops above, since it may not know
 * that a NaN is looked for elsewhere ---- */

#if RNL_SIMD_X86
#define VECTOR 4

RNL_SIMD_AVX2 RNL_SIMD_INLINE __m256d load(const void *values, size_t index,
                                           bool f32)
{
    return f32 ? _mm256_cvtps_pd(_mm_loadu_ps((const float *)values + index))
               : _mm256_loadu_pd((const double *)values + index);
}

RNL_SIMD_AVX2 RNL_SIMD_INLINE void scan_vectors(const void *values,
                                                size_t count, bool f32,
                                                struct scan *ret_scan)
{
    __m256d low[CHAINS], high[CHAINS];
    __m256d poison = _mm256_setzero_pd();
    for (size_t j = 0; j < CHAINS; j++) {
        low[j] = _mm256_set1_pd(INFINITY);
        high[j] = _mm256_set1_pd(-INFINITY);
    }
    size_t i = 0;
    for (; i + VECTOR * CHAINS <= count; i += VECTOR * CHAINS) {
        for (size_t j = 0; j < CHAINS; j++) {
            __m256d value = load(values, i + VECTOR * j, f32);
            low[j] = _mm256_min_pd(value, low[j]);
            high[j] = _mm256_max_pd(value, high[j]);
            poison =
                _mm256_or_pd(poison, _mm256_mul_pd(value, _mm256_setzero_pd()));
        }
    }
    struct scan scan = nothing_seen;
    double lows[VECTOR], highs[VECTOR], poisons[VECTOR];
    for (size_t j = 1; j < CHAINS; j++) {
        low[0] = _mm256_min_pd(low[j], low[0]);
        high[0] = _mm256_max_pd(high[j], high[0]);
    }
    _mm256_storeu_pd(lows, low[0]);
    _mm256_storeu_pd(highs, high[0]);
    _mm256_storeu_pd(poisons, poison);
    for (size_t j = 0; j < VECTOR; j++) {
        scan.min = lows[j] < scan.min ? lows[j] : scan.min;
        scan.max = highs[j] > scan.max ? highs[j] : scan.max;
        scan.poison += poisons[j];
    }
    for (; i < count; i++)
        see(&scan, rnl_column_at(values, i, f32));
    *ret_scan = scan;
}

RNL_SIMD_AVX2 RNL_SIMD_INLINE double tiny_vectors(const void *values,
                                                  size_t count, bool f32)
{
    const __m256d infinity = _mm256_set1_pd(INFINITY);
    const __m256d sign = _mm256_set1_pd(-0.0);
    __m256d low[CHAINS];
    for (size_t j = 0; j < CHAINS; j++)
        low[j] = infinity;
    size_t i = 0;
    for (; i + VECTOR * CHAINS <= count; i += VECTOR * CHAINS) {
        for (size_t j = 0; j < CHAINS; j++) {
            __m256d size = load(values, i + VECTOR * j, f32);
            size = _mm256_andnot_pd(sign, size);
            __m256d zero = _mm256_cmp_pd(size, _mm256_setzero_pd(), _CMP_EQ_OQ);
            low[j] =
                _mm256_min_pd(_mm256_blendv_pd(size, infinity, zero), low[j]);
        }
    }
    for (size_t j = 1; j < CHAINS; j++)
        low[0] = _mm256_min_pd(low[j], low[0]);
    double lows[VECTOR];
    _mm256_storeu_pd(lows, low[0]);
    double least = INFINITY;
    for (size_t j = 0; j < VECTOR; j++)
        least = lows[j] < least ? lows[j] : least;
    for (; i < count; i++)
        least = lesser_size(least, rnl_column_at(values, i, f32));
    return least;
}

RNL_SIMD_AVX2 static void scan_avx2(const void *values, size_t count, bool f32,
                                    struct scan *ret_scan)
{
    if (f32)
        scan_vectors(values, count, true, ret_scan);
    else
        scan_vectors(values, count, false, ret_scan);
}

RNL_SIMD_AVX2 static double tiny_avx2(const void *values, size_t count,
                                      bool f32)
{
    return f32 ? tiny_vectors(values, count, true)
               : tiny_vectors(values, count, false);
}
#endif

/* ---- the choice ---- */

static void scan(const void *values, size_t count, bool f32,
                 struct scan *ret_scan)
{
#if RNL_SIMD_X86
    if (rnl_simd_avx2()) {
        scan_avx2(values, count, f32, ret_scan);
        return;
    }
#endif
    if (f32)
        scan_plain(values, count, true, ret_scan);
    else
        scan_plain(values, count, false, ret_scan);
}

/* Infinity when all are 0. */
static double tiny(const void *values, size_t count, bool f32)
{
#if RNL_SIMD_X86
    if (rnl_simd_avx2())
        return tiny_avx2(values, count, f32);
#endif
    return f32 ? tiny_plain(values, count, true)
               : tiny_plain(values, count, false);
}

/* The rare column with a NaN or an infinity in it. */
static double scan_finite(const void *values, size_t count, bool f32,
                          struct scan *ret_scan)
{
    double least = INFINITY;
    struct scan found = nothing_seen;
    for (size_t i = 0; i < count; i++) {
        double value = rnl_column_at(values, i, f32);
        if (!isfinite(value))
            continue;
        see(&found, value);
        least = lesser_size(least, value);
    }
    *ret_scan = found;
    return least;
}

static void spread_of(const void *values, size_t count, bool f32,
                      struct rnl_spread *ret_spread)
{
    struct scan found = nothing_seen;
    if (count > 0)
        scan(values, count, f32, &found);
    double least = INFINITY;
    bool finite = found.poison == 0;
    if (!finite)
        least = scan_finite(values, count, f32, &found);
    else if (found.min > 0)
        least = found.min;
    else if (found.max < 0)
        least = -found.max;
    else if (count > 0)
        least = tiny(values, count, f32);
    struct rnl_spread spread = {.finite = finite};
    if (found.min <= found.max) {
        /* -0 + 0 is 0: the sign of a zero must not depend on which came
         * first. */
        spread.min = found.min + 0.0;
        spread.max = found.max + 0.0;
        spread.tiny = isinf(least) ? 0 : least;
        spread.huge = fmax(-spread.min, spread.max);
        spread.zeros = spread.min <= 0 && spread.max >= 0;
    }
    *ret_spread = spread;
}

void rnl_spread_f64(const double *values, size_t count,
                    struct rnl_spread *ret_spread)
{
    spread_of(values, count, false, ret_spread);
}

void rnl_spread_f32(const float *values, size_t count,
                    struct rnl_spread *ret_spread)
{
    spread_of(values, count, true, ret_spread);
}
