/* SPDX-License-Identifier: Apache-2.0 */
#include "event_log.h"

#include <string.h>

#include "alloc.h"
#include "store_memory.h"

/* The first block suits a job of a few events; each next one doubles, so that
 * a log of n bytes has O(log n) small blocks and then one each 64 KiB. */
#define BLOCK_BYTES_FIRST 2048
#define BLOCK_BYTES_MAX   65536

/* A single event may ask for more; its length has 29 bits. */
#define BLOCK_BYTES_LIMIT (UINT32_MAX >> 3)

struct entry {
    int64_t time_ns;
    uint32_t offset;
    /* Length << 3 | type. */
    uint32_t len_type;
};

struct rnl_log_block {
    uint64_t first;
    uint32_t count;
    uint32_t used;
    uint32_t cap;
    _Alignas(struct entry) uint8_t bytes[];
};

_Static_assert(sizeof(struct entry) == RNL_STORE_EVENT_BYTES,
               "what an event is said to count is what it takes");
_Static_assert(BLOCK_BYTES_FIRST > RNL_STORE_END_MAX + 2 * sizeof(struct entry),
               "the first block holds more than its reserve");

/* Room that every event but the last one leaves. */
#define RESERVE (RNL_STORE_END_MAX + sizeof(struct entry))

void rnl_event_log_init(struct rnl_event_log *log)
{
    *log = (struct rnl_event_log){0};
}

void rnl_event_log_fini(struct rnl_event_log *log)
{
    for (size_t i = 0; i < log->block_count; i++)
        rnl_free(log->blocks[i]);
    rnl_free(log->blocks);
    *log = (struct rnl_event_log){0};
}

static struct entry *entry_at(struct rnl_log_block *block, uint32_t index)
{
    return (struct entry *)(block->bytes + block->cap) - 1 - index;
}

static size_t block_free(const struct rnl_log_block *block)
{
    return block->cap - block->used - block->count * sizeof(struct entry);
}

static struct rnl_log_block *last_block(const struct rnl_event_log *log)
{
    return log->block_count == 0 ? NULL : log->blocks[log->block_count - 1];
}

static size_t event_room(size_t len, bool end)
{
    return len + sizeof(struct entry) + (end ? 0 : RESERVE);
}

static size_t next_block_cap(const struct rnl_event_log *log, size_t room)
{
    const struct rnl_log_block *last = last_block(log);
    size_t cap = BLOCK_BYTES_FIRST;
    if (last != NULL)
        cap = last->cap >= BLOCK_BYTES_MAX / 2 ? BLOCK_BYTES_MAX
                                               : (size_t)last->cap * 2;
    if (cap < room)
        cap = room;
    return (cap + 7) & ~(size_t)7;
}

size_t rnl_event_log_need(const struct rnl_event_log *log, size_t len, bool end)
{
    size_t room = event_room(len, end);
    const struct rnl_log_block *last = last_block(log);
    if (last != NULL && block_free(last) >= room)
        return 0;
    size_t need = sizeof(*last) + next_block_cap(log, room);
    if (log->block_count == log->block_cap)
        need += (log->block_cap + 4) * sizeof(log->blocks[0]);
    return need;
}

