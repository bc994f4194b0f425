/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "fault.h"
#include "tally.h"

static struct rnl_tally *tally;

static int setup(void **state)
{
    (void)state;
    return rnl_tally_create(3, 42, &tally) == RNL_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    rnl_tally_destroy(tally);
    return 0;
}

static void a_client_has_at_most_so_many(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_true(rnl_tally_take(tally, 7));
    assert_false(rnl_tally_take(tally, 7));
    /* Of the same bucket, and of another. */
    assert_true(rnl_tally_take(tally, 7 + 1024));
    assert_true(rnl_tally_take(tally, 8));
    rnl_tally_give(tally, 7);
    assert_true(rnl_tally_take(tally, 7));
    assert_false(rnl_tally_take(tally, 7));
}

static void many_clients_come_and_go(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 20000; i++)
            assert_true(
                rnl_tally_take(tally, rnl_tally_key(tally, &i, sizeof(i))));
        for (uint64_t i = 0; i < 20000; i++)
            rnl_tally_give(tally, rnl_tally_key(tally, &i, sizeof(i)));
    }
}

static void want_of_memory_refuses_one(void **state)
{
    (void)state;
    fault_at(1, false);
    assert_false(rnl_tally_take(tally, 7));
    fault_stop();
    assert_true(rnl_tally_take(tally, 7));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_has_at_most_so_many),
        TEST(many_clients_come_and_go),
        TEST(want_of_memory_refuses_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
