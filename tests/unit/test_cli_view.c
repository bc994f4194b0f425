/* SPDX-License-Identifier: Apache-2.0 */
/* The views, as golden text: what a pipe gets, and what a live view holds. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "view_answers.h"
#include "view_ingest.h"
#include "view_job.h"
#include "view_live.h"
#include "view_parts.h"
#include "view_stats.h"

static const struct cli_term piped = {
    .columns = 80, .rows = 24, .unicode = true};

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, 0, &error);
    if (!value)
        fail_msg("%s", error.text);
    return value;
}

static void expect(struct cli_buf *buf, const char *want)
{
    assert_string_equal(cli_buf_str(buf), want);
    cli_buf_reset(buf);
}

static const char job_text[] =
    "{\"id\":\"01JDF8Q6Z5N3M4K2P1R7S8T9V0\",\"kind\":\"echo\","
    "\"state\":\"JOB_STATE_FAILED\",\"attempt\":2,"
    "\"error\":{\"code\":\"CODE_INTERNAL\",\"message\":\"no \\u001b[2Jluck\"},"
    "\"progress\":{\"done\":120,\"total\":200,\"unit\":\"rows\"},"
    "\"createTime\":\"2026-11-24T11:12:01Z\","
    "\"startTime\":\"2026-11-24T11:12:01.500Z\","
    "\"endTime\":\"2026-11-24T11:12:04Z\","
    "\"outputBytes\":\"1536\",\"outputContentType\":\"text/plain\","
    "\"lastSequence\":\"17\",\"labels\":{\"team\":\"ads\"}}";

static void a_job_is_a_property_a_line(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    json_t *job = parse(job_text);
    cli_view_job(&buf, &piped, job);
    expect(&buf, "id          01JDF8Q6Z5N3M4K2P1R7S8T9V0\n"
                 "kind        echo\n"
                 "state       failed, attempt 2\n"
                 "error       no \xEF\xBF\xBD[2Jluck\n"
                 "progress    120 of 200 rows\n"
                 "created     2026-11-24 11:12:01\n"
                 "started     2026-11-24 11:12:01  after 500 ms\n"
                 "ended       2026-11-24 11:12:04  after 2.50 s\n"
                 "output      1.50 KiB, text/plain, 17 events\n"
                 "labels      team=ads\n");
    json_decref(job);
    cli_buf_fini(&buf);
}

static void jobs_are_a_table(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    json_t *jobs = json_array();
    json_array_append_new(jobs, parse(job_text));
    cli_view_jobs(&buf, &piped, jobs, 1795518731000);
    expect(&buf,
           "ID                          KIND  STATE    AGE    TOOK    OUTPUT  "
           "PROGRESS\n"
           "01JDF8Q6Z5N3M4K2P1R7S8T9V0  echo  failed  10 s  2.50 s  1.50 KiB  "
           "no \xEF\xBF\xBD[2Jluck\n");
    json_decref(jobs);
    cli_buf_fini(&buf);
}

static void progress_is_one_line(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    json_t *job = parse("{\"state\":\"JOB_STATE_RUNNING\",\"progress\":"
                        "{\"done\":6,\"total\":8,\"unit\":\"rows\"}}");
    cli_view_progress(&buf, &piped, job, 12345);
    expect(&buf, "running  ━━━━━━━━━━━━━━━━━━╌╌╌╌╌╌  75%  6 of 8 rows  12.3 s");
    json_decref(job);
    cli_buf_fini(&buf);
}

static const char stats_text[] =
    "{\"stream\":\"web\",\"windowSeconds\":60,\"count\":\"12345\","
    "\"rate\":205.75,"
    "\"uniqueKeys\":{\"value\":1234,\"lower\":1210,\"upper\":1260,"
    "\"confidence\":0.95},"
    "\"topKeys\":[{\"key\":\"a\\u001b[31m\",\"count\":\"6000\"},"
    "{\"key\":\"b\",\"count\":\"3000\"}],"
    "\"lateEvents\":\"3\","
    "\"latencyMs\":{\"count\":\"12345\",\"min\":1,\"max\":900,\"mean\":12.345,"
    "\"stddev\":23.4,\"quantiles\":[{\"q\":0.5,\"value\":10},"
    "{\"q\":0.9,\"value\":80},{\"q\":0.95,\"value\":150},"
    "{\"q\":0.99,\"value\":500}],"
    "\"histogram\":[{\"lower\":1,\"upper\":10,\"count\":\"1\"},"
    "{\"lower\":10,\"upper\":100,\"count\":\"4\"},"
    "{\"lower\":100,\"upper\":1000,\"count\":\"2\"}]}}";

static void statistics_are_blocks_without_escapes(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    struct cli_term term = piped;
    json_t *stats = parse(stats_text);
    term.columns = 60;
    cli_view_stats(&buf, &term, stats);
    assert_null(strchr(cli_buf_str(&buf), '\x1b'));
    expect(&buf,
           "web  last 1m\n"
           "events 12,345   rate 206/s   unique keys 1,234 ±2.1%   late 3\n"
           "\n"
           "TOP KEYS\n"
           "a\xEF\xBF\xBD[31m             6,000   48.6%  "
           "██████████████████████████\n"
           "b                  3,000   24.3%  █████████████\n"
           "\n"
           "LATENCY\n"
           "mean 12.3 ms   sd 23.4 ms   min 1.00 ms   max 900 ms\n"
           "p50 10.0 ms   p90 80.0 ms   p95 150 ms   p99 500 ms\n"
           " █ \n"
           " █ \n"
           " ██\n"
           "███\n"
           "1.00 ms 1.00 s\n");
    json_decref(stats);
    cli_buf_fini(&buf);
}

/* How far off an estimated count may be stands beside it; exact ones have
 * nothing there. */
