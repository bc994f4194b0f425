/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "host.h"

static bool loopback(const char *host)
{
    return rnl_host_is_loopback(host, strlen(host));
}

static bool listed(const char *list, const char *host)
{
    return rnl_host_is_listed(list, host, strlen(host));
}

static void names_of_this_machine_are_known(void **state)
{
    (void)state;
    static const char *const ours[] = {
        "localhost",     "LocalHost:7480", "127.0.0.1",  "127.0.0.1:7480",
        "127.255.3.4:1", "[::1]",          "[::1]:7480", "runnel.localhost:1"};
    static const char *const others[] = {"",
                                         ":80",
                                         "evil.example",
                                         "localhost.evil.example",
                                         "127.0.0.1.evil.example:7480",
                                         "evil-localhost",
                                         ".localhost.",
                                         "128.0.0.1",
                                         "127.0.0",
                                         "127.1",
                                         "0.0.0.0",
                                         "[::2]",
                                         "[::ffff:127.0.0.1]",
                                         "::1",
                                         "localhost@evil.example",
                                         "xlocalhost"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (!loopback(ours[i]))
            fail_msg("%s is ours", ours[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (loopback(others[i]))
            fail_msg("%s is not ours", others[i]);
}

static void a_list_names_hosts_without_their_ports(void **state)
{
    (void)state;
    assert_true(listed("a.example,b.example", "b.example"));
    assert_true(listed(" a.example , b.example", "A.Example:443"));
    assert_true(listed("[fd00::1]", "[fd00::1]:80"));
    assert_false(listed("a.example", "xa.example"));
    assert_false(listed("a.example", "a.example.evil"));
    assert_false(listed("a.example,", ""));
    assert_false(listed(",,", ""));
    assert_false(listed(NULL, "a.example"));
    assert_false(listed("*", "a.example"));
}

/* In bytes; 0: not counted. */
static size_t client_len(int family, const char *text)
{
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
    const void *bytes = NULL;
    void *at = family == AF_INET6
                   ? (void *)&((struct sockaddr_in6 *)&address)->sin6_addr
                   : (void *)&((struct sockaddr_in *)&address)->sin_addr;
    if (text != NULL)
        assert_int_equal(inet_pton(family, text, at), 1);
    size_t len = rnl_host_client((struct sockaddr *)&address, &bytes);
    if (len > 0)
        assert_memory_equal(bytes, at, len);
    return len;
}

static void clients_are_known_by_address_but_not_this_machine(void **state)
{
    (void)state;
    assert_int_equal(client_len(AF_INET, "192.0.2.1"), 4);
    assert_int_equal(client_len(AF_INET, "10.0.0.1"), 4);
    assert_int_equal(client_len(AF_INET, "127.0.0.1"), 0);
    assert_int_equal(client_len(AF_INET, "127.8.0.1"), 0);
    assert_int_equal(client_len(AF_INET6, "2001:db8::1"), 8);
    assert_int_equal(client_len(AF_INET6, "::1"), 0);
    assert_int_equal(client_len(AF_UNIX, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_this_machine_are_known),
        cmocka_unit_test(a_list_names_hosts_without_their_ports),
        cmocka_unit_test(clients_are_known_by_address_but_not_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
