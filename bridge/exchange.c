/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "bridge.h"
#include "gate.h"
#include "worker.h"

const char *rnl_exchange_param(const struct rnl_exchange *exchange,
                               const char *name)
{
    for (size_t i = 0; i < exchange->param_count; i++) {
        const struct rnl_path_param *param = &exchange->params[i];
        if (strlen(name) == param->name_len &&
            memcmp(param->name, name, param->name_len) == 0)
            return param->value;
    }
    return NULL;
}

const h2o_iovec_t *rnl_request_header(const h2o_req_t *req, const char *name)
{
    const h2o_headers_t *headers = &req->headers;
    ssize_t at = h2o_find_header_by_str(headers, name, strlen(name), -1);
    return at >= 0 ? &headers->entries[at].value : NULL;
}

const h2o_iovec_t *rnl_exchange_header(const struct rnl_exchange *exchange,
                                       const char *name)
{
    return rnl_request_header(exchange->req, name);
}

bool rnl_exchange_content_is(const struct rnl_exchange *exchange,
                             const char *type)
{
    const h2o_iovec_t *value = rnl_exchange_header(exchange, "content-type");
    size_t len = strlen(type);
    if (value == NULL || value->len < len ||
        strncasecmp(value->base, type, len) != 0)
        return false;
    return value->len == len || strchr("; \t", value->base[len]) != NULL;
}

void rnl_request_set_header(h2o_req_t *req, const char *name, const char *value)
{
    h2o_set_header_by_str(&req->pool, &req->res.headers, name, strlen(name), 1,
                          value, strlen(value), 1);
}

void rnl_exchange_set_header(struct rnl_exchange *exchange, const char *name,
                             const char *value)
{
    h2o_req_t *req = exchange->req;
    h2o_iovec_t copy = h2o_strdup(&req->pool, value, strlen(value));
    rnl_request_set_header(req, name, copy.base);
}

static bool is_head(const h2o_req_t *req)
{
    return h2o_memis(req->method.base, req->method.len, "HEAD", 4);
}

/* Types come from those who create jobs: a line break would let them write the
 * rest of the headers. */
static bool is_header_safe(const char *value)
{
    for (; *value != '\0'; value++)
        if ((unsigned char)*value < 0x20 || (unsigned char)*value >= 0x7f)
            return false;
    return true;
}

/* What every answer of ours says. No handler sets these, so that they are added
 * without a look at what is there. */
static void add_fixed_headers(h2o_req_t *req)
{
#define TEXT(text)                                  \
    {                                               \
        (char *)(uintptr_t)(text), sizeof(text) - 1 \
    }
    static h2o_iovec_t names[] = {TEXT("x-content-type-options"),
                                  TEXT("content-security-policy"),
                                  TEXT("referrer-policy")};
    static const h2o_header_t fixed[] = {
        {.name = &names[0], .value = TEXT("nosniff")},
        {.name = (h2o_iovec_t *)&H2O_TOKEN_CACHE_CONTROL->buf,
         .value = TEXT("no-store")},
        /* Whatever a job's output claims to be, it must not run as a page of
         * this origin. Files of the console are answered elsewhere, with
         * theirs. */
        {.name = &names[1],
         .value = TEXT("default-src 'none'; frame-ancestors 'none'; sandbox")},
        {.name = &names[2], .value = TEXT("no-referrer")},
    };
#undef TEXT
    h2o_headers_t *headers = &req->res.headers;
    size_t count = sizeof(fixed) / sizeof(fixed[0]);
    /* One more: the type follows. */
    h2o_vector_reserve(&req->pool, headers, headers->size + count + 1);
    memcpy(headers->entries + headers->size, fixed, sizeof(fixed));
    headers->size += count;
}

static void set_common(struct rnl_exchange *exchange, int status,
                       const char *content_type)
{
    h2o_req_t *req = exchange->req;
    exchange->answered = true;
    rnl_worker_wait_end(req);
    if (exchange->worker->draining)
        req->http1_is_persistent = 0;
    req->res.status = status;
    req->res.reason = rnl_http_reason(status);
    rnl_worker_count_answer(exchange->worker, status);
    if (content_type != NULL && !is_header_safe(content_type))
        content_type = "application/octet-stream";
    add_fixed_headers(req);
    if (content_type != NULL) {
        h2o_iovec_t type =
            h2o_strdup(&req->pool, content_type, strlen(content_type));
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE,
                       NULL, type.base, type.len);
    }
}

void rnl_exchange_reply(struct rnl_exchange *exchange, int status,
                        const char *content_type, const char *body, size_t len)
{
    h2o_req_t *req = exchange->req;
    static h2o_generator_t generator = {NULL, NULL};
    set_common(exchange, status, content_type);
    h2o_iovec_t copy = h2o_strdup(&req->pool, len > 0 ? body : "", len);
    bool bodiless = is_head(req) || status == 204;
    /* RFC 9110, 8.6: there is no length of what cannot be there. */
    req->res.content_length = status == 204 ? SIZE_MAX : len;
    h2o_start_response(req, &generator);
    h2o_send(req, &copy, bodiless || len == 0 ? 0 : 1, H2O_SEND_STATE_FINAL);
}

