/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that are known by their bins alone: those of the sketches of other
 * programs that were merged into a stream. Their quantiles are as good as any.
 * Their sum is known when it came with the sketch, their extremes too, and
 * their squares never; what the bins say instead is off by a known amount, and
 * that is part of the answer.
 *
 * Everything is kept as whole numbers and exact sums, so that merging has no
 * order.
 */
#ifndef RNL_STATS_ROUGH_H
#define RNL_STATS_ROUGH_H

#include "sketch/log_histogram.h"
#include "sketch/moments.h"

struct rnl_rough {
    /* Values whose sum came with their sketch, and those whose sum did not. */
    struct rnl_histogram summed;
    struct rnl_histogram unsummed;
    /* The sums that came: one number a sketch. */
    struct rnl_moments sums;
    /* The lowest and highest values that came: two numbers a sketch. */
    struct rnl_moments ends;
};

/* What moments and rough values come to together. */
struct rnl_rough_summary {
    /* Of all values. m2 and saturated have no meaning. */
    struct rnl_moments_summary all;
    /* Values that are known by their bins alone. 0: all below is 0. */
    uint64_t rough_count;
    /* The true sum, mean and stddev are not further off. */
    double sum_error;
    double mean_error;
    double stddev_error;
};

/* Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_rough_create(struct rnl_rough **ret_rough);

/* Accepts NULL. */
void rnl_rough_destroy(struct rnl_rough *rough);

/* Makes a new one of the values of both; each may be NULL, and if both are, the
 * result is. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_rough_unite(const struct rnl_rough *a,
                                           const struct rnl_rough *b,
                                           struct rnl_rough **ret_rough);

/* Values. */
uint64_t rnl_rough_count(const struct rnl_rough *rough);

/* rough may be NULL. */
void rnl_rough_summarize(const struct rnl_moments *moments,
                         const struct rnl_rough *rough,
                         struct rnl_rough_summary *ret_summary);

/* Bytes of memory, itself included; accepts NULL. */
size_t rnl_rough_bytes(const struct rnl_rough *rough);

/* The most that it can be. */
#define RNL_ROUGH_BYTES_MAX                                                \
    (sizeof(struct rnl_rough) + 2 * 2 * 8 * (RNL_HISTOGRAM_BINS_MAX + 1) + \
     2 * 2 * 8 * (size_t)RNL_EXACT_LIMBS_MAX)

#endif
