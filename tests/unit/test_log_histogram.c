/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "fault.h"
#include "hash.h"
#include "log_histogram.h"
#include "numbers.h"
#include "splitmix.h"

#define COUNT  5000
#define SHARDS 5

/* ---- builders ---- */

static void add(struct rnl_histogram *histogram, const double *values,
                size_t count)
{
    struct rnl_spread spread;
    rnl_spread_f64(values, count, &spread);
    assert_int_equal(
        rnl_histogram_update_f64(histogram, values, count, &spread), RNL_OK);
}

static struct rnl_histogram make(const double *values, size_t count)
{
    struct rnl_histogram histogram;
    rnl_histogram_init(&histogram);
    add(&histogram, values, count);
    return histogram;
}

static uint8_t *bytes_of(const struct rnl_histogram *histogram, size_t *ret_len)
{
    *ret_len = rnl_histogram_serialized_len(histogram);
    uint8_t *bytes = malloc(*ret_len);
    assert_non_null(bytes);
    rnl_histogram_serialize(histogram, bytes);
    return bytes;
}

static bool same(const struct rnl_histogram *a, const struct rnl_histogram *b)
{
    size_t left_len, right_len;
    uint8_t *left = bytes_of(a, &left_len);
    uint8_t *right = bytes_of(b, &right_len);
    bool equal = left_len == right_len && memcmp(left, right, left_len) == 0;
    free(left);
    free(right);
    return equal;
}

static void merge(struct rnl_histogram *target,
                  const struct rnl_histogram *source)
{
    assert_int_equal(rnl_histogram_merge(target, source), RNL_OK);
}

/* ---- right answers ---- */

static void every_quantile_is_within_the_error(void **state)
{
    (void)state;
    static double values[COUNT];
    for (int kind = 0; kind < NUMBERS_ANY; kind++) {
        numbers_fill((enum numbers_kind)kind, 17, values, COUNT);
        struct rnl_histogram histogram = make(values, COUNT);
        assert_int_equal(rnl_histogram_count(&histogram), COUNT);
        assert_int_equal(rnl_histogram_collapsed(&histogram), 0);
        numbers_sort(values, COUNT);
        for (size_t rank = 1; rank <= COUNT; rank++) {
            double q = ((double)rank - 0.5) / COUNT;
            double found = rnl_histogram_quantile(&histogram, q);
            double right = values[rank - 1];
            assert_true(fabs(found - right) <=
                        RNL_HISTOGRAM_ERROR * fabs(right));
        }
        rnl_histogram_fini(&histogram);
    }
}

static void many_quantiles_at_once_are_those_one_by_one(void **state)
{
    (void)state;
    static double values[COUNT];
    const double q[] = {0, 0, 0.01, 0.5, 0.5, 0.99, 1, NAN, -0.1, 1.1, 1};
    const size_t q_count = sizeof(q) / sizeof(q[0]);
    double found[sizeof(q) / sizeof(q[0])];
    numbers_fill(NUMBERS_MIXED, 1, values, COUNT);
    struct rnl_histogram histogram = make(values, COUNT);
    rnl_histogram_quantiles(&histogram, q, q_count, found);
    for (size_t i = 0; i < q_count; i++) {
        double alone = rnl_histogram_quantile(&histogram, q[i]);
        assert_true(alone == found[i] || (isnan(alone) && isnan(found[i])));
    }
    assert_true(isnan(found[7]) && isnan(found[8]) && isnan(found[9]));
    rnl_histogram_fini(&histogram);
}

static void an_empty_one_answers_nan_and_holds_nothing(void **state)
{
    (void)state;
    struct rnl_histogram histogram = make(NULL, 0);
    struct rnl_histogram_bucket bucket;
    assert_true(isnan(rnl_histogram_quantile(&histogram, 0.5)));
    assert_true(isnan(rnl_histogram_rank(&histogram, 1)));
    assert_int_equal(rnl_histogram_buckets(&histogram, &bucket, 1), 0);
    assert_int_equal(rnl_histogram_heap_bytes(&histogram), 0);
    assert_true(sizeof(histogram) < 200);
    assert_true(rnl_histogram_serialized_len(&histogram) < 20);
    rnl_histogram_fini(&histogram);
}

static void ranks_at_powers_of_two_are_exact(void **state)
{
    (void)state;
    static double values[COUNT];
    for (int kind = 0; kind < NUMBERS_ANY; kind++) {
        numbers_fill((enum numbers_kind)kind, 5, values, COUNT);
        struct rnl_histogram histogram = make(values, COUNT);
        for (int exponent = -31; exponent < 30; exponent++) {
            double edge = exponent == -31 ? 0 : ldexp(1, exponent);
            size_t below = 0;
            for (size_t i = 0; i < COUNT; i++)
                below += values[i] <= edge;
            assert_true(rnl_histogram_rank(&histogram, edge) ==
                        (double)below / COUNT);
        }
        rnl_histogram_fini(&histogram);
    }
}

