/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as good as random, the same on every run: SplitMix64 (Steele, Lea and
 * Flood, 2014). Stands in for the hash of a new key, too.
 */
#ifndef RNL_TESTS_SPLITMIX_H
#define RNL_TESTS_SPLITMIX_H

#include <stdint.h>

/* state is the seed at first; any number. */
static inline uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* From 0 to below 1. */
static inline double splitmix_unit(uint64_t *state)
{
    return (double)(splitmix(state) >> 11) * 0x1p-53;
}

#endif
