/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "export.h"
#include "fault.h"
#include "generator.h"
#include "meter.h"
#include "meter_reference.h"

/* 2026-01-01T00:00:00.000Z */
#define NOW INT64_C(1767225600000)

static const uint32_t windows[] = {5, 60, 600, 3600, 0};

static struct ref_event random_event(uint64_t *random, uint32_t keys,
                                     int64_t time_ms)
{
    uint64_t r = ref_random(random);
    struct ref_event event = {
        .key = (uint32_t)(r % keys),
        .value = (double)(int64_t)(ref_random(random) % 2000001 - 1000000) / 8,
        .latency_ms = (float)(ref_random(random) % 100000) / 64,
        .time_ms = time_ms,
    };
    return event;
}

static void check_all(const struct ref *ref, struct rnl_meter *meter,
                      int64_t wall_ms, bool exact)
{
    ref_check(ref, meter, 0, wall_ms, exact);
    for (size_t w = 0; windows[w] != 0; w++)
        ref_check(ref, meter, windows[w], wall_ms, exact);
}

static void a_new_stream_is_empty(void **state)
{
    (void)state;
    struct rnl_meter *meter = ref_meter(NULL, NOW);
    struct rnl_meter_info info;
    rnl_meter_info(meter, NOW, &info);
    assert_int_equal(info.count, 0);
    assert_int_equal(info.first_event_ms, 0);
    assert_int_equal(info.watermark_ms, 0);
    assert_true(info.rate == 0);
    assert_true(info.memory_bytes < 100000);
    struct ref ref;
    ref_init(&ref);
    ref_check(&ref, meter, 0, NOW, true);
    ref_check(&ref, meter, 60, NOW, true);
    rnl_meter_destroy(meter);
    rnl_meter_destroy(NULL);
}

/* Two hours of a live stream, with events up to 20 s out of order, and every
 * window looked at on the way. */
static void windows_hold_what_they_say(void **state)
{
    (void)state;
    struct rnl_meter *meter = ref_meter(windows, NOW);
    struct ref ref;
    ref_init(&ref);
    uint64_t random = 11;
    int64_t wall = NOW;
    struct ref_event events[40];
    for (size_t step = 0; step < 900; step++) {
        wall += (int64_t)(ref_random(&random) % 16000);
        size_t count = 1 + ref_random(&random) % 40;
        for (size_t i = 0; i < count; i++) {
            int64_t back = (int64_t)(ref_random(&random) % 20000);
            events[i] = random_event(&random, 300, wall - back);
            ref_add(&ref, &events[i]);
        }
        assert_int_equal(ref_ingest(meter, events, count, wall), 0);
        if (step % 60 == 0)
            check_all(&ref, meter, wall + (int64_t)(step % 7) * 900, true);
    }
    check_all(&ref, meter, wall, true);
    for (int64_t later = 1000; later < 5000000; later = later * 3 / 2)
        check_all(&ref, meter, wall + later, true);
    rnl_meter_destroy(meter);
    ref_fini(&ref);
}

/* A replay: the watermark holds still at its newest event. */
static void replays_hold_still(void **state)
{
    (void)state;
    struct rnl_meter *meter = ref_meter(windows, NOW);
    struct ref ref;
    ref_init(&ref);
    uint64_t random = 5;
    for (size_t step = 0; step < 300; step++) {
        struct ref_event event =
            random_event(&random, 50, NOW - 86400000 + (int64_t)step * 7001);
        ref_add(&ref, &event);
        ref_ingest(meter, &event, 1, NOW + (int64_t)step * 1000);
    }
    struct rnl_meter_info info;
    rnl_meter_info(meter, NOW + 3600000, &info);
    assert_int_equal(info.watermark_ms, ref.events[ref.count - 1].time_ms);
    check_all(&ref, meter, NOW + 3600000, true);
    rnl_meter_destroy(meter);
    ref_fini(&ref);
}

static void windows_of_a_live_stream_run_empty(void **state)
{
    (void)state;
    struct rnl_meter *meter = ref_meter(windows, NOW);
    struct ref_event event = {
        .key = 1, .value = 2, .latency_ms = 3, .time_ms = NOW};
    ref_ingest(meter, &event, 1, NOW + 100);
    struct rnl_meter_view *view = NULL;
    struct rnl_meter_window window;
    assert_int_equal(rnl_meter_view_create(meter, 5, NOW + 6100, &view),
                     RNL_OK);
    rnl_meter_view_window(view, &window);
    assert_int_equal(window.count, 0);
    assert_int_equal(window.end_ms, NOW + 6101);
    rnl_meter_view_destroy(view);
    assert_int_equal(rnl_meter_view_create(meter, 3600, NOW + 6100, &view),
                     RNL_OK);
    rnl_meter_view_window(view, &window);
    assert_int_equal(window.count, 1);
    rnl_meter_view_destroy(view);
    rnl_meter_destroy(meter);
}

