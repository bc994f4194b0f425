/* SPDX-License-Identifier: Apache-2.0 */
/* What a digest answers. Frequencies and lists of keys are those of its table:
 * a view's digest has one. */
#include "alloc.h"
#include "digest_private.h"

enum rnl_code rnl_digest_add_table(const struct rnl_digest *digest,
                                   struct rnl_hll *hll)
{
    const struct rnl_frequent *keys = &digest->keys;
    const int profile = hll->profile;
    size_t slots = rnl_frequent_slots(keys);
    for (size_t i = 0; i < slots; i++) {
        const struct rnl_frequent_entry *entry = &keys->entries[i];
        uint64_t hash = keys->hashes[i];
        if (hash == 0)
            continue;
        if (profile != RNL_HASH_NATIVE)
            hash = rnl_hash_profiled((enum rnl_hash_profile)profile,
                                     rnl_frequent_key(keys, entry),
                                     entry->key_len, 0);
        if (rnl_hll_update(hll, hash) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
    }
    return RNL_OK;
}

/* Nothing fell out of the table, and nothing came without names. */
static bool names_every_key(const struct rnl_digest *digest)
{
    return rnl_rest_total(&digest->rest) == 0 && digest->lost_events == 0 &&
           !digest->merged_keys;
}

enum rnl_code rnl_digest_keys(const struct rnl_digest *digest,
                              struct rnl_hll *hll, bool *ret_named)
{
    *ret_named = names_every_key(digest);
    enum rnl_code code = rnl_hll_copy(hll, &digest->fallen);
    if (code == RNL_OK && rnl_digest_counts_fallen(digest))
        code = rnl_digest_add_table(digest, hll);
    return code == RNL_OK ? RNL_OK : RNL_RESOURCE_EXHAUSTED;
}

static void set_exact(uint64_t count, struct rnl_meter_estimate *ret_estimate)
{
    ret_estimate->value = (double)count;
    ret_estimate->lower = ret_estimate->value;
    ret_estimate->upper = ret_estimate->value;
    ret_estimate->confidence = 1;
}

/* The hashes of all keys of the table; NULL when memory is out. */
static uint64_t *table_hashes(const struct rnl_frequent *keys)
{
    size_t slots = rnl_frequent_slots(keys);
    uint64_t *hashes = rnl_malloc((keys->entry_count + 1) * sizeof(*hashes));
    size_t count = 0;
    for (size_t i = 0; hashes != NULL && i < slots; i++) {
        hashes[count] = keys->hashes[i];
        count += keys->hashes[i] != 0;
    }
    return hashes;
}

/* What fell out, and what is still there, unless fallen has all. */
static enum rnl_code estimate_all(const struct rnl_digest *digest,
                                  struct rnl_hll_estimate *ret_estimate)
{
    if (!rnl_digest_counts_fallen(digest)) {
        rnl_hll_estimate(&digest->fallen, ret_estimate);
        return RNL_OK;
    }
    if (digest->logged)
        return rnl_hll_estimate_with(&digest->fallen, digest->log.hashes,
                                     digest->log.count, ret_estimate);
    uint64_t *hashes = table_hashes(&digest->keys);
    if (hashes == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    enum rnl_code code = rnl_hll_estimate_with(
        &digest->fallen, hashes, digest->keys.entry_count, ret_estimate);
    rnl_free(hashes);
    return code;
}

enum rnl_code rnl_digest_unique(const struct rnl_digest *digest,
                                struct rnl_meter_estimate *ret_estimate)
{
    uint64_t distinct = digest->distinct;
    if (names_every_key(digest) && distinct == 0) {
        distinct = digest->keys.entry_count;
        if (digest->logged && rnl_digest_count_log(digest, &distinct) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
    } else if (distinct == 0) {
        struct rnl_hll_estimate estimate;
        if (estimate_all(digest, &estimate) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
        ret_estimate->value = estimate.value;
        ret_estimate->lower = estimate.lower;
        /* Each event of a lost key may be of one more. */
        ret_estimate->upper = estimate.upper + (double)digest->lost_events;
        ret_estimate->confidence = RNL_HLL_CONFIDENCE;
        return RNL_OK;
    }
    set_exact(distinct, ret_estimate);
    return RNL_OK;
}

uint64_t rnl_digest_missed(const struct rnl_digest *digest, uint64_t hash)
{
    struct rnl_rest_estimate rest;
    uint64_t offset = digest->keys.offset;
    rnl_rest_estimate(&digest->rest, hash, &rest);
    if (rest.upper >= offset || digest->lost_offset >= offset - rest.upper)
        return offset;
    return rest.upper + digest->lost_offset;
}

void rnl_digest_frequency(const struct rnl_digest *digest, uint64_t hash,
                          const struct rnl_frequent_entry *entry,
                          struct rnl_meter_frequency *ret_frequency)
{
    uint64_t lower = entry != NULL ? entry->count : 0;
    uint64_t missed_max =
        digest->keys.offset - (entry != NULL ? entry->saved : 0);
    uint64_t missed = missed_max;
    if (missed_max > 0) {
        struct rnl_rest_estimate rest;
        uint64_t most = rnl_digest_missed(digest, hash);
        rnl_rest_estimate(&digest->rest, hash, &rest);
        if (most < missed_max)
            missed_max = most;
        /* What other keys add to a counter on average is no sign of this one:
         * see Deng and Rafiei, "New estimation algorithms for streaming data:
         * count-min can do more", 2007. */
        missed = rest.upper > rest.noise ? rest.upper - rest.noise : 0;
        missed = missed < missed_max ? missed : missed_max;
    }
    ret_frequency->count = lower + missed;
    ret_frequency->lower = lower;
    ret_frequency->upper = lower + missed_max;
    ret_frequency->confidence = 1;
}

size_t rnl_digest_heap_bytes(const struct rnl_digest *digest)
{
    size_t bytes =
        rnl_key_log_size(&digest->log) + rnl_frequent_size(&digest->keys) +
        rnl_rest_bytes(&digest->rest) + rnl_hll_heap_bytes(&digest->fallen);
    for (size_t m = 0; m < RNL_METER_METRICS; m++)
        bytes += rnl_moments_heap_bytes(&digest->metrics[m].moments) +
                 rnl_histogram_heap_bytes(&digest->metrics[m].histogram) +
                 rnl_rough_bytes(digest->metrics[m].rough);
    return bytes;
}
