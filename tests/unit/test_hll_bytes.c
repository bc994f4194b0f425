/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "hll_private.h"
#include "hyperloglog.h"
#include "splitmix.h"
#include "ultraloglog.h"

#define SEED     UINT64_C(0x5eed)
#define LEN_MAX  (RNL_HLL_HEADER_LEN + 1024)
#define CHECK_AT 16

struct bytes {
    uint8_t data[LEN_MAX];
    size_t len;
};

/* A profile of these tests: native, with registers of UltraLogLog. */
#define ULTRA RNL_HASH_PROFILES

static struct rnl_hll make(unsigned precision, enum rnl_hash_profile profile,
                           uint64_t keys)
{
    struct rnl_hll hll;
    enum rnl_code code = profile == ULTRA
                             ? rnl_ull_init(&hll, precision, SEED)
                             : rnl_hll_init(&hll, precision, profile, SEED);
    assert_int_equal(code, RNL_OK);
    profile = (enum rnl_hash_profile)hll.profile;
    for (uint64_t i = 0; i < keys; i++) {
        uint64_t hash = rnl_hash_profiled(profile, &i, sizeof(i), SEED);
        assert_int_equal(rnl_hll_update(&hll, hash), RNL_OK);
    }
    return hll;
}

static void write_bytes(const struct rnl_hll *hll, struct bytes *ret_bytes)
{
    ret_bytes->len = rnl_hll_serialized_len(hll);
    assert_true(ret_bytes->len <= LEN_MAX);
    rnl_hll_serialize(hll, ret_bytes->data);
}

/* As who wrote it on purpose would. */
static void sign(struct bytes *bytes)
{
    uint64_t check = rnl_hash(bytes->data, CHECK_AT, 0);
    check = rnl_hash(bytes->data + RNL_HLL_HEADER_LEN,
                     bytes->len - RNL_HLL_HEADER_LEN, check);
    for (size_t i = 0; i < 8; i++)
        bytes->data[CHECK_AT + i] = (uint8_t)(check >> (8 * i));
}

/* Reads from a block of exactly that size, so that ASan sees a byte too far. */
static enum rnl_code read_exactly(struct rnl_hll *hll, const uint8_t *data,
                                  size_t len)
{
    uint8_t *block = malloc(len > 0 ? len : 1);
    assert_non_null(block);
    memcpy(block, data, len);
    enum rnl_code code = rnl_hll_deserialize(hll, block, len);
    free(block);
    return code;
}

/* Whatever is taken must be a sketch in order: it answers, it counts, and it
 * writes what it was read from. */
static void check_taken(struct rnl_hll *hll, const struct bytes *bytes)
{
    struct rnl_hll_estimate estimate;
    struct bytes again;
    write_bytes(hll, &again);
    assert_int_equal(again.len, bytes->len);
    assert_memory_equal(again.data, bytes->data, again.len);
    rnl_hll_estimate(hll, &estimate);
    assert_true(estimate.value >= 0 && estimate.value <= RNL_HLL_ESTIMATE_MAX);
    assert_true(estimate.lower <= estimate.value);
    assert_true(estimate.value <= estimate.upper);
    for (uint64_t i = 0; i < 50; i++) {
        uint64_t hash = rnl_hash_profiled((enum rnl_hash_profile)hll->profile,
                                          &i, sizeof(i), 1);
        assert_int_equal(rnl_hll_update(hll, hash), RNL_OK);
    }
}

/* One sketch of each kind, small enough to try every bit. */
static const struct {
    unsigned precision;
    enum rnl_hash_profile profile;
    uint64_t keys;
} samples[] = {
    {14, RNL_HASH_NATIVE, 0},
    {14, RNL_HASH_NATIVE, 7},
    {14, RNL_HASH_REDIS, 60},
    {12, RNL_HASH_DATASKETCHES, 100},
    {4, RNL_HASH_NATIVE, 3},
    {4, RNL_HASH_NATIVE, 4},
    {6, RNL_HASH_NATIVE, 1000},
    {10, RNL_HASH_DATASKETCHES, 5000},
    {9, RNL_HASH_NATIVE, 20000},
    {14, ULTRA, 7},
    {8, ULTRA, 2000},
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static struct rnl_hll sample(size_t i)
{
    return make(samples[i].precision, samples[i].profile, samples[i].keys);
}

/* Some target of the kind that sample i needs. */
static struct rnl_hll target_for(size_t i)
{
    bool ultra = samples[i].profile == ULTRA;
    return make(5, ultra ? ULTRA : RNL_HASH_NATIVE, 3);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct rnl_hll hll = sample(i);
        struct rnl_hll read = target_for(i);
        struct bytes bytes;
        write_bytes(&hll, &bytes);
        assert_int_equal(read_exactly(&read, bytes.data, bytes.len), RNL_OK);
        assert_int_equal(rnl_hll_merge(&read, &hll), RNL_OK);
        check_taken(&read, &bytes);
        rnl_hll_fini(&hll);
        rnl_hll_fini(&read);
    }
}

