/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HyperLogLog: how many distinct keys, in a fixed small memory, with a known
 * error, whatever their number and order.
 *
 * Idea (Flajolet, Fusy, Gandouet and Meunier, 2007). A key is hashed. Some bits
 * of the hash choose one of m = 2^p registers; the others are read as coin
 * tosses: rank = 1 + the number of zeros before the first one. A register keeps
 * the highest rank it has seen. A rank of r is seen after some 2^r distinct
 * keys, and repetitions change nothing.
 *
 *     hash   cccc...cccc cccccc...aaaa     native profile
 *            38 tosses,  26 bits of address, of which the low p choose
 *            from the    the register
 *            left
 *
 * Estimator (Ertl, "New cardinality estimation algorithms for HyperLogLog
 * sketches", 2017, arXiv 1702.01284, algorithm 6: the improved raw estimator).
 * With C[k] registers of rank k, q tosses and x = C[0] / m, y = 1 - C[q+1] / m:
 *
 *     n ~ m^2 / (2 ln 2) / (m sigma(x) + sum C[k] 2^-k + m tau(y) 2^-q)
 *
 * It needs no table and no switch between ranges, and has no bias from 0 to
 * some m 2^q / 10 (10^15 with p 14), but for a factor of 1 + 1.08 / m that is
 * divided out (in profile redis it is not, nor does PFCOUNT). Its standard
 * error is 1.04 / sqrt(m) (1.0389...: sqrt(3 ln 2 - 1)), and less while n is
 * below m.
 *
 *     p            4      8     10     12     14     16     18
 *     error     26 %  6.5 %  3.2 %  1.6 %  0.81%  0.41%  0.20%
 *     bytes       16    256   1 Ki   4 Ki  16 Ki  64 Ki 256 Ki
 *
 * Sparse. A young sketch is a set of coupons: 26 bits of address and the rank,
 * 4 bytes a key. Two keys have the same coupon once in 200 million pairs, so
 * that the number of coupons, corrected for that, is exact to some 0.01 %. With
 * more than 3/16 m coupons it becomes m registers of one byte, each the highest
 * rank of the coupons whose address ends in its number. These are the very
 * registers that the same keys would have made without the sparse form, so
 * nothing is lost and nothing is wrong at the border: the error rises to the
 * one of the table, and never above. Which form it has depends on the set of
 * keys alone (a sketch read from a foreign format may be dense early).
 *
 * In profile redis an address has the 14 bits that Redis knows, and both forms
 * answer what PFCOUNT would.
 *
 * Merging takes coupons together and the higher of two registers, so it has no
 * order, and any split of the keys gives the same bytes in the end. Sketches of
 * unequal p merge into one of the lower p, exactly as if it had been so from
 * the start (registers that differ only in the upper bits of their address fall
 * together). They merge only when they hash alike: profile and seed.
 *
 * Memory. Registers of a byte, not of 6 bits, since that makes an update one
 * load (and rarely a store) and a merge 16 or more registers an instruction.
 *
 * Not thread-safe; const functions may run at the same time.
 */
#ifndef RNL_SKETCH_HYPERLOGLOG_H
#define RNL_SKETCH_HYPERLOGLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

#include "hash.h"

/* 21 is what Apache DataSketches has at most. Beyond 18 (256 KiB for 0.2 %)
 * counting exactly is often cheaper. */
#define RNL_HLL_PRECISION_MIN     4
#define RNL_HLL_PRECISION_MAX     21
#define RNL_HLL_PRECISION_DEFAULT 14

/* The only one that Redis knows, and so the only one of that profile. */
#define RNL_HLL_PRECISION_REDIS 14

/* Standard error times sqrt(m). */
#define RNL_HLL_ERROR 1.0389617614136892

/* Share of answers within the bounds: two standard deviations. */
#define RNL_HLL_CONFIDENCE 0.954

/* What registers that are all full stand for: 2^64 - 1, as a double. */
#define RNL_HLL_ESTIMATE_MAX 18446744073709551615.0

/* Bytes before the coupons or registers of the serialized form. */
#define RNL_HLL_HEADER_LEN 24

/* A value to embed: 32 bytes here, nothing on the heap while it is empty, and
 * 32 bytes for up to 6 keys. Private but for its size. */
struct rnl_hll {
    /* 0, or 1: ultraloglog.h. */
    uint8_t kind;
    uint8_t precision;
    /* enum rnl_hash_profile */
    uint8_t profile;
    bool dense;
    uint32_t seed_check;
    /* Sparse: coupons in the table, and its slots: 0 or a power of two. */
    uint32_t count;
    uint32_t cap;
    /* Sparse: the table; NULL when cap is 0. */
    uint32_t *coupons;
    /* Dense: m registers. Sparse: NULL, or m bytes of anything, put aside by
     * rnl_hll_reserve or rnl_hll_reset. */
    uint8_t *registers;
};

struct rnl_hll_estimate {
    /* At most RNL_HLL_ESTIMATE_MAX. Not rounded, since that would be a bias in
     * small ones; a whole number as long as it is as good as certain. */
    double value;
    /* The number of keys is within these, both included, with
     * RNL_HLL_CONFIDENCE. lower <= value <= upper. */
    double lower;
    double upper;
    /* Standard error of value, relative to it. */
    double error;
};

/* ---- life ---- */

/*
 * Makes it empty; allocates nothing. seed is that of the native profile and
 * without meaning in others.
 *
 * Errors: RNL_INVALID_ARGUMENT: precision is not in RNL_HLL_PRECISION_MIN to
 * _MAX, or not RNL_HLL_PRECISION_REDIS in that profile; no such profile.
 */
RNL_MUST_USE enum rnl_code rnl_hll_init(struct rnl_hll *hll, unsigned precision,
                                        enum rnl_hash_profile profile,
                                        uint64_t seed);

/* Accepts what rnl_hll_init made, any number of times. */
void rnl_hll_fini(struct rnl_hll *hll);

/* Empties it and keeps its memory: see rnl_hll_trim. */
void rnl_hll_reset(struct rnl_hll *hll);

/* Makes target equal to source, in no more memory than needed; target had been
 * initialised, with any settings. Errors: RNL_RESOURCE_EXHAUSTED, and target is
 * as before. */
RNL_MUST_USE enum rnl_code rnl_hll_copy(struct rnl_hll *target,
                                        const struct rnl_hll *source);

/* ---- counting ---- */

/* Makes sure that the next hash_count updates cannot fail; may take the memory
 * of the dense form beforehand. A merge with a sparse source uses up as many of
 * them as it has coupons (count). Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_hll_reserve(struct rnl_hll *hll,
                                           size_t hash_count);

/* Says that at least that many distinct keys are to come: takes the dense form
 * at once if they will not fit the sparse one. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_hll_expect(struct rnl_hll *hll, size_t distinct);

/* Gives back the memory that rnl_hll_reserve and rnl_hll_reset hold in
 * advance, as far as it can. */
void rnl_hll_trim(struct rnl_hll *hll);

/* Counts the key of that hash: rnl_hash_profiled with the settings of the
 * sketch. Errors: RNL_RESOURCE_EXHAUSTED, and nothing was counted. */
RNL_MUST_USE enum rnl_code rnl_hll_update(struct rnl_hll *hll, uint64_t hash);

/* Counts many, in any order; repetitions cost time and nothing else. Errors:
 * RNL_RESOURCE_EXHAUSTED, and some were counted; not after rnl_hll_reserve. */
RNL_MUST_USE enum rnl_code rnl_hll_update_batch(struct rnl_hll *hll,
                                                const uint64_t *hashes,
                                                size_t hash_count);

/*
 * Adds the keys of source to target, whose precision becomes the lower of both.
 *
 * Errors: RNL_FAILED_PRECONDITION: another profile, seed or kind of registers;
 * RNL_RESOURCE_EXHAUSTED. target is then as before.
 */
RNL_MUST_USE enum rnl_code rnl_hll_merge(struct rnl_hll *target,
                                         const struct rnl_hll *source);

/* Lowers the precision, exactly as if it had been so from the start. Errors:
 * RNL_INVALID_ARGUMENT: below RNL_HLL_PRECISION_MIN or above that of the
 * sketch, or another than 14 in profile redis; RNL_RESOURCE_EXHAUSTED. It is
 * then as before. */
RNL_MUST_USE enum rnl_code rnl_hll_fold(struct rnl_hll *hll,
                                        unsigned precision);

/* ---- answers ---- */

/* Costs one pass over coupons (cheap) or registers (some 5 us at p 14). */
void rnl_hll_estimate(const struct rnl_hll *hll,
                      struct rnl_hll_estimate *ret_estimate);

/* The estimate as if these keys had been counted, too; the sketch stays as it
 * is. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_hll_estimate_with(
    const struct rnl_hll *hll, const uint64_t *hashes, size_t hash_count,
    struct rnl_hll_estimate *ret_estimate);

/* Heap bytes it holds besides itself; at most m, or twice that between
 * rnl_hll_reserve and rnl_hll_trim. */
size_t rnl_hll_heap_bytes(const struct rnl_hll *hll);

/* ---- bytes; foreign formats are in hll_redis.h and hll_datasketches.h ---- */

/*
 * Version 1, little endian:
 *
 *      0  "RHLL", or "RULL" for UltraLogLog
 *      4  version, 1
 *      5  profile
 *      6  precision
 *      7  form: 0 sparse, 1 dense
 *      8  seed check, 4 bytes
 *     12  coupons, 4 bytes; 0 when dense
 *     16  XXH3 (seed 0) of everything but these 8 bytes
 *     24  sparse: coupons of 4 bytes, rank << 26 | address, rising
 *         dense: m registers of 1 byte
 */

/* Exact length of the serialized form. */
size_t rnl_hll_serialized_len(const struct rnl_hll *hll);

/* Writes that many bytes. Equal keys give equal bytes, whatever the order and
 * the merges they came by. */
void rnl_hll_serialize(const struct rnl_hll *hll, uint8_t *out);

/* Replaces target, which had been initialised with the same kind of registers
 * and any other settings. Errors: RNL_INVALID_ARGUMENT: not what
 * rnl_hll_serialize wrote, of another kind, or damaged;
 * RNL_UNIMPLEMENTED: a later version; RNL_RESOURCE_EXHAUSTED. target is then as
 * before. */
RNL_MUST_USE enum rnl_code rnl_hll_deserialize(struct rnl_hll *target,
                                               const uint8_t *bytes,
                                               size_t len);

#endif
