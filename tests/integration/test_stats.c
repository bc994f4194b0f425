/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams through librunnel against a real runneld: what goes in comes
 * out, exactly where it is promised exactly. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <runnel/runnel.h>

#include "daemon.h"

#define EVENTS 50000
#define KEYS   1000

#define OUTPUT_MAX 65536

static struct daemon server;
static struct rnl_client *client;

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

static struct rnl_client *connect_to(const struct daemon *daemon)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_client *made = NULL;
    options.address = daemon->address;
    options.reconnect_min_ms = 1;
    options.reconnect_max_ms = 50;
    assert_int_equal(rnl_client_create(&options, &made), RNL_OK);
    return made;
}

static int connect_client(void **state)
{
    (void)state;
    client = connect_to(&server);
    return 0;
}

static int drop_client(void **state)
{
    (void)state;
    rnl_client_destroy(client);
    client = NULL;
    return 0;
}

/* ---- events whose figures are known ---- */

/* Event i of EVENTS: key i mod KEYS (each EVENTS / KEYS times), value i,
 * latency i / 100. */
static void put_event(struct rnl_ingest *ingest, int i)
{
    char key[16];
    struct rnl_event event = {
        .key = key,
        .has_value = true,
        .has_latency = true,
        .value = i,
        .latency_ms = i / 100.0,
    };
    event.key_len = (size_t)snprintf(key, sizeof(key), "key-%d", i % KEYS);
    assert_int_equal(rnl_ingest_event(ingest, &event), RNL_OK);
}

static void send_events(struct rnl_client *via, const char *stream, int count,
                        struct rnl_ingest_counts *ret_counts)
{
    struct rnl_ingest_options options = RNL_OPTIONS_INIT(options);
    struct rnl_ingest *ingest;
    options.batch_events = 1000;
    options.block_ms = DAEMON_DEADLINE_MS;
    assert_int_equal(rnl_ingest_open(via, stream, &options, &ingest), RNL_OK);
    for (int i = 0; i < count; i++)
        put_event(ingest, i);
    assert_int_equal(rnl_ingest_drain(ingest, DAEMON_DEADLINE_MS), RNL_OK);
    rnl_ingest_counts(ingest, ret_counts);
    rnl_ingest_destroy(ingest);
}

static void near(double value, double expected, double relative)
{
    if (!(fabs(value - expected) <= fabs(expected) * relative))
        fail_msg("%.17g, expected %.17g", value, expected);
}

static void check_distribution(const struct rnl_distribution *got, double unit)
{
    const double n = EVENTS;
    assert_int_equal(got->count, EVENTS);
    near(got->sum, unit * n * (n - 1) / 2, 1e-6);
    near(got->mean, unit * (n - 1) / 2, 1e-6);
    near(got->min, 0, 0);
    near(got->max, unit * (n - 1), 1e-6);
    near(got->variance, unit * unit * (n * n - 1) / 12, 1e-6);
    for (size_t i = 0; i < got->quantile_count; i++)
        near(got->quantiles[i].value, unit * got->quantiles[i].q * (n - 1),
             got->quantile_relative_error + 1e-3);
    uint64_t sum = 0;
    for (size_t i = 0; i < got->bucket_count; i++)
        sum += got->histogram[i].count;
    assert_int_equal(sum, EVENTS);
}

