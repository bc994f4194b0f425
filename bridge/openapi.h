/* SPDX-License-Identifier: Apache-2.0 */
/* bridge/openapi.json as it was at build time; CMake makes the bytes. */
#ifndef RNL_BRIDGE_OPENAPI_H
#define RNL_BRIDGE_OPENAPI_H

#include <stddef.h>

extern const unsigned char rnl_openapi[];
extern const size_t rnl_openapi_len;

#endif
