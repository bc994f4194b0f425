/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "buf.h"
#include "llm_answer.h"
#include "llm_request.h"
#include "llm_verdict.h"

/* --- answers --- */

static struct cli_llm_answer answer;

static void begin(void)
{
    cli_llm_answer_fini(&answer);
    memset(&answer, 0, sizeof(answer));
}

static void feed(const char *text)
{
    cli_llm_answer_feed(&answer, text, strlen(text));
}

#define CHUNK(delta, reason)                                             \
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\"," \
    "\"created\":1,\"model\":\"m-1\",\"choices\":[{\"index\":0,"         \
    "\"delta\":" delta ",\"finish_reason\":" reason "}]}\n\n"

static const char whole[] = CHUNK("{\"role\":\"assistant\",\"content\":\"\"}",
                                  "null")
    CHUNK("{\"content\":\"Wasser \xC3\xA4\"}", "null") ": keep-alive\n\n" CHUNK(
        "{\"content\":\" \\ud83c\\udf0a\"}", "null")
        CHUNK(
            "{}",
            "\"stop\"") "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,"
                        "\"completion_tokens\":4,\"total_tokens\":13}}\n\n"
                        "data: [DONE]\n\n";

static const char whole_text[] = "Wasser \xC3\xA4 \xF0\x9F\x8C\x8A";

static void check_whole(void)
{
    assert_string_equal(cli_buf_str(&answer.output), whole_text);
    assert_true(cli_llm_answer_whole(&answer));
    assert_true(answer.done);
    assert_false(answer.failed);
    assert_string_equal(answer.finish_reason, "stop");
    assert_string_equal(answer.model, "m-1");
    assert_true(answer.has_usage);
    assert_int_equal(answer.prompt_tokens, 9);
    assert_int_equal(answer.completion_tokens, 4);
}

static void an_answer_is_the_same_however_it_is_cut(void **state)
{
    (void)state;
    size_t len = strlen(whole);
    for (size_t cut = 0; cut <= len; cut++) {
        begin();
        cli_llm_answer_feed(&answer, whole, cut);
        cli_llm_answer_feed(&answer, whole + cut, len - cut);
        check_whole();
    }
    begin();
    for (size_t i = 0; i < len; i++)
        cli_llm_answer_feed(&answer, whole + i, 1);
    check_whole();
}

static void what_follows_done_is_not_read(void **state)
{
    (void)state;
    begin();
    feed(whole);
    feed(CHUNK("{\"content\":\"more\"}", "null") "data: no JSON\n\n");
    check_whole();
}

/* Servers end without [DONE], or without a finish_reason; not without both. */
static void an_answer_that_was_cut_is_not_whole(void **state)
{
    (void)state;
    begin();
    feed(CHUNK("{\"content\":\"a\"}", "null"));
    assert_false(cli_llm_answer_whole(&answer));
    feed("data: [DONE]\n");
    assert_false(cli_llm_answer_whole(&answer));
    feed("\n");
    assert_true(cli_llm_answer_whole(&answer));
    begin();
    feed(CHUNK("{\"content\":\"a\"}", "\"length\""));
    assert_true(cli_llm_answer_whole(&answer));
    assert_string_equal(answer.finish_reason, "length");
}

static void chunks_without_text_are_passed_over(void **state)
{
    (void)state;
    begin();
    feed(CHUNK("{\"role\":\"assistant\"}", "null"));
    feed(CHUNK("{\"content\":null,\"reasoning_content\":\"hm\"}", "null"));
    feed("data: {\"choices\":[]}\n\ndata: {}\n\ndata:\n\n");
    feed("data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"}}]}"
         "\n\ndata: {\"choices\":null,\"error\":null,\"usage\":null}\n\n");
    assert_int_equal(answer.output.len, 0);
    assert_false(answer.failed);
    assert_false(answer.has_usage);
    feed(CHUNK("{\"content\":\"a\"}", "null"));
    assert_string_equal(cli_buf_str(&answer.output), "a");
}

static void a_refusal_of_the_model_is_text(void **state)
{
    (void)state;
    begin();
    feed(CHUNK("{\"content\":null,\"refusal\":\"No.\"}", "\"stop\""));
    assert_string_equal(cli_buf_str(&answer.output), "No.");
    assert_true(answer.refused);
}

