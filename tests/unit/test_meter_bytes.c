/* SPDX-License-Identifier: Apache-2.0 */
/* A meter that was written and read goes on as if it had not been: compared
 * with one that was left alone, by every answer and by every byte. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "meter_bytes.h"
#include "meter_reference.h"

/* 2026-01-01T00:00:00.000Z */
#define NOW INT64_C(1767225600000)

static const uint32_t windows[] = {5, 60, 600, 3600, 0};

/* ---- parts that are kept ---- */

#define PARTS_MAX 600

struct parts {
    struct part {
        uint32_t key;
        uint8_t *data;
        size_t len;
    } list[PARTS_MAX];
    size_t count;
    /* Of the last save. */
    size_t saved_bytes;
};

static struct parts *parts_create(void)
{
    struct parts *parts = calloc(1, sizeof(*parts));
    if (parts == NULL)
        abort();
    return parts;
}

static uint8_t *room(void *arg, uint32_t key, size_t len)
{
    struct parts *parts = arg;
    size_t i = 0;
    while (i < parts->count && parts->list[i].key != key)
        i++;
    if (i == parts->count)
        parts->count++;
    assert_true(i < PARTS_MAX && key < RNL_METER_PART_END);
    free(parts->list[i].data);
    parts->list[i] = (struct part){key, malloc(len), len};
    parts->saved_bytes += len;
    return parts->list[i].data;
}

static void save(struct rnl_meter *meter, bool all, struct parts *parts)
{
    parts->saved_bytes = 0;
    assert_int_equal(rnl_meter_save(meter, all, room, parts), RNL_OK);
}

static void drop(struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        free(parts->list[i].data);
    free(parts);
}

static struct parts *save_all(struct rnl_meter *meter)
{
    struct parts *parts = parts_create();
    save(meter, true, parts);
    return parts;
}

static enum rnl_code restore(const struct parts *parts,
                             const struct rnl_meter_config *config,
                             struct rnl_meter **ret_meter)
{
    struct rnl_meter *meter = NULL;
    size_t head = 0;
    while (parts->list[head].key != RNL_METER_PART_HEAD)
        head++;
    enum rnl_code code = rnl_meter_restore(config, parts->list[head].data,
                                           parts->list[head].len, &meter);
    for (size_t i = 0; i < parts->count && code == RNL_OK; i++) {
        const struct part *part = &parts->list[i];
        if (i != head)
            code =
                rnl_meter_restore_part(meter, part->key, part->data, part->len);
    }
    if (code == RNL_OK)
        code = rnl_meter_restore_end(meter);
    if (code == RNL_OK)
        *ret_meter = meter;
    else
        rnl_meter_destroy(meter);
    return code;
}

/* ---- a stream ---- */

static struct rnl_meter *new_meter(void)
{
    struct rnl_meter_config config = {.hash_seed = 99,
                                      .has_value_threshold = true,
                                      .value_threshold = 124900,
                                      .window_count = 4};
    struct rnl_meter_fault fault;
    struct rnl_meter *meter;
    memcpy(config.window_seconds, windows, sizeof(windows));
    assert_int_equal(rnl_meter_config_check(&config, &fault), RNL_OK);
    assert_int_equal(rnl_meter_create(&config, NOW, &meter), RNL_OK);
    return meter;
}

struct source {
    uint64_t random;
    int64_t wall_ms;
    uint32_t keys;
    size_t batch_max;
    int64_t step_ms_max;
};

/* The same batch into both; sometimes time passes without one, or one comes
 * twice. Some events are late for their pane, and some for every pane. */
