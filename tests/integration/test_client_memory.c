/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every function of librunnel that blocks, with the k-th of its allocations
 * failing, and with all from the k-th on failing, for every k: it ends with a
 * clear error or does its work, and the client works again afterwards. The
 * core is a process of its own and has its memory.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <runnel/runnel.h>

#include "daemon.h"
#include "fault.h"

/* Far above what a scenario allocates: only a loop gets there. */
#define ALLOCATIONS_MAX 2000

#define INPUT "one two three four five six seven eight nine ten"

static struct daemon server;
/* With TLS and a token. */
static struct daemon tls_server;
static bool over_tls;
static char certificate[64];
/* All allocations fail now: what waits for memory would wait for ever. */
static bool memory_stays_out;
/* Ended, with the output INPUT. */
static char ended_id[64];
/* Runs on and on. */
static char running_id[64];

/* The address is the default options'; RNL_OK: it did all that it should. */
typedef enum rnl_code scenario_fn(struct rnl_client *client);

static enum rnl_code create_job(struct rnl_client *client)
{
    static const struct rnl_pair pairs[] = {{"chunk_bytes", "7"}};
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    struct rnl_job *job;
    spec.kind = "echo";
    spec.input = INPUT;
    spec.input_len = strlen(INPUT);
    spec.input_is_text = true;
    spec.options = pairs;
    spec.option_count = 1;
    spec.labels = (const struct rnl_pair[]){{"memory", "scarce"}};
    spec.label_count = 1;
    enum rnl_code code = rnl_job_create(client, &spec, &job);
    if (code == RNL_OK)
        rnl_job_destroy(job);
    return code;
}

static enum rnl_code refuse_job(struct rnl_client *client)
{
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    spec.kind = "No Such Kind";
    enum rnl_code code = rnl_job_create(client, &spec, NULL);
    return code == RNL_INVALID_ARGUMENT ? RNL_OK : code;
}

static enum rnl_code get_job(struct rnl_client *client)
{
    struct rnl_job *job;
    enum rnl_code code = rnl_job_get(client, ended_id, true, &job);
    if (code != RNL_OK)
        return code;
    assert_int_equal(job->input_len, strlen(INPUT));
    rnl_job_destroy(job);
    return RNL_OK;
}

static enum rnl_code list_jobs(struct rnl_client *client)
{
    struct rnl_job_filter filter = RNL_OPTIONS_INIT(filter);
    static const enum rnl_job_state states[] = {RNL_JOB_SUCCEEDED};
    struct rnl_job_page *page;
    filter.states = states;
    filter.state_count = 1;
    filter.page_size = 3;
    enum rnl_code code = rnl_job_list(client, &filter, &page);
    if (code == RNL_OK)
        rnl_job_page_destroy(page);
    return code;
}

static enum rnl_code cancel_job(struct rnl_client *client)
{
    struct rnl_job *job;
    enum rnl_code code = rnl_job_cancel(client, ended_id, "late", &job);
    if (code == RNL_OK)
        rnl_job_destroy(job);
    return code;
}

static enum rnl_code delete_running_job(struct rnl_client *client)
{
    enum rnl_code code = rnl_job_delete(client, running_id);
    return code == RNL_FAILED_PRECONDITION ? RNL_OK : code;
}

static bool compare(const void *data, size_t len, void *arg)
{
    const char **at = arg;
    assert_true(len <= strlen(*at));
    assert_memory_equal(*at, data, len);
    *at += len;
    return true;
}

static enum rnl_code fetch_output(struct rnl_client *client)
{
    const char *at = INPUT;
    enum rnl_job_state end;
    enum rnl_code code =
        rnl_job_output(client, ended_id, compare, (void *)&at, &end);
    if (code == RNL_OK) {
        assert_int_equal(*at, '\0');
        assert_int_equal(end, RNL_JOB_SUCCEEDED);
    }
    return code;
}

/* Watches that had no memory for an event, and went on with it. */
static unsigned kept_events;

