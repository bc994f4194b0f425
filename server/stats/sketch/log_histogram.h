/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A histogram on a logarithmic scale: quantiles of any set of numbers, from
 * 1e-308 to 1e308 and of both signs, with a relative error below
 * RNL_HISTOGRAM_ERROR, always, whatever their distribution.
 *
 * Idea (Masson, Rim and Lee, "DDSketch", VLDB 2019; the same bins as scale 6 of
 * OpenTelemetry's exponential histogram and schema 6 of Prometheus' native
 * one). Let gamma = 2^(1/64). Bin i counts the values in
 *
 *     (gamma^i, gamma^(i+1)]            64 bins from each power of two to the
 *                                       next; i = -64 ends at 1 exactly
 *
 * A value anywhere in a bin of bounds l < u is answered by 2lu / (l + u), which
 * is off by at most (gamma - 1) / (gamma + 1) = 0.541516 % at either end.
 * Negative values are counted by magnitude in bins of their own, zeros apart.
 *
 * Edges. Upper bounds belong to their bin, so that the number of values at or
 * below a power of two is exact. Only powers of two can meet an edge: all other
 * edges are irrational. The bin of a double is found in its bits: the bits of
 * the next smaller double are those of a mantissa m in [1, 2) and of an
 * exponent e; i = 64 e + s, where s counts the 63 edges 2^(j/64) at or below m.
 * A slice of 1/128 of the mantissa holds at most one edge, so that a table of
 * 128 slices and an addition find s; see log_bins.h. No logarithm is computed.
 *
 * Linear. Counters add and subtract: merging has no order, and what left a
 * window is taken out of it without a trace, as long as nothing has collapsed.
 *
 * Bounded. Storage grows by the octave, with the range in use: nothing when
 * empty, 256 bytes an octave, and at most RNL_HISTOGRAM_BINS_MAX bins for each
 * sign. Values further apart than these 2^64 make the lowest magnitudes
 * collapse into the lowest bin that is kept. rnl_histogram_collapsed tells how
 * many did; their quantiles answer too high a magnitude, all others keep their
 * error. The rest is the same in any order, the number of collapsed ones too.
 *
 * Counters saturate at UINT64_MAX; rnl_histogram_saturated says so.
 *
 * NaN and infinities are skipped, not counted: the caller refuses them, this is
 * the second wall. Not thread-safe; const functions may run at the same time.
 */
#ifndef RNL_SKETCH_LOG_HISTOGRAM_H
#define RNL_SKETCH_LOG_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

#include "spread.h"

/* (gamma - 1) / (gamma + 1) = 0.00541515941..., rounded up for the roundings
 * of the answer itself. */
#define RNL_HISTOGRAM_ERROR 0.0054152

/* Width of a bin, gamma - 1, rounded up: how far a rank may be off in value. */
#define RNL_HISTOGRAM_RANK_ERROR 0.0108893

/* Bins from one power of two to the next, and gamma = 2^(1/64). */
#define RNL_HISTOGRAM_OCTAVE 64
#define RNL_HISTOGRAM_GAMMA  1.0108892860517005

/* Bins for each sign: 64 octaves, a ratio of 1.8e19 (a nanosecond to 584
 * years). 32 KiB of 8-byte counters. */
#define RNL_HISTOGRAM_BINS_MAX 4096

/* Bins of one sign. Private. */
struct rnl_bins {
    /* cap counters and one before them that takes the zeros of a column; of 4
     * bytes, or 8 once total no longer fits 4. NULL: none. */
    void *cells;
    uint32_t cap;
    bool wide;
    /* Index of the first counter; a multiple of RNL_HISTOGRAM_OCTAVE unless
     * the store is full. */
    int32_t low;
    /* Sum of the counters, saturating. */
    uint64_t total;
    /* Of these, values that belong below low. */
    uint64_t collapsed;
};

/* A value to embed. */
struct rnl_histogram {
    struct rnl_bins positive;
    struct rnl_bins negative;
    uint64_t zeros;
};

/* Values in (lower, upper], of a drawing; 0 alone is [0, 0]. */
struct rnl_histogram_bucket {
    double lower;
    double upper;
    uint64_t count;
};

/* ---- life ---- */

/* Cannot fail; allocates nothing. */
void rnl_histogram_init(struct rnl_histogram *histogram);

/* Accepts what rnl_histogram_init made, any number of times. */
void rnl_histogram_fini(struct rnl_histogram *histogram);

/* Empties it and keeps its memory. */
void rnl_histogram_reset(struct rnl_histogram *histogram);

/* Makes target equal to source. Errors: RNL_RESOURCE_EXHAUSTED, and target is
 * as before. */
RNL_MUST_USE enum rnl_code rnl_histogram_copy(
    struct rnl_histogram *target, const struct rnl_histogram *source);

/* ---- counting ---- */

/*
 * Makes room for count values of that spread: the next updates with this
 * spread, or one that lies within it, and not more values in all, cannot fail.
 * Errors: RNL_RESOURCE_EXHAUSTED.
 */
