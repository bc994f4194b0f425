/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "log.h"

static char line[RNL_LOG_LINE_MAX];

static void a_line_has_time_level_and_fields(void **state)
{
    (void)state;
    const struct rnl_log_field fields[] = {RNL_LOG_TEXT("event", "listening"),
                                           RNL_LOG_INT("port", 7400),
                                           {NULL, NULL, 0}};
    size_t len = rnl_log_format(line, RNL_LOG_INFO, 1769860800123, fields);
    const char *want =
        "2026-01-31T12:00:00.123Z info event=listening port=7400\n";
    assert_int_equal(len, strlen(want));
    assert_memory_equal(line, want, len);
}

/* A peer's name must not be able to end the line or to add a field. */
static void values_cannot_forge_fields_or_lines(void **state)
{
    (void)state;
    const struct rnl_log_field fields[] = {
        RNL_LOG_TEXT("agent", "a b\n\"\\\x1b=c"),
        RNL_LOG_TEXT("empty", ""),
        {NULL, NULL, 0}};
    size_t len = rnl_log_format(line, RNL_LOG_WARN, 0, fields);
    const char *want = "1970-01-01T00:00:00.000Z warn "
                       "agent=\"a b\\n\\\"\\\\\\x1b=c\" empty=\"\"\n";
    assert_int_equal(len, strlen(want));
    assert_memory_equal(line, want, len);
}

static void a_line_too_long_is_cut_and_still_ends(void **state)
{
    (void)state;
    static char value[2 * RNL_LOG_LINE_MAX];
    memset(value, 'x', sizeof(value) - 1);
    const struct rnl_log_field fields[] = {RNL_LOG_TEXT("value", value),
                                           {NULL, NULL, 0}};
    assert_int_equal(rnl_log_format(line, RNL_LOG_ERROR, 0, fields),
                     RNL_LOG_LINE_MAX);
    assert_int_equal(line[RNL_LOG_LINE_MAX - 1], '\n');
}

static void levels_are_known_by_name(void **state)
{
    (void)state;
    enum rnl_log_level level = RNL_LOG_INFO;
    assert_true(rnl_log_level_parse("error", &level));
    assert_int_equal(level, RNL_LOG_ERROR);
    assert_false(rnl_log_level_parse("loud", &level));
    assert_int_equal(level, RNL_LOG_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_and_fields),
        cmocka_unit_test(values_cannot_forge_fields_or_lines),
        cmocka_unit_test(a_line_too_long_is_cut_and_still_ends),
        cmocka_unit_test(levels_are_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
