/* SPDX-License-Identifier: Apache-2.0 */
/* Clock, medians and the like for programs that measure. */
#ifndef RNL_BENCH_TIMING_H
#define RNL_BENCH_TIMING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Repetitions of a measurement; the median is shown. */
#define BENCH_REPEATS_MAX 101

/* Seconds, monotonic. */
double bench_now(void);

/* CPU seconds of the calling thread. For work that never waits this is its time
 * on an idle machine, but for what neighbours do to caches and clocks. */
double bench_thread_cpu(void);

/* CPU seconds of a process, user and system. */
double bench_cpu(pid_t pid);

/* Sorts values and returns the middle one. */
double bench_median(double *values, size_t count);

/* Ends the program when memory is out. */
void *bench_alloc(size_t bytes);

/* Prints to stderr and exits with 1. */
void bench_die(const char *format, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

/* Keeps the compiler from dropping a result. */
void bench_keep(uint64_t value);

/* Prints the line "name: figure" that bench/run collects. */
void bench_say(const char *name, double figure);

#endif
