/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "hll_private.h"
#include "hyperloglog.h"
#include "splitmix.h"
#include "ultraloglog.h"

#define SEED UINT64_C(0x5eed)

/* ---- builders ---- */

/* A profile of these tests: native, with registers of UltraLogLog. */
#define ULTRA RNL_HASH_PROFILES

/* What most tests run with: native or ULTRA. */
static enum rnl_hash_profile tried;

static struct rnl_hll make(unsigned precision, enum rnl_hash_profile profile)
{
    struct rnl_hll hll;
    enum rnl_code code = profile == ULTRA
                             ? rnl_ull_init(&hll, precision, SEED)
                             : rnl_hll_init(&hll, precision, profile, SEED);
    assert_int_equal(code, RNL_OK);
    return hll;
}

/* The hash of key number i. */
static uint64_t hash_of(enum rnl_hash_profile profile, uint64_t i)
{
    return rnl_hash_profiled(profile, &i, sizeof(i), SEED);
}

static void add(struct rnl_hll *hll, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++) {
        uint64_t hash = hash_of((enum rnl_hash_profile)hll->profile, i);
        assert_int_equal(rnl_hll_update(hll, hash), RNL_OK);
    }
}

static double value(const struct rnl_hll *hll)
{
    struct rnl_hll_estimate estimate;
    rnl_hll_estimate(hll, &estimate);
    return estimate.value;
}

static uint8_t *bytes_of(const struct rnl_hll *hll)
{
    uint8_t *bytes = malloc(rnl_hll_serialized_len(hll));
    assert_non_null(bytes);
    rnl_hll_serialize(hll, bytes);
    return bytes;
}

static bool same(const struct rnl_hll *a, const struct rnl_hll *b)
{
    size_t len = rnl_hll_serialized_len(a);
    if (len != rnl_hll_serialized_len(b))
        return false;
    uint8_t *left = bytes_of(a);
    uint8_t *right = bytes_of(b);
    bool equal = memcmp(left, right, len) == 0;
    free(left);
    free(right);
    return equal;
}

/* ---- life ---- */

static void settings_out_of_range_are_refused(void **state)
{
    (void)state;
    struct rnl_hll hll;
    assert_int_equal(rnl_hll_init(&hll, 3, RNL_HASH_NATIVE, 0),
                     RNL_INVALID_ARGUMENT);
    assert_int_equal(rnl_hll_init(&hll, 22, RNL_HASH_NATIVE, 0),
                     RNL_INVALID_ARGUMENT);
    assert_int_equal(rnl_hll_init(&hll, 12, RNL_HASH_REDIS, 0),
                     RNL_INVALID_ARGUMENT);
    assert_int_equal(rnl_hll_init(&hll, 14, RNL_HASH_PROFILES, 0),
                     RNL_INVALID_ARGUMENT);
}

static void empty_sketch_is_small_and_answers_nothing(void **state)
{
    (void)state;
    struct rnl_hll hll = make(14, RNL_HASH_NATIVE);
    struct rnl_hll_estimate estimate;
    rnl_hll_estimate(&hll, &estimate);
    assert_true(estimate.value == 0 && estimate.lower == 0 &&
                estimate.upper == 0 && estimate.error == 0);
    assert_int_equal(rnl_hll_heap_bytes(&hll), 0);
    assert_true(sizeof(hll) <= 32);
    add(&hll, 0, 6);
    assert_true(sizeof(hll) + rnl_hll_heap_bytes(&hll) < 100);
    rnl_hll_fini(&hll);
    rnl_hll_fini(&hll);
}

/* Below a thousand keys a sketch of p 14 is exact but for a chance of 0.4 % of
 * a collision; these keys have none. */
static void few_keys_are_counted_exactly(void **state)
{
    (void)state;
    struct rnl_hll hll = make(14, tried);
    struct rnl_hll_estimate estimate;
    for (unsigned n = 1; n <= 1000; n++) {
        add(&hll, n - 1, 1);
        add(&hll, n / 2, 1);
        rnl_hll_estimate(&hll, &estimate);
        assert_int_equal((unsigned)estimate.value, n);
        assert_true(estimate.lower <= n && n <= estimate.upper);
    }
    rnl_hll_fini(&hll);
}

