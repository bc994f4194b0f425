/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "event_text.h"

/* All events of sse, written in a format, must be want. */
static void assert_written(enum rnl_event_format format, const char *sse,
                           const char *want)
{
    struct rnl_text text;
    struct rnl_event_text event;
    const char *at = sse, *end = sse + strlen(sse);
    rnl_text_init(&text, 4096);
    while (rnl_event_text_next(&at, end, &event))
        rnl_event_text_put(&text, format, &event);
    rnl_text_put_byte(&text, '\0');
    assert_string_equal(text.data, want);
    assert_ptr_equal(at, end);
    rnl_text_fini(&text);
}

static void events_are_read_and_written(void **state)
{
    static const char two[] = "id: 7\nevent: status\ndata: {\"a\":1}\n\n"
                              "id: 1f2e3d4c/7e\nevent: end\ndata: {}\n\n";
    (void)state;
    assert_written(RNL_EVENT_FORMAT_SSE, two, two);
    assert_written(RNL_EVENT_FORMAT_NDJSON, two,
                   "{\"event\":\"status\",\"id\":\"7\",\"data\":{\"a\":1}}\n"
                   "{\"event\":\"end\",\"id\":\"1f2e3d4c/7e\",\"data\":{}}\n");
}

static void an_event_may_have_no_id_or_an_empty_one(void **state)
{
    static const char none[] = "event: stats\ndata: {}\n\n";
    static const char empty[] = "id\nevent: reset\ndata: {}\n\n";
    (void)state;
    assert_written(RNL_EVENT_FORMAT_SSE, none, none);
    assert_written(RNL_EVENT_FORMAT_NDJSON, none,
                   "{\"event\":\"stats\",\"data\":{}}\n");
    assert_written(RNL_EVENT_FORMAT_SSE, empty, empty);
    assert_written(RNL_EVENT_FORMAT_NDJSON, empty,
                   "{\"event\":\"reset\",\"id\":\"\",\"data\":{}}\n");
}

static void what_is_no_event_is_skipped(void **state)
{
    (void)state;
    assert_written(RNL_EVENT_FORMAT_NDJSON,
                   ": keep-alive\n\nretry: 1000\n\nid: 3\n\n"
                   "event: a\ndata: 1\n\n",
                   "{\"event\":\"a\",\"data\":1}\n");
    assert_written(RNL_EVENT_FORMAT_NDJSON, "", "");
    assert_written(RNL_EVENT_FORMAT_NDJSON, "event: a\ndata: 1\n", "");
}

/* Names that begin like those of fields are not taken for them. */
static void fields_are_told_by_their_whole_name(void **state)
{
    (void)state;
    assert_written(RNL_EVENT_FORMAT_NDJSON,
                   "idx: 9\nevents: b\ndatum: 2\nevent:a\ndata:1\n\n",
                   "{\"event\":\"a\",\"data\":1}\n");
}

static void the_format_is_chosen_by_accept(void **state)
{
    static const struct {
        const char *accept;
        enum rnl_event_format format;
    } cases[] = {
        {"", RNL_EVENT_FORMAT_SSE},
        {"*/*", RNL_EVENT_FORMAT_SSE},
        {"text/event-stream", RNL_EVENT_FORMAT_SSE},
        {"application/json", RNL_EVENT_FORMAT_SSE},
        {"application/x-ndjso", RNL_EVENT_FORMAT_SSE},
        {"application/x-ndjson", RNL_EVENT_FORMAT_NDJSON},
        {"text/plain, Application/X-NDJSON;q=0.9", RNL_EVENT_FORMAT_NDJSON}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(
            rnl_event_format_of(cases[i].accept, strlen(cases[i].accept)),
            cases[i].format);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_read_and_written),
        cmocka_unit_test(an_event_may_have_no_id_or_an_empty_one),
        cmocka_unit_test(what_is_no_event_is_skipped),
        cmocka_unit_test(fields_are_told_by_their_whole_name),
        cmocka_unit_test(the_format_is_chosen_by_accept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
