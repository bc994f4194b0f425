/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of a digest: a log of keys, a table, a log of those that stayed. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "digest.h"
#include "fault.h"

#define SEED     UINT64_C(11)
#define KEYS_MAX 12000
#define KEY_LEN  8

static const struct rnl_digest_settings settings = {
    .logged = true,
    .unique_precision = 14,
    .hash_seed = SEED,
    .entries_max = 2560,
    .width_log2 = 14,
    .limits = {.entries = 1024, .entries_exact = 2560, .width_log2_max = 13},
};

/* A batch of keys [first, first + count); key k has the weight weight(k). */
struct columns {
    uint64_t hashes[KEYS_MAX];
    uint32_t weights[KEYS_MAX];
    uint32_t starts[KEYS_MAX + 1];
    uint8_t keys[KEYS_MAX * KEY_LEN + 1];
};

static uint64_t truth[KEYS_MAX];

static uint64_t hash_of(size_t key)
{
    char text[KEY_LEN + 1];
    snprintf(text, sizeof(text), "%0*zu", KEY_LEN, key);
    return rnl_hash(text, KEY_LEN, SEED);
}

static struct rnl_digest_part part_of(struct columns *columns, size_t first,
                                      size_t count,
                                      uint32_t (*weight)(size_t key))
{
    struct rnl_digest_part part = {.rows = {.hashes = columns->hashes,
                                            .weights = columns->weights,
                                            .keys = columns->keys,
                                            .starts = columns->starts,
                                            .count = count}};
    columns->starts[0] = 0;
    for (size_t i = 0; i < count; i++) {
        char *key = (char *)columns->keys + i * KEY_LEN;
        snprintf(key, KEY_LEN + 1, "%0*zu", KEY_LEN, first + i);
        columns->hashes[i] = hash_of(first + i);
        columns->weights[i] = weight(first + i);
        columns->starts[i + 1] = (uint32_t)(i + 1) * KEY_LEN;
        part.event_count += columns->weights[i];
    }
    return part;
}

static enum rnl_code try_add(struct rnl_digest *digest, size_t first,
                             size_t count, uint32_t (*weight)(size_t key))
{
    static struct columns columns;
    struct rnl_digest_part part = part_of(&columns, first, count, weight);
    enum rnl_code code = rnl_digest_reserve(digest, &part);
    if (code != RNL_OK)
        return code;
    rnl_digest_add(digest, &part);
    for (size_t i = 0; i < count; i++)
        truth[first + i] += columns.weights[i];
    return RNL_OK;
}

static void add(struct rnl_digest *digest, size_t first, size_t count,
                uint32_t (*weight)(size_t key))
{
    assert_int_equal(try_add(digest, first, count, weight), RNL_OK);
}

static void begin(struct rnl_digest *digest)
{
    memset(truth, 0, sizeof(truth));
    rnl_digest_init(digest, &settings);
}

static uint32_t one(size_t key)
{
    (void)key;
    return 1;
}

/* Some thousand keys once, a few hundred often. */
static uint32_t tail(size_t key)
{
    return (uint32_t)(1 + 3000 / (key + 1));
}

static uint32_t even_keys(size_t key)
{
    return key % 2 == 0;
}

/* Asserts that the bounds of each key hold and that the number of distinct keys
 * is right; how many bounds meet is returned. */
static size_t check(const struct rnl_digest *digest)
{
    static struct rnl_digest view;
    struct rnl_digest_settings of_view = settings;
    size_t exact = 0;
    size_t distinct = 0;
    of_view.logged = false;
    of_view.entries_max = 10240;
    rnl_digest_init(&view, &of_view);
    assert_int_equal(rnl_digest_merge(&view, digest), RNL_OK);
    assert_int_equal(view.count, digest->count);
    for (size_t k = 0; k < KEYS_MAX; k++) {
        struct rnl_meter_frequency frequency;
        uint64_t hash = hash_of(k);
        rnl_digest_frequency(&view, hash, rnl_frequent_find(&view.keys, hash),
                             &frequency);
        assert_true(frequency.lower <= truth[k]);
        assert_true(frequency.upper >= truth[k]);
        exact += truth[k] > 0 && frequency.lower == frequency.upper;
        distinct += truth[k] > 0;
    }
    struct rnl_meter_estimate unique;
    assert_int_equal(rnl_digest_unique(&view, &unique), RNL_OK);
    assert_true(unique.value > 0.96 * (double)distinct &&
                unique.value < 1.04 * (double)distinct);
    rnl_digest_fini(&view);
    return exact;
}

