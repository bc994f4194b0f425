/* SPDX-License-Identifier: Apache-2.0 */
#include "sse.h"

#include <stdio.h>
#include <string.h>

#define BOM "\xEF\xBB\xBF"

void cli_sse_fini(struct cli_sse *sse)
{
    cli_buf_fini(&sse->line);
    cli_buf_fini(&sse->event);
}

static void begin_event(struct cli_sse *sse)
{
    cli_buf_reset(&sse->event);
    sse->type[0] = '\0';
    sse->dispatched = false;
}

static bool is_name(const char *line, size_t len, const char *name)
{
    return len == strlen(name) && memcmp(line, name, len) == 0;
}

/* "name: value"; one blank after the colon is not of the value, and a line
 * without a colon is a name whose value is empty. */
static void take_field(struct cli_sse *sse, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    size_t name_len = colon == NULL ? len : (size_t)(colon - line);
    size_t at = colon == NULL ? len : name_len + 1;
    if (at < len && line[at] == ' ')
        at++;
    if (is_name(line, name_len, "data")) {
        cli_buf_add(&sse->event, line + at, len - at);
        cli_buf_add(&sse->event, "\n", 1);
    } else if (is_name(line, name_len, "event")) {
        snprintf(sse->type, sizeof(sse->type), "%.*s", (int)(len - at),
                 line + at);
    }
}

/* A blank line. Without data there is no event, and its type is forgotten. */
static bool dispatch(struct cli_sse *sse)
{
    if (sse->event.len == 0) {
        sse->type[0] = '\0';
        return false;
    }
    sse->dispatched = true;
    sse->data = sse->event.data;
    sse->len = sse->event.len - 1;
    if (sse->type[0] == '\0')
        snprintf(sse->type, sizeof(sse->type), "message");
    return true;
}

/* True: it has ended an event. */
static bool take_line(struct cli_sse *sse)
{
    const char *line = cli_buf_str(&sse->line);
    size_t len = sse->line.len;
    if (!sse->after_first_line && len >= strlen(BOM) &&
        memcmp(line, BOM, strlen(BOM)) == 0) {
        line += strlen(BOM);
        len -= strlen(BOM);
    }
    sse->after_first_line = true;
    bool ended = false;
    if (len == 0)
        ended = dispatch(sse);
    else
        take_field(sse, line, len);
    cli_buf_reset(&sse->line);
    return ended;
}

static size_t find_line_end(const char *data, size_t len)
{
    size_t at = 0;
    while (at < len && data[at] != '\n' && data[at] != '\r')
        at++;
    return at;
}

enum cli_sse_result cli_sse_feed(struct cli_sse *sse, const char *data,
                                 size_t len, size_t *ret_used)
{
    size_t at = 0;
    if (sse->dispatched)
        begin_event(sse);
    while (at < len) {
        /* The second half of CRLF: the line has ended before it. */
        bool skip = sse->after_cr && data[at] == '\n';
        sse->after_cr = false;
        if (skip) {
            at++;
            continue;
        }
        size_t part = find_line_end(data + at, len - at);
        if (part > CLI_SSE_LEN_MAX - sse->line.len - sse->event.len)
            return CLI_SSE_TOO_LONG;
        cli_buf_add(&sse->line, data + at, part);
        at += part;
        if (at == len)
            break;
        sse->after_cr = data[at++] == '\r';
        if (take_line(sse)) {
            *ret_used = at;
            return CLI_SSE_EVENT;
        }
    }
    *ret_used = at;
    return CLI_SSE_MORE;
}
