/* SPDX-License-Identifier: Apache-2.0 */
/* FNV-1a with 32 bits, for tables of a process: short names, and no
 * harm when somebody chooses many of one hash. */
#ifndef RNL_COMMON_FNV_H
#define RNL_COMMON_FNV_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t rnl_fnv1a(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    uint32_t hash = UINT32_C(2166136261);
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * UINT32_C(16777619);
    return hash;
}

#endif
