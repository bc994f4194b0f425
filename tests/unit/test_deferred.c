/* SPDX-License-Identifier: Apache-2.0 */
/* Batches that are counted in lanes: nobody can tell, whatever the order in
 * which lanes get on. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "deferred.h"
#include "fake_lanes.h"
#include "fault.h"
#include "import.h"
#include "meter_bytes.h"
#include "meter_reference.h"

#define NOW    INT64_C(1700000000000)
#define METERS 5

static const uint32_t windows[] = {10, 60, 300, 0};

/* ---- events ---- */

static void fill_events(uint64_t *random, struct ref_event *events,
                        size_t count, int64_t now_ms)
{
    int64_t late_ms = ref_random(random) % 8 == 0 ? 900000 : 3000;
    uint32_t keys = ref_random(random) % 3 == 0 ? 40 : 6000;
    for (size_t i = 0; i < count; i++) {
        uint64_t r = ref_random(random);
        events[i] = (struct ref_event){
            .key = (uint32_t)(r % keys % (1 + (r >> 32) % keys)),
            .value = (double)(int64_t)(r >> 20 & 0xFFFF) - 1000,
            .latency_ms = (float)(r >> 40 & 0xFFF) / 8,
            .time_ms = now_ms - (int64_t)(r >> 13) % late_ms,
        };
        if (events[i].time_ms < 0)
            events[i].time_ms = now_ms;
    }
}

/* ---- bytes of a meter ---- */

struct saved {
    uint8_t *bytes;
    size_t len;
};

static uint8_t *room(void *arg, uint32_t key, size_t len)
{
    struct saved *saved = arg;
    saved->bytes = realloc(saved->bytes, saved->len + sizeof(key) + len);
    assert_non_null(saved->bytes);
    memcpy(saved->bytes + saved->len, &key, sizeof(key));
    saved->len += sizeof(key) + len;
    return saved->bytes + saved->len - len;
}

/* Asserts that all that decides what a meter will ever answer is equal. */
static void same_bytes(struct rnl_meter *a, struct rnl_meter *b)
{
    struct saved of_a = {0};
    struct saved of_b = {0};
    assert_int_equal(rnl_meter_save(a, true, room, &of_a), RNL_OK);
    assert_int_equal(rnl_meter_save(b, true, room, &of_b), RNL_OK);
    assert_int_equal(of_a.len, of_b.len);
    assert_memory_equal(of_a.bytes, of_b.bytes, of_a.len);
    free(of_a.bytes);
    free(of_b.bytes);
}

/* ---- the same twice ---- */

struct pair {
    struct rnl_meter *direct;
    struct rnl_meter *deferred;
};

static void make_pairs(struct pair *pairs, struct fake_lanes *fake)
{
    for (size_t i = 0; i < METERS; i++) {
        pairs[i].direct = ref_meter(windows, NOW);
        pairs[i].deferred = ref_meter(windows, NOW);
        assert_int_equal(rnl_meter_defer(pairs[i].deferred, &fake->lanes),
                         RNL_OK);
    }
}

static void destroy_pairs(struct pair *pairs)
{
    for (size_t i = 0; i < METERS; i++) {
        rnl_meter_destroy(pairs[i].direct);
        rnl_meter_destroy(pairs[i].deferred);
    }
}

static void ingest_both(const struct pair *pair, uint64_t *random,
                        int64_t now_ms)
{
    static struct ref_event events[4000];
    size_t count = 1 + ref_random(random) % 4000;
    if (ref_random(random) % 2 == 0)
        count = 1 + count % 60;
    fill_events(random, events, count, now_ms);
    uint32_t late = ref_ingest(pair->direct, events, count, now_ms);
    assert_int_equal(ref_ingest(pair->deferred, events, count, now_ms), late);
}

