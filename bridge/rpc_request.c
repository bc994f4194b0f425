/* SPDX-License-Identifier: Apache-2.0 */
/* What a call says besides its method, and its message: rnl_rpc_take_request.
 */
#include <string.h>

#include "base64.h"
#include "body.h"
#include "pbjson.h"
#include "rpc.h"
#include "worker.h"

bool rnl_rpc_is_get(const struct rnl_exchange *exchange)
{
    const h2o_iovec_t *verb = &exchange->req->method;
    return h2o_memis(verb->base, verb->len, "GET", 3) ||
           h2o_memis(verb->base, verb->len, "HEAD", 4);
}

static bool check_version(struct rnl_exchange *exchange)
{
    const h2o_iovec_t *version =
        rnl_exchange_header(exchange, "connect-protocol-version");
    const char *connect = rnl_query_get(&exchange->query, "connect");
    if ((version == NULL || h2o_memis(version->base, version->len, "1", 1)) &&
        (connect == NULL || !rnl_rpc_is_get(exchange) ||
         strcmp(connect, "v1") == 0))
        return true;
    rnl_exchange_fail_text(exchange, 0, RNL_INVALID_ARGUMENT,
                           "connect-protocol-version must be 1");
    return false;
}

static bool refuse_encoding(struct rnl_exchange *exchange, const char *name,
                            const h2o_iovec_t *value)
{
    rnl_exchange_set_header(exchange, "connect-accept-encoding",
                            RNL_BODY_ENCODINGS);
    rnl_exchange_set_header(exchange, "grpc-accept-encoding",
                            RNL_BODY_ENCODINGS);
    rnl_body_refuse_encoding(exchange, 0, RNL_UNIMPLEMENTED, name, value);
    return false;
}

/* Clients of Python compress unless told not to, and so must be understood.
 * Answers are never compressed, which every accept-encoding allows. */
static bool take_encoding(struct rnl_exchange *exchange, struct rnl_rpc *rpc)
{
    static const char *const names[] = {
        [RNL_RPC_CONNECT] = "content-encoding",
        [RNL_RPC_CONNECT_STREAM] = "connect-content-encoding",
        [RNL_RPC_GRPC_WEB] = "grpc-encoding",
    };
    const char *name = names[rpc->form.protocol];
    const h2o_iovec_t *value = rnl_exchange_header(exchange, name);
    const char *query = rnl_query_get(&exchange->query, "compression");
    h2o_iovec_t of_query = {0};
    if (rnl_rpc_is_get(exchange)) {
        name = "compression";
        of_query = h2o_iovec_init(query, query != NULL ? strlen(query) : 0);
        value = &of_query;
    }
    if (value == NULL || value->len == 0 ||
        h2o_memis(value->base, value->len, "identity", strlen("identity")))
        return true;
    rpc->is_gzip = h2o_memis(value->base, value->len, "gzip", 4);
    return rpc->is_gzip || refuse_encoding(exchange, name, value);
}

static bool take_timeout(struct rnl_exchange *exchange, struct rnl_rpc *rpc)
{
    bool is_grpc = rpc->form.protocol == RNL_RPC_GRPC_WEB;
    const char *name = is_grpc ? "grpc-timeout" : "connect-timeout-ms";
    const h2o_iovec_t *value = rnl_exchange_header(exchange, name);
    if (value == NULL)
        return true;
    bool well = is_grpc ? rnl_rpc_timeout_grpc(value->base, value->len,
                                               &rpc->timeout_ms)
                        : rnl_rpc_timeout_connect(value->base, value->len,
                                                  &rpc->timeout_ms);
    if (!well)
        rnl_exchange_fail_text(
            exchange, 0, RNL_INVALID_ARGUMENT,
            is_grpc ? "grpc-timeout must be up to 8 digits and a unit"
                    : "connect-timeout-ms must be up to 10 digits");
    else if (rpc->timeout_ms == 0)
        rnl_exchange_fail_text(exchange, 0, RNL_DEADLINE_EXCEEDED,
                               "the time-out is 0");
    return well && rpc->timeout_ms > 0;
}

/* --- the request message --- */