/* Latencies of 5, 10 and 20: two of three are at or below 10. */
static void values_that_repeat_count_in_full(void **state)
{
    (void)state;
    static const double values[] = {5, 10, 20, -3, -3, -7};
    struct rnl_histogram histogram = make(values, 6);
    assert_true(rnl_histogram_rank(&histogram, 10) == 5.0 / 6);
    assert_true(rnl_histogram_rank(&histogram, 5) == 4.0 / 6);
    assert_true(rnl_histogram_rank(&histogram, 4) == 3.0 / 6);
    assert_true(rnl_histogram_rank(&histogram, -3) == 3.0 / 6);
    assert_true(rnl_histogram_rank(&histogram, -6) == 1.0 / 6);
    assert_true(rnl_histogram_rank(&histogram, -8) == 0);
    rnl_histogram_fini(&histogram);
}

/* Anywhere else, a rank may be off by what is in the bin of the value. */
static void ranks_rise_from_0_to_1_and_are_off_by_a_bin_at_most(void **state)
{
    (void)state;
    static double values[COUNT];
    for (int kind = 0; kind < NUMBERS_ANY; kind++) {
        numbers_fill((enum numbers_kind)kind, 6, values, COUNT);
        struct rnl_histogram histogram = make(values, COUNT);
        numbers_sort(values, COUNT);
        double last = 0;
        for (size_t i = 0; i < COUNT; i += 7) {
            double rank = rnl_histogram_rank(&histogram, values[i]);
            double margin = fabs(values[i]) * 2.1 * RNL_HISTOGRAM_ERROR;
            size_t low = 0, high = 0;
            for (size_t j = 0; j < COUNT; j++) {
                low += values[j] <= values[i] - margin;
                high += values[j] <= values[i] + margin;
            }
            assert_true(rank >= last);
            assert_true(rank >= (double)low / COUNT - 1e-12);
            assert_true(rank <= (double)high / COUNT + 1e-12);
            last = rank;
        }
        assert_true(rnl_histogram_rank(&histogram, INFINITY) == 1);
        assert_true(rnl_histogram_rank(&histogram, DBL_MAX) == 1);
        assert_true(rnl_histogram_rank(&histogram, -INFINITY) == 0);
        assert_true(isnan(rnl_histogram_rank(&histogram, NAN)));
        rnl_histogram_fini(&histogram);
    }
}

static void check_buckets(const double *values, size_t count, size_t cap)
{
    struct rnl_histogram_bucket buckets[500];
    struct rnl_histogram histogram = make(values, count);
    size_t found = rnl_histogram_buckets(&histogram, buckets, cap);
    assert_true(found >= 1 && found <= cap);
    uint64_t total = 0;
    for (size_t b = 0; b < found; b++) {
        assert_true(buckets[b].lower <= buckets[b].upper);
        assert_true(b == 0 || buckets[b].lower >= buckets[b - 1].upper);
        assert_true(buckets[b].count > 0);
        assert_true(isfinite(buckets[b].lower) && isfinite(buckets[b].upper));
        total += buckets[b].count;
    }
    assert_int_equal(total, count);
    for (size_t i = 0; i < count; i++) {
        size_t b = 0;
        while (b < found && values[i] > buckets[b].upper)
            b++;
        assert_true(b < found && values[i] >= buckets[b].lower);
    }
    rnl_histogram_fini(&histogram);
}

static void buckets_cover_all_values_whatever_their_number(void **state)
{
    (void)state;
    static double values[COUNT];
    static const size_t caps[] = {1, 2, 3, 4, 5, 10, 50, 500};
    for (int kind = 0; kind < NUMBERS_KINDS; kind++) {
        numbers_fill((enum numbers_kind)kind, 6, values, COUNT);
        /* What collapses is in a bucket, but not in the one of its value. */
        if (kind == NUMBERS_ANY)
            continue;
        for (size_t c = 0; c < sizeof(caps) / sizeof(caps[0]); c++)
            check_buckets(values, COUNT, caps[c]);
    }
    const double ends[] = {-DBL_MAX, DBL_MAX};
    check_buckets(ends, 2, 1);
    check_buckets(ends, 2, 2);
}

static void nan_and_infinity_are_skipped(void **state)
{
    (void)state;
    const double values[] = {1, NAN, -2, INFINITY, 0, -INFINITY, 1e-310};
    const double kept[] = {1, -2, 0, 1e-310};
    struct rnl_histogram dirty = make(values, 7), clean = make(kept, 4);
    assert_true(same(&dirty, &clean));
    assert_int_equal(rnl_histogram_update(&dirty, NAN, 1), RNL_OK);
    assert_int_equal(rnl_histogram_update(&dirty, -INFINITY, 1), RNL_OK);
    assert_true(same(&dirty, &clean));
    rnl_histogram_fini(&dirty);
    rnl_histogram_fini(&clean);
}

/* ---- one content, one form ---- */

