/* SPDX-License-Identifier: Apache-2.0 */
/* WatchStats on virtual time: what is sent, when, to whom, and what it
 * costs. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "stream_bounds.h"
#include "stream_fixture.h"

#define WATCHERS 100

static struct event_batch batch;

/* ---- helpers ---- */

static void open_watch(struct rnl_stream *stream, struct rnl_core *core,
                       const Runnel__V1__WatchStatsRequest *request)
{
    fake_call(stream, core, &rnl_stats_service, "WatchStats", &request->base);
}

static Runnel__V1__WatchStatsRequest request_for(const char *name)
{
    Runnel__V1__WatchStatsRequest request =
        RUNNEL__V1__WATCH_STATS_REQUEST__INIT;
    request.stream = (char *)(uintptr_t)name;
    return request;
}

static void watch(struct rnl_stream *stream, struct rnl_core *core,
                  const char *name)
{
    Runnel__V1__WatchStatsRequest request = request_for(name);
    open_watch(stream, core, &request);
}

static Runnel__V1__WatchStatsResponse *got(const struct rnl_stream *stream,
                                           size_t index)
{
    return fake_sent(stream, index,
                     &runnel__v1__watch_stats_response__descriptor);
}

static void feed(struct rnl_core *core, const char *name, double value)
{
    batch_one(&batch, name, "k", value);
    ingest_ok(core, &batch);
}

/* The snapshot at a place, which must have these windows; returns the count of
 * the first. */
