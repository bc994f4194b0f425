/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "frequent.h"
#include "generator.h"
#include "hash.h"

#define KEYS 20000

/* What was counted, exactly, and what fell out of the table. */
struct reference {
    uint64_t truth[KEYS];
    uint64_t fallen;
    uint64_t total;
};

static void take_fallen(void *arg, const struct rnl_count_min_item *items,
                        size_t count)
{
    struct reference *reference = arg;
    for (size_t i = 0; i < count; i++)
        reference->fallen += items[i].weight;
}

static size_t name_of(uint64_t key, char name[32])
{
    return (size_t)snprintf(name, 32, "user-%llu", (unsigned long long)key);
}

static uint64_t hash_of(uint64_t key)
{
    char name[32];
    size_t len = name_of(key, name);
    return rnl_hash(name, len, 7);
}

static void add(struct rnl_frequent *frequent, uint64_t key, uint64_t count)
{
    char name[32];
    size_t len = name_of(key, name);
    const struct rnl_frequent_item item = {.hash = rnl_hash(name, len, 7),
                                           .count = count,
                                           .key = (const uint8_t *)name,
                                           .key_len = (uint32_t)len};
    bool may_purge;
    assert_int_equal(rnl_frequent_reserve(frequent, 1, len, &may_purge),
                     RNL_OK);
    rnl_frequent_add(frequent, &item);
}

/* Events of a Zipf law into a table and into the reference. */
static void feed(struct rnl_frequent *frequent, struct reference *reference,
                 double skew, size_t events)
{
    const struct rnl_generator_options options = {.seed = 3,
                                                  .users = KEYS - 1,
                                                  .skew = skew,
                                                  .value_mean = 1,
                                                  .latency_mean_ms = 1};
    struct rnl_generator generator;
    rnl_generator_init(&generator, &options);
    for (size_t i = 0; i < events; i++) {
        struct rnl_generated event;
        rnl_generator_next(&generator, &event);
        add(frequent, event.user, 1 + i % 3);
        reference->truth[event.user] += 1 + i % 3;
        reference->total += 1 + i % 3;
    }
}

static uint64_t sum_of(const struct rnl_frequent *frequent)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < rnl_frequent_slots(frequent); i++) {
        if (frequent->hashes[i] != 0)
            sum += frequent->entries[i].count;
    }
    return sum;
}

/* lower <= truth <= upper for every key, in the table or not; nothing is lost;
 * the offset is within what the header states. */
static void check(const struct rnl_frequent *frequent,
                  const struct reference *reference)
{
    size_t found = 0;
    for (uint64_t k = 0; k < KEYS; k++) {
        const struct rnl_frequent_entry *entry =
            rnl_frequent_find(frequent, hash_of(k));
        if (entry == NULL) {
            assert_true(reference->truth[k] <= frequent->offset);
            continue;
        }
        char name[32];
        size_t len = name_of(k, name);
        found++;
        assert_int_equal(entry->key_len, len);
        assert_memory_equal(rnl_frequent_key(frequent, entry), name, len);
        assert_true(entry->count <= reference->truth[k]);
        assert_true(reference->truth[k] <= rnl_frequent_upper(frequent, entry));
        assert_true(entry->saved <= entry->count);
        assert_true(entry->saved <= frequent->offset);
    }
    assert_int_equal(found, frequent->entry_count);
    assert_true(found <= frequent->entries_max);
    assert_int_equal(sum_of(frequent) + reference->fallen, reference->total);
}

static struct reference *new_reference(void)
{
    struct reference *reference = calloc(1, sizeof(*reference));
    assert_non_null(reference);
    return reference;
}

static void open_table(struct rnl_frequent *frequent,
                       struct reference *reference, size_t entries_max)
{
    rnl_frequent_init(frequent, entries_max);
    frequent->spill = take_fallen;
    frequent->spill_arg = reference;
}

