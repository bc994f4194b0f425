/* SPDX-License-Identifier: Apache-2.0 */
#include "event_text.h"

#include <string.h>
#include <strings.h>

/* A line "name: value" or "name". True when it is that field. */
static bool take_field(const char *line, size_t len, const char *name,
                       const char **ret_value, size_t *ret_len)
{
    size_t name_len = strlen(name);
    if (len < name_len || memcmp(line, name, name_len) != 0)
        return false;
    if (len > name_len && line[name_len] != ':')
        return false;
    size_t skip = name_len < len ? name_len + 1 : name_len;
    if (skip < len && line[skip] == ' ')
        skip++;
    *ret_value = line + skip;
    *ret_len = len - skip;
    return true;
}

static void take_line(struct rnl_event_text *event, const char *line,
                      size_t len)
{
    if (take_field(line, len, "id", &event->id, &event->id_len))
        event->has_id = true;
    else if (!take_field(line, len, "event", &event->name, &event->name_len))
        (void)take_field(line, len, "data", &event->data, &event->data_len);
}

bool rnl_event_text_next(const char **at, const char *end,
                         struct rnl_event_text *ret_event)
{
    struct rnl_event_text event = {0};
    while (*at < end) {
        const char *line = *at;
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t len = (size_t)((newline != NULL ? newline : end) - line);
        *at = newline != NULL ? newline + 1 : end;
        if (len > 0) {
            take_line(&event, line, len);
        } else if (event.data != NULL) {
            *ret_event = event;
            return true;
        } else {
            event = (struct rnl_event_text){0};
        }
    }
    return false;
}

static void put_sse(struct rnl_text *text, const struct rnl_event_text *event)
{
    if (event->has_id) {
        rnl_text_puts(text, event->id_len > 0 ? "id: " : "id");
        rnl_text_put(text, event->id, event->id_len);
        rnl_text_put_byte(text, '\n');
    }
    rnl_text_puts(text, "event: ");
    rnl_text_put(text, event->name, event->name_len);
    rnl_text_puts(text, "\ndata: ");
    rnl_text_put(text, event->data, event->data_len);
    rnl_text_puts(text, "\n\n");
}

static void put_ndjson(struct rnl_text *text,
                       const struct rnl_event_text *event)
{
    rnl_text_puts(text, "{\"event\":");
    rnl_text_put_json(text, event->name, event->name_len);
    if (event->has_id) {
        rnl_text_puts(text, ",\"id\":");
        rnl_text_put_json(text, event->id, event->id_len);
    }
    rnl_text_puts(text, ",\"data\":");
    rnl_text_put(text, event->data, event->data_len);
    rnl_text_puts(text, "}\n");
}

void rnl_event_text_put(struct rnl_text *text, enum rnl_event_format format,
                        const struct rnl_event_text *event)
{
    if (format == RNL_EVENT_FORMAT_NDJSON)
        put_ndjson(text, event);
    else
        put_sse(text, event);
}

enum rnl_event_format rnl_event_format_of(const char *accept, size_t len)
{
    static const char ndjson[] = "application/x-ndjson";
    size_t want = sizeof(ndjson) - 1;
    for (size_t i = 0; i + want <= len; i++)
        if (strncasecmp(accept + i, ndjson, want) == 0)
            return RNL_EVENT_FORMAT_NDJSON;
    return RNL_EVENT_FORMAT_SSE;
}