/* NUMBERS_ANY collapses, in each shard at another place. */
static void five_shards_merge_to_equal_bytes_in_all_orders(void **state)
{
    (void)state;
    static double values[COUNT];
    for (int kind = 0; kind < NUMBERS_KINDS; kind++) {
        numbers_fill((enum numbers_kind)kind, 3, values, COUNT);
        struct rnl_histogram whole = make(values, COUNT);
        struct rnl_histogram shards[SHARDS];
        for (size_t s = 0; s < SHARDS; s++)
            shards[s] = make(values + s * COUNT / SHARDS, COUNT / SHARDS);
        size_t order[SHARDS] = {0, 1, 2, 3, 4};
        for (int permutation = 0; permutation < 120; permutation++) {
            struct rnl_histogram merged;
            rnl_histogram_init(&merged);
            for (size_t s = 0; s < SHARDS; s++)
                merge(&merged, &shards[order[s]]);
            assert_true(same(&merged, &whole));
            rnl_histogram_fini(&merged);
            numbers_permute(order, SHARDS);
        }
        for (size_t s = 0; s < SHARDS; s++)
            rnl_histogram_fini(&shards[s]);
        rnl_histogram_fini(&whole);
    }
}

static void every_way_to_count_gives_equal_bytes(void **state)
{
    (void)state;
    static double values[COUNT];
    for (int kind = 0; kind < NUMBERS_KINDS; kind++) {
        numbers_fill((enum numbers_kind)kind, 5, values, COUNT);
        struct rnl_histogram whole = make(values, COUNT);
        struct rnl_histogram ones, batches;
        rnl_histogram_init(&ones);
        rnl_histogram_init(&batches);
        for (size_t i = COUNT; i > 0; i--)
            assert_int_equal(rnl_histogram_update(&ones, values[i - 1], 1),
                             RNL_OK);
        for (size_t from = 0, len = 1; from < COUNT; from += len, len++) {
            len = len < COUNT - from ? len : COUNT - from;
            add(&batches, values + from, len);
        }
        assert_true(same(&ones, &whole));
        assert_true(same(&batches, &whole));
        rnl_histogram_fini(&ones);
        rnl_histogram_fini(&batches);
        rnl_histogram_fini(&whole);
    }
}

static void floats_count_as_the_doubles_they_are(void **state)
{
    (void)state;
    static float narrow[COUNT];
    static double wide[COUNT];
    for (int kind = 0; kind < NUMBERS_ANY; kind++) {
        numbers_fill((enum numbers_kind)kind, 7, wide, COUNT);
        wide[0] = 1e-40; /* A subnormal float is a normal double. */
        for (size_t i = 0; i < COUNT; i++) {
            narrow[i] = (float)wide[i];
            wide[i] = (double)narrow[i];
        }
        struct rnl_histogram floats, doubles = make(wide, COUNT);
        struct rnl_spread spread;
        rnl_histogram_init(&floats);
        rnl_spread_f32(narrow, COUNT, &spread);
        assert_int_equal(
            rnl_histogram_update_f32(&floats, narrow, COUNT, &spread), RNL_OK);
        assert_true(same(&floats, &doubles));
        rnl_histogram_fini(&floats);
        rnl_histogram_fini(&doubles);
    }
}

