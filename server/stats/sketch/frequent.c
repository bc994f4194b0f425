/* SPDX-License-Identifier: Apache-2.0 */
#include "frequent.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"

/* Slots after the last home slot. At the load below, a run of 63 slots that
 * reaches the end has a chance of about 1 in 10^5 in a table of any size; a key
 * that would go further is handed out at once, which is correct, only less
 * exact. */
#define SLOTS_BEYOND 64

#define SLOTS_MIN 16

/* At most 5 of 8 slots are taken: 4 probes for a new key on average. */
#define LOAD_NUM 5
#define LOAD_DEN 8

/* Counters that are looked at to find their median: its rank is then within
 * 50 +- 9 % (3 sigma) of the table. */
#define SAMPLES 255

#define SPILL_CHUNK 64

static size_t load_max(size_t slot_count)
{
    return slot_count / LOAD_DEN * LOAD_NUM;
}

static size_t slots_for(size_t entries)
{
    size_t slots = SLOTS_MIN;
    while (load_max(slots) < entries)
        slots *= 2;
    return slots;
}

static uint64_t key_hash(uint64_t hash)
{
    return hash != 0 ? hash : 1;
}

static uint32_t shift_for(size_t slot_count)
{
    return (uint32_t)__builtin_clzll(slot_count) + 1;
}

void rnl_frequent_init(struct rnl_frequent *frequent, size_t entries_max)
{
    memset(frequent, 0, sizeof(*frequent));
    frequent->entries_max = entries_max;
}

void rnl_frequent_fini(struct rnl_frequent *frequent)
{
    rnl_free(frequent->slots);
    rnl_free(frequent->keys);
    rnl_free(frequent->spare);
    frequent->slots = NULL;
    frequent->keys = NULL;
    frequent->spare = NULL;
}

void rnl_frequent_reset(struct rnl_frequent *frequent)
{
    if (frequent->slots != NULL)
        memset(frequent->slots, 0,
               rnl_frequent_slots(frequent) * sizeof(*frequent->slots));
    frequent->entry_count = 0;
    frequent->keys_len = 0;
    frequent->offset = 0;
}

size_t rnl_frequent_size(const struct rnl_frequent *frequent)
{
    return rnl_frequent_slots(frequent) * sizeof(*frequent->slots) +
           frequent->keys_cap + frequent->spare_cap;
}

/* The slot of a hash, or the free slot where it would go. */
static struct rnl_frequent_entry *probe(struct rnl_frequent_entry *slots,
                                        uint32_t shift, uint64_t hash)
{
    struct rnl_frequent_entry *slot = slots + (hash >> shift);
    while (slot->hash != hash && slot->hash != 0)
        slot++;
    return slot;
}

const struct rnl_frequent_entry *rnl_frequent_find(
    const struct rnl_frequent *frequent, uint64_t hash)
{
    if (frequent->slots == NULL)
        return NULL;
    hash = key_hash(hash);
    const struct rnl_frequent_entry *slot =
        probe(frequent->slots, frequent->shift, hash);
    return slot->hash == hash ? slot : NULL;
}

static bool is_last(const struct rnl_frequent *frequent,
                    const struct rnl_frequent_entry *slot)
{
    return slot == frequent->slots + rnl_frequent_slots(frequent) - 1;
}

/* ---- what falls out ---- */

struct spill {
    const struct rnl_frequent *frequent;
    struct rnl_count_min_item items[SPILL_CHUNK];
    size_t count;
};

static void spill_flush(struct spill *spill)
{
    if (spill->frequent->spill != NULL && spill->count > 0)
        spill->frequent->spill(spill->frequent->spill_arg, spill->items,
                               spill->count);
    spill->count = 0;
}

static void spill_put(struct spill *spill, uint64_t hash, uint64_t count)
{
    if (spill->count == SPILL_CHUNK)
        spill_flush(spill);
    spill->items[spill->count].hash = hash;
    spill->items[spill->count].weight = count;
    spill->count++;
}

/* ---- purge ---- */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The median of about SAMPLES counters that lie evenly in the table: hashes
 * make their places random. */
static uint64_t sampled_median(const struct rnl_frequent *frequent)
{
    uint64_t samples[SAMPLES];
    size_t count = 0;
    size_t slots = rnl_frequent_slots(frequent);
    size_t step = slots / (SAMPLES * LOAD_DEN / LOAD_NUM) + 1;
    for (size_t i = 0; i < slots && count < SAMPLES; i += step) {
        const struct rnl_frequent_entry *slot = frequent->slots + i;
        if (slot->hash != 0)
            samples[count++] = slot->count - slot->saved;
    }
    if (count == 0)
        return 1;
    qsort(samples, count, sizeof(*samples), by_value);
    return samples[count / 2];
}

