/* SPDX-License-Identifier: Apache-2.0 */
#include "worker_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "workers.h"

struct rnl_core worker_core;
const char *worker_job_tenant;

int worker_setup(void **state)
{
    (void)state;
    jobs_setup(&worker_core);
    return 0;
}

int worker_teardown(void **state)
{
    (void)state;
    jobs_teardown(&worker_core);
    return 0;
}

/* ---- a worker ---- */

void worker_settle(void)
{
    fake_core_advance(&worker_core, 0);
}

void worker_send(struct worker *worker, Runnel__V1__WorkRequest *request)
{
    fake_request(&worker->stream, &request->base);
    worker_settle();
}

void worker_register_as(struct worker *worker, const char *kind,
                        uint32_t concurrency, const char *instance,
                        uint32_t claims)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__RegisterWorker registration = RUNNEL__V1__REGISTER_WORKER__INIT;
    char *kinds[] = {(char *)kind};
    registration.kinds = kinds;
    registration.n_kinds = 1;
    registration.concurrency = concurrency;
    registration.name = (char *)"test";
    registration.instance = (char *)instance;
    registration.claims = claims;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_REGISTRATION;
    request.registration = &registration;
    worker_send(worker, &request);
}

void worker_register(struct worker *worker, const char *kind,
                     uint32_t concurrency)
{
    worker_register_as(worker, kind, concurrency, "", 0);
}

Runnel__V1__WorkResponse *worker_next(struct worker *worker,
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

void worker_expect_nothing(struct worker *worker)
{
    worker_next(worker, RUNNEL__V1__WORK_RESPONSE__ORDER__NOT_SET);
}

void worker_open_as(struct worker *worker, const char *instance,
                    uint32_t concurrency, uint32_t claims)
{
    *worker = (struct worker){0};
    fake_open(&worker->stream, &worker_core, &rnl_worker_service, "Work");
    worker_register_as(worker, "llm", concurrency, instance, claims);
    Runnel__V1__WorkResponse *response =
        worker_next(worker, RUNNEL__V1__WORK_RESPONSE__ORDER_REGISTERED);
    assert_int_equal(strlen(response->registered->worker_id), RNL_JOB_ID_LEN);
    assert_int_equal(response->registered->heartbeat_interval->seconds, 10);
    rnl_request_free(response);
}

void worker_open(struct worker *worker, uint32_t concurrency)
{
    worker_open_as(worker, "", concurrency, 0);
}

void worker_take_job(struct worker *worker, struct hand *hand)
{
    Runnel__V1__WorkResponse *response =
        worker_next(worker, RUNNEL__V1__WORK_RESPONSE__ORDER_ASSIGN);
    const Runnel__V1__AssignJob *assign = response->assign;
    *hand = (struct hand){.attempt = assign->lease->attempt,
                          .token = assign->lease->token};
    memcpy(hand->job_id, assign->lease->job_id, sizeof(hand->job_id));
    assert_string_equal(assign->job->input->text, "the input");
    assert_int_equal(assign->lease_duration->seconds, 30);
    rnl_request_free(response);
}

void hand_lease(const struct hand *hand, Runnel__V1__Lease *lease)
{
    *lease = (Runnel__V1__Lease)RUNNEL__V1__LEASE__INIT;
    lease->job_id = (char *)hand->job_id;
    lease->attempt = hand->attempt;
    lease->token = hand->token;
}

static void append_now(struct worker *worker, struct hand *hand,
                       const char *text)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__AppendOutput output = RUNNEL__V1__APPEND_OUTPUT__INIT;
    Runnel__V1__OutputDelta delta = RUNNEL__V1__OUTPUT_DELTA__INIT;
    Runnel__V1__OutputDelta *deltas[] = {&delta};
    Runnel__V1__Lease lease;
    hand_lease(hand, &lease);
    delta.content_case = RUNNEL__V1__OUTPUT_DELTA__CONTENT_TEXT;
    delta.text = (char *)text;
    output.lease = &lease;
    output.report_sequence = ++hand->report;
    output.deltas = deltas;
    output.n_deltas = 1;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_APPEND;
    request.append = &output;
    fake_request(&worker->stream, &request.base);
}

void worker_append(struct worker *worker, struct hand *hand, const char *text)
{
    append_now(worker, hand, text);
    worker_settle();
}

void worker_complete(struct worker *worker, struct hand *hand)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__CompleteJob done = RUNNEL__V1__COMPLETE_JOB__INIT;
    Runnel__V1__Lease lease;
    hand_lease(hand, &lease);
    done.lease = &lease;
    done.report_sequence = ++hand->report;
    done.output_content_type = (char *)"text/markdown";
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_COMPLETE;
    request.complete = &done;
    worker_send(worker, &request);
}

static void send_failure(struct worker *worker, struct hand *hand,
                         bool retryable, Google__Protobuf__Duration *delay)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__FailJob fail = RUNNEL__V1__FAIL_JOB__INIT;
    Runnel__V1__JobError error = RUNNEL__V1__JOB_ERROR__INIT;
    Runnel__V1__Lease lease;
    hand_lease(hand, &lease);
    error.code = RUNNEL__V1__CODE__CODE_ABORTED;
    error.message = (char *)"it broke";
    fail.lease = &lease;
    fail.report_sequence = ++hand->report;
    fail.error = &error;
    fail.retryable = retryable;
    fail.retry_delay = delay;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_FAIL;
    request.fail = &fail;
    worker_send(worker, &request);
}

