/* SPDX-License-Identifier: Apache-2.0 */
/* Making room in a full table, and making a table small for good. */
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "frequent_private.h"

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

/* Moves the ranks that outrank pivot to the front; returns their number. */
static size_t part(struct rank *ranks, size_t count, struct rank pivot)
{
    size_t front = 0;
    for (size_t i = 0; i < count; i++) {
        struct rank rank = ranks[i];
        ranks[i] = ranks[front];
        ranks[front] = rank;
        front += outranks(&rank, &pivot);
    }
    return front;
}

/* The n-th rank, from 0 (Hoare's quickselect). Hashes are random, so that the
 * middle one is as good a pivot as any. */
static struct rank nth(struct rank *ranks, size_t count, size_t n)
{
    while (count > 1) {
        struct rank pivot = ranks[count / 2];
        size_t before = part(ranks, count, pivot);
        if (n < before) {
            count = before;
            continue;
        }
        if (n == before)
            return pivot;
        /* Leaves the pivot out of the rest. */
        ranks += before;
        count -= before;
        n -= before;
        for (size_t i = 0; i < count; i++) {
            if (ranks[i].hash == pivot.hash) {
                ranks[i] = ranks[0];
                break;
            }
        }
        ranks++;
        count--;
        n--;
    }
    return ranks[0];
}

static struct rank *all_ranks(const struct rnl_frequent *frequent)
{
    struct rank *ranks = rnl_malloc(frequent->entry_count * sizeof(*ranks));
    if (ranks == NULL)
        return NULL;
    size_t count = 0;
    size_t slots = rnl_frequent_slots(frequent);
    for (size_t i = 0; i < slots; i++) {
        if (frequent->hashes[i] == 0)
            continue;
        ranks[count].counter = rnl_frequent_counter(&frequent->entries[i]);
        ranks[count++].hash = frequent->hashes[i];
    }
    return ranks;
}

/* The first rank that goes: all before it are kept. If none goes, one that
 * comes after all: no hash is 0, see key_hash. */
static enum rnl_code find_first_out(const struct rnl_frequent *frequent,
                                    size_t entries, struct rank *ret_out)
{
    ret_out->counter = 0;
    ret_out->hash = 0;
    if (frequent->entry_count <= entries)
        return RNL_OK;
    struct rank *ranks = all_ranks(frequent);
    if (ranks == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    *ret_out = nth(ranks, frequent->entry_count, entries);
    rnl_free(ranks);
    return RNL_OK;
}

static bool is_kept(const struct rnl_frequent *frequent, size_t slot,
                    const struct rank *out)
{
    const struct rank rank = {rnl_frequent_counter(&frequent->entries[slot]),
                              frequent->hashes[slot]};
    return out->hash == 0 || outranks(&rank, out);
}

static size_t kept_bytes(const struct rnl_frequent *frequent,
                         const struct rank *out)
{
    size_t bytes = 0;
    size_t slots = rnl_frequent_slots(frequent);
    for (size_t i = 0; i < slots; i++) {
        if (frequent->hashes[i] != 0 && is_kept(frequent, i, out))
            bytes += frequent->entries[i].key_len;
    }
    return bytes;
}

/* What is kept goes into less, the rest out. */
static void move_kept(struct rnl_frequent *frequent, const struct rank *out,
                      struct rnl_frequent *less)
{
    struct rnl_frequent_spill spill = {.frequent = frequent};
    size_t slots = rnl_frequent_slots(frequent);
    less->offset = frequent->offset + out->counter;
    for (size_t i = 0; i < slots; i++) {
        const struct rnl_frequent_entry *entry = &frequent->entries[i];
        if (frequent->hashes[i] == 0)
            continue;
        if (!is_kept(frequent, i, out)) {
            rnl_frequent_spill_put(&spill, frequent->hashes[i], entry->count);
            continue;
        }
        struct rnl_frequent_item item = {.hash = frequent->hashes[i],
                                         .count = entry->count,
                                         .saved = entry->saved + out->counter,
                                         .key =
                                             rnl_frequent_key(frequent, entry),
                                         .key_len = entry->key_len};
        rnl_frequent_add(less, &item);
    }
    rnl_frequent_spill_flush(&spill);
}

enum rnl_code rnl_frequent_trim(struct rnl_frequent *frequent, size_t entries)
{
    struct rank out;
    struct rnl_frequent less;
    rnl_frequent_init(&less, entries);
    less.trimmed = true;
    less.spill = frequent->spill;
    less.spill_arg = frequent->spill_arg;
    if (find_first_out(frequent, entries, &out) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    size_t kept =
        frequent->entry_count < entries ? frequent->entry_count : entries;
    bool may_purge;
    if (kept > 0 &&
        rnl_frequent_reserve(&less, kept, kept_bytes(frequent, &out),
                             &may_purge) != RNL_OK) {
        rnl_frequent_fini(&less);
        return RNL_RESOURCE_EXHAUSTED;
    }
    move_kept(frequent, &out, &less);
    rnl_frequent_fini(frequent);
    *frequent = less;
    return RNL_OK;
}
