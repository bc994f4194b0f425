/* SPDX-License-Identifier: Apache-2.0 */
#include "samples.h"

#include <stdio.h>
#include <stdlib.h>

void bench_samples_add(struct bench_samples *samples, double seconds)
{
    if (samples->count == samples->cap) {
        samples->cap = samples->cap == 0 ? 1 << 16 : 2 * samples->cap;
        samples->seconds =
            realloc(samples->seconds, samples->cap * sizeof(double));
        if (samples->seconds == NULL)
            bench_die("memory is out");
    }
    samples->seconds[samples->count++] = seconds;
}

static void report(const struct bench_web_task *task, const char *name,
                   const char *what, double figure)
{
    char text[96];
    snprintf(text, sizeof(text), "%s_%s", name, what);
    bench_web_report(task, text, figure);
}

void bench_samples_report(struct bench_samples *samples,
                          const struct bench_web_task *task, const char *name)
{
    if (samples->count == 0)
        bench_die("%s: nothing was measured", name);
    report(task, name, "p50_us",
           1e6 * bench_median(samples->seconds, samples->count));
    report(task, name, "p99_us",
           1e6 * samples->seconds[samples->count - 1 - samples->count / 100]);
}

void bench_rates_begin(struct bench_rates *rates)
{
    rates->cpu_from = bench_web_cpu(rates->task);
    rates->from = bench_now();
}

void bench_rates_end(struct bench_rates *rates, size_t done)
{
    double took = bench_now() - rates->from;
    double used = bench_web_cpu(rates->task) - rates->cpu_from;
    rates->per_s[rates->count] = (double)done / took;
    /* Processor time is counted in hundredths of a second. */
    rates->per_core_s[rates->count] = (double)done / (used > 0 ? used : 0.01);
    rates->count++;
}

void bench_rates_report(struct bench_rates *rates, const char *name)
{
    report(rates->task, name, "per_s",
           bench_median(rates->per_s, rates->count));
    if (rates->task->pid_count > 0)
        report(rates->task, name, "per_core_s",
               bench_median(rates->per_core_s, rates->count));
}
