/* SPDX-License-Identifier: Apache-2.0 */
/* Frequent items in the format of Apache DataSketches: what is written is read
 * back with the same bounds, the bytes are those of its own library, and
 * damaged ones are refused. tests/interop has the library itself. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "fault.h"
#include "frequent_datasketches.h"
#include "hash.h"

#define SEED 7

#define HEAD_LEN 32

/* Weight, length of the key, and a byte of it. */
#define ITEM_LEN_MIN 13

static void add(struct rnl_frequent *frequent, const char *key, uint64_t count)
{
    bool may_purge;
    struct rnl_frequent_item item = {
        .hash = rnl_hash(key, strlen(key), SEED),
        .count = count,
        .key = (const uint8_t *)key,
        .key_len = (uint32_t)strlen(key),
    };
    assert_int_equal(
        rnl_frequent_reserve(frequent, 1, item.key_len, &may_purge), RNL_OK);
    rnl_frequent_add(frequent, &item);
}

static uint8_t *write(const struct rnl_frequent *frequent, uint64_t total,
                      size_t *ret_len)
{
    *ret_len = rnl_frequent_datasketches_len(frequent);
    uint8_t *bytes = malloc(*ret_len);
    assert_non_null(bytes);
    assert_int_equal(rnl_frequent_datasketches_write(frequent, total, bytes),
                     RNL_OK);
    return bytes;
}

/* a 1 + 4, bb 2, ccc 3: as version 5.2 of its C++ library writes it, but for
 * the order of items, which is that of a hash table there. */
static void the_bytes_are_those_of_datasketches(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        4, 1, 10, 6,   3, 0, 0, 0, 3,   0,   0,   0, 0, 0, 0, 0,   10,  0, 0,
        0, 0, 0,  0,   0, 0, 0, 0, 0,   0,   0,   0, 0, 5, 0, 0,   0,   0, 0,
        0, 0, 3,  0,   0, 0, 0, 0, 0,   0,   2,   0, 0, 0, 0, 0,   0,   0, 1,
        0, 0, 0,  'a', 3, 0, 0, 0, 'c', 'c', 'c', 2, 0, 0, 0, 'b', 'b',
    };
    struct rnl_frequent frequent;
    size_t len;
    rnl_frequent_init(&frequent, 48);
    add(&frequent, "a", 1);
    add(&frequent, "bb", 2);
    add(&frequent, "ccc", 3);
    add(&frequent, "a", 4);
    uint8_t *bytes = write(&frequent, 10, &len);
    assert_int_equal(len, sizeof(expected));
    assert_memory_equal(bytes, expected, len);
    free(bytes);
    rnl_frequent_fini(&frequent);
}

static void an_empty_table_is_eight_bytes(void **state)
{
    (void)state;
    struct rnl_frequent frequent;
    uint64_t total = 1;
    size_t len;
    rnl_frequent_init(&frequent, 48);
    uint8_t *bytes = write(&frequent, 0, &len);
    assert_int_equal(len, 8);
    assert_int_equal(
        rnl_frequent_datasketches_read(&frequent, SEED, bytes, len, &total),
        RNL_OK);
    assert_int_equal(total, 0);
    assert_int_equal(frequent.entry_count, 0);
    free(bytes);
    rnl_frequent_fini(&frequent);
}

/* A table that was purged many times. */
static void fill(struct rnl_frequent *frequent, size_t entries_max,
                 uint64_t *ret_total)
{
    rnl_frequent_init(frequent, entries_max);
    *ret_total = 0;
    for (int i = 1; i <= 5000; i++) {
        char key[16];
        uint64_t weight = (uint64_t)(10000 / i);
        snprintf(key, sizeof(key), "key-%d", i);
        add(frequent, key, weight);
        *ret_total += weight;
    }
}