/* An event for which there was no memory is there when asked for again. */
static enum rnl_code watch_job(struct rnl_client *client)
{
    struct rnl_watch *watch;
    const struct rnl_job_event *event = NULL;
    uint64_t last = 0;
    unsigned retries = 0;
    enum rnl_code code = rnl_watch_start(client, ended_id, NULL, &watch);
    if (code != RNL_OK)
        return code;
    for (;;) {
        code = rnl_watch_next(watch, DAEMON_DEADLINE_MS, &event);
        if (code == RNL_RESOURCE_EXHAUSTED && retries++ < 2)
            continue;
        if (code != RNL_OK || event == NULL)
            break;
        kept_events += retries > 0;
        assert_int_equal(event->first_sequence, last + 1);
        last = event->sequence;
        assert_int_equal(rnl_watch_sequence(watch), last);
    }
    rnl_watch_destroy(watch);
    return code;
}

static void note_event(struct rnl_watch *watch,
                       const struct rnl_job_event *event, void *arg)
{
    uint64_t *last = arg;
    (void)watch;
    assert_int_equal(event->first_sequence, *last + 1);
    *last = event->sequence;
}

struct call_back {
    uint64_t last;
    bool ended;
    enum rnl_code code;
};

static void note_end(struct rnl_watch *watch,
                     const struct rnl_status_info *status, void *arg)
{
    struct call_back *seen = arg;
    (void)watch;
    assert_false(seen->ended);
    seen->ended = true;
    seen->code = status->code;
    assert_true(status->code == RNL_OK || status->message[0] != '\0');
}

static enum rnl_code watch_with_callbacks(struct rnl_client *client)
{
    struct rnl_watch_options options = RNL_OPTIONS_INIT(options);
    struct rnl_watch *watch = NULL;
    struct call_back seen = {0};
    options.on_event = note_event;
    options.on_end = note_end;
    options.arg = &seen;
    enum rnl_code code = rnl_watch_start(client, ended_id, &options, &watch);
    while (code == RNL_OK && !seen.ended)
        code = rnl_client_poll(client, DAEMON_DEADLINE_MS);
    if (code == RNL_OK)
        code = seen.code;
    rnl_watch_destroy(watch);
    return code;
}

static enum rnl_code get_info(struct rnl_client *client)
{
    struct rnl_server_info *info;
    enum rnl_code code = rnl_server_info_get(client, &info);
    if (code == RNL_OK)
        rnl_server_info_destroy(info);
    return code;
}

/* --- statistics --- */

#define EVENTS 20

/* An event that was not taken for want of memory is given again. */
static enum rnl_code give(struct rnl_ingest *ingest, unsigned i)
{
    char key[16];
    snprintf(key, sizeof(key), "key-%u", i % 3);
    struct rnl_event event = {
        .key = key,
        .key_len = strlen(key),
        .has_value = i % 2 == 0,
        .value = i,
    };
    enum rnl_code code = rnl_ingest_event(ingest, &event);
    for (int tries = 0; code == RNL_RESOURCE_EXHAUSTED && tries < 2; tries++)
        code = rnl_ingest_event(ingest, &event);
    return code;
}

/* Each into a stream of its own, so that all that was taken can be counted. */
static enum rnl_code ingest_events(struct rnl_client *client)
{
    static unsigned runs;
    char stream[32];
    struct rnl_ingest_options options = RNL_OPTIONS_INIT(options);
    struct rnl_ingest *ingest;
    struct rnl_ingest_counts counts;
    snprintf(stream, sizeof(stream), "run-%u", runs++ % 500);
    options.batch_events = 4;
    options.block_ms = -1;
    enum rnl_code code = rnl_ingest_open(client, stream, &options, &ingest);
    if (code != RNL_OK)
        return code;
    for (unsigned i = 0; code == RNL_OK && i < EVENTS; i++)
        code = give(ingest, i);
    if (code == RNL_OK)
        code =
            rnl_ingest_drain(ingest, memory_stays_out ? 0 : DAEMON_DEADLINE_MS);
    rnl_ingest_counts(ingest, &counts);
    if (code == RNL_OK)
        assert_int_equal(counts.accepted_events + counts.duplicate_events,
                         EVENTS);
    rnl_ingest_destroy(ingest);
    return code;
}

