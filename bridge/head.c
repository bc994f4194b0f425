/* SPDX-License-Identifier: Apache-2.0 */
#include "head.h"

#include <string.h>
#include <strings.h>

/* A line without its end; *at moves behind it. */
static const char *take_line(const char **at, const char *end, size_t *ret_len)
{
    const char *line = *at;
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    size_t len = (size_t)((newline != NULL ? newline : end) - line);
    *at = newline != NULL ? newline + 1 : end;
    *ret_len = len > 0 && line[len - 1] == '\r' ? len - 1 : len;
    return line;
}

static bool is_header(const char *line, size_t len, const char *name)
{
    size_t name_len = strlen(name);
    return len > name_len && line[name_len] == ':' &&
           strncasecmp(line, name, name_len) == 0;
}

static bool is_http_1_0(const char *line, size_t len)
{
    static const char version[] = " HTTP/1.0";
    size_t want = sizeof(version) - 1;
    return len >= want && memcmp(line + len - want, version, want) == 0;
}

bool rnl_head_is_ambiguous(const char *data, size_t len)
{
    const char *at = data, *end = data + len;
    size_t line_len, lengths = 0, encodings = 0;
    /* An empty line before the request is allowed. */
    const char *line = take_line(&at, end, &line_len);
    if (line_len == 0)
        line = take_line(&at, end, &line_len);
    bool is_old = is_http_1_0(line, line_len);
    while (at < end) {
        line = take_line(&at, end, &line_len);
        if (line_len == 0)
            break;
        lengths += is_header(line, line_len, "content-length");
        encodings += is_header(line, line_len, "transfer-encoding");
    }
    return lengths + encodings > 1 || (is_old && encodings > 0);
}