static void step(struct source *source, struct rnl_meter *a,
                 struct rnl_meter *b)
{
    static struct ref_event events[4096];
    uint64_t *random = &source->random;
    source->wall_ms +=
        (int64_t)(ref_random(random) % (uint64_t)source->step_ms_max);
    size_t count = 1 + ref_random(random) % source->batch_max;
    for (size_t i = 0; i < count; i++) {
        uint64_t r = ref_random(random);
        uint32_t most = 1 + (uint32_t)(ref_random(random) % source->keys);
        int64_t back = r % 64 == 0 ? (int64_t)(r >> 32) % 9000000
                                   : (int64_t)(r >> 32) % 4000;
        events[i] = (struct ref_event){
            .key = (uint32_t)(ref_random(random) % most),
            .value = (double)(int64_t)(r % 2000001 - 1000000) / 8,
            .latency_ms = (float)(r % 100000) / 64,
            .time_ms = source->wall_ms - back};
    }
    ref_ingest(a, events, count, source->wall_ms);
    ref_ingest(b, events, count, source->wall_ms);
    if (ref_random(random) % 8 == 0) {
        source->wall_ms += 3000;
        rnl_meter_advance(a, source->wall_ms);
        rnl_meter_advance(b, source->wall_ms);
        rnl_meter_duplicate(a);
        rnl_meter_duplicate(b);
    }
}

static void same_anomalies(const struct rnl_meter *a, const struct rnl_meter *b)
{
    struct rnl_meter_anomalies x;
    struct rnl_meter_anomalies y;
    rnl_meter_anomalies(a, 0, &x);
    rnl_meter_anomalies(b, 0, &y);
    for (size_t p = 0; p < 2; p++) {
        assert_int_equal(x.counts[p], y.counts[p]);
        if (x.counts[p] > 0)
            assert_memory_equal(x.parts[p], y.parts[p],
                                x.counts[p] * sizeof(*x.parts[p]));
    }
}

static void same_info(struct rnl_meter *a, struct rnl_meter *b, int64_t wall_ms)
{
    struct rnl_meter_info x;
    struct rnl_meter_info y;
    rnl_meter_info(a, wall_ms, &x);
    rnl_meter_info(b, wall_ms, &y);
    /* Memory is of the process, not of the stream. */
    x.memory_bytes = 0;
    y.memory_bytes = 0;
    assert_memory_equal(&x, &y, sizeof(x));
}

static void same_bytes(struct rnl_meter *a, struct rnl_meter *b)
{
    struct parts *x = save_all(a);
    struct parts *y = save_all(b);
    assert_int_equal(x->count, y->count);
    for (size_t i = 0; i < x->count; i++) {
        assert_int_equal(x->list[i].key, y->list[i].key);
        assert_int_equal(x->list[i].len, y->list[i].len);
        assert_memory_equal(x->list[i].data, y->list[i].data, x->list[i].len);
    }
    drop(x);
    drop(y);
}

static void same(struct rnl_meter *a, struct rnl_meter *b, int64_t wall_ms)
{
    for (size_t w = 0; w < 5; w++)
        ref_same(a, b, windows[w], wall_ms);
    same_info(a, b, wall_ms);
    same_anomalies(a, b);
    same_bytes(a, b);
}

/* ---- going on ---- */

/* Restarts the second meter every few steps, after a save, from what its saves
 * have left. */
static void go_on(struct source *source, size_t steps, size_t save_every,
                  size_t restart_every)
{
    struct rnl_meter *a = new_meter();
    struct rnl_meter *b = new_meter();
    struct parts *parts = parts_create();
    for (size_t i = 1; i <= steps; i++) {
        step(source, a, b);
        if (i % save_every == 0)
            save(b, false, parts);
        if (i % restart_every != 0)
            continue;
        struct rnl_meter *restored;
        assert_int_equal(restore(parts, rnl_meter_config(b), &restored),
                         RNL_OK);
        rnl_meter_destroy(b);
        b = restored;
        same_bytes(a, b);
    }
    same(a, b, source->wall_ms);
    struct rnl_meter_info info;
    rnl_meter_info(a, source->wall_ms, &info);
    assert_true(info.late_events > 0 && info.duplicate_batches > 0 &&
                info.anomaly_sequence > 0);
    rnl_meter_destroy(a);
    rnl_meter_destroy(b);
    drop(parts);
}