static void top_keys_tell_their_bounds(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    json_t *stats = parse("{\"count\":\"1000\",\"topKeys\":["
                          "{\"key\":\"a\",\"count\":\"500\",\"lower\":\"475\","
                          "\"upper\":\"500\"},"
                          "{\"key\":\"b\",\"count\":\"250\",\"lower\":\"250\","
                          "\"upper\":\"250\"}]}");
    cli_view_top(&buf, &piped, stats, 60, 10);
    expect(&buf,
           "\nTOP KEYS\n"
           "a                    500   ±5.0%   50.0%  ██████████████████\n"
           "b                    250           25.0%  █████████\n");
    json_decref(stats);
    cli_buf_fini(&buf);
}

/* The middle of the axis is named where there is room: buckets grow with the
 * values. */
static void a_histogram_has_an_axis(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    struct cli_buf text = {0};
    struct cli_block block = {.columns = 40, .histogram_rows = 1};
    cli_buf_text(&text, "{\"count\":\"24\",\"histogram\":[");
    for (int i = 0; i < 24; i++)
        cli_buf_printf(&text, "%s{\"lower\":%d,\"upper\":%d,\"count\":\"1\"}",
                       i > 0 ? "," : "", i * 10, i * 10 + 10);
    cli_buf_text(&text, "]}");
    json_t *d = parse(cli_buf_str(&text));
    cli_view_distribution(&buf, &piped, d, &block);
    const char *axis = strstr(cli_buf_str(&buf), "\n0 ");
    assert_non_null(axis);
    assert_string_equal(axis, "\n0          120       240\n");
    assert_int_equal(cli_view_distribution_lines(d, &block), 6);
    json_decref(d);
    cli_buf_fini(&text);
    cli_buf_fini(&buf);
}

/* What came as the buckets of another program has errors, and they are shown;
 * what is exact has none. */
static void errors_of_merged_values_are_shown(void **state)
{
    (void)state;
    struct cli_block block = {.columns = 80, .is_ms = true};
    for (int rough = 0; rough < 2; rough++) {
        struct cli_buf buf = {0};
        json_t *d = parse(rough ? "{\"count\":\"9\",\"mean\":4.5,"
                                  "\"stddev\":2,\"roughCount\":\"9\","
                                  "\"meanError\":0.5,\"stddevError\":0.25}"
                                : "{\"count\":\"9\",\"mean\":4.5,"
                                  "\"stddev\":2,\"meanError\":0}");
        cli_view_distribution(&buf, &piped, d, &block);
        const char *text = cli_buf_str(&buf);
        const char *mean = strstr(text, "mean 4.50 ms ±");
        const char *sd = strstr(text, "sd 2.00 ms ±");
        if ((mean != NULL) != rough || (sd != NULL) != rough)
            fail_msg("%s", text);
        json_decref(d);
        cli_buf_fini(&buf);
    }
}