static uint64_t check_windows(const struct rnl_stream *stream, size_t index,
                              const uint32_t *windows, size_t count)
{
    Runnel__V1__WatchStatsResponse *response = got(stream, index);
    assert_int_equal(response->update_case,
                     RUNNEL__V1__WATCH_STATS_RESPONSE__UPDATE_SNAPSHOT);
    const Runnel__V1__StatsSnapshot *snapshot = response->snapshot;
    assert_int_equal(snapshot->n_windows, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(snapshot->windows[i]->window_seconds, windows[i]);
    uint64_t events = snapshot->windows[0]->count;
    rnl_request_free(response);
    return events;
}

static const uint32_t all_windows[] = {0, 60, 300, 3600};

static uint64_t check_whole(const struct rnl_stream *stream, size_t index)
{
    return check_windows(stream, index, all_windows, 4);
}

static uint64_t sequence_of(const struct rnl_stream *stream, size_t index)
{
    Runnel__V1__WatchStatsResponse *response = got(stream, index);
    uint64_t sequence = response->sequence;
    rnl_request_free(response);
    return sequence;
}

static void create_with_threshold(struct rnl_core *core, const char *name,
                                  double threshold)
{
    Runnel__V1__StreamConfig config = RUNNEL__V1__STREAM_CONFIG__INIT;
    config.name = (char *)(uintptr_t)name;
    config.value_threshold = threshold;
    config.value_threshold_set = true;
    expect(create_stream(core, &config), RNL_OK, NULL);
}

static uint64_t check_anomaly(const struct rnl_stream *stream, size_t index,
                              double observed)
{
    Runnel__V1__WatchStatsResponse *response = got(stream, index);
    assert_int_equal(response->update_case,
                     RUNNEL__V1__WATCH_STATS_RESPONSE__UPDATE_ANOMALY);
    assert_int_equal((int)response->anomaly->observed, (int)observed);
    uint64_t sequence = response->anomaly->sequence;
    rnl_request_free(response);
    return sequence;
}

/* ---- snapshots ---- */

static void a_snapshot_comes_at_once(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream stream;
    streams_setup(&core);
    feed(&core, "web", 1);
    watch(&stream, &core, "web");
    assert_int_equal(stream.sent_count, 1);
    assert_int_equal(check_whole(&stream, 0), 1);
    Runnel__V1__WatchStatsResponse *first = got(&stream, 0);
    assert_int_equal(first->sequence, 1);
    assert_int_equal(first->snapshot->time->seconds, START_MS / 1000);
    const Runnel__V1__StreamStats *stats = first->snapshot->windows[1];
    assert_string_equal(stats->stream, "web");
    assert_non_null(stats->start_time);
    assert_non_null(stats->end_time);
    assert_int_equal(stats->n_top_keys, 1);
    assert_int_equal(stats->value->count, 1);
    rnl_request_free(first);
    fake_close(&stream);
    streams_teardown(&core);
}

/* What is sent decodes to the same as what GetStats answers. */
static void a_snapshot_says_what_get_stats_says(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream stream;
    uint8_t bytes[2][4096];
    size_t lens[2];
    streams_setup(&core);
    feed(&core, "web", 1);
    feed(&core, "web", 7);
    watch(&stream, &core, "web");
    Runnel__V1__WatchStatsResponse *watched = got(&stream, 0);
    for (size_t i = 0; i < 4; i++) {
        struct outcome outcome = get_stats(&core, "web", all_windows[i], 0);
        Runnel__V1__GetStatsResponse *answer = outcome.answer;
        lens[0] = runnel__v1__stream_stats__pack(watched->snapshot->windows[i],
                                                 bytes[0]);
        lens[1] = runnel__v1__stream_stats__pack(answer->stats, bytes[1]);
        assert_int_equal(lens[0], lens[1]);
        assert_memory_equal(bytes[0], bytes[1], lens[0]);
        expect(outcome, RNL_OK, NULL);
    }
    rnl_request_free(watched);
    fake_close(&stream);
    streams_teardown(&core);
}

static void one_snapshot_comes_an_interval(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream quick;
    struct rnl_stream slow;
    streams_setup(&core);
    feed(&core, "web", 1);
    Runnel__V1__WatchStatsRequest request = request_for("web");
    request.interval_ms = 100;
    open_watch(&quick, &core, &request);
    watch(&slow, &core, "web");
    for (int i = 0; i < 200; i++) {
        fake_core_advance(&core, 25 * MS);
        feed(&core, "web", i);
    }
    assert_int_equal(quick.sent_count, 1 + 50);
    assert_int_equal(slow.sent_count, 1 + 5);
    for (size_t i = 1; i < quick.sent_count; i++) {
        assert_true(sequence_of(&quick, i) > sequence_of(&quick, i - 1));
        assert_int_equal(check_whole(&quick, i), 4 * i);
    }
    fake_close(&quick);
    fake_close(&slow);
    streams_teardown(&core);
}

static void nothing_is_sent_while_nothing_changes(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream stream;
    streams_setup(&core);
    feed(&core, "web", 1);
    watch(&stream, &core, "web");
    fake_core_advance(&core, 30 * SECOND);
    assert_int_equal(stream.sent_count, 1);
    feed(&core, "web", 1);
    fake_core_advance(&core, 30 * SECOND);
    assert_int_equal(stream.sent_count, 2);
    fake_close(&stream);
    streams_teardown(&core);
}

/* An event leaves a window by time alone. */
static void a_window_that_runs_empty_is_sent(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream stream;
    streams_setup(&core);
    feed(&core, "web", 1);
    uint32_t windows[] = {60};
    Runnel__V1__WatchStatsRequest request = request_for("web");
    request.window_seconds = windows;
    request.n_window_seconds = 1;
    open_watch(&stream, &core, &request);
    fake_core_advance(&core, 70 * SECOND);
    assert_true(stream.sent_count >= 2);
    assert_int_equal(check_windows(&stream, stream.sent_count - 1, windows, 1),
                     0);
    fake_close(&stream);
    streams_teardown(&core);
}

/* A replay stands still at its newest event; one from before the shortest
 * window changes the others alone. */
static void only_windows_that_changed_are_sent(void **state)
{
    (void)state;
    static const uint32_t longer[] = {0, 300, 3600};
    const int64_t past = START_MS - 86400 * 1000 * INT64_C(30);
    struct rnl_core core;
    struct rnl_stream stream;
    streams_setup(&core);
    batch_one(&batch, "web", "k", 1);
    batch_time(&batch, past);
    ingest_ok(&core, &batch);
    /* Older than the shortest window, so that its rate is of all of it. */
    batch_time(&batch, past - 70 * 1000);
    ingest_ok(&core, &batch);
    watch(&stream, &core, "web");
    batch_time(&batch, past - 100 * 1000);
    ingest_ok(&core, &batch);
    fake_core_advance(&core, SECOND);
    assert_int_equal(stream.sent_count, 2);
    assert_int_equal(check_windows(&stream, 1, longer, 3), 3);
    fake_close(&stream);
    streams_teardown(&core);
}

static void windows_are_chosen(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream stream;
    streams_setup(&core);
    feed(&core, "web", 1);
    uint32_t asked[] = {300, 0, 300, 0};
    static const uint32_t sent[] = {0, 300};
    Runnel__V1__WatchStatsRequest request = request_for("web");
    request.window_seconds = asked;
    request.n_window_seconds = 4;
    open_watch(&stream, &core, &request);
    check_windows(&stream, 0, sent, 2);
    fake_close(&stream);
    streams_teardown(&core);
}

static void a_bad_request_names_its_field(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    feed(&core, "web", 1);
    uint32_t windows[] = {60, 61};
    static const struct {
        const char *stream;
        uint32_t interval_ms;
        uint32_t top;
        size_t windows;
        enum rnl_code code;
        const char *field;
    } cases[] = {
        {"nobody", 0, 0, 0, RNL_NOT_FOUND, ""},
        {"a b", 0, 0, 0, RNL_INVALID_ARGUMENT, "stream"},
        {"web", 99, 0, 0, RNL_INVALID_ARGUMENT, "interval_ms"},
        {"web", 3600001, 0, 0, RNL_INVALID_ARGUMENT, "interval_ms"},
        {"web", 0, 101, 0, RNL_INVALID_ARGUMENT, "top"},
        {"web", 0, 0, 2, RNL_INVALID_ARGUMENT, "window_seconds[1]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rnl_stream stream;
        Runnel__V1__WatchStatsRequest request = request_for(cases[i].stream);
        request.interval_ms = cases[i].interval_ms;
        request.top = cases[i].top;
        request.window_seconds = windows;
        request.n_window_seconds = cases[i].windows;
        open_watch(&stream, &core, &request);
        assert_true(stream.finished);
        assert_int_equal(stream.code, cases[i].code);
        assert_string_equal(stream.field, cases[i].field);
        assert_int_equal(stream.sent_count, 0);
        fake_close(&stream);
    }
    streams_teardown(&core);
}

/* ---- many watchers ---- */

/* Ten seconds of events; each watcher that reads gets ten snapshots. Returns
 * the allocations made meanwhile, the same in every core without watchers. */
static size_t ten_seconds(struct rnl_core *core)
{
    size_t cost = 0;
    for (int i = 0; i < 10; i++) {
        feed(core, "web", i);
        fault_count();
        fake_core_advance(core, SECOND);
        cost += fault_stop();
    }
    return cost;
}

static size_t cost_of_one(void)
{
    struct rnl_core core;
    struct rnl_stream stream;
    streams_setup(&core);
    feed(&core, "web", 1);
    watch(&stream, &core, "web");
    size_t cost = ten_seconds(&core);
    assert_int_equal(stream.sent_count, 11);
    fake_close(&stream);
    streams_teardown(&core);
    return cost;
}

static void a_hundred_watchers_cost_what_one_costs(void **state)
{
    (void)state;
    struct rnl_core core;
    static struct rnl_stream streams[WATCHERS];
    streams_setup(&core);
    feed(&core, "web", 1);
    for (size_t i = 0; i < WATCHERS; i++)
        watch(&streams[i], &core, "web");
    assert_int_equal(ten_seconds(&core), cost_of_one());
    for (size_t i = 0; i < WATCHERS; i++) {
        assert_int_equal(streams[i].sent_count, 11);
        for (size_t k = 0; k < 11; k++)
            assert_ptr_equal(streams[i].sent[k], streams[0].sent[k]);
    }
    for (size_t i = 0; i < WATCHERS; i++)
        fake_close(&streams[i]);
    streams_teardown(&core);
}

/* After a reconnect all come at once, while events go on. */
static void watchers_that_come_at_once_share_a_snapshot(void **state)
{
    (void)state;
    struct rnl_core core;
    static struct rnl_stream streams[WATCHERS];
    streams_setup(&core);
    feed(&core, "web", 1);
    watch(&streams[0], &core, "web");
    fake_core_advance(&core, 500 * MS);
    feed(&core, "web", 1);
    for (size_t i = 1; i < WATCHERS; i++) {
        watch(&streams[i], &core, "web");
        feed(&core, "web", 1);
    }
    for (size_t i = 1; i < WATCHERS; i++) {
        assert_int_equal(streams[i].sent_count, 1);
        assert_ptr_equal(streams[i].sent[0], streams[1].sent[0]);
    }
    /* Of that moment, not of the last interval. */
    assert_int_equal(check_whole(&streams[1], 0), 2);
    /* And then with the others. */
    fake_core_advance(&core, 500 * MS);
    for (size_t i = 1; i < WATCHERS; i++) {
        assert_int_equal(streams[i].sent_count, 2);
        assert_int_equal(check_whole(&streams[i], 1), 101);
    }
    for (size_t i = 0; i < WATCHERS; i++)
        fake_close(&streams[i]);
    streams_teardown(&core);
}

/* Nothing happened between its first snapshot and the next interval. */
static void a_late_joiner_is_not_told_twice(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream first;
    struct rnl_stream second;
    streams_setup(&core);
    feed(&core, "web", 1);
    watch(&first, &core, "web");
    fake_core_advance(&core, 500 * MS);
    feed(&core, "web", 1);
    watch(&second, &core, "web");
    assert_int_equal(check_whole(&second, 0), 2);
    fake_core_advance(&core, 5 * SECOND);
    assert_int_equal(second.sent_count, 1);
    assert_int_equal(first.sent_count, 2);
    feed(&core, "web", 1);
    fake_core_advance(&core, SECOND);
    assert_int_equal(second.sent_count, 2);
    assert_int_equal(check_whole(&second, 1), 3);
    fake_close(&first);
    fake_close(&second);
    streams_teardown(&core);
}

/* ---- slow watchers ---- */

static void a_slow_watcher_skips_to_the_newest_snapshot(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream quick;
    struct rnl_stream slow;
    streams_setup(&core);
    feed(&core, "web", 1);
    watch(&quick, &core, "web");
    watch(&slow, &core, "web");
    slow.room = 0;
    /* It costs nothing, and delays nobody. */
    assert_int_equal(ten_seconds(&core), cost_of_one());
    assert_int_equal(slow.sent_count, 1);
    assert_int_equal(quick.sent_count, 11);
    fake_give_room(&slow, SIZE_MAX);
    assert_int_equal(slow.sent_count, 2);
    assert_int_equal(check_whole(&slow, 1), 11);
    fake_core_advance(&core, 5 * SECOND);
    assert_int_equal(slow.sent_count, 2);
    fake_close(&quick);
    fake_close(&slow);
    streams_teardown(&core);
}

/* One that was slow for less than an interval still gets the changes alone. */
static void a_short_pause_costs_nothing(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream quick;
    struct rnl_stream slow;
    streams_setup(&core);
    feed(&core, "web", 1);
    watch(&quick, &core, "web");
    watch(&slow, &core, "web");
    slow.room = 0;
    feed(&core, "web", 1);
    fake_core_advance(&core, SECOND);
    fake_give_room(&slow, 1);
    assert_int_equal(slow.sent_count, 2);
    assert_ptr_equal(slow.sent[1], quick.sent[1]);
    fake_close(&quick);
    fake_close(&slow);
    streams_teardown(&core);
}

static void a_watcher_without_room_at_first_is_served_later(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream stream;
    streams_setup(&core);
    feed(&core, "web", 1);
    fake_open(&stream, &core, &rnl_stats_service, "WatchStats");
    stream.room = 0;
    Runnel__V1__WatchStatsRequest request = request_for("web");
    fake_request(&stream, &request.base);
    feed(&core, "web", 1);
    fake_core_advance(&core, 3 * SECOND);
    assert_int_equal(stream.sent_count, 0);
    fake_give_room(&stream, 5);
    assert_int_equal(stream.sent_count, 1);
    assert_int_equal(check_whole(&stream, 0), 2);
    fake_close(&stream);
    streams_teardown(&core);
}

/* A snapshot that does not fit is sent window by window. */
static void small_frames_get_a_window_each(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream stream;
    struct rnl_stream large;
    streams_setup(&core);
    feed(&core, "web", 1);
    watch(&large, &core, "web");
    fake_open(&stream, &core, &rnl_stats_service, "WatchStats");
    stream.message_max = large.sent[0]->len - 1;
    Runnel__V1__WatchStatsRequest request = request_for("web");
    fake_request(&stream, &request.base);
    assert_int_equal(stream.sent_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(check_windows(&stream, i, &all_windows[i], 1), 1);
        if (i > 0)
            assert_true(sequence_of(&stream, i) > sequence_of(&stream, i - 1));
    }
    feed(&core, "web", 1);
    fake_core_advance(&core, SECOND);
    assert_int_equal(stream.sent_count, 8);
    assert_false(stream.finished);
    fake_close(&stream);
    /* A window alone may be too much as well. */
    fake_open(&stream, &core, &rnl_stats_service, "WatchStats");
    stream.message_max = 100;
    fake_request(&stream, &request.base);
    assert_int_equal(stream.code, RNL_RESOURCE_EXHAUSTED);
    fake_close(&stream);
    fake_close(&large);
    streams_teardown(&core);
}

/* ---- anomalies ---- */

static void anomalies_come_as_they_are_found(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream stream;
    streams_setup(&core);
    create_with_threshold(&core, "web", 10);
    feed(&core, "web", 1);
    Runnel__V1__WatchStatsRequest request = request_for("web");
    request.interval_ms = 60000;
    open_watch(&stream, &core, &request);
    assert_int_equal(stream.sent_count, 1);
    feed(&core, "web", 11);
    /* At once, not at the end of the interval. */
    fake_core_advance(&core, 0);
    assert_int_equal(stream.sent_count, 2);
    assert_int_equal(check_anomaly(&stream, 1, 11), 1);
    Runnel__V1__WatchStatsResponse *response = got(&stream, 1);
    assert_string_equal(response->anomaly->key, "k");
    assert_int_equal(response->anomaly->time->seconds, START_MS / 1000);
    rnl_request_free(response);
    fake_close(&stream);
    streams_teardown(&core);
}

static void anomalies_are_replayed_after_a_sequence(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream stream;
    streams_setup(&core);
    create_with_threshold(&core, "web", 10);
    for (int i = 1; i <= 5; i++)
        feed(&core, "web", 10 + i);
    Runnel__V1__WatchStatsRequest request = request_for("web");
    request.after_anomaly = 3;
    open_watch(&stream, &core, &request);
    assert_int_equal(stream.sent_count, 3);
    assert_int_equal(check_anomaly(&stream, 0, 14), 4);
    assert_int_equal(check_anomaly(&stream, 1, 15), 5);
    assert_int_equal(check_whole(&stream, 2), 5);
    fake_close(&stream);
    /* A number of another life of the stream. */
    request.after_anomaly = 77;
    open_watch(&stream, &core, &request);
    assert_int_equal(stream.sent_count, 6);
    fake_close(&stream);
    streams_teardown(&core);
}

/* It gets those that are still kept, and a sequence shows what is missing. */
static void a_slow_watcher_gets_the_anomalies_that_are_kept(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream stream;
    struct rnl_stream quick;
    streams_setup(&core);
    create_with_threshold(&core, "web", 10);
    watch(&stream, &core, "web");
    watch(&quick, &core, "web");
    stream.room = 0;
    for (int i = 1; i <= 150; i++) {
        feed(&core, "web", 10 + i);
        fake_core_advance(&core, 10 * MS);
    }
    fake_give_room(&stream, SIZE_MAX);
    assert_int_equal(stream.sent_count, 1 + 100 + 1);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(check_anomaly(&stream, 1 + i, 61 + (double)i), 51 + i);
    size_t anomalies = 0;
    for (size_t i = 0; i < quick.sent_count; i++) {
        Runnel__V1__WatchStatsResponse *response = got(&quick, i);
        if (response->update_case ==
            RUNNEL__V1__WATCH_STATS_RESPONSE__UPDATE_ANOMALY)
            assert_int_equal(response->anomaly->sequence, ++anomalies);
        rnl_request_free(response);
    }
    assert_int_equal(anomalies, 150);
    fake_close(&stream);
    fake_close(&quick);
    streams_teardown(&core);
}

static void an_anomaly_is_encoded_once_for_all(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream streams[10];
    streams_setup(&core);
    create_with_threshold(&core, "web", 10);
    for (size_t i = 0; i < 10; i++)
        watch(&streams[i], &core, "web");
    feed(&core, "web", 11);
    fake_core_advance(&core, 0);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(streams[i].sent_count, 2);
        assert_ptr_equal(streams[i].sent[1], streams[0].sent[1]);
    }
    for (size_t i = 0; i < 10; i++)
        fake_close(&streams[i]);
    streams_teardown(&core);
}

/* A burst is told though nothing comes in any more: the second has to be
 * judged when it is over. */
static void a_pane_is_judged_without_further_events(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream stream;
    streams_setup(&core);
    watch(&stream, &core, "nobody");
    fake_close(&stream);
    feed(&core, "web", 1);
    Runnel__V1__WatchStatsRequest request = request_for("web");
    request.interval_ms = 3600000;
    open_watch(&stream, &core, &request);
    for (int second = 0; second < 60; second++) {
        for (int i = 0; i < 10; i++) {
            feed(&core, "web", 100 + i);
            fake_core_advance(&core, 100 * MS);
        }
    }
    size_t before = stream.sent_count;
    batch_init(&batch, "web");
    for (int i = 0; i < 2000; i++)
        batch_add(&batch, "k", 104, 1);
    ingest_ok(&core, &batch);
    fake_core_advance(&core, 3 * SECOND);
    assert_true(stream.sent_count > before);
    Runnel__V1__WatchStatsResponse *response = got(&stream, before);
    assert_int_equal(response->anomaly->metric,
                     RUNNEL__V1__ANOMALY_METRIC__ANOMALY_METRIC_RATE);
    rnl_request_free(response);
    fake_close(&stream);
    streams_teardown(&core);
}

/* ---- ends ---- */

static void deleting_the_stream_ends_its_watches(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream streams[4];
    streams_setup(&core);
    feed(&core, "web", 1);
    feed(&core, "other", 1);
    for (size_t i = 0; i < 3; i++) {
        Runnel__V1__WatchStatsRequest request = request_for("web");
        request.interval_ms = i == 0 ? 100 : 500;
        open_watch(&streams[i], &core, &request);
    }
    watch(&streams[3], &core, "other");
    streams[2].room = 0;
    feed(&core, "web", 1);
    fake_core_advance(&core, SECOND);
    expect(delete_stream(&core, "web"), RNL_OK, NULL);
    for (size_t i = 0; i < 3; i++) {
        assert_true(streams[i].finished);
        assert_int_equal(streams[i].code, RNL_NOT_FOUND);
    }
    /* Before all of them are closed the name is used again. */
    feed(&core, "web", 1);
    fake_core_advance(&core, 5 * SECOND);
    struct rnl_stream again;
    watch(&again, &core, "web");
    assert_int_equal(check_whole(&again, 0), 1);
    for (size_t i = 0; i < 3; i++)
        fake_close(&streams[i]);
    assert_false(streams[3].finished);
    assert_false(again.finished);
    fake_close(&again);
    fake_close(&streams[3]);
    streams_teardown(&core);
}

static void timers_run_only_while_somebody_watches(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream first;
    struct rnl_stream second;
    streams_setup(&core);
    feed(&core, "web", 1);
    assert_int_equal(core.timers.count, 0);
    watch(&first, &core, "web");
    watch(&second, &core, "web");
    size_t running = core.timers.count;
    assert_true(running > 0);
    fake_close(&first);
    assert_int_equal(core.timers.count, running);
    fake_close(&second);
    assert_int_equal(core.timers.count, 0);
    struct rnl_streams_counts counts;
    rnl_streams_count(core.streams, &counts);
    uint64_t idle = counts.memory_bytes;
    watch(&first, &core, "web");
    rnl_streams_count(core.streams, &counts);
    assert_true(counts.memory_bytes > idle);
    /* Numbers go on rising. */
    assert_true(sequence_of(&first, 0) > 1);
    fake_close(&first);
    streams_teardown(&core);
}

static void different_ways_of_watching_are_limited(void **state)
{
    (void)state;
    struct rnl_core core;
    static struct rnl_stream streams[RNL_STATS_GROUPS_MAX + 1];
    streams_setup(&core);
    feed(&core, "web", 1);
    for (uint32_t i = 0; i <= RNL_STATS_GROUPS_MAX; i++) {
        Runnel__V1__WatchStatsRequest request = request_for("web");
        request.interval_ms = 1000 + i;
        open_watch(&streams[i], &core, &request);
    }
    assert_false(streams[RNL_STATS_GROUPS_MAX - 1].finished);
    assert_int_equal(streams[RNL_STATS_GROUPS_MAX].code,
                     RNL_RESOURCE_EXHAUSTED);
    /* One that is known is no further one. */
    struct rnl_stream more;
    watch(&more, &core, "web");
    assert_false(more.finished);
    fake_close(&more);
    for (size_t i = 0; i <= RNL_STATS_GROUPS_MAX; i++)
        fake_close(&streams[i]);
    streams_teardown(&core);
}

/* ---- at random ---- */

static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (seed >> 33) % below;
}

