/* SPDX-License-Identifier: Apache-2.0 */
#include "scope.h"

#include <stdio.h>
#include <string.h>

static const char *const names[RNL_SCOPE_COUNT] = {
    [RNL_SCOPE_ADMIN] = "admin",
    [RNL_SCOPE_JOBS_READ] = "jobs:read",
    [RNL_SCOPE_JOBS_WRITE] = "jobs:write",
    [RNL_SCOPE_EVENTS_WRITE] = "events:write",
    [RNL_SCOPE_STATS_READ] = "stats:read",
    [RNL_SCOPE_WORK] = "work",
    [RNL_SCOPE_BRIDGE] = "bridge",
};

const char *rnl_scope_name(enum rnl_scope scope)
{
    return scope < RNL_SCOPE_COUNT ? names[scope] : "any";
}

bool rnl_scopes_allow(rnl_scopes scopes, enum rnl_scope scope)
{
    return scope == RNL_SCOPE_ANY || (scopes & RNL_SCOPES_ADMIN) != 0 ||
           (scopes & (rnl_scopes)1 << scope) != 0;
}

bool rnl_scopes_add(rnl_scopes *scopes, const char *name, size_t len)
{
    for (size_t i = 0; i < RNL_SCOPE_COUNT; i++) {
        if (strlen(names[i]) != len || memcmp(names[i], name, len) != 0)
            continue;
        *scopes |= (rnl_scopes)1 << i;
        return true;
    }
    return false;
}

bool rnl_scopes_parse(const char *text, rnl_scopes *ret_scopes)
{
    rnl_scopes scopes = 0;
    for (;;) {
        size_t len = strcspn(text, ",");
        if (!rnl_scopes_add(&scopes, text, len))
            return false;
        if (text[len] == '\0')
            break;
        text += len + 1;
    }
    *ret_scopes = scopes;
    return true;
}

void rnl_scopes_write(rnl_scopes scopes, char ret_text[RNL_SCOPES_TEXT_MAX])
{
    size_t len = 0;
    ret_text[0] = '\0';
    for (size_t i = 0; i < RNL_SCOPE_COUNT; i++)
        if ((scopes & (rnl_scopes)1 << i) != 0)
            len += (size_t)snprintf(ret_text + len, RNL_SCOPES_TEXT_MAX - len,
                                    "%s%s", len > 0 ? "," : "", names[i]);
}
