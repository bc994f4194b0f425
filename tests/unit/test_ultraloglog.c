/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What UltraLogLog does otherwise than HyperLogLog; test_hyperloglog.c and
 * test_hll_bytes.c run everything else with it as well.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "hll_private.h"
#include "splitmix.h"
#include "ultraloglog.h"

#define SEED UINT64_C(0x5eed)

static struct rnl_hll make(unsigned precision, uint64_t keys)
{
    struct rnl_hll ull;
    assert_int_equal(rnl_ull_init(&ull, precision, SEED), RNL_OK);
    for (uint64_t i = 0; i < keys; i++) {
        uint64_t hash = rnl_hash(&i, sizeof(i), SEED);
        assert_int_equal(rnl_hll_update(&ull, hash), RNL_OK);
    }
    return ull;
}

/* By definition; bit k - 1 of seen: rank k was seen. */
static uint8_t register_of(uint64_t seen)
{
    unsigned u = 0;
    for (unsigned rank = 1; rank <= HLL_RANK_MAX_NATIVE; rank++) {
        if (seen >> (rank - 1) & 1)
            u = rank;
    }
    bool below = u >= 2 && (seen >> (u - 2) & 1);
    bool second = u >= 3 && (seen >> (u - 3) & 1);
    return (uint8_t)(u << 2 | below << 1 | second);
}

static void register_tells_of_the_ranks_seen_in_any_order(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int trial = 0; trial < 20000; trial++) {
        uint64_t seen = 0;
        uint8_t r = 0;
        for (int i = 0; i < 12; i++) {
            uint32_t most = trial % 2 ? HLL_RANK_MAX_NATIVE : 6;
            uint32_t rank = 1 + (uint32_t)(splitmix(&random) % most);
            seen |= UINT64_C(1) << (rank - 1);
            r = rnl_ull_raised(r, rank);
            assert_int_equal(r, register_of(seen));
        }
    }
}

static void union_of_registers_is_the_register_of_the_union(void **state)
{
    (void)state;
    for (uint64_t a = 0; a < 256; a++) {
        for (uint64_t b = 0; b < 256; b++) {
            uint8_t into = register_of(a);
            uint8_t from = register_of(b);
            rnl_ull_unite(&into, &from, 1);
            assert_int_equal(into, register_of(a | b));
            into = register_of(a << 31);
            from = register_of(b << 28);
            rnl_ull_unite(&into, &from, 1);
            assert_int_equal(into, register_of(a << 31 | b << 28));
        }
    }
}

static void only_registers_that_can_come_about_are_valid(void **state)
{
    (void)state;
    bool reachable[256] = {true};
    for (unsigned u = 1; u <= HLL_RANK_MAX_NATIVE; u++) {
        for (uint64_t below = 0; below < 4; below++) {
            uint64_t seen = UINT64_C(4) << u | below << u;
            reachable[register_of(seen >> 3)] = true;
        }
    }
    for (unsigned r = 0; r < 256; r++) {
        uint8_t byte = (uint8_t)r;
        assert_int_equal(rnl_ull_valid(&byte, 1), reachable[r]);
    }
}

static bool same(const struct rnl_hll *a, const struct rnl_hll *b)
{
    size_t len = rnl_hll_serialized_len(a);
    if (len != rnl_hll_serialized_len(b))
        return false;
    uint8_t *left = malloc(len);
    uint8_t *right = malloc(len);
    assert_true(left && right);
    rnl_hll_serialize(a, left);
    rnl_hll_serialize(b, right);
    bool equal = memcmp(left, right, len) == 0;
    free(left);
    free(right);
    return equal;
}

/* Folded before or after, and by way of UltraLogLog or not. */
static void hyperloglog_of_the_same_keys_comes_out(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 200000; n = n * 5 + 1) {
        struct rnl_hll ull = make(12, n);
        struct rnl_hll derived;
        struct rnl_hll direct;
        assert_int_equal(rnl_hll_init(&derived, 4, RNL_HASH_REDIS, 0),
                         RNL_INVALID_ARGUMENT);
        assert_int_equal(rnl_hll_init(&derived, 14, RNL_HASH_REDIS, 0), RNL_OK);
        assert_int_equal(rnl_hll_init(&direct, 12, RNL_HASH_NATIVE, SEED),
                         RNL_OK);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t hash = rnl_hash(&i, sizeof(i), SEED);
            assert_int_equal(rnl_hll_update(&direct, hash), RNL_OK);
        }
        assert_int_equal(rnl_ull_to_hll(&ull, &derived), RNL_OK);
        assert_true(same(&derived, &direct));
        assert_int_equal(rnl_hll_fold(&ull, 6), RNL_OK);
        assert_int_equal(rnl_hll_fold(&direct, 6), RNL_OK);
        assert_int_equal(rnl_ull_to_hll(&ull, &derived), RNL_OK);
        assert_true(same(&derived, &direct));
        assert_int_equal(rnl_ull_to_hll(&direct, &derived),
                         RNL_INVALID_ARGUMENT);
        rnl_hll_fini(&ull);
        rnl_hll_fini(&derived);
        rnl_hll_fini(&direct);
    }
}

static void deriving_without_memory_leaves_the_target_alone(void **state)
{
    (void)state;
    for (uint64_t n = 5; n < 5000; n *= 9) {
        struct rnl_hll ull = make(8, n);
        struct rnl_hll target = make(8, 3);
        enum rnl_code code = RNL_RESOURCE_EXHAUSTED;
        for (size_t k = 1; code != RNL_OK; k++) {
            assert_int_equal(target.count, 3);
            fault_at(k, false);
            code = rnl_ull_to_hll(&ull, &target);
            fault_stop();
            assert_true(code == RNL_OK || code == RNL_RESOURCE_EXHAUSTED);
        }
        rnl_hll_fini(&ull);
        rnl_hll_fini(&target);
    }
}

static void precision_out_of_range_is_refused(void **state)
{
    (void)state;
    struct rnl_hll ull;
    assert_int_equal(rnl_ull_init(&ull, 3, 0), RNL_INVALID_ARGUMENT);
    assert_int_equal(rnl_ull_init(&ull, 22, 0), RNL_INVALID_ARGUMENT);
    assert_int_equal(rnl_ull_init(&ull, 21, 0), RNL_OK);
    assert_true(rnl_ull_is(&ull));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(register_tells_of_the_ranks_seen_in_any_order),
        cmocka_unit_test(union_of_registers_is_the_register_of_the_union),
        cmocka_unit_test(only_registers_that_can_come_about_are_valid),
        cmocka_unit_test(hyperloglog_of_the_same_keys_comes_out),
        cmocka_unit_test(deriving_without_memory_leaves_the_target_alone),
        cmocka_unit_test(precision_out_of_range_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