/* Applies all that a watcher was sent: its picture of each window. */
static void check_picture(const struct rnl_stream *stream,
                          struct rnl_core *core)
{
    uint64_t counts[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < stream->sent_count; i++) {
        Runnel__V1__WatchStatsResponse *response = got(stream, i);
        const Runnel__V1__StatsSnapshot *snapshot = response->snapshot;
        for (size_t w = 0; w < snapshot->n_windows; w++)
            for (size_t k = 0; k < 4; k++)
                if (all_windows[k] == snapshot->windows[w]->window_seconds)
                    counts[k] = snapshot->windows[w]->count;
        rnl_request_free(response);
    }
    for (size_t k = 0; k < 4; k++) {
        struct outcome outcome = get_stats(core, "web", all_windows[k], 0);
        assert_int_equal(
            counts[k],
            ((Runnel__V1__GetStatsResponse *)outcome.answer)->stats->count);
        expect(outcome, RNL_OK, NULL);
    }
}

/* Whatever watchers do, their picture is the right one once all is quiet. */
static void pictures_agree_in_the_end(void **state)
{
    (void)state;
    const int64_t past = START_MS - 86400 * 1000 * INT64_C(30);
    for (uint64_t round = 1; round <= 40; round++) {
        struct rnl_core core;
        struct rnl_stream streams[6];
        seed = round;
        streams_setup(&core);
        batch_one(&batch, "web", "k", 1);
        batch_time(&batch, past);
        ingest_ok(&core, &batch);
        for (size_t i = 0; i < 6; i++)
            watch(&streams[i], &core, "web");
        for (int i = 0; i < 300; i++) {
            struct rnl_stream *stream = &streams[draw(6)];
            switch (draw(5)) {
            case 0:
                batch_one(&batch, "web", "k", 1);
                /* Into all windows, some, or none. */
                batch_time(&batch, past - (int64_t)draw(5000) * 1000);
                ingest_ok(&core, &batch);
                break;
            case 1:
                fake_core_advance(&core, (int64_t)draw(2500) * MS);
                break;
            case 2:
                stream->room = 0;
                break;
            case 3:
                fake_give_room(stream, 1 + draw(3));
                break;
            default:
                if (draw(4) != 0)
                    break;
                fake_close(stream);
                watch(stream, &core, "web");
            }
        }
        for (size_t i = 0; i < 6; i++)
            fake_give_room(&streams[i], SIZE_MAX);
        fake_core_advance(&core, 3 * SECOND);
        for (size_t i = 0; i < 6; i++) {
            check_picture(&streams[i], &core);
            fake_close(&streams[i]);
        }
        streams_teardown(&core);
    }
}

