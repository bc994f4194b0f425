/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frequent items in the format of Apache DataSketches, of text keys (its
 * frequent_strings_sketch; Java with ArrayOfStringsSerDe), little endian:
 *
 *      0  preamble in words: 1 empty, 4
 *      1  version, 1
 *      2  family, 10
 *      3  size of the table, at most and now, as logarithms: at most 3/4 of it
 *         is used
 *      5  flags: 1 and 4 (either) empty
 *      8  number of items, 4 bytes, and 4 unused
 *     16  weight of the whole stream, 8 bytes
 *     24  offset, 8 bytes
 *     32  weights, 8 bytes each; then each item: length, 4 bytes, and text
 *
 * Its weight is the counter of Misra and Gries (frequent.h), count - saved, and
 * its bounds of an item are weight and weight + offset: the upper one is ours,
 * the lower one not better than ours. Items of weight 0 are left out, as it
 * does.
 */
#ifndef RNL_SKETCH_FREQUENT_DATASKETCHES_H
#define RNL_SKETCH_FREQUENT_DATASKETCHES_H

#include "frequent.h"

/* Length of that form. */
size_t rnl_frequent_datasketches_len(const struct rnl_frequent *frequent);

/* Writes that many bytes; total is the weight of the whole stream. Items come
 * by falling weight, then by key, so that equal tables give equal bytes.
 * Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_frequent_datasketches_write(
    const struct rnl_frequent *frequent, uint64_t total, uint8_t *out);

/*
 * Replaces target, which had been initialised, by a table that is not purged;
 * keys are hashed with seed.
 *
 * Errors: RNL_INVALID_ARGUMENT: not in that format, damaged, or with a key of
 * no or more than RNL_FREQUENT_KEY_MAX bytes; RNL_UNIMPLEMENTED: a later
 * version; RNL_RESOURCE_EXHAUSTED. target is then as before.
 */
RNL_MUST_USE enum rnl_code rnl_frequent_datasketches_read(
    struct rnl_frequent *target, uint64_t seed, const uint8_t *bytes,
    size_t len, uint64_t *ret_total);

#endif
