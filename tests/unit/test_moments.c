/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "fault.h"
#include "hash.h"
#include "moments.h"
#include "numbers.h"
#include "simd.h"
#include "splitmix.h"

#define COUNT  5000
#define SHARDS 5

/* ---- builders ---- */

static void add(struct rnl_moments *moments, const double *values, size_t count)
{
    struct rnl_spread spread;
    rnl_spread_f64(values, count, &spread);
    assert_int_equal(rnl_moments_update_f64(moments, values, count, &spread),
                     RNL_OK);
}

static struct rnl_moments make(const double *values, size_t count)
{
    struct rnl_moments moments;
    rnl_moments_init(&moments);
    add(&moments, values, count);
    return moments;
}

struct bytes {
    size_t len;
    uint8_t data[RNL_MOMENTS_SERIALIZED_MAX];
};

static struct bytes bytes_of(const struct rnl_moments *moments)
{
    struct bytes bytes = {.len = rnl_moments_serialized_len(moments)};
    assert_true(bytes.len <= sizeof(bytes.data));
    rnl_moments_serialize(moments, bytes.data);
    return bytes;
}

static void assert_same(const struct rnl_moments *a,
                        const struct rnl_moments *b)
{
    struct bytes left = bytes_of(a), right = bytes_of(b);
    assert_int_equal(left.len, right.len);
    assert_memory_equal(left.data, right.data, left.len);
}

static struct rnl_moments_summary summary_of(const struct rnl_moments *moments)
{
    struct rnl_moments_summary summary;
    rnl_moments_read(moments, &summary);
    return summary;
}

static void assert_close(double found, long double right, double ulps)
{
    long double error = fabsl((long double)found - right);
    assert_true(error <= (long double)ulps * DBL_EPSILON * fabsl(right));
}

/* ---- right answers ---- */

/* Two passes in long double, with 11 bits more than a double: enough where the
 * values do not cancel. tests/interop compares with exact fractions. */
static void mean_and_variance_are_those_of_two_careful_passes(void **state)
{
    (void)state;
    static const enum numbers_kind kinds[] = {
        NUMBERS_UNIFORM,  NUMBERS_LOGNORMAL, NUMBERS_EXPONENTIAL, NUMBERS_HEAVY,
        NUMBERS_CONSTANT, NUMBERS_NEGATIVE,  NUMBERS_DIGITS,      NUMBERS_FAR};
    static double values[COUNT];
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        numbers_fill(kinds[k], k, values, COUNT);
        long double sum = 0, m2 = 0;
        for (size_t i = 0; i < COUNT; i++)
            sum += (long double)values[i];
        for (size_t i = 0; i < COUNT; i++) {
            long double away = (long double)values[i] - sum / COUNT;
            m2 += away * away;
        }
        struct rnl_moments moments = make(values, COUNT);
        struct rnl_moments_summary summary = summary_of(&moments);
        assert_int_equal(summary.count, COUNT);
        assert_close(summary.sum, sum, 4);
        assert_close(summary.mean, sum / COUNT, 4);
        assert_close(summary.m2, m2, 4);
        assert_close(summary.variance, m2 / COUNT, 4);
        assert_close(summary.stddev, sqrtl(m2 / COUNT), 4);
        assert_false(summary.saturated);
        rnl_moments_fini(&moments);
    }
}