/* ---- order ---- */

static void shuffle(struct ref_event *events, size_t count, size_t span,
                    uint64_t *random)
{
    for (size_t i = 0; i + 1 < count; i++) {
        size_t left = count - i < span ? count - i : span;
        size_t j = i + ref_random(random) % left;
        struct ref_event swap = events[i];
        events[i] = events[j];
        events[j] = swap;
    }
}

/* The same events, split and ordered in another way, give the same answers to
 * the bit, as long as none comes late. */
static void order_and_split_make_no_difference(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct ref_event *events = calloc(COUNT, sizeof(*events));
    struct ref_event *shuffled = calloc(COUNT, sizeof(*events));
    assert_non_null(events);
    assert_non_null(shuffled);
    uint64_t random = 77;
    for (size_t i = 0; i < COUNT; i++) {
        events[i] = random_event(&random, 2000, NOW - 1800000 + i * 80);
        events[i].value =
            exp((double)(i % 997) / 10 - 50) * (i % 3 == 0 ? -1 : 1);
    }
    struct rnl_meter *whole = ref_meter(windows, NOW);
    for (size_t i = 0; i < COUNT; i += 5000)
        ref_ingest(whole, events + i, 5000, NOW);
    for (size_t round = 0; round < 6; round++) {
        memcpy(shuffled, events, COUNT * sizeof(*events));
        /* Up to 20 minutes out of order. */
        shuffle(shuffled, COUNT, round < 3 ? 100 : 15000, &random);
        struct rnl_meter *other = ref_meter(windows, NOW);
        uint32_t late = 0;
        for (size_t i = 0; i < COUNT;) {
            size_t count = 1 + ref_random(&random) % (round % 2 ? 3000 : 17);
            count = count < COUNT - i ? count : COUNT - i;
            late += ref_ingest(other, shuffled + i, count, NOW);
            i += count;
        }
        assert_int_equal(late, 0);
        ref_same(whole, other, 0, NOW);
        for (size_t w = 0; windows[w] != 0; w++)
            ref_same(whole, other, windows[w], NOW);
        rnl_meter_destroy(other);
    }
    rnl_meter_destroy(whole);
    free(events);
    free(shuffled);
}

static void late_events_are_counted_and_in_no_window(void **state)
{
    (void)state;
    struct rnl_meter *meter = ref_meter(windows, NOW);
    struct ref all;
    ref_init(&all);
    uint64_t random = 3;
    struct ref_event events[3];
    for (size_t i = 0; i < 3; i++)
        events[i] = random_event(&random, 10, NOW - (int64_t)i * 1000);
    ref_ingest(meter, events, 3, NOW);
    for (size_t i = 0; i < 3; i++)
        ref_add(&all, &events[i]);
    /* The longest window is an hour in panes of a minute. */
    struct ref_event late[4] = {
        random_event(&random, 10, NOW - 7200000),
        random_event(&random, 10, NOW - 3500000),
        random_event(&random, 10, NOW - 3720001),
        random_event(&random, 10, NOW - 20000),
    };
    for (size_t i = 0; i < 4; i++)
        ref_add(&all, &late[i]);
    assert_int_equal(ref_ingest(meter, late, 4, NOW), 2);
    struct rnl_meter_info info;
    rnl_meter_info(meter, NOW, &info);
    assert_int_equal(info.late_events, 2);
    assert_int_equal(info.count, 7);
    check_all(&all, meter, NOW, true);
    check_all(&all, meter, NOW + 30000, true);
    rnl_meter_destroy(meter);
    ref_fini(&all);
}

/* One batch of events that are everywhere in three hours, in disorder. */
static void one_batch_may_span_hours(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static struct ref_event events[COUNT];
    struct ref all;
    ref_init(&all);
    uint64_t random = 8;
    for (size_t i = 0; i < COUNT; i++) {
        int64_t back = (int64_t)(ref_random(&random) % 10800000);
        events[i] = random_event(&random, 3000, NOW - back);
        ref_add(&all, &events[i]);
    }
    struct rnl_meter *meter = ref_meter(windows, NOW);
    uint32_t late = ref_ingest(meter, events, COUNT, NOW);
    assert_true(late > COUNT / 2);
    check_all(&all, meter, NOW, true);
    rnl_meter_destroy(meter);
    ref_fini(&all);
}

