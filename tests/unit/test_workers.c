/* SPDX-License-Identifier: Apache-2.0 */
/* WorkerService.Work against the engine, by a clock driven by hand: who gets
 * which job, what reports do, and what becomes of a worker that goes. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "kind_limits.h"
#include "worker_fixture.h"
#include "workers.h"

/* ---- cases ---- */

static void a_job_is_given_out_reported_on_and_completed(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open(&worker, 1);
    worker_job("llm", 0, 0, id);
    worker_take_job(&worker, &hand);
    assert_string_equal(hand.job_id, id);
    assert_int_equal(hand.attempt, 1);
    assert_int_equal(job_state(&worker_core, id),
                     RUNNEL__V1__JOB_STATE__JOB_STATE_RUNNING);
    worker_append(&worker, &hand, "Hello, ");
    worker_expect_ack(&worker, &hand);
    worker_append(&worker, &hand, "world");
    worker_expect_ack(&worker, &hand);
    worker_complete(&worker, &hand);
    worker_expect_ack(&worker, &hand);
    worker_expect_nothing(&worker);
    Runnel__V1__GetJobResponse *response = job_get(&worker_core, id, false);
    assert_int_equal(response->job->state,
                     RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED);
    assert_string_equal(response->job->output_content_type, "text/markdown");
    assert_int_equal(response->job->output_bytes, 12);
    rnl_request_free(response);
    worker_expect_output(id, "Hello, world");
    fake_close(&worker.stream);
}

/* It may be created before anybody serves it. */
static void jobs_wait_for_their_worker_and_go_by_priority(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand first;
    struct hand hand;
    char ids[3][RNL_JOB_ID_LEN + 1];
    worker_job("llm", 0, 0, ids[0]);
    worker_job("llm", 5, 0, ids[1]);
    worker_job("other", 9, 0, ids[2]);
    worker_open(&worker, 1);
    worker_take_job(&worker, &first);
    assert_string_equal(first.job_id, ids[1]);
    /* One at a time, as the worker said. */
    worker_expect_nothing(&worker);
    worker_complete(&worker, &first);
    worker_expect_ack(&worker, &first);
    worker_take_job(&worker, &hand);
    assert_string_equal(hand.job_id, ids[0]);
    assert_int_equal(job_state(&worker_core, ids[2]),
                     RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED);
    fake_close(&worker.stream);
}

static void workers_of_a_kind_take_turns(void **state)
{
    (void)state;
    static struct worker workers[3];
    char id[RNL_JOB_ID_LEN + 1];
    for (size_t i = 0; i < 3; i++)
        worker_open(&workers[i], 10);
    for (int i = 0; i < 9; i++)
        worker_job("llm", 0, 0, id);
    for (size_t i = 0; i < 3; i++) {
        struct hand hand;
        for (int k = 0; k < 3; k++)
            worker_take_job(&workers[i], &hand);
        worker_expect_nothing(&workers[i]);
        fake_close(&workers[i].stream);
    }
}

static void tenants_take_turns(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char ids[6][RNL_JOB_ID_LEN + 1];
    worker_core.options.fair_label = "team";
    static const char *const tenants[] = {"a", "a", "a", "a", "b", NULL};
    for (size_t i = 0; i < 6; i++) {
        worker_job_tenant = tenants[i];
        worker_job("llm", 0, 0, ids[i]);
    }
    worker_job_tenant = NULL;
    worker_open(&worker, 6);
    static const size_t order[] = {0, 4, 5, 1, 2, 3};
    for (size_t i = 0; i < 6; i++) {
        worker_take_job(&worker, &hand);
        assert_string_equal(hand.job_id, ids[order[i]]);
    }
    fake_close(&worker.stream);
}

