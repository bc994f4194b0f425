/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frequent items: the most frequent keys of a stream with certain bounds, in
 * fixed memory.
 *
 * Idea (Misra and Gries 1982; Anderson et al., "A high-performance algorithm
 * for identifying frequent items in data streams", IMC 2017). A table of at
 * most `entries_max` keys, each with a counter. A key that is there adds its
 * weight; a new one is put in. When the table is full, it is purged: a number
 * d, the median of the counters, is taken from every counter, and keys that
 * fall to 0 go. One purge makes room for half a table, so that it costs a
 * constant per key put in. This is the same summary as Space-Saving (Agarwal et
 * al., "Mergeable summaries", PODS 2012), at a third of the work.
 *
 * Bounds. offset is the sum of all d: no key can have lost more. Instead of
 * lowering counters we keep them and remember how much of offset a key is known
 * not to have lost, `saved` (all d while it was there):
 *
 *     lower = count                       counted since the key was put in
 *     upper = count + offset - saved      could have been lost before that
 *     the counter of Misra and Gries = count - saved, at least 0
 *
 * A key that is not there occurred at most offset times, and offset is at most
 * N / (k + 1) for N events and k = entries_max / 2: each d was taken from more
 * than k counters. A key that has been there since the start is exact. What
 * falls out of the table is handed to a function (a Count-Min sketch takes it),
 * so that count and what was handed out add up to N exactly.
 *
 * Merging adds count, saved and offset: linear, hence the same for any order,
 * as long as the table that takes it all is not purged. rnl_frequent_trim then
 * makes it small, with ties broken by the hash, so that the result is the same
 * again.
 *
 * Layout. Open addressing; a key's first slot is the top bits of its hash, so
 * that the table is in order of hashes but for local disorder: growing, purging
 * and merging stream through memory instead of jumping. Hashes lie apart from
 * the counts, eight to a cache line, and the table is at most 5/16 full: most
 * keys, those that are there and those that are not, are settled by the first
 * slot, without a branch that could be mispredicted (rnl_frequent_bump_batch).
 * Two keys of one 64-bit hash are one key here (a stream of 100 million keys
 * has such a pair with a chance of 1 in 3,700). Keys lie one after the other in
 * a buffer that is packed at a purge.
 *
 * Hash values must be those of one good 64-bit hash with one seed. Nothing here
 * is thread-safe.
 */
#ifndef RNL_SKETCH_FREQUENT_H
#define RNL_SKETCH_FREQUENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

#include "count_min.h"

/* Longest key in bytes. */
#define RNL_FREQUENT_KEY_MAX 256

/* Never purges. */
#define RNL_FREQUENT_UNLIMITED ((size_t)1 << 26)

struct rnl_frequent_entry {
    uint64_t count;
    uint64_t saved;
    /* Position in the table's keys. */
    uint32_t key_at;
    uint32_t key_len;
};

/* Takes what falls out of the table: hash and certain count of each key. */
typedef void rnl_frequent_spill_fn(void *arg,
                                   const struct rnl_count_min_item *items,
                                   size_t count);

struct rnl_frequent {
    /* Hash and entry of each slot; hash 0: it is free. One block of memory. */
    uint64_t *hashes;
    struct rnl_frequent_entry *entries;
    /* Slot of a hash: hash >> shift. slot_count counts from there on; some more
     * slots follow so that no run has to wrap around, the last always free. */
    uint32_t shift;
    size_t slot_count;
    size_t entry_count;
    size_t entries_max;
    /* It is kept small rather than quick. */
    bool trimmed;
    uint64_t offset;
    /* Keys; spare is what they are packed into at a purge. */
    uint8_t *keys;
    uint8_t *spare;
    size_t keys_len;
    size_t keys_cap;
    size_t spare_cap;
    /* May be NULL. */
    rnl_frequent_spill_fn *spill;
    void *spill_arg;
};

/* One key and its weight. */
struct rnl_frequent_item {
    uint64_t hash;
    uint64_t count;
    /* 0 but for entries of another table. */
    uint64_t saved;
    /* 1 to RNL_FREQUENT_KEY_MAX bytes, borrowed. */
    const uint8_t *key;
    uint32_t key_len;
};

/* Empty, without memory. entries_max from 2 to RNL_FREQUENT_UNLIMITED. */
void rnl_frequent_init(struct rnl_frequent *frequent, size_t entries_max);

void rnl_frequent_fini(struct rnl_frequent *frequent);

/* Makes it empty and keeps its memory. */
void rnl_frequent_reset(struct rnl_frequent *frequent);

/* Makes room for that many more keys of that many bytes together: adding them
 * then needs no memory. *ret_may_purge tells whether they could overfill the
 * table, so that spill must be ready. Errors: RNL_RESOURCE_EXHAUSTED; the table
 * is as before. */
RNL_MUST_USE enum rnl_code rnl_frequent_reserve(struct rnl_frequent *frequent,
                                                size_t keys, size_t key_bytes,
                                                bool *ret_may_purge);

/* Adds a key for which there is room (see rnl_frequent_reserve). */
void rnl_frequent_add(struct rnl_frequent *frequent,
                      const struct rnl_frequent_item *item);

/* Adds weight to a key that is there; false: it is not. */
bool rnl_frequent_bump(struct rnl_frequent *frequent, uint64_t hash,
                       uint64_t weight);

/* The same for many keys, none of them 0. Returns the number of those that are
 * not there, and their positions in no particular order; ret_missing has room
 * for all. */
size_t rnl_frequent_bump_batch(struct rnl_frequent *frequent,
                               const uint64_t *hashes, const uint32_t *weights,
                               size_t count, uint32_t *ret_missing);

/* Adds all entries and the offset of other. Errors: RNL_RESOURCE_EXHAUSTED;
 * frequent is as before. */
RNL_MUST_USE enum rnl_code rnl_frequent_merge(struct rnl_frequent *frequent,
                                              const struct rnl_frequent *other);

/* Keeps the `entries` keys with the highest counters (ties: the lower hash) and
 * gives back the memory that it no longer needs: the table is then twice as
 * full as it was meant to be while counting. entries_max becomes that.
 * Errors: RNL_RESOURCE_EXHAUSTED; the table is as before. */
RNL_MUST_USE enum rnl_code rnl_frequent_trim(struct rnl_frequent *frequent,
                                             size_t entries);

/* NULL when it is not there. Valid until the table changes. */
const struct rnl_frequent_entry *rnl_frequent_find(
    const struct rnl_frequent *frequent, uint64_t hash);

/* Number of slots, free ones (hash 0) among them, for walking the table. */
size_t rnl_frequent_slots(const struct rnl_frequent *frequent);

static inline const uint8_t *rnl_frequent_key(
    const struct rnl_frequent *frequent, const struct rnl_frequent_entry *entry)
{
    return frequent->keys + entry->key_at;
}

static inline uint64_t rnl_frequent_upper(
    const struct rnl_frequent *frequent, const struct rnl_frequent_entry *entry)
{
    return entry->count + frequent->offset - entry->saved;
}

/* ---- bytes: "RFRQ", see bytes.h; the format of Apache DataSketches is in
 * frequent_datasketches.h ---- */

/* Exact length of the serialized form. */
size_t rnl_frequent_serialized_len(const struct rnl_frequent *frequent);

/* Writes that many bytes: entries_max, offset and the entries by rising hash,
 * so that equal contents give equal bytes. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_frequent_serialize(
    const struct rnl_frequent *frequent, uint8_t *out);

/* Replaces the content of frequent, which keeps its spill. That hashes are
 * those of the keys is not checked: it would take their seed. Errors:
 * RNL_INVALID_ARGUMENT: not what rnl_frequent_serialize wrote, or damaged;
 * RNL_UNIMPLEMENTED: a later version; RNL_RESOURCE_EXHAUSTED. frequent is then
 * as before. */
RNL_MUST_USE enum rnl_code rnl_frequent_deserialize(
    struct rnl_frequent *frequent, const uint8_t *bytes, size_t len);

/* ---- bytes with the layout: "RFRL" ---- */

/*
 * A purge and a trim take what they find in the order of the slots. So a table
 * that is to go on as if it had never been written is written slot after slot,
 * with the number of slots: what was read behaves like the original to the
 * last bit. Equal contents may give other bytes.
 */

/* Exact length. */
size_t rnl_frequent_layout_len(const struct rnl_frequent *frequent);

/* Writes that many bytes. */
void rnl_frequent_layout_write(const struct rnl_frequent *frequent,
                               uint8_t *out);

/* Replaces the content of an empty table, which keeps its spill; its
 * entries_max is the most that is taken. Errors: as of
 * rnl_frequent_deserialize. */
RNL_MUST_USE enum rnl_code rnl_frequent_layout_read(
    struct rnl_frequent *frequent, const uint8_t *bytes, size_t len);

/* Bytes of memory that it holds. */
size_t rnl_frequent_size(const struct rnl_frequent *frequent);

#endif
