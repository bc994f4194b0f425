/* SPDX-License-Identifier: Apache-2.0 */
#include "hyperloglog.h"

#include <math.h>

#include "hll_private.h"
#include "ultraloglog.h"

/* Several counters for each rank: neighbours often have the same rank, and an
 * increment would wait for the one before it. */
#define LANES 4
#define RANKS 64

/* How many registers have which rank. */
struct ranks {
    uint32_t counts[RANKS];
};

static void count_dense(const struct rnl_hll *hll, struct ranks *ret_ranks)
{
    uint32_t lanes[LANES][RANKS] = {{0}};
    size_t m = rnl_hll_registers(hll->precision);
    for (size_t i = 0; i < m; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++)
            lanes[lane][hll->registers[i + lane] % RANKS]++;
    }
    for (size_t rank = 0; rank < RANKS; rank++)
        ret_ranks->counts[rank] =
            lanes[0][rank] + lanes[1][rank] + lanes[2][rank] + lanes[3][rank];
}

/* Of the profile that has addresses of 14 bits, so that coupons share them. */
static void count_coupons(const struct rnl_hll *hll, struct ranks *ret_ranks)
{
    uint8_t registers[1 << RNL_HLL_PRECISION_REDIS] = {0};
    struct rnl_hll dense = *hll;
    dense.registers = registers;
    RNL_HLL_FOR_COUPONS(hll, coupon)
    {
        uint8_t rank = (uint8_t)(coupon >> HLL_ADDRESS_BITS);
        uint8_t *at = registers + (coupon & HLL_ADDRESS_MASK);
        *at = *at > rank ? *at : rank;
    }
    count_dense(&dense, ret_ranks);
}

/* x + sum of x^(2^k) 2^(k-1), k from 1: eq. 26 of the paper. */
static double sigma(double x)
{
    double sum = x;
    double last;
    double weight = 1;
    if (x >= 1)
        return INFINITY;
    do {
        x *= x;
        last = sum;
        sum += x * weight;
        weight += weight;
    } while (sum > last);
    return sum;
}

/* (1 - x - sum of (1 - x^(2^-k))^2 2^-k, k from 1) / 3: eq. 29. */
static double tau(double x)
{
    double sum = 1 - x;
    double last;
    double weight = 1;
    if (x <= 0 || x >= 1)
        return 0;
    do {
        x = sqrt(x);
        last = sum;
        weight /= 2;
        sum -= (1 - x) * (1 - x) * weight;
    } while (sum < last);
    return sum / 3;
}

/* The sum from the highest rank down, halved at each step. */
static double improved_raw(const struct ranks *ranks, double m,
                           uint32_t rank_max)
{
    double sum = m * tau(1 - ranks->counts[rank_max] / m);
    for (uint32_t rank = rank_max - 1; rank > 0; rank--)
        sum = (sum + ranks->counts[rank]) / 2;
    sum += m * sigma(ranks->counts[0] / m);
    return m * m / (2 * M_LN2) / sum;
}

/* Of linear counting, which the estimator equals while n is well below m, and
 * then of the full table; t = n / m. */
static double dense_error(double n, double m)
{
    double t = n / m;
    double linear = t < 1e-3 ? sqrt(0.5 / m) : sqrt((expm1(t) - t) / m) / t;
    return fmin(linear, RNL_HLL_ERROR / sqrt(m));
}

/* Below that many expected collisions the chance of one is below 1 -
 * RNL_HLL_CONFIDENCE. */
#define COLLISIONS_UNLIKELY 0.047

/* Two keys have the same coupon with a probability of 1 / M: the address, and
 * the rank, sum of 4^-k. n keys have M (1 - e^(-n/M)) coupons; the number of
 * those that collide is a Poisson one. */
static void estimate_coupons(const struct rnl_hll *hll,
                             struct rnl_hll_estimate *ret_estimate)
{
    double chances = 3 * (double)(HLL_ADDRESS_MASK + 1);
    double seen = hll->count;
    double hidden = -chances * log1p(-(seen / chances)) - seen;
    double two = 2 * sqrt(hidden);
    bool unlikely = hidden < COLLISIONS_UNLIKELY;
    ret_estimate->value = unlikely ? seen : seen + hidden;
    ret_estimate->lower = seen + fmax(floor(hidden - two), 0);
    ret_estimate->upper = unlikely ? seen : seen + ceil(hidden + two);
    ret_estimate->error = hll->count ? sqrt(0.5 / chances) : 0;
}

/* The whole numbers n for which value is within two standard deviations of
 * n; no fewer than were seen for certain. */
static void set_bounds(struct rnl_hll_estimate *estimate, double certain)
{
    double two = 2 * estimate->error;
    double value = fmin(estimate->value, RNL_HLL_ESTIMATE_MAX);
    double lower = fmax(ceil(value / (1 + two)), certain);
    double upper = fmin(floor(value / (1 - two)), RNL_HLL_ESTIMATE_MAX);
    estimate->value = fmax(value, certain);
    estimate->lower = fmin(lower, estimate->value);
    estimate->upper = fmax(upper, estimate->value);
}

static void estimate_ultra(const struct rnl_hll *hll,
                           struct rnl_hll_estimate *ret_estimate)
{
    uint32_t used;
    double m = (double)rnl_hll_registers(hll->precision);
    ret_estimate->value = rnl_ull_estimate(hll, &used);
    ret_estimate->error = used > 0 ? RNL_ULL_ERROR / sqrt(m) : 0;
    set_bounds(ret_estimate, used);
}

static void estimate_hyper(const struct rnl_hll *hll,
                           struct rnl_hll_estimate *ret_estimate)
{
    struct ranks ranks;
    double m = (double)rnl_hll_registers(hll->precision);
    if (hll->dense)
        count_dense(hll, &ranks);
    else
        count_coupons(hll, &ranks);
    double value = improved_raw(
        &ranks, m, rnl_hll_rank_max((enum rnl_hash_profile)hll->profile));
    /* Of few registers the harmonic mean is high by 1.08 / m; Flajolet's alpha
     * takes that into account, Ertl's and so PFCOUNT do not. */
    if (hll->profile != RNL_HASH_REDIS)
        value /= 1 + RNL_HLL_ERROR * RNL_HLL_ERROR / m;
    ret_estimate->value = value;
    ret_estimate->error = value > 0 ? dense_error(value, m) : 0;
    set_bounds(ret_estimate, m - ranks.counts[0]);
}

void rnl_hll_estimate(const struct rnl_hll *hll,
                      struct rnl_hll_estimate *ret_estimate)
{
    if (!hll->dense && hll->profile != RNL_HASH_REDIS) {
        estimate_coupons(hll, ret_estimate);
    } else if (hll->kind == HLL_KIND_ULTRA) {
        estimate_ultra(hll, ret_estimate);
    } else {
        estimate_hyper(hll, ret_estimate);
    }
}
