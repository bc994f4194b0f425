/* SPDX-License-Identifier: Apache-2.0 */
/* The life of jobs, through JobService, on virtual time. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "job_fixture.h"

#define QUEUED    RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED
#define RUNNING   RUNNEL__V1__JOB_STATE__JOB_STATE_RUNNING
#define SUCCEEDED RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED
#define FAILED    RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED
#define CANCELLED RUNNEL__V1__JOB_STATE__JOB_STATE_CANCELLED
#define EXPIRED   RUNNEL__V1__JOB_STATE__JOB_STATE_EXPIRED

static void a_job_runs_to_its_end(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", "hello, world: 26 characters");
    job_request_label(&request, "team", "blue");
    char id[RNL_JOB_ID_LEN + 1];
    job_create(&core, &request, id);
    fake_core_advance(&core, SECOND);

    Runnel__V1__GetJobResponse *response = job_get(&core, id, true);
    const Runnel__V1__Job *job = response->job;
    assert_int_equal(job->state, SUCCEEDED);
    assert_string_equal(job->labels[0]->value, "blue");
    assert_string_equal(job->input->text, "hello, world: 26 characters");
    assert_int_equal(job->input_bytes, 27);
    assert_int_equal(job->output_bytes, 27);
    assert_string_equal(job->output_content_type, "text/plain; charset=utf-8");
    assert_int_equal(job->attempt, 1);
    assert_int_equal(job->first_sequence, 1);
    assert_null(job->error);
    assert_int_equal(job->create_time->seconds, 1700000000);
    assert_non_null(job->start_time);
    assert_non_null(job->end_time);
    assert_int_equal(job->retention->seconds, 86400);
    assert_int_equal((int)job->progress->done, 27);
    rnl_request_free(response);
    jobs_teardown(&core);
}

/* Ids sort by time and are never the same. */
static void ids_rise_with_time(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", "x");
    char before[RNL_JOB_ID_LEN + 1];
    char id[RNL_JOB_ID_LEN + 1];
    job_create(&core, &request, before);
    for (int i = 0; i < 100; i++) {
        fake_core_advance(&core, MS);
        /* Setting the clock back does not turn the order round. */
        if (i == 50)
            core.wall_ns -= SECOND;
        job_create(&core, &request, id);
        assert_true(strncmp(before, id, 10) <= 0);
        assert_string_not_equal(before, id);
        memcpy(before, id, sizeof(id));
    }
    jobs_teardown(&core);
}

static void cancel_ends_a_queued_and_a_running_job(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", "a long text that takes its time");
    job_request_option(&request, "pace_ms", "1000");
    char running[RNL_JOB_ID_LEN + 1];
    char queued[RNL_JOB_ID_LEN + 1];
    job_create(&core, &request, running);
    Google__Protobuf__Timestamp later = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    later.seconds = 1700000100;
    request.request.not_before = &later;
    job_create(&core, &request, queued);
    fake_core_advance(&core, 500 * MS);
    assert_int_equal(job_state(&core, running), RUNNING);
    assert_int_equal(job_state(&core, queued), QUEUED);

    assert_int_equal(job_cancel(&core, running, "enough"), RNL_OK);
    assert_int_equal(job_cancel(&core, queued, ""), RNL_OK);
    Runnel__V1__GetJobResponse *response = job_get(&core, running, false);
    assert_int_equal(response->job->state, CANCELLED);
    assert_string_equal(response->job->error->message, "enough");
    assert_int_equal(response->job->output_bytes, 16);
    uint64_t last = response->job->last_sequence;
    rnl_request_free(response);
    assert_int_equal(job_state(&core, queued), CANCELLED);

    /* Again: unchanged. Nothing goes on. */
    assert_int_equal(job_cancel(&core, running, "other"), RNL_OK);
    fake_core_advance(&core, 1000 * SECOND);
    response = job_get(&core, running, false);
    assert_string_equal(response->job->error->message, "enough");
    assert_int_equal(response->job->last_sequence, last);
    rnl_request_free(response);
    assert_int_equal(job_cancel(&core, "00000000000000000000000000", ""),
                     RNL_NOT_FOUND);
    struct rnl_jobs_counts counts;
    rnl_jobs_count(core.jobs, &counts);
    assert_int_equal(counts.queued + counts.running, 0);
    assert_int_equal(counts.stored, 2);
    jobs_teardown(&core);
}

