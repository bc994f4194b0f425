/* SPDX-License-Identifier: Apache-2.0 */
/* What a running runneld does to peers that break the protocol, and that the
 * others do not notice. */
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
#include <unistd.h>

#include <runnel/v1/frame.pb-c.h>

#include "daemon.h"
#include "raw_client.h"
#include "wire.h"

#define FLOOD_CALLS     1000000
#define FLOOD_BATCH     1000
#define FLOOD_MEMORY    (32 * 1024 * 1024)
#define SERVED_INTERVAL 50

static struct daemon server;
/* A well-behaved peer, connected all the time. */
static struct raw_client other;
static uint32_t other_stream;
/* Descriptors of the server while only the other peer is connected. */
static size_t idle_fds;

static int start(void **state)
{
    (void)state;
    daemon_start(&server, "runneld", NULL);
    raw_connect(&other, server.port);
    raw_hello(&other);
    raw_check_served(&other, 1);
    other_stream = 3;
    idle_fds = daemon_fd_count(&server);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    raw_close(&other);
    return daemon_stop(&server) == 0 ? 0 : -1;
}

static void check_other(void)
{
    raw_check_served(&other, other_stream);
    other_stream += 2;
}

/* The connection must end with this Status on stream 0 and a close. */
static void expect_end(struct raw_client *client, enum rnl_code code,
                       const char *text)
{
    char got[256];
    assert_int_equal(raw_await_status(client, 0, got, sizeof(got)), code);
    assert_string_equal(got, text);
    raw_await_close(client);
    raw_close(client);
    check_other();
}

static void garbage_gets_a_status_and_a_close(void **state)
{
    (void)state;
    struct raw_client client;
    raw_connect(&client, server.port);
    static const char http[] = "GET / HTTP/1.1\r\nHost: localhost:7400\r\n"
                               "User-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";
    raw_send_bytes(&client, http, sizeof(http) - 1);
    expect_end(&client, RNL_INVALID_ARGUMENT, "the bytes are not a frame");
}

static void a_length_above_the_limit_is_refused(void **state)
{
    (void)state;
    struct raw_client client;
    raw_connect(&client, server.port);
    raw_hello(&client);
    uint8_t prefix[RNL_VARINT_MAX];
    size_t len = rnl_wire_put_varint(prefix, RNL_FRAME_BYTES_DEFAULT + 1);
    raw_send_bytes(&client, prefix, len);
    expect_end(&client, RNL_RESOURCE_EXHAUSTED,
               "a frame must have at most 1048576 bytes");
}

/* Waits until all connections but the other peer's have gone. The server
 * closes them when it reads their end; each answer to the other peer comes
 * after a round of its loop. */
static void wait_until_idle(void)
{
    time_t deadline = time(NULL) + DAEMON_DEADLINE_MS / 1000;
    while (daemon_fd_count(&server) > idle_fds && time(NULL) < deadline)
        check_other();
    assert_int_equal(daemon_fd_count(&server), idle_fds);
}

static void a_truncated_frame_and_a_close_leave_nothing_behind(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct raw_client client;
        raw_connect(&client, server.port);
        raw_hello(&client);
        raw_send_bytes(&client, "\xff\x3f\x08\x01\x22", 5);
        raw_close(&client);
    }
    wait_until_idle();
}

static void an_unknown_method_costs_its_stream_alone(void **state)
{
    (void)state;
    struct raw_client client;
    char text[256];
    raw_connect(&client, server.port);
    raw_hello(&client);
    raw_call(&client, 1, "runnel.v1.JobService/Nothing", NULL);
    assert_int_equal(raw_await_status(&client, 1, text, sizeof(text)),
                     RNL_UNIMPLEMENTED);
    assert_string_equal(text, "unknown method runnel.v1.JobService/Nothing");
    raw_check_served(&client, 3);
    raw_close(&client);
}

