/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that lose their connection and come back, that let go of jobs, and
 * that end; a server that goes down or has a busy store. */
#include "test.h"

#include <string.h>

#include "worker_fixture.h"
#include "workers.h"

/* ---- workers that come back ---- */

/* It is known that the assignment has not arrived: nobody waits for its lease,
 * and it does not count. */
static void an_assignment_that_was_lost_on_its_way_is_given_again(void **state)
{
    (void)state;
    static const char *const story[] = {
        "1 0",
        "2 1",
        "the worker's connection was lost, and the assignment with it",
        "1 0",
        "2 1",
        NULL};
    static struct worker worker;
    struct hand lost;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open_as(&worker, "me", 1, 0);
    worker_job("llm", 0, 1, id);
    worker_take_job(&worker, &lost);
    fake_close(&worker.stream);
    worker_open_as(&worker, "me", 1, 0);
    worker_take_job(&worker, &hand);
    assert_string_equal(hand.job_id, id);
    assert_int_equal(hand.attempt, 1);
    assert_true(hand.token != lost.token);
    worker_expect_story(id, story);
    worker_append(&worker, &lost, "late");
    worker_expect_stop(&worker, &lost, "this lease is not held any more");
    worker_complete(&worker, &hand);
    worker_expect_ack(&worker, &hand);
    fake_close(&worker.stream);
}

/* It had begun, and has forgotten it. */
static void an_attempt_with_reports_that_is_not_claimed_is_lost(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open_as(&worker, "me", 1, 0);
    worker_job("llm", 0, 1, id);
    worker_take_job(&worker, &hand);
    worker_append(&worker, &hand, "begun");
    fake_close(&worker.stream);
    worker_open_as(&worker, "me", 1, 0);
    worker_expect_nothing(&worker);
    fake_core_advance(&worker_core, 2 * SECOND);
    worker_take_job(&worker, &hand);
    assert_int_equal(hand.attempt, 2);
    fake_close(&worker.stream);
}

/* Another worker's loss is not its loss. */
static void a_lease_of_another_instance_is_not_given_back(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open_as(&worker, "me", 1, 0);
    worker_job("llm", 0, 1, id);
    worker_take_job(&worker, &hand);
    fake_close(&worker.stream);
    worker_open_as(&worker, "you", 1, 0);
    worker_expect_nothing(&worker);
    fake_close(&worker.stream);
    worker_open(&worker, 1);
    worker_expect_nothing(&worker);
    fake_close(&worker.stream);
}

static void a_worker_that_comes_back_has_no_more_than_it_asked_for(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand first;
    struct hand second;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open_as(&worker, "me", 2, 0);
    for (int i = 0; i < 3; i++)
        worker_job("llm", 0, 1, id);
    worker_take_job(&worker, &first);
    worker_take_job(&worker, &second);
    fake_close(&worker.stream);
    worker_open_as(&worker, "me", 2, 2);
    worker_expect_nothing(&worker);
    worker_heartbeat(&worker, &first);
    worker_expect_nothing(&worker);
    worker_heartbeat(&worker, &second);
    worker_expect_nothing(&worker);
    worker_complete(&worker, &second);
    worker_expect_ack(&worker, &second);
    worker_take_job(&worker, &hand);
    assert_string_equal(hand.job_id, id);
    fake_close(&worker.stream);
}

/* It is seen that the old connection is lost only after the new one came. */
static void a_new_connection_replaces_the_old_one(void **state)
{
    (void)state;
    static struct worker old;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open_as(&old, "me", 1, 0);
    worker_job("llm", 0, 1, id);
    worker_take_job(&old, &hand);
    worker_open_as(&worker, "me", 1, 1);
    assert_true(old.stream.finished);
    assert_int_equal(old.stream.code, RNL_ABORTED);
    worker_heartbeat(&worker, &hand);
    fake_close(&old.stream);
    worker_complete(&worker, &hand);
    worker_expect_ack(&worker, &hand);
    assert_int_equal(job_state(&worker_core, id),
                     RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED);
    fake_close(&worker.stream);
}

/* ---- a restart ---- */

