/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "alloc.h"

/* A job with some labels fits; larger answers get a chunk of their own size. */
#define CHUNK_BYTES ((size_t)4000)
#define ALIGNMENT   alignof(max_align_t)

struct rnl_arena_chunk {
    struct rnl_arena_chunk *next;
    size_t used;
    size_t cap;
    alignas(max_align_t) uint8_t data[];
};

static void free_chunks(struct rnl_arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct rnl_arena_chunk *next = chunk->next;
        rnl_free(chunk);
        chunk = next;
    }
}

void rnl_arena_fini(struct rnl_arena *arena)
{
    free_chunks(arena->chunks);
    *arena = (struct rnl_arena){0};
}

/* The first chunk is kept: it is the newest, and for equal work large enough
 * the next time. */
void rnl_arena_reset(struct rnl_arena *arena)
{
    arena->exhausted = false;
    if (arena->chunks == NULL)
        return;
    free_chunks(arena->chunks->next);
    arena->chunks->next = NULL;
    arena->chunks->used = 0;
}

static bool add_chunk(struct rnl_arena *arena, size_t size)
{
    size_t cap = size > CHUNK_BYTES ? size : CHUNK_BYTES;
    struct rnl_arena_chunk *chunk = rnl_malloc(sizeof(*chunk) + cap);
    if (chunk == NULL)
        return false;
    chunk->next = arena->chunks;
    chunk->used = 0;
    chunk->cap = cap;
    arena->chunks = chunk;
    return true;
}

static void *take(struct rnl_arena *arena, size_t size)
{
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct rnl_arena_chunk *chunk = arena->chunks;
    if (rounded >= size &&
        (chunk == NULL || chunk->cap - chunk->used < rounded))
        chunk = add_chunk(arena, rounded) ? arena->chunks : NULL;
    if (rounded < size || chunk == NULL) {
        arena->exhausted = true;
        return NULL;
    }
    void *block = chunk->data + chunk->used;
    chunk->used += rounded;
    return block;
}

void *rnl_arena_alloc(struct rnl_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        arena->exhausted = true;
        return NULL;
    }
    void *block = take(arena, count * size);
    if (block != NULL)
        memset(block, 0, count * size);
    return block;
}

static void *pb_take(void *arena, size_t size)
{
    return take(arena, size);
}

static void pb_keep(void *arena, void *block)
{
    (void)arena;
    (void)block;
}

void *rnl_arena_unpack(struct rnl_arena *arena,
                       const ProtobufCMessageDescriptor *descriptor,
                       const void *data, size_t len)
{
    ProtobufCAllocator allocator = {pb_take, pb_keep, arena};
    return protobuf_c_message_unpack(descriptor, &allocator, len, data);
}
