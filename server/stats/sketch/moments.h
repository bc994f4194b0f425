/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Count, sum, minimum, maximum, mean and variance of a stream of numbers, the
 * sums without any rounding: whoever splits, orders or merges the same values
 * in whatever way gets the same bytes.
 *
 * Idea. The usual state (count, mean, M2; Welford 1962, Chan, Golub and LeVeque
 * 1979) is rounded at each step, and so depends on the order of the steps. Here
 * the sum of x and the sum of x squared are kept as exact integers of a few
 * machine words (exact.h; Kulisch's long accumulator, of which only the words
 * in use are stored). Integer addition has no order. The variance,
 *
 *     (n * sum(x^2) - sum(x)^2) / n^2
 *
 * is hopeless in floating point when the mean is far from zero, since nearly
 * all digits cancel. Here they cancel exactly and one rounding follows, so the
 * formula is the most accurate of all: mean and variance are within 2 units in
 * the last place of the true ones, whatever the data.
 *
 * Cost. A column is cut at fixed powers of two by adding and subtracting a
 * large constant (as in Demmel and Nguyen, "Fast reproducible floating-point
 * summation", 2013), and the pieces are summed as integers, several in a
 * vector; x squared is split into its two halves by a fused multiply-add. See
 * moments.c; bench/sketch_dist.c measures it.
 *
 * NaN and infinities are skipped, not counted: the caller refuses them, this
 * is the second wall.
 *
 * Not thread-safe; const functions may run at the same time.
 */
#ifndef RNL_SKETCH_MOMENTS_H
#define RNL_SKETCH_MOMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

#include "exact.h"
#include "spread.h"

/* An upper bound of rnl_moments_serialized_len for any content. */
#define RNL_MOMENTS_SERIALIZED_MAX 1024

/* A value to embed. Read it through rnl_moments_read. */
struct rnl_moments {
    /* Saturates at UINT64_MAX. */
    uint64_t count;
    /* 0 when count is 0. */
    double min;
    double max;
    struct rnl_exact sum;
    struct rnl_exact squares;
};

struct rnl_moments_summary {
    uint64_t count;
    /* All 0 when count is 0. sum and variance beyond the range of double are
     * given as its largest number. */
    double sum;
    double min;
    double max;
    double mean;
    /* Of the population, M2 / count; never negative. */
    double variance;
    /* Sum of the squared deviations from the mean. */
    double m2;
    double stddev;
    /* count reached its limit: mean and variance are no longer right. */
    bool saturated;
};

/* ---- life ---- */

/* Cannot fail; allocates nothing. */
void rnl_moments_init(struct rnl_moments *moments);

/* Accepts what rnl_moments_init made, any number of times. */
void rnl_moments_fini(struct rnl_moments *moments);

/* Empties it and keeps its memory. */
void rnl_moments_reset(struct rnl_moments *moments);

/* Makes target equal to source. Errors: RNL_RESOURCE_EXHAUSTED, and target is
 * as before. */
RNL_MUST_USE enum rnl_code rnl_moments_copy(struct rnl_moments *target,
                                            const struct rnl_moments *source);

/* ---- counting ---- */

/*
 * Makes room for values of that spread: the next update with it, or with one
 * that lies within it, cannot fail. Allocates only where magnitudes differ by
 * more than about 2^70. Errors: RNL_RESOURCE_EXHAUSTED.
 */
RNL_MUST_USE enum rnl_code rnl_moments_reserve(struct rnl_moments *moments,
                                               const struct rnl_spread *spread);

/*
 * Counts a column. spread is that of these very values.
 *
 * Errors: RNL_RESOURCE_EXHAUSTED: nothing was counted. Not after
 * rnl_moments_reserve with the same spread.
 */
RNL_MUST_USE enum rnl_code rnl_moments_update_f64(
    struct rnl_moments *moments, const double *values, size_t count,
    const struct rnl_spread *spread);
RNL_MUST_USE enum rnl_code rnl_moments_update_f32(
    struct rnl_moments *moments, const float *values, size_t count,
    const struct rnl_spread *spread);

/* Counts one value; the same as a column of one. */
RNL_MUST_USE enum rnl_code rnl_moments_update(struct rnl_moments *moments,
                                              double value);

/* Adds what source counted. There is no way back: minimum and maximum cannot be
 * subtracted, so windows are merged from panes. Errors: RNL_RESOURCE_EXHAUSTED;
 * RNL_OUT_OF_RANGE: a sum that no 2^64 values have, which takes forged bytes or
 * a saturated count. target is then as before. */
RNL_MUST_USE enum rnl_code rnl_moments_merge(struct rnl_moments *target,
                                             const struct rnl_moments *source);

/* ---- answers ---- */

void rnl_moments_read(const struct rnl_moments *moments,
                      struct rnl_moments_summary *ret_summary);

/* Heap bytes it holds besides itself; nearly always 0. */
size_t rnl_moments_heap_bytes(const struct rnl_moments *moments);

/* ---- bytes ---- */

/* Exact length of the serialized form. */
size_t rnl_moments_serialized_len(const struct rnl_moments *moments);

/* Writes that many bytes. Equal contents give equal bytes, whatever the way
 * they came about. */
void rnl_moments_serialize(const struct rnl_moments *moments, uint8_t *out);

/* Replaces the content of target. Errors: RNL_INVALID_ARGUMENT: not what
 * rnl_moments_serialize wrote; RNL_RESOURCE_EXHAUSTED. target is then as
 * before. */
RNL_MUST_USE enum rnl_code rnl_moments_deserialize(struct rnl_moments *target,
                                                   const uint8_t *bytes,
                                                   size_t len);

#endif
