/* SPDX-License-Identifier: Apache-2.0 */
#include "ultraloglog.h"

#include <math.h>
#include <string.h>

#include "alloc.h"
#include "hll_private.h"

/* The constants of the optimal estimator of this kind: table 1 of the paper.
 * ETA[q] belongs to the two bits q: 2 for u - 1 seen, 1 for u - 2 seen. */
#define TAU      0.8194911375910897
#define VARIANCE 0.6118931496978437

static const double eta[4] = {4.663135422063788, 2.1378502137958524,
                              2.781144650979996, 0.9824082545153715};

/* The rank that stands for itself and all above. */
#define RANK_MAX HLL_RANK_MAX_NATIVE

#define REGISTERS 256
#define LANES     4

/* How many registers have which content. */
struct counts {
    uint32_t of[REGISTERS];
};

/* ---- registers ---- */

bool rnl_ull_valid(const uint8_t *registers, size_t len)
{
    bool valid = true;
    for (size_t i = 0; i < len; i++) {
        uint8_t r = registers[i];
        /* Ranks 1 and 2 have no rank 0 or -1 below them to be seen. */
        bool low = r == 0 || r == 4 || r == 8 || r == 10;
        valid &= low || (r >= 12 && r <= (RANK_MAX << 2 | 3));
    }
    return valid;
}

/* The register with the higher rank, and what the other one knows of the two
 * ranks below that. All in bytes, without branches: 16 or more registers go
 * through one instruction. */
void rnl_ull_unite(uint8_t *restrict into, const uint8_t *restrict from,
                   size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t high = into[i] > from[i] ? into[i] : from[i];
        uint8_t low = into[i] > from[i] ? from[i] : into[i];
        uint8_t apart = (uint8_t)((high >> 2) - (low >> 2));
        uint8_t same = apart == 0 ? low & 3 : 0;
        uint8_t next = apart == 1 ? (low >> 1 & 1) | 2 : 0;
        uint8_t second = apart == 2 ? 1 : 0;
        uint8_t known = low == 0 ? 0 : same | next | second;
        into[i] = high | known;
    }
}

static void count_registers(const struct rnl_hll *hll,
                            struct counts *ret_counts)
{
    uint32_t lanes[LANES][REGISTERS] = {{0}};
    size_t m = rnl_hll_registers(hll->precision);
    for (size_t i = 0; i < m; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++)
            lanes[lane][hll->registers[i + lane]]++;
    }
    for (size_t r = 0; r < REGISTERS; r++)
        ret_counts->of[r] =
            lanes[0][r] + lanes[1][r] + lanes[2][r] + lanes[3][r];
}

/* ---- the estimator ---- */

/* The root in [0, 1] of alpha y^2 + beta y - gamma, which both of the first
 * estimates come down to. */
static double likely_root(double alpha, double beta, double gamma)
{
    return (sqrt(beta * beta + 4 * alpha * gamma) - beta) / (2 * alpha);
}

/* The mean of eta when no rank is known: x is the probability that the rank
 * below was not seen, and so x^2 that of the one below that, which is twice as
 * likely to be seen. */
static double mean_eta(double x)
{
    double second = x * x;
    return eta[0] * x * second + eta[1] * x * (1 - second) +
           eta[2] * (1 - x) * second + eta[3] * (1 - x) * (1 - second);
}

/*
 * What an empty register contributes. On an endless scale its highest rank is
 * -k, k from 0. z is the probability that a rank of 0 was not seen, z^2 for -1,
 * z^4 for -2 and so on: that none of 0 to -(k - 1) was, but -k was, has
 * probability z^(2^k - 1) (1 - z^(2^k)).
 */
static double empty_share(double z)
{
    double sum = 0;
    double last;
    double scale = 1;
    double power = z;
    if (z <= 0)
        return eta[3];
    if (z >= 1)
        return INFINITY;
    do {
        last = sum;
        sum += scale * (power / z) * (1 - power) * mean_eta(power * power);
        power *= power;
        scale *= exp2(TAU);
    } while (sum > last);
    return sum;
}

/* Registers with rank 0, 1 or 2. x = exp(-n / 4m) is most likely where the
 * derivative of the likelihood of these counts is 0. */
