/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON object an event, and logfmt, its flat cousin. */
#include "reader_internal.h"

#include <string.h>

#include <jansson.h>

/* The member at a dotted path: "a.b" is the member "a.b" itself where there is
 * one, else b of a. NULL when absent. */
static const json_t *find_member(const json_t *object, const char *path)
{
    const json_t *whole = json_object_get(object, path);
    const char *dot = strchr(path, '.');
    char head[128];
    if (whole || !dot || (size_t)(dot - path) >= sizeof(head))
        return whole;
    memcpy(head, path, (size_t)(dot - path));
    head[dot - path] = '\0';
    return find_member(json_object_get(object, head), dot + 1);
}

/* The text of a scalar; false for objects and arrays. null is empty. */
static bool scalar_text(struct cli_reader *reader, const json_t *value,
                        const char **ret_text, size_t *ret_len)
{
    if (json_is_string(value)) {
        *ret_text = json_string_value(value);
        *ret_len = json_string_length(value);
        return true;
    }
    if (json_is_object(value) || json_is_array(value))
        return false;
    cli_buf_reset(&reader->scratch);
    if (json_is_integer(value))
        cli_buf_printf(&reader->scratch, "%" JSON_INTEGER_FORMAT,
                       json_integer_value(value));
    else if (json_is_real(value))
        cli_buf_printf(&reader->scratch, "%.17g", json_real_value(value));
    else if (json_is_boolean(value))
        cli_buf_text(&reader->scratch, json_is_true(value) ? "true" : "false");
    *ret_text = cli_buf_str(&reader->scratch);
    *ret_len = reader->scratch.len;
    return true;
}

/* Numbers first and the key last: the key may live in the scratch buffer. */
static bool put_member(struct cli_reader *reader, const json_t *object,
                       enum cli_column column, struct cli_record *record)
{
    const char *field = cli_reader_field(reader, column);
    const json_t *value = field ? find_member(object, field) : NULL;
    const char *text;
    size_t len;
    if (!value) {
        if (column == CLI_COLUMN_KEY)
            return cli_reader_fail(reader, "%s: no such field", field);
        return true;
    }
    if (!scalar_text(reader, value, &text, &len))
        return cli_reader_fail(
            reader, "%s: must be a string or a number, not an %s", field,
            json_is_array(value) ? "array" : "object");
    if (column == CLI_COLUMN_KEY && json_is_string(value)) {
        cli_buf_reset(&reader->scratch);
        cli_buf_add(&reader->scratch, text, len);
        text = cli_buf_str(&reader->scratch);
    }
    return cli_reader_put(reader, column, text, len, record);
}

bool cli_read_ndjson(struct cli_reader *reader, const char *text, size_t len,
                     struct cli_record *record)
{
    json_error_t error;
    if (cli_scan_ndjson(reader, text, len, record))
        return true;
    json_t *object = json_loadb(text, len, JSON_ALLOW_NUL, &error);
    if (!object)
        return cli_reader_fail(reader, "not JSON: %s", error.text);
    bool ok = json_is_object(object);
    if (!ok)
        cli_reader_fail(reader, "not a JSON object");
    for (int i = CLI_COLUMN_COUNT - 1; ok && i >= 0; i--)
        ok = put_member(reader, object, (enum cli_column)i, record);
    json_decref(object);
    return ok;
}

/* One pair of logfmt, name=value or name="quoted value". */
struct pair {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
    bool quoted;
};

/* Takes the next pair from *at; false at the end. A quote that is not closed
 * runs to the end of the line. */
static bool take_pair(const char **at, const char *end, struct pair *ret)
{
    const char *p = *at;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    *ret = (struct pair){.name = p};
    while (p < end && *p != '=' && *p != ' ')
        p++;
    ret->name_len = (size_t)(p - ret->name);
    if (p < end && *p == '=')
        p++;
    ret->quoted = p < end && *p == '"';
    if (ret->quoted) {
        ret->value = ++p;
        while (p < end && *p != '"')
            p += *p == '\\' && p + 1 < end ? 2 : 1;
    } else {
        ret->value = p;
        while (p < end && *p != ' ')
            p++;
    }
    ret->value_len = (size_t)(p - ret->value);
    *at = ret->quoted && p < end ? p + 1 : p;
    return ret->name_len > 0 || *at < end;
}

/* Copies a quoted value without its backslashes. */
static const char *unescape(struct cli_reader *reader, const struct pair *pair,
                            size_t *ret_len)
{
    cli_buf_reset(&reader->scratch);
    for (size_t i = 0; i < pair->value_len; i++) {
        if (pair->value[i] == '\\' && i + 1 < pair->value_len)
            i++;
        cli_buf_add(&reader->scratch, pair->value + i, 1);
    }
    *ret_len = reader->scratch.len;
    return cli_buf_str(&reader->scratch);
}

static bool put_pair(struct cli_reader *reader, const struct pair *pair,
                     enum cli_column column, struct cli_record *record)
{
    const char *value = pair->value;
    size_t len = pair->value_len;
    if (pair->quoted)
        value = unescape(reader, pair, &len);
    return cli_reader_put(reader, column, value, len, record);
}

/* As for JSON: the key last. The last pair of a name counts. */
static bool put_logfmt(struct cli_reader *reader, const char *text, size_t len,
                       enum cli_column column, struct cli_record *record)
{
    const char *field = cli_reader_field(reader, column);
    const char *at = text;
    struct pair found = {0};
    if (!field)
        return true;
    for (struct pair pair; take_pair(&at, text + len, &pair);) {
        if (pair.name_len == strlen(field) &&
            strncmp(pair.name, field, pair.name_len) == 0)
            found = pair;
    }
    if (found.name)
        return put_pair(reader, &found, column, record);
    if (column == CLI_COLUMN_KEY)
        return cli_reader_fail(reader, "%s: no such field", field);
    return true;
}

bool cli_read_logfmt(struct cli_reader *reader, const char *text, size_t len,
                     struct cli_record *record)
{
    for (int i = CLI_COLUMN_COUNT - 1; i >= 0; i--) {
        if (!put_logfmt(reader, text, len, (enum cli_column)i, record))
            return false;
    }
    return true;
}