/* What recovery does with a running job. */
static void restart(struct worker *worker, const char *id)
{
    struct rnl_job *job = rnl_jobs_find(worker_core.jobs, id);
    fake_close(&worker->stream);
    rnl_lease_end(job, NULL);
    assert_int_equal(rnl_lease_restore(job), RNL_OK);
}

/* last: what was acknowledged; NULL: it does not say. */
static void claim(struct worker *worker, const struct hand *hand,
                  Runnel__V1__Acknowledge *last)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__Heartbeat beat = RUNNEL__V1__HEARTBEAT__INIT;
    Runnel__V1__Lease lease;
    Runnel__V1__Lease *leases[] = {&lease};
    hand_lease(hand, &lease);
    beat.leases = leases;
    beat.n_leases = 1;
    beat.acknowledged = &last;
    beat.n_acknowledged = last != NULL;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_HEARTBEAT;
    request.heartbeat = &beat;
    worker_send(worker, &request);
}

static void init_last(const struct hand *hand, Runnel__V1__Acknowledge *last)
{
    *last = (Runnel__V1__Acknowledge)RUNNEL__V1__ACKNOWLEDGE__INIT;
    last->job_id = (char *)hand->job_id;
    last->attempt = hand->attempt;
}

/* Two reports were written, one acknowledgement was heard. */
static void begin_and_restart(struct worker *worker, struct hand *hand,
                              Runnel__V1__Acknowledge *last,
                              char id[RNL_JOB_ID_LEN + 1])
{
    worker_open_as(worker, "me", 1, 0);
    worker_job("llm", 0, 1, id);
    worker_take_job(worker, hand);
    worker_append(worker, hand, "one ");
    Runnel__V1__WorkResponse *response =
        worker_next(worker, RUNNEL__V1__WORK_RESPONSE__ORDER_ACKNOWLEDGE);
    init_last(hand, last);
    last->report_sequence = response->acknowledge->report_sequence;
    last->sequence = response->acknowledge->sequence;
    assert_int_equal(last->sequence, 3);
    rnl_request_free(response);
    worker_append(worker, hand, "two ");
    restart(worker, id);
    worker_open_as(worker, "me", 1, 1);
}

static void an_attempt_goes_on_after_a_restart(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    Runnel__V1__Acknowledge last;
    char id[RNL_JOB_ID_LEN + 1];
    begin_and_restart(&worker, &hand, &last, id);
    claim(&worker, &hand, &last);
    worker_expect_nothing(&worker);
    hand.report = 1;
    worker_append(&worker, &hand, "two ");
    worker_expect_ack(&worker, &hand);
    /* Once more, before the worker has heard of the second report. */
    restart(&worker, id);
    worker_open_as(&worker, "me", 1, 1);
    claim(&worker, &hand, &last);
    hand.report = 1;
    worker_append(&worker, &hand, "two ");
    Runnel__V1__WorkResponse *response =
        worker_next(&worker, RUNNEL__V1__WORK_RESPONSE__ORDER_ACKNOWLEDGE);
    assert_int_equal(response->acknowledge->report_sequence, 2);
    assert_int_equal(response->acknowledge->sequence, 4);
    rnl_request_free(response);
    worker_append(&worker, &hand, "three");
    worker_expect_ack(&worker, &hand);
    worker_complete(&worker, &hand);
    worker_expect_ack(&worker, &hand);
    worker_expect_output(id, "one two three");
    Runnel__V1__GetJobResponse *job = job_get(&worker_core, id, false);
    assert_int_equal(job->job->attempt, 1);
    assert_int_equal(job->job->output_bytes, 13);
    assert_int_equal(job->job->last_sequence, 6);
    rnl_request_free(job);
    fake_close(&worker.stream);
}

/* A crash took the start away, and the job was given out again at another
 * moment: the same attempt and sequence. */
static void a_start_that_was_lost_does_not_share_its_token(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open_as(&worker, "me", 1, 0);
    worker_job("llm", 0, 1, id);
    worker_take_job(&worker, &hand);
    rnl_jobs_find(worker_core.jobs, id)->attempt_wall_ns++;
    restart(&worker, id);
    worker_open_as(&worker, "me", 1, 1);
    claim(&worker, &hand, NULL);
    rnl_request_free(
        worker_next(&worker, RUNNEL__V1__WORK_RESPONSE__ORDER_STOP));
    assert_int_equal(job_state(&worker_core, id),
                     RUNNEL__V1__JOB_STATE__JOB_STATE_RUNNING);
    fake_close(&worker.stream);
}

