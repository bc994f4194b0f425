/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams through EventService and StatsService, on virtual time: birth,
 * lists, limits, and the way of events into them. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "registry.h"
#include "stream_bounds.h"
#include "stream_fixture.h"

static struct event_batch batch;

static Runnel__V1__StreamConfig config_of(const char *name)
{
    Runnel__V1__StreamConfig config = RUNNEL__V1__STREAM_CONFIG__INIT;
    config.name = (char *)(uintptr_t)name;
    return config;
}

static uint64_t count_of(struct rnl_core *core, const char *name)
{
    struct outcome outcome = get_stream(core, name);
    Runnel__V1__GetStreamResponse *answer = outcome.answer;
    assert_int_equal(outcome.code, RNL_OK);
    uint64_t count = answer->stream->count;
    rnl_request_free(answer);
    return count;
}

/* ---- streams ---- */

static void the_first_event_makes_a_stream(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    expect(get_stream(&core, "web"), RNL_NOT_FOUND, NULL);
    batch_one(&batch, "web", "a", 1);
    ingest_ok(&core, &batch);
    struct outcome outcome = get_stream(&core, "web");
    Runnel__V1__StreamInfo *info =
        ((Runnel__V1__GetStreamResponse *)outcome.answer)->stream;
    assert_string_equal(info->config->name, "web");
    assert_int_equal(info->config->n_window_seconds, 3);
    assert_int_equal(info->config->window_seconds[2], 3600);
    assert_int_equal(info->config->unique_precision, 14);
    assert_int_equal(info->config->top_capacity, 100);
    assert_int_equal(info->count, 1);
    assert_int_equal(info->create_time->seconds, START_MS / 1000);
    assert_int_equal(info->last_event_time->seconds, START_MS / 1000);
    assert_true(info->memory_bytes > 0);
    expect(outcome, RNL_OK, NULL);
    struct rnl_streams_counts counts;
    rnl_streams_count(core.streams, &counts);
    assert_int_equal(counts.streams, 1);
    assert_int_equal(counts.events, 1);
    assert_true(counts.memory_bytes > 0);
    streams_teardown(&core);
}

static void a_stream_is_created_with_its_configuration(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    uint32_t windows[] = {10, 600};
    Runnel__V1__StreamConfig config = config_of("web");
    config.window_seconds = windows;
    config.n_window_seconds = 2;
    config.unique_precision = 12;
    config.top_capacity = 7;
    config.value_threshold = 9.5;
    config.value_threshold_set = true;
    config.latency_threshold_ms = 250;
    config.anomaly_threshold = 4;
    struct outcome outcome = create_stream(&core, &config);
    assert_int_equal(outcome.code, RNL_OK);
    Runnel__V1__CreateStreamResponse *answer = outcome.answer;
    assert_false(answer->existing);
    const Runnel__V1__StreamConfig *got = answer->stream->config;
    assert_int_equal(got->n_window_seconds, 2);
    assert_int_equal(got->window_seconds[0], 10);
    assert_int_equal(got->unique_precision, 12);
    assert_int_equal(got->top_capacity, 7);
    assert_true(got->value_threshold_set);
    assert_true(got->value_threshold > 9.4 && got->value_threshold < 9.6);
    assert_int_equal((int)got->latency_threshold_ms, 250);
    assert_int_equal((int)got->anomaly_threshold, 4);
    assert_null(answer->stream->last_event_time);
    expect(outcome, RNL_OK, NULL);
    streams_teardown(&core);
}

static void the_same_configuration_finds_the_stream(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    Runnel__V1__StreamConfig config = config_of("web");
    expect(create_stream(&core, &config), RNL_OK, NULL);
    /* The defaults by their values. */
    uint32_t windows[] = {60, 300, 3600};
    config.window_seconds = windows;
    config.n_window_seconds = 3;
    config.top_capacity = 100;
    struct outcome outcome = create_stream(&core, &config);
    assert_int_equal(outcome.code, RNL_OK);
    assert_true(((Runnel__V1__CreateStreamResponse *)outcome.answer)->existing);
    expect(outcome, RNL_OK, NULL);
    streams_teardown(&core);
}