static void a_wrong_version_is_told_the_right_one(void **state)
{
    (void)state;
    struct raw_client client;
    raw_connect(&client, server.port);
    Runnel__V1__Hello hello = RUNNEL__V1__HELLO__INIT;
    hello.protocol_version = 2;
    raw_send(&client, 0, RNL_FRAME_HELLO, &hello.base);
    expect_end(&client, RNL_UNIMPLEMENTED,
               "protocol_version: this server speaks 1, not 2");
}

static void a_call_before_hello_is_refused(void **state)
{
    (void)state;
    struct raw_client client;
    raw_connect(&client, server.port);
    raw_call(&client, 1, "runnel.v1.AdminService/GetInfo", NULL);
    expect_end(&client, RNL_FAILED_PRECONDITION,
               "the first frame must be a Hello on stream 0");
}

/* --- the flood --- */

struct flood {
    struct raw_client client;
    uint8_t batch[FLOOD_BATCH * 16];
    size_t batch_len;
    size_t batch_sent;
    uint32_t calls;
    uint64_t answer_bytes;
};

static void next_batch(struct flood *flood)
{
    static const uint8_t call[] = {0x0a, 0x01, 'x'};
    flood->batch_len = 0;
    flood->batch_sent = 0;
    for (int i = 0; i < FLOOD_BATCH; i++) {
        uint8_t *at = flood->batch + flood->batch_len;
        size_t head = rnl_frame_head(at, 2 * flood->calls++ + 1, RNL_FRAME_CALL,
                                     sizeof(call));
        memcpy(at + head, call, sizeof(call));
        flood->batch_len += head + sizeof(call);
    }
}

/* Sends what the socket takes; false when it is full. */
static bool push(struct flood *flood)
{
    ssize_t sent =
        send(flood->client.fd, flood->batch + flood->batch_sent,
             flood->batch_len - flood->batch_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0)
        assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
    else
        flood->batch_sent += (size_t)sent;
    if (flood->batch_sent == flood->batch_len && flood->calls < FLOOD_CALLS)
        next_batch(flood);
    return sent > 0;
}

