/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "fault.h"
#include "hash.h"
#include "rest.h"

static uint64_t hash_of(uint64_t key)
{
    return rnl_hash(&key, sizeof(key), 5);
}

static void fill(struct rnl_rest *rest, uint32_t width_log2, uint64_t first,
                 uint64_t end)
{
    assert_int_equal(rnl_rest_prepare(rest, width_log2), RNL_OK);
    for (uint64_t k = first; k < end; k++)
        rnl_count_min_update(rnl_rest_of(rest, width_log2), hash_of(k), k);
}

static uint64_t upper_of(const struct rnl_rest *rest, uint64_t key)
{
    struct rnl_rest_estimate estimate;
    rnl_rest_estimate(rest, hash_of(key), &estimate);
    return estimate.upper;
}

static void an_empty_one_knows_that_nothing_was_there(void **state)
{
    (void)state;
    struct rnl_rest rest = {0};
    assert_int_equal(upper_of(&rest, 1), 0);
    assert_int_equal(rnl_rest_total(&rest), 0);
    assert_int_equal(rnl_rest_bytes(&rest), 0);
    rnl_rest_fini(&rest);
}

/* A narrow sketch beside a wide one does not spoil it: the sum of both is an
 * upper bound, and closer than both folded together. */
static void widths_are_answered_together(void **state)
{
    (void)state;
    struct rnl_rest rest = {0};
    struct rnl_rest other = {0};
    fill(&rest, 14, 0, 4000);
    fill(&other, 8, 0, 100);
    assert_int_equal(rnl_rest_reserve(&rest, &other), RNL_OK);
    rnl_rest_merge(&rest, &other);
    assert_int_equal(rnl_rest_total(&rest), 4000 * 3999 / 2 + 100 * 99 / 2);
    struct rnl_rest folded = {0};
    assert_int_equal(rnl_rest_reserve(&folded, &rest), RNL_OK);
    rnl_rest_merge(&folded, &rest);
    rnl_rest_fold(&folded, 8);
    assert_int_equal(rnl_rest_total(&folded), rnl_rest_total(&rest));
    assert_null(rnl_rest_of(&folded, 14));
    uint64_t sum = 0;
    uint64_t sum_folded = 0;
    for (uint64_t k = 0; k < 4000; k++) {
        uint64_t truth = k < 100 ? 2 * k : k;
        assert_true(upper_of(&rest, k) >= truth);
        assert_true(upper_of(&folded, k) >= truth);
        sum += upper_of(&rest, k) - truth;
        sum_folded += upper_of(&folded, k) - truth;
    }
    assert_true(sum * 10 < sum_folded);
    assert_true(rnl_rest_bytes(&folded) < rnl_rest_bytes(&rest) / 10);
    rnl_rest_fini(&rest);
    rnl_rest_fini(&other);
    rnl_rest_fini(&folded);
}

static void a_full_counter_knows_nothing(void **state)
{
    (void)state;
    struct rnl_rest rest = {0};
    fill(&rest, 9, 0, 2);
    assert_int_equal(rnl_rest_prepare(&rest, 8), RNL_OK);
    rnl_count_min_update(rnl_rest_of(&rest, 8), hash_of(1), UINT64_C(1) << 40);
    assert_true(upper_of(&rest, 1) == UINT64_MAX);
    rnl_rest_fini(&rest);
}

static void want_of_memory_is_an_error(void **state)
{
    (void)state;
    struct rnl_rest rest = {0};
    struct rnl_rest other = {0};
    fill(&other, 10, 0, 5);
    fault_at(1, true);
    assert_int_equal(rnl_rest_prepare(&rest, 8), RNL_RESOURCE_EXHAUSTED);
    assert_int_equal(rnl_rest_reserve(&rest, &other), RNL_RESOURCE_EXHAUSTED);
    fault_stop();
    assert_int_equal(rnl_rest_bytes(&rest), 0);
    rnl_rest_fini(&rest);
    rnl_rest_fini(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_knows_that_nothing_was_there),
        cmocka_unit_test(widths_are_answered_together),
        cmocka_unit_test(a_full_counter_knows_nothing),
        cmocka_unit_test(want_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
