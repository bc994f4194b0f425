/* SPDX-License-Identifier: Apache-2.0 */
#include "bins.h"

#include <string.h>

#include "alloc.h"

#define OCTAVE RNL_HISTOGRAM_OCTAVE

/* First bin of the octave that index is in, and of the one after it. */
static int32_t octave_begin(int32_t index)
{
    return rnl_log_octave(index) * OCTAVE;
}

static int32_t octave_end(int32_t index)
{
    return octave_begin(index) + OCTAVE;
}

static size_t cells_len(uint32_t cap, bool wide)
{
    return ((size_t)cap + 1) * (wide ? sizeof(uint64_t) : sizeof(uint32_t));
}

static void put_cell(void *cells, bool wide, uint32_t at, uint64_t count)
{
    if (wide)
        ((uint64_t *)cells)[at + 1] = count;
    else
        ((uint32_t *)cells)[at + 1] = (uint32_t)count;
}

void rnl_bins_fini(struct rnl_bins *bins)
{
    rnl_free(bins->cells);
    *bins = (struct rnl_bins){0};
}

void rnl_bins_reset(struct rnl_bins *bins)
{
    if (bins->total > 0)
        memset(bins->cells, 0, cells_len(bins->cap, bins->wide));
    bins->total = 0;
    bins->collapsed = 0;
}

bool rnl_bins_extent(const struct rnl_bins *bins, int32_t *ret_first,
                     int32_t *ret_last)
{
    if (bins->total == 0)
        return false;
    uint32_t first = 0, last = bins->cap - 1;
    while (first < last && rnl_bins_at(bins, first) == 0)
        first++;
    while (last > first && rnl_bins_at(bins, last) == 0)
        last--;
    *ret_first = bins->low + (int32_t)first;
    *ret_last = bins->low + (int32_t)last;
    return true;
}

/* ---- the window ---- */

/* Bins [low, end), whole octaves. */
struct window {
    int32_t low;
    int32_t end;
};

static bool too_wide(const struct window *window)
{
    return window->end - window->low > RNL_HISTOGRAM_BINS_MAX;
}

static void extend(struct window *window, int32_t low, int32_t end)
{
    window->low = low < window->low ? low : window->low;
    window->end = end > window->end ? end : window->end;
}

static struct window wanted_window(const struct rnl_bins *bins, int32_t first,
                                   int32_t last)
{
    const struct window asked = {octave_begin(first), octave_end(last)};
    struct window window = asked;
    if (bins->total > 0)
        extend(&window, bins->low, bins->low + (int32_t)bins->cap);
    int32_t lowest, highest;
    if (too_wide(&window) && rnl_bins_extent(bins, &lowest, &highest)) {
        /* Empty octaves at the ends make none collapse. */
        window = asked;
        extend(&window, octave_begin(lowest), octave_end(highest));
    }
    if (too_wide(&window))
        window.low = window.end - RNL_HISTOGRAM_BINS_MAX;
    return window;
}

/* Copies the counters to a window from low on, those below it into its first
 * bin; returns how many these were. */
static uint64_t move_cells(const struct rnl_bins *bins, void *cells, bool wide,
                           int32_t low)
{
    uint64_t below = 0;
    for (uint32_t i = 0; i < bins->cap; i++) {
        uint64_t count = rnl_bins_at(bins, i);
        int32_t index = bins->low + (int32_t)i;
        if (index < low) {
            below = rnl_add_saturating(below, count);
            continue;
        }
        if (index == low)
            count = rnl_add_saturating(count, below);
        /* An empty octave may lie above the window. */
        if (count > 0)
            put_cell(cells, wide, (uint32_t)(index - low), count);
    }
    if (bins->low + (int32_t)bins->cap <= low)
        put_cell(cells, wide, 0, below);
    return below;
}