static void a_weight_counts_as_that_many_values(void **state)
{
    (void)state;
    static double values[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        values[i] = -7;
    struct rnl_histogram many = make(values, COUNT), one = make(NULL, 0);
    assert_int_equal(rnl_histogram_update(&one, -7, COUNT), RNL_OK);
    assert_int_equal(rnl_histogram_update(&one, 1e9, 0), RNL_OK);
    assert_true(same(&many, &one));
    rnl_histogram_fini(&many);
    rnl_histogram_fini(&one);
}

static void subtracting_is_as_if_never_merged(void **state)
{
    (void)state;
    static double values[COUNT], others[COUNT];
    for (int kind = 0; kind < NUMBERS_ANY; kind++) {
        for (int other = 0; other < NUMBERS_ANY; other++) {
            numbers_fill((enum numbers_kind)kind, 1, values, COUNT);
            numbers_fill((enum numbers_kind)other, 2, others, COUNT);
            struct rnl_histogram kept = make(values, COUNT);
            struct rnl_histogram gone = make(others, COUNT);
            struct rnl_histogram both = make(NULL, 0);
            merge(&both, &gone);
            merge(&both, &kept);
            if (rnl_histogram_collapsed(&both) == 0) {
                assert_int_equal(rnl_histogram_subtract(&both, &gone), RNL_OK);
                assert_true(same(&both, &kept));
                assert_int_equal(rnl_histogram_subtract(&both, &both), RNL_OK);
                assert_int_equal(rnl_histogram_count(&both), 0);
            }
            rnl_histogram_fini(&kept);
            rnl_histogram_fini(&gone);
            rnl_histogram_fini(&both);
        }
    }
}

/* A window over panes, as the engine does it: a hundred of them come and
 * go, and it stays equal to the sum of the last ten. */
static void a_sliding_window_is_the_sum_of_its_panes(void **state)
{
    (void)state;
    enum { PANES = 100, WINDOW = 10, EVENTS = 50 };
    static double values[EVENTS];
    struct rnl_histogram panes[PANES], window = make(NULL, 0);
    for (size_t p = 0; p < PANES; p++) {
        numbers_fill((enum numbers_kind)(p % NUMBERS_ANY), p, values, EVENTS);
        panes[p] = make(values, EVENTS);
        merge(&window, &panes[p]);
        if (p < WINDOW)
            continue;
        assert_int_equal(rnl_histogram_subtract(&window, &panes[p - WINDOW]),
                         RNL_OK);
        struct rnl_histogram rebuilt = make(NULL, 0);
        for (size_t i = p - WINDOW + 1; i <= p; i++)
            merge(&rebuilt, &panes[i]);
        assert_int_equal(rnl_histogram_collapsed(&window), 0);
        assert_true(same(&window, &rebuilt));
        rnl_histogram_fini(&rebuilt);
    }
    for (size_t p = 0; p < PANES; p++)
        rnl_histogram_fini(&panes[p]);
    rnl_histogram_fini(&window);
}

static void what_was_never_merged_is_not_subtracted(void **state)
{
    (void)state;
    const double few[] = {1, 2, -3, 0, 5};
    static const double strange[] = {1.5, -1, 1e9, 1e-9, -1e9};
    struct rnl_histogram target = make(few, 5), before = make(few, 5);
    for (size_t i = 0; i < 5; i++) {
        struct rnl_histogram source = make(strange + i, 1);
        assert_int_equal(rnl_histogram_subtract(&target, &source),
                         RNL_INVALID_ARGUMENT);
        rnl_histogram_fini(&source);
        /* There, but not as often. */
        source = make(few + i, 1);
        merge(&source, &source);
        assert_int_equal(rnl_histogram_subtract(&target, &source),
                         RNL_INVALID_ARGUMENT);
        rnl_histogram_fini(&source);
    }
    assert_true(same(&target, &before));
    rnl_histogram_fini(&target);
    rnl_histogram_fini(&before);
}

static void a_copy_is_equal_and_its_own(void **state)
{
    (void)state;
    static double values[COUNT];
    numbers_fill(NUMBERS_ANY, 2, values, COUNT);
    struct rnl_histogram histogram = make(values, COUNT),
                         copy = make(values, 1);
    assert_int_equal(rnl_histogram_copy(&copy, &histogram), RNL_OK);
    assert_true(same(&copy, &histogram));
    rnl_histogram_reset(&histogram);
    assert_int_equal(rnl_histogram_count(&copy), COUNT);
    rnl_histogram_fini(&copy);
    rnl_histogram_fini(&histogram);
}

/* A pane's memory serves the next pane, wherever its values are. */
static void reset_leaves_nothing_behind(void **state)
{
    (void)state;
    static double values[COUNT];
    struct rnl_histogram used = make(NULL, 0);
    for (int round = 0; round < 3 * NUMBERS_KINDS; round++) {
        numbers_fill((enum numbers_kind)(round % NUMBERS_KINDS),
                     (uint64_t)round, values, COUNT);
        struct rnl_histogram fresh = make(values, COUNT);
        rnl_histogram_reset(&used);
        add(&used, values, COUNT);
        assert_true(same(&used, &fresh));
        rnl_histogram_fini(&fresh);
    }
    rnl_histogram_fini(&used);
}

/* ---- collapse ---- */

static void values_too_far_apart_collapse_and_say_so(void **state)
{
    (void)state;
    const double values[] = {1e-20, 2e-20, 1, 3, 1e10};
    struct rnl_histogram histogram = make(values, 5);
    assert_int_equal(rnl_histogram_collapsed(&histogram), 2);
    assert_int_equal(rnl_histogram_count(&histogram), 5);
    /* These two are now too high; all others keep their error. */
    double floor = rnl_histogram_quantile(&histogram, 0.1);
    assert_true(floor > 2e-20 && floor < 1e10 / 0x1p62);
    assert_true(rnl_histogram_quantile(&histogram, 0.4) == floor);
    for (size_t i = 2; i < 5; i++) {
        double found =
            rnl_histogram_quantile(&histogram, ((double)i + 0.5) / 5);
        assert_true(fabs(found / values[i] - 1) <= RNL_HISTOGRAM_ERROR);
    }
    rnl_histogram_fini(&histogram);
}

static void the_number_of_collapsed_values_does_not_depend_on_order(
    void **state)
{
    (void)state;
    const double rising[] = {1e-200, 1e-100, -1e-50, 1, 1e100, -1e200};
    struct rnl_histogram up = make(NULL, 0), down = make(NULL, 0);
    for (size_t i = 0; i < 6; i++) {
        add(&up, rising + i, 1);
        add(&down, rising + 5 - i, 1);
    }
    assert_int_equal(rnl_histogram_collapsed(&up), 4);
    assert_true(same(&up, &down));
    rnl_histogram_fini(&up);
    rnl_histogram_fini(&down);
}

/* Taking out what collapsed works as well, but the floor stays. */
static void collapsed_values_can_be_subtracted(void **state)
{
    (void)state;
    const double values[] = {1e-100, 1e-90, 1e-80, 1, 1e10};
    struct rnl_histogram all = make(values, 5);
    struct rnl_histogram low = make(values, 2), high = make(values + 3, 2);
    assert_int_equal(rnl_histogram_collapsed(&all), 3);
    assert_int_equal(rnl_histogram_subtract(&all, &low), RNL_OK);
    assert_int_equal(rnl_histogram_collapsed(&all), 1);
    assert_int_equal(rnl_histogram_subtract(&all, &low), RNL_INVALID_ARGUMENT);
    assert_int_equal(rnl_histogram_subtract(&all, &high), RNL_OK);
    assert_int_equal(rnl_histogram_count(&all), 1);
    assert_int_equal(rnl_histogram_collapsed(&all), 1);
    /* A lower value than the floor still collapses. */
    assert_int_equal(rnl_histogram_update(&all, 1e-70, 1), RNL_OK);
    assert_int_equal(rnl_histogram_collapsed(&all), 2);
    rnl_histogram_fini(&all);
    rnl_histogram_fini(&low);
    rnl_histogram_fini(&high);
}

/* The floor outlives its bytes, though there is room below it then. */
static void a_floor_stays_when_it_is_read_back(void **state)
{
    (void)state;
    const double values[] = {1e-100, 1, 1e10};
    const double around[] = {1e-11, 1e-9};
    struct rnl_histogram all = make(values, 3), high = make(values + 1, 2);
    struct rnl_histogram back = make(NULL, 0);
    size_t len;
    assert_int_equal(rnl_histogram_subtract(&all, &high), RNL_OK);
    uint8_t *bytes = bytes_of(&all, &len);
    assert_int_equal(rnl_histogram_deserialize(&back, bytes, len), RNL_OK);
    add(&back, around, 2);
    assert_int_equal(rnl_histogram_collapsed(&back), 2);
    add(&all, around, 2);
    assert_true(same(&all, &back));
    free(bytes);
    rnl_histogram_fini(&all);
    rnl_histogram_fini(&high);
    rnl_histogram_fini(&back);
}

/* What is below the floor of one collapses, whichever merges the other. */
static void the_higher_floor_holds_after_a_merge(void **state)
{
    (void)state;
    const double values[] = {1e-100, 1, 1e10}, low[] = {1e-12, 1};
    struct rnl_histogram floored = make(values, 3), high = make(values + 1, 2);
    assert_int_equal(rnl_histogram_subtract(&floored, &high), RNL_OK);
    struct rnl_histogram left = make(low, 2), right = make(NULL, 0);
    assert_int_equal(rnl_histogram_copy(&right, &floored), RNL_OK);
    merge(&right, &left);
    merge(&left, &floored);
    assert_int_equal(rnl_histogram_collapsed(&left), 2);
    assert_true(same(&left, &right));
    rnl_histogram_fini(&floored);
    rnl_histogram_fini(&high);
    rnl_histogram_fini(&left);
    rnl_histogram_fini(&right);
}

/* Octaves that were subtracted empty do not count for the range. */
static void what_is_gone_makes_nothing_collapse(void **state)
{
    (void)state;
    const double values[] = {1, 1e18, 1e-15};
    struct rnl_histogram window = make(values, 2), gone = make(values + 1, 1);
    struct rnl_histogram right = make(values, 1);
    assert_int_equal(rnl_histogram_subtract(&window, &gone), RNL_OK);
    add(&window, values + 2, 1);
    add(&right, values + 2, 1);
    assert_int_equal(rnl_histogram_collapsed(&window), 0);
    assert_true(same(&window, &right));
    rnl_histogram_fini(&window);
    rnl_histogram_fini(&gone);
    rnl_histogram_fini(&right);
}

static void subnormals_keep_their_bins(void **state)
{
    (void)state;
    double values[64];
    struct rnl_histogram ones = make(NULL, 0);
    for (size_t i = 0; i < 64; i++) {
        values[i] = ldexp(1.3, -1065 + (int)i % 60);
        assert_int_equal(rnl_histogram_update(&ones, values[i], 1), RNL_OK);
    }
    struct rnl_histogram batch = make(values, 64);
    assert_true(same(&ones, &batch));
    double lowest = rnl_histogram_quantile(&batch, 0);
    assert_true(fabs(lowest / values[0] - 1) < 2 * RNL_HISTOGRAM_ERROR);
    rnl_histogram_fini(&ones);
    rnl_histogram_fini(&batch);
}

static void memory_has_a_bound_and_grows_with_the_range(void **state)
{
    (void)state;
    static double values[COUNT];
    const double one = 12;
    struct rnl_histogram histogram = make(&one, 1);
    assert_true(rnl_histogram_heap_bytes(&histogram) <= 64 * 4 + 8);
    rnl_histogram_fini(&histogram);
    numbers_fill(NUMBERS_ANY, 2, values, COUNT);
    histogram = make(values, COUNT);
    for (int i = 0; i < 64; i++)
        merge(&histogram, &histogram);
    assert_true(rnl_histogram_heap_bytes(&histogram) <=
                2 * 8 * (RNL_HISTOGRAM_BINS_MAX + 1));
    rnl_histogram_fini(&histogram);
}

/* ---- counters at their limits ---- */

static void counters_of_4_bytes_become_8_in_time(void **state)
{
    (void)state;
    static const double values[] = {3, 5, 0, -7};
    struct rnl_histogram histogram = make(NULL, 0);
    assert_int_equal(rnl_histogram_update(&histogram, 3, UINT32_MAX - 1),
                     RNL_OK);
    assert_false(histogram.positive.wide);
    for (int i = 0; i < 4; i++)
        add(&histogram, values, 4);
    assert_true(histogram.positive.wide);
    assert_int_equal(rnl_histogram_count(&histogram),
                     (uint64_t)UINT32_MAX - 1 + 16);
    assert_int_equal(histogram.zeros, 4);
    assert_int_equal(histogram.negative.total, 4);
    assert_false(rnl_histogram_saturated(&histogram));
    rnl_histogram_fini(&histogram);
}

static void counters_saturate_and_say_so(void **state)
{
    (void)state;
    static const double values[] = {3, 5, 0, -7};
    struct rnl_histogram histogram = make(values, 4), one = make(values, 1);
    assert_int_equal(rnl_histogram_update(&histogram, 3, UINT64_MAX - 4),
                     RNL_OK);
    assert_true(rnl_histogram_saturated(&histogram));
    for (int i = 0; i < 4; i++)
        add(&histogram, values, 4);
    merge(&histogram, &histogram);
    assert_int_equal(rnl_histogram_count(&histogram), UINT64_MAX);
    assert_int_equal(rnl_histogram_subtract(&histogram, &one),
                     RNL_OUT_OF_RANGE);
    double median = rnl_histogram_quantile(&histogram, 0.5);
    assert_true(fabs(median / 3 - 1) <= RNL_HISTOGRAM_ERROR);
    assert_true(rnl_histogram_rank(&histogram, 8) <= 1);
    rnl_histogram_fini(&histogram);
    rnl_histogram_fini(&one);
}

static void zeros_saturate_in_a_batch(void **state)
{
    (void)state;
    static const double values[] = {0, 1, 0, 2, -0.0};
    struct rnl_histogram histogram = make(NULL, 0);
    assert_int_equal(rnl_histogram_update(&histogram, 0, UINT64_MAX - 1),
                     RNL_OK);
    add(&histogram, values, 5);
    assert_int_equal(histogram.zeros, UINT64_MAX);
    assert_int_equal(histogram.positive.total, 2);
    assert_true(rnl_histogram_saturated(&histogram));
    rnl_histogram_fini(&histogram);
}

/* ---- bytes ---- */

static void bytes_come_back_as_the_same_histogram(void **state)
{
    (void)state;
    static double values[COUNT];
    for (int kind = 0; kind < NUMBERS_KINDS; kind++) {
        numbers_fill((enum numbers_kind)kind, 4, values, COUNT);
        struct rnl_histogram histogram = make(values, COUNT);
        struct rnl_histogram back = make(values, 7);
        size_t len;
        uint8_t *bytes = bytes_of(&histogram, &len);
        assert_int_equal(rnl_histogram_deserialize(&back, bytes, len), RNL_OK);
        assert_true(same(&back, &histogram));
        add(&back, values, COUNT);
        add(&histogram, values, COUNT);
        assert_true(same(&back, &histogram));
        free(bytes);
        rnl_histogram_fini(&back);
        rnl_histogram_fini(&histogram);
    }
}

static void every_cut_and_every_flipped_bit_is_refused(void **state)
{
    (void)state;
    static double values[COUNT];
    numbers_fill(NUMBERS_MIXED, 4, values, COUNT);
    struct rnl_histogram histogram = make(values, COUNT);
    struct rnl_histogram target = make(values, 3), before = make(values, 3);
    size_t len;
    uint8_t *bytes = bytes_of(&histogram, &len);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_not_equal(rnl_histogram_deserialize(&target, bytes, cut),
                             RNL_OK);
    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(rnl_histogram_deserialize(&target, bytes, len),
                             RNL_OK);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(same(&target, &before));
    bytes[4] = 2;
    assert_int_equal(rnl_histogram_deserialize(&target, bytes, len),
                     RNL_UNIMPLEMENTED);
    free(bytes);
    rnl_histogram_fini(&histogram);
    rnl_histogram_fini(&target);
    rnl_histogram_fini(&before);
}

static void seal(uint8_t *bytes, size_t len)
{
    uint64_t hash = rnl_hash(bytes, len - 8, 0);
    for (size_t i = 0; i < 8; i++)
        bytes[len - 8 + i] = (uint8_t)(hash >> (8 * i));
}

/* Positive bins of that content, up to a negative number. */
static enum rnl_code read_forged(const int64_t *content)
{
    uint8_t bytes[200];
    uint8_t *at = rnl_sketch_head(bytes, "RLHG", 1);
    at = rnl_put_varint(at, 0);
    while (*content >= 0)
        at = rnl_put_varint(at, (uint64_t)*content++);
    at = rnl_put_varint(at, 0);
    rnl_sketch_seal(bytes, at);
    struct rnl_histogram read = make(NULL, 0);
    enum rnl_code code =
        rnl_histogram_deserialize(&read, bytes, (size_t)(at - bytes) + 8);
    rnl_histogram_fini(&read);
    return code;
}

static void every_content_has_one_form(void **state)
{
    (void)state;
    /* Number of bins, index of the first in zigzag, collapsed, counters. */
    static const int64_t good[][9] = {
        {3, 0, 0, 5, 0, 1, 7, -1},
        {2, 0, 5, 5, 1, -1},
    };
    static const int64_t bad[][9] = {
        {3, 0, 0, 5, 0, 2, -1},          /* The last bins are empty. */
        {2, 0, 0, 0, 1, 5, -1},          /* The first is. */
        {4, 0, 0, 5, 0, 1, 0, 1, 7},     /* Two runs of empty ones. */
        {3, 0, 0, 5, 0, 0, 7, -1},       /* A run of none. */
        {3, 0, 0, 5, 0, 9, 7, -1},       /* A run beyond the end. */
        {2, 0, 6, 5, 1, -1},             /* More collapsed than counted. */
        {2, 2, 1, 5, 1, -1},             /* Not at the begin of an octave. */
        {4097, 0, 0, 5, 0, 4095, 7, -1}, /* Too many bins. */
        {4096, 2, 0, 5, 0, 4094, 7, -1}, /* Over more than 64 octaves. */
        {1, 131072, 0, 5, -1},           /* Above the largest double. */
        {1, 137475, 0, 5, -1},           /* Below the smallest. */
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(read_forged(good[i]), RNL_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t content[10];
        memcpy(content, bad[i], sizeof(bad[i]));
        content[9] = -1;
        assert_int_equal(read_forged(content), RNL_INVALID_ARGUMENT);
    }
}

static void every_varint_has_one_form(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[RNL_VARINT_MAX];
        size_t len;
        bool good;
    } cases[] = {
        {{0}, 1, true},
        {{0x80, 0x01}, 2, true},
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, 10, true},
        {{0x80, 0}, 2, false},
        {{0x80}, 1, false},
        /* A 65th bit, which a reader of protobuf drops. */
        {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 3}, 10, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rnl_wire in = rnl_wire_of(cases[i].bytes, cases[i].len);
        uint64_t number;
        assert_int_equal(rnl_get_varint(&in, &number), cases[i].good);
    }
}