void worker_fail(struct worker *worker, struct hand *hand, bool retryable)
{
    send_failure(worker, hand, retryable, NULL);
}

void worker_retry(struct worker *worker, struct hand *hand, int64_t seconds,
                  int32_t nanos)
{
    Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
    delay.seconds = seconds;
    delay.nanos = nanos;
    send_failure(worker, hand, true, &delay);
}

void worker_heartbeat(struct worker *worker, const struct hand *hand)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__Heartbeat beat = RUNNEL__V1__HEARTBEAT__INIT;
    Runnel__V1__Lease lease;
    Runnel__V1__Lease *leases[] = {&lease};
    hand_lease(hand, &lease);
    beat.leases = leases;
    beat.n_leases = 1;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_HEARTBEAT;
    request.heartbeat = &beat;
    worker_send(worker, &request);
}

void worker_release(struct worker *worker, struct hand *hand)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__ReleaseJob release = RUNNEL__V1__RELEASE_JOB__INIT;
    Runnel__V1__Lease lease;
    hand_lease(hand, &lease);
    release.lease = &lease;
    release.report_sequence = ++hand->report;
    release.reason = (char *)"no room";
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_RELEASE;
    request.release = &release;
    worker_send(worker, &request);
}

void worker_drain(struct worker *worker)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__DrainWorker drain = RUNNEL__V1__DRAIN_WORKER__INIT;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_DRAIN;
    request.drain = &drain;
    worker_send(worker, &request);
}

void worker_expect_ack(struct worker *worker, const struct hand *hand)
{
    Runnel__V1__WorkResponse *response =
        worker_next(worker, RUNNEL__V1__WORK_RESPONSE__ORDER_ACKNOWLEDGE);
    assert_string_equal(response->acknowledge->job_id, hand->job_id);
    assert_int_equal(response->acknowledge->attempt, hand->attempt);
    assert_int_equal(response->acknowledge->report_sequence, hand->report);
    rnl_request_free(response);
}

void worker_expect_stop(struct worker *worker, const struct hand *hand,
                        const char *reason)
{
    Runnel__V1__WorkResponse *response =
        worker_next(worker, RUNNEL__V1__WORK_RESPONSE__ORDER_STOP);
    assert_string_equal(response->stop->lease->job_id, hand->job_id);
    assert_true(response->stop->lease->token == hand->token);
    assert_string_equal(response->stop->reason, reason);
    rnl_request_free(response);
}

/* ---- jobs ---- */

void worker_job(const char *kind, int32_t priority, uint32_t attempts,
                char ret_id[RNL_JOB_ID_LEN + 1])
{
    struct job_request request;
    Runnel__V1__RetryPolicy retry = RUNNEL__V1__RETRY_POLICY__INIT;
    job_request_init(&request, kind, "the input");
    retry.max_attempts = attempts;
    request.request.retry = attempts == 0 ? NULL : &retry;
    request.request.priority = priority;
    if (worker_job_tenant != NULL)
        job_request_label(&request, "team", worker_job_tenant);
    job_create(&worker_core, &request, ret_id);
    worker_settle();
}

void worker_expect_output(const char *id, const char *text)
{
    struct rnl_stream watch;
    size_t len;
    job_watch(&watch, &worker_core, id, 0);
    worker_settle();
    char *output = watched_output(&watch, 0, &len);
    assert_string_equal(output, text);
    free(output);
    fake_close(&watch);
}

void worker_expect_error(const char *id, Runnel__V1__JobState state,
                         const char *message, uint32_t attempt)
{
    Runnel__V1__GetJobResponse *response = job_get(&worker_core, id, false);
    assert_int_equal(response->job->state, state);
    assert_int_equal(response->job->attempt, attempt);
    assert_string_equal(response->job->error->message, message);
    rnl_request_free(response);
}

void worker_expect_story(const char *id, const char *const *story)
{
    struct rnl_stream watch;
    job_watch(&watch, &worker_core, id, 0);
    worker_settle();
    for (size_t i = 0; story[i] != NULL; i++) {
        Runnel__V1__WatchJobResponse *response =
            fake_sent(&watch, i, &runnel__v1__watch_job_response__descriptor);
        const Runnel__V1__JobEvent *event = response->event;
        char text[256] = "output";
        if (event->payload_case == RUNNEL__V1__JOB_EVENT__PAYLOAD_LOG)
            snprintf(text, sizeof(text), "%s", event->log->message);
        else if (event->payload_case == RUNNEL__V1__JOB_EVENT__PAYLOAD_STATE)
            snprintf(text, sizeof(text), "%d %u%s%s", (int)event->state->state,
                     (unsigned)event->state->attempt,
                     event->state->error == NULL ? "" : " ",
                     event->state->error == NULL
                         ? ""
                         : event->state->error->message);
        assert_string_equal(text, story[i]);
        rnl_request_free(response);
    }
    fake_close(&watch);
}
