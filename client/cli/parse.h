/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to numbers, durations and times, for flags and for input fields. All
 * are strict: the whole text must be used. Nothing here depends on the locale.
 */
#ifndef RNL_CLI_PARSE_H
#define RNL_CLI_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A decimal number, "-12.5e3"; false for all else, for hexadecimal, and for
 * what is not finite. Blanks around it are allowed. */
bool cli_parse_number(const char *text, size_t len, double *ret_number);

/* A whole number in [min, max]. */
bool cli_parse_integer(const char *text, int64_t min, int64_t max,
                       int64_t *ret_number);

/* "250ms", "1.5s", "10m", "2h", "7d", "1h30m"; a plain number is seconds.
 * Not negative, at most 100 years. */
bool cli_parse_duration_ms(const char *text, int64_t *ret_ms);

/* "90 s", "5m", "1h": whole seconds for a window; "all" gives 0. */
bool cli_parse_window(const char *text, uint32_t *ret_seconds);

/* How the time field of the input is written. */
enum cli_time_kind {
    /* RFC 3339 or like it, or a Unix number whose unit its size tells. */
    CLI_TIME_AUTO,
    CLI_TIME_RFC3339,
    CLI_TIME_S,
    CLI_TIME_MS,
    CLI_TIME_US,
    CLI_TIME_NS,
    /* "10/Oct/2000:13:55:36 -0700", of access logs. */
    CLI_TIME_CLF,
    /* A pattern of strptime, in UTC unless it has %z. */
    CLI_TIME_PATTERN,
};

struct cli_time_format {
    enum cli_time_kind kind;
    /* Borrowed; with CLI_TIME_PATTERN. */
    const char *pattern;
};

/* The format that --time-format names: "auto", "rfc3339", "s", "ms", "us",
 * "ns", "clf" or a pattern that has a '%'. */
bool cli_time_format_parse(const char *text, struct cli_time_format *ret);

/* A point in time, in milliseconds since 1970-01-01T00:00Z. */
bool cli_parse_time_ms(const char *text, size_t len,
                       const struct cli_time_format *format, int64_t *ret_ms);

#endif
