/* SPDX-License-Identifier: Apache-2.0 */
#include "unary.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "bind.h"
#include "core_link.h"
#include "shared_call.h"
#include "worker.h"

/* A call under way; in the request's pool. */
struct pending {
    struct rnl_exchange *exchange;
    const struct rnl_probe *probe;
    struct rnl_call *call;
    ProtobufCMessage *response;
    /* The answer came but could not be decoded. */
    bool garbled;
};

void rnl_exchange_fail_status(struct rnl_exchange *exchange,
                              const struct rnl_status_info *status)
{
    struct rnl_problem problem = {
        .code = status->code,
        .detail = status->message,
        .violations = status->violations,
        .violation_count = status->violation_count,
        .retry_delay_ms = status->retry_delay_ms,
        .first_available_sequence = status->first_available_sequence,
    };
    rnl_exchange_fail(exchange, &problem);
}

static void on_message(struct rnl_call *call, const uint8_t *data, size_t len,
                       void *arg)
{
    struct pending *pending = arg;
    (void)call;
    rnl_pbjson_free(pending->response);
    pending->response = protobuf_c_message_unpack(pending->probe->response,
                                                  &rnl_pb_allocator, len, data);
    pending->garbled = pending->response == NULL;
}

static void release(struct pending *pending)
{
    rnl_call_destroy(pending->call);
    pending->call = NULL;
    rnl_pbjson_free(pending->response);
    pending->response = NULL;
}

static void on_end(struct rnl_call *call, const struct rnl_status_info *status,
                   void *arg)
{
    struct pending *pending = arg;
    struct rnl_exchange *exchange = pending->exchange;
    static const struct rnl_status_info no_answer = {
        .code = RNL_INTERNAL,
        .message = "the core's answer could not be decoded"};
    (void)call;
    if (status->code == RNL_OK && pending->response == NULL)
        status = &no_answer;
    status = rnl_core_link_status(exchange->worker->core, status);
    /* The handler may put its own state there. */
    exchange->on_dispose = NULL;
    exchange->state = NULL;
    ProtobufCMessage *response = pending->response;
    pending->response = NULL;
    pending->probe->on_done(exchange, status->code == RNL_OK ? response : NULL,
                            status);
    rnl_pbjson_free(response);
    release(pending);
}

static void on_dispose(struct rnl_exchange *exchange)
{
    release(exchange->state);
}

void rnl_unary_fail_start(struct rnl_exchange *exchange, enum rnl_code code)
{
    if (code == RNL_RESOURCE_EXHAUSTED)
        rnl_exchange_fail_text(exchange, 413, code,
                               "the request is larger than what the core "
                               "takes in one frame, or memory is out");
    else
        rnl_exchange_fail_text(exchange, 0, code, NULL);
}

void rnl_probe_start(struct rnl_exchange *exchange,
                     const struct rnl_probe *probe,
                     const ProtobufCMessage *request)
{
    struct pending *pending =
        h2o_mem_alloc_pool(&exchange->req->pool, sizeof(*pending));
    *pending = (struct pending){.exchange = exchange, .probe = probe};
    struct rnl_call_options options = RNL_OPTIONS_INIT(options);
    options.timeout_ms = (int64_t)exchange->worker->bridge->call_timeout_ms;
    options.on_message = on_message;
    options.on_end = on_end;
    options.arg = pending;
    const struct rnl_core_call what = {probe->rpc, exchange->authorization};
    enum rnl_code code = rnl_core_link_call(exchange->worker->core, &what,
                                            request, &options, &pending->call);
    if (code != RNL_OK) {
        rnl_unary_fail_start(exchange, code);
        return;
    }
    exchange->state = pending;
    exchange->on_dispose = on_dispose;
    rnl_worker_wait_begin(exchange->req);
}

/* --- routes that are one call --- */

static void on_answer(struct rnl_exchange *exchange,
                      const ProtobufCMessage *response,
                      const struct rnl_status_info *status)
{
    if (response == NULL)
        rnl_exchange_fail_status(exchange, status);
    else if (exchange->route->reply != NULL)
        exchange->route->reply(exchange, response);
    else
        rnl_exchange_reply_message(exchange, 200, response);
}

void rnl_unary_call(struct rnl_exchange *exchange,
                    const ProtobufCMessage *request)
{
    if (rnl_shared_call_fits(exchange)) {
        rnl_shared_call_start(exchange, request);
        return;
    }
    struct rnl_probe *probe =
        h2o_mem_alloc_pool(&exchange->req->pool, sizeof(*probe));
    *probe = (struct rnl_probe){.rpc = exchange->route->rpc,
                                .response = exchange->route->response,
                                .on_done = on_answer};
    rnl_probe_start(exchange, probe, request);
}

/* The body is the value of a field. */
static bool is_raw(const struct rnl_exchange *exchange)
{
    return exchange->route->raw_field != NULL &&
           (rnl_exchange_content_is(exchange, "application/octet-stream") ||
            rnl_exchange_content_is(exchange, "application/x-protobuf"));
}