/* A cancel can come before the put has been reported. */
static void cancel_may_overtake_the_store(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", "x");
    struct rnl_stream create;
    fake_call(&create, &core, &rnl_job_service, "CreateJob",
              &request.request.base);
    assert_false(create.finished);
    Runnel__V1__ListJobsRequest list = RUNNEL__V1__LIST_JOBS_REQUEST__INIT;
    struct rnl_stream listing;
    fake_call(&listing, &core, &rnl_job_service, "ListJobs", &list.base);
    Runnel__V1__ListJobsResponse *jobs =
        fake_sent(&listing, 0, &runnel__v1__list_jobs_response__descriptor);
    assert_int_equal(jobs->n_jobs, 1);
    assert_int_equal(job_cancel(&core, jobs->jobs[0]->id, ""), RNL_OK);
    fake_core_advance(&core, SECOND);
    assert_int_equal(job_state(&core, jobs->jobs[0]->id), CANCELLED);
    assert_int_equal(create.code, RNL_OK);
    rnl_request_free(jobs);
    fake_close(&listing);
    fake_close(&create);
    jobs_teardown(&core);
}

/* The caller goes before the answer; the engine goes before the store has
 * reported. */
static void a_caller_that_leaves_early_does_no_harm(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", "x");
    struct rnl_stream create;
    fake_call(&create, &core, &rnl_job_service, "CreateJob",
              &request.request.base);
    fake_close(&create);
    fake_core_advance(&core, SECOND);
    struct rnl_jobs_counts counts;
    rnl_jobs_count(core.jobs, &counts);
    assert_int_equal(counts.stored, 1);
    fake_call(&create, &core, &rnl_job_service, "CreateJob",
              &request.request.base);
    fake_close(&create);
    jobs_teardown(&core);
}

static void delete_takes_ended_jobs_only(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", "0123456789abcdef0");
    job_request_option(&request, "pace_ms", "10");
    char id[RNL_JOB_ID_LEN + 1];
    job_create(&core, &request, id);
    assert_int_equal(job_delete(&core, id), RNL_FAILED_PRECONDITION);
    fake_core_advance(&core, SECOND);
    assert_int_equal(job_delete(&core, id), RNL_OK);
    assert_null(job_get(&core, id, false));
    assert_int_equal(job_delete(&core, id), RNL_NOT_FOUND);
    assert_int_equal(job_cancel(&core, id, ""), RNL_NOT_FOUND);
    jobs_teardown(&core);
}

static void a_deadline_expires_a_job(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", "a text of more than sixteen bytes");
    job_request_option(&request, "pace_ms", "60000");
    Google__Protobuf__Timestamp deadline = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    deadline.seconds = 1700000010;
    request.request.deadline = &deadline;
    char id[RNL_JOB_ID_LEN + 1];
    job_create(&core, &request, id);
    fake_core_advance(&core, 10 * SECOND - MS);
    assert_int_equal(job_state(&core, id), RUNNING);
    fake_core_advance(&core, MS);
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
    assert_int_equal(response->job->state, EXPIRED);
    assert_int_equal(response->job->error->code, RNL_DEADLINE_EXCEEDED);
    rnl_request_free(response);
    jobs_teardown(&core);
}

static void not_before_holds_a_job_back(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", "x");
    Google__Protobuf__Timestamp start = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    start.seconds = 1700000060;
    request.request.not_before = &start;
    char id[RNL_JOB_ID_LEN + 1];
    job_create(&core, &request, id);
    fake_core_advance(&core, 60 * SECOND - 1);
    assert_int_equal(job_state(&core, id), QUEUED);
    fake_core_advance(&core, 1);
    assert_int_equal(job_state(&core, id), SUCCEEDED);
    jobs_teardown(&core);
}

