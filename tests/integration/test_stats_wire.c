/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams by hand over the wire: many watchers, one that does not read,
 * bytes that mean no good, and a server that goes down under load. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <runnel/v1/admin.pb-c.h>
#include <runnel/v1/events.pb-c.h>
#include <runnel/v1/frame.pb-c.h>
#include <runnel/v1/stats.pb-c.h>

#include "daemon.h"
#include "raw_client.h"

#define INGEST   "runnel.v1.EventService/Ingest"
#define WATCH    "runnel.v1.StatsService/WatchStats"
#define WATCHERS 100

#define BATCH_EVENTS 500

static struct daemon server;

static int start(void **state)
{
    (void)state;
    daemon_start(&server, "runneld", NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    return daemon_stop(&server) == 0 ? 0 : -1;
}

/* ---- helpers ---- */

static void join(struct raw_client *client, const struct daemon *daemon)
{
    raw_connect(client, daemon->port);
    raw_hello(client);
}

static void open_call(struct raw_client *client, uint32_t stream_id,
                      const char *method)
{
    Runnel__V1__Call call = RUNNEL__V1__CALL__INIT;
    call.method = (char *)(uintptr_t)method;
    raw_send(client, stream_id, RNL_FRAME_CALL, &call.base);
}

static void send_batch(struct raw_client *client, uint32_t stream_id,
                       const char *name, size_t events)
{
    static uint32_t indexes[65536];
    static double values[65536];
    uint32_t length = 3;
    Runnel__V1__EventBatch batch = RUNNEL__V1__EVENT_BATCH__INIT;
    Runnel__V1__IngestRequest request = RUNNEL__V1__INGEST_REQUEST__INIT;
    batch.stream = (char *)(uintptr_t)name;
    batch.keys.data = (uint8_t *)(uintptr_t) "key";
    batch.keys.len = 3;
    batch.key_lengths = &length;
    batch.n_key_lengths = 1;
    batch.key_indexes = indexes;
    batch.n_key_indexes = events;
    batch.values = values;
    batch.n_values = events;
    request.batch = &batch;
    raw_send(client, stream_id, RNL_FRAME_MESSAGE, &request.base);
}

/* The next message of a stream, frames of others thrown away. */
static struct rnl_frame await_message(struct raw_client *client,
                                      uint32_t stream_id)
{
    struct rnl_frame frame;
    do {
        assert_true(raw_receive(client, &frame));
        if (frame.kind == RNL_FRAME_STATUS && frame.stream_id == stream_id)
            fail_msg("stream %u has ended", stream_id);
    } while (frame.kind != RNL_FRAME_MESSAGE || frame.stream_id != stream_id);
    return frame;
}

static uint64_t await_ack(struct raw_client *client, uint32_t stream_id)
{
    struct rnl_frame frame = await_message(client, stream_id);
    Runnel__V1__IngestResponse *ack =
        runnel__v1__ingest_response__unpack(NULL, frame.body_len, frame.body);
    assert_non_null(ack);
    uint64_t number = ack->batch_number;
    runnel__v1__ingest_response__free_unpacked(ack, NULL);
    return number;
}

static void watch(struct raw_client *client, uint32_t stream_id,
                  const char *name)
{
    Runnel__V1__WatchStatsRequest request =
        RUNNEL__V1__WATCH_STATS_REQUEST__INIT;
    request.stream = (char *)(uintptr_t)name;
    request.interval_ms = 100;
    raw_call(client, stream_id, WATCH, &request.base);
}

/* Events of all time in the next snapshot of a watch, UINT64_MAX when it does
 * not tell. */
static uint64_t await_count(struct raw_client *client, uint32_t stream_id)
{
    struct rnl_frame frame = await_message(client, stream_id);
    Runnel__V1__WatchStatsResponse *response =
        runnel__v1__watch_stats_response__unpack(NULL, frame.body_len,
                                                 frame.body);
    assert_non_null(response);
    uint64_t count = UINT64_MAX;
    const Runnel__V1__StatsSnapshot *snapshot = response->snapshot;
    assert_non_null(snapshot);
    for (size_t i = 0; i < snapshot->n_windows; i++)
        if (snapshot->windows[i]->window_seconds == 0)
            count = snapshot->windows[i]->count;
    runnel__v1__watch_stats_response__free_unpacked(response, NULL);
    return count;
}

static void credit(struct raw_client *client, uint32_t stream_id,
                   uint32_t bytes)
{
    Runnel__V1__Credit message = RUNNEL__V1__CREDIT__INIT;
    message.bytes = bytes;
    raw_send(client, stream_id, RNL_FRAME_CREDIT, &message.base);
}

/* ---- cases ---- */

static void a_hundred_watchers_see_the_same(void **state)
{
    (void)state;
    struct raw_client producer;
    struct raw_client watchers;
    join(&producer, &server);
    join(&watchers, &server);
    open_call(&producer, 1, INGEST);
    send_batch(&producer, 1, "crowd", BATCH_EVENTS);
    assert_int_equal(await_ack(&producer, 1), 1);
    for (uint32_t i = 0; i < WATCHERS; i++)
        watch(&watchers, 2 * i + 1, "crowd");
    /* Their first snapshots, and then until each has seen the newest. */
    send_batch(&producer, 1, "crowd", BATCH_EVENTS);
    assert_int_equal(await_ack(&producer, 1), 2);
    static bool done[2 * WATCHERS];
    size_t left = WATCHERS;
    while (left > 0) {
        struct rnl_frame frame;
        assert_true(raw_receive(&watchers, &frame));
        if (frame.kind != RNL_FRAME_MESSAGE || done[frame.stream_id])
            continue;
        Runnel__V1__WatchStatsResponse *response =
            runnel__v1__watch_stats_response__unpack(NULL, frame.body_len,
                                                     frame.body);
        assert_non_null(response);
        uint64_t count = response->snapshot->windows[0]->count;
        runnel__v1__watch_stats_response__free_unpacked(response, NULL);
        assert_true(count == BATCH_EVENTS || count == 2 * BATCH_EVENTS);
        done[frame.stream_id] = count == 2 * BATCH_EVENTS;
        left -= done[frame.stream_id];
    }
    raw_close(&watchers);
    raw_close(&producer);
}

/* It grants credit for one snapshot and no more, while others go on for many;
 * what it then gets first is the newest. */
static void a_watcher_that_does_not_read_costs_nothing(void **state)
{
    (void)state;
    enum { ROUNDS = 30 };
    struct raw_client producer;
    struct raw_client quick;
    struct raw_client slow;
    Runnel__V1__Hello hello = RUNNEL__V1__HELLO__INIT;
    struct rnl_frame frame;
    join(&producer, &server);
    join(&quick, &server);
    hello.protocol_version = RNL_PROTOCOL_VERSION;
    hello.initial_credit_bytes = 1;
    raw_connect(&slow, server.port);
    raw_send(&slow, 0, RNL_FRAME_HELLO, &hello.base);
    assert_true(raw_receive(&slow, &frame));
    open_call(&producer, 1, INGEST);
    send_batch(&producer, 1, "slow", 1);
    assert_int_equal(await_ack(&producer, 1), 1);
    watch(&slow, 1, "slow");
    assert_int_equal(await_count(&slow, 1), 1);
    watch(&quick, 1, "slow");
    assert_int_equal(await_count(&quick, 1), 1);
    size_t before = 0;
    for (uint64_t round = 2; round <= ROUNDS; round++) {
        send_batch(&producer, 1, "slow", 1);
        assert_int_equal(await_ack(&producer, 1), round);
        while (await_count(&quick, 1) != round)
            ;
        if (round == ROUNDS / 2)
            before = daemon_memory(&server);
    }
    assert_in_range(daemon_memory(&server), 0, before + (1 << 20));
    credit(&slow, 1, 1 << 20);
    assert_int_equal(await_count(&slow, 1), ROUNDS);
    raw_close(&slow);
    raw_close(&quick);
    raw_close(&producer);
}

static void expect_refusal(struct raw_client *client, uint32_t stream_id,
                           const void *data, size_t len, const char *text)
{
    char got[256];
    open_call(client, stream_id, INGEST);
    raw_send_message(client, stream_id, data, len);
    assert_int_equal(raw_await_status(client, stream_id, got, sizeof(got)),
                     RNL_INVALID_ARGUMENT);
    if (strncmp(got, text, strlen(text)) != 0)
        fail_msg("%s", got);
}

/* Each costs its call alone: the connection serves on. */
static void bad_batches_cost_their_call(void **state)
{
    (void)state;
    struct raw_client client;
    join(&client, &server);
    expect_refusal(&client, 1, "", 0, "batch: is missing");
    expect_refusal(&client, 3, "\x0a\x05zz", 4, "batch: ");
    expect_refusal(&client, 5, "\x0a\x00", 2,
                   "batch.key_indexes: has no entries");
    expect_refusal(&client, 7, "\x0a\x06\x22\x04\0\0\0\0", 8,
                   "batch.stream: must have 1 to 128 characters");
    expect_refusal(&client, 9, "\x0a\x09\x0a\x01s\x22\x04\0\0\0\0", 11,
                   "batch.key_indexes[0]: ");
    open_call(&client, 11, INGEST);
    send_batch(&client, 11, "after", 7);
    assert_int_equal(await_ack(&client, 11), 1);
    raw_check_served(&client, 13);
    raw_close(&client);
}

/* The largest batch, in frames that allow it. */
static void a_batch_of_65536_events_is_taken(void **state)
{
    (void)state;
    struct raw_client client;
    char text[256];
    join(&client, &server);
    open_call(&client, 1, INGEST);
    send_batch(&client, 1, "large", 65536);
    assert_int_equal(await_ack(&client, 1), 1);
    raw_send(&client, 1, RNL_FRAME_HALF_CLOSE, NULL);
    assert_int_equal(raw_await_status(&client, 1, text, sizeof(text)), RNL_OK);
    raw_close(&client);
}

/* A client that sends exactly what it was granted is never refused. */
static void credit_is_spent_and_returned(void **state)
{
    (void)state;
    struct raw_client client;
    struct rnl_frame frame;
    uint64_t granted = 256 * 1024;
    uint64_t sent = 0;
    uint64_t acks = 0;
    char text[256];
    join(&client, &server);
    open_call(&client, 1, INGEST);
    /* As much as is granted, until four times that has been taken. */
    while (sent < 1024 * 1024 || acks * BATCH_EVENTS * 12 < sent / 2) {
        while (sent < granted) {
            send_batch(&client, 1, "credit", BATCH_EVENTS);
            sent += BATCH_EVENTS * 12;
        }
        assert_true(raw_receive(&client, &frame));
        assert_int_not_equal(frame.kind, RNL_FRAME_STATUS);
        acks += frame.kind == RNL_FRAME_MESSAGE;
        if (frame.kind == RNL_FRAME_CREDIT) {
            Runnel__V1__Credit *more =
                runnel__v1__credit__unpack(NULL, frame.body_len, frame.body);
            assert_non_null(more);
            granted += more->bytes;
            runnel__v1__credit__free_unpacked(more, NULL);
        }
    }
    raw_send(&client, 1, RNL_FRAME_HALF_CLOSE, NULL);
    assert_int_equal(raw_await_status(&client, 1, text, sizeof(text)), RNL_OK);
    raw_close(&client);
}

/* ---- going down ---- */

static uint64_t events_ingested(struct raw_client *client, uint32_t stream_id)
{
    struct rnl_frame frame = await_message(client, stream_id);
    Runnel__V1__GetInfoResponse *info =
        runnel__v1__get_info_response__unpack(NULL, frame.body_len, frame.body);
    assert_non_null(info);
    assert_true(info->draining);
    uint64_t events = info->events_ingested;
    runnel__v1__get_info_response__free_unpacked(info, NULL);
    return events;
}

/* Drains under load. A call that was begun before is still answered, and tells
 * that what was acknowledged was counted, and nothing else. */
static void nothing_acknowledged_is_lost_on_the_way_down(void **state)
{
    (void)state;
    struct daemon own;
    struct raw_client producer;
    struct raw_client witness;
    struct rnl_frame frame;
    daemon_start(&own, "runneld", NULL);
    join(&producer, &own);
    join(&witness, &own);
    open_call(&witness, 1, "runnel.v1.AdminService/GetInfo");
    raw_send(&witness, 1, RNL_FRAME_MESSAGE, NULL);
    open_call(&producer, 1, INGEST);
    uint64_t acks = 0;
    for (; acks < 20; acks++) {
        send_batch(&producer, 1, "load", BATCH_EVENTS);
        assert_int_equal(await_ack(&producer, 1), acks + 1);
    }
    /* Ten more are on their way while the signal arrives. */
    for (int i = 0; i < 10; i++)
        send_batch(&producer, 1, "load", BATCH_EVENTS);
    daemon_signal(&own, SIGTERM);
    bool told = false;
    bool ended = false;
    while (!ended) {
        assert_true(raw_receive(&producer, &frame));
        told = told || frame.kind == RNL_FRAME_GO_AWAY;
        acks += frame.kind == RNL_FRAME_MESSAGE;
        ended = frame.kind == RNL_FRAME_STATUS && frame.stream_id == 1;
    }
    assert_true(told);
    raw_send(&witness, 1, RNL_FRAME_HALF_CLOSE, NULL);
    assert_int_equal(events_ingested(&witness, 1), acks * BATCH_EVENTS);
    raw_close(&producer);
    raw_close(&witness);
    assert_int_equal(daemon_wait(&own), 0);
}

static void watchers_are_told_that_the_server_goes_down(void **state)
{
    (void)state;
    struct daemon own;
    struct raw_client client;
    char text[256];
    daemon_start(&own, "runneld", NULL);
    join(&client, &own);
    open_call(&client, 1, INGEST);
    send_batch(&client, 1, "going", 1);
    assert_int_equal(await_ack(&client, 1), 1);
    watch(&client, 3, "going");
    assert_int_equal(await_count(&client, 3), 1);
    daemon_signal(&own, SIGTERM);
    assert_int_equal(raw_await_status(&client, 3, text, sizeof(text)),
                     RNL_UNAVAILABLE);
    raw_await_close(&client);
    raw_close(&client);
    assert_int_equal(daemon_wait(&own), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_watchers_see_the_same),
        cmocka_unit_test(a_watcher_that_does_not_read_costs_nothing),
        cmocka_unit_test(bad_batches_cost_their_call),
        cmocka_unit_test(a_batch_of_65536_events_is_taken),
        cmocka_unit_test(credit_is_spent_and_returned),
        cmocka_unit_test(nothing_acknowledged_is_lost_on_the_way_down),
        cmocka_unit_test(watchers_are_told_that_the_server_goes_down),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
