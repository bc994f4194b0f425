/* SPDX-License-Identifier: Apache-2.0 */
#include "sorted.h"

#include <string.h>

#include "alloc.h"

#define CAP_FIRST 64

void rnl_sorted_init(struct rnl_sorted *sorted,
                     const char *(*name)(const void *item))
{
    *sorted = (struct rnl_sorted){.name = name};
}

void rnl_sorted_fini(struct rnl_sorted *sorted)
{
    rnl_free(sorted->items);
    *sorted = (struct rnl_sorted){0};
}

size_t rnl_sorted_position(const struct rnl_sorted *sorted, const char *name)
{
    size_t low = 0;
    size_t high = sorted->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(sorted->name(sorted->items[middle]), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void *rnl_sorted_find(const struct rnl_sorted *sorted, const char *name)
{
    size_t position = rnl_sorted_position(sorted, name);
    if (position == sorted->count ||
        strcmp(sorted->name(sorted->items[position]), name) != 0)
        return NULL;
    return sorted->items[position];
}

enum rnl_code rnl_sorted_reserve(struct rnl_sorted *sorted)
{
    if (sorted->count < sorted->cap)
        return RNL_OK;
    size_t cap = sorted->cap == 0 ? CAP_FIRST : sorted->cap * 2;
    void **items = rnl_realloc(sorted->items, cap * sizeof(items[0]));
    if (items == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    sorted->items = items;
    sorted->cap = cap;
    return RNL_OK;
}

void rnl_sorted_insert(struct rnl_sorted *sorted, void *item)
{
    size_t position = rnl_sorted_position(sorted, sorted->name(item));
    memmove(sorted->items + position + 1, sorted->items + position,
            (sorted->count - position) * sizeof(sorted->items[0]));
    sorted->items[position] = item;
    sorted->count++;
}

void rnl_sorted_remove(struct rnl_sorted *sorted, const void *item)
{
    size_t position = rnl_sorted_position(sorted, sorted->name(item));
    sorted->count--;
    memmove(sorted->items + position, sorted->items + position + 1,
            (sorted->count - position) * sizeof(sorted->items[0]));
}
