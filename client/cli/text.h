/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for a terminal: how wide it is, how it is shortened, and how numbers,
 * bytes and times are written for people. Text that came from elsewhere (keys,
 * messages) is made harmless first: it must not move the cursor.
 */
#ifndef RNL_CLI_TEXT_H
#define RNL_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* Columns that UTF-8 text takes. Our own colour sequences take none. */
size_t cli_text_width(const char *text, size_t len);

/* Adds text with control characters and invalid UTF-8 replaced by U+FFFD and
 * shortened to columns_max with "…" at its end; 0 means not shortened. */
void cli_text_add_safe(struct cli_buf *buf, const char *text, size_t len,
                       size_t columns_max);

/* Adds as much of a line as fits columns_max, colour sequences whole. */
void cli_text_add_clipped(struct cli_buf *buf, const char *line, size_t len,
                          size_t columns_max);

/* 1,234,567 */
void cli_text_add_count(struct cli_buf *buf, uint64_t count);

/* 950, 12.3 k, 4.56 M: three figures. */
void cli_text_add_short(struct cli_buf *buf, double number);

/* A measured number in up to six figures, without an exponent where people
 * would not write one. */
void cli_text_add_number(struct cli_buf *buf, double number);

/* 512 B, 1.5 KiB, 3.2 MiB */
void cli_text_add_bytes(struct cli_buf *buf, double bytes);

/* 12.3 ms, 4.56 s, 3 min 20 s, 2 h 5 min */
void cli_text_add_ms(struct cli_buf *buf, double ms);

/* 60 -> 1m, 5400 -> 90m, 3600 -> 1h, 0 -> all */
void cli_text_add_window(struct cli_buf *buf, uint32_t seconds);

/* 2026-11-24T11:12:03.456Z; with local set, 2026-11-24 12:12:03 in the
 * machine's time zone. */
void cli_text_add_time(struct cli_buf *buf, int64_t time_ms, bool local);

#endif