/* What an accepted forgery must bear. */
static void use(struct rnl_histogram *read, const uint8_t *bytes, size_t len)
{
    size_t again_len;
    uint8_t *again = bytes_of(read, &again_len);
    assert_int_equal(again_len, len);
    assert_memory_equal(again, bytes, len);
    free(again);
    const double more[] = {-1e300, 1e300, 0, 1};
    struct rnl_histogram_bucket buckets[10];
    add(read, more, 4);
    assert_true(rnl_histogram_buckets(read, buckets, 10) >= 1);
    assert_false(isnan(rnl_histogram_quantile(read, 0.5)));
    merge(read, read);
}

/* A forger who knows the hash. */
static void forged_bytes_are_refused_or_harmless(void **state)
{
    (void)state;
    static double values[COUNT];
    uint64_t seed = 1;
    size_t refused = 0;
    for (int round = 0; round < 20000; round++) {
        numbers_fill((enum numbers_kind)(round % NUMBERS_KINDS), 4, values, 20);
        struct rnl_histogram histogram = make(values, 20);
        size_t len;
        uint8_t *bytes = bytes_of(&histogram, &len);
        for (int i = 0; i <= round % 3; i++)
            bytes[5 + splitmix(&seed) % (len - 13)] = (uint8_t)splitmix(&seed);
        seal(bytes, len);
        struct rnl_histogram read = make(NULL, 0);
        if (rnl_histogram_deserialize(&read, bytes, len) == RNL_OK)
            use(&read, bytes, len);
        else
            refused++;
        free(bytes);
        rnl_histogram_fini(&read);
        rnl_histogram_fini(&histogram);
    }
    assert_true(refused > 1000);
}