static void few_keys_go_on(void **state)
{
    (void)state;
    struct source source = {.random = 7,
                            .wall_ms = NOW,
                            .keys = 300,
                            .batch_max = 20,
                            .step_ms_max = 2500};
    go_on(&source, 1440, 10, 120);
}

/* Tables overflow, are trimmed and merged, all over the restarts. */
static void many_keys_go_on(void **state)
{
    (void)state;
    struct source source = {.random = 3,
                            .wall_ms = NOW,
                            .keys = 60000,
                            .batch_max = 4000,
                            .step_ms_max = 900};
    go_on(&source, 200, 4, 20);
}

static void an_empty_meter_goes_on(void **state)
{
    (void)state;
    struct rnl_meter *a = new_meter();
    struct rnl_meter *b = new_meter();
    struct parts *parts = parts_create();
    struct rnl_meter *restored;
    struct source source = {.random = 5,
                            .wall_ms = NOW,
                            .keys = 10,
                            .batch_max = 9,
                            .step_ms_max = 500};
    save(b, false, parts);
    assert_int_equal(restore(parts, rnl_meter_config(b), &restored), RNL_OK);
    same(a, restored, NOW);
    for (size_t i = 0; i < 50; i++)
        step(&source, a, restored);
    same(a, restored, source.wall_ms);
    rnl_meter_destroy(a);
    rnl_meter_destroy(b);
    rnl_meter_destroy(restored);
    drop(parts);
}

/* What did not change is not written again. */
static void a_save_costs_what_has_happened(void **state)
{
    (void)state;
    struct rnl_meter *meter = new_meter();
    struct parts *parts = parts_create();
    struct ref_event events[2000];
    int64_t wall = NOW;
    for (size_t s = 0; s < 50; s++, wall += 1000) {
        for (size_t i = 0; i < 2000; i++)
            events[i] = (struct ref_event){.key = (uint32_t)i,
                                           .value = 1,
                                           .latency_ms = 1,
                                           .time_ms = wall};
        ref_ingest(meter, events, 2000, wall);
    }
    save(meter, false, parts);
    size_t whole = parts->saved_bytes;
    save(meter, false, parts);
    size_t nothing = parts->saved_bytes;
    events[0].time_ms = wall;
    ref_ingest(meter, events, 1, wall);
    save(meter, false, parts);
    size_t little = parts->saved_bytes;
    assert_true(nothing < 10000);
    /* A pane was begun, one was merged upwards. */
    assert_true(little > nothing && little < whole / 8);
    rnl_meter_destroy(meter);
    drop(parts);
}

/* ---- what is refused ---- */

static struct rnl_meter *small_meter(void)
{
    struct rnl_meter *meter = new_meter();
    struct rnl_meter *other = new_meter();
    struct source source = {.random = 9,
                            .wall_ms = NOW,
                            .keys = 5,
                            .batch_max = 4,
                            .step_ms_max = 1500};
    for (size_t i = 0; i < 12; i++)
        step(&source, meter, other);
    rnl_meter_destroy(other);
    return meter;
}

static void refused(const struct parts *parts,
                    const struct rnl_meter_config *config, enum rnl_code with)
{
    struct rnl_meter *meter = NULL;
    assert_int_equal(restore(parts, config, &meter), with);
}

static void a_changed_byte_is_refused(void **state)
{
    (void)state;
    struct rnl_meter *meter = small_meter();
    struct parts *parts = save_all(meter);
    for (size_t p = 0; p < parts->count; p++) {
        struct part *part = &parts->list[p];
        for (size_t i = 0; i < part->len; i++) {
            uint8_t byte = part->data[i];
            part->data[i] = (uint8_t)(byte + 1 + i % 254);
            struct rnl_meter *restored = NULL;
            enum rnl_code code =
                restore(parts, rnl_meter_config(meter), &restored);
            /* The version, and the number of a pane that is no longer kept. */
            assert_true(code == RNL_INVALID_ARGUMENT ||
                        code == RNL_UNIMPLEMENTED ||
                        (code == RNL_OK && i < 10));
            if (code == RNL_OK)
                rnl_meter_destroy(restored);
            part->data[i] = byte;
        }
    }
    rnl_meter_destroy(meter);
    drop(parts);
}