/* A table of windows gives up quantiles before it is cut off. */
static void a_table_of_windows_fits_its_width(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    struct cli_term term = piped;
    json_t *windows = json_array();
    json_array_append_new(windows, parse(stats_text));
    term.columns = 66;
    cli_view_windows(&buf, &term, windows, NULL);
    expect(
        &buf,
        "WINDOW  EVENTS   RATE  UNIQUE KEYS  LATENCY p50      p90     p99\n"
        "  1m    12,345  206/s  1,234 ±2.1%      10.0 ms  80.0 ms  500 ms\n");
    term.columns = 60;
    cli_view_windows(&buf, &term, windows, json_array_get(windows, 0));
    expect(&buf, "WINDOW  EVENTS   RATE  UNIQUE KEYS  LATENCY p50     p99\n"
                 "▸ 1m    12,345  206/s  1,234 ±2.1%      10.0 ms  500 ms\n");
    term.columns = 10;
    cli_view_windows(&buf, &term, windows, NULL);
    expect(&buf, "WINDOW  EVENTS   RATE  UNIQUE KEYS\n"
                 "  1m    12,345  206/s  1,234 ±2.1%\n");
    json_decref(windows);
    cli_buf_fini(&buf);
}

static void piped_updates_are_lines_of_names_and_values(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    json_t *snapshot = json_object();
    json_object_set_new(snapshot, "time", json_string("T"));
    json_object_set_new(snapshot, "windows", json_array());
    json_array_append_new(json_object_get(snapshot, "windows"),
                          parse(stats_text));
    cli_view_snapshot_lines(&buf, snapshot);
    expect(&buf, "time=T stream=web window=1m events=12345 rate=205.75 "
                 "unique=1234 latency_mean=12.345 latency_p50=10 "
                 "latency_p99=500 latency_max=900\n");
    json_t *anomaly = parse(
        "{\"time\":\"T\",\"metric\":\"ANOMALY_METRIC_RATE\",\"observed\":9,"
        "\"baseline\":3,\"score\":7.25,\"method\":\"ANOMALY_METHOD_EWMA\"}");
    cli_view_anomaly_line(&buf, "web", anomaly);
    expect(&buf, "time=T stream=web anomaly=RATE observed=9 baseline=3 "
                 "score=7.25\n");
    json_decref(anomaly);
    json_decref(snapshot);
    cli_buf_fini(&buf);
}

/* A snapshot of "seconds:count ..." taken at that time. */
static json_t *snapshot_of(const char *seconds_and_counts, int64_t time_ms)
{
    char text[256];
    struct cli_buf all = {0};
    unsigned seconds;
    unsigned count;
    int used;
    cli_buf_text(&all, "{\"windows\":[");
    const char *at = seconds_and_counts;
    for (int i = 0; sscanf(at, "%u:%u%n", &seconds, &count, &used) == 2; i++) {
        snprintf(text, sizeof(text),
                 "%s{\"stream\":\"web\",\"windowSeconds\":%u,\"count\":"
                 "\"%u\"}",
                 i > 0 ? "," : "", seconds, count);
        cli_buf_text(&all, text);
        at += used;
    }
    cli_buf_text(&all, "]}");
    json_t *snapshot = parse(cli_buf_str(&all));
    cli_json_set_time(snapshot, "time", time_ms);
    cli_buf_fini(&all);
    return snapshot;
}

/* The core's clock is far from ours, which both only measure spans with. */
static void take(struct cli_live *live, const char *seconds_and_counts,
                 int64_t now_ms)
{
    json_t *snapshot = snapshot_of(seconds_and_counts, 1000000 + now_ms);
    cli_live_snapshot(live, snapshot, now_ms);
    json_decref(snapshot);
}

