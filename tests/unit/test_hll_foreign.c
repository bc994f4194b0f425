/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formats of Redis and DataSketches: bytes that those wrote, and hostile
 * ones. tests/interop/test_distinct.py has the stock programs themselves.
 */
#include "test.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "hll_datasketches.h"
#include "hll_private.h"
#include "hll_redis.h"
#include "splitmix.h"
#include "ultraloglog.h"

#define LEN_MAX 16384

struct bytes {
    uint8_t data[LEN_MAX];
    size_t len;
};

typedef enum rnl_code (*read_fn)(struct rnl_hll *target, const uint8_t *bytes,
                                 size_t len);

static struct bytes from_hex(const char *hex)
{
    struct bytes bytes = {.len = strlen(hex) / 2};
    for (size_t i = 0; i < bytes.len; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], 0};
        bytes.data[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    return bytes;
}

static void write_redis(const struct rnl_hll *hll, struct bytes *ret_bytes)
{
    ret_bytes->len = rnl_hll_redis_len(hll);
    assert_in_range(ret_bytes->len, 1, LEN_MAX);
    rnl_hll_redis_write(hll, ret_bytes->data);
}

static void write_datasketches(const struct rnl_hll *hll,
                               struct bytes *ret_bytes)
{
    ret_bytes->len = rnl_hll_datasketches_len(hll);
    assert_in_range(ret_bytes->len, 1, LEN_MAX);
    rnl_hll_datasketches_write(hll, ret_bytes->data);
}

static struct rnl_hll make(unsigned precision, enum rnl_hash_profile profile)
{
    struct rnl_hll hll;
    assert_int_equal(rnl_hll_init(&hll, precision, profile, 0), RNL_OK);
    return hll;
}

static void add(struct rnl_hll *hll, const char *key)
{
    uint64_t hash = rnl_hash_profiled((enum rnl_hash_profile)hll->profile, key,
                                      strlen(key), 0);
    assert_int_equal(rnl_hll_update(hll, hash), RNL_OK);
}

static void add_numbers(struct rnl_hll *hll, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t hash = rnl_hash_profiled((enum rnl_hash_profile)hll->profile,
                                          &i, sizeof(i), 0);
        assert_int_equal(rnl_hll_update(hll, hash), RNL_OK);
    }
}