static void bounds_hold_for_any_skew(void **state)
{
    (void)state;
    const double skews[] = {0, 0.7, 1.1, 1.5};
    for (size_t s = 0; s < 4; s++) {
        struct reference *reference = new_reference();
        struct rnl_frequent frequent;
        open_table(&frequent, reference, 512);
        feed(&frequent, reference, skews[s], 200000);
        check(&frequent, reference);
        assert_true(frequent.offset > 0);
        assert_true(frequent.offset <= reference->total / 150);
        rnl_frequent_fini(&frequent);
        free(reference);
    }
}

static void few_keys_are_exact(void **state)
{
    (void)state;
    struct reference *reference = new_reference();
    struct rnl_frequent frequent;
    open_table(&frequent, reference, KEYS);
    feed(&frequent, reference, 1.1, 100000);
    check(&frequent, reference);
    assert_int_equal(frequent.offset, 0);
    for (uint64_t k = 0; k < KEYS; k++) {
        const struct rnl_frequent_entry *entry =
            rnl_frequent_find(&frequent, hash_of(k));
        assert_int_equal(entry != NULL ? entry->count : 0, reference->truth[k]);
    }
    rnl_frequent_fini(&frequent);
    free(reference);
}

/* The first 100 of Zipf 1.1 are all there, and heavy ones exactly. */
static void heavy_keys_are_found(void **state)
{
    (void)state;
    struct reference *reference = new_reference();
    struct rnl_frequent frequent;
    open_table(&frequent, reference, 1000);
    feed(&frequent, reference, 1.1, 300000);
    for (uint64_t k = 1; k <= 100; k++)
        assert_non_null(rnl_frequent_find(&frequent, hash_of(k)));
    assert_int_equal(rnl_frequent_find(&frequent, hash_of(1))->count,
                     reference->truth[1]);
    rnl_frequent_fini(&frequent);
    free(reference);
}

static void all_keys_equal_and_one_in_a_million(void **state)
{
    (void)state;
    struct reference *reference = new_reference();
    struct rnl_frequent frequent;
    open_table(&frequent, reference, 2);
    for (size_t i = 0; i < 1000000; i++)
        add(&frequent, 1, 1);
    add(&frequent, 2, 1);
    assert_int_equal(rnl_frequent_find(&frequent, hash_of(1))->count, 1000000);
    assert_int_equal(rnl_frequent_find(&frequent, hash_of(2))->count, 1);
    assert_int_equal(frequent.offset, 0);
    rnl_frequent_fini(&frequent);
    free(reference);
}

/* ---- merging ---- */

struct flat {
    uint64_t hash;
    uint64_t count;
    uint64_t saved;
};

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct flat *)a)->hash;
    uint64_t y = ((const struct flat *)b)->hash;
    return (x > y) - (x < y);
}

/* Content in a canonical order. */
static struct flat *flattened(const struct rnl_frequent *frequent)
{
    struct flat *flat = calloc(frequent->entry_count + 1, sizeof(*flat));
    assert_non_null(flat);
    size_t count = 0;
    for (size_t i = 0; i < rnl_frequent_slots(frequent); i++) {
        const struct rnl_frequent_entry *entry = &frequent->entries[i];
        if (frequent->hashes[i] == 0)
            continue;
        flat[count].hash = frequent->hashes[i];
        flat[count].count = entry->count;
        flat[count++].saved = entry->saved;
    }
    assert_int_equal(count, frequent->entry_count);
    qsort(flat, count, sizeof(*flat), by_hash);
    return flat;
}

static void assert_same(const struct rnl_frequent *a,
                        const struct rnl_frequent *b)
{
    assert_int_equal(a->entry_count, b->entry_count);
    assert_int_equal(a->offset, b->offset);
    struct flat *x = flattened(a);
    struct flat *y = flattened(b);
    assert_memory_equal(x, y, a->entry_count * sizeof(*x));
    free(x);
    free(y);
}

#define SHARDS 5

static void make_shards(struct rnl_frequent shards[SHARDS],
                        struct reference *reference)
{
    for (size_t s = 0; s < SHARDS; s++)
        open_table(&shards[s], reference, 300);
    for (size_t i = 0; i < 150000; i++) {
        uint64_t key = (i * i) % 7919 % (1 + i % 4000);
        add(&shards[i % SHARDS], key, 1);
        reference->truth[key]++;
        reference->total++;
    }
}

