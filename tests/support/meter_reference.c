/* SPDX-License-Identifier: Apache-2.0 */
#include "meter_reference.h"

#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ref_init(struct ref *ref)
{
    memset(ref, 0, sizeof(*ref));
}

void ref_fini(struct ref *ref)
{
    free(ref->events);
}

void ref_add(struct ref *ref, const struct ref_event *event)
{
    if (ref->count == ref->cap) {
        ref->cap = ref->cap * 2 + 64;
        ref->events = realloc(ref->events, ref->cap * sizeof(*ref->events));
        assert_non_null(ref->events);
    }
    ref->events[ref->count++] = *event;
}

uint64_t ref_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * UINT64_C(2685821657736338717);
}

size_t ref_key_name(uint32_t key, char name[16])
{
    return (size_t)snprintf(name, 16, "k%u", key);
}

struct rnl_meter *ref_meter(const uint32_t *windows, int64_t wall_ms)
{
    struct rnl_meter_config config = {.hash_seed = 99};
    struct rnl_meter_fault fault;
    for (; windows != NULL && windows[config.window_count] != 0;
         config.window_count++)
        config.window_seconds[config.window_count] =
            windows[config.window_count];
    assert_int_equal(rnl_meter_config_check(&config, &fault), RNL_OK);
    struct rnl_meter *meter = NULL;
    assert_int_equal(rnl_meter_create(&config, wall_ms, &meter), RNL_OK);
    return meter;
}

/* ---- batches ---- */

/* Columns of one batch, and the keys seen so far. */
struct columns {
    uint8_t *keys;
    uint32_t *lengths;
    uint32_t *indexes;
    double *values;
    float *latencies;
    uint32_t *offsets;
    uint32_t *place;
    size_t keys_len;
    size_t key_count;
};

static void columns_open(struct columns *columns, size_t count)
{
    columns->keys = malloc(count * 16);
    columns->lengths = malloc(count * sizeof(uint32_t));
    columns->indexes = malloc(count * sizeof(uint32_t));
    columns->values = malloc(count * sizeof(double));
    columns->latencies = malloc(count * sizeof(float));
    columns->offsets = malloc(count * sizeof(uint32_t));
    columns->place = calloc(REF_KEYS_MAX, sizeof(uint32_t));
    columns->keys_len = 0;
    columns->key_count = 0;
    assert_non_null(columns->place);
}

static void columns_close(struct columns *columns)
{
    free(columns->keys);
    free(columns->lengths);
    free(columns->indexes);
    free(columns->values);
    free(columns->latencies);
    free(columns->offsets);
    free(columns->place);
}

static uint32_t key_index(struct columns *columns, uint32_t key)
{
    if (columns->place[key] == 0) {
        char name[16];
        size_t len = ref_key_name(key, name);
        memcpy(columns->keys + columns->keys_len, name, len);
        columns->keys_len += len;
        columns->lengths[columns->key_count++] = (uint32_t)len;
        columns->place[key] = (uint32_t)columns->key_count;
    }
    return columns->place[key] - 1;
}

enum rnl_code ref_try_ingest(struct rnl_meter *meter,
                             const struct ref_event *events, size_t count,
                             int64_t wall_ms, struct rnl_meter_taken *ret_taken,
                             struct rnl_meter_fault *ret_fault)
{
    struct columns columns;
    columns_open(&columns, count);
    int64_t base = events[0].time_ms;
    for (size_t i = 0; i < count; i++)
        base = events[i].time_ms < base ? events[i].time_ms : base;
    for (size_t i = 0; i < count; i++) {
        columns.indexes[i] = key_index(&columns, events[i].key);
        columns.values[i] = events[i].value;
        columns.latencies[i] = events[i].latency_ms;
        columns.offsets[i] = (uint32_t)(events[i].time_ms - base);
    }
    const struct rnl_meter_batch batch = {.keys = columns.keys,
                                          .keys_len = columns.keys_len,
                                          .key_lengths = columns.lengths,
                                          .key_count = columns.key_count,
                                          .key_indexes = columns.indexes,
                                          .event_count = count,
                                          .values = columns.values,
                                          .latencies_ms = columns.latencies,
                                          .time_base_ms = base,
                                          .time_offsets_ms = columns.offsets};
    enum rnl_code code =
        rnl_meter_ingest(meter, &batch, wall_ms, ret_taken, ret_fault);
    columns_close(&columns);
    return code;
}

uint32_t ref_ingest(struct rnl_meter *meter, const struct ref_event *events,
                    size_t count, int64_t wall_ms)
{
    struct rnl_meter_taken taken;
    struct rnl_meter_fault fault;
    assert_int_equal(
        ref_try_ingest(meter, events, count, wall_ms, &taken, &fault), RNL_OK);
    assert_int_equal(taken.accepted_events, count);
    return taken.late_events;
}

