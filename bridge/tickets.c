/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/tickets: a ticket for one path, made of the token that is shown
 * (ticket.h), once the core has said that it is a token. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <runnel/v1/tokens.pb-c.h>

#include "bridge.h"
#include "handlers.h"
#include "rfc3339.h"
#include "ticket.h"
#include "unary.h"
#include "worker.h"

#define ANSWER_MAX (2 * RNL_TICKET_PATH_MAX + RNL_TICKET_TEXT_MAX)

static const char wrong_path[] =
    "must be the path and query of an answer that streams, such as "
    "/v1/jobs/ID/events";

static void fail(struct rnl_exchange *exchange, const char *field,
                 const char *what)
{
    struct rnl_pbjson_error error;
    snprintf(error.field, sizeof(error.field), "%s", field);
    snprintf(error.what, sizeof(error.what), "%s", what);
    rnl_exchange_fail_mapping(exchange, RNL_INVALID_ARGUMENT, &error);
}

static bool is_streaming(const char *path)
{
    struct rnl_match match;
    rnl_route_find("GET", 3, path, strcspn(path, "?"), &match);
    return match.route != NULL && match.route->streams;
}

/* The body {"path": ...}; in the request's pool. NULL: it was answered. */
static const char *take_path(struct rnl_exchange *exchange)
{
    const h2o_iovec_t *body = &exchange->req->entity;
    struct rnl_pbjson_error error;
    json_t *object = NULL;
    const char *given = NULL;
    if (!rnl_exchange_content_is(exchange, "application/json")) {
        rnl_exchange_fail_text(exchange, 415, RNL_INVALID_ARGUMENT,
                               "the body must be application/json");
        return NULL;
    }
    enum rnl_code code =
        rnl_pbjson_parse(body->base, body->len, &object, &error);
    if (code != RNL_OK) {
        rnl_exchange_fail_mapping(exchange, code, &error);
        return NULL;
    }
    char path[RNL_TICKET_PATH_MAX];
    const json_t *member = json_object_get(object, "path");
    if (json_object_size(object) == 1 && json_is_string(member) &&
        rnl_ticket_path(json_string_value(member), json_string_length(member),
                        path) &&
        is_streaming(path))
        given = h2o_strdup(&exchange->req->pool, path, strlen(path)).base;
    else
        fail(exchange, "path", wrong_path);
    json_decref(object);
    return given;
}

/* "" where the core has no tokens: such a ticket is as good as none. */
static const char *token_of(const struct rnl_exchange *exchange)
{
    const char *value = exchange->authorization;
    size_t len;
    const char *token =
        value != NULL ? rnl_bearer_of(value, strlen(value), &len) : NULL;
    return token != NULL ? token : "";
}

static void answer(struct rnl_exchange *exchange, const char *path,
                   const struct rnl_ticket *ticket, const char *text)
{
    struct rnl_text body;
    char expire[RNL_TIME_TEXT_MAX] = "";
    rnl_timestamp_format(ticket->expire_s, 0, expire);
    rnl_text_init(&body, ANSWER_MAX);
    rnl_text_printf(&body,
                    "{\"ticket\":\"%s\",\"expireTime\":\"%s\",\"path\":", text,
                    expire);
    rnl_text_put_json(&body, path, strlen(path));
    rnl_text_puts(&body, "}\n");
    if (body.failed)
        rnl_exchange_fail_text(exchange, 0, RNL_RESOURCE_EXHAUSTED, NULL);
    else
        rnl_exchange_reply(exchange, 201, "application/json", body.data,
                           body.len);
    rnl_text_fini(&body);
}

static void on_token(struct rnl_exchange *exchange,
                     const ProtobufCMessage *response,
                     const struct rnl_status_info *status)
{
    char text[RNL_TICKET_TEXT_MAX];
    if (response == NULL) {
        rnl_exchange_fail_status(exchange, status);
        return;
    }
    const char *path = take_path(exchange);
    if (path == NULL)
        return;
    const struct rnl_ticket ticket = {.path = path,
                                      .token = token_of(exchange),
                                      .expire_s = time(NULL) + RNL_TICKET_S};
    if (rnl_ticket_seal(exchange->worker->bridge->ticket_key, &ticket, text))
        answer(exchange, path, &ticket, text);
    else
        rnl_exchange_fail_text(exchange, 0, RNL_RESOURCE_EXHAUSTED, NULL);
}

void rnl_handle_tickets(struct rnl_exchange *exchange)
{
    static const struct rnl_probe probe = {
        .rpc = "runnel.v1.TokenService/GetOwnToken",
        .response = &runnel__v1__get_own_token_response__descriptor,
        .on_done = on_token};
    static const Runnel__V1__GetOwnTokenRequest request =
        RUNNEL__V1__GET_OWN_TOKEN_REQUEST__INIT;
    if (rnl_exchange_check_query(exchange, NULL))
        rnl_probe_start(exchange, &probe, &request.base);
}
