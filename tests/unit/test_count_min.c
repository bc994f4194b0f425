/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "count_min.h"
#include "fault.h"
#include "hash.h"

static uint64_t hash_of(uint64_t key)
{
    return rnl_hash(&key, sizeof(key), 42);
}

static struct rnl_count_min *made(uint32_t width_log2)
{
    struct rnl_count_min *sketch = NULL;
    assert_int_equal(rnl_count_min_create(width_log2, &sketch), RNL_OK);
    return sketch;
}

/* Key k occurs 1 + 5000 / (k + 1) times: a few heavy ones and a long tail. */
static uint64_t weight_of(uint64_t key)
{
    return 1 + 5000 / (key + 1);
}

static void fill(struct rnl_count_min *sketch, uint64_t first, uint64_t end)
{
    for (uint64_t k = first; k < end; k++)
        rnl_count_min_update(sketch, hash_of(k), weight_of(k));
}

/* The share of 20,000 keys beyond the bound is at most what is stated, by far
 * in practice. */
static void estimates_keep_their_bounds(void **state)
{
    (void)state;
    struct rnl_count_min *sketch = made(10);
    fill(sketch, 0, 20000);
    size_t beyond = 0;
    for (uint64_t k = 0; k < 20000; k++) {
        uint64_t estimate = rnl_count_min_estimate(sketch, hash_of(k));
        assert_true(estimate >= weight_of(k));
        beyond +=
            (double)(estimate - weight_of(k)) > rnl_count_min_error(sketch);
    }
    assert_true((double)beyond <= 20000 * (1 - RNL_COUNT_MIN_CONFIDENCE));
    assert_true(rnl_count_min_error(sketch) > 0);
    rnl_count_min_destroy(sketch);
}

static void few_keys_are_exact(void **state)
{
    (void)state;
    struct rnl_count_min *sketch = made(14);
    fill(sketch, 0, 50);
    for (uint64_t k = 0; k < 50; k++)
        assert_int_equal(rnl_count_min_estimate(sketch, hash_of(k)),
                         weight_of(k));
    assert_int_equal(rnl_count_min_estimate(sketch, hash_of(999)), 0);
    rnl_count_min_destroy(sketch);
}

static void assert_same(const struct rnl_count_min *a,
                        const struct rnl_count_min *b)
{
    assert_int_equal(a->width_log2, b->width_log2);
    assert_memory_equal(a, b, rnl_count_min_size(a->width_log2));
}

static void parts_merge_to_the_whole(void **state)
{
    (void)state;
    struct rnl_count_min *whole = made(8);
    struct rnl_count_min *left = made(8);
    struct rnl_count_min *right = made(8);
    fill(whole, 0, 3000);
    fill(left, 0, 1000);
    fill(right, 1000, 3000);
    rnl_count_min_merge(left, right);
    assert_same(left, whole);
    rnl_count_min_destroy(whole);
    rnl_count_min_destroy(left);
    rnl_count_min_destroy(right);
}

/* Folding, and merging a wider table, give what a narrow one would have. */
static void wide_tables_fold_into_narrow_ones(void **state)
{
    (void)state;
    struct rnl_count_min *narrow = made(7);
    struct rnl_count_min *wide = made(12);
    struct rnl_count_min *sum = made(7);
    fill(narrow, 0, 3000);
    fill(wide, 0, 3000);
    rnl_count_min_merge(sum, wide);
    assert_same(sum, narrow);
    rnl_count_min_fold(&wide, 7);
    assert_same(wide, narrow);
    rnl_count_min_fold(&wide, 9);
    assert_int_equal(wide->width_log2, 7);
    rnl_count_min_destroy(narrow);
    rnl_count_min_destroy(wide);
    rnl_count_min_destroy(sum);
}

