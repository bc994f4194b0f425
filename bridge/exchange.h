/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request and its answer, as a handler sees it: the route it matched,
 * its parameters, and one call to make to answer it. libh2o stays behind this
 * header for all handlers but those that stream.
 *
 * It lives in the request's pool and dies with it, on its worker's thread.
 */
#ifndef RNL_BRIDGE_EXCHANGE_H
#define RNL_BRIDGE_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "h2o_use.h"
#include "pbjson.h"
#include "problem.h"
#include "query.h"
#include "route.h"

struct rnl_worker;

struct rnl_exchange {
    h2o_req_t *req;
    struct rnl_worker *worker;
    const struct rnl_route *route;
    /* What stood for {name} in the route's pattern, decoded; owned by the
     * request's pool. */
    struct rnl_path_param params[RNL_ROUTE_PARAMS_MAX];
    size_t param_count;
    struct rnl_query query;
    /* Whose rights the calls of the exchange have (identity.h): "Bearer TOKEN";
     * "": nobody's; NULL: the bridge's own. */
    const char *authorization;
    /* Of the handler: called when the request goes away, answered or not. */
    void (*on_dispose)(struct rnl_exchange *exchange);
    void *state;
    /* How rnl_exchange_fail answers; NULL: as problem+json. It is called after
     * retry-after was set. */
    void (*on_fail)(struct rnl_exchange *exchange,
                    const struct rnl_problem *problem);
    bool answered;
};

/* The value of a path parameter. */
const char *rnl_exchange_param(const struct rnl_exchange *exchange,
                               const char *name);

/* Whether the query has no parameter but this one (NULL: none at all); answers
 * with a problem that names another. */
bool rnl_exchange_check_query(struct rnl_exchange *exchange, const char *name);

/* A request header's value, NULL when absent; lower-case name. The value is
 * not NUL-terminated. */
const h2o_iovec_t *rnl_request_header(const h2o_req_t *req, const char *name);
const h2o_iovec_t *rnl_exchange_header(const struct rnl_exchange *exchange,
                                       const char *name);

/* Whether the body's media type, without parameters, is this one. */
bool rnl_exchange_content_is(const struct rnl_exchange *exchange,
                             const char *type);

/* Sets a header of the answer; borrows name and value as long as the request
 * lives. */
void rnl_request_set_header(h2o_req_t *req, const char *name,
                            const char *value);

/* The same; copies value. */
void rnl_exchange_set_header(struct rnl_exchange *exchange, const char *name,
                             const char *value);

/* --- answers: exactly one of these, once --- */

/* A body of len bytes (copied). HEAD gets the headers alone. */
void rnl_exchange_reply(struct rnl_exchange *exchange, int status,
                        const char *content_type, const char *body, size_t len);

/* A message as JSON. */
void rnl_exchange_reply_message(struct rnl_exchange *exchange, int status,
                                const ProtobufCMessage *message);

/* problem+json, or what the exchange's on_fail makes of it. */
void rnl_exchange_fail(struct rnl_exchange *exchange,
                       const struct rnl_problem *problem);

/* problem+json in any case; for those that are on_fail. */
void rnl_exchange_fail_json(struct rnl_exchange *exchange,
                            const struct rnl_problem *problem);

/* As rnl_exchange_fail, of a mapping's error. */
void rnl_exchange_fail_mapping(struct rnl_exchange *exchange,
                               enum rnl_code code,
                               const struct rnl_pbjson_error *error);

/* The same, of a code (or an HTTP status when not 0) and a sentence. */
void rnl_exchange_fail_text(struct rnl_exchange *exchange, int status,
                            enum rnl_code code, const char *detail);

/* Starts an answer that streams: status 200, headers; the caller then uses
 * h2o_start_response and h2o_send itself. content_type is copied. */
void rnl_exchange_begin(struct rnl_exchange *exchange,
                        const char *content_type);

#endif