/* A snapshot carries only what changed; the view keeps the rest, the windows
 * rising and all time last. */
static void a_live_view_keeps_windows_that_did_not_change(void **state)
{
    (void)state;
    struct cli_live live = {.stream = "web"};
    take(&live, "0:10 300:8 60:5", 1000);
    take(&live, "60:6", 2000);
    assert_int_equal(json_array_size(live.windows), 3);
    static const struct {
        uint64_t seconds, count;
    } want[] = {{60, 6}, {300, 8}, {0, 10}};
    for (size_t i = 0; i < 3; i++) {
        const json_t *stats = json_array_get(live.windows, i);
        assert_int_equal(cli_json_u64(stats, "windowSeconds"), want[i].seconds);
        assert_int_equal(cli_json_u64(stats, "count"), want[i].count);
    }
    assert_true(cli_live_has_window(&live, 0));
    assert_false(cli_live_has_window(&live, 7));
    cli_live_fini(&live);
}

static void the_sparkline_shows_events_between_snapshots(void **state)
{
    (void)state;
    struct cli_live live = {.stream = "web", .interval_ms = 500};
    cli_live_tick(&live, 500);
    assert_int_equal(live.rate_count, 0);
    take(&live, "0:100", 1000);
    assert_int_equal(live.rate_count, 0);
    take(&live, "0:600", 1500);
    assert_int_equal(live.rate_count, 1);
    assert_true(live.rates[0] == 1000);
    /* A snapshot of other windows: no event since. */
    take(&live, "60:1", 2000);
    assert_true(live.rates[1] == 0);
    /* A deleted and new stream counts from 0: no negative rate. */
    take(&live, "0:100", 2500);
    assert_true(live.rates[2] == 0);
    take(&live, "0:200", 3000);
    assert_true(live.rates[3] == 200);
    cli_live_fini(&live);
}

/* No snapshot comes while nothing changes. The events of the one that ends
 * the silence belong to its last interval, not to all of it. */
static void silence_is_a_rate_of_zero(void **state)
{
    (void)state;
    struct cli_live live = {.stream = "web", .interval_ms = 1000};
    take(&live, "0:100", 1000);
    cli_live_tick(&live, 2400);
    assert_int_equal(live.rate_count, 0);
    cli_live_tick(&live, 4600);
    assert_int_equal(live.rate_count, 3);
    take(&live, "0:600", 5000);
    assert_int_equal(live.rate_count, 4);
    assert_true(live.rates[2] == 0);
    assert_true(live.rates[3] == 500);
    cli_live_fini(&live);
}

/* The name of the window that the view marks. */
static const char *marked_window(const struct cli_live *live)
{
    struct cli_buf buf = {0};
    static char name[8];
    cli_live_draw(live, &piped, &buf, "11:12:03");
    const char *mark = strstr(cli_buf_str(&buf), "▸ ");
    const char *text = mark ? mark + strlen("▸ ") : "";
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, " "), text);
    cli_buf_fini(&buf);
    return name;
}

/* Old events are in no window but all time: that one is worth a look then. */
static void the_window_in_detail_is_the_shortest_with_events(void **state)
{
    (void)state;
    struct cli_live live = {.stream = "web", .interval_ms = 1000};
    take(&live, "60:0 300:0 0:10", 1000);
    assert_string_equal(marked_window(&live), "all");
    take(&live, "300:4 0:14", 2000);
    assert_string_equal(marked_window(&live), "5m");
    cli_live_next_window(&live);
    assert_string_equal(marked_window(&live), "all");
    cli_live_next_window(&live);
    assert_string_equal(marked_window(&live), "1m");
    take(&live, "300:5 0:15", 3000);
    assert_string_equal(marked_window(&live), "1m");
    cli_live_reset(&live);
    cli_live_next_window(&live);
    assert_string_equal(marked_window(&live), "");
    cli_live_fini(&live);
}

static size_t count_lines(const char *text)
{
    size_t lines = 0;
    while ((text = strchr(text, '\n')) != NULL) {
        lines++;
        text++;
    }
    return lines;
}

