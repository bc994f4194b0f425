/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that look like those of a service: users whose activity follows a
 * Zipf law, values and latencies that are lognormal. A pure function of the
 * seed and the number of the event, on every machine with IEEE 754 and the
 * same libm.
 */
#ifndef RNL_JOBS_GENERATOR_H
#define RNL_JOBS_GENERATOR_H

#include <stdint.h>

struct rnl_generator_options {
    uint64_t seed;
    /* Population, from 1. */
    uint64_t users;
    /* Exponent of the Zipf law, not negative; 0: all users alike. */
    double skew;
    /* Means and shape (sigma of the logarithm) of the lognormal laws. */
    double value_mean;
    double value_sigma;
    double latency_mean_ms;
    double latency_sigma;
};

struct rnl_generated {
    /* Rank of the user, from 1: 1 is the most active. */
    uint64_t user;
    double value;
    double latency_ms;
};

struct rnl_generator {
    uint64_t state[4];
    /* Of the Zipf law's envelope. */
    double users;
    double skew;
    double h_first;
    double h_last;
    double shift;
    /* mu of the two lognormal laws, so that the mean is the one asked for. */
    double value_mu;
    double value_sigma;
    double latency_mu;
    double latency_sigma;
};

void rnl_generator_init(struct rnl_generator *generator,
                        const struct rnl_generator_options *options);

void rnl_generator_next(struct rnl_generator *generator,
                        struct rnl_generated *ret_event);

#endif
