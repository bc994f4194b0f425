/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "reader.h"

/* What an input gives, as text: "key v=1 l=2 t=3;" and "!line error;". */
static void note(struct cli_buf *out, const struct cli_reader *reader,
                 enum cli_read result, const struct cli_record *record)
{
    if (result != CLI_READ_RECORD) {
        cli_buf_printf(out, "%s%d %s;", result == CLI_READ_BAD ? "!" : "FATAL ",
                       (int)cli_reader_line(reader), cli_reader_error(reader));
        return;
    }
    cli_buf_add(out, record->key, record->key_len);
    if (record->has_value)
        cli_buf_printf(out, " v=%g", record->value);
    if (record->has_latency)
        cli_buf_printf(out, " l=%g", record->latency_ms);
    if (record->has_time)
        cli_buf_printf(out, " t=%lld", (long long)record->time_ms);
    cli_buf_text(out, ";");
}

static bool feed(struct cli_buf *out, struct cli_reader *reader,
                 const char *data, size_t len)
{
    for (size_t used = 0; len > 0; data += used, len -= used) {
        struct cli_record record;
        enum cli_read result =
            cli_reader_feed(reader, data, len, &used, &record);
        assert_true(used <= len && used > 0);
        if (result != CLI_READ_MORE)
            note(out, reader, result, &record);
        if (result == CLI_READ_FATAL)
            return false;
    }
    return true;
}

/* Reads an input in pieces of `piece` bytes, the first of `first`. */
static void read_cut(const struct cli_reader_options *options,
                     struct cli_buf *out, const char *input, size_t len,
                     size_t first, size_t piece)
{
    char error[200];
    struct cli_reader *reader =
        cli_reader_create(options, error, sizeof(error));
    struct cli_record record;
    bool ok = true;
    assert_non_null(reader);
    cli_buf_reset(out);
    for (size_t at = 0, next = first; ok && at < len;
         at += next, next = piece) {
        next = next < len - at ? next : len - at;
        ok = feed(out, reader, input + at, next);
    }
    enum cli_read result = CLI_READ_MORE;
    while (ok && (result = cli_reader_finish(reader, &record)) != CLI_READ_MORE)
        note(out, reader, result, &record);
    cli_reader_destroy(reader);
}

/* Whole, byte by byte, and cut in two at every place. */
static void expect(const struct cli_reader_options *options, const char *input,
                   const char *want)
{
    struct cli_buf got = {0};
    size_t len = strlen(input);
    read_cut(options, &got, input, len, 1, 1);
    assert_string_equal(cli_buf_str(&got), want);
    for (size_t cut = 0; cut <= len; cut++) {
        read_cut(options, &got, input, len, cut, len);
        assert_string_equal(cli_buf_str(&got), want);
    }
    cli_buf_fini(&got);
}

static void csv_columns_are_found_by_name(void **state)
{
    (void)state;
    struct cli_reader_options options = {
        .format = CLI_FORMAT_CSV, .fields = {"origin", "delay", NULL, "date"}};
    expect(&options,
           "date,delay,origin\n"
           "2001/01/10 18:20,25,HOU\r\n"
           "2001/01/10 18:20,-3,\"A, B\"\n",
           "HOU v=25 t=979150800000;A, B v=-3 t=979150800000;");
}

static void csv_rows_that_are_bad_name_line_and_field(void **state)
{
    (void)state;
    struct cli_reader_options options = {.format = CLI_FORMAT_CSV,
                                         .fields = {"k", "v", NULL, NULL}};
    expect(&options,
           "k,v\na,1\nb,x\nc\n\"\",4\n\"d\"e,5\nf,\ng,null\nh,nan\ni,2",
           "a v=1;!3 v: \"x\" is not a number;"
           "!4 v: the row has only 1 fields;"
           "!5 k: the key is empty;"
           "!6 text after a closing quote;f;g;"
           "!9 v: \"nan\" is not a number;i v=2;");
}

static void a_column_that_is_not_there_ends_it_with_the_ones_that_are(
    void **state)
{
    (void)state;
    struct cli_reader_options options = {
        .format = CLI_FORMAT_CSV, .fields = {"origin", "dealy", NULL, NULL}};
    expect(&options, "origin,delay\nA,1\n",
           "FATAL 1 --value dealy: no such column; "
           "the header has: origin, delay;");
    options.fields[CLI_COLUMN_KEY] = NULL;
    expect(&options, "origin,delay\nA,1\n",
           "FATAL 1 which column is the key? Say --key COLUMN, one of: "
           "origin, delay;");
}