static void reset_sketch_is_as_new(void **state)
{
    (void)state;
    struct rnl_hll fresh = make(8, tried);
    struct rnl_hll used = make(8, tried);
    for (uint64_t n = 1; n < 1000; n *= 3) {
        add(&used, 0, n);
        rnl_hll_reset(&used);
        assert_true(same(&fresh, &used));
        add(&used, 100, 20);
        add(&fresh, 100, 20);
        assert_true(same(&fresh, &used));
        rnl_hll_reset(&used);
        rnl_hll_reset(&fresh);
    }
    rnl_hll_trim(&used);
    assert_int_equal(rnl_hll_heap_bytes(&used), 0);
    rnl_hll_fini(&fresh);
    rnl_hll_fini(&used);
}

static void copy_is_equal_and_apart(void **state)
{
    (void)state;
    struct rnl_hll copy = make(4, RNL_HASH_DATASKETCHES);
    for (uint64_t n = 0; n < 5000; n = n * 2 + 1) {
        struct rnl_hll hll = make(10, tried);
        add(&hll, 0, n);
        assert_int_equal(rnl_hll_copy(&copy, &hll), RNL_OK);
        assert_true(same(&copy, &hll));
        add(&copy, 9000, 100);
        assert_false(same(&copy, &hll));
        assert_int_equal(rnl_hll_copy(&hll, &hll), RNL_OK);
        rnl_hll_fini(&hll);
    }
    rnl_hll_fini(&copy);
}

/* ---- sparse and dense ---- */

/* Registers made by way of coupons are those made without. */
static void sparse_becomes_what_dense_would_be(void **state)
{
    (void)state;
    for (unsigned p = 4; p <= 16; p++) {
        struct rnl_hll grown = make(p, tried);
        struct rnl_hll dense = make(p, tried);
        uint64_t most = rnl_hll_coupons_max(p);
        assert_int_equal(rnl_hll_make_dense(&dense), RNL_OK);
        for (uint64_t i = 0; !grown.dense; i++) {
            add(&grown, i, 1);
            add(&dense, i, 1);
            assert_true(grown.count <= most);
            assert_true(rnl_hll_heap_bytes(&grown) <= rnl_hll_registers(p));
        }
        assert_true(same(&grown, &dense));
        rnl_hll_fini(&grown);
        rnl_hll_fini(&dense);
    }
}

/* The step from one form to the other is within the stated errors of both,
 * and has no bias: the mean over many sets of keys is within 4 of its own
 * standard deviations. */
static void there_is_no_hole_at_the_border(void **state)
{
    (void)state;
    enum { TRIALS = 400, PRECISION = 10 };
    uint64_t random = 1;
    double before = 0;
    double after = 0;
    double error = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        struct rnl_hll hll = make(PRECISION, tried);
        struct rnl_hll_estimate estimate;
        double n = 0;
        double last = 0;
        for (; !hll.dense; n++) {
            last = value(&hll);
            assert_int_equal(rnl_hll_update(&hll, splitmix(&random)), RNL_OK);
        }
        rnl_hll_estimate(&hll, &estimate);
        before += last / (n - 1) - 1;
        after += estimate.value / n - 1;
        error = estimate.error;
        assert_true(fabs(last / (n - 1) - 1) < 0.006);
        assert_true(fabs(estimate.value / n - 1) < 5 * error);
        rnl_hll_fini(&hll);
    }
    assert_true(fabs(before / TRIALS) < 4 * 0.001 / sqrt(TRIALS));
    assert_true(fabs(after / TRIALS) < 4 * error / sqrt(TRIALS));
}

static void repetitions_and_order_change_nothing(void **state)
{
    (void)state;
    for (uint64_t n = 10; n <= 10000; n *= 10) {
        struct rnl_hll once = make(12, tried);
        struct rnl_hll often = make(12, tried);
        add(&once, 0, n);
        for (uint64_t i = n; i > 0; i--)
            add(&often, i - 1, i % 3 + 1 > n - i + 1 ? n - i + 1 : i % 3 + 1);
        add(&often, 0, n);
        assert_true(same(&once, &often));
        rnl_hll_fini(&once);
        rnl_hll_fini(&often);
    }
}

static void batches_count_as_single_keys_do(void **state)
{
    (void)state;
    uint64_t hashes[5000];
    for (int profile = 0; profile <= ULTRA; profile++) {
        struct rnl_hll one = make(14, (enum rnl_hash_profile)profile);
        struct rnl_hll many = make(14, (enum rnl_hash_profile)profile);
        for (uint64_t i = 0; i < 5000; i++)
            hashes[i] = hash_of((enum rnl_hash_profile)one.profile, i);
        add(&one, 0, 5000);
        for (size_t i = 0, n; i < 5000; i += n) {
            n = i + 700 < 5000 ? 700 : 5000 - i;
            assert_int_equal(rnl_hll_update_batch(&many, hashes + i, n),
                             RNL_OK);
        }
        assert_true(many.dense);
        assert_true(same(&one, &many));
        rnl_hll_fini(&one);
        rnl_hll_fini(&many);
    }
}

