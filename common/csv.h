/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An incremental reader of comma- or tab-separated text (RFC 4180): bytes in,
 * cut anywhere, one row out at a time. A row is the same however its bytes
 * were cut.
 *
 * It is lenient where files in the wild are: rows end with LF or CR LF, empty
 * lines and a UTF-8 byte order mark at the start are skipped, and a quote
 * inside an unquoted field stands for itself. Whatever follows a closing quote
 * other than a separator or the end of the row is an error. After an error
 * the reader skips to the end of that line and goes on.
 *
 * It knows nothing of headers, names and numbers; those belong to its callers.
 */
#ifndef RNL_COMMON_CSV_H
#define RNL_COMMON_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of one row without quotes and separators. A row is one event or one
 * header; a megabyte is far above both and keeps an unclosed quote in a huge
 * file from taking the memory of the process. */
#define RNL_CSV_ROW_LEN_MAX ((size_t)1 << 20)

/* Fields of one row. Spreadsheets stop at 16,384 columns. */
#define RNL_CSV_FIELD_COUNT_MAX ((size_t)16384)

enum rnl_csv_result {
    /* All bytes are used; no row is complete. */
    RNL_CSV_MORE,
    /* A row is complete: fields and field_count hold it. */
    RNL_CSV_ROW,
    /* A row was bad: error says why; line tells where it began. */
    RNL_CSV_BAD,
    /* Out of memory; the row in progress is lost. */
    RNL_CSV_NO_MEMORY,
};

/* One field, unquoted. The bytes are not NUL-terminated. */
struct rnl_csv_field {
    const char *data;
    size_t len;
};

/* Read fields, field_count, line and error; the rest is private. */
struct rnl_csv {
    /* The row, until the next feed, finish or fini. */
    struct rnl_csv_field *fields;
    size_t field_count;
    /* Line, from 1, on which the last row or error began. */
    uint64_t line;
    /* Static text, after RNL_CSV_BAD. */
    const char *error;

    char separator;
    uint8_t state;
    uint8_t bom_seen;
    bool row_done;
    uint64_t line_now;
    uint64_t row_line;
    char *text;
    size_t text_len;
    size_t text_cap;
    size_t *ends;
    size_t end_count;
    size_t end_cap;
    size_t field_cap;
};

/* Prepares a reader of rows with that separator, a byte other than a quote,
 * CR and LF. No allocation. */
void rnl_csv_init(struct rnl_csv *csv, char separator);

/* Frees what the reader holds. */
void rnl_csv_fini(struct rnl_csv *csv);

/*
 * Takes bytes up to the end of a row. *ret_used is set to the number taken,
 * also on failure; the caller feeds the rest again. Rows point into the
 * reader's own memory, never into data.
 */
enum rnl_csv_result rnl_csv_feed(struct rnl_csv *csv, const char *data,
                                 size_t len, size_t *ret_used);

/* Ends the input: a last row without a line end comes out as RNL_CSV_ROW, an
 * open quote as RNL_CSV_BAD, nothing left as RNL_CSV_MORE. Call it until it
 * returns RNL_CSV_MORE or RNL_CSV_NO_MEMORY. */
enum rnl_csv_result rnl_csv_finish(struct rnl_csv *csv);

#endif
