/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All methods of all services of the schema, for callers that name them as
 * Connect and gRPC do. The table is made from the .proto files when the bridge
 * is built (rpc_methods.py): protobuf-c's own descriptors of services do not
 * say which methods stream.
 */
#ifndef RNL_BRIDGE_RPC_METHODS_H
#define RNL_BRIDGE_RPC_METHODS_H

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

struct rnl_rpc_method {
    /* "runnel.v1.JobService/WatchJob"; NULL ends the table. */
    const char *name;
    const ProtobufCMessageDescriptor *request;
    const ProtobufCMessageDescriptor *response;
    bool client_streams;
    bool server_streams;
    /* option idempotency_level = NO_SIDE_EFFECTS: may be called by GET. */
    bool no_side_effects;
};

extern const struct rnl_rpc_method rnl_rpc_methods[];

/* The method of that name; NULL when there is none. */
const struct rnl_rpc_method *rnl_rpc_method_find(const char *name, size_t len);

/* Whether a path, "/PACKAGE.Service/Method", names a service of the schema, or
 * would if there were one of that name: it has the package of them. */
bool rnl_rpc_path_is(const char *path, size_t len);

#endif
