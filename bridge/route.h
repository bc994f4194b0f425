/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which handler answers a method and a path. routes.c has the table: a new
 * path is one line of it.
 */
#ifndef RNL_BRIDGE_ROUTE_H
#define RNL_BRIDGE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

/* Parameters in one pattern, and their longest value: names of streams are at
 * most 128 bytes, but what is too long should be told so by the core. */
#define RNL_ROUTE_PARAMS_MAX    2
#define RNL_ROUTE_PARAM_LEN_MAX 1024
#define RNL_ROUTE_NAME_MAX      32

struct rnl_exchange;

struct rnl_route {
    /* "GET"; HEAD is answered by it too. */
    const char *verb;
    /* "/v1/jobs/{job_id}": a segment in braces takes any one segment, and the
     * name is that of the request's field. */
    const char *pattern;
    void (*handle)(struct rnl_exchange *exchange);
    /* For routes that are one unary call: the method and its messages. */
    const char *rpc;
    const ProtobufCMessageDescriptor *request;
    const ProtobufCMessageDescriptor *response;
    /* A field of bytes that a body which is not JSON is the value of; NULL:
     * there is none. */
    const char *raw_field;
    /* The answer streams, so there is none to HEAD. */
    bool streams;
    /* For everybody: what it calls, it calls with the bridge's own rights. */
    bool open;
    /* Sends the answer; NULL: status 200 and the response as JSON. */
    void (*reply)(struct rnl_exchange *exchange,
                  const ProtobufCMessage *response);
};

struct rnl_path_param {
    const char *name;
    size_t name_len;
    /* Not NUL-terminated: points into the path. */
    const char *value;
    size_t value_len;
};

/* What the table says about a request. */
struct rnl_match {
    /* NULL: no route has this path with this verb. */
    const struct rnl_route *route;
    struct rnl_path_param params[RNL_ROUTE_PARAMS_MAX];
    size_t param_count;
    /* Without a route: "GET, POST" when the path is there for other verbs,
     * empty when it is not there at all. */
    char allow[48];
};

/* The table; its last route has no verb. */
extern const struct rnl_route rnl_routes[];

/* Looks up a path that is normalised and decoded in rnl_routes. */
void rnl_route_find(const char *verb, size_t verb_len, const char *path,
                    size_t path_len, struct rnl_match *ret_match);

#endif