/* What one says of its values, into both. */
static void import_both(const struct pair *pair, int64_t now_ms)
{
    struct rnl_meter_view *view;
    struct rnl_sketch_bytes bytes;
    const char *what;
    struct rnl_import_fault fault;
    uint64_t count;
    assert_int_equal(rnl_meter_view_create(pair->direct, 0, now_ms, &view),
                     RNL_OK);
    assert_int_equal(rnl_meter_view_export(view, RNL_SKETCH_OF_VALUE,
                                           RNL_SKETCH_FORMAT_RUNNEL, &bytes,
                                           &what),
                     RNL_OK);
    rnl_meter_view_destroy(view);
    const struct rnl_import import = {.of = RNL_SKETCH_OF_VALUE,
                                      .format = RNL_SKETCH_FORMAT_RUNNEL,
                                      .bytes = bytes.data,
                                      .len = bytes.len};
    /* The view has moved the time of that one. */
    rnl_meter_advance(pair->deferred, now_ms);
    assert_int_equal(rnl_meter_import(pair->direct, &import, &count, &fault),
                     RNL_OK);
    assert_int_equal(rnl_meter_import(pair->deferred, &import, &count, &fault),
                     RNL_OK);
    rnl_free(bytes.data);
}

static void ask_both(const struct pair *pair, uint64_t *random, int64_t now_ms)
{
    struct rnl_meter_info a;
    struct rnl_meter_info b;
    switch (ref_random(random) % 5) {
    case 0:
        ref_same(pair->direct, pair->deferred, windows[ref_random(random) % 4],
                 now_ms);
        break;
    case 1:
        rnl_meter_info(pair->direct, now_ms, &a);
        rnl_meter_info(pair->deferred, now_ms, &b);
        assert_int_equal(a.count, b.count);
        assert_int_equal(a.late_events, b.late_events);
        assert_int_equal(a.watermark_ms, b.watermark_ms);
        assert_int_equal(a.anomaly_sequence, b.anomaly_sequence);
        break;
    case 2:
        rnl_meter_advance(pair->direct, now_ms);
        rnl_meter_advance(pair->deferred, now_ms);
        break;
    case 3:
        rnl_meter_duplicate(pair->direct);
        rnl_meter_duplicate(pair->deferred);
        break;
    default:
        import_both(pair, now_ms);
        break;
    }
}

static void run_seed(uint64_t seed)
{
    struct fake_lanes fake;
    struct pair pairs[METERS];
    uint64_t random = seed;
    int64_t now_ms = NOW;
    fake_lanes_init(&fake, seed * 77);
    make_pairs(pairs, &fake);
    for (size_t i = 0; i < 60; i++) {
        const struct pair *pair = &pairs[ref_random(&random) % METERS];
        ingest_both(pair, &random, now_ms);
        if (ref_random(&random) % 4 == 0)
            ask_both(pair, &random, now_ms);
        fake_lanes_stir(&fake);
        now_ms += (int64_t)(ref_random(&random) % 1500);
    }
    assert_true(fake.waiting_most > 1);
    for (size_t i = 0; i < METERS; i++)
        same_bytes(pairs[i].direct, pairs[i].deferred);
    destroy_pairs(pairs);
    fake_lanes_fini(&fake);
}

static void any_order_of_lanes_gives_the_same_bytes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++)
        run_seed(seed);
}

/* ---- what waits ---- */

static struct ref_event *many_events(size_t count)
{
    static struct ref_event events[8192];
    uint64_t random = 5;
    fill_events(&random, events, count, NOW);
    return events;
}

static void count_calls(void *arg)
{
    (*(size_t *)arg)++;
}

static void only_so_much_waits_and_it_is_accounted_for(void **state)
{
    (void)state;
    struct fake_lanes fake;
    struct rnl_meter *meter = ref_meter(windows, NOW);
    size_t reports = 0;
    fake_lanes_init(&fake, 3);
    fake.is_lazy = true;
    assert_int_equal(rnl_meter_defer(meter, &fake.lanes), RNL_OK);
    rnl_meter_on_counted(meter, count_calls, &reports);
    uint64_t before = rnl_meter_memory(meter);
    for (size_t i = 0; i < RNL_DEFERRED_BATCHES_MAX; i++)
        ref_ingest(meter, many_events(8192), 8192, NOW);
    assert_int_equal(fake.waiting, RNL_DEFERRED_BATCHES_MAX);
    assert_int_equal(reports, 0);
    assert_true(rnl_meter_memory(meter) >= before + fake.lanes.posted_bytes);
    assert_true(fake.lanes.posted_bytes > 8192 * 20 * fake.waiting);
    ref_ingest(meter, many_events(8192), 8192, NOW);
    assert_int_equal(fake.waiting, RNL_DEFERRED_BATCHES_MAX);
    assert_int_equal(reports, 1);
    /* Others have taken all the room: it is counted here. */
    fake.lanes.posted_bytes += RNL_DEFERRED_BYTES_MAX;
    ref_ingest(meter, many_events(8192), 8192, NOW);
    assert_int_equal(fake.waiting, 0);
    fake.lanes.posted_bytes -= RNL_DEFERRED_BYTES_MAX;
    struct rnl_meter_info info;
    rnl_meter_info(meter, NOW, &info);
    assert_int_equal(info.count, 8192 * (RNL_DEFERRED_BATCHES_MAX + 2));
    rnl_meter_destroy(meter);
    fake_lanes_fini(&fake);
}