/* Puts a survivor where it belongs now. All slots from its home to where it was
 * hold survivors or are free already, so that the probe ends there at last. */
static void settle(struct rnl_frequent *frequent,
                   const struct rnl_frequent_entry *entry)
{
    *probe(frequent->slots, frequent->shift, entry->hash) = *entry;
}

static void pack_key(struct rnl_frequent *frequent,
                     struct rnl_frequent_entry *entry, size_t *used)
{
    memcpy(frequent->spare + *used, frequent->keys + entry->key_at,
           entry->key_len);
    entry->key_at = (uint32_t)*used;
    *used += entry->key_len;
}

static void swap_keys(struct rnl_frequent *frequent, size_t used)
{
    uint8_t *keys = frequent->keys;
    size_t cap = frequent->keys_cap;
    frequent->keys = frequent->spare;
    frequent->keys_cap = frequent->spare_cap;
    frequent->keys_len = used;
    frequent->spare = keys;
    frequent->spare_cap = cap;
}

/* Takes the median from every counter. In one pass from the first slot to the
 * last: each entry goes out, or moves to the first free slot from its home on.
 * Of those whose counter equals the median only so many go that half the table
 * is left: a stream of keys that all occur once would lose all names else. */
static void purge(struct rnl_frequent *frequent)
{
    uint64_t cut = sampled_median(frequent);
    size_t goal = frequent->entry_count / 2;
    size_t gone = 0;
    size_t used = 0;
    struct spill spill = {.frequent = frequent};
    size_t slots = rnl_frequent_slots(frequent);
    for (size_t i = 0; i < slots; i++) {
        struct rnl_frequent_entry entry = frequent->slots[i];
        if (entry.hash == 0)
            continue;
        frequent->slots[i].hash = 0;
        uint64_t counter = entry.count - entry.saved;
        if (counter < cut || (counter == cut && gone < goal)) {
            spill_put(&spill, entry.hash, entry.count);
            gone++;
            continue;
        }
        entry.saved += cut;
        pack_key(frequent, &entry, &used);
        settle(frequent, &entry);
    }
    spill_flush(&spill);
    swap_keys(frequent, used);
    frequent->offset += cut;
    frequent->entry_count -= gone;
}

/* ---- room ---- */