/* ---- cases ---- */

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    struct rnl_ingest_counts counts;
    send_events(client, "exact", EVENTS, &counts);
    assert_int_equal(counts.accepted_events, EVENTS);
    assert_int_equal(counts.late_events + counts.duplicate_events, 0);
    struct rnl_stats *stats;
    assert_int_equal(rnl_stats_get(client, "exact", 0, 10, &stats), RNL_OK);
    const struct rnl_window_stats *all = &stats->windows[0];
    assert_int_equal(all->count, EVENTS);
    assert_true(all->unique_keys.lower <= KEYS &&
                all->unique_keys.upper >= KEYS);
    near(all->unique_keys.value, KEYS, 0.05);
    assert_int_equal(all->top_key_count, 10);
    for (size_t i = 0; i < 10; i++) {
        assert_true(all->top_keys[i].lower <= EVENTS / KEYS);
        assert_true(all->top_keys[i].upper >= EVENTS / KEYS);
    }
    check_distribution(&all->value, 1);
    check_distribution(&all->latency_ms, 0.01);
    rnl_stats_destroy(stats);

    const char *keys[] = {"key-0", "key-999", "nobody"};
    struct rnl_frequency_query query = RNL_OPTIONS_INIT(query);
    query.stream = "exact";
    query.keys = keys;
    query.key_count = 3;
    struct rnl_frequencies *frequencies;
    assert_int_equal(rnl_stats_frequency(client, &query, &frequencies), RNL_OK);
    assert_int_equal(frequencies->count, EVENTS);
    for (size_t i = 0; i < 3; i++) {
        uint64_t truth = i < 2 ? EVENTS / KEYS : 0;
        assert_string_equal(frequencies->keys[i].key, keys[i]);
        assert_true(frequencies->keys[i].lower <= truth);
        assert_true(frequencies->keys[i].upper >= truth);
    }
    rnl_frequencies_destroy(frequencies);
}

static void the_server_tells_what_it_holds(void **state)
{
    (void)state;
    struct rnl_server_info *before;
    struct rnl_server_info *after;
    struct rnl_ingest_counts counts;
    assert_int_equal(rnl_server_info_get(client, &before), RNL_OK);
    send_events(client, "counted", 3000, &counts);
    assert_int_equal(rnl_server_info_get(client, &after), RNL_OK);
    assert_int_equal(after->event_streams, before->event_streams + 1);
    assert_int_equal(after->events_ingested, before->events_ingested + 3000);
    bool found = false;
    for (size_t i = 0; i < after->kind_count; i++)
        found = found || strcmp(after->kinds[i], "simulate") == 0;
    assert_true(found);
    const struct rnl_server_limits *limits = &after->limits;
    assert_int_equal(limits->max_frame_bytes, 1 << 20);
    assert_int_equal(limits->max_streams, 1024);
    assert_int_equal(limits->max_connections, 4096);
    assert_int_equal(limits->max_job_output_bytes, 64 << 20);
    assert_int_equal(limits->max_jobs, 1000000);
    assert_int_equal(limits->max_event_streams, 1000);
    assert_int_equal(limits->max_stats_bytes, INT64_C(2) << 30);
    assert_int_equal(limits->max_message_bytes, (1 << 20) - 12);
    assert_int_equal(limits->max_job_input_bytes, 15 << 16);
    assert_int_equal(limits->max_batch_events, 65536);
    assert_int_equal(limits->max_key_bytes, 256);
    assert_int_equal(limits->max_stream_name_bytes, 128);
    assert_int_equal(limits->max_producer_id_bytes, 64);
    assert_int_equal(limits->max_sketch_bytes, (1 << 20) - 12);
    assert_int_equal(limits->max_page_size, 1000);
    assert_int_equal(limits->max_frequency_keys, 1000);
    assert_int_equal(limits->max_quantiles, 100);
    assert_int_equal(limits->max_top, 1000);
    assert_int_equal(limits->min_stats_interval_ms, 100);
    rnl_server_info_destroy(before);
    rnl_server_info_destroy(after);
    assert_int_equal(rnl_stream_delete(client, "counted"), RNL_OK);
}

static void streams_are_made_listed_and_deleted(void **state)
{
    (void)state;
    struct rnl_stream_config config = RNL_OPTIONS_INIT(config);
    bool existing = true;
    config.name = "made";
    config.window_seconds[0] = 30;
    config.window_count = 1;
    config.top_capacity = 5;
    assert_int_equal(rnl_stream_create(client, &config, &existing), RNL_OK);
    assert_false(existing);
    assert_int_equal(rnl_stream_create(client, &config, &existing), RNL_OK);
    assert_true(existing);
    config.top_capacity = 6;
    assert_int_equal(rnl_stream_create(client, &config, &existing),
                     RNL_ALREADY_EXISTS);
    assert_non_null(strstr(rnl_client_status(client)->message, "top_capacity"));
    config.name = "_made";
    assert_int_equal(rnl_stream_create(client, &config, &existing),
                     RNL_PERMISSION_DENIED);
    struct rnl_stream_list *list;
    assert_int_equal(rnl_stream_get(client, "made", &list), RNL_OK);
    assert_int_equal(list->streams[0].config.window_seconds[0], 30);
    assert_int_equal(list->streams[0].config.top_capacity, 5);
    rnl_stream_list_destroy(list);
    bool found = false;
    assert_int_equal(rnl_stream_list(client, &list), RNL_OK);
    for (size_t i = 0; i < list->stream_count; i++)
        found = found || strcmp(list->streams[i].config.name, "made") == 0;
    assert_true(found);
    rnl_stream_list_destroy(list);
    assert_int_equal(rnl_stream_delete(client, "made"), RNL_OK);
    assert_int_equal(rnl_stream_get(client, "made", &list), RNL_NOT_FOUND);
}

