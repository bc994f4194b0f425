/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that are events: server-sent ones (the HTML standard's
 * text/event-stream), or lines of JSON for who asks for them. An answer begins
 * with `retry:`, is kept alive by comments, and ends either for good (an `end`
 * event, after which a reconnection is told 204), or with a `reset` event when
 * what the client had cannot be continued: it then has to begin anew. `reset`
 * empties the client's last event id, so that an EventSource begins anew by
 * itself.
 */
#ifndef RNL_BRIDGE_SSE_H
#define RNL_BRIDGE_SSE_H

#include <stdbool.h>
#include <stdint.h>

#include "cursor.h"
#include "event_text.h"
#include "exchange.h"
#include "streaming.h"
#include "text.h"
#include "topic.h"

/* --- what the handlers need --- */

/* Where a client wants to go on: by the Last-Event-ID header, which a
 * reconnecting EventSource sends, or else by ?after=. count_max is 1, or more
 * for several subscriptions. False when it was answered with a problem. */
bool rnl_sse_take_cursor(struct rnl_exchange *exchange, size_t count_max,
                         struct rnl_cursor *ret_cursor);

/* What to follow. */
struct rnl_sse_source {
    const struct rnl_topic_kind *kind;
    const char *key;
    /* Taken over. */
    ProtobufCMessage *request;
    uint64_t after;
};

/* Joins the topic and starts the answer, or answers with a problem. */
void rnl_sse_start(struct rnl_exchange *exchange,
                   const struct rnl_sse_source *source);

/* Starts an answer that is a `reset` and nothing else. */
void rnl_sse_reset(struct rnl_exchange *exchange,
                   const struct rnl_status_info *status);

/* Answers that too much is followed already. */
void rnl_sse_fail_full(struct rnl_exchange *exchange);

/* --- what kinds of topics need --- */

/* Appends one event; id is written as it is, "" means none. data is one
 * line. */
void rnl_sse_put(struct rnl_text *text, const char *id, const char *event,
                 const struct rnl_text *data);

/* --- what answers need (sse.c, multi_events.c) --- */

/* Starts an answer of events: headers, keep-alives, the count. The caller has
 * set on_ready and on_gone, which must call rnl_sse_ended. */
void rnl_sse_begin(struct rnl_exchange *exchange,
                   struct rnl_streaming *streaming,
                   enum rnl_event_format format);
void rnl_sse_ended(const struct rnl_streaming *streaming);

enum rnl_event_format rnl_sse_format(const struct rnl_exchange *exchange);

/* The `retry:` line; NULL when memory is out, and in formats without it. */
struct rnl_piece *rnl_sse_retry_piece(enum rnl_event_format format);

/* Whether a status says that going on is of no use: the client has to begin
 * anew (RNL_OUT_OF_RANGE), or to leave it. */
bool rnl_sse_is_reset(const struct rnl_status_info *status);

/* Appends the data of a reset: {"code":..,"reason":..}. */
void rnl_sse_put_reason(struct rnl_text *text,
                        const struct rnl_status_info *status);

#endif