static void another_configuration_names_what_differs(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    uint32_t windows[] = {60, 300};
    Runnel__V1__StreamConfig base = config_of("web");
    expect(create_stream(&core, &base), RNL_OK, NULL);
    static const char *const names[] = {
        "window_seconds",      "unique_precision",  "top_capacity",
        "value_threshold_set", "anomaly_threshold", "latency_threshold_ms",
    };
    for (size_t i = 0; i < 6; i++) {
        Runnel__V1__StreamConfig config = base;
        config.window_seconds = windows;
        config.n_window_seconds = i == 0 ? 2 : 0;
        config.unique_precision = i == 1 ? 13 : 0;
        config.top_capacity = i == 2 ? 99 : 0;
        config.value_threshold_set = i == 3;
        config.anomaly_threshold = i == 4 ? 7 : 0;
        config.latency_threshold_ms = i == 5 ? 7 : 0;
        struct outcome outcome = create_stream(&core, &config);
        assert_int_equal(outcome.code, RNL_ALREADY_EXISTS);
        assert_non_null(strstr(outcome.message, names[i]));
    }
    streams_teardown(&core);
}

static void a_bad_configuration_names_its_field(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    uint32_t windows[] = {60, 30, 1, 2, 3, 4, 5, 6, 7};
    Runnel__V1__StreamConfig config = config_of("web");
    config.window_seconds = windows;
    config.n_window_seconds = 2;
    expect(create_stream(&core, &config), RNL_INVALID_ARGUMENT,
           "config.window_seconds[1]");
    config.n_window_seconds = 9;
    expect(create_stream(&core, &config), RNL_INVALID_ARGUMENT,
           "config.window_seconds");
    config = config_of("web");
    config.unique_precision = 19;
    expect(create_stream(&core, &config), RNL_INVALID_ARGUMENT,
           "config.unique_precision");
    config = config_of("web");
    config.value_threshold = 5;
    expect(create_stream(&core, &config), RNL_INVALID_ARGUMENT,
           "config.value_threshold");
    config = config_of("web");
    config.anomaly_threshold = NAN;
    expect(create_stream(&core, &config), RNL_INVALID_ARGUMENT,
           "config.anomaly_threshold");
    expect(create_stream(&core, NULL), RNL_INVALID_ARGUMENT, "config");
    expect(get_stream(&core, "web"), RNL_NOT_FOUND, NULL);
    streams_teardown(&core);
}

static void names_are_checked_wherever_they_come(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    char longest[130];
    memset(longest, 'n', 129);
    longest[129] = '\0';
    const char *bad[] = {"", longest, "a b", "a/b", "\xc3\xa9", ".", ".."};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        Runnel__V1__StreamConfig config = config_of(bad[i]);
        expect(create_stream(&core, &config), RNL_INVALID_ARGUMENT,
               "config.name");
        batch_one(&batch, bad[i], "k", 1);
        expect(ingest(&core, &batch), RNL_INVALID_ARGUMENT, "batch.stream");
        expect(get_stream(&core, bad[i]), RNL_INVALID_ARGUMENT, "stream");
        expect(get_stats(&core, bad[i], 0, 0), RNL_INVALID_ARGUMENT, "stream");
        expect(delete_stream(&core, bad[i]), RNL_INVALID_ARGUMENT, "stream");
    }
    longest[128] = '\0';
    batch_one(&batch, longest, "k", 1);
    ingest_ok(&core, &batch);
    assert_int_equal(count_of(&core, longest), 1);
    streams_teardown(&core);
}

static void names_of_the_server_are_its_own(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    Runnel__V1__StreamConfig config = config_of("_jobs");
    expect(create_stream(&core, &config), RNL_PERMISSION_DENIED, NULL);
    batch_one(&batch, "_jobs", "k", 1);
    expect(ingest(&core, &batch), RNL_PERMISSION_DENIED, NULL);
    expect(delete_stream(&core, "_jobs"), RNL_PERMISSION_DENIED, NULL);
    /* Anybody may look. */
    expect(get_stream(&core, "_jobs"), RNL_NOT_FOUND, NULL);
    streams_teardown(&core);
}

static void a_deleted_stream_is_gone_and_may_begin_anew(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    batch_one(&batch, "web", "k", 1);
    batch_number(&batch, "p", 7);
    ingest_ok(&core, &batch);
    expect(delete_stream(&core, "web"), RNL_OK, NULL);
    expect(delete_stream(&core, "web"), RNL_NOT_FOUND, NULL);
    expect(get_stats(&core, "web", 0, 0), RNL_NOT_FOUND, NULL);
    struct rnl_streams_counts counts;
    rnl_streams_count(core.streams, &counts);
    assert_int_equal(counts.streams, 0);
    assert_int_equal(counts.memory_bytes, 0);
    assert_int_equal(counts.events, 1);
    /* The same batch is new to the new stream. */
    ingest_ok(&core, &batch);
    assert_int_equal(count_of(&core, "web"), 1);
    streams_teardown(&core);
}