static void batches_are_the_same_as_single_updates(void **state)
{
    (void)state;
    struct rnl_count_min *one = made(9);
    struct rnl_count_min *many = made(9);
    struct rnl_count_min_item items[137];
    for (uint64_t k = 0; k < 137; k++) {
        items[k].hash = hash_of(k);
        items[k].weight = weight_of(k) << 20;
    }
    for (size_t i = 0; i < 137; i++)
        rnl_count_min_update(one, items[i].hash, items[i].weight);
    rnl_count_min_update_batch(many, items, 137);
    rnl_count_min_update_batch(many, items, 0);
    assert_same(one, many);
    rnl_count_min_destroy(one);
    rnl_count_min_destroy(many);
}

/* Items that stay within the limit count, the others do not and are named with
 * what was known of them; one after the other, so that the third of a key sees
 * the first two. */
static void items_above_a_limit_are_named(void **state)
{
    (void)state;
    struct rnl_count_min *sketch = made(10);
    const struct rnl_count_min_item items[] = {
        {hash_of(1), 4}, {hash_of(2), 11}, {hash_of(1), 6},
        {hash_of(1), 1}, {hash_of(3), 10},
    };
    uint32_t above[5];
    uint64_t estimates[5];
    assert_int_equal(
        rnl_count_min_update_below(sketch, 10, items, 5, above, estimates), 2);
    assert_int_equal(above[0], 1);
    assert_int_equal(estimates[0], 0);
    assert_int_equal(above[1], 3);
    assert_int_equal(estimates[1], 10);
    assert_int_equal(rnl_count_min_estimate(sketch, hash_of(1)), 10);
    assert_int_equal(rnl_count_min_estimate(sketch, hash_of(2)), 0);
    assert_int_equal(rnl_count_min_estimate(sketch, hash_of(3)), 10);
    assert_int_equal(sketch->total, 20);
    rnl_count_min_destroy(sketch);
}

/* What a counter at its end stands for may be above a limit that is above it:
 * to add there would hide how much more came. */
static void items_of_full_counters_are_above_any_limit(void **state)
{
    (void)state;
    struct rnl_count_min *sketch = made(10);
    const uint64_t limit = UINT64_C(1) << 40;
    const struct rnl_count_min_item items[] = {
        {hash_of(1), RNL_COUNT_MIN_SATURATED},
        {hash_of(1), 1},
        {hash_of(2), 1}};
    uint32_t above[3];
    uint64_t estimates[3];
    assert_int_equal(
        rnl_count_min_update_below(sketch, limit, items, 3, above, estimates),
        1);
    assert_int_equal(above[0], 1);
    assert_true(estimates[0] == limit);
    assert_int_equal(sketch->total, (uint64_t)RNL_COUNT_MIN_SATURATED + 1);
    rnl_count_min_destroy(sketch);
}

/* At its end a counter stays there, and says so by its value. */
static void full_counters_saturate(void **state)
{
    (void)state;
    struct rnl_count_min *sketch = made(6);
    rnl_count_min_update(sketch, hash_of(1), UINT32_MAX - 1);
    assert_int_equal(rnl_count_min_estimate(sketch, hash_of(1)),
                     UINT32_MAX - 1);
    assert_int_equal(sketch->saturated_count, 0);
    rnl_count_min_update(sketch, hash_of(1), 1);
    assert_int_equal(rnl_count_min_estimate(sketch, hash_of(1)),
                     RNL_COUNT_MIN_SATURATED);
    assert_int_equal(sketch->saturated_count, 4);
    rnl_count_min_update(sketch, hash_of(1), UINT64_C(1) << 60);
    assert_int_equal(rnl_count_min_estimate(sketch, hash_of(1)),
                     RNL_COUNT_MIN_SATURATED);
    assert_int_equal(sketch->saturated_count, 4);

    struct rnl_count_min *other = made(8);
    rnl_count_min_update(other, hash_of(1), 5);
    rnl_count_min_merge(sketch, other);
    assert_int_equal(rnl_count_min_estimate(sketch, hash_of(1)),
                     RNL_COUNT_MIN_SATURATED);
    rnl_count_min_reset(sketch);
    assert_int_equal(rnl_count_min_estimate(sketch, hash_of(1)), 0);
    assert_int_equal(sketch->saturated_count, 0);
    assert_int_equal(sketch->total, 0);
    rnl_count_min_destroy(sketch);
    rnl_count_min_destroy(other);
}

