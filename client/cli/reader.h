/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads events from text: bytes in, cut anywhere, one event out at a time.
 * What each format takes for key, value, latency and time is said in
 * docs/cli.md. No input can make it fail but by an error that names the line;
 * it goes on with the next one.
 */
#ifndef RNL_CLI_READER_H
#define RNL_CLI_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "parse.h"

/* The limit of a key that the server sets; checked here so that one bad line
 * does not cost its whole batch. */
#define CLI_KEY_LEN_MAX ((size_t)256)

enum cli_format {
    CLI_FORMAT_NDJSON,
    CLI_FORMAT_JSON,
    CLI_FORMAT_CSV,
    CLI_FORMAT_TSV,
    CLI_FORMAT_LOGFMT,
    CLI_FORMAT_COMMON,
    CLI_FORMAT_COMBINED,
    CLI_FORMAT_LINES,
    CLI_FORMAT_COUNT,
};

/* The four properties of an event that input fields fill. */
enum cli_column {
    CLI_COLUMN_KEY,
    CLI_COLUMN_VALUE,
    CLI_COLUMN_LATENCY,
    CLI_COLUMN_TIME,
    CLI_COLUMN_COUNT,
};

struct cli_reader_options {
    enum cli_format format;
    /* Field of each property; NULL: the format's default. Borrowed. */
    const char *fields[CLI_COLUMN_COUNT];
    struct cli_time_format time_format;
    /* Milliseconds in one unit of the latency field; 0: what the format says,
     * else milliseconds. */
    double latency_unit_ms;
    /* Events have no time of their own, even where the format has one. */
    bool arrival_time;
    /* CSV and TSV: the first row is data and fields are numbers from 1. */
    bool no_header;
};

/* One event. The key is valid until the next call. */
struct cli_record {
    const char *key;
    size_t key_len;
    bool has_value;
    bool has_latency;
    bool has_time;
    double value;
    double latency_ms;
    int64_t time_ms;
};

enum cli_read {
    /* All bytes are used. */
    CLI_READ_MORE,
    CLI_READ_RECORD,
    /* This line is bad: cli_reader_error says why. */
    CLI_READ_BAD,
    /* The input cannot be read at all (a column that it does not have). */
    CLI_READ_FATAL,
};

struct cli_reader;

/* The format of that name, "csv". */
bool cli_format_parse(const char *name, enum cli_format *ret_format);

/* The name of a format. */
const char *cli_format_name(enum cli_format format);

/* Guesses the format from a file's name: .csv .tsv .ndjson .jsonl .json
 * .logfmt .log. */
bool cli_format_of_file(const char *path, enum cli_format *ret_format);

/* Returns NULL when the options do not fit the format; then *ret_error, of
 * ret_error_size bytes, says why. Freed by cli_reader_destroy. */
struct cli_reader *cli_reader_create(const struct cli_reader_options *options,
                                     char *ret_error, size_t ret_error_size);

/* Accepts NULL. */
void cli_reader_destroy(struct cli_reader *reader);

/* Takes bytes up to the end of an event and sets *ret_used to their number;
 * the rest is fed again. *ret_record is written with CLI_READ_RECORD only. */
enum cli_read cli_reader_feed(struct cli_reader *reader, const char *data,
                              size_t len, size_t *ret_used,
                              struct cli_record *ret_record);

/* Ends the input. Call it until it returns CLI_READ_MORE. */
enum cli_read cli_reader_finish(struct cli_reader *reader,
                                struct cli_record *ret_record);

/* Line, from 1, of the last record or error. */
uint64_t cli_reader_line(const struct cli_reader *reader);

/* What is wrong with it, without the line; until the next call. */
const char *cli_reader_error(const struct cli_reader *reader);

#endif
