/* SPDX-License-Identifier: Apache-2.0 */
/* Ingest: every event counts exactly once, whatever becomes of connections;
 * what is refused is refused by name. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <runnel/runnel.h>

#include "cut_proxy.h"
#include "daemon.h"

#define KEYS 7

static struct daemon server;

static struct rnl_client *connect_to(const char *address)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_client *client = NULL;
    options.address = address;
    options.reconnect_min_ms = 1;
    options.reconnect_max_ms = 4;
    assert_int_equal(rnl_client_create(&options, &client), RNL_OK);
    return client;
}

static struct rnl_ingest *open_ingest(struct rnl_client *client,
                                      const char *stream,
                                      const struct rnl_ingest_options *options)
{
    struct rnl_ingest *ingest = NULL;
    assert_int_equal(rnl_ingest_open(client, stream, options, &ingest), RNL_OK);
    return ingest;
}

/* Event i: key i modulo KEYS; some have a value, some a latency, so that
 * batches of several sets of columns are under way at once. */
static struct rnl_event make_event(unsigned i, char key[16])
{
    snprintf(key, 16, "key-%u", i % KEYS);
    return (struct rnl_event){
        .key = key,
        .key_len = strlen(key),
        .has_value = i % 2 == 0,
        .value = i,
        .has_latency = i % 3 == 0,
        .latency_ms = 1,
    };
}

/* Demands that the stream has counted events 0 to count - 1, once each. */
static void check_counted(const char *address, const char *stream,
                          unsigned count)
{
    struct rnl_client *client = connect_to(address);
    struct rnl_stats *stats;
    assert_int_equal(rnl_stats_get(client, stream, 0, KEYS, &stats), RNL_OK);
    const struct rnl_window_stats *all = &stats->windows[0];
    /* Even numbers below count have a value, themselves. */
    unsigned evens = (count + 1) / 2;
    assert_int_equal(all->count, count);
    assert_int_equal(all->value.count, evens);
    assert_int_equal(all->latency_ms.count, (count + 2) / 3);
    assert_true(all->value.sum == (double)evens * (evens - 1.0));
    assert_int_equal(all->top_key_count, KEYS);
    for (size_t i = 0; i < KEYS; i++) {
        unsigned key = (unsigned)strtoul(all->top_keys[i].key + 4, NULL, 10);
        assert_int_equal(all->top_keys[i].count,
                         (count + KEYS - 1 - key) / KEYS);
    }
    rnl_stats_destroy(stats);
    rnl_client_destroy(client);
}

/* --- exactly once --- */

#define CUT_EVENTS 6000

static void ingest_over_cuts(uint64_t seed)
{
    struct cut_proxy proxy = {
        .target_port = server.port,
        .bytes_max = 20000,
        .random = seed,
    };
    struct rnl_ingest_options options = RNL_OPTIONS_INIT(options);
    struct rnl_ingest_counts counts;
    char stream[32], key[16];
    cut_proxy_start(&proxy);
    struct rnl_client *client = connect_to(proxy.address);
    snprintf(stream, sizeof(stream), "cut-%u", (unsigned)seed);
    options.batch_events = 40;
    options.in_flight_max = 8;
    options.block_ms = -1;
    options.wait_for_connection = true;
    struct rnl_ingest *ingest = open_ingest(client, stream, &options);
    for (unsigned i = 0; i < CUT_EVENTS; i++) {
        struct rnl_event event = make_event(i, key);
        assert_int_equal(rnl_ingest_event(ingest, &event), RNL_OK);
    }
    assert_int_equal(rnl_ingest_drain(ingest, DAEMON_DEADLINE_MS), RNL_OK);
    rnl_ingest_counts(ingest, &counts);
    assert_int_equal(counts.events, CUT_EVENTS);
    assert_int_equal(counts.accepted_events + counts.duplicate_events,
                     CUT_EVENTS);
    assert_true(counts.batches_repeated > 0);
    assert_int_equal(counts.batches_sent - counts.batches_repeated,
                     counts.batches_acknowledged);
    assert_true(proxy.cut_count >= 3);
    rnl_client_destroy(client);
    cut_proxy_stop(&proxy);
    check_counted(server.address, stream, CUT_EVENTS);
}

