/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UltraLogLog: HyperLogLog whose registers remember two more bits, and so need
 * 28 % less memory for the same error (Ertl, "UltraLogLog: A Practical and More
 * Space-Efficient Alternative to HyperLogLog for Approximate Distinct
 * Counting", VLDB 2024, arXiv 2308.16862).
 *
 * Idea. A register of HyperLogLog keeps the highest rank it has seen, and takes
 * 6 of the 8 bits of its byte. Here the other two bits tell whether the two
 * ranks below were seen as well:
 *
 *     7 6 5 4 3 2   1       0
 *     highest u     u - 1?  u - 2?         0: empty
 *
 * Everything else is HyperLogLog: hash, address, sparse form, merging, folding.
 * So it is the same struct with another kind of registers; all functions of
 * hyperloglog.h take it, and this header has what is different.
 *
 * Estimator: FGRA of the paper, a generalised remaining area. Each register
 * contributes 2^(-tau u) eta, with an eta for each state of its two bits, and
 *
 *     n ~ m (m / sum)^(1 / tau) / (1 + (1 + tau) v / (2 m))
 *
 * Small ranks (0, 1, 2: below them is no rank to be remembered) and the highest
 * one (which stands for all above it) contribute what an endless scale would on
 * average, given the register and a first estimate of n; see ultraloglog.c. The
 * error is sqrt(v / m) = 0.782 / sqrt(m), against 1.039 of HyperLogLog:
 *
 *     p            4      8     10     12     14     16     18
 *     error     20 %  4.9 %  2.4 %  1.2 %  0.61%  0.31%  0.15%
 *
 * HyperLogLog is for those who want the formats of others; a sketch of this
 * kind gives the HyperLogLog of the same keys: rnl_ull_to_hll.
 */
#ifndef RNL_SKETCH_ULTRALOGLOG_H
#define RNL_SKETCH_ULTRALOGLOG_H

#include "hyperloglog.h"

/* Standard error times sqrt(m). */
#define RNL_ULL_ERROR 0.7822359936092456

/*
 * Makes it empty; its hashes are those of the native profile.
 *
 * Errors: RNL_INVALID_ARGUMENT: precision is not in RNL_HLL_PRECISION_MIN to
 * _MAX.
 */
RNL_MUST_USE enum rnl_code rnl_ull_init(struct rnl_hll *ull, unsigned precision,
                                        uint64_t seed);

/* Tells which kind of registers it has. */
bool rnl_ull_is(const struct rnl_hll *hll);

/*
 * Makes target, which had been initialised, with any settings, the HyperLogLog
 * of the same keys, precision and seed: the same registers, to the bit, as if
 * these keys had been counted so.
 *
 * Errors: RNL_INVALID_ARGUMENT: ull is a HyperLogLog; RNL_RESOURCE_EXHAUSTED,
 * and target is as before.
 */
RNL_MUST_USE enum rnl_code rnl_ull_to_hll(const struct rnl_hll *ull,
                                          struct rnl_hll *target);

#endif
