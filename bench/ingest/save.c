/* SPDX-License-Identifier: Apache-2.0 */
/* What it costs to write a meter: what has changed in some batches, and all. */
#include <stdlib.h>

#include "meter_bytes.h"
#include "parts.h"
#include "timing.h"

/* Batches between two saves: what a group of runneld holds. */
#define GROUP 16

#define SAVES_MAX 100000

struct buffer {
    uint8_t *bytes;
    size_t len;
    size_t cap;
};

static uint8_t *room(void *arg, uint32_t key, size_t len)
{
    struct buffer *buffer = arg;
    (void)key;
    if (buffer->len + len > buffer->cap) {
        buffer->cap = 2 * (buffer->len + len);
        buffer->bytes = realloc(buffer->bytes, buffer->cap);
        if (buffer->bytes == NULL)
            bench_die("memory is out");
    }
    buffer->len += len;
    return buffer->bytes + buffer->len - len;
}

static double save(struct rnl_meter *meter, bool all, struct buffer *buffer)
{
    double from = bench_thread_cpu();
    buffer->len = 0;
    if (rnl_meter_save(meter, all, room, buffer) != RNL_OK)
        bench_die("memory is out");
    return bench_thread_cpu() - from;
}

static struct rnl_meter *create(int64_t wall_ms)
{
    struct rnl_meter_config config = {.hash_seed = 1};
    struct rnl_meter_fault fault;
    struct rnl_meter *meter;
    if (rnl_meter_config_check(&config, &fault) != RNL_OK ||
        rnl_meter_create(&config, wall_ms, &meter) != RNL_OK)
        bench_die("a meter cannot be made");
    return meter;
}

static void report_all(const struct bench_task *task, struct rnl_meter *meter,
                       struct buffer *buffer)
{
    double seconds = save(meter, true, buffer);
    bench_report(task, "save_all_us", seconds * 1e6);
    bench_report(task, "save_all_bytes", (double)buffer->len);
}

void bench_save(const struct bench_task *task)
{
    const struct bench_batches *batches = task->batches;
    struct rnl_meter *meter = create(batches->batches[0].time_base_ms);
    struct buffer buffer = {NULL, 0, 0};
    static double times[SAVES_MAX];
    size_t saves = 0;
    double longest = 0;
    double bytes = 0;
    for (size_t i = 0; i < batches->count && saves < SAVES_MAX; i++) {
        const struct rnl_meter_batch *batch = &batches->batches[i];
        struct rnl_meter_taken taken;
        struct rnl_meter_fault fault;
        if (rnl_meter_ingest(meter, batch, batch->time_base_ms + 1000, &taken,
                             &fault) != RNL_OK)
            bench_die("batch %zu was refused: %s", i, fault.what);
        if (i % GROUP != GROUP - 1)
            continue;
        double seconds = save(meter, false, &buffer);
        longest = seconds > longest ? seconds : longest;
        bytes += (double)buffer.len;
        times[saves++] = seconds;
    }
    if (saves == 0)
        bench_die("there are fewer than %d batches", GROUP);
    bench_report(task, "save_us", bench_median(times, saves) * 1e6);
    bench_report(task, "save_longest_us", longest * 1e6);
    bench_report(task, "save_bytes", bytes / (double)saves);
    report_all(task, meter, &buffer);
    free(buffer.bytes);
    rnl_meter_destroy(meter);
}
