/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text: what is random is shown so. */
#ifndef RNL_CORE_HEX_H
#define RNL_CORE_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Writes 2 * len lower-case digits and a NUL. */
void rnl_hex_write(const uint8_t *bytes, size_t len, char *ret_text);

#endif
