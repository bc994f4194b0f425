/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of StatsService. What the figures are worth is the engine's
 * tests' business: here it is that they arrive whole, and what is refused. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream_fixture.h"

static struct event_batch batch;

static Runnel__V1__StreamConfig config_of(const char *name)
{
    Runnel__V1__StreamConfig config = RUNNEL__V1__STREAM_CONFIG__INIT;
    config.name = (char *)(uintptr_t)name;
    return config;
}

static void make_stream(struct rnl_core *core, const char *name)
{
    Runnel__V1__StreamConfig config = config_of(name);
    expect(create_stream(core, &config), RNL_OK, NULL);
}

/* ---- GetStats ---- */

/* 1,000 events: key-0 500 times, key-1 250 times and so on; values 1 to
 * 1,000. */
static void fill(struct rnl_core *core)
{
    char key[16];
    batch_init(&batch, "web");
    for (int i = 0; i < 1000; i++) {
        int rank = 0;
        while (rank < 8 && i >= 1000 - (1000 >> (rank + 1)))
            rank++;
        snprintf(key, sizeof(key), "key-%d", rank);
        batch_add(&batch, key, i + 1, (i + 1) / 10.0);
    }
    ingest_ok(core, &batch);
}

static void near(double value, double expected, double relative)
{
    if (!(fabs(value - expected) <= fabs(expected) * relative))
        fail_msg("%.17g, expected %.17g", value, expected);
}

static void statistics_arrive_whole(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    fill(&core);
    static const uint32_t windows[] = {0, 60, 300, 3600};
    for (size_t w = 0; w < 4; w++) {
        struct outcome outcome = get_stats(&core, "web", windows[w], 3);
        assert_int_equal(outcome.code, RNL_OK);
        const Runnel__V1__StreamStats *stats =
            ((Runnel__V1__GetStatsResponse *)outcome.answer)->stats;
        assert_string_equal(stats->stream, "web");
        assert_int_equal(stats->window_seconds, windows[w]);
        assert_int_equal(stats->count, 1000);
        assert_true(stats->end_time->seconds >= START_MS / 1000);
        assert_true(stats->start_time->seconds <= START_MS / 1000);
        near(stats->unique_keys->value, 9, 0.01);
        assert_true(stats->unique_keys->lower <= 9 &&
                    stats->unique_keys->upper >= 9);
        assert_int_equal(stats->n_top_keys, 3);
        assert_string_equal(stats->top_keys[1]->key, "key-1");
        assert_int_equal(stats->top_keys[1]->count, 250);
        assert_true(stats->top_keys[1]->lower <= 250 &&
                    stats->top_keys[1]->upper >= 250);
        const Runnel__V1__Distribution *value = stats->value;
        assert_int_equal(value->count, 1000);
        near(value->sum, 500500, 1e-12);
        near(value->mean, 500.5, 1e-12);
        near(value->min, 1, 0);
        near(value->max, 1000, 0);
        near(value->variance, 83333.25, 1e-9);
        near(value->stddev, sqrt(83333.25), 1e-9);
        assert_int_equal(value->n_quantiles, 10);
        near(value->quantiles[4]->q, 0.5, 0);
        near(value->quantiles[4]->value, 500,
             value->quantile_relative_error + 0.002);
        assert_in_range(value->n_histogram, 2, 64);
        uint64_t sum = 0;
        for (size_t i = 0; i < value->n_histogram; i++)
            sum += value->histogram[i]->count;
        assert_int_equal(sum, 1000);
        near(stats->latency_ms->max, 100, 1e-6);
        expect(outcome, RNL_OK, NULL);
    }
    streams_teardown(&core);
}

static void the_top_list_has_its_bounds(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    fill(&core);
    struct outcome outcome = get_stats(&core, "web", 0, 0);
    assert_int_equal(
        ((Runnel__V1__GetStatsResponse *)outcome.answer)->stats->n_top_keys, 9);
    expect(outcome, RNL_OK, NULL);
    expect(get_stats(&core, "web", 0, 100), RNL_OK, NULL);
    expect(get_stats(&core, "web", 0, 101), RNL_INVALID_ARGUMENT, "top");
    Runnel__V1__StreamConfig config = config_of("small");
    config.top_capacity = 2;
    expect(create_stream(&core, &config), RNL_OK, NULL);
    expect(get_stats(&core, "small", 0, 0), RNL_OK, NULL);
    expect(get_stats(&core, "small", 0, 3), RNL_INVALID_ARGUMENT, "top");
    streams_teardown(&core);
}

static void an_unknown_window_is_refused(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    fill(&core);
    expect(get_stats(&core, "web", 61, 0), RNL_INVALID_ARGUMENT,
           "window_seconds");
    expect(get_stats(&core, "nobody", 61, 0), RNL_NOT_FOUND, NULL);
    streams_teardown(&core);
}

