/* SPDX-License-Identifier: Apache-2.0 */
/* Events from CSV and TSV. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "events_text.h"
#include "utf8.h"

/* Longest cell that is a number. */
#define NUMBER_MAX 64

enum { COLUMN_NONE = -1 };

/* Positions of the columns in a row. */
struct reader {
    struct rnl_columns *columns;
    const struct rnl_table *table;
    struct rnl_pbjson_error *error;
    struct rnl_csv csv;
    bool has_header;
    int key;
    int value;
    int latency;
    int time;
};

static enum rnl_code fail(struct reader *reader, const char *column,
                          const char *what)
{
    snprintf(reader->error->field, sizeof(reader->error->field),
             "line %llu%s%.100s", (unsigned long long)reader->csv.line,
             *column != '\0' ? ", " : "", column);
    snprintf(reader->error->what, sizeof(reader->error->what), "%s", what);
    return RNL_INVALID_ARGUMENT;
}

static int find(const struct reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->csv.field_count; i++) {
        const struct rnl_csv_field *field = &reader->csv.fields[i];
        if (field->len == strlen(name) &&
            memcmp(field->data, name, field->len) == 0)
            return (int)i;
    }
    return COLUMN_NONE;
}

/* The column of a chosen name, which must be there, or of a usual one. */
static enum rnl_code locate(struct reader *reader, const char *chosen,
                            const char *usual, int *ret_column)
{
    *ret_column = find(reader, chosen != NULL ? chosen : usual);
    if (*ret_column == COLUMN_NONE && chosen != NULL)
        return fail(reader, chosen, "there is no column of that name");
    return RNL_OK;
}

static enum rnl_code take_header(struct reader *reader)
{
    const struct rnl_event_names *names = &reader->table->names;
    enum rnl_code code = locate(reader, names->key, "key", &reader->key);
    if (code == RNL_OK)
        code = locate(reader, names->value, "value", &reader->value);
    if (code == RNL_OK)
        code = locate(reader, names->latency, "latency_ms", &reader->latency);
    if (code == RNL_OK)
        code = locate(reader, names->time, "time", &reader->time);
    if (code != RNL_OK)
        return code;
    if (reader->latency == COLUMN_NONE)
        reader->latency = find(reader, "latencyMs");
    if (reader->key == COLUMN_NONE)
        return fail(reader, "",
                    "the header has no column key; name another one with "
                    "?key=");
    reader->has_header = true;
    return RNL_OK;
}

/* The cell of a column; an empty one when the row is short or has none. */
static struct rnl_csv_field cell(const struct reader *reader, int column)
{
    if (column == COLUMN_NONE || (size_t)column >= reader->csv.field_count)
        return (struct rnl_csv_field){"", 0};
    return reader->csv.fields[column];
}

static enum rnl_code take_number(struct reader *reader, int column,
                                 const char *name, bool *ret_has,
                                 double *ret_number)
{
    struct rnl_csv_field field = cell(reader, column);
    char text[NUMBER_MAX];
    char *end = text;
    if (field.len == 0)
        return RNL_OK;
    if (field.len < sizeof(text)) {
        memcpy(text, field.data, field.len);
        text[field.len] = '\0';
        *ret_number = strtod(text, &end);
    }
    if (end == text || *end != '\0' || end != text + field.len)
        return fail(reader, name, "must be a number");
    *ret_has = true;
    return RNL_OK;
}

static enum rnl_code take_time(struct reader *reader, struct rnl_event *event)
{
    struct rnl_csv_field field = cell(reader, reader->time);
    if (field.len == 0)
        return RNL_OK;
    event->has_time = true;
    if (rnl_event_time_parse(field.data, field.len, &event->time_ms))
        return RNL_OK;
    return fail(reader, "time",
                "must be a time such as 2026-01-31T12:00:00Z, or milliseconds "
                "since 1970");
}

static enum rnl_code take_row(struct reader *reader)
{
    struct rnl_event event = {0};
    const char *name, *what;
    struct rnl_csv_field key = cell(reader, reader->key);
    event.key = key.data;
    event.key_len = key.len;
    if (!rnl_utf8_valid(key.data, key.len))
        return fail(reader, "key", "must be UTF-8");
    enum rnl_code code = take_number(reader, reader->value, "value",
                                     &event.has_value, &event.value);
    if (code == RNL_OK)
        code = take_number(reader, reader->latency, "latency_ms",
                           &event.has_latency, &event.latency_ms);
    if (code == RNL_OK)
        code = take_time(reader, &event);
    if (code != RNL_OK)
        return code;
    code = rnl_columns_add(reader->columns, &event, &name, &what);
    return code == RNL_INVALID_ARGUMENT ? fail(reader, name, what) : code;
}

static enum rnl_code take_result(struct reader *reader,
                                 enum rnl_csv_result result)
{
    switch (result) {
    case RNL_CSV_ROW:
        return reader->has_header ? take_row(reader) : take_header(reader);
    case RNL_CSV_BAD:
        return fail(reader, "", reader->csv.error);
    case RNL_CSV_NO_MEMORY:
        return RNL_RESOURCE_EXHAUSTED;
    case RNL_CSV_MORE:
        break;
    }
    return RNL_OK;
}

static enum rnl_code read_table(struct reader *reader, const char *data,
                                size_t len)
{
    enum rnl_code code = RNL_OK;
    enum rnl_csv_result result;
    while (len > 0 && code == RNL_OK) {
        size_t used;
        result = rnl_csv_feed(&reader->csv, data, len, &used);
        data += used;
        len -= used;
        code = take_result(reader, result);
    }
    while (code == RNL_OK &&
           (result = rnl_csv_finish(&reader->csv)) != RNL_CSV_MORE)
        code = take_result(reader, result);
    return code;
}

enum rnl_code rnl_events_from_table(struct rnl_columns *columns,
                                    const struct rnl_table *table,
                                    const char *data, size_t len,
                                    struct rnl_pbjson_error *ret_error)
{
    struct reader reader = {
        .columns = columns, .table = table, .error = ret_error};
    rnl_csv_init(&reader.csv, table->separator);
    enum rnl_code code = read_table(&reader, data, len);
    rnl_csv_fini(&reader.csv);
    return code;
}
