/* SPDX-License-Identifier: Apache-2.0 */
#include "text_buf.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

void rnl_text_buf_fini(struct rnl_text_buf *text)
{
    rnl_free(text->data);
    *text = (struct rnl_text_buf){0};
}

static bool reserve(struct rnl_text_buf *text, size_t more)
{
    size_t need = text->len + more + 1;
    if (text->failed || need <= text->cap)
        return !text->failed;
    size_t cap = text->cap == 0 ? 1024 : text->cap;
    while (cap < need)
        cap *= 2;
    char *data = need > RNL_TEXT_BUF_MAX ? NULL : rnl_realloc(text->data, cap);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->cap = cap;
    return true;
}

static void put(struct rnl_text_buf *text, const char *bytes, size_t len)
{
    if (!reserve(text, len))
        return;
    memcpy(text->data + text->len, bytes, len);
    text->len += len;
    text->data[text->len] = '\0';
}

void rnl_text_buf_printf(struct rnl_text_buf *text, const char *format, ...)
{
    char piece[256];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(piece, sizeof(piece), format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(piece))
        text->failed = true;
    else
        put(text, piece, (size_t)len);
}

void rnl_text_buf_string(struct rnl_text_buf *text, const char *value)
{
    put(text, "\"", 1);
    while (*value != '\0') {
        size_t plain = 0;
        while ((unsigned char)value[plain] >= 0x20 && value[plain] != '"' &&
               value[plain] != '\\')
            plain++;
        put(text, value, plain);
        value += plain;
        if (*value != '\0')
            rnl_text_buf_printf(text, "\\u%04x", (unsigned)*value++);
    }
    put(text, "\"", 1);
}

void rnl_text_buf_number(struct rnl_text_buf *text, double value)
{
    char digits[40];
    if (isnan(value)) {
        put(text, "\"NaN\"", 5);
        return;
    }
    if (isinf(value)) {
        rnl_text_buf_printf(text, "\"%sInfinity\"", value < 0 ? "-" : "");
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof(digits), "%.*g", precision, value);
        if (!(strtod(digits, NULL) < value) && !(strtod(digits, NULL) > value))
            break;
    }
    put(text, digits, strlen(digits));
}
