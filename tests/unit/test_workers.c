/* SPDX-License-Identifier: Apache-2.0 */
/* WorkerService.Work against the engine, by a clock driven by hand: who gets
 * which job, what reports do, and what becomes of a worker that goes. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <runnel/v1/workers.pb-c.h>

#include "fault.h"
#include "job_fixture.h"
#include "kind_limits.h"
#include "workers.h"

static struct rnl_core core;

static int setup(void **state)
{
    (void)state;
    jobs_setup(&core);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    jobs_teardown(&core);
    return 0;
}

/* ---- a worker ---- */

struct worker {
    struct rnl_stream stream;
    /* Messages looked at. */
    size_t seen;
};

/* What a worker holds of an assignment. */
struct hand {
    char job_id[RNL_JOB_ID_LEN + 1];
    uint32_t attempt;
    uint64_t token;
    uint64_t report;
};

static void settle(void)
{
    fake_core_advance(&core, 0);
}

static void send(struct worker *worker, Runnel__V1__WorkRequest *request)
{
    fake_request(&worker->stream, &request->base);
    settle();
}

static void register_worker(struct worker *worker, const char *kind,
                            uint32_t concurrency)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__RegisterWorker registration = RUNNEL__V1__REGISTER_WORKER__INIT;
    char *kinds[] = {(char *)kind};
    registration.kinds = kinds;
    registration.n_kinds = 1;
    registration.concurrency = concurrency;
    registration.name = (char *)"test";
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_REGISTRATION;
    request.registration = &registration;
    send(worker, &request);
}

/* The next message, which must be of that kind; free it. NULL for none at all,
 * if kind says so. */
static Runnel__V1__WorkResponse *next(struct worker *worker,
                                      Runnel__V1__WorkResponse__OrderCase kind)
{
    if (worker->seen == worker->stream.sent_count) {
        assert_int_equal(kind, RUNNEL__V1__WORK_RESPONSE__ORDER__NOT_SET);
        return NULL;
    }
    Runnel__V1__WorkResponse *response =
        fake_sent(&worker->stream, worker->seen++,
                  &runnel__v1__work_response__descriptor);
    assert_int_equal(response->order_case, kind);
    return response;
}

static void expect_nothing(struct worker *worker)
{
    next(worker, RUNNEL__V1__WORK_RESPONSE__ORDER__NOT_SET);
}

static void open_worker(struct worker *worker, const char *kind,
                        uint32_t concurrency)
{
    *worker = (struct worker){0};
    fake_open(&worker->stream, &core, &rnl_worker_service, "Work");
    register_worker(worker, kind, concurrency);
    Runnel__V1__WorkResponse *response =
        next(worker, RUNNEL__V1__WORK_RESPONSE__ORDER_REGISTERED);
    assert_int_equal(strlen(response->registered->worker_id), RNL_JOB_ID_LEN);
    assert_int_equal(response->registered->heartbeat_interval->seconds, 10);
    rnl_request_free(response);
}

static void take_job(struct worker *worker, struct hand *hand)
{
    Runnel__V1__WorkResponse *response =
        next(worker, RUNNEL__V1__WORK_RESPONSE__ORDER_ASSIGN);
    const Runnel__V1__AssignJob *assign = response->assign;
    *hand = (struct hand){.attempt = assign->lease->attempt,
                          .token = assign->lease->token};
    memcpy(hand->job_id, assign->lease->job_id, sizeof(hand->job_id));
    assert_string_equal(assign->job->input->text, "the input");
    assert_int_equal(assign->lease_duration->seconds, 30);
    rnl_request_free(response);
}

static void fill_lease(const struct hand *hand, Runnel__V1__Lease *lease)
{
    *lease = (Runnel__V1__Lease)RUNNEL__V1__LEASE__INIT;
    lease->job_id = (char *)hand->job_id;
    lease->attempt = hand->attempt;
    lease->token = hand->token;
}