/* Merges the shards in the order given, and trims. */
static void merge_in_order(struct rnl_frequent *sum,
                           const struct rnl_frequent shards[SHARDS],
                           const size_t order[SHARDS],
                           struct reference *reference)
{
    open_table(sum, reference, RNL_FREQUENT_UNLIMITED);
    for (size_t i = 0; i < SHARDS; i++)
        assert_int_equal(rnl_frequent_merge(sum, &shards[order[i]]), RNL_OK);
    assert_int_equal(rnl_frequent_trim(sum, 300), RNL_OK);
}

static bool next_order(size_t order[SHARDS])
{
    size_t i = SHARDS - 1;
    while (i > 0 && order[i - 1] > order[i])
        i--;
    if (i == 0)
        return false;
    size_t j = SHARDS - 1;
    while (order[j] < order[i - 1])
        j--;
    size_t swap = order[i - 1];
    order[i - 1] = order[j];
    order[j] = swap;
    for (size_t a = i, b = SHARDS - 1; a < b; a++, b--) {
        swap = order[a];
        order[a] = order[b];
        order[b] = swap;
    }
    return true;
}

static void every_order_of_merging_gives_the_same(void **state)
{
    (void)state;
    struct reference *reference = new_reference();
    struct rnl_frequent shards[SHARDS];
    make_shards(shards, reference);
    uint64_t fallen = reference->fallen;
    size_t order[SHARDS] = {0, 1, 2, 3, 4};
    struct rnl_frequent first;
    merge_in_order(&first, shards, order, reference);
    check(&first, reference);
    size_t orders = 1;
    while (next_order(order)) {
        struct rnl_frequent sum;
        reference->fallen = fallen;
        merge_in_order(&sum, shards, order, reference);
        assert_same(&sum, &first);
        check(&sum, reference);
        rnl_frequent_fini(&sum);
        orders++;
    }
    assert_int_equal(orders, 120);
    rnl_frequent_fini(&first);
    for (size_t s = 0; s < SHARDS; s++)
        rnl_frequent_fini(&shards[s]);
    free(reference);
}

/* Merging into a table that overflows keeps the bounds, too. */
static void merging_into_a_small_table_keeps_bounds(void **state)
{
    (void)state;
    struct reference *reference = new_reference();
    struct rnl_frequent shards[SHARDS];
    make_shards(shards, reference);
    struct rnl_frequent sum;
    open_table(&sum, reference, 310);
    for (size_t s = 0; s < SHARDS; s++)
        assert_int_equal(rnl_frequent_merge(&sum, &shards[s]), RNL_OK);
    check(&sum, reference);
    rnl_frequent_fini(&sum);
    for (size_t s = 0; s < SHARDS; s++)
        rnl_frequent_fini(&shards[s]);
    free(reference);
}

static void trimming_keeps_the_heaviest(void **state)
{
    (void)state;
    struct reference *reference = new_reference();
    struct rnl_frequent frequent;
    open_table(&frequent, reference, 4000);
    for (uint64_t k = 1; k <= 3000; k++) {
        add(&frequent, k, k);
        reference->truth[k] += k;
        reference->total += k;
    }
    size_t before = rnl_frequent_size(&frequent);
    assert_int_equal(rnl_frequent_trim(&frequent, 100), RNL_OK);
    assert_true(rnl_frequent_size(&frequent) < before / 10);
    assert_int_equal(frequent.entry_count, 100);
    assert_int_equal(frequent.offset, 2900);
    for (uint64_t k = 2901; k <= 3000; k++) {
        const struct rnl_frequent_entry *entry =
            rnl_frequent_find(&frequent, hash_of(k));
        assert_non_null(entry);
        assert_int_equal(entry->count, k);
        assert_int_equal(rnl_frequent_upper(&frequent, entry), k);
    }
    check(&frequent, reference);
    rnl_frequent_fini(&frequent);
    free(reference);
}

