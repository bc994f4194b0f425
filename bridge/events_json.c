/* SPDX-License-Identifier: Apache-2.0 */
/* Events from JSON and NDJSON. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "events_text.h"
#include "rfc3339.h"

/* Milliseconds that fit whatever is added to them later: years 1 to 9999. */
#define TIME_MS_MIN (RNL_TIMESTAMP_SECONDS_MIN * 1000)
#define TIME_MS_MAX (RNL_TIMESTAMP_SECONDS_MAX * 1000 + 999)

static enum rnl_code fail(struct rnl_pbjson_error *error, const char *field,
                          const char *what)
{
    snprintf(error->field, sizeof(error->field), "%s", field);
    snprintf(error->what, sizeof(error->what), "%s", what);
    return RNL_INVALID_ARGUMENT;
}

bool rnl_event_time_parse(const char *text, size_t len, int64_t *ret_ms)
{
    int64_t seconds;
    int32_t nanos;
    if (rnl_timestamp_parse(text, len, &seconds, &nanos)) {
        *ret_ms = seconds * 1000 + nanos / 1000000;
        return true;
    }
    /* 15 digits reach the year 9999. */
    if (len == 0 || len > 15)
        return false;
    int64_t number = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        number = number * 10 + (text[i] - '0');
    }
    *ret_ms = number;
    return number <= TIME_MS_MAX;
}

static bool take_time(const json_t *value, int64_t *ret_ms)
{
    if (json_is_string(value))
        return rnl_event_time_parse(json_string_value(value),
                                    json_string_length(value), ret_ms);
    if (!json_is_number(value))
        return false;
    double ms = json_number_value(value);
    if (!(ms >= (double)TIME_MS_MIN && ms <= (double)TIME_MS_MAX))
        return false;
    *ret_ms = (int64_t)floor(ms);
    return true;
}

static const char *take_number(const json_t *value, double *ret_number)
{
    if (!json_is_number(value))
        return "must be a number";
    *ret_number = json_number_value(value);
    return NULL;
}

/* Takes one member; returns what is wrong with it or NULL. */
static const char *take_member(struct rnl_event *event, const char *name,
                               const json_t *value)
{
    if (strcmp(name, "key") == 0) {
        event->key = json_string_value(value);
        event->key_len = json_string_length(value);
        return json_is_string(value) ? NULL : "must be a string";
    }
    if (json_is_null(value))
        return NULL;
    if (strcmp(name, "value") == 0) {
        event->has_value = true;
        return take_number(value, &event->value);
    }
    if (strcmp(name, "latencyMs") == 0 || strcmp(name, "latency_ms") == 0) {
        event->has_latency = true;
        return take_number(value, &event->latency_ms);
    }
    if (strcmp(name, "time") != 0)
        return "there is no such field in an event: key, value, latencyMs, "
               "time";
    event->has_time = true;
    return take_time(value, &event->time_ms)
               ? NULL
               : "must be a time such as \"2026-01-31T12:00:00Z\", or "
                 "milliseconds since 1970";
}

/* "events[3]" or "line 7" */
static enum rnl_code fail_at(struct rnl_pbjson_error *error, const char *place,
                             const char *name, const char *what)
{
    char field[RNL_PBJSON_FIELD_MAX];
    const char *joint = *place == 'l' ? ", " : ".";
    snprintf(field, sizeof(field), "%s%s%.100s", place,
             *name != '\0' ? joint : "", name);
    return fail(error, field, what);
}

static enum rnl_code add_event(struct rnl_columns *columns,
                               const json_t *object, const char *place,
                               struct rnl_pbjson_error *error)
{
    struct rnl_event event = {0};
    const char *name, *what;
    json_t *value;
    if (!json_is_object(object))
        return fail_at(error, place, "", "must be an object");
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        what = take_member(&event, name, value);
        if (what != NULL)
            return fail_at(error, place, name, what);
    }
    enum rnl_code code = rnl_columns_add(columns, &event, &name, &what);
    return code == RNL_INVALID_ARGUMENT ? fail_at(error, place, name, what)
                                        : code;
}

static enum rnl_code add_all(struct rnl_columns *columns, const json_t *body,
                             struct rnl_pbjson_error *error)
{
    const json_t *events = json_object_get(body, "events");
    if (!json_is_array(events) || json_object_size(body) != 1)
        return fail(error, "", "the body must be {\"events\": [...]}");
    for (size_t i = 0; i < json_array_size(events); i++) {
        char place[32];
        snprintf(place, sizeof(place), "events[%zu]", i);
        enum rnl_code code =
            add_event(columns, json_array_get(events, i), place, error);
        if (code != RNL_OK)
            return code;
    }
    return RNL_OK;
}

enum rnl_code rnl_events_from_json(struct rnl_columns *columns,
                                   const char *data, size_t len,
                                   struct rnl_pbjson_error *ret_error)
{
    json_t *body;
    enum rnl_code code = rnl_pbjson_parse(data, len, &body, ret_error);
    if (code != RNL_OK)
        return code;
    code = add_all(columns, body, ret_error);
    json_decref(body);
    return code;
}

static enum rnl_code add_line(struct rnl_columns *columns, const char *line,
                              size_t len, size_t number,
                              struct rnl_pbjson_error *error)
{
    char place[32];
    json_t *object;
    snprintf(place, sizeof(place), "line %zu", number);
    enum rnl_code code = rnl_pbjson_parse(line, len, &object, error);
    if (code != RNL_OK) {
        snprintf(error->field, sizeof(error->field), "%s", place);
        return code;
    }
    code = add_event(columns, object, place, error);
    json_decref(object);
    return code;
}

static bool is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (strchr(" \t\r", line[i]) == NULL || line[i] == '\0')
            return false;
    return true;
}

enum rnl_code rnl_events_from_ndjson(struct rnl_columns *columns,
                                     const char *data, size_t len,
                                     struct rnl_pbjson_error *ret_error)
{
    size_t number = 1;
    for (size_t at = 0; at < len; number++) {
        const char *end = memchr(data + at, '\n', len - at);
        size_t line = end != NULL ? (size_t)(end - data) - at : len - at;
        if (!is_blank(data + at, line)) {
            enum rnl_code code =
                add_line(columns, data + at, line, number, ret_error);
            if (code != RNL_OK)
                return code;
        }
        at += line + 1;
    }
    return RNL_OK;
}
