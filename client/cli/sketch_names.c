/* SPDX-License-Identifier: Apache-2.0 */
#include "sketch_names.h"

#include <string.h>

static int number_of(const char *names, const char *name)
{
    size_t len = strlen(name);
    int number = 1;
    for (const char *at = names; *at; number++) {
        size_t word = strcspn(at, " ");
        if (word == len && memcmp(at, name, len) == 0)
            return number;
        at += word + (at[word] == ' ');
    }
    return 0;
}

int cli_sketch_kind(const char *name)
{
    return number_of(CLI_SKETCH_KINDS, name);
}

int cli_sketch_format(const char *name)
{
    return number_of(CLI_SKETCH_FORMATS, name);
}
