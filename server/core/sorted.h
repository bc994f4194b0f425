/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An array of pointers sorted by the name that each has. Finding is a binary
 * search; inserting and removing move what lies behind, which for names that
 * rise with time is little. At 10,000 entries the worst move is one of 80 KB,
 * cheaper than the tree that would avoid it.
 */
#ifndef RNL_CORE_SORTED_H
#define RNL_CORE_SORTED_H

#include <stddef.h>

#include <runnel/status.h>

struct rnl_sorted {
    /* Lowest name first. Not owned. */
    void **items;
    size_t count;
    size_t cap;
    const char *(*name)(const void *item);
};

void rnl_sorted_init(struct rnl_sorted *sorted,
                     const char *(*name)(const void *item));
void rnl_sorted_fini(struct rnl_sorted *sorted);

/* Makes sure that the next insert finds room. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_sorted_reserve(struct rnl_sorted *sorted);

/* Inserts an item with a new name; room has been reserved. */
void rnl_sorted_insert(struct rnl_sorted *sorted, void *item);

/* Removes an item that is there. */
void rnl_sorted_remove(struct rnl_sorted *sorted, const void *item);

/* NULL when there is none. */
void *rnl_sorted_find(const struct rnl_sorted *sorted, const char *name);

/* Position of the first item whose name is not below. */
size_t rnl_sorted_position(const struct rnl_sorted *sorted, const char *name);

#endif