static void expect_lost_by_restart(struct worker *worker, struct hand *hand,
                                   const char *id)
{
    worker_expect_stop(worker, hand, "this lease is not held any more");
    worker_expect_error(id, RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED,
                        RNL_LOST_BY_RESTART, 1);
    fake_close(&worker->stream);
}

/* It says nothing of what was acknowledged, or of more than is there; or it
 * reports without a claim. */
static void an_attempt_that_cannot_go_on_is_lost(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    Runnel__V1__Acknowledge last;
    char id[RNL_JOB_ID_LEN + 1];
    begin_and_restart(&worker, &hand, &last, id);
    claim(&worker, &hand, NULL);
    expect_lost_by_restart(&worker, &hand, id);
    assert_int_equal(job_cancel(&worker_core, id, ""), RNL_OK);
    begin_and_restart(&worker, &hand, &last, id);
    last.sequence = 5;
    claim(&worker, &hand, &last);
    expect_lost_by_restart(&worker, &hand, id);
    assert_int_equal(job_cancel(&worker_core, id, ""), RNL_OK);
    begin_and_restart(&worker, &hand, &last, id);
    worker_append(&worker, &hand, "three");
    expect_lost_by_restart(&worker, &hand, id);
}

/* A job that was there before the server was: chosen for a worker, and its
 * start is not durable yet. */
static void begin_recovered(struct worker *worker, char id[RNL_JOB_ID_LEN + 1])
{
    *worker = (struct worker){0};
    fake_open(&worker->stream, &worker_core, &rnl_worker_service, "Work");
    worker_register(worker, "other", 1);
    rnl_request_free(
        worker_next(worker, RUNNEL__V1__WORK_RESPONSE__ORDER_REGISTERED));
    worker_job("llm", 0, 1, id);
    struct rnl_job *job = rnl_jobs_find(worker_core.jobs, id);
    job->recovered = true;
    rnl_job_assign(job, worker->stream.state);
    rnl_jobs_run(worker_core.jobs);
    assert_int_equal(job_state(&worker_core, id),
                     RUNNEL__V1__JOB_STATE__JOB_STATE_RUNNING);
    worker_expect_nothing(worker);
}

/* It may be what ended the server. */
static void a_recovered_job_is_given_out_when_its_start_is_durable(void **state)
{
    (void)state;
    struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    begin_recovered(&worker, id);
    worker_settle();
    worker_take_job(&worker, &hand);
    assert_int_equal(hand.attempt, 1);
    worker_complete(&worker, &hand);
    worker_expect_ack(&worker, &hand);
    assert_int_equal(job_state(&worker_core, id),
                     RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED);
    fake_close(&worker.stream);
}

/* Between that choice and the assignment. */
static void a_worker_that_goes_in_between_is_given_nothing(void **state)
{
    (void)state;
    static const char *const story[] = {
        "1 0", "2 1", "the worker went before it was given the job", "1 0",
        NULL};
    struct worker worker;
    char id[RNL_JOB_ID_LEN + 1];
    begin_recovered(&worker, id);
    fake_close(&worker.stream);
    worker_settle();
    worker_expect_story(id, story);
    begin_recovered(&worker, id);
    rnl_worker_drain(worker.stream.state);
    worker_settle();
    worker_expect_nothing(&worker);
    worker_expect_story(id, story);
    assert_true(worker.stream.finished);
    fake_close(&worker.stream);
    begin_recovered(&worker, id);
    assert_int_equal(job_cancel(&worker_core, id, ""), RNL_OK);
    worker_expect_nothing(&worker);
    fake_close(&worker.stream);
}

/* ---- leases ---- */

