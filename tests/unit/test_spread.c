/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <math.h>
#include <string.h>

#include "numbers.h"
#include "simd.h"
#include "spread.h"

#define COUNT_MAX 100

/* One value after the other, by the words of the header. */
static struct rnl_spread defined_spread(const double *values, size_t count)
{
    struct rnl_spread spread = {.finite = true};
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        double size = fabs(values[i]);
        if (!isfinite(values[i])) {
            spread.finite = false;
            continue;
        }
        if (!any || values[i] < spread.min)
            spread.min = values[i];
        if (!any || values[i] > spread.max)
            spread.max = values[i];
        any = true;
        if (size > 0 && (spread.tiny == 0 || size < spread.tiny))
            spread.tiny = size;
        spread.huge = fmax(spread.huge, size);
        spread.zeros |= size == 0;
    }
    return spread;
}

static void assert_spread(const struct rnl_spread *found,
                          const struct rnl_spread *right)
{
    assert_true(found->min == right->min && found->max == right->max);
    assert_true(found->tiny == right->tiny && found->huge == right->huge);
    assert_false(signbit(found->min + 0.0) != signbit(found->min));
    assert_int_equal(found->finite, right->finite);
    assert_true(found->zeros || !right->zeros);
}

static void check_f64(const double *values, size_t count)
{
    struct rnl_spread found, right = defined_spread(values, count);
    for (int off = 0; off < 2; off++) {
        rnl_simd_off = off;
        rnl_spread_f64(values, count, &found);
        assert_spread(&found, &right);
    }
}

static void check_f32(const double *values, size_t count)
{
    float narrow[COUNT_MAX];
    double wide[COUNT_MAX];
    for (size_t i = 0; i < count; i++) {
        narrow[i] = (float)values[i];
        wide[i] = (double)narrow[i];
    }
    struct rnl_spread found, right = defined_spread(wide, count);
    for (int off = 0; off < 2; off++) {
        rnl_simd_off = off;
        rnl_spread_f32(narrow, count, &found);
        assert_spread(&found, &right);
    }
}

/* Lengths around those of the vectors; every kind of column. */
static void columns_of_every_kind_and_length(void **state)
{
    (void)state;
    double values[COUNT_MAX];
    for (int kind = 0; kind < NUMBERS_KINDS; kind++) {
        for (size_t count = 0; count <= COUNT_MAX; count++) {
            numbers_fill((enum numbers_kind)kind, count, values, count);
            check_f64(values, count);
            if (kind != NUMBERS_ANY)
                check_f32(values, count);
        }
    }
}

/* A value that matters at each place of a column, so that no lane is left
 * out. */
static void the_odd_one_is_found_at_every_place(void **state)
{
    (void)state;
    static const double odd[] = {-7,      9,   0.0,      -0.0,      1e-310,
                                 -1e-310, NAN, INFINITY, -INFINITY, 1e300};
    double values[COUNT_MAX];
    for (size_t o = 0; o < sizeof(odd) / sizeof(odd[0]); o++) {
        for (size_t at = 0; at < 40; at++) {
            for (size_t i = 0; i < 40; i++)
                values[i] = i == at ? odd[o] : 1 + (double)i / 64;
            check_f64(values, 40);
            check_f32(values, 40);
        }
    }
}

static void nothing_finite_gives_an_empty_spread(void **state)
{
    (void)state;
    const double values[] = {NAN, INFINITY, -INFINITY};
    struct rnl_spread found;
    rnl_spread_f64(values, 3, &found);
    assert_true(found.min == 0 && found.max == 0 && found.huge == 0);
    assert_false(found.finite);
    rnl_spread_f64(NULL, 0, &found);
    assert_true(found.finite && found.huge == 0 && !found.zeros);
}

/* A file's tests leave the switch as they found it. */
static int simd_on(void **state)
{
    (void)state;
    rnl_simd_off = false;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(columns_of_every_kind_and_length, simd_on),
        cmocka_unit_test_teardown(the_odd_one_is_found_at_every_place, simd_on),
        cmocka_unit_test(nothing_finite_gives_an_empty_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
