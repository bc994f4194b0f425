/* SPDX-License-Identifier: Apache-2.0 */
#include "scratch.h"

#include <stddef.h>

static void *take(void *arg, size_t size)
{
    struct rnl_scratch *scratch = arg;
    const size_t align = _Alignof(max_align_t);
    if (size > sizeof(scratch->bytes) - scratch->used)
        return NULL;
    void *block = scratch->bytes + scratch->used;
    /* The array is a multiple of the alignment, so this does not pass its
     * end. */
    scratch->used += (size + align - 1) & ~(align - 1);
    return block;
}

/* All of it is given back at once. */
static void keep(void *arg, void *block)
{
    (void)arg;
    (void)block;
}

_Static_assert(RNL_SCRATCH_BYTES % _Alignof(max_align_t) == 0,
               "what is used stays within the array");

Runnel__V1__Job *rnl_scratch_job(struct rnl_scratch *scratch,
                                 const uint8_t *record, size_t len)
{
    ProtobufCAllocator allocator = {take, keep, scratch};
    scratch->used = 0;
    Runnel__V1__Job *job = runnel__v1__job__unpack(&allocator, len, record);
    return job != NULL ? job : runnel__v1__job__unpack(NULL, len, record);
}

void rnl_scratch_release(struct rnl_scratch *scratch, Runnel__V1__Job *job)
{
    uintptr_t at = (uintptr_t)job;
    uintptr_t begin = (uintptr_t)scratch->bytes;
    if (at < begin || at >= begin + sizeof(scratch->bytes))
        runnel__v1__job__free_unpacked(job, NULL);
}