/* ?message=, as text or with ?base64=1. */
static bool take_query_message(struct rnl_exchange *exchange,
                               struct rnl_rpc_bytes *ret_message)
{
    const char *message = rnl_query_get(&exchange->query, "message");
    const char *base64 = rnl_query_get(&exchange->query, "base64");
    if (message == NULL) {
        rnl_exchange_fail_text(exchange, 0, RNL_INVALID_ARGUMENT,
                               "?message= is missing");
        return false;
    }
    size_t len = strlen(message);
    *ret_message = (struct rnl_rpc_bytes){(const uint8_t *)message, len};
    if (base64 == NULL || strcmp(base64, "1") != 0)
        return true;
    uint8_t *out =
        h2o_mem_alloc_pool(&exchange->req->pool, RNL_BASE64_DECODED_MAX(len));
    ret_message->data = out;
    if (rnl_base64_decode(message, len, out, &ret_message->len))
        return true;
    rnl_exchange_fail_text(exchange, 0, RNL_INVALID_ARGUMENT,
                           "?message= is not base64");
    return false;
}

static bool inflate_message(struct rnl_exchange *exchange,
                            struct rnl_rpc_bytes *message)
{
    return rnl_body_inflate(exchange, "message", &message->data, &message->len);
}

static bool open_body(struct rnl_exchange *exchange, const struct rnl_rpc *rpc,
                      struct rnl_rpc_bytes *message)
{
    const char *what;
    if (rpc->form.request_is_text) {
        uint8_t *out = h2o_mem_alloc_pool(&exchange->req->pool,
                                          RNL_BASE64_DECODED_MAX(message->len));
        if (!rnl_rpc_untext((const char *)message->data, message->len, out,
                            &message->len)) {
            rnl_exchange_fail_text(exchange, 0, RNL_INVALID_ARGUMENT,
                                   "the body is not base64");
            return false;
        }
        message->data = out;
    }
    struct rnl_rpc_message opened;
    enum rnl_code code = rnl_rpc_open(*message, &opened, &what);
    if (code == RNL_OK && opened.is_compressed && !rpc->is_gzip) {
        code = RNL_INTERNAL;
        what = "the message is flagged as compressed, without a header that "
               "says how";
    }
    if (code != RNL_OK) {
        rnl_exchange_fail_text(exchange, 0, code, what);
        return false;
    }
    *message = opened.bytes;
    return !opened.is_compressed || inflate_message(exchange, message);
}

/* Replaces JSON by protobuf's encoding of it. */
static bool encode_json(struct rnl_exchange *exchange,
                        const struct rnl_rpc *rpc,
                        struct rnl_rpc_bytes *message)
{
    struct rnl_pbjson_error error;
    ProtobufCMessage *made = NULL;
    json_t *value = NULL;
    enum rnl_code code = rnl_pbjson_parse((const char *)message->data,
                                          message->len, &value, &error);
    if (code == RNL_OK)
        code = rnl_pbjson_read(rpc->method->request, value, &made, &error);
    if (value != NULL)
        json_decref(value);
    if (code != RNL_OK) {
        rnl_exchange_fail_mapping(exchange, code, &error);
        return false;
    }
    message->len = protobuf_c_message_get_packed_size(made);
    uint8_t *out = h2o_mem_alloc_pool(&exchange->req->pool, message->len + 1);
    protobuf_c_message_pack(made, out);
    message->data = out;
    rnl_pbjson_free(made);
    return true;
}

static bool take_message(struct rnl_exchange *exchange, struct rnl_rpc *rpc)
{
    const h2o_iovec_t *body = &exchange->req->entity;
    rpc->request =
        (struct rnl_rpc_bytes){(const uint8_t *)body->base, body->len};
    bool well = rnl_rpc_is_get(exchange)
                    ? take_query_message(exchange, &rpc->request)
                    : rpc->form.protocol == RNL_RPC_CONNECT ||
                          open_body(exchange, rpc, &rpc->request);
    if (well && rpc->is_gzip && rpc->form.protocol == RNL_RPC_CONNECT)
        well = inflate_message(exchange, &rpc->request);
    if (!well)
        return false;
    return !rpc->form.is_json || encode_json(exchange, rpc, &rpc->request);
}

bool rnl_rpc_take_request(struct rnl_exchange *exchange, struct rnl_rpc *rpc)
{
    return check_version(exchange) && take_encoding(exchange, rpc) &&
           take_timeout(exchange, rpc) && take_message(exchange, rpc);
}