static void events_over_cut_connections_count_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++)
        ingest_over_cuts(seed);
}

/* A core that was restarted with a store in memory has forgotten what it had
 * acknowledged, and gets all the rest. */
static void an_ingest_goes_on_after_a_restart(void **state)
{
    struct daemon first, second;
    struct rnl_ingest_options options = RNL_OPTIONS_INIT(options);
    struct rnl_ingest_counts counts;
    char key[16];
    (void)state;
    daemon_start(&first, "runneld", NULL);
    const char *const args[] = {"--listen", first.address, NULL};
    struct rnl_client *client = connect_to(first.address);
    options.batch_events = 10;
    options.block_ms = -1;
    struct rnl_ingest *ingest = open_ingest(client, "restart", &options);
    for (unsigned i = 0; i < 100; i++) {
        struct rnl_event event = make_event(i, key);
        assert_int_equal(rnl_ingest_event(ingest, &event), RNL_OK);
    }
    assert_int_equal(rnl_ingest_drain(ingest, DAEMON_DEADLINE_MS), RNL_OK);
    assert_int_equal(daemon_stop(&first), 0);
    /* Some are gathered while there is no core. */
    for (unsigned i = 0; i < 50; i++) {
        struct rnl_event event = make_event(i, key);
        assert_int_equal(rnl_ingest_event(ingest, &event), RNL_OK);
    }
    daemon_start(&second, "runneld", args);
    for (unsigned i = 50; i < 200; i++) {
        struct rnl_event event = make_event(i, key);
        assert_int_equal(rnl_ingest_event(ingest, &event), RNL_OK);
    }
    assert_int_equal(rnl_ingest_drain(ingest, DAEMON_DEADLINE_MS), RNL_OK);
    rnl_ingest_counts(ingest, &counts);
    assert_int_equal(counts.accepted_events, 300);
    assert_int_equal(counts.duplicate_events, 0);
    rnl_client_destroy(client);
    check_counted(second.address, "restart", 200);
    assert_int_equal(daemon_stop(&second), 0);
}

/* A producer that begins anew under its old name and numbers adds nothing. */
static void a_repeated_producer_counts_once(void **state)
{
    struct rnl_ingest_options options = RNL_OPTIONS_INIT(options);
    char key[16];
    (void)state;
    struct rnl_client *client = connect_to(server.address);
    options.producer_id = "importer";
    options.batch_events = 10;
    options.block_ms = -1;
    for (int run = 0; run < 2; run++) {
        struct rnl_ingest_counts counts;
        struct rnl_ingest *ingest = open_ingest(client, "again", &options);
        for (unsigned i = 0; i < 100; i++) {
            struct rnl_event event = make_event(i, key);
            event.has_latency = false;
            event.has_value = false;
            assert_int_equal(rnl_ingest_event(ingest, &event), RNL_OK);
        }
        assert_int_equal(rnl_ingest_drain(ingest, DAEMON_DEADLINE_MS), RNL_OK);
        rnl_ingest_counts(ingest, &counts);
        assert_int_equal(counts.accepted_events, run == 0 ? 100 : 0);
        assert_int_equal(counts.duplicate_events, run == 0 ? 0 : 100);
        rnl_ingest_destroy(ingest);
    }
    struct rnl_stats *stats;
    assert_int_equal(rnl_stats_get(client, "again", 0, 1, &stats), RNL_OK);
    assert_int_equal(stats->windows[0].count, 100);
    assert_int_equal(stats->windows[0].duplicate_batches, 10);
    rnl_stats_destroy(stats);
    rnl_client_destroy(client);
}

/* --- room --- */

struct room {
    unsigned writable;
    unsigned drained;
    unsigned errors;
    enum rnl_code code;
    char text[256];
};

static void on_writable(struct rnl_ingest *ingest, void *arg)
{
    struct room *room = arg;
    room->writable++;
    assert_false(rnl_ingest_full(ingest));
}

static void on_drained(struct rnl_ingest *ingest, void *arg)
{
    struct room *room = arg;
    room->drained++;
    assert_true(rnl_ingest_drained(ingest));
}