static void append(struct worker *worker, struct hand *hand, const char *text)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__AppendOutput output = RUNNEL__V1__APPEND_OUTPUT__INIT;
    Runnel__V1__OutputDelta delta = RUNNEL__V1__OUTPUT_DELTA__INIT;
    Runnel__V1__OutputDelta *deltas[] = {&delta};
    Runnel__V1__Lease lease;
    fill_lease(hand, &lease);
    delta.content_case = RUNNEL__V1__OUTPUT_DELTA__CONTENT_TEXT;
    delta.text = (char *)text;
    output.lease = &lease;
    output.report_sequence = ++hand->report;
    output.deltas = deltas;
    output.n_deltas = 1;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_APPEND;
    request.append = &output;
    send(worker, &request);
}

static void complete(struct worker *worker, struct hand *hand)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__CompleteJob done = RUNNEL__V1__COMPLETE_JOB__INIT;
    Runnel__V1__Lease lease;
    fill_lease(hand, &lease);
    done.lease = &lease;
    done.report_sequence = ++hand->report;
    done.output_content_type = (char *)"text/markdown";
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_COMPLETE;
    request.complete = &done;
    send(worker, &request);
}

static void fail_job(struct worker *worker, struct hand *hand, bool retryable)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__FailJob fail = RUNNEL__V1__FAIL_JOB__INIT;
    Runnel__V1__JobError error = RUNNEL__V1__JOB_ERROR__INIT;
    Runnel__V1__Lease lease;
    fill_lease(hand, &lease);
    error.code = RUNNEL__V1__CODE__CODE_ABORTED;
    error.message = (char *)"it broke";
    fail.lease = &lease;
    fail.report_sequence = ++hand->report;
    fail.error = &error;
    fail.retryable = retryable;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_FAIL;
    request.fail = &fail;
    send(worker, &request);
}

static void heartbeat(struct worker *worker, const struct hand *hand)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__Heartbeat beat = RUNNEL__V1__HEARTBEAT__INIT;
    Runnel__V1__Lease lease;
    Runnel__V1__Lease *leases[] = {&lease};
    fill_lease(hand, &lease);
    beat.leases = leases;
    beat.n_leases = 1;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_HEARTBEAT;
    request.heartbeat = &beat;
    send(worker, &request);
}

static void expect_ack(struct worker *worker, const struct hand *hand)
{
    Runnel__V1__WorkResponse *response =
        next(worker, RUNNEL__V1__WORK_RESPONSE__ORDER_ACKNOWLEDGE);
    assert_string_equal(response->acknowledge->job_id, hand->job_id);
    assert_int_equal(response->acknowledge->attempt, hand->attempt);
    assert_int_equal(response->acknowledge->report_sequence, hand->report);
    rnl_request_free(response);
}

static void expect_stop(struct worker *worker, const struct hand *hand,
                        const char *reason)
{
    Runnel__V1__WorkResponse *response =
        next(worker, RUNNEL__V1__WORK_RESPONSE__ORDER_STOP);
    assert_string_equal(response->stop->lease->job_id, hand->job_id);
    assert_true(response->stop->lease->token == hand->token);
    assert_string_equal(response->stop->reason, reason);
    rnl_request_free(response);
}

/* ---- jobs ---- */

/* Whose job it is; NULL: nobody's. */
static const char *tenant;

static void create_job(const char *kind, int32_t priority, uint32_t attempts,
                       char ret_id[RNL_JOB_ID_LEN + 1])
{
    struct job_request request;
    Runnel__V1__RetryPolicy retry = RUNNEL__V1__RETRY_POLICY__INIT;
    job_request_init(&request, kind, "the input");
    retry.max_attempts = attempts;
    request.request.retry = attempts == 0 ? NULL : &retry;
    request.request.priority = priority;
    if (tenant != NULL)
        job_request_label(&request, "team", tenant);
    job_create(&core, &request, ret_id);
    settle();
}

static void expect_output(const char *id, const char *text)
{
    struct rnl_stream watch;
    size_t len;
    job_watch(&watch, &core, id, 0);
    settle();
    char *output = watched_output(&watch, 0, &len);
    assert_string_equal(output, text);
    free(output);
    fake_close(&watch);
}

static void expect_error(const char *id, Runnel__V1__JobState job_state,
                         const char *message, uint32_t attempt)
{
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
    assert_int_equal(response->job->state, job_state);
    assert_int_equal(response->job->attempt, attempt);
    assert_string_equal(response->job->error->message, message);
    rnl_request_free(response);
}