/* ---- lists ---- */

struct listing {
    char names[64][16];
    size_t count;
    char next[140];
};

static enum rnl_code list(struct rnl_core *core, uint32_t size,
                          const char *token, struct listing *listing)
{
    Runnel__V1__ListStreamsRequest request =
        RUNNEL__V1__LIST_STREAMS_REQUEST__INIT;
    request.page_size = size;
    request.page_token = (char *)(uintptr_t)token;
    struct outcome outcome =
        call(core, "ListStreams", &request.base,
             &runnel__v1__list_streams_response__descriptor);
    if (outcome.code != RNL_OK)
        return outcome.code;
    Runnel__V1__ListStreamsResponse *answer = outcome.answer;
    listing->count = answer->n_streams;
    for (size_t i = 0; i < answer->n_streams; i++)
        snprintf(listing->names[i], sizeof(listing->names[i]), "%s",
                 answer->streams[i]->config->name);
    snprintf(listing->next, sizeof(listing->next), "%s",
             answer->next_page_token);
    rnl_request_free(answer);
    return RNL_OK;
}

static void make_stream(struct rnl_core *core, const char *name)
{
    Runnel__V1__StreamConfig config = config_of(name);
    expect(create_stream(core, &config), RNL_OK, NULL);
}

/* Streams that come and go between two pages: none that stays is shown twice
 * or left out. */
static void pages_stay_put_while_streams_come_and_go(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    char name[16];
    for (int i = 0; i < 25; i++) {
        snprintf(name, sizeof(name), "s%02d", i * 2);
        make_stream(&core, name);
    }
    struct listing page;
    assert_int_equal(list(&core, 10, "", &page), RNL_OK);
    assert_int_equal(page.count, 10);
    assert_string_equal(page.names[0], "s00");
    assert_string_equal(page.names[9], "s18");
    make_stream(&core, "s01");
    make_stream(&core, "s19");
    /* The token's own stream may go. */
    expect(delete_stream(&core, "s18"), RNL_OK, NULL);
    char token[140];
    memcpy(token, page.next, sizeof(token));
    assert_int_equal(list(&core, 10, token, &page), RNL_OK);
    assert_string_equal(page.names[0], "s19");
    assert_string_equal(page.names[1], "s20");
    assert_string_equal(page.names[9], "s36");
    memcpy(token, page.next, sizeof(token));
    assert_int_equal(list(&core, 10, token, &page), RNL_OK);
    assert_int_equal(page.count, 6);
    assert_string_equal(page.names[0], "s38");
    assert_string_equal(page.names[5], "s48");
    assert_string_equal(page.next, "");
    streams_teardown(&core);
}

static void a_page_has_its_bounds(void **state)
{
    (void)state;
    struct rnl_core core;
    struct listing page = {.count = 9};
    streams_setup(&core);
    assert_int_equal(list(&core, 0, "", &page), RNL_OK);
    assert_int_equal(page.count, 0);
    assert_string_equal(page.next, "");
    assert_int_equal(list(&core, 1001, "", &page), RNL_INVALID_ARGUMENT);
    char token[200];
    memset(token, 't', sizeof(token) - 1);
    token[sizeof(token) - 1] = '\0';
    assert_int_equal(list(&core, 10, token, &page), RNL_INVALID_ARGUMENT);
    make_stream(&core, "only");
    assert_int_equal(list(&core, 1, "", &page), RNL_OK);
    assert_int_equal(page.count, 1);
    assert_string_equal(page.next, "");
    streams_teardown(&core);
}

static void a_page_fits_the_frames_of_its_reader(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    char name[32];
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof(name), "stream-%02d", i);
        make_stream(&core, name);
    }
    char token[140] = "";
    size_t seen = 0;
    size_t pages = 0;
    do {
        Runnel__V1__ListStreamsRequest request =
            RUNNEL__V1__LIST_STREAMS_REQUEST__INIT;
        struct rnl_stream stream;
        request.page_token = token;
        fake_open(&stream, &core, &rnl_stats_service, "ListStreams");
        stream.message_max = 800;
        fake_request(&stream, &request.base);
        assert_int_equal(stream.code, RNL_OK);
        Runnel__V1__ListStreamsResponse *answer = fake_sent(
            &stream, 0, &runnel__v1__list_streams_response__descriptor);
        assert_true(answer->n_streams > 0);
        seen += answer->n_streams;
        pages++;
        snprintf(token, sizeof(token), "%s", answer->next_page_token);
        rnl_request_free(answer);
        fake_close(&stream);
    } while (token[0] != '\0');
    assert_int_equal(seen, 30);
    assert_true(pages > 2);
    streams_teardown(&core);
}

