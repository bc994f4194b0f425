/* SPDX-License-Identifier: Apache-2.0 */
#include "reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "reader_internal.h"
#include "utf8.h"

/* Of an offending text, this much is quoted in an error. */
#define QUOTED_LEN_MAX 40

static const char *const format_names[CLI_FORMAT_COUNT] = {
    "ndjson", "json", "csv", "tsv", "logfmt", "common", "combined", "lines"};

bool cli_format_parse(const char *name, enum cli_format *ret_format)
{
    for (int i = 0; i < CLI_FORMAT_COUNT; i++) {
        if (strcmp(name, format_names[i]) == 0) {
            *ret_format = (enum cli_format)i;
            return true;
        }
    }
    return false;
}

const char *cli_format_name(enum cli_format format)
{
    return format_names[format];
}

bool cli_format_of_file(const char *path, enum cli_format *ret_format)
{
    static const struct {
        const char *suffix;
        enum cli_format format;
    } suffixes[] = {
        {".csv", CLI_FORMAT_CSV},       {".tsv", CLI_FORMAT_TSV},
        {".ndjson", CLI_FORMAT_NDJSON}, {".jsonl", CLI_FORMAT_NDJSON},
        {".json", CLI_FORMAT_JSON},     {".logfmt", CLI_FORMAT_LOGFMT},
        {".log", CLI_FORMAT_COMBINED},
    };
    size_t len = strlen(path);
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        size_t suffix_len = strlen(suffixes[i].suffix);
        if (len > suffix_len &&
            strcmp(path + len - suffix_len, suffixes[i].suffix) == 0) {
            *ret_format = suffixes[i].format;
            return true;
        }
    }
    return false;
}

const char *cli_column_name(enum cli_column column)
{
    static const char *const names[] = {"key", "value", "latency", "time"};
    return names[column];
}

bool cli_reader_fail(struct cli_reader *reader, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reader->error, sizeof(reader->error), format, args);
    va_end(args);
    return false;
}

bool cli_reader_field_given(const struct cli_reader *reader,
                            enum cli_column column)
{
    return reader->options.fields[column] != NULL;
}

static bool is_access(enum cli_format format)
{
    return format == CLI_FORMAT_COMMON || format == CLI_FORMAT_COMBINED;
}

/* Only an access log says by itself what its fields are. In other formats a
 * field that happens to be called "time" may be an hour of the day, so that
 * all but the key must be asked for. */
const char *cli_reader_field(const struct cli_reader *reader,
                             enum cli_column column)
{
    static const char *const access[] = {"host", "bytes", "request_time",
                                         "time"};
    const char *given = reader->options.fields[column];
    if (given)
        return given;
    if (column == CLI_COLUMN_TIME && reader->options.arrival_time)
        return NULL;
    if (is_access(reader->options.format))
        return access[column];
    if (column != CLI_COLUMN_KEY)
        return NULL;
    return reader->options.format == CLI_FORMAT_LINES ? "line" : "key";
}

static bool put_key(struct cli_reader *reader, const char *text, size_t len,
                    struct cli_record *record)
{
    const char *field = cli_reader_field(reader, CLI_COLUMN_KEY);
    if (len == 0)
        return cli_reader_fail(reader, "%s: the key is empty", field);
    if (len > CLI_KEY_LEN_MAX)
        return cli_reader_fail(reader,
                               "%s: the key has %zu bytes; the limit is %zu",
                               field, len, CLI_KEY_LEN_MAX);
    if (!rnl_utf8_valid(text, len))
        return cli_reader_fail(reader, "%s: the key is not valid UTF-8", field);
    record->key = text;
    record->key_len = len;
    return true;
}

/* Spreadsheets, databases and access logs write "no value" in these ways. */
static bool is_absent(const char *text, size_t len)
{
    return len == 0 || (len == 1 && text[0] == '-') ||
           (len == 4 && strncmp(text, "null", 4) == 0);
}

