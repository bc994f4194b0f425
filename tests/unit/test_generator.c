/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "generator.h"

#define DRAWS 400000

static const struct rnl_generator_options usual = {
    .seed = 7,
    .users = 1000,
    .skew = 1.1,
    .value_mean = 20,
    .value_sigma = 0.8,
    .latency_mean_ms = 50,
    .latency_sigma = 0.5,
};

/* Draws, and compares the count of each of the first ranks with what the Zipf
 * law says: within 5 standard deviations. */
static void check_zipf(double skew, uint64_t users)
{
    struct rnl_generator_options options = usual;
    options.skew = skew;
    options.users = users;
    struct rnl_generator generator;
    rnl_generator_init(&generator, &options);
    uint64_t counts[21] = {0};
    for (int i = 0; i < DRAWS; i++) {
        struct rnl_generated event;
        rnl_generator_next(&generator, &event);
        assert_in_range(event.user, 1, users);
        if (event.user <= 20)
            counts[event.user]++;
    }
    double sum = 0;
    for (uint64_t k = users; k >= 1; k--)
        sum += pow((double)k, -skew);
    for (int k = 1; k <= 20 && (uint64_t)k <= users; k++) {
        double p = pow(k, -skew) / sum;
        double expected = DRAWS * p;
        double deviation = sqrt(DRAWS * p * (1 - p));
        double distance = fabs((double)counts[k] - expected);
        assert_true(distance <= 5 * deviation + 1);
    }
}

static void users_follow_the_zipf_law(void **state)
{
    (void)state;
    check_zipf(0, 10);
    check_zipf(0.5, 1000);
    check_zipf(1, 1000);
    check_zipf(1.1, 100000);
    check_zipf(2.5, 1000);
    check_zipf(1.1, 1);
    check_zipf(1.1, 2);
}

/* The sample mean of n draws lies within 5 standard errors; a lognormal law's
 * standard deviation is mean * sqrt(exp(sigma^2) - 1). */
static void means_are_those_asked_for(void **state)
{
    (void)state;
    struct rnl_generator generator;
    rnl_generator_init(&generator, &usual);
    double value_sum = 0;
    double latency_sum = 0;
    for (int i = 0; i < DRAWS; i++) {
        struct rnl_generated event;
        rnl_generator_next(&generator, &event);
        assert_true(event.value > 0 && event.latency_ms > 0);
        value_sum += event.value;
        latency_sum += event.latency_ms;
    }
    double value_error = 20 * sqrt(expm1(0.64)) / sqrt(DRAWS);
    double latency_error = 50 * sqrt(expm1(0.25)) / sqrt(DRAWS);
    assert_true(fabs(value_sum / DRAWS - 20) < 5 * value_error);
    assert_true(fabs(latency_sum / DRAWS - 50) < 5 * latency_error);
}

static void a_seed_gives_the_same_events_again(void **state)
{
    (void)state;
    struct rnl_generator one;
    struct rnl_generator same;
    struct rnl_generator other;
    struct rnl_generator_options options = usual;
    rnl_generator_init(&one, &options);
    rnl_generator_init(&same, &options);
    options.seed = 8;
    rnl_generator_init(&other, &options);
    int differ = 0;
    for (int i = 0; i < 1000; i++) {
        struct rnl_generated a;
        struct rnl_generated b;
        struct rnl_generated c;
        rnl_generator_next(&one, &a);
        rnl_generator_next(&same, &b);
        rnl_generator_next(&other, &c);
        assert_int_equal(a.user, b.user);
        assert_true(a.value == b.value && a.latency_ms == b.latency_ms);
        differ += a.value != c.value;
    }
    assert_int_equal(differ, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_follow_the_zipf_law),
        cmocka_unit_test(means_are_those_asked_for),
        cmocka_unit_test(a_seed_gives_the_same_events_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