static enum rnl_code get_stats(struct rnl_client *client)
{
    struct rnl_stats *stats;
    enum rnl_code code = rnl_stats_get(client, "filled", 0, 3, &stats);
    if (code != RNL_OK)
        return code;
    assert_int_equal(stats->windows[0].count, EVENTS);
    assert_int_equal(stats->windows[0].top_key_count, 3);
    rnl_stats_destroy(stats);
    return RNL_OK;
}

static enum rnl_code ask_statistics(struct rnl_client *client)
{
    static const char *const keys[] = {"key-0", "none"};
    static const double numbers[] = {0.25, 0.5};
    struct rnl_frequency_query which = RNL_OPTIONS_INIT(which);
    struct rnl_quantile_query where = RNL_OPTIONS_INIT(where);
    struct rnl_rank_query rank = RNL_OPTIONS_INIT(rank);
    struct rnl_frequencies *frequencies;
    struct rnl_quantiles *quantiles;
    struct rnl_ranks *ranks;
    which.stream = where.stream = rank.stream = "filled";
    which.keys = keys;
    which.key_count = where.q_count = rank.value_count = 2;
    where.metric = rank.metric = RNL_METRIC_VALUE;
    where.q = rank.values = numbers;
    enum rnl_code code = rnl_stats_frequency(client, &which, &frequencies);
    if (code != RNL_OK)
        return code;
    rnl_frequencies_destroy(frequencies);
    code = rnl_stats_quantiles(client, &where, &quantiles);
    if (code != RNL_OK)
        return code;
    rnl_quantiles_destroy(quantiles);
    code = rnl_stats_rank(client, &rank, &ranks);
    if (code != RNL_OK)
        return code;
    rnl_ranks_destroy(ranks);
    struct rnl_export_query sketch = RNL_OPTIONS_INIT(sketch);
    struct rnl_exported *exported;
    sketch.stream = "filled";
    sketch.kind = RNL_EXPORT_UNIQUE;
    sketch.format = RNL_EXPORT_RUNNEL;
    code = rnl_stats_export(client, &sketch, &exported);
    if (code != RNL_OK)
        return code;
    static uint64_t merges;
    struct rnl_merge_request merge = RNL_OPTIONS_INIT(merge);
    struct rnl_merged merged;
    merge.stream = "filled";
    merge.kind = RNL_EXPORT_UNIQUE;
    merge.format = RNL_EXPORT_RUNNEL;
    merge.sketch = exported->sketch;
    merge.sketch_len = exported->sketch_len;
    merge.producer_id = "memory";
    /* It goes back to where it is from: a number for each, since the next may
     * differ; and unique keys, which do not add up. */
    merge.producer_sequence = ++merges;
    code = rnl_stats_merge(client, &merge, &merged);
    rnl_exported_destroy(exported);
    return code;
}

static enum rnl_code handle_streams(struct rnl_client *client)
{
    struct rnl_stream_config config = RNL_OPTIONS_INIT(config);
    struct rnl_stream_list *list;
    config.name = "made";
    enum rnl_code code = rnl_stream_create(client, &config, NULL);
    if (code != RNL_OK)
        return code;
    code = rnl_stream_get(client, "filled", &list);
    if (code != RNL_OK)
        return code;
    rnl_stream_list_destroy(list);
    code = rnl_stream_list(client, &list);
    if (code != RNL_OK)
        return code;
    rnl_stream_list_destroy(list);
    return rnl_stream_delete(client, "made");
}

struct stats_seen {
    bool over;
    enum rnl_code code;
};

static void note_update(struct rnl_stats_watch *watch,
                        const struct rnl_stats_update *update, void *arg)
{
    struct stats_seen *seen = arg;
    (void)watch;
    assert_true(update->stats.window_count > 0);
    seen->over = true;
}

static void note_stats_end(struct rnl_stats_watch *watch,
                           const struct rnl_status_info *status, void *arg)
{
    struct stats_seen *seen = arg;
    (void)watch;
    seen->over = true;
    seen->code = status->code;
}

