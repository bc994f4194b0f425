/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker's connection to the core: a client of librunnel that runs in the
 * worker's event loop. It connects when the worker starts and again whenever
 * the connection is lost.
 *
 * Callbacks of calls come from the loop, never from inside the function that
 * started them.
 */
#ifndef RNL_BRIDGE_CORE_LINK_H
#define RNL_BRIDGE_CORE_LINK_H

#include <stdbool.h>

#include <runnel/call.h>
#include <runnel/client.h>

#include <protobuf-c/protobuf-c.h>

struct rnl_core_link;
struct rnl_worker;

/* Errors: RNL_RESOURCE_EXHAUSTED, or RNL_INVALID_ARGUMENT for an address that
 * cannot be read; both after having logged them. */
RNL_MUST_USE enum rnl_code rnl_core_link_create(
    struct rnl_worker *worker, struct rnl_core_link **ret_link);

/* Accepts NULL. Calls must be gone. */
void rnl_core_link_destroy(struct rnl_core_link *link);

/* Whether calls can run now. */
bool rnl_core_link_ready(const struct rnl_core_link *link);

/* Each second: tries again when the core has refused the token, which its
 * operator may have set right since. */
void rnl_core_link_tick(struct rnl_core_link *link);

/* The epoch of the core's store; NULL before the first connection. */
const char *rnl_core_link_epoch(const struct rnl_core_link *link);

/* Calls that may stay open on this connection at once: seven eighths of what
 * the core takes, so that the others always find room. */
uint32_t rnl_core_link_feeds_max(const struct rnl_core_link *link);

/* Changes whenever something may have left for the core: what was started at
 * the same turn is not on its way yet. */
uint64_t rnl_core_link_turn(const struct rnl_core_link *link);

struct rnl_core_call {
    /* "runnel.v1.JobService/GetJob" */
    const char *method;
    /* Whose rights it has: identity.h. */
    const char *authorization;
};

/* What a call's end says to whom it was for: that the core does not admit the
 * bridge itself is no fault of theirs (RNL_UNAVAILABLE). */
const struct rnl_status_info *rnl_core_link_status(
    const struct rnl_core_link *link, const struct rnl_status_info *status);

/* Starts a call with one request, which is encoded at once. */
RNL_MUST_USE enum rnl_code rnl_core_link_call(
    struct rnl_core_link *link, const struct rnl_core_call *what,
    const ProtobufCMessage *message, const struct rnl_call_options *options,
    struct rnl_call **ret_call);

/* Encodes a request; its data is to be freed with rnl_free. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_core_link_pack(const ProtobufCMessage *message,
                                              struct rnl_request *ret_request);

/* rnl_core_link_call with a request that is encoded already; its timeout_ms is
 * not looked at. */
RNL_MUST_USE enum rnl_code rnl_core_link_call_bytes(
    struct rnl_core_link *link, const struct rnl_core_call *what,
    const struct rnl_request *request, const struct rnl_call_options *options,
    struct rnl_call **ret_call);

#endif