static void a_kind_runs_no_more_jobs_than_its_limit(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hands[3];
    char ids[4][RNL_JOB_ID_LEN + 1];
    struct rnl_kind_limits limits;
    const char *error;
    assert_int_equal(rnl_kind_limits_parse("llm=2", &limits, &error), RNL_OK);
    worker_core.options.kind_limits = &limits;
    worker_open(&worker, 10);
    for (size_t i = 0; i < 4; i++)
        worker_job("llm", 0, 2, ids[i]);
    worker_take_job(&worker, &hands[0]);
    worker_take_job(&worker, &hands[1]);
    worker_expect_nothing(&worker);
    worker_complete(&worker, &hands[0]);
    worker_expect_ack(&worker, &hands[0]);
    worker_take_job(&worker, &hands[2]);
    assert_string_equal(hands[2].job_id, ids[2]);
    worker_expect_nothing(&worker);
    /* A failed attempt makes room while it waits for its next. */
    worker_fail(&worker, &hands[1], true);
    worker_take_job(&worker, &hands[0]);
    assert_string_equal(hands[0].job_id, ids[3]);
    worker_expect_ack(&worker, &hands[1]);
    struct rnl_kind_state kind;
    size_t at = 0;
    while (rnl_jobs_kind_at(worker_core.jobs, at, &kind) &&
           strcmp(kind.kind, "llm") != 0)
        at++;
    assert_false(kind.built_in);
    assert_int_equal(kind.workers, 1);
    assert_int_equal(kind.running, 2);
    assert_int_equal(kind.running_max, 2);
    assert_int_equal(kind.waiting, 0);
    fake_close(&worker.stream);
}

/* Jobs that workers do are no reason for a built-in one to wait. */
static void running_jobs_of_workers_do_not_hold_up_built_in_kinds(void **state)
{
    (void)state;
    static struct worker worker;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open(&worker, 100);
    for (int i = 0; i < 100; i++)
        worker_job("llm", 0, 0, id);
    worker_job("echo", 0, 0, id);
    fake_core_advance(&worker_core, SECOND);
    assert_int_equal(job_state(&worker_core, id),
                     RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED);
    fake_close(&worker.stream);
}

static void a_worker_that_does_not_read_gets_no_job(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open(&worker, 4);
    fake_give_room(&worker.stream, 0);
    worker_job("llm", 0, 0, id);
    worker_expect_nothing(&worker);
    fake_give_room(&worker.stream, SIZE_MAX);
    worker_settle();
    worker_take_job(&worker, &hand);
    fake_close(&worker.stream);
}

static void a_cancel_reaches_the_worker(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open(&worker, 1);
    worker_job("llm", 0, 0, id);
    worker_take_job(&worker, &hand);
    assert_int_equal(job_cancel(&worker_core, id, "too slow"), RNL_OK);
    worker_expect_stop(&worker, &hand, "too slow");
    worker_append(&worker, &hand, "late");
    worker_expect_stop(&worker, &hand, "this lease is not held any more");
    worker_expect_output(id, "");
    /* Its place is free. */
    worker_job("llm", 0, 0, id);
    worker_take_job(&worker, &hand);
    fake_close(&worker.stream);
}

static void a_silent_worker_loses_its_job_to_another(void **state)
{
    (void)state;
    static struct worker silent;
    static struct worker other;
    struct hand lost;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open(&silent, 1);
    worker_job("llm", 0, 1, id);
    worker_take_job(&silent, &lost);
    worker_append(&silent, &lost, "one ");
    worker_expect_ack(&silent, &lost);
    worker_open(&other, 1);
    fake_core_advance(&worker_core, 29 * SECOND);
    worker_expect_nothing(&other);
    fake_core_advance(&worker_core, 3 * SECOND);
    worker_expect_stop(&silent, &lost,
                       "the worker was not heard of for the time of its lease");
    worker_take_job(&other, &hand);
    assert_string_equal(hand.job_id, id);
    assert_int_equal(hand.attempt, 2);
    assert_true(hand.token != lost.token);
    /* The first one is fenced off. */
    worker_append(&silent, &lost, "zombie");
    worker_expect_stop(&silent, &lost, "this lease is not held any more");
    worker_append(&other, &hand, "two");
    worker_expect_ack(&other, &hand);
    worker_complete(&other, &hand);
    worker_expect_ack(&other, &hand);
    worker_expect_output(id, "one two");
    fake_close(&silent.stream);
    fake_close(&other.stream);
}