void rnl_exchange_begin(struct rnl_exchange *exchange, const char *content_type)
{
    set_common(exchange, 200, content_type);
    /* nginx in front would read ahead of a slow browser, into a file of up to
     * a gigabyte, and a slow reader would seem a fast one here. */
    rnl_exchange_set_header(exchange, "x-accel-buffering", "no");
    exchange->req->res.content_length = SIZE_MAX;
}

/* RFC 6750, 3: what a token is good for, and what was wrong with this one. */
static void set_challenge(struct rnl_exchange *exchange, int status)
{
    bool shown =
        exchange->authorization != NULL && exchange->authorization[0] != '\0';
    if (status == 401 && shown)
        rnl_gate_note_failure(exchange->req);
    if (status == 401)
        rnl_exchange_set_header(exchange, "www-authenticate",
                                shown ? "Bearer realm=\"runnel\", "
                                        "error=\"invalid_token\""
                                      : "Bearer realm=\"runnel\"");
    else if (status == 403 && shown)
        rnl_exchange_set_header(exchange, "www-authenticate",
                                "Bearer realm=\"runnel\", "
                                "error=\"insufficient_scope\"");
}

void rnl_exchange_fail_json(struct rnl_exchange *exchange,
                            const struct rnl_problem *problem)
{
    struct rnl_text text;
    rnl_text_init(&text, RNL_ANSWER_BYTES_MAX);
    rnl_problem_write(problem, &text);
    if (text.failed)
        rnl_text_reset(&text);
    rnl_exchange_reply(exchange, rnl_problem_status(problem),
                       "application/problem+json", text.data, text.len);
    rnl_text_fini(&text);
}

void rnl_exchange_fail(struct rnl_exchange *exchange,
                       const struct rnl_problem *problem)
{
    char seconds[16];
    uint32_t retry_s = rnl_problem_retry_s(problem);
    if (retry_s > 0) {
        snprintf(seconds, sizeof(seconds), "%u", retry_s);
        rnl_exchange_set_header(exchange, "retry-after", seconds);
    }
    set_challenge(exchange, rnl_problem_status(problem));
    if (exchange->on_fail != NULL)
        exchange->on_fail(exchange, problem);
    else
        rnl_exchange_fail_json(exchange, problem);
}

void rnl_exchange_fail_mapping(struct rnl_exchange *exchange,
                               enum rnl_code code,
                               const struct rnl_pbjson_error *error)
{
    char detail[RNL_PBJSON_FIELD_MAX + RNL_PBJSON_WHAT_MAX + 2];
    bool has_field = error->field[0] != '\0';
    snprintf(detail, sizeof(detail), "%s%s%s", error->field,
             has_field ? ": " : "", error->what);
    struct rnl_violation violation = {error->field, error->what};
    struct rnl_problem problem = {
        .code = code,
        /* Only a smaller body helps, not a later one. */
        .status = code == RNL_RESOURCE_EXHAUSTED ? 413 : 0,
        .detail = detail,
        .violations = &violation,
        .violation_count = code == RNL_INVALID_ARGUMENT && has_field,
    };
    rnl_exchange_fail(exchange, &problem);
}

void rnl_exchange_fail_text(struct rnl_exchange *exchange, int status,
                            enum rnl_code code, const char *detail)
{
    struct rnl_problem problem = {
        .code = code, .status = status, .detail = detail};
    rnl_exchange_fail(exchange, &problem);
}

void rnl_exchange_reply_message(struct rnl_exchange *exchange, int status,
                                const ProtobufCMessage *message)
{
    struct rnl_text text;
    struct rnl_pbjson_error error;
    rnl_text_init(&text, RNL_ANSWER_BYTES_MAX);
    enum rnl_code code = rnl_pbjson_write(message, &text, &error);
    rnl_text_put_byte(&text, '\n');
    if (code != RNL_OK)
        rnl_exchange_fail_mapping(exchange, code, &error);
    else
        rnl_exchange_reply(exchange, status, "application/json", text.data,
                           text.len);
    rnl_text_fini(&text);
}

bool rnl_exchange_check_query(struct rnl_exchange *exchange, const char *name)
{
    for (size_t i = 0; i < exchange->query.count; i++) {
        const char *given = exchange->query.params[i].name;
        struct rnl_pbjson_error error = {.what = "there is no such parameter"};
        if (name != NULL && strcmp(given, name) == 0)
            continue;
        snprintf(error.field, sizeof(error.field), "%s", given);
        rnl_exchange_fail_mapping(exchange, RNL_INVALID_ARGUMENT, &error);
        return false;
    }
    return true;
}
