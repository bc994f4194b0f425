/* SPDX-License-Identifier: Apache-2.0 */
/* What reader.c and the file of each format share; for nobody else. */
#ifndef RNL_CLI_READER_INTERNAL_H
#define RNL_CLI_READER_INTERNAL_H

#include "buf.h"
#include "csv.h"
#include "lines.h"
#include "reader.h"

struct cli_reader {
    struct cli_reader_options options;
    struct cli_lines lines;
    struct rnl_csv csv;
    bool is_csv;
    /* CSV: the header was read and index[] is set; SIZE_MAX: none. */
    bool have_header;
    size_t index[CLI_COLUMN_COUNT];
    uint64_t line;
    /* Of each field's name, 0 where none is read; and whether one of them is a
     * path into an object. */
    size_t field_lens[CLI_COLUMN_COUNT];
    bool nested;
    /* The same fields as an access log numbers them; -1: not read. */
    int access_fields[CLI_COLUMN_COUNT];
    /* A key or a number that had to be copied. */
    struct cli_buf scratch;
    char error[320];
};

/* Sets the error; returns false for the caller to return. */
bool cli_reader_fail(struct cli_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "key", "value", "latency" or "time". */
const char *cli_column_name(enum cli_column column);

/* The field that a property is read from: the option or the format's default;
 * NULL when it is not read. */
const char *cli_reader_field(const struct cli_reader *reader,
                             enum cli_column column);

/* The option was given, so that its absence is worth an error. */
bool cli_reader_field_given(const struct cli_reader *reader,
                            enum cli_column column);

/* Puts the text of one property into the record. Empty text, "-" and
 * "null" leave numbers unset. False: the error is set. */
bool cli_reader_put(struct cli_reader *reader, enum cli_column column,
                    const char *text, size_t len, struct cli_record *record);

/* Reads a plain object fast; false: it is not plain, or bad, and the record is
 * unchanged. */
bool cli_scan_ndjson(struct cli_reader *reader, const char *text, size_t len,
                     struct cli_record *record);

/* One piece of a format that is read by line; false: the error is set. */
bool cli_read_ndjson(struct cli_reader *reader, const char *text, size_t len,
                     struct cli_record *record);
bool cli_read_logfmt(struct cli_reader *reader, const char *text, size_t len,
                     struct cli_record *record);
bool cli_read_access(struct cli_reader *reader, const char *text, size_t len,
                     struct cli_record *record);

/* The number of an access log's field; -1 when it has none of that name. */
int cli_access_field(const char *name);

/* A row of CSV: the header, when it is to come, or an event. */
enum cli_read cli_read_row(struct cli_reader *reader,
                           struct cli_record *record);

#endif
