/* SPDX-License-Identifier: Apache-2.0 */
/* runneld with threads that count: what it answers is what it answers without,
 * to the bit, and an acknowledged batch is in every answer that follows. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <runnel/runnel.h>

#include "daemon.h"

#define STREAMS 5
#define ROUNDS  12
#define EVENTS  9000

/* Years ago: a replay, whose answers do not depend on the clock. */
#define BEGIN_MS INT64_C(1600000000000)

static const uint32_t windows[] = {0, 60, 300, 3600};

static struct rnl_client *connect_to(const struct daemon *daemon)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_client *made = NULL;
    options.address = daemon->address;
    assert_int_equal(rnl_client_create(&options, &made), RNL_OK);
    return made;
}

static void name_stream(char name[16], int stream)
{
    snprintf(name, 16, "s%d", stream);
}

/* Event i of a round: the same for every server. Streams differ in keys; some
 * events are out of order, and some late. */
static void put_event(struct rnl_ingest *ingest, int stream, int round, int i)
{
    char key[24];
    uint64_t mixed =
        (uint64_t)(round * EVENTS + i) * UINT64_C(0x9E3779B97F4A7C15);
    uint64_t keys = stream % 2 == 0 ? 50 : 20000;
    struct rnl_event event = {
        .key = key,
        .has_value = true,
        .has_latency = true,
        .has_time = true,
        .value = (double)(int64_t)(mixed >> 44),
        .latency_ms = (double)(mixed >> 50),
        .time_ms = BEGIN_MS + round * 2000 + (int64_t)(mixed >> 53),
    };
    if (mixed % 97 == 0)
        event.time_ms -= mixed % 2 == 0 ? 40000 : 7200000;
    event.key_len = (size_t)snprintf(key, sizeof(key), "key-%d",
                                     (int)((mixed >> 20) % keys));
    assert_int_equal(rnl_ingest_event(ingest, &event), RNL_OK);
}

static uint64_t count_of(struct rnl_client *client, const char *stream)
{
    struct rnl_stats *stats;
    assert_int_equal(rnl_stats_get(client, stream, 0, 10, &stats), RNL_OK);
    uint64_t count = stats->windows[0].count;
    rnl_stats_destroy(stats);
    return count;
}

/* Each stream over a connection of its own, so that their batches mix. */
static void feed(const struct daemon *daemon, struct rnl_client *asks)
{
    struct rnl_client *clients[STREAMS];
    struct rnl_ingest *ingests[STREAMS];
    char name[16];
    for (int s = 0; s < STREAMS; s++) {
        struct rnl_ingest_options options = RNL_OPTIONS_INIT(options);
        options.batch_events = s == 4 ? 100 : 3000;
        options.linger_ms = -1;
        options.block_ms = DAEMON_DEADLINE_MS;
        clients[s] = connect_to(daemon);
        name_stream(name, s);
        assert_int_equal(
            rnl_ingest_open(clients[s], name, &options, &ingests[s]), RNL_OK);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < EVENTS; i++)
            for (int s = 0; s < STREAMS; s++)
                put_event(ingests[s], s, round, i);
        /* What was acknowledged is there. */
        int s = round % STREAMS;
        name_stream(name, s);
        assert_int_equal(rnl_ingest_drain(ingests[s], DAEMON_DEADLINE_MS),
                         RNL_OK);
        assert_int_equal(count_of(asks, name), (round + 1) * EVENTS);
    }
    for (int s = 0; s < STREAMS; s++) {
        assert_int_equal(rnl_ingest_drain(ingests[s], DAEMON_DEADLINE_MS),
                         RNL_OK);
        rnl_ingest_destroy(ingests[s]);
        rnl_client_destroy(clients[s]);
    }
}

static void same_distribution(const struct rnl_distribution *a,
                              const struct rnl_distribution *b)
{
    assert_int_equal(a->count, b->count);
    assert_true(a->sum == b->sum && a->mean == b->mean &&
                a->variance == b->variance && a->min == b->min &&
                a->max == b->max);
    assert_int_equal(a->quantile_count, b->quantile_count);
    for (size_t i = 0; i < a->quantile_count; i++)
        assert_true(a->quantiles[i].value == b->quantiles[i].value);
    assert_int_equal(a->bucket_count, b->bucket_count);
    for (size_t i = 0; i < a->bucket_count; i++)
        assert_int_equal(a->histogram[i].count, b->histogram[i].count);
}

