/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "parts.h"
#include "timing.h"

static uint64_t read_batch(const struct rnl_meter_batch *batch)
{
    uint64_t sum = 0;
    double values = 0;
    float latencies = 0;
    for (size_t i = 0; i < batch->key_count; i++)
        sum += batch->key_lengths[i];
    for (size_t i = 0; i < batch->keys_len; i++)
        sum += batch->keys[i];
    for (size_t i = 0; i < batch->event_count; i++) {
        sum += batch->key_indexes[i] + batch->time_offsets_ms[i];
        values += batch->values[i];
        latencies += batch->latencies_ms[i];
    }
    return sum + (uint64_t)values + (uint64_t)latencies;
}

static uint64_t hash_batch(const struct rnl_meter_batch *batch)
{
    uint64_t sum = 0;
    const uint8_t *key = batch->keys;
    for (size_t i = 0; i < batch->key_count; i++) {
        sum += XXH3_64bits_withSeed(key, batch->key_lengths[i], 1);
        key += batch->key_lengths[i];
    }
    return sum;
}

static uint64_t copy_batch(const struct rnl_meter_batch *batch)
{
    static uint8_t room[64u << 20];
    uint8_t *at = room;
    memcpy(at, batch->keys, batch->keys_len);
    at += batch->keys_len;
    memcpy(at, batch->key_lengths, batch->key_count * 4);
    at += batch->key_count * 4;
    memcpy(at, batch->key_indexes, batch->event_count * 4);
    at += batch->event_count * 4;
    memcpy(at, batch->values, batch->event_count * 8);
    at += batch->event_count * 8;
    memcpy(at, batch->latencies_ms, batch->event_count * 4);
    at += batch->event_count * 4;
    memcpy(at, batch->time_offsets_ms, batch->event_count * 4);
    return room[batch->event_count];
}

static void measure(const struct bench_task *task, const char *name,
                    uint64_t (*work)(const struct rnl_meter_batch *))
{
    double times[BENCH_REPEATS_MAX];
    for (size_t repeat = 0; repeat < task->repeats; repeat++) {
        double from = bench_thread_cpu();
        uint64_t sum = 0;
        for (size_t i = 0; i < task->batches->count; i++)
            sum += work(&task->batches->batches[i]);
        times[repeat] = bench_thread_cpu() - from;
        bench_keep(sum);
    }
    bench_report(task, name,
                 bench_median(times, task->repeats) * 1e9 /
                     (double)task->event_count);
}

void bench_floor(const struct bench_task *task)
{
    measure(task, "read_ns_per_event", read_batch);
    measure(task, "hash_ns_per_event", hash_batch);
    measure(task, "copy_ns_per_event", copy_batch);
}