/* ---- limits ---- */

static void the_number_of_streams_is_limited(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup_limited(&core, 2, 0);
    make_stream(&core, "a");
    batch_one(&batch, "b", "k", 1);
    ingest_ok(&core, &batch);
    Runnel__V1__StreamConfig config = config_of("c");
    struct outcome outcome = create_stream(&core, &config);
    assert_non_null(strstr(outcome.message, "--max-event-streams"));
    expect(outcome, RNL_RESOURCE_EXHAUSTED, NULL);
    batch_one(&batch, "c", "k", 1);
    expect(ingest(&core, &batch), RNL_RESOURCE_EXHAUSTED, NULL);
    /* Those that are there go on. */
    batch_one(&batch, "b", "k", 1);
    ingest_ok(&core, &batch);
    expect(delete_stream(&core, "a"), RNL_OK, NULL);
    expect(create_stream(&core, &config), RNL_OK, NULL);
    streams_teardown(&core);
}

static void the_memory_of_statistics_is_limited(void **state)
{
    (void)state;
    struct rnl_core core;
    const uint64_t max = 4 << 20;
    streams_setup_limited(&core, 0, max);
    char name[16];
    struct outcome outcome;
    /* Many streams, each with many keys. */
    for (unsigned i = 0;; i++) {
        assert_in_range(i, 0, 10000);
        snprintf(name, sizeof(name), "s%u", i % 10);
        batch_init(&batch, name);
        for (unsigned k = 0; k < 1000; k++) {
            char key[16];
            snprintf(key, sizeof(key), "k%u", i * 1000 + k);
            batch_add(&batch, key, k, k);
        }
        outcome = ingest(&core, &batch);
        if (outcome.code != RNL_OK)
            break;
        rnl_request_free(outcome.answer);
        fake_core_advance(&core, 10 * MS);
    }
    assert_int_equal(outcome.code, RNL_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(outcome.message, "--max-stats-bytes"));
    struct rnl_streams_counts counts;
    rnl_streams_count(core.streams, &counts);
    /* Above the limit by what one batch may take. */
    assert_in_range(counts.memory_bytes, max, max + (1 << 20));
    batch_one(&batch, "s0", "k", 1);
    expect(ingest(&core, &batch), RNL_RESOURCE_EXHAUSTED, NULL);
    Runnel__V1__StreamConfig config = config_of("new");
    expect(create_stream(&core, &config), RNL_RESOURCE_EXHAUSTED, NULL);
    /* Reading goes on, and deleting helps. */
    expect(get_stats(&core, "s0", 0, 0), RNL_OK, NULL);
    expect(delete_stream(&core, "s1"), RNL_OK, NULL);
    ingest_ok(&core, &batch);
    streams_teardown(&core);
}

/* Bytes that the streams take, asked of their meters. */
static uint64_t memory_of(struct rnl_core *core)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < core->streams->by_name.count; i++) {
        const struct rnl_event_stream *stream = core->streams->by_name.items[i];
        bytes += rnl_meter_memory(stream->meter);
    }
    return bytes;
}

static void feed_keys(struct rnl_core *core, const char *name, unsigned first)
{
    batch_init(&batch, name);
    for (unsigned k = 0; k < 1000; k++) {
        char key[16];
        snprintf(key, sizeof(key), "k%u", first + k);
        batch_add(&batch, key, k, k);
    }
    ingest_ok(core, &batch);
}

/* Nor by asking for windows of streams that get no more events: what is kept
 * for the next who asks counts, and goes when there is too much of it. */
static void reading_takes_no_more_than_the_limit(void **state)
{
    (void)state;
    struct rnl_core core;
    const uint64_t max = 8 << 20;
    static const uint32_t windows[] = {0, 60, 300, 3600};
    struct rnl_streams_counts counts;
    char name[16];
    streams_setup_limited(&core, 0, max);
    for (unsigned i = 0; i < 16; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        feed_keys(&core, name, 0);
    }
    for (unsigned i = 0; i < 64; i++) {
        snprintf(name, sizeof(name), "s%u", i % 16);
        expect(get_stats(&core, name, windows[i / 16], 0), RNL_OK, NULL);
    }
    rnl_streams_count(core.streams, &counts);
    assert_true(memory_of(&core) < max + (1 << 20));
    assert_true(memory_of(&core) <= counts.memory_bytes);
    streams_teardown(&core);
}