static bool same(const struct bytes *a, const struct bytes *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static enum rnl_code read_exactly(read_fn read, struct rnl_hll *hll,
                                  const struct bytes *bytes)
{
    uint8_t *block = malloc(bytes->len > 0 ? bytes->len : 1);
    assert_non_null(block);
    memcpy(block, bytes->data, bytes->len);
    enum rnl_code code = read(hll, block, bytes->len);
    free(block);
    return code;
}

/* ---- what they wrote ---- */

/* GET of a key after PFADD a b c runnel, and after PFADD of nothing. */
static void sketches_of_redis_are_ours_to_the_byte(void **state)
{
    (void)state;
    struct bytes theirs = from_hex("48594c4c010000000000000000000080"
                                   "60f38050b18442cc84492d80425a");
    struct bytes empty = from_hex("48594c4c010000000000000000000080"
                                  "7fff");
    struct rnl_hll hll = make(14, RNL_HASH_REDIS);
    struct bytes ours;
    write_redis(&hll, &ours);
    assert_true(same(&ours, &empty));
    add(&hll, "a");
    add(&hll, "b");
    add(&hll, "c");
    add(&hll, "runnel");
    write_redis(&hll, &ours);
    assert_true(same(&ours, &theirs));
    assert_int_equal(read_exactly(rnl_hll_redis_read, &hll, &theirs), RNL_OK);
    write_redis(&hll, &ours);
    assert_true(same(&ours, &theirs));
    rnl_hll_fini(&hll);
}

/* A list of the Python package: the same coupons, in another order. */
static void lists_of_datasketches_have_our_coupons(void **state)
{
    (void)state;
    struct bytes theirs =
        from_hex("0201070c030804082f823b040aff80046f19dc06c17d6e11");
    struct bytes updatable =
        from_hex("0201070c030004082f823b040aff80046f19dc06c17d6e11"
                 "00000000000000000000000000000000");
    struct rnl_hll keys = make(12, RNL_HASH_DATASKETCHES);
    struct rnl_hll read = make(4, RNL_HASH_NATIVE);
    struct bytes ours;
    struct bytes again;
    add(&keys, "a");
    add(&keys, "b");
    add(&keys, "c");
    add(&keys, "runnel");
    write_datasketches(&keys, &ours);
    assert_true(same(&ours, &theirs));
    assert_int_equal(read_exactly(rnl_hll_datasketches_read, &read, &theirs),
                     RNL_OK);
    write_datasketches(&read, &again);
    assert_true(same(&again, &ours));
    assert_int_equal(read_exactly(rnl_hll_datasketches_read, &read, &updatable),
                     RNL_OK);
    write_datasketches(&read, &again);
    assert_true(same(&again, &ours));
    rnl_hll_fini(&keys);
    rnl_hll_fini(&read);
}

/* The same 60 keys as HLL_4 with an exception, compact and not, and as HLL_8;
 * and 100 keys as HLL_6 and HLL_8. */
static void registers_of_datasketches_are_read_in_every_form(void **state)
{
    (void)state;
    static const char *const same_keys[][3] = {
        {"0a010704020800028fed17133c5a4f40000000000490034000000000000000000100"
         "000001000000523f34443305472302000044",
         "0a010704020000028fed17133c5a4f40000000000490034000000000000000000100"
         "000001000000523f34443305472300000000000000000200004400000000",
         "0a0107040008000a8fed17133c5a4f40000000000490034000000000000000000100"
         "00000000000002051103040304040303050007040302"},
        {"0a01070400080006d9655b8c5bd76040000000000084f83f00000000000000000000"
         "000000000000c26110ca311402311882601000",
         "0a0107040008000ad9655b8c5bd76040000000000084f83f00000000000000000000"
         "000000000000020706040a0703050204030602020604",
         NULL},
    };
    for (size_t i = 0; i < 2; i++) {
        struct rnl_hll first = make(4, RNL_HASH_NATIVE);
        struct rnl_hll other = make(4, RNL_HASH_NATIVE);
        struct bytes bytes = from_hex(same_keys[i][0]);
        assert_int_equal(
            read_exactly(rnl_hll_datasketches_read, &first, &bytes), RNL_OK);
        for (size_t k = 1; k < 3 && same_keys[i][k]; k++) {
            bytes = from_hex(same_keys[i][k]);
            assert_int_equal(
                read_exactly(rnl_hll_datasketches_read, &other, &bytes),
                RNL_OK);
            assert_memory_equal(first.registers, other.registers, 16);
        }
        rnl_hll_fini(&first);
        rnl_hll_fini(&other);
    }
}

/* Of what we write as HLL_8, all but HIP and flags is what they wrote. */
static void registers_are_written_as_datasketches_does(void **state)
{
    (void)state;
    struct bytes theirs = from_hex(
        "0a0107040008000ad9655b8c5bd76040000000000084f83f000000000000000000000"
        "00000000000020706040a0703050204030602020604");
    struct rnl_hll hll = make(4, RNL_HASH_DATASKETCHES);
    struct bytes ours;
    assert_int_equal(read_exactly(rnl_hll_datasketches_read, &hll, &theirs),
                     RNL_OK);
    write_datasketches(&hll, &ours);
    assert_int_equal(ours.len, theirs.len);
    assert_int_equal(ours.data[5], theirs.data[5] | 16);
    ours.data[5] = theirs.data[5];
    memcpy(ours.data + 8, theirs.data + 8, 8);
    assert_true(same(&ours, &theirs));
    rnl_hll_fini(&hll);
}

/* ---- profiles ---- */

static void other_profiles_cannot_be_written_or_merged(void **state)
{
    (void)state;
    struct rnl_hll native = make(14, RNL_HASH_NATIVE);
    struct rnl_hll redis = make(14, RNL_HASH_REDIS);
    struct rnl_hll datasketches = make(14, RNL_HASH_DATASKETCHES);
    assert_int_equal(rnl_hll_redis_len(&native), 0);
    assert_int_equal(rnl_hll_redis_len(&datasketches), 0);
    assert_int_equal(rnl_hll_datasketches_len(&native), 0);
    assert_int_equal(rnl_hll_datasketches_len(&redis), 0);
    assert_int_equal(rnl_hll_merge(&native, &redis), RNL_FAILED_PRECONDITION);
    assert_int_equal(rnl_hll_merge(&redis, &datasketches),
                     RNL_FAILED_PRECONDITION);
}

static void ultraloglog_reads_no_foreign_format(void **state)
{
    (void)state;
    struct rnl_hll ultra;
    struct bytes list = from_hex("0201070c030c0008");
    struct bytes empty = from_hex("48594c4c0100000000000000000000807fff");
    assert_int_equal(rnl_ull_init(&ultra, 12, 0), RNL_OK);
    assert_int_equal(read_exactly(rnl_hll_datasketches_read, &ultra, &list),
                     RNL_INVALID_ARGUMENT);
    assert_int_equal(read_exactly(rnl_hll_redis_read, &ultra, &empty),
                     RNL_INVALID_ARGUMENT);
}

/* ---- there and back ---- */

static void every_size_survives_redis(void **state)
{
    (void)state;
    static struct bytes first;
    static struct bytes again;
    for (uint64_t n = 0; n < 400000; n = n * 3 + 1) {
        struct rnl_hll hll = make(14, RNL_HASH_REDIS);
        struct rnl_hll read = make(14, RNL_HASH_REDIS);
        struct rnl_hll_estimate before;
        struct rnl_hll_estimate after;
        add_numbers(&hll, n);
        write_redis(&hll, &first);
        assert_int_equal(read_exactly(rnl_hll_redis_read, &read, &first),
                         RNL_OK);
        rnl_hll_estimate(&hll, &before);
        rnl_hll_estimate(&read, &after);
        assert_true(before.value == after.value);
        assert_int_equal(rnl_hll_merge(&read, &hll), RNL_OK);
        write_redis(&read, &again);
        assert_true(same(&first, &again));
        rnl_hll_fini(&hll);
        rnl_hll_fini(&read);
    }
}

static void every_size_survives_datasketches(void **state)
{
    (void)state;
    static struct bytes first;
    static struct bytes again;
    for (unsigned precision = 4; precision <= 13; precision += 3) {
        for (uint64_t n = 0; n < 100000; n = n * 2 + 1) {
            struct rnl_hll hll = make(precision, RNL_HASH_DATASKETCHES);
            struct rnl_hll read = make(4, RNL_HASH_NATIVE);
            add_numbers(&hll, n);
            write_datasketches(&hll, &first);
            assert_int_equal(
                read_exactly(rnl_hll_datasketches_read, &read, &first), RNL_OK);
            assert_int_equal(read.precision, precision);
            assert_int_equal(rnl_hll_merge(&read, &hll), RNL_OK);
            write_datasketches(&read, &again);
            assert_true(same(&first, &again));
            rnl_hll_fini(&hll);
            rnl_hll_fini(&read);
        }
    }
}

/* Ranks above 32 do not fit the runs of Redis. */
static void high_rank_is_written_dense(void **state)
{
    (void)state;
    struct rnl_hll hll = make(14, RNL_HASH_REDIS);
    static struct bytes bytes;
    assert_int_equal(rnl_hll_put(&hll, 32u << HLL_ADDRESS_BITS | 9), RNL_OK);
    write_redis(&hll, &bytes);
    assert_true(bytes.len < 30);
    assert_int_equal(rnl_hll_put(&hll, 33u << HLL_ADDRESS_BITS | 9), RNL_OK);
    write_redis(&hll, &bytes);
    assert_int_equal(bytes.len, RNL_HLL_REDIS_DENSE_LEN);
    assert_int_equal(read_exactly(rnl_hll_redis_read, &hll, &bytes), RNL_OK);
    assert_int_equal(hll.registers[9], 33);
    rnl_hll_fini(&hll);
}

/* ---- hostile bytes ---- */

/* What is taken is a sketch in order. */
static void try_read(read_fn read, struct rnl_hll *hll,
                     const struct bytes *bytes)
{
    struct rnl_hll_estimate estimate;
    enum rnl_code code = read_exactly(read, hll, bytes);
    assert_true(code == RNL_OK || code == RNL_INVALID_ARGUMENT ||
                code == RNL_UNIMPLEMENTED);
    rnl_hll_estimate(hll, &estimate);
    assert_true(estimate.value >= 0 && estimate.value <= RNL_HLL_ESTIMATE_MAX);
    assert_true(estimate.lower <= estimate.value &&
                estimate.value <= estimate.upper);
    struct rnl_hll copy = make(4, RNL_HASH_NATIVE);
    size_t len = rnl_hll_serialized_len(hll);
    uint8_t *own = malloc(len);
    assert_non_null(own);
    rnl_hll_serialize(hll, own);
    assert_int_equal(rnl_hll_deserialize(&copy, own, len), RNL_OK);
    free(own);
    rnl_hll_fini(&copy);
}

static void attack(read_fn read, const struct bytes *good, unsigned seed)
{
    static struct bytes bad;
    uint64_t random = seed;
    struct rnl_hll hll = make(4, RNL_HASH_NATIVE);
    for (size_t len = 0; len < good->len; len++) {
        bad = *good;
        bad.len = len;
        assert_int_not_equal(read_exactly(read, &hll, &bad), RNL_OK);
    }
    for (size_t bit = 0; bit < good->len * 8 && bit < 1024; bit++) {
        bad = *good;
        bad.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        try_read(read, &hll, &bad);
    }
    for (int trial = 0; trial < 1000; trial++) {
        bad = *good;
        for (uint64_t n = splitmix(&random) % 6 + 1; n > 0 && bad.len > 0; n--)
            bad.data[splitmix(&random) % bad.len] = (uint8_t)splitmix(&random);
        try_read(read, &hll, &bad);
    }
    rnl_hll_fini(&hll);
}

static void hostile_bytes_do_no_harm_to_redis_format(void **state)
{
    (void)state;
    static struct bytes bytes;
    for (uint64_t n = 0; n <= 1000; n = n * 10 + 10) {
        struct rnl_hll hll = make(14, RNL_HASH_REDIS);
        add_numbers(&hll, n);
        write_redis(&hll, &bytes);
        attack(rnl_hll_redis_read, &bytes, 1);
        rnl_hll_fini(&hll);
    }
}

static void hostile_bytes_do_no_harm_to_datasketches_format(void **state)
{
    (void)state;
    static struct bytes bytes;
    for (uint64_t n = 5; n <= 500; n *= 10) {
        struct rnl_hll hll = make(9, RNL_HASH_DATASKETCHES);
        add_numbers(&hll, n);
        write_datasketches(&hll, &bytes);
        attack(rnl_hll_datasketches_read, &bytes, 2);
        rnl_hll_fini(&hll);
    }
    bytes = from_hex("0a010704020800028fed17133c5a4f400000000004900340000000000"
                     "00000000100000001000000523f34443305472302000044");
    attack(rnl_hll_datasketches_read, &bytes, 3);
    bytes =
        from_hex("0a010704020000028fed17133c5a4f4000000000049003400000000000"
                 "0000000100000001000000523f3444330547230000000000000000020"
                 "0004400000000");
    attack(rnl_hll_datasketches_read, &bytes, 4);
    bytes = from_hex("0a01070400080006d9655b8c5bd76040000000000084f83f000000000"
                     "00000000000000000000000c26110ca311402311882601000");
    attack(rnl_hll_datasketches_read, &bytes, 5);
}

static void runs_must_fill_all_registers_of_redis(void **state)
{
    (void)state;
    struct rnl_hll hll = make(14, RNL_HASH_REDIS);
    static const char *const bad[] = {
        /* One register short, one too many, a run cut off, nothing. */
        "48594c4c0100000000000000000000807ffe",
        "48594c4c0100000000000000000000807fff00",
        "48594c4c0100000000000000000000807f",
        "48594c4c010000000000000000000080",
        /* Another magic, an unknown form, dense without registers. */
        "48594c4d0100000000000000000000807fff",
        "48594c4c0200000000000000000000807fff",
        "48594c4c0000000000000000000000807fff",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bytes bytes = from_hex(bad[i]);
        assert_int_equal(read_exactly(rnl_hll_redis_read, &hll, &bytes),
                         RNL_INVALID_ARGUMENT);
    }
    rnl_hll_fini(&hll);
}

/* A table with free slots has as many coupons as it says. */
static void coupons_must_be_as_many_as_announced(void **state)
{
    (void)state;
    struct rnl_hll hll = make(12, RNL_HASH_DATASKETCHES);
    struct bytes bytes =
        from_hex("0201070c030004082f823b040aff80046f19dc06c17d6e11"
                 "00000000000000000000000000000000");
    assert_int_equal(read_exactly(rnl_hll_datasketches_read, &hll, &bytes),
                     RNL_OK);
    assert_int_equal(hll.count, 4);
    bytes.data[6] = 3;
    assert_int_equal(read_exactly(rnl_hll_datasketches_read, &hll, &bytes),
                     RNL_INVALID_ARGUMENT);
    bytes.data[6] = 5;
    assert_int_equal(read_exactly(rnl_hll_datasketches_read, &hll, &bytes),
                     RNL_INVALID_ARGUMENT);
    rnl_hll_fini(&hll);
}

static void exceptions_must_match_their_registers(void **state)
{
    (void)state;
    struct rnl_hll hll = make(4, RNL_HASH_NATIVE);
    const struct bytes good =
        from_hex("0a010704020800028fed17133c5a4f400000000004900340000000000"
                 "00000000100000001000000523f34443305472302000044");
    struct bytes bytes = good;
    assert_int_equal(read_exactly(rnl_hll_datasketches_read, &hll, &bytes),
                     RNL_OK);
    assert_int_equal(hll.registers[2], 17);
    /* Of another register; below 15; missing, and its 15 without one. */
    bytes.data[48] = 3;
    assert_int_equal(read_exactly(rnl_hll_datasketches_read, &hll, &bytes),
                     RNL_INVALID_ARGUMENT);
    bytes = good;
    bytes.data[51] = 14 << 2;
    assert_int_equal(read_exactly(rnl_hll_datasketches_read, &hll, &bytes),
                     RNL_INVALID_ARGUMENT);
    bytes = good;
    bytes.data[36] = 0;
    bytes.len -= 4;
    assert_int_equal(read_exactly(rnl_hll_datasketches_read, &hll, &bytes),
                     RNL_INVALID_ARGUMENT);
    rnl_hll_fini(&hll);
}

static void foreign_reads_without_memory_leave_the_target_alone(void **state)
{
    (void)state;
    static struct bytes bytes;
    for (uint64_t n = 5; n <= 5000; n *= 10) {
        struct rnl_hll hll = make(10, RNL_HASH_DATASKETCHES);
        struct rnl_hll target = make(14, RNL_HASH_REDIS);
        enum rnl_code code = RNL_RESOURCE_EXHAUSTED;
        add_numbers(&hll, n);
        add_numbers(&target, 3);
        write_datasketches(&hll, &bytes);
        for (size_t k = 1; code != RNL_OK; k++) {
            assert_int_equal(target.count, 3);
            fault_at(k, false);
            code = rnl_hll_datasketches_read(&target, bytes.data, bytes.len);
            fault_stop();
            assert_true(code == RNL_OK || code == RNL_RESOURCE_EXHAUSTED);
        }
        rnl_hll_fini(&hll);
        rnl_hll_fini(&target);
    }
    struct rnl_hll target = make(14, RNL_HASH_REDIS);
    add_numbers(&target, 3);
    write_redis(&target, &bytes);
    fault_at(1, false);
    enum rnl_code code = rnl_hll_redis_read(&target, bytes.data, bytes.len);
    fault_stop();
    assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
    assert_int_equal(target.count, 3);
    rnl_hll_fini(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sketches_of_redis_are_ours_to_the_byte),
        cmocka_unit_test(lists_of_datasketches_have_our_coupons),
        cmocka_unit_test(registers_of_datasketches_are_read_in_every_form),
        cmocka_unit_test(registers_are_written_as_datasketches_does),
        cmocka_unit_test(other_profiles_cannot_be_written_or_merged),
        cmocka_unit_test(ultraloglog_reads_no_foreign_format),
        cmocka_unit_test(every_size_survives_redis),
        cmocka_unit_test(every_size_survives_datasketches),
        cmocka_unit_test(high_rank_is_written_dense),
        cmocka_unit_test(hostile_bytes_do_no_harm_to_redis_format),
        cmocka_unit_test(hostile_bytes_do_no_harm_to_datasketches_format),
        cmocka_unit_test(runs_must_fill_all_registers_of_redis),
        cmocka_unit_test(coupons_must_be_as_many_as_announced),
        cmocka_unit_test(exceptions_must_match_their_registers),
        cmocka_unit_test(foreign_reads_without_memory_leave_the_target_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
