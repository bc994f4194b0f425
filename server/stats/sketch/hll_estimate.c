/* SPDX-License-Identifier: Apache-2.0 */
#include "hyperloglog.h"

#include <math.h>
#include <string.h>

#include "hll_private.h"

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

/* Coupons whose addresses are registers, each once. */
static void count_coupons(const struct rnl_hll *hll, struct ranks *ret_ranks)
{
    memset(ret_ranks, 0, sizeof(*ret_ranks));
    RNL_HLL_FOR_COUPONS(hll, coupon)
    {
        ret_ranks->counts[coupon >> HLL_ADDRESS_BITS] += coupon != 0;
    }
    ret_ranks->counts[0] =
        (uint32_t)rnl_hll_registers(hll->precision) - hll->count;
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

/* n addresses of A = 2^26 hold A (1 - e^(-n/A)) coupons; their number has a
 * standard deviation of n / sqrt(2 A). */
static void estimate_coupons(const struct rnl_hll *hll,
                             struct rnl_hll_estimate *ret_estimate)
{
    double addresses = (double)(HLL_ADDRESS_MASK + 1);
    ret_estimate->value = -addresses * log1p(-(hll->count / addresses));
    ret_estimate->error = hll->count ? sqrt(0.5 / addresses) : 0;
}

/* The whole numbers n for which value is within two standard deviations of
 * n; no fewer than were seen for certain. */
static void set_bounds(struct rnl_hll_estimate *estimate, double certain)
{
    double two = 2 * estimate->error;
    double value = fmin(estimate->value, RNL_HLL_ESTIMATE_MAX);
    double lower = fmax(ceil(value / (1 + two)), certain);
    double upper = fmin(floor(value / (1 - two)), RNL_HLL_ESTIMATE_MAX);
    estimate->value = fmax(nearbyint(value), certain);
    estimate->lower = fmin(lower, estimate->value);
    estimate->upper = fmax(upper, estimate->value);
}

void rnl_hll_estimate(const struct rnl_hll *hll,
                      struct rnl_hll_estimate *ret_estimate)
{
    struct ranks ranks;
    double m = (double)rnl_hll_registers(hll->precision);
    if (!hll->dense && hll->profile != RNL_HASH_REDIS) {
        estimate_coupons(hll, ret_estimate);
        set_bounds(ret_estimate, hll->count);
        return;
    }
    if (hll->dense)
        count_dense(hll, &ranks);
    else
        count_coupons(hll, &ranks);
    ret_estimate->value = improved_raw(
        &ranks, m, rnl_hll_rank_max((enum rnl_hash_profile)hll->profile));
    ret_estimate->error =
        ret_estimate->value > 0 ? dense_error(ret_estimate->value, m) : 0;
    set_bounds(ret_estimate, m - ranks.counts[0]);
}
