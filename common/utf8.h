/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above
 * U+10FFFF. */
#ifndef RNL_COMMON_UTF8_H
#define RNL_COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* U+0000 is valid UTF-8; a caller that hands strings on must look for it. */
bool rnl_utf8_valid(const void *data, size_t len);

/* Returns how much of the longest prefix of at most len bytes does not end in
 * the middle of a character; len itself when data is not UTF-8 there. At least
 * 1 for len >= 1 when data_len bytes are there in all. */
size_t rnl_utf8_cut(const void *data, size_t data_len, size_t len);

#endif