static void few_keys_stay_in_the_log_and_exact(void **state)
{
    (void)state;
    struct rnl_digest digest;
    begin(&digest);
    /* More rows than a log has, of few keys: they are put together. */
    for (int i = 0; i < 100; i++)
        add(&digest, 0, 300, tail);
    add(&digest, 100, 50, even_keys);
    assert_true(digest.logged);
    assert_int_equal(check(&digest), 300);
    rnl_digest_close(&digest);
    assert_true(digest.logged && digest.closed);
    assert_int_equal(digest.log.count, 300);
    assert_int_equal(check(&digest), 300);
    rnl_digest_fini(&digest);
}

static void many_keys_go_into_the_table(void **state)
{
    (void)state;
    struct rnl_digest digest;
    begin(&digest);
    add(&digest, 0, 5000, tail);
    assert_true(digest.logged);
    assert_int_equal(check(&digest), 5000);
    add(&digest, 5000, 5000, tail);
    assert_false(digest.logged);
    assert_int_equal(rnl_key_log_size(&digest.log), 0);
    check(&digest);
    rnl_digest_close(&digest);
    assert_true(digest.logged);
    assert_int_equal(digest.log.count, 1024);
    assert_true(check(&digest) >= 100);
    rnl_digest_fini(&digest);
}

/* The 1,024 heaviest stay, all others are in the sketches; how many keys there
 * were is known exactly. */
static void a_closed_log_keeps_the_heaviest(void **state)
{
    (void)state;
    struct rnl_digest digest;
    struct rnl_meter_estimate unique;
    begin(&digest);
    add(&digest, 0, 4000, tail);
    size_t before = rnl_digest_heap_bytes(&digest);
    rnl_digest_close(&digest);
    assert_int_equal(digest.log.count, 1024);
    for (size_t i = 0; i < digest.log.count; i++)
        assert_true(digest.log.counts[i] >= tail(1100));
    uint64_t sum = rnl_rest_total(&digest.rest);
    for (size_t i = 0; i < digest.log.count; i++)
        sum += digest.log.counts[i];
    assert_int_equal(sum, digest.count);
    assert_int_equal(rnl_digest_unique(&digest, &unique), RNL_OK);
    assert_true(unique.value == 4000 && unique.confidence == 1);
    /* The bounds of all that were kept meet. */
    assert_true(check(&digest) >= 1024);
    assert_true(rnl_digest_heap_bytes(&digest) < before);
    /* Closed again it is the same. */
    rnl_digest_close(&digest);
    assert_int_equal(digest.log.count, 1024);
    rnl_digest_fini(&digest);
}

/* One that knows all its keys keeps them, unless they are long. */
static void a_closed_log_that_knows_all_keeps_all(void **state)
{
    (void)state;
    struct rnl_digest digest;
    begin(&digest);
    add(&digest, 0, 2560, tail);
    rnl_digest_close(&digest);
    assert_int_equal(digest.log.count, 2560);
    assert_int_equal(rnl_rest_total(&digest.rest), 0);
    assert_int_equal(check(&digest), 2560);
    rnl_digest_fini(&digest);
}

static void late_events_join_a_closed_log(void **state)
{
    (void)state;
    struct rnl_digest digest;
    begin(&digest);
    add(&digest, 0, 4000, tail);
    rnl_digest_close(&digest);
    for (size_t i = 0; i < 60; i++)
        add(&digest, i * 100, 200, tail);
    assert_true(digest.logged);
    assert_true(digest.log.count <= RNL_KEY_LOG_ROWS_MAX);
    check(&digest);
    /* More at once than a log has room for. */
    add(&digest, 0, 11000, one);
    rnl_digest_close(&digest);
    assert_true(digest.logged);
    assert_int_equal(digest.log.count, 1024);
    check(&digest);
    rnl_digest_fini(&digest);
}

