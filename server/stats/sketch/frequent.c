/* SPDX-License-Identifier: Apache-2.0 */
#include "frequent.h"

#include <string.h>

#include "alloc.h"
#include "frequent_private.h"

/* Slots after the last home slot. At the load below no run of honest hashes is
 * nearly as long; a key that would go further is handed out at once, which is
 * correct, only less exact. */
#define SLOTS_BEYOND 64

#define SLOTS_MIN 16

/* At most 5 of 16 slots are taken: 1.6 probes for a new key on average. One
 * that was trimmed is to be small: 5 of 8, 4 probes. */
#define LOAD_NUM         5
#define LOAD_DEN         16
#define LOAD_TRIMMED_DEN 8

size_t rnl_frequent_slots_for(const struct rnl_frequent *frequent,
                              size_t entries)
{
    size_t den = frequent->trimmed ? LOAD_TRIMMED_DEN : LOAD_DEN;
    size_t slots = SLOTS_MIN;
    while (slots / den * LOAD_NUM < entries)
        slots *= 2;
    return slots;
}

static uint64_t key_hash(uint64_t hash)
{
    return hash + (hash == 0);
}

void rnl_frequent_init(struct rnl_frequent *frequent, size_t entries_max)
{
    memset(frequent, 0, sizeof(*frequent));
    frequent->entries_max = entries_max;
}

void rnl_frequent_fini(struct rnl_frequent *frequent)
{
    rnl_free(frequent->hashes);
    rnl_free(frequent->keys);
    rnl_free(frequent->spare);
    frequent->hashes = NULL;
    frequent->entries = NULL;
    frequent->keys = NULL;
    frequent->spare = NULL;
}

void rnl_frequent_reset(struct rnl_frequent *frequent)
{
    if (frequent->hashes != NULL)
        memset(frequent->hashes, 0,
               rnl_frequent_slots(frequent) * sizeof(*frequent->hashes));
    frequent->entry_count = 0;
    frequent->keys_len = 0;
    frequent->offset = 0;
}

size_t rnl_frequent_slots(const struct rnl_frequent *frequent)
{
    return frequent->hashes == NULL ? 0 : frequent->slot_count + SLOTS_BEYOND;
}

static bool is_last(const struct rnl_frequent *frequent, size_t slot)
{
    return slot == frequent->slot_count + SLOTS_BEYOND - 1;
}

size_t rnl_frequent_size(const struct rnl_frequent *frequent)
{
    return rnl_frequent_slots(frequent) *
               (sizeof(*frequent->hashes) + sizeof(*frequent->entries)) +
           frequent->keys_cap + frequent->spare_cap;
}

const struct rnl_frequent_entry *rnl_frequent_find(
    const struct rnl_frequent *frequent, uint64_t hash)
{
    if (frequent->hashes == NULL)
        return NULL;
    hash = key_hash(hash);
    size_t slot = rnl_frequent_probe(frequent, hash);
    return frequent->hashes[slot] == hash ? &frequent->entries[slot] : NULL;
}

/* ---- room ---- */

/* Puts all entries into larger arrays; false when hashes crowd so that they do
 * not fit there. */
static bool move_slots(const struct rnl_frequent *frequent,
                       struct rnl_frequent *larger)
{
    size_t slots = rnl_frequent_slots(frequent);
    for (size_t i = 0; i < slots; i++) {
        uint64_t hash = frequent->hashes[i];
        if (hash == 0)
            continue;
        size_t slot = rnl_frequent_probe(larger, hash);
        if (is_last(larger, slot))
            return false;
        larger->hashes[slot] = hash;
        larger->entries[slot] = frequent->entries[i];
    }
    return true;
}