static void a_stream_without_events_has_answers(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    make_stream(&core, "web");
    for (uint32_t window = 0; window <= 60; window += 60) {
        struct outcome outcome = get_stats(&core, "web", window, 0);
        assert_int_equal(outcome.code, RNL_OK);
        const Runnel__V1__StreamStats *stats =
            ((Runnel__V1__GetStatsResponse *)outcome.answer)->stats;
        assert_int_equal(stats->count, 0);
        assert_int_equal(stats->n_top_keys, 0);
        assert_null(stats->value);
        assert_null(stats->latency_ms);
        near(stats->rate, 0, 0);
        expect(outcome, RNL_OK, NULL);
    }
    streams_teardown(&core);
}

static void a_metric_that_no_event_has_is_absent(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    batch_one(&batch, "web", "k", 5);
    batch.batch.n_latencies_ms = 0;
    ingest_ok(&core, &batch);
    struct outcome outcome = get_stats(&core, "web", 0, 0);
    const Runnel__V1__StreamStats *stats =
        ((Runnel__V1__GetStatsResponse *)outcome.answer)->stats;
    assert_int_equal(stats->value->count, 1);
    assert_null(stats->latency_ms);
    expect(outcome, RNL_OK, NULL);
    streams_teardown(&core);
}

/* ---- single answers ---- */

static struct outcome frequency(struct rnl_core *core, char **keys,
                                size_t count, uint32_t window)
{
    Runnel__V1__GetFrequencyRequest request =
        RUNNEL__V1__GET_FREQUENCY_REQUEST__INIT;
    request.stream = (char *)"web";
    request.keys = keys;
    request.n_keys = count;
    request.window_seconds = window;
    return call(core, "GetFrequency", &request.base,
                &runnel__v1__get_frequency_response__descriptor);
}

static void frequencies_come_in_the_order_of_the_request(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    fill(&core);
    char *keys[] = {(char *)"nobody", (char *)"key-2", (char *)"key-0",
                    (char *)"key-2"};
    static const uint64_t counts[] = {0, 125, 500, 125};
    struct outcome outcome = frequency(&core, keys, 4, 60);
    assert_int_equal(outcome.code, RNL_OK);
    Runnel__V1__GetFrequencyResponse *answer = outcome.answer;
    assert_int_equal(answer->count, 1000);
    assert_int_equal(answer->n_frequencies, 4);
    for (size_t i = 0; i < 4; i++) {
        const Runnel__V1__KeyFrequency *got = answer->frequencies[i];
        assert_string_equal(got->key, keys[i]);
        assert_int_equal(got->count, counts[i]);
        assert_true(got->lower <= counts[i] && got->upper >= counts[i]);
    }
    expect(outcome, RNL_OK, NULL);
    streams_teardown(&core);
}

static void bad_keys_are_named(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    fill(&core);
    char longest[258];
    memset(longest, 'k', 257);
    longest[257] = '\0';
    char *keys[] = {(char *)"a", (char *)"", longest};
    expect(frequency(&core, keys, 2, 0), RNL_INVALID_ARGUMENT, "keys[1]");
    keys[1] = (char *)"b";
    expect(frequency(&core, keys, 3, 0), RNL_INVALID_ARGUMENT, "keys[2]");
    expect(frequency(&core, keys, 0, 0), RNL_INVALID_ARGUMENT, "keys");
    expect(frequency(&core, keys, 2, 7), RNL_INVALID_ARGUMENT,
           "window_seconds");
    char **many = calloc(1001, sizeof(*many));
    assert_non_null(many);
    for (size_t i = 0; i < 1001; i++)
        many[i] = (char *)"a";
    expect(frequency(&core, many, 1001, 0), RNL_INVALID_ARGUMENT, "keys");
    expect(frequency(&core, many, 1000, 0), RNL_OK, NULL);
    free(many);
    streams_teardown(&core);
}

static struct outcome quantiles(struct rnl_core *core, int metric, double *q,
                                size_t count)
{
    Runnel__V1__GetQuantilesRequest request =
        RUNNEL__V1__GET_QUANTILES_REQUEST__INIT;
    request.stream = (char *)"web";
    request.metric = (Runnel__V1__Metric)metric;
    request.q = q;
    request.n_q = count;
    return call(core, "GetQuantiles", &request.base,
                &runnel__v1__get_quantiles_response__descriptor);
}

static struct outcome ranks(struct rnl_core *core, int metric, double *values,
                            size_t count)
{
    Runnel__V1__GetRankRequest request = RUNNEL__V1__GET_RANK_REQUEST__INIT;
    request.stream = (char *)"web";
    request.metric = (Runnel__V1__Metric)metric;
    request.values = values;
    request.n_values = count;
    return call(core, "GetRank", &request.base,
                &runnel__v1__get_rank_response__descriptor);
}

