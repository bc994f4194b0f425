/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ceiling on the memory of parsed JSON. jansson makes up to 100 bytes of two
 * ("[]" is an array with room for eight), so that a body within its limit
 * could take a gigabyte.
 */
#ifndef RNL_BRIDGE_JSON_MEMORY_H
#define RNL_BRIDGE_JSON_MEMORY_H

#include <stddef.h>

/* Of a thread: 65,536 events with all their members take some 60 MiB. */
#define RNL_JSON_BYTES_MAX ((size_t)256 << 20)

/* Makes jansson's values count, each on the thread that parses and frees it;
 * above the ceiling parsing fails as when memory is out. Once, before any
 * other use of jansson. */
void rnl_json_memory_install(void);

#endif
