/* SPDX-License-Identifier: Apache-2.0 */
/* Sketches merged into a meter, against the plain list of all events, against a
 * meter that took them itself, and against damage of any kind. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "export.h"
#include "fake_lanes.h"
#include "fault.h"
#include "import.h"
#include "meter_bytes.h"
#include "meter_reference.h"

/* 2026-01-01T00:00:00.000Z */
#define NOW INT64_C(1767225600000)

/* Of ref_meter. */
#define SEED 99

static const uint32_t windows[] = {60, 3600, 0};

/* ---- streams ---- */

static struct rnl_meter *meter_of(enum rnl_key_hash hash, uint32_t precision,
                                  enum rnl_unique_by algorithm)
{
    struct rnl_meter_config config = {.hash_seed = SEED,
                                      .key_hash = hash,
                                      .unique_precision = precision,
                                      .unique_algorithm = algorithm};
    struct rnl_meter_fault fault;
    struct rnl_meter *meter = NULL;
    assert_int_equal(rnl_meter_config_check(&config, &fault), RNL_OK);
    assert_int_equal(rnl_meter_create(&config, NOW, &meter), RNL_OK);
    return meter;
}

/* Time that feed spreads its events over. */
static size_t span_ms = 60000;

/* Skewed keys, values of both signs; the last arrive at NOW + a minute. */
static void feed(struct rnl_meter *meter, struct ref *ref, uint64_t seed,
                 size_t count, uint32_t keys)
{
    static struct ref_event events[2000];
    for (size_t done = 0; done < count;) {
        size_t now = count - done < 2000 ? count - done : 2000;
        for (size_t i = 0; i < now; i++) {
            uint64_t r = ref_random(&seed);
            uint32_t most = 1 + (uint32_t)(ref_random(&seed) % keys);
            events[i] = (struct ref_event){
                .key = (uint32_t)(ref_random(&seed) % most),
                .value = (double)(int64_t)(r % 2000001 - 1000000) / 8,
                .latency_ms = (float)(r % 100000 + 1) / 64,
                .time_ms = NOW + (int64_t)((done + i) * span_ms / count)};
            if (ref != NULL)
                ref_add(ref, &events[i]);
        }
        done += now;
        ref_ingest(meter, events, now, NOW + (int64_t)(done * span_ms / count));
    }
}

/* ---- bytes ---- */

static struct rnl_sketch_bytes export(struct rnl_meter *meter,
                                      enum rnl_sketch_of of,
                                      enum rnl_sketch_format format,
                                      uint32_t window_seconds)
{
    struct rnl_sketch_bytes bytes = {0};
    struct rnl_meter_view *view = NULL;
    const char *what = "";
    assert_int_equal(
        rnl_meter_view_create(meter, window_seconds, NOW + 60000, &view),
        RNL_OK);
    enum rnl_code code = rnl_meter_view_export(view, of, format, &bytes, &what);
    if (code != RNL_OK)
        fail_msg("%s", what);
    rnl_meter_view_destroy(view);
    return bytes;
}

static struct rnl_import_fault fault;
static uint64_t counted;

static enum rnl_code import(struct rnl_meter *meter, enum rnl_sketch_of of,
                            enum rnl_sketch_format format,
                            const struct rnl_sketch_bytes *bytes)
{
    const struct rnl_import import = {of, format, bytes->data, bytes->len};
    fault = (struct rnl_import_fault){.field = ""};
    return rnl_meter_import(meter, &import, &counted, &fault);
}

static void merge(struct rnl_meter *from, struct rnl_meter *into,
                  enum rnl_sketch_of of, enum rnl_sketch_format format)
{
    struct rnl_sketch_bytes bytes = export(from, of, format, 0);
    enum rnl_code code = import(into, of, format, &bytes);
    if (code != RNL_OK)
        fail_msg("%d: %s %s", (int)code, fault.field, fault.what);
    rnl_free(bytes.data);
}

static void merge_all(struct rnl_meter *from, struct rnl_meter *into)
{
    merge(from, into, RNL_SKETCH_OF_FREQUENCY, RNL_SKETCH_FORMAT_RUNNEL);
    merge(from, into, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_RUNNEL);
    merge(from, into, RNL_SKETCH_OF_LATENCY, RNL_SKETCH_FORMAT_RUNNEL);
}

static void assert_same_bytes(struct rnl_meter *a, struct rnl_meter *b,
                              enum rnl_sketch_of of,
                              enum rnl_sketch_format format)
{
    struct rnl_sketch_bytes x = export(a, of, format, 0);
    struct rnl_sketch_bytes y = export(b, of, format, 0);
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.data, y.data, x.len);
    rnl_free(x.data);
    rnl_free(y.data);
}

static struct rnl_meter_moments moments_of(struct rnl_meter *meter,
                                           enum rnl_meter_metric metric)
{
    struct rnl_meter_view *view = NULL;
    struct rnl_meter_moments moments;
    assert_int_equal(rnl_meter_view_create(meter, 0, NOW + 60000, &view),
                     RNL_OK);
    rnl_meter_view_moments(view, metric, &moments);
    rnl_meter_view_destroy(view);
    return moments;
}

