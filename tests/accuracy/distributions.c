/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures the error of quantiles and of the variance at length, as CSV:
 *
 *     accuracy_distributions quantiles VALUES TRIALS [SEED]
 *     accuracy_distributions variance VALUES
 *
 * quantiles: for each kind of column and each of some quantiles, the largest
 * and the mean relative error over all trials; q = -1 is the largest of all
 * ranks. variance: of values 10^k away from zero with a deviation of 1, the
 * relative error of ours, of Welford's update, and of sums of squares in
 * doubles. tests/accuracy/distributions.py runs it, judges and draws.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log_histogram.h"
#include "moments.h"
#include "numbers.h"

/* Quantiles 0, 1/POINTS, ... 1. */
#define POINTS 200

/* Ranks of a column that are looked at. */
#define RANKS_MAX 20000

static void die(const char *what)
{
    fprintf(stderr, "accuracy_distributions: %s\n", what);
    exit(1);
}

static void *allocate(size_t bytes)
{
    void *memory = malloc(bytes);
    if (memory == NULL)
        die("memory is out");
    return memory;
}

/* ---- quantiles ---- */

struct tally {
    double worst[POINTS + 1];
    double sum[POINTS + 1];
    double worst_of_all;
    size_t heap_bytes;
};

static double relative(double found, double right)
{
    if (right == 0)
        return found == 0 ? 0 : INFINITY;
    return fabs(found - right) / fabs(right);
}

/* As the header defines it. */
static double value_at(const double *sorted, size_t count, double q)
{
    double rank = ceil(q * (double)count);
    return sorted[rank < 1 ? 0 : (size_t)rank - 1];
}

static void look_at_ranks(const struct rnl_histogram *histogram,
                          const double *sorted, size_t count,
                          struct tally *tally)
{
    size_t ranks = count < RANKS_MAX ? count : RANKS_MAX;
    double *q = allocate(2 * ranks * sizeof(double));
    double *found = q + ranks;
    for (size_t i = 0; i < ranks; i++)
        q[i] = ((double)i + 0.5) / (double)ranks;
    rnl_histogram_quantiles(histogram, q, ranks, found);
    for (size_t i = 0; i < ranks; i++) {
        double right = value_at(sorted, count, q[i]);
        tally->worst_of_all =
            fmax(tally->worst_of_all, relative(found[i], right));
    }
    free(q);
}

static void try_once(enum numbers_kind kind, uint64_t seed, double *values,
                     size_t count, struct tally *tally)
{
    struct rnl_histogram histogram;
    struct rnl_spread spread;
    rnl_histogram_init(&histogram);
    numbers_fill(kind, seed, values, count);
    rnl_spread_f64(values, count, &spread);
    if (rnl_histogram_update_f64(&histogram, values, count, &spread) != RNL_OK)
        die("memory is out");
    numbers_sort(values, count);
    look_at_ranks(&histogram, values, count, tally);
    for (size_t i = 0; i <= POINTS; i++) {
        double q = (double)i / POINTS;
        double error = relative(rnl_histogram_quantile(&histogram, q),
                                value_at(values, count, q));
        tally->worst[i] = fmax(tally->worst[i], error);
        tally->sum[i] += error;
    }
    tally->heap_bytes = rnl_histogram_heap_bytes(&histogram);
    rnl_histogram_fini(&histogram);
}

static void quantiles(size_t count, size_t trials, uint64_t seed)
{
    double *values = allocate(count * sizeof(double));
    printf("kind,values,trials,bytes,q,worst,mean\n");
    for (int kind = 0; kind < NUMBERS_ANY; kind++) {
        struct tally tally = {0};
        const char *name = numbers_name((enum numbers_kind)kind);
        for (size_t t = 0; t < trials; t++)
            try_once((enum numbers_kind)kind, seed + t, values, count, &tally);
        printf("%s,%zu,%zu,%zu,-1,%.9e,0\n", name, count, trials,
               tally.heap_bytes, tally.worst_of_all);
        for (size_t i = 0; i <= POINTS; i++)
            printf("%s,%zu,%zu,%zu,%.4f,%.9e,%.9e\n", name, count, trials,
                   tally.heap_bytes, (double)i / POINTS, tally.worst[i],
                   tally.sum[i] / (double)trials);
    }
    free(values);
}

/* ---- variance ---- */

/* Deviations from a number near the mean are exact, and small: two passes over
 * them in long double are right to all digits shown. */
static long double right_variance(const double *values, size_t count,
                                  double near)
{
    long double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += (long double)(values[i] - near);
    for (size_t i = 0; i < count; i++) {
        long double away =
            (long double)(values[i] - near) - sum / (long double)count;
        squares += away * away;
    }
    return squares / (long double)count;
}

static double welford(const double *values, size_t count)
{
    double mean = 0, m2 = 0;
    for (size_t i = 0; i < count; i++) {
        double away = values[i] - mean;
        mean += away / (double)(i + 1);
        m2 += away * (values[i] - mean);
    }
    return m2 / (double)count;
}

static double sums_of_squares(const double *values, size_t count)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        sum += values[i];
        squares += values[i] * values[i];
    }
    double mean = sum / (double)count;
    return squares / (double)count - mean * mean;
}

static double ours(const double *values, size_t count)
{
    struct rnl_moments moments;
    struct rnl_moments_summary summary;
    struct rnl_spread spread;
    rnl_moments_init(&moments);
    rnl_spread_f64(values, count, &spread);
    if (rnl_moments_update_f64(&moments, values, count, &spread) != RNL_OK)
        die("memory is out");
    rnl_moments_read(&moments, &summary);
    rnl_moments_fini(&moments);
    return summary.variance;
}

static void variance(size_t count)
{
    double *values = allocate(count * sizeof(double));
    printf("away,ours,welford,squares\n");
    for (int k = 0; k <= 12; k++) {
        double away = pow(10, k);
        numbers_fill(NUMBERS_NORMAL, 7, values, count);
        for (size_t i = 0; i < count; i++)
            values[i] = away + (values[i] - 3) / 5;
        long double right = right_variance(values, count, away);
        double found[] = {ours(values, count), welford(values, count),
                          sums_of_squares(values, count)};
        printf("%.0f", away);
        for (size_t i = 0; i < 3; i++)
            printf(",%.6Le", fabsl((long double)found[i] - right) / right);
        printf("\n");
    }
    free(values);
}

int main(int argc, char **argv)
{
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    size_t trials = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
    uint64_t seed = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    if (count == 0 || trials == 0)
        die("usage: quantiles VALUES TRIALS [SEED] | variance VALUES");
    if (strcmp(argv[1], "quantiles") == 0)
        quantiles(count, trials, seed);
    else if (strcmp(argv[1], "variance") == 0)
        variance(count);
    else
        die("no such measurement");
    return 0;
}
