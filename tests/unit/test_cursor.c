/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "cursor.h"

static struct rnl_cursor cursor;

static bool parse(const char *id)
{
    return rnl_cursor_parse(id, strlen(id), &cursor);
}

/* What is read from an id is written as the same id. */
static void assert_same(const char *id)
{
    struct rnl_text text;
    rnl_text_init(&text, 4096);
    if (!parse(id))
        fail_msg("not read: %s", id);
    rnl_cursor_put(&text, &cursor);
    rnl_text_put_byte(&text, '\0');
    assert_false(text.failed);
    assert_string_equal(text.data, id);
    rnl_text_fini(&text);
}

static void ids_are_read_and_written(void **state)
{
    (void)state;
    assert_same("7");
    assert_int_equal(cursor.count, 1);
    assert_int_equal(cursor.after[0], 7);
    assert_same("0");
    assert_same("9999999999999999999");
    assert_same("1f2e3d4c/7");
    assert_string_equal(cursor.epoch, "1f2e3d4c");
    assert_same("1f2e3d4c/12,40e,3");
    assert_int_equal(cursor.count, 3);
    assert_false(cursor.over[0]);
    assert_true(cursor.over[1]);
    assert_true(cursor.given);
}

static void what_is_no_id_is_refused(void **state)
{
    static const char *const bad[] = {
        "",     "x",           "-1",         "+1",          " 1",
        "1 ",   "1,",          ",1",         "1,,2",        "e",
        "1ee",  "1f2e3d4c/",   "1f2e3d4/1",  "1f2e3d4cc/1", "1F2E3D4C/1",
        "/1",   "1f2e3d4c1",   "1/2",        "0x1",         "1.0",
        "1e,e", "1f2e3d4c/1/", "1f2e3d4c//1"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (parse(bad[i]))
            fail_msg("read: %s", bad[i]);
    assert_false(parse("10000000000000000000"));
    /* A NUL is a byte like any other. */
    assert_false(rnl_cursor_parse("1\0", 2, &cursor));
    assert_false(rnl_cursor_parse("1f2e3d4\0/1", 10, &cursor));
}

static void a_refused_id_leaves_the_cursor(void **state)
{
    (void)state;
    assert_true(parse("5"));
    assert_false(parse("6,x"));
    assert_int_equal(cursor.after[0], 5);
}

static void more_than_the_limit_is_refused(void **state)
{
    char id[4 * RNL_CURSOR_MAX] = "1";
    (void)state;
    for (size_t i = 1; i < RNL_CURSOR_MAX; i++)
        memcpy(id + 2 * i - 1, ",1", 3);
    assert_true(parse(id));
    assert_int_equal(cursor.count, RNL_CURSOR_MAX);
    memcpy(id + 2 * RNL_CURSOR_MAX - 1, ",1", 3);
    assert_false(parse(id));
}

static void epochs_differ_in_their_short_form(void **state)
{
    char one[RNL_CURSOR_EPOCH_LEN + 1], other[RNL_CURSOR_EPOCH_LEN + 1];
    (void)state;
    rnl_cursor_epoch("17aa", one);
    rnl_cursor_epoch("17ab", other);
    assert_int_equal(strlen(one), RNL_CURSOR_EPOCH_LEN);
    assert_string_not_equal(one, other);
    rnl_cursor_epoch("17aa", other);
    assert_string_equal(one, other);
    rnl_cursor_epoch(NULL, one);
    assert_string_equal(one, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_read_and_written),
        cmocka_unit_test(what_is_no_id_is_refused),
        cmocka_unit_test(a_refused_id_leaves_the_cursor),
        cmocka_unit_test(more_than_the_limit_is_refused),
        cmocka_unit_test(epochs_differ_in_their_short_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