static void without_a_header_columns_are_numbers(void **state)
{
    (void)state;
    struct cli_reader_options options = {.format = CLI_FORMAT_TSV,
                                         .fields = {"2", "1", NULL, NULL},
                                         .no_header = true};
    expect(&options, "1\ta\n2\tb,c\n", "a v=1;b,c v=2;");
    options.fields[CLI_COLUMN_KEY] = "name";
    expect(&options, "1\ta\n",
           "FATAL 1 --key name: with --no-header give a column's number, "
           "from 1;");
}

static void ndjson_fields_may_be_nested(void **state)
{
    (void)state;
    struct cli_reader_options options = {
        .format = CLI_FORMAT_NDJSON,
        .fields = {"user.id", "amount", "took", "at"}};
    expect(&options,
           "{\"user\":{\"id\":\"u1\"},\"amount\":5,\"took\":1.5}\n"
           "\n"
           "{\"user\":{\"id\":7},\"amount\":\"2.5\",\"at\":1709210096}\r\n"
           "{\"user.id\":\"flat\",\"amount\":null}",
           "u1 v=5 l=1.5;7 v=2.5 t=1709210096000;flat;");
}

static void ndjson_lines_that_are_bad_cost_themselves_only(void **state)
{
    (void)state;
    struct cli_reader_options options = {.format = CLI_FORMAT_NDJSON,
                                         .fields = {NULL, "v", "l", NULL}};
    expect(&options,
           "[1]\n{\"v\":1}\n{\"key\":{}}\n{\"key\":\"\"}\n"
           "{\"key\":\"a\",\"v\":\"x\"}\n{\"key\":\"a\",\"v\":[]}\n"
           "{\"key\":\"a\",\"l\":-1}\n{\"key\":true}\n",
           "!1 not a JSON object;!2 key: no such field;"
           "!3 key: must be a string or a number, not an object;"
           "!4 key: the key is empty;"
           "!5 v: \"x\" is not a number;"
           "!6 v: must be a string or a number, not an array;"
           "!7 l: a latency cannot be negative;true;");
}

static void broken_json_is_an_error_of_its_line(void **state)
{
    (void)state;
    struct cli_reader_options options = {.format = CLI_FORMAT_NDJSON};
    struct cli_buf got = {0};
    const char *input = "{\"key\":\"a\"\n{\"key\":\"\xff\"}\n{\"key\":\"b\"}\n";
    read_cut(&options, &got, input, strlen(input), 5, 1);
    assert_non_null(strstr(cli_buf_str(&got), "!1 not JSON: "));
    assert_non_null(strstr(cli_buf_str(&got), "!2 not JSON: "));
    assert_non_null(strstr(cli_buf_str(&got), ";b;"));
    cli_buf_fini(&got);
}

/* Most objects are read by a scanner that knows the plain cases; a path into an
 * object turns it off. Both must say the same of anything. */
static void scanned_json_says_what_parsed_json_says(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"k\":\"a\",\"v\":1.5e2,\"x\":[1,{\"k\":2},[]],\"y\":{}}",
        "{ \"v\" : -0.25 , \"k\" : \"\xC3\xA4\" }\t",
        "{\"k\":12,\"v\":null}",
        "{\"k\":-0}",
        "{\"k\":1.50}",
        "{\"k\":1e2,\"v\":\"7\"}",
        "{\"k\":true,\"v\":false}",
        "{\"k\":\"a\",\"k\":\"b\",\"v\":3,\"v\":4}",
        "{\"k\":\"a\\\"b\\u0041\",\"z\":\"\\n\\/\"}",
        "{\"\\u006b\":\"escaped name\"}",
        "{\"k\":\"a\",\"z\":\"\\ud800\"}",
        "{\"k\":\"a\",\"z\":\"\xff\"}",
        "{\"k\":\"a\",\"z\":\"\x01\"}",
        "{\"k\":\"a\",\"v\":01}",
        "{\"k\":\"a\",\"v\":1.}",
        "{\"k\":\"a\",\"v\":.5}",
        "{\"k\":\"a\",\"v\":1e}",
        "{\"k\":\"a\",\"v\":1e999}",
        "{\"k\":\"a\",\"v\":123456789012345678901234567890}",
        "{\"k\":\"a\",\"v\":NaN}",
        "{\"k\":\"a\",}",
        "{\"k\":\"a\"} x",
        "{\"k\":\"a\"",
        "{\"k\" \"a\"}",
        "{\"k\":[1,]}",
        "{\"k\":{\"a\":1}}",
        "{\"v\":1}",
        "{}",
        "{\"k\":\"\"}",
        "[1]",
        "\"k\"",
        "nul",
        "{\"\":1,\"k\":\"a\",\"v\":\"x\"}",
        ("{\"k\":\"a\",\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]"
         "]"
         "]]]]]"
         "]]]]]]]]]]]]]]]]]]]]]]]]}"),
    };
    struct cli_reader_options scanned = {.format = CLI_FORMAT_NDJSON,
                                         .fields = {"k", "v", NULL, NULL}};
    /* Absent in all lines. */
    struct cli_reader_options parsed = scanned;
    parsed.fields[CLI_COLUMN_TIME] = "no.such";
    struct cli_buf one = {0};
    struct cli_buf other = {0};
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char line[256];
        size_t len = strlen(lines[i]);
        memcpy(line, lines[i], len);
        /* As it is, and with one byte changed after the other. */
        for (int round = 0; round < 300; round++) {
            static const char bytes[] = "{}[]:,\"\\ 01-.eu\t\x80ktfn";
            read_cut(&scanned, &one, line, len, len, len);
            read_cut(&parsed, &other, line, len, len, len);
            assert_string_equal(cli_buf_str(&one), cli_buf_str(&other));
            seed = seed * 1664525 + 1013904223;
            if (round % 4 == 0)
                memcpy(line, lines[i], len);
            line[(seed >> 8) % len] = bytes[(seed >> 20) % (sizeof(bytes) - 1)];
        }
    }
    cli_buf_fini(&one);
    cli_buf_fini(&other);
}

