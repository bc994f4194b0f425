/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that keep their newest events only, from the request to the watcher. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "job_fixture.h"
#include "store_memory.h"

#define INPUT_LEN ((size_t)600000)
#define KEEP      ((uint64_t)65536)

static char input[INPUT_LEN + 1];

static void fill_input(void)
{
    for (size_t i = 0; i < INPUT_LEN; i++)
        input[i] = (char)('a' + (i * 7 + i / 26) % 26);
}

static void create_echo(struct rnl_core *core, const char *pace_ms,
                        char ret_id[RNL_JOB_ID_LEN + 1])
{
    struct job_request request;
    fill_input();
    job_request_init(&request, "echo", input);
    job_request_option(&request, "chunk_bytes", "1000");
    job_request_option(&request, "pace_ms", pace_ms);
    request.request.keep_newest_bytes = KEEP;
    job_create(core, &request, ret_id);
}

/* What a watcher gets from the first event that is kept is the end of the
 * output, and not more than was asked for and a fifth. */
static void expect_newest(struct rnl_core *core, const char *id, uint64_t first)
{
    struct rnl_stream stream;
    size_t len;
    job_watch(&stream, core, id, first - 1);
    fake_core_advance(core, 0);
    assert_int_equal(stream.code, RNL_OK);
    char *output = watched_output(&stream, first - 1, &len);
    assert_true(len > KEEP * 9 / 10 && len < KEEP * 6 / 5);
    assert_memory_equal(output, input + INPUT_LEN - len, len);
    free(output);
    fake_close(&stream);
}

/* The store's account of a log is what its events come to. */
static void expect_account(struct rnl_core *core, const char *id)
{
    struct rnl_store *store = core->jobs->store;
    struct rnl_store_log log;
    static struct rnl_store_page page;
    uint64_t bytes = 0;
    assert_int_equal(store->ops->log(store, id, &log), RNL_OK);
    assert_true(log.first_sequence > 1);
    for (uint64_t at = log.first_sequence - 1; at < log.last_sequence;
         at += page.count) {
        assert_int_equal(store->ops->read(store, id, at, SIZE_MAX, &page),
                         RNL_OK);
        assert_true(page.count > 0);
        for (size_t i = 0; i < page.count; i++)
            bytes += page.events[i].len + RNL_STORE_EVENT_BYTES;
    }
    assert_int_equal(log.event_bytes, bytes);
}

static void the_oldest_events_go_and_the_job_goes_on(void **state)
{
    (void)state;
    struct rnl_core core;
    char id[RNL_JOB_ID_LEN + 1];
    jobs_setup_limited(&core, 0, 3 * KEEP);
    create_echo(&core, "0", id);
    fake_core_advance(&core, SECOND);
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
    assert_int_equal(response->job->state,
                     RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED);
    assert_int_equal(response->job->output_bytes, INPUT_LEN);
    assert_int_equal(response->job->keep_newest_bytes, KEEP);
    uint64_t first = response->job->first_sequence;
    assert_true(first > 500);
    rnl_request_free(response);
    struct rnl_stream stream;
    job_watch(&stream, &core, id, 0);
    assert_int_equal(stream.code, RNL_OUT_OF_RANGE);
    assert_int_equal(stream.first_available, first);
    fake_close(&stream);
    expect_newest(&core, id, first);
    expect_account(&core, id);
    struct rnl_jobs_counts counts;
    rnl_jobs_count(core.jobs, &counts);
    assert_true(counts.store.bytes < INPUT_LEN + 3 * KEEP);
    jobs_teardown(&core);
}

/* One that does not read falls out of what is kept, and is told where to go
 * on; one that reads sees all. */
static void a_watcher_that_is_too_slow_is_told_where_to_go_on(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream slow;
    struct rnl_stream quick;
    char id[RNL_JOB_ID_LEN + 1];
    size_t len;
    jobs_setup(&core);
    create_echo(&core, "1", id);
    job_watch(&slow, &core, id, 0);
    job_watch(&quick, &core, id, 0);
    fake_give_room(&slow, 3);
    fake_core_advance(&core, 10 * SECOND);
    assert_int_equal(quick.code, RNL_OK);
    char *output = watched_output(&quick, 0, &len);
    assert_int_equal(len, INPUT_LEN);
    assert_memory_equal(output, input, len);
    free(output);
    assert_false(slow.finished);
    fake_give_room(&slow, SIZE_MAX);
    assert_int_equal(slow.code, RNL_OUT_OF_RANGE);
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
    assert_int_equal(slow.first_available, response->job->first_sequence);
    expect_newest(&core, id, response->job->first_sequence);
    rnl_request_free(response);
    fake_close(&slow);
    fake_close(&quick);
    jobs_teardown(&core);
}

static void a_job_that_keeps_all_still_fails_at_the_limit(void **state)
{
    (void)state;
    struct rnl_core core;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    jobs_setup_limited(&core, 0, 3 * KEEP);
    fill_input();
    job_request_init(&request, "echo", input);
    job_request_option(&request, "chunk_bytes", "1000");
    job_create(&core, &request, id);
    fake_core_advance(&core, SECOND);
    assert_int_equal(job_state(&core, id),
                     RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED);
    jobs_teardown(&core);
}

static void sizes_out_of_range_are_refused_with_their_field(void **state)
{
    (void)state;
    struct rnl_core core;
    struct job_request request;
    char field[64];
    char id[RNL_JOB_ID_LEN + 1];
    jobs_setup_limited(&core, 0, 3 * KEEP + 3);
    static const uint64_t wrong[] = {1, KEEP - 1, KEEP + 2, UINT64_MAX};
    job_request_init(&request, "echo", "x");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        request.request.keep_newest_bytes = wrong[i];
        assert_int_equal(job_refused(&core, &request, field, sizeof(field)),
                         RNL_INVALID_ARGUMENT);
        assert_string_equal(field, "keep_newest_bytes");
    }
    request.request.keep_newest_bytes = KEEP;
    job_create(&core, &request, id);
    request.request.keep_newest_bytes = KEEP + 1;
    job_create(&core, &request, id);
    fake_core_advance(&core, SECOND);
    jobs_teardown(&core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_events_go_and_the_job_goes_on),
        cmocka_unit_test(a_watcher_that_is_too_slow_is_told_where_to_go_on),
        cmocka_unit_test(a_job_that_keeps_all_still_fails_at_the_limit),
        cmocka_unit_test(sizes_out_of_range_are_refused_with_their_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