static struct rnl_meter_estimate unique_of(struct rnl_meter *meter)
{
    struct rnl_meter_view *view = NULL;
    struct rnl_meter_estimate estimate;
    assert_int_equal(rnl_meter_view_create(meter, 0, NOW + 60000, &view),
                     RNL_OK);
    rnl_meter_view_unique(view, &estimate);
    rnl_meter_view_destroy(view);
    return estimate;
}

/* ---- Runnel to Runnel ---- */

static void two_streams_merged_are_one_stream_to_the_byte(void **state)
{
    (void)state;
    struct rnl_meter *a = ref_meter(windows, NOW);
    struct rnl_meter *b = ref_meter(windows, NOW);
    struct rnl_meter *one = ref_meter(windows, NOW);
    struct ref ref;
    ref_init(&ref);
    feed(a, &ref, 1, 5000, 700);
    feed(b, &ref, 2, 9000, 900);
    feed(one, NULL, 1, 5000, 700);
    feed(one, NULL, 2, 9000, 900);
    merge_all(a, b);
    for (int of = RNL_SKETCH_OF_UNIQUE; of <= RNL_SKETCH_OF_LATENCY; of++)
        assert_same_bytes(b, one, (enum rnl_sketch_of)of,
                          RNL_SKETCH_FORMAT_RUNNEL);
    assert_same_bytes(b, one, RNL_SKETCH_OF_UNIQUE, RNL_SKETCH_FORMAT_REDIS);
    assert_same_bytes(b, one, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_DDSKETCH);
    assert_same_bytes(b, one, RNL_SKETCH_OF_LATENCY, RNL_SKETCH_FORMAT_OTEL);
    ref_check(&ref, b, 0, NOW + 60000, true);
    ref_fini(&ref);
    rnl_meter_destroy(a);
    rnl_meter_destroy(b);
    rnl_meter_destroy(one);
}

static void bounds_stay_certain_when_tables_overflow(void **state)
{
    (void)state;
    struct rnl_meter *a = ref_meter(windows, NOW);
    struct rnl_meter *b = ref_meter(windows, NOW);
    struct rnl_meter *one = ref_meter(windows, NOW);
    struct ref ref;
    ref_init(&ref);
    feed(a, &ref, 1, 200000, 90000);
    feed(b, &ref, 2, 150000, 60000);
    feed(one, NULL, 1, 200000, 90000);
    feed(one, NULL, 2, 150000, 60000);
    merge_all(a, b);
    ref_check(&ref, b, 0, NOW + 60000, false);
    for (int of = RNL_SKETCH_OF_VALUE; of <= RNL_SKETCH_OF_LATENCY; of++)
        assert_same_bytes(b, one, (enum rnl_sketch_of)of,
                          RNL_SKETCH_FORMAT_RUNNEL);
    /* The table's choice may differ, the sketch of all keys does not. */
    assert_same_bytes(b, one, RNL_SKETCH_OF_UNIQUE, RNL_SKETCH_FORMAT_RUNNEL);
    merge(a, b, RNL_SKETCH_OF_UNIQUE, RNL_SKETCH_FORMAT_RUNNEL);
    assert_same_bytes(b, one, RNL_SKETCH_OF_UNIQUE, RNL_SKETCH_FORMAT_RUNNEL);
    ref_fini(&ref);
    rnl_meter_destroy(a);
    rnl_meter_destroy(b);
    rnl_meter_destroy(one);
}

/* A window's own rare keys are in Count-Mins of other widths than those that
 * late events are added to. */
static void late_events_after_a_merge_keep_bounds_certain(void **state)
{
    (void)state;
    static struct ref_event late[1000];
    struct rnl_meter *a = ref_meter(windows, NOW);
    struct rnl_meter *b = ref_meter(windows, NOW);
    struct ref ref;
    uint64_t seed = 7;
    ref_init(&ref);
    /* So many that each second overflows its table. */
    span_ms = 5000;
    feed(a, &ref, 1, 200000, 90000);
    span_ms = 60000;
    struct rnl_sketch_bytes bytes =
        export(a, RNL_SKETCH_OF_FREQUENCY, RNL_SKETCH_FORMAT_RUNNEL, 60);
    feed(b, &ref, 2, 1000, 10);
    assert_int_equal(
        import(b, RNL_SKETCH_OF_FREQUENCY, RNL_SKETCH_FORMAT_RUNNEL, &bytes),
        RNL_OK);
    merge(a, b, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_RUNNEL);
    merge(a, b, RNL_SKETCH_OF_LATENCY, RNL_SKETCH_FORMAT_RUNNEL);
    for (size_t round = 0; round < 60; round++) {
        for (size_t i = 0; i < 1000; i++) {
            late[i] = (struct ref_event){
                .key = 20000 + (uint32_t)(ref_random(&seed) % 50),
                .value = 1,
                .latency_ms = 1,
                .time_ms = NOW - 90000000};
            ref_add(&ref, &late[i]);
        }
        assert_int_equal(ref_ingest(b, late, 1000, NOW + 60000), 1000);
    }
    ref_check(&ref, b, 0, NOW + 60000, false);
    rnl_free(bytes.data);
    ref_fini(&ref);
    rnl_meter_destroy(a);
    rnl_meter_destroy(b);
}

