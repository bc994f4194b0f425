/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "sse.h"

/* The events of a stream as text: "[type|data]". */
static void feed(struct cli_sse *sse, struct cli_buf *out, const char *data,
                 size_t len)
{
    for (size_t used = 0; len > 0; data += used, len -= used) {
        if (cli_sse_feed(sse, data, len, &used) != CLI_SSE_EVENT) {
            assert_int_equal(used, len);
            continue;
        }
        cli_buf_printf(out, "[%s|", sse->type);
        cli_buf_add(out, sse->data, sse->len);
        cli_buf_text(out, "]");
    }
}

/* The same whole, byte by byte, and cut in two at every place. */
static void expect_bytes(const char *input, size_t len, const char *want)
{
    for (size_t cut = 0; cut <= len + 1; cut++) {
        struct cli_sse sse = {0};
        struct cli_buf out = {0};
        if (cut <= len) {
            feed(&sse, &out, input, cut);
            feed(&sse, &out, input + cut, len - cut);
        } else {
            for (size_t i = 0; i < len; i++)
                feed(&sse, &out, input + i, 1);
        }
        assert_string_equal(cli_buf_str(&out), want);
        cli_buf_fini(&out);
        cli_sse_fini(&sse);
    }
}

static void expect(const char *input, const char *want)
{
    expect_bytes(input, strlen(input), want);
}

/* The examples of the HTML standard, 9.2.6. */
static void examples_of_the_standard_are_read(void **state)
{
    (void)state;
    expect("data: YHOO\ndata: +2\ndata: 10\n\n", "[message|YHOO\n+2\n10]");
    expect(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\n"
           "id\n\ndata:  third event\n\n",
           "[message|first event][message|second event][message| third event]");
    expect("data\n\ndata\ndata\n\ndata:", "[message|][message|\n]");
    expect("data:test\n\ndata: test\n\n", "[message|test][message|test]");
    expect("event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n",
           "[add|73857293][remove|2153]");
}

static void every_line_end_is_one(void **state)
{
    (void)state;
    expect("data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n",
           "[message|a\nb][message|c]");
    expect("data: a\rdata: b\r\rdata: c\r\r", "[message|a\nb][message|c]");
    expect("data: a\r\n\ndata: b\n\r\n", "[message|a][message|b]");
    /* CR LF LF: a line end, then a blank line. */
    expect("data: a\n\r\ndata: b\r\n\n", "[message|a][message|b]");
}

/* CR alone ends a line at once: the event must not wait for what follows. */
static void an_event_that_ends_with_cr_does_not_wait(void **state)
{
    (void)state;
    struct cli_sse sse = {0};
    size_t used;
    static const char text[] = "data: now\r\r";
    assert_int_equal(cli_sse_feed(&sse, text, strlen(text), &used),
                     CLI_SSE_EVENT);
    assert_memory_equal(sse.data, "now", 3);
    cli_sse_fini(&sse);
}

static void a_byte_order_mark_is_dropped_once(void **state)
{
    (void)state;
    expect("\xEF\xBB\xBF"
           "data: a\n\n",
           "[message|a]");
    expect("\n\xEF\xBB\xBF"
           "data: a\n\n",
           "");
    expect("\xEF\xBB\xBF\xEF\xBB\xBF"
           "data: a\n\n",
           "");
    expect("\xEF\xBB", "");
}

static void comments_and_other_fields_are_skipped(void **state)
{
    (void)state;
    expect(": OPENROUTER PROCESSING\n\n: again\n\n:\n\n", "");
    expect("retry: 100\nid: 7\ndata: a\nfoo: bar\nDATA: b\n data: c\n\n",
           "[message|a]");
}

/* Not even at the end of the stream. */
static void an_event_without_a_blank_line_is_none(void **state)
{
    (void)state;
    expect("data: a\n\ndata: b\n", "[message|a]");
    expect("event: x\n\ndata: a\n\n", "[message|a]");
    expect("", "");
}

static void bytes_of_data_are_kept(void **state)
{
    (void)state;
    static const char nul[] = "data: a\0b\n\n";
    struct cli_sse sse = {0};
    size_t used;
    expect("data: {\"a\": \"\xC3\xA9:\xF0\x9F\x8C\x8A\"}\n\n",
           "[message|{\"a\": \"\xC3\xA9:\xF0\x9F\x8C\x8A\"}]");
    assert_int_equal(cli_sse_feed(&sse, nul, sizeof(nul) - 1, &used),
                     CLI_SSE_EVENT);
    assert_int_equal(sse.len, 3);
    assert_memory_equal(sse.data, "a\0b", 3);
    cli_sse_fini(&sse);
}

static void a_long_type_is_cut(void **state)
{
    (void)state;
    expect("event: 0123456789012345678901234567890123456789\ndata: a\n\n",
           "[0123456789012345678901234567890|a]");
}

/* One line, and many lines of one event. */
static void above_the_limit_is_refused(void **state)
{
    (void)state;
    static const char start[] = "data: ";
    size_t len = CLI_SSE_LEN_MAX - strlen(start);
    char *text = cli_calloc(1, len + 1);
    struct cli_sse sse = {0};
    size_t used = 0;
    memset(text, 'x', len);
    assert_int_equal(cli_sse_feed(&sse, start, strlen(start), &used),
                     CLI_SSE_MORE);
    assert_int_equal(cli_sse_feed(&sse, text, len, &used), CLI_SSE_MORE);
    assert_int_equal(cli_sse_feed(&sse, "x", 1, &used), CLI_SSE_TOO_LONG);
    cli_sse_fini(&sse);
    cli_free(text);

    enum cli_sse_result result = CLI_SSE_MORE;
    size_t count = 0;
    while (result == CLI_SSE_MORE && count++ < CLI_SSE_LEN_MAX)
        result = cli_sse_feed(&sse, "data: 0123456789\n", 17, &used);
    assert_int_equal(result, CLI_SSE_TOO_LONG);
    assert_in_range(count, CLI_SSE_LEN_MAX / 17, CLI_SSE_LEN_MAX / 11 + 1);
    cli_sse_fini(&sse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_standard_are_read),
        cmocka_unit_test(every_line_end_is_one),
        cmocka_unit_test(an_event_that_ends_with_cr_does_not_wait),
        cmocka_unit_test(a_byte_order_mark_is_dropped_once),
        cmocka_unit_test(comments_and_other_fields_are_skipped),
        cmocka_unit_test(an_event_without_a_blank_line_is_none),
        cmocka_unit_test(bytes_of_data_are_kept),
        cmocka_unit_test(a_long_type_is_cut),
        cmocka_unit_test(above_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
