/* SPDX-License-Identifier: Apache-2.0 */
/* What a token may do. A method names the one scope that it needs
 * (rpc.h); a token has a set of them. */
#ifndef RNL_CORE_SCOPE_H
#define RNL_CORE_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rnl_scope {
    /* Everything. The first one, so that a method whose table entry says
     * nothing is open to administrators alone. */
    RNL_SCOPE_ADMIN,
    RNL_SCOPE_JOBS_READ,
    RNL_SCOPE_JOBS_WRITE,
    RNL_SCOPE_EVENTS_WRITE,
    RNL_SCOPE_STATS_READ,
    RNL_SCOPE_WORK,
    /* Allows nothing by itself: to connect, and to pass on calls that carry
     * tokens of their own. */
    RNL_SCOPE_BRIDGE,
    RNL_SCOPE_COUNT,
    /* Of methods only: any token will do. */
    RNL_SCOPE_ANY = RNL_SCOPE_COUNT,
};

/* A set: bit (1 << scope). */
typedef uint32_t rnl_scopes;

#define RNL_SCOPES_ADMIN ((rnl_scopes)1 << RNL_SCOPE_ADMIN)

/* All names with commas and a NUL. */
#define RNL_SCOPES_TEXT_MAX 80

/* "jobs:read". */
const char *rnl_scope_name(enum rnl_scope scope);

/* Whether a token with these scopes may call a method that needs scope. */
bool rnl_scopes_allow(rnl_scopes scopes, enum rnl_scope scope);

/* Adds the scope of a name; false when there is none of that name. */
bool rnl_scopes_add(rnl_scopes *scopes, const char *name, size_t len);

/* "jobs:read,work" to a set and back. False when a name is unknown, or none is
 * given. */
bool rnl_scopes_parse(const char *text, rnl_scopes *ret_scopes);
void rnl_scopes_write(rnl_scopes scopes, char ret_text[RNL_SCOPES_TEXT_MAX]);

#endif