/* ---- events ---- */

static void expect_duplicate(struct rnl_core *core)
{
    struct outcome outcome = ingest(core, &batch);
    assert_string_equal(outcome.message, "");
    assert_true(((Runnel__V1__IngestBatchResponse *)outcome.answer)->duplicate);
    expect(outcome, RNL_OK, NULL);
}

static void a_repeated_batch_counts_once(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    batch_one(&batch, "web", "k", 1);
    batch_number(&batch, "p", 5);
    ingest_ok(&core, &batch);
    struct outcome outcome = ingest(&core, &batch);
    Runnel__V1__IngestBatchResponse *answer = outcome.answer;
    assert_int_equal(outcome.code, RNL_OK);
    assert_true(answer->duplicate);
    assert_int_equal(answer->accepted_events, 0);
    expect(outcome, RNL_OK, NULL);
    /* One that was overtaken is taken for repeated as well. */
    batch_number(&batch, "p", 4);
    outcome = ingest(&core, &batch);
    assert_true(((Runnel__V1__IngestBatchResponse *)outcome.answer)->duplicate);
    expect(outcome, RNL_OK, NULL);
    /* Other producers, streams and numbers are others. */
    batch_number(&batch, "q", 5);
    ingest_ok(&core, &batch);
    batch_number(&batch, "p", 9);
    ingest_ok(&core, &batch);
    assert_int_equal(count_of(&core, "web"), 3);
    batch.batch.stream = (char *)"other";
    ingest_ok(&core, &batch);
    outcome = get_stats(&core, "web", 0, 0);
    assert_int_equal(((Runnel__V1__GetStatsResponse *)outcome.answer)
                         ->stats->duplicate_batches,
                     2);
    expect(outcome, RNL_OK, NULL);
    streams_teardown(&core);
}

/* The last number with something else; of those below, nothing is known. */
static void a_number_is_not_given_to_two_batches(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    batch_one(&batch, "web", "k", 1);
    batch_number(&batch, "p", 5);
    ingest_ok(&core, &batch);
    /* A repetition comes later, and without times is the same all the same. */
    fake_core_advance(&core, INT64_C(5000000000));
    expect_duplicate(&core);
    batch.values[0] = 2;
    struct outcome outcome = ingest(&core, &batch);
    assert_non_null(
        strstr(outcome.message, "batch.producer_sequence: the number 5"));
    expect(outcome, RNL_ALREADY_EXISTS, NULL);
    batch.values[0] = 1;
    batch_time(&batch, 1);
    expect(ingest(&core, &batch), RNL_ALREADY_EXISTS, NULL);
    batch_time(&batch, 0);
    batch.batch.n_latencies_ms = 0;
    expect(ingest(&core, &batch), RNL_ALREADY_EXISTS, NULL);
    batch_number(&batch, "p", 4);
    expect_duplicate(&core);
    /* As it is after a start with what an older version wrote. */
    struct rnl_producer *producer =
        TAILQ_FIRST(&rnl_streams_find(core.streams, "web")->producers.list);
    producer->content = 0;
    batch_number(&batch, "p", 5);
    expect_duplicate(&core);
    assert_int_equal(count_of(&core, "web"), 1);
    streams_teardown(&core);
}

/* Refused is not taken: the same number may come again. */
static void a_refused_batch_keeps_its_number_free(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    for (int i = 0; i < 2; i++) {
        batch_one(&batch, "web", "k", NAN);
        batch_number(&batch, "p", (uint64_t)i + 1);
        expect(ingest(&core, &batch), RNL_INVALID_ARGUMENT, "batch.values[0]");
        batch_one(&batch, "web", "k", 1);
        batch_number(&batch, "p", (uint64_t)i + 1);
        ingest_ok(&core, &batch);
    }
    assert_int_equal(count_of(&core, "web"), 2);
    streams_teardown(&core);
}

