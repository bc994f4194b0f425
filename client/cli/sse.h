/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads server-sent events as "Interpreting an event stream" of the HTML
 * standard has it: lines end with LF, CR or CRLF, a byte order mark at the
 * start is dropped, comments are skipped, the lines of data of one event are
 * joined with LF, and an event that no blank line has ended is none. "id" and
 * "retry" are about reconnecting, which nobody here does: they are skipped.
 *
 * Events are the same however the bytes were cut.
 */
#ifndef RNL_CLI_SSE_H
#define RNL_CLI_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Bytes of one event with the line that is being read: some thousand times a
 * token, so that a whole answer in one event still passes. */
#define CLI_SSE_LEN_MAX ((size_t)1 << 20)

enum cli_sse_result {
    /* All bytes are used; no event is complete. */
    CLI_SSE_MORE,
    /* type, data and len hold one. */
    CLI_SSE_EVENT,
    /* Above the limit; the stream cannot be read on. */
    CLI_SSE_TOO_LONG,
};

/* Read type, data and len; the rest is private. Zero-initialised is the start
 * of a stream. */
struct cli_sse {
    /* Until the next call: "message" when none was said; its first 31 bytes. */
    char type[32];
    const char *data;
    size_t len;

    struct cli_buf line;
    struct cli_buf event;
    bool after_cr;
    bool after_first_line;
    bool dispatched;
};

void cli_sse_fini(struct cli_sse *sse);

/* Takes bytes up to the end of an event and sets *ret_used to their number;
 * the rest is fed again. */
enum cli_sse_result cli_sse_feed(struct cli_sse *sse, const char *data,
                                 size_t len, size_t *ret_used);

#endif
