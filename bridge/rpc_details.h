/* SPDX-License-Identifier: Apache-2.0 */
/* The details of an error as messages, see rpc_error.h. */
#ifndef RNL_BRIDGE_RPC_DETAILS_H
#define RNL_BRIDGE_RPC_DETAILS_H

#include <google/protobuf/duration.pb-c.h>
#include <runnel/v1/frame.pb-c.h>

#include "problem.h"
#include "rpc_details.pb-c.h"

#define RNL_RPC_DETAILS_MAX 3

struct rnl_rpc_details {
    /* Point into the rest. */
    const ProtobufCMessage *messages[RNL_RPC_DETAILS_MAX];
    size_t count;

    Google__Rpc__BadRequest bad_request;
    Google__Rpc__BadRequest__FieldViolation *violations;
    Google__Rpc__BadRequest__FieldViolation **violation_pointers;
    Google__Rpc__RetryInfo retry;
    Google__Protobuf__Duration delay;
    Runnel__V1__Status status;
};

/* Makes what there is to say; nothing when memory is out. problem is borrowed
 * until fini. details must not move. */
void rnl_rpc_details_init(struct rnl_rpc_details *details,
                          const struct rnl_problem *problem);

void rnl_rpc_details_fini(struct rnl_rpc_details *details);

/* A copy of string up to where it ceases to be UTF-8, for rnl_free; NULL when
 * memory is out. */
char *rnl_rpc_utf8(const char *string);

#endif
