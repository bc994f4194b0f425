/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "rows.h"

static void begin(struct rnl_rows *rows, enum rnl_rows_format format,
                  const char *text)
{
    *rows = (struct rnl_rows){
        .fields = {"key", "value", "latency_ms", "time"},
        .required = {true},
    };
    rnl_rows_init(rows, format, text, strlen(text));
}

/* The next result that says something. */
static enum rnl_rows_result next(struct rnl_rows *rows, struct rnl_row *row)
{
    enum rnl_rows_result result;
    do
        result = rnl_rows_next(rows, row);
    while (result == RNL_ROWS_NONE);
    return result;
}

static void expect_key(const struct rnl_row *row, const char *key)
{
    assert_int_equal(row->key_len, strlen(key));
    assert_memory_equal(row->key, key, row->key_len);
}

static void csv_columns_are_found_by_their_names(void **state)
{
    (void)state;
    struct rnl_rows rows;
    struct rnl_row row;
    begin(&rows, RNL_ROWS_CSV,
          "time,other,value,key\r\n"
          "1700000000,x,1.5,\"a, b\"\r\n"
          "2023-11-14T22:13:20Z,,-2e3,\"c\nd\"\n"
          ",,,e");
    assert_int_equal(next(&rows, &row), RNL_ROWS_ROW);
    expect_key(&row, "a, b");
    assert_true(row.has_value && row.value == 1.5);
    assert_false(row.has_latency);
    assert_true(row.has_time);
    assert_int_equal(row.time_ms, 1700000000000);
    assert_int_equal(next(&rows, &row), RNL_ROWS_ROW);
    expect_key(&row, "c\nd");
    assert_true(row.value == -2000);
    assert_int_equal(row.time_ms, 1700000000000);
    assert_int_equal(next(&rows, &row), RNL_ROWS_ROW);
    expect_key(&row, "e");
    assert_false(row.has_value || row.has_time);
    assert_int_equal(next(&rows, &row), RNL_ROWS_END);
    assert_int_equal(next(&rows, &row), RNL_ROWS_END);
    rnl_rows_fini(&rows);
}

static void a_bad_row_is_named_and_the_next_one_read(void **state)
{
    (void)state;
    struct rnl_rows rows;
    struct rnl_row row;
    static char long_key[400];
    memset(long_key, 'k', sizeof(long_key) - 1);
    char text[1024];
    snprintf(text, sizeof(text),
             "key,value,latency_ms\n,1,1\nb,x,1\nc,1,-1\nd\n\xff,1,1\n"
             "e,inf,1\nf,nan,1\n\"g\"h,1,1\n%s,1,1\nok,1,2\n",
             long_key);
    begin(&rows, RNL_ROWS_CSV, text);
    static const char *const errors[] = {
        "key is empty",
        "value is not a number",
        "latency_ms is negative",
        "has 1 fields, value is field 2",
        "key is not UTF-8",
        "value is not a number",
        "value is not a number",
        NULL,
        "key has more than 256 bytes",
    };
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        assert_int_equal(next(&rows, &row), RNL_ROWS_BAD);
        assert_int_equal(rows.line, i + 2);
        if (errors[i] != NULL)
            assert_string_equal(rows.error, errors[i]);
    }
    assert_int_equal(next(&rows, &row), RNL_ROWS_ROW);
    assert_true(row.latency_ms == 2);
    assert_int_equal(next(&rows, &row), RNL_ROWS_END);
    rnl_rows_fini(&rows);
}

static void a_header_without_the_key_is_fatal(void **state)
{
    (void)state;
    struct rnl_rows rows;
    struct rnl_row row;
    begin(&rows, RNL_ROWS_TSV, "name\tvalue\na\t1\n");
    assert_int_equal(next(&rows, &row), RNL_ROWS_FATAL);
    assert_string_equal(rows.error, "the header has no column \"key\"");
    rnl_rows_fini(&rows);
}