/* ---- checking ---- */

/* What is in a window, laid out for comparing. */
struct sample {
    double *values;
    double *latencies;
    uint32_t *frequencies;
    size_t count;
    size_t unique;
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sample_open(struct sample *sample, const struct ref *ref,
                        const struct rnl_meter_window *window)
{
    sample->values = calloc(ref->count + 1, sizeof(double));
    sample->latencies = calloc(ref->count + 1, sizeof(double));
    sample->frequencies = calloc(REF_KEYS_MAX, sizeof(uint32_t));
    assert_non_null(sample->frequencies);
    sample->count = 0;
    sample->unique = 0;
    for (size_t i = 0; i < ref->count; i++) {
        const struct ref_event *event = &ref->events[i];
        if (window->window_seconds != 0 && (event->time_ms < window->start_ms ||
                                            event->time_ms >= window->end_ms))
            continue;
        sample->values[sample->count] = event->value;
        sample->latencies[sample->count++] = event->latency_ms;
        sample->unique += sample->frequencies[event->key]++ == 0;
    }
    qsort(sample->values, sample->count, sizeof(double), by_value);
    qsort(sample->latencies, sample->count, sizeof(double), by_value);
}

static void sample_close(struct sample *sample)
{
    free(sample->values);
    free(sample->latencies);
    free(sample->frequencies);
}

static void assert_close(double found, double wanted, double tolerance)
{
    if (!(fabs(found - wanted) <= tolerance * (fabs(wanted) + 1e-300)))
        fail_msg("%.17g is not within %g of %.17g", found, tolerance, wanted);
}

static void check_metric(const struct rnl_meter_view *view,
                         enum rnl_meter_metric metric, const double *sorted,
                         size_t count)
{
    struct rnl_meter_moments moments;
    rnl_meter_view_moments(view, metric, &moments);
    assert_int_equal(moments.count, count);
    if (count == 0) {
        assert_true(isnan(rnl_meter_view_quantile(view, metric, 0.5)));
        assert_true(moments.sum == 0 && moments.mean == 0);
        return;
    }
    long double sum = 0;
    long double m2 = 0;
    for (size_t i = 0; i < count; i++)
        sum += sorted[i];
    long double mean = sum / (long double)count;
    for (size_t i = 0; i < count; i++)
        m2 += (sorted[i] - mean) * (sorted[i] - mean);
    assert_close(moments.sum, (double)sum, 1e-12);
    assert_close(moments.mean, (double)mean, 1e-12);
    assert_close(moments.variance, (double)(m2 / (long double)count), 1e-9);
    assert_true(moments.min == sorted[0]);
    assert_true(moments.max == sorted[count - 1]);
    const double qs[] = {0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
    for (size_t i = 0; i < 8; i++) {
        size_t rank = (size_t)ceil(qs[i] * (double)count);
        assert_close(rnl_meter_view_quantile(view, metric, qs[i]),
                     sorted[rank > 0 ? rank - 1 : 0],
                     rnl_meter_quantile_error());
    }
    assert_true(rnl_meter_view_rank(view, metric, sorted[count - 1]) == 1);
    struct rnl_meter_bucket buckets[16];
    size_t used = rnl_meter_view_histogram(view, metric, buckets, 16);
    uint64_t in_buckets = 0;
    for (size_t i = 0; i < used; i++)
        in_buckets += buckets[i].count;
    assert_int_equal(in_buckets, count);
}

static void check_keys(const struct rnl_meter_view *view,
                       const struct sample *sample, bool exact)
{
    for (uint32_t key = 0; key < REF_KEYS_MAX; key++) {
        /* Of the keys that did not occur a few are enough. */
        if (sample->frequencies[key] == 0 && key % 1000 != 0)
            continue;
        char name[16];
        size_t len = ref_key_name(key, name);
        struct rnl_meter_frequency frequency;
        rnl_meter_view_frequency(view, (const uint8_t *)name, len, &frequency);
        assert_true(frequency.lower <= frequency.count);
        assert_true(frequency.count <= frequency.upper);
        assert_true(frequency.lower <= sample->frequencies[key]);
        assert_true(sample->frequencies[key] <= frequency.upper);
        assert_true(frequency.confidence == 1);
        if (exact)
            assert_int_equal(frequency.lower, frequency.upper);
    }
    struct rnl_meter_estimate unique;
    rnl_meter_view_unique(view, &unique);
    if (exact)
        assert_true(unique.lower == (double)sample->unique &&
                    unique.upper == (double)sample->unique);
    assert_close(unique.value, (double)sample->unique, 0.05);
}

static int by_count(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x < y) - (x > y);
}

/* The list falls, holds what it says, and leaves out nobody who is certainly
 * above its last one. */
static void check_top(const struct rnl_meter_view *view, struct sample *sample,
                      bool exact)
{
    static struct rnl_meter_top top[RNL_METER_TOP_MAX];
    size_t count = rnl_meter_view_top(view, top, 100);
    size_t wanted = sample->unique < 100 ? sample->unique : 100;
    assert_int_equal(count, wanted);
    for (size_t i = 0; i < count; i++) {
        char name[16] = "";
        assert_in_range(top[i].key_len, 2, sizeof(name) - 1);
        memcpy(name, top[i].key, top[i].key_len);
        uint32_t key = (uint32_t)strtoul(name + 1, NULL, 10);
        assert_int_equal(ref_key_name(key, name), top[i].key_len);
        assert_memory_equal(name, top[i].key, top[i].key_len);
        assert_true(top[i].frequency.lower <= sample->frequencies[key]);
        assert_true(sample->frequencies[key] <= top[i].frequency.upper);
        assert_true(i == 0 ||
                    top[i].frequency.count <= top[i - 1].frequency.count);
    }
    if (!exact)
        return;
    qsort(sample->frequencies, REF_KEYS_MAX, sizeof(uint32_t), by_count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(top[i].frequency.count, sample->frequencies[i]);
}

void ref_check(const struct ref *ref, struct rnl_meter *meter,
               uint32_t window_seconds, int64_t wall_ms, bool exact)
{
    struct rnl_meter_view *view = NULL;
    assert_int_equal(
        rnl_meter_view_create(meter, window_seconds, wall_ms, &view), RNL_OK);
    struct rnl_meter_window window;
    rnl_meter_view_window(view, &window);
    assert_int_equal(window.window_seconds, window_seconds);
    if (window_seconds != 0 && ref->count > 0) {
        int64_t length = window.end_ms - window.start_ms;
        assert_true(length >= (int64_t)window_seconds * 1000);
        assert_true(length < (int64_t)window_seconds * 1000 + window.pane_ms);
        assert_int_equal(window.start_ms % window.pane_ms, 0);
    }
    struct sample sample;
    sample_open(&sample, ref, &window);
    assert_int_equal(window.count, sample.count);
    check_metric(view, RNL_METER_VALUE, sample.values, sample.count);
    check_metric(view, RNL_METER_LATENCY, sample.latencies, sample.count);
    check_keys(view, &sample, exact);
    check_top(view, &sample, exact);
    sample_close(&sample);
    rnl_meter_view_destroy(view);
}

/* ---- comparing ---- */

static void same_metric(const struct rnl_meter_view *x,
                        const struct rnl_meter_view *y,
                        enum rnl_meter_metric metric)
{
    struct rnl_meter_moments m;
    struct rnl_meter_moments n;
    rnl_meter_view_moments(x, metric, &m);
    rnl_meter_view_moments(y, metric, &n);
    assert_memory_equal(&m, &n, sizeof(m));
    for (int i = 0; i <= 100; i++) {
        double q = i / 100.0;
        double v = rnl_meter_view_quantile(x, metric, q);
        double w = rnl_meter_view_quantile(y, metric, q);
        assert_true(v == w || (isnan(v) && isnan(w)));
    }
}

void ref_same(struct rnl_meter *a, struct rnl_meter *b, uint32_t window_seconds,
              int64_t wall_ms)
{
    struct rnl_meter_view *x = NULL;
    struct rnl_meter_view *y = NULL;
    assert_int_equal(rnl_meter_view_create(a, window_seconds, wall_ms, &x),
                     RNL_OK);
    assert_int_equal(rnl_meter_view_create(b, window_seconds, wall_ms, &y),
                     RNL_OK);
    struct rnl_meter_window v;
    struct rnl_meter_window w;
    rnl_meter_view_window(x, &v);
    rnl_meter_view_window(y, &w);
    assert_true(v.start_ms == w.start_ms && v.end_ms == w.end_ms);
    assert_int_equal(v.count, w.count);
    same_metric(x, y, RNL_METER_VALUE);
    same_metric(x, y, RNL_METER_LATENCY);
    static struct rnl_meter_top p[RNL_METER_TOP_MAX];
    static struct rnl_meter_top q[RNL_METER_TOP_MAX];
    size_t count = rnl_meter_view_top(x, p, RNL_METER_TOP_MAX);
    assert_int_equal(count, rnl_meter_view_top(y, q, RNL_METER_TOP_MAX));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(p[i].key_len, q[i].key_len);
        assert_memory_equal(p[i].key, q[i].key, p[i].key_len);
        assert_memory_equal(&p[i].frequency, &q[i].frequency,
                            sizeof(p[i].frequency));
    }
    struct rnl_meter_estimate e;
    struct rnl_meter_estimate f;
    rnl_meter_view_unique(x, &e);
    rnl_meter_view_unique(y, &f);
    assert_memory_equal(&e, &f, sizeof(e));
    rnl_meter_view_destroy(x);
    rnl_meter_view_destroy(y);
}
