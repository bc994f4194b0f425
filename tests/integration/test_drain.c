/* SPDX-License-Identifier: Apache-2.0 */
/* SIGTERM while jobs run and are watched: everybody is told, nothing hangs,
 * and a successor on the same address says clearly that the jobs are gone. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <runnel/v1/frame.pb-c.h>
#include <runnel/v1/jobs.pb-c.h>

#include "daemon.h"
#include "raw_client.h"

#define WATCHERS 200
#define CONNS    4

/* Starts a job that lasts for minutes. */
static void create_job(struct raw_client *client, uint32_t stream_id,
                       char id[32])
{
    static char text[10001];
    Runnel__V1__CreateJobRequest request = RUNNEL__V1__CREATE_JOB_REQUEST__INIT;
    Runnel__V1__Payload payload = RUNNEL__V1__PAYLOAD__INIT;
    Runnel__V1__CreateJobRequest__OptionsEntry
        size = RUNNEL__V1__CREATE_JOB_REQUEST__OPTIONS_ENTRY__INIT,
        pace = RUNNEL__V1__CREATE_JOB_REQUEST__OPTIONS_ENTRY__INIT;
    Runnel__V1__CreateJobRequest__OptionsEntry *options[] = {&size, &pace};
    payload.content_case = RUNNEL__V1__PAYLOAD__CONTENT_TEXT;
    payload.text = memset(text, 'x', sizeof(text) - 1);
    size.key = (char *)"chunk_bytes";
    size.value = (char *)"1";
    pace.key = (char *)"pace_ms";
    pace.value = (char *)"20";
    request.kind = (char *)"echo";
    request.input = &payload;
    request.options = options;
    request.n_options = 2;
    raw_call(client, stream_id, "runnel.v1.JobService/CreateJob",
             &request.base);
    struct rnl_frame frame;
    do
        assert_true(raw_receive(client, &frame));
    while (frame.kind != RNL_FRAME_MESSAGE);
    Runnel__V1__CreateJobResponse *response =
        runnel__v1__create_job_response__unpack(NULL, frame.body_len,
                                                frame.body);
    assert_non_null(response);
    snprintf(id, 32, "%s", response->job->id);
    runnel__v1__create_job_response__free_unpacked(response, NULL);
}

static void watch(struct raw_client *client, uint32_t stream_id, char *id)
{
    Runnel__V1__WatchJobRequest request = RUNNEL__V1__WATCH_JOB_REQUEST__INIT;
    request.job_id = id;
    raw_call(client, stream_id, "runnel.v1.JobService/WatchJob", &request.base);
}

static int status_code(const struct rnl_frame *frame)
{
    Runnel__V1__Status *status =
        runnel__v1__status__unpack(NULL, frame->body_len, frame->body);
    assert_non_null(status);
    int code = (int)status->code;
    runnel__v1__status__free_unpacked(status, NULL);
    return code;
}

/* Waits until each stream of the connection has had an event. */
static void await_events(struct raw_client *client, int count)
{
    static bool seen[2 * WATCHERS + 10];
    memset(seen, 0, sizeof(seen));
    struct rnl_frame frame;
    while (count > 0) {
        assert_true(raw_receive(client, &frame));
        if (frame.kind != RNL_FRAME_MESSAGE || seen[frame.stream_id])
            continue;
        seen[frame.stream_id] = true;
        count--;
    }
}

/* GoAway, then UNAVAILABLE on every stream, then the close. */
static void expect_drain(struct raw_client *client, int count)
{
    struct rnl_frame frame;
    bool told = false;
    while (raw_receive(client, &frame)) {
        if (frame.kind == RNL_FRAME_GO_AWAY) {
            told = true;
        } else if (frame.kind == RNL_FRAME_STATUS) {
            assert_true(told);
            assert_int_equal(status_code(&frame), RNL_UNAVAILABLE);
            count--;
        }
    }
    assert_true(told);
    assert_int_equal(count, 0);
}

static void watchers_are_told_and_a_successor_knows_no_job(void **state)
{
    (void)state;
    struct daemon server;
    struct raw_client clients[CONNS];
    char id[32], text[256];
    daemon_start(&server, "runneld", NULL);
    for (int i = 0; i < CONNS; i++) {
        raw_connect(&clients[i], server.port);
        raw_hello(&clients[i]);
    }
    create_job(&clients[0], 1, id);
    for (uint32_t i = 0; i < WATCHERS; i++)
        watch(&clients[i % CONNS], 2 * i + 3, id);
    for (int i = 0; i < CONNS; i++)
        await_events(&clients[i], WATCHERS / CONNS);
    daemon_signal(&server, SIGTERM);
    for (int i = 0; i < CONNS; i++) {
        expect_drain(&clients[i], WATCHERS / CONNS);
        raw_close(&clients[i]);
    }
    char address[80];
    snprintf(address, sizeof(address), "%s", server.address);
    assert_int_equal(daemon_wait(&server), 0);
    daemon_start(&server, "runneld",
                 (const char *[]){"--listen", address, NULL});
    raw_connect(&clients[0], server.port);
    raw_hello(&clients[0]);
    watch(&clients[0], 1, id);
    assert_int_equal(raw_await_status(&clients[0], 1, text, sizeof(text)),
                     RNL_NOT_FOUND);
    raw_close(&clients[0]);
    assert_int_equal(daemon_stop(&server), 0);
}

/* A peer that does not take its GoAway cannot keep the server alive. */
static void a_peer_that_does_not_read_is_cut_after_the_grace(void **state)
{
    (void)state;
    struct daemon server;
    struct raw_client client;
    daemon_start(&server, "runneld",
                 (const char *[]){"--drain-grace", "300ms", NULL});
    raw_connect(&client, server.port);
    raw_hello(&client);
    /* Answers that fill the sockets between us. */
    static const uint8_t call[] = {0x0a, 0x01, 'x'};
    uint8_t bytes[64];
    for (uint32_t i = 0; i < 400000; i++) {
        size_t len =
            rnl_frame_head(bytes, 2 * i + 1, RNL_FRAME_CALL, sizeof(call));
        memcpy(bytes + len, call, sizeof(call));
        if (send(client.fd, bytes, len + sizeof(call),
                 MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break;
    }
    assert_int_equal(daemon_stop(&server), 0);
    raw_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watchers_are_told_and_a_successor_knows_no_job),
        cmocka_unit_test(a_peer_that_does_not_read_is_cut_after_the_grace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
