/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "fault.h"
#include "job_fixture.h"

#define LINES_MAX 128
#define TEXT_MAX  (512 * 1024)

static char text[TEXT_MAX];

/* ---- helpers ---- */

/* Runs an analysis of text; options come in pairs, NULL ends them. */
static void run(struct rnl_core *core, struct rnl_stream *stream,
                const char *const *options)
{
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    job_request_init(&request, "analyze", text);
    for (; options[0] != NULL; options += 2)
        job_request_option(&request, options[0], options[1]);
    job_create(core, &request, id);
    fake_core_advance(core, 60 * SECOND);
    job_watch(stream, core, id, 0);
    assert_true(stream->finished);
}

/* The lines of the output; free them with drop. */
struct lines {
    json_t *at[LINES_MAX];
    size_t count;
};

static void read_lines(const struct rnl_stream *stream, struct lines *lines)
{
    size_t len;
    char *output = watched_output(stream, 0, &len);
    lines->count = 0;
    for (char *line = output; *line != '\0'; line = strchr(line, '\n') + 1) {
        json_error_t error;
        json_t *object = json_loads(line, JSON_DISABLE_EOF_CHECK, &error);
        if (object == NULL)
            fail_msg("%s: %.200s", error.text, line);
        assert_true(lines->count < LINES_MAX);
        lines->at[lines->count++] = object;
    }
    free(output);
}

static void drop(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        json_decref(lines->at[i]);
}

/* A number, whether it is one or a string of one. */
static double number(const json_t *object, const char *path)
{
    char part[32];
    while (strchr(path, '.') != NULL) {
        size_t len = strcspn(path, ".");
        snprintf(part, sizeof(part), "%.*s", (int)len, path);
        object = json_object_get(object, part);
        assert_non_null(object);
        path += len + 1;
    }
    const json_t *value = json_object_get(object, path);
    assert_non_null(value);
    return json_is_string(value) ? strtod(json_string_value(value), NULL)
                                 : json_number_value(value);
}

static void check(const json_t *object, const char *path, double expected)
{
    double value = number(object, path);
    if (!(fabs(value - expected) <= fabs(expected) * 1e-12))
        fail_msg("%s: %.17g, expected %.17g", path, value, expected);
}

/* Log lines that a watcher got; *ret_last is the last of them. */
static size_t count_log(const struct rnl_stream *stream, char ret_last[200],
                        const char *must_have)
{
    size_t count = 0;
    for (size_t i = 0; i < stream->sent_count; i++) {
        Runnel__V1__WatchJobResponse *response = watched(stream, i);
        if (response->event->payload_case ==
            RUNNEL__V1__JOB_EVENT__PAYLOAD_LOG) {
            snprintf(ret_last, 200, "%s", response->event->log->message);
            if (must_have != NULL && count == 0)
                assert_string_equal(ret_last, must_have);
            count++;
        }
        rnl_request_free(response);
    }
    return count;
}

/* 6,000 rows of three columns; row i has key "k<i % 7>". */
static void write_csv(void)
{
    size_t len = (size_t)snprintf(text, sizeof(text), "city,price,ms\n");
    for (int i = 0; i < 6000; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "k%d,%d,%.1f\n",
                                i % 7, i, i / 10.0);
}

static const char *const csv_options[] = {
    "format", "csv", "key", "city", "value", "price", "latency", "ms", NULL};

static void check_final(const json_t *final)
{
    assert_true(json_is_true(json_object_get(final, "final")));
    check(final, "rows", 6000);
    check(final, "badRows", 0);
    check(final, "stats.count", 6000);
    check(final, "stats.uniqueKeys.value", 7);
    check(final, "stats.value.count", 6000);
    check(final, "stats.value.sum", 6000.0 * 5999 / 2);
    check(final, "stats.value.mean", 5999.0 / 2);
    check(final, "stats.value.min", 0);
    check(final, "stats.value.max", 5999);
    check(final, "stats.value.variance", (6000.0 * 6000 - 1) / 12);
    check(final, "stats.latencyMs.count", 6000);
    const json_t *top =
        json_object_get(json_object_get(final, "stats"), "topKeys");
    assert_int_equal(json_array_size(top), 7);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(top, 0), "key")),
        "k0");
    check(json_array_get(top, 0), "count", 858);
    check(json_array_get(top, 6), "count", 857);
    const json_t *quantiles = json_object_get(
        json_object_get(json_object_get(final, "stats"), "value"), "quantiles");
    assert_int_equal(json_array_size(quantiles), 10);
    double median = number(json_array_get(quantiles, 4), "value");
    assert_true(fabs(median - 3000) < 3000 * 0.006);
}

