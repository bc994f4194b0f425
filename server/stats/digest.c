/* SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include <assert.h>
#include <string.h>

#include "sketch/ultraloglog.h"

/* For what cannot fail, since its memory was taken before. */
static void reserved(enum rnl_code code)
{
    assert(code == RNL_OK);
    (void)code;
}

/* ---- life ---- */

/* Items come in chunks; see frequent.c. */
#define CHUNK 64

/* Keys that are looked up at a time. */
#define KEYS_CHUNK 512

enum rnl_hash_profile rnl_digest_profile(enum rnl_key_hash hash)
{
    switch (hash) {
    case RNL_KEY_HASH_REDIS:
        return RNL_HASH_REDIS;
    case RNL_KEY_HASH_DATASKETCHES:
        return RNL_HASH_DATASKETCHES;
    case RNL_KEY_HASH_RUNNEL:
        break;
    }
    return RNL_HASH_NATIVE;
}

/* Its sketch of distinct keys takes those alone that fall out of the table. */
static bool counts_fallen(const struct rnl_digest *digest)
{
    const int profile = digest->fallen.profile;
    return profile == RNL_HASH_NATIVE;
}

static struct rnl_count_min *own_rest(const struct rnl_digest *digest)
{
    return rnl_rest_of(&digest->rest, digest->width_log2);
}

/* Takes what falls out of the table. The memory is there: whoever lets a table
 * overflow has called prepare_fall. */
static void take_fallen(void *arg, const struct rnl_count_min_item *items,
                        size_t count)
{
    struct rnl_digest *digest = arg;
    uint64_t hashes[CHUNK];
    while (count > 0) {
        size_t now = count < CHUNK ? count : CHUNK;
        for (size_t i = 0; i < now; i++)
            hashes[i] = items[i].hash;
        rnl_count_min_update_batch(own_rest(digest), items, now);
        if (counts_fallen(digest))
            reserved(rnl_hll_update_batch(&digest->fallen, hashes, now));
        items += now;
        count -= now;
    }
}

void rnl_digest_init(struct rnl_digest *digest,
                     const struct rnl_digest_settings *settings)
{
    memset(digest, 0, sizeof(*digest));
    digest->width_log2 = settings->width_log2;
    digest->unsaved = true;
    rnl_frequent_init(&digest->keys, settings->entries_max);
    digest->keys.spill = take_fallen;
    digest->keys.spill_arg = digest;
    /* The configuration was checked. */
    reserved(settings->ultra
                 ? rnl_ull_init(&digest->fallen, settings->unique_precision,
                                settings->hash_seed)
                 : rnl_hll_init(&digest->fallen, settings->unique_precision,
                                settings->profile, settings->hash_seed));
    for (size_t m = 0; m < RNL_METER_METRICS; m++) {
        rnl_moments_init(&digest->metrics[m].moments);
        rnl_histogram_init(&digest->metrics[m].histogram);
    }
}

void rnl_digest_fini(struct rnl_digest *digest)
{
    rnl_frequent_fini(&digest->keys);
    rnl_rest_fini(&digest->rest);
    rnl_hll_fini(&digest->fallen);
    for (size_t m = 0; m < RNL_METER_METRICS; m++) {
        rnl_moments_fini(&digest->metrics[m].moments);
        rnl_histogram_fini(&digest->metrics[m].histogram);
    }
}

/* ---- counting ---- */

/* Makes ready for keys that fall out of the table: at most those in it and
 * those to come. */
