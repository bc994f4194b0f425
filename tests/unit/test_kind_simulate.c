/* SPDX-License-Identifier: Apache-2.0 */
/* The kind "simulate" on virtual time, as far as the stream that it feeds. */
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "job_fixture.h"
#include "stream_fixture.h"

#define INCIDENTS_MAX 32

/* ---- helpers ---- */

static void create(struct rnl_core *core, char id[RNL_JOB_ID_LEN + 1],
                   const char *const *options)
{
    struct job_request request;
    job_request_init(&request, "simulate", NULL);
    for (; options[0] != NULL; options += 2)
        job_request_option(&request, options[0], options[1]);
    job_create(core, &request, id);
}

static void run(struct rnl_core *core, struct rnl_stream *stream,
                const char *const *options)
{
    char id[RNL_JOB_ID_LEN + 1];
    create(core, id, options);
    fake_core_advance(core, 600 * SECOND);
    job_watch(stream, core, id, 0);
    assert_true(stream->finished);
    assert_int_equal(stream->code, RNL_OK);
}

static uint64_t count_of(struct rnl_core *core, const char *name)
{
    struct outcome outcome = get_stream(core, name);
    if (outcome.code == RNL_NOT_FOUND)
        return 0;
    uint64_t count =
        ((Runnel__V1__GetStreamResponse *)outcome.answer)->stream->count;
    expect(outcome, RNL_OK, NULL);
    return count;
}

/* Reads the lines of the output; returns their number. Each must count on from
 * the one before. */
static size_t check_lines(const struct rnl_stream *stream, uint64_t *ret_total)
{
    size_t len;
    size_t lines = 0;
    int64_t sum = 0;
    char *output = watched_output(stream, 0, &len);
    for (char *line = output; *line != '\0'; lines++) {
        json_error_t error;
        json_t *object = json_loads(line, JSON_DISABLE_EOF_CHECK, &error);
        assert_non_null(object);
        sum += json_integer_value(json_object_get(object, "events"));
        assert_int_equal(json_integer_value(json_object_get(object, "total")),
                         sum);
        assert_true(json_integer_value(json_object_get(object, "time_ms")) >=
                    START_MS);
        json_decref(object);
        line = strchr(line, '\n') + 1;
    }
    free(output);
    *ret_total = (uint64_t)sum;
    return lines;
}

struct incident {
    char metric[32];
    int64_t start_ms;
    int64_t end_ms;
};

/* The incidents that the log tells of. */
static size_t read_incidents(const struct rnl_stream *stream,
                             struct incident incidents[INCIDENTS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < stream->sent_count; i++) {
        Runnel__V1__WatchJobResponse *response = watched(stream, i);
        if (response->event->payload_case ==
            RUNNEL__V1__JOB_EVENT__PAYLOAD_LOG) {
            struct incident *to = &incidents[count++];
            unsigned number;
            double factor;
            assert_int_equal(sscanf(response->event->log->message,
                                    "incident number=%u metric=%31s factor=%lf "
                                    "start_ms=%" SCNd64 " end_ms=%" SCNd64,
                                    &number, to->metric, &factor, &to->start_ms,
                                    &to->end_ms),
                             5);
            assert_int_equal(number, count);
        }
        rnl_request_free(response);
    }
    return count;
}

/* ---- cases ---- */

static void events_come_at_the_rate_for_the_duration(void **state)
{
    (void)state;
    static const char *const options[] = {"stream",     "web", "rate", "500",
                                          "duration_s", "10",  NULL};
    struct rnl_core core;
    struct rnl_stream stream;
    uint64_t total;
    jobs_setup(&core);
    run(&core, &stream, options);
    size_t lines = check_lines(&stream, &total);
    assert_in_range(lines, 10, 11);
    assert_in_range(total, 4980, 5020);
    assert_int_equal(count_of(&core, "web"), total);
    fake_close(&stream);
    jobs_teardown(&core);
}

static void a_count_is_kept_exactly(void **state)
{
    (void)state;
    static const char *const options[] = {"count",  "12345", "duration_s",
                                          "0",      "rate",  "100000",
                                          "stream", "web",   NULL};
    struct rnl_core core;
    struct rnl_stream stream;
    uint64_t total;
    jobs_setup(&core);
    run(&core, &stream, options);
    check_lines(&stream, &total);
    assert_int_equal(total, 12345);
    assert_int_equal(count_of(&core, "web"), 12345);
    fake_close(&stream);
    jobs_teardown(&core);
}

/* Slower than an event a slice. */
static void a_slow_rate_is_kept_too(void **state)
{
    (void)state;
    static const char *const options[] = {
        "stream",           "web", "rate", "0.5", "duration_s", "60",
        "incident_every_s", "0",   NULL};
    struct rnl_core core;
    struct rnl_stream stream;
    jobs_setup(&core);
    run(&core, &stream, options);
    assert_in_range(count_of(&core, "web"), 29, 31);
    fake_close(&stream);
    jobs_teardown(&core);
}