static void chunks_go_out_as_lines_when_asked_for(void **state)
{
    (void)state;
    begin();
    answer.as_chunks = true;
    feed("data: {\"choices\": [{\"delta\":\ndata: {\"content\": \"a\\nb\"}}],"
         " \"p\": 0.1}\n\ndata: [DONE]\n\n");
    assert_string_equal(cli_buf_str(&answer.output),
                        "{\"choices\":[{\"delta\":{\"content\":\"a\\nb\"}}],"
                        "\"p\":0.1}\n");
    assert_true(cli_llm_answer_whole(&answer));
}

static void expect_failure(const char *text, enum rnl_code code, bool retryable,
                           const char *message)
{
    begin();
    feed(CHUNK("{\"content\":\"a\"}", "\"stop\""));
    feed(text);
    assert_true(answer.failed);
    assert_false(cli_llm_answer_whole(&answer));
    assert_int_equal(answer.verdict.code, code);
    assert_int_equal(answer.verdict.retryable, retryable);
    assert_non_null(strstr(answer.verdict.message, message));
    assert_string_equal(cli_buf_str(&answer.output), "a");
}

static void an_error_in_the_middle_ends_the_answer(void **state)
{
    (void)state;
    expect_failure("data: {\"error\":{\"message\":\"busy\",\"type\":"
                   "\"server_error\"}}\n\n",
                   RNL_UNAVAILABLE, true, "busy");
    expect_failure("data: {\"error\":{\"message\":\"too long\",\"code\":"
                   "\"context_length_exceeded\"}}\n\n",
                   RNL_INVALID_ARGUMENT, false, "too long");
    expect_failure("data: {\"error\":{\"message\":\"no\",\"code\":429,"
                   "\"type\":\"insufficient_quota\"}}\n\n",
                   RNL_RESOURCE_EXHAUSTED, false, "no");
    expect_failure("data: {\"error\":{\"code\":400,\"message\":\"bad\"}}\n\n",
                   RNL_INVALID_ARGUMENT, false, "bad");
    expect_failure("data: {\"error\":\"just a text\"}\n\n", RNL_UNAVAILABLE,
                   true, "just a text");
    expect_failure("data: {\"error\":{}}\n\n", RNL_UNAVAILABLE, true,
                   "does not say");
    expect_failure("event: error\ndata: overloaded\n\n", RNL_UNAVAILABLE, true,
                   "overloaded");
    expect_failure("event: error\ndata: {\"error\":{\"message\":\"x\"}}\n\n",
                   RNL_UNAVAILABLE, true, "x");
}

static void what_is_no_chunk_ends_the_answer(void **state)
{
    (void)state;
    expect_failure("data: {\"choices\n\n", RNL_DATA_LOSS, true, "cannot be");
    expect_failure("data: [1]\n\n", RNL_DATA_LOSS, true, "no JSON object");
    expect_failure("data: \xFF\xFE\n\n", RNL_DATA_LOSS, true, "cannot be");
    expect_failure("data: {\"a\":1,\"a\":2}\n\n", RNL_DATA_LOSS, true,
                   "duplicate");
}

static void an_endless_event_ends_the_answer(void **state)
{
    (void)state;
    char piece[4096];
    memset(piece, 'x', sizeof(piece));
    begin();
    feed("data: ");
    for (size_t at = 0; at < CLI_SSE_LEN_MAX && !answer.failed;
         at += sizeof(piece))
        cli_llm_answer_feed(&answer, piece, sizeof(piece));
    assert_true(answer.failed);
    assert_non_null(strstr(answer.verdict.message, "1 MiB"));
    begin();
}

/* --- verdicts --- */

static void expect_refusal(long status, const char *body, enum rnl_code code,
                           bool retryable, const char *message)
{
    struct cli_llm_refusal refusal = {
        .status = status, .body = body, .body_len = strlen(body)};
    struct cli_llm_verdict verdict;
    cli_llm_judge_refusal(&refusal, &verdict);
    assert_int_equal(verdict.code, code);
    assert_int_equal(verdict.retryable, retryable);
    assert_int_equal(verdict.wait_ms, CLI_LLM_NO_WAIT);
    assert_string_equal(verdict.message, message);
}