static enum rnl_code prepare_fall(struct rnl_digest *digest, size_t keys)
{
    if (rnl_rest_prepare(&digest->rest, digest->width_log2) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    if (!counts_fallen(digest))
        return RNL_OK;
    return rnl_hll_reserve(&digest->fallen, digest->keys.entry_count + keys);
}

static enum rnl_code reserve_keys(struct rnl_digest *digest, size_t keys,
                                  size_t key_bytes)
{
    bool may_purge;
    if (rnl_frequent_reserve(&digest->keys, keys, key_bytes, &may_purge) !=
        RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    return may_purge || digest->keys.offset > 0 ? prepare_fall(digest, keys)
                                                : RNL_OK;
}

static enum rnl_code reserve_metric(struct rnl_digest_metric *metric,
                                    size_t count,
                                    const struct rnl_spread *spread)
{
    if (rnl_moments_reserve(&metric->moments, spread) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    return rnl_histogram_reserve(&metric->histogram, count, spread);
}

enum rnl_code rnl_digest_reserve(struct rnl_digest *digest,
                                 const struct rnl_digest_part *part)
{
    if (part->values != NULL &&
        reserve_metric(&digest->metrics[RNL_METER_VALUE], part->event_count,
                       &part->spreads[RNL_METER_VALUE]) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    if (part->latencies_ms != NULL &&
        reserve_metric(&digest->metrics[RNL_METER_LATENCY], part->event_count,
                       &part->spreads[RNL_METER_LATENCY]) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    size_t keys = part->key_count;
    size_t key_bytes = part->key_starts[keys];
    if (part->event_count < keys) {
        size_t most = part->event_count * RNL_METER_KEY_BYTES_MAX;
        keys = part->event_count;
        key_bytes = key_bytes < most ? key_bytes : most;
    }
    if (part->unique_hashes != NULL &&
        rnl_hll_reserve(&digest->fallen, keys) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    return reserve_keys(digest, keys, key_bytes);
}

/* Keys that are not in a table that is full, or was so before. */
struct rare {
    struct rnl_count_min_item items[CHUNK];
    uint32_t keys[CHUNK];
    size_t count;
};

static void put_key(struct rnl_digest *digest,
                    const struct rnl_digest_part *part, size_t k,
                    uint64_t weight, uint64_t saved)
{
    const struct rnl_frequent_item item = {
        .hash = part->hashes[k],
        .count = weight,
        .saved = saved,
        .key = part->keys + part->key_starts[k],
        .key_len = part->key_starts[k + 1] - part->key_starts[k]};
    rnl_frequent_add(&digest->keys, &item);
}

/* Whatever is not in the table occurred at most `offset` times, and at most
 * `estimate` times. One that is now above offset goes into the table. */
static void admit(struct rnl_digest *digest, const struct rnl_digest_part *part,
                  const struct rare *rare, size_t i, uint64_t estimate)
{
    const struct rnl_count_min_item *item = &rare->items[i];
    uint64_t offset = digest->keys.offset;
    if (rnl_frequent_bump(&digest->keys, item->hash, item->weight))
        return;
    if (estimate + item->weight <= offset)
        rnl_count_min_update(own_rest(digest), item->hash, item->weight);
    else
        put_key(digest, part, rare->keys[i], item->weight,
                estimate < offset ? offset - estimate : 0);
}

static void add_rare(struct rnl_digest *digest,
                     const struct rnl_digest_part *part, struct rare *rare)
{
    uint64_t estimates[CHUNK];
    uint64_t hashes[CHUNK];
    uint32_t above[CHUNK];
    for (size_t i = 0; i < rare->count; i++)
        hashes[i] = rare->items[i].hash;
    if (counts_fallen(digest))
        reserved(rnl_hll_update_batch(&digest->fallen, hashes, rare->count));
    size_t admitted =
        rnl_count_min_update_below(own_rest(digest), digest->keys.offset,
                                   rare->items, rare->count, above, estimates);
    for (size_t i = 0; i < admitted; i++)
        admit(digest, part, rare, above[i], estimates[i]);
    rare->count = 0;
}

/* A key that is not in the table. */
static void add_missing(struct rnl_digest *digest,
                        const struct rnl_digest_part *part, struct rare *rare,
                        size_t k, uint32_t weight)
{
    if (digest->keys.offset == 0) {
        put_key(digest, part, k, weight, 0);
        return;
    }
    rare->items[rare->count].hash = part->hashes[k];
    rare->items[rare->count].weight = weight;
    rare->keys[rare->count++] = (uint32_t)k;
    if (rare->count == CHUNK)
        add_rare(digest, part, rare);
}

/* Few events of a batch with many keys. */
static void add_events(struct rnl_digest *digest,
                       const struct rnl_digest_part *part, struct rare *rare)
{
    for (size_t i = 0; i < part->event_count; i++) {
        size_t k = part->key_indexes[i];
        if (!rnl_frequent_bump(&digest->keys, part->hashes[k], 1))
            add_missing(digest, part, rare, k, 1);
    }
}

static void add_keys(struct rnl_digest *digest,
                     const struct rnl_digest_part *part, struct rare *rare)
{
    uint32_t missing[KEYS_CHUNK];
    for (size_t from = 0; from < part->key_count; from += KEYS_CHUNK) {
        size_t left = part->key_count - from;
        size_t count = rnl_frequent_bump_batch(
            &digest->keys, part->hashes + from, part->weights + from,
            left < KEYS_CHUNK ? left : KEYS_CHUNK, missing);
        for (size_t i = 0; i < count; i++) {
            size_t k = from + missing[i];
            if (part->weights[k] != 0)
                add_missing(digest, part, rare, k, part->weights[k]);
        }
    }
}

/* All keys of the part, for a sketch with a hash of its own. */
static void add_unique(struct rnl_digest *digest,
                       const struct rnl_digest_part *part)
{
    bool by_event = part->key_indexes != NULL;
    size_t count = by_event ? part->event_count : part->key_count;
    for (size_t i = 0; i < count; i++) {
        size_t k = by_event ? part->key_indexes[i] : i;
        if (by_event || part->weights[k] != 0)
            reserved(rnl_hll_update(&digest->fallen, part->unique_hashes[k]));
    }
}

static void add_values(struct rnl_digest *digest,
                       const struct rnl_digest_part *part)
{
    struct rnl_digest_metric *metric = &digest->metrics[RNL_METER_VALUE];
    const struct rnl_spread *spread = &part->spreads[RNL_METER_VALUE];
    reserved(rnl_moments_update_f64(&metric->moments, part->values,
                                    part->event_count, spread));
    reserved(rnl_histogram_update_f64(&metric->histogram, part->values,
                                      part->event_count, spread));
}

static void add_latencies(struct rnl_digest *digest,
                          const struct rnl_digest_part *part)
{
    struct rnl_digest_metric *metric = &digest->metrics[RNL_METER_LATENCY];
    const struct rnl_spread *spread = &part->spreads[RNL_METER_LATENCY];
    reserved(rnl_moments_update_f32(&metric->moments, part->latencies_ms,
                                    part->event_count, spread));
    reserved(rnl_histogram_update_f32(&metric->histogram, part->latencies_ms,
                                      part->event_count, spread));
}

void rnl_digest_add(struct rnl_digest *digest,
                    const struct rnl_digest_part *part)
{
    struct rare rare = {.count = 0};
    digest->unsaved = true;
    digest->count += part->event_count;
    if (part->key_indexes != NULL)
        add_events(digest, part, &rare);
    else
        add_keys(digest, part, &rare);
    if (rare.count > 0)
        add_rare(digest, part, &rare);
    if (part->unique_hashes != NULL)
        add_unique(digest, part);
    if (part->values != NULL)
        add_values(digest, part);
    if (part->latencies_ms != NULL)
        add_latencies(digest, part);
}

/* ---- merging ---- */

/* The metrics of a digest as they were. */
struct undo {
    struct rnl_moments moments[RNL_METER_METRICS];
    bool histogram_merged[RNL_METER_METRICS];
};

static void undo_begin(struct undo *undo)
{
    for (size_t m = 0; m < RNL_METER_METRICS; m++) {
        rnl_moments_init(&undo->moments[m]);
        undo->histogram_merged[m] = false;
    }
}

static void undo_end(struct undo *undo)
{
    for (size_t m = 0; m < RNL_METER_METRICS; m++)
        rnl_moments_fini(&undo->moments[m]);
}

static enum rnl_code merge_metrics(struct rnl_digest *target,
                                   const struct rnl_digest *source,
                                   struct undo *undo)
{
    for (size_t m = 0; m < RNL_METER_METRICS; m++) {
        struct rnl_digest_metric *metric = &target->metrics[m];
        const struct rnl_digest_metric *from = &source->metrics[m];
        if (rnl_moments_copy(&undo->moments[m], &metric->moments) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
        if (rnl_histogram_merge(&metric->histogram, &from->histogram) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
        undo->histogram_merged[m] = true;
        if (rnl_moments_merge(&metric->moments, &from->moments) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
    }
    return RNL_OK;
}

static void undo_metrics(struct rnl_digest *target,
                         const struct rnl_digest *source, struct undo *undo)
{
    for (size_t m = 0; m < RNL_METER_METRICS; m++) {
        struct rnl_digest_metric *metric = &target->metrics[m];
        if (!undo->histogram_merged[m])
            continue;
        /* It was added just now. */
        reserved(rnl_histogram_subtract(&metric->histogram,
                                        &source->metrics[m].histogram));
        struct rnl_moments now = metric->moments;
        metric->moments = undo->moments[m];
        undo->moments[m] = now;
    }
}

static bool reserve_merge(struct rnl_digest *target,
                          const struct rnl_digest *source)
{
    return reserve_keys(target, source->keys.entry_count,
                        source->keys.keys_len) == RNL_OK &&
           rnl_rest_reserve(&target->rest, &source->rest) == RNL_OK &&
           (source->keys.offset == 0 ||
            prepare_fall(target, source->keys.entry_count +
                                     source->fallen.count) == RNL_OK);
}

enum rnl_code rnl_digest_merge(struct rnl_digest *target,
                               const struct rnl_digest *source)
{
    struct undo undo;
    if (!reserve_merge(target, source))
        return RNL_RESOURCE_EXHAUSTED;
    undo_begin(&undo);
    if (merge_metrics(target, source, &undo) != RNL_OK ||
        rnl_hll_merge(&target->fallen, &source->fallen) != RNL_OK) {
        undo_metrics(target, source, &undo);
        undo_end(&undo);
        return RNL_RESOURCE_EXHAUSTED;
    }
    undo_end(&undo);
    target->unsaved = true;
    target->count += source->count;
    target->anomaly_count += source->anomaly_count;
    rnl_rest_merge(&target->rest, &source->rest);
    reserved(rnl_frequent_merge(&target->keys, &source->keys));
    return RNL_OK;
}

void rnl_digest_trim(struct rnl_digest *digest, size_t entries)
{
    if (digest->keys.entry_count > entries && prepare_fall(digest, 0) != RNL_OK)
        return;
    digest->unsaved = true;
    enum rnl_code code = rnl_frequent_trim(&digest->keys, entries);
    (void)code; /* stays as large as it is */
    rnl_hll_trim(&digest->fallen);
}

void rnl_digest_fold(struct rnl_digest *digest, uint32_t width_log2)
{
    if (digest->width_log2 <= width_log2)
        return;
    digest->unsaved = true;
    digest->width_log2 = width_log2;
    rnl_rest_fold(&digest->rest, width_log2);
}

/* ---- answers ---- */

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

enum rnl_code rnl_digest_keys(const struct rnl_digest *digest,
                              struct rnl_hll *hll, bool *ret_named)
{
    *ret_named = rnl_rest_total(&digest->rest) == 0;
    enum rnl_code code = rnl_hll_copy(hll, &digest->fallen);
    if (code == RNL_OK && counts_fallen(digest))
        code = rnl_digest_add_table(digest, hll);
    return code == RNL_OK ? RNL_OK : RNL_RESOURCE_EXHAUSTED;
}

/* Nothing fell out of the table: it knows every key. */
static void exact_unique(const struct rnl_digest *digest,
                         struct rnl_meter_estimate *ret_estimate)
{
    ret_estimate->value = (double)digest->keys.entry_count;
    ret_estimate->lower = ret_estimate->value;
    ret_estimate->upper = ret_estimate->value;
    ret_estimate->confidence = 1;
}

enum rnl_code rnl_digest_unique(const struct rnl_digest *digest,
                                struct rnl_meter_estimate *ret_estimate)
{
    if (rnl_rest_total(&digest->rest) == 0) {
        exact_unique(digest, ret_estimate);
        return RNL_OK;
    }
    struct rnl_hll all = {0};
    struct rnl_hll_estimate estimate;
    bool named;
    enum rnl_code code = rnl_digest_keys(digest, &all, &named);
    if (code == RNL_OK) {
        rnl_hll_estimate(&all, &estimate);
        ret_estimate->value = estimate.value;
        ret_estimate->lower = estimate.lower;
        ret_estimate->upper = estimate.upper;
        ret_estimate->confidence = RNL_HLL_CONFIDENCE;
    }
    rnl_hll_fini(&all);
    return code;
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
        rnl_rest_estimate(&digest->rest, hash, &rest);
        if (rest.upper < missed_max)
            missed_max = rest.upper;
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
    size_t bytes = rnl_frequent_size(&digest->keys) +
                   rnl_rest_bytes(&digest->rest) +
                   rnl_hll_heap_bytes(&digest->fallen);
    for (size_t m = 0; m < RNL_METER_METRICS; m++)
        bytes += rnl_moments_heap_bytes(&digest->metrics[m].moments) +
                 rnl_histogram_heap_bytes(&digest->metrics[m].histogram);
    return bytes;
}