/* What no hash of the profile can be (a rank of 0) must not end up as a free
 * slot of the table. */
static void hash_of_another_profile_does_no_harm(void **state)
{
    (void)state;
    struct rnl_hll hll = make(14, RNL_HASH_DATASKETCHES);
    assert_int_equal(rnl_hll_update(&hll, 0), RNL_OK);
    assert_int_equal(rnl_hll_update(&hll, 12345), RNL_OK);
    assert_int_equal(hll.count, 0);
    rnl_hll_fini(&hll);
}

/* ---- merging ---- */

#define SHARDS 5

/* Merges the shards in every order and compares with the whole. */
static void check_orders(const struct rnl_hll *shards,
                         const struct rnl_hll *whole)
{
    for (unsigned order = 0; order < 120; order++) {
        unsigned left[SHARDS] = {0, 1, 2, 3, 4};
        unsigned code = order;
        struct rnl_hll merged =
            make(shards[0].precision,
                 rnl_ull_is(shards) ? ULTRA
                                    : (enum rnl_hash_profile)shards[0].profile);
        for (unsigned n = SHARDS; n > 0; code /= n, n--) {
            unsigned pick = code % n;
            assert_int_equal(rnl_hll_merge(&merged, shards + left[pick]),
                             RNL_OK);
            left[pick] = left[n - 1];
        }
        assert_true(same(&merged, whole));
        rnl_hll_fini(&merged);
    }
}

/* Shards of unequal size that share a third of their keys. */
static void check_shards(unsigned precision, enum rnl_hash_profile profile,
                         uint64_t n)
{
    struct rnl_hll shards[SHARDS];
    struct rnl_hll whole = make(precision, profile);
    for (uint64_t i = 0; i < SHARDS; i++) {
        shards[i] = make(precision, profile);
        add(shards + i, i * n, n * (i + 3) / 6);
        add(shards + i, 0, n / 3);
        add(&whole, i * n, n * (i + 3) / 6);
        add(&whole, 0, n / 3);
    }
    check_orders(shards, &whole);
    for (size_t i = 0; i < SHARDS; i++)
        rnl_hll_fini(shards + i);
    rnl_hll_fini(&whole);
}

static void shards_merge_to_equal_bytes_in_every_order(void **state)
{
    (void)state;
    static const uint64_t counts[] = {1, 40, 900, 1700, 20000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        check_shards(14, RNL_HASH_NATIVE, counts[i]);
        check_shards(14, RNL_HASH_REDIS, counts[i]);
        check_shards(9, RNL_HASH_DATASKETCHES, counts[i]);
        check_shards(14, ULTRA, counts[i]);
        check_shards(7, ULTRA, counts[i]);
    }
    check_shards(4, RNL_HASH_NATIVE, 2);
}

static void merging_again_or_with_itself_changes_nothing(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 40000; n *= 6) {
        struct rnl_hll a = make(12, tried);
        struct rnl_hll b = make(12, tried);
        struct rnl_hll before = make(12, tried);
        add(&a, 0, n);
        add(&b, 0, n / 2);
        assert_int_equal(rnl_hll_copy(&before, &a), RNL_OK);
        assert_int_equal(rnl_hll_merge(&a, &b), RNL_OK);
        assert_int_equal(rnl_hll_merge(&a, &a), RNL_OK);
        assert_true(same(&a, &before));
        assert_int_equal(rnl_hll_merge(&b, &a), RNL_OK);
        assert_true(same(&a, &b));
        rnl_hll_fini(&a);
        rnl_hll_fini(&b);
        rnl_hll_fini(&before);
    }
}

/* Precision lowered before, after or in the merge: the same. */
static void unequal_precisions_meet_at_the_lower(void **state)
{
    (void)state;
    for (uint64_t n = 5; n < 100000; n *= 9) {
        struct rnl_hll fine = make(14, tried);
        struct rnl_hll coarse = make(10, tried);
        struct rnl_hll both = make(14, tried);
        struct rnl_hll plain = make(10, tried);
        add(&fine, 0, n);
        add(&coarse, n / 2, n);
        add(&plain, 0, n + n / 2);
        assert_int_equal(rnl_hll_merge(&both, &fine), RNL_OK);
        assert_int_equal(both.precision, 14);
        assert_int_equal(rnl_hll_merge(&both, &coarse), RNL_OK);
        assert_true(same(&both, &plain));
        assert_int_equal(rnl_hll_merge(&coarse, &fine), RNL_OK);
        assert_true(same(&coarse, &plain));
        assert_int_equal(rnl_hll_fold(&fine, 10), RNL_OK);
        assert_int_equal(rnl_hll_merge(&fine, &coarse), RNL_OK);
        assert_true(same(&fine, &plain));
        rnl_hll_fini(&fine);
        rnl_hll_fini(&coarse);
        rnl_hll_fini(&both);
        rnl_hll_fini(&plain);
    }
}