/* ---- cases ---- */

static void the_last_snapshot_is_of_all_rows(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream stream;
    struct lines lines;
    jobs_setup(&core);
    write_csv();
    run(&core, &stream, csv_options);
    assert_int_equal(stream.code, RNL_OK);
    read_lines(&stream, &lines);
    assert_int_equal(lines.count, 10);
    double before = 0;
    for (size_t i = 0; i < lines.count; i++) {
        double rows = number(lines.at[i], "rows");
        assert_true(rows > before);
        check(lines.at[i], "stats.count", rows);
        assert_int_equal(json_is_true(json_object_get(lines.at[i], "final")),
                         i == lines.count - 1);
        before = rows;
    }
    check_final(lines.at[lines.count - 1]);
    drop(&lines);
    fake_close(&stream);
    jobs_teardown(&core);
}

static void all_formats_say_the_same(void **state)
{
    (void)state;
    static const char *const formats[] = {"tsv", "ndjson"};
    for (size_t f = 0; f < 2; f++) {
        const char *const options[] = {
            "format",  formats[f], "key",       "city", "value", "price",
            "latency", "ms",       "snapshots", "1",    NULL};
        struct rnl_core core;
        struct rnl_stream stream;
        struct lines lines;
        size_t len =
            f == 0 ? (size_t)snprintf(text, sizeof(text), "ms\tcity\tprice\n")
                   : 0;
        for (int i = 0; i < 6000; i++)
            len += (size_t)snprintf(
                text + len, sizeof(text) - len,
                f == 0 ? "%.1f\tk%d\t%d\n"
                       : "{\"ms\":%.1f,\"city\":\"k%d\",\"price\":%d}\n",
                i / 10.0, i % 7, i);
        jobs_setup(&core);
        run(&core, &stream, options);
        read_lines(&stream, &lines);
        assert_int_equal(lines.count, 1);
        check_final(lines.at[0]);
        drop(&lines);
        fake_close(&stream);
        jobs_teardown(&core);
    }
}

static void bad_rows_are_told_by_line_and_skipped(void **state)
{
    (void)state;
    static const char *const options[] = {"format", "csv", "key", "k",
                                          "value",  "v",   NULL};
    struct rnl_core core;
    struct rnl_stream stream;
    struct lines lines;
    char last[200];
    jobs_setup(&core);
    snprintf(text, sizeof(text), "k,v\na,1\nb,many\nc,3\n,4\n");
    run(&core, &stream, options);
    assert_int_equal(
        count_log(&stream, last, "line 3: v is not a number; row skipped"), 2);
    assert_string_equal(last, "line 5: k is empty; row skipped");
    read_lines(&stream, &lines);
    check(lines.at[lines.count - 1], "rows", 2);
    check(lines.at[lines.count - 1], "badRows", 2);
    drop(&lines);
    fake_close(&stream);
    jobs_teardown(&core);
}

static void many_bad_rows_do_not_flood_the_log(void **state)
{
    (void)state;
    static const char *const options[] = {"format", "csv", "key", "k",
                                          "value",  "v",   NULL};
    struct rnl_core core;
    struct rnl_stream stream;
    char last[200];
    jobs_setup(&core);
    size_t len = (size_t)snprintf(text, sizeof(text), "k,v\n");
    for (int i = 0; i < 1000; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "a,x\n");
    run(&core, &stream, options);
    assert_int_equal(stream.code, RNL_OK);
    assert_int_equal(count_log(&stream, last, NULL), 21);
    assert_string_equal(last,
                        "1000 rows were skipped; the first 20 are shown above");
    fake_close(&stream);
    jobs_teardown(&core);
}