static ProtobufCBinaryData *raw_of(const struct rnl_exchange *exchange,
                                   ProtobufCMessage *request)
{
    const ProtobufCFieldDescriptor *field =
        rnl_pbjson_field(exchange->route->request, exchange->route->raw_field);
    return (ProtobufCBinaryData *)(void *)((char *)request + field->offset);
}

/* Makes the call with the body lent to that field. */
static enum rnl_code call_raw(struct rnl_exchange *exchange,
                              ProtobufCMessage *request,
                              struct rnl_pbjson_error *error)
{
    const h2o_iovec_t *body = &exchange->req->entity;
    ProtobufCBinaryData *bytes = raw_of(exchange, request);
    if (bytes->len > 0) {
        snprintf(error->field, sizeof(error->field), "%s",
                 exchange->route->raw_field);
        snprintf(error->what, sizeof(error->what),
                 "must be given once: it is the body");
        return RNL_INVALID_ARGUMENT;
    }
    const ProtobufCBinaryData own = *bytes;
    bytes->data = (uint8_t *)body->base;
    bytes->len = body->len;
    rnl_unary_call(exchange, request);
    *bytes = own;
    return RNL_OK;
}

/* The body as an object: {} when there is none. False when it was answered. */
static bool take_body(struct rnl_exchange *exchange, json_t **ret_object)
{
    const h2o_iovec_t *body = &exchange->req->entity;
    struct rnl_pbjson_error error;
    if (body->len == 0 || is_raw(exchange)) {
        *ret_object = json_object();
        return true;
    }
    if (!rnl_exchange_content_is(exchange, "application/json")) {
        rnl_exchange_fail_text(exchange, 415, RNL_INVALID_ARGUMENT,
                               exchange->route->raw_field != NULL
                                   ? "the body must be application/json or "
                                     "application/octet-stream"
                                   : "the body must be application/json");
        return false;
    }
    enum rnl_code code =
        rnl_pbjson_parse(body->base, body->len, ret_object, &error);
    if (code != RNL_OK)
        rnl_exchange_fail_mapping(exchange, code, &error);
    return code == RNL_OK;
}

static enum rnl_code bind_params(struct rnl_exchange *exchange, json_t *object,
                                 struct rnl_pbjson_error *error)
{
    const ProtobufCMessageDescriptor *request = exchange->route->request;
    enum rnl_code code = RNL_OK;
    for (size_t i = 0; i < exchange->param_count && code == RNL_OK; i++) {
        const struct rnl_path_param *param = &exchange->params[i];
        char name[RNL_ROUTE_NAME_MAX];
        memcpy(name, param->name, param->name_len);
        name[param->name_len] = '\0';
        code = rnl_bind(object, request, name, param->value, error);
    }
    for (size_t i = 0; i < exchange->query.count && code == RNL_OK; i++)
        code = rnl_bind(object, request, exchange->query.params[i].name,
                        exchange->query.params[i].value, error);
    return code;
}

/* The draft "Idempotency-Key" header, where the request has such a field. */
static enum rnl_code bind_idempotency_key(struct rnl_exchange *exchange,
                                          json_t *object,
                                          struct rnl_pbjson_error *error)
{
    const ProtobufCMessageDescriptor *request = exchange->route->request;
    const h2o_iovec_t *key = rnl_exchange_header(exchange, "idempotency-key");
    if (key == NULL || rnl_pbjson_field(request, "idempotency_key") == NULL)
        return RNL_OK;
    for (size_t i = 0; i < key->len; i++) {
        if (key->base[i] > ' ' && key->base[i] < 0x7f)
            continue;
        snprintf(error->field, sizeof(error->field), "Idempotency-Key");
        snprintf(error->what, sizeof(error->what),
                 "must be made of visible ASCII");
        return RNL_INVALID_ARGUMENT;
    }
    h2o_iovec_t copy = h2o_strdup(&exchange->req->pool, key->base, key->len);
    return rnl_bind(object, request, "idempotency_key", copy.base, error);
}

static void handle_object(struct rnl_exchange *exchange, json_t *object)
{
    ProtobufCMessage *request = NULL;
    struct rnl_pbjson_error error = {"", ""};
    enum rnl_code code = RNL_OK;
    if (json_is_object(object)) {
        code = bind_params(exchange, object, &error);
        if (code == RNL_OK)
            code = bind_idempotency_key(exchange, object, &error);
    }
    if (code == RNL_OK)
        code =
            rnl_pbjson_read(exchange->route->request, object, &request, &error);
    if (code == RNL_OK && is_raw(exchange))
        code = call_raw(exchange, request, &error);
    else if (code == RNL_OK)
        rnl_unary_call(exchange, request);
    if (code != RNL_OK)
        rnl_exchange_fail_mapping(exchange, code, &error);
    rnl_pbjson_free(request);
}

void rnl_unary_handle(struct rnl_exchange *exchange)
{
    json_t *object;
    if (rnl_shared_call_fits(exchange) && rnl_shared_call_join(exchange))
        return;
    if (!take_body(exchange, &object))
        return;
    handle_object(exchange, object);
    json_decref(object);
}