/* However many come with nothing but refused batches. */
static void refused_producers_push_nobody_out(void **state)
{
    (void)state;
    struct rnl_core core;
    char id[24];
    streams_setup(&core);
    batch_one(&batch, "web", "k", 1);
    batch_number(&batch, "known", 1);
    ingest_ok(&core, &batch);
    /* As many as are remembered. */
    for (unsigned i = 1; i < RNL_PRODUCERS_MAX; i++) {
        snprintf(id, sizeof(id), "other%u", i);
        batch_number(&batch, id, 1);
        ingest_ok(&core, &batch);
    }
    for (unsigned i = 0; i < 2 * RNL_PRODUCERS_MAX; i++) {
        snprintf(id, sizeof(id), "p%u", i);
        batch_one(&batch, "web", "k", NAN);
        batch_number(&batch, id, 1);
        expect(ingest(&core, &batch), RNL_INVALID_ARGUMENT, NULL);
    }
    batch_one(&batch, "web", "k", 1);
    batch_number(&batch, "known", 1);
    struct outcome outcome = ingest(&core, &batch);
    assert_true(((Runnel__V1__IngestBatchResponse *)outcome.answer)->duplicate);
    expect(outcome, RNL_OK, NULL);
    streams_teardown(&core);
}

static void a_batch_without_a_producer_counts_each_time(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    batch_one(&batch, "web", "k", 1);
    batch_number(&batch, "", 0);
    ingest_ok(&core, &batch);
    ingest_ok(&core, &batch);
    assert_int_equal(count_of(&core, "web"), 2);
    streams_teardown(&core);
}

static void a_bad_producer_names_its_field(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    batch_one(&batch, "web", "k", 1);
    batch_number(&batch, "p", 0);
    expect(ingest(&core, &batch), RNL_INVALID_ARGUMENT,
           "batch.producer_sequence");
    batch_number(&batch, "", 1);
    expect(ingest(&core, &batch), RNL_INVALID_ARGUMENT, "batch.producer_id");
    char id[66];
    memset(id, 'i', 65);
    id[65] = '\0';
    batch_number(&batch, id, 1);
    expect(ingest(&core, &batch), RNL_INVALID_ARGUMENT, "batch.producer_id");
    batch_number(&batch, "\xff", 1);
    expect(ingest(&core, &batch), RNL_INVALID_ARGUMENT, "batch.producer_id");
    id[64] = '\0';
    batch_number(&batch, id, 1);
    ingest_ok(&core, &batch);
    streams_teardown(&core);
}

/* And is taken whole or not at all: no stream is made for it either. */
static void a_bad_batch_names_field_and_index(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    batch_init(&batch, "web");
    for (int i = 0; i < 20; i++)
        batch_add(&batch, "key", i, i);
    batch.values[17] = INFINITY;
    expect(ingest(&core, &batch), RNL_INVALID_ARGUMENT, "batch.values[17]");
    batch.values[17] = 0;
    batch.latencies[3] = -1;
    expect(ingest(&core, &batch), RNL_INVALID_ARGUMENT,
           "batch.latencies_ms[3]");
    batch.latencies[3] = 0;
    batch.key_indexes[19] = 20;
    expect(ingest(&core, &batch), RNL_INVALID_ARGUMENT,
           "batch.key_indexes[19]");
    batch.key_indexes[19] = 19;
    batch.key_lengths[2] = 0;
    expect(ingest(&core, &batch), RNL_INVALID_ARGUMENT, "batch.key_lengths[2]");
    batch.key_lengths[2] = 3;
    batch.keys[4] = 0xff;
    expect(ingest(&core, &batch), RNL_INVALID_ARGUMENT, "batch.keys[1]");
    batch.keys[4] = '\0';
    expect(ingest(&core, &batch), RNL_INVALID_ARGUMENT, "batch.keys[1]");
    batch.keys[4] = 'e';
    batch.batch.n_values = 19;
    expect(ingest(&core, &batch), RNL_INVALID_ARGUMENT, "batch.values");
    batch.batch.n_values = 20;
    expect(get_stream(&core, "web"), RNL_NOT_FOUND, NULL);
    ingest_ok(&core, &batch);
    assert_int_equal(count_of(&core, "web"), 20);
    Runnel__V1__IngestBatchRequest none =
        RUNNEL__V1__INGEST_BATCH_REQUEST__INIT;
    expect(call(&core, "IngestBatch", &none.base,
                &runnel__v1__ingest_batch_response__descriptor),
           RNL_INVALID_ARGUMENT, "batch");
    streams_teardown(&core);
}

static void late_events_are_counted_and_told(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    batch_one(&batch, "web", "now", 1);
    batch_time(&batch, START_MS);
    ingest_ok(&core, &batch);
    batch_one(&batch, "web", "old", 1);
    batch_time(&batch, START_MS - 86400 * 1000);
    struct outcome outcome = ingest(&core, &batch);
    assert_int_equal(outcome.code, RNL_OK);
    Runnel__V1__IngestBatchResponse *answer = outcome.answer;
    assert_int_equal(answer->accepted_events, 1);
    assert_int_equal(answer->late_events, 1);
    expect(outcome, RNL_OK, NULL);
    outcome = get_stats(&core, "web", 3600, 0);
    const Runnel__V1__StreamStats *stats =
        ((Runnel__V1__GetStatsResponse *)outcome.answer)->stats;
    assert_int_equal(stats->count, 1);
    assert_int_equal(stats->late_events, 1);
    expect(outcome, RNL_OK, NULL);
    assert_int_equal(count_of(&core, "web"), 2);
    streams_teardown(&core);
}

