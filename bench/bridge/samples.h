/* SPDX-License-Identifier: Apache-2.0 */
/* How long single things took, and how many were done in each round. */
#ifndef RNL_BENCH_BRIDGE_SAMPLES_H
#define RNL_BENCH_BRIDGE_SAMPLES_H

#include <stddef.h>

#include "task.h"
#include "timing.h"

/* Zeroed at first; grows. */
struct bench_samples {
    double *seconds;
    size_t count;
    size_t cap;
};

void bench_samples_add(struct bench_samples *samples, double seconds);

/* Prints LABEL_NAME_p50_us and LABEL_NAME_p99_us. */
void bench_samples_report(struct bench_samples *samples,
                          const struct bench_web_task *task, const char *name);

/* Rounds; all but task zeroed at first. */
struct bench_rates {
    const struct bench_web_task *task;
    double from;
    double cpu_from;
    double per_s[BENCH_REPEATS_MAX];
    double per_core_s[BENCH_REPEATS_MAX];
    size_t count;
};

void bench_rates_begin(struct bench_rates *rates);
void bench_rates_end(struct bench_rates *rates, size_t done);

/* Prints the medians: LABEL_NAME_per_s and LABEL_NAME_per_core_s. */
void bench_rates_report(struct bench_rates *rates, const char *name);

#endif