static void pull(struct flood *flood)
{
    ssize_t got = recv(flood->client.fd, flood->client.buf, RAW_BUFFER_BYTES,
                       MSG_DONTWAIT);
    if (got > 0)
        flood->answer_bytes += (uint64_t)got;
    else
        assert_true(got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}

/* What a million refusals take on the wire. */
static uint64_t refusal_bytes(void)
{
    Runnel__V1__Status status = RUNNEL__V1__STATUS__INIT;
    status.code = RUNNEL__V1__CODE__CODE_UNIMPLEMENTED;
    status.message = (char *)"unknown method x";
    size_t body = runnel__v1__status__get_packed_size(&status);
    uint64_t total = 0;
    uint8_t head[RNL_FRAME_HEAD_MAX];
    for (uint32_t i = 0; i < FLOOD_CALLS; i++)
        total += rnl_frame_head(head, 2 * i + 1, RNL_FRAME_STATUS, body) + body;
    return total;
}

/* A peer that opens calls without reading the refusals is not read from; one
 * that reads gets through, a million times. Nobody else notices. */
static void a_flood_of_a_million_streams_is_bounded(void **state)
{
    (void)state;
    static struct flood flood;
    raw_connect(&flood.client, server.port);
    raw_hello(&flood.client);
    size_t memory = daemon_memory(&server);
    next_batch(&flood);
    struct pollfd fd = {.fd = flood.client.fd, .events = POLLOUT};
    while (poll(&fd, 1, 200) == 1)
        push(&flood);
    assert_true(flood.calls < FLOOD_CALLS);
    check_other();
    fd.events = POLLIN | POLLOUT;
    uint64_t wanted = refusal_bytes();
    for (int round = 0; flood.answer_bytes < wanted; round++) {
        assert_int_equal(poll(&fd, 1, DAEMON_DEADLINE_MS), 1);
        if (fd.revents & POLLIN)
            pull(&flood);
        if (flood.batch_sent == flood.batch_len)
            fd.events = POLLIN;
        if (fd.events & fd.revents & POLLOUT)
            push(&flood);
        if (round % SERVED_INTERVAL == 0)
            check_other();
    }
    assert_int_equal(flood.answer_bytes, wanted);
    assert_true(daemon_memory(&server) < memory + FLOOD_MEMORY);
    raw_close(&flood.client);
    check_other();
}

/* --- limits of the process --- */

static void more_sockets_than_descriptors_hurt_newcomers_alone(void **state)
{
    (void)state;
    wait_until_idle();
    struct rlimit old, low;
    assert_int_equal(prlimit(server.pid, RLIMIT_NOFILE, NULL, &old), 0);
    low = old;
    low.rlim_cur = idle_fds + 5;
    assert_int_equal(prlimit(server.pid, RLIMIT_NOFILE, &low, NULL), 0);
    struct raw_client clients[20];
    for (int i = 0; i < 20; i++)
        raw_connect(&clients[i], server.port);
    raw_await_close(&clients[19]);
    check_other();
    for (int i = 0; i < 20; i++)
        raw_close(&clients[i]);
    assert_int_equal(prlimit(server.pid, RLIMIT_NOFILE, &old, NULL), 0);
    wait_until_idle();
    struct raw_client late;
    raw_connect(&late, server.port);
    raw_hello(&late);
    raw_close(&late);
}

static void one_connection_above_the_limit_is_told_so(void **state)
{
    (void)state;
    struct daemon small;
    struct raw_client first, second;
    char text[256];
    daemon_start(&small, "runneld",
                 (const char *[]){"--max-connections", "1", NULL});
    raw_connect(&first, small.port);
    raw_hello(&first);
    raw_connect(&second, small.port);
    assert_int_equal(raw_await_status(&second, 0, text, sizeof(text)),
                     RNL_RESOURCE_EXHAUSTED);
    raw_await_close(&second);
    raw_close(&second);
    raw_check_served(&first, 1);
    raw_close(&first);
    assert_int_equal(daemon_stop(&small), 0);
}

static void a_peer_that_says_nothing_is_closed(void **state)
{
    (void)state;
    struct daemon hasty;
    struct raw_client client;
    char text[256];
    daemon_start(&hasty, "runneld",
                 (const char *[]){"--handshake-timeout", "100ms", "--keepalive",
                                  "100ms", NULL});
    raw_connect(&client, hasty.port);
    assert_int_equal(raw_await_status(&client, 0, text, sizeof(text)),
                     RNL_DEADLINE_EXCEEDED);
    raw_await_close(&client);
    raw_close(&client);
    /* After Hello it is pinged first. */
    struct rnl_frame frame;
    raw_connect(&client, hasty.port);
    raw_hello(&client);
    assert_true(raw_receive(&client, &frame));
    assert_int_equal(frame.kind, RNL_FRAME_PING);
    assert_int_equal(raw_await_status(&client, 0, text, sizeof(text)),
                     RNL_UNAVAILABLE);
    raw_await_close(&client);
    raw_close(&client);
    assert_int_equal(daemon_stop(&hasty), 0);
}

/* --- token --- */

static void hello_with(struct raw_client *client, const struct daemon *daemon,
                       const char *token)
{
    raw_connect(client, daemon->port);
    Runnel__V1__Hello hello = RUNNEL__V1__HELLO__INIT;
    hello.protocol_version = RNL_PROTOCOL_VERSION;
    hello.token = (char *)token;
    raw_send(client, 0, RNL_FRAME_HELLO, &hello.base);
}

static void a_token_is_asked_for_and_never_logged(void **state)
{
    (void)state;
    struct daemon guarded;
    struct raw_client client;
    char text[256], log[8192];
    daemon_start(&guarded, "runneld",
                 (const char *[]){"--token", "s3cret-token", "--log-level",
                                  "debug", NULL});
    static const char *const bad[] = {"", "s3cret-tokem", "s3cret-token ",
                                      "s3cret-tokens3cret-token", "x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        hello_with(&client, &guarded, bad[i]);
        assert_int_equal(raw_await_status(&client, 0, text, sizeof(text)),
                         RNL_UNAUTHENTICATED);
        raw_await_close(&client);
        raw_close(&client);
    }
    hello_with(&client, &guarded, "s3cret-token");
    raw_check_served(&client, 1);
    raw_close(&client);
    daemon_read_log(&guarded, log, sizeof(log));
    assert_non_null(strstr(log, "event=disconnected"));
    assert_null(strstr(log, "s3cret"));
    assert_int_equal(daemon_stop(&guarded), 0);
}

static void without_a_token_only_loopback_is_bound(void **state)
{
    (void)state;
    char log[4096];
    int status =
        daemon_run("runneld", (const char *[]){"--listen", "0.0.0.0:0", NULL},
                   log, sizeof(log));
    assert_int_equal(status, 1);
    assert_non_null(strstr(log, "only a loopback address may be bound"));
}

/* The settings are read from all three places, and checked. */
static void settings_are_checked_before_anything_starts(void **state)
{
    (void)state;
    char log[4096];
    assert_int_equal(daemon_run("runneld",
                                (const char *[]){"--check-config", NULL}, log,
                                sizeof(log)),
                     0);
    assert_string_equal(log, "the settings are valid\n");
    assert_int_equal(
        daemon_run("runneld",
                   (const char *[]){"--check-config", "--listen", "x", NULL},
                   log, sizeof(log)),
        2);
    assert_string_equal(log,
                        "runneld: listen: must be HOST:PORT or [HOST]:PORT\n");
    assert_int_equal(daemon_run("runneld",
                                (const char *[]){"--max-streams", "0", NULL},
                                log, sizeof(log)),
                     2);
    assert_string_equal(log, "runneld: --max-streams: must be between 1 and "
                             "1000000, not \"0\"\n");
    assert_int_equal(daemon_run("runneld", (const char *[]){"--version", NULL},
                                log, sizeof(log)),
                     0);
    assert_string_equal(log, "runneld " RNL_VERSION "\n");
}

static void an_address_in_use_is_a_clear_error(void **state)
{
    (void)state;
    char log[4096];
    assert_int_equal(
        daemon_run("runneld",
                   (const char *[]){"--listen", server.address, NULL}, log,
                   sizeof(log)),
        1);
    assert_non_null(strstr(log, "address already in use"));
}

/* --- the end --- */

static void sigterm_says_go_away_and_exits_with_0(void **state)
{
    (void)state;
    struct daemon ending;
    struct raw_client client;
    struct rnl_frame frame;
    daemon_start(&ending, "runneld", NULL);
    raw_connect(&client, ending.port);
    raw_hello(&client);
    raw_check_served(&client, 1);
    daemon_signal(&ending, SIGTERM);
    assert_true(raw_receive(&client, &frame));
    assert_int_equal(frame.kind, RNL_FRAME_GO_AWAY);
    raw_await_close(&client);
    raw_close(&client);
    assert_int_equal(daemon_wait(&ending), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbage_gets_a_status_and_a_close),
        cmocka_unit_test(a_length_above_the_limit_is_refused),
        cmocka_unit_test(a_truncated_frame_and_a_close_leave_nothing_behind),
        cmocka_unit_test(an_unknown_method_costs_its_stream_alone),
        cmocka_unit_test(a_wrong_version_is_told_the_right_one),
        cmocka_unit_test(a_call_before_hello_is_refused),
        cmocka_unit_test(a_flood_of_a_million_streams_is_bounded),
        cmocka_unit_test(more_sockets_than_descriptors_hurt_newcomers_alone),
        cmocka_unit_test(one_connection_above_the_limit_is_told_so),
        cmocka_unit_test(a_peer_that_says_nothing_is_closed),
        cmocka_unit_test(a_token_is_asked_for_and_never_logged),
        cmocka_unit_test(without_a_token_only_loopback_is_bound),
        cmocka_unit_test(settings_are_checked_before_anything_starts),
        cmocka_unit_test(an_address_in_use_is_a_clear_error),
        cmocka_unit_test(sigterm_says_go_away_and_exits_with_0),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