/* ---- cases ---- */

static void a_job_is_given_out_reported_on_and_completed(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    open_worker(&worker, "llm", 1);
    create_job("llm", 0, 0, id);
    take_job(&worker, &hand);
    assert_string_equal(hand.job_id, id);
    assert_int_equal(hand.attempt, 1);
    assert_int_equal(job_state(&core, id),
                     RUNNEL__V1__JOB_STATE__JOB_STATE_RUNNING);
    append(&worker, &hand, "Hello, ");
    expect_ack(&worker, &hand);
    append(&worker, &hand, "world");
    expect_ack(&worker, &hand);
    complete(&worker, &hand);
    expect_ack(&worker, &hand);
    expect_nothing(&worker);
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
    assert_int_equal(response->job->state,
                     RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED);
    assert_string_equal(response->job->output_content_type, "text/markdown");
    assert_int_equal(response->job->output_bytes, 12);
    rnl_request_free(response);
    expect_output(id, "Hello, world");
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
    create_job("llm", 0, 0, ids[0]);
    create_job("llm", 5, 0, ids[1]);
    create_job("other", 9, 0, ids[2]);
    open_worker(&worker, "llm", 1);
    take_job(&worker, &first);
    assert_string_equal(first.job_id, ids[1]);
    /* One at a time, as the worker said. */
    expect_nothing(&worker);
    complete(&worker, &first);
    take_job(&worker, &hand);
    assert_string_equal(hand.job_id, ids[0]);
    expect_ack(&worker, &first);
    assert_int_equal(job_state(&core, ids[2]),
                     RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED);
    fake_close(&worker.stream);
}

static void workers_of_a_kind_take_turns(void **state)
{
    (void)state;
    static struct worker workers[3];
    char id[RNL_JOB_ID_LEN + 1];
    for (size_t i = 0; i < 3; i++)
        open_worker(&workers[i], "llm", 10);
    for (int i = 0; i < 9; i++)
        create_job("llm", 0, 0, id);
    for (size_t i = 0; i < 3; i++) {
        struct hand hand;
        for (int k = 0; k < 3; k++)
            take_job(&workers[i], &hand);
        expect_nothing(&workers[i]);
        fake_close(&workers[i].stream);
    }
}