/* Logs into a log, and then into a table: as in a coarser pane. */
static void logs_are_merged_in_any_form(void **state)
{
    (void)state;
    struct rnl_digest above;
    begin(&above);
    for (size_t i = 0; i < 12; i++) {
        struct rnl_digest digest;
        rnl_digest_init(&digest, &settings);
        add(&digest, 100 * i, 4000, tail);
        if (i % 3 != 0)
            rnl_digest_close(&digest);
        assert_int_equal(rnl_digest_merge(&above, &digest), RNL_OK);
        if (i == 0)
            assert_true(above.logged);
        rnl_digest_fini(&digest);
        check(&above);
    }
    assert_false(above.logged);
    rnl_digest_close(&above);
    assert_int_equal(above.log.count, 1024);
    check(&above);
    rnl_digest_fini(&above);
}

/* Columns have 32 bits: what is more goes into a table. */
static void a_digest_of_very_many_events_has_a_table(void **state)
{
    (void)state;
    struct rnl_digest digest;
    begin(&digest);
    add(&digest, 0, 10, one);
    digest.count = UINT32_MAX - 5;
    add(&digest, 0, 10, one);
    assert_false(digest.logged);
    assert_int_equal(digest.keys.entry_count, 10);
    rnl_digest_close(&digest);
    assert_false(digest.logged);
    rnl_digest_fini(&digest);
}

/* Each allocation fails once: a part is taken whole or not at all, closing does
 * what it can. */
static void want_of_memory_loses_nothing(void **state)
{
    (void)state;
    bool over = false;
    for (size_t k = 1; !over; k++) {
        struct rnl_digest digest;
        struct rnl_digest above;
        begin(&digest);
        rnl_digest_init(&above, &settings);
        fault_at(k, false);
        for (size_t i = 0; i < 4; i++) {
            size_t first = i * 2000;
            if (try_add(&digest, first, 3000, tail) != RNL_OK)
                add(&digest, first, 3000, tail);
            if (i == 1)
                rnl_digest_close(&digest);
        }
        if (rnl_digest_merge(&above, &digest) != RNL_OK)
            assert_int_equal(rnl_digest_merge(&above, &digest), RNL_OK);
        over = fault_stop() < k;
        check(&digest);
        check(&above);
        rnl_digest_fini(&digest);
        rnl_digest_fini(&above);
    }
}

/* Seconds of the processor to close a full log; crowded: all hashes have the
 * same middle bits, as who knows the hash function can choose. */
static double time_to_close(bool crowded)
{
    static struct columns columns;
    struct rnl_digest digest;
    struct rnl_digest_part part =
        part_of(&columns, 0, RNL_KEY_LOG_ROWS_MAX, one);
    for (uint64_t i = 0; i < RNL_KEY_LOG_ROWS_MAX; i++)
        columns.hashes[i] = crowded ? (i + 1) << 46 | (i + 1)
                                    : (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
    rnl_digest_init(&digest, &settings);
    assert_int_equal(rnl_digest_reserve(&digest, &part), RNL_OK);
    rnl_digest_add(&digest, &part);
    assert_true(digest.logged);
    clock_t begin = clock();
    rnl_digest_close(&digest);
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    assert_int_equal(digest.distinct, RNL_KEY_LOG_ROWS_MAX);
    rnl_digest_fini(&digest);
    return seconds;
}

/* The least of some times is that without a neighbour's work in it; with all
 * keys in one slot it was a hundred times as long. */
static void keys_that_crowd_cost_no_more(void **state)
{
    (void)state;
    double spread = INFINITY;
    double crowded = INFINITY;
    for (int i = 0; i < 5; i++) {
        spread = fmin(spread, time_to_close(false));
        crowded = fmin(crowded, time_to_close(true));
    }
    assert_true(crowded < 10 * spread + 0.001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_keys_stay_in_the_log_and_exact),
        cmocka_unit_test(many_keys_go_into_the_table),
        cmocka_unit_test(a_closed_log_keeps_the_heaviest),
        cmocka_unit_test(a_closed_log_that_knows_all_keeps_all),
        cmocka_unit_test(late_events_join_a_closed_log),
        cmocka_unit_test(logs_are_merged_in_any_form),
        cmocka_unit_test(a_digest_of_very_many_events_has_a_table),
        cmocka_unit_test(keys_that_crowd_cost_no_more),
        cmocka_unit_test(want_of_memory_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