static void quantiles_and_ranks_are_answered(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    fill(&core);
    double q[] = {1, 0.9, 0};
    struct outcome outcome =
        quantiles(&core, RUNNEL__V1__METRIC__METRIC_VALUE, q, 3);
    Runnel__V1__GetQuantilesResponse *values = outcome.answer;
    assert_int_equal(values->n_quantiles, 3);
    assert_int_equal(values->count, 1000);
    near(values->quantiles[0]->value, 1000, 0);
    near(values->quantiles[1]->value, 900, values->relative_error + 0.002);
    near(values->quantiles[2]->value, 1, 0);
    expect(outcome, RNL_OK, NULL);
    double at[] = {0, 50, 1000};
    outcome = ranks(&core, RUNNEL__V1__METRIC__METRIC_LATENCY, at, 3);
    Runnel__V1__GetRankResponse *answer = outcome.answer;
    assert_int_equal(answer->n_ranks, 3);
    assert_int_equal(answer->count, 1000);
    near(answer->ranks[0], 0, 0);
    near(answer->ranks[1], 0.5, 0.02);
    near(answer->ranks[2], 1, 0);
    expect(outcome, RNL_OK, NULL);
    streams_teardown(&core);
}

static void nothing_measured_answers_nothing(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    make_stream(&core, "web");
    double q[] = {0.5};
    struct outcome outcome =
        quantiles(&core, RUNNEL__V1__METRIC__METRIC_VALUE, q, 1);
    assert_int_equal(outcome.code, RNL_OK);
    assert_int_equal(
        ((Runnel__V1__GetQuantilesResponse *)outcome.answer)->n_quantiles, 0);
    expect(outcome, RNL_OK, NULL);
    outcome = ranks(&core, RUNNEL__V1__METRIC__METRIC_VALUE, q, 1);
    assert_int_equal(outcome.code, RNL_OK);
    assert_int_equal(((Runnel__V1__GetRankResponse *)outcome.answer)->n_ranks,
                     0);
    expect(outcome, RNL_OK, NULL);
    streams_teardown(&core);
}

static void bad_quantiles_and_ranks_are_named(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    fill(&core);
    double q[101] = {0.5, 1.5};
    const int value = RUNNEL__V1__METRIC__METRIC_VALUE;
    expect(quantiles(&core, 0, q, 1), RNL_INVALID_ARGUMENT, "metric");
    expect(quantiles(&core, 9, q, 1), RNL_INVALID_ARGUMENT, "metric");
    expect(quantiles(&core, value, q, 2), RNL_INVALID_ARGUMENT, "q[1]");
    expect(quantiles(&core, value, q, 0), RNL_INVALID_ARGUMENT, "q");
    q[1] = NAN;
    expect(quantiles(&core, value, q, 2), RNL_INVALID_ARGUMENT, "q[1]");
    expect(ranks(&core, value, q, 2), RNL_INVALID_ARGUMENT, "values[1]");
    q[1] = -INFINITY;
    expect(ranks(&core, value, q, 2), RNL_INVALID_ARGUMENT, "values[1]");
    q[1] = 0;
    expect(quantiles(&core, value, q, 101), RNL_INVALID_ARGUMENT, "q");
    expect(ranks(&core, value, q, 101), RNL_INVALID_ARGUMENT, "values");
    expect(quantiles(&core, value, q, 100), RNL_OK, NULL);
    streams_teardown(&core);
}

static void events_above_a_threshold_are_listed(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    Runnel__V1__StreamConfig config = config_of("web");
    config.value_threshold = 990;
    config.value_threshold_set = true;
    expect(create_stream(&core, &config), RNL_OK, NULL);
    fill(&core);
    struct outcome outcome = get_stats(&core, "web", 0, 0);
    Runnel__V1__GetStatsResponse *answer = outcome.answer;
    assert_int_equal(answer->n_anomalies, 10);
    assert_int_equal(answer->stats->anomaly_count, 10);
    for (size_t i = 0; i < 10; i++) {
        const Runnel__V1__Anomaly *anomaly = answer->anomalies[i];
        assert_int_equal(anomaly->sequence, i + 1);
        assert_int_equal(
            anomaly->metric,
            RUNNEL__V1__ANOMALY_METRIC__ANOMALY_METRIC_EVENT_VALUE);
        assert_int_equal(anomaly->method,
                         RUNNEL__V1__ANOMALY_METHOD__ANOMALY_METHOD_THRESHOLD);
        near(anomaly->observed, 991 + (double)i, 0);
        near(anomaly->threshold, 990, 0);
        assert_int_equal(anomaly->time->seconds, START_MS / 1000);
        assert_int_equal(strncmp(anomaly->key, "key-", 4), 0);
    }
    expect(outcome, RNL_OK, NULL);
    streams_teardown(&core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_arrive_whole),
        cmocka_unit_test(the_top_list_has_its_bounds),
        cmocka_unit_test(an_unknown_window_is_refused),
        cmocka_unit_test(a_stream_without_events_has_answers),
        cmocka_unit_test(a_metric_that_no_event_has_is_absent),
        cmocka_unit_test(frequencies_come_in_the_order_of_the_request),
        cmocka_unit_test(bad_keys_are_named),
        cmocka_unit_test(quantiles_and_ranks_are_answered),
        cmocka_unit_test(nothing_measured_answers_nothing),
        cmocka_unit_test(bad_quantiles_and_ranks_are_named),
        cmocka_unit_test(events_above_a_threshold_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
