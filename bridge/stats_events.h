/* SPDX-License-Identifier: Apache-2.0 */
/* A stream's statistics as pieces: for GET /v1/streams/{stream}/stats/events
 * and GET /v1/events. */
#ifndef RNL_BRIDGE_STATS_EVENTS_H
#define RNL_BRIDGE_STATS_EVENTS_H

#include "pbjson.h"
#include "query.h"
#include "text.h"
#include "topic.h"

/* Why sequences of another epoch are of no use. */
#define RNL_STATS_EVENTS_ANEW \
    "the core has begun anew: what was watched was another's"

extern const struct rnl_topic_kind rnl_stats_events;

/* A WatchStatsRequest of a stream and the parameters of a query, but those
 * named in others (ending with NULL). Errors: as rnl_bind. */
RNL_MUST_USE enum rnl_code rnl_stats_events_request(
    const struct rnl_query *query, const char *stream,
    const char *const *others, ProtobufCMessage **ret_request,
    struct rnl_pbjson_error *ret_error);

/* The key of a request's topic, with a NUL: equal requests share one. Errors:
 * RNL_RESOURCE_EXHAUSTED when it is too long or memory is out. */
RNL_MUST_USE enum rnl_code rnl_stats_events_key(const ProtobufCMessage *request,
                                                struct rnl_text *ret_key);

#endif