static bool put_number(struct cli_reader *reader, enum cli_column column,
                       const char *text, size_t len, double *ret_number)
{
    if (cli_parse_number(text, len, ret_number))
        return true;
    return cli_reader_fail(reader, "%s: \"%.*s\" is not a number",
                           cli_reader_field(reader, column),
                           (int)(len < QUOTED_LEN_MAX ? len : QUOTED_LEN_MAX),
                           text);
}

static bool put_time(struct cli_reader *reader, const char *text, size_t len,
                     struct cli_record *record)
{
    record->has_time = cli_parse_time_ms(
        text, len, &reader->options.time_format, &record->time_ms);
    if (record->has_time && record->time_ms < 1)
        return cli_reader_fail(reader, "%s: a time must be after 1970-01-01",
                               cli_reader_field(reader, CLI_COLUMN_TIME));
    if (record->has_time)
        return true;
    return cli_reader_fail(reader,
                           "%s: \"%.*s\" is not a time that is understood; "
                           "see --time-format",
                           cli_reader_field(reader, CLI_COLUMN_TIME),
                           (int)(len < QUOTED_LEN_MAX ? len : QUOTED_LEN_MAX),
                           text);
}

static bool put_latency(struct cli_reader *reader, const char *text, size_t len,
                        struct cli_record *record)
{
    record->has_latency =
        put_number(reader, CLI_COLUMN_LATENCY, text, len, &record->latency_ms);
    if (!record->has_latency)
        return false;
    if (reader->options.latency_unit_ms > 0)
        record->latency_ms *= reader->options.latency_unit_ms;
    if (record->latency_ms >= 0)
        return true;
    return cli_reader_fail(reader, "%s: a latency cannot be negative",
                           cli_reader_field(reader, CLI_COLUMN_LATENCY));
}

bool cli_reader_put(struct cli_reader *reader, enum cli_column column,
                    const char *text, size_t len, struct cli_record *record)
{
    if (column == CLI_COLUMN_KEY)
        return put_key(reader, text, len, record);
    if (is_absent(text, len))
        return true;
    if (column == CLI_COLUMN_TIME)
        return put_time(reader, text, len, record);
    if (column == CLI_COLUMN_LATENCY)
        return put_latency(reader, text, len, record);
    record->has_value =
        put_number(reader, CLI_COLUMN_VALUE, text, len, &record->value);
    return record->has_value;
}

/* An access log has a fixed set of fields, so that a typing error can be told
 * before the first line. */
static bool check_fields(const struct cli_reader_options *options, char *error,
                         size_t error_size)
{
    for (int i = 0; i < CLI_COLUMN_COUNT; i++) {
        const char *field = options->fields[i];
        if (!field)
            continue;
        if (is_access(options->format) && cli_access_field(field) < 0) {
            snprintf(error, error_size,
                     "--%s %s: an access log has host, user, time, request, "
                     "method, path, status, bytes, referer, agent and "
                     "request_time",
                     cli_column_name((enum cli_column)i), field);
            return false;
        }
        if (options->format == CLI_FORMAT_LINES) {
            snprintf(error, error_size,
                     "--%s: with --format lines the whole line is the key",
                     cli_column_name((enum cli_column)i));
            return false;
        }
    }
    return true;
}

static void note_fields(struct cli_reader *reader)
{
    for (int i = 0; i < CLI_COLUMN_COUNT; i++) {
        const char *field = cli_reader_field(reader, (enum cli_column)i);
        reader->field_lens[i] = field ? strlen(field) : 0;
        reader->access_fields[i] = field ? cli_access_field(field) : -1;
        reader->nested = reader->nested || (field && strchr(field, '.'));
    }
}

struct cli_reader *cli_reader_create(const struct cli_reader_options *options,
                                     char *ret_error, size_t ret_error_size)
{
    enum cli_format format = options->format;
    if (!check_fields(options, ret_error, ret_error_size))
        return NULL;
    struct cli_reader *reader = cli_calloc(1, sizeof(*reader));
    reader->options = *options;
    note_fields(reader);
    reader->is_csv = format == CLI_FORMAT_CSV || format == CLI_FORMAT_TSV;
    rnl_csv_init(&reader->csv, format == CLI_FORMAT_TSV ? '\t' : ',');
    reader->lines.mode =
        format == CLI_FORMAT_JSON ? CLI_LINES_BY_OBJECT : CLI_LINES_BY_LINE;
    if (is_access(format) && options->time_format.kind == CLI_TIME_AUTO)
        reader->options.time_format.kind = CLI_TIME_CLF;
    return reader;
}

