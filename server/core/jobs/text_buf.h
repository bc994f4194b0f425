/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text that grows, up to a bound. It writes what it is told: names,
 * commas and brackets are the caller's. */
#ifndef RNL_JOBS_TEXT_BUF_H
#define RNL_JOBS_TEXT_BUF_H

#include <stdbool.h>
#include <stddef.h>

/* Zero it before the first use. */
struct rnl_text_buf {
    /* Owned; NUL-terminated when not NULL. */
    char *data;
    size_t len;
    size_t cap;
    /* Memory was out, or the bound reached: what came since is lost. */
    bool failed;
};

#define RNL_TEXT_BUF_MAX ((size_t)4 << 20)

void rnl_text_buf_fini(struct rnl_text_buf *text);

void rnl_text_buf_printf(struct rnl_text_buf *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* In quotes. value is UTF-8. */
void rnl_text_buf_string(struct rnl_text_buf *text, const char *value);

/* With as few digits as read back to the same number; "NaN" and the like as
 * strings, as protobuf's JSON has them. */
void rnl_text_buf_number(struct rnl_text_buf *text, double value);

#endif
