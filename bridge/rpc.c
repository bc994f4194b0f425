/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "bridge.h"
#include "core_link.h"
#include "pbjson.h"
#include "rpc_error.h"
#include "worker.h"

/* The path without its slash. */
static const struct rnl_rpc_method *method_of(const h2o_req_t *req)
{
    return rnl_rpc_method_find(req->path_normalized.base + 1,
                               req->path_normalized.len - 1);
}

/* --- answers --- */

/* Of a GET: ?encoding=. */
static bool take_query_form(const struct rnl_exchange *exchange,
                            struct rnl_rpc_form *ret_form)
{
    const char *encoding = rnl_query_get(&exchange->query, "encoding");
    *ret_form = (struct rnl_rpc_form){.protocol = RNL_RPC_CONNECT};
    if (encoding == NULL)
        return false;
    ret_form->is_json = strcmp(encoding, "json") == 0;
    return ret_form->is_json || strcmp(encoding, "proto") == 0;
}

static bool take_form(const struct rnl_exchange *exchange,
                      struct rnl_rpc_form *ret_form)
{
    const h2o_iovec_t *type = rnl_exchange_header(exchange, "content-type");
    if (rnl_rpc_is_get(exchange))
        return take_query_form(exchange, ret_form);
    if (type == NULL || !rnl_rpc_form_find(type->base, type->len, ret_form))
        return false;
    const h2o_iovec_t *accept = rnl_exchange_header(exchange, "accept");
    if (accept != NULL)
        rnl_rpc_form_accept(ret_form, accept->base, accept->len);
    return true;
}

static void reply_error(struct rnl_exchange *exchange,
                        const struct rnl_rpc_form *form,
                        const struct rnl_problem *problem)
{
    struct rnl_text text;
    bool is_unary = form->protocol == RNL_RPC_CONNECT;
    rnl_text_init(&text, RNL_ANSWER_BYTES_MAX);
    if (is_unary)
        rnl_rpc_put_error(&text, problem);
    else
        rnl_rpc_put_end(&text, form, problem);
    if (form->is_text)
        rnl_rpc_to_text(&text);
    if (text.failed)
        rnl_text_reset(&text);
    rnl_exchange_reply(exchange,
                       is_unary ? rnl_code_http((int)problem->code) : 200,
                       is_unary ? "application/json" : rnl_rpc_form_type(form),
                       text.data, text.len);
    rnl_text_fini(&text);
}

void rnl_rpc_fail(struct rnl_exchange *exchange,
                  const struct rnl_problem *problem)
{
    struct rnl_rpc_form form;
    /* Connect wants these two as HTTP has them. */
    if (problem->status == 415 || problem->status == 405)
        rnl_exchange_fail_json(exchange, problem);
    else if (take_form(exchange, &form))
        reply_error(exchange, &form, problem);
    else
        rnl_exchange_fail_json(exchange, problem);
}

enum rnl_code rnl_rpc_put_answer(struct rnl_text *text,
                                 const struct rnl_rpc *rpc,
                                 struct rnl_rpc_bytes answer)
{
    struct rnl_pbjson_error error;
    if (!rpc->form.is_json) {
        rnl_text_put(text, answer.data, answer.len);
        return text->failed ? RNL_RESOURCE_EXHAUSTED : RNL_OK;
    }
    ProtobufCMessage *message = protobuf_c_message_unpack(
        rpc->method->response, &rnl_pb_allocator, answer.len, answer.data);
    if (message == NULL)
        return RNL_INTERNAL;
    enum rnl_code code = rnl_pbjson_write(message, text, &error);
    rnl_pbjson_free(message);
    return code;
}

/* --- what was asked --- */