static enum rnl_code move_window(struct rnl_bins *bins,
                                 const struct window *window, bool wide)
{
    uint32_t cap = (uint32_t)(window->end - window->low);
    void *cells = rnl_calloc(1, cells_len(cap, wide));
    if (cells == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    if (bins->total > 0) {
        uint64_t below = move_cells(bins, cells, wide, window->low);
        /* They include those that collapsed before. */
        if (below > 0)
            bins->collapsed = below;
    }
    rnl_free(bins->cells);
    bins->cells = cells;
    bins->cap = cap;
    bins->wide = wide;
    bins->low = window->low;
    return RNL_OK;
}

/* Whether nothing has to change: the common case, and the one of a flood of
 * values that collapse. */
static bool has_room(const struct rnl_bins *bins, int32_t first, int32_t last,
                     int32_t floor)
{
    if (bins->total == 0 || floor > bins->low ||
        octave_end(last) > bins->low + (int32_t)bins->cap)
        return false;
    return first >= bins->low || bins->collapsed > 0;
}

/* As rnl_bins_reserve; the window begins at floor or above. */
static enum rnl_code reserve(struct rnl_bins *bins, int32_t first, int32_t last,
                             uint64_t more, int32_t floor)
{
    bool wide =
        bins->wide || rnl_add_saturating(bins->total, more) > UINT32_MAX;
    if (wide == bins->wide && has_room(bins, first, last, floor))
        return RNL_OK;
    struct window window = wanted_window(bins, first, last);
    /* What collapsed was in bins that are never to come back. */
    if (bins->collapsed > 0 && floor < bins->low)
        floor = bins->low;
    if (window.low < floor)
        window.low = floor;
    if (window.end <= window.low)
        window.end = window.low + OCTAVE;
    uint32_t cap = (uint32_t)(window.end - window.low);
    int32_t end = bins->low + (int32_t)bins->cap;
    /* Reserved for more than this, and still empty: keep all of it. */
    if (bins->total == 0 && wide == bins->wide && window.low >= bins->low &&
        window.end <= end)
        return RNL_OK;
    if (bins->total == 0 && wide == bins->wide && cap <= bins->cap) {
        bins->low = window.low;
        return RNL_OK;
    }
    if (wide == bins->wide && window.low == bins->low && cap <= bins->cap)
        return RNL_OK;
    return move_window(bins, &window, wide);
}

enum rnl_code rnl_bins_reserve(struct rnl_bins *bins, int32_t first,
                               int32_t last, uint64_t more)
{
    return reserve(bins, first, last, more, RNL_LOG_INDEX_MIN - OCTAVE);
}

/* ---- counters ---- */

void rnl_bins_add(struct rnl_bins *bins, int32_t index, uint64_t count)
{
    if (count == 0)
        return;
    if (index < bins->low) {
        bins->collapsed = rnl_add_saturating(bins->collapsed, count);
        index = bins->low;
    }
    uint32_t at = (uint32_t)(index - bins->low);
    put_cell(bins->cells, bins->wide, at,
             rnl_add_saturating(rnl_bins_at(bins, at), count));
    bins->total = rnl_add_saturating(bins->total, count);
}

enum rnl_code rnl_bins_reserve_merge(struct rnl_bins *target,
                                     const struct rnl_bins *source)
{
    int32_t first, last;
    if (!rnl_bins_extent(source, &first, &last))
        return RNL_OK;
    int32_t floor =
        source->collapsed > 0 ? source->low : RNL_LOG_INDEX_MIN - OCTAVE;
    return reserve(target, first, last, source->total, floor);
}

void rnl_bins_merge(struct rnl_bins *target, const struct rnl_bins *source)
{
    int32_t first, last;
    if (!rnl_bins_extent(source, &first, &last))
        return;
    /* These are in the first bin of source. If that is below the window of
     * target, all of it is about to collapse, and they with it. */
    if (source->low == target->low)
        target->collapsed =
            rnl_add_saturating(target->collapsed, source->collapsed);
    for (int32_t i = first; i <= last; i++)
        rnl_bins_add(target, i,
                     rnl_bins_at(source, (uint32_t)(i - source->low)));
}

/* What of source is in the first bin of target, and how much of that had
 * collapsed. */
struct bottom {
    uint64_t count;
    uint64_t collapsed;
};

static struct bottom bottom_of(const struct rnl_bins *target,
                               const struct rnl_bins *source)
{
    struct bottom bottom = {0, 0};
    for (uint32_t i = 0; i < source->cap; i++) {
        int32_t index = source->low + (int32_t)i;
        if (index > target->low)
            break;
        uint64_t count = rnl_bins_at(source, i);
        bottom.count = rnl_add_saturating(bottom.count, count);
        if (index < target->low)
            bottom.collapsed = rnl_add_saturating(bottom.collapsed, count);
    }
    if (source->low == target->low)
        bottom.collapsed = source->collapsed;
    return bottom;
}

bool rnl_bins_contain(const struct rnl_bins *target,
                      const struct rnl_bins *source)
{
    int32_t first, last;
    if (!rnl_bins_extent(source, &first, &last))
        return true;
    if (target->total < source->total ||
        last >= target->low + (int32_t)target->cap)
        return false;
    struct bottom bottom = bottom_of(target, source);
    uint64_t plain = bottom.count - bottom.collapsed;
    if (bottom.collapsed > target->collapsed ||
        plain > rnl_bins_at(target, 0) - target->collapsed)
        return false;
    for (int32_t i = target->low + 1; i <= last; i++) {
        if (i >= first && rnl_bins_at(source, (uint32_t)(i - source->low)) >
                              rnl_bins_at(target, (uint32_t)(i - target->low)))
            return false;
    }
    return true;
}

void rnl_bins_subtract(struct rnl_bins *target, const struct rnl_bins *source)
{
    int32_t first, last;
    if (!rnl_bins_extent(source, &first, &last))
        return;
    struct bottom bottom = bottom_of(target, source);
    uint64_t total = source->total;
    for (int32_t i = first; i <= last; i++) {
        if (i <= target->low)
            continue;
        uint32_t at = (uint32_t)(i - target->low);
        put_cell(target->cells, target->wide, at,
                 rnl_bins_at(target, at) -
                     rnl_bins_at(source, (uint32_t)(i - source->low)));
    }
    put_cell(target->cells, target->wide, 0,
             rnl_bins_at(target, 0) - bottom.count);
    target->collapsed -= bottom.collapsed;
    target->total -= total;
}
