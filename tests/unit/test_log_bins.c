/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <float.h>
#include <math.h>

#include "log_bins.h"
#include "numbers.h"

/* Bin of a value by the definition, with the 64 bits of a long double's
 * mantissa: gamma^i < value <= gamma^(i + 1). Trusted when the logarithm is not
 * within an unlikely distance of an edge. */
static int32_t defined_index(double value, bool *ret_trusted)
{
    long double bins = 64 * log2l((long double)value);
    *ret_trusted = fabsl(bins - roundl(bins)) > 1e-13L * (fabsl(bins) + 1);
    return (int32_t)ceill(bins) - 1;
}

static void every_double_is_in_the_bin_of_its_logarithm(void **state)
{
    (void)state;
    uint64_t seed = 1;
    size_t compared = 0;
    for (int i = 0; i < 200000; i++) {
        double value = fabs(numbers_draw(NUMBERS_ANY, &seed));
        bool trusted;
        int32_t index = defined_index(value, &trusted);
        if (value == 0 || !trusted)
            continue;
        assert_int_equal(rnl_log_index(value), index);
        compared++;
    }
    assert_true(compared > 190000);
}

/* An edge 2^(j / 64) is irrational, and a long double has 11 bits more than
 * needed to tell which double is the first above it. */
static void neighbours_of_every_edge_fall_apart(void **state)
{
    (void)state;
    for (int octave = -1022; octave < 1024; octave += 31) {
        for (int j = 1; j < 64; j++) {
            long double edge = exp2l((long double)j / 64);
            double above = (double)edge;
            if ((long double)above < edge)
                above = nextafter(above, 2);
            double below = nextafter(above, 1);
            int32_t index = octave * 64 + j;
            assert_int_equal(rnl_log_index(ldexp(above, octave)), index);
            assert_int_equal(rnl_log_index(ldexp(below, octave)), index - 1);
        }
    }
}

static void a_power_of_two_is_the_upper_bound_of_its_bin(void **state)
{
    (void)state;
    for (int octave = -1074; octave < 1024; octave++) {
        double power = ldexp(1, octave);
        assert_int_equal(rnl_log_index(power), octave * 64 - 1);
        /* Among subnormals, the next double may be a whole octave away. */
        if (octave > -1060)
            assert_int_equal(rnl_log_index(nextafter(power, INFINITY)),
                             octave * 64);
        assert_true(rnl_log_edge(octave * 64) == power);
    }
}

static void the_ends_of_double_are_the_ends_of_the_bins(void **state)
{
    (void)state;
    assert_int_equal(rnl_log_index(0x1p-1074), RNL_LOG_INDEX_MIN);
    assert_int_equal(rnl_log_index(DBL_MAX), RNL_LOG_INDEX_MAX);
    assert_int_equal(rnl_log_index(DBL_MIN), -1022 * 64 - 1);
    assert_true(isfinite(rnl_log_middle(RNL_LOG_INDEX_MAX)));
    assert_true(rnl_log_middle(RNL_LOG_INDEX_MIN) == 0x1p-1074);
}

static void the_middle_is_within_the_error_of_both_edges(void **state)
{
    (void)state;
    double worst = 0;
    for (int32_t i = -1000 * 64; i < 1023 * 64; i++) {
        double middle = rnl_log_middle(i);
        double lower = rnl_log_edge(i);
        double upper = rnl_log_edge(i + 1);
        assert_true(lower < middle && middle < upper);
        worst = fmax(worst, fmax(middle / lower - 1, 1 - middle / upper));
    }
    assert_true(worst <= RNL_HISTOGRAM_ERROR);
    /* And the bound is not a lazy one. */
    assert_true(worst > 0.999 * RNL_HISTOGRAM_ERROR);
}

static void octaves_round_down(void **state)
{
    (void)state;
    assert_int_equal(rnl_log_octave(0), 0);
    assert_int_equal(rnl_log_octave(63), 0);
    assert_int_equal(rnl_log_octave(64), 1);
    assert_int_equal(rnl_log_octave(-1), -1);
    assert_int_equal(rnl_log_octave(-64), -1);
    assert_int_equal(rnl_log_octave(-65), -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_double_is_in_the_bin_of_its_logarithm),
        cmocka_unit_test(neighbours_of_every_edge_fall_apart),
        cmocka_unit_test(a_power_of_two_is_the_upper_bound_of_its_bin),
        cmocka_unit_test(the_ends_of_double_are_the_ends_of_the_bins),
        cmocka_unit_test(the_middle_is_within_the_error_of_both_edges),
        cmocka_unit_test(octaves_round_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