static void what_is_cut_off_or_missing_is_refused(void **state)
{
    (void)state;
    struct rnl_meter *meter = small_meter();
    const struct rnl_meter_config *config = rnl_meter_config(meter);
    struct parts *parts = save_all(meter);
    for (size_t p = 0; p < parts->count; p++) {
        size_t len = parts->list[p].len;
        for (size_t cut = 0; cut < len; cut++) {
            parts->list[p].len = cut;
            refused(parts, config, RNL_INVALID_ARGUMENT);
        }
        parts->list[p].len = len;
    }
    /* The newest pane holds events. */
    struct part newest = {0};
    for (size_t p = 0; p < parts->count; p++) {
        struct rnl_meter *restored = NULL;
        struct part kept = parts->list[p];
        if (kept.key == RNL_METER_PART_HEAD)
            continue;
        parts->list[p] = parts->list[--parts->count];
        if (restore(parts, config, &restored) == RNL_OK)
            rnl_meter_destroy(restored);
        else
            newest = kept;
        parts->list[parts->count++] = parts->list[p];
        parts->list[p] = kept;
    }
    assert_non_null(newest.data);
    rnl_meter_destroy(meter);
    drop(parts);
}

static void another_configuration_is_refused(void **state)
{
    (void)state;
    struct rnl_meter *meter = small_meter();
    struct parts *parts = save_all(meter);
    struct rnl_meter_config config = *rnl_meter_config(meter);
    config.window_seconds[3] = 7200;
    refused(parts, &config, RNL_INVALID_ARGUMENT);
    config = *rnl_meter_config(meter);
    config.window_count = 1;
    refused(parts, &config, RNL_INVALID_ARGUMENT);
    rnl_meter_destroy(meter);
    drop(parts);
}

/* ---- memory ---- */

static uint8_t *no_room(void *arg, uint32_t key, size_t len)
{
    struct parts *parts = arg;
    return parts->count == 5 ? NULL : room(parts, key, len);
}

static void a_save_without_room_can_be_repeated(void **state)
{
    (void)state;
    struct rnl_meter *meter = small_meter();
    struct parts *some = parts_create();
    struct parts *parts = parts_create();
    struct rnl_meter *restored;
    assert_true(some != NULL && parts != NULL);
    assert_int_equal(rnl_meter_save(meter, false, no_room, some),
                     RNL_RESOURCE_EXHAUSTED);
    save(meter, false, parts);
    assert_int_equal(restore(parts, rnl_meter_config(meter), &restored),
                     RNL_OK);
    same_bytes(meter, restored);
    rnl_meter_destroy(restored);
    rnl_meter_destroy(meter);
    drop(some);
    drop(parts);
}

static void want_of_memory_is_told(void **state)
{
    (void)state;
    struct rnl_meter *meter = small_meter();
    struct parts *parts = save_all(meter);
    for (size_t k = 1;; k++) {
        struct rnl_meter *restored = NULL;
        fault_at(k, false);
        enum rnl_code code = restore(parts, rnl_meter_config(meter), &restored);
        bool over = fault_stop() < k;
        assert_int_equal(code, over ? RNL_OK : RNL_RESOURCE_EXHAUSTED);
        rnl_meter_destroy(restored);
        if (over)
            break;
    }
    rnl_meter_destroy(meter);
    drop(parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_keys_go_on),
        cmocka_unit_test(many_keys_go_on),
        cmocka_unit_test(an_empty_meter_goes_on),
        cmocka_unit_test(a_save_costs_what_has_happened),
        cmocka_unit_test(a_changed_byte_is_refused),
        cmocka_unit_test(what_is_cut_off_or_missing_is_refused),
        cmocka_unit_test(another_configuration_is_refused),
        cmocka_unit_test(a_save_without_room_can_be_repeated),
        cmocka_unit_test(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
