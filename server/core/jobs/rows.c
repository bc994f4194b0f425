/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "utf8.h"

/* A number or a time as text is shorter than this. */
#define TEXT_LEN_MAX 63

#define NO_COLUMN SIZE_MAX

void rnl_rows_init(struct rnl_rows *rows, enum rnl_rows_format format,
                   const void *data, size_t len)
{
    rows->format = format;
    rows->data = data;
    rows->len = len;
    rows->pos = 0;
    rows->line = 0;
    rows->have_header = false;
    rnl_csv_init(&rows->csv, format == RNL_ROWS_TSV ? '\t' : ',');
}

void rnl_rows_fini(struct rnl_rows *rows)
{
    rnl_csv_fini(&rows->csv);
}

static bool fail(struct rnl_rows *rows, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool fail(struct rnl_rows *rows, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(rows->error, sizeof(rows->error), format, args);
    va_end(args);
    return false;
}

/* ---- scalars ---- */

static bool parse_number(const char *text, double *ret_number)
{
    char *end;
    double number = strtod(text, &end);
    while (*end == ' ')
        end++;
    if (end == text || *end != '\0' || !isfinite(number))
        return false;
    *ret_number = number;
    return true;
}

/* The unit of a Unix time by its size: a second of 2001 to 2286 has 10 digits,
 * in milliseconds 13, and so on. */
static bool time_of_number(double number, int64_t *ret_ms)
{
    double size = fabs(number);
    if (size < 1e11)
        number *= 1e3;
    else if (size >= 1e17)
        number /= 1e6;
    else if (size >= 1e14)
        number /= 1e3;
    if (fabs(number) > 1e15)
        return false;
    *ret_ms = llround(number);
    return true;
}

/* "Z", "+01:00", "-0130" or nothing, in minutes. */
static bool parse_zone(const char *text, int *ret_minutes)
{
    int hours;
    int minutes;
    char sign;
    *ret_minutes = 0;
    if (*text == '\0' || strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
        return true;
    if (sscanf(text, "%c%2d:%2d", &sign, &hours, &minutes) != 3 &&
        sscanf(text, "%c%2d%2d", &sign, &hours, &minutes) != 3)
        return false;
    if ((sign != '+' && sign != '-') || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
    return true;
}

bool rnl_row_parse_time(const char *text, int64_t *ret_ms)
{
    double number;
    if (parse_number(text, &number))
        return time_of_number(number, ret_ms);
    struct tm tm = {0};
    char between;
    int used = 0;
    if (sscanf(text, "%4d-%2d-%2d%c%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon,
               &tm.tm_mday, &between, &tm.tm_hour, &tm.tm_min, &tm.tm_sec,
               &used) != 7 ||
        (between != 'T' && between != 't' && between != ' '))
        return false;
    if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return false;
    const char *rest = text + used;
    double fraction = 0;
    if (*rest == '.') {
        size_t digits = strspn(rest + 1, "0123456789");
        fraction = digits == 0 || digits > 12 ? 0 : strtod(rest, NULL);
        rest += 1 + digits;
    }
    int zone;
    if (!parse_zone(rest, &zone))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *ret_ms =
        ((int64_t)timegm(&tm) - zone * 60) * 1000 + llround(fraction * 1000);
    return true;
}

/* ---- from texts to a row ---- */

static bool is_absent(const char *text)
{
    return text[0] == '\0' || strcmp(text, "-") == 0 ||
           strcmp(text, "null") == 0 || strcmp(text, "NA") == 0;
}

static bool put_number(struct rnl_rows *rows, enum rnl_row_field field,
                       double number, struct rnl_row *row)
{
    if (field == RNL_ROW_TIME) {
        row->has_time = time_of_number(number, &row->time_ms);
        return row->has_time ||
               fail(rows, "%s is not a time", rows->fields[field]);
    }
    if (field == RNL_ROW_VALUE) {
        row->has_value = true;
        row->value = number;
        return true;
    }
    if (number < 0)
        return fail(rows, "%s is negative", rows->fields[field]);
    row->has_latency = true;
    row->latency_ms = number;
    return true;
}

static bool put_key(struct rnl_rows *rows, const char *text, size_t len,
                    struct rnl_row *row)
{
    const char *name = rows->fields[RNL_ROW_KEY];
    if (len == 0)
        return fail(rows, "%s is empty", name);
    if (len > RNL_ROW_KEY_MAX)
        return fail(rows, "%s has more than %zu bytes", name, RNL_ROW_KEY_MAX);
    if (!rnl_utf8_valid(text, len))
        return fail(rows, "%s is not UTF-8", name);
    memcpy(rows->key, text, len);
    row->key = rows->key;
    row->key_len = len;
    return true;
}

static bool put_text(struct rnl_rows *rows, enum rnl_row_field field,
                     const char *data, size_t len, struct rnl_row *row)
{
    if (field == RNL_ROW_KEY)
        return put_key(rows, data, len, row);
    char text[TEXT_LEN_MAX + 1];
    if (len > TEXT_LEN_MAX)
        return fail(rows, "%s is too long", rows->fields[field]);
    memcpy(text, data, len);
    text[len] = '\0';
    double number;
    if (is_absent(text))
        return true;
    if (field == RNL_ROW_TIME) {
        row->has_time = rnl_row_parse_time(text, &row->time_ms);
        return row->has_time ||
               fail(rows, "%s is not a time", rows->fields[field]);
    }
    if (!parse_number(text, &number))
        return fail(rows, "%s is not a number", rows->fields[field]);
    return put_number(rows, field, number, row);
}

/* ---- CSV ---- */

static size_t find_column(const struct rnl_csv *csv, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < csv->field_count; i++) {
        if (csv->fields[i].len == len &&
            memcmp(csv->fields[i].data, name, len) == 0)
            return i;
    }
    return NO_COLUMN;
}

static enum rnl_rows_result take_header(struct rnl_rows *rows)
{
    rows->have_header = true;
    for (int i = 0; i < RNL_ROW_FIELD_COUNT; i++) {
        rows->columns[i] = find_column(&rows->csv, rows->fields[i]);
        if (rows->columns[i] == NO_COLUMN && rows->required[i]) {
            fail(rows, "the header has no column \"%s\"", rows->fields[i]);
            return RNL_ROWS_FATAL;
        }
    }
    return RNL_ROWS_NONE;
}

static enum rnl_rows_result take_csv_row(struct rnl_rows *rows,
                                         struct rnl_row *row)
{
    const struct rnl_csv *csv = &rows->csv;
    rows->line = csv->line;
    if (!rows->have_header)
        return take_header(rows);
    *row = (struct rnl_row){0};
    for (int i = 0; i < RNL_ROW_FIELD_COUNT; i++) {
        size_t column = rows->columns[i];
        if (column == NO_COLUMN)
            continue;
        if (column >= csv->field_count) {
            fail(rows, "has %zu fields, %s is field %zu", csv->field_count,
                 rows->fields[i], column + 1);
            return RNL_ROWS_BAD;
        }
        if (!put_text(rows, (enum rnl_row_field)i, csv->fields[column].data,
                      csv->fields[column].len, row))
            return RNL_ROWS_BAD;
    }
    return RNL_ROWS_ROW;
}

static enum rnl_rows_result next_csv(struct rnl_rows *rows, struct rnl_row *row)
{
    struct rnl_csv *csv = &rows->csv;
    size_t len = rows->len - rows->pos;
    size_t used = 0;
    bool at_end = len == 0;
    if (len > RNL_ROW_BYTES_MAX)
        len = RNL_ROW_BYTES_MAX;
    enum rnl_csv_result result =
        at_end ? rnl_csv_finish(csv)
               : rnl_csv_feed(csv, rows->data + rows->pos, len, &used);
    rows->pos += used;
    switch (result) {
    case RNL_CSV_MORE:
        return at_end ? RNL_ROWS_END : RNL_ROWS_NONE;
    case RNL_CSV_ROW:
        return take_csv_row(rows, row);
    case RNL_CSV_NO_MEMORY:
        return RNL_ROWS_NO_MEMORY;
    case RNL_CSV_BAD:
        break;
    }
    rows->line = csv->line;
    fail(rows, "%s", csv->error);
    return rows->have_header ? RNL_ROWS_BAD : RNL_ROWS_FATAL;
}

/* ---- NDJSON ---- */

static bool put_json(struct rnl_rows *rows, enum rnl_row_field field,
                     const json_t *value, struct rnl_row *row)
{
    if (json_is_string(value))
        return put_text(rows, field, json_string_value(value),
                        json_string_length(value), row);
    if (field == RNL_ROW_KEY && json_is_integer(value)) {
        char text[TEXT_LEN_MAX + 1];
        int len = snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
                           json_integer_value(value));
        return put_key(rows, text, (size_t)len, row);
    }
    if (field != RNL_ROW_KEY && (value == NULL || json_is_null(value)))
        return !(value == NULL && rows->required[field]) ||
               fail(rows, "has no %s", rows->fields[field]);
    if (field != RNL_ROW_KEY && json_is_number(value))
        return put_number(rows, field, json_number_value(value), row);
    return fail(rows, value == NULL ? "has no %s" : "%s has another type",
                rows->fields[field]);
}

static enum rnl_rows_result take_json(struct rnl_rows *rows, const char *line,
                                      size_t len, struct rnl_row *row)
{
    json_error_t error;
    json_t *object = json_loadb(line, len, JSON_ALLOW_NUL, &error);
    if (object == NULL && json_error_code(&error) == json_error_out_of_memory)
        return RNL_ROWS_NO_MEMORY;
    if (object == NULL) {
        fail(rows, "is not JSON: %.100s", error.text);
        return RNL_ROWS_BAD;
    }
    *row = (struct rnl_row){0};
    bool ok = json_is_object(object) || fail(rows, "is not a JSON object");
    for (int i = 0; ok && i < RNL_ROW_FIELD_COUNT; i++)
        ok = put_json(rows, (enum rnl_row_field)i,
                      json_object_get(object, rows->fields[i]), row);
    json_decref(object);
    return ok ? RNL_ROWS_ROW : RNL_ROWS_BAD;
}

static enum rnl_rows_result next_json(struct rnl_rows *rows,
                                      struct rnl_row *row)
{
    if (rows->pos == rows->len)
        return RNL_ROWS_END;
    const char *line = rows->data + rows->pos;
    size_t left = rows->len - rows->pos;
    const char *end = memchr(line, '\n', left);
    size_t len = end == NULL ? left : (size_t)(end - line);
    rows->pos += end == NULL ? len : len + 1;
    rows->line++;
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' '))
        len--;
    if (len == 0)
        return RNL_ROWS_NONE;
    if (len > RNL_ROW_BYTES_MAX) {
        fail(rows, "has more than %zu bytes", RNL_ROW_BYTES_MAX);
        return RNL_ROWS_BAD;
    }
    return take_json(rows, line, len, row);
}

enum rnl_rows_result rnl_rows_next(struct rnl_rows *rows,
                                   struct rnl_row *ret_row)
{
    if (rows->format == RNL_ROWS_NDJSON)
        return next_json(rows, ret_row);
    return next_csv(rows, ret_row);
}
