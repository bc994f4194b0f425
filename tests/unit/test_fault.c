/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "alloc.h"
#include "fault.h"

static void counting_lets_all_succeed(void **state)
{
    (void)state;
    fault_count();
    for (int i = 0; i < 3; i++) {
        void *block = rnl_malloc(8);
        assert_non_null(block);
        rnl_free(block);
    }
    assert_int_equal(fault_stop(), 3);
}

static void only_the_kth_fails(void **state)
{
    (void)state;
    fault_at(2, false);
    void *first = rnl_malloc(8);
    void *second = rnl_calloc(1, 8);
    void *third = rnl_strdup("x");
    fault_stop();
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    rnl_free(first);
    rnl_free(third);
}

static void repeat_fails_all_from_the_kth(void **state)
{
    (void)state;
    fault_at(1, true);
    assert_null(rnl_malloc(8));
    assert_null(rnl_realloc(NULL, 8));
    assert_null(rnl_pb_allocator.alloc(NULL, 8));
    assert_int_equal(fault_stop(), 3);
}

static size_t runs;
static size_t failures[2];

/* Two allocations. */
static void scenario(void)
{
    runs++;
    for (size_t i = 0; i < 2; i++) {
        void *block = rnl_malloc(8);
        failures[i] += block == NULL;
        rnl_free(block);
    }
}

static void everywhere_is_each_alone_and_each_with_what_follows(void **state)
{
    (void)state;
    fault_everywhere(scenario, 2, 2);
    assert_int_equal(runs, 5);
    assert_int_equal(failures[0], 2);
    assert_int_equal(failures[1], 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counting_lets_all_succeed),
        cmocka_unit_test(only_the_kth_fails),
        cmocka_unit_test(repeat_fails_all_from_the_kth),
        cmocka_unit_test(everywhere_is_each_alone_and_each_with_what_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