/* ---- want of memory ---- */

static void want_of_memory_leaves_everything_as_it_was(void **state)
{
    (void)state;
    const double few[] = {1, 2, 3}, more[] = {-1, 1e9, 1e-9};
    struct rnl_spread spread;
    rnl_spread_f64(more, 3, &spread);
    struct rnl_histogram target = make(few, 3), before = make(few, 3);
    struct rnl_histogram source = make(more, 3);
    size_t len;
    uint8_t *bytes = bytes_of(&source, &len);
    for (size_t k = 1; k <= 2; k++) {
        fault_at(k, true);
        assert_int_equal(rnl_histogram_update_f64(&target, more, 3, &spread),
                         RNL_RESOURCE_EXHAUSTED);
        fault_stop();
        assert_true(same(&target, &before));
        fault_at(k, true);
        assert_int_equal(rnl_histogram_deserialize(&target, bytes, len),
                         RNL_RESOURCE_EXHAUSTED);
        fault_stop();
        assert_true(same(&target, &before));
        fault_at(k, true);
        assert_int_equal(rnl_histogram_copy(&target, &source),
                         RNL_RESOURCE_EXHAUSTED);
        fault_stop();
        assert_true(same(&target, &before));
        rnl_histogram_fini(&target);
        target = make(few, 3);
        fault_at(k, true);
        assert_int_equal(rnl_histogram_merge(&target, &source),
                         RNL_RESOURCE_EXHAUSTED);
        fault_stop();
        assert_true(same(&target, &before));
        rnl_histogram_fini(&target);
        target = make(few, 3);
    }
    free(bytes);
    rnl_histogram_fini(&target);
    rnl_histogram_fini(&before);
    rnl_histogram_fini(&source);
}

