/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "anomaly.h"
#include "meter_reference.h"

#define NOW INT64_C(1767225600000)

#define THRESHOLD 6.0

/* Roughly normal, deviation 1: the sum of twelve uniform numbers. */
static double noise(uint64_t *random)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += (double)(ref_random(random) >> 11) / 9007199254740992.0;
    return sum;
}

static bool judged(struct rnl_detector *detector, double x,
                   struct rnl_verdict *ret_verdict)
{
    return rnl_detector_judge(detector, x, 0, THRESHOLD, ret_verdict);
}

/* Nothing but noise around 100, for an hour: no alarm. */
static void feed_noise(struct rnl_detector *detector, size_t panes,
                       uint64_t *random)
{
    struct rnl_verdict verdict;
    for (size_t i = 0; i < panes; i++)
        assert_false(judged(detector, 100 + noise(random), &verdict));
}

static void noise_is_no_anomaly(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct rnl_detector detector = {0};
        uint64_t random = seed;
        feed_noise(&detector, 3600, &random);
    }
}

static void a_spike_is_one_and_reported_once(void **state)
{
    (void)state;
    struct rnl_detector detector = {0};
    struct rnl_verdict verdict;
    uint64_t random = 9;
    feed_noise(&detector, 100, &random);
    assert_true(judged(&detector, 115, &verdict));
    assert_int_equal(verdict.method, RNL_ANOMALY_BY_MEDIAN_MAD);
    assert_true(fabs(verdict.baseline - 100) < 1.5);
    assert_true(verdict.score > THRESHOLD);
    assert_false(judged(&detector, 116, &verdict));
    assert_false(judged(&detector, 115, &verdict));
    feed_noise(&detector, 100, &random);
    assert_true(judged(&detector, 85, &verdict));
}

/* Five deviations off, again and again: no pane is an anomaly, all of them
 * together are. */
static void a_shift_is_found_by_its_persistence(void **state)
{
    (void)state;
    size_t found = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rnl_detector detector = {0};
        struct rnl_verdict verdict;
        uint64_t random = seed;
        feed_noise(&detector, 100, &random);
        for (size_t i = 0; i < 7; i++) {
            if (judged(&detector, 105 + noise(&random) / 4, &verdict)) {
                assert_int_equal(verdict.method, RNL_ANOMALY_BY_EWMA);
                found++;
            }
        }
    }
    assert_true(found >= 15);
}

static void a_new_level_becomes_the_normal_one(void **state)
{
    (void)state;
    struct rnl_detector detector = {0};
    struct rnl_verdict verdict;
    uint64_t random = 4;
    feed_noise(&detector, 100, &random);
    assert_true(judged(&detector, 200, &verdict));
    for (size_t i = 0; i < RNL_ANOMALY_BASE + RNL_ANOMALY_RECENT; i++)
        assert_false(judged(&detector, 200 + noise(&random), &verdict));
    assert_true(fabs(rnl_detector_baseline(&detector) - 200) < 1.5);
}

static void tides_are_no_anomaly(void **state)
{
    (void)state;
    struct rnl_detector detector = {0};
    struct rnl_verdict verdict;
    uint64_t random = 6;
    for (size_t i = 0; i < 7200; i++) {
        double tide = 1000 * (1 + 0.5 * sin((double)i * 6.28 / 1200));
        assert_false(judged(&detector, tide + 10 * noise(&random), &verdict));
    }
}

/* A stream that was constant: one more is within chance, when chance is told;
 * twice as much is not. */
static void constants_do_not_alarm_at_chance(void **state)
{
    (void)state;
    struct rnl_detector detector = {0};
    struct rnl_verdict verdict;
    for (size_t i = 0; i < 200; i++)
        assert_false(
            rnl_detector_judge(&detector, 100, 10, THRESHOLD, &verdict));
    assert_false(rnl_detector_judge(&detector, 101, 10, THRESHOLD, &verdict));
    assert_true(rnl_detector_judge(&detector, 200, 10, THRESHOLD, &verdict));
}

/* The same numbers times a power of two are judged the same, up to the largest
 * doubles. */
static void verdicts_do_not_depend_on_the_unit(void **state)
{
    (void)state;
    static const int units[] = {-900, 100, 1017};
    for (size_t u = 0; u < 3; u++) {
        struct rnl_detector small = {0};
        struct rnl_detector large = {0};
        uint64_t random = 3;
        size_t found = 0;
        for (size_t i = 0; i < 400; i++) {
            double x = 100 + noise(&random) + (i % 97 == 96 ? 20 : 0);
            struct rnl_verdict a = {0};
            struct rnl_verdict b = {0};
            bool is = rnl_detector_judge(&small, x, 0.5, THRESHOLD, &a);
            assert_int_equal(rnl_detector_judge(&large, ldexp(x, units[u]),
                                                ldexp(0.5, units[u]), THRESHOLD,
                                                &b),
                             is);
            assert_int_equal(b.method, a.method);
            assert_true(b.score == a.score);
            assert_true(b.baseline == ldexp(a.baseline, units[u]));
            found += is;
        }
        assert_int_equal(found, 4);
    }
}