static void equal_counters_are_trimmed_by_hash(void **state)
{
    (void)state;
    struct rnl_frequent up;
    struct rnl_frequent down;
    rnl_frequent_init(&up, 1000);
    rnl_frequent_init(&down, 1000);
    for (uint64_t k = 0; k < 600; k++) {
        add(&up, k, 1);
        add(&down, 599 - k, 1);
    }
    assert_int_equal(rnl_frequent_trim(&up, 77), RNL_OK);
    assert_int_equal(rnl_frequent_trim(&down, 77), RNL_OK);
    assert_int_equal(up.entry_count, 77);
    assert_same(&up, &down);
    rnl_frequent_fini(&up);
    rnl_frequent_fini(&down);
}

/* The batch finds what single look-ups find, displaced keys too, and names the
 * others, each once. */
static void a_batch_bumps_what_is_there(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    struct rnl_frequent frequent;
    rnl_frequent_init(&frequent, COUNT);
    static uint64_t hashes[COUNT];
    static uint32_t weights[COUNT];
    static uint32_t missing[COUNT];
    static bool named[COUNT];
    for (uint64_t k = 0; k < COUNT; k++) {
        hashes[k] = hash_of(k);
        weights[k] = (uint32_t)k + 1;
    }
    assert_int_equal(
        rnl_frequent_bump_batch(&frequent, hashes, weights, COUNT, missing),
        COUNT);
    for (uint64_t k = 0; k < COUNT; k += 2)
        add(&frequent, k, 5);
    size_t count =
        rnl_frequent_bump_batch(&frequent, hashes, weights, COUNT, missing);
    assert_int_equal(count, COUNT / 2);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(missing[i] % 2, 1);
        assert_false(named[missing[i]]);
        named[missing[i]] = true;
    }
    for (uint64_t k = 0; k < COUNT; k += 2)
        assert_int_equal(rnl_frequent_find(&frequent, hash_of(k))->count,
                         k + 6);
    assert_false(rnl_frequent_bump(&frequent, hash_of(1), 1));
    assert_true(rnl_frequent_bump(&frequent, hash_of(2), 1));
    assert_int_equal(rnl_frequent_find(&frequent, hash_of(2))->count, 9);
    rnl_frequent_fini(&frequent);
}

/* ---- corners ---- */

/* Hashes that want the same slot at the end of the table: the run ends at the
 * last slot, and what has no place is handed out, not lost. */
static void hashes_that_crowd_lose_nothing(void **state)
{
    (void)state;
    struct reference *reference = new_reference();
    struct rnl_frequent frequent;
    open_table(&frequent, reference, 10000);
    bool may_purge;
    assert_int_equal(rnl_frequent_reserve(&frequent, 500, 500, &may_purge),
                     RNL_OK);
    for (uint64_t i = 0; i < 500; i++) {
        const struct rnl_frequent_item item = {.hash = UINT64_MAX - i,
                                               .count = 2,
                                               .key = (const uint8_t *)"k",
                                               .key_len = 1};
        rnl_frequent_add(&frequent, &item);
    }
    assert_true(frequent.entry_count < 500);
    assert_int_equal(sum_of(&frequent) + reference->fallen, 1000);
    assert_true(frequent.offset >= 2);
    rnl_frequent_fini(&frequent);
    free(reference);
}

static void a_hash_of_zero_counts(void **state)
{
    (void)state;
    struct rnl_frequent frequent;
    rnl_frequent_init(&frequent, 10);
    bool may_purge;
    assert_int_equal(rnl_frequent_reserve(&frequent, 1, 1, &may_purge), RNL_OK);
    const struct rnl_frequent_item item = {
        .hash = 0, .count = 3, .key = (const uint8_t *)"z", .key_len = 1};
    rnl_frequent_add(&frequent, &item);
    rnl_frequent_add(&frequent, &item);
    assert_int_equal(rnl_frequent_find(&frequent, 0)->count, 6);
    rnl_frequent_fini(&frequent);
}

