/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs over TCP: a real runneld, watchers by the hundred, each of which checks
 * every byte and every sequence. */
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include <runnel/v1/frame.pb-c.h>
#include <runnel/v1/jobs.pb-c.h>

#include "daemon.h"
#include "raw_client.h"

#define WATCHER_COUNT 1000
#define INPUT_BYTES   (400 * 1024)
#define POLL_MS       20000

/* What a watcher that does not read may cost the server: its frames wait in a
 * window of 256 KiB of credit, shared with all others. */
#define MEMORY_GROWTH_MAX ((size_t)96 << 20)

static struct daemon server;
static char input[INPUT_BYTES + 1];

static int start(void **state)
{
    (void)state;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max < 8192 ? files.rlim_max : 8192;
    setrlimit(RLIMIT_NOFILE, &files);
    for (size_t i = 0; i < INPUT_BYTES; i++)
        input[i] = (char)('a' + (i * 31 + i / 1000) % 26);
    daemon_start(&server, "runneld", NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    return daemon_stop(&server) == 0 ? 0 : -1;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- unary calls ---- */

/* Copies the answer of a unary call; fails the test on another status. */
static size_t unary(struct raw_client *client, uint32_t stream_id,
                    const char *method, const ProtobufCMessage *request,
                    uint8_t *out, size_t cap)
{
    raw_call(client, stream_id, method, request);
    size_t len = 0;
    struct rnl_frame frame;
    for (;;) {
        assert_true(raw_receive(client, &frame));
        if (frame.stream_id != stream_id)
            continue;
        if (frame.kind == RNL_FRAME_STATUS)
            break;
        assert_int_equal(frame.kind, RNL_FRAME_MESSAGE);
        assert_true(frame.body_len <= cap);
        memcpy(out, frame.body, frame.body_len);
        len = frame.body_len;
    }
    Runnel__V1__Status *status =
        runnel__v1__status__unpack(NULL, frame.body_len, frame.body);
    if (status->code != RUNNEL__V1__CODE__CODE_OK)
        fail_msg("%s: %d %s", method, status->code, status->message);
    runnel__v1__status__free_unpacked(status, NULL);
    return len;
}

static void create_echo(struct raw_client *client, uint32_t stream_id,
                        const char *chunk, const char *pace, char id[32])
{
    Runnel__V1__CreateJobRequest request = RUNNEL__V1__CREATE_JOB_REQUEST__INIT;
    Runnel__V1__Payload payload = RUNNEL__V1__PAYLOAD__INIT;
    payload.content_case = RUNNEL__V1__PAYLOAD__CONTENT_TEXT;
    payload.text = input;
    Runnel__V1__CreateJobRequest__OptionsEntry options[2] = {
        RUNNEL__V1__CREATE_JOB_REQUEST__OPTIONS_ENTRY__INIT,
        RUNNEL__V1__CREATE_JOB_REQUEST__OPTIONS_ENTRY__INIT,
    };
    options[0].key = (char *)"chunk_bytes";
    options[0].value = (char *)chunk;
    options[1].key = (char *)"pace_ms";
    options[1].value = (char *)pace;
    Runnel__V1__CreateJobRequest__OptionsEntry *refs[] = {&options[0],
                                                          &options[1]};
    request.kind = (char *)"echo";
    request.input = &payload;
    request.options = refs;
    request.n_options = 2;
    uint8_t answer[4096];
    size_t len = unary(client, stream_id, "runnel.v1.JobService/CreateJob",
                       &request.base, answer, sizeof(answer));
    Runnel__V1__CreateJobResponse *response =
        runnel__v1__create_job_response__unpack(NULL, len, answer);
    assert_non_null(response);
    snprintf(id, 32, "%s", response->job->id);
    runnel__v1__create_job_response__free_unpacked(response, NULL);
}

static void cancel(struct raw_client *client, uint32_t stream_id,
                   const char *id)
{
    Runnel__V1__CancelJobRequest request = RUNNEL__V1__CANCEL_JOB_REQUEST__INIT;
    request.job_id = (char *)id;
    uint8_t answer[4096];
    (void)unary(client, stream_id, "runnel.v1.JobService/CancelJob",
                &request.base, answer, sizeof(answer));
}

/* ---- watchers ---- */

struct watcher {
    struct raw_client client;
    /* Sequence and bytes of output so far. */
    uint64_t sequence;
    size_t output_len;
    /* Payload received and not yet granted back. */
    uint32_t owed;
    Runnel__V1__JobState state;
    bool done;
    int code;
};

static void watch(struct watcher *watcher, const char *id, uint64_t after)
{
    *watcher = (struct watcher){.sequence = after};
    raw_connect(&watcher->client, server.port);
    raw_hello(&watcher->client);
    Runnel__V1__WatchJobRequest request = RUNNEL__V1__WATCH_JOB_REQUEST__INIT;
    request.job_id = (char *)id;
    request.after_sequence = after;
    raw_call(&watcher->client, 1, "runnel.v1.JobService/WatchJob",
             &request.base);
}

static void take_event(struct watcher *watcher,
                       const Runnel__V1__JobEvent *event)
{
    uint64_t first =
        event->first_sequence == 0 ? event->sequence : event->first_sequence;
    assert_int_equal(first, watcher->sequence + 1);
    watcher->sequence = event->sequence;
    if (event->payload_case == RUNNEL__V1__JOB_EVENT__PAYLOAD_STATE)
        watcher->state = event->state->state;
    if (event->payload_case != RUNNEL__V1__JOB_EVENT__PAYLOAD_DELTA)
        return;
    size_t len = strlen(event->delta->text);
    assert_true(watcher->output_len + len <= INPUT_BYTES);
    assert_memory_equal(event->delta->text, input + watcher->output_len, len);
    watcher->output_len += len;
}

static void take_frame(struct watcher *watcher, const struct rnl_frame *frame)
{
    if (frame->kind == RNL_FRAME_STATUS) {
        Runnel__V1__Status *status =
            runnel__v1__status__unpack(NULL, frame->body_len, frame->body);
        watcher->done = true;
        watcher->code = (int)status->code;
        runnel__v1__status__free_unpacked(status, NULL);
        return;
    }
    if (frame->kind != RNL_FRAME_MESSAGE)
        return;
    Runnel__V1__WatchJobResponse *response =
        runnel__v1__watch_job_response__unpack(NULL, frame->body_len,
                                               frame->body);
    assert_non_null(response);
    take_event(watcher, response->event);
    runnel__v1__watch_job_response__free_unpacked(response, NULL);
    watcher->owed += (uint32_t)frame->body_len;
    if (watcher->owed < RNL_CREDIT_BYTES_DEFAULT / 2)
        return;
    Runnel__V1__Credit credit = RUNNEL__V1__CREDIT__INIT;
    credit.bytes = watcher->owed;
    raw_send(&watcher->client, 1, RNL_FRAME_CREDIT, &credit.base);
    watcher->owed = 0;
}

/* Reads what is there, and handles every whole frame. */
static void pump(struct watcher *watcher)
{
    struct raw_client *client = &watcher->client;
    client->len -= client->used;
    memmove(client->buf, client->buf + client->used, client->len);
    client->used = 0;
    ssize_t got = recv(client->fd, client->buf + client->len,
                       RAW_BUFFER_BYTES - client->len, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    assert_true(got > 0);
    client->len += (size_t)got;
    while (!watcher->done) {
        struct rnl_frame frame;
        size_t used;
        size_t need;
        assert_int_equal(rnl_frame_decode(client->buf + client->used,
                                          client->len - client->used,
                                          RNL_FRAME_BYTES_DEFAULT, &frame,
                                          &used, &need),
                         RNL_OK);
        if (used == 0)
            return;
        take_frame(watcher, &frame);
        client->used += used;
    }
}

/* Reads all of them until they are done; at most until one has so many bytes
 * of output. */
static void pump_all(struct watcher *watchers, size_t count, size_t until_len)
{
    struct pollfd *fds = calloc(count, sizeof(fds[0]));
    assert_non_null(fds);
    for (;;) {
        size_t open = 0;
        for (size_t i = 0; i < count; i++) {
            fds[i] = (struct pollfd){.fd = -1};
            if (watchers[i].done)
                continue;
            fds[i].fd = watchers[i].client.fd;
            fds[i].events = POLLIN;
            open++;
        }
        if (open == 0 || watchers[0].output_len >= until_len)
            break;
        int ready = poll(fds, count, POLL_MS);
        assert_true(ready > 0);
        for (size_t i = 0; i < count; i++) {
            if (fds[i].revents != 0)
                pump(&watchers[i]);
        }
    }
    free(fds);
}

/* ---- cases ---- */

static void a_watch_resumes_over_a_new_connection(void **state)
{
    (void)state;
    struct raw_client client;
    raw_connect(&client, server.port);
    raw_hello(&client);
    char id[32];
    create_echo(&client, 1, "4096", "2", id);
    struct watcher watcher;
    watch(&watcher, id, 0);
    pump_all(&watcher, 1, INPUT_BYTES / 3);
    uint64_t after = watcher.sequence;
    size_t output_len = watcher.output_len;
    assert_false(watcher.done);
    raw_close(&watcher.client);

    watch(&watcher, id, after);
    watcher.output_len = output_len;
    pump_all(&watcher, 1, SIZE_MAX);
    assert_int_equal(watcher.code, RNL_OK);
    assert_int_equal(watcher.output_len, INPUT_BYTES);
    assert_int_equal(watcher.state, RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED);
    raw_close(&watcher.client);
    raw_close(&client);
}

/* The promise: within 100 ms, seen by all. */
static void a_cancel_is_seen_by_all_watchers_in_100_ms(void **state)
{
    (void)state;
    struct raw_client client;
    raw_connect(&client, server.port);
    raw_hello(&client);
    char id[32];
    create_echo(&client, 1, "16", "20", id);
    static struct watcher watchers[20];
    for (size_t i = 0; i < 20; i++)
        watch(&watchers[i], id, 0);
    pump_all(watchers, 20, 64);
    int64_t begin = now_ms();
    cancel(&client, 3, id);
    pump_all(watchers, 20, SIZE_MAX);
    assert_in_range(now_ms() - begin, 0, 100);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(watchers[i].code, RNL_OK);
        assert_int_equal(watchers[i].state,
                         RUNNEL__V1__JOB_STATE__JOB_STATE_CANCELLED);
        raw_close(&watchers[i].client);
    }
    raw_close(&client);
}

static void a_thousand_watchers_and_one_that_does_not_read(void **state)
{
    (void)state;
    struct raw_client client;
    raw_connect(&client, server.port);
    raw_hello(&client);
    static struct watcher watchers[WATCHER_COUNT];
    char id[32];
    create_echo(&client, 1, "4096", "10", id);
    struct watcher asleep;
    watch(&asleep, id, 0);
    for (size_t i = 0; i < WATCHER_COUNT; i++)
        watch(&watchers[i], id, 0);
    size_t before = daemon_memory(&server);
    pump_all(watchers, WATCHER_COUNT, SIZE_MAX);
    size_t after = daemon_memory(&server);
    for (size_t i = 0; i < WATCHER_COUNT; i++) {
        assert_int_equal(watchers[i].code, RNL_OK);
        assert_int_equal(watchers[i].output_len, INPUT_BYTES);
        raw_close(&watchers[i].client);
    }
    if (after > before + MEMORY_GROWTH_MAX)
        fail_msg("the server grew from %zu to %zu bytes", before, after);
    /* It wakes up and has missed nothing. */
    pump_all(&asleep, 1, SIZE_MAX);
    assert_int_equal(asleep.code, RNL_OK);
    assert_int_equal(asleep.output_len, INPUT_BYTES);
    raw_close(&asleep.client);
    raw_close(&client);
}

/* SIGTERM: GoAway and UNAVAILABLE for who watches; the next server, with an
 * empty memory store, does not know the job. */
static void a_drain_ends_watches_and_a_new_server_says_so(void **state)
{
    (void)state;
    struct daemon first;
    daemon_start(&first, "runneld", NULL);
    struct raw_client client;
    raw_connect(&client, first.port);
    raw_hello(&client);
    char id[32];
    create_echo(&client, 1, "16", "20", id);
    Runnel__V1__WatchJobRequest request = RUNNEL__V1__WATCH_JOB_REQUEST__INIT;
    request.job_id = id;
    raw_call(&client, 3, "runnel.v1.JobService/WatchJob", &request.base);
    struct rnl_frame frame;
    do
        assert_true(raw_receive(&client, &frame));
    while (frame.kind != RNL_FRAME_MESSAGE);
    daemon_signal(&first, SIGTERM);
    bool saw_go_away = false;
    do {
        assert_true(raw_receive(&client, &frame));
        saw_go_away = saw_go_away || frame.kind == RNL_FRAME_GO_AWAY;
    } while (frame.kind != RNL_FRAME_STATUS);
    assert_true(saw_go_away);
    Runnel__V1__Status *status =
        runnel__v1__status__unpack(NULL, frame.body_len, frame.body);
    assert_int_equal(status->code, RNL_UNAVAILABLE);
    runnel__v1__status__free_unpacked(status, NULL);
    raw_close(&client);
    assert_int_equal(daemon_wait(&first), 0);

    raw_connect(&client, server.port);
    raw_hello(&client);
    raw_call(&client, 1, "runnel.v1.JobService/WatchJob", &request.base);
    char why[128];
    assert_int_equal(raw_await_status(&client, 1, why, sizeof(why)),
                     RNL_NOT_FOUND);
    assert_string_equal(why, "there is no such job");
    raw_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watch_resumes_over_a_new_connection),
        cmocka_unit_test(a_cancel_is_seen_by_all_watchers_in_100_ms),
        cmocka_unit_test(a_thousand_watchers_and_one_that_does_not_read),
        cmocka_unit_test(a_drain_ends_watches_and_a_new_server_says_so),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