static void other_kind_of_registers_is_refused(void **state)
{
    (void)state;
    struct rnl_hll hyper = make(14, RNL_HASH_NATIVE, 2);
    struct rnl_hll ultra = make(14, ULTRA, 2);
    struct bytes bytes;
    write_bytes(&hyper, &bytes);
    assert_int_equal(read_exactly(&ultra, bytes.data, bytes.len),
                     RNL_INVALID_ARGUMENT);
    write_bytes(&ultra, &bytes);
    assert_int_equal(read_exactly(&hyper, bytes.data, bytes.len),
                     RNL_INVALID_ARGUMENT);
    rnl_hll_fini(&hyper);
    rnl_hll_fini(&ultra);
}

/* The layout in the header, byte for byte: other programs may read it. */
static void layout_is_the_documented_one(void **state)
{
    (void)state;
    struct rnl_hll hll = make(14, RNL_HASH_NATIVE, 0);
    struct bytes bytes;
    /* Rank 3 at address 5, then rank 1 at address 0x3000007. */
    assert_int_equal(rnl_hll_update(&hll, UINT64_C(1) << 61 | 5), RNL_OK);
    assert_int_equal(rnl_hll_update(&hll, UINT64_C(1) << 63 | 0x3000007),
                     RNL_OK);
    write_bytes(&hll, &bytes);
    static const uint8_t head[8] = {'R', 'H', 'L', 'L', 1, 0, 14, 0};
    static const uint8_t tail[8] = {0x07, 0, 0, 0x07, 0x05, 0, 0, 0x0c};
    assert_int_equal(bytes.len, 32);
    assert_memory_equal(bytes.data, head, 8);
    assert_int_equal(bytes.data[12], 2);
    assert_memory_equal(bytes.data + 24, tail, 8);
    rnl_hll_fini(&hll);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct rnl_hll hll = sample(i);
        struct rnl_hll read = target_for(i);
        struct bytes bytes;
        write_bytes(&hll, &bytes);
        for (size_t len = 0; len < bytes.len; len++) {
            struct bytes cut = bytes;
            cut.len = len;
            assert_int_equal(read_exactly(&read, cut.data, len),
                             RNL_INVALID_ARGUMENT);
            if (len < RNL_HLL_HEADER_LEN)
                continue;
            sign(&cut);
            assert_int_equal(read_exactly(&read, cut.data, len),
                             RNL_INVALID_ARGUMENT);
        }
        assert_int_equal(read.count, 3);
        rnl_hll_fini(&hll);
        rnl_hll_fini(&read);
    }
}

/* A damaged copy is noticed; one that is made to pass the check is either
 * refused or is a sketch in order. */
static void every_flipped_bit_is_noticed_or_harmless(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct rnl_hll hll = sample(i);
        struct rnl_hll read = target_for(i);
        struct bytes bytes;
        write_bytes(&hll, &bytes);
        for (size_t bit = 0; bit < bytes.len * 8; bit++) {
            struct bytes bad = bytes;
            bad.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_not_equal(read_exactly(&read, bad.data, bad.len),
                                 RNL_OK);
            sign(&bad);
            if (read_exactly(&read, bad.data, bad.len) == RNL_OK)
                check_taken(&read, &bad);
        }
        rnl_hll_fini(&hll);
        rnl_hll_fini(&read);
    }
}

static void random_bytes_do_no_harm(void **state)
{
    (void)state;
    uint64_t random = 7;
    struct bytes good[SAMPLES];
    for (size_t i = 0; i < SAMPLES; i++) {
        struct rnl_hll hll = sample(i);
        write_bytes(&hll, good + i);
        rnl_hll_fini(&hll);
    }
    for (int trial = 0; trial < 20000; trial++) {
        size_t chosen = splitmix(&random) % SAMPLES;
        struct bytes bytes = good[chosen];
        struct rnl_hll read = target_for(chosen);
        for (uint64_t n = splitmix(&random) % 8 + 1; n > 0; n--) {
            size_t at = splitmix(&random) % bytes.len;
            bytes.data[at] = (uint8_t)splitmix(&random);
        }
        sign(&bytes);
        if (read_exactly(&read, bytes.data, bytes.len) == RNL_OK)
            check_taken(&read, &bytes);
        rnl_hll_fini(&read);
    }
}

static void put_u32(uint8_t *out, uint32_t word)
{
    for (size_t i = 0; i < 4; i++)
        out[i] = (uint8_t)(word >> (8 * i));
}

/* A sparse sketch of these two coupons. */
static enum rnl_code read_pair(enum rnl_hash_profile profile, uint32_t first,
                               uint32_t second)
{
    struct rnl_hll hll = make(14, profile, 2);
    struct bytes bytes;
    write_bytes(&hll, &bytes);
    put_u32(bytes.data + 24, first);
    put_u32(bytes.data + 28, second);
    sign(&bytes);
    enum rnl_code code = read_exactly(&hll, bytes.data, bytes.len);
    rnl_hll_fini(&hll);
    return code;
}

static uint32_t coupon(uint32_t rank, uint32_t address)
{
    return rank << HLL_ADDRESS_BITS | address;
}

