/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items by their unique names, in order, for millions of them: an array of
 * chunks, each a sorted array of at most RNL_ORDERED_CHUNK items. Finding is a
 * binary search of the chunks and one of a chunk; adding and removing moves a
 * chunk of entries at most, and now and then the array of chunks. (It is a B+
 * tree of two levels; sorted.h, with one level, moves everything.)
 *
 * The first bytes of each name lie beside its item, so that a search touches
 * few items. Items that are added in order fill their chunks.
 */
#ifndef RNL_CORE_ORDERED_H
#define RNL_CORE_ORDERED_H

#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

/* 6 KiB of entries: what a removal moves in a fraction of a microsecond. With
 * a million items there are at least 4,000 chunks, 100 KiB of array. */
#define RNL_ORDERED_CHUNK 256

/* The first 16 bytes of a name, as numbers that sort as they do; zeros follow
 * a shorter name. Of an id: its time and a part of what is random. */
struct rnl_ordered_prefix {
    uint64_t high;
    uint64_t low;
};

struct rnl_ordered_entry {
    struct rnl_ordered_prefix prefix;
    void *item;
};

struct rnl_ordered_chunk {
    size_t count;
    struct rnl_ordered_entry entries[RNL_ORDERED_CHUNK];
};

struct rnl_ordered_slot {
    /* Of the chunk's first entry. */
    struct rnl_ordered_prefix prefix;
    struct rnl_ordered_chunk *chunk;
};

struct rnl_ordered {
    /* Name of an item, which must not change while it is in here. */
    const char *(*name)(const void *item);
    /* None is empty. Owned, items are not. */
    struct rnl_ordered_slot *slots;
    size_t slot_count;
    size_t slot_cap;
    size_t count;
    /* For the next insert that needs one. */
    struct rnl_ordered_chunk *spare;
};

/* A place between two items. */
struct rnl_ordered_cursor {
    size_t slot;
    /* Items of that slot's chunk in front of the place. */
    size_t index;
};

void rnl_ordered_init(struct rnl_ordered *ordered,
                      const char *(*name)(const void *item));
void rnl_ordered_fini(struct rnl_ordered *ordered);

/* NULL if there is none. */
void *rnl_ordered_find(const struct rnl_ordered *ordered, const char *name);

/* The place in front of the first item whose name is not below name; NULL: at
 * the end. Valid until the next change. */
struct rnl_ordered_cursor rnl_ordered_seek(const struct rnl_ordered *ordered,
                                           const char *name);

/* Two stages in front of a seek: has what it looks at of the entries brought
 * near the processor; about the place that it will find, by prefixes alone, and
 * so without a look at any item. */
void rnl_ordered_fetch(const struct rnl_ordered *ordered, const char *name);
struct rnl_ordered_cursor rnl_ordered_approach(
    const struct rnl_ordered *ordered, const char *name);

/* The item behind a place, unless it is in another chunk; NULL. */
const void *rnl_ordered_next(const struct rnl_ordered *ordered,
                             const struct rnl_ordered_cursor *cursor);

/* The item in front of the place, which moves in front of it; NULL at the
 * beginning. */
void *rnl_ordered_previous(const struct rnl_ordered *ordered,
                           struct rnl_ordered_cursor *cursor);

/* Makes room so that the next insert cannot fail. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_ordered_reserve(struct rnl_ordered *ordered);

/* Adds an item, after a reserve; its name must be new. */
void rnl_ordered_insert(struct rnl_ordered *ordered, void *item);

/* Removes an item that is in here. */
void rnl_ordered_remove(struct rnl_ordered *ordered, const void *item);

#endif