/* 64 jobs run at once; of those that wait the higher priority comes first. */
static void queued_jobs_start_by_priority_and_then_age(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", "a text of more than sixteen bytes");
    job_request_option(&request, "pace_ms", "100");
    char id[RNL_JOB_ID_LEN + 1];
    for (int i = 0; i < 64; i++)
        job_create(&core, &request, id);
    fake_core_advance(&core, MS);
    char ids[4][RNL_JOB_ID_LEN + 1];
    static const int priorities[4] = {-100, 0, 0, 100};
    job_request_init(&request, "echo", "0123456789abcdef0123456789abcdef0");
    job_request_option(&request, "pace_ms", "100");
    for (int i = 0; i < 4; i++) {
        request.request.priority = priorities[i];
        job_create(&core, &request, ids[i]);
    }
    struct rnl_jobs_counts counts;
    rnl_jobs_count(core.jobs, &counts);
    assert_int_equal(counts.running, 64);
    assert_int_equal(counts.queued, 4);
    fake_core_advance(&core, 10 * SECOND);
    Google__Protobuf__Timestamp starts[4];
    for (int i = 0; i < 4; i++) {
        Runnel__V1__GetJobResponse *response = job_get(&core, ids[i], false);
        assert_int_equal(response->job->state, SUCCEEDED);
        starts[i] = *response->job->start_time;
        rnl_request_free(response);
    }
    assert_true(starts[3].nanos <= starts[1].nanos);
    assert_true(starts[1].nanos <= starts[2].nanos);
    assert_true(starts[2].nanos <= starts[0].nanos);
    jobs_teardown(&core);
}

static void attempts_are_repeated_with_growing_waits(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", "at last");
    job_request_option(&request, "fail_attempts", "3");
    Runnel__V1__RetryPolicy retry = RUNNEL__V1__RETRY_POLICY__INIT;
    Google__Protobuf__Duration initial = GOOGLE__PROTOBUF__DURATION__INIT;
    Google__Protobuf__Duration longest = GOOGLE__PROTOBUF__DURATION__INIT;
    initial.seconds = 10;
    longest.seconds = 25;
    retry.max_attempts = 4;
    retry.initial_backoff = &initial;
    retry.max_backoff = &longest;
    request.request.retry = &retry;
    char id[RNL_JOB_ID_LEN + 1];
    job_create(&core, &request, id);
    struct rnl_stream stream;
    job_watch(&stream, &core, id, 0);
    fake_core_advance(&core, 100 * SECOND);
    assert_int_equal(job_state(&core, id), SUCCEEDED);

    /* QUEUED, then RUNNING and QUEUED three times, RUNNING, the output. */
    static const int64_t waits[3][2] = {{5, 10}, {10, 20}, {12, 25}};
    int64_t failed_at = 0;
    int failures = 0;
    for (size_t i = 1; i < 8; i++) {
        Runnel__V1__WatchJobResponse *response = watched(&stream, i);
        const Runnel__V1__JobEvent *event = response->event;
        int64_t at = event->time->seconds * SECOND + event->time->nanos;
        assert_int_equal(event->payload_case,
                         RUNNEL__V1__JOB_EVENT__PAYLOAD_STATE);
        assert_int_equal(event->state->attempt, (i + 1) / 2);
        if (i % 2 == 0) {
            assert_int_equal(event->state->state, QUEUED);
            assert_int_equal(event->state->error->code, RNL_UNAVAILABLE);
            failed_at = at;
            failures++;
        } else if (i > 1) {
            assert_int_equal(event->state->state, RUNNING);
            assert_in_range((at - failed_at) / MS,
                            waits[failures - 1][0] * 1000,
                            waits[failures - 1][1] * 1000);
        }
        rnl_request_free(response);
    }
    fake_close(&stream);

    request.request.idempotency_key = (char *)"again";
    retry.max_attempts = 2;
    job_create(&core, &request, id);
    fake_core_advance(&core, 100 * SECOND);
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
    assert_int_equal(response->job->state, FAILED);
    assert_int_equal(response->job->attempt, 2);
    assert_int_equal(response->job->error->attempt, 2);
    rnl_request_free(response);
    jobs_teardown(&core);
}