static void keys_of_any_length_are_kept(void **state)
{
    (void)state;
    struct rnl_frequent frequent;
    rnl_frequent_init(&frequent, 64);
    uint8_t key[RNL_FREQUENT_KEY_MAX];
    for (size_t round = 0; round < 40; round++) {
        for (size_t len = 1; len <= RNL_FREQUENT_KEY_MAX; len++) {
            bool may_purge;
            memset(key, (int)len, len);
            const struct rnl_frequent_item item = {.hash =
                                                       rnl_hash(key, len, 1),
                                                   .count = len,
                                                   .key = key,
                                                   .key_len = (uint32_t)len};
            assert_int_equal(
                rnl_frequent_reserve(&frequent, 1, len, &may_purge), RNL_OK);
            rnl_frequent_add(&frequent, &item);
        }
    }
    size_t found = 0;
    for (size_t i = 0; i < rnl_frequent_slots(&frequent); i++) {
        const struct rnl_frequent_entry *entry = &frequent.entries[i];
        if (frequent.hashes[i] == 0)
            continue;
        found++;
        memset(key, (int)entry->key_len, entry->key_len);
        assert_memory_equal(rnl_frequent_key(&frequent, entry), key,
                            entry->key_len);
        assert_int_equal(rnl_hash(key, entry->key_len, 1), frequent.hashes[i]);
    }
    assert_int_equal(found, frequent.entry_count);
    rnl_frequent_fini(&frequent);
}

static void an_empty_table_answers(void **state)
{
    (void)state;
    struct rnl_frequent frequent;
    struct rnl_frequent other;
    rnl_frequent_init(&frequent, 10);
    rnl_frequent_init(&other, 10);
    assert_null(rnl_frequent_find(&frequent, 5));
    assert_int_equal(rnl_frequent_merge(&frequent, &other), RNL_OK);
    assert_int_equal(rnl_frequent_trim(&frequent, 5), RNL_OK);
    rnl_frequent_reset(&frequent);
    add(&frequent, 1, 1);
    rnl_frequent_reset(&frequent);
    assert_null(rnl_frequent_find(&frequent, hash_of(1)));
    assert_int_equal(frequent.entry_count, 0);
    rnl_frequent_fini(&frequent);
    rnl_frequent_fini(&other);
}

/* ---- bytes ---- */

static uint8_t *bytes_of(const struct rnl_frequent *frequent, size_t *ret_len)
{
    *ret_len = rnl_frequent_serialized_len(frequent);
    uint8_t *bytes = malloc(*ret_len);
    assert_non_null(bytes);
    assert_int_equal(rnl_frequent_serialize(frequent, bytes), RNL_OK);
    return bytes;
}

/* What is read counts on like the one that was written; five shards in all
 * orders give equal bytes. */
static void what_is_written_is_read(void **state)
{
    (void)state;
    struct reference *reference = new_reference();
    struct rnl_frequent shards[SHARDS];
    make_shards(shards, reference);
    size_t order[SHARDS] = {0, 1, 2, 3, 4};
    uint8_t *first = NULL;
    size_t first_len = 0;
    do {
        struct rnl_frequent sum;
        struct rnl_frequent read;
        size_t len;
        merge_in_order(&sum, shards, order, reference);
        uint8_t *bytes = bytes_of(&sum, &len);
        if (first == NULL) {
            first = bytes;
            first_len = len;
            rnl_frequent_init(&read, 7);
            assert_int_equal(rnl_frequent_deserialize(&read, bytes, len),
                             RNL_OK);
            assert_same(&read, &sum);
            assert_int_equal(read.entries_max, sum.entries_max);
            add(&read, 3, 9);
            add(&sum, 3, 9);
            assert_same(&read, &sum);
            rnl_frequent_fini(&read);
        } else {
            assert_int_equal(len, first_len);
            assert_memory_equal(bytes, first, len);
            free(bytes);
        }
        rnl_frequent_fini(&sum);
    } while (next_order(order));
    free(first);
    for (size_t s = 0; s < SHARDS; s++)
        rnl_frequent_fini(&shards[s]);
    free(reference);
}