static void the_upper_bounds_survive(void **state)
{
    (void)state;
    struct rnl_frequent frequent;
    struct rnl_frequent read;
    uint64_t total;
    uint64_t total_read;
    size_t len;
    fill(&frequent, 64, &total);
    assert_true(frequent.offset > 0);
    uint8_t *bytes = write(&frequent, total, &len);
    rnl_frequent_init(&read, 2);
    assert_int_equal(
        rnl_frequent_datasketches_read(&read, SEED, bytes, len, &total_read),
        RNL_OK);
    assert_true(total_read == total);
    assert_true(read.offset == frequent.offset);
    size_t slots = rnl_frequent_slots(&frequent);
    size_t same = 0;
    for (size_t i = 0; i < slots; i++) {
        const struct rnl_frequent_entry *entry = &frequent.entries[i];
        if (frequent.hashes[i] == 0 || entry->count <= entry->saved)
            continue;
        const struct rnl_frequent_entry *other =
            rnl_frequent_find(&read, frequent.hashes[i]);
        assert_non_null(other);
        assert_true(rnl_frequent_upper(&read, other) ==
                    rnl_frequent_upper(&frequent, entry));
        assert_true(other->count <= entry->count);
        same++;
    }
    assert_int_equal(read.entry_count, same);
    /* And again the same bytes, but for the size of the table. */
    size_t len_again;
    uint8_t *again = write(&read, total, &len_again);
    assert_int_equal(len_again, len);
    assert_memory_equal(again + 5, bytes + 5, len - 5);
    free(again);
    free(bytes);
    rnl_frequent_fini(&read);
    rnl_frequent_fini(&frequent);
}

/* Whatever is read does no harm, and what is refused changes nothing. */
static void damaged_bytes_are_refused_or_harmless(void **state)
{
    (void)state;
    struct rnl_frequent frequent;
    struct rnl_frequent read;
    uint64_t total;
    size_t len;
    fill(&frequent, 32, &total);
    uint8_t *bytes = write(&frequent, total, &len);
    rnl_frequent_init(&read, 48);
    add(&read, "kept", 5);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *part = malloc(cut + 1);
        assert_non_null(part);
        memcpy(part, bytes, cut);
        enum rnl_code code =
            rnl_frequent_datasketches_read(&read, SEED, part, cut, &total);
        assert_int_equal(code, RNL_INVALID_ARGUMENT);
        free(part);
    }
    assert_int_equal(read.entry_count, 1);
    for (size_t i = 0; i < len * 8; i++) {
        struct rnl_frequent other;
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        rnl_frequent_init(&other, 48);
        (void)!rnl_frequent_datasketches_read(&other, SEED, bytes, len, &total);
        rnl_frequent_fini(&other);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    free(bytes);
    rnl_frequent_fini(&read);
    rnl_frequent_fini(&frequent);
}

/* A number of items that the bytes cannot have, even by a few. */
static void a_claim_of_more_items_than_fit_is_refused(void **state)
{
    (void)state;
    static const uint8_t head[HEAD_LEN] = {4, 1, 10, 6, 3};
    for (uint8_t claim = 1; claim < 16; claim++) {
        for (size_t len = HEAD_LEN;
             len < HEAD_LEN + (size_t)claim * ITEM_LEN_MIN; len++) {
            struct rnl_frequent read;
            uint64_t total;
            uint8_t *bytes = calloc(1, len);
            assert_non_null(bytes);
            memcpy(bytes, head, HEAD_LEN);
            memset(bytes + HEAD_LEN, 1, len - HEAD_LEN);
            bytes[8] = claim;
            rnl_frequent_init(&read, 48);
            assert_int_equal(
                rnl_frequent_datasketches_read(&read, SEED, bytes, len, &total),
                RNL_INVALID_ARGUMENT);
            free(bytes);
            rnl_frequent_fini(&read);
        }
    }
}

static void without_memory_nothing_changes(void **state)
{
    (void)state;
    struct rnl_frequent frequent;
    uint64_t total;
    size_t len;
    fill(&frequent, 32, &total);
    uint8_t *bytes = write(&frequent, total, &len);
    for (size_t k = 1;; k++) {
        struct rnl_frequent read;
        rnl_frequent_init(&read, 48);
        add(&read, "kept", 5);
        fault_at(k, true);
        enum rnl_code code =
            rnl_frequent_datasketches_read(&read, SEED, bytes, len, &total);
        fault_stop();
        if (code == RNL_RESOURCE_EXHAUSTED)
            assert_int_equal(read.entry_count, 1);
        rnl_frequent_fini(&read);
        if (code == RNL_OK)
            break;
        assert_true(k < 20);
    }
    fault_at(1, true);
    assert_int_equal(rnl_frequent_datasketches_write(&frequent, total, bytes),
                     RNL_RESOURCE_EXHAUSTED);
    fault_stop();
    free(bytes);
    rnl_frequent_fini(&frequent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_those_of_datasketches),
        cmocka_unit_test(an_empty_table_is_eight_bytes),
        cmocka_unit_test(the_upper_bounds_survive),
        cmocka_unit_test(damaged_bytes_are_refused_or_harmless),
        cmocka_unit_test(a_claim_of_more_items_than_fit_is_refused),
        cmocka_unit_test(without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
