/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "rpc_form.h"

static struct rnl_rpc_form found(const char *type)
{
    struct rnl_rpc_form form;
    if (!rnl_rpc_form_find(type, strlen(type), &form))
        fail_msg("%s", type);
    return form;
}

static bool is_form(const char *type)
{
    struct rnl_rpc_form form;
    return rnl_rpc_form_find(type, strlen(type), &form);
}

static void every_listed_type_has_a_form_and_is_answered_alike(void **state)
{
    char list[] = RNL_RPC_CONTENT_TYPES;
    char *rest = list;
    size_t count = 0;
    (void)state;
    for (char *type; (type = strtok_r(rest, ", ", &rest)) != NULL; count++) {
        struct rnl_rpc_form form = found(type);
        struct rnl_rpc_form again = found(rnl_rpc_form_type(&form));
        assert_memory_equal(&form, &again, sizeof(form));
        assert_int_equal(form.is_json, strstr(type, "json") != NULL);
        assert_int_equal(form.is_text, strstr(type, "-text") != NULL);
    }
    assert_int_equal(count, 9);
}

static void base64_may_be_asked_for_by_accept(void **state)
{
    static const struct {
        const char *type, *accept;
        bool want;
    } cases[] = {
        {"application/grpc-web", "application/grpc-web-text", true},
        {"application/grpc-web", "application/grpc-web-text+proto;q=1", true},
        {"application/grpc-web", "application/grpc-web", false},
        {"application/grpc-web", "*/*", false},
        {"application/grpc-web+json", "application/grpc-web-text", false},
        {"application/proto", "application/grpc-web-text", false},
        {"application/grpc-web-text", "application/grpc-web", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rnl_rpc_form form = found(cases[i].type);
        rnl_rpc_form_accept(&form, cases[i].accept, strlen(cases[i].accept));
        assert_int_equal(form.is_text, cases[i].want);
        assert_int_equal(form.request_is_text,
                         strstr(cases[i].type, "-text") != NULL);
    }
}

static void parameters_and_case_do_not_matter(void **state)
{
    (void)state;
    assert_true(found("Application/JSON; charset=utf-8").is_json);
    assert_true(found("application/grpc-web-text\t;x").is_text);
    assert_false(is_form(""));
    assert_false(is_form("application/jsonp"));
    assert_false(is_form("application"));
    assert_false(is_form("application/grpc"));
}

/* -1: refused. */
static int64_t connect_ms(const char *value)
{
    int64_t ms;
    return rnl_rpc_timeout_connect(value, strlen(value), &ms) ? ms : -1;
}

static int64_t grpc_ms(const char *value)
{
    int64_t ms;
    return rnl_rpc_timeout_grpc(value, strlen(value), &ms) ? ms : -1;
}

static void timeouts_are_numbers_of_a_length(void **state)
{
    (void)state;
    assert_int_equal(connect_ms("0"), 0);
    assert_int_equal(connect_ms("9999999999"), 9999999999);
    assert_int_equal(connect_ms("10000000000"), -1);
    assert_int_equal(connect_ms(""), -1);
    assert_int_equal(connect_ms("-1"), -1);
    assert_int_equal(connect_ms("1 "), -1);
    assert_int_equal(connect_ms("1.5"), -1);
}

static void grpc_timeouts_have_a_unit_and_are_rounded_up(void **state)
{
    (void)state;
    assert_int_equal(grpc_ms("2H"), 7200000);
    assert_int_equal(grpc_ms("99999999H"), 359999996400000);
    assert_int_equal(grpc_ms("3M"), 180000);
    assert_int_equal(grpc_ms("10S"), 10000);
    assert_int_equal(grpc_ms("7m"), 7);
    assert_int_equal(grpc_ms("1u"), 1);
    assert_int_equal(grpc_ms("1001u"), 2);
    assert_int_equal(grpc_ms("99999999n"), 100);
    assert_int_equal(grpc_ms("0n"), 0);
    assert_int_equal(grpc_ms("100000000m"), -1);
    assert_int_equal(grpc_ms("5"), -1);
    assert_int_equal(grpc_ms("5s"), -1);
    assert_int_equal(grpc_ms("S"), -1);
    assert_int_equal(grpc_ms(""), -1);
}

/* The literal's bytes without its NUL. */
#define BYTES(literal)                                  \
    (struct rnl_rpc_bytes)                              \
    {                                                   \
        (const uint8_t *)(literal), sizeof(literal) - 1 \
    }

static void assert_open(enum rnl_code want, struct rnl_rpc_bytes body,
                        const char *message)
{
    struct rnl_rpc_message got = {{NULL, 0}, false};
    const char *what = NULL;
    assert_int_equal(rnl_rpc_open(body, &got, &what), want);
    if (want != RNL_OK) {
        assert_non_null(what);
        assert_null(got.bytes.data);
        return;
    }
    assert_int_equal(got.bytes.len, strlen(message));
    assert_memory_equal(got.bytes.data, message, got.bytes.len);
    assert_int_equal(got.is_compressed, body.data[0]);
}

static void a_body_is_the_envelope_of_one_message(void **state)
{
    (void)state;
    assert_open(RNL_OK, BYTES("\0\0\0\0\2ab"), "ab");
    assert_open(RNL_OK, BYTES("\0\0\0\0\0"), "");
    assert_open(RNL_OK, BYTES("\1\0\0\0\1a"), "a");
}

static void another_body_is_refused(void **state)
{
    (void)state;
    assert_open(RNL_UNIMPLEMENTED, BYTES(""), NULL);
    assert_open(RNL_UNIMPLEMENTED, BYTES("\0\0\0\0\1a\0\0\0\0\1b"), NULL);
    assert_open(RNL_UNIMPLEMENTED, BYTES("\0\0\0\0\0a"), NULL);
    assert_open(RNL_INVALID_ARGUMENT, BYTES("\0\0\0\0"), NULL);
    assert_open(RNL_INVALID_ARGUMENT, BYTES("\0\0\0\0\2a"), NULL);
    assert_open(RNL_INVALID_ARGUMENT, BYTES("\0\377\377\377\377abc"), NULL);
    assert_open(RNL_INVALID_ARGUMENT, BYTES("\3\0\0\0\1a"), NULL);
    assert_open(RNL_INVALID_ARGUMENT, BYTES("\2\0\0\0\1a"), NULL);
    assert_open(RNL_INVALID_ARGUMENT, BYTES("\200\0\0\0\1a"), NULL);
}

static void assert_untext(const char *text, const char *want)
{
    uint8_t out[64];
    size_t len;
    bool well = rnl_rpc_untext(text, strlen(text), out, &len);
    if (!well || want == NULL) {
        assert_true(!well && want == NULL);
        return;
    }
    assert_int_equal(len, strlen(want));
    assert_memory_equal(out, want, len);
}

static void base64_may_come_in_padded_pieces(void **state)
{
    (void)state;
    assert_untext("", "");
    assert_untext("YWJj", "abc");
    assert_untext("YQ==YmM=ZA==", "abcd");
    assert_untext("YQ==YmM", "abc");
    assert_untext("YWJjYQ==YQ==", "abcaa");
    assert_untext("YQ=", NULL);
    assert_untext("=", NULL);
    assert_untext("YQ===", NULL);
    assert_untext("YQ==Y", NULL);
    assert_untext("Y!==", NULL);
}

static void what_is_sealed_can_be_opened(void **state)
{
    struct rnl_text text;
    struct rnl_rpc_message message;
    const char *what;
    (void)state;
    rnl_text_init(&text, 1 << 20);
    rnl_text_puts(&text, "before");
    size_t at = rnl_rpc_begin(&text);
    for (int i = 0; i < 70000; i++)
        rnl_text_put_byte(&text, 'x');
    rnl_rpc_seal(&text, at, 0);
    const struct rnl_rpc_bytes body = {(const uint8_t *)text.data + at,
                                       text.len - at};
    assert_int_equal(rnl_rpc_open(body, &message, &what), RNL_OK);
    assert_int_equal(message.bytes.len, 70000);
    assert_int_equal(message.bytes.data[69999], 'x');
    rnl_text_fini(&text);
}

static void a_text_that_failed_stays_so(void **state)
{
    struct rnl_text text;
    (void)state;
    rnl_text_init(&text, 8);
    size_t at = rnl_rpc_begin(&text);
    rnl_text_puts(&text, "four");
    rnl_rpc_seal(&text, at, 0);
    assert_true(text.failed);
    rnl_rpc_to_text(&text);
    assert_true(text.failed);
    rnl_text_fini(&text);
    rnl_text_init(&text, 8);
    rnl_text_puts(&text, "1234567");
    rnl_rpc_to_text(&text);
    assert_true(text.failed);
    rnl_text_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_listed_type_has_a_form_and_is_answered_alike),
        cmocka_unit_test(base64_may_be_asked_for_by_accept),
        cmocka_unit_test(parameters_and_case_do_not_matter),
        cmocka_unit_test(timeouts_are_numbers_of_a_length),
        cmocka_unit_test(grpc_timeouts_have_a_unit_and_are_rounded_up),
        cmocka_unit_test(a_body_is_the_envelope_of_one_message),
        cmocka_unit_test(another_body_is_refused),
        cmocka_unit_test(base64_may_come_in_padded_pieces),
        cmocka_unit_test(what_is_sealed_can_be_opened),
        cmocka_unit_test(a_text_that_failed_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