/* Equal seeds give equal users, values and latencies. */
static void a_seed_is_a_stream_of_events(void **state)
{
    (void)state;
    static const char *const seeds[] = {"7", "7", "8"};
    uint8_t bytes[3][8192];
    size_t lens[3];
    for (size_t i = 0; i < 3; i++) {
        const char *const options[] = {"count",  "5000", "seed", seeds[i],
                                       "stream", "web",  NULL};
        struct rnl_core core;
        struct rnl_stream stream;
        jobs_setup(&core);
        run(&core, &stream, options);
        struct outcome outcome = get_stats(&core, "web", 0, 10);
        Runnel__V1__GetStatsResponse *answer = outcome.answer;
        assert_int_equal(answer->stats->count, 5000);
        assert_string_equal(answer->stats->top_keys[0]->key, "user-1");
        lens[i] = runnel__v1__stream_stats__pack(answer->stats, bytes[i]);
        expect(outcome, RNL_OK, NULL);
        fake_close(&stream);
        jobs_teardown(&core);
    }
    assert_int_equal(lens[0], lens[1]);
    assert_memory_equal(bytes[0], bytes[1], lens[0]);
    assert_false(lens[0] == lens[2] &&
                 memcmp(bytes[0], bytes[2], lens[0]) == 0);
}

/* The laws that were asked for. */
static void values_and_latencies_have_their_means(void **state)
{
    (void)state;
    static const char *const options[] = {"count",
                                          "50000",
                                          "rate",
                                          "100000",
                                          "incident_every_s",
                                          "0",
                                          "users",
                                          "500",
                                          "skew",
                                          "0",
                                          "value_mean",
                                          "40",
                                          "stream",
                                          "web",
                                          "value_sigma",
                                          "0.2",
                                          "latency_mean_ms",
                                          "8",
                                          "latency_sigma",
                                          "0.3",
                                          NULL};
    struct rnl_core core;
    struct rnl_stream stream;
    jobs_setup(&core);
    run(&core, &stream, options);
    struct outcome outcome = get_stats(&core, "web", 0, 1);
    const Runnel__V1__StreamStats *stats =
        ((Runnel__V1__GetStatsResponse *)outcome.answer)->stats;
    assert_in_range((int)(stats->value->mean * 100), 3980, 4020);
    assert_in_range((int)(stats->latency_ms->mean * 100), 790, 810);
    assert_in_range((int)stats->unique_keys->value, 490, 510);
    expect(outcome, RNL_OK, NULL);
    fake_close(&stream);
    jobs_teardown(&core);
}

/* ---- incidents ---- */

static int metric_of(const char *name)
{
    static const char *const names[] = {"", "rate", "value", "latency_ms",
                                        "unique_keys"};
    for (int i = 1; i < 5; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return 0;
}

static bool is_found(const Runnel__V1__GetStatsResponse *answer,
                     const struct incident *incident)
{
    for (size_t i = 0; i < answer->n_anomalies; i++) {
        const Runnel__V1__Anomaly *anomaly = answer->anomalies[i];
        int64_t time_ms =
            anomaly->time->seconds * 1000 + anomaly->time->nanos / 1000000;
        if ((int)anomaly->metric == metric_of(incident->metric) &&
            time_ms >= incident->start_ms - 1000 &&
            time_ms <= incident->end_ms + 1000)
            return true;
    }
    return false;
}

/* The log says what there was, and the detector finds it. */
static void incidents_are_labelled_and_can_be_found(void **state)
{
    (void)state;
    static const char *const options[] = {
        "stream",     "web", "rate",  "2000", "duration_s", "440",
        "incident_s", "5",   "users", "1000", NULL};
    struct incident incidents[INCIDENTS_MAX];
    struct rnl_core core;
    struct rnl_stream stream;
    jobs_setup(&core);
    run(&core, &stream, options);
    size_t count = read_incidents(&stream, incidents);
    assert_int_equal(count, 10);
    struct outcome outcome = get_stats(&core, "web", 0, 1);
    for (size_t i = 0; i < count; i++) {
        const struct incident *incident = &incidents[i];
        int64_t planned = START_MS + 40000 * (int64_t)(i + 1);
        assert_in_range(incident->start_ms, planned, planned + 100);
        assert_in_range(incident->end_ms, planned + 5000, planned + 5000);
        assert_int_not_equal(metric_of(incident->metric), 0);
        if (!is_found(outcome.answer, incident))
            fail_msg("incident %zu, %s, was not found", i + 1,
                     incident->metric);
    }
    expect(outcome, RNL_OK, NULL);
    fake_close(&stream);
    jobs_teardown(&core);
}

static void without_incidents_nothing_is_logged(void **state)
{
    (void)state;
    static const char *const options[] = {
        "stream", "web", "duration_s", "100", "incident_every_s", "0", NULL};
    struct incident incidents[INCIDENTS_MAX];
    struct rnl_core core;
    struct rnl_stream stream;
    jobs_setup(&core);
    run(&core, &stream, options);
    assert_int_equal(read_incidents(&stream, incidents), 0);
    fake_close(&stream);
    jobs_teardown(&core);
}

/* ---- what can go wrong ---- */

static void a_bad_option_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *value;
        const char *field;
    } cases[] = {
        {"stream", "_jobs", "options.stream"},
        {"stream", "a b", "options.stream"},
        {"stream", "", "options.stream"},
        {"rate", "0", "options.rate"},
        {"rate", "nan", "options.rate"},
        {"duration_s", "-1", "options.duration_s"},
        {"duration_s", "0", "options.duration_s"},
        {"users", "0", "options.users"},
        {"incident_every_s", "2", "options.incident_every_s"},
        {"speed", "9", "options.speed"},
    };
    struct rnl_core core;
    jobs_setup(&core);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct job_request request;
        char field[128];
        job_request_init(&request, "simulate", NULL);
        job_request_option(&request, cases[i].key, cases[i].value);
        assert_int_equal(job_refused(&core, &request, field, sizeof(field)),
                         RNL_INVALID_ARGUMENT);
        assert_string_equal(field, cases[i].field);
    }
    jobs_teardown(&core);
}

