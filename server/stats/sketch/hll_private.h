/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of HyperLogLog share: hyperloglog.c (life and counting),
 * hll_estimate.c, hll_bytes.c and the foreign formats. Nobody else includes it.
 *
 * A coupon is rank << 26 | address, as in Apache DataSketches; the rank is 1 or
 * more, so that 0 is no coupon and marks a free slot.
 */
#ifndef RNL_SKETCH_HLL_PRIVATE_H
#define RNL_SKETCH_HLL_PRIVATE_H

#include "hyperloglog.h"

#define HLL_ADDRESS_BITS 26
#define HLL_ADDRESS_MASK ((UINT32_C(1) << HLL_ADDRESS_BITS) - 1)

/* Highest ranks: tosses + 1. 64 - 26 and 64 - 14 tosses; DataSketches caps the
 * 64 zeros of its second hash at 62. */
#define HLL_RANK_MAX_NATIVE       39
#define HLL_RANK_MAX_REDIS        51
#define HLL_RANK_MAX_DATASKETCHES 63

/* What a register holds; struct rnl_hll.kind. */
#define HLL_KIND_HYPER 0
#define HLL_KIND_ULTRA 1

static inline uint32_t rnl_hll_rank_max(enum rnl_hash_profile profile)
{
    switch (profile) {
    case RNL_HASH_REDIS:
        return HLL_RANK_MAX_REDIS;
    case RNL_HASH_DATASKETCHES:
        return HLL_RANK_MAX_DATASKETCHES;
    default:
        return HLL_RANK_MAX_NATIVE;
    }
}

static inline size_t rnl_hll_registers(unsigned precision)
{
    return (size_t)1 << precision;
}

/* Addresses that a coupon can have. */
static inline uint32_t rnl_hll_addresses(const struct rnl_hll *hll)
{
    return UINT32_C(1) << (hll->profile == RNL_HASH_REDIS
                               ? RNL_HLL_PRECISION_REDIS
                               : HLL_ADDRESS_BITS);
}

/* Most coupons of the sparse form: three quarters of a table of the same size
 * as the registers. */
static inline uint32_t rnl_hll_coupons_max(unsigned precision)
{
    return (UINT32_C(3) << precision) / 16;
}

/* A register of UltraLogLog that sees a rank: see ultraloglog.h. */
static inline uint8_t rnl_ull_raised(uint8_t old, uint32_t rank)
{
    uint32_t highest = old >> 2;
    uint64_t seen = old == 0 ? 0 : 4 | (old & 3);
    if (rank > highest)
        return (uint8_t)(rank << 2 | (seen >> (rank - highest) & 3));
    return (uint8_t)(old | (UINT64_C(4) >> (highest - rank) & 3));
}

/* Register by register, the union of both. */
void rnl_ull_unite(uint8_t *into, const uint8_t *from, size_t len);

/* The estimate of dense registers before rounding, and the registers that are
 * not empty. */
double rnl_ull_estimate(const struct rnl_hll *hll, uint32_t *ret_used);

/* Tells whether these registers can come about. */
bool rnl_ull_valid(const uint8_t *registers, size_t len);

/* Adds one coupon of the sketch's profile. Errors: RNL_RESOURCE_EXHAUSTED, and
 * it is as before; not when dense. */
RNL_MUST_USE enum rnl_code rnl_hll_put(struct rnl_hll *hll, uint32_t coupon);

/* The coupon of a hash. */
uint32_t rnl_hll_coupon(enum rnl_hash_profile profile, uint64_t hash);

/* Whether a sparse sketch has that coupon. */
bool rnl_hll_has(const struct rnl_hll *hll, uint32_t coupon);

/* Makes it dense, if it is not. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_hll_make_dense(struct rnl_hll *hll);

/* Little endian. */
void rnl_hll_put_u32(uint8_t *out, uint32_t word);
uint32_t rnl_hll_get_u32(const uint8_t *in);

/* Writes the coupons of a sparse sketch, rising, 4 bytes each. */
void rnl_hll_put_coupons(const struct rnl_hll *hll, uint8_t *out);

/* Puts what was made in the place of target; with another code than RNL_OK,
 * throws it away. Returns the code. */
RNL_MUST_USE enum rnl_code rnl_hll_finish(struct rnl_hll *target,
                                          struct rnl_hll *made,
                                          enum rnl_code code);

/* Calls for each slot of the table; free ones give 0. */
#define RNL_HLL_FOR_COUPONS(hll, coupon)                                 \
    for (uint32_t slot_ = 0, coupon;                                     \
         slot_ < (hll)->cap && ((coupon = (hll)->coupons[slot_]), true); \
         slot_++)

#endif
