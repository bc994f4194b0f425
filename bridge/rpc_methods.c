/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc_methods.h"

#include <string.h>

const struct rnl_rpc_method *rnl_rpc_method_find(const char *name, size_t len)
{
    const struct rnl_rpc_method *method = rnl_rpc_methods;
    for (; method->name != NULL; method++)
        if (strlen(method->name) == len && memcmp(method->name, name, len) == 0)
            return method;
    return NULL;
}

bool rnl_rpc_path_is(const char *path, size_t len)
{
    static const char prefix[] = "/runnel.v1.";
    size_t prefix_len = sizeof(prefix) - 1;
    return len >= prefix_len && memcmp(path, prefix, prefix_len) == 0;
}