static void the_same_key_finds_the_same_job(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", "x");
    request.request.idempotency_key = (char *)"order-17";
    job_request_label(&request, "a", "1");
    job_request_label(&request, "b", "2");
    char first[RNL_JOB_ID_LEN + 1];
    char second[RNL_JOB_ID_LEN + 1];
    job_create(&core, &request, first);
    /* The order of a map says nothing. */
    struct job_request other;
    job_request_init(&other, "echo", "x");
    job_request_label(&other, "b", "2");
    job_request_label(&other, "a", "1");
    other.request.idempotency_key = (char *)"order-17";
    job_create(&core, &other, second);
    assert_string_equal(first, second);
    other.request.priority = 1;
    char field[128];
    assert_int_equal(job_refused(&core, &other, field, sizeof(field)),
                     RNL_ALREADY_EXISTS);

    /* From metadata, the same. */
    request.request.idempotency_key = (char *)"";
    struct rnl_stream stream;
    fake_open(&stream, &core, &rnl_job_service, "CreateJob");
    stream.idempotency_key = "order-17";
    fake_request(&stream, &request.request.base);
    assert_int_equal(stream.code, RNL_OK);
    Runnel__V1__CreateJobResponse *response =
        fake_sent(&stream, 0, &runnel__v1__create_job_response__descriptor);
    assert_true(response->existing);
    assert_string_equal(response->job->id, first);
    rnl_request_free(response);
    fake_close(&stream);
    jobs_teardown(&core);
}

static void retention_forgets_jobs_in_time(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", "x");
    Google__Protobuf__Duration retention = GOOGLE__PROTOBUF__DURATION__INIT;
    retention.seconds = 3600;
    request.request.retention = &retention;
    char id[RNL_JOB_ID_LEN + 1];
    char other[RNL_JOB_ID_LEN + 1];
    job_create(&core, &request, id);
    request.request.retention = NULL;
    job_create(&core, &request, other);
    fake_core_advance(&core, 3599 * SECOND);
    assert_int_equal(job_state(&core, id), SUCCEEDED);
    fake_core_advance(&core, 2 * SECOND);
    assert_null(job_get(&core, id, false));
    fake_core_advance(&core, 22 * 3600 * SECOND);
    assert_int_equal(job_state(&core, other), SUCCEEDED);
    fake_core_advance(&core, 2 * 3600 * SECOND);
    assert_null(job_get(&core, other, false));
    jobs_teardown(&core);
}

static void a_full_store_refuses_new_jobs_until_some_end(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup_limited(&core, 2, 0);
    struct job_request request;
    job_request_init(&request, "echo", "a text of more than sixteen bytes");
    job_request_option(&request, "pace_ms", "1000");
    char ids[3][RNL_JOB_ID_LEN + 1];
    job_create(&core, &request, ids[0]);
    job_create(&core, &request, ids[1]);
    char field[128];
    assert_int_equal(job_refused(&core, &request, field, sizeof(field)),
                     RNL_RESOURCE_EXHAUSTED);
    assert_int_equal(job_cancel(&core, ids[1], ""), RNL_OK);
    job_create(&core, &request, ids[2]);
    assert_null(job_get(&core, ids[1], false));
    assert_int_equal(job_state(&core, ids[0]), RUNNING);
    jobs_teardown(&core);
}

static void a_job_above_its_output_limit_fails(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup_limited(&core, 0, 4096);
    static char text[8193];
    memset(text, 'x', sizeof(text) - 1);
    struct job_request request;
    job_request_init(&request, "echo", text);
    char id[RNL_JOB_ID_LEN + 1];
    job_create(&core, &request, id);
    fake_core_advance(&core, SECOND);
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
    assert_int_equal(response->job->state, FAILED);
    assert_int_equal(response->job->error->code, RNL_RESOURCE_EXHAUSTED);
    assert_in_range(response->job->output_bytes, 1000, 4096);
    rnl_request_free(response);
    jobs_teardown(&core);
}