enum rnl_code rnl_frequent_set_slots(struct rnl_frequent *frequent,
                                     size_t slot_count)
{
    struct rnl_frequent larger = *frequent;
    size_t slots = slot_count + SLOTS_BEYOND;
    larger.hashes =
        rnl_calloc(slots, sizeof(*larger.hashes) + sizeof(*larger.entries));
    if (larger.hashes == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    larger.entries = (struct rnl_frequent_entry *)(larger.hashes + slots);
    larger.slot_count = slot_count;
    larger.shift = (uint32_t)__builtin_clzll(slot_count) + 1;
    if (!move_slots(frequent, &larger)) {
        rnl_free(larger.hashes);
        return RNL_RESOURCE_EXHAUSTED;
    }
    rnl_free(frequent->hashes);
    *frequent = larger;
    return RNL_OK;
}

static enum rnl_code grow_slots(struct rnl_frequent *frequent, size_t entries)
{
    if (entries > frequent->entries_max)
        entries = frequent->entries_max;
    size_t want = rnl_frequent_slots_for(frequent, entries);
    if (frequent->hashes != NULL && want <= frequent->slot_count)
        return RNL_OK;
    return rnl_frequent_set_slots(frequent, want);
}

static enum rnl_code grow_keys(struct rnl_frequent *frequent, size_t need)
{
    if (need <= frequent->keys_cap)
        return RNL_OK;
    size_t cap = need + need / 2 + 64;
    uint8_t *keys = rnl_realloc(frequent->keys, cap);
    if (keys == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    frequent->keys = keys;
    frequent->keys_cap = cap;
    return RNL_OK;
}

/* Makes spare as large as keys, to the byte: they change places. What was in
 * it is of no use. */
static enum rnl_code match_spare(struct rnl_frequent *frequent)
{
    if (frequent->spare_cap >= frequent->keys_cap)
        return RNL_OK;
    uint8_t *spare = rnl_malloc(frequent->keys_cap);
    if (spare == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    rnl_free(frequent->spare);
    frequent->spare = spare;
    frequent->spare_cap = frequent->keys_cap;
    return RNL_OK;
}

/* Room for the keys that are to come, or for as many as the table can hold
 * between two purges, all of the greatest length. */
static size_t key_bytes_needed(const struct rnl_frequent *frequent,
                               size_t key_bytes)
{
    size_t whole = (frequent->entries_max + 1) * RNL_FREQUENT_KEY_MAX;
    size_t need = frequent->keys_len + key_bytes;
    return need < whole ? need : whole;
}

enum rnl_code rnl_frequent_reserve(struct rnl_frequent *frequent, size_t keys,
                                   size_t key_bytes, bool *ret_may_purge)
{
    size_t entries = frequent->entry_count + keys;
    size_t need = key_bytes_needed(frequent, key_bytes);
    bool may_purge = entries > frequent->entries_max;
    if (need > UINT32_MAX || grow_slots(frequent, entries) != RNL_OK ||
        grow_keys(frequent, need) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    if (may_purge && match_spare(frequent) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    *ret_may_purge = may_purge;
    return RNL_OK;
}

/* ---- add ---- */

void rnl_frequent_spill_flush(struct rnl_frequent_spill *spill)
{
    if (spill->frequent->spill != NULL && spill->count > 0)
        spill->frequent->spill(spill->frequent->spill_arg, spill->items,
                               spill->count);
    spill->count = 0;
}

/* There is no slot for a key: it is handed out, and may be missed. */
static void turn_away(struct rnl_frequent *frequent,
                      const struct rnl_frequent_item *item, uint64_t hash)
{
    struct rnl_frequent_spill spill = {.frequent = frequent};
    rnl_frequent_spill_put(&spill, hash, item->count);
    rnl_frequent_spill_flush(&spill);
    frequent->offset += item->count - item->saved;
}

static void insert(struct rnl_frequent *frequent,
                   const struct rnl_frequent_item *item, uint64_t hash)
{
    if (frequent->entry_count >= frequent->entries_max ||
        frequent->keys_len + item->key_len > frequent->keys_cap)
        rnl_frequent_purge(frequent);
    size_t slot = rnl_frequent_probe(frequent, hash);
    if (is_last(frequent, slot)) {
        turn_away(frequent, item, hash);
        return;
    }
    frequent->hashes[slot] = hash;
    frequent->entries[slot] =
        (struct rnl_frequent_entry){.count = item->count,
                                    .saved = item->saved,
                                    .key_at = (uint32_t)frequent->keys_len,
                                    .key_len = item->key_len};
    memcpy(frequent->keys + frequent->keys_len, item->key, item->key_len);
    frequent->keys_len += item->key_len;
    frequent->entry_count++;
}

void rnl_frequent_add(struct rnl_frequent *frequent,
                      const struct rnl_frequent_item *item)
{
    uint64_t hash = key_hash(item->hash);
    size_t slot = rnl_frequent_probe(frequent, hash);
    if (frequent->hashes[slot] != hash) {
        insert(frequent, item, hash);
        return;
    }
    frequent->entries[slot].count += item->count;
    frequent->entries[slot].saved += item->saved;
}

enum rnl_code rnl_frequent_merge(struct rnl_frequent *frequent,
                                 const struct rnl_frequent *other)
{
    bool may_purge;
    if (rnl_frequent_reserve(frequent, other->entry_count, other->keys_len,
                             &may_purge) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    frequent->offset += other->offset;
    size_t slots = rnl_frequent_slots(other);
    for (size_t i = 0; i < slots; i++) {
        const struct rnl_frequent_entry *entry = &other->entries[i];
        if (other->hashes[i] == 0)
            continue;
        struct rnl_frequent_item item = {.hash = other->hashes[i],
                                         .count = entry->count,
                                         .saved = entry->saved,
                                         .key = rnl_frequent_key(other, entry),
                                         .key_len = entry->key_len};
        rnl_frequent_add(frequent, &item);
    }
    return RNL_OK;
}