static void small_batches_do_not_wait(void **state)
{
    (void)state;
    struct fake_lanes fake;
    struct rnl_meter *meter = ref_meter(windows, NOW);
    fake_lanes_init(&fake, 3);
    fake.is_lazy = true;
    assert_int_equal(rnl_meter_defer(meter, &fake.lanes), RNL_OK);
    ref_ingest(meter, many_events(8), 8, NOW);
    assert_int_equal(fake.waiting_most, 0);
    /* But behind one that waits they do: their order is that of their
     * coming. */
    ref_ingest(meter, many_events(8192), 8192, NOW);
    ref_ingest(meter, many_events(8), 8, NOW);
    assert_int_equal(fake.waiting, 2);
    rnl_meter_destroy(meter);
    fake_lanes_fini(&fake);
}

/* ---- want of memory ---- */

/* Memory runs out at any allocation: a batch that was taken is counted once
 * there is some again, one that was refused is not. */
static void want_of_memory_loses_no_batch_that_was_taken(void **state)
{
    (void)state;
    bool over = false;
    for (size_t k = 1; !over; k += 1 + k / 6) {
        struct fake_lanes fake;
        struct rnl_meter *meter = ref_meter(windows, NOW);
        struct rnl_meter_info info;
        uint64_t taken_events = 0;
        fake_lanes_init(&fake, k);
        assert_int_equal(rnl_meter_defer(meter, &fake.lanes), RNL_OK);
        fault_at(k, true);
        for (size_t i = 0; i < 12; i++) {
            struct rnl_meter_taken taken;
            struct rnl_meter_fault fault;
            enum rnl_code code = ref_try_ingest(meter, many_events(3000), 3000,
                                                NOW, &taken, &fault);
            assert_true(code == RNL_OK || code == RNL_RESOURCE_EXHAUSTED);
            if (code == RNL_OK)
                taken_events += taken.accepted_events;
            fake_lanes_stir(&fake);
        }
        over = fault_stop() < k;
        rnl_meter_info(meter, NOW, &info);
        assert_int_equal(info.count, taken_events);
        assert_true(!over || taken_events == 36000);
        rnl_meter_destroy(meter);
        fake_lanes_fini(&fake);
    }
}

/* Without memory to the end, nothing leaks. */
static void a_meter_goes_with_batches_that_wait(void **state)
{
    (void)state;
    struct fake_lanes fake;
    struct rnl_meter *meter = ref_meter(windows, NOW);
    fake_lanes_init(&fake, 9);
    fake.is_lazy = true;
    assert_int_equal(rnl_meter_defer(meter, &fake.lanes), RNL_OK);
    for (size_t i = 0; i < 3; i++)
        ref_ingest(meter, many_events(3000), 3000, NOW);
    fault_at(1, true);
    rnl_meter_destroy(meter);
    fault_stop();
    fake_lanes_fini(&fake);
}

static void no_lane_no_deferring(void **state)
{
    (void)state;
    struct fake_lanes fake;
    struct rnl_meter *meter = ref_meter(windows, NOW);
    fake_lanes_init(&fake, 9);
    fault_at(1, false);
    assert_int_equal(rnl_meter_defer(meter, &fake.lanes),
                     RNL_RESOURCE_EXHAUSTED);
    fault_stop();
    ref_ingest(meter, many_events(3000), 3000, NOW);
    rnl_meter_destroy(meter);
    fake_lanes_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_of_lanes_gives_the_same_bytes),
        cmocka_unit_test(only_so_much_waits_and_it_is_accounted_for),
        cmocka_unit_test(small_batches_do_not_wait),
        cmocka_unit_test(want_of_memory_loses_no_batch_that_was_taken),
        cmocka_unit_test(a_meter_goes_with_batches_that_wait),
        cmocka_unit_test(no_lane_no_deferring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