/* ---- listing ---- */

static Runnel__V1__ListJobsResponse *list_jobs(
    struct rnl_core *core, const Runnel__V1__ListJobsRequest *request)
{
    struct rnl_stream stream;
    fake_call(&stream, core, &rnl_job_service, "ListJobs", &request->base);
    assert_int_equal(stream.code, RNL_OK);
    Runnel__V1__ListJobsResponse *response =
        fake_sent(&stream, 0, &runnel__v1__list_jobs_response__descriptor);
    fake_close(&stream);
    return response;
}

static void every_job_is_on_one_page_though_jobs_are_created(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", "a text of more than sixteen bytes");
    char id[RNL_JOB_ID_LEN + 1];
    for (int i = 0; i < 25; i++) {
        job_create(&core, &request, id);
        fake_core_advance(&core, 2 * MS);
    }
    char token[RNL_JOB_ID_LEN + 1] = "";
    char last[RNL_JOB_ID_LEN + 1] = "~";
    size_t count = 0;
    do {
        Runnel__V1__ListJobsRequest list = RUNNEL__V1__LIST_JOBS_REQUEST__INIT;
        list.page_size = 10;
        list.page_token = token;
        Runnel__V1__ListJobsResponse *response = list_jobs(&core, &list);
        for (size_t i = 0; i < response->n_jobs; i++) {
            assert_true(strcmp(response->jobs[i]->id, last) < 0);
            snprintf(last, sizeof(last), "%s", response->jobs[i]->id);
        }
        count += response->n_jobs;
        snprintf(token, sizeof(token), "%s", response->next_page_token);
        rnl_request_free(response);
        job_create(&core, &request, id);
    } while (token[0] != '\0');
    assert_int_equal(count, 25);
    jobs_teardown(&core);
}

static void a_running_job_is_listed_as_it_stands(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", "a text of more than sixteen bytes");
    job_request_option(&request, "pace_ms", "1000");
    char id[RNL_JOB_ID_LEN + 1];
    job_create(&core, &request, id);
    fake_core_advance(&core, 1500 * MS);
    Runnel__V1__ListJobsRequest list = RUNNEL__V1__LIST_JOBS_REQUEST__INIT;
    Runnel__V1__JobState states[] = {RUNNING};
    list.states = states;
    list.n_states = 1;
    Runnel__V1__ListJobsResponse *response = list_jobs(&core, &list);
    assert_int_equal(response->n_jobs, 1);
    assert_int_equal(response->jobs[0]->output_bytes, 32);
    assert_null(response->jobs[0]->input);
    rnl_request_free(response);
    jobs_teardown(&core);
}

static void a_listing_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    Runnel__V1__ListJobsRequest list = RUNNEL__V1__LIST_JOBS_REQUEST__INIT;
    struct rnl_stream stream;
    list.page_size = 1001;
    fake_call(&stream, &core, &rnl_job_service, "ListJobs", &list.base);
    assert_string_equal(stream.field, "page_size");
    fake_close(&stream);
    list.page_size = 0;
    list.page_token = (char *)"not a token";
    fake_call(&stream, &core, &rnl_job_service, "ListJobs", &list.base);
    assert_string_equal(stream.field, "page_token");
    fake_close(&stream);
    list.page_token = (char *)"";
    Runnel__V1__JobState states[] = {99};
    list.states = states;
    list.n_states = 1;
    fake_call(&stream, &core, &rnl_job_service, "ListJobs", &list.base);
    assert_string_equal(stream.field, "states");
    fake_close(&stream);
    jobs_teardown(&core);
}

/* ---- memory ---- */

/* A whole life with every allocation failing in its turn: calls are refused
 * or jobs end, and nothing is lost from sight. */