static void no_window_and_no_rate_has_what_was_merged(void **state)
{
    (void)state;
    struct rnl_meter *a = ref_meter(windows, NOW);
    struct rnl_meter *b = ref_meter(windows, NOW);
    struct rnl_meter *alone = ref_meter(windows, NOW);
    struct rnl_meter_view *view = NULL;
    struct rnl_meter_window window;
    struct rnl_meter_info info, before;
    feed(a, NULL, 1, 5000, 700);
    feed(b, NULL, 2, 6000, 700);
    feed(alone, NULL, 2, 6000, 700);
    rnl_meter_info(b, NOW + 60000, &before);
    merge_all(a, b);
    ref_same(b, alone, 60, NOW + 60000);
    ref_same(b, alone, 3600, NOW + 60000);
    rnl_meter_info(b, NOW + 60000, &info);
    assert_int_equal(info.count, 11000);
    assert_int_equal(info.merged_events, 5000);
    assert_true(info.rate == before.rate && info.rate > 0);
    assert_true(info.version > before.version);
    assert_true(info.memory_bytes <= info.memory_bytes_max);
    assert_int_equal(rnl_meter_view_create(b, 0, NOW + 60000, &view), RNL_OK);
    rnl_meter_view_window(view, &window);
    assert_int_equal(window.count, 11000);
    assert_int_equal(window.merged_events, 5000);
    assert_true(fabs(window.rate - 6000 / 60.0) < 1);
    rnl_meter_view_destroy(view);
    rnl_meter_destroy(a);
    rnl_meter_destroy(b);
    rnl_meter_destroy(alone);
}

static void a_stream_without_events_answers_what_was_merged(void **state)
{
    (void)state;
    struct rnl_meter *a = ref_meter(windows, NOW);
    struct rnl_meter *b = ref_meter(windows, NOW);
    struct ref ref;
    ref_init(&ref);
    feed(a, &ref, 1, 5000, 700);
    merge_all(a, b);
    ref_check(&ref, b, 0, NOW + 60000, true);
    ref_fini(&ref);
    rnl_meter_destroy(a);
    rnl_meter_destroy(b);
}

/* The meter is the lane's while there is work in it. */
static void a_merge_waits_for_what_is_in_the_lane(void **state)
{
    (void)state;
    struct fake_lanes fake;
    fake_lanes_init(&fake, 3);
    fake.is_lazy = true;
    struct rnl_meter *a = ref_meter(windows, NOW);
    struct rnl_meter *b = ref_meter(windows, NOW);
    struct ref ref;
    ref_init(&ref);
    feed(a, &ref, 1, 5000, 700);
    assert_int_equal(rnl_meter_defer(b, &fake.lanes), RNL_OK);
    struct rnl_sketch_bytes bytes =
        export(a, RNL_SKETCH_OF_FREQUENCY, RNL_SKETCH_FORMAT_RUNNEL, 0);
    feed(b, &ref, 2, 6000, 900);
    assert_true(fake.waiting > 0);
    assert_int_equal(
        import(b, RNL_SKETCH_OF_FREQUENCY, RNL_SKETCH_FORMAT_RUNNEL, &bytes),
        RNL_OK);
    assert_int_equal(fake.waiting, 0);
    merge(a, b, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_RUNNEL);
    merge(a, b, RNL_SKETCH_OF_LATENCY, RNL_SKETCH_FORMAT_RUNNEL);
    ref_check(&ref, b, 0, NOW + 60000, true);
    rnl_free(bytes.data);
    ref_fini(&ref);
    rnl_meter_destroy(a);
    rnl_meter_destroy(b);
    fake_lanes_fini(&fake);
}

/* ---- what other programs know less of ---- */

static void check_rough(enum rnl_sketch_format format, bool sum_known)
{
    struct rnl_meter *a = ref_meter(windows, NOW);
    struct rnl_meter *b = ref_meter(windows, NOW);
    struct rnl_meter *one = ref_meter(windows, NOW);
    feed(a, NULL, 1, 5000, 700);
    feed(b, NULL, 2, 6000, 700);
    feed(one, NULL, 1, 5000, 700);
    feed(one, NULL, 2, 6000, 700);
    merge(a, b, RNL_SKETCH_OF_LATENCY, format);
    struct rnl_meter_moments rough = moments_of(b, RNL_METER_LATENCY);
    struct rnl_meter_moments exact = moments_of(one, RNL_METER_LATENCY);
    assert_int_equal(rough.count, 11000);
    assert_int_equal(rough.rough_count, 5000);
    double rounding = exact.sum * 1e-12;
    assert_true(fabs(rough.sum - exact.sum) <= rough.sum_error + rounding);
    assert_true(fabs(rough.mean - exact.mean) <= rough.mean_error + rounding);
    assert_true(fabs(rough.stddev - exact.stddev) <= rough.stddev_error);
    assert_true(rough.stddev_error > 0 &&
                rough.stddev_error < 0.006 * (exact.mean + exact.stddev));
    assert_true((rough.sum_error == 0) == sum_known);
    assert_true(fabs(rough.min / exact.min - 1) <=
                (sum_known ? 0 : rnl_meter_quantile_error()));
    assert_true(fabs(rough.max / exact.max - 1) <=
                (sum_known ? 0 : rnl_meter_quantile_error()));
    /* Quantiles know no difference, and other metrics none at all. */
    assert_same_bytes(b, one, RNL_SKETCH_OF_LATENCY,
                      RNL_SKETCH_FORMAT_DDSKETCH);
    assert_int_equal(moments_of(b, RNL_METER_VALUE).count, 6000);
    rnl_meter_destroy(a);
    rnl_meter_destroy(b);
    rnl_meter_destroy(one);
}