/* ---- bytes ---- */

static uint8_t *bytes_of(const struct rnl_count_min *sketch, size_t *ret_len)
{
    *ret_len = rnl_count_min_serialized_len(sketch);
    uint8_t *bytes = malloc(*ret_len);
    assert_non_null(bytes);
    rnl_count_min_serialize(sketch, bytes);
    return bytes;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    for (uint32_t width_log2 = 6; width_log2 <= 12; width_log2 += 3) {
        struct rnl_count_min *sketch = made(width_log2);
        struct rnl_count_min *read = NULL;
        fill(sketch, 0, 2000);
        rnl_count_min_update(sketch, hash_of(7), UINT64_C(1) << 40);
        size_t len;
        uint8_t *bytes = bytes_of(sketch, &len);
        assert_int_equal(rnl_count_min_deserialize(bytes, len, &read), RNL_OK);
        assert_same(read, sketch);
        rnl_count_min_destroy(read);
        rnl_count_min_destroy(sketch);
        free(bytes);
    }
}

static void cut_or_flipped_bytes_are_refused(void **state)
{
    (void)state;
    struct rnl_count_min *sketch = made(6);
    struct rnl_count_min *read = NULL;
    fill(sketch, 0, 300);
    size_t len;
    uint8_t *bytes = bytes_of(sketch, &len);
    for (size_t cut = 0; cut < len; cut++) {
        /* A block of its own, so that a read beyond its end is seen. */
        uint8_t *part = malloc(cut + 1);
        assert_non_null(part);
        memcpy(part, bytes, cut);
        assert_int_equal(rnl_count_min_deserialize(part, cut, &read),
                         RNL_INVALID_ARGUMENT);
        free(part);
    }
    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(rnl_count_min_deserialize(bytes, len, &read),
                             RNL_OK);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    fault_at(1, false);
    assert_int_equal(rnl_count_min_deserialize(bytes, len, &read),
                     RNL_RESOURCE_EXHAUSTED);
    fault_stop();
    /* Whole, but rows that do not add up, as a forger would have it. */
    sketch->counters[5]++;
    rnl_count_min_serialize(sketch, bytes);
    assert_int_equal(rnl_count_min_deserialize(bytes, len, &read),
                     RNL_INVALID_ARGUMENT);
    assert_null(read);
    free(bytes);
    rnl_count_min_destroy(sketch);
}

static void want_of_memory_is_an_error(void **state)
{
    (void)state;
    struct rnl_count_min *sketch = NULL;
    fault_at(1, false);
    assert_int_equal(rnl_count_min_create(10, &sketch), RNL_RESOURCE_EXHAUSTED);
    fault_stop();
    assert_null(sketch);
    sketch = made(10);
    fill(sketch, 0, 100);
    fault_at(1, true);
    rnl_count_min_fold(&sketch, 6);
    fault_stop();
    assert_int_equal(sketch->width_log2, 6);
    rnl_count_min_destroy(sketch);
    rnl_count_min_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimates_keep_their_bounds),
        cmocka_unit_test(few_keys_are_exact),
        cmocka_unit_test(parts_merge_to_the_whole),
        cmocka_unit_test(wide_tables_fold_into_narrow_ones),
        cmocka_unit_test(batches_are_the_same_as_single_updates),
        cmocka_unit_test(items_above_a_limit_are_named),
        cmocka_unit_test(items_of_full_counters_are_above_any_limit),
        cmocka_unit_test(full_counters_saturate),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(cut_or_flipped_bytes_are_refused),
        cmocka_unit_test(want_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