static double small_shares(const struct counts *counts, double m)
{
    double c0 = counts->of[0];
    double c4 = counts->of[4];
    double c8 = counts->of[8];
    double c10 = counts->of[10];
    double below = c0 + c4 + c8 + c10;
    if (below == 0)
        return 0;
    double x =
        likely_root(m + 3 * below, m - c0 - c4, 4 * c0 + 2 * c4 + 3 * c8 + c10);
    double z = x * x * x * x;
    double sum = c0 > 0 ? c0 * empty_share(z) : 0;
    sum += c4 * exp2(-TAU) * mean_eta(z);
    sum += c8 * exp2(-2 * TAU) * (eta[0] * z + eta[1] * (1 - z));
    sum += c10 * exp2(-2 * TAU) * (eta[2] * z + eta[3] * (1 - z));
    return sum;
}

/* Highest rank w + j for j >= 2, of which no rank below it is known; z is the
 * probability that w was not seen. Not yet divided by 1 - z^2. */
static double far_share(double z)
{
    double sum = 0;
    double last;
    double scale = exp2(-2 * TAU);
    double power = sqrt(z);
    do {
        double next = sqrt(power);
        last = sum;
        sum += scale * next * (1 - next) * mean_eta(power);
        power = next;
        scale *= exp2(-TAU);
    } while (sum > last);
    return sum;
}

/* Registers with rank w, the highest, which stands for w and all above: on an
 * endless scale it is w, w + 1 or more. y = exp(-2 n / (2^w m)) is most likely
 * where the derivative of the likelihood of these counts is 0. */
static double large_shares(const struct counts *counts, double m)
{
    const uint32_t *at = counts->of + (RANK_MAX << 2);
    double full = (double)at[0] + at[1] + at[2] + at[3];
    if (full == 0)
        return 0;
    double y = likely_root(m + 3 * full,
                           (double)at[0] + at[1] + 2 * ((double)at[2] + at[3]),
                           m + 2.0 * at[0] + at[2] - at[3]);
    if (y <= 0)
        return 0;
    double z = sqrt(y);
    double root = sqrt(z);
    double far = far_share(z);
    double sum = 0;
    for (int q = 0; q < 4; q++) {
        double here = (1 - z) * z * eta[q];
        double next = z * eta[q >> 1] + (1 - z) * eta[2 + (q >> 1)];
        next *= exp2(-TAU) * root * (1 - root);
        sum += at[q] * (here + next + far) / (1 - y);
    }
    return sum * exp2(-TAU * RANK_MAX);
}

double rnl_ull_estimate(const struct rnl_hll *hll, uint32_t *ret_used)
{
    struct counts counts;
    double m = (double)rnl_hll_registers(hll->precision);
    count_registers(hll, &counts);
    *ret_used = (uint32_t)m - counts.of[0];
    if (*ret_used == 0)
        return 0;
    double sum = small_shares(&counts, m) + large_shares(&counts, m);
    for (int r = 3 << 2; r < RANK_MAX << 2; r++)
        sum += counts.of[r] * exp2(-TAU * (r >> 2)) * eta[r & 3];
    return m * pow(m / sum, 1 / TAU) / (1 + (1 + TAU) * VARIANCE / (2 * m));
}

/* ---- life ---- */

enum rnl_code rnl_ull_init(struct rnl_hll *ull, unsigned precision,
                           uint64_t seed)
{
    enum rnl_code code = rnl_hll_init(ull, precision, RNL_HASH_NATIVE, seed);
    if (code == RNL_OK)
        ull->kind = HLL_KIND_ULTRA;
    return code;
}

bool rnl_ull_is(const struct rnl_hll *hll)
{
    return hll->kind == HLL_KIND_ULTRA;
}

enum rnl_code rnl_ull_to_hll(const struct rnl_hll *ull, struct rnl_hll *target)
{
    struct rnl_hll made = {.precision = ull->precision,
                           .profile = ull->profile,
                           .seed_check = ull->seed_check};
    enum rnl_code code = RNL_OK;
    if (ull->kind != HLL_KIND_ULTRA)
        return RNL_INVALID_ARGUMENT;
    if (ull->dense)
        code = rnl_hll_make_dense(&made);
    if (code == RNL_OK && ull->dense) {
        for (size_t i = 0; i < rnl_hll_registers(ull->precision); i++)
            made.registers[i] = ull->registers[i] >> 2;
    }
    RNL_HLL_FOR_COUPONS(ull, coupon)
    {
        if (code == RNL_OK && coupon != 0)
            code = rnl_hll_put(&made, coupon);
    }
    return rnl_hll_finish(target, &made, code);
}
