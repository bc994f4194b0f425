/* SPDX-License-Identifier: Apache-2.0 */
#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

static void *must(void *block)
{
    if (!block) {
        fputs("runnel: out of memory\n", stderr);
        exit(1);
    }
    return block;
}

void *cli_realloc(void *block, size_t size)
{
    return must(rnl_realloc(block, size));
}

void *cli_calloc(size_t count, size_t size)
{
    return must(rnl_calloc(count, size));
}

char *cli_strdup(const char *text)
{
    return must(rnl_strdup(text));
}

void cli_free(void *block)
{
    rnl_free(block);
}

void cli_buf_fini(struct cli_buf *buf)
{
    rnl_free(buf->data);
    *buf = (struct cli_buf){0};
}

void cli_buf_reset(struct cli_buf *buf)
{
    buf->len = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

static void reserve(struct cli_buf *buf, size_t more)
{
    size_t need = buf->len + more + 1;
    if (need <= buf->cap)
        return;
    size_t cap = buf->cap ? buf->cap : 64;
    while (cap < need)
        cap *= 2;
    buf->data = cli_realloc(buf->data, cap);
    buf->cap = cap;
}

void cli_buf_add(struct cli_buf *buf, const void *data, size_t len)
{
    reserve(buf, len);
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void cli_buf_text(struct cli_buf *buf, const char *text)
{
    cli_buf_add(buf, text, strlen(text));
}

void cli_buf_repeat(struct cli_buf *buf, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cli_buf_text(buf, text);
}

void cli_buf_vprintf(struct cli_buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    if (len > 0) {
        reserve(buf, (size_t)len);
        vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

void cli_buf_printf(struct cli_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    cli_buf_vprintf(buf, format, args);
    va_end(args);
}

const char *cli_buf_str(const struct cli_buf *buf)
{
    return buf->data ? buf->data : "";
}
