/* SPDX-License-Identifier: Apache-2.0 */
/* The way of most events: weights for keys that are in the table already. */
#include "frequent_private.h"

#define CHUNK 512

bool rnl_frequent_bump(struct rnl_frequent *frequent, uint64_t hash,
                       uint64_t weight)
{
    if (frequent->hashes == NULL)
        return false;
    size_t slot = rnl_frequent_probe(frequent, hash);
    if (frequent->hashes[slot] != hash)
        return false;
    frequent->entries[slot].count += weight;
    return true;
}

/* Keys of a batch, sorted by what their first slot holds: the key itself,
 * nothing, or another key. */
struct sorted {
    uint32_t hit_slots[CHUNK];
    uint32_t hit_weights[CHUNK];
    uint32_t missing[CHUNK];
    uint32_t others[CHUNK];
    size_t hit_count;
    size_t missing_count;
    size_t other_count;
};

/* Some stores and additions a key and no branch: which of the three it is
 * cannot be predicted, and a wrong guess would cost more than all of this. */
static void sort_chunk(const struct rnl_frequent *frequent,
                       const uint64_t *hashes, const uint32_t *weights,
                       size_t count, struct sorted *sorted)
{
    const uint64_t *slots = frequent->hashes;
    uint32_t shift = frequent->shift;
    size_t hits = 0;
    size_t missing = 0;
    size_t others = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = hashes[i];
        uint64_t there = slots[hash >> shift];
        bool hit = there == hash;
        bool miss = there == 0;
        sorted->hit_slots[hits] = (uint32_t)(hash >> shift);
        sorted->hit_weights[hits] = weights[i];
        hits += hit;
        sorted->missing[missing] = (uint32_t)i;
        missing += miss;
        sorted->others[others] = (uint32_t)i;
        others += !(hit | miss);
    }
    sorted->hit_count = hits;
    sorted->missing_count = missing;
    sorted->other_count = others;
}

static void bump_chunk(struct rnl_frequent *frequent, const uint64_t *hashes,
                       const uint32_t *weights, size_t count,
                       struct sorted *sorted)
{
    sort_chunk(frequent, hashes, weights, count, sorted);
    for (size_t i = 0; i < sorted->hit_count; i++)
        frequent->entries[sorted->hit_slots[i]].count += sorted->hit_weights[i];
    for (size_t i = 0; i < sorted->other_count; i++) {
        uint32_t k = sorted->others[i];
        if (!rnl_frequent_bump(frequent, hashes[k], weights[k]))
            sorted->missing[sorted->missing_count++] = k;
    }
}

size_t rnl_frequent_bump_batch(struct rnl_frequent *frequent,
                               const uint64_t *hashes, const uint32_t *weights,
                               size_t count, uint32_t *ret_missing)
{
    struct sorted sorted;
    size_t missing = 0;
    if (frequent->hashes == NULL) {
        for (; missing < count; missing++)
            ret_missing[missing] = (uint32_t)missing;
        return missing;
    }
    for (size_t from = 0; from < count; from += CHUNK) {
        size_t now = count - from < CHUNK ? count - from : CHUNK;
        bump_chunk(frequent, hashes + from, weights + from, now, &sorted);
        for (size_t i = 0; i < sorted.missing_count; i++)
            ret_missing[missing++] = (uint32_t)from + sorted.missing[i];
    }
    return missing;
}
