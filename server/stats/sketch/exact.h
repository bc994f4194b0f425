/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sum of integers times powers of two, exact: one long two's complement
 * number of 64-bit limbs, of which only the ones in use are stored.
 *
 *     value = 2^(64 * base) * (limb[0] + 2^64 limb[1] + ... ), the last signed
 *
 * RNL_EXACT_INLINE limbs are in the struct itself; more are on the heap. A
 * double has its bits between 2^-1074 and 2^1024, its square between 2^-2148
 * and 2^2048; with room for 2^64 of them that is 34 and 68 limbs at most.
 */
#ifndef RNL_SKETCH_EXACT_H
#define RNL_SKETCH_EXACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

#define RNL_EXACT_INLINE 6

/* Limbs that can be there: enough for 2^64 squares of any doubles, the sign,
 * and 2^250 more, which no count of values comes to. */
#define RNL_EXACT_LIMB_LOW  (-34)
#define RNL_EXACT_LIMB_HIGH 38
#define RNL_EXACT_LIMBS_MAX (RNL_EXACT_LIMB_HIGH - RNL_EXACT_LIMB_LOW)

struct rnl_exact {
    /* Place of the first limb, in limbs. */
    int32_t base;
    /* Limbs in use and there. 0 in use: the sum is 0. */
    uint32_t count;
    uint32_t cap;
    /* NULL: inside. */
    uint64_t *heap;
    uint64_t inside[RNL_EXACT_INLINE];
};

/* The shortest form of a sum: no limb can be left away at either end. */
struct rnl_exact_view {
    /* Borrowed; count 0: the sum is 0. */
    const uint64_t *limbs;
    uint32_t count;
    int32_t base;
};

void rnl_exact_init(struct rnl_exact *exact);

/* Any number of times. */
void rnl_exact_fini(struct rnl_exact *exact);

/* Makes it 0 and keeps its memory. */
void rnl_exact_reset(struct rnl_exact *exact);

/*
 * Makes room to add numbers that are multiples of 2^low and whose sum is below
 * 2^high in magnitude. Errors: RNL_RESOURCE_EXHAUSTED; RNL_OUT_OF_RANGE: beyond
 * RNL_EXACT_LIMB_HIGH.
 */
RNL_MUST_USE enum rnl_code rnl_exact_reserve(struct rnl_exact *exact, int low,
                                             int high);

/* Adds value * 2^place; room for it was reserved. Zeros at the low end of value
 * may lie below that room. */
void rnl_exact_add(struct rnl_exact *exact, int64_t value, int place);

/* The same for a number of 128 bits, not negative. */
void rnl_exact_add_wide(struct rnl_exact *exact, uint64_t low, uint64_t high,
                        int place);

/* Makes room for the sum of both. Errors: as rnl_exact_reserve. */
RNL_MUST_USE enum rnl_code rnl_exact_reserve_merge(
    struct rnl_exact *target, const struct rnl_exact *source);

/* Adds source; rnl_exact_reserve_merge went before. */
void rnl_exact_merge(struct rnl_exact *target, const struct rnl_exact *source);

/* Lends the shortest form, until the sum changes or moves. */
struct rnl_exact_view rnl_exact_view(const struct rnl_exact *exact);

/* The same for any limbs: what a reader checks a foreign sum with. */
struct rnl_exact_view rnl_exact_view_of(const uint64_t *limbs, uint32_t count,
                                        int32_t base);

/* Sets the sum. Errors: RNL_RESOURCE_EXHAUSTED, and it is as before. */
RNL_MUST_USE enum rnl_code rnl_exact_set(struct rnl_exact *exact,
                                         const struct rnl_exact_view *view);

/* Rounds once, to even: the sum is *ret_fraction * 2^*ret_exponent, and the
 * fraction is 0 or has a magnitude in [1, 2]. No overflow, no underflow. */
void rnl_exact_round(const struct rnl_exact_view *view, double *ret_fraction,
                     int *ret_exponent);

#endif
