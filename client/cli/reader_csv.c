/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of CSV and TSV: the header names the columns, later rows are events. */
#include "reader_internal.h"

#include <string.h>

/* The column of that name; by number when there is no header. */
static size_t find_column(struct cli_reader *reader, const char *field)
{
    int64_t number;
    if (reader->options.no_header) {
        if (cli_parse_integer(field, 1, (int64_t)RNL_CSV_FIELD_COUNT_MAX,
                              &number))
            return (size_t)number - 1;
        return SIZE_MAX;
    }
    for (size_t i = 0; i < reader->csv.field_count; i++) {
        struct rnl_csv_field name = reader->csv.fields[i];
        if (name.len == strlen(field) &&
            strncmp(name.data, field, name.len) == 0)
            return i;
    }
    return SIZE_MAX;
}

/* Names the columns that are there: the hint that solves most such errors. */
static void say_columns(struct cli_reader *reader, enum cli_column column)
{
    const char *field = cli_reader_field(reader, column);
    cli_buf_reset(&reader->scratch);
    for (size_t i = 0; i < reader->csv.field_count; i++) {
        if (i > 0)
            cli_buf_text(&reader->scratch, ", ");
        cli_buf_add(&reader->scratch, reader->csv.fields[i].data,
                    reader->csv.fields[i].len);
    }
    if (reader->options.no_header)
        cli_reader_fail(reader,
                        "--%s %s: with --no-header give a column's number, "
                        "from 1",
                        cli_column_name(column), field);
    else if (cli_reader_field_given(reader, column))
        cli_reader_fail(reader, "--%s %s: no such column; the header has: %s",
                        cli_column_name(column), field,
                        cli_buf_str(&reader->scratch));
    else
        cli_reader_fail(reader,
                        "which column is the key? Say --key COLUMN, one of: "
                        "%s",
                        cli_buf_str(&reader->scratch));
}

static enum cli_read read_header(struct cli_reader *reader)
{
    for (int i = 0; i < CLI_COLUMN_COUNT; i++) {
        enum cli_column column = (enum cli_column)i;
        const char *field = cli_reader_field(reader, column);
        reader->index[i] = field ? find_column(reader, field) : SIZE_MAX;
        if (field && reader->index[i] == SIZE_MAX) {
            say_columns(reader, column);
            return CLI_READ_FATAL;
        }
    }
    reader->have_header = true;
    return CLI_READ_MORE;
}

static bool read_event(struct cli_reader *reader, struct cli_record *record)
{
    for (int i = 0; i < CLI_COLUMN_COUNT; i++) {
        size_t index = reader->index[i];
        if (index == SIZE_MAX)
            continue;
        if (index >= reader->csv.field_count)
            return cli_reader_fail(reader, "%s: the row has only %zu fields",
                                   cli_reader_field(reader, (enum cli_column)i),
                                   reader->csv.field_count);
        struct rnl_csv_field field = reader->csv.fields[index];
        if (!cli_reader_put(reader, (enum cli_column)i, field.data, field.len,
                            record))
            return false;
    }
    return true;
}

enum cli_read cli_read_row(struct cli_reader *reader, struct cli_record *record)
{
    if (!reader->have_header) {
        enum cli_read result = read_header(reader);
        if (result == CLI_READ_FATAL || !reader->options.no_header)
            return result;
    }
    struct cli_record fresh = {0};
    if (!read_event(reader, &fresh))
        return CLI_READ_BAD;
    *record = fresh;
    return CLI_READ_RECORD;
}