static void the_errors_of_foreign_histograms_are_certain(void **state)
{
    (void)state;
    check_rough(RNL_SKETCH_FORMAT_DDSKETCH, false);
    check_rough(RNL_SKETCH_FORMAT_OTEL, true);
}

/* Rough values pass on from stream to stream, in any order. */
static void rough_values_stay_what_they_are(void **state)
{
    (void)state;
    struct rnl_meter *source[3], *first, *last;
    first = ref_meter(windows, NOW);
    last = ref_meter(windows, NOW);
    for (uint64_t i = 0; i < 3; i++) {
        source[i] = ref_meter(windows, NOW);
        feed(source[i], NULL, 5 + i, 3000, 50);
    }
    merge(source[0], first, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_DDSKETCH);
    merge(source[1], first, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_OTEL);
    merge(source[2], first, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_RUNNEL);
    merge(source[2], last, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_RUNNEL);
    merge(source[1], last, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_OTEL);
    merge(source[0], last, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_DDSKETCH);
    assert_same_bytes(first, last, RNL_SKETCH_OF_VALUE,
                      RNL_SKETCH_FORMAT_RUNNEL);
    struct rnl_meter *copy = ref_meter(windows, NOW);
    merge(first, copy, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_RUNNEL);
    struct rnl_meter_moments x = moments_of(first, RNL_METER_VALUE);
    struct rnl_meter_moments y = moments_of(copy, RNL_METER_VALUE);
    assert_memory_equal(&x, &y, sizeof(x));
    assert_int_equal(x.rough_count, 6000);
    /* A sum that is an estimate is not passed on as one that is known. */
    merge(first, copy, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_OTEL);
    y = moments_of(copy, RNL_METER_VALUE);
    assert_true(y.rough_count == 15000 && y.sum_error > x.sum_error);
    rnl_meter_destroy(copy);
    for (size_t i = 0; i < 3; i++)
        rnl_meter_destroy(source[i]);
    rnl_meter_destroy(first);
    rnl_meter_destroy(last);
}

static void dropped_items_widen_bounds_and_never_break_them(void **state)
{
    (void)state;
    struct rnl_meter *a = ref_meter(windows, NOW);
    struct rnl_meter *b = ref_meter(windows, NOW);
    struct ref ref;
    ref_init(&ref);
    feed(a, &ref, 1, 200000, 90000);
    feed(b, &ref, 2, 1000, 10);
    merge(a, b, RNL_SKETCH_OF_FREQUENCY, RNL_SKETCH_FORMAT_DATASKETCHES);
    merge(a, b, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_RUNNEL);
    merge(a, b, RNL_SKETCH_OF_LATENCY, RNL_SKETCH_FORMAT_RUNNEL);
    assert_int_equal(counted, 200000);
    struct rnl_meter_estimate unique = unique_of(b);
    struct rnl_meter_estimate truth = unique_of(a);
    assert_true(unique.upper >= truth.value && unique.lower <= truth.value);
    struct rnl_meter_view *view = NULL;
    assert_int_equal(rnl_meter_view_create(b, 0, NOW + 60000, &view), RNL_OK);
    for (uint32_t key = 0; key < REF_KEYS_MAX; key++) {
        char name[16];
        struct rnl_meter_frequency frequency;
        size_t len = ref_key_name(key, name);
        uint64_t count = 0;
        if (key % 97 != 0 && key > 200)
            continue;
        for (size_t i = 0; i < ref.count; i++)
            count += ref.events[i].key == key;
        rnl_meter_view_frequency(view, (const uint8_t *)name, len, &frequency);
        assert_true(frequency.lower <= count && count <= frequency.upper);
    }
    rnl_meter_view_destroy(view);
    ref_fini(&ref);
    rnl_meter_destroy(a);
    rnl_meter_destroy(b);
}

/* ---- distinct keys ---- */

static void unique_keys_merge_by_the_hash_that_they_have(void **state)
{
    (void)state;
    static const enum rnl_sketch_format formats[] = {
        RNL_SKETCH_FORMAT_RUNNEL, RNL_SKETCH_FORMAT_REDIS,
        RNL_SKETCH_FORMAT_DATASKETCHES};
    for (int hash = RNL_KEY_HASH_RUNNEL; hash <= RNL_KEY_HASH_DATASKETCHES;
         hash++) {
        struct rnl_meter *a = meter_of((enum rnl_key_hash)hash, 0, 0);
        struct rnl_meter *b = meter_of((enum rnl_key_hash)hash, 0, 0);
        struct rnl_meter *one = meter_of((enum rnl_key_hash)hash, 0, 0);
        enum rnl_sketch_format format = formats[hash - 1];
        feed(a, NULL, 1, 100000, 60000);
        feed(b, NULL, 2, 100000, 60000);
        feed(one, NULL, 1, 100000, 60000);
        feed(one, NULL, 2, 100000, 60000);
        merge(a, b, RNL_SKETCH_OF_UNIQUE, format);
        assert_same_bytes(b, one, RNL_SKETCH_OF_UNIQUE, format);
        assert_true(unique_of(b).value == unique_of(one).value);
        /* It is there already. */
        merge(a, b, RNL_SKETCH_OF_UNIQUE, RNL_SKETCH_FORMAT_RUNNEL);
        assert_same_bytes(b, one, RNL_SKETCH_OF_UNIQUE, format);
        rnl_meter_destroy(a);
        rnl_meter_destroy(b);
        rnl_meter_destroy(one);
    }
}