/* One column or two, histograms or none; the title is never lost, and from 14
 * rows on nothing is cut off. */
static void a_live_view_fits_any_terminal(void **state)
{
    (void)state;
    static const size_t widths[] = {1, 10, 40, 79, 96, 100, 200};
    struct cli_live live = {.stream = "web", .status = "live"};
    json_t *snapshot = json_object();
    json_object_set_new(snapshot, "windows", json_array());
    json_array_append_new(json_object_get(snapshot, "windows"),
                          parse(stats_text));
    cli_live_snapshot(&live, snapshot, 1000);
    for (size_t i = 0; i < 600; i++)
        live.rates[live.rate_count++ % CLI_RATE_COUNT_MAX] = (double)i;
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        for (size_t rows = 1; rows < 50; rows++) {
            struct cli_term term = piped;
            struct cli_buf buf = {0};
            term.columns = widths[i];
            term.rows = rows;
            cli_live_draw(&live, &term, &buf, "11:12:03");
            assert_non_null(strstr(cli_buf_str(&buf), "web  ● live"));
            if (rows >= 14)
                assert_true(count_lines(cli_buf_str(&buf)) <= rows);
            cli_buf_fini(&buf);
        }
    }
    json_decref(snapshot);
    cli_live_fini(&live);
}

static void answers_are_tables(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    json_t *frequencies =
        parse("{\"count\":\"400\",\"frequencies\":[{\"key\":\"ORD\","
              "\"count\":\"300\",\"lower\":\"290\",\"upper\":\"300\"},"
              "{\"key\":\"\\u001b[2J\",\"count\":\"0\"}]}");
    cli_view_frequencies(&buf, &piped, frequencies);
    expect(&buf, "KEY   COUNT   SHARE  AT LEAST  AT MOST\n"
                 "ORD     300  75.00%       290      300\n"
                 "\xEF\xBF\xBD[2J      0   0.00%         0        0\n");
    json_t *quantiles = parse("{\"count\":\"400\",\"relativeError\":0.0055,"
                              "\"quantiles\":[{\"q\":0.5,\"value\":12.5},"
                              "{\"q\":0.999,\"value\":1500}]}");
    cli_view_quantiles(&buf, &piped, quantiles, true);
    expect(&buf, "p50    12.5 ms\n"
                 "p99.9   1.50 s\n"
                 "of 400 events, each within 0.55%\n");
    json_t *ranks = parse("{\"count\":\"400\",\"ranks\":[0.25,1]}");
    cli_view_ranks(&buf, &piped, ranks, (const double[]){-15, 1000}, false);
    expect(&buf, "VALUE  AT OR BELOW\n"
                 "  -15       25.00%\n"
                 " 1000      100.00%\n"
                 "of 400 events\n");
    json_decref(ranks);
    json_decref(quantiles);
    json_decref(frequencies);
    cli_buf_fini(&buf);
}

static void an_ingest_tells_what_became_of_every_line(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    struct cli_ingest_view view = {.events = 2000,
                                   .skipped = 2,
                                   .without_value = 3,
                                   .wants_value = true,
                                   .bytes = 25,
                                   .bytes_total = 100,
                                   .elapsed_ms = 500,
                                   .rate = 5000};
    struct cli_ingest_totals totals = {.accepted_events = 2000,
                                       .late_events = 5};
    cli_view_ingest_summary(&buf, &piped, "flights", &view, &totals);
    expect(&buf, "flights  2,000 events accepted in 500 ms, 4.00 k/s, 5 late, "
                 "2 lines skipped, 3 without a value\n");
    cli_view_ingest_progress(&buf, &piped, &view);
    expect(&buf, "━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  25%  2,000 events  5.00 k/s  "
                 "2 skipped  1.50 s left");
    view.bytes_total = 0;
    view.reconnecting = true;
    cli_view_ingest_progress(&buf, &piped, &view);
    expect(&buf, "reconnecting…  2,000 events  5.00 k/s  2 skipped");
    cli_buf_fini(&buf);
}