static enum rnl_code reserve_block(struct rnl_event_log *log)
{
    if (log->block_count < log->block_cap)
        return RNL_OK;
    size_t cap = log->block_cap * 2 + 4;
    struct rnl_log_block **blocks =
        rnl_realloc(log->blocks, cap * sizeof(blocks[0]));
    if (blocks == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    log->memory_bytes += (cap - log->block_cap) * sizeof(blocks[0]);
    log->blocks = blocks;
    log->block_cap = cap;
    return RNL_OK;
}

static enum rnl_code add_block(struct rnl_event_log *log, size_t room)
{
    size_t cap = next_block_cap(log, room);
    if (cap > BLOCK_BYTES_LIMIT || reserve_block(log) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    struct rnl_log_block *block = rnl_malloc(sizeof(*block) + cap);
    if (block == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    *block = (struct rnl_log_block){
        .first = log->last_sequence + 1,
        .cap = (uint32_t)cap,
    };
    log->blocks[log->block_count++] = block;
    log->memory_bytes += sizeof(*block) + cap;
    return RNL_OK;
}

enum rnl_code rnl_event_log_append(struct rnl_event_log *log,
                                   const struct rnl_event *event)
{
    bool end = event->type == RNL_EVENT_END;
    size_t room = event_room(event->len, end);
    struct rnl_log_block *block = last_block(log);
    if (block == NULL || block_free(block) < room) {
        enum rnl_code code = add_block(log, room);
        if (code != RNL_OK)
            return code;
        block = last_block(log);
    }
    *entry_at(block, block->count) = (struct entry){
        .time_ns = event->time_ns,
        .offset = block->used,
        .len_type = (uint32_t)(event->len << 3) | (uint32_t)event->type,
    };
    if (event->len > 0)
        memcpy(block->bytes + block->used, event->data, event->len);
    block->used += (uint32_t)event->len;
    block->count++;
    log->last_sequence++;
    log->event_bytes += event->len + RNL_STORE_EVENT_BYTES;
    log->ended = end;
    return RNL_OK;
}

struct rnl_log_mark rnl_event_log_mark(const struct rnl_event_log *log)
{
    const struct rnl_log_block *last = last_block(log);
    return (struct rnl_log_mark){
        .block_count = log->block_count,
        .last_sequence = log->last_sequence,
        .event_bytes = log->event_bytes,
        .used = last == NULL ? 0 : last->used,
        .count = last == NULL ? 0 : last->count,
    };
}

void rnl_event_log_rewind(struct rnl_event_log *log,
                          const struct rnl_log_mark *mark)
{
    while (log->block_count > mark->block_count) {
        struct rnl_log_block *block = log->blocks[--log->block_count];
        log->memory_bytes -= sizeof(*block) + block->cap;
        rnl_free(block);
    }
    struct rnl_log_block *last = last_block(log);
    if (last != NULL) {
        last->used = mark->used;
        last->count = mark->count;
    }
    log->last_sequence = mark->last_sequence;
    log->event_bytes = mark->event_bytes;
    log->ended = false;
}

void rnl_event_log_seal(struct rnl_event_log *log)
{
    struct rnl_log_block *old = last_block(log);
    if (old == NULL || block_free(old) < sizeof(struct entry))
        return;
    size_t index_bytes = old->count * sizeof(struct entry);
    size_t cap = ((old->used + 7) & ~(size_t)7) + index_bytes;
    struct rnl_log_block *block = rnl_malloc(sizeof(*block) + cap);
    if (block == NULL)
        return;
    *block = *old;
    block->cap = (uint32_t)cap;
    memcpy(block->bytes, old->bytes, old->used);
    memcpy(block->bytes + cap - index_bytes,
           old->bytes + old->cap - index_bytes, index_bytes);
    log->blocks[log->block_count - 1] = block;
    log->memory_bytes -= old->cap - cap;
    rnl_free(old);
}

enum rnl_code rnl_event_log_resume(struct rnl_event_log *log)
{
    return add_block(log, event_room(0, false));
}

uint64_t rnl_event_log_first(const struct rnl_event_log *log)
{
    return log->block_count == 0 ? log->last_sequence + 1
                                 : log->blocks[0]->first;
}

static void drop_first_blocks(struct rnl_event_log *log, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        log->memory_bytes -= sizeof(*log->blocks[i]) + log->blocks[i]->cap;
        rnl_free(log->blocks[i]);
    }
    log->block_count -= count;
    memmove(log->blocks, log->blocks + count,
            log->block_count * sizeof(log->blocks[0]));
}

void rnl_event_log_drop(struct rnl_event_log *log, uint64_t sequence,
                        uint64_t keep_bytes)
{
    uint64_t left = log->memory_bytes;
    size_t count = 0;
    /* The last block stays: it has room for the end. */
    while (count + 1 < log->block_count && left > keep_bytes &&
           log->blocks[count + 1]->first <= sequence + 1) {
        left -= sizeof(*log->blocks[count]) + log->blocks[count]->cap;
        count++;
    }
    if (count > 0)
        drop_first_blocks(log, count);
}

void rnl_event_log_forget(struct rnl_event_log *log)
{
    for (size_t i = 0; i < log->block_count; i++)
        rnl_free(log->blocks[i]);
    rnl_free(log->blocks);
    log->blocks = NULL;
    log->block_count = 0;
    log->block_cap = 0;
    log->memory_bytes = 0;
}

static size_t find_block(const struct rnl_event_log *log, uint64_t sequence)
{
    size_t low = 0;
    size_t high = log->block_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (log->blocks[middle]->first <= sequence)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void lend(struct rnl_log_block *block, uint32_t index,
                 struct rnl_event *ret_event)
{
    const struct entry *entry = entry_at(block, index);
    *ret_event = (struct rnl_event){
        .sequence = block->first + index,
        .time_ns = entry->time_ns,
        .type = (enum rnl_event_type)(entry->len_type & 7),
        .data = block->bytes + entry->offset,
        .len = entry->len_type >> 3,
    };
}

void rnl_event_log_page(const struct rnl_event_log *log, uint64_t sequence,
                        uint64_t last, size_t bytes_max,
                        struct rnl_store_page *ret_page)
{
    ret_page->count = 0;
    if (sequence > last)
        return;
    size_t block_index = find_block(log, sequence);
    size_t bytes = 0;
    while (sequence <= last && ret_page->count < RNL_STORE_PAGE_HOT) {
        struct rnl_log_block *block = log->blocks[block_index];
        if (sequence - block->first >= block->count) {
            block_index++;
            continue;
        }
        struct rnl_event *event = &ret_page->events[ret_page->count];
        lend(block, (uint32_t)(sequence - block->first), event);
        if (ret_page->count > 0 && bytes + event->len > bytes_max)
            return;
        bytes += event->len;
        ret_page->count++;
        sequence++;
    }
}
