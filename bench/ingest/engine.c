/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "timing.h"

/* Snapshots of every window, for their cost. */
#define SNAPSHOTS 20

#define TOP 100

struct meters {
    struct rnl_meter **all;
    size_t count;
};

/* Seconds; the first so many of them. */
static const uint32_t windows[RNL_METER_WINDOWS_MAX] = {
    10, 60, 300, 900, 3600, 10800, 43200, 86400};

static void create_meters(const struct bench_task *task, struct meters *meters,
                          int64_t wall_ms)
{
    struct rnl_meter_config config = {.hash_seed = 1};
    struct rnl_meter_fault fault;
    size_t count = task->streams;
    config.window_count = task->windows;
    memcpy(config.window_seconds, windows,
           task->windows * sizeof(config.window_seconds[0]));
    if (rnl_meter_config_check(&config, &fault) != RNL_OK)
        bench_die("the configuration is refused: %s", fault.what);
    meters->count = count;
    meters->all = bench_alloc(count * sizeof(meters->all[0]));
    for (size_t i = 0; i < count; i++) {
        if (rnl_meter_create(&config, wall_ms, &meters->all[i]) != RNL_OK)
            bench_die("memory is out");
    }
}

static void destroy_meters(struct meters *meters)
{
    for (size_t i = 0; i < meters->count; i++)
        rnl_meter_destroy(meters->all[i]);
    free(meters->all);
}

static double feed(const struct bench_task *task, struct meters *meters)
{
    struct rnl_meter_taken taken;
    struct rnl_meter_fault fault;
    double from = bench_thread_cpu();
    for (size_t i = 0; i < task->batches->count; i++) {
        const struct rnl_meter_batch *batch = &task->batches->batches[i];
        int64_t wall_ms = batch->time_base_ms + 1000 + task->behind_ms;
        if (rnl_meter_ingest(meters->all[i % meters->count], batch, wall_ms,
                             &taken, &fault) != RNL_OK)
            bench_die("batch %zu was refused: %s %s", i, fault.field,
                      fault.what);
    }
    return bench_thread_cpu() - from;
}

static void check_counts(const struct bench_task *task,
                         const struct meters *meters, int64_t wall_ms)
{
    uint64_t count = 0;
    for (size_t i = 0; i < meters->count; i++) {
        struct rnl_meter_info info;
        rnl_meter_info(meters->all[i], wall_ms, &info);
        count += info.count;
    }
    if (count != task->event_count)
        bench_die("%zu events went in, %llu were counted", task->event_count,
                  (unsigned long long)count);
}

static void take_snapshot(struct rnl_meter *meter, int64_t wall_ms)
{
    const struct rnl_meter_config *config = rnl_meter_config(meter);
    for (size_t w = 0; w <= config->window_count; w++) {
        uint32_t seconds = w == 0 ? 0 : config->window_seconds[w - 1];
        struct rnl_meter_view *view;
        struct rnl_meter_estimate unique;
        static struct rnl_meter_top top[TOP];
        if (rnl_meter_view_create(meter, seconds, wall_ms, &view) != RNL_OK)
            bench_die("a view cannot be made");
        rnl_meter_view_unique(view, &unique);
        bench_keep(rnl_meter_view_top(view, top, TOP) + (uint64_t)unique.value);
        for (int m = 0; m < RNL_METER_METRICS; m++)
            bench_keep((uint64_t)rnl_meter_view_quantile(
                view, (enum rnl_meter_metric)m, 0.99));
        rnl_meter_view_destroy(view);
    }
}

/* Each after one more batch, so that nothing is answered from a cache. */
static void measure_snapshots(const struct bench_task *task,
                              struct meters *meters)
{
    double times[SNAPSHOTS];
    struct rnl_meter *meter = meters->all[0];
    struct rnl_meter_batch batch = task->batches->batches[0];
    int64_t end =
        task->batches->batches[task->batches->count - 1].time_base_ms + 1000;
    batch.time_base_ms = end;
    for (size_t i = 0; i < SNAPSHOTS; i++) {
        struct rnl_meter_taken taken;
        struct rnl_meter_fault fault;
        if (rnl_meter_ingest(meter, &batch, end + 1000, &taken, &fault) !=
            RNL_OK)
            bench_die("a batch was refused: %s", fault.what);
        double from = bench_thread_cpu();
        take_snapshot(meter, end + 1000);
        times[i] = bench_thread_cpu() - from;
    }
    bench_report(task, "snapshot_us", bench_median(times, SNAPSHOTS) * 1e6);
}

static void report_memory(const struct bench_task *task,
                          const struct meters *meters, int64_t wall_ms)
{
    struct rnl_meter_info info;
    rnl_meter_info(meters->all[0], wall_ms, &info);
    bench_report(task, "stream_bytes", (double)info.memory_bytes);
    bench_report(task, "stream_bytes_max", (double)info.memory_bytes_max);
}

void bench_engine(const struct bench_task *task)
{
    double times[BENCH_REPEATS_MAX];
    const struct bench_batches *batches = task->batches;
    int64_t begin = batches->batches[0].time_base_ms;
    int64_t end = batches->batches[batches->count - 1].time_base_ms + 1000;
    for (size_t repeat = 0; repeat < task->repeats; repeat++) {
        struct meters meters;
        create_meters(task, &meters, begin);
        times[repeat] = feed(task, &meters);
        check_counts(task, &meters, end);
        if (repeat + 1 == task->repeats) {
            report_memory(task, &meters, end);
            measure_snapshots(task, &meters);
        }
        destroy_meters(&meters);
    }
    double seconds = bench_median(times, task->repeats);
    bench_report(task, "engine_ns_per_event",
                 seconds * 1e9 / (double)task->event_count);
    bench_report(task, "engine_events_per_s",
                 (double)task->event_count / seconds);
}
