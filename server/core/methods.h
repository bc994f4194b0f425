/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of methods: from the name in a Call to the handlers. It also knows
 * the methods that the schema has and this server does not serve yet, so that
 * a caller is told which of the two it met.
 */
#ifndef RNL_CORE_METHODS_H
#define RNL_CORE_METHODS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc.h"

/* A power of two, above twice the methods of the schema (26), so that a look-up
 * takes one or two steps. */
#define RNL_METHOD_SLOTS 128

struct rnl_methods {
    const struct rnl_method *slots[RNL_METHOD_SLOTS];
    size_t count;
};

/* Adds the methods of a service. Each name must be new and the table must have
 * room: both are checked by assert, since services are known at build. */
void rnl_methods_add(struct rnl_methods *methods,
                     const struct rnl_service *service);

/* The method, or NULL when it is not served. name is any bytes. */
const struct rnl_method *rnl_methods_find(const struct rnl_methods *methods,
                                          const uint8_t *name, size_t len);

/* Whether the schema has a method of this name, served or not. Slow: for
 * error messages. */
bool rnl_methods_in_schema(const uint8_t *name, size_t len);

#endif
