/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing text with a ceiling, into which answers are written piece by
 * piece. The first failure sticks and everything after it is ignored, so that
 * a writer asks once, at its end.
 *
 * It is not a string: there is no NUL at the end.
 */
#ifndef RNL_BRIDGE_TEXT_H
#define RNL_BRIDGE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Read data, len and failed; the rest is private. */
struct rnl_text {
    /* Owned; NULL while empty. */
    char *data;
    size_t len;
    /* Memory was out, or the text would be longer than len_max. */
    bool failed;
    size_t cap;
    size_t len_max;
};

/* Prepares an empty text of at most len_max bytes. No allocation. */
void rnl_text_init(struct rnl_text *text, size_t len_max);

void rnl_text_fini(struct rnl_text *text);

/* Empties the text and forgets a failure; keeps the memory. */
void rnl_text_reset(struct rnl_text *text);

/* Hands the bytes to the caller, who frees them with rnl_free, and empties the
 * text. NULL when it is empty or has failed. */
char *rnl_text_take(struct rnl_text *text);

void rnl_text_put(struct rnl_text *text, const void *data, size_t len);
void rnl_text_put_byte(struct rnl_text *text, char byte);

/* Decimal. */
void rnl_text_put_unsigned(struct rnl_text *text, uint64_t value);
void rnl_text_put_signed(struct rnl_text *text, int64_t value);

/* Digits of any value, and the function that writes them; returns how many. */
#define RNL_DECIMAL_MAX 20
size_t rnl_decimal_write(char out[RNL_DECIMAL_MAX], uint64_t value);

/* A NUL-terminated string as it is. */
void rnl_text_puts(struct rnl_text *text, const char *string);

/* At most 256 bytes; longer ones make the text fail. */
void rnl_text_printf(struct rnl_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A JSON string with its quotes. data must be UTF-8. */
void rnl_text_put_json(struct rnl_text *text, const char *data, size_t len);

/* The shortest decimal that reads back as the same double, or float. NaN and
 * infinities as the strings of the canonical protobuf mapping. */
void rnl_text_put_double(struct rnl_text *text, double value);
void rnl_text_put_float(struct rnl_text *text, float value);

#endif