void cli_reader_destroy(struct cli_reader *reader)
{
    if (!reader)
        return;
    cli_lines_fini(&reader->lines);
    rnl_csv_fini(&reader->csv);
    cli_buf_fini(&reader->scratch);
    cli_free(reader);
}

static bool read_piece(struct cli_reader *reader, struct cli_record *record)
{
    const char *text = reader->lines.text;
    size_t len = reader->lines.len;
    switch (reader->options.format) {
    case CLI_FORMAT_LOGFMT:
        return cli_read_logfmt(reader, text, len, record);
    case CLI_FORMAT_COMMON:
    case CLI_FORMAT_COMBINED:
        return cli_read_access(reader, text, len, record);
    case CLI_FORMAT_LINES:
        return cli_reader_put(reader, CLI_COLUMN_KEY, text, len, record);
    default:
        return cli_read_ndjson(reader, text, len, record);
    }
}

/* What a result of the line cutter means. MORE also stands for a blank line:
 * the caller goes on feeding. */
static enum cli_read on_piece(struct cli_reader *reader,
                              enum cli_lines_result result,
                              struct cli_record *record)
{
    if (result == CLI_LINES_MORE)
        return CLI_READ_MORE;
    reader->line = reader->lines.line;
    if (result == CLI_LINES_TOO_LONG) {
        cli_reader_fail(reader, "longer than %zu bytes", CLI_LINE_LEN_MAX);
        return CLI_READ_BAD;
    }
    if (result == CLI_LINES_BROKEN) {
        cli_reader_fail(reader, "not an array of JSON objects");
        return CLI_READ_FATAL;
    }
    if (strspn(reader->lines.text, " \t\r") >= reader->lines.len)
        return CLI_READ_MORE;
    struct cli_record fresh = {0};
    if (!read_piece(reader, &fresh))
        return CLI_READ_BAD;
    *record = fresh;
    return CLI_READ_RECORD;
}

static enum cli_read on_row(struct cli_reader *reader,
                            enum rnl_csv_result result,
                            struct cli_record *record)
{
    if (result == RNL_CSV_MORE)
        return CLI_READ_MORE;
    reader->line = reader->csv.line;
    if (result == RNL_CSV_ROW)
        return cli_read_row(reader, record);
    cli_reader_fail(reader, "%s",
                    result == RNL_CSV_BAD ? reader->csv.error
                                          : "out of memory");
    return result == RNL_CSV_BAD ? CLI_READ_BAD : CLI_READ_FATAL;
}

enum cli_read cli_reader_feed(struct cli_reader *reader, const char *data,
                              size_t len, size_t *ret_used,
                              struct cli_record *ret_record)
{
    enum cli_read result = CLI_READ_MORE;
    size_t used = 0;
    while (used < len && result == CLI_READ_MORE) {
        size_t step = 0;
        if (reader->is_csv)
            result = on_row(
                reader,
                rnl_csv_feed(&reader->csv, data + used, len - used, &step),
                ret_record);
        else
            result = on_piece(
                reader,
                cli_lines_feed(&reader->lines, data + used, len - used, &step),
                ret_record);
        used += step;
    }
    *ret_used = used;
    return result;
}

enum cli_read cli_reader_finish(struct cli_reader *reader,
                                struct cli_record *ret_record)
{
    if (reader->is_csv)
        return on_row(reader, rnl_csv_finish(&reader->csv), ret_record);
    return on_piece(reader, cli_lines_finish(&reader->lines), ret_record);
}

uint64_t cli_reader_line(const struct cli_reader *reader)
{
    return reader->line;
}

const char *cli_reader_error(const struct cli_reader *reader)
{
    return reader->error;
}