static void a_json_array_may_be_written_over_many_lines(void **state)
{
    (void)state;
    struct cli_reader_options options = {.format = CLI_FORMAT_JSON,
                                         .fields = {"k", "v", NULL, NULL}};
    expect(&options,
           "[\n {\"k\":\"a}\\\"\",\n  \"v\":1, \"x\":{\"y\":[{}]}},\n"
           "{\"k\":\"b\",\"v\":2}\n]\n",
           "a}\" v=1;b v=2;");
    expect(&options, "[{\"k\":\"a\"}, 5]",
           "a;FATAL 1 not an array of JSON objects;");
}

static void logfmt_takes_quotes_and_the_last_of_a_name(void **state)
{
    (void)state;
    struct cli_reader_options options = {.format = CLI_FORMAT_LOGFMT,
                                         .fields = {"user", "n", "ms", NULL}};
    expect(&options,
           "level=info user=\"a \\\"b\\\"\" n=1 n=2 ms=3.5 bare\n"
           "n=4\nuser=x n=\nuser=\"open n=5\n",
           "a \"b\" v=2 l=3.5;!2 user: no such field;x;open n=5;");
}

static const char combined_line[] =
    "203.0.113.9 - frank [10/Oct/2000:13:55:36 -0700] "
    "\"GET /a/b?x=1 HTTP/1.0\" 200 2326 \"http://e.x/\" \"Mo \\\"z\\\"\"";

static void combined_log_gives_address_bytes_and_time(void **state)
{
    (void)state;
    struct cli_reader_options options = {.format = CLI_FORMAT_COMBINED};
    char input[400];
    snprintf(input, sizeof(input), "%s\n%s 0.250\n%s \"-\" 1500\nnonsense\n",
             combined_line, combined_line, combined_line);
    expect(&options, input,
           "203.0.113.9 v=2326 t=971211336000;"
           "203.0.113.9 v=2326 l=250 t=971211336000;"
           "203.0.113.9 v=2326 l=1.5 t=971211336000;"
           "!4 not a line of the combined log format: ident is missing;");
}

static void access_log_fields_can_be_chosen(void **state)
{
    (void)state;
    struct cli_reader_options options = {
        .format = CLI_FORMAT_COMMON, .fields = {"path", "status", NULL, NULL}};
    expect(&options,
           "::1 - - [10/Oct/2000:13:55:36 +0000] \"GET /x?q HTTP/1.1\" 404 -\n"
           "::1 - - [10/Oct/2000:13:55:36 +0000] \"\\x16\\x03\" 400 0\n",
           "/x v=404 t=971186136000;!2 path: the key is empty;");
    char error[200];
    options.fields[CLI_COLUMN_KEY] = "address";
    assert_null(cli_reader_create(&options, error, sizeof(error)));
    assert_non_null(strstr(error, "--key address"));
}