static void refuse_type(struct rnl_exchange *exchange)
{
    rnl_exchange_set_header(exchange, "accept-post", RNL_RPC_CONTENT_TYPES);
    rnl_exchange_fail_text(exchange, 415, RNL_INVALID_ARGUMENT,
                           rnl_rpc_is_get(exchange)
                               ? "?encoding= must be json or proto"
                               : "this method is not called with a body of "
                                 "that content-type; accept-post lists those "
                                 "that there are");
}

/* Without envelopes there is no stream, and a unary method needs none. */
static bool form_fits(const struct rnl_rpc *rpc)
{
    bool streams = rpc->method->server_streams || rpc->method->client_streams;
    return rpc->form.protocol == RNL_RPC_GRPC_WEB ||
           streams == (rpc->form.protocol == RNL_RPC_CONNECT_STREAM);
}

/* --- the call --- */

/* Headers that the core knows as metadata of a call. */
static size_t take_metadata(const struct rnl_exchange *exchange,
                            struct rnl_pair *pairs, size_t max)
{
    static const char *const names[] = {"idempotency-key", "traceparent"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && count < max;
         i++) {
        const h2o_iovec_t *value = rnl_exchange_header(exchange, names[i]);
        if (value == NULL)
            continue;
        h2o_iovec_t copy =
            h2o_strdup(&exchange->req->pool, value->base, value->len);
        pairs[count++] = (struct rnl_pair){names[i], copy.base};
    }
    return count;
}

enum rnl_code rnl_rpc_start(struct rnl_exchange *exchange,
                            const struct rnl_rpc *rpc,
                            struct rnl_call_options *options,
                            struct rnl_call **ret_call)
{
    struct rnl_pair metadata[2];
    const struct rnl_request request = {.data = rpc->request.data,
                                        .len = rpc->request.len};
    options->metadata_count = take_metadata(exchange, metadata, 2);
    options->metadata = metadata;
    const struct rnl_core_call what = {rpc->method->name,
                                       exchange->authorization};
    return rnl_core_link_call_bytes(exchange->worker->core, &what, &request,
                                    options, ret_call);
}

static void refuse_method(struct rnl_exchange *exchange,
                          const struct rnl_rpc_method *method)
{
    rnl_exchange_fail_text(
        exchange, 0, RNL_UNIMPLEMENTED,
        method == NULL ? "there is no such method"
                       : "clients cannot stream over HTTP/1.1; use another "
                         "method, or the core's own protocol");
}

static void handle(struct rnl_exchange *exchange)
{
    struct rnl_rpc rpc = {.method = method_of(exchange->req)};
    if (!take_form(exchange, &rpc.form) ||
        (rpc.method != NULL && !form_fits(&rpc))) {
        refuse_type(exchange);
        return;
    }
    if (rpc.method == NULL || rpc.method->client_streams) {
        refuse_method(exchange, rpc.method);
        return;
    }
    if (!rnl_rpc_take_request(exchange, &rpc))
        return;
    if (rpc.method->server_streams)
        rnl_rpc_stream(exchange, &rpc);
    else
        rnl_rpc_unary(exchange, &rpc);
}

void rnl_rpc_route(const h2o_req_t *req, struct rnl_match *ret_match)
{
    static const struct rnl_route post = {
        .verb = "POST", .pattern = "/{service}/{method}", .handle = handle};
    static const struct rnl_route get = {
        .verb = "GET", .pattern = "/{service}/{method}", .handle = handle};
    const struct rnl_rpc_method *method = method_of(req);
    const h2o_iovec_t *verb = &req->method;
    bool by_get = method != NULL && method->no_side_effects;
    *ret_match = (struct rnl_match){0};
    snprintf(ret_match->allow, sizeof(ret_match->allow), "%s",
             by_get ? "GET, HEAD, POST" : "POST");
    if (h2o_memis(verb->base, verb->len, "POST", 4))
        ret_match->route = &post;
    else if (by_get && (h2o_memis(verb->base, verb->len, "GET", 3) ||
                        h2o_memis(verb->base, verb->len, "HEAD", 4)))
        ret_match->route = &get;
}