/* ---- many keys ---- */

/* So many keys that tables overflow: bounds hold, and the sum of the panes is
 * still the whole. */
static void bounds_hold_for_many_keys(void **state)
{
    (void)state;
    enum { COUNT = 4000, BATCHES = 100 };
    static struct ref_event events[COUNT];
    struct rnl_meter *meter = ref_meter(windows, NOW);
    struct ref all;
    ref_init(&all);
    uint64_t random = 21;
    for (size_t b = 0; b < BATCHES; b++) {
        int64_t start = NOW - 200000 + (int64_t)b * 2000;
        for (size_t i = 0; i < COUNT; i++) {
            events[i] = random_event(&random, REF_KEYS_MAX, start + i / 2);
            /* Squares crowd towards 0: some keys are frequent. */
            double u = events[i].key / (double)REF_KEYS_MAX;
            events[i].key = (uint32_t)(u * u * u * u * REF_KEYS_MAX);
            ref_add(&all, &events[i]);
        }
        ref_ingest(meter, events, COUNT, NOW);
    }
    check_all(&all, meter, NOW, false);
    struct rnl_meter_info info;
    rnl_meter_info(meter, NOW, &info);
    assert_true(info.memory_bytes <= info.memory_bytes_max);
    rnl_meter_destroy(meter);
    ref_fini(&all);
}

static int falling(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x < y) - (x > y);
}

/* 100 of 100,000 keys under Zipf's law: nobody who belongs into the list of all
 * time or of a window is missing, and what is said of those in it is exact. */
static void the_top_hundred_are_all_found(void **state)
{
    (void)state;
    enum { COUNT = 20000, BATCHES = 50, TOP = 100 };
    static struct ref_event events[COUNT];
    static uint32_t truth[REF_KEYS_MAX];
    static uint32_t sorted[REF_KEYS_MAX];
    struct rnl_meter *meter = ref_meter(windows, NOW);
    struct rnl_generator generator;
    rnl_generator_init(
        &generator, &(struct rnl_generator_options){.seed = 1,
                                                    .users = REF_KEYS_MAX - 1,
                                                    .skew = 1.1,
                                                    .value_mean = 1,
                                                    .latency_mean_ms = 1});
    for (size_t b = 0; b < BATCHES; b++) {
        for (size_t i = 0; i < COUNT; i++) {
            struct rnl_generated event;
            rnl_generator_next(&generator, &event);
            events[i] = (struct ref_event){.key = (uint32_t)event.user,
                                           .time_ms = NOW + (int64_t)b * 500};
            truth[event.user]++;
        }
        ref_ingest(meter, events, COUNT, NOW + (int64_t)b * 500);
    }
    memcpy(sorted, truth, sizeof(sorted));
    qsort(sorted, REF_KEYS_MAX, sizeof(*sorted), falling);
    const uint32_t seconds[] = {0, 60, 3600};
    for (size_t w = 0; w < 3; w++) {
        struct rnl_meter_view *view = NULL;
        struct rnl_meter_top top[TOP];
        assert_int_equal(
            rnl_meter_view_create(meter, seconds[w], NOW + 25000, &view),
            RNL_OK);
        assert_int_equal(rnl_meter_view_top(view, top, TOP), TOP);
        for (size_t i = 0; i < TOP; i++) {
            assert_int_equal(top[i].frequency.count, sorted[i]);
            assert_true(top[i].frequency.lower <= sorted[i]);
            assert_true(top[i].frequency.upper >= sorted[i]);
        }
        rnl_meter_view_destroy(view);
    }
    rnl_meter_destroy(meter);
}

/* A window that is longer than there has been time begins with it. Others have
 * no form for what was before. */