static void heartbeats_keep_a_lease(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open(&worker, 1);
    worker_job("llm", 0, 0, id);
    worker_take_job(&worker, &hand);
    for (int i = 0; i < 10; i++) {
        fake_core_advance(&worker_core, 20 * SECOND);
        worker_heartbeat(&worker, &hand);
    }
    worker_expect_nothing(&worker);
    worker_complete(&worker, &hand);
    worker_expect_ack(&worker, &hand);
    fake_close(&worker.stream);
}

/* A lost connection is not a lost lease; what was sent twice counts once. */
static void a_worker_comes_back_and_goes_on(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open(&worker, 1);
    worker_job("llm", 0, 0, id);
    worker_take_job(&worker, &hand);
    worker_append(&worker, &hand, "before ");
    fake_close(&worker.stream);
    fake_core_advance(&worker_core, 20 * SECOND);
    worker_open(&worker, 1);
    worker_heartbeat(&worker, &hand);
    worker_expect_nothing(&worker);
    hand.report--;
    worker_append(&worker, &hand, "before ");
    worker_expect_ack(&worker, &hand);
    worker_append(&worker, &hand, "after");
    worker_expect_ack(&worker, &hand);
    worker_complete(&worker, &hand);
    worker_expect_ack(&worker, &hand);
    worker_expect_output(id, "before after");
    fake_close(&worker.stream);
}

static void a_failure_is_tried_again_if_it_may(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open(&worker, 1);
    worker_job("llm", 0, 2, id);
    worker_take_job(&worker, &hand);
    worker_fail(&worker, &hand, true);
    worker_expect_ack(&worker, &hand);
    fake_core_advance(&worker_core, 2 * SECOND);
    worker_take_job(&worker, &hand);
    assert_int_equal(hand.attempt, 2);
    worker_fail(&worker, &hand, true);
    worker_expect_ack(&worker, &hand);
    worker_expect_error(id, RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED, "it broke",
                        2);
    worker_job("llm", 0, 9, id);
    worker_take_job(&worker, &hand);
    worker_fail(&worker, &hand, false);
    worker_expect_ack(&worker, &hand);
    worker_expect_error(id, RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED, "it broke",
                        1);
    fake_close(&worker.stream);
}

static void expect_not_before(const char *id, int64_t seconds)
{
    Runnel__V1__GetJobResponse *job = job_get(&worker_core, id, false);
    assert_non_null(job->job->not_before);
    assert_int_equal(job->job->not_before->seconds, seconds);
    rnl_request_free(job);
}

/* Longer than the policy's backoff, then shorter; it is the wait, to the
 * nanosecond. */
static void a_worker_says_when_to_try_again(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open(&worker, 1);
    worker_job("llm", 0, 4, id);
    worker_take_job(&worker, &hand);
    int64_t begin_s = worker_core.wall_ns / SECOND;
    worker_retry(&worker, &hand, 86400, 0);
    worker_expect_ack(&worker, &hand);
    expect_not_before(id, begin_s + 86400);
    fake_core_advance(&worker_core, 86400 * SECOND - 1);
    worker_expect_nothing(&worker);
    fake_core_advance(&worker_core, 1);
    worker_take_job(&worker, &hand);
    worker_retry(&worker, &hand, 0, 1000000);
    worker_expect_ack(&worker, &hand);
    fake_core_advance(&worker_core, MS);
    worker_take_job(&worker, &hand);
    worker_retry(&worker, &hand, 0, 0);
    worker_expect_ack(&worker, &hand);
    worker_settle();
    worker_take_job(&worker, &hand);
    assert_int_equal(hand.attempt, 4);
    /* The policy has no more. */
    worker_retry(&worker, &hand, 1, 0);
    worker_expect_ack(&worker, &hand);
    worker_expect_error(id, RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED, "it broke",
                        4);
    fake_close(&worker.stream);
}