static void refused_with(struct rnl_meter *from, struct rnl_meter *into,
                         enum rnl_sketch_of of, const char *what)
{
    struct rnl_sketch_bytes bytes =
        export(from, of, RNL_SKETCH_FORMAT_RUNNEL, 0);
    assert_int_equal(import(into, of, RNL_SKETCH_FORMAT_RUNNEL, &bytes),
                     RNL_FAILED_PRECONDITION);
    assert_string_equal(fault.field, "sketch");
    if (strstr(fault.what, what) == NULL)
        fail_msg("%s", fault.what);
    rnl_free(bytes.data);
}

static void what_does_not_go_together_says_where_it_could(void **state)
{
    (void)state;
    struct rnl_meter *own = meter_of(RNL_KEY_HASH_RUNNEL, 14, 0);
    struct rnl_meter *redis = meter_of(RNL_KEY_HASH_REDIS, 14, 0);
    struct rnl_meter *coarse = meter_of(RNL_KEY_HASH_RUNNEL, 12, 0);
    struct rnl_meter *ultra =
        meter_of(RNL_KEY_HASH_RUNNEL, 14, RNL_UNIQUE_BY_ULTRALOGLOG);
    struct rnl_meter *all[] = {own, redis, coarse, ultra};
    for (size_t i = 0; i < 4; i++)
        feed(all[i], NULL, 3, 60000, 60000);
    refused_with(redis, own, RNL_SKETCH_OF_UNIQUE, "key_hash REDIS");
    refused_with(own, redis, RNL_SKETCH_OF_UNIQUE, "key_hash RUNNEL");
    refused_with(coarse, own, RNL_SKETCH_OF_UNIQUE, "unique_precision 12");
    refused_with(own, ultra, RNL_SKETCH_OF_UNIQUE, "HYPERLOGLOG");
    refused_with(redis, own, RNL_SKETCH_OF_FREQUENCY, "key_hash REDIS");
    /* Folded, and contained. */
    assert_same_bytes(own, own, RNL_SKETCH_OF_UNIQUE, RNL_SKETCH_FORMAT_RUNNEL);
    merge(ultra, own, RNL_SKETCH_OF_UNIQUE, RNL_SKETCH_FORMAT_RUNNEL);
    merge(own, coarse, RNL_SKETCH_OF_UNIQUE, RNL_SKETCH_FORMAT_RUNNEL);
    assert_true(fabs(unique_of(coarse).value / unique_of(own).value - 1) <
                0.06);
    for (size_t i = 0; i < 4; i++)
        rnl_meter_destroy(all[i]);
}

/* A table that has every key by name needs no sketch of them. */
static void named_keys_merge_whatever_the_hash(void **state)
{
    (void)state;
    struct rnl_meter *own = meter_of(RNL_KEY_HASH_RUNNEL, 0, 0);
    struct rnl_meter *redis = meter_of(RNL_KEY_HASH_REDIS, 0, 0);
    struct rnl_meter *one = meter_of(RNL_KEY_HASH_REDIS, 0, 0);
    feed(own, NULL, 1, 3000, 500);
    feed(redis, NULL, 2, 3000, 600);
    feed(one, NULL, 1, 3000, 500);
    feed(one, NULL, 2, 3000, 600);
    merge(own, redis, RNL_SKETCH_OF_FREQUENCY, RNL_SKETCH_FORMAT_RUNNEL);
    assert_same_bytes(redis, one, RNL_SKETCH_OF_UNIQUE,
                      RNL_SKETCH_FORMAT_REDIS);
    assert_same_bytes(redis, one, RNL_SKETCH_OF_FREQUENCY,
                      RNL_SKETCH_FORMAT_RUNNEL);
    assert_true(unique_of(redis).confidence == 1);
    rnl_meter_destroy(own);
    rnl_meter_destroy(redis);
    rnl_meter_destroy(one);
}

/* ---- hostile bytes ---- */