static void a_lease_lasts_as_long_as_is_set(void **state)
{
    (void)state;
    struct worker worker = {0};
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_core.options.lease_ms = 1500;
    fake_open(&worker.stream, &worker_core, &rnl_worker_service, "Work");
    worker_register(&worker, "llm", 1);
    Runnel__V1__WorkResponse *response =
        worker_next(&worker, RUNNEL__V1__WORK_RESPONSE__ORDER_REGISTERED);
    assert_int_equal(response->registered->heartbeat_interval->seconds, 0);
    assert_int_equal(response->registered->heartbeat_interval->nanos, 500 * MS);
    rnl_request_free(response);
    worker_job("llm", 0, 0, id);
    response = worker_next(&worker, RUNNEL__V1__WORK_RESPONSE__ORDER_ASSIGN);
    hand = (struct hand){.attempt = 1, .token = response->assign->lease->token};
    memcpy(hand.job_id, id, sizeof(id));
    assert_int_equal(response->assign->lease_duration->seconds, 1);
    assert_int_equal(response->assign->lease_duration->nanos, 500 * MS);
    rnl_request_free(response);
    fake_core_advance(&worker_core, 1499 * MS);
    worker_expect_nothing(&worker);
    fake_core_advance(&worker_core, 2 * MS);
    worker_expect_stop(&worker, &hand,
                       "the worker was not heard of for the time of its lease");
    fake_close(&worker.stream);
}

/* The server was stopped for longer than a lease; the worker was not, and what
 * it said waits to be read. */
static void a_stall_of_the_server_is_not_the_workers(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open(&worker, 1);
    worker_job("llm", 0, 0, id);
    worker_take_job(&worker, &hand);
    worker_core.now_ns += 300 * SECOND;
    rnl_timers_run(&worker_core.timers, worker_core.now_ns);
    worker_expect_nothing(&worker);
    worker_heartbeat(&worker, &hand);
    fake_core_advance(&worker_core, 29 * SECOND);
    worker_expect_nothing(&worker);
    worker_core.now_ns += 300 * SECOND;
    rnl_timers_run(&worker_core.timers, worker_core.now_ns);
    /* It is gone as well. */
    fake_core_advance(&worker_core, 11 * SECOND);
    worker_expect_stop(&worker, &hand,
                       "the worker was not heard of for the time of its lease");
    fake_close(&worker.stream);
}

/* ---- workers that go ---- */

static void a_worker_that_drains_finishes_what_it_has(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open(&worker, 2);
    worker_job("llm", 0, 1, id);
    worker_take_job(&worker, &hand);
    worker_drain(&worker);
    worker_job("llm", 0, 1, id);
    worker_expect_nothing(&worker);
    worker_append(&worker, &hand, "to the end");
    worker_expect_ack(&worker, &hand);
    assert_false(worker.stream.finished);
    worker_complete(&worker, &hand);
    worker_expect_ack(&worker, &hand);
    assert_true(worker.stream.finished);
    assert_int_equal(worker.stream.code, RNL_OK);
    fake_close(&worker.stream);
    assert_int_equal(job_state(&worker_core, id),
                     RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED);
}

/* The assignment and the DrainWorker met on the way. */
static void what_a_draining_worker_lets_go_of_goes_on_at_once(void **state)
{
    (void)state;
    static struct worker worker;
    static struct worker other;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open(&worker, 1);
    worker_job("llm", 0, 1, id);
    worker_take_job(&worker, &hand);
    worker_open(&other, 1);
    worker_drain(&worker);
    worker_release(&worker, &hand);
    worker_expect_ack(&worker, &hand);
    assert_true(worker.stream.finished);
    worker_take_job(&other, &hand);
    assert_string_equal(hand.job_id, id);
    assert_int_equal(hand.attempt, 1);
    fake_close(&worker.stream);
    fake_close(&other.stream);
}

/* Another worker may not be able either: it must not go round without end. */
static void what_a_worker_lets_go_of_is_a_lost_attempt(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open(&worker, 1);
    worker_job("llm", 0, 1, id);
    for (uint32_t i = 1; i <= 1 + RNL_JOB_LOST_ATTEMPTS_MAX; i++) {
        worker_take_job(&worker, &hand);
        assert_int_equal(hand.attempt, i);
        worker_release(&worker, &hand);
        worker_expect_ack(&worker, &hand);
        worker_expect_nothing(&worker);
        /* The longest wait is 8 s. */
        fake_core_advance(&worker_core, 9 * SECOND);
    }
    static const char *const story[] = {
        "1 0",         "2 1", "1 1 no room", "2 2", "1 2 no room", "2 3",
        "1 3 no room", "2 4", "1 4 no room", "2 5", "4 5 no room", NULL};
    worker_expect_story(id, story);
    fake_close(&worker.stream);
}

