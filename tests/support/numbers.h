/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers from a seed, of the distributions that sketches of values are tried
 * on, and what is true of them.
 */
#ifndef RNL_TESTS_NUMBERS_H
#define RNL_TESTS_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

enum numbers_kind {
    NUMBERS_UNIFORM,
    NUMBERS_NORMAL,
    NUMBERS_LOGNORMAL,
    NUMBERS_EXPONENTIAL,
    /* Pareto with exponent 1/2: no mean. */
    NUMBERS_HEAVY,
    NUMBERS_CONSTANT,
    NUMBERS_ZEROS,
    NUMBERS_NEGATIVE,
    /* Both signs, 30 octaves, a tenth of them zeros. */
    NUMBERS_MIXED,
    /* Powers of two, of both signs. */
    NUMBERS_POWERS,
    /* Integers from 0 to 9. */
    NUMBERS_DIGITS,
    /* 1e9 and a little. */
    NUMBERS_FAR,
    /* Every finite double is as likely as any other. */
    NUMBERS_ANY,
    NUMBERS_KINDS,
};

const char *numbers_name(enum numbers_kind kind);

/* state is the seed at first; see splitmix.h. */
double numbers_draw(enum numbers_kind kind, uint64_t *state);

/* Fills values with count numbers. */
void numbers_fill(enum numbers_kind kind, uint64_t seed, double *values,
                  size_t count);

/* Sorts them, rising. */
void numbers_sort(double *values, size_t count);

/* Gives the next permutation of count, 1 or more, different numbers in the
 * order of dictionaries; the last one stays. */
void numbers_permute(size_t *order, size_t count);

#endif
