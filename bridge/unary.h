/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths that are one unary call: the request message is bound from path, query
 * and body (bind.h), the call is made, the answer goes out as JSON or by the
 * route's own reply.
 */
#ifndef RNL_BRIDGE_UNARY_H
#define RNL_BRIDGE_UNARY_H

#include "exchange.h"

/* The handler of such routes. GETs may share a call (shared_call.h). */
void rnl_unary_handle(struct rnl_exchange *exchange);

/*
 * Makes the route's call with a request made elsewhere, which is encoded at
 * once. Answers the exchange in the end, whatever happens.
 */
void rnl_unary_call(struct rnl_exchange *exchange,
                    const ProtobufCMessage *request);

/* A call on the way to an answer that is not the call's own: on_done is called
 * once, with the response or with a problem's status; the exchange may then be
 * answered in any way. Nothing is called when the exchange goes away. */
struct rnl_probe {
    const char *rpc;
    const ProtobufCMessageDescriptor *response;
    void (*on_done)(struct rnl_exchange *exchange,
                    const ProtobufCMessage *response,
                    const struct rnl_status_info *status);
};

/* probe is borrowed until on_done: a static one. */
void rnl_probe_start(struct rnl_exchange *exchange,
                     const struct rnl_probe *probe,
                     const ProtobufCMessage *request);

/* Answers that a call could not be made. */
void rnl_unary_fail_start(struct rnl_exchange *exchange, enum rnl_code code);

/* Answers with a call's status. */
void rnl_exchange_fail_status(struct rnl_exchange *exchange,
                              const struct rnl_status_info *status);

#endif