static enum rnl_code watch_stats(struct rnl_client *client)
{
    struct rnl_stats_watch_options options = RNL_OPTIONS_INIT(options);
    struct rnl_stats_watch *watch = NULL;
    struct stats_seen seen = {false, RNL_OK};
    options.on_update = note_update;
    options.on_end = note_stats_end;
    options.arg = &seen;
    enum rnl_code code =
        rnl_stats_watch_start(client, "filled", &options, &watch);
    while (code == RNL_OK && !seen.over)
        code = rnl_client_poll(client, DAEMON_DEADLINE_MS);
    rnl_stats_watch_destroy(watch);
    return code == RNL_OK ? seen.code : code;
}

static enum rnl_code list_tokens(struct rnl_client *client)
{
    struct rnl_token_list *list;
    enum rnl_code code = rnl_token_list_get(client, &list);
    if (code != RNL_OK)
        return code;
    assert_int_equal(list->token_count, 1);
    assert_string_equal(list->tokens[0].scopes[0], "admin");
    rnl_token_list_destroy(list);
    code = rnl_token_own(client, &list);
    if (code == RNL_OK)
        rnl_token_list_destroy(list);
    return code;
}

static bool is_clear(enum rnl_code code)
{
    return code == RNL_OK || code == RNL_RESOURCE_EXHAUSTED ||
           code == RNL_UNAVAILABLE ||
           (memory_stays_out && code == RNL_DEADLINE_EXCEEDED);
}

static struct rnl_client *make_client(void)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_client *client = NULL;
    options.address = over_tls ? tls_server.address : server.address;
    if (over_tls) {
        options.tls = true;
        options.tls_ca_file = certificate;
        options.token = "t";
    }
    options.reconnect_min_ms = 1;
    options.reconnect_max_ms = 2;
    enum rnl_code code = rnl_client_create(&options, &client);
    assert_true(code == RNL_OK || code == RNL_RESOURCE_EXHAUSTED);
    return client;
}

/* On a new client, or on a warm one. Returns the allocations that it took. */
static size_t run_one(scenario_fn *scenario, bool warm, size_t k, bool repeat)
{
    struct rnl_client *client = NULL;
    if (warm) {
        client = make_client();
        assert_int_equal(get_info(client), RNL_OK);
    }
    memory_stays_out = repeat;
    fault_at(k, repeat);
    if (!warm)
        client = make_client();
    enum rnl_code code =
        client == NULL ? RNL_RESOURCE_EXHAUSTED : scenario(client);
    size_t count = fault_stop();
    if (!is_clear(code))
        fail_msg("allocation %zu: %s", k, rnl_code_name((int)code));
    memory_stays_out = false;
    if (k > count && code != RNL_DEADLINE_EXCEEDED)
        assert_int_equal(code, RNL_OK);
    if (client != NULL) {
        const struct rnl_status_info *status = rnl_client_status(client);
        assert_true(status->code == RNL_OK || status->message[0] != '\0');
        assert_int_equal(rnl_client_await_connected(client, DAEMON_DEADLINE_MS),
                         RNL_OK);
        assert_int_equal(scenario(client), RNL_OK);
    }
    rnl_client_destroy(client);
    return count;
}

static void run_all(scenario_fn *scenario)
{
    for (int mode = 0; mode < 4; mode++) {
        bool warm = (mode & 1) != 0;
        bool repeat = (mode & 2) != 0;
        size_t k = 1;
        while (run_one(scenario, warm, k, repeat) >= k) {
            k++;
            assert_true(k < ALLOCATIONS_MAX);
        }
        /* It did allocate: the test has tested something. */
        assert_true(k > 2);
    }
}

#define SCENARIO(name)                              \
    static void name##_without_memory(void **state) \
    {                                               \
        (void)state;                                \
        run_all(name);                              \
    }

SCENARIO(get_info)
SCENARIO(create_job)
SCENARIO(refuse_job)
SCENARIO(get_job)
SCENARIO(list_jobs)
SCENARIO(cancel_job)
SCENARIO(delete_running_job)
SCENARIO(fetch_output)