static void a_status_tells_whether_to_try_again(void **state)
{
    (void)state;
    expect_refusal(400, "{\"error\":{\"message\":\"bad\"}}",
                   RNL_INVALID_ARGUMENT, false, "the server answered 400: bad");
    expect_refusal(401, "", RNL_UNAUTHENTICATED, false,
                   "the server answered 401");
    expect_refusal(403, "no", RNL_PERMISSION_DENIED, false,
                   "the server answered 403: no");
    expect_refusal(404, "{\"error\":\"model?\"}", RNL_NOT_FOUND, false,
                   "the server answered 404: model?");
    expect_refusal(408, "", RNL_DEADLINE_EXCEEDED, true,
                   "the server answered 408");
    expect_refusal(409, "", RNL_ABORTED, true, "the server answered 409");
    expect_refusal(422, "", RNL_INVALID_ARGUMENT, false,
                   "the server answered 422");
    expect_refusal(429, "", RNL_RESOURCE_EXHAUSTED, true,
                   "the server answered 429");
    expect_refusal(500, "a\nb\x01\xFF", RNL_UNAVAILABLE, true,
                   "the server answered 500: a b\xEF\xBF\xBD\xEF\xBF\xBD");
    expect_refusal(501, "", RNL_UNIMPLEMENTED, false,
                   "the server answered 501");
    expect_refusal(503, "", RNL_UNAVAILABLE, true, "the server answered 503");
    expect_refusal(529, "", RNL_UNAVAILABLE, true, "the server answered 529");
    expect_refusal(204, "", RNL_FAILED_PRECONDITION, false,
                   "the server answered 204");
}

/* A used up quota is a 429 too, and does not come back by itself. */
static void a_bill_to_pay_is_final(void **state)
{
    (void)state;
    expect_refusal(429,
                   "{\"error\":{\"message\":\"pay\",\"type\":"
                   "\"insufficient_quota\",\"code\":\"insufficient_quota\"}}",
                   RNL_RESOURCE_EXHAUSTED, false,
                   "the server answered 429: pay");
    /* What a server says of its own faults is not of the request. */
    expect_refusal(500, "{\"error\":{\"type\":\"invalid_request_error\"}}",
                   RNL_UNAVAILABLE, true,
                   "the server answered 500: "
                   "{\"error\":{\"type\":\"invalid_request_error\"}}");
}

static void a_redirect_is_refused(void **state)
{
    (void)state;
    struct cli_llm_refusal refusal = {
        .status = 307, .body = "", .location = "https://elsewhere.example/"};
    struct cli_llm_verdict verdict;
    cli_llm_judge_refusal(&refusal, &verdict);
    assert_int_equal(verdict.code, RNL_FAILED_PRECONDITION);
    assert_false(verdict.retryable);
    assert_non_null(strstr(verdict.message, "elsewhere.example"));
}

static void retry_after_is_seconds_or_a_date(void **state)
{
    (void)state;
    static const int64_t now_s = 784111777; /* of the examples in RFC 9110 */
    assert_int_equal(cli_llm_retry_after_ms("120", now_s), 120000);
    assert_int_equal(cli_llm_retry_after_ms(" 0 ", now_s), 0);
    assert_int_equal(cli_llm_retry_after_ms("1.5", now_s), 1500);
    assert_int_equal(
        cli_llm_retry_after_ms("Sun, 06 Nov 1994 08:49:40 GMT", now_s), 3000);
    assert_int_equal(
        cli_llm_retry_after_ms("Sunday, 06-Nov-94 08:49:40 GMT", now_s), 3000);
    assert_int_equal(cli_llm_retry_after_ms("Sun Nov  6 08:49:40 1994", now_s),
                     3000);
    assert_int_equal(
        cli_llm_retry_after_ms("Sun, 06 Nov 1994 08:00:00 GMT", now_s), 0);
    assert_int_equal(cli_llm_retry_after_ms("1e300", now_s),
                     CLI_LLM_WAIT_MS_MAX);
    assert_int_equal(cli_llm_retry_after_ms("-1", now_s), CLI_LLM_NO_WAIT);
    assert_int_equal(cli_llm_retry_after_ms("soon", now_s), CLI_LLM_NO_WAIT);
    assert_int_equal(cli_llm_retry_after_ms("", now_s), CLI_LLM_NO_WAIT);
    assert_int_equal(cli_llm_retry_after_ms(NULL, now_s), CLI_LLM_NO_WAIT);
}

static int64_t wait_of(long status, const char *after, const char *after_ms)
{
    struct cli_llm_refusal refusal = {.status = status,
                                      .body = "",
                                      .retry_after = after,
                                      .retry_after_ms = after_ms};
    struct cli_llm_verdict verdict;
    cli_llm_judge_refusal(&refusal, &verdict);
    return verdict.wait_ms;
}

static void the_finer_header_goes_first(void **state)
{
    (void)state;
    assert_int_equal(wait_of(429, "2", NULL), 2000);
    assert_int_equal(wait_of(503, "2", "150"), 150);
    assert_int_equal(wait_of(429, "2", "x"), 2000);
    /* What will fail again is not worth a wait. */
    assert_int_equal(wait_of(400, "2", "150"), CLI_LLM_NO_WAIT);
}