static const struct layout {
    enum rnl_sketch_of of;
    enum rnl_sketch_format format;
    enum rnl_key_hash hash;
    bool sealed;
} layouts[] = {
    {RNL_SKETCH_OF_UNIQUE, RNL_SKETCH_FORMAT_RUNNEL, 1, true},
    {RNL_SKETCH_OF_UNIQUE, RNL_SKETCH_FORMAT_REDIS, 2, false},
    {RNL_SKETCH_OF_UNIQUE, RNL_SKETCH_FORMAT_DATASKETCHES, 3, false},
    {RNL_SKETCH_OF_FREQUENCY, RNL_SKETCH_FORMAT_RUNNEL, 1, true},
    {RNL_SKETCH_OF_FREQUENCY, RNL_SKETCH_FORMAT_DATASKETCHES, 1, false},
    {RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_RUNNEL, 1, true},
    {RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_DDSKETCH, 1, false},
    {RNL_SKETCH_OF_LATENCY, RNL_SKETCH_FORMAT_OTEL, 1, false},
};

#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static void damage(const struct layout *layout)
{
    struct rnl_meter *a = meter_of(layout->hash, 0, 0);
    struct rnl_meter *b = meter_of(layout->hash, 0, 0);
    struct ref ref;
    ref_init(&ref);
    feed(a, NULL, 1, 400, 40);
    struct rnl_sketch_bytes whole = export(a, layout->of, layout->format, 0);
    size_t step = 1 + whole.len / 500;
    for (size_t i = 0; i < whole.len; i += step) {
        /* A copy of its own length, so that a read beyond it is seen. */
        struct rnl_sketch_bytes part = {rnl_malloc(i + 1), i};
        assert_non_null(part.data);
        memcpy(part.data, whole.data, i);
        enum rnl_code code = import(b, layout->of, layout->format, &part);
        rnl_free(part.data);
        assert_true(code == RNL_INVALID_ARGUMENT ||
                    (code == RNL_OK && !layout->sealed));
        whole.data[i] ^= (uint8_t)(1 + i % 255);
        code = import(b, layout->of, layout->format, &whole);
        whole.data[i] ^= (uint8_t)(1 + i % 255);
        assert_true(code == RNL_INVALID_ARGUMENT ||
                    (!layout->sealed &&
                     (code == RNL_OK || code == RNL_FAILED_PRECONDITION)));
        assert_true(code == RNL_OK || fault.what[0] != '\0');
    }
    if (layout->sealed)
        ref_check(&ref, b, 0, NOW + 60000, true);
    else
        (void)moments_of(b, RNL_METER_VALUE);
    rnl_free(whole.data);
    ref_fini(&ref);
    rnl_meter_destroy(a);
    rnl_meter_destroy(b);
}

static void damaged_bytes_are_refused_and_leave_no_trace(void **state)
{
    (void)state;
    for (size_t i = 0; i < LAYOUTS; i++)
        damage(&layouts[i]);
}

static void sketches_of_another_kind_are_refused(void **state)
{
    (void)state;
    struct rnl_meter *a = ref_meter(windows, NOW);
    feed(a, NULL, 1, 400, 40);
    for (int of = RNL_SKETCH_OF_UNIQUE; of <= RNL_SKETCH_OF_LATENCY; of++) {
        struct rnl_sketch_bytes bytes =
            export(a, (enum rnl_sketch_of)of, RNL_SKETCH_FORMAT_RUNNEL, 0);
        for (int as = RNL_SKETCH_OF_UNIQUE; as <= RNL_SKETCH_OF_LATENCY; as++) {
            enum rnl_code code = import(a, (enum rnl_sketch_of)as,
                                        RNL_SKETCH_FORMAT_RUNNEL, &bytes);
            /* A value may be a latency, if it is not negative. */
            bool same = as == of || (of == RNL_SKETCH_OF_LATENCY &&
                                     as == RNL_SKETCH_OF_VALUE);
            assert_int_equal(code, same ? RNL_OK : RNL_INVALID_ARGUMENT);
            if (of == RNL_SKETCH_OF_VALUE && as == RNL_SKETCH_OF_LATENCY)
                assert_non_null(strstr(fault.what, "negative"));
        }
        rnl_free(bytes.data);
    }
    static const struct rnl_sketch_bytes none = {NULL, 0};
    for (int of = RNL_SKETCH_OF_UNIQUE; of <= RNL_SKETCH_OF_LATENCY; of++) {
        for (int format = RNL_SKETCH_FORMAT_RUNNEL;
             format <= RNL_SKETCH_FORMAT_REDIS; format++)
            (void)!import(a, (enum rnl_sketch_of)of,
                          (enum rnl_sketch_format)format, &none);
    }
    assert_int_equal(
        import(a, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_REDIS, &none),
        RNL_INVALID_ARGUMENT);
    assert_string_equal(fault.field, "format");
    const struct rnl_sketch_bytes huge = {(uint8_t *)(uintptr_t) "",
                                          RNL_SKETCH_BYTES_MAX + 1};
    assert_int_equal(
        import(a, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_RUNNEL, &huge),
        RNL_INVALID_ARGUMENT);
    rnl_meter_destroy(a);
}

/* A point of OTLP by hand: count 1 in the bucket of 1.0, with these facts. */
static enum rnl_code import_point(struct rnl_meter *meter, double sum,
                                  double min, double max)
{
    uint8_t point[64] = {0x21, 1, 0, 0, 0, 0, 0, 0, 0, /* count 1 */
                         0x30, 12,                     /* scale 6 */
                         /* offset -1: (2^(-1/64), 1], and a count of 1 */
                         0x42, 5, 0x08, 1, 0x12, 1, 1};
    size_t len = 18;
    const double facts[] = {sum, min, max};
    static const uint8_t tags[] = {0x29, 0x61, 0x69};
    for (size_t i = 0; i < 3; i++) {
        point[len++] = tags[i];
        memcpy(point + len, &facts[i], 8);
        len += 8;
    }
    const struct rnl_sketch_bytes bytes = {point, len};
    return import(meter, RNL_SKETCH_OF_LATENCY, RNL_SKETCH_FORMAT_OTEL, &bytes);
}