/* Rows may lack a value each for themselves. */
static void rows_with_and_without_a_value_mix(void **state)
{
    (void)state;
    static const char *const options[] = {"format", "csv", "key", "k",
                                          "value",  "v",   NULL};
    struct rnl_core core;
    struct rnl_stream stream;
    struct lines lines;
    jobs_setup(&core);
    snprintf(text, sizeof(text), "k,v\na,1\nb,\na,3\na,NA\nb,5\n");
    run(&core, &stream, options);
    read_lines(&stream, &lines);
    const json_t *final = lines.at[lines.count - 1];
    check(final, "rows", 5);
    check(final, "stats.count", 5);
    check(final, "stats.value.count", 3);
    check(final, "stats.value.sum", 9);
    assert_null(json_object_get(json_object_get(final, "stats"), "latencyMs"));
    drop(&lines);
    fake_close(&stream);
    jobs_teardown(&core);
}

static void the_span_of_times_is_told(void **state)
{
    (void)state;
    static const char *const options[] = {"format", "csv", "key", "k",
                                          "time",   "t",   NULL};
    struct rnl_core core;
    struct rnl_stream stream;
    struct lines lines;
    jobs_setup(&core);
    snprintf(text, sizeof(text),
             "k,t\na,2001-01-20T00:00:00Z\nb,1999-12-31T23:59:59.5Z\n"
             "c,2090-01-01T00:00:00Z\n");
    run(&core, &stream, options);
    read_lines(&stream, &lines);
    const json_t *final = lines.at[lines.count - 1];
    check(final, "rows", 3);
    check(final, "firstTimeMs", 946684799500);
    check(final, "lastTimeMs", 3786912000000);
    drop(&lines);
    fake_close(&stream);
    jobs_teardown(&core);
}

static void any_key_is_json_in_the_output(void **state)
{
    (void)state;
    static const char *const options[] = {"format", "ndjson", "key", "k", NULL};
    struct rnl_core core;
    struct rnl_stream stream;
    struct lines lines;
    jobs_setup(&core);
    snprintf(text, sizeof(text),
             "{\"k\":\"q\\\"b\\\\n\\n\\u0001\xc3\xa9\xf0\x9f\x98\x80\"}\n");
    run(&core, &stream, options);
    read_lines(&stream, &lines);
    const json_t *top = json_object_get(
        json_object_get(lines.at[lines.count - 1], "stats"), "topKeys");
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(top, 0), "key")),
        "q\"b\\n\n\x01\xc3\xa9\xf0\x9f\x98\x80");
    drop(&lines);
    fake_close(&stream);
    jobs_teardown(&core);
}

/* ---- what can go wrong ---- */

static void a_missing_column_fails_the_job(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_stream stream;
    jobs_setup(&core);
    snprintf(text, sizeof(text), "city,cost\na,1\n");
    run(&core, &stream, csv_options);
    Runnel__V1__WatchJobResponse *end = watched(&stream, stream.sent_count - 1);
    assert_int_equal(end->event->state->state,
                     RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED);
    assert_int_equal(end->event->state->error->code, RNL_INVALID_ARGUMENT);
    assert_string_equal(end->event->state->error->message,
                        "line 1: the header has no column \"price\"");
    rnl_request_free(end);
    fake_close(&stream);
    jobs_teardown(&core);
}