static void windows_do_not_begin_before_1970(void **state)
{
    (void)state;
    struct rnl_meter *meter = ref_meter(windows, NOW);
    const struct ref_event event = {.time_ms = 1500};
    struct rnl_meter_view *view;
    struct rnl_meter_window window;
    struct rnl_sketch_bytes bytes;
    const char *what;
    uint64_t start_ns;
    assert_int_equal(ref_ingest(meter, &event, 1, NOW), 0);
    for (size_t w = 0; windows[w] != 0; w++) {
        assert_int_equal(rnl_meter_view_create(meter, windows[w], NOW, &view),
                         RNL_OK);
        rnl_meter_view_window(view, &window);
        assert_int_equal(window.count, 1);
        assert_in_range(window.start_ms, 0, 1500);
        assert_int_equal(rnl_meter_view_export(view, RNL_SKETCH_OF_VALUE,
                                               RNL_SKETCH_FORMAT_OTEL, &bytes,
                                               &what),
                         RNL_OK);
        /* The first field: a tag and eight bytes. */
        memcpy(&start_ns, bytes.data + 1, sizeof(start_ns));
        assert_in_range(start_ns, 0, 1500000000);
        rnl_free(bytes.data);
        rnl_meter_view_destroy(view);
    }
    rnl_meter_destroy(meter);
}

/* What it says of its memory is what the heap says, within what the heap adds
 * to blocks. Sanitizers have heaps of their own, which do not say. */
static void memory_is_accounted_for(void **state)
{
    (void)state;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    enum { COUNT = 9000 };
    static struct ref_event events[COUNT];
    uint64_t random = 21;
    struct mallinfo2 before = mallinfo2();
    struct rnl_meter *meter = ref_meter(windows, NOW);
    for (int64_t second = 0; second < 400; second++) {
        for (size_t i = 0; i < COUNT; i++)
            events[i] =
                random_event(&random, REF_KEYS_MAX, NOW + second * 1000);
        ref_ingest(meter, events, second % 7 == 0 ? COUNT : 500,
                   NOW + second * 1000);
    }
    struct rnl_meter_info info;
    rnl_meter_info(meter, NOW + 399000, &info);
    struct mallinfo2 after = mallinfo2();
    double used = (double)(after.uordblks + after.hblkhd) -
                  (double)(before.uordblks + before.hblkhd);
    assert_true(fabs(used - (double)info.memory_bytes) < used * 0.05);
    assert_true(info.memory_bytes <= info.memory_bytes_max);
    rnl_meter_destroy(meter);
#endif
}

static void one_key_and_one_in_a_hundred_thousand(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    static struct ref_event events[COUNT];
    struct rnl_meter *meter = ref_meter(windows, NOW);
    struct ref all;
    ref_init(&all);
    for (size_t i = 0; i < COUNT; i++) {
        events[i].key = i == 777 ? 2 : 1;
        events[i].value = 1e300;
        events[i].latency_ms = 1e-30f;
        events[i].time_ms = NOW;
        ref_add(&all, &events[i]);
    }
    for (size_t i = 0; i < 3; i++)
        ref_ingest(meter, events, COUNT, NOW);
    struct rnl_meter_view *view = NULL;
    assert_int_equal(rnl_meter_view_create(meter, 0, NOW, &view), RNL_OK);
    struct rnl_meter_frequency frequency;
    rnl_meter_view_frequency(view, (const uint8_t *)"k2", 2, &frequency);
    assert_int_equal(frequency.count, 3);
    assert_int_equal(frequency.upper, 3);
    rnl_meter_view_frequency(view, (const uint8_t *)"k1", 2, &frequency);
    assert_int_equal(frequency.count, 3 * COUNT - 3);
    rnl_meter_view_destroy(view);
    rnl_meter_destroy(meter);
    ref_fini(&all);
}

/* ---- hostile batches ---- */

static const uint32_t good_lengths[] = {3, 3};
static const uint32_t good_indexes[] = {0, 1, 1};
static const double good_values[] = {1, 2, 3};
static const float good_latencies[] = {1, 2, 3};
static const uint32_t good_offsets[] = {0, 1, 2};

static const struct rnl_meter_batch good = {.keys = (const uint8_t *)"abcdef",
                                            .keys_len = 6,
                                            .key_lengths = good_lengths,
                                            .key_count = 2,
                                            .key_indexes = good_indexes,
                                            .event_count = 3,
                                            .values = good_values,
                                            .latencies_ms = good_latencies,
                                            .time_base_ms = NOW,
                                            .time_offsets_ms = good_offsets};

/* The batch is refused for that field and place, and counts for nothing; a good
 * one is taken afterwards. */