/* What the log says of its request time is a guess, which a unit overrules. */
static void the_unit_of_a_latency_can_be_said(void **state)
{
    (void)state;
    struct cli_reader_options options = {.format = CLI_FORMAT_CSV,
                                         .fields = {"k", NULL, "took", NULL},
                                         .latency_unit_ms = 1000};
    expect(&options, "k,took\na,1.5\nb,-\nc,-1\n",
           "a l=1500;b;!4 took: a latency cannot be negative;");
    struct cli_reader_options access = {.format = CLI_FORMAT_COMMON,
                                        .arrival_time = true};
    static const char line[] = "::1 - - [10/Oct/2000:13:55:36 +0000] "
                               "\"GET / HTTP/1.1\" 200 7 250\n";
    expect(&access, line, "::1 v=7 l=0.25;");
    access.latency_unit_ms = 1;
    expect(&access, line, "::1 v=7 l=250;");
}

static void lines_are_keys_by_themselves(void **state)
{
    (void)state;
    struct cli_reader_options options = {.format = CLI_FORMAT_LINES};
    expect(&options, "a\n\nb c\r\nlast", "a;b c;last;");
    char error[200];
    options.fields[CLI_COLUMN_VALUE] = "x";
    assert_null(cli_reader_create(&options, error, sizeof(error)));
}

static void keys_above_the_limit_and_not_utf_8_are_refused(void **state)
{
    (void)state;
    struct cli_reader_options options = {.format = CLI_FORMAT_LINES};
    char input[CLI_KEY_LEN_MAX + 3];
    memset(input, 'k', sizeof(input));
    memcpy(input + CLI_KEY_LEN_MAX + 1, "\n", 2);
    expect(&options, input,
           "!1 line: the key has 257 bytes; the limit is 256;");
    expect(&options, "\xc3\x28\n", "!1 line: the key is not valid UTF-8;");
}

static void a_line_above_the_limit_is_dropped(void **state)
{
    (void)state;
    struct cli_reader_options options = {.format = CLI_FORMAT_NDJSON};
    size_t len = (1 << 20) + 1;
    char *input = malloc(len + 20);
    struct cli_buf got = {0};
    assert_non_null(input);
    memset(input, 'x', len);
    snprintf(input + len, 20, "\n{\"key\":\"a\"}\n");
    read_cut(&options, &got, input, strlen(input), 1000, 4096);
    assert_string_equal(cli_buf_str(&got), "!1 longer than 1048576 bytes;a;");
    free(input);
    cli_buf_fini(&got);
}

/* No crash, no endless loop, whatever comes: asan watches. */
static void any_bytes_are_survived_by_every_format(void **state)
{
    (void)state;
    static const char alphabet[] = "{}[]\",:\\ \n\r\t=-.09azZ\x80\xff\xc3";
    unsigned seed = 12345;
    char input[512];
    struct cli_buf got = {0};
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof(input); i++) {
            seed = seed * 1103515245u + 12345u;
            input[i] = alphabet[(seed >> 16) % sizeof(alphabet)];
        }
        struct cli_reader_options options = {
            .format = (enum cli_format)(round % CLI_FORMAT_COUNT),
            .no_header = true};
        if (options.format == CLI_FORMAT_CSV ||
            options.format == CLI_FORMAT_TSV)
            options.fields[CLI_COLUMN_KEY] = "1";
        read_cut(&options, &got, input, sizeof(input), 7, 64);
    }
    cli_buf_fini(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_columns_are_found_by_name),
        cmocka_unit_test(csv_rows_that_are_bad_name_line_and_field),
        cmocka_unit_test(
            a_column_that_is_not_there_ends_it_with_the_ones_that_are),
        cmocka_unit_test(without_a_header_columns_are_numbers),
        cmocka_unit_test(ndjson_fields_may_be_nested),
        cmocka_unit_test(ndjson_lines_that_are_bad_cost_themselves_only),
        cmocka_unit_test(broken_json_is_an_error_of_its_line),
        cmocka_unit_test(scanned_json_says_what_parsed_json_says),
        cmocka_unit_test(a_json_array_may_be_written_over_many_lines),
        cmocka_unit_test(logfmt_takes_quotes_and_the_last_of_a_name),
        cmocka_unit_test(combined_log_gives_address_bytes_and_time),
        cmocka_unit_test(access_log_fields_can_be_chosen),
        cmocka_unit_test(the_unit_of_a_latency_can_be_said),
        cmocka_unit_test(lines_are_keys_by_themselves),
        cmocka_unit_test(keys_above_the_limit_and_not_utf_8_are_refused),
        cmocka_unit_test(a_line_above_the_limit_is_dropped),
        cmocka_unit_test(any_bytes_are_survived_by_every_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