/* A producer that was restarted begins again from its first batch. */
static void repeated_batches_count_once(void **state)
{
    (void)state;
    uint64_t accepted = 0;
    uint64_t duplicates = 0;
    for (int run = 0; run < 3; run++) {
        struct rnl_ingest_options options = RNL_OPTIONS_INIT(options);
        struct rnl_ingest_counts counts;
        struct rnl_ingest *ingest;
        options.producer_id = "the-same";
        options.batch_events = 100;
        options.block_ms = DAEMON_DEADLINE_MS;
        /* Batches are cut at the same places in each run. */
        options.linger_ms = -1;
        assert_int_equal(rnl_ingest_open(client, "repeated", &options, &ingest),
                         RNL_OK);
        /* Each run gets a little further. */
        for (int i = 0; i < 1000 + 500 * run; i++)
            put_event(ingest, i);
        assert_int_equal(rnl_ingest_drain(ingest, DAEMON_DEADLINE_MS), RNL_OK);
        rnl_ingest_counts(ingest, &counts);
        accepted += counts.accepted_events;
        duplicates += counts.duplicate_batches;
        rnl_ingest_destroy(ingest);
    }
    assert_int_equal(accepted, 2000);
    assert_int_equal(duplicates, 10 + 15);
    struct rnl_stats *stats;
    assert_int_equal(rnl_stats_get(client, "repeated", 0, 0, &stats), RNL_OK);
    assert_int_equal(stats->windows[0].count, 2000);
    assert_int_equal(stats->windows[0].duplicate_batches, 25);
    near(stats->windows[0].value.max, 1999, 0);
    rnl_stats_destroy(stats);
}

static void late_events_are_told(void **state)
{
    (void)state;
    const int64_t now_ms = (int64_t)time(NULL) * 1000;
    const int64_t ages_ms[] = {0, INT64_C(3) * 86400 * 1000, 1000};
    struct rnl_ingest_options options = RNL_OPTIONS_INIT(options);
    struct rnl_ingest_counts counts;
    struct rnl_ingest *ingest;
    options.batch_events = 1;
    assert_int_equal(rnl_ingest_open(client, "late", &options, &ingest),
                     RNL_OK);
    for (size_t i = 0; i < 3; i++) {
        struct rnl_event event = {
            .key = "k",
            .key_len = 1,
            .has_time = true,
            .time_ms = now_ms - ages_ms[i],
        };
        assert_int_equal(rnl_ingest_event(ingest, &event), RNL_OK);
    }
    assert_int_equal(rnl_ingest_drain(ingest, DAEMON_DEADLINE_MS), RNL_OK);
    rnl_ingest_counts(ingest, &counts);
    rnl_ingest_destroy(ingest);
    assert_int_equal(counts.accepted_events, 3);
    assert_int_equal(counts.late_events, 1);
    struct rnl_stats *stats;
    assert_int_equal(rnl_stats_get(client, "late", 3600, 0, &stats), RNL_OK);
    assert_int_equal(stats->windows[0].count, 2);
    assert_int_equal(stats->windows[0].late_events, 1);
    rnl_stats_destroy(stats);
    assert_int_equal(rnl_stats_get(client, "late", 0, 0, &stats), RNL_OK);
    assert_int_equal(stats->windows[0].count, 3);
    rnl_stats_destroy(stats);
}

/* ---- watching ---- */

struct seen {
    /* Of all time. */
    uint64_t count;
    size_t snapshots;
    size_t anomalies;
    uint64_t last_anomaly;
    double observed;
    bool ended;
    enum rnl_code code;
};