static void life(struct rnl_core *core)
{
    struct job_request request;
    job_request_init(&request, "echo", "some text to be echoed in chunks");
    job_request_label(&request, "a", "b");
    request.request.idempotency_key = (char *)"key";
    struct rnl_stream create;
    struct rnl_stream watch;
    fake_call(&create, core, &rnl_job_service, "CreateJob",
              &request.request.base);
    for (int i = 0; i < 3; i++)
        rnl_timers_run(&core->timers, core->now_ns);
    assert_true(create.finished);
    bool created = create.sent_count == 1;
    char id[RNL_JOB_ID_LEN + 1] = "00000000000000000000000000";
    if (created) {
        size_t at = 4;
        memcpy(id, create.sent[0]->data + at, RNL_JOB_ID_LEN);
        if (strspn(id, "0123456789abcdefghjkmnpqrstvwxyz") != RNL_JOB_ID_LEN)
            memcpy(id, create.sent[0]->data + at + 1, RNL_JOB_ID_LEN);
    }
    job_watch(&watch, core, id, 0);
    fake_core_advance(core, SECOND);
    assert_true(watch.finished);
    assert_true(!created || watch.code == RNL_OK ||
                watch.code == RNL_RESOURCE_EXHAUSTED);
    fake_close(&watch);
    fake_close(&create);
    struct rnl_jobs_counts counts;
    rnl_jobs_count(core->jobs, &counts);
    assert_int_equal(counts.running + counts.queued, 0);
}

static void out_of_memory_costs_one_call_or_one_job(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    fault_count();
    life(&core);
    size_t total = fault_stop();
    jobs_teardown(&core);
    assert_true(total > 20);
    for (size_t k = 1; k <= total; k++) {
        for (int repeat = 0; repeat < 2; repeat++) {
            jobs_setup(&core);
            fault_at(k, repeat == 1);
            life(&core);
            fault_stop();
            jobs_teardown(&core);
        }
    }
}

static void the_engine_is_not_created_without_memory(void **state)
{
    (void)state;
    struct rnl_core core;
    fake_core_init(&core, 1);
    fault_count();
    assert_int_equal(rnl_jobs_create(&core, &core.jobs), RNL_OK);
    size_t total = fault_stop();
    rnl_jobs_destroy(core.jobs);
    fake_core_fini(&core);
    for (size_t k = 1; k <= total; k++) {
        fake_core_init(&core, 1);
        fault_at(k, false);
        assert_int_equal(rnl_jobs_create(&core, &core.jobs),
                         RNL_RESOURCE_EXHAUSTED);
        fault_stop();
        fake_core_fini(&core);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_runs_to_its_end),
        cmocka_unit_test(ids_rise_with_time),
        cmocka_unit_test(cancel_ends_a_queued_and_a_running_job),
        cmocka_unit_test(cancel_may_overtake_the_store),
        cmocka_unit_test(a_caller_that_leaves_early_does_no_harm),
        cmocka_unit_test(delete_takes_ended_jobs_only),
        cmocka_unit_test(a_deadline_expires_a_job),
        cmocka_unit_test(not_before_holds_a_job_back),
        cmocka_unit_test(queued_jobs_start_by_priority_and_then_age),
        cmocka_unit_test(attempts_are_repeated_with_growing_waits),
        cmocka_unit_test(the_same_key_finds_the_same_job),
        cmocka_unit_test(retention_forgets_jobs_in_time),
        cmocka_unit_test(a_full_store_refuses_new_jobs_until_some_end),
        cmocka_unit_test(a_job_above_its_output_limit_fails),
        cmocka_unit_test(every_job_is_on_one_page_though_jobs_are_created),
        cmocka_unit_test(a_running_job_is_listed_as_it_stands),
        cmocka_unit_test(a_listing_that_makes_no_sense_is_refused),
        cmocka_unit_test(out_of_memory_costs_one_call_or_one_job),
        cmocka_unit_test(the_engine_is_not_created_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
