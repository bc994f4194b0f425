/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

/* Holds most answers, so that they are not moved as they grow. */
#define CAP_MIN    1024
#define PRINTF_MAX 256

void rnl_text_init(struct rnl_text *text, size_t len_max)
{
    *text = (struct rnl_text){.len_max = len_max};
}

void rnl_text_fini(struct rnl_text *text)
{
    rnl_free(text->data);
    rnl_text_init(text, text->len_max);
}

void rnl_text_reset(struct rnl_text *text)
{
    text->len = 0;
    text->failed = false;
}

char *rnl_text_take(struct rnl_text *text)
{
    if (text->failed || text->len == 0)
        return NULL;
    char *data = text->data;
    rnl_text_init(text, text->len_max);
    return data;
}

static bool reserve(struct rnl_text *text, size_t len)
{
    if (text->failed || len > text->len_max - text->len) {
        text->failed = true;
        return false;
    }
    if (len <= text->cap - text->len)
        return true;
    size_t cap = text->cap * 2 > CAP_MIN ? text->cap * 2 : CAP_MIN;
    if (cap < text->len + len)
        cap = text->len + len;
    char *data = rnl_realloc(text->data, cap);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->cap = cap;
    return true;
}

void rnl_text_put(struct rnl_text *text, const void *data, size_t len)
{
    if (len == 0 || !reserve(text, len))
        return;
    memcpy(text->data + text->len, data, len);
    text->len += len;
}

void rnl_text_put_byte(struct rnl_text *text, char byte)
{
    if (text->len < text->cap && text->len < text->len_max && !text->failed)
        text->data[text->len++] = byte;
    else
        rnl_text_put(text, &byte, 1);
}

size_t rnl_decimal_write(char out[RNL_DECIMAL_MAX], uint64_t value)
{
    char digits[RNL_DECIMAL_MAX];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    memcpy(out, digits + at, sizeof(digits) - at);
    return sizeof(digits) - at;
}

void rnl_text_put_unsigned(struct rnl_text *text, uint64_t value)
{
    char out[RNL_DECIMAL_MAX];
    rnl_text_put(text, out, rnl_decimal_write(out, value));
}

void rnl_text_put_signed(struct rnl_text *text, int64_t value)
{
    if (value < 0)
        rnl_text_put_byte(text, '-');
    rnl_text_put_unsigned(text, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void rnl_text_puts(struct rnl_text *text, const char *string)
{
    rnl_text_put(text, string, strlen(string));
}

void rnl_text_printf(struct rnl_text *text, const char *format, ...)
{
    char out[PRINTF_MAX + 1];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(out, sizeof(out), format, args);
    va_end(args);
    if (len < 0 || len > PRINTF_MAX)
        text->failed = true;
    else
        rnl_text_put(text, out, (size_t)len);
}

static bool needs_escape(unsigned char byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f;
}

static void put_escaped(struct rnl_text *text, unsigned char byte)
{
    static const char shorts[][2] = {{'"', '"'},  {'\\', '\\'}, {'\n', 'n'},
                                     {'\r', 'r'}, {'\t', 't'},  {'\b', 'b'},
                                     {'\f', 'f'}};
    for (size_t i = 0; i < sizeof(shorts) / sizeof(shorts[0]); i++) {
        if (byte == (unsigned char)shorts[i][0]) {
            rnl_text_put_byte(text, '\\');
            rnl_text_put_byte(text, shorts[i][1]);
            return;
        }
    }
    rnl_text_printf(text, "\\u%04x", byte);
}

void rnl_text_put_json(struct rnl_text *text, const char *data, size_t len)
{
    rnl_text_put_byte(text, '"');
    size_t start = 0;
    for (size_t i = 0; i < len; i++) {
        if (!needs_escape((unsigned char)data[i]))
            continue;
        rnl_text_put(text, data + start, i - start);
        put_escaped(text, (unsigned char)data[i]);
        start = i + 1;
    }
    rnl_text_put(text, data + start, len - start);
    rnl_text_put_byte(text, '"');
}

/* True when value had no finite number and was written as a string, or is the
 * -0 that parsers of JSON take for the integer 0 unless it has a point. */
static bool put_special(struct rnl_text *text, double value)
{
    if (isnan(value))
        rnl_text_puts(text, "\"NaN\"");
    else if (isinf(value))
        rnl_text_puts(text, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else if (value == 0 && signbit(value))
        rnl_text_puts(text, "-0.0");
    else
        return false;
    return true;
}

/* Most numbers are whole, and then their digits are the shortest text: up to
 * limit, from which on %g writes an exponent. -0 is not one of them. */
static bool put_whole(struct rnl_text *text, double value, double limit)
{
    if (!(fabs(value) < limit) || value != trunc(value) ||
        (value == 0 && signbit(value)))
        return false;
    rnl_text_put_signed(text, (int64_t)value);
    return true;
}

/* 15 digits always survive the way through a double, 17 always suffice; the
 * same holds for 6 and 9 of a float. */
void rnl_text_put_double(struct rnl_text *text, double value)
{
    char out[40];
    if (put_whole(text, value, 1e15) || put_special(text, value))
        return;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, sizeof(out), "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    rnl_text_puts(text, out);
}

void rnl_text_put_float(struct rnl_text *text, float value)
{
    char out[40];
    if (put_whole(text, (double)value, 1e6) || put_special(text, (double)value))
        return;
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(out, sizeof(out), "%.*g", digits, (double)value);
        if (strtof(out, NULL) == value)
            break;
    }
    rnl_text_puts(text, out);
}