static enum rnl_code grow_slots(struct rnl_frequent *frequent, size_t entries)
{
    size_t want = slots_for(
        entries < frequent->entries_max ? entries : frequent->entries_max);
    if (frequent->slots != NULL && want <= frequent->slot_count)
        return RNL_OK;
    struct rnl_frequent_entry *slots =
        rnl_calloc(want + SLOTS_BEYOND, sizeof(*slots));
    if (slots == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    uint32_t shift = shift_for(want);
    struct rnl_frequent_entry *last = slots + want + SLOTS_BEYOND - 1;
    size_t old = rnl_frequent_slots(frequent);
    for (size_t i = 0; i < old; i++) {
        const struct rnl_frequent_entry *entry = frequent->slots + i;
        if (entry->hash == 0)
            continue;
        struct rnl_frequent_entry *slot = probe(slots, shift, entry->hash);
        if (slot == last) {
            rnl_free(slots);
            return RNL_RESOURCE_EXHAUSTED;
        }
        *slot = *entry;
    }
    rnl_free(frequent->slots);
    frequent->slots = slots;
    frequent->slot_count = want;
    frequent->shift = shift;
    return RNL_OK;
}

static enum rnl_code grow_bytes(uint8_t **bytes, size_t *cap, size_t need)
{
    if (need <= *cap)
        return RNL_OK;
    size_t more = need + need / 2 + 64;
    uint8_t *grown = rnl_realloc(*bytes, more);
    if (grown == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    *bytes = grown;
    *cap = more;
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
        grow_bytes(&frequent->keys, &frequent->keys_cap, need) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    if (may_purge && match_spare(frequent) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    *ret_may_purge = may_purge;
    return RNL_OK;
}

/* ---- add ---- */

static void insert(struct rnl_frequent *frequent,
                   const struct rnl_frequent_item *item, uint64_t hash)
{
    if (frequent->entry_count >= frequent->entries_max ||
        frequent->keys_len + item->key_len > frequent->keys_cap)
        purge(frequent);
    struct rnl_frequent_entry *slot =
        probe(frequent->slots, frequent->shift, hash);
    if (is_last(frequent, slot)) {
        struct spill spill = {.frequent = frequent};
        spill_put(&spill, hash, item->count);
        spill_flush(&spill);
        frequent->offset += item->count - item->saved;
        return;
    }
    slot->hash = hash;
    slot->count = item->count;
    slot->saved = item->saved;
    slot->key_at = (uint32_t)frequent->keys_len;
    slot->key_len = item->key_len;
    memcpy(frequent->keys + frequent->keys_len, item->key, item->key_len);
    frequent->keys_len += item->key_len;
    frequent->entry_count++;
}

void rnl_frequent_add(struct rnl_frequent *frequent,
                      const struct rnl_frequent_item *item)
{
    uint64_t hash = key_hash(item->hash);
    struct rnl_frequent_entry *slot =
        probe(frequent->slots, frequent->shift, hash);
    if (slot->hash != hash) {
        insert(frequent, item, hash);
        return;
    }
    slot->count += item->count;
    slot->saved += item->saved;
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
        const struct rnl_frequent_entry *entry = other->slots + i;
        if (entry->hash == 0)
            continue;
        struct rnl_frequent_item item = {.hash = entry->hash,
                                         .count = entry->count,
                                         .saved = entry->saved,
                                         .key = rnl_frequent_key(other, entry),
                                         .key_len = entry->key_len};
        rnl_frequent_add(frequent, &item);
    }
    return RNL_OK;
}

/* ---- trim ---- */

struct rank {
    uint64_t counter;
    uint64_t hash;
};

/* The higher counter first, then the lower hash. */
static bool outranks(const struct rank *a, const struct rank *b)
{
    if (a->counter != b->counter)
        return a->counter > b->counter;
    return a->hash < b->hash;
}

static int by_rank(const void *a, const void *b)
{
    return outranks(a, b) ? -1 : outranks(b, a);
}

static struct rank *ranked(const struct rnl_frequent *frequent)
{
    struct rank *ranks = rnl_malloc(frequent->entry_count * sizeof(*ranks));
    if (ranks == NULL)
        return NULL;
    size_t count = 0;
    size_t slots = rnl_frequent_slots(frequent);
    for (size_t i = 0; i < slots; i++) {
        const struct rnl_frequent_entry *entry = frequent->slots + i;
        if (entry->hash != 0) {
            ranks[count].counter = entry->count - entry->saved;
            ranks[count++].hash = entry->hash;
        }
    }
    qsort(ranks, count, sizeof(*ranks), by_rank);
    return ranks;
}

/* Bytes of the keys that are kept. */
static size_t kept_bytes(const struct rnl_frequent *frequent,
                         const struct rank *last)
{
    size_t bytes = 0;
    size_t slots = rnl_frequent_slots(frequent);
    for (size_t i = 0; i < slots; i++) {
        const struct rnl_frequent_entry *entry = frequent->slots + i;
        struct rank rank = {entry->count - entry->saved, entry->hash};
        if (entry->hash != 0 && !outranks(last, &rank))
            bytes += entry->key_len;
    }
    return bytes;
}

/* Moves what is not outranked by last into less, the rest out. */
static void move_kept(struct rnl_frequent *frequent, struct rnl_frequent *less,
                      const struct rank *last, uint64_t cut)
{
    struct spill spill = {.frequent = frequent};
    size_t slots = rnl_frequent_slots(frequent);
    less->offset = frequent->offset + cut;
    for (size_t i = 0; i < slots; i++) {
        const struct rnl_frequent_entry *entry = frequent->slots + i;
        if (entry->hash == 0)
            continue;
        struct rank rank = {entry->count - entry->saved, entry->hash};
        if (outranks(last, &rank)) {
            spill_put(&spill, entry->hash, entry->count);
            continue;
        }
        struct rnl_frequent_item item = {.hash = entry->hash,
                                         .count = entry->count,
                                         .saved = entry->saved + cut,
                                         .key =
                                             rnl_frequent_key(frequent, entry),
                                         .key_len = entry->key_len};
        rnl_frequent_add(less, &item);
    }
    spill_flush(&spill);
}

enum rnl_code rnl_frequent_trim(struct rnl_frequent *frequent, size_t entries)
{
    if (frequent->entry_count == 0) {
        frequent->entries_max = entries;
        return RNL_OK;
    }
    struct rank *ranks = ranked(frequent);
    if (ranks == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    bool cuts = frequent->entry_count > entries;
    size_t kept = cuts ? entries : frequent->entry_count;
    struct rank last = ranks[kept - 1];
    /* The counter of the first that goes: what stays has at least as much. */
    uint64_t cut = cuts ? ranks[kept].counter : 0;
    rnl_free(ranks);

    struct rnl_frequent less;
    rnl_frequent_init(&less, entries);
    less.spill = frequent->spill;
    less.spill_arg = frequent->spill_arg;
    bool may_purge;
    if (rnl_frequent_reserve(&less, kept, kept_bytes(frequent, &last),
                             &may_purge) != RNL_OK) {
        rnl_frequent_fini(&less);
        return RNL_RESOURCE_EXHAUSTED;
    }
    move_kept(frequent, &less, &last, cut);
    rnl_frequent_fini(frequent);
    *frequent = less;
    return RNL_OK;
}
