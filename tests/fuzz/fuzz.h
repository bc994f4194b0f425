/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzz target has: its entry, and a reader of its input's first
 * bytes as choices. */
#ifndef RNL_TESTS_FUZZ_H
#define RNL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken promise, not a bad input. */
#define FUZZ_CHECK(condition) \
    do {                      \
        if (!(condition))     \
            abort();          \
    } while (0)

/* Takes the first byte off the input; 0 when there is none. */
static inline uint8_t fuzz_byte(const uint8_t **data, size_t *size)
{
    if (*size == 0)
        return 0;
    (*size)--;
    return *(*data)++;
}

/* The length of the next piece: the input is cut into pieces of 1 to about
 * 2^cut bytes, so that a parser meets every border. */
static inline size_t fuzz_cut(uint8_t cut, size_t at, size_t left)
{
    size_t len = 1 + (at * 2654435761u >> 7) % ((size_t)1 << cut % 12);
    return len < left ? len : left;
}

#endif
