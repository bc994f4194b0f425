/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as text, in the two ways that they are sent:
 *
 *   server-sent events     id: 7\nevent: delta\ndata: {...}\n\n
 *   newline-delimited      {"event":"delta","id":"7","data":{...}}\n
 *
 * Pieces of a topic hold the first; readers that want something else read
 * them with rnl_event_text_next and write them anew. No byte of data can end
 * an event: it is JSON on one line.
 */
#ifndef RNL_BRIDGE_EVENT_TEXT_H
#define RNL_BRIDGE_EVENT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

enum rnl_event_format {
    RNL_EVENT_FORMAT_SSE,
    RNL_EVENT_FORMAT_NDJSON,
};

/* Borrowed pieces, not NUL-terminated. */
struct rnl_event_text {
    const char *name;
    size_t name_len;
    const char *id;
    size_t id_len;
    /* An id without a value says: begin anew. */
    bool has_id;
    /* JSON on one line. */
    const char *data;
    size_t data_len;
};

/* The next event of a text of whole server-sent events, of which *at is moved
 * on; false when there is none. What is no event (comments, retry) is skipped.
 */
bool rnl_event_text_next(const char **at, const char *end,
                         struct rnl_event_text *ret_event);

void rnl_event_text_put(struct rnl_text *text, enum rnl_event_format format,
                        const struct rnl_event_text *event);

/* Whether a header "Accept" asks for newline-delimited JSON. */
enum rnl_event_format rnl_event_format_of(const char *accept, size_t len);

#endif
