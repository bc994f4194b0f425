/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "alloc.h"
#include "name_list.h"

static char error[RNL_NAME_LIST_ERROR_MAX];

static void origins_are_as_browsers_send_them(void **state)
{
    static const struct {
        const char *given;
        const char *read;
    } lists[] = {
        {"", ""},
        {"*", "*"},
        {"https://a.example", "https://a.example"},
        {"HTTPS://A.Example:443, http://b:80", "https://a.example,http://b"},
        {" http://b:8080,,https://c:80 ", "http://b:8080,https://c:80"},
        {"http://[::1]:3000 app://x", "http://[::1]:3000,app://x"},
        {"http://127.0.0.1,*", "http://127.0.0.1,*"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        char *read = rnl_name_list_origins(lists[i].given, error);
        assert_non_null(read);
        assert_string_equal(read, lists[i].read);
        rnl_free(read);
    }
}

static void what_no_browser_sends_is_refused(void **state)
{
    static const char *const wrong[] = {
        "x",           "https://",          "https://a/",  "https://a/b",
        "https://a?b", "https://a:",        "https://a:0", "https://a:65536",
        "https://a:x", "https://u@a",       "://a",        "https:a",
        "https://a b", "https://[::g]",     "https://[a",  "https://*.a",
        "null",        "https://a:1:2",     "**",          "https://[::1]x",
        "http://b,c",  "https://a\xc3\xa4",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char *read = rnl_name_list_origins(wrong[i], error);
        if (read != NULL)
            fail_msg("'%s' was read as '%s'", wrong[i], read);
        assert_non_null(strstr(error, "must be an origin"));
    }
    /* It is named, and no longer than there is room for. */
    char text[5000] = "https://";
    memset(text + 8, 'a', sizeof(text) - 9);
    assert_null(rnl_name_list_origins(text, error));
    assert_non_null(strstr(error, "\"https://aaa"));
}

static void hosts_have_no_port_and_no_path(void **state)
{
    static const char *const good[] = {
        "", "a", "A.example,b_c.example", "127.0.0.1 [::1]", "a,",
    };
    static const char *const wrong[] = {
        "a:80", "a/b", "https://a", "[::1", "::1", "a,.b", "-a", "*", "a,[]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(rnl_name_list_is_hosts(good[i], error));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (rnl_name_list_is_hosts(wrong[i], error))
            fail_msg("'%s' was taken", wrong[i]);
        assert_non_null(strstr(error, "must be a host"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origins_are_as_browsers_send_them),
        cmocka_unit_test(what_no_browser_sends_is_refused),
        cmocka_unit_test(hosts_have_no_port_and_no_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