/* ---- Ingest ---- */

static void send(struct rnl_stream *stream)
{
    Runnel__V1__IngestRequest request = RUNNEL__V1__INGEST_REQUEST__INIT;
    request.batch = &batch.batch;
    fake_request(stream, &request.base);
}

static void check_ack(const struct rnl_stream *stream, size_t index,
                      uint64_t number, bool duplicate)
{
    Runnel__V1__IngestResponse *ack =
        fake_sent(stream, index, &runnel__v1__ingest_response__descriptor);
    assert_int_equal(ack->batch_number, number);
    assert_int_equal(ack->accepted_events, duplicate ? 0 : 1);
    assert_int_equal(ack->duplicate, duplicate);
    rnl_request_free(ack);
}

static void each_batch_of_a_call_is_acknowledged_in_order(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream stream;
    streams_setup(&core);
    fake_open(&stream, &core, &rnl_event_service, "Ingest");
    for (uint64_t i = 1; i <= 3; i++) {
        /* Streams may take turns. */
        batch_one(&batch, i == 2 ? "b" : "a", "k", 1);
        batch_number(&batch, "p", i == 3 ? 1 : i);
        send(&stream);
        assert_int_equal(stream.sent_count, i);
        assert_false(stream.finished);
    }
    check_ack(&stream, 0, 1, false);
    check_ack(&stream, 1, 2, false);
    check_ack(&stream, 2, 3, true);
    stream.method->on_half_close(&stream);
    assert_true(stream.finished);
    assert_int_equal(stream.code, RNL_OK);
    fake_close(&stream);
    assert_int_equal(count_of(&core, "a"), 1);
    assert_int_equal(count_of(&core, "b"), 1);
    streams_teardown(&core);
}

static void a_refused_batch_ends_the_call_and_nothing_else(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream stream;
    streams_setup(&core);
    fake_open(&stream, &core, &rnl_event_service, "Ingest");
    batch_one(&batch, "web", "k", 1);
    send(&stream);
    batch_one(&batch, "web", "k", NAN);
    send(&stream);
    assert_true(stream.finished);
    assert_int_equal(stream.code, RNL_INVALID_ARGUMENT);
    assert_string_equal(stream.field, "batch.values[0]");
    assert_non_null(strstr(stream.message, "batch 2 of the call"));
    assert_int_equal(stream.sent_count, 1);
    fake_close(&stream);
    assert_int_equal(count_of(&core, "web"), 1);
    streams_teardown(&core);
}

static void a_call_without_batches_ends_well(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream stream;
    streams_setup(&core);
    fake_open(&stream, &core, &rnl_event_service, "Ingest");
    stream.method->on_half_close(&stream);
    assert_int_equal(stream.code, RNL_OK);
    fake_close(&stream);
    streams_teardown(&core);
}

/* ---- want of memory ---- */

