/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include "columns.h"

static struct rnl_columns columns;

static bool add(const char *key, double value)
{
    struct rnl_column_event event = {
        .key = key,
        .key_len = strlen(key),
        .value = value,
        .latency_ms = value / 2,
        .time_ms = (int64_t)value,
    };
    return rnl_columns_add(&columns, &event);
}

static void events_come_out_with_their_keys(void **state)
{
    (void)state;
    rnl_columns_reset(&columns);
    char key[32];
    for (int i = 0; i < RNL_COLUMNS_MAX; i++) {
        snprintf(key, sizeof(key), "key-%d", i * 7 % 100);
        assert_true(add(key, i));
    }
    assert_false(add("one more", 0));
    assert_int_equal(columns.count, RNL_COLUMNS_MAX);
    assert_int_equal(columns.key_count, 100);
    for (int i = 0; i < RNL_COLUMNS_MAX; i++) {
        int len = snprintf(key, sizeof(key), "key-%d", i * 7 % 100);
        uint32_t index = columns.key_indexes[i];
        assert_int_equal(columns.key_lengths[index], len);
        assert_memory_equal(columns.keys + columns.key_offsets[index], key,
                            (size_t)len);
        assert_true(columns.values[i] == i);
        assert_true(columns.latencies_ms[i] == (float)i / 2);
        assert_int_equal(columns.times_ms[i], i);
    }
}

static void long_keys_fill_it_before_their_number_does(void **state)
{
    (void)state;
    rnl_columns_reset(&columns);
    char key[257];
    memset(key, 'k', sizeof(key));
    key[256] = '\0';
    size_t count = 0;
    for (;; count++) {
        snprintf(key, 8, "%07zu", count);
        key[7] = 'k';
        if (!add(key, 1))
            break;
    }
    assert_int_equal(count, RNL_COLUMNS_KEY_BYTES / 256);
    /* A key that is there already still fits. */
    snprintf(key, 8, "%07d", 0);
    key[7] = 'k';
    assert_true(add(key, 1));
    rnl_columns_reset(&columns);
    assert_true(add("a", 1));
    assert_int_equal(columns.key_count, 1);
}

static void a_latency_beyond_a_float_stays_finite(void **state)
{
    (void)state;
    rnl_columns_reset(&columns);
    assert_true(add("a", 1e300));
    assert_true(columns.latencies_ms[0] == FLT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_out_with_their_keys),
        cmocka_unit_test(long_keys_fill_it_before_their_number_does),
        cmocka_unit_test(a_latency_beyond_a_float_stays_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