static void a_delay_out_of_range_ends_the_work(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        int32_t nanos;
    } bad[] = {{-1, 0}, {0, -1}, {0, 1000000000}, {86400, 1}, {INT64_MAX, 0}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        static struct worker worker;
        struct hand hand;
        char id[RNL_JOB_ID_LEN + 1];
        worker_open(&worker, 1);
        worker_job("llm", 0, 2, id);
        worker_take_job(&worker, &hand);
        worker_retry(&worker, &hand, bad[i].seconds, bad[i].nanos);
        assert_true(worker.stream.finished);
        assert_int_equal(worker.stream.code, RNL_INVALID_ARGUMENT);
        assert_string_equal(worker.stream.field, "fail.retry_delay");
        fake_close(&worker.stream);
        assert_int_equal(job_cancel(&worker_core, id, "enough"), RNL_OK);
    }
}

/* It must not wander from worker to worker for ever. */
static void a_job_that_kills_its_workers_ends(void **state)
{
    (void)state;
    char id[RNL_JOB_ID_LEN + 1];
    worker_job("llm", 0, 1, id);
    for (uint32_t i = 1; i <= 1 + RNL_JOB_LOST_ATTEMPTS_MAX; i++) {
        static struct worker worker;
        struct hand hand;
        worker_open(&worker, 1);
        /* The longest wait before the fifth attempt is 8 s. */
        fake_core_advance(&worker_core, 9 * SECOND);
        worker_take_job(&worker, &hand);
        assert_int_equal(hand.attempt, i);
        fake_close(&worker.stream);
        fake_core_advance(&worker_core, 31 * SECOND);
    }
    worker_expect_error(id, RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED,
                        "the worker was not heard of for the time of its lease",
                        1 + RNL_JOB_LOST_ATTEMPTS_MAX);
}

static void progress_is_shown_with_its_unit(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__ReportProgress report = RUNNEL__V1__REPORT_PROGRESS__INIT;
    Runnel__V1__Progress progress = RUNNEL__V1__PROGRESS__INIT;
    Runnel__V1__Lease lease;
    worker_open(&worker, 1);
    worker_job("llm", 0, 0, id);
    worker_take_job(&worker, &hand);
    hand_lease(&hand, &lease);
    progress.done = 3;
    progress.total = 7;
    progress.unit = (char *)"tokens";
    report.lease = &lease;
    report.report_sequence = ++hand.report;
    report.progress = &progress;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_PROGRESS;
    request.progress = &report;
    worker_send(&worker, &request);
    worker_expect_ack(&worker, &hand);
    Runnel__V1__GetJobResponse *response = job_get(&worker_core, id, false);
    assert_string_equal(response->job->progress->unit, "tokens");
    assert_true(response->job->progress->done == 3);
    rnl_request_free(response);
    fake_close(&worker.stream);
}

static void expect_refused(struct worker *worker, const char *field)
{
    assert_true(worker->stream.finished);
    assert_int_equal(worker->stream.code, RNL_INVALID_ARGUMENT);
    assert_string_equal(worker->stream.field, field);
    fake_close(&worker->stream);
}

static void what_a_worker_must_not_say_is_refused(void **state)
{
    (void)state;
    struct worker worker = {0};
    struct hand hand = {.job_id = "x"};
    char id[RNL_JOB_ID_LEN + 1];
    fake_open(&worker.stream, &worker_core, &rnl_worker_service, "Work");
    worker_append(&worker, &hand, "first");
    expect_refused(&worker, "registration");
    fake_open(&worker.stream, &worker_core, &rnl_worker_service, "Work");
    worker_register(&worker, "Not A Kind", 1);
    expect_refused(&worker, "registration.kinds[0]");
    fake_open(&worker.stream, &worker_core, &rnl_worker_service, "Work");
    worker_register(&worker, "echo", 1);
    expect_refused(&worker, "registration.kinds[0]");
    fake_open(&worker.stream, &worker_core, &rnl_worker_service, "Work");
    worker_register(&worker, "llm", 0);
    expect_refused(&worker, "registration.concurrency");
    fake_open(&worker.stream, &worker_core, &rnl_worker_service, "Work");
    worker_register(&worker, "llm", RNL_WORKER_CONCURRENCY_MAX + 1);
    expect_refused(&worker, "registration.concurrency");

    worker_open(&worker, 1);
    worker_register(&worker, "llm", 1);
    expect_refused(&worker, "registration");

    worker_open(&worker, 1);
    worker_job("llm", 0, 0, id);
    worker_take_job(&worker, &hand);
    hand.report = 4;
    worker_append(&worker, &hand, "a hole");
    expect_refused(&worker, "append.report_sequence");
}