/* Each call either does what it says or nothing, and says so. */
static void scenario(void)
{
    struct rnl_core core;
    fake_core_init(&core, 42);
    if (rnl_streams_create(&core, &core.streams) != RNL_OK) {
        fake_core_fini(&core);
        return;
    }
    uint64_t events = 0;
    static const char *const names[] = {"web", "other", "web"};
    for (size_t i = 0; i < 3; i++) {
        struct rnl_stream stream;
        Runnel__V1__IngestRequest request = RUNNEL__V1__INGEST_REQUEST__INIT;
        batch_init(&batch, names[i]);
        for (int k = 0; k < 50; k++)
            batch_add(&batch, k % 2 == 0 ? "even" : "odd", k, k);
        batch_number(&batch, "p", i + 1);
        request.batch = &batch.batch;
        fake_open(&stream, &core, &rnl_event_service, "Ingest");
        fake_request(&stream, &request.base);
        /* Counted or not, as told: what was refused is not counted. */
        struct rnl_streams_counts counts;
        rnl_streams_count(core.streams, &counts);
        if (stream.finished && stream.sent_count == 0)
            assert_int_equal(stream.code, RNL_RESOURCE_EXHAUSTED);
        if (stream.sent_count == 1)
            assert_int_equal(counts.events, events + 50);
        events = counts.events;
        fake_close(&stream);
    }
    static const char *const methods[] = {
        "GetStats",    "GetFrequency", "GetQuantiles", "GetRank",
        "ListStreams", "GetStream",    "CreateStream", "DeleteStream"};
    char *key = (char *)"even";
    double half = 0.5;
    Runnel__V1__GetStatsRequest stats = RUNNEL__V1__GET_STATS_REQUEST__INIT;
    Runnel__V1__GetFrequencyRequest of =
        RUNNEL__V1__GET_FREQUENCY_REQUEST__INIT;
    Runnel__V1__GetQuantilesRequest q = RUNNEL__V1__GET_QUANTILES_REQUEST__INIT;
    Runnel__V1__GetRankRequest rank = RUNNEL__V1__GET_RANK_REQUEST__INIT;
    Runnel__V1__ListStreamsRequest all = RUNNEL__V1__LIST_STREAMS_REQUEST__INIT;
    Runnel__V1__GetStreamRequest get = RUNNEL__V1__GET_STREAM_REQUEST__INIT;
    Runnel__V1__StreamConfig config = config_of("third");
    Runnel__V1__CreateStreamRequest create =
        RUNNEL__V1__CREATE_STREAM_REQUEST__INIT;
    Runnel__V1__DeleteStreamRequest drop =
        RUNNEL__V1__DELETE_STREAM_REQUEST__INIT;
    stats.stream = of.stream = q.stream = rank.stream = get.stream =
        drop.stream = (char *)"web";
    of.keys = &key;
    of.n_keys = 1;
    q.q = rank.values = &half;
    q.n_q = rank.n_values = 1;
    q.metric = rank.metric = RUNNEL__V1__METRIC__METRIC_VALUE;
    create.config = &config;
    const ProtobufCMessage *requests[] = {&stats.base,  &of.base,  &q.base,
                                          &rank.base,   &all.base, &get.base,
                                          &create.base, &drop.base};
    for (size_t i = 0; i < 8; i++) {
        struct rnl_stream stream;
        fake_call(&stream, &core, &rnl_stats_service, methods[i], requests[i]);
        assert_true(stream.finished);
        if (stream.code != RNL_OK && stream.code != RNL_NOT_FOUND)
            assert_int_equal(stream.code, RNL_RESOURCE_EXHAUSTED);
        fake_close(&stream);
    }
    rnl_streams_destroy(core.streams);
    assert_int_equal(core.timers.count, 0);
    fake_core_fini(&core);
}

static void want_of_memory_costs_one_call(void **state)
{
    (void)state;
    fault_everywhere(scenario, 50, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_event_makes_a_stream),
        cmocka_unit_test(a_stream_is_created_with_its_configuration),
        cmocka_unit_test(the_same_configuration_finds_the_stream),
        cmocka_unit_test(another_configuration_names_what_differs),
        cmocka_unit_test(a_bad_configuration_names_its_field),
        cmocka_unit_test(names_are_checked_wherever_they_come),
        cmocka_unit_test(names_of_the_server_are_its_own),
        cmocka_unit_test(a_deleted_stream_is_gone_and_may_begin_anew),
        cmocka_unit_test(pages_stay_put_while_streams_come_and_go),
        cmocka_unit_test(a_page_has_its_bounds),
        cmocka_unit_test(a_page_fits_the_frames_of_its_reader),
        cmocka_unit_test(the_number_of_streams_is_limited),
        cmocka_unit_test(the_memory_of_statistics_is_limited),
        cmocka_unit_test(reading_takes_no_more_than_the_limit),
        cmocka_unit_test(a_repeated_batch_counts_once),
        cmocka_unit_test(a_number_is_not_given_to_two_batches),
        cmocka_unit_test(a_refused_batch_keeps_its_number_free),
        cmocka_unit_test(refused_producers_push_nobody_out),
        cmocka_unit_test(a_batch_without_a_producer_counts_each_time),
        cmocka_unit_test(a_bad_producer_names_its_field),
        cmocka_unit_test(a_bad_batch_names_field_and_index),
        cmocka_unit_test(late_events_are_counted_and_told),
        cmocka_unit_test(each_batch_of_a_call_is_acknowledged_in_order),
        cmocka_unit_test(a_refused_batch_ends_the_call_and_nothing_else),
        cmocka_unit_test(a_call_without_batches_ends_well),
        cmocka_unit_test(want_of_memory_costs_one_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