static void on_error(struct rnl_ingest *ingest,
                     const struct rnl_status_info *status, void *arg)
{
    struct room *room = arg;
    (void)ingest;
    room->errors++;
    room->code = status->code;
    snprintf(room->text, sizeof(room->text), "%s", status->message);
}

static struct rnl_ingest_options with_callbacks(struct room *room)
{
    struct rnl_ingest_options options = RNL_OPTIONS_INIT(options);
    options.on_writable = on_writable;
    options.on_drained = on_drained;
    options.on_error = on_error;
    options.arg = room;
    return options;
}

static void poll_while(struct rnl_client *client, const unsigned *count)
{
    while (*count == 0)
        assert_int_equal(rnl_client_poll(client, DAEMON_DEADLINE_MS), RNL_OK);
}

static void a_full_ingest_says_so_and_when_there_is_room(void **state)
{
    struct room room = {0};
    struct rnl_ingest_options options = with_callbacks(&room);
    char key[16];
    (void)state;
    struct rnl_client *client = connect_to(server.address);
    options.batch_events = 10;
    options.in_flight_max = 2;
    struct rnl_ingest *ingest = open_ingest(client, "room", &options);
    unsigned taken = 0;
    enum rnl_code code;
    while (taken < 1000) {
        struct rnl_event event = make_event(taken, key);
        code = rnl_ingest_event(ingest, &event);
        if (code == RNL_OK) {
            taken++;
            continue;
        }
        assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
        assert_true(rnl_ingest_full(ingest));
        room.writable = 0;
        poll_while(client, &room.writable);
    }
    assert_int_equal(rnl_ingest_flush(ingest), RNL_OK);
    while (!rnl_ingest_drained(ingest))
        assert_int_equal(rnl_client_poll(client, DAEMON_DEADLINE_MS), RNL_OK);
    assert_true(room.drained > 0);
    assert_int_equal(room.errors, 0);
    rnl_client_destroy(client);
    check_counted(server.address, "room", 1000);
}

/* Nobody flushes: the first event of a batch is not left waiting. */
static void a_lone_event_goes_after_the_linger(void **state)
{
    struct room room = {0};
    struct rnl_ingest_options options = with_callbacks(&room);
    char key[16];
    (void)state;
    struct rnl_client *client = connect_to(server.address);
    options.linger_ms = 1;
    struct rnl_ingest *ingest = open_ingest(client, "lone", &options);
    struct rnl_event event = make_event(0, key);
    assert_int_equal(rnl_ingest_event(ingest, &event), RNL_OK);
    assert_false(rnl_ingest_drained(ingest));
    poll_while(client, &room.drained);
    rnl_client_destroy(client);
}

/* --- refusals --- */

static void bad_events_are_named_and_not_taken(void **state)
{
    static char long_key[257];
    static const struct {
        struct rnl_event event;
        const char *text;
    } bad[] = {
        {{.key = NULL}, "event 1: the key must have 1 to 256 bytes"},
        {{.key = "", .key_len = 0},
         "event 1: the key must have 1 to 256 bytes"},
        {{.key = long_key, .key_len = 257},
         "event 1: the key must have 1 to 256 bytes"},
        {{.key = "\xc3", .key_len = 1}, "event 1: the key must be UTF-8"},
        {{.key = "a", .key_len = 1, .has_value = true, .value = NAN},
         "event 1: the value must be finite"},
        {{.key = "a", .key_len = 1, .has_latency = true, .latency_ms = -1},
         "event 1: the latency must be finite and not negative"},
        {{.key = "a", .key_len = 1, .has_latency = true, .latency_ms = 1e300},
         "event 1: the latency must be finite and not negative"},
        {{.key = "a", .key_len = 1, .has_time = true, .time_ms = 0},
         "event 1: the time must be 1 or more"},
    };
    struct rnl_ingest_counts counts;
    char key[16];
    (void)state;
    memset(long_key, 'k', 257);
    struct rnl_client *client = connect_to(server.address);
    struct rnl_ingest *ingest = open_ingest(client, "bad", NULL);
    struct rnl_event good = make_event(0, key);
    assert_int_equal(rnl_ingest_event(ingest, &good), RNL_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(rnl_ingest_event(ingest, &bad[i].event),
                         RNL_INVALID_ARGUMENT);
        assert_string_equal(rnl_ingest_status(ingest)->message, bad[i].text);
    }
    assert_int_equal(rnl_ingest_drain(ingest, DAEMON_DEADLINE_MS), RNL_OK);
    rnl_ingest_counts(ingest, &counts);
    assert_int_equal(counts.accepted_events, 1);
    rnl_client_destroy(client);
}