static void a_bad_request_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *content_type;
        const char *key;
        const char *value;
        const char *field;
    } cases[] = {
        {"k\na\n", "text/csv", "top", "0", "options.top"},
        {"k\na\n", "text/csv", "snapshots", "101", "options.snapshots"},
        {"k\na\n", "text/csv", "format", "xml", "options.format"},
        {"k\na\n", "text/plain", "top", "5", "options.format"},
        {"", "text/csv", "top", "5", "input"},
        {"k\na\n", "text/csv", "column", "k", "options.column"},
    };
    struct rnl_core core;
    jobs_setup(&core);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct job_request request;
        char field[128];
        job_request_init(&request, "analyze", cases[i].text);
        request.input.content_type = (char *)cases[i].content_type;
        job_request_option(&request, "key", "k");
        job_request_option(&request, cases[i].key, cases[i].value);
        assert_int_equal(job_refused(&core, &request, field, sizeof(field)),
                         RNL_INVALID_ARGUMENT);
        assert_string_equal(field, cases[i].field);
    }
    struct job_request request;
    char field[128];
    job_request_init(&request, "analyze", "k\na\n");
    job_request_option(&request, "format", "csv");
    assert_int_equal(job_refused(&core, &request, field, sizeof(field)),
                     RNL_INVALID_ARGUMENT);
    assert_string_equal(field, "options.key");
    jobs_teardown(&core);
}

static void the_content_type_tells_the_format(void **state)
{
    (void)state;
    static const struct {
        const char *content_type;
        const char *text;
    } cases[] = {
        {"text/csv; charset=utf-8", "k,x\na,b\n"},
        {"text/tab-separated-values", "k\tx\na\tb\n"},
        {"application/x-ndjson", "{\"k\":\"a\"}\n"},
    };
    for (size_t i = 0; i < 3; i++) {
        struct rnl_core core;
        struct job_request request;
        struct rnl_stream stream;
        struct lines lines = {.count = 0};
        char id[RNL_JOB_ID_LEN + 1];
        jobs_setup(&core);
        job_request_init(&request, "analyze", cases[i].text);
        request.input.content_type = (char *)cases[i].content_type;
        job_request_option(&request, "key", "k");
        job_create(&core, &request, id);
        fake_core_advance(&core, SECOND);
        job_watch(&stream, &core, id, 0);
        read_lines(&stream, &lines);
        check(lines.at[lines.count - 1], "rows", 1);
        drop(&lines);
        fake_close(&stream);
        jobs_teardown(&core);
    }
}

/* jansson and the CSV reader have memory of their own; what this kind asks for
 * itself is failed one by one. */
static void want_of_memory_fails_the_job_at_most(void **state)
{
    (void)state;
    size_t ends[2] = {0};
    snprintf(text, sizeof(text), "city,price,ms\na,1,2\nb,3,4\n");
    for (size_t k = 1; k < 400; k++) {
        struct rnl_core core;
        struct job_request request;
        char id[RNL_JOB_ID_LEN + 1];
        jobs_setup(&core);
        job_request_init(&request, "analyze", text);
        for (const char *const *at = csv_options; *at != NULL; at += 2)
            job_request_option(&request, at[0], at[1]);
        Google__Protobuf__Timestamp later = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
        later.seconds = 1700000001;
        request.request.not_before = &later;
        job_create(&core, &request, id);
        fault_at(k, false);
        fake_core_advance(&core, 2 * SECOND);
        size_t seen = fault_stop();
        Runnel__V1__JobState end = job_state(&core, id);
        assert_true(end == RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED ||
                    end == RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED);
        ends[end == RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED]++;
        jobs_teardown(&core);
        if (seen < k)
            break;
    }
    assert_true(ends[0] > 0 && ends[1] > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_snapshot_is_of_all_rows),
        cmocka_unit_test(all_formats_say_the_same),
        cmocka_unit_test(bad_rows_are_told_by_line_and_skipped),
        cmocka_unit_test(many_bad_rows_do_not_flood_the_log),
        cmocka_unit_test(rows_with_and_without_a_value_mix),
        cmocka_unit_test(the_span_of_times_is_told),
        cmocka_unit_test(any_key_is_json_in_the_output),
        cmocka_unit_test(a_missing_column_fails_the_job),
        cmocka_unit_test(a_bad_request_is_refused),
        cmocka_unit_test(the_content_type_tells_the_format),
        cmocka_unit_test(want_of_memory_fails_the_job_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
