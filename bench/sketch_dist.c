/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sketches of distributions alone, in ns a value:
 *
 *     bench_sketch_dist [batch]          (default: 1,000 values)
 *
 * Of each column: its spread (which both sketches share), the moments and the
 * log histogram, for doubles and floats. "plain" is the same with neither AVX2
 * nor FMA, "sum" a loop that only adds all values up: the floor. Last, the
 * costs of a window: a merge and a subtraction of histograms, in us.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/timing.h"
#include "log_histogram.h"
#include "moments.h"
#include "simd.h"

#define COUNT   65536
#define REPEATS 31

struct column {
    const char *name;
    double values[COUNT];
    float floats[COUNT];
};

static double unit(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return ((double)(*state >> 11) + 0.5) * 0x1p-53;
}

static double normal(uint64_t *state)
{
    double radius = sqrt(-2 * log(unit(state)));
    return radius * cos(6.283185307179586 * unit(state));
}

static double lognormal(uint64_t *state)
{
    return exp(1.5 * normal(state) + 2);
}

static double heavy(uint64_t *state)
{
    return pow(unit(state), -2);
}

static double digit(uint64_t *state)
{
    return floor(10 * unit(state));
}

static double constant(uint64_t *state)
{
    (void)state;
    return 42.5;
}

static void fill(struct column *column, const char *name,
                 double (*draw)(uint64_t *state))
{
    uint64_t state = 1;
    column->name = name;
    for (size_t i = 0; i < COUNT; i++) {
        column->values[i] = draw(&state);
        column->floats[i] = (float)column->values[i];
    }
}

/* What one pass over a column is to do. */
enum work { WORK_SUM, WORK_SPREAD, WORK_MOMENTS, WORK_HISTOGRAM, WORK_ALL };

struct run {
    const struct column *column;
    size_t batch;
    bool f32;
    enum work work;
    struct rnl_moments moments;
    struct rnl_histogram histogram;
    double sink;
};

static void check(enum rnl_code code)
{
    if (code != RNL_OK)
        bench_die("memory is out");
}

static void batch_f64(struct run *run, const double *values, size_t count)
{
    struct rnl_spread spread = {0};
    if (run->work == WORK_SUM) {
        for (size_t i = 0; i < count; i++)
            run->sink += values[i];
        return;
    }
    rnl_spread_f64(values, count, &spread);
    run->sink += spread.max;
    if (run->work == WORK_MOMENTS || run->work == WORK_ALL)
        check(rnl_moments_update_f64(&run->moments, values, count, &spread));
    if (run->work == WORK_HISTOGRAM || run->work == WORK_ALL)
        check(
            rnl_histogram_update_f64(&run->histogram, values, count, &spread));
}

static void batch_f32(struct run *run, const float *values, size_t count)
{
    struct rnl_spread spread = {0};
    if (run->work == WORK_SUM) {
        for (size_t i = 0; i < count; i++)
            run->sink += (double)values[i];
        return;
    }
    rnl_spread_f32(values, count, &spread);
    run->sink += spread.max;
    if (run->work == WORK_MOMENTS || run->work == WORK_ALL)
        check(rnl_moments_update_f32(&run->moments, values, count, &spread));
    if (run->work == WORK_HISTOGRAM || run->work == WORK_ALL)
        check(
            rnl_histogram_update_f32(&run->histogram, values, count, &spread));
}

static double pass(struct run *run)
{
    double begin = bench_now();
    for (size_t from = 0; from < COUNT; from += run->batch) {
        size_t count = COUNT - from < run->batch ? COUNT - from : run->batch;
        if (run->f32)
            batch_f32(run, run->column->floats + from, count);
        else
            batch_f64(run, run->column->values + from, count);
    }
    return (bench_now() - begin) * 1e9 / COUNT;
}

/* ns a value. */
static double measure(const struct column *column, size_t batch, bool f32,
                      enum work work)
{
    struct run run = {.column = column, .batch = batch, .f32 = f32};
    double times[REPEATS];
    run.work = work;
    rnl_moments_init(&run.moments);
    rnl_histogram_init(&run.histogram);
    for (size_t i = 0; i < REPEATS; i++)
        times[i] = pass(&run);
    bench_keep((uint64_t)fabs(run.sink) + run.moments.count);
    rnl_moments_fini(&run.moments);
    rnl_histogram_fini(&run.histogram);
    return bench_median(times, REPEATS);
}

static void show(const struct column *column, size_t batch, bool f32)
{
    double spread = measure(column, batch, f32, WORK_SPREAD);
    double moments = measure(column, batch, f32, WORK_MOMENTS) - spread;
    double histogram = measure(column, batch, f32, WORK_HISTOGRAM) - spread;
    double all = measure(column, batch, f32, WORK_ALL);
    printf("%-10s %-7s %8.2f %8.2f %8.2f %9.2f %8.2f\n", column->name,
           f32 ? "float" : "double", measure(column, batch, f32, WORK_SUM),
           spread, moments, histogram, all);
    char name[64];
    snprintf(name, sizeof(name), "sketch_dist_%s_%s_ns", column->name,
             f32 ? "float" : "double");
    bench_say(name, all);
}

/* A window of panes of a column: us a merge, and a subtraction. */
static void show_window(const struct column *column)
{
    double merges[REPEATS], subtractions[REPEATS];
    struct run pane = {.column = column, .batch = COUNT};
    struct rnl_histogram window;
    pane.work = WORK_HISTOGRAM;
    rnl_histogram_init(&pane.histogram);
    rnl_histogram_init(&window);
    pass(&pane);
    for (size_t i = 0; i < REPEATS; i++) {
        double begin = bench_now();
        check(rnl_histogram_merge(&window, &pane.histogram));
        double middle = bench_now();
        check(rnl_histogram_subtract(&window, &pane.histogram));
        merges[i] = (middle - begin) * 1e6;
        subtractions[i] = (bench_now() - middle) * 1e6;
    }
    bench_say("sketch_dist_merge_us", bench_median(merges, REPEATS));
    bench_say("sketch_dist_subtract_us", bench_median(subtractions, REPEATS));
    bench_say("sketch_dist_pane_bytes",
              (double)(sizeof(struct rnl_moments) + sizeof(window) +
                       rnl_histogram_heap_bytes(&pane.histogram)));
    rnl_histogram_fini(&pane.histogram);
    rnl_histogram_fini(&window);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        double (*draw)(uint64_t *state);
    } kinds[] = {{"lognormal", lognormal},
                 {"normal", normal},
                 {"digits", digit},
                 {"heavy", heavy},
                 {"constant", constant}};
    size_t batch = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    struct column *column = bench_alloc(sizeof(*column));
    if (batch == 0 || batch > COUNT)
        bench_die("batch is from 1 to %d", COUNT);
    printf("ns a value    column      sum   spread  moments histogram      "
           "all\n");
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        fill(column, kinds[k].name, kinds[k].draw);
        show(column, batch, false);
        show(column, batch, true);
    }
    rnl_simd_off = true;
    fill(column, "plain", lognormal);
    show(column, batch, false);
    show(column, batch, true);
    show_window(column);
    free(column);
    return 0;
}