static void same_window(const struct rnl_window_stats *a,
                        const struct rnl_window_stats *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->late_events, b->late_events);
    assert_true(a->rate == b->rate);
    assert_true(a->unique_keys.value == b->unique_keys.value &&
                a->unique_keys.lower == b->unique_keys.lower &&
                a->unique_keys.upper == b->unique_keys.upper);
    assert_int_equal(a->top_key_count, b->top_key_count);
    for (size_t i = 0; i < a->top_key_count; i++) {
        assert_string_equal(a->top_keys[i].key, b->top_keys[i].key);
        assert_int_equal(a->top_keys[i].lower, b->top_keys[i].lower);
        assert_int_equal(a->top_keys[i].upper, b->top_keys[i].upper);
    }
    same_distribution(&a->value, &b->value);
    same_distribution(&a->latency_ms, &b->latency_ms);
}

static void compare(struct rnl_client *one, struct rnl_client *other)
{
    for (int s = 0; s < STREAMS; s++) {
        char name[16];
        name_stream(name, s);
        for (size_t w = 0; w < sizeof(windows) / sizeof(*windows); w++) {
            struct rnl_stats *a;
            struct rnl_stats *b;
            assert_int_equal(rnl_stats_get(one, name, windows[w], 100, &a),
                             RNL_OK);
            assert_int_equal(rnl_stats_get(other, name, windows[w], 100, &b),
                             RNL_OK);
            assert_true(a->windows[0].count > 0);
            same_window(&a->windows[0], &b->windows[0]);
            rnl_stats_destroy(a);
            rnl_stats_destroy(b);
        }
    }
}

static void threads_do_not_change_an_answer(void **state)
{
    (void)state;
    const char *const counts[] = {"1", "2", "4"};
    struct daemon daemons[3];
    struct rnl_client *clients[3];
    for (size_t i = 0; i < 3; i++) {
        const char *args[] = {"--threads", counts[i], "--durability", "memory",
                              NULL};
        daemon_start(&daemons[i], "runneld", args);
        clients[i] = connect_to(&daemons[i]);
        feed(&daemons[i], clients[i]);
    }
    compare(clients[0], clients[1]);
    compare(clients[0], clients[2]);
    for (size_t i = 0; i < 3; i++) {
        rnl_client_destroy(clients[i]);
        assert_int_equal(daemon_stop(&daemons[i]), 0);
    }
}

/* Streams come and go while their batches are being counted. */
static void a_stream_may_go_while_it_is_fed(void **state)
{
    (void)state;
    struct daemon daemon;
    const char *args[] = {"--threads", "3", "--durability", "memory", NULL};
    daemon_start(&daemon, "runneld", args);
    struct rnl_client *client = connect_to(&daemon);
    for (int round = 0; round < 20; round++) {
        struct rnl_ingest_options options = RNL_OPTIONS_INIT(options);
        struct rnl_ingest *ingest;
        options.batch_events = 2000;
        options.block_ms = DAEMON_DEADLINE_MS;
        assert_int_equal(rnl_ingest_open(client, "gone", &options, &ingest),
                         RNL_OK);
        for (int i = 0; i < 20000; i++)
            put_event(ingest, 1, round, i);
        assert_int_equal(rnl_ingest_drain(ingest, DAEMON_DEADLINE_MS), RNL_OK);
        rnl_ingest_destroy(ingest);
        assert_int_equal(rnl_stream_delete(client, "gone"), RNL_OK);
    }
    rnl_client_destroy(client);
    assert_int_equal(daemon_stop(&daemon), 0);
}

static void a_wrong_number_of_threads_is_refused(void **state)
{
    (void)state;
    char log[4096];
    const char *none[] = {"--threads", "0", NULL};
    const char *many[] = {"--threads", "65", NULL};
    assert_int_equal(daemon_run("runneld", none, log, sizeof(log)), 2);
    assert_non_null(strstr(log, "threads"));
    assert_int_equal(daemon_run("runneld", many, log, sizeof(log)), 2);
    assert_non_null(strstr(log, "threads"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_do_not_change_an_answer),
        cmocka_unit_test(a_stream_may_go_while_it_is_fed),
        cmocka_unit_test(a_wrong_number_of_threads_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