/* From one end of the doubles to the other: what is told are numbers. */
static void the_largest_numbers_are_judged_by_numbers(void **state)
{
    (void)state;
    struct rnl_detector detector = {0};
    struct rnl_verdict verdict = {0};
    for (size_t i = 0; i < 200; i++) {
        (void)judged(&detector, i % 2 ? DBL_MAX : -DBL_MAX, &verdict);
        assert_true(isfinite(verdict.baseline) && isfinite(verdict.score));
    }
    struct rnl_detector constant = {0};
    for (size_t i = 0; i < 200; i++)
        assert_false(judged(&constant, DBL_MAX, &verdict));
    assert_true(rnl_detector_baseline(&constant) == DBL_MAX);
    assert_true(judged(&constant, -DBL_MAX, &verdict));
    assert_true(isfinite(verdict.baseline) && isfinite(verdict.score));
}

static void nothing_is_judged_before_the_warm_up(void **state)
{
    (void)state;
    struct rnl_detector detector = {0};
    struct rnl_verdict verdict;
    for (size_t i = 0; i < RNL_ANOMALY_WARM_UP - 1; i++)
        assert_false(judged(&detector, i % 7 == 0 ? 1e6 : 0, &verdict));
}

static void the_newest_anomalies_are_kept(void **state)
{
    (void)state;
    static struct rnl_anomalies anomalies;
    struct rnl_meter_anomalies found;
    rnl_anomalies_after(&anomalies, 0, &found);
    assert_int_equal(found.counts[0] + found.counts[1], 0);
    for (uint64_t n = 1; n <= 250; n++) {
        assert_int_equal(rnl_anomalies_add(&anomalies)->sequence, n);
        for (uint64_t after = 0; after <= n + 1; after += 1 + n / 7) {
            rnl_anomalies_after(&anomalies, after, &found);
            uint64_t first = n > 100 && after < n - 100 ? n - 99 : after + 1;
            for (size_t p = 0; p < 2; p++) {
                for (size_t i = 0; i < found.counts[p]; i++)
                    assert_int_equal(found.parts[p][i].sequence, first++);
            }
            assert_int_equal(first, after > n ? after + 1 : n + 1);
        }
    }
}

/* ---- through the meter ---- */

static void feed_second(struct rnl_meter *meter, int64_t second, size_t count,
                        uint64_t *random)
{
    static struct ref_event events[2000];
    for (size_t i = 0; i < count; i++) {
        events[i].key = (uint32_t)(ref_random(random) % 50);
        events[i].value = 10 + noise(random);
        events[i].latency_ms = (float)(20 + noise(random));
        events[i].time_ms = NOW + second * 1000 + (int64_t)(i % 1000);
    }
    if (count > 0)
        ref_ingest(meter, events, count, NOW + second * 1000 + 999);
    rnl_meter_advance(meter, NOW + second * 1000 + 999);
}

static uint64_t anomaly_count(struct rnl_meter *meter, uint32_t window,
                              int64_t wall_ms)
{
    struct rnl_meter_view *view = NULL;
    struct rnl_meter_window found;
    assert_int_equal(rnl_meter_view_create(meter, window, wall_ms, &view),
                     RNL_OK);
    rnl_meter_view_window(view, &found);
    rnl_meter_view_destroy(view);
    return found.anomaly_count;
}

static void silence_is_an_anomaly_of_the_rate(void **state)
{
    (void)state;
    struct rnl_meter *meter = ref_meter(NULL, NOW);
    uint64_t random = 8;
    for (int64_t s = 0; s < 100; s++)
        feed_second(meter, s, 500, &random);
    struct rnl_meter_info info;
    rnl_meter_info(meter, NOW + 99999, &info);
    assert_int_equal(info.anomaly_sequence, 0);
    for (int64_t s = 100; s < 110; s++)
        feed_second(meter, s, 0, &random);
    struct rnl_meter_anomalies found;
    rnl_meter_anomalies(meter, 0, &found);
    assert_int_equal(found.counts[0], 1);
    const struct rnl_meter_anomaly *anomaly = found.parts[0];
    assert_int_equal(anomaly->metric, RNL_ANOMALY_OF_RATE);
    assert_int_equal(anomaly->time_ms, NOW + 100000);
    assert_true(anomaly->observed == 0);
    assert_true(fabs(anomaly->baseline - 500) < 1);
    assert_int_equal(anomaly_count(meter, 60, NOW + 110000), 1);
    assert_int_equal(anomaly_count(meter, 0, NOW + 110000), 1);
    assert_int_equal(anomaly_count(meter, 60, NOW + 170000), 0);
    assert_int_equal(anomaly_count(meter, 3600, NOW + 170000), 1);
    rnl_meter_destroy(meter);
}