static void refused(const struct rnl_meter_batch *batch, const char *field,
                    size_t index)
{
    struct rnl_meter *meter = ref_meter(NULL, NOW);
    struct rnl_meter_taken taken;
    struct rnl_meter_fault fault = {0};
    assert_int_equal(rnl_meter_ingest(meter, batch, NOW, &taken, &fault),
                     RNL_INVALID_ARGUMENT);
    assert_string_equal(fault.field, field);
    assert_true(fault.index == index);
    assert_true(strlen(fault.what) > 10);
    struct rnl_meter_info info;
    rnl_meter_info(meter, NOW, &info);
    assert_int_equal(info.count, 0);
    assert_int_equal(rnl_meter_ingest(meter, &good, NOW, &taken, &fault),
                     RNL_OK);
    rnl_meter_destroy(meter);
}

static void batches_of_a_wrong_size_are_refused(void **state)
{
    (void)state;
    struct rnl_meter_batch batch = good;
    batch.event_count = 0;
    refused(&batch, "key_indexes", SIZE_MAX);
    batch.event_count = RNL_METER_BATCH_EVENTS_MAX + 1;
    refused(&batch, "key_indexes", SIZE_MAX);
    batch = good;
    batch.key_count = RNL_METER_BATCH_EVENTS_MAX + 1;
    refused(&batch, "key_lengths", SIZE_MAX);
    batch.key_count = 0;
    refused(&batch, "key_lengths", SIZE_MAX);
}

static void bad_keys_are_refused(void **state)
{
    (void)state;
    static const uint32_t empty[] = {6, 0};
    static const uint32_t too_long[] = {257, 1};
    static const uint32_t beyond[] = {0, 1, 2};
    struct rnl_meter_batch batch = good;
    batch.keys_len = 5;
    refused(&batch, "key_lengths", SIZE_MAX);
    batch = good;
    batch.key_lengths = empty;
    refused(&batch, "key_lengths", 1);
    batch.key_lengths = too_long;
    refused(&batch, "key_lengths", 0);
    batch = good;
    /* A character of two bytes, cut in the middle. */
    batch.keys = (const uint8_t *)"ab\xC3\xA4"
                                  "ef";
    refused(&batch, "keys", 0);
    batch.keys = (const uint8_t *)"abc\0ef";
    refused(&batch, "keys", 1);
    batch = good;
    batch.key_indexes = beyond;
    refused(&batch, "key_indexes", 2);
}

static void bad_numbers_are_refused(void **state)
{
    (void)state;
    static const double nan[] = {1, NAN, 3};
    static const double infinite[] = {1, 2, -INFINITY};
    static const float negative[] = {1, 2, -0.001f};
    static const float not_finite[] = {NAN, 2, 3};
    struct rnl_meter_batch batch = good;
    batch.values = nan;
    refused(&batch, "values", 1);
    batch.values = infinite;
    refused(&batch, "values", 2);
    batch = good;
    batch.latencies_ms = negative;
    refused(&batch, "latencies_ms", 2);
    batch.latencies_ms = not_finite;
    refused(&batch, "latencies_ms", 0);
}

static void bad_times_are_refused(void **state)
{
    (void)state;
    static const uint32_t ahead[] = {0, 1, RNL_METER_AHEAD_MS + 1};
    struct rnl_meter_batch batch = good;
    batch.time_base_ms = -1;
    refused(&batch, "time_base_ms", SIZE_MAX);
    batch.time_base_ms = NOW + RNL_METER_AHEAD_MS + 1;
    refused(&batch, "time_base_ms", SIZE_MAX);
    batch.time_base_ms = INT64_MAX;
    refused(&batch, "time_base_ms", SIZE_MAX);
    batch = good;
    batch.time_offsets_ms = ahead;
    refused(&batch, "time_offsets_ms", 2);
}

/* Columns may be left out; time may be that of arrival. */
static void columns_are_optional(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {1, 5};
    static const uint32_t indexes[] = {0, 0};
    struct rnl_meter_batch batch = {.keys = (const uint8_t *)"aunused",
                                    .keys_len = 6,
                                    .key_lengths = lengths,
                                    .key_count = 2,
                                    .key_indexes = indexes,
                                    .event_count = 2};
    struct rnl_meter *meter = ref_meter(NULL, NOW);
    struct rnl_meter_taken taken;
    struct rnl_meter_fault fault;
    assert_int_equal(rnl_meter_ingest(meter, &batch, NOW, &taken, &fault),
                     RNL_OK);
    struct rnl_meter_info info;
    rnl_meter_info(meter, NOW, &info);
    assert_int_equal(info.first_event_ms, NOW);
    assert_int_equal(info.last_event_ms, NOW);
    struct rnl_meter_view *view = NULL;
    assert_int_equal(rnl_meter_view_create(meter, 60, NOW, &view), RNL_OK);
    struct rnl_meter_estimate unique;
    rnl_meter_view_unique(view, &unique);
    assert_true(unique.value == 1);
    struct rnl_meter_moments moments;
    rnl_meter_view_moments(view, RNL_METER_LATENCY, &moments);
    assert_int_equal(moments.count, 0);
    rnl_meter_view_destroy(view);
    assert_int_equal(rnl_meter_view_create(meter, 61, NOW, &view),
                     RNL_INVALID_ARGUMENT);
    rnl_meter_destroy(meter);
}