/* ---- want of memory ---- */

static void scenario(void)
{
    struct rnl_core core;
    struct rnl_stream streams[3];
    bool opened[3] = {false};
    fake_core_init(&core, 42);
    if (rnl_streams_create(&core, &core.streams) != RNL_OK) {
        fake_core_fini(&core);
        return;
    }
    for (int i = 0; i < 2; i++) {
        Runnel__V1__IngestBatchRequest request =
            RUNNEL__V1__INGEST_BATCH_REQUEST__INIT;
        batch_one(&batch, "web", "k", 1);
        request.batch = &batch.batch;
        struct rnl_stream stream;
        fake_call(&stream, &core, &rnl_event_service, "IngestBatch",
                  &request.base);
        fake_close(&stream);
        watch(&streams[i], &core, "web");
        opened[i] = true;
        fake_core_advance(&core, 1500 * MS);
    }
    fake_core_advance(&core, 2 * SECOND);
    for (int i = 0; i < 3; i++) {
        if (!opened[i])
            continue;
        if (streams[i].finished)
            assert_true(streams[i].code == RNL_RESOURCE_EXHAUSTED ||
                        streams[i].code == RNL_NOT_FOUND);
        fake_close(&streams[i]);
    }
    rnl_streams_destroy(core.streams);
    assert_int_equal(core.timers.count, 0);
    fake_core_fini(&core);
}