static void tenants_take_turns(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char ids[6][RNL_JOB_ID_LEN + 1];
    core.options.fair_label = "team";
    static const char *const tenants[] = {"a", "a", "a", "a", "b", NULL};
    for (size_t i = 0; i < 6; i++) {
        tenant = tenants[i];
        create_job("llm", 0, 0, ids[i]);
    }
    tenant = NULL;
    open_worker(&worker, "llm", 6);
    static const size_t order[] = {0, 4, 5, 1, 2, 3};
    for (size_t i = 0; i < 6; i++) {
        take_job(&worker, &hand);
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
    core.options.kind_limits = &limits;
    open_worker(&worker, "llm", 10);
    for (size_t i = 0; i < 4; i++)
        create_job("llm", 0, 2, ids[i]);
    take_job(&worker, &hands[0]);
    take_job(&worker, &hands[1]);
    expect_nothing(&worker);
    complete(&worker, &hands[0]);
    take_job(&worker, &hands[2]);
    assert_string_equal(hands[2].job_id, ids[2]);
    expect_ack(&worker, &hands[0]);
    expect_nothing(&worker);
    /* A failed attempt makes room while it waits for its next. */
    fail_job(&worker, &hands[1], true);
    take_job(&worker, &hands[0]);
    assert_string_equal(hands[0].job_id, ids[3]);
    expect_ack(&worker, &hands[1]);
    struct rnl_kind_state kind;
    size_t at = 0;
    while (rnl_jobs_kind_at(core.jobs, at, &kind) &&
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
    open_worker(&worker, "llm", 100);
    for (int i = 0; i < 100; i++)
        create_job("llm", 0, 0, id);
    create_job("echo", 0, 0, id);
    fake_core_advance(&core, SECOND);
    assert_int_equal(job_state(&core, id),
                     RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED);
    fake_close(&worker.stream);
}

static void a_worker_that_does_not_read_gets_no_job(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    open_worker(&worker, "llm", 4);
    fake_give_room(&worker.stream, 0);
    create_job("llm", 0, 0, id);
    expect_nothing(&worker);
    fake_give_room(&worker.stream, SIZE_MAX);
    settle();
    take_job(&worker, &hand);
    fake_close(&worker.stream);
}

static void a_cancel_reaches_the_worker(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    open_worker(&worker, "llm", 1);
    create_job("llm", 0, 0, id);
    take_job(&worker, &hand);
    assert_int_equal(job_cancel(&core, id, "too slow"), RNL_OK);
    expect_stop(&worker, &hand, "too slow");
    append(&worker, &hand, "late");
    expect_stop(&worker, &hand, "this lease is not held any more");
    expect_output(id, "");
    /* Its place is free. */
    create_job("llm", 0, 0, id);
    take_job(&worker, &hand);
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
    open_worker(&silent, "llm", 1);
    create_job("llm", 0, 1, id);
    take_job(&silent, &lost);
    append(&silent, &lost, "one ");
    expect_ack(&silent, &lost);
    open_worker(&other, "llm", 1);
    fake_core_advance(&core, 29 * SECOND);
    expect_nothing(&other);
    fake_core_advance(&core, 3 * SECOND);
    expect_stop(&silent, &lost,
                "the worker was not heard of for the time of its lease");
    take_job(&other, &hand);
    assert_string_equal(hand.job_id, id);
    assert_int_equal(hand.attempt, 2);
    assert_true(hand.token != lost.token);
    /* The first one is fenced off. */
    append(&silent, &lost, "zombie");
    expect_stop(&silent, &lost, "this lease is not held any more");
    append(&other, &hand, "two");
    expect_ack(&other, &hand);
    complete(&other, &hand);
    expect_ack(&other, &hand);
    expect_output(id, "one two");
    fake_close(&silent.stream);
    fake_close(&other.stream);
}

static void heartbeats_keep_a_lease(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    open_worker(&worker, "llm", 1);
    create_job("llm", 0, 0, id);
    take_job(&worker, &hand);
    for (int i = 0; i < 10; i++) {
        fake_core_advance(&core, 20 * SECOND);
        heartbeat(&worker, &hand);
    }
    expect_nothing(&worker);
    complete(&worker, &hand);
    expect_ack(&worker, &hand);
    fake_close(&worker.stream);
}

/* A lost connection is not a lost lease; what was sent twice counts once. */
static void a_worker_comes_back_and_goes_on(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    open_worker(&worker, "llm", 1);
    create_job("llm", 0, 0, id);
    take_job(&worker, &hand);
    append(&worker, &hand, "before ");
    fake_close(&worker.stream);
    fake_core_advance(&core, 20 * SECOND);
    open_worker(&worker, "llm", 1);
    heartbeat(&worker, &hand);
    expect_nothing(&worker);
    hand.report--;
    append(&worker, &hand, "before ");
    expect_ack(&worker, &hand);
    append(&worker, &hand, "after");
    expect_ack(&worker, &hand);
    complete(&worker, &hand);
    expect_ack(&worker, &hand);
    expect_output(id, "before after");
    fake_close(&worker.stream);
}

static void a_failure_is_tried_again_if_it_may(void **state)
{
    (void)state;
    static struct worker worker;
    struct hand hand;
    char id[RNL_JOB_ID_LEN + 1];
    open_worker(&worker, "llm", 1);
    create_job("llm", 0, 2, id);
    take_job(&worker, &hand);
    fail_job(&worker, &hand, true);
    expect_ack(&worker, &hand);
    fake_core_advance(&core, 2 * SECOND);
    take_job(&worker, &hand);
    assert_int_equal(hand.attempt, 2);
    fail_job(&worker, &hand, true);
    expect_ack(&worker, &hand);
    expect_error(id, RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED, "it broke", 2);
    create_job("llm", 0, 9, id);
    take_job(&worker, &hand);
    fail_job(&worker, &hand, false);
    expect_ack(&worker, &hand);
    expect_error(id, RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED, "it broke", 1);
    fake_close(&worker.stream);
}

/* It must not wander from worker to worker for ever. */
static void a_job_that_kills_its_workers_ends(void **state)
{
    (void)state;
    char id[RNL_JOB_ID_LEN + 1];
    create_job("llm", 0, 1, id);
    for (uint32_t i = 1; i <= 1 + RNL_JOB_LOST_ATTEMPTS_MAX; i++) {
        static struct worker worker;
        struct hand hand;
        open_worker(&worker, "llm", 1);
        /* The longest wait before the fifth attempt is 8 s. */
        fake_core_advance(&core, 9 * SECOND);
        take_job(&worker, &hand);
        assert_int_equal(hand.attempt, i);
        fake_close(&worker.stream);
        fake_core_advance(&core, 31 * SECOND);
    }
    expect_error(id, RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED,
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
    open_worker(&worker, "llm", 1);
    create_job("llm", 0, 0, id);
    take_job(&worker, &hand);
    fill_lease(&hand, &lease);
    progress.done = 3;
    progress.total = 7;
    progress.unit = (char *)"tokens";
    report.lease = &lease;
    report.report_sequence = ++hand.report;
    report.progress = &progress;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_PROGRESS;
    request.progress = &report;
    send(&worker, &request);
    expect_ack(&worker, &hand);
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
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
    fake_open(&worker.stream, &core, &rnl_worker_service, "Work");
    append(&worker, &hand, "first");
    expect_refused(&worker, "registration");
    fake_open(&worker.stream, &core, &rnl_worker_service, "Work");
    register_worker(&worker, "Not A Kind", 1);
    expect_refused(&worker, "registration.kinds[0]");
    fake_open(&worker.stream, &core, &rnl_worker_service, "Work");
    register_worker(&worker, "echo", 1);
    expect_refused(&worker, "registration.kinds[0]");
    fake_open(&worker.stream, &core, &rnl_worker_service, "Work");
    register_worker(&worker, "llm", 0);
    expect_refused(&worker, "registration.concurrency");
    fake_open(&worker.stream, &core, &rnl_worker_service, "Work");
    register_worker(&worker, "llm", RNL_WORKER_CONCURRENCY_MAX + 1);
    expect_refused(&worker, "registration.concurrency");

    open_worker(&worker, "llm", 1);
    register_worker(&worker, "llm", 1);
    expect_refused(&worker, "registration");

    open_worker(&worker, "llm", 1);
    create_job("llm", 0, 0, id);
    take_job(&worker, &hand);
    hand.report = 4;
    append(&worker, &hand, "a hole");
    expect_refused(&worker, "append.report_sequence");
}

/* Everything a worker does, tolerant of refusals. */
static void scenario(void)
{
    struct rnl_stream stream;
    struct worker worker = {0};
    struct job_request request;
    jobs_setup_limited(&core, 0, 0);
    fake_open(&worker.stream, &core, &rnl_worker_service, "Work");
    register_worker(&worker, "llm", 2);
    job_request_init(&request, "llm", "the input");
    fake_call(&stream, &core, &rnl_job_service, "CreateJob",
              &request.request.base);
    settle();
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
                append(&worker, &hand, "output");
            if (!worker.stream.finished)
                complete(&worker, &hand);
        }
        runnel__v1__work_response__free_unpacked(response, NULL);
    }
    fake_close(&worker.stream);
    fake_core_advance(&core, 100 * SECOND);
}

static void every_failed_allocation_costs_a_call_or_an_attempt(void **state)
{
    (void)state;
    jobs_teardown(&core);
    scenario();
    jobs_teardown(&core);
    fault_count();
    scenario();
    size_t total = fault_stop();
    jobs_teardown(&core);
    /* Those of the set-up are another test's. */
    fault_count();
    jobs_setup(&core);
    size_t first = fault_stop() + 1;
    jobs_teardown(&core);
    assert_true(total > first + 10);
    for (size_t k = first; k <= total; k++) {
        fault_at(k, false);
        scenario();
        fault_stop();
        jobs_teardown(&core);
    }
    jobs_setup(&core);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
        TEST(a_job_that_kills_its_workers_ends),
        TEST(progress_is_shown_with_its_unit),
        TEST(what_a_worker_must_not_say_is_refused),
        TEST(every_failed_allocation_costs_a_call_or_an_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
