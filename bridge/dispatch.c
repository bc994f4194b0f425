/* SPDX-License-Identifier: Apache-2.0 */
#include "dispatch.h"

#include <string.h>

#include "body.h"
#include "bridge.h"
#include "cors.h"
#include "exchange.h"
#include "gate.h"
#include "head.h"
#include "identity.h"
#include "rpc.h"
#include "utf8.h"
#include "worker.h"

static void dispose_exchange(void *data)
{
    struct rnl_exchange *exchange = data;
    if (exchange->on_dispose != NULL)
        exchange->on_dispose(exchange);
    rnl_query_fini(&exchange->query);
    rnl_worker_conn(exchange->req)->requests--;
}

static bool is_rpc(const h2o_req_t *req)
{
    return rnl_rpc_path_is(req->path_normalized.base, req->path_normalized.len);
}

/* Whatever is wrong with a call is told in its own form. */
static struct rnl_exchange *create_exchange(h2o_req_t *req)
{
    struct rnl_exchange *exchange =
        h2o_mem_alloc_shared(&req->pool, sizeof(*exchange), dispose_exchange);
    *exchange = (struct rnl_exchange){.req = req, .worker = rnl_worker_of(req)};
    rnl_worker_conn(req)->requests++;
    if (is_rpc(req))
        exchange->on_fail = rnl_rpc_fail;
    return exchange;
}

/* Copies the parameters, which point into the path, with a NUL each. */
static bool take_params(struct rnl_exchange *exchange,
                        const struct rnl_match *match)
{
    exchange->param_count = match->param_count;
    for (size_t i = 0; i < match->param_count; i++) {
        struct rnl_path_param *param = &exchange->params[i];
        *param = match->params[i];
        if (memchr(param->value, '\0', param->value_len) != NULL ||
            !rnl_utf8_valid(param->value, param->value_len))
            return false;
        param->value =
            h2o_strdup(&exchange->req->pool, param->value, param->value_len)
                .base;
    }
    return true;
}

static bool take_query(struct rnl_exchange *exchange)
{
    const h2o_req_t *req = exchange->req;
    struct rnl_pbjson_error error;
    if (req->query_at == SIZE_MAX)
        return true;
    enum rnl_code code =
        rnl_query_init(&exchange->query, req->path.base + req->query_at + 1,
                       req->path.len - req->query_at - 1, &error);
    if (code == RNL_OK)
        return true;
    rnl_exchange_fail_mapping(exchange, code, &error);
    return false;
}

static void refuse(struct rnl_exchange *exchange, const struct rnl_match *match)
{
    if (match->allow[0] == '\0') {
        rnl_exchange_fail_text(exchange, 404, RNL_NOT_FOUND,
                               "there is no such path; /openapi.json lists "
                               "those that are");
        return;
    }
    rnl_exchange_set_header(exchange, "allow", match->allow);
    rnl_exchange_fail_text(exchange, 405, RNL_UNIMPLEMENTED,
                           "this path is not there for that method");
}

static void dispatch(struct rnl_exchange *exchange,
                     const struct rnl_match *match)
{
    if (!rnl_cors_admit(exchange, match->allow))
        return;
    if (match->route == NULL) {
        refuse(exchange, match);
        return;
    }
    exchange->route = match->route;
    if (!rnl_body_fits(exchange) ||
        (!is_rpc(exchange->req) && !rnl_body_decode(exchange)))
        return;
    if (!take_params(exchange, match)) {
        rnl_exchange_fail_text(exchange, 400, RNL_INVALID_ARGUMENT,
                               "the path is not UTF-8");
        return;
    }
    if (take_query(exchange) &&
        (match->route->open || rnl_identity_take(exchange)))
        match->route->handle(exchange);
}

/* The head is still where it was read. */
static bool is_ambiguous(const h2o_req_t *req)
{
    const h2o_buffer_t *input =
        req->conn->callbacks->get_socket(req->conn)->input;
    return rnl_head_is_ambiguous(input->bytes, input->size);
}

/* Where the next request begins is not certain either. */
static void refuse_ambiguous(struct rnl_exchange *exchange)
{
    exchange->req->http1_is_persistent = 0;
    rnl_exchange_fail_text(exchange, 400, RNL_INVALID_ARGUMENT,
                           "the length of the body is given more than once");
}

/* Also what libh2o's file handler would take for a shorter name: one with
 * U+0000 in it. */
static bool is_api(const h2o_iovec_t *path)
{
    if (memchr(path->base, '\0', path->len) != NULL)
        return true;
    return path->len >= 3 && memcmp(path->base, "/v1", 3) == 0 &&
           (path->len == 3 || path->base[3] == '/');
}

static void dispatch_rpc(h2o_req_t *req)
{
    struct rnl_match match;
    rnl_rpc_route(req, &match);
    dispatch(create_exchange(req), &match);
}

static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    (void)handler;
    if (is_ambiguous(req)) {
        refuse_ambiguous(create_exchange(req));
        return 0;
    }
    struct rnl_problem problem;
    if (!rnl_gate_admit(req, &problem)) {
        rnl_exchange_fail(create_exchange(req), &problem);
        return 0;
    }
    if (is_rpc(req)) {
        dispatch_rpc(req);
        return 0;
    }
    struct rnl_match match;
    rnl_route_find(req->method.base, req->method.len, req->path_normalized.base,
                   req->path_normalized.len, &match);
    bool ours = match.route != NULL || match.allow[0] != '\0' ||
                is_api(&req->path_normalized);
    if (!ours && rnl_worker_of(req)->bridge->web_root != NULL) {
        rnl_worker_track(req);
        return -1;
    }
    dispatch(create_exchange(req), &match);
    return 0;
}

void rnl_dispatch_register(h2o_pathconf_t *path)
{
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_request;
}
