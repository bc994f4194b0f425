/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Count-Min: how often each of any number of keys occurred, in fixed memory.
 *
 * Idea (Cormode and Muthukrishnan, "An improved data stream summary: the
 * count-min sketch and its applications", J. Algorithms 55, 2005). A table of
 * d = 4 rows of w counters. A key has one counter in each row, picked by a hash
 * of its own; an event adds its weight to the key's four counters. A counter
 * holds the key's count and those of the keys that share it, so that the
 * smallest of the four is never below the truth and most often little above:
 *
 *     truth <= estimate                    always
 *     estimate <= truth + (e / w) * N      with confidence 1 - e^-4 = 98.2 %
 *
 * where N is the sum of all weights. Keys that are heavy make the bound; a
 * caller that counts them elsewhere (frequent.h) and puts only the rest here
 * gets a smaller N.
 *
 * Rows. The four positions come from one 64-bit hash: row r multiplies it by an
 * odd constant of its own and takes the low bits of the product's high half.
 * (A popular short cut, f * (r + 1), lets rows collapse: keys that meet in one
 * row then meet in others.)
 *
 * Linear. Updates only add, so that tables add up in any order, and a table of
 * width w folds exactly into one of w / 2: a position there is the same
 * position without its top bit. "Conservative update" would be closer to the
 * truth in one table but could neither be merged nor folded.
 *
 * Counters are 32 bits and saturate. A saturated counter makes the estimate a
 * lower bound only; rnl_count_min_estimate says so.
 *
 * Hash values must be those of one good 64-bit hash with one seed. Nothing here
 * is thread-safe.
 */
#ifndef RNL_SKETCH_COUNT_MIN_H
#define RNL_SKETCH_COUNT_MIN_H

#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

#define RNL_COUNT_MIN_ROWS 4

/* Binary logarithm of the width: 64 counters (1 KiB) to 4 M (64 MiB). */
#define RNL_COUNT_MIN_WIDTH_LOG2_MIN 6
#define RNL_COUNT_MIN_WIDTH_LOG2_MAX 22

/* 1 - e^-4: how often the error is within rnl_count_min_error. */
#define RNL_COUNT_MIN_CONFIDENCE 0.98168436111126578

#define RNL_COUNT_MIN_SATURATED UINT32_MAX

struct rnl_count_min {
    uint32_t width_log2;
    /* Counters that are at their end; estimates may be too low if not 0. */
    uint32_t saturated_count;
    /* N: the sum of all weights, exact. */
    uint64_t total;
    /* Row after row. */
    uint32_t counters[];
};

/* A key's weight. */
struct rnl_count_min_item {
    uint64_t hash;
    uint64_t weight;
};

/* width_log2 within the limits above. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_count_min_create(
    uint32_t width_log2, struct rnl_count_min **ret_sketch);

/* Accepts NULL. */
void rnl_count_min_destroy(struct rnl_count_min *sketch);

/* Makes it empty. */
void rnl_count_min_reset(struct rnl_count_min *sketch);

void rnl_count_min_update(struct rnl_count_min *sketch, uint64_t hash,
                          uint64_t weight);

/* The same as one update an item; the loads of several items overlap. */
void rnl_count_min_update_batch(struct rnl_count_min *sketch,
                                const struct rnl_count_min_item *items,
                                size_t count);

/*
 * Adds only the items whose estimate, their weight included, does not go above
 * limit. Returns the number of the others: their positions in items and what
 * was known of each before. Items of one hash are judged one after the other.
 * One whose estimate is RNL_COUNT_MIN_SATURATED may be above any limit: it is
 * among the others, with limit as what was known of it.
 */
size_t rnl_count_min_update_below(struct rnl_count_min *sketch, uint64_t limit,
                                  const struct rnl_count_min_item *items,
                                  size_t count, uint32_t *ret_above,
                                  uint64_t *ret_estimates);

/* Adds the counters of other, which is at least as wide and is folded. */
void rnl_count_min_merge(struct rnl_count_min *sketch,
                         const struct rnl_count_min *other);

/* Makes it as narrow as that, at most its own width; exact (see "Linear").
 * Memory is given back as far as the allocator can. */
void rnl_count_min_fold(struct rnl_count_min **sketch, uint32_t width_log2);

/* Never below the truth, except when it is RNL_COUNT_MIN_SATURATED: the truth
 * may then be any number from there on. */
uint64_t rnl_count_min_estimate(const struct rnl_count_min *sketch,
                                uint64_t hash);

/* (e / w) * N. */
double rnl_count_min_error(const struct rnl_count_min *sketch);

/* ---- bytes: "RCMS", see bytes.h; width, N and all counters as varints ---- */

/* Exact length of the serialized form. */
size_t rnl_count_min_serialized_len(const struct rnl_count_min *sketch);

/* Writes that many bytes. Equal contents give equal bytes. */
void rnl_count_min_serialize(const struct rnl_count_min *sketch, uint8_t *out);

/* Errors: RNL_INVALID_ARGUMENT: not what rnl_count_min_serialize wrote, or
 * damaged, or counters that do not add up to N; RNL_UNIMPLEMENTED: a later
 * version; RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_count_min_deserialize(
    const uint8_t *bytes, size_t len, struct rnl_count_min **ret_sketch);

/* Bytes of memory of a sketch that wide. */
size_t rnl_count_min_size(uint32_t width_log2);

#endif