static void configurations_are_checked(void **state)
{
    (void)state;
    struct rnl_meter_config defaults = {0};
    struct rnl_meter_fault fault;
    assert_int_equal(rnl_meter_config_check(&defaults, &fault), RNL_OK);
    assert_int_equal(defaults.window_count, 3);
    assert_int_equal(defaults.window_seconds[2], 3600);
    assert_int_equal(defaults.unique_precision, 14);
    assert_int_equal(defaults.top_capacity, 100);
    assert_true(defaults.anomaly_threshold == 6);

    struct rnl_meter_config bad = defaults;
    bad.window_seconds[1] = 60;
    assert_int_equal(rnl_meter_config_check(&bad, &fault),
                     RNL_INVALID_ARGUMENT);
    assert_string_equal(fault.field, "window_seconds");
    assert_int_equal(fault.index, 1);
    bad = defaults;
    bad.window_seconds[2] = 86401;
    assert_int_equal(rnl_meter_config_check(&bad, &fault),
                     RNL_INVALID_ARGUMENT);
    bad = defaults;
    bad.window_count = 9;
    assert_int_equal(rnl_meter_config_check(&bad, &fault),
                     RNL_INVALID_ARGUMENT);
    bad = defaults;
    bad.unique_precision = 3;
    assert_int_equal(rnl_meter_config_check(&bad, &fault),
                     RNL_INVALID_ARGUMENT);
    assert_string_equal(fault.field, "unique_precision");
    bad = defaults;
    bad.top_capacity = 1001;
    assert_int_equal(rnl_meter_config_check(&bad, &fault),
                     RNL_INVALID_ARGUMENT);
    bad = defaults;
    bad.anomaly_threshold = NAN;
    assert_int_equal(rnl_meter_config_check(&bad, &fault),
                     RNL_INVALID_ARGUMENT);
    bad = defaults;
    bad.latency_threshold_ms = -1;
    assert_int_equal(rnl_meter_config_check(&bad, &fault),
                     RNL_INVALID_ARGUMENT);
    bad = defaults;
    bad.has_value_threshold = true;
    bad.value_threshold = INFINITY;
    assert_int_equal(rnl_meter_config_check(&bad, &fault),
                     RNL_INVALID_ARGUMENT);
}

/* ---- sharing ---- */

static void watchers_share_a_view(void **state)
{
    (void)state;
    struct rnl_meter *meter = ref_meter(windows, NOW);
    struct ref_event event = {
        .key = 1, .value = 1, .latency_ms = 1, .time_ms = NOW};
    ref_ingest(meter, &event, 1, NOW);
    struct rnl_meter_view *first = NULL;
    struct rnl_meter_view *second = NULL;
    struct rnl_meter_view *third = NULL;
    assert_int_equal(rnl_meter_view_create(meter, 60, NOW, &first), RNL_OK);
    fault_count();
    assert_int_equal(rnl_meter_view_create(meter, 60, NOW, &second), RNL_OK);
    assert_int_equal(fault_stop(), 0);
    assert_ptr_equal(first, second);
    ref_ingest(meter, &event, 1, NOW);
    assert_int_equal(rnl_meter_view_create(meter, 60, NOW, &third), RNL_OK);
    struct rnl_meter_window window;
    rnl_meter_view_window(first, &window);
    assert_int_equal(window.count, 1);
    rnl_meter_view_window(third, &window);
    assert_int_equal(window.count, 2);
    rnl_meter_view_destroy(first);
    rnl_meter_view_destroy(second);
    rnl_meter_view_destroy(third);
    rnl_meter_destroy(meter);
}

