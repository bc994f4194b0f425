/* SPDX-License-Identifier: Apache-2.0 */
#include "ordered.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "alloc.h"

#define SLOTS_FIRST 16

/* A line of the processor's cache. */
#define LINE_BYTES 64

void rnl_ordered_init(struct rnl_ordered *ordered,
                      const char *(*name)(const void *item))
{
    *ordered = (struct rnl_ordered){.name = name};
}

void rnl_ordered_fini(struct rnl_ordered *ordered)
{
    for (size_t i = 0; i < ordered->slot_count; i++)
        rnl_free(ordered->slots[i].chunk);
    rnl_free(ordered->slots);
    rnl_free(ordered->spare);
    *ordered = (struct rnl_ordered){.name = ordered->name};
}

/* ---- finding ---- */

/* A name with its prefix; without a name it is in front of all of that
 * prefix. */
struct key {
    struct rnl_ordered_prefix prefix;
    const char *name;
};

/* As a number, of which the first byte counts most. */
static uint64_t number_of(const unsigned char bytes[8])
{
    uint64_t number = 0;
    for (size_t i = 0; i < 8; i++)
        number = number << 8 | bytes[i];
    return number;
}

static struct key key_of(const char *name)
{
    unsigned char bytes[16] = {0};
    memcpy(bytes, name, strnlen(name, sizeof(bytes)));
    return (struct key){
        .prefix = {number_of(bytes), number_of(bytes + 8)},
        .name = name,
    };
}

/* Below 0: the entry comes in front of the key. prefix is the entry's, or its
 * copy in the slot: the entry is only touched if that does not decide. */
static int compare(const struct rnl_ordered *ordered,
                   const struct rnl_ordered_prefix *prefix,
                   const struct rnl_ordered_entry *entry, const struct key *key)
{
    if (prefix->high != key->prefix.high)
        return prefix->high < key->prefix.high ? -1 : 1;
    if (prefix->low != key->prefix.low)
        return prefix->low < key->prefix.low ? -1 : 1;
    return key->name == NULL ? 1
                             : strcmp(ordered->name(entry->item), key->name);
}

