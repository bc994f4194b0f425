/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include <string.h>

void cli_lines_fini(struct cli_lines *lines)
{
    cli_buf_fini(&lines->buf);
}

static void begin(struct cli_lines *lines)
{
    if (lines->done)
        cli_buf_reset(&lines->buf);
    lines->done = false;
}

/* Keeps bytes of the piece while it is within the limit. */
static void keep(struct cli_lines *lines, const char *data, size_t len)
{
    if (lines->dropping)
        return;
    if (lines->buf.len == 0)
        lines->line = lines->lines_before + 1;
    lines->dropping = len > CLI_LINE_LEN_MAX - lines->buf.len;
    if (!lines->dropping)
        cli_buf_add(&lines->buf, data, len);
}

static enum cli_lines_result piece(struct cli_lines *lines)
{
    bool dropped = lines->dropping;
    lines->done = true;
    lines->dropping = false;
    lines->text = cli_buf_str(&lines->buf);
    lines->len = lines->buf.len;
    return dropped ? CLI_LINES_TOO_LONG : CLI_LINES_PIECE;
}

static enum cli_lines_result end_line(struct cli_lines *lines)
{
    if (lines->buf.len == 0 && !lines->dropping)
        lines->line = lines->lines_before + 1;
    enum cli_lines_result result = piece(lines);
    if (lines->len > 0 && lines->text[lines->len - 1] == '\r')
        lines->len--;
    return result;
}

static enum cli_lines_result feed_line(struct cli_lines *lines,
                                       const char *data, size_t len,
                                       size_t *used)
{
    const char *end = memchr(data, '\n', len);
    size_t run = end ? (size_t)(end - data) : len;
    if (run > 0)
        keep(lines, data, run);
    *used = end ? run + 1 : len;
    if (!end)
        return CLI_LINES_MORE;
    enum cli_lines_result result = end_line(lines);
    lines->lines_before++;
    return result;
}

/* Follows strings and nesting; true when the byte ends the object. */
static bool take_inside(struct cli_lines *lines, char c)
{
    if (lines->in_string) {
        lines->in_string = lines->escaped || c != '"';
        lines->escaped = !lines->escaped && c == '\\';
        return false;
    }
    lines->in_string = c == '"';
    if (c == '{' || c == '[')
        lines->depth++;
    else if (c == '}' || c == ']')
        lines->depth--;
    return lines->depth == 0;
}

static enum cli_lines_result take_object_byte(struct cli_lines *lines, char c)
{
    if (lines->depth == 0) {
        if (c != '{')
            return strchr("[], \t\r\n", c) && c ? CLI_LINES_MORE
                                                : CLI_LINES_BROKEN;
        lines->depth = 1;
        keep(lines, &c, 1);
        return CLI_LINES_MORE;
    }
    keep(lines, &c, 1);
    return take_inside(lines, c) ? piece(lines) : CLI_LINES_MORE;
}

static enum cli_lines_result feed_objects(struct cli_lines *lines,
                                          const char *data, size_t len,
                                          size_t *used)
{
    enum cli_lines_result result = CLI_LINES_MORE;
    for (*used = 0; *used < len && result == CLI_LINES_MORE; (*used)++) {
        result = take_object_byte(lines, data[*used]);
        if (data[*used] == '\n')
            lines->lines_before++;
    }
    if (result == CLI_LINES_BROKEN)
        lines->line = lines->lines_before + 1;
    return result;
}

enum cli_lines_result cli_lines_feed(struct cli_lines *lines, const char *data,
                                     size_t len, size_t *ret_used)
{
    begin(lines);
    if (lines->mode == CLI_LINES_BY_LINE)
        return feed_line(lines, data, len, ret_used);
    return feed_objects(lines, data, len, ret_used);
}

enum cli_lines_result cli_lines_finish(struct cli_lines *lines)
{
    begin(lines);
    if (lines->buf.len == 0 && !lines->dropping)
        return CLI_LINES_MORE;
    lines->depth = 0;
    return end_line(lines);
}
