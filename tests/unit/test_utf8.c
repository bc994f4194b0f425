/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "utf8.h"

static bool valid(const char *text)
{
    return rnl_utf8_valid(text, strlen(text));
}

static void characters_of_every_length_are_valid(void **state)
{
    (void)state;
    assert_true(rnl_utf8_valid("", 0));
    assert_true(rnl_utf8_valid("a\0b", 3));
    assert_true(valid("plain ascii of more than eight bytes"));
    assert_true(valid("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"));
    assert_true(valid("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
    assert_true(valid("eight by\xc3\xa9 and on"));
}

static void what_rfc_3629_forbids_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xe0\x9f\x80",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xe2\x82",
        "\xe2\x28\xa1",
        "12345678\xff",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(valid(bad[i]));
}

/* Cutting a text at every length leaves valid pieces that join to it. */
static void a_cut_never_splits_a_character(void **state)
{
    (void)state;
    static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
    size_t text_len = sizeof(text) - 1;
    for (size_t want = 1; want <= text_len; want++) {
        size_t pos = 0;
        while (pos < text_len) {
            size_t cut = rnl_utf8_cut(text + pos, text_len - pos, want);
            assert_in_range(cut, 1, text_len - pos);
            assert_true(rnl_utf8_valid(text + pos, cut));
            pos += cut;
        }
    }
}

static void bytes_that_are_no_text_are_cut_anywhere(void **state)
{
    (void)state;
    assert_int_equal(rnl_utf8_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
    assert_int_equal(rnl_utf8_cut("\xff\x80\x80", 3, 1), 1);
    /* A lead byte at the end of all data is not held back. */
    assert_int_equal(rnl_utf8_cut("ab\xe2", 3, 3), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_of_every_length_are_valid),
        cmocka_unit_test(what_rfc_3629_forbids_is_refused),
        cmocka_unit_test(a_cut_never_splits_a_character),
        cmocka_unit_test(bytes_that_are_no_text_are_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