static void want_of_memory_ends_a_watch_at_most(void **state)
{
    (void)state;
    fault_everywhere(scenario, 50, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_comes_at_once),
        cmocka_unit_test(a_snapshot_says_what_get_stats_says),
        cmocka_unit_test(one_snapshot_comes_an_interval),
        cmocka_unit_test(nothing_is_sent_while_nothing_changes),
        cmocka_unit_test(a_window_that_runs_empty_is_sent),
        cmocka_unit_test(only_windows_that_changed_are_sent),
        cmocka_unit_test(windows_are_chosen),
        cmocka_unit_test(a_bad_request_names_its_field),
        cmocka_unit_test(a_hundred_watchers_cost_what_one_costs),
        cmocka_unit_test(watchers_that_come_at_once_share_a_snapshot),
        cmocka_unit_test(a_late_joiner_is_not_told_twice),
        cmocka_unit_test(a_slow_watcher_skips_to_the_newest_snapshot),
        cmocka_unit_test(a_short_pause_costs_nothing),
        cmocka_unit_test(a_watcher_without_room_at_first_is_served_later),
        cmocka_unit_test(small_frames_get_a_window_each),
        cmocka_unit_test(anomalies_come_as_they_are_found),
        cmocka_unit_test(anomalies_are_replayed_after_a_sequence),
        cmocka_unit_test(a_slow_watcher_gets_the_anomalies_that_are_kept),
        cmocka_unit_test(an_anomaly_is_encoded_once_for_all),
        cmocka_unit_test(a_pane_is_judged_without_further_events),
        cmocka_unit_test(deleting_the_stream_ends_its_watches),
        cmocka_unit_test(timers_run_only_while_somebody_watches),
        cmocka_unit_test(different_ways_of_watching_are_limited),
        cmocka_unit_test(pictures_agree_in_the_end),
        cmocka_unit_test(want_of_memory_ends_a_watch_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
