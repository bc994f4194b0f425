/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access logs of Apache and nginx:
 *
 *   host ident user [time] "request" status bytes            common
 *   ... "referer" "agent"                                    combined
 *
 * Further fields may follow, as many sites log more. The first of them that
 * is a plain number is the request time: seconds when it has a point, as
 * nginx's $request_time, else microseconds, as Apache's %D.
 */
#include "reader_internal.h"

#include <stdio.h>
#include <string.h>

enum field {
    FIELD_HOST,
    FIELD_IDENT,
    FIELD_USER,
    FIELD_TIME,
    FIELD_REQUEST,
    FIELD_STATUS,
    FIELD_BYTES,
    FIELD_REFERER,
    FIELD_AGENT,
    /* Cut out of the request. */
    FIELD_METHOD,
    FIELD_PATH,
    FIELD_REQUEST_TIME,
    FIELD_COUNT,
};

static const char *const field_names[FIELD_COUNT] = {
    "host",  "ident",   "user",  "time",   "request", "status",
    "bytes", "referer", "agent", "method", "path",    "request_time"};

struct slice {
    const char *data;
    size_t len;
};

int cli_access_field(const char *name)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        if (strcmp(field_names[i], name) == 0)
            return i;
    }
    return -1;
}

/* Takes one field: "quoted", [in brackets] or up to a blank. False at the end
 * of the line and for a quote or bracket that is not closed. */
static bool take_field(const char **at, const char *end, struct slice *ret)
{
    const char *p = *at;
    while (p < end && *p == ' ')
        p++;
    if (p == end)
        return false;
    char close = *p == '"' ? '"' : *p == '[' ? ']' : ' ';
    if (close != ' ')
        p++;
    ret->data = p;
    while (p < end && *p != close)
        p += *p == '\\' && close == '"' && p + 1 < end ? 2 : 1;
    if (p == end && close != ' ')
        return false;
    ret->len = (size_t)(p - ret->data);
    *at = p < end ? p + 1 : p;
    return true;
}

/* "GET /path?query HTTP/1.1": method, and path without its query. */
static void cut_request(struct slice *fields)
{
    struct slice request = fields[FIELD_REQUEST];
    const char *end = request.data + request.len;
    const char *blank = memchr(request.data, ' ', request.len);
    if (!blank)
        return;
    fields[FIELD_METHOD] =
        (struct slice){request.data, (size_t)(blank - request.data)};
    const char *path = blank + 1;
    const char *path_end = path;
    while (path_end < end && *path_end != ' ' && *path_end != '?')
        path_end++;
    fields[FIELD_PATH] = (struct slice){path, (size_t)(path_end - path)};
}

/* Reads the fields after the agent; the first number is the request time. */
static void find_request_time(const char *at, const char *end,
                              struct slice *fields)
{
    double number;
    for (struct slice extra; take_field(&at, end, &extra);) {
        if (cli_parse_number(extra.data, extra.len, &number)) {
            fields[FIELD_REQUEST_TIME] = extra;
            return;
        }
    }
}

static bool split(struct cli_reader *reader, const char *text, size_t len,
                  struct slice *fields)
{
    bool combined = reader->options.format == CLI_FORMAT_COMBINED;
    int count = combined ? FIELD_AGENT + 1 : FIELD_BYTES + 1;
    const char *at = text;
    for (int i = 0; i < count; i++) {
        if (!take_field(&at, text + len, &fields[i]))
            return cli_reader_fail(
                reader, "not a line of the %s log format: %s is missing",
                cli_format_name(reader->options.format), field_names[i]);
    }
    double status;
    if (!cli_parse_number(fields[FIELD_STATUS].data, fields[FIELD_STATUS].len,
                          &status))
        return cli_reader_fail(
            reader,
            "not a line of the %s log format: the status is not a number",
            cli_format_name(reader->options.format));
    cut_request(fields);
    find_request_time(at, text + len, fields);
    return true;
}

static bool put_request_time(struct cli_reader *reader, struct slice field,
                             struct cli_record *record)
{
    bool seconds = field.len > 0 && memchr(field.data, '.', field.len) != NULL;
    if (!cli_reader_put(reader, CLI_COLUMN_LATENCY, field.data, field.len,
                        record))
        return false;
    if (reader->options.latency_unit_ms == 0)
        record->latency_ms *= seconds ? 1e3 : 1e-3;
    return true;
}

bool cli_read_access(struct cli_reader *reader, const char *text, size_t len,
                     struct cli_record *record)
{
    struct slice fields[FIELD_COUNT] = {0};
    if (!split(reader, text, len, fields))
        return false;
    for (int i = 0; i < CLI_COLUMN_COUNT; i++) {
        enum cli_column column = (enum cli_column)i;
        int which = reader->access_fields[i];
        if (which < 0)
            continue;
        struct slice field = fields[which];
        bool ok;
        if (column == CLI_COLUMN_LATENCY && which == FIELD_REQUEST_TIME)
            ok = put_request_time(reader, field, record);
        else
            ok = cli_reader_put(reader, column, field.data ? field.data : "",
                                field.len, record);
        if (!ok)
            return false;
    }
    return true;
}