static void watch_job_without_memory(void **state)
{
    (void)state;
    run_all(watch_job);
    assert_true(kept_events > 0);
}

SCENARIO(watch_with_callbacks)
SCENARIO(ingest_events)
SCENARIO(get_stats)
SCENARIO(ask_statistics)
SCENARIO(handle_streams)
SCENARIO(watch_stats)

static void tokens_over_tls_without_memory(void **state)
{
    (void)state;
    over_tls = true;
    run_all(list_tokens);
    over_tls = false;
}

static void keep_id(struct rnl_client *client, const char *pace_ms, char *id)
{
    const struct rnl_pair pairs[] = {{"chunk_bytes", "7"},
                                     {"pace_ms", pace_ms}};
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    struct rnl_job *job = NULL;
    spec.kind = "echo";
    spec.input = INPUT;
    spec.input_len = strlen(INPUT);
    spec.options = pairs;
    spec.option_count = 2;
    assert_int_equal(rnl_job_create(client, &spec, &job), RNL_OK);
    snprintf(id, sizeof(ended_id), "%s", job->id);
    rnl_job_destroy(job);
}

static void fill_stream(struct rnl_client *client)
{
    struct rnl_ingest *ingest;
    assert_int_equal(rnl_ingest_open(client, "filled", NULL, &ingest), RNL_OK);
    for (unsigned i = 0; i < EVENTS; i++)
        assert_int_equal(give(ingest, i), RNL_OK);
    assert_int_equal(rnl_ingest_drain(ingest, DAEMON_DEADLINE_MS), RNL_OK);
    rnl_ingest_destroy(ingest);
}

static bool ignore(const void *data, size_t len, void *arg)
{
    (void)data;
    (void)len;
    (void)arg;
    return true;
}

/* With the openssl tool, as an operator would. */
static void start_tls_server(void)
{
    char folder[] = "/tmp/runnel-memory-XXXXXX", command[512], key[64];
    assert_non_null(mkdtemp(folder));
    snprintf(certificate, sizeof(certificate), "%s/cert", folder);
    snprintf(key, sizeof(key), "%s/key", folder);
    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256"
             " -nodes -days 1 -subj /CN=test -addext"
             " subjectAltName=IP:127.0.0.1 -keyout %s -out %s 2>/dev/null",
             key, certificate);
    assert_int_equal(system(command), 0);
    daemon_start(&tls_server, "runneld",
                 (const char *[]){"--tls-cert", certificate, "--tls-key", key,
                                  "--token", "t", NULL});
    unlink(key);
}

static int start(void **state)
{
    (void)state;
    daemon_start(&server, "runneld", NULL);
    start_tls_server();
    struct rnl_client *client = make_client();
    fill_stream(client);
    keep_id(client, "0", ended_id);
    keep_id(client, "60000", running_id);
    assert_int_equal(rnl_job_output(client, ended_id, ignore, NULL, NULL),
                     RNL_OK);
    rnl_client_destroy(client);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    unlink(certificate);
    *strrchr(certificate, '/') = '\0';
    rmdir(certificate);
    return daemon_stop(&server) == 0 && daemon_stop(&tls_server) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_info_without_memory),
        cmocka_unit_test(tokens_over_tls_without_memory),
        cmocka_unit_test(create_job_without_memory),
        cmocka_unit_test(refuse_job_without_memory),
        cmocka_unit_test(get_job_without_memory),
        cmocka_unit_test(list_jobs_without_memory),
        cmocka_unit_test(cancel_job_without_memory),
        cmocka_unit_test(delete_running_job_without_memory),
        cmocka_unit_test(fetch_output_without_memory),
        cmocka_unit_test(watch_job_without_memory),
        cmocka_unit_test(watch_with_callbacks_without_memory),
        cmocka_unit_test(ingest_events_without_memory),
        cmocka_unit_test(get_stats_without_memory),
        cmocka_unit_test(ask_statistics_without_memory),
        cmocka_unit_test(handle_streams_without_memory),
        cmocka_unit_test(watch_stats_without_memory),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
