/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures the error of counting distinct keys at length, as CSV:
 *
 *     accuracy_distinct hll|ull PRECISION TRIALS COUNTED_MAX
 *
 * Up to COUNTED_MAX keys are counted one by one; from 10^8 on, registers are
 * drawn as n keys would leave them. accuracy/distinct.py runs it, judges and
 * draws.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "distinct_trials.h"

#define POINTS_MAX 256

/* Steps of about a third from one number of keys to the next. */
static size_t rising(struct distinct_point *points, double first, double last,
                     double factor)
{
    size_t count = 0;
    for (double n = first; n <= last && count < POINTS_MAX; count++) {
        points[count].n = floor(n);
        n = fmax(n * factor, floor(n) + 1);
    }
    return count;
}

/* -3, -2, -1, 0, 1, 2 and 3 standard deviations of a normal distribution. */
static const double ranks[] = {.00135, .02275, .15866, .5,
                               .84134, .97725, .99865};

static void print(const struct distinct_setup *setup, const char *method,
                  const struct distinct_point *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        printf("%s,%u,%s,%.0f,%zu,%.6e,%.6e,%.6e,%.4f",
               setup->ultra ? "ull" : "hll", setup->precision, method,
               points[i].n, setup->trials, points[i].bias, points[i].rms,
               points[i].stated, points[i].covered);
        for (size_t r = 0; r < sizeof(ranks) / sizeof(ranks[0]); r++) {
            double at = ranks[r] * (double)(setup->trials - 1);
            printf(",%.6e", points[i].errors[(size_t)(at + 0.5)]);
        }
        printf("\n");
    }
}

static bool allocate(struct distinct_point *points, size_t trials)
{
    for (size_t i = 0; i < POINTS_MAX; i++) {
        points[i].errors = malloc(trials * sizeof(double));
        if (points[i].errors == NULL)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct distinct_point points[POINTS_MAX];
    struct distinct_setup setup = {.seed = 1};
    double counted_max = 0;
    if (argc == 5) {
        setup.ultra = strcmp(argv[1], "ull") == 0;
        setup.precision = (unsigned)strtoul(argv[2], NULL, 10);
        setup.trials = strtoul(argv[3], NULL, 10);
        counted_max = strtod(argv[4], NULL);
    }
    if (setup.precision < 4 || setup.precision > 21 || setup.trials == 0 ||
        !allocate(points, setup.trials)) {
        fprintf(stderr,
                "usage: accuracy_distinct hll|ull 4-21 TRIALS COUNTED_MAX\n");
        return 2;
    }
    printf("sketch,p,method,n,trials,bias,rms,stated,covered,"
           "s-3,s-2,s-1,s0,s1,s2,s3\n");
    size_t count = rising(points, 1, counted_max, 1.3335214321633240);
    if (!distinct_run(&setup, points, count))
        return 1;
    print(&setup, "counted", points, count);
    count = rising(points, 1e8, 1e15, 10);
    if (!distinct_draw(&setup, points, count))
        return 1;
    print(&setup, "drawn", points, count);
    return 0;
}
