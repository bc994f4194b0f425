/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing piece of text, for output that is put together before it is
 * written. When memory is out the program says so and exits with 1: a command
 * line has nothing to save.
 */
#ifndef RNL_CLI_BUF_H
#define RNL_CLI_BUF_H

#include <stdarg.h>
#include <stddef.h>

/* Zero-initialised is empty. data is NUL-terminated once anything was added;
 * use cli_buf_str. */
struct cli_buf {
    char *data;
    size_t len;
    size_t cap;
};

void cli_buf_fini(struct cli_buf *buf);

/* Empties it and keeps the memory. */
void cli_buf_reset(struct cli_buf *buf);

void cli_buf_add(struct cli_buf *buf, const void *data, size_t len);
void cli_buf_text(struct cli_buf *buf, const char *text);
void cli_buf_repeat(struct cli_buf *buf, const char *text, size_t count);
void cli_buf_printf(struct cli_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void cli_buf_vprintf(struct cli_buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* The text, NUL-terminated, until the next change. */
const char *cli_buf_str(const struct cli_buf *buf);

/* As realloc, calloc and strdup; never NULL. Free with cli_free. */
void *cli_realloc(void *block, size_t size);
void *cli_calloc(size_t count, size_t size);
char *cli_strdup(const char *text);
void cli_free(void *block);

#endif
