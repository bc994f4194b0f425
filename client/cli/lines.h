/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts a byte stream into pieces of text: lines, or the values of a JSON array
 * that may be written over many lines. Pieces are the same however the bytes
 * were cut.
 */
#ifndef RNL_CLI_LINES_H
#define RNL_CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* Bytes of one piece: as for a row of CSV, far above one event. */
#define CLI_LINE_LEN_MAX ((size_t)1 << 20)

enum cli_lines_result {
    /* All bytes are used; no piece is complete. */
    CLI_LINES_MORE,
    /* text and len hold a piece without its line end. */
    CLI_LINES_PIECE,
    /* A piece was longer than the limit and was dropped. */
    CLI_LINES_TOO_LONG,
    /* Not what a JSON array is made of; the rest cannot be read. */
    CLI_LINES_BROKEN,
};

enum cli_lines_mode {
    CLI_LINES_BY_LINE,
    /* One array of objects, or objects one after the other. */
    CLI_LINES_BY_OBJECT,
};

/* Read text, len and line; the rest is private. Zero-initialise and set
 * mode. */
struct cli_lines {
    enum cli_lines_mode mode;
    /* The piece, until the next call. */
    const char *text;
    size_t len;
    /* Line, from 1, on which the piece began. */
    uint64_t line;

    struct cli_buf buf;
    uint64_t lines_before;
    bool done;
    bool dropping;
    bool in_string;
    bool escaped;
    unsigned depth;
};

void cli_lines_fini(struct cli_lines *lines);

/* Takes bytes up to the end of a piece and sets *ret_used to their number; the
 * rest is fed again. */
enum cli_lines_result cli_lines_feed(struct cli_lines *lines, const char *data,
                                     size_t len, size_t *ret_used);

/* Ends the input: a last line without an end comes out as a piece. Call it
 * until it returns CLI_LINES_MORE. */
enum cli_lines_result cli_lines_finish(struct cli_lines *lines);

#endif
