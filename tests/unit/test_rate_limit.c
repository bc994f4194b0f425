/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "fault.h"
#include "rate_limit.h"

static struct rnl_rate_limit *limit;

static void start(uint64_t per_s)
{
    assert_int_equal(rnl_rate_limit_create(per_s, 42, &limit), RNL_OK);
}

static int teardown(void **state)
{
    (void)state;
    rnl_rate_limit_destroy(limit);
    limit = NULL;
    return 0;
}

static bool take(uint64_t key, uint64_t now_ms)
{
    uint32_t wait_s = 0;
    bool taken = rnl_rate_limit_take(limit, key, 1, now_ms, &wait_s);
    assert_true(taken == (wait_s == 0));
    return taken;
}

/* How many requests a client makes at an instant before it is stopped. */
static unsigned burst(uint64_t key, uint64_t now_ms)
{
    unsigned count = 0;
    while (count < 1000000 && take(key, now_ms))
        count++;
    return count;
}

static void a_client_has_a_burst_and_then_its_rate(void **state)
{
    (void)state;
    start(10);
    assert_int_equal(burst(1, 1000), 20);
    assert_int_equal(burst(1, 1099), 0);
    assert_int_equal(burst(1, 1100), 1);
    assert_int_equal(burst(1, 2100), 10);
    assert_int_equal(burst(1, 1000000), 20);
    /* A clock that went back gives nothing. */
    assert_int_equal(burst(1, 500), 0);
}

static void clients_do_not_share(void **state)
{
    (void)state;
    start(5);
    assert_int_equal(burst(1, 0), 10);
    assert_int_equal(burst(2, 0), 10);
    assert_int_equal(burst(1, 0), 0);
}

static void looking_costs_nothing(void **state)
{
    (void)state;
    uint32_t wait_s;
    start(1);
    for (int i = 0; i < 100; i++)
        assert_true(rnl_rate_limit_take(limit, 7, 0, 0, &wait_s));
    assert_int_equal(burst(7, 0), 2);
    assert_false(rnl_rate_limit_take(limit, 7, 0, 0, &wait_s));
    assert_int_equal(wait_s, 2);
    /* What was served counts in full, however little was left. */
    assert_true(rnl_rate_limit_take(limit, 8, 1000, 0, &wait_s));
    assert_false(rnl_rate_limit_take(limit, 8, 0, 0, &wait_s));
}

static void more_clients_than_places_are_all_served(void **state)
{
    (void)state;
    start(3);
    for (uint64_t i = 0; i < (uint64_t)4 * RNL_RATE_CLIENTS; i++) {
        uint64_t key = rnl_rate_limit_key(limit, &i, sizeof(i));
        assert_true(take(key, i / 1000));
    }
    /* One that goes on all the while is not forgotten by a few others. */
    assert_int_equal(burst(99, 100), 6);
    for (uint64_t i = 1; i < 5; i++)
        take(99 + i * RNL_RATE_CLIENTS, 100);
    assert_int_equal(burst(99, 100), 0);
}

static void keys_depend_on_the_seed(void **state)
{
    (void)state;
    struct rnl_rate_limit *other;
    start(1);
    assert_int_equal(rnl_rate_limit_create(1, 43, &other), RNL_OK);
    assert_true(rnl_rate_limit_key(limit, "a", 1) ==
                rnl_rate_limit_key(limit, "a", 1));
    assert_true(rnl_rate_limit_key(limit, "a", 1) !=
                rnl_rate_limit_key(limit, "b", 1));
    assert_true(rnl_rate_limit_key(limit, "a", 1) !=
                rnl_rate_limit_key(other, "a", 1));
    rnl_rate_limit_destroy(other);
}

static void want_of_memory_is_told(void **state)
{
    (void)state;
    fault_at(1, true);
    enum rnl_code code = rnl_rate_limit_create(1, 1, &limit);
    fault_stop();
    assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_has_a_burst_and_then_its_rate),
        TEST(clients_do_not_share),
        TEST(looking_costs_nothing),
        TEST(more_clients_than_places_are_all_served),
        TEST(keys_depend_on_the_seed),
        TEST(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