static void versions_rise_with_what_can_be_seen(void **state)
{
    (void)state;
    struct rnl_meter *meter = ref_meter(windows, NOW);
    struct rnl_meter_info info;
    rnl_meter_info(meter, NOW, &info);
    uint64_t before = info.version;
    struct ref_event event = {
        .key = 1, .value = 1, .latency_ms = 1, .time_ms = NOW};
    ref_ingest(meter, &event, 1, NOW);
    rnl_meter_info(meter, NOW, &info);
    assert_true(info.version > before);
    before = info.version;
    rnl_meter_duplicate(meter);
    rnl_meter_info(meter, NOW, &info);
    assert_true(info.version > before);
    assert_int_equal(info.duplicate_batches, 1);
    before = info.version;
    rnl_meter_info(meter, NOW + 10, &info);
    assert_true(info.version == before);
    /* It leaves the window of 5 s. */
    rnl_meter_info(meter, NOW + 8000, &info);
    assert_true(info.version > before);
    before = info.version;
    /* Nothing is left that could change. */
    rnl_meter_info(meter, NOW + 8000000, &info);
    assert_true(info.version > before);
    before = info.version;
    rnl_meter_info(meter, NOW + 9000000, &info);
    assert_true(info.version == before);
    rnl_meter_destroy(meter);
}

static void the_rate_is_that_of_a_minute(void **state)
{
    (void)state;
    struct rnl_meter *meter = ref_meter(windows, NOW);
    struct ref_event event = {.key = 1, .value = 1, .latency_ms = 1};
    for (int64_t i = 0; i < 2000; i++) {
        event.time_ms = NOW + i * 100;
        ref_ingest(meter, &event, 1, event.time_ms);
    }
    struct rnl_meter_info info;
    rnl_meter_info(meter, event.time_ms, &info);
    assert_true(fabs(info.rate - 10) < 0.2);
    rnl_meter_info(meter, event.time_ms + 30000, &info);
    assert_true(fabs(info.rate - 5) < 0.2);
    rnl_meter_info(meter, event.time_ms + 62000, &info);
    assert_true(info.rate == 0);
    rnl_meter_destroy(meter);
}

/* Twelve seconds of 10 events are 10 a second, not 2. */
static void a_young_stream_has_its_own_rate(void **state)
{
    (void)state;
    struct rnl_meter *meter = ref_meter(windows, NOW);
    struct ref_event event = {.key = 1, .value = 1, .latency_ms = 1};
    for (int64_t i = 0; i < 120; i++) {
        event.time_ms = NOW + i * 100;
        ref_ingest(meter, &event, 1, event.time_ms);
    }
    struct rnl_meter_info info;
    struct rnl_meter_view *view;
    struct rnl_meter_window window;
    rnl_meter_info(meter, event.time_ms, &info);
    assert_true(fabs(info.rate - 10) < 0.2);
    assert_int_equal(
        rnl_meter_view_create(meter, windows[0], event.time_ms, &view), RNL_OK);
    rnl_meter_view_window(view, &window);
    assert_true(fabs(window.rate - 10) < 0.2);
    rnl_meter_view_destroy(view);
    rnl_meter_destroy(meter);
}

/* A live stream whose events are some seconds behind: their seconds are judged
 * once they are there, not when they are over by the clock. */
static void a_stream_that_is_behind_is_judged_when_it_is_complete(void **state)
{
    (void)state;
    enum { SECONDS = 120, BURST = 90, BEHIND = 6000 };
    static struct ref_event events[3000];
    struct rnl_meter *meter = ref_meter(windows, NOW);
    uint64_t random = 41;
    for (int64_t second = 0; second < SECONDS; second++) {
        int64_t begin_ms = NOW + second * 1000;
        size_t count = second == BURST ? 3000 : 100;
        for (size_t i = 0; i < count; i++)
            events[i] = random_event(&random, 20,
                                     begin_ms + (int64_t)(i * 1000 / count));
        ref_ingest(meter, events, count, begin_ms + 999 + BEHIND);
    }
    /* Silence: the clock alone closes what is open. */
    rnl_meter_advance(meter, NOW + SECONDS * 1000 + BEHIND);
    struct rnl_meter_anomalies kept;
    rnl_meter_anomalies(meter, 0, &kept);
    size_t found = 0;
    for (size_t i = 0; i < kept.counts[0]; i++) {
        const struct rnl_meter_anomaly *anomaly = &kept.parts[0][i];
        if (anomaly->metric != RNL_ANOMALY_OF_RATE)
            continue;
        assert_int_equal(anomaly->time_ms, NOW + BURST * 1000);
        assert_true(anomaly->observed == 3000 && anomaly->baseline == 100);
        found++;
    }
    assert_int_equal(found, 1);
    rnl_meter_destroy(meter);
}