/* Time in which the server did other work is not made up for in a burst. */
static void lost_time_earns_a_second_at_most(void **state)
{
    (void)state;
    static const char *const options[] = {"stream",     "web",  "rate", "1000",
                                          "duration_s", "1000", NULL};
    struct rnl_core core;
    char id[RNL_JOB_ID_LEN + 1];
    jobs_setup(&core);
    create(&core, id, options);
    fake_core_advance(&core, 2 * SECOND);
    uint64_t before = count_of(&core, "web");
    core.now_ns += 30 * SECOND;
    core.wall_ns += 30 * SECOND;
    fake_core_advance(&core, 100 * MS);
    assert_in_range(count_of(&core, "web") - before, 1000, 1200);
    assert_int_equal(job_cancel(&core, id, ""), RNL_OK);
    jobs_teardown(&core);
}

static void a_deleted_stream_begins_anew(void **state)
{
    (void)state;
    static const char *const options[] = {"stream",     "web", "rate", "1000",
                                          "duration_s", "10",  NULL};
    struct rnl_core core;
    char id[RNL_JOB_ID_LEN + 1];
    jobs_setup(&core);
    create(&core, id, options);
    fake_core_advance(&core, 5 * SECOND);
    expect(delete_stream(&core, "web"), RNL_OK, NULL);
    fake_core_advance(&core, 10 * SECOND);
    assert_in_range(count_of(&core, "web"), 4900, 5100);
    assert_int_equal(job_state(&core, id),
                     RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED);
    jobs_teardown(&core);
}

static void a_limit_of_streams_fails_the_job(void **state)
{
    (void)state;
    static const char *const options[] = {"stream", "b", NULL};
    struct rnl_core core;
    char id[RNL_JOB_ID_LEN + 1];
    jobs_setup(&core);
    core.options.max_event_streams = 1;
    Runnel__V1__StreamConfig config = RUNNEL__V1__STREAM_CONFIG__INIT;
    config.name = (char *)"a";
    expect(create_stream(&core, &config), RNL_OK, NULL);
    create(&core, id, options);
    fake_core_advance(&core, 5 * SECOND);
    Runnel__V1__GetJobResponse *job = job_get(&core, id, false);
    assert_int_equal(job->job->state, RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED);
    assert_int_equal(job->job->error->code, RNL_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(job->job->error->message, "--max-event-streams"));
    rnl_request_free(job);
    jobs_teardown(&core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_at_the_rate_for_the_duration),
        cmocka_unit_test(a_count_is_kept_exactly),
        cmocka_unit_test(a_slow_rate_is_kept_too),
        cmocka_unit_test(a_seed_is_a_stream_of_events),
        cmocka_unit_test(values_and_latencies_have_their_means),
        cmocka_unit_test(incidents_are_labelled_and_can_be_found),
        cmocka_unit_test(without_incidents_nothing_is_logged),
        cmocka_unit_test(a_bad_option_is_named),
        cmocka_unit_test(lost_time_earns_a_second_at_most),
        cmocka_unit_test(a_deleted_stream_begins_anew),
        cmocka_unit_test(a_limit_of_streams_fails_the_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
