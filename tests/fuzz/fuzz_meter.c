/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of any content into a meter: each is refused with a field and a
 * reason or counted whole; all that was counted is in the figures of all time;
 * no window and no question breaks it.
 */
#include "fuzz.h"

#include <math.h>
#include <string.h>

#include "meter.h"

#define WALL       INT64_C(1767225600000)
#define EVENTS_MAX 64
#define BATCHES    24

struct columns {
    uint8_t keys[EVENTS_MAX * 4];
    uint32_t lengths[EVENTS_MAX];
    uint32_t indexes[EVENTS_MAX];
    double values[EVENTS_MAX];
    float latencies[EVENTS_MAX];
    uint32_t offsets[EVENTS_MAX];
};

/* Fills memory from the input, and with zeros where that ends. */
static void take(void *target, size_t len, const uint8_t **data, size_t *size)
{
    size_t there = len < *size ? len : *size;
    memset(target, 0, len);
    if (there > 0)
        memcpy(target, *data, there);
    *data += there;
    *size -= there;
}

/* Mostly what is in range, so that mutants come far. */
static void make_batch(struct columns *columns, struct rnl_meter_batch *batch,
                       const uint8_t **data, size_t *size)
{
    uint8_t flags = fuzz_byte(data, size);
    size_t count = fuzz_byte(data, size) % (EVENTS_MAX + 1);
    size_t keys = 1 + fuzz_byte(data, size) % EVENTS_MAX;
    *batch = (struct rnl_meter_batch){.keys = columns->keys,
                                      .key_lengths = columns->lengths,
                                      .key_count = keys,
                                      .key_indexes = columns->indexes,
                                      .event_count = count};
    for (size_t k = 0; k < keys; k++) {
        columns->lengths[k] = fuzz_byte(data, size) % 5;
        batch->keys_len += columns->lengths[k];
    }
    take(columns->keys, batch->keys_len, data, size);
    for (size_t i = 0; i < count; i++)
        columns->indexes[i] = fuzz_byte(data, size) % (uint32_t)(keys + 1);
    if ((flags & 1) != 0) {
        take(columns->values, count * sizeof(double), data, size);
        batch->values = columns->values;
    }
    if ((flags & 2) != 0) {
        take(columns->latencies, count * sizeof(float), data, size);
        batch->latencies_ms = columns->latencies;
    }
    if ((flags & 4) != 0) {
        take(columns->offsets, count * sizeof(uint32_t), data, size);
        batch->time_offsets_ms = columns->offsets;
    }
    int32_t back = 0;
    take(&back, sizeof(back), data, size);
    if ((flags & 8) != 0)
        batch->time_base_ms = WALL + back;
}

static void ask(struct rnl_meter *meter, uint32_t seconds, int64_t wall_ms,
                uint64_t count)
{
    struct rnl_meter_view *view;
    struct rnl_meter_window window;
    struct rnl_meter_estimate unique;
    struct rnl_meter_top top[100];
    FUZZ_CHECK(rnl_meter_view_create(meter, seconds, wall_ms, &view) == RNL_OK);
    rnl_meter_view_window(view, &window);
    FUZZ_CHECK(seconds == 0 ? window.count == count : window.count <= count);
    rnl_meter_view_unique(view, &unique);
    FUZZ_CHECK(unique.lower <= unique.upper &&
               unique.upper <= (double)window.count);
    uint64_t sum = 0;
    size_t keys = rnl_meter_view_top(view, top, 100);
    for (size_t i = 0; i < keys; i++)
        sum += top[i].frequency.lower;
    FUZZ_CHECK(sum <= window.count);
    for (int m = 0; m < RNL_METER_METRICS; m++) {
        struct rnl_meter_moments moments;
        struct rnl_meter_bucket buckets[7];
        rnl_meter_view_moments(view, (enum rnl_meter_metric)m, &moments);
        double q = rnl_meter_view_quantile(view, (enum rnl_meter_metric)m, 0.9);
        FUZZ_CHECK(moments.count == 0 ? isnan(q)
                                      : q >= moments.min && q <= moments.max);
        FUZZ_CHECK(moments.count == 0 || moments.variance >= 0);
        size_t used = rnl_meter_view_histogram(view, (enum rnl_meter_metric)m,
                                               buckets, 7);
        FUZZ_CHECK(used <= 7);
    }
    rnl_meter_view_destroy(view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rnl_meter_config config = {.window_seconds = {2, 60, 4000},
                                      .window_count = 3,
                                      .unique_precision = 4,
                                      .top_capacity = 10,
                                      .latency_threshold_ms = 1};
    struct rnl_meter_fault fault;
    struct rnl_meter *meter;
    static struct columns columns;
    FUZZ_CHECK(rnl_meter_config_check(&config, &fault) == RNL_OK);
    FUZZ_CHECK(rnl_meter_create(&config, WALL, &meter) == RNL_OK);
    uint64_t count = 0;
    int64_t wall_ms = WALL;
    for (size_t b = 0; b < BATCHES && size > 0; b++) {
        struct rnl_meter_batch batch;
        struct rnl_meter_taken taken;
        wall_ms += fuzz_byte(&data, &size) * 16;
        make_batch(&columns, &batch, &data, &size);
        fault.field = NULL;
        enum rnl_code code =
            rnl_meter_ingest(meter, &batch, wall_ms, &taken, &fault);
        FUZZ_CHECK(code == RNL_OK ||
                   (code == RNL_INVALID_ARGUMENT && fault.field != NULL));
        count += code == RNL_OK ? batch.event_count : 0;
    }
    struct rnl_meter_info info;
    rnl_meter_info(meter, wall_ms, &info);
    FUZZ_CHECK(info.count == count && info.late_events <= count &&
               info.memory_bytes <= info.memory_bytes_max);
    ask(meter, 0, wall_ms, count);
    for (size_t w = 0; w < config.window_count; w++)
        ask(meter, config.window_seconds[w], wall_ms, count);
    rnl_meter_destroy(meter);
    return 0;
}
