/* SPDX-License-Identifier: Apache-2.0 */
/* Making room in a full table, and making a table small for good. */
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "frequent_private.h"
#include "rank.h"

/* Counters that are looked at to find their median: its rank is then within
 * 50 +- 9 % (3 sigma) of the table. */
#define SAMPLES 255

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
    size_t step = frequent->entry_count / SAMPLES + 1;
    size_t seen = 0;
    for (size_t i = 0; i < slots && count < SAMPLES; i++) {
        if (frequent->hashes[i] != 0 && seen++ % step == 0)
            samples[count++] = rnl_frequent_counter(&frequent->entries[i]);
    }
    if (count == 0)
        return 1;
    qsort(samples, count, sizeof(*samples), by_value);
    return samples[count / 2];
}

/* Puts a survivor where it belongs now. All slots from its home to where it was
 * hold survivors or are free already, so that the probe ends there at last. */
static void settle(struct rnl_frequent *frequent, uint64_t hash,
                   const struct rnl_frequent_entry *entry)
{
    size_t slot = rnl_frequent_probe(frequent, hash);
    frequent->hashes[slot] = hash;
    frequent->entries[slot] = *entry;
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

/* In one pass from the first slot to the last: each entry goes out, or moves to
 * the first free slot from its home on. Of those whose counter equals the
 * median only so many go that half the table is left: a stream of keys that all
 * occur once would lose all names else. */
void rnl_frequent_purge(struct rnl_frequent *frequent)
{
    uint64_t cut = sampled_median(frequent);
    size_t goal = frequent->entry_count / 2;
    size_t gone = 0;
    size_t used = 0;
    struct rnl_frequent_spill spill = {.frequent = frequent};
    size_t slots = rnl_frequent_slots(frequent);
    for (size_t i = 0; i < slots; i++) {
        uint64_t hash = frequent->hashes[i];
        if (hash == 0)
            continue;
        struct rnl_frequent_entry entry = frequent->entries[i];
        uint64_t counter = rnl_frequent_counter(&entry);
        frequent->hashes[i] = 0;
        if (counter < cut || (counter == cut && gone < goal)) {
            rnl_frequent_spill_put(&spill, hash, entry.count);
            gone++;
            continue;
        }
        entry.saved += cut;
        pack_key(frequent, &entry, &used);
        settle(frequent, hash, &entry);
    }
    rnl_frequent_spill_flush(&spill);
    swap_keys(frequent, used);
    frequent->offset += cut;
    frequent->entry_count -= gone;
}

/* ---- trim ---- */

/* Slots of a table, those of the keys that stay before the others. */
struct choice {
    uint32_t *slots;
    size_t kept;
    size_t count;
    /* Length of the kept keys together. */
    size_t key_bytes;
    /* The counter of the first that goes. */
    uint64_t cut;
};

static void all_ranks(const struct rnl_frequent *frequent,
                      struct rnl_rank *ranks)
{
    size_t slots = rnl_frequent_slots(frequent);
    size_t count = 0;
    for (size_t i = 0; i < slots && count < frequent->entry_count; i++) {
        ranks[count].counter = rnl_frequent_counter(&frequent->entries[i]);
        ranks[count].hash = frequent->hashes[i];
        count += frequent->hashes[i] != 0;
    }
}

/* The first rank that goes: all before it are kept. */
static enum rnl_code find_first_out(const struct rnl_frequent *frequent,
                                    size_t entries, struct rnl_rank *ret_out)
{
    size_t count = frequent->entry_count;
    struct rnl_rank *ranks = rnl_malloc(count * sizeof(*ranks));
    if (ranks == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    all_ranks(frequent, ranks);
    *ret_out = rnl_rank_nth(ranks, count, entries, ranks);
    rnl_free(ranks);
    return RNL_OK;
}

/* out: NULL: none goes. Without a branch for each: whether a key is kept cannot
 * be predicted. */
static void sort_slots(const struct rnl_frequent *frequent,
                       const struct rnl_rank *out, struct choice *choice)
{
    size_t slots = rnl_frequent_slots(frequent);
    size_t last = choice->count;
    for (size_t i = 0; i < slots; i++) {
        if (frequent->hashes[i] == 0)
            continue;
        const struct rnl_frequent_entry *entry = &frequent->entries[i];
        const struct rnl_rank rank = {rnl_frequent_counter(entry),
                                      frequent->hashes[i]};
        bool kept = out == NULL || rnl_rank_before(&rank, out);
        choice->slots[kept ? choice->kept : --last] = (uint32_t)i;
        choice->kept += kept;
        choice->key_bytes += kept ? entry->key_len : 0;
    }
}

static enum rnl_code choose(const struct rnl_frequent *frequent, size_t entries,
                            struct choice *ret_choice)
{
    struct rnl_rank out = {0, 0};
    size_t count = frequent->entry_count;
    bool all = count <= entries;
    if (!all && find_first_out(frequent, entries, &out) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    *ret_choice = (struct choice){.count = count, .cut = out.counter};
    ret_choice->slots = rnl_malloc((count + 1) * sizeof(uint32_t));
    if (ret_choice->slots == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    sort_slots(frequent, all ? NULL : &out, ret_choice);
    return RNL_OK;
}

/* What is kept goes into less, the rest out. */
static void move_kept(const struct rnl_frequent *frequent,
                      const struct choice *choice, struct rnl_frequent *less)
{
    struct rnl_frequent_spill spill = {.frequent = frequent};
    less->offset = frequent->offset + choice->cut;
    for (size_t i = 0; i < choice->kept; i++) {
        uint32_t slot = choice->slots[i];
        const struct rnl_frequent_entry *entry = &frequent->entries[slot];
        struct rnl_frequent_item item = {.hash = frequent->hashes[slot],
                                         .count = entry->count,
                                         .saved = entry->saved + choice->cut,
                                         .key =
                                             rnl_frequent_key(frequent, entry),
                                         .key_len = entry->key_len};
        rnl_frequent_add(less, &item);
    }
    for (size_t i = choice->kept; i < choice->count; i++) {
        uint32_t slot = choice->slots[i];
        rnl_frequent_spill_put(&spill, frequent->hashes[slot],
                               frequent->entries[slot].count);
    }
    rnl_frequent_spill_flush(&spill);
}

enum rnl_code rnl_frequent_trim(struct rnl_frequent *frequent, size_t entries)
{
    struct choice choice;
    struct rnl_frequent less;
    if (choose(frequent, entries, &choice) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    rnl_frequent_init(&less, entries);
    less.trimmed = true;
    less.spill = frequent->spill;
    less.spill_arg = frequent->spill_arg;
    bool may_purge;
    if (choice.kept > 0 &&
        rnl_frequent_reserve(&less, choice.kept, choice.key_bytes,
                             &may_purge) != RNL_OK) {
        rnl_frequent_fini(&less);
        rnl_free(choice.slots);
        return RNL_RESOURCE_EXHAUSTED;
    }
    move_kept(frequent, &choice, &less);
    rnl_free(choice.slots);
    rnl_frequent_fini(frequent);
    *frequent = less;
    return RNL_OK;
}
