/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of a program: one line a fact to stderr, for people and for tools
 * that split at spaces:
 *
 *   2026-01-31T12:00:00.000Z info event=listening address=127.0.0.1:7400
 *
 * Values with spaces, quotes or control characters are quoted and escaped, so
 * that no peer can forge a line. Never log tokens or payloads. Libraries and
 * server/core do not log; programs do. Any thread may log; a line is written
 * by one write(2).
 */
#ifndef RNL_COMMON_LOG_H
#define RNL_COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longer lines are cut. */
#define RNL_LOG_LINE_MAX 1024

enum rnl_log_level {
    RNL_LOG_DEBUG,
    RNL_LOG_INFO,
    RNL_LOG_WARN,
    RNL_LOG_ERROR,
};

struct rnl_log_field {
    const char *key;
    /* NULL: number counts. */
    const char *text;
    int64_t number;
};

#define RNL_LOG_TEXT(key, value) \
    {                            \
        (key), (value), 0        \
    }
#define RNL_LOG_INT(key, value)       \
    {                                 \
        (key), NULL, (int64_t)(value) \
    }

/* rnl_log(RNL_LOG_INFO, "closed", RNL_LOG_TEXT("peer", name),
 *         RNL_LOG_INT("calls", 3)); the fields may be left out. */
#define rnl_log(level, event, ...)      \
    rnl_log_write(                      \
        (level),                        \
        (const struct rnl_log_field[]){ \
            RNL_LOG_TEXT("event", (event)), ##__VA_ARGS__, {NULL, NULL, 0}})

/* Writes a line with the fields up to the one whose key is NULL. */
void rnl_log_write(enum rnl_log_level level,
                   const struct rnl_log_field *fields);

/* The same into a buffer, for tests: no NUL, returns the length, at most
 * RNL_LOG_LINE_MAX; the line ends with '\n'. wall_ms is Unix time. */
size_t rnl_log_format(char line[RNL_LOG_LINE_MAX], enum rnl_log_level level,
                      int64_t wall_ms, const struct rnl_log_field *fields);

/* Lines below this level are not written; RNL_LOG_INFO at start. Call before
 * threads are started. */
void rnl_log_set_level(enum rnl_log_level level);

/* "debug", "info", "warn" or "error"; false when text is none of these. */
bool rnl_log_level_parse(const char *text, enum rnl_log_level *ret_level);

#endif