static void events_above_a_threshold_are_reported_with_their_key(void **state)
{
    (void)state;
    struct rnl_meter_config config = {.has_value_threshold = true,
                                      .value_threshold = 100,
                                      .latency_threshold_ms = 50};
    struct rnl_meter_fault fault;
    struct rnl_meter *meter = NULL;
    assert_int_equal(rnl_meter_config_check(&config, &fault), RNL_OK);
    assert_int_equal(rnl_meter_create(&config, NOW, &meter), RNL_OK);
    const struct ref_event events[] = {
        {1, 100, 50, NOW}, {2, 100.5, 1, NOW}, {3, -1000, 50.5f, NOW + 5}};
    ref_ingest(meter, events, 3, NOW + 5);
    struct rnl_meter_anomalies found;
    rnl_meter_anomalies(meter, 0, &found);
    assert_int_equal(found.counts[0], 2);
    const struct rnl_meter_anomaly *value = &found.parts[0][0];
    const struct rnl_meter_anomaly *latency = &found.parts[0][1];
    assert_int_equal(value->metric, RNL_ANOMALY_OF_EVENT_VALUE);
    assert_int_equal(value->method, RNL_ANOMALY_BY_THRESHOLD);
    assert_true(value->observed == 100.5 && value->threshold == 100);
    assert_int_equal(value->key_len, 2);
    assert_memory_equal(value->key, "k2", 2);
    assert_int_equal(latency->metric, RNL_ANOMALY_OF_EVENT_LATENCY);
    assert_memory_equal(latency->key, "k3", 2);
    assert_int_equal(latency->time_ms, NOW + 5);
    assert_int_equal(anomaly_count(meter, 60, NOW + 5), 2);
    rnl_meter_destroy(meter);
}

/* However many there are in a batch, and however they come, all are counted;
 * the newest are kept. */
static void events_above_a_threshold_are_counted_in_any_batches(void **state)
{
    (void)state;
    enum { COUNT = 1000, ABOVE = COUNT / 2 };
    static const size_t sizes[] = {1, 7, 250, COUNT};
    static struct ref_event events[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        /* 50 seconds, in some disorder. */
        events[i] = (struct ref_event){(uint32_t)i, i % 2 == 0 ? 200 : 1, 0,
                                       NOW + (int64_t)(i ^ 5) * 50};
    for (size_t s = 0; s < 4; s++) {
        struct rnl_meter_config config = {.has_value_threshold = true,
                                          .value_threshold = 100,
                                          .anomaly_threshold = 100,
                                          .window_seconds = {5, 60},
                                          .window_count = 2};
        struct rnl_meter_fault fault;
        struct rnl_meter *meter = NULL;
        assert_int_equal(rnl_meter_config_check(&config, &fault), RNL_OK);
        assert_int_equal(rnl_meter_create(&config, NOW, &meter), RNL_OK);
        for (size_t i = 0; i < COUNT; i += sizes[s]) {
            size_t left = COUNT - i;
            ref_ingest(meter, events + i, left < sizes[s] ? left : sizes[s],
                       NOW + 50000);
        }
        assert_int_equal(rnl_meter_newest_anomaly(meter), ABOVE);
        assert_int_equal(anomaly_count(meter, 0, NOW + 50000), ABOVE);
        assert_int_equal(anomaly_count(meter, 60, NOW + 50000), ABOVE);
        /* Of 45 s on, since it ends at 50 s: 100 events, every other. */
        assert_int_equal(anomaly_count(meter, 5, NOW + 50000), ABOVE / 10);
        struct rnl_meter_anomalies found;
        rnl_meter_anomalies(meter, 0, &found);
        assert_int_equal(found.counts[0] + found.counts[1],
                         RNL_METER_ANOMALIES_MAX);
        for (size_t p = 0; p < 2; p++)
            for (size_t i = 0; i < found.counts[p]; i++)
                assert_true(found.parts[p][i].time_ms >= NOW + 39000);
        rnl_meter_destroy(meter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_is_no_anomaly),
        cmocka_unit_test(a_spike_is_one_and_reported_once),
        cmocka_unit_test(a_shift_is_found_by_its_persistence),
        cmocka_unit_test(a_new_level_becomes_the_normal_one),
        cmocka_unit_test(tides_are_no_anomaly),
        cmocka_unit_test(constants_do_not_alarm_at_chance),
        cmocka_unit_test(verdicts_do_not_depend_on_the_unit),
        cmocka_unit_test(the_largest_numbers_are_judged_by_numbers),
        cmocka_unit_test(nothing_is_judged_before_the_warm_up),
        cmocka_unit_test(the_newest_anomalies_are_kept),
        cmocka_unit_test(silence_is_an_anomaly_of_the_rate),
        cmocka_unit_test(events_above_a_threshold_are_reported_with_their_key),
        cmocka_unit_test(events_above_a_threshold_are_counted_in_any_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
