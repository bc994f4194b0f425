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

/* Enough for every sum of squares of doubles, and its sign. */
#define RNL_EXACT_LIMBS_MAX 70

struct rnl_exact {
    /* Place of the first limb, in limbs. */
    int32_t base;
    /* Limbs in use and there. 0: the sum is 0. */
    uint32_t count;
    uint32_t cap;
    /* NULL: inside. */
    uint64_t *heap;
    uint64_t inside[RNL_EXACT_INLINE];
};

void rnl_exact_init(struct rnl_exact *exact);
void rnl_exact_fini(struct rnl_exact *exact);

/* Makes it 0 and keeps its memory. */
void rnl_exact_reset(struct rnl_exact *exact);

/* Makes room for the bits from 2^low up to and including the sign at 2^high.
 * Errors: RNL_RESOURCE_EXHAUSTED; RNL_OUT_OF_RANGE: more than
 * RNL_EXACT_LIMBS_MAX. */
RNL_MUST_USE enum rnl_code rnl_exact_reserve(struct rnl_exact *exact, int low,
                                             int high);

/* Adds value * 2^place. Its bits are within what was reserved. */
void rnl_exact_add(struct rnl_exact *exact, int64_t value, int place);

/* The same for a number of 128 bits that is not negative. */
void rnl_exact_add_wide(struct rnl_exact *exact, uint64_t low, uint64_t high,
                        int place);

#endif
