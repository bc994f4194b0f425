/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "sockaddr.h"

static void a_numeric_address_comes_back_as_it_was(void **state)
{
    static const struct {
        const char *text;
        int family;
        bool loopback;
    } cases[] = {
        {"127.0.0.1:80", AF_INET, true},
        {"127.255.0.9:0", AF_INET, true},
        {"128.0.0.1:65535", AF_INET, false},
        {"0.0.0.0:7400", AF_INET, false},
        {"[::1]:7400", AF_INET6, true},
        {"[::]:7400", AF_INET6, false},
        {"[fd00::1]:1", AF_INET6, false},
        /* Of IPv4, but not an address that is bound so. */
        {"[::ffff:127.0.0.1]:1", AF_INET6, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sockaddr_storage address = {0};
        socklen_t len = 0;
        char text[RNL_SOCKADDR_TEXT_MAX];
        assert_null(rnl_sockaddr_find(cases[i].text, &address, &len));
        assert_true(len > 0 && len <= sizeof(address));
        assert_int_equal(address.ss_family, cases[i].family);
        assert_int_equal(rnl_sockaddr_is_loopback(&address), cases[i].loopback);
        rnl_sockaddr_format(&address, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    struct sockaddr_storage address;
    socklen_t len;
    (void)state;
    assert_string_equal(rnl_sockaddr_find("127.0.0.1", &address, &len),
                        "must be HOST:PORT or [HOST]:PORT");
    assert_string_equal(rnl_sockaddr_find("[::1]:65536", &address, &len),
                        "must be HOST:PORT or [HOST]:PORT");
}

/* A socket that the service manager passes may be one. */
static void a_socket_of_no_network_is_local(void **state)
{
    const struct sockaddr_storage address = {.ss_family = AF_UNIX};
    char text[RNL_SOCKADDR_TEXT_MAX];
    (void)state;
    assert_true(rnl_sockaddr_is_loopback(&address));
    rnl_sockaddr_format(&address, text);
    assert_string_equal(text, "local");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_numeric_address_comes_back_as_it_was),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(a_socket_of_no_network_is_local),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
