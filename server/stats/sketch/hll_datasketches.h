/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HyperLogLog in the format of Apache DataSketches (Java, C++, Python, Go;
 * Druid, Pinot, BigQuery and others store it), little endian:
 *
 *      0  preamble in words: 2 list, 3 set, 10 registers
 *      1  version, 1
 *      2  family, 7
 *      3  precision, 4 to 21 (lgK)
 *      4  size of a hash table that follows, as its logarithm
 *      5  flags: 4 empty, 8 compact (tables without free slots), 16 merged, so
 *         that its HIP estimate is not valid
 *      6  list: number of coupons; registers: lowest rank (HLL_4)
 *      7  0 list, 1 set, 2 registers; above these 2 bits, the form of
 *         registers: 0 HLL_4, 1 HLL_6, 2 HLL_8
 *      8  list: coupons of 4 bytes
 *         set: number of coupons, 4 bytes, and the coupons
 *         registers: HIP estimate, sum of 2^-rank below rank 32, the same from
 *         32 on: three doubles; then registers with the lowest rank and number
 *         of exceptions, 4 bytes each
 *     40  HLL_8: bytes; HLL_6: 6 bits each, the first in the lowest ones;
 *         HLL_4: 4 bits each, rank - lowest; 15: see the exceptions (coupons)
 *         that follow
 *
 * All forms are read. Written are list, set, and HLL_8, compact, whichever
 * DataSketches itself would use (except that it stays with a set for longer
 * when it merges).
 *
 * Only sketches of RNL_HASH_DATASKETCHES are written, and what is read is one.
 * DataSketches counts text as its UTF-8 bytes, and ignores empty text.
 */
#ifndef RNL_SKETCH_HLL_DATASKETCHES_H
#define RNL_SKETCH_HLL_DATASKETCHES_H

#include "hyperloglog.h"

/* Length of that form. 0: the sketch is of another profile and cannot be
 * written. */
size_t rnl_hll_datasketches_len(const struct rnl_hll *hll);

/* Writes that many bytes. Equal keys give equal bytes. */
void rnl_hll_datasketches_write(const struct rnl_hll *hll, uint8_t *out);

/*
 * Replaces target, which had been initialised, with any settings but kind.
 * Lists and sets become sparse sketches, and merge as such; the HIP estimate is
 * not used, since it would depend on the order of keys.
 *
 * Errors: RNL_INVALID_ARGUMENT: not in that format, or damaged;
 * RNL_UNIMPLEMENTED: a later version; RNL_RESOURCE_EXHAUSTED. target is then as
 * before.
 */
RNL_MUST_USE enum rnl_code rnl_hll_datasketches_read(struct rnl_hll *target,
                                                     const uint8_t *bytes,
                                                     size_t len);

#endif
