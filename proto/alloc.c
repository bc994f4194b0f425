/* SPDX-License-Identifier: Apache-2.0 */
#include "alloc.h"

#include <stdlib.h>
#include <string.h>

bool (*rnl_alloc_hook)(size_t size);

static bool allowed(size_t size)
{
    return rnl_alloc_hook == NULL || rnl_alloc_hook(size);
}

void *rnl_malloc(size_t size)
{
    return allowed(size) ? malloc(size) : NULL;
}

void *rnl_calloc(size_t count, size_t size)
{
    return allowed(count * size) ? calloc(count, size) : NULL;
}

void *rnl_realloc(void *block, size_t size)
{
    return allowed(size) ? realloc(block, size) : NULL;
}

void rnl_free(void *block)
{
    free(block);
}

char *rnl_strdup(const char *text)
{
    return rnl_strndup(text, strlen(text));
}

char *rnl_strndup(const char *text, size_t len)
{
    char *copy = rnl_malloc(len + 1);
    if (copy != NULL) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

static void *pb_alloc(void *arg, size_t size)
{
    (void)arg;
    return rnl_malloc(size);
}

static void pb_free(void *arg, void *block)
{
    (void)arg;
    rnl_free(block);
}

ProtobufCAllocator rnl_pb_allocator = {pb_alloc, pb_free, NULL};