static void cut_or_flipped_bytes_are_refused(void **state)
{
    (void)state;
    struct rnl_frequent frequent;
    struct rnl_frequent read;
    rnl_frequent_init(&frequent, 20);
    rnl_frequent_init(&read, 20);
    for (uint64_t k = 0; k < 30; k++)
        add(&frequent, k, k + 1);
    add(&read, 1, 77);
    size_t len;
    uint8_t *bytes = bytes_of(&frequent, &len);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *part = malloc(cut + 1);
        assert_non_null(part);
        memcpy(part, bytes, cut);
        assert_int_equal(rnl_frequent_deserialize(&read, part, cut),
                         RNL_INVALID_ARGUMENT);
        free(part);
    }
    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(rnl_frequent_deserialize(&read, bytes, len),
                             RNL_OK);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t k = 1; k <= 2; k++) {
        fault_at(k, false);
        assert_int_equal(rnl_frequent_deserialize(&read, bytes, len),
                         RNL_RESOURCE_EXHAUSTED);
        fault_stop();
    }
    /* It is as before. */
    assert_int_equal(rnl_frequent_find(&read, hash_of(1))->count, 77);
    assert_int_equal(read.entry_count, 1);
    /* Whole, but with more saved than was ever lost, as a forger would. */
    for (size_t i = 0; i < rnl_frequent_slots(&frequent); i++)
        frequent.entries[i].saved = frequent.offset + 1;
    assert_int_equal(rnl_frequent_serialized_len(&frequent), len);
    assert_int_equal(rnl_frequent_serialize(&frequent, bytes), RNL_OK);
    assert_int_equal(rnl_frequent_deserialize(&read, bytes, len),
                     RNL_INVALID_ARGUMENT);
    free(bytes);
    rnl_frequent_fini(&frequent);
    rnl_frequent_fini(&read);
}

/* ---- want of memory ---- */

static enum rnl_code scenario(struct rnl_frequent *frequent,
                              const struct rnl_frequent *other)
{
    bool may_purge;
    enum rnl_code code = rnl_frequent_reserve(frequent, 100, 2000, &may_purge);
    if (code == RNL_OK)
        code = rnl_frequent_merge(frequent, other);
    if (code == RNL_OK)
        code = rnl_frequent_trim(frequent, 50);
    return code;
}

static void every_failed_allocation_is_an_error(void **state)
{
    (void)state;
    struct rnl_frequent other;
    rnl_frequent_init(&other, 1000);
    for (uint64_t k = 0; k < 700; k++)
        add(&other, k, 1 + k % 5);
    for (size_t k = 1;; k++) {
        struct rnl_frequent frequent;
        rnl_frequent_init(&frequent, 200);
        for (uint64_t n = 0; n < 30; n++)
            add(&frequent, n, 1);
        fault_at(k, false);
        enum rnl_code code = scenario(&frequent, &other);
        bool over = fault_stop() < k;
        assert_int_equal(code, over ? RNL_OK : RNL_RESOURCE_EXHAUSTED);
        for (uint64_t n = 0; n < 30 && !over; n++)
            assert_non_null(rnl_frequent_find(&frequent, hash_of(n)) != NULL ||
                                    frequent.offset > 0
                                ? &frequent
                                : NULL);
        rnl_frequent_fini(&frequent);
        if (over)
            break;
        assert_true(k < 100);
    }
    rnl_frequent_fini(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_hold_for_any_skew),
        cmocka_unit_test(few_keys_are_exact),
        cmocka_unit_test(heavy_keys_are_found),
        cmocka_unit_test(all_keys_equal_and_one_in_a_million),
        cmocka_unit_test(every_order_of_merging_gives_the_same),
        cmocka_unit_test(merging_into_a_small_table_keeps_bounds),
        cmocka_unit_test(trimming_keeps_the_heaviest),
        cmocka_unit_test(equal_counters_are_trimmed_by_hash),
        cmocka_unit_test(a_batch_bumps_what_is_there),
        cmocka_unit_test(hashes_that_crowd_lose_nothing),
        cmocka_unit_test(a_hash_of_zero_counts),
        cmocka_unit_test(keys_of_any_length_are_kept),
        cmocka_unit_test(an_empty_table_answers),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(cut_or_flipped_bytes_are_refused),
        cmocka_unit_test(every_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
