/* SPDX-License-Identifier: Apache-2.0 */
#include "llm_verdict.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "text.h"
#include "utf8.h"

struct rule {
    enum rnl_code code;
    bool retryable;
};

/* --- messages --- */

/* Words of a stranger: one line, as much as fits, without control
 * characters. */
static void set_message(struct cli_llm_verdict *verdict, struct cli_buf *text)
{
    struct cli_buf safe = {0};
    size_t room = sizeof(verdict->message) - 1;
    for (size_t i = 0; i < text->len; i++) {
        if (isspace((unsigned char)text->data[i]))
            text->data[i] = ' ';
    }
    cli_text_add_safe(&safe, cli_buf_str(text), text->len, 0);
    const char *from = cli_buf_str(&safe);
    size_t part =
        rnl_utf8_cut(from, safe.len, safe.len < room ? safe.len : room);
    memcpy(verdict->message, from, part);
    verdict->message[part] = '\0';
    cli_buf_fini(&safe);
}

void cli_llm_verdict_set(struct cli_llm_verdict *verdict, enum rnl_code code,
                         bool retryable, const char *format, ...)
{
    struct cli_buf text = {0};
    va_list args;
    va_start(args, format);
    cli_buf_vprintf(&text, format, args);
    va_end(args);
    *verdict = (struct cli_llm_verdict){
        .code = code, .retryable = retryable, .wait_ms = CLI_LLM_NO_WAIT};
    set_message(verdict, &text);
    cli_buf_fini(&text);
}

void cli_llm_verdict_redact(struct cli_llm_verdict *verdict, const char *secret)
{
    size_t len = secret == NULL ? 0 : strlen(secret);
    struct cli_buf text = {0};
    const char *from = verdict->message;
    const char *found;
    if (len == 0)
        return;
    while ((found = strstr(from, secret)) != NULL) {
        cli_buf_add(&text, from, (size_t)(found - from));
        cli_buf_text(&text, "[key]");
        from = found + len;
    }
    cli_buf_text(&text, from);
    set_message(verdict, &text);
    cli_buf_fini(&text);
}

/* --- when to try again --- */

static int64_t limit_wait_ms(double ms)
{
    if (ms < 0)
        return 0;
    return ms < (double)CLI_LLM_WAIT_MS_MAX ? (int64_t)ms : CLI_LLM_WAIT_MS_MAX;
}

/* curl_getdate knows the three forms that RFC 9110 5.6.7 wants read. */
int64_t cli_llm_retry_after_ms(const char *text, int64_t now_s)
{
    double seconds;
    if (text == NULL)
        return CLI_LLM_NO_WAIT;
    if (cli_parse_number(text, strlen(text), &seconds))
        return seconds < 0 ? CLI_LLM_NO_WAIT : limit_wait_ms(seconds * 1000);
    time_t date = curl_getdate(text, NULL);
    if (date < 0)
        return CLI_LLM_NO_WAIT;
    return limit_wait_ms(((double)date - (double)now_s) * 1000);
}

/* The finer header is not standard, but sent by the interface's inventor. */
static int64_t find_wait_ms(const struct cli_llm_refusal *refusal)
{
    double ms;
    const char *text = refusal->retry_after_ms;
    if (text != NULL && cli_parse_number(text, strlen(text), &ms) && ms >= 0)
        return limit_wait_ms(ms);
    return cli_llm_retry_after_ms(refusal->retry_after, refusal->now_s);
}

/* --- codes --- */

static struct rule status_rule(long status)
{
    static const struct {
        long status;
        struct rule rule;
    } rules[] = {
        {401, {RNL_UNAUTHENTICATED, false}},
        {403, {RNL_PERMISSION_DENIED, false}},
        {404, {RNL_NOT_FOUND, false}},
        {408, {RNL_DEADLINE_EXCEEDED, true}},
        {409, {RNL_ABORTED, true}},
        {429, {RNL_RESOURCE_EXHAUSTED, true}},
        {501, {RNL_UNIMPLEMENTED, false}},
        {504, {RNL_DEADLINE_EXCEEDED, true}},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].status == status)
            return rules[i].rule;
    }
    if (status >= 500)
        return (struct rule){RNL_UNAVAILABLE, true};
    if (status >= 400)
        return (struct rule){RNL_INVALID_ARGUMENT, false};
    return (struct rule){RNL_FAILED_PRECONDITION, false};
}

