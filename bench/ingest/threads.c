/* SPDX-License-Identifier: Apache-2.0 */
/* The engine with threads that count: by the clock, since it is the time that
 * is to be shorter; and what is left for the thread of connections to do, which
 * the neighbours of a busy machine change less: to check a batch and to hand it
 * over, without what it counts itself while the others are behind. */
#include <assert.h>
#include <stdlib.h>

#include <shards.h>

#include "parts.h"
#include "timing.h"

/* Lanes whose steps and settling are timed. */
static const struct rnl_lanes_ops *inner;
static double helped;

static bool timed(bool (*call)(struct rnl_lane *lane), struct rnl_lane *lane)
{
    double from = bench_thread_cpu();
    bool is_done = call(lane);
    helped += bench_thread_cpu() - from;
    return is_done;
}

static bool timed_step(struct rnl_lane *lane)
{
    return timed(inner->step, lane);
}

static bool timed_settle(struct rnl_lane *lane)
{
    return timed(inner->settle, lane);
}

static void time_lanes(struct rnl_lanes *lanes)
{
    static struct rnl_lanes_ops ops;
    inner = lanes->ops;
    ops = *inner;
    ops.step = timed_step;
    ops.settle = timed_settle;
    lanes->ops = &ops;
}

static void ignore_wake(void *arg)
{
    (void)arg;
}

static struct rnl_meter *create_meter(struct rnl_shards *shards,
                                      int64_t wall_ms)
{
    struct rnl_meter_config config = {.hash_seed = 1};
    struct rnl_meter_fault fault;
    struct rnl_meter *meter;
    if (rnl_meter_config_check(&config, &fault) != RNL_OK ||
        rnl_meter_create(&config, wall_ms, &meter) != RNL_OK ||
        (shards != NULL &&
         rnl_meter_defer(meter, rnl_shards_lanes(shards)) != RNL_OK))
        bench_die("memory is out");
    return meter;
}

static void feed(const struct bench_task *task, struct rnl_meter **meters)
{
    assert(task->streams > 0);
    for (size_t i = 0; i < task->batches->count; i++) {
        const struct rnl_meter_batch *batch = &task->batches->batches[i];
        struct rnl_meter_taken taken;
        struct rnl_meter_fault fault;
        if (rnl_meter_ingest(meters[i % task->streams], batch,
                             batch->time_base_ms + 1000, &taken,
                             &fault) != RNL_OK)
            bench_die("batch %zu was refused: %s %s", i, fault.field,
                      fault.what);
    }
}

/* Asking each for its count waits for what is posted. */
static void finish(const struct bench_task *task, struct rnl_meter **meters,
                   int64_t wall_ms)
{
    uint64_t count = 0;
    for (size_t i = 0; i < task->streams; i++) {
        struct rnl_meter_info info;
        rnl_meter_info(meters[i], wall_ms, &info);
        count += info.count;
    }
    if (count != task->event_count)
        bench_die("%zu events went in, %llu were counted", task->event_count,
                  (unsigned long long)count);
}

struct took {
    double clock;
    double owner_cpu;
};

static struct took run_once(const struct bench_task *task,
                            struct rnl_shards *shards)
{
    const struct bench_batches *batches = task->batches;
    int64_t begin = batches->batches[0].time_base_ms;
    int64_t end = batches->batches[batches->count - 1].time_base_ms + 1000;
    struct rnl_meter **meters =
        bench_alloc(task->streams * sizeof(struct rnl_meter *));
    for (size_t i = 0; i < task->streams; i++)
        meters[i] = create_meter(shards, begin);
    struct took took = {bench_now(), bench_thread_cpu()};
    helped = 0;
    feed(task, meters);
    finish(task, meters, end);
    took.clock = bench_now() - took.clock;
    took.owner_cpu = bench_thread_cpu() - took.owner_cpu - helped;
    for (size_t i = 0; i < task->streams; i++)
        rnl_meter_destroy(meters[i]);
    free(meters);
    return took;
}

void bench_threads(const struct bench_task *task)
{
    double times[BENCH_REPEATS_MAX];
    double owners[BENCH_REPEATS_MAX];
    struct rnl_shards *shards = NULL;
    if (task->threads > 1) {
        shards =
            rnl_shards_create((unsigned)task->threads - 1, ignore_wake, NULL);
        if (shards == NULL)
            bench_die("no threads");
        time_lanes(rnl_shards_lanes(shards));
    }
    for (size_t i = 0; i < task->repeats; i++) {
        struct took took = run_once(task, shards);
        times[i] = took.clock;
        owners[i] = took.owner_cpu;
    }
    rnl_shards_destroy(shards);
    double seconds = bench_median(times, task->repeats);
    bench_report(task, "threads_events_per_s",
                 (double)task->event_count / seconds);
    bench_report(task, "threads_owner_ns_per_event",
                 bench_median(owners, task->repeats) * 1e9 /
                     (double)task->event_count);
}