/* The last chunk that does not begin behind the key; the first else. */
static size_t find_slot(const struct rnl_ordered *ordered,
                        const struct key *key)
{
    size_t low = 0;
    size_t high = ordered->slot_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        const struct rnl_ordered_slot *slot = &ordered->slots[middle];
        if (compare(ordered, &slot->prefix, slot->chunk->entries, key) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* A search of a chunk that is in no cache would wait for memory at almost each
 * step. These are the entries of its first three steps, and then all that is
 * left. */
static void prefetch_steps(const struct rnl_ordered_chunk *chunk)
{
    for (size_t eighth = 1; eighth < 8; eighth++)
        __builtin_prefetch(&chunk->entries[RNL_ORDERED_CHUNK * eighth / 8]);
}

static void prefetch_rest(const struct rnl_ordered_entry *from,
                          const struct rnl_ordered_entry *to)
{
    for (const char *at = (const char *)from; at < (const char *)to;
         at += LINE_BYTES)
        __builtin_prefetch(at);
}

/* Entries of a chunk in front of the key. */
static size_t find_index(const struct rnl_ordered *ordered,
                         const struct rnl_ordered_chunk *chunk,
                         const struct key *key)
{
    size_t low = 0;
    size_t high = chunk->count;
    bool is_fetched = false;
    while (low < high) {
        if (!is_fetched && high - low <= RNL_ORDERED_CHUNK / 8) {
            prefetch_rest(chunk->entries + low, chunk->entries + high);
            is_fetched = true;
        }
        size_t middle = low + (high - low) / 2;
        const struct rnl_ordered_entry *entry = &chunk->entries[middle];
        if (compare(ordered, &entry->prefix, entry, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct rnl_ordered_cursor seek(const struct rnl_ordered *ordered,
                                      const struct key *key)
{
    struct rnl_ordered_cursor cursor = {0, 0};
    if (ordered->slot_count == 0)
        return cursor;
    cursor.slot = find_slot(ordered, key);
    prefetch_steps(ordered->slots[cursor.slot].chunk);
    cursor.index = find_index(ordered, ordered->slots[cursor.slot].chunk, key);
    return cursor;
}

struct rnl_ordered_cursor rnl_ordered_seek(const struct rnl_ordered *ordered,
                                           const char *name)
{
    if (name != NULL) {
        struct key key = key_of(name);
        return seek(ordered, &key);
    }
    struct rnl_ordered_cursor end = {0, 0};
    if (ordered->slot_count > 0) {
        end.slot = ordered->slot_count - 1;
        end.index = ordered->slots[end.slot].chunk->count;
    }
    return end;
}

void rnl_ordered_fetch(const struct rnl_ordered *ordered, const char *name)
{
    struct key key = key_of(name);
    if (ordered->slot_count > 0)
        prefetch_steps(ordered->slots[find_slot(ordered, &key)].chunk);
}

struct rnl_ordered_cursor rnl_ordered_approach(
    const struct rnl_ordered *ordered, const char *name)
{
    struct key key = key_of(name);
    key.name = NULL;
    return seek(ordered, &key);
}

const void *rnl_ordered_next(const struct rnl_ordered *ordered,
                             const struct rnl_ordered_cursor *cursor)
{
    if (cursor->slot == ordered->slot_count)
        return NULL;
    const struct rnl_ordered_chunk *chunk = ordered->slots[cursor->slot].chunk;
    return cursor->index < chunk->count ? chunk->entries[cursor->index].item
                                        : NULL;
}

void *rnl_ordered_find(const struct rnl_ordered *ordered, const char *name)
{
    struct key key = key_of(name);
    if (ordered->slot_count == 0)
        return NULL;
    struct rnl_ordered_cursor at = seek(ordered, &key);
    const struct rnl_ordered_chunk *chunk = ordered->slots[at.slot].chunk;
    if (at.index == chunk->count)
        return NULL;
    const struct rnl_ordered_entry *entry = &chunk->entries[at.index];
    return compare(ordered, &entry->prefix, entry, &key) == 0 ? entry->item
                                                              : NULL;
}

void *rnl_ordered_previous(const struct rnl_ordered *ordered,
                           struct rnl_ordered_cursor *cursor)
{
    if (cursor->index == 0) {
        if (cursor->slot == 0)
            return NULL;
        cursor->slot--;
        cursor->index = ordered->slots[cursor->slot].chunk->count;
    }
    cursor->index--;
    return ordered->slots[cursor->slot].chunk->entries[cursor->index].item;
}

/* ---- changing ---- */

enum rnl_code rnl_ordered_reserve(struct rnl_ordered *ordered)
{
    if (ordered->slot_count == ordered->slot_cap) {
        size_t cap =
            ordered->slot_cap == 0 ? SLOTS_FIRST : ordered->slot_cap * 2;
        struct rnl_ordered_slot *slots =
            rnl_realloc(ordered->slots, cap * sizeof(slots[0]));
        if (slots == NULL)
            return RNL_RESOURCE_EXHAUSTED;
        ordered->slots = slots;
        ordered->slot_cap = cap;
    }
    if (ordered->spare == NULL)
        ordered->spare = rnl_malloc(sizeof(*ordered->spare));
    return ordered->spare == NULL ? RNL_RESOURCE_EXHAUSTED : RNL_OK;
}

/* After the first entry of a chunk has changed. */
static void name_slot(struct rnl_ordered_slot *slot)
{
    slot->prefix = slot->chunk->entries[0].prefix;
}

/* Puts the spare chunk, with at least one entry, at a slot. */
static void add_slot(struct rnl_ordered *ordered, size_t at)
{
    assert(ordered->spare != NULL && ordered->slot_count < ordered->slot_cap);
    struct rnl_ordered_slot *slots = ordered->slots;
    memmove(slots + at + 1, slots + at,
            (ordered->slot_count - at) * sizeof(slots[0]));
    slots[at].chunk = ordered->spare;
    ordered->spare = NULL;
    ordered->slot_count++;
    name_slot(&slots[at]);
}

/* Moves the entries from an index on into a chunk of their own. */
static void split(struct rnl_ordered *ordered, size_t slot, size_t from)
{
    struct rnl_ordered_chunk *chunk = ordered->slots[slot].chunk;
    ordered->spare->count = chunk->count - from;
    memcpy(ordered->spare->entries, chunk->entries + from,
           ordered->spare->count * sizeof(chunk->entries[0]));
    chunk->count = from;
    add_slot(ordered, slot + 1);
}

/* Makes room at a place whose chunk is full; returns where it is then. */
static struct rnl_ordered_cursor make_room(
    struct rnl_ordered *ordered, struct rnl_ordered_cursor at,
    const struct rnl_ordered_entry *entry)
{
    const size_t half = RNL_ORDERED_CHUNK / 2;
    bool is_last = at.slot == ordered->slot_count - 1;
    if (at.index == RNL_ORDERED_CHUNK && is_last) {
        ordered->spare->count = 0;
        ordered->spare->entries[0] = *entry;
        add_slot(ordered, at.slot + 1);
        return (struct rnl_ordered_cursor){at.slot + 1, 0};
    }
    split(ordered, at.slot, half);
    if (at.index > half)
        return (struct rnl_ordered_cursor){at.slot + 1, at.index - half};
    return at;
}

void rnl_ordered_insert(struct rnl_ordered *ordered, void *item)
{
    struct key key = key_of(ordered->name(item));
    struct rnl_ordered_entry entry = {key.prefix, item};
    struct rnl_ordered_cursor at = seek(ordered, &key);
    if (ordered->slot_count == 0) {
        ordered->spare->count = 0;
        ordered->spare->entries[0] = entry;
        add_slot(ordered, 0);
    } else if (ordered->slots[at.slot].chunk->count == RNL_ORDERED_CHUNK) {
        at = make_room(ordered, at, &entry);
    }
    struct rnl_ordered_chunk *chunk = ordered->slots[at.slot].chunk;
    memmove(chunk->entries + at.index + 1, chunk->entries + at.index,
            (chunk->count - at.index) * sizeof(entry));
    chunk->entries[at.index] = entry;
    chunk->count++;
    ordered->count++;
    name_slot(&ordered->slots[at.slot]);
}

/* Takes an empty chunk out. */
static void remove_slot(struct rnl_ordered *ordered, size_t at)
{
    struct rnl_ordered_slot *slots = ordered->slots;
    if (ordered->spare == NULL)
        ordered->spare = slots[at].chunk;
    else
        rnl_free(slots[at].chunk);
    ordered->slot_count--;
    memmove(slots + at, slots + at + 1,
            (ordered->slot_count - at) * sizeof(slots[0]));
}

void rnl_ordered_remove(struct rnl_ordered *ordered, const void *item)
{
    struct key key = key_of(ordered->name(item));
    struct rnl_ordered_cursor at = seek(ordered, &key);
    struct rnl_ordered_chunk *chunk = ordered->slots[at.slot].chunk;
    assert(at.index < chunk->count && chunk->entries[at.index].item == item);
    chunk->count--;
    ordered->count--;
    memmove(chunk->entries + at.index, chunk->entries + at.index + 1,
            (chunk->count - at.index) * sizeof(chunk->entries[0]));
    if (chunk->count == 0)
        remove_slot(ordered, at.slot);
    else
        name_slot(&ordered->slots[at.slot]);
}
