/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

static void numbers_are_read_as_strtod_reads_them(void **state)
{
    (void)state;
    static const char *const texts[] = {"0",
                                        "-0",
                                        "7",
                                        "-12.5",
                                        "3.14159265358979",
                                        "1e3",
                                        "-2E-3",
                                        "+5",
                                        "1e22",
                                        "0.1",
                                        "123456789012345",
                                        "1234567890123456",
                                        "0.000000000000001",
                                        ".5",
                                        "5.",
                                        " 42\t",
                                        "99999999999999999999"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        double got;
        assert_true(cli_parse_number(texts[i], strlen(texts[i]), &got));
        assert_true(got == strtod(texts[i], NULL));
    }
}

static void what_is_no_finite_decimal_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",      " ",   "-",   ".",   "abc",
                                        "1x",    "nan", "inf", "0x1", "1e999",
                                        "1.2.3", "--1", "1 2", "1,5", "e5"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        double got = 17;
        assert_false(cli_parse_number(texts[i], strlen(texts[i]), &got));
        assert_true(got == 17);
    }
    char longer[200];
    memset(longer, '1', sizeof(longer));
    double got;
    assert_false(cli_parse_number(longer, sizeof(longer), &got));
}

static void only_the_given_length_of_a_number_counts(void **state)
{
    (void)state;
    double got;
    assert_true(cli_parse_number("12,34", 2, &got));
    assert_true(got == 12);
}

static void durations_have_units_that_add_up(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {{"250ms", 250},   {"1.5s", 1500},   {"10m", 600000},
                 {"2h", 7200000},  {"1d", 86400000}, {"1h30m", 5400000},
                 {"3", 3000},      {"0", 0},         {"1w", 604800000},
                 {"1m30s", 90000}, {"0.5", 500}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t got;
        assert_true(cli_parse_duration_ms(cases[i].text, &got));
        assert_int_equal(got, cases[i].ms);
    }
    static const char *const bad[] = {"",     "5x",  "-1s",    "s",
                                      "1h30", "1 h", "200000d"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t got;
        assert_false(cli_parse_duration_ms(bad[i], &got));
    }
}

static void windows_are_whole_seconds_or_all(void **state)
{
    (void)state;
    uint32_t seconds;
    assert_true(cli_parse_window("5m", &seconds));
    assert_int_equal(seconds, 300);
    assert_true(cli_parse_window("all", &seconds));
    assert_int_equal(seconds, 0);
    assert_false(cli_parse_window("500ms", &seconds));
    assert_false(cli_parse_window("0", &seconds));
    assert_false(cli_parse_window("1.5s", &seconds));
}

static void integers_have_bounds(void **state)
{
    (void)state;
    int64_t got;
    assert_true(cli_parse_integer("-5", -10, 10, &got));
    assert_int_equal(got, -5);
    assert_false(cli_parse_integer("11", -10, 10, &got));
    assert_false(cli_parse_integer("1.5", -10, 10, &got));
    assert_false(cli_parse_integer(" 1", -10, 10, &got));
    assert_false(cli_parse_integer("", -10, 10, &got));
    assert_false(cli_parse_integer("99999999999999999999", 0, INT64_MAX, &got));
}

static void expect_time(const char *format, const char *text, int64_t want)
{
    struct cli_time_format parsed;
    int64_t got = -1;
    assert_true(cli_time_format_parse(format, &parsed));
    assert_true(cli_parse_time_ms(text, strlen(text), &parsed, &got));
    assert_int_equal(got, want);
}

/* 1970, leap days, zones and fractions, each against date(1). */
static void times_are_read_in_every_format(void **state)
{
    (void)state;
    expect_time("auto", "1970-01-01T00:00:00Z", 0);
    expect_time("auto", "2024-02-29T12:34:56.789Z", 1709210096789);
    expect_time("auto", "2024-02-29 12:34:56", 1709210096000);
    expect_time("auto", "2024-02-29T14:34:56+02:00", 1709210096000);
    expect_time("auto", "2024-02-29T07:04:56-0530", 1709210096000);
    expect_time("auto", "2001/01/10 18:20", 979150800000);
    expect_time("auto", "1969-12-31T23:59:59.999Z", -1);
    expect_time("rfc3339", "2024-02-29", 1709164800000);
    expect_time("auto", "2016-12-31T23:59:60Z", 1483228800000);
    expect_time("clf", "10/Oct/2000:13:55:36 -0700", 971211336000);
    expect_time("%d.%m.%Y %H:%M", "29.02.2024 12:34", 1709210040000);
    expect_time("%Y-%m-%d %H:%M:%S %z", "2024-02-29 13:34:56 +0100",
                1709210096000);
}

static void unix_numbers_tell_their_unit_by_their_size(void **state)
{
    (void)state;
    expect_time("auto", "1709210096", 1709210096000);
    expect_time("auto", "1709210096.789", 1709210096789);
    expect_time("auto", "1709210096789", 1709210096789);
    expect_time("auto", "1709210096789123", 1709210096789);
    expect_time("auto", "1709210096789123456", 1709210096789);
    expect_time("s", "5", 5000);
    expect_time("ms", "5", 5);
    expect_time("us", "5000", 5);
    expect_time("ns", "5000000", 5);
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "yesterday",
                                        "2024-02-30",
                                        "2023-02-29",
                                        "2024-13-01",
                                        "2024-00-10",
                                        "2024-01-01T24:00:00Z",
                                        "2024-01-01T10:60:00Z",
                                        "2024-01-01T",
                                        "2024-01-01T10:00:00+25:00",
                                        "2024-01-01T10:00:00Zx",
                                        "24-01-01",
                                        "2024-1-1",
                                        "1e30",
                                        "2024-01-01T10:00:00."};
    struct cli_time_format format = {.kind = CLI_TIME_AUTO};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int64_t got;
        assert_false(
            cli_parse_time_ms(texts[i], strlen(texts[i]), &format, &got));
    }
    assert_false(cli_time_format_parse("minutes", &format));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_as_strtod_reads_them),
        cmocka_unit_test(what_is_no_finite_decimal_is_refused),
        cmocka_unit_test(only_the_given_length_of_a_number_counts),
        cmocka_unit_test(durations_have_units_that_add_up),
        cmocka_unit_test(windows_are_whole_seconds_or_all),
        cmocka_unit_test(integers_have_bounds),
        cmocka_unit_test(times_are_read_in_every_format),
        cmocka_unit_test(unix_numbers_tell_their_unit_by_their_size),
        cmocka_unit_test(what_is_no_time_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