static void facts_that_contradict_their_buckets_are_refused(void **state)
{
    (void)state;
    struct rnl_meter *a = ref_meter(windows, NOW);
    assert_int_equal(import_point(a, 0.995, 0.995, 0.995), RNL_OK);
    assert_true(moments_of(a, RNL_METER_LATENCY).sum == 0.995);
    assert_true(moments_of(a, RNL_METER_LATENCY).max == 0.995);
    assert_int_equal(import_point(a, 2, 0.995, 0.995), RNL_INVALID_ARGUMENT);
    assert_non_null(strstr(fault.what, "sum"));
    assert_int_equal(import_point(a, NAN, 0.995, 0.995), RNL_INVALID_ARGUMENT);
    assert_int_equal(import_point(a, 0.995, 0.9, 0.995), RNL_INVALID_ARGUMENT);
    assert_non_null(strstr(fault.what, "min"));
    assert_int_equal(import_point(a, 0.995, 0.995, INFINITY),
                     RNL_INVALID_ARGUMENT);
    assert_non_null(strstr(fault.what, "max"));
    assert_int_equal(moments_of(a, RNL_METER_LATENCY).count, 1);
    rnl_meter_destroy(a);
}

/* Doubling until 2^61 is in reach: refused before anything could overflow, and
 * the stream goes on. */
static void counts_end_before_they_overflow(void **state)
{
    (void)state;
    static const enum rnl_sketch_of kinds[] = {RNL_SKETCH_OF_FREQUENCY,
                                               RNL_SKETCH_OF_VALUE};
    for (size_t k = 0; k < 2; k++) {
        struct rnl_meter *a = ref_meter(windows, NOW);
        enum rnl_code code = RNL_OK;
        feed(a, NULL, 1, 400, 40);
        for (int i = 0; i < 70 && code == RNL_OK; i++) {
            struct rnl_sketch_bytes bytes =
                export(a, kinds[k], RNL_SKETCH_FORMAT_RUNNEL, 0);
            code = import(a, kinds[k], RNL_SKETCH_FORMAT_RUNNEL, &bytes);
            rnl_free(bytes.data);
        }
        assert_int_equal(code, RNL_INVALID_ARGUMENT);
        assert_non_null(strstr(fault.what, "2^61"));
        feed(a, NULL, 2, 400, 40);
        (void)moments_of(a, RNL_METER_VALUE);
        rnl_meter_destroy(a);
    }
}

/* ---- memory and restarts ---- */

static void want_of_memory_costs_the_sketch(void **state)
{
    (void)state;
    for (size_t l = 0; l < LAYOUTS; l++) {
        const struct layout *layout = &layouts[l];
        struct rnl_meter *a = meter_of(layout->hash, 0, 0);
        feed(a, NULL, 1, 4000, 4000);
        struct rnl_sketch_bytes bytes =
            export(a, layout->of, layout->format, 0);
        for (size_t k = 1; k < 200; k++) {
            struct rnl_meter *b = meter_of(layout->hash, 0, 0);
            struct rnl_meter *alone = meter_of(layout->hash, 0, 0);
            feed(b, NULL, 2, 400, 100);
            feed(alone, NULL, 2, 400, 100);
            fault_at(k, false);
            enum rnl_code code = import(b, layout->of, layout->format, &bytes);
            size_t seen = fault_stop();
            if (code != RNL_OK) {
                assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
                ref_same(b, alone, 0, NOW + 60000);
            }
            rnl_meter_destroy(b);
            rnl_meter_destroy(alone);
            if (seen < k)
                break;
            assert_true(k < 199);
        }
        rnl_free(bytes.data);
        rnl_meter_destroy(a);
    }
}

struct kept {
    uint32_t keys[400];
    uint8_t *parts[400];
    size_t lens[400];
    size_t count;
};

static uint8_t *keep(void *arg, uint32_t key, size_t len)
{
    struct kept *kept = arg;
    assert_true(kept->count < 400);
    kept->keys[kept->count] = key;
    kept->lens[kept->count] = len;
    kept->parts[kept->count] = malloc(len);
    return kept->parts[kept->count++];
}

/* The same from what was saved of it. */
static struct rnl_meter *restarted(struct rnl_meter *meter)
{
    static struct kept kept;
    struct rnl_meter *again = NULL;
    kept.count = 0;
    assert_int_equal(rnl_meter_save(meter, true, keep, &kept), RNL_OK);
    assert_int_equal(kept.keys[0], RNL_METER_PART_HEAD);
    assert_int_equal(rnl_meter_restore(rnl_meter_config(meter), kept.parts[0],
                                       kept.lens[0], &again),
                     RNL_OK);
    for (size_t i = 1; i < kept.count; i++)
        assert_int_equal(rnl_meter_restore_part(again, kept.keys[i],
                                                kept.parts[i], kept.lens[i]),
                         RNL_OK);
    assert_int_equal(rnl_meter_restore_end(again), RNL_OK);
    for (size_t i = 0; i < kept.count; i++)
        free(kept.parts[i]);
    return again;
}

