/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/events?job=…&job=…&stream=…: the events of several jobs and streams
 * in one answer, since a browser has six connections an origin. An event is
 * that of the single path, wrapped to tell whose it is:
 *
 *   id: 1f2e3d4c/12,3
 *   event: delta
 *   data: {"job":"01J…","event":{"sequence":"12",…}}
 *
 * Each id holds the cursors of all of them (cursor.h), so that a reconnection
 * to the same URL resumes each. What cannot be continued is a `reset` of that
 * one alone, and begins anew in the same answer; the answer ends when all are
 * over.
 */
#ifndef RNL_BRIDGE_MULTI_H
#define RNL_BRIDGE_MULTI_H

#include <stdbool.h>
#include <stddef.h>

#include "query.h"
#include "sse.h"
#include "streaming.h"
#include "topic.h"

struct rnl_multi;

/* One of what is followed. */
struct rnl_subscription {
    struct rnl_multi *multi;
    /* "job" or "stream", and which; in the request's pool. */
    const char *type;
    const char *name;
    struct rnl_member member;
    size_t index;
    /* To be joined, at first and after a reset. */
    bool wants_join;
};

/* An answer; in the request's pool. */
struct rnl_multi {
    struct rnl_streaming streaming;
    enum rnl_event_format format;
    /* What the newest id says. */
    struct rnl_cursor cursor;
    struct rnl_subscription *subs;
    size_t count;
    /* Whose turn it is to send first. */
    size_t turn;
    /* Pieces that belong to no topic. */
    struct rnl_piece_queue queue;
    /* Owned by the exchange, for joins. */
    const struct rnl_query *query;
};

/* multi_answer.c: where members of an answer send to. */
extern const struct rnl_member_sink rnl_multi_sink;

/* Tells of one that cannot be gone on with; it begins anew with the next join,
 * or is over. */
void rnl_multi_reset(struct rnl_subscription *sub,
                     const struct rnl_status_info *status);

/* Sends pieces of the answer's own; ends it when nothing is left. */
void rnl_multi_send_own(struct rnl_multi *multi);

bool rnl_multi_is_over(const struct rnl_multi *multi);

#endif
