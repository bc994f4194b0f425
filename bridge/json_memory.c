/* SPDX-License-Identifier: Apache-2.0 */
#include "json_memory.h"

#include <stdalign.h>

#include <jansson.h>

#include "alloc.h"

/* Before each block, its size; as much as keeps the block aligned. */
#define HEAD sizeof(max_align_t)

static _Thread_local size_t used;

static void *take(size_t size)
{
    if (size > RNL_JSON_BYTES_MAX - HEAD ||
        used > RNL_JSON_BYTES_MAX - HEAD - size)
        return NULL;
    char *block = rnl_malloc(HEAD + size);
    if (block == NULL)
        return NULL;
    *(size_t *)(void *)block = HEAD + size;
    used += HEAD + size;
    return block + HEAD;
}

static void give_back(void *data)
{
    if (data == NULL)
        return;
    char *block = (char *)data - HEAD;
    used -= *(size_t *)(void *)block;
    rnl_free(block);
}

void rnl_json_memory_install(void)
{
    json_set_alloc_funcs(take, give_back);
}
