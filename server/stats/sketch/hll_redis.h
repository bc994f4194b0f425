/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HyperLogLog as Redis and Valkey keep it: what GET returns of a key that PFADD
 * made, and what SET takes, so that PFCOUNT and PFMERGE go on with it.
 *
 *      0  "HYLL"
 *      4  form: 0 dense, 1 sparse
 *      5  three zeros
 *      8  number of keys as Redis last computed it, little endian; its top bit
 *         set: compute it again
 *     16  dense: 16,384 registers of 6 bits, the first in the lowest bits
 *         sparse: runs of registers,
 *             00llllll           l + 1 empty ones
 *             01llllll llllllll  l + 1 empty ones, high bits first
 *             1rrrrrll           l + 1 of rank r + 1
 *
 * Only sketches of RNL_HASH_REDIS are written, and what is read is one: Redis
 * hashes with MurmurHash64A and numbers registers by the low 14 bits. The
 * answer of such a sketch, rounded, is that of PFCOUNT.
 */
#ifndef RNL_SKETCH_HLL_REDIS_H
#define RNL_SKETCH_HLL_REDIS_H

#include "hyperloglog.h"

/* Redis turns longer sparse ones dense at the next PFADD, unless told
 * otherwise (hll-sparse-max-bytes). */
#define RNL_HLL_REDIS_SPARSE_MAX 3000

#define RNL_HLL_REDIS_HEADER_LEN 16
#define RNL_HLL_REDIS_DENSE_LEN  (RNL_HLL_REDIS_HEADER_LEN + 16384 * 6 / 8)

/* Length of that form: sparse when it fits RNL_HLL_REDIS_SPARSE_MAX, else
 * dense. 0: the sketch is of another profile and cannot be written. */
size_t rnl_hll_redis_len(const struct rnl_hll *hll);

/* Writes that many bytes. Equal keys give equal bytes. */
void rnl_hll_redis_write(const struct rnl_hll *hll, uint8_t *out);

/* Replaces target, which had been initialised, with any settings but kind, by
 * a dense sketch. Errors: RNL_INVALID_ARGUMENT: not in that format, or damaged;
 * RNL_RESOURCE_EXHAUSTED. target is then as before. */
RNL_MUST_USE enum rnl_code rnl_hll_redis_read(struct rnl_hll *target,
                                              const uint8_t *bytes, size_t len);

#endif
