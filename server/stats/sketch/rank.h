/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which keys are the heaviest, without sorting them all: the n-th of a list of
 * counters, by two passes of counting. Most counters of a long tail are small,
 * and equal ones are told apart by their hash, so that the choice is the same
 * in any order.
 */
#ifndef RNL_SKETCH_RANK_H
#define RNL_SKETCH_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key's counter and its hash; no two of a list have the same hash. */
struct rnl_rank {
    uint64_t counter;
    uint64_t hash;
};

/* The higher counter first, then the lower hash. */
static inline bool rnl_rank_before(const struct rnl_rank *a,
                                   const struct rnl_rank *b)
{
    return a->counter > b->counter ||
           (a->counter == b->counter && a->hash < b->hash);
}

/* The one that n others come before; n from 0 to count - 1. scratch has room
 * for count, and may be ranks itself, which are then no longer valid. */
struct rnl_rank rnl_rank_nth(const struct rnl_rank *ranks, size_t count,
                             size_t n, struct rnl_rank *scratch);

#endif
