/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The error of counting distinct keys against the stated one, with fixed seeds
 * and few enough trials to take a second. scripts/accuracy is the long one.
 */
#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "distinct_trials.h"
#include "hyperloglog.h"
#include "ultraloglog.h"

#define TRIALS     400
#define POINTS_MAX 16

static const double counted[] = {1,    2,    5,     20,    100,   600,
                                 3000, 3100, 10000, 30000, 100000};
/* Times m. With the last one, an eighth of the registers is full. */
static const double drawn[] = {0x1p14, 0x1p24, 0x1p35};

static void check_point(const struct distinct_setup *setup,
                        const struct distinct_point *point)
{
    double m = exp2(setup->precision);
    double full = (setup->ultra ? RNL_ULL_ERROR : RNL_HLL_ERROR) / sqrt(m);
    /* Four standard deviations of the mean, and of the root mean square, of so
     * many trials. Sketches of 16 registers have a skew beyond that. */
    double slack = 4 / sqrt(2.0 * TRIALS) + 0.7 / m * 2;
    double bias_max = point->stated * (4 / sqrt(TRIALS) + 2 / m);
    assert_true(fabs(point->bias) <= bias_max);
    assert_true(point->rms <= point->stated * (1 + slack));
    assert_true(point->stated <= full * 1.0001);
    assert_true(point->covered >= RNL_HLL_CONFIDENCE - 0.04);
    /* And it is no better than it can be: the trials are trials. */
    if (point->n > 50 * m)
        assert_true(point->rms >= full * (1 - slack));
    assert_true(point->errors[0] > -6 * full);
    assert_true(point->errors[TRIALS - 1] < 9 * full);
}

static void check(bool ultra, unsigned precision, bool dense)
{
    static double errors[POINTS_MAX][TRIALS];
    struct distinct_setup setup = {.ultra = ultra,
                                   .precision = precision,
                                   .dense = dense,
                                   .trials = TRIALS,
                                   .seed = 3};
    struct distinct_point points[POINTS_MAX] = {{0}};
    size_t count = sizeof(counted) / sizeof(counted[0]);
    for (size_t i = 0; i < POINTS_MAX; i++)
        points[i].errors = errors[i];
    /* The error of a few keys in many registers is nearly always 0 and seldom
     * large: not for so few trials. */
    size_t first = dense ? 4 : 0;
    count -= first;
    for (size_t i = 0; i < count; i++)
        points[i].n = counted[first + i];
    assert_true(distinct_run(&setup, points, count));
    for (size_t i = 0; i < count; i++)
        check_point(&setup, points + i);
    count = sizeof(drawn) / sizeof(drawn[0]);
    for (size_t i = 0; i < count; i++)
        points[i].n = drawn[i] * exp2(precision);
    assert_true(distinct_draw(&setup, points, count));
    for (size_t i = 0; i < count; i++)
        check_point(&setup, points + i);
}

static void hyperloglog_errs_as_stated(void **state)
{
    (void)state;
    for (unsigned precision = 4; precision <= 14; precision += 5)
        check(false, precision, false);
}

static void ultraloglog_errs_as_stated(void **state)
{
    (void)state;
    for (unsigned precision = 4; precision <= 14; precision += 5)
        check(true, precision, false);
}

/* Without the sparse form, the estimators are on their own from the first key
 * on. */
static void estimators_need_no_sparse_form(void **state)
{
    (void)state;
    check(false, 12, true);
    check(true, 12, true);
}

/* Few registers need their own factor against bias, which 400 trials would not
 * show. */
static void few_registers_have_no_bias(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    static double errors[MANY];
    for (int ultra = 0; ultra < 2; ultra++) {
        struct distinct_setup setup = {
            .ultra = ultra, .precision = 4, .trials = MANY, .seed = 5};
        struct distinct_point point = {.n = 0x1p20, .errors = errors};
        assert_true(distinct_draw(&setup, &point, 1));
        assert_true(fabs(point.bias) < 0.06 * point.stated);
    }
}

/* 40,000 keys in a sparse sketch have four collisions or so, which have to be
 * in the answer and in its bounds. */
static void collisions_of_coupons_are_accounted_for(void **state)
{
    (void)state;
    enum { MANY = 200 };
    static double errors[2][MANY];
    struct distinct_setup setup = {.precision = 18, .trials = MANY, .seed = 6};
    struct distinct_point points[2] = {{.n = 9000, .errors = errors[0]},
                                       {.n = 40000, .errors = errors[1]}};
    assert_true(distinct_run(&setup, points, 2));
    for (size_t i = 0; i < 2; i++) {
        assert_true(points[i].covered > 0.91);
        assert_true(points[i].rms > 0);
        assert_true(points[i].rms < 1.3 * points[i].stated);
        assert_true(fabs(points[i].bias) < 4 * points[i].stated / sqrt(MANY));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hyperloglog_errs_as_stated),
        cmocka_unit_test(ultraloglog_errs_as_stated),
        cmocka_unit_test(estimators_need_no_sparse_form),
        cmocka_unit_test(few_registers_have_no_bias),
        cmocka_unit_test(collisions_of_coupons_are_accounted_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
