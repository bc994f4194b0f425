/* SPDX-License-Identifier: Apache-2.0 */
#include "distinct_trials.h"

#include <math.h>
#include <stdlib.h>

#include "hll_private.h"
#include "splitmix.h"
#include "ultraloglog.h"

#define BATCH 1024

static bool start(const struct distinct_setup *setup, struct rnl_hll *ret_hll)
{
    enum rnl_code code =
        setup->ultra
            ? rnl_ull_init(ret_hll, setup->precision, 0)
            : rnl_hll_init(ret_hll, setup->precision, RNL_HASH_NATIVE, 0);
    if (code == RNL_OK && setup->dense)
        code = rnl_hll_make_dense(ret_hll);
    return code == RNL_OK;
}

static void note(struct distinct_point *point, size_t trial,
                 const struct rnl_hll *hll)
{
    struct rnl_hll_estimate estimate;
    rnl_hll_estimate(hll, &estimate);
    point->errors[trial] = estimate.value / point->n - 1;
    point->stated += estimate.error;
    point->covered += estimate.lower <= point->n && point->n <= estimate.upper;
}

static bool feed(struct rnl_hll *hll, uint64_t *random, uint64_t count)
{
    uint64_t hashes[BATCH];
    while (count > 0) {
        size_t now = count < BATCH ? (size_t)count : BATCH;
        for (size_t i = 0; i < now; i++)
            hashes[i] = splitmix(random);
        if (rnl_hll_update_batch(hll, hashes, now) != RNL_OK)
            return false;
        count -= now;
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    const double *left = a;
    const double *right = b;
    return (*left > *right) - (*left < *right);
}

static void begin(struct distinct_point *points, size_t point_count)
{
    for (size_t i = 0; i < point_count; i++) {
        points[i].bias = 0;
        points[i].rms = 0;
        points[i].stated = 0;
        points[i].covered = 0;
    }
}

static void sum_up(struct distinct_point *points, size_t point_count,
                   size_t trials)
{
    for (size_t i = 0; i < point_count; i++) {
        double squares = 0;
        for (size_t trial = 0; trial < trials; trial++) {
            points[i].bias += points[i].errors[trial];
            squares += points[i].errors[trial] * points[i].errors[trial];
        }
        points[i].bias /= (double)trials;
        points[i].rms = sqrt(squares / (double)trials);
        points[i].stated /= (double)trials;
        points[i].covered /= (double)trials;
        qsort(points[i].errors, trials, sizeof(double), compare);
    }
}

bool distinct_run(const struct distinct_setup *setup,
                  struct distinct_point *points, size_t point_count)
{
    uint64_t random = setup->seed;
    bool ok = true;
    begin(points, point_count);
    for (size_t trial = 0; ok && trial < setup->trials; trial++) {
        struct rnl_hll hll;
        uint64_t fed = 0;
        ok = start(setup, &hll);
        for (size_t i = 0; ok && i < point_count; i++) {
            uint64_t n = (uint64_t)points[i].n;
            ok = feed(&hll, &random, n - fed);
            fed = n;
            note(points + i, trial, &hll);
        }
        rnl_hll_fini(&hll);
    }
    sum_up(points, point_count, setup->trials);
    return ok;
}

/* Of each rank the probability that it was seen in a register that got a
 * Poisson number of keys with mean rate. */
struct chances {
    double of[HLL_RANK_MAX_NATIVE + 1];
};

static struct chances chances_of(double rate)
{
    struct chances chances = {{0}};
    for (int rank = 1; rank <= HLL_RANK_MAX_NATIVE; rank++)
        chances.of[rank] = -expm1(-rate * exp2(-rank));
    /* The highest one stands for all above it, which are as many. */
    chances.of[HLL_RANK_MAX_NATIVE] =
        -expm1(-rate * exp2(1 - HLL_RANK_MAX_NATIVE));
    return chances;
}

/* From the top down to the last rank that matters. */
static uint8_t draw_register(const struct chances *chances, bool ultra,
                             uint64_t *random)
{
    uint32_t rank = HLL_RANK_MAX_NATIVE;
    while (rank > 0 && splitmix_unit(random) >= chances->of[rank])
        rank--;
    if (!ultra || rank == 0)
        return (uint8_t)rank;
    uint8_t value = rnl_ull_raised(0, rank);
    for (uint32_t k = rank - 1; k > 0 && k + 2 >= rank; k--) {
        if (splitmix_unit(random) < chances->of[k])
            value = rnl_ull_raised(value, k);
    }
    return value;
}

bool distinct_draw(const struct distinct_setup *setup,
                   struct distinct_point *points, size_t point_count)
{
    uint64_t random = setup->seed;
    struct rnl_hll hll;
    struct distinct_setup dense = *setup;
    dense.dense = true;
    begin(points, point_count);
    bool ok = start(&dense, &hll);
    size_t m = rnl_hll_registers(setup->precision);
    for (size_t trial = 0; ok && trial < setup->trials; trial++) {
        for (size_t i = 0; i < point_count; i++) {
            struct chances chances = chances_of(points[i].n / (double)m);
            for (size_t at = 0; at < m; at++)
                hll.registers[at] =
                    draw_register(&chances, setup->ultra, &random);
            note(points + i, trial, &hll);
        }
    }
    rnl_hll_fini(&hll);
    sum_up(points, point_count, setup->trials);
    return ok;
}