static void what_the_core_refuses_ends_the_ingest(void **state)
{
    struct room room = {0};
    struct rnl_ingest_options options = with_callbacks(&room);
    char key[16];
    (void)state;
    struct rnl_client *client = connect_to(server.address);
    struct rnl_ingest *ingest = open_ingest(client, "no such name!", &options);
    struct rnl_event event = make_event(0, key);
    assert_int_equal(rnl_ingest_event(ingest, &event), RNL_OK);
    assert_int_equal(rnl_ingest_drain(ingest, DAEMON_DEADLINE_MS),
                     RNL_INVALID_ARGUMENT);
    const struct rnl_status_info *status = rnl_client_status(client);
    assert_int_equal(status->code, RNL_INVALID_ARGUMENT);
    assert_true(status->violation_count > 0);
    assert_non_null(strstr(status->violations[0].field, "stream"));
    assert_int_equal(room.errors, 1);
    assert_int_equal(room.code, RNL_INVALID_ARGUMENT);
    assert_int_equal(rnl_ingest_event(ingest, &event), RNL_INVALID_ARGUMENT);
    assert_int_equal(rnl_ingest_flush(ingest), RNL_INVALID_ARGUMENT);
    assert_int_equal(room.errors, 1);
    rnl_client_destroy(client);
}

static void a_batch_above_the_frame_limit_says_what_to_do(void **state)
{
    struct room room = {0};
    struct rnl_ingest_options options = with_callbacks(&room);
    (void)state;
    struct rnl_client *client = connect_to(server.address);
    options.batch_bytes = 8 << 20;
    options.batch_events = 65536;
    struct rnl_ingest *ingest = open_ingest(client, "large", &options);
    enum rnl_code code = RNL_OK;
    for (unsigned i = 0; i < 65536 && code == RNL_OK; i++) {
        char key[129];
        snprintf(key, sizeof(key), "%0128u", i);
        struct rnl_event event = {.key = key, .key_len = 128};
        code = rnl_ingest_event(ingest, &event);
    }
    if (code == RNL_OK)
        code = rnl_ingest_drain(ingest, DAEMON_DEADLINE_MS);
    assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
    assert_non_null(
        strstr(rnl_ingest_status(ingest)->message, "lower batch_bytes"));
    rnl_client_destroy(client);
}

static void an_ingest_without_a_core_is_unavailable(void **state)
{
    struct room room = {0};
    struct rnl_ingest_options options = with_callbacks(&room);
    char key[16];
    (void)state;
    struct rnl_client *client = connect_to("127.0.0.1:1");
    struct rnl_ingest *ingest = open_ingest(client, "s", &options);
    struct rnl_event event = make_event(0, key);
    assert_int_equal(rnl_ingest_event(ingest, &event), RNL_OK);
    assert_int_equal(rnl_ingest_drain(ingest, DAEMON_DEADLINE_MS),
                     RNL_UNAVAILABLE);
    assert_int_equal(room.errors, 1);
    assert_non_null(strstr(room.text, "cannot connect"));
    rnl_client_destroy(client);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_over_cut_connections_count_once),
        cmocka_unit_test(an_ingest_goes_on_after_a_restart),
        cmocka_unit_test(a_repeated_producer_counts_once),
        cmocka_unit_test(a_full_ingest_says_so_and_when_there_is_room),
        cmocka_unit_test(a_lone_event_goes_after_the_linger),
        cmocka_unit_test(bad_events_are_named_and_not_taken),
        cmocka_unit_test(what_the_core_refuses_ends_the_ingest),
        cmocka_unit_test(a_batch_above_the_frame_limit_says_what_to_do),
        cmocka_unit_test(an_ingest_without_a_core_is_unavailable),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
