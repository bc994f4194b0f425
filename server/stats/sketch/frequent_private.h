/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the table of frequent keys share. */
#ifndef RNL_SKETCH_FREQUENT_PRIVATE_H
#define RNL_SKETCH_FREQUENT_PRIVATE_H

#include "bytes.h"
#include "frequent.h"

#define RNL_FREQUENT_SPILL_CHUNK 64

/* Keys that fall out, until there are enough to hand them out together. */
struct rnl_frequent_spill {
    const struct rnl_frequent *frequent;
    struct rnl_count_min_item items[RNL_FREQUENT_SPILL_CHUNK];
    size_t count;
};

void rnl_frequent_spill_flush(struct rnl_frequent_spill *spill);

static inline void rnl_frequent_spill_put(struct rnl_frequent_spill *spill,
                                          uint64_t hash, uint64_t count)
{
    if (spill->count == RNL_FREQUENT_SPILL_CHUNK)
        rnl_frequent_spill_flush(spill);
    spill->items[spill->count].hash = hash;
    spill->items[spill->count++].weight = count;
}

/* The slot of a hash, or the free slot where it would go. */
static inline size_t rnl_frequent_probe(const struct rnl_frequent *frequent,
                                        uint64_t hash)
{
    const uint64_t *hashes = frequent->hashes;
    size_t slot = (size_t)(hash >> frequent->shift);
    while (hashes[slot] != hash && hashes[slot] != 0)
        slot++;
    return slot;
}

/* The counter of Misra and Gries. */
static inline uint64_t rnl_frequent_counter(
    const struct rnl_frequent_entry *entry)
{
    return entry->count - entry->saved;
}

/* Slots of a table of that many entries. */
size_t rnl_frequent_slots_for(const struct rnl_frequent *frequent,
                              size_t entries);

/* Makes that many, a power of two and more than there are, and puts all entries
 * into them. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_frequent_set_slots(struct rnl_frequent *frequent,
                                                  size_t slot_count);

/* Takes the median from every counter; see frequent_purge.c. */
void rnl_frequent_purge(struct rnl_frequent *frequent);

/* ---- entries as bytes: frequent_entry.c ---- */

/* Hash, count, saved, length of the key, and a byte of it. */
#define RNL_FREQUENT_ENTRY_LEN_MIN 12

/* Counts add up to less than this, and so do offsets. */
#define RNL_FREQUENT_COUNT_END (UINT64_C(1) << 62)

/* Of all entries together. */
size_t rnl_frequent_entries_len(const struct rnl_frequent *frequent);

/* Writes one; returns where it ends. */
uint8_t *rnl_frequent_put_entry(const struct rnl_frequent *frequent,
                                uint64_t hash,
                                const struct rnl_frequent_entry *entry,
                                uint8_t *at);

/* Reads one of a table with that offset; its key is lent. False: it is cut off,
 * or cannot be. */
bool rnl_frequent_get_entry(struct rnl_wire *content, uint64_t offset,
                            struct rnl_frequent_item *ret_item);

#endif