static void the_core_is_told_with_its_limits(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    json_t *info = parse(
        "{\"version\":\"0.1.0\",\"epoch\":\"e1\",\"store\":\"memory\","
        "\"startTime\":\"2026-11-24T11:12:01Z\","
        "\"storeInfo\":{\"state\":\"STORE_STATE_WRITABLE\",\"bytes\":\"0\","
        "\"maxBytes\":\"1073741824\",\"diskBytes\":\"0\"},"
        "\"limits\":{\"maxFrameBytes\":1048576,\"maxStreams\":1024,"
        "\"maxConnections\":4096,\"maxJobOutputBytes\":\"67108864\","
        "\"maxJobs\":\"1000000\",\"maxEventStreams\":1000}}");
    int64_t now_ms = cli_json_time_ms(info, "startTime") + 2500;
    const char *limits = "limits      1.00 MiB a frame, 1,024 open calls a "
                         "connection, 4,096 connections\n"
                         "            1,000,000 jobs, 64.0 MiB of output "
                         "each, 1,000 streams\n";
    cli_view_info(&buf, &piped, info, "127.0.0.1:7400", now_ms);
    assert_non_null(strstr(cli_buf_str(&buf), limits));
    cli_buf_reset(&buf);
    json_object_del(info, "limits");
    cli_view_info(&buf, &piped, info, "127.0.0.1:7400", now_ms);
    assert_null(strstr(cli_buf_str(&buf), "limits"));
    cli_buf_fini(&buf);
    json_decref(info);
}

static void json_keeps_large_numbers_and_hostile_text(void **state)
{
    (void)state;
    json_t *object = cli_json_object();
    cli_json_set_u64(object, "big", UINT64_MAX);
    cli_json_set_text(object, "bad", "a\xff");
    cli_json_set_number(object, "whole", 5);
    cli_json_set_number(object, "nan", (double)NAN);
    cli_json_set_time(object, "none", 0);
    cli_json_set_time(object, "time", 1709210096789);
    cli_json_set_number(object, "real", 0.95);
    cli_json_set_number(object, "third", 1.0 / 3);
    struct cli_buf text = {0};
    cli_json_add(&text, object);
    assert_string_equal(cli_buf_str(&text),
                        "{\"big\":\"18446744073709551615\","
                        "\"bad\":\"a\xEF\xBF\xBD\",\"whole\":5,"
                        "\"nan\":\"NaN\","
                        "\"time\":\"2024-02-29T12:34:56.789Z\","
                        "\"real\":0.95,\"third\":0.3333333333333333}");
    assert_true(cli_json_u64(object, "big") == UINT64_MAX);
    assert_true(cli_json_time_ms(object, "time") == 1709210096789);
    assert_int_equal(cli_json_u64(object, "absent.path"), 0);
    cli_buf_fini(&text);
    json_decref(object);
}

int main(void)
{
    /* Local times in the golden text are those of UTC. */
    setenv("TZ", "UTC", 1);
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_of_merged_values_are_shown),
        cmocka_unit_test(a_job_is_a_property_a_line),
        cmocka_unit_test(jobs_are_a_table),
        cmocka_unit_test(progress_is_one_line),
        cmocka_unit_test(statistics_are_blocks_without_escapes),
        cmocka_unit_test(top_keys_tell_their_bounds),
        cmocka_unit_test(a_histogram_has_an_axis),
        cmocka_unit_test(a_table_of_windows_fits_its_width),
        cmocka_unit_test(piped_updates_are_lines_of_names_and_values),
        cmocka_unit_test(a_live_view_keeps_windows_that_did_not_change),
        cmocka_unit_test(the_sparkline_shows_events_between_snapshots),
        cmocka_unit_test(silence_is_a_rate_of_zero),
        cmocka_unit_test(the_window_in_detail_is_the_shortest_with_events),
        cmocka_unit_test(a_live_view_fits_any_terminal),
        cmocka_unit_test(answers_are_tables),
        cmocka_unit_test(an_ingest_tells_what_became_of_every_line),
        cmocka_unit_test(the_core_is_told_with_its_limits),
        cmocka_unit_test(json_keeps_large_numbers_and_hostile_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
