/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events (the HTML standard's text/event-stream): what the two
 * event paths have in common. An answer begins with `retry:`, is kept alive by
 * comments, and ends either for good (an `end` event, after which a
 * reconnection is told 204), or with a `reset` event when what the client had
 * cannot be continued: it then has to begin anew. `reset` empties the
 * client's last event id, so that an EventSource begins anew by itself.
 */
#ifndef RNL_BRIDGE_SSE_H
#define RNL_BRIDGE_SSE_H

#include <stdbool.h>
#include <stdint.h>

#include "exchange.h"
#include "streaming.h"
#include "text.h"
#include "topic.h"

/* Where a client wants to go on. */
struct rnl_sse_cursor {
    /* It has had events up to here: by the Last-Event-ID header, which a
     * reconnecting EventSource sends, or else by ?after=. */
    bool given;
    uint64_t after;
};

/* False when it was answered with a problem. */
bool rnl_sse_take_cursor(struct rnl_exchange *exchange,
                         struct rnl_sse_cursor *ret_cursor);

/* What to follow. */
struct rnl_sse_source {
    const struct rnl_topic_kind *kind;
    const char *key;
    /* Taken over. */
    ProtobufCMessage *request;
    uint64_t after;
};

/* Starts the answer and joins the topic. */
void rnl_sse_start(struct rnl_exchange *exchange,
                   const struct rnl_sse_source *source);

/* Starts an answer that is a `reset` and nothing else. */
void rnl_sse_reset(struct rnl_exchange *exchange, const char *reason,
                   uint64_t first_sequence);

/* Appends one event; id 0 means none. data is one line. */
void rnl_sse_put(struct rnl_text *text, uint64_t id, const char *event,
                 const struct rnl_text *data);

#endif