static void after_reserve_an_update_needs_no_memory(void **state)
{
    (void)state;
    static double values[COUNT];
    for (int kind = 0; kind < NUMBERS_KINDS; kind++) {
        numbers_fill((enum numbers_kind)kind, 8, values, COUNT);
        struct rnl_spread spread;
        rnl_spread_f64(values, COUNT, &spread);
        struct rnl_histogram histogram = make(NULL, 0);
        assert_int_equal(rnl_histogram_reserve(&histogram, COUNT, &spread),
                         RNL_OK);
        fault_at(1, true);
        assert_int_equal(
            rnl_histogram_update_f64(&histogram, values, COUNT, &spread),
            RNL_OK);
        assert_int_equal(fault_stop(), 0);
        rnl_histogram_fini(&histogram);
    }
}

/* A column reserved for as a whole and counted in parts, of which the first
 * spreads less than the rest. */
static void a_reserved_column_may_be_counted_in_parts(void **state)
{
    (void)state;
    static const double values[] = {100, 110, 1, 1e6, 1e-3};
    struct rnl_spread spread;
    rnl_spread_f64(values, 5, &spread);
    struct rnl_histogram histogram = make(NULL, 0);
    assert_int_equal(rnl_histogram_reserve(&histogram, 5, &spread), RNL_OK);
    fault_at(1, true);
    rnl_spread_f64(values, 2, &spread);
    enum rnl_code first =
        rnl_histogram_update_f64(&histogram, values, 2, &spread);
    rnl_spread_f64(values + 2, 3, &spread);
    enum rnl_code second =
        rnl_histogram_update_f64(&histogram, values + 2, 3, &spread);
    fault_stop();
    assert_int_equal(first, RNL_OK);
    assert_int_equal(second, RNL_OK);
    assert_int_equal(rnl_histogram_count(&histogram), 5);
    rnl_histogram_fini(&histogram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_quantile_is_within_the_error),
        cmocka_unit_test(many_quantiles_at_once_are_those_one_by_one),
        cmocka_unit_test(an_empty_one_answers_nan_and_holds_nothing),
        cmocka_unit_test(ranks_at_powers_of_two_are_exact),
        cmocka_unit_test(values_that_repeat_count_in_full),
        cmocka_unit_test(ranks_rise_from_0_to_1_and_are_off_by_a_bin_at_most),
        cmocka_unit_test(buckets_cover_all_values_whatever_their_number),
        cmocka_unit_test(nan_and_infinity_are_skipped),
        cmocka_unit_test(five_shards_merge_to_equal_bytes_in_all_orders),
        cmocka_unit_test(every_way_to_count_gives_equal_bytes),
        cmocka_unit_test(floats_count_as_the_doubles_they_are),
        cmocka_unit_test(a_weight_counts_as_that_many_values),
        cmocka_unit_test(subtracting_is_as_if_never_merged),
        cmocka_unit_test(a_sliding_window_is_the_sum_of_its_panes),
        cmocka_unit_test(what_was_never_merged_is_not_subtracted),
        cmocka_unit_test(a_copy_is_equal_and_its_own),
        cmocka_unit_test(reset_leaves_nothing_behind),
        cmocka_unit_test(values_too_far_apart_collapse_and_say_so),
        cmocka_unit_test(
            the_number_of_collapsed_values_does_not_depend_on_order),
        cmocka_unit_test(collapsed_values_can_be_subtracted),
        cmocka_unit_test(a_floor_stays_when_it_is_read_back),
        cmocka_unit_test(the_higher_floor_holds_after_a_merge),
        cmocka_unit_test(what_is_gone_makes_nothing_collapse),
        cmocka_unit_test(subnormals_keep_their_bins),
        cmocka_unit_test(memory_has_a_bound_and_grows_with_the_range),
        cmocka_unit_test(counters_of_4_bytes_become_8_in_time),
        cmocka_unit_test(counters_saturate_and_say_so),
        cmocka_unit_test(zeros_saturate_in_a_batch),
        cmocka_unit_test(bytes_come_back_as_the_same_histogram),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_refused),
        cmocka_unit_test(every_content_has_one_form),
        cmocka_unit_test(every_varint_has_one_form),
        cmocka_unit_test(forged_bytes_are_refused_or_harmless),
        cmocka_unit_test(want_of_memory_leaves_everything_as_it_was),
        cmocka_unit_test(after_reserve_an_update_needs_no_memory),
        cmocka_unit_test(a_reserved_column_may_be_counted_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
