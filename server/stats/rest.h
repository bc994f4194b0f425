/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frequencies of rare keys: Count-Min sketches of several widths that are
 * answered together. Panes of many events have a wide one, panes of few events
 * a narrow one; folding all into the narrowest would spoil the wide ones. Each
 * bounds its own events from above, and so their sum bounds all.
 */
#ifndef RNL_STATS_REST_H
#define RNL_STATS_REST_H

#include <stdbool.h>

#include "sketch/count_min.h"

#define RNL_REST_WIDTH_LOG2_MIN 8
#define RNL_REST_WIDTH_LOG2_MAX 14
#define RNL_REST_WIDTHS         (RNL_REST_WIDTH_LOG2_MAX - RNL_REST_WIDTH_LOG2_MIN + 1)

/* All NULL: empty. */
struct rnl_rest {
    struct rnl_count_min *by_width[RNL_REST_WIDTHS];
};

void rnl_rest_fini(struct rnl_rest *rest);

/* The sketch of that width; NULL when there is none. */
static inline struct rnl_count_min *rnl_rest_of(const struct rnl_rest *rest,
                                                uint32_t width_log2)
{
    return rest->by_width[width_log2 - RNL_REST_WIDTH_LOG2_MIN];
}

/* Makes sure that there is one. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_rest_prepare(struct rnl_rest *rest,
                                            uint32_t width_log2);

/* Makes sure that rest has the sketches that other has. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_rest_reserve(struct rnl_rest *rest,
                                            const struct rnl_rest *other);

/* Adds what is in other, for which was reserved. */
void rnl_rest_merge(struct rnl_rest *rest, const struct rnl_rest *other);

/* Folds what is wider than that. */
void rnl_rest_fold(struct rnl_rest *rest, uint32_t width_log2);

/* Events of all keys. */
uint64_t rnl_rest_total(const struct rnl_rest *rest);

/* Whether there are sketches of other widths than that. */
bool rnl_rest_has_others(const struct rnl_rest *rest, uint32_t width_log2);

struct rnl_rest_estimate {
    /* At most that many events of the key. UINT64_MAX: a counter is at its end,
     * and nothing is known. */
    uint64_t upper;
    /* What the other keys add to upper on average. */
    uint64_t noise;
};

void rnl_rest_estimate(const struct rnl_rest *rest, uint64_t hash,
                       struct rnl_rest_estimate *ret_estimate);

size_t rnl_rest_bytes(const struct rnl_rest *rest);

#endif
