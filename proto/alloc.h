/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one door to the heap for proto, server/core and client. It is a seam for
 * tests: rnl_alloc_hook lets them count allocations and fail the k-th one. An
 * allocator threaded through every create would say the same in more words;
 * no user of Runnel needs two allocators in one process.
 *
 * Every function returns NULL when memory is out, and the caller turns that
 * into RNL_RESOURCE_EXHAUSTED for one request or one connection.
 */
#ifndef RNL_PROTO_ALLOC_H
#define RNL_PROTO_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

/* Called before each allocation; false makes it fail. NULL: never called. Set
 * by tests only, while no other thread allocates. */
extern bool (*rnl_alloc_hook)(size_t size);

void *rnl_malloc(size_t size);
void *rnl_calloc(size_t count, size_t size);

/* As realloc: on failure the old block stays valid. */
void *rnl_realloc(void *block, size_t size);

/* Accepts NULL. */
void rnl_free(void *block);

char *rnl_strdup(const char *text);

/* Copies len bytes and adds a NUL. */
char *rnl_strndup(const char *text, size_t len);

/* The same door for protobuf-c's unpack and free_unpacked. */
extern ProtobufCAllocator rnl_pb_allocator;

#endif