static void on_update(struct rnl_stats_watch *watch,
                      const struct rnl_stats_update *update, void *arg)
{
    struct seen *seen = arg;
    (void)watch;
    for (size_t i = 0; i < update->stats.window_count; i++)
        if (update->stats.windows[i].window_seconds == 0)
            seen->count = update->stats.windows[i].count;
    seen->snapshots += update->stats.window_count > 0;
    for (size_t i = 0; i < update->stats.anomaly_count; i++) {
        seen->anomalies++;
        seen->last_anomaly = update->stats.anomalies[i].sequence;
        seen->observed = update->stats.anomalies[i].observed;
    }
}

static void on_end(struct rnl_stats_watch *watch,
                   const struct rnl_status_info *status, void *arg)
{
    struct seen *seen = arg;
    (void)watch;
    seen->ended = true;
    seen->code = status->code;
}

static struct rnl_stats_watch *watch(const char *stream, uint64_t after,
                                     struct seen *seen)
{
    struct rnl_stats_watch_options options = RNL_OPTIONS_INIT(options);
    struct rnl_stats_watch *made;
    *seen = (struct seen){0};
    options.interval_ms = 100;
    options.after_anomaly = after;
    options.on_update = on_update;
    options.on_end = on_end;
    options.arg = seen;
    assert_int_equal(rnl_stats_watch_start(client, stream, &options, &made),
                     RNL_OK);
    return made;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool has_count(const struct seen *seen, uint64_t wanted)
{
    return seen->snapshots > 0 && seen->count == wanted;
}

static bool has_anomalies(const struct seen *seen, uint64_t wanted)
{
    return seen->anomalies == wanted;
}

static bool has_ended(const struct seen *seen, uint64_t wanted)
{
    (void)wanted;
    return seen->ended;
}

static void await(const struct seen *seen,
                  bool (*done)(const struct seen *, uint64_t), uint64_t wanted)
{
    int64_t deadline = now_ms() + DAEMON_DEADLINE_MS;
    while (!done(seen, wanted)) {
        assert_true(now_ms() < deadline);
        assert_int_equal(rnl_client_poll(client, 1000), RNL_OK);
    }
}

static void a_watch_sees_what_comes_in(void **state)
{
    (void)state;
    struct rnl_ingest_counts counts;
    struct seen seen;
    send_events(client, "watched", 1000, &counts);
    struct rnl_stats_watch *made = watch("watched", 0, &seen);
    await(&seen, has_count, 1000);
    assert_int_equal(seen.snapshots, 1);
    send_events(client, "watched", 500, &counts);
    await(&seen, has_count, 1500);
    assert_false(seen.ended);
    rnl_stats_watch_destroy(made);
}

static void anomalies_are_seen_and_resumed(void **state)
{
    (void)state;
    struct rnl_stream_config config = RNL_OPTIONS_INIT(config);
    struct rnl_ingest_counts counts;
    struct seen seen;
    config.name = "odd";
    config.has_value_threshold = true;
    config.value_threshold = 989;
    assert_int_equal(rnl_stream_create(client, &config, NULL), RNL_OK);
    struct rnl_stats_watch *made = watch("odd", 0, &seen);
    send_events(client, "odd", 1000, &counts);
    await(&seen, has_anomalies, 10);
    assert_int_equal(seen.last_anomaly, 10);
    near(seen.observed, 999, 0);
    rnl_stats_watch_destroy(made);
    made = watch("odd", 7, &seen);
    await(&seen, has_anomalies, 3);
    await(&seen, has_count, 1000);
    assert_int_equal(seen.last_anomaly, 10);
    rnl_stats_watch_destroy(made);
}

static void deleting_a_stream_ends_its_watch(void **state)
{
    (void)state;
    struct rnl_ingest_counts counts;
    struct seen seen;
    send_events(client, "doomed", 10, &counts);
    struct rnl_stats_watch *made = watch("doomed", 0, &seen);
    await(&seen, has_count, 10);
    assert_int_equal(rnl_stream_delete(client, "doomed"), RNL_OK);
    await(&seen, has_ended, 0);
    assert_int_equal(seen.code, RNL_NOT_FOUND);
    rnl_stats_watch_destroy(made);
    made = watch("doomed", 0, &seen);
    await(&seen, has_ended, 0);
    assert_int_equal(seen.code, RNL_NOT_FOUND);
    rnl_stats_watch_destroy(made);
}

/* ---- jobs that feed and use it ---- */

static bool collect(const void *data, size_t len, void *arg)
{
    char *text = arg;
    size_t used = strlen(text);
    assert_true(used + len < OUTPUT_MAX);
    memcpy(text + used, data, len);
    text[used + len] = '\0';
    return true;
}

static char output[OUTPUT_MAX];

/* Runs a job with three options to its end; its output is in output. */
static enum rnl_job_state run_job(const char *kind, const char *input,
                                  const struct rnl_pair options[3])
{
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    struct rnl_job *job;
    enum rnl_job_state end;
    output[0] = '\0';
    spec.kind = kind;
    spec.input = input;
    spec.input_len = strlen(input);
    spec.input_is_text = true;
    spec.options = options;
    spec.option_count = 3;
    assert_int_equal(rnl_job_create(client, &spec, &job), RNL_OK);
    assert_int_equal(rnl_job_output(client, job->id, collect, output, &end),
                     RNL_OK);
    rnl_job_destroy(job);
    return end;
}

static void a_simulation_feeds_a_stream(void **state)
{
    (void)state;
    const struct rnl_pair options[] = {
        {"stream", "traffic"}, {"count", "20000"}, {"rate", "100000"}};
    assert_int_equal(run_job("simulate", "", options), RNL_JOB_SUCCEEDED);
    assert_non_null(strstr(output, "\"total\":20000}"));
    struct rnl_stats *stats;
    assert_int_equal(rnl_stats_get(client, "traffic", 60, 3, &stats), RNL_OK);
    assert_int_equal(stats->windows[0].count, 20000);
    assert_string_equal(stats->windows[0].top_keys[0].key, "user-1");
    rnl_stats_destroy(stats);
}

static void an_analysis_counts_its_rows(void **state)
{
    (void)state;
    const struct rnl_pair options[] = {
        {"format", "csv"}, {"key", "city"}, {"value", "price"}};
    assert_int_equal(
        run_job("analyze", "city,price\nBonn,4\nRome,5\nBonn,9\n", options),
        RNL_JOB_SUCCEEDED);
    assert_non_null(strstr(output, "{\"final\":true,\"rows\":\"3\""));
    assert_non_null(strstr(output, "{\"key\":\"Bonn\",\"count\":\"2\""));
    assert_non_null(strstr(output, "\"sum\":18"));
}

/* ---- limits ---- */

static void limits_are_settings(void **state)
{
    (void)state;
    struct daemon small;
    struct rnl_ingest_counts counts;
    struct rnl_stream_config config = RNL_OPTIONS_INIT(config);
    const char *const args[] = {"--listen", "127.0.0.1:0",
                                "--max-event-streams", "2", NULL};
    daemon_start(&small, "runneld", args);
    struct rnl_client *own = connect_to(&small);
    send_events(own, "one", 10, &counts);
    send_events(own, "two", 10, &counts);
    config.name = "three";
    assert_int_equal(rnl_stream_create(own, &config, NULL),
                     RNL_RESOURCE_EXHAUSTED);
    assert_non_null(
        strstr(rnl_client_status(own)->message, "--max-event-streams"));
    assert_int_equal(rnl_stream_delete(own, "one"), RNL_OK);
    assert_int_equal(rnl_stream_create(own, &config, NULL), RNL_OK);
    rnl_client_destroy(own);
    assert_int_equal(daemon_stop(&small), 0);
}

int main(void)
{
#define CASE(name) \
    cmocka_unit_test_setup_teardown(name, connect_client, drop_client)
    const struct CMUnitTest tests[] = {
        CASE(what_goes_in_comes_out),
        CASE(the_server_tells_what_it_holds),
        CASE(streams_are_made_listed_and_deleted),
        CASE(repeated_batches_count_once),
        CASE(late_events_are_told),
        CASE(a_watch_sees_what_comes_in),
        CASE(anomalies_are_seen_and_resumed),
        CASE(deleting_a_stream_ends_its_watch),
        CASE(a_simulation_feeds_a_stream),
        CASE(an_analysis_counts_its_rows),
        CASE(limits_are_settings),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