/* Deviations of 1 around 1e15: sums of squares in floating point lose all. */
static void a_variance_far_from_zero_is_exact(void **state)
{
    (void)state;
    static double values[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        values[i] = 1e15 + (i % 2 == 0 ? 1 : -1);
    struct rnl_moments moments = make(values, COUNT);
    struct rnl_moments_summary summary = summary_of(&moments);
    assert_true(summary.mean == 1e15);
    assert_true(summary.variance == 1);
    assert_true(summary.m2 == COUNT);
    rnl_moments_fini(&moments);
}

static void what_cancels_leaves_nothing(void **state)
{
    (void)state;
    const double values[] = {1e300, 1, -1e300, 0x1p-1074, -1, -0.0};
    struct rnl_moments moments = make(values, 6);
    struct rnl_moments_summary summary = summary_of(&moments);
    assert_true(summary.sum == 0x1p-1074);
    assert_true(summary.min == -1e300 && summary.max == 1e300);
    assert_int_equal(summary.count, 6);
    rnl_moments_fini(&moments);
}

static void equal_values_have_themselves_as_mean_and_no_variance(void **state)
{
    (void)state;
    static const double chosen[] = {0.1, -1e-310, DBL_MAX, 1.0 / 3, 0x1p-1074};
    static double values[COUNT];
    for (size_t k = 0; k < 5; k++) {
        for (size_t i = 0; i < COUNT; i++)
            values[i] = chosen[k];
        struct rnl_moments moments = make(values, COUNT);
        struct rnl_moments_summary summary = summary_of(&moments);
        assert_true(summary.mean == chosen[k]);
        assert_true(summary.variance == 0 && summary.stddev == 0);
        assert_true(isfinite(summary.sum));
        rnl_moments_fini(&moments);
    }
}

static void sums_beyond_double_are_its_largest_number(void **state)
{
    (void)state;
    const double values[] = {DBL_MAX, DBL_MAX, -DBL_MAX / 2};
    struct rnl_moments moments = make(values, 2);
    struct rnl_moments_summary summary = summary_of(&moments);
    assert_true(summary.sum == DBL_MAX && summary.mean == DBL_MAX);
    add(&moments, values + 2, 1);
    summary = summary_of(&moments);
    assert_true(summary.variance == DBL_MAX);
    /* The standard deviation is in range again. */
    assert_true(summary.stddev > DBL_MAX / 2 && summary.stddev < DBL_MAX);
    rnl_moments_fini(&moments);
}

static void an_empty_one_answers_zeros(void **state)
{
    (void)state;
    struct rnl_moments moments = make(NULL, 0);
    struct rnl_moments_summary summary = summary_of(&moments);
    assert_int_equal(summary.count, 0);
    assert_true(summary.sum == 0 && summary.min == 0 && summary.max == 0);
    assert_true(summary.mean == 0 && summary.variance == 0);
    assert_true(summary.m2 == 0 && summary.stddev == 0 && !summary.saturated);
    rnl_moments_fini(&moments);
}

static void nan_and_infinity_are_skipped(void **state)
{
    (void)state;
    double values[40], kept[40];
    size_t kept_count = 0;
    for (size_t i = 0; i < 40; i++) {
        values[i] = (double)i - 3.5;
        if (i % 7 == 0)
            values[i] = i % 2 == 0 ? (double)NAN : -(double)INFINITY;
        else
            kept[kept_count++] = values[i];
    }
    struct rnl_moments dirty = make(values, 40);
    struct rnl_moments clean = make(kept, kept_count);
    assert_same(&dirty, &clean);
    rnl_moments_fini(&dirty);
    rnl_moments_fini(&clean);
    assert_int_equal(rnl_moments_update(&dirty, NAN), RNL_OK);
    assert_int_equal(dirty.count, 0);
}

/* ---- one content, one form ---- */

static void five_shards_merge_to_equal_bytes_in_all_orders(void **state)
{
    (void)state;
    static double values[COUNT];
    for (int kind = 0; kind < NUMBERS_KINDS; kind++) {
        numbers_fill((enum numbers_kind)kind, 3, values, COUNT);
        struct rnl_moments whole = make(values, COUNT);
        struct rnl_moments shards[SHARDS];
        for (size_t s = 0; s < SHARDS; s++)
            shards[s] = make(values + s * COUNT / SHARDS, COUNT / SHARDS);
        size_t order[SHARDS] = {0, 1, 2, 3, 4};
        for (int permutation = 0; permutation < 120; permutation++) {
            struct rnl_moments merged;
            rnl_moments_init(&merged);
            for (size_t s = 0; s < SHARDS; s++)
                assert_int_equal(rnl_moments_merge(&merged, &shards[order[s]]),
                                 RNL_OK);
            assert_same(&merged, &whole);
            rnl_moments_fini(&merged);
            numbers_permute(order, SHARDS);
        }
        for (size_t s = 0; s < SHARDS; s++)
            rnl_moments_fini(&shards[s]);
        rnl_moments_fini(&whole);
    }
}

/* By ones, by batches of all lengths, shuffled, with and without AVX2. */
static void every_way_to_count_gives_equal_bytes(void **state)
{
    (void)state;
    static double values[COUNT];
    for (int kind = 0; kind < NUMBERS_KINDS; kind++) {
        uint64_t seed = 11;
        numbers_fill((enum numbers_kind)kind, 5, values, COUNT);
        struct rnl_moments whole = make(values, COUNT);
        struct rnl_moments ones, batches;
        rnl_moments_init(&ones);
        rnl_moments_init(&batches);
        for (size_t i = 0; i < COUNT; i++)
            assert_int_equal(rnl_moments_update(&ones, values[i]), RNL_OK);
        for (size_t i = COUNT - 1; i > 0; i--) {
            size_t j = splitmix(&seed) % (i + 1);
            double held = values[i];
            values[i] = values[j];
            values[j] = held;
        }
        rnl_simd_off = true;
        for (size_t from = 0, len = 1; from < COUNT; from += len, len++) {
            len = len < COUNT - from ? len : COUNT - from;
            add(&batches, values + from, len);
        }
        rnl_simd_off = false;
        assert_same(&ones, &whole);
        assert_same(&batches, &whole);
        rnl_moments_fini(&ones);
        rnl_moments_fini(&batches);
        rnl_moments_fini(&whole);
    }
}

/* Constants of the vector loops must neither over- nor underflow, and sums that
 * are as large as they can be must fit. */
static void batches_of_every_exponent_are_exact(void **state)
{
    (void)state;
    static double values[COUNT];
    for (int exponent = -1070; exponent < 1023; exponent += 31) {
        uint64_t seed = 1;
        struct rnl_moments ones = make(NULL, 0);
        for (size_t i = 0; i < COUNT; i++) {
            values[i] = ldexp(2 - splitmix_unit(&seed) / 1024, exponent);
            assert_int_equal(rnl_moments_update(&ones, values[i]), RNL_OK);
        }
        for (int off = 0; off < 2; off++) {
            rnl_simd_off = off;
            struct rnl_moments batch = make(values, COUNT);
            assert_same(&batch, &ones);
            rnl_moments_fini(&batch);
        }
        rnl_simd_off = false;
        rnl_moments_fini(&ones);
    }
}

static double scaled_sum(const double *values, size_t count, int exponent)
{
    double scaled[4];
    for (size_t i = 0; i < count; i++)
        scaled[i] = ldexp(values[i], exponent);
    struct rnl_moments moments = make(scaled, count);
    double sum = summary_of(&moments).sum;
    rnl_moments_fini(&moments);
    return ldexp(sum, -exponent);
}

/* Half way between two doubles, and a little off it, at every place of the
 * limbs. */
static void a_sum_is_rounded_once_and_to_even(void **state)
{
    (void)state;
    const double tie_down[] = {0x1p53, 1}, tie_up[] = {0x1p53, 3};
    const double above[] = {0x1p53, 1, 0x1p-20};
    const double far_above[] = {0x1p53, 1, 0x1p-150};
    const double below[] = {0x1p53, 1, -0x1p-150};
    const double carried[] = {0x1p54 - 2, 1.5};
    for (int exponent = -200; exponent < 200; exponent++) {
        assert_true(scaled_sum(tie_down, 2, exponent) == 0x1p53);
        assert_true(scaled_sum(tie_up, 2, exponent) == 0x1p53 + 4);
        assert_true(scaled_sum(above, 3, exponent) == 0x1p53 + 2);
        assert_true(scaled_sum(far_above, 3, exponent) == 0x1p53 + 2);
        assert_true(scaled_sum(below, 3, exponent) == 0x1p53);
        assert_true(scaled_sum(carried, 2, exponent) == 0x1p54);
    }
}

/* Read back, a sum has no room above: its highest bit is the sign's neighbour.
 * A value so small that it needs no room of its own then carries into it. */
static void a_sum_that_was_read_back_can_carry(void **state)
{
    (void)state;
    const double values[] = {0x1p63 - 1024, 1024 - 0x1p-10, 0x1p-9};
    struct rnl_moments whole = make(values, 2);
    struct bytes bytes = bytes_of(&whole);
    struct rnl_moments back = make(NULL, 0);
    assert_int_equal(rnl_moments_deserialize(&back, bytes.data, bytes.len),
                     RNL_OK);
    add(&back, values + 2, 1);
    add(&whole, values + 2, 1);
    assert_true(summary_of(&back).sum == 0x1p63);
    assert_same(&back, &whole);
    rnl_moments_fini(&back);
    rnl_moments_fini(&whole);
}

static void floats_count_as_the_doubles_they_are(void **state)
{
    (void)state;
    static float narrow[COUNT];
    static double wide[COUNT];
    for (int kind = 0; kind < NUMBERS_ANY; kind++) {
        numbers_fill((enum numbers_kind)kind, 7, wide, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            narrow[i] = (float)wide[i];
            wide[i] = (double)narrow[i];
        }
        for (int off = 0; off < 2; off++) {
            rnl_simd_off = off;
            struct rnl_moments floats, doubles = make(wide, COUNT);
            struct rnl_spread spread;
            rnl_moments_init(&floats);
            rnl_spread_f32(narrow, COUNT, &spread);
            assert_int_equal(
                rnl_moments_update_f32(&floats, narrow, COUNT, &spread),
                RNL_OK);
            assert_same(&floats, &doubles);
            rnl_moments_fini(&floats);
            rnl_moments_fini(&doubles);
        }
        rnl_simd_off = false;
    }
}

static void a_merge_with_itself_doubles_it(void **state)
{
    (void)state;
    static double values[COUNT];
    numbers_fill(NUMBERS_ANY, 1, values, COUNT);
    struct rnl_moments once = make(values, COUNT);
    struct rnl_moments twice = make(values, COUNT);
    add(&twice, values, COUNT);
    assert_int_equal(rnl_moments_merge(&once, &once), RNL_OK);
    assert_same(&once, &twice);
    rnl_moments_fini(&once);
    rnl_moments_fini(&twice);
}

static void reset_leaves_nothing_behind(void **state)
{
    (void)state;
    static double values[COUNT];
    numbers_fill(NUMBERS_ANY, 2, values, COUNT);
    struct rnl_moments used = make(values, COUNT);
    rnl_moments_reset(&used);
    struct rnl_moments fresh = make(NULL, 0);
    assert_same(&used, &fresh);
    numbers_fill(NUMBERS_NORMAL, 2, values, COUNT);
    add(&used, values, COUNT);
    add(&fresh, values, COUNT);
    assert_same(&used, &fresh);
    rnl_moments_fini(&used);
    rnl_moments_fini(&fresh);
}

static void common_values_need_no_heap(void **state)
{
    (void)state;
    static double values[COUNT];
    for (int kind = 0; kind < NUMBERS_ANY; kind++) {
        numbers_fill((enum numbers_kind)kind, 9, values, COUNT);
        struct rnl_moments moments = make(values, COUNT);
        assert_int_equal(rnl_moments_heap_bytes(&moments), 0);
        rnl_moments_fini(&moments);
    }
}

/* ---- bytes ---- */

static void bytes_come_back_as_the_same_moments(void **state)
{
    (void)state;
    static double values[COUNT];
    for (int kind = 0; kind < NUMBERS_KINDS; kind++) {
        for (size_t count = 0; count <= COUNT; count += COUNT / 2) {
            numbers_fill((enum numbers_kind)kind, 4, values, COUNT);
            struct rnl_moments moments = make(values, count);
            struct bytes bytes = bytes_of(&moments);
            struct rnl_moments back = make(values, 1);
            assert_int_equal(
                rnl_moments_deserialize(&back, bytes.data, bytes.len), RNL_OK);
            assert_same(&back, &moments);
            /* And it goes on: there is room above what was read. */
            add(&back, values, COUNT);
            add(&moments, values, COUNT);
            assert_same(&back, &moments);
            rnl_moments_fini(&back);
            rnl_moments_fini(&moments);
        }
    }
}

static void every_cut_and_every_flipped_bit_is_refused(void **state)
{
    (void)state;
    static double values[COUNT];
    numbers_fill(NUMBERS_MIXED, 4, values, COUNT);
    struct rnl_moments moments = make(values, COUNT);
    struct rnl_moments target = make(values, 3), before = make(values, 3);
    struct bytes bytes = bytes_of(&moments);
    for (size_t len = 0; len < bytes.len; len++)
        assert_int_not_equal(rnl_moments_deserialize(&target, bytes.data, len),
                             RNL_OK);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(
            rnl_moments_deserialize(&target, bytes.data, bytes.len), RNL_OK);
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_same(&target, &before);
    bytes.data[4] = 2;
    assert_int_equal(rnl_moments_deserialize(&target, bytes.data, bytes.len),
                     RNL_UNIMPLEMENTED);
    rnl_moments_fini(&moments);
    rnl_moments_fini(&target);
    rnl_moments_fini(&before);
}

static void seal(struct bytes *bytes)
{
    uint64_t hash = rnl_hash(bytes->data, bytes->len - 8, 0);
    for (size_t i = 0; i < 8; i++)
        bytes->data[bytes->len - 8 + i] = (uint8_t)(hash >> (8 * i));
}

/* Two values, from -1 to 1, whose sum and sum of squares have one limb each. */
struct forgery {
    double min;
    int64_t sum_base;
    uint64_t sum;
    int64_t squares_base;
    uint64_t squares;
};

static enum rnl_code read_forged(const struct forgery *forgery)
{
    uint8_t bytes[200];
    uint8_t *at = rnl_sketch_head(bytes, "RMOM", 1);
    at = rnl_put_varint(at, 2);
    at = rnl_put_double(at, forgery->min);
    at = rnl_put_double(at, 1);
    at = rnl_put_varint(at, rnl_zigzag(forgery->sum_base));
    at = rnl_put_varint(at, 1);
    at = rnl_put_word(at, forgery->sum);
    at = rnl_put_varint(at, rnl_zigzag(forgery->squares_base));
    at = rnl_put_varint(at, 1);
    at = rnl_put_word(at, forgery->squares);
    rnl_sketch_seal(bytes, at);
    struct rnl_moments read = make(NULL, 0);
    enum rnl_code code =
        rnl_moments_deserialize(&read, bytes, (size_t)(at - bytes) + 8);
    rnl_moments_fini(&read);
    return code;
}

static void what_no_values_have_is_refused(void **state)
{
    (void)state;
    const struct forgery good = {-1, 0, 2, 0, 2};
    const struct forgery bad[] = {
        {-0.0, 0, 2, 0, 2},                          /* One form of zero. */
        {NAN, 0, 2, 0, 2},         {2, 0, 2, 0, 2},  /* Above the maximum. */
        {-INFINITY, 0, 2, 0, 2},   {-1, 0, 3, 0, 2}, /* Negative variance. */
        {-1, 0, 0, 0, 2},          /* A limb that is left away. */
        {-1, 0, 2, 0, UINT64_MAX}, /* A negative square. */
        {-1, -35, 2, 0, 2},        {-1, 38, 2, 38, 2}, /* Too far. */
        {-1, 0, 2, 38, 2},         {-1, INT64_MIN, 2, 0, 2},
    };
    assert_int_equal(read_forged(&good), RNL_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(read_forged(&bad[i]), RNL_INVALID_ARGUMENT);
}

/* A forger who knows the hash: nothing that is accepted may be out of form,
 * misbehave later, or be changed by another round. */
static void forged_bytes_are_refused_or_harmless(void **state)
{
    (void)state;
    static double values[COUNT];
    uint64_t seed = 1;
    size_t refused = 0;
    for (int round = 0; round < 20000; round++) {
        numbers_fill((enum numbers_kind)(round % NUMBERS_KINDS), 4, values, 20);
        struct rnl_moments moments = make(values, 20);
        struct bytes bytes = bytes_of(&moments);
        size_t at = 5 + splitmix(&seed) % (bytes.len - 13);
        bytes.data[at] = (uint8_t)splitmix(&seed);
        seal(&bytes);
        struct rnl_moments read;
        rnl_moments_init(&read);
        if (rnl_moments_deserialize(&read, bytes.data, bytes.len) == RNL_OK) {
            struct bytes again = bytes_of(&read);
            assert_int_equal(again.len, bytes.len);
            assert_memory_equal(again.data, bytes.data, bytes.len);
            assert_true(summary_of(&read).variance >= 0);
            enum rnl_code code = rnl_moments_merge(&moments, &read);
            assert_true(code == RNL_OK || code == RNL_OUT_OF_RANGE);
            assert_true(summary_of(&moments).variance >= 0);
        } else {
            refused++;
        }
        rnl_moments_fini(&read);
        rnl_moments_fini(&moments);
    }
    assert_true(refused > 1000);
}

/* ---- limits ---- */

static void a_count_at_its_limit_stays_there_and_says_so(void **state)
{
    (void)state;
    const double value = 3;
    struct rnl_moments moments = make(&value, 1);
    for (int i = 0; i < 64; i++) {
        assert_false(summary_of(&moments).saturated);
        assert_true(summary_of(&moments).mean == 3);
        assert_int_equal(rnl_moments_merge(&moments, &moments), RNL_OK);
    }
    struct rnl_moments_summary summary = summary_of(&moments);
    assert_true(summary.saturated && summary.count == UINT64_MAX);
    assert_true(summary.mean <= 3 && summary.variance >= 0);
    /* Sums have room for more, but not for ever. */
    enum rnl_code code = RNL_OK;
    for (int i = 0; i < 100000 && code == RNL_OK; i++)
        code = rnl_moments_merge(&moments, &moments);
    assert_int_equal(code, RNL_OUT_OF_RANGE);
    assert_true(isfinite(summary_of(&moments).sum));
    rnl_moments_fini(&moments);
}

static enum rnl_code fill_wide(struct rnl_moments *moments)
{
    static const double values[] = {1e300, 1e-300, -1e200};
    struct rnl_spread spread;
    rnl_spread_f64(values, 3, &spread);
    return rnl_moments_update_f64(moments, values, 3, &spread);
}

static void want_of_memory_leaves_everything_as_it_was(void **state)
{
    (void)state;
    const double value = 1;
    struct rnl_moments moments = make(&value, 1), before = make(&value, 1);
    fault_count();
    struct rnl_moments wide;
    rnl_moments_init(&wide);
    assert_int_equal(fill_wide(&wide), RNL_OK);
    size_t allocations = fault_stop();
    assert_true(allocations >= 2);
    struct bytes bytes = bytes_of(&wide);
    for (size_t k = 1; k <= allocations; k++) {
        fault_at(k, false);
        assert_int_equal(fill_wide(&moments), RNL_RESOURCE_EXHAUSTED);
        fault_stop();
        assert_same(&moments, &before);
        fault_at(k, false);
        assert_int_equal(rnl_moments_copy(&before, &wide),
                         RNL_RESOURCE_EXHAUSTED);
        fault_stop();
        fault_at(k, false);
        assert_int_equal(
            rnl_moments_deserialize(&before, bytes.data, bytes.len),
            RNL_RESOURCE_EXHAUSTED);
        fault_stop();
        assert_same(&moments, &before);
        rnl_moments_fini(&moments);
        moments = make(&value, 1);
    }
    rnl_moments_fini(&moments);
    rnl_moments_fini(&before);
    rnl_moments_fini(&wide);
}

static void after_reserve_an_update_needs_no_memory(void **state)
{
    (void)state;
    static const double values[] = {1e300, 1e-300, -1e200};
    struct rnl_spread spread;
    rnl_spread_f64(values, 3, &spread);
    struct rnl_moments moments;
    rnl_moments_init(&moments);
    assert_int_equal(rnl_moments_reserve(&moments, &spread), RNL_OK);
    fault_at(1, true);
    for (int i = 0; i < 100; i++)
        assert_int_equal(fill_wide(&moments), RNL_OK);
    assert_int_equal(fault_stop(), 0);
    rnl_moments_fini(&moments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_and_variance_are_those_of_two_careful_passes),
        cmocka_unit_test(a_variance_far_from_zero_is_exact),
        cmocka_unit_test(what_cancels_leaves_nothing),
        cmocka_unit_test(equal_values_have_themselves_as_mean_and_no_variance),
        cmocka_unit_test(sums_beyond_double_are_its_largest_number),
        cmocka_unit_test(an_empty_one_answers_zeros),
        cmocka_unit_test(nan_and_infinity_are_skipped),
        cmocka_unit_test(five_shards_merge_to_equal_bytes_in_all_orders),
        cmocka_unit_test(every_way_to_count_gives_equal_bytes),
        cmocka_unit_test(batches_of_every_exponent_are_exact),
        cmocka_unit_test(a_sum_is_rounded_once_and_to_even),
        cmocka_unit_test(a_sum_that_was_read_back_can_carry),
        cmocka_unit_test(floats_count_as_the_doubles_they_are),
        cmocka_unit_test(a_merge_with_itself_doubles_it),
        cmocka_unit_test(reset_leaves_nothing_behind),
        cmocka_unit_test(common_values_need_no_heap),
        cmocka_unit_test(bytes_come_back_as_the_same_moments),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_refused),
        cmocka_unit_test(what_no_values_have_is_refused),
        cmocka_unit_test(forged_bytes_are_refused_or_harmless),
        cmocka_unit_test(a_count_at_its_limit_stays_there_and_says_so),
        cmocka_unit_test(want_of_memory_leaves_everything_as_it_was),
        cmocka_unit_test(after_reserve_an_update_needs_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
