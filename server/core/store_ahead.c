/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A read waits for memory some times in a row: the place of an id leads to the
 * job, and that to its record. Of many reads each stage is begun for all of
 * them before the next one, so that their waits overlap.
 */
#include <assert.h>
#include <string.h>

#include "store_memory_private.h"

static bool has_len(const char *id)
{
    return strnlen(id, RNL_JOB_ID_LEN + 1) == RNL_JOB_ID_LEN;
}

void rnl_memory_expect(struct rnl_store *store,
                       const char (*job_ids)[RNL_JOB_ID_LEN + 1], size_t count)
{
    const struct rnl_id_table *ids = &rnl_memory_of(store)->ids;
    for (size_t i = 0; i < count; i++) {
        if (has_len(job_ids[i]))
            rnl_id_table_fetch(ids, job_ids[i]);
    }
    for (size_t i = 0; i < count; i++) {
        const struct rnl_id_node *node =
            has_len(job_ids[i]) ? rnl_id_table_first(ids, job_ids[i]) : NULL;
        if (node != NULL)
            rnl_item_fetch((const struct rnl_item *)node);
    }
    for (size_t i = 0; i < count; i++) {
        const struct rnl_item *item = rnl_memory_find(store, job_ids[i]);
        if (item != NULL)
            rnl_item_fetch_record(item);
    }
}

/* Jobs of pages that are expected. */
struct ahead {
    struct rnl_item *items[RNL_STORE_AHEAD_MAX * RNL_FETCHED_JOBS];
    size_t count;
};

static void take_page(struct ahead *ahead, const struct rnl_ordered *by_id,
                      struct rnl_ordered_cursor cursor)
{
    struct rnl_item *item;
    /* The search looks at it. */
    const struct rnl_item *next = rnl_ordered_next(by_id, &cursor);
    if (next != NULL)
        rnl_item_fetch(next);
    for (size_t left = RNL_FETCHED_JOBS;
         left > 0 && (item = rnl_ordered_previous(by_id, &cursor)) != NULL;
         left--) {
        rnl_item_fetch(item);
        ahead->items[ahead->count++] = item;
    }
}

void rnl_memory_expect_pages(struct rnl_store *store,
                             const char (*befores)[RNL_JOB_ID_LEN + 1],
                             size_t count)
{
    const struct rnl_ordered *by_id = &rnl_memory_of(store)->by_id;
    struct rnl_ordered_cursor cursors[RNL_STORE_AHEAD_MAX];
    struct ahead ahead = {.count = 0};
    assert(count <= RNL_STORE_AHEAD_MAX);
    for (size_t i = 0; i < count; i++)
        rnl_ordered_fetch(by_id, befores[i]);
    for (size_t i = 0; i < count; i++)
        cursors[i] = rnl_ordered_approach(by_id, befores[i]);
    for (size_t i = 0; i < count; i++)
        take_page(&ahead, by_id, cursors[i]);
    for (size_t i = 0; i < ahead.count; i++)
        rnl_item_fetch_record(ahead.items[i]);
}
