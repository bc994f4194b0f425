/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counters of one sign of a log histogram: a window of bins, from low on,
 * that grows by octaves and is never wider than RNL_HISTOGRAM_BINS_MAX. See
 * log_histogram.h, which has the struct; private to it.
 */
#ifndef RNL_SKETCH_BINS_H
#define RNL_SKETCH_BINS_H

#include "log_bins.h"

void rnl_bins_fini(struct rnl_bins *bins);

/* Makes it empty and keeps its memory. */
void rnl_bins_reset(struct rnl_bins *bins);

/*
 * Makes room for more values with indexes from first to last. When that is too
 * wide a window, its low end goes up and what is below collapses.
 * Errors: RNL_RESOURCE_EXHAUSTED, and nothing changed.
 */
RNL_MUST_USE enum rnl_code rnl_bins_reserve(struct rnl_bins *bins,
                                            int32_t first, int32_t last,
                                            uint64_t more);

/* Adds to a bin. Room for it was reserved; it may be below the window, which
 * then is a full one, and collapses. */
void rnl_bins_add(struct rnl_bins *bins, int32_t index, uint64_t count);

/* Counter at a position from low on, below cap. */
static inline uint64_t rnl_bins_at(const struct rnl_bins *bins, uint32_t at)
{
    return bins->wide ? ((const uint64_t *)bins->cells)[at + 1]
                      : ((const uint32_t *)bins->cells)[at + 1];
}

/* Finds the first and the last bin that is not 0; false when there is none. */
bool rnl_bins_extent(const struct rnl_bins *bins, int32_t *ret_first,
                     int32_t *ret_last);

/* Adds all of source; both the room for it and the sums are its work. Errors:
 * as rnl_bins_reserve. */
RNL_MUST_USE enum rnl_code rnl_bins_reserve_merge(
    struct rnl_bins *target, const struct rnl_bins *source);
void rnl_bins_merge(struct rnl_bins *target, const struct rnl_bins *source);

/* Whether every counter of source can be taken out of target. */
bool rnl_bins_contain(const struct rnl_bins *target,
                      const struct rnl_bins *source);
void rnl_bins_subtract(struct rnl_bins *target, const struct rnl_bins *source);

static inline uint64_t rnl_add_saturating(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

#endif
