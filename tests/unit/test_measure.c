/* SPDX-License-Identifier: Apache-2.0 */
/* The server's own streams: what its jobs and calls took. */
#include "test.h"

#include <string.h>

#include "fault.h"
#include "job_fixture.h"
#include "measure.h"
#include "stream_fixture.h"

static void note(struct rnl_core *core, const char *name, const char *suffix,
                 double latency_ms)
{
    struct rnl_measured measured = {
        .name = name,
        .suffix = suffix,
        .has_latency = latency_ms >= 0,
        .latency_ms = latency_ms,
    };
    rnl_streams_measure(core->streams, RNL_MEASURE_RPC, &measured);
}

static uint64_t frequency(struct rnl_core *core, const char *stream,
                          const char *key)
{
    Runnel__V1__GetFrequencyRequest request =
        RUNNEL__V1__GET_FREQUENCY_REQUEST__INIT;
    char *keys[] = {(char *)(uintptr_t)key};
    request.stream = (char *)(uintptr_t)stream;
    request.keys = keys;
    request.n_keys = 1;
    struct outcome outcome =
        call(core, "GetFrequency", &request.base,
             &runnel__v1__get_frequency_response__descriptor);
    if (outcome.code != RNL_OK)
        return 0;
    uint64_t count = ((Runnel__V1__GetFrequencyResponse *)outcome.answer)
                         ->frequencies[0]
                         ->count;
    expect(outcome, RNL_OK, NULL);
    return count;
}

static void events_are_counted_within_a_second(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    note(&core, "S/Get", NULL, 5);
    note(&core, "S/Get", "NOT_FOUND", 1);
    note(&core, "S/Watch", NULL, -1);
    note(&core, "S/Get", NULL, 7);
    fake_core_advance(&core, SECOND);
    assert_int_equal(frequency(&core, "_rpc", "S/Get"), 2);
    assert_int_equal(frequency(&core, "_rpc", "S/Get NOT_FOUND"), 1);
    assert_int_equal(frequency(&core, "_rpc", "S/Watch"), 1);
    struct outcome outcome = get_stats(&core, "_rpc", 60, 0);
    const Runnel__V1__StreamStats *stats =
        ((Runnel__V1__GetStatsResponse *)outcome.answer)->stats;
    assert_int_equal(stats->count, 4);
    assert_int_equal(stats->latency_ms->count, 3);
    assert_int_equal((int)stats->latency_ms->max, 7);
    assert_null(stats->value);
    expect(outcome, RNL_OK, NULL);
    /* And then no timer runs. */
    assert_int_equal(core.timers.count, 0);
    streams_teardown(&core);
}

static void many_events_are_counted_at_once(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    for (int i = 0; i < 5000; i++)
        note(&core, "S/Get", NULL, i);
    fake_core_advance(&core, SECOND);
    assert_int_equal(frequency(&core, "_rpc", "S/Get"), 5000);
    streams_teardown(&core);
}

/* Names of clients have the limit for themselves, and are all that is
 * counted. */
static void own_streams_are_beside_the_limit(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_streams_counts counts;
    streams_setup_limited(&core, 1, 0);
    note(&core, "S/Get", NULL, 1);
    fake_core_advance(&core, SECOND);
    Runnel__V1__StreamConfig config = RUNNEL__V1__STREAM_CONFIG__INIT;
    config.name = (char *)"a";
    expect(create_stream(&core, &config), RNL_OK, NULL);
    config.name = (char *)"b";
    expect(create_stream(&core, &config), RNL_RESOURCE_EXHAUSTED, NULL);
    note(&core, "S/Get", NULL, 1);
    fake_core_advance(&core, SECOND);
    assert_int_equal(frequency(&core, "_rpc", "S/Get"), 2);
    rnl_streams_count(core.streams, &counts);
    assert_int_equal(counts.streams, 1);
    assert_int_equal(counts.events, 0);
    expect(delete_stream(&core, "a"), RNL_OK, NULL);
    expect(create_stream(&core, &config), RNL_OK, NULL);
    streams_teardown(&core);
}

static void a_long_name_is_cut(void **state)
{
    (void)state;
    struct rnl_core core;
    char name[400];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    streams_setup(&core);
    note(&core, name, "suffix", 1);
    fake_core_advance(&core, SECOND);
    name[RNL_METER_KEY_BYTES_MAX] = '\0';
    assert_int_equal(frequency(&core, "_rpc", name), 1);
    streams_teardown(&core);
}

static void jobs_are_measured(void **state)
{
    (void)state;
    struct rnl_core core;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    jobs_setup(&core);
    job_request_init(&request, "echo", "thirty-two characters, 2 pieces.");
    job_request_option(&request, "pace_ms", "250");
    job_create(&core, &request, id);
    fake_core_advance(&core, 2 * SECOND);
    job_create(&core, &request, id);
    assert_int_equal(job_cancel(&core, id, ""), RNL_OK);
    fake_core_advance(&core, 2 * SECOND);
    assert_int_equal(frequency(&core, "_jobs", "echo SUCCEEDED"), 1);
    assert_int_equal(frequency(&core, "_jobs", "echo CANCELLED"), 1);
    struct outcome outcome = get_stats(&core, "_jobs", 0, 0);
    const Runnel__V1__StreamStats *stats =
        ((Runnel__V1__GetStatsResponse *)outcome.answer)->stats;
    assert_in_range((int)stats->latency_ms->max, 250, 500);
    assert_int_equal((int)stats->value->max, 0);
    expect(outcome, RNL_OK, NULL);
    assert_in_range(frequency(&core, "_jobs.first_output", "echo"), 1, 2);
    jobs_teardown(&core);
}

static void without_memory_it_is_forgotten(void **state)
{
    (void)state;
    for (size_t k = 1; k <= 30; k++) {
        struct rnl_core core;
        streams_setup(&core);
        fault_at(k, k % 2 == 0);
        note(&core, "S/Get", NULL, 1);
        note(&core, "S/Watch", NULL, -1);
        fake_core_advance(&core, SECOND);
        fault_stop();
        note(&core, "S/Get", NULL, 1);
        fake_core_advance(&core, SECOND);
        assert_in_range(frequency(&core, "_rpc", "S/Get"), 1, 2);
        streams_teardown(&core);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_counted_within_a_second),
        cmocka_unit_test(many_events_are_counted_at_once),
        cmocka_unit_test(own_streams_are_beside_the_limit),
        cmocka_unit_test(a_long_name_is_cut),
        cmocka_unit_test(jobs_are_measured),
        cmocka_unit_test(without_memory_it_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