static void a_quoted_key_is_taken_out(void **state)
{
    (void)state;
    struct cli_llm_verdict verdict;
    cli_llm_verdict_set(&verdict, RNL_UNAUTHENTICATED, false,
                        "sk-1: bad key sk-1, not sk-2");
    cli_llm_verdict_redact(&verdict, "sk-1");
    assert_string_equal(verdict.message, "[key]: bad key [key], not sk-2");
    cli_llm_verdict_redact(&verdict, "");
    cli_llm_verdict_redact(&verdict, NULL);
    assert_string_equal(verdict.message, "[key]: bad key [key], not sk-2");
}

static void a_long_message_is_cut_between_characters(void **state)
{
    (void)state;
    char text[2000];
    struct cli_llm_verdict verdict;
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xC3\xA9", 3);
    cli_llm_verdict_set(&verdict, RNL_UNKNOWN, false, "%s", text);
    assert_int_equal(strlen(verdict.message), sizeof(verdict.message) - 2);
}

static void the_network_may_come_back_and_a_bad_certificate_not(void **state)
{
    (void)state;
    struct cli_llm_verdict verdict;
    cli_llm_judge_transfer(CURLE_COULDNT_CONNECT, "refused", &verdict);
    assert_int_equal(verdict.code, RNL_UNAVAILABLE);
    assert_true(verdict.retryable);
    assert_string_equal(verdict.message,
                        "the server cannot be reached: refused");
    cli_llm_judge_transfer(CURLE_PEER_FAILED_VERIFICATION, "", &verdict);
    assert_int_equal(verdict.code, RNL_FAILED_PRECONDITION);
    assert_false(verdict.retryable);
    cli_llm_judge_transfer(CURLE_OPERATION_TIMEDOUT, "", &verdict);
    assert_int_equal(verdict.code, RNL_DEADLINE_EXCEEDED);
    assert_true(verdict.retryable);
}

/* --- requests --- */

static const char *const names[] = {"small", "big"};
static const struct cli_llm_models models = {.names = names, .count = 2};

static void check_make(const struct cli_llm_models *offer, const char *type,
                       const char *input, const struct rnl_pair *options,
                       const char *want_body, const char *want_fault)
{
    struct rnl_job job = {.input = input,
                          .input_len = strlen(input),
                          .input_content_type = type,
                          .options = options};
    struct cli_llm_request request;
    struct cli_buf fault = {0};
    while (options != NULL && options[job.option_count].key != NULL)
        job.option_count++;
    bool made = cli_llm_request_make(offer, &job, &request, &fault);
    assert_string_equal(cli_buf_str(&fault), want_fault);
    assert_int_equal(made, want_fault[0] == '\0');
    assert_string_equal(cli_buf_str(&request.body), want_body);
    cli_llm_request_fini(&request);
    cli_buf_fini(&fault);
}

#define STREAMING "\"stream\":true,\"stream_options\":{\"include_usage\":true}}"

static void text_is_a_message_of_the_user(void **state)
{
    (void)state;
    static const char body[] =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"say \\\"hi\\\"\"}],"
        "\"model\":\"small\"," STREAMING;
    check_make(&models, "text/plain", "say \"hi\"", NULL, body, "");
    check_make(&models, "application/octet-stream", "say \"hi\"", NULL, body,
               "");
    check_make(&models, "application/jsonx", "say \"hi\"", NULL, body, "");
    check_make(&models, "text/plain", "", NULL, "", "input must not be empty");
    check_make(&models, "text/plain", "\xFF", NULL, "",
               "input must be UTF-8 text, or application/json");
}

static void json_is_messages_or_a_whole_body(void **state)
{
    (void)state;
    check_make(&models, "application/json; charset=utf-8",
               "[{\"role\":\"user\",\"content\":\"a\"}]", NULL,
               "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
               "\"model\":\"small\"," STREAMING,
               "");
    check_make(&models, "Application/JSON",
               "{\"model\":\"big\",\"messages\":[{\"role\":\"user\"}],"
               "\"temperature\":0.1,\"stream\":false,\"n\":1}",
               NULL,
               "{\"model\":\"big\",\"messages\":[{\"role\":\"user\"}],"
               "\"temperature\":0.1,\"stream\":true,\"n\":1,"
               "\"stream_options\":{\"include_usage\":true}}",
               "");
}