/* By the names that servers give their errors, as "code" or as "type". */
static const struct rule *name_rule(const char *name)
{
    static const struct {
        const char *name;
        struct rule rule;
    } rules[] = {
        {"insufficient_quota", {RNL_RESOURCE_EXHAUSTED, false}},
        {"rate_limit_exceeded", {RNL_RESOURCE_EXHAUSTED, true}},
        {"rate_limit_error", {RNL_RESOURCE_EXHAUSTED, true}},
        {"content_filter", {RNL_FAILED_PRECONDITION, false}},
        {"context_length_exceeded", {RNL_INVALID_ARGUMENT, false}},
        {"model_not_found", {RNL_NOT_FOUND, false}},
        {"not_found_error", {RNL_NOT_FOUND, false}},
        {"invalid_api_key", {RNL_UNAUTHENTICATED, false}},
        {"authentication_error", {RNL_UNAUTHENTICATED, false}},
        {"permission_error", {RNL_PERMISSION_DENIED, false}},
        {"invalid_request_error", {RNL_INVALID_ARGUMENT, false}},
    };
    for (size_t i = 0; name && i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (strcmp(rules[i].name, name) == 0)
            return &rules[i].rule;
    }
    return NULL;
}

/* NULL when the error says nothing that is known. */
static const struct rule *error_rule(const json_t *error)
{
    const char *const members[] = {"code", "type"};
    const struct rule *rule = NULL;
    for (size_t i = 0; rule == NULL && i < 2; i++)
        rule = name_rule(json_string_value(json_object_get(error, members[i])));
    return rule;
}

static const char *error_message(const json_t *error)
{
    const char *message = json_string_value(json_object_get(error, "message"));
    return message != NULL ? message : json_string_value(error);
}

void cli_llm_judge_error(const json_t *error,
                         struct cli_llm_verdict *ret_verdict)
{
    struct rule rule = {RNL_UNAVAILABLE, true};
    const json_t *code = json_object_get(error, "code");
    const struct rule *named = error_rule(error);
    const char *message = error_message(error);
    if (named != NULL)
        rule = *named;
    else if (json_integer_value(code) >= 400)
        rule = status_rule((long)json_integer_value(code));
    cli_llm_verdict_set(ret_verdict, rule.code, rule.retryable,
                        "the server ended its answer with an error: %s",
                        message != NULL ? message : "(it does not say which)");
}

/* --- refusals --- */

static void judge_redirect(const struct cli_llm_refusal *refusal,
                           struct cli_llm_verdict *ret_verdict)
{
    cli_llm_verdict_set(
        ret_verdict, RNL_FAILED_PRECONDITION, false,
        "the server answered %ld and sends to %s, where the key is not taken",
        refusal->status,
        refusal->location != NULL ? refusal->location : "nowhere");
}

void cli_llm_judge_refusal(const struct cli_llm_refusal *refusal,
                           struct cli_llm_verdict *ret_verdict)
{
    struct rule rule = status_rule(refusal->status);
    if (refusal->status >= 300 && refusal->status < 400) {
        judge_redirect(refusal, ret_verdict);
        return;
    }
    json_t *body =
        json_loadb(refusal->body, refusal->body_len, JSON_ALLOW_NUL, NULL);
    const json_t *error = json_object_get(body, "error");
    const struct rule *named = error_rule(error);
    const char *message = error_message(error);
    /* A 429 that is a bill to be paid does not pass. */
    if (named != NULL && !named->retryable && refusal->status < 500)
        rule = *named;
    int len = refusal->body_len < 300 ? (int)refusal->body_len : 300;
    if (message != NULL)
        cli_llm_verdict_set(ret_verdict, rule.code, rule.retryable,
                            "the server answered %ld: %s", refusal->status,
                            message);
    else
        cli_llm_verdict_set(ret_verdict, rule.code, rule.retryable,
                            "the server answered %ld%s%.*s", refusal->status,
                            len > 0 ? ": " : "", len, refusal->body);
    if (rule.retryable)
        ret_verdict->wait_ms = find_wait_ms(refusal);
    json_decref(body);
}

void cli_llm_judge_transfer(CURLcode result, const char *detail,
                            struct cli_llm_verdict *ret_verdict)
{
    struct rule rule = {RNL_UNAVAILABLE, true};
    switch (result) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_UNSUPPORTED_PROTOCOL:
        rule = (struct rule){RNL_FAILED_PRECONDITION, false};
        break;
    case CURLE_OPERATION_TIMEDOUT:
        rule = (struct rule){RNL_DEADLINE_EXCEEDED, true};
        break;
    case CURLE_OUT_OF_MEMORY:
        rule = (struct rule){RNL_RESOURCE_EXHAUSTED, true};
        break;
    default:
        break;
    }
    cli_llm_verdict_set(ret_verdict, rule.code, rule.retryable,
                        "the server cannot be reached: %s",
                        detail[0] != '\0' ? detail
                                          : curl_easy_strerror(result));
}
