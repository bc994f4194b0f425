/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include <jansson.h>

#include "alloc.h"
#include "base64.h"
#include "fault.h"
#include "google/protobuf/any.pb-c.h"
#include "rpc_details.h"
#include "rpc_error.h"

static const struct rnl_rpc_form connect_form = {.protocol =
                                                     RNL_RPC_CONNECT_STREAM};
static const struct rnl_rpc_form web_form = {.protocol = RNL_RPC_GRPC_WEB};

static const struct rnl_violation violations[] = {
    {"labels.team", "must be a string"}, {"kind", "must be given"}};

static const struct rnl_problem full = {
    .code = RNL_RESOURCE_EXHAUSTED,
    .detail = "too \"much\"\r\nof it: 100 %",
    .violations = violations,
    .violation_count = 2,
    .retry_delay_ms = 1500,
    .first_available_sequence = 7,
};

static struct rnl_text text;

static int set_up(void **state)
{
    (void)state;
    rnl_text_init(&text, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rnl_text_fini(&text);
    return 0;
}

static json_t *parsed(const char *data, size_t len)
{
    json_error_t error;
    json_t *value = json_loadb(data, len, 0, &error);
    if (value == NULL)
        fail_msg("%s: %.*s", error.text, (int)len, data);
    return value;
}

static json_t *error_of(const struct rnl_problem *problem)
{
    rnl_text_reset(&text);
    rnl_rpc_put_error(&text, problem);
    assert_false(text.failed);
    return parsed(text.data, text.len);
}

static const char *member(const json_t *value, const char *name)
{
    return json_string_value(json_object_get(value, name));
}

/* The message that a base64 without padding holds. */
static void *decoded(const char *base64,
                     const ProtobufCMessageDescriptor *descriptor)
{
    uint8_t bytes[4096];
    size_t len;
    assert_null(strchr(base64, '='));
    assert_true(strlen(base64) < sizeof(bytes));
    assert_true(rnl_base64_decode(base64, strlen(base64), bytes, &len));
    void *message =
        protobuf_c_message_unpack(descriptor, &rnl_pb_allocator, len, bytes);
    assert_non_null(message);
    return message;
}

static void drop(void *message)
{
    protobuf_c_message_free_unpacked(message, &rnl_pb_allocator);
}

/* --- Connect --- */

static void every_code_has_connects_name(void **state)
{
    (void)state;
    static const char *const names[] = {
        [RNL_CANCELLED] = "canceled",
        [RNL_UNKNOWN] = "unknown",
        [RNL_INVALID_ARGUMENT] = "invalid_argument",
        [RNL_DEADLINE_EXCEEDED] = "deadline_exceeded",
        [RNL_NOT_FOUND] = "not_found",
        [RNL_ALREADY_EXISTS] = "already_exists",
        [RNL_PERMISSION_DENIED] = "permission_denied",
        [RNL_RESOURCE_EXHAUSTED] = "resource_exhausted",
        [RNL_FAILED_PRECONDITION] = "failed_precondition",
        [RNL_ABORTED] = "aborted",
        [RNL_OUT_OF_RANGE] = "out_of_range",
        [RNL_UNIMPLEMENTED] = "unimplemented",
        [RNL_INTERNAL] = "internal",
        [RNL_UNAVAILABLE] = "unavailable",
        [RNL_DATA_LOSS] = "data_loss",
        [RNL_UNAUTHENTICATED] = "unauthenticated",
    };
    for (int code = 1; code <= RNL_UNAUTHENTICATED; code++) {
        struct rnl_problem problem = {.code = (enum rnl_code)code};
        json_t *error = error_of(&problem);
        assert_string_equal(member(error, "code"), names[code]);
        assert_string_equal(member(error, "message"), rnl_code_text(code));
        assert_null(json_object_get(error, "details"));
        json_decref(error);
    }
}

static void details_are_messages_that_clients_know(void **state)
{
    (void)state;
    json_t *error = error_of(&full);
    assert_string_equal(member(error, "message"), full.detail);
    const json_t *details = json_object_get(error, "details");
    assert_int_equal(json_array_size(details), 3);

    const json_t *detail = json_array_get(details, 0);
    assert_string_equal(member(detail, "type"), "google.rpc.BadRequest");
    Google__Rpc__BadRequest *bad =
        decoded(member(detail, "value"), &google__rpc__bad_request__descriptor);
    assert_int_equal(bad->n_field_violations, 2);
    assert_string_equal(bad->field_violations[0]->field, "labels.team");
    assert_string_equal(bad->field_violations[1]->description, "must be given");
    drop(bad);

    detail = json_array_get(details, 1);
    assert_string_equal(member(detail, "type"), "google.rpc.RetryInfo");
    assert_string_equal(member(json_object_get(detail, "debug"), "retryDelay"),
                        "1.500s");
    Google__Rpc__RetryInfo *retry =
        decoded(member(detail, "value"), &google__rpc__retry_info__descriptor);
    assert_int_equal(retry->retry_delay->seconds, 1);
    assert_int_equal(retry->retry_delay->nanos, 500000000);
    drop(retry);

    detail = json_array_get(details, 2);
    assert_string_equal(member(detail, "type"), "runnel.v1.Status");
    Runnel__V1__Status *status =
        decoded(member(detail, "value"), &runnel__v1__status__descriptor);
    assert_int_equal(status->first_available_sequence, 7);
    drop(status);
    json_decref(error);
}

static void what_is_not_utf8_is_cut(void **state)
{
    (void)state;
    const struct rnl_violation broken = {"f\xc3", "ok\xff tail"};
    const struct rnl_problem problem = {.code = RNL_INVALID_ARGUMENT,
                                        .detail = "good \xe2\x82",
                                        .violations = &broken,
                                        .violation_count = 1};
    json_t *error = error_of(&problem);
    assert_string_equal(member(error, "message"), "good ");
    const json_t *detail = json_array_get(json_object_get(error, "details"), 0);
    Google__Rpc__BadRequest *bad =
        decoded(member(detail, "value"), &google__rpc__bad_request__descriptor);
    assert_string_equal(bad->field_violations[0]->field, "f");
    assert_string_equal(bad->field_violations[0]->description, "ok");
    drop(bad);
    json_decref(error);
}

/* The message of the one envelope that text is, whose flags are given. */
static const char *opened(uint8_t flags, size_t *ret_len)
{
    struct rnl_rpc_message message;
    const char *what;
    assert_false(text.failed);
    assert_int_equal((uint8_t)text.data[0], flags);
    text.data[0] = 0;
    const struct rnl_rpc_bytes body = {(const uint8_t *)text.data, text.len};
    assert_int_equal(rnl_rpc_open(body, &message, &what), RNL_OK);
    *ret_len = message.bytes.len;
    return (const char *)message.bytes.data;
}

static void a_stream_of_connect_ends_with_an_object(void **state)
{
    size_t len;
    (void)state;
    rnl_rpc_put_end(&text, &connect_form, NULL);
    const char *end = opened(RNL_RPC_CONNECT_END, &len);
    assert_int_equal(len, 2);
    assert_memory_equal(end, "{}", 2);
    rnl_text_reset(&text);
    rnl_rpc_put_end(&text, &connect_form, &full);
    end = opened(RNL_RPC_CONNECT_END, &len);
    json_t *value = parsed(end, len);
    assert_string_equal(member(json_object_get(value, "error"), "code"),
                        "resource_exhausted");
    json_decref(value);
}

/* --- gRPC-Web --- */

/* The value of the line of trailers that begins so, in storage of its own. */
static const char *trailer(const char *trailers, size_t len, const char *name)
{
    static char line[4096];
    size_t name_len = strlen(name);
    const char *end = trailers + len;
    while (trailers < end) {
        const char *stop = memchr(trailers, '\r', (size_t)(end - trailers));
        assert_non_null(stop);
        assert_memory_equal(stop, "\r\n", 2);
        size_t line_len = (size_t)(stop - trailers);
        if (line_len >= name_len && memcmp(trailers, name, name_len) == 0) {
            memcpy(line, trailers + name_len, line_len - name_len);
            line[line_len - name_len] = '\0';
            return line;
        }
        trailers = stop + 2;
    }
    return NULL;
}

static void trailers_of_success_are_the_status_alone(void **state)
{
    size_t len;
    (void)state;
    rnl_rpc_put_end(&text, &web_form, NULL);
    const char *end = opened(RNL_RPC_GRPC_TRAILERS, &len);
    assert_int_equal(len, strlen("grpc-status: 0\r\n"));
    assert_memory_equal(end, "grpc-status: 0\r\n", len);
}

static void trailers_of_an_error_have_message_and_details(void **state)
{
    size_t len;
    (void)state;
    rnl_rpc_put_end(&text, &web_form, &full);
    const char *end = opened(RNL_RPC_GRPC_TRAILERS, &len);
    assert_string_equal(trailer(end, len, "grpc-status: "), "8");
    assert_string_equal(trailer(end, len, "grpc-message: "),
                        "too \"much\"%0D%0Aof it: 100 %25");
    Google__Rpc__Status *status =
        decoded(trailer(end, len, "grpc-status-details-bin: "),
                &google__rpc__status__descriptor);
    assert_int_equal(status->code, 8);
    assert_string_equal(status->message, full.detail);
    assert_int_equal(status->n_details, 3);
    assert_string_equal(status->details[1]->type_url,
                        "type.googleapis.com/google.rpc.RetryInfo");
    drop(status);
}

/* --- want of memory --- */

static void check_partial(const struct rnl_rpc_form *form)
{
    size_t len;
    if (text.failed)
        return;
    if (form->protocol == RNL_RPC_GRPC_WEB) {
        const char *end = opened(RNL_RPC_GRPC_TRAILERS, &len);
        assert_string_equal(trailer(end, len, "grpc-status: "), "8");
        return;
    }
    const char *end = opened(RNL_RPC_CONNECT_END, &len);
    json_decref(parsed(end, len));
}

static void want_of_memory_leaves_out_details_or_fails_the_text(void **state)
{
    const struct rnl_rpc_form *forms[] = {&connect_form, &web_form};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        fault_count();
        rnl_rpc_put_end(&text, forms[i], &full);
        size_t count = fault_stop();
        rnl_text_fini(&text);
        assert_true(count > 10);
        for (size_t k = 1; k <= 2 * count; k++) {
            fault_at((k + 1) / 2, k % 2 == 0);
            rnl_rpc_put_end(&text, forms[i], &full);
            fault_stop();
            check_partial(forms[i]);
            rnl_text_fini(&text);
        }
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(every_code_has_connects_name),
        CASE(details_are_messages_that_clients_know),
        CASE(what_is_not_utf8_is_cut),
        CASE(a_stream_of_connect_ends_with_an_object),
        CASE(trailers_of_success_are_the_status_alone),
        CASE(trailers_of_an_error_have_message_and_details),
        CASE(want_of_memory_leaves_out_details_or_fails_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