static void a_half_close_ends_what_can_be_said(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand done;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open(&worker, 2);
    worker_job("llm", 0, 1, id);
    worker_take_job(&worker, &done);
    worker_job("llm", 0, 1, id);
    worker_take_job(&worker, &hand);
    worker_complete(&worker, &done);
    worker.stream.method->on_half_close(&worker.stream);
    worker_settle();
    worker_expect_ack(&worker, &done);
    assert_true(worker.stream.finished);
    assert_int_equal(worker.stream.code, RNL_OK);
    worker_expect_error(id, RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED,
                        "the worker ended its call", 1);
    fake_close(&worker.stream);
}

static void a_server_that_drains_lets_workers_finish(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    worker_open(&worker, 1);
    worker_job("llm", 0, 1, id);
    worker_take_job(&worker, &hand);
    worker_core.draining = true;
    worker.stream.method->on_drain(&worker.stream);
    worker_settle();
    Runnel__V1__WorkResponse *response =
        worker_next(&worker, RUNNEL__V1__WORK_RESPONSE__ORDER_DRAIN);
    assert_string_equal(response->drain->reason, "the server is draining");
    rnl_request_free(response);
    assert_false(worker.stream.finished);
    worker_complete(&worker, &hand);
    worker_expect_ack(&worker, &hand);
    assert_true(worker.stream.finished);
    assert_int_equal(worker.stream.code, RNL_UNAVAILABLE);
    fake_close(&worker.stream);
}

/* ---- a busy store ---- */

static bool store_is_busy;

static bool say_busy(struct rnl_store *store)
{
    (void)store;
    return store_is_busy;
}

/* They are taken, since the worker had credit for them; more it does not get,
 * nor a job. */
static void a_busy_store_gives_no_credit_for_reports(void **state)
{
    (void)state;
    static struct worker worker;
    static struct rnl_store_ops ops;
    struct rnl_store *store = worker_core.jobs->store;
    const struct rnl_store_ops *own = store->ops;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    ops = *own;
    ops.busy = say_busy;
    worker_open(&worker, 2);
    worker_job("llm", 0, 1, id);
    worker_take_job(&worker, &hand);
    store->ops = &ops;
    store_is_busy = true;
    worker_append(&worker, &hand, "taken");
    assert_true(worker.stream.held);
    worker_expect_ack(&worker, &hand);
    worker_job("llm", 0, 1, id);
    worker_expect_nothing(&worker);
    store_is_busy = false;
    store->listener.ready(store->listener.arg);
    worker_settle();
    assert_false(worker.stream.held);
    worker_take_job(&worker, &hand);
    fake_close(&worker.stream);
    store->ops = own;
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, worker_setup, worker_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_assignment_that_was_lost_on_its_way_is_given_again),
        TEST(an_attempt_with_reports_that_is_not_claimed_is_lost),
        TEST(a_lease_of_another_instance_is_not_given_back),
        TEST(a_worker_that_comes_back_has_no_more_than_it_asked_for),
        TEST(a_new_connection_replaces_the_old_one),
        TEST(an_attempt_goes_on_after_a_restart),
        TEST(an_attempt_that_cannot_go_on_is_lost),
        TEST(a_start_that_was_lost_does_not_share_its_token),
        TEST(a_recovered_job_is_given_out_when_its_start_is_durable),
        TEST(a_worker_that_goes_in_between_is_given_nothing),
        TEST(a_lease_lasts_as_long_as_is_set),
        TEST(a_stall_of_the_server_is_not_the_workers),
        TEST(a_worker_that_drains_finishes_what_it_has),
        TEST(what_a_draining_worker_lets_go_of_goes_on_at_once),
        TEST(what_a_worker_lets_go_of_is_a_lost_attempt),
        TEST(a_half_close_ends_what_can_be_said),
        TEST(a_server_that_drains_lets_workers_finish),
        TEST(a_busy_store_gives_no_credit_for_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