static void folding_upwards_or_too_far_is_refused(void **state)
{
    (void)state;
    struct rnl_hll hll = make(10, RNL_HASH_NATIVE);
    struct rnl_hll redis = make(14, RNL_HASH_REDIS);
    assert_int_equal(rnl_hll_fold(&hll, 11), RNL_INVALID_ARGUMENT);
    assert_int_equal(rnl_hll_fold(&hll, 3), RNL_INVALID_ARGUMENT);
    assert_int_equal(rnl_hll_fold(&redis, 13), RNL_INVALID_ARGUMENT);
    assert_int_equal(rnl_hll_fold(&redis, 14), RNL_OK);
    rnl_hll_fini(&hll);
    rnl_hll_fini(&redis);
}

static void sketches_that_hash_otherwise_do_not_merge(void **state)
{
    (void)state;
    struct rnl_hll native = make(14, RNL_HASH_NATIVE);
    struct rnl_hll redis = make(14, RNL_HASH_REDIS);
    struct rnl_hll ultra = make(14, ULTRA);
    struct rnl_hll seeded;
    assert_int_equal(rnl_hll_init(&seeded, 14, RNL_HASH_NATIVE, SEED + 1),
                     RNL_OK);
    add(&native, 0, 10);
    assert_int_equal(rnl_hll_merge(&native, &redis), RNL_FAILED_PRECONDITION);
    assert_int_equal(rnl_hll_merge(&native, &seeded), RNL_FAILED_PRECONDITION);
    assert_int_equal(rnl_hll_merge(&native, &ultra), RNL_FAILED_PRECONDITION);
    assert_int_equal((int)value(&native), 10);
    rnl_hll_fini(&native);
}

/* ---- want of memory ---- */

/* From nothing over the border to dense, one key at a time: a refused key is
 * not counted, and can be counted later. */
static void updates_without_memory_count_nothing(void **state)
{
    (void)state;
    struct rnl_hll starved = make(8, tried);
    struct rnl_hll fed = make(8, tried);
    unsigned refused = 0;
    for (uint64_t i = 0; i < 100; i++) {
        uint64_t hash = hash_of(RNL_HASH_NATIVE, i);
        fault_at(1, true);
        enum rnl_code code = rnl_hll_update(&starved, hash);
        fault_stop();
        if (code != RNL_OK) {
            assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
            assert_true(same(&starved, &fed));
            assert_int_equal(rnl_hll_update(&starved, hash), RNL_OK);
            refused++;
        }
        add(&fed, i, 1);
        assert_true(same(&starved, &fed));
    }
    /* Tables of 8, 16, 32 and 64 slots, and the registers. */
    assert_int_equal(refused, 5);
    rnl_hll_fini(&starved);
    rnl_hll_fini(&fed);
}

static void reserved_updates_need_no_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 5000; n *= 3) {
        struct rnl_hll hll = make(12, tried);
        struct rnl_hll plain = make(12, tried);
        add(&plain, 0, 300 + n);
        add(&hll, 0, 300);
        assert_int_equal(rnl_hll_reserve(&hll, n), RNL_OK);
        fault_at(1, true);
        add(&hll, 300, n);
        assert_int_equal(fault_stop(), 0);
        assert_true(same(&hll, &plain));
        rnl_hll_reset(&hll);
        rnl_hll_trim(&hll);
        assert_int_equal(rnl_hll_heap_bytes(&hll), 0);
        rnl_hll_fini(&hll);
        rnl_hll_fini(&plain);
    }
}