static void coupons_that_cannot_be_are_refused(void **state)
{
    (void)state;
    int bad = RNL_INVALID_ARGUMENT;
    uint32_t one = coupon(1, 5);
    assert_int_equal(read_pair(RNL_HASH_NATIVE, one, coupon(39, 6)), RNL_OK);
    /* Unsorted, twice, ranks of 0 and 40. */
    assert_int_equal(read_pair(RNL_HASH_NATIVE, coupon(2, 6), one), bad);
    assert_int_equal(read_pair(RNL_HASH_NATIVE, one, one), bad);
    assert_int_equal(read_pair(RNL_HASH_NATIVE, coupon(0, 9), one), bad);
    assert_int_equal(read_pair(RNL_HASH_NATIVE, one, coupon(40, 6)), bad);
    /* Redis has 14 bits of address. */
    assert_int_equal(read_pair(RNL_HASH_REDIS, one, coupon(51, 16383)), RNL_OK);
    assert_int_equal(read_pair(RNL_HASH_REDIS, one, coupon(1, 16384)), bad);
    assert_int_equal(read_pair(RNL_HASH_REDIS, one, coupon(52, 6)), bad);
    assert_int_equal(read_pair(RNL_HASH_DATASKETCHES, one, coupon(63, 6)),
                     RNL_OK);
}

static void ranks_above_the_highest_are_refused(void **state)
{
    (void)state;
    for (int profile = 0; profile <= ULTRA; profile++) {
        if (profile == RNL_HASH_REDIS)
            continue;
        struct rnl_hll hll = make(6, (enum rnl_hash_profile)profile, 100);
        uint32_t most = rnl_hll_rank_max((enum rnl_hash_profile)hll.profile);
        uint32_t highest = profile == ULTRA ? most << 2 | 3 : most;
        struct bytes bytes;
        write_bytes(&hll, &bytes);
        bytes.data[RNL_HLL_HEADER_LEN + 5] = (uint8_t)highest;
        sign(&bytes);
        assert_int_equal(read_exactly(&hll, bytes.data, bytes.len), RNL_OK);
        bytes.data[RNL_HLL_HEADER_LEN + 5] = (uint8_t)(highest + 1);
        sign(&bytes);
        assert_int_equal(read_exactly(&hll, bytes.data, bytes.len),
                         RNL_INVALID_ARGUMENT);
        rnl_hll_fini(&hll);
    }
}

static void later_version_is_told_apart_from_damage(void **state)
{
    (void)state;
    struct rnl_hll hll = make(14, RNL_HASH_NATIVE, 2);
    struct bytes bytes;
    write_bytes(&hll, &bytes);
    bytes.data[4] = 2;
    assert_int_equal(read_exactly(&hll, bytes.data, bytes.len),
                     RNL_UNIMPLEMENTED);
    bytes.data[4] = 0;
    assert_int_equal(read_exactly(&hll, bytes.data, bytes.len),
                     RNL_INVALID_ARGUMENT);
    rnl_hll_fini(&hll);
}

/* All registers full stand for more keys than 64 bits count. */
static void full_registers_answer_the_largest_number(void **state)
{
    (void)state;
    for (int profile = 0; profile <= ULTRA; profile++) {
        struct rnl_hll hll = make(14, (enum rnl_hash_profile)profile, 0);
        struct rnl_hll_estimate estimate;
        uint32_t most = rnl_hll_rank_max((enum rnl_hash_profile)hll.profile);
        assert_int_equal(rnl_hll_make_dense(&hll), RNL_OK);
        memset(hll.registers, (int)(profile == ULTRA ? most << 2 | 3 : most),
               rnl_hll_registers(14));
        rnl_hll_estimate(&hll, &estimate);
        assert_true(estimate.value == RNL_HLL_ESTIMATE_MAX);
        assert_true(estimate.upper == RNL_HLL_ESTIMATE_MAX);
        assert_true(estimate.lower <= estimate.value);
        rnl_hll_fini(&hll);
    }
}

static void reading_without_memory_leaves_the_target_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct rnl_hll hll = sample(i);
        struct rnl_hll target = target_for(i);
        struct bytes bytes;
        enum rnl_code code = RNL_RESOURCE_EXHAUSTED;
        write_bytes(&hll, &bytes);
        for (size_t k = 1; code != RNL_OK; k++) {
            assert_int_equal(target.count, 3);
            fault_at(k, false);
            code = rnl_hll_deserialize(&target, bytes.data, bytes.len);
            fault_stop();
            assert_true(code == RNL_OK || code == RNL_RESOURCE_EXHAUSTED);
        }
        rnl_hll_fini(&hll);
        rnl_hll_fini(&target);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(other_kind_of_registers_is_refused),
        cmocka_unit_test(layout_is_the_documented_one),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_bit_is_noticed_or_harmless),
        cmocka_unit_test(random_bytes_do_no_harm),
        cmocka_unit_test(coupons_that_cannot_be_are_refused),
        cmocka_unit_test(ranks_above_the_highest_are_refused),
        cmocka_unit_test(later_version_is_told_apart_from_damage),
        cmocka_unit_test(full_registers_answer_the_largest_number),
        cmocka_unit_test(reading_without_memory_leaves_the_target_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
