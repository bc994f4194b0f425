/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zipf: rejection-inversion after W. Hormann and G. Derflinger,
 * "Rejection-inversion to generate variates from monotone discrete
 * distributions", ACM TOMACS 6(3), 1996: no table, so that ten million users
 * cost what ten do, and about 1.1 draws a variate.
 *
 * With h(x) = x^-skew and its integral H(x) = (x^(1-skew) - 1) / (1 - skew)
 * (log x for skew 1), u is drawn evenly between H(1.5) - h(1) and
 * H(users + 0.5); x = H^-1(u) rounded is taken if u >= H(k + 0.5) - h(k).
 *
 * The numbers are xoshiro256** by D. Blackman and S. Vigna, seeded by
 * splitmix64; normal ones by the Marsaglia polar method.
 */
#include "generator.h"

#include <math.h>

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static uint64_t next_word(uint64_t state[4])
{
    uint64_t result = rotate(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 45);
    return result;
}

/* In [0, 1), of 53 bits. */
static double next_unit(uint64_t state[4])
{
    return (double)(next_word(state) >> 11) * 0x1p-53;
}

static double next_normal(uint64_t state[4])
{
    for (;;) {
        double x = 2 * next_unit(state) - 1;
        double y = 2 * next_unit(state) - 1;
        double square = x * x + y * y;
        if (square < 1 && square > 0)
            return x * sqrt(-2 * log(square) / square);
    }
}

/* expm1 and log1p keep both exact near skew 1, where the formula is 0 / 0. */
static double integral(const struct rnl_generator *generator, double x)
{
    double exponent = 1 - generator->skew;
    double log_x = log(x);
    if (fabs(exponent * log_x) < 1e-12)
        return log_x;
    return expm1(exponent * log_x) / exponent;
}

static double inverse(const struct rnl_generator *generator, double u)
{
    double exponent = 1 - generator->skew;
    if (fabs(exponent * u) < 1e-12)
        return exp(u);
    return exp(log1p(exponent * u) / exponent);
}

static uint64_t next_user(struct rnl_generator *generator)
{
    for (;;) {
        double u =
            generator->h_last + next_unit(generator->state) *
                                    (generator->h_first - generator->h_last);
        double x = inverse(generator, u);
        double k = floor(x + 0.5);
        if (!(k >= 1))
            k = 1;
        if (k > generator->users)
            k = generator->users;
        if (k - x <= generator->shift ||
            u >= integral(generator, k + 0.5) - pow(k, -generator->skew))
            return (uint64_t)k;
    }
}

void rnl_generator_init(struct rnl_generator *generator,
                        const struct rnl_generator_options *options)
{
    uint64_t seed = options->seed;
    for (int i = 0; i < 4; i++)
        generator->state[i] = splitmix(&seed);
    generator->users = (double)options->users;
    generator->skew = options->skew;
    generator->h_first = integral(generator, 1.5) - 1;
    generator->h_last = integral(generator, generator->users + 0.5);
    generator->shift = 2 - inverse(generator, integral(generator, 2.5) -
                                                  pow(2, -generator->skew));
    /* The mean of a lognormal law is exp(mu + sigma^2 / 2). */
    generator->value_sigma = options->value_sigma;
    generator->value_mu = log(options->value_mean) -
                          options->value_sigma * options->value_sigma / 2;
    generator->latency_sigma = options->latency_sigma;
    generator->latency_mu = log(options->latency_mean_ms) -
                            options->latency_sigma * options->latency_sigma / 2;
}

void rnl_generator_next(struct rnl_generator *generator,
                        struct rnl_generated *ret_event)
{
    uint64_t *state = generator->state;
    ret_event->user = next_user(generator);
    ret_event->value =
        exp(generator->value_mu + generator->value_sigma * next_normal(state));
    ret_event->latency_ms = exp(generator->latency_mu +
                                generator->latency_sigma * next_normal(state));
}
