/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The error of counting distinct keys, measured: many sketches are fed with
 * random hashes, and their answers are compared with the truth on the way.
 * The short accuracy test and the long one (tests/accuracy) share it.
 */
#ifndef RNL_TESTS_DISTINCT_TRIALS_H
#define RNL_TESTS_DISTINCT_TRIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct distinct_setup {
    bool ultra;
    unsigned precision;
    /* Without the sparse form: the registers from the first key on. */
    bool dense;
    size_t trials;
    uint64_t seed;
};

/* The errors of all trials at n keys. */
struct distinct_point {
    double n;
    /* (answer - n) / n of each trial, rising; owned by the caller, setup.trials
     * of them. */
    double *errors;
    double bias;
    double rms;
    /* Mean of the stated standard error. */
    double stated;
    /* Share of the answers whose bounds hold n. */
    double covered;
};

/* Fills the points, whose n is set and rising. Every key is a random hash of
 * its own. Returns false when memory is out. */
bool distinct_run(const struct distinct_setup *setup,
                  struct distinct_point *points, size_t point_count);

/* The same for n well above m, without counting keys one by one: the registers
 * are drawn from the distribution that n keys give them. (Of a Poisson number
 * of keys with mean n, which is no difference worth mentioning for such n.) */
bool distinct_draw(const struct distinct_setup *setup,
                   struct distinct_point *points, size_t point_count);

#endif