static void ndjson_members_may_be_texts_or_numbers(void **state)
{
    (void)state;
    struct rnl_rows rows;
    struct rnl_row row;
    begin(&rows, RNL_ROWS_NDJSON,
          "{\"key\":\"a\",\"value\":2,\"latency_ms\":0.5,\"time\":1}\n"
          "\r\n"
          "{\"key\":17,\"value\":\"3.5\",\"latency_ms\":null}\r\n"
          "[1]\n"
          "{\"value\":1}\n"
          "{\"key\":{}}\n"
          "{\"key\":\"a\",\"value\":true}\n"
          "{\"key\":\"a\"\n"
          "{\"key\":\"z\"}");
    assert_int_equal(next(&rows, &row), RNL_ROWS_ROW);
    assert_true(row.value == 2 && row.latency_ms == 0.5);
    assert_int_equal(row.time_ms, 1000);
    assert_int_equal(next(&rows, &row), RNL_ROWS_ROW);
    expect_key(&row, "17");
    assert_true(row.value == 3.5);
    assert_false(row.has_latency);
    static const char *const errors[] = {
        "is not a JSON object",
        "has no key",
        "key has another type",
        "value has another type",
    };
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(next(&rows, &row), RNL_ROWS_BAD);
        assert_string_equal(rows.error, errors[i]);
        assert_int_equal(rows.line, i + 4);
    }
    assert_int_equal(next(&rows, &row), RNL_ROWS_BAD);
    assert_int_equal(next(&rows, &row), RNL_ROWS_ROW);
    expect_key(&row, "z");
    assert_int_equal(next(&rows, &row), RNL_ROWS_END);
    rnl_rows_fini(&rows);
}

static void times_are_read_in_their_common_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"0", 0},
        {"1700000000", 1700000000000},
        {"1700000000.25", 1700000000250},
        {"1700000000250", 1700000000250},
        {"1700000000250000", 1700000000250},
        {"1700000000250000000", 1700000000250},
        {"2023-11-14T22:13:20Z", 1700000000000},
        {"2023-11-14 22:13:20.250", 1700000000250},
        {"2023-11-14T23:13:20+01:00", 1700000000000},
        {"2023-11-14T20:43:20-0130", 1700000000000},
        {"1969-12-31T23:59:59Z", -1000},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t ms = -1;
        assert_true(rnl_row_parse_time(good[i].text, &ms));
        assert_int_equal(ms, good[i].ms);
    }
    static const char *const bad[] = {
        "",
        "soon",
        "2023-11-14",
        "2023-13-14T22:13:20Z",
        "1e30",
        "2023-11-14T22:13",
        "2023-11-14T22:13:20+1",
        "14/11/2023",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms;
        assert_false(rnl_row_parse_time(bad[i], &ms));
    }
}

/* A row that is longer than the limit does not hold the loop. */
static void a_huge_row_is_bad(void **state)
{
    (void)state;
    size_t len = 2 * RNL_ROW_BYTES_MAX;
    char *text = malloc(len + 32);
    memset(text, ' ', len);
    memcpy(text + len, "{}\n{\"key\":\"b\"}", 15);
    struct rnl_rows rows;
    struct rnl_row row;
    begin(&rows, RNL_ROWS_NDJSON, text);
    assert_int_equal(next(&rows, &row), RNL_ROWS_BAD);
    assert_int_equal(next(&rows, &row), RNL_ROWS_ROW);
    expect_key(&row, "b");
    rnl_rows_fini(&rows);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_columns_are_found_by_their_names),
        cmocka_unit_test(a_bad_row_is_named_and_the_next_one_read),
        cmocka_unit_test(a_header_without_the_key_is_fatal),
        cmocka_unit_test(ndjson_members_may_be_texts_or_numbers),
        cmocka_unit_test(times_are_read_in_their_common_forms),
        cmocka_unit_test(a_huge_row_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
