/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is freed all at once: an answer is unpacked into it together
 * with the structs made of it, so that freeing a result is one call, and a
 * watch that resets it between two events does not allocate at all.
 */
#ifndef RNL_CLIENT_ARENA_H
#define RNL_CLIENT_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

struct rnl_arena_chunk;

/* Zero it before the first use. */
struct rnl_arena {
    /* The one in use first. */
    struct rnl_arena_chunk *chunks;
    /* An allocation failed since the last reset. */
    bool exhausted;
};

void rnl_arena_fini(struct rnl_arena *arena);

/* Forgets all that was allocated and keeps one chunk. */
void rnl_arena_reset(struct rnl_arena *arena);

/* Zeroed and aligned for any type; NULL when memory is out. count 0 gives a
 * pointer that must not be used. */
void *rnl_arena_alloc(struct rnl_arena *arena, size_t count, size_t size);

/* Unpacks a message into the arena; NULL when it cannot be read or, as
 * arena->exhausted tells, memory is out. */
void *rnl_arena_unpack(struct rnl_arena *arena,
                       const ProtobufCMessageDescriptor *descriptor,
                       const void *data, size_t len);

#endif