/* ---- want of memory ---- */

/* Batches into a meter of which one allocation fails: the batch is refused and
 * nothing of it counted; sent again, all is well. */
static void every_failed_allocation_costs_one_batch(void **state)
{
    (void)state;
    enum { COUNT = 700, BATCHES = 24 };
    static struct ref_event events[BATCHES][COUNT];
    uint64_t random = 31;
    struct ref all;
    ref_init(&all);
    for (size_t b = 0; b < BATCHES; b++) {
        for (size_t i = 0; i < COUNT; i++) {
            events[b][i] = random_event(&random, 20000,
                                        NOW - 100000 + (int64_t)b * 4000 +
                                            (int64_t)(i % 50) * 70);
            ref_add(&all, &events[b][i]);
        }
    }
    for (size_t k = 1; k > 0; k += 1 + k / 12) {
        struct rnl_meter *meter = ref_meter(windows, NOW);
        bool failed = false;
        fault_at(k, false);
        for (size_t b = 0; b < BATCHES; b++) {
            struct rnl_meter_taken taken;
            struct rnl_meter_fault fault;
            enum rnl_code code =
                ref_try_ingest(meter, events[b], COUNT, NOW, &taken, &fault);
            if (code == RNL_OK)
                continue;
            assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
            failed = true;
            struct rnl_meter_info info;
            rnl_meter_info(meter, NOW, &info);
            assert_int_equal(info.count, b * COUNT);
            ref_ingest(meter, events[b], COUNT, NOW);
        }
        struct rnl_meter_view *view = NULL;
        enum rnl_code code = rnl_meter_view_create(meter, 600, NOW, &view);
        bool over = fault_stop() < k;
        assert_true(code == RNL_OK ||
                    (!over && code == RNL_RESOURCE_EXHAUSTED));
        rnl_meter_view_destroy(view);
        check_all(&all, meter, NOW, false);
        rnl_meter_destroy(meter);
        if (over) {
            assert_false(failed);
            break;
        }
    }
    ref_fini(&all);
}

static void a_meter_without_memory_is_not_made(void **state)
{
    (void)state;
    struct rnl_meter_config config = {0};
    struct rnl_meter_fault fault;
    assert_int_equal(rnl_meter_config_check(&config, &fault), RNL_OK);
    for (size_t k = 1;; k++) {
        struct rnl_meter *meter = NULL;
        fault_at(k, false);
        enum rnl_code code = rnl_meter_create(&config, NOW, &meter);
        bool over = fault_stop() < k;
        assert_int_equal(code, over ? RNL_OK : RNL_RESOURCE_EXHAUSTED);
        rnl_meter_destroy(meter);
        if (over)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_stream_is_empty),
        cmocka_unit_test(windows_hold_what_they_say),
        cmocka_unit_test(replays_hold_still),
        cmocka_unit_test(windows_of_a_live_stream_run_empty),
        cmocka_unit_test(order_and_split_make_no_difference),
        cmocka_unit_test(late_events_are_counted_and_in_no_window),
        cmocka_unit_test(one_batch_may_span_hours),
        cmocka_unit_test(bounds_hold_for_many_keys),
        cmocka_unit_test(the_top_hundred_are_all_found),
        cmocka_unit_test(windows_do_not_begin_before_1970),
        cmocka_unit_test(memory_is_accounted_for),
        cmocka_unit_test(one_key_and_one_in_a_hundred_thousand),
        cmocka_unit_test(batches_of_a_wrong_size_are_refused),
        cmocka_unit_test(bad_keys_are_refused),
        cmocka_unit_test(bad_numbers_are_refused),
        cmocka_unit_test(bad_times_are_refused),
        cmocka_unit_test(columns_are_optional),
        cmocka_unit_test(configurations_are_checked),
        cmocka_unit_test(watchers_share_a_view),
        cmocka_unit_test(versions_rise_with_what_can_be_seen),
        cmocka_unit_test(the_rate_is_that_of_a_minute),
        cmocka_unit_test(a_young_stream_has_its_own_rate),
        cmocka_unit_test(a_stream_that_is_behind_is_judged_when_it_is_complete),
        cmocka_unit_test(every_failed_allocation_costs_one_batch),
        cmocka_unit_test(a_meter_without_memory_is_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
