/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "query.h"

static struct rnl_query query;
static struct rnl_pbjson_error error;

static enum rnl_code init(const char *raw)
{
    return rnl_query_init(&query, raw, strlen(raw), &error);
}

/* The parameters, as "name=value;..." */
static void assert_params(const char *raw, const char *want)
{
    char got[256] = "";
    assert_int_equal(init(raw), RNL_OK);
    for (size_t i = 0; i < query.count; i++) {
        size_t len = strlen(got);
        snprintf(got + len, sizeof(got) - len, "%s=%s;", query.params[i].name,
                 query.params[i].value);
    }
    assert_string_equal(got, want);
    rnl_query_fini(&query);
}

static void parameters_are_split_and_decoded(void **state)
{
    (void)state;
    assert_params("", "");
    assert_params("a=1", "a=1;");
    assert_params("a=1&b=x%20y+z", "a=1;b=x y z;");
    assert_params("a", "a=;");
    assert_params("&&a=1&&", "a=1;");
    assert_params("a=1=2", "a=1=2;");
    assert_params("=x", "=x;");
    assert_params("%61%3d=%C3%BC%26", "a==\xc3\xbc&;");
    assert_params("a=1&a=2", "a=1;a=2;");
}

static void what_is_no_text_is_refused(void **state)
{
    static const char *const bad[] = {"a=%",   "a=%4",   "a=%zz",
                                      "a=%00", "%00=1",  "a=%ff",
                                      "%c3=1", "a=\xff", "a=%ED%A0%80"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(init(bad[i]), RNL_INVALID_ARGUMENT);
        assert_null(query.params);
    }
    assert_int_equal(rnl_query_init(&query, "a=\0b", 4, &error),
                     RNL_INVALID_ARGUMENT);
}

static void more_than_the_limit_is_refused(void **state)
{
    char raw[2 * RNL_QUERY_PARAM_MAX + 2];
    (void)state;
    for (size_t i = 0; i < RNL_QUERY_PARAM_MAX; i++)
        memcpy(raw + 2 * i, "a&", 2);
    raw[2 * RNL_QUERY_PARAM_MAX - 1] = '\0';
    assert_int_equal(init(raw), RNL_OK);
    assert_int_equal(query.count, RNL_QUERY_PARAM_MAX);
    rnl_query_fini(&query);
    memcpy(raw + 2 * RNL_QUERY_PARAM_MAX - 1, "&a", 3);
    assert_int_equal(init(raw), RNL_INVALID_ARGUMENT);
}

static void numbers_are_decimal_and_within_bounds(void **state)
{
    uint64_t number = 7;
    (void)state;
    assert_true(rnl_query_number("0", 0, 9, &number));
    assert_int_equal(number, 0);
    assert_true(
        rnl_query_number("18446744073709551615", 0, UINT64_MAX, &number));
    assert_true(number == UINT64_MAX);
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "0x1", "1.0", "18446744073709551616"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(rnl_query_number(bad[i], 0, UINT64_MAX, &number));
    assert_false(rnl_query_number("10", 0, 9, &number));
    assert_false(rnl_query_number("0", 1, 9, &number));
    assert_true(number == UINT64_MAX);
}

static void windows_have_units(void **state)
{
    static const struct {
        const char *text;
        uint32_t seconds;
    } good[] = {
        {"all", 0},  {"0", 0},     {"300", 300},  {"90s", 90},
        {"5m", 300}, {"1h", 3600}, {"1d", 86400}, {"4294967295", UINT32_MAX}};
    static const char *const bad[] = {"",           "m",        "1w", "1mm",
                                      "-1",         "1.5h",     "al", "all ",
                                      "4294967296", "99999999h"};
    uint32_t seconds;
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(rnl_query_window(good[i].text, &seconds));
        assert_int_equal(seconds, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(rnl_query_window(bad[i], &seconds));
}

static void want_of_memory_is_an_error(void **state)
{
    (void)state;
    fault_count();
    assert_int_equal(init("a=1&b=2"), RNL_OK);
    size_t count = fault_stop();
    rnl_query_fini(&query);
    assert_true(count > 0);
    for (size_t k = 1; k <= count; k++) {
        fault_at(k, false);
        enum rnl_code code = init("a=1&b=2");
        fault_stop();
        assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_split_and_decoded),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(more_than_the_limit_is_refused),
        cmocka_unit_test(numbers_are_decimal_and_within_bounds),
        cmocka_unit_test(windows_have_units),
        cmocka_unit_test(want_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
