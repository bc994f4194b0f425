/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A feed: one watch at the core whose messages become pieces, each encoded
 * once. When the connection to the core is lost the feed goes on after its
 * last piece as soon as the core is back; its owner notices nothing.
 *
 * It does not keep pieces and knows no browsers. The core sends no more than
 * the credit of a call (core_link.c) ahead of rnl_feed_consume.
 */
#ifndef RNL_BRIDGE_FEED_H
#define RNL_BRIDGE_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>
#include <runnel/call.h>
#include <runnel/status.h>

struct rnl_feed;
struct rnl_piece;
struct rnl_worker;

/* What is watched, and how it is written. */
struct rnl_feed_type {
    /* "runnel.v1.JobService/WatchJob" */
    const char *rpc;
    const ProtobufCMessageDescriptor *response;
    /* Sets the point after which to go on in the request. */
    void (*set_after)(ProtobufCMessage *request, uint64_t after);
    /* Makes a piece of an answer; *ret_piece stays NULL when there is nothing
     * to send. state is the owner's. */
    enum rnl_code (*encode)(const ProtobufCMessage *message, void *state,
                            struct rnl_piece **ret_piece);
};

/* All callbacks come from the loop. */
struct rnl_feed_owner {
    /* Takes over the reference. */
    void (*on_piece)(void *arg, struct rnl_piece *piece);
    /* Over for good; the feed is still to be destroyed, here or later. With
     * RNL_OK the watched thing has ended. */
    void (*on_end)(void *arg, const struct rnl_status_info *status);
    void *arg;
    /* For encode. */
    void *state;
    /* What the core is asked; borrowed, and written to by set_after. */
    ProtobufCMessage *request;
    /* Whose rights the feed has (identity.h); borrowed. */
    const char *authorization;
};

/* Whether the worker may follow one thing more: calls of a connection are
 * counted by the core, and some must be left for those that do not stay. */
bool rnl_feed_has_room(const struct rnl_worker *worker);

/* Starts a feed after a sequence. type is static, owner is copied. Errors:
 * RNL_RESOURCE_EXHAUSTED when there is no room or memory is out. */
RNL_MUST_USE enum rnl_code rnl_feed_create(struct rnl_worker *worker,
                                           const struct rnl_feed_type *type,
                                           const struct rnl_feed_owner *owner,
                                           uint64_t after,
                                           struct rnl_feed **ret_feed);

/* Accepts NULL; may be called from its callbacks. */
void rnl_feed_destroy(struct rnl_feed *feed);

/* Says that a piece of so much wire_len was dealt with. */
void rnl_feed_consume(struct rnl_feed *feed, size_t wire_len);

#endif