static void what_was_merged_is_there_after_a_restart(void **state)
{
    (void)state;
    struct rnl_meter *a = ref_meter(windows, NOW);
    struct rnl_meter *b = ref_meter(windows, NOW);
    feed(a, NULL, 1, 60000, 60000);
    feed(b, NULL, 2, 5000, 900);
    merge(a, b, RNL_SKETCH_OF_FREQUENCY, RNL_SKETCH_FORMAT_DATASKETCHES);
    merge(a, b, RNL_SKETCH_OF_UNIQUE, RNL_SKETCH_FORMAT_RUNNEL);
    merge(a, b, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_DDSKETCH);
    merge(a, b, RNL_SKETCH_OF_LATENCY, RNL_SKETCH_FORMAT_OTEL);
    struct rnl_meter *again = restarted(b);
    ref_same(b, again, 0, NOW + 60000);
    for (int of = RNL_SKETCH_OF_UNIQUE; of <= RNL_SKETCH_OF_LATENCY; of++)
        assert_same_bytes(b, again, (enum rnl_sketch_of)of,
                          RNL_SKETCH_FORMAT_RUNNEL);
    rnl_meter_destroy(a);
    rnl_meter_destroy(b);
    rnl_meter_destroy(again);
}

static size_t put_u64(uint8_t *out, uint64_t word)
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(word >> (8 * i));
    return 8;
}

/* Zeros, that many, as a point of OTLP. */
static enum rnl_code import_values(struct rnl_meter *meter, uint64_t count)
{
    uint8_t point[20] = {0x21, [9] = 0x30, 12, 0x39};
    put_u64(point + 1, count);
    put_u64(point + 12, count);
    const struct rnl_sketch_bytes bytes = {point, sizeof(point)};
    return import(meter, RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_OTEL, &bytes);
}

/* One key, as Frequent Items of DataSketches. */
static enum rnl_code import_key(struct rnl_meter *meter, uint64_t count)
{
    uint8_t items[45] = {4, 1, 10, 3, 3, [8] = 1, [40] = 1, [44] = 'k'};
    put_u64(items + 16, count);
    put_u64(items + 32, count);
    const struct rnl_sketch_bytes bytes = {items, sizeof(items)};
    return import(meter, RNL_SKETCH_OF_FREQUENCY,
                  RNL_SKETCH_FORMAT_DATASKETCHES, &bytes);
}

/* What is saved of a stream with as much merged as may be, and events on top,
 * can be read again. */
static void the_most_that_can_be_merged_is_there_after_a_restart(void **state)
{
    (void)state;
    struct rnl_meter *a = ref_meter(windows, NOW);
    assert_int_equal(import_values(a, RNL_IMPORT_COUNT_MAX + 1),
                     RNL_INVALID_ARGUMENT);
    assert_int_equal(import_key(a, RNL_IMPORT_COUNT_MAX + 1),
                     RNL_INVALID_ARGUMENT);
    assert_int_equal(import_values(a, RNL_IMPORT_COUNT_MAX), RNL_OK);
    assert_int_equal(import_key(a, RNL_IMPORT_COUNT_MAX), RNL_OK);
    feed(a, NULL, 1, 400, 40);
    struct rnl_meter *again = restarted(a);
    assert_true(moments_of(again, RNL_METER_VALUE).count ==
                RNL_IMPORT_COUNT_MAX + 400);
    rnl_meter_destroy(a);
    rnl_meter_destroy(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_streams_merged_are_one_stream_to_the_byte),
        cmocka_unit_test(bounds_stay_certain_when_tables_overflow),
        cmocka_unit_test(late_events_after_a_merge_keep_bounds_certain),
        cmocka_unit_test(no_window_and_no_rate_has_what_was_merged),
        cmocka_unit_test(a_stream_without_events_answers_what_was_merged),
        cmocka_unit_test(a_merge_waits_for_what_is_in_the_lane),
        cmocka_unit_test(the_errors_of_foreign_histograms_are_certain),
        cmocka_unit_test(rough_values_stay_what_they_are),
        cmocka_unit_test(dropped_items_widen_bounds_and_never_break_them),
        cmocka_unit_test(unique_keys_merge_by_the_hash_that_they_have),
        cmocka_unit_test(what_does_not_go_together_says_where_it_could),
        cmocka_unit_test(named_keys_merge_whatever_the_hash),
        cmocka_unit_test(damaged_bytes_are_refused_and_leave_no_trace),
        cmocka_unit_test(sketches_of_another_kind_are_refused),
        cmocka_unit_test(facts_that_contradict_their_buckets_are_refused),
        cmocka_unit_test(counts_end_before_they_overflow),
        cmocka_unit_test(want_of_memory_costs_the_sketch),
        cmocka_unit_test(what_was_merged_is_there_after_a_restart),
        cmocka_unit_test(the_most_that_can_be_merged_is_there_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