/* Everything a worker does, tolerant of refusals. */
static void scenario(void)
{
    struct rnl_stream stream;
    struct worker worker = {0};
    struct job_request request;
    jobs_setup_limited(&worker_core, 0, 0);
    fake_open(&worker.stream, &worker_core, &rnl_worker_service, "Work");
    worker_register(&worker, "llm", 2);
    job_request_init(&request, "llm", "the input");
    fake_call(&stream, &worker_core, &rnl_job_service, "CreateJob",
              &request.request.base);
    worker_settle();
    fake_close(&stream);
    for (size_t i = 0; i < worker.stream.sent_count; i++) {
        const struct rnl_buf *buf = worker.stream.sent[i];
        Runnel__V1__WorkResponse *response =
            runnel__v1__work_response__unpack(NULL, buf->len, buf->data);
        assert_non_null(response);
        if (response->order_case == RUNNEL__V1__WORK_RESPONSE__ORDER_ASSIGN) {
            struct hand hand = {.attempt = response->assign->lease->attempt,
                                .token = response->assign->lease->token};
            memcpy(hand.job_id, response->assign->lease->job_id,
                   sizeof(hand.job_id));
            if (!worker.stream.finished)
                worker_append(&worker, &hand, "output");
            if (!worker.stream.finished)
                worker_complete(&worker, &hand);
        }
        runnel__v1__work_response__free_unpacked(response, NULL);
    }
    fake_close(&worker.stream);
    fake_core_advance(&worker_core, 100 * SECOND);
}

static void every_failed_allocation_costs_a_call_or_an_attempt(void **state)
{
    (void)state;
    jobs_teardown(&worker_core);
    scenario();
    jobs_teardown(&worker_core);
    fault_count();
    scenario();
    size_t total = fault_stop();
    jobs_teardown(&worker_core);
    /* Those of the set-up are another test's. */
    fault_count();
    jobs_setup(&worker_core);
    size_t first = fault_stop() + 1;
    jobs_teardown(&worker_core);
    assert_true(total > first + 10);
    for (size_t k = first; k <= total; k++) {
        fault_at(k, false);
        scenario();
        fault_stop();
        jobs_teardown(&worker_core);
    }
    jobs_setup(&worker_core);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, worker_setup, worker_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_is_given_out_reported_on_and_completed),
        TEST(jobs_wait_for_their_worker_and_go_by_priority),
        TEST(workers_of_a_kind_take_turns),
        TEST(tenants_take_turns),
        TEST(a_kind_runs_no_more_jobs_than_its_limit),
        TEST(running_jobs_of_workers_do_not_hold_up_built_in_kinds),
        TEST(a_worker_that_does_not_read_gets_no_job),
        TEST(a_cancel_reaches_the_worker),
        TEST(a_silent_worker_loses_its_job_to_another),
        TEST(heartbeats_keep_a_lease),
        TEST(a_worker_comes_back_and_goes_on),
        TEST(a_failure_is_tried_again_if_it_may),
        TEST(a_worker_says_when_to_try_again),
        TEST(a_delay_out_of_range_ends_the_work),
        TEST(a_job_that_kills_its_workers_ends),
        TEST(progress_is_shown_with_its_unit),
        TEST(what_a_worker_must_not_say_is_refused),
        TEST(every_failed_allocation_costs_a_call_or_an_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