/* Coupons of a source that are reserved as well leave the rest to updates. */
static void merged_sketch_keeps_the_rest_of_its_reserve(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 3000; n *= 3) {
        struct rnl_hll target = make(12, tried);
        struct rnl_hll source = make(12, tried);
        add(&target, 0, 50);
        add(&source, 5000, n);
        assert_int_equal(rnl_hll_reserve(&target, 200 + source.count), RNL_OK);
        fault_at(1, true);
        assert_int_equal(rnl_hll_merge(&target, &source),
                         source.dense && !target.registers
                             ? RNL_RESOURCE_EXHAUSTED
                             : RNL_OK);
        add(&target, 10000, 200);
        assert_int_equal(fault_stop(), source.dense && !target.dense ? 1 : 0);
        rnl_hll_fini(&target);
        rnl_hll_fini(&source);
    }
}

static void reserve_without_memory_loses_nothing(void **state)
{
    (void)state;
    struct rnl_hll hll = make(12, tried);
    struct rnl_hll before = make(12, tried);
    add(&hll, 0, 50);
    assert_int_equal(rnl_hll_copy(&before, &hll), RNL_OK);
    for (size_t k = 1; k <= 2; k++) {
        fault_at(k, false);
        enum rnl_code code = rnl_hll_reserve(&hll, SIZE_MAX);
        fault_stop();
        assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
        assert_true(same(&hll, &before));
    }
    rnl_hll_fini(&hll);
    rnl_hll_fini(&before);
}

enum step { MERGE, COPY, FOLD, STEPS };

static enum rnl_code run(enum step step, struct rnl_hll *target,
                         const struct rnl_hll *source)
{
    switch (step) {
    case MERGE:
        return rnl_hll_merge(target, source);
    case COPY:
        return rnl_hll_copy(target, source);
    default:
        return rnl_hll_fold(target, 6);
    }
}

/* Fails each allocation of a step in turn, alone or with all after it: target
 * stays as it was. */
static void check_starved(enum step step, uint64_t target_keys,
                          uint64_t source_keys, unsigned source_precision,
                          bool repeat)
{
    struct rnl_hll target = make(10, tried);
    struct rnl_hll before = make(10, tried);
    struct rnl_hll source = make(source_precision, tried);
    enum rnl_code code = RNL_RESOURCE_EXHAUSTED;
    add(&target, 0, target_keys);
    add(&before, 0, target_keys);
    add(&source, 5000, source_keys);
    for (size_t k = 1; code != RNL_OK; k++) {
        fault_at(k, repeat);
        code = run(step, &target, &source);
        fault_stop();
        assert_true(code == RNL_OK || code == RNL_RESOURCE_EXHAUSTED);
        assert_true(code == RNL_OK || same(&target, &before));
        assert_true(k < 30);
    }
    rnl_hll_fini(&target);
    rnl_hll_fini(&before);
    rnl_hll_fini(&source);
}

static void steps_without_memory_leave_all_as_it_was(void **state)
{
    (void)state;
    static const uint64_t counts[] = {0, 5, 100, 150, 500};
    for (int step = 0; step < STEPS; step++) {
        for (size_t i = 0; i < 25; i++) {
            for (unsigned precision = 9; precision <= 11; precision++) {
                check_starved((enum step)step, counts[i / 5], counts[i % 5],
                              precision, false);
                check_starved((enum step)step, counts[i / 5], counts[i % 5],
                              precision, true);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_out_of_range_are_refused),
        cmocka_unit_test(empty_sketch_is_small_and_answers_nothing),
        cmocka_unit_test(few_keys_are_counted_exactly),
        cmocka_unit_test(reset_sketch_is_as_new),
        cmocka_unit_test(copy_is_equal_and_apart),
        cmocka_unit_test(sparse_becomes_what_dense_would_be),
        cmocka_unit_test(there_is_no_hole_at_the_border),
        cmocka_unit_test(repetitions_and_order_change_nothing),
        cmocka_unit_test(batches_count_as_single_keys_do),
        cmocka_unit_test(hash_of_another_profile_does_no_harm),
        cmocka_unit_test(shards_merge_to_equal_bytes_in_every_order),
        cmocka_unit_test(merging_again_or_with_itself_changes_nothing),
        cmocka_unit_test(unequal_precisions_meet_at_the_lower),
        cmocka_unit_test(folding_upwards_or_too_far_is_refused),
        cmocka_unit_test(sketches_that_hash_otherwise_do_not_merge),
        cmocka_unit_test(updates_without_memory_count_nothing),
        cmocka_unit_test(reserved_updates_need_no_memory),
        cmocka_unit_test(merged_sketch_keeps_the_rest_of_its_reserve),
        cmocka_unit_test(reserve_without_memory_loses_nothing),
        cmocka_unit_test(steps_without_memory_leave_all_as_it_was),
    };
    tried = RNL_HASH_NATIVE;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tried = ULTRA;
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
