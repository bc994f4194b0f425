/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of an input that lies in memory whole: CSV or TSV with a header, or
 * NDJSON. For each row its key, value, latency and time, taken from the fields
 * that the caller names. A bad row is reported and skipped; the next one is
 * read all the same.
 */
#ifndef RNL_JOBS_ROWS_H
#define RNL_JOBS_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "csv.h"

/* A longer row is bad: decoding it would hold the loop. */
#define RNL_ROW_BYTES_MAX ((size_t)65536)

/* A key of the statistics. */
#define RNL_ROW_KEY_MAX ((size_t)256)

enum rnl_rows_format {
    RNL_ROWS_CSV,
    RNL_ROWS_TSV,
    RNL_ROWS_NDJSON,
};

enum rnl_row_field {
    RNL_ROW_KEY,
    RNL_ROW_VALUE,
    RNL_ROW_LATENCY,
    RNL_ROW_TIME,
    RNL_ROW_FIELD_COUNT,
};

struct rnl_row {
    /* Valid until the next row; UTF-8, 1 to RNL_ROW_KEY_MAX bytes. */
    const char *key;
    size_t key_len;
    bool has_value;
    bool has_latency;
    bool has_time;
    /* Finite. */
    double value;
    /* Finite, not negative. */
    double latency_ms;
    /* Since 1970. */
    int64_t time_ms;
};

enum rnl_rows_result {
    RNL_ROWS_ROW,
    /* error and line say what is wrong with this row. */
    RNL_ROWS_BAD,
    /* Nothing to report yet; go on (a header, an empty line). */
    RNL_ROWS_NONE,
    RNL_ROWS_END,
    /* The input has no rows of this form: error says why. */
    RNL_ROWS_FATAL,
    RNL_ROWS_NO_MEMORY,
};

struct rnl_rows {
    enum rnl_rows_format format;
    /* Borrowed. */
    const char *data;
    size_t len;
    size_t pos;
    /* Names of fields, borrowed; required ones must be in a CSV header. */
    const char *fields[RNL_ROW_FIELD_COUNT];
    bool required[RNL_ROW_FIELD_COUNT];
    struct rnl_csv csv;
    bool have_header;
    size_t columns[RNL_ROW_FIELD_COUNT];
    /* From 1. */
    uint64_t line;
    char error[160];
    char key[RNL_ROW_KEY_MAX];
};

/* Set fields and required before; data is borrowed until fini. */
void rnl_rows_init(struct rnl_rows *rows, enum rnl_rows_format format,
                   const void *data, size_t len);
void rnl_rows_fini(struct rnl_rows *rows);

/* Reads the next row. Costs at most RNL_ROW_BYTES_MAX bytes of decoding. */
enum rnl_rows_result rnl_rows_next(struct rnl_rows *rows,
                                   struct rnl_row *ret_row);

/* Milliseconds since 1970 of RFC 3339, or of a number whose size tells its
 * unit: seconds, milliseconds, microseconds or nanoseconds. */
bool rnl_row_parse_time(const char *text, int64_t *ret_ms);

#endif
