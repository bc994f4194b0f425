/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "head.h"

#define LINE "POST /v1/jobs HTTP/1.1\r\nhost: h\r\n"

static void assert_ambiguous(bool want, const char *data)
{
    if (rnl_head_is_ambiguous(data, strlen(data)) != want)
        fail_msg("%s", data);
}

static void one_length_is_clear(void **state)
{
    (void)state;
    assert_ambiguous(false, LINE "\r\n");
    assert_ambiguous(false, LINE "content-length: 5\r\n\r\nabcde");
    assert_ambiguous(false, LINE "transfer-encoding: chunked\r\n\r\n");
    assert_ambiguous(false, "\r\n" LINE "content-length: 5\r\n\r\n");
    assert_ambiguous(false, LINE "content-length: 5\n\n");
    assert_ambiguous(false, "");
    assert_ambiguous(false, "\r\n");
}

static void two_are_not(void **state)
{
    (void)state;
    assert_ambiguous(true, LINE "content-length: 5\r\n"
                                "transfer-encoding: chunked\r\n\r\n");
    assert_ambiguous(true, LINE "Content-Length: 5\r\nCONTENT-LENGTH: 5\r\n"
                                "\r\n");
    assert_ambiguous(true, LINE "transfer-encoding: chunked\n"
                                "transfer-encoding: x\n\n");
    assert_ambiguous(true, "\r\n" LINE "content-length:5\r\n"
                           "content-length:5\r\n\r\n");
}

/* What stands in the body, or in other headers, does not count. */
static void only_the_head_counts(void **state)
{
    (void)state;
    assert_ambiguous(false, LINE "content-length: 21\r\n\r\n"
                                 "content-length: 5\r\n\r\n");
    assert_ambiguous(false, LINE "x-content-length: 5\r\n"
                                 "content-length: 5\r\n"
                                 "content-lengths: 5\r\n\r\n");
}

static void chunks_are_not_of_http_1_0(void **state)
{
    (void)state;
    assert_ambiguous(true, "POST / HTTP/1.0\r\n"
                           "transfer-encoding: chunked\r\n\r\n");
    assert_ambiguous(false, "POST / HTTP/1.0\r\ncontent-length: 1\r\n\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_length_is_clear),
        cmocka_unit_test(two_are_not),
        cmocka_unit_test(only_the_head_counts),
        cmocka_unit_test(chunks_are_not_of_http_1_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