static void json_that_is_no_request_is_refused(void **state)
{
    (void)state;
    static const char type[] = "application/json";
    check_make(&models, type, "{", NULL, "",
               "input is no JSON: line 1 column 1: string or '}' expected near "
               "end of file");
    check_make(&models, type, "{}", NULL, "",
               "input: messages must be a list of at least one");
    check_make(&models, type, "[]", NULL, "",
               "input: messages must be a list of at least one");
    check_make(&models, type, "7", NULL, "",
               "input is no JSON: line 1 column 1: '[' or '{' expected near "
               "'7'");
    check_make(&models, type, "[{\"role\":\"user\"},{\"content\":\"a\"}]", NULL,
               "", "input: messages[1] has no role");
    check_make(&models, type, "{\"messages\":[{\"role\":\"user\"}],\"n\":2}",
               NULL, "", "input: n must be 1: a job has one output");
    check_make(&models, type,
               "{\"messages\":[{\"role\":\"user\"}],\"tools\":[]}", NULL, "",
               "input: tools need options.output=chunks");
}

static void options_go_over_the_body(void **state)
{
    (void)state;
    static const struct rnl_pair options[] = {
        {"model", "big"},        {"temperature", "0.5"},
        {"max_tokens", "100"},   {"seed", "-7"},
        {"system", "Be terse."}, {"output", "chunks"},
        {"stop", "END"},         {NULL, NULL},
    };
    check_make(&models, "application/json",
               "{\"temperature\":1,\"messages\":[{\"role\":\"user\"}]}",
               options,
               "{\"temperature\":0.5,\"messages\":[{\"role\":\"system\","
               "\"content\":\"Be terse.\"},{\"role\":\"user\"}],"
               "\"model\":\"big\",\"max_tokens\":100,\"seed\":-7,"
               "\"stop\":\"END\"," STREAMING,
               "");
}

static void expect_option_fault(const char *name, const char *value,
                                const char *fault)
{
    const struct rnl_pair options[] = {{name, value}, {NULL, NULL}};
    check_make(&models, "text/plain", "a", options, "", fault);
}

static void options_out_of_range_are_named(void **state)
{
    (void)state;
    expect_option_fault("temperature", "2.1",
                        "options.temperature must be a number from 0 to 2");
    expect_option_fault("temperature", "warm",
                        "options.temperature must be a number from 0 to 2");
    expect_option_fault(
        "max_tokens", "0",
        "options.max_tokens must be a whole number from 1 to 1000000000");
    expect_option_fault(
        "max_tokens", "1.5",
        "options.max_tokens must be a whole number from 1 to 1000000000");
    expect_option_fault("output", "xml",
                        "options.output must be text or chunks");
    expect_option_fault("temprature", "1",
                        "options.temprature is none of an llm job");
    expect_option_fault("model", "huge",
                        "options.model: this worker has small, not huge");
}

static void other_models_are_taken_when_any_is(void **state)
{
    (void)state;
    static const struct rnl_pair options[] = {{"model", "huge"}, {NULL, NULL}};
    struct cli_llm_models any = models;
    any.any = true;
    check_make(&any, "text/plain", "a", options,
               "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
               "\"model\":\"huge\"," STREAMING,
               "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_the_same_however_it_is_cut),
        cmocka_unit_test(what_follows_done_is_not_read),
        cmocka_unit_test(an_answer_that_was_cut_is_not_whole),
        cmocka_unit_test(chunks_without_text_are_passed_over),
        cmocka_unit_test(a_refusal_of_the_model_is_text),
        cmocka_unit_test(chunks_go_out_as_lines_when_asked_for),
        cmocka_unit_test(an_error_in_the_middle_ends_the_answer),
        cmocka_unit_test(what_is_no_chunk_ends_the_answer),
        cmocka_unit_test(an_endless_event_ends_the_answer),
        cmocka_unit_test(a_status_tells_whether_to_try_again),
        cmocka_unit_test(a_bill_to_pay_is_final),
        cmocka_unit_test(a_redirect_is_refused),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
        cmocka_unit_test(the_finer_header_goes_first),
        cmocka_unit_test(a_quoted_key_is_taken_out),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
        cmocka_unit_test(the_network_may_come_back_and_a_bad_certificate_not),
        cmocka_unit_test(text_is_a_message_of_the_user),
        cmocka_unit_test(json_is_messages_or_a_whole_body),
        cmocka_unit_test(json_that_is_no_request_is_refused),
        cmocka_unit_test(options_go_over_the_body),
        cmocka_unit_test(options_out_of_range_are_named),
        cmocka_unit_test(other_models_are_taken_when_any_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
