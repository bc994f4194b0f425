/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A use is a mark; when there is no room, marked records go to the end of the
 * list, without their mark, and the first without one is dropped ("second
 * chance"). To move a record at each use would touch its neighbours as well,
 * which are in no cache of the processor when there are many.
 */
#include <string.h>

#include "alloc.h"
#include "store_memory_private.h"

/* What a record takes besides its bytes, about. */
#define BLOCK_BYTES 16

/* Records that one more passes over because they were used, so that it is not
 * held up when all were. */
#define CHANCES_MAX 16u

static uint64_t bytes_of(const struct rnl_item *item)
{
    return item->record_cap + BLOCK_BYTES;
}

static void unlink_item(struct rnl_memory *memory, struct rnl_item *item)
{
    TAILQ_REMOVE(&memory->cached, item, cached_link);
    memory->cached_bytes -= bytes_of(item);
    item->is_cached = false;
}

static void move_to_end(struct rnl_memory *memory, struct rnl_item *item)
{
    TAILQ_REMOVE(&memory->cached, item, cached_link);
    TAILQ_INSERT_TAIL(&memory->cached, item, cached_link);
    item->was_used = false;
}

/* The newest stays, however large: somebody has it. */
static void make_room(struct rnl_memory *memory, const struct rnl_item *newest)
{
    unsigned chances = CHANCES_MAX;
    while (memory->cached_bytes > memory->options.cache_bytes) {
        struct rnl_item *oldest = TAILQ_FIRST(&memory->cached);
        if (TAILQ_NEXT(oldest, cached_link) == NULL)
            return;
        if (oldest == newest || (oldest->was_used && chances > 0)) {
            chances -= oldest != newest;
            move_to_end(memory, oldest);
            continue;
        }
        unlink_item(memory, oldest);
        rnl_item_drop_record(oldest);
    }
}

void rnl_cache_add(struct rnl_memory *memory, struct rnl_item *item)
{
    if (item->is_cached || item->record == NULL)
        return;
    rnl_item_shrink_record(item);
    TAILQ_INSERT_TAIL(&memory->cached, item, cached_link);
    memory->cached_bytes += bytes_of(item);
    item->is_cached = true;
    item->was_used = false;
    make_room(memory, item);
}

void rnl_cache_leave(struct rnl_memory *memory, struct rnl_item *item)
{
    if (item->is_cached)
        unlink_item(memory, item);
}

static enum rnl_code load(struct rnl_memory *memory, struct rnl_item *item)
{
    struct rnl_journal *journal = memory->options.journal;
    const uint8_t *data;
    size_t len;
    enum rnl_code code =
        journal->ops->load_record(journal, item->number, &data, &len);
    if (code != RNL_OK)
        return code;
    item->record = rnl_malloc(len);
    if (item->record == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    memcpy(item->record, data, len);
    item->record_len = len;
    item->record_cap = len;
    rnl_cache_add(memory, item);
    return RNL_OK;
}

enum rnl_code rnl_cache_use(struct rnl_memory *memory, struct rnl_item *item)
{
    if (item->record == NULL)
        return load(memory, item);
    /* A write would have the line written back to memory. */
    if (!item->was_used)
        item->was_used = true;
    return RNL_OK;
}