RNL_MUST_USE enum rnl_code rnl_histogram_reserve(
    struct rnl_histogram *histogram, size_t count,
    const struct rnl_spread *spread);

/*
 * Counts a column. spread is that of these very values.
 *
 * Errors: RNL_RESOURCE_EXHAUSTED: nothing was counted. Not after
 * rnl_histogram_reserve.
 */
RNL_MUST_USE enum rnl_code rnl_histogram_update_f64(
    struct rnl_histogram *histogram, const double *values, size_t count,
    const struct rnl_spread *spread);
RNL_MUST_USE enum rnl_code rnl_histogram_update_f32(
    struct rnl_histogram *histogram, const float *values, size_t count,
    const struct rnl_spread *spread);

/* Counts one value weight times. */
RNL_MUST_USE enum rnl_code rnl_histogram_update(struct rnl_histogram *histogram,
                                                double value, uint64_t weight);

/* Adds what source counted. Errors: RNL_RESOURCE_EXHAUSTED, and target is as
 * before. */
RNL_MUST_USE enum rnl_code rnl_histogram_merge(
    struct rnl_histogram *target, const struct rnl_histogram *source);

/*
 * Takes out what source counted and target had merged. When nothing collapsed,
 * target is then as if that had never been merged, to the byte. Needs no
 * memory. Errors: RNL_INVALID_ARGUMENT: a counter of source is above that of
 * target; RNL_OUT_OF_RANGE: target is saturated; target is as before.
 */
RNL_MUST_USE enum rnl_code rnl_histogram_subtract(
    struct rnl_histogram *target, const struct rnl_histogram *source);

/* ---- answers ---- */

/* Values counted. */
uint64_t rnl_histogram_count(const struct rnl_histogram *histogram);

/* Of these, the ones that collapsed: see above. */
uint64_t rnl_histogram_collapsed(const struct rnl_histogram *histogram);

/* A counter reached its limit: counts, ranks and quantiles may be wrong. */
bool rnl_histogram_saturated(const struct rnl_histogram *histogram);

/*
 * q from 0 (lowest) to 1 (highest): the value of rank ceil(q * count), at least
 * 1, within RNL_HISTOGRAM_ERROR. NaN when it is empty or q is not in [0, 1].
 * Knows no exact minimum and maximum: clamp it to those of the moments.
 */
double rnl_histogram_quantile(const struct rnl_histogram *histogram, double q);

/* The same for q_count quantiles, rising, in one pass. */
void rnl_histogram_quantiles(const struct rnl_histogram *histogram,
                             const double *q, size_t q_count,
                             double *ret_values);

/*
 * Share of the values at or below value, 0 to 1, all those in its bin among
 * them: values that repeat, as measured ones do, count in full. It is the exact
 * share at some value within RNL_HISTOGRAM_RANK_ERROR of value, and at 0, at
 * positive powers of two, and where the bin is empty, at value itself. NaN when
 * it is empty or value is NaN.
 */
double rnl_histogram_rank(const struct rnl_histogram *histogram, double value);

/*
 * Fills at most bucket_cap (1 or more) buckets that cover all values, rising
 * and without overlap, and returns their number. A bucket is a group of 1, 2,
 * 4... bins, the fewest that do; empty ones are left out.
 */
size_t rnl_histogram_buckets(const struct rnl_histogram *histogram,
                             struct rnl_histogram_bucket *ret_buckets,
                             size_t bucket_cap);

/* What the bins say of the values together, when each is taken for the middle
 * of its bin, (l + u) / 2. No value is further from it than half a bin, a
 * RNL_HISTOGRAM_ERROR of it (one that collapsed: no further than the middle
 * itself is from 0). Beyond the range of double, a sum is infinite. */
struct rnl_histogram_sums {
    uint64_t count;
    double sum;
    double squares;
    /* The sum of those distances, and that of their squares. */
    double error;
    double error_squares;
};

void rnl_histogram_sums(const struct rnl_histogram *histogram,
                        struct rnl_histogram_sums *ret_sums);

/* Heap bytes it holds besides itself: at most
 * 2 * 8 * (RNL_HISTOGRAM_BINS_MAX + 1). */
size_t rnl_histogram_heap_bytes(const struct rnl_histogram *histogram);

/* ---- bytes; foreign formats are in histogram_ddsketch.h, histogram_otlp.h */

/* Exact length of the serialized form. */
size_t rnl_histogram_serialized_len(const struct rnl_histogram *histogram);

/* Writes that many bytes. Equal contents give equal bytes, whatever the way
 * they came about. */
void rnl_histogram_serialize(const struct rnl_histogram *histogram,
                             uint8_t *out);

/* Replaces the content of target. Errors: RNL_INVALID_ARGUMENT: not what
 * rnl_histogram_serialize wrote; RNL_RESOURCE_EXHAUSTED. target is then as
 * before. */
RNL_MUST_USE enum rnl_code rnl_histogram_deserialize(
    struct rnl_histogram *target, const uint8_t *bytes, size_t len);

#endif
