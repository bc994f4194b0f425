/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /PACKAGE.Service/Method, and GET for methods without side effects: any
 * method of the schema for stock clients of Connect and gRPC-Web. There is no
 * code for a single method: messages in protobuf's own encoding pass through
 * as they are, those in JSON by pbjson.h.
 *
 * Methods to which the client streams need HTTP/2, and are refused.
 */
#ifndef RNL_BRIDGE_RPC_H
#define RNL_BRIDGE_RPC_H

#include <runnel/call.h>

#include "exchange.h"
#include "rpc_form.h"
#include "rpc_methods.h"

/* Finds the route of a path for which rnl_rpc_path_is() holds. */
void rnl_rpc_route(const h2o_req_t *req, struct rnl_match *ret_match);

/* The on_fail of such exchanges: errors in the form of the request. */
void rnl_rpc_fail(struct rnl_exchange *exchange,
                  const struct rnl_problem *problem);

/* A call that was understood. */
struct rnl_rpc {
    const struct rnl_rpc_method *method;
    struct rnl_rpc_form form;
    /* Messages that are compressed are so by gzip. */
    bool is_gzip;
    /* 0: none was given. */
    int64_t timeout_ms;
    /* The request in protobuf's encoding; in the request's pool or body. */
    struct rnl_rpc_bytes request;
};

/* --- between the files of it --- */

/* By ?encoding= and ?message= then; HEAD too. */
bool rnl_rpc_is_get(const struct rnl_exchange *exchange);

/* rpc_request.c: reads version, encoding, time-out and message of a call whose
 * method and form are known. False when it was answered with what is wrong. */
bool rnl_rpc_take_request(struct rnl_exchange *exchange, struct rnl_rpc *rpc);

/* Starts the call; options has its callbacks and time-out. */
RNL_MUST_USE enum rnl_code rnl_rpc_start(struct rnl_exchange *exchange,
                                         const struct rnl_rpc *rpc,
                                         struct rnl_call_options *options,
                                         struct rnl_call **ret_call);

/* Appends an answer of the core in the codec of the form. Errors as
 * rnl_pbjson_write. */
RNL_MUST_USE enum rnl_code rnl_rpc_put_answer(struct rnl_text *text,
                                              const struct rnl_rpc *rpc,
                                              struct rnl_rpc_bytes answer);

/* rpc_unary.c, rpc_stream.c: makes the call and answers the exchange. */
void rnl_rpc_unary(struct rnl_exchange *exchange, const struct rnl_rpc *rpc);
void rnl_rpc_stream(struct rnl_exchange *exchange, const struct rnl_rpc *rpc);

#endif
