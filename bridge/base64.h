/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 of RFC 4648: written with the standard alphabet and padding, read
 * with either alphabet, padded or not, as the canonical protobuf JSON mapping
 * has it. */
#ifndef RNL_BRIDGE_BASE64_H
#define RNL_BRIDGE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* Writes the encoding, without quotes. */
void rnl_base64_put(struct rnl_text *text, const uint8_t *data, size_t len);

/* Most bytes that len characters can stand for. */
#define RNL_BASE64_DECODED_MAX(len) ((len) / 4 * 3 + 3)

/*
 * Decodes to out, which has room for RNL_BASE64_DECODED_MAX(len) bytes. Returns
 * false for a character of neither alphabet, wrong padding, a length that no
 * bytes have, or trailing bits that are not zero.
 */
bool rnl_base64_decode(const char *text, size_t len, uint8_t *out,
                       size_t *ret_len);

#endif
