/* SPDX-License-Identifier: Apache-2.0 */
/* Life and counting; see digest_merge.c, digest_close.c and digest_read.c for
 * the rest. */
#include <string.h>

#include "digest_private.h"
#include "sketch/ultraloglog.h"

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
        rnl_count_min_update_batch(rnl_digest_own_rest(digest), items, now);
        if (rnl_digest_counts_fallen(digest))
            rnl_digest_reserved(
                rnl_hll_update_batch(&digest->fallen, hashes, now));
        items += now;
        count -= now;
    }
}

void rnl_digest_init(struct rnl_digest *digest,
                     const struct rnl_digest_settings *settings)
{
    memset(digest, 0, sizeof(*digest));
    digest->logged = settings->logged;
    digest->closed = settings->closed;
    digest->limits = settings->limits;
    digest->width_log2 = settings->width_log2;
    digest->unsaved = true;
    rnl_frequent_init(&digest->keys, settings->entries_max);
    digest->keys.spill = take_fallen;
    digest->keys.spill_arg = digest;
    /* The configuration was checked. */
    rnl_digest_reserved(
        settings->ultra
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
    rnl_key_log_fini(&digest->log);
    rnl_frequent_fini(&digest->keys);
    rnl_rest_fini(&digest->rest);
    rnl_hll_fini(&digest->fallen);
    for (size_t m = 0; m < RNL_METER_METRICS; m++) {
        rnl_moments_fini(&digest->metrics[m].moments);
        rnl_histogram_fini(&digest->metrics[m].histogram);
        rnl_rough_destroy(digest->metrics[m].rough);
    }
}

/* ---- counting ---- */

enum rnl_code rnl_digest_prepare_fall(struct rnl_digest *digest, size_t keys)
{
    if (rnl_rest_prepare(&digest->rest, digest->width_log2) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    if (!rnl_digest_counts_fallen(digest))
        return RNL_OK;
    return rnl_hll_reserve(&digest->fallen, digest->keys.entry_count + keys);
}

enum rnl_code rnl_digest_reserve_keys(struct rnl_digest *digest, size_t keys,
                                      size_t key_bytes)
{
    bool may_purge;
    if (rnl_frequent_reserve(&digest->keys, keys, key_bytes, &may_purge) !=
        RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    return may_purge || digest->keys.offset > 0
               ? rnl_digest_prepare_fall(digest, keys)
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

/* Keys that are not in a table that is full, or was so before. */
struct rare {
    struct rnl_count_min_item items[CHUNK];
    uint32_t keys[CHUNK];
    size_t count;
};

static void put_key(struct rnl_digest *digest, const struct rnl_key_rows *rows,
                    size_t k, uint64_t weight, uint64_t saved)
{
    const struct rnl_frequent_item item = {.hash = rows->hashes[k],
                                           .count = weight,
                                           .saved = saved,
                                           .key = rows->keys + rows->starts[k],
                                           .key_len = rows->starts[k + 1] -
                                                      rows->starts[k]};
    rnl_frequent_add(&digest->keys, &item);
}

/* Its own Count-Min alone does not bound the keys that are not in the table. */
static bool is_mixed(const struct rnl_digest *digest)
{
    return digest->lost_offset > 0 ||
           rnl_rest_has_others(&digest->rest, digest->width_log2);
}

/* Whatever is not in the table occurred at most `offset` times, and at most
 * `estimate` times. One that is now above offset goes into the table. */
static void admit(struct rnl_digest *digest, const struct rnl_key_rows *rows,
                  const struct rare *rare, size_t i, uint64_t estimate)
{
    const struct rnl_count_min_item *item = &rare->items[i];
    uint64_t offset = digest->keys.offset;
    if (rnl_frequent_bump(&digest->keys, item->hash, item->weight))
        return;
    if (estimate + item->weight <= offset)
        rnl_count_min_update(rnl_digest_own_rest(digest), item->hash,
                             item->weight);
    else
        put_key(digest, rows, rare->keys[i], item->weight,
                estimate < offset ? offset - estimate : 0);
}

static void add_rare(struct rnl_digest *digest, const struct rnl_key_rows *rows,
                     struct rare *rare)
{
    uint64_t estimates[CHUNK];
    uint64_t hashes[CHUNK];
    uint32_t above[CHUNK];
    for (size_t i = 0; i < rare->count; i++)
        hashes[i] = rare->items[i].hash;
    if (rnl_digest_counts_fallen(digest))
        rnl_digest_reserved(
            rnl_hll_update_batch(&digest->fallen, hashes, rare->count));
    bool mixed = is_mixed(digest);
    /* With a limit of 0 all are above it, and all that is known is asked. */
    size_t admitted = rnl_count_min_update_below(
        rnl_digest_own_rest(digest), mixed ? 0 : digest->keys.offset,
        rare->items, rare->count, above, estimates);
    for (size_t i = 0; i < admitted; i++) {
        if (mixed)
            estimates[i] =
                rnl_digest_missed(digest, rare->items[above[i]].hash);
        admit(digest, rows, rare, above[i], estimates[i]);
    }
    rare->count = 0;
}

/* A key that is not in the table. */
static void add_missing(struct rnl_digest *digest,
                        const struct rnl_key_rows *rows, struct rare *rare,
                        size_t k, uint32_t weight)
{
    if (digest->keys.offset == 0) {
        put_key(digest, rows, k, weight, 0);
        return;
    }
    rare->items[rare->count].hash = rows->hashes[k];
    rare->items[rare->count].weight = weight;
    rare->keys[rare->count++] = (uint32_t)k;
    if (rare->count == CHUNK)
        add_rare(digest, rows, rare);
}

/* Few events of a batch with many keys. */
static void add_events(struct rnl_digest *digest,
                       const struct rnl_digest_part *part, struct rare *rare)
{
    const struct rnl_key_rows *rows = &part->rows;
    for (size_t i = 0; i < part->event_count; i++) {
        size_t k = part->key_indexes[i];
        if (!rnl_frequent_bump(&digest->keys, rows->hashes[k], 1))
            add_missing(digest, rows, rare, k, 1);
    }
}

static void add_rows(struct rnl_digest *digest, const struct rnl_key_rows *rows,
                     struct rare *rare)
{
    uint32_t missing[KEYS_CHUNK];
    for (size_t from = 0; from < rows->count; from += KEYS_CHUNK) {
        size_t left = rows->count - from;
        size_t count = rnl_frequent_bump_batch(
            &digest->keys, rows->hashes + from, rows->weights + from,
            left < KEYS_CHUNK ? left : KEYS_CHUNK, missing);
        for (size_t i = 0; i < count; i++) {
            size_t k = from + missing[i];
            if (rows->weights[k] != 0)
                add_missing(digest, rows, rare, k, rows->weights[k]);
        }
    }
}

static void add_to_table(struct rnl_digest *digest,
                         const struct rnl_digest_part *part)
{
    struct rare rare = {.count = 0};
    if (part->key_indexes != NULL)
        add_events(digest, part, &rare);
    else
        add_rows(digest, &part->rows, &rare);
    if (rare.count > 0)
        add_rare(digest, &part->rows, &rare);
}

/* ---- the log ---- */

static void add_to_log(struct rnl_digest *digest,
                       const struct rnl_digest_part *part)
{
    if (part->key_indexes == NULL) {
        rnl_key_log_add(&digest->log, &part->rows);
        return;
    }
    for (size_t i = 0; i < part->event_count; i++)
        rnl_key_log_add_one(&digest->log, &part->rows, part->key_indexes[i], 1);
}

/* A log of all events goes the way of a batch, so that rare keys do not push
 * others out of the table. */
static void pour(struct rnl_digest *digest)
{
    const struct rnl_key_log *log = &digest->log;
    if (log->offset > 0) {
        rnl_key_log_pour(log, &digest->keys);
        return;
    }
    const struct rnl_digest_part part = {.rows = {.hashes = log->hashes,
                                                  .weights = log->counts,
                                                  .keys = log->keys,
                                                  .starts = log->starts,
                                                  .count = log->count}};
    add_to_table(digest, &part);
}

enum rnl_code rnl_digest_end_log(struct rnl_digest *digest)
{
    const struct rnl_key_log *log = &digest->log;
    if (!digest->logged)
        return RNL_OK;
    if (log->count > 0) {
        if (rnl_digest_reserve_keys(digest, log->count,
                                    rnl_key_log_bytes(log)) != RNL_OK ||
            (log->offset > 0 &&
             rnl_digest_prepare_fall(digest, log->count) != RNL_OK))
            return RNL_RESOURCE_EXHAUSTED;
        pour(digest);
    }
    rnl_key_log_fini(&digest->log);
    digest->logged = false;
    digest->unsaved = true;
    return RNL_OK;
}

static bool fits(const struct rnl_digest *digest, uint64_t events, size_t keys,
                 size_t key_bytes)
{
    return events <= UINT32_MAX && digest->count <= UINT32_MAX - events &&
           rnl_key_log_fits(&digest->log, keys, key_bytes);
}

enum rnl_code rnl_digest_make_room(struct rnl_digest *digest, uint64_t events,
                                   size_t keys, size_t key_bytes)
{
    if (digest->logged && !fits(digest, events, keys, key_bytes)) {
        rnl_digest_compact(digest);
        if (!fits(digest, events, keys, key_bytes) &&
            rnl_digest_end_log(digest) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
    }
    return digest->logged
               ? rnl_key_log_reserve(&digest->log, keys, key_bytes, true)
               : rnl_digest_reserve_keys(digest, keys, key_bytes);
}

/* ---- a part ---- */

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
    size_t keys = part->rows.count;
    size_t key_bytes = part->rows.starts[keys];
    if (part->event_count < keys) {
        size_t most = part->event_count * RNL_METER_KEY_BYTES_MAX;
        keys = part->event_count;
        key_bytes = key_bytes < most ? key_bytes : most;
    }
    if (part->unique_hashes != NULL &&
        rnl_hll_reserve(&digest->fallen, keys) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    return rnl_digest_make_room(digest, part->event_count, keys, key_bytes);
}

/* All keys of the part, for a sketch with a hash of its own. */
static void add_unique(struct rnl_digest *digest,
                       const struct rnl_digest_part *part)
{
    bool by_event = part->key_indexes != NULL;
    size_t count = by_event ? part->event_count : part->rows.count;
    for (size_t i = 0; i < count; i++) {
        size_t k = by_event ? part->key_indexes[i] : i;
        if (by_event || part->rows.weights[k] != 0)
            rnl_digest_reserved(
                rnl_hll_update(&digest->fallen, part->unique_hashes[k]));
    }
}

static void add_values(struct rnl_digest *digest,
                       const struct rnl_digest_part *part)
{
    struct rnl_digest_metric *metric = &digest->metrics[RNL_METER_VALUE];
    const struct rnl_spread *spread = &part->spreads[RNL_METER_VALUE];
    rnl_digest_reserved(rnl_moments_update_f64(&metric->moments, part->values,
                                               part->event_count, spread));
    rnl_digest_reserved(rnl_histogram_update_f64(
        &metric->histogram, part->values, part->event_count, spread));
}

static void add_latencies(struct rnl_digest *digest,
                          const struct rnl_digest_part *part)
{
    struct rnl_digest_metric *metric = &digest->metrics[RNL_METER_LATENCY];
    const struct rnl_spread *spread = &part->spreads[RNL_METER_LATENCY];
    rnl_digest_reserved(rnl_moments_update_f32(
        &metric->moments, part->latencies_ms, part->event_count, spread));
    rnl_digest_reserved(rnl_histogram_update_f32(
        &metric->histogram, part->latencies_ms, part->event_count, spread));
}

void rnl_digest_add(struct rnl_digest *digest,
                    const struct rnl_digest_part *part)
{
    digest->unsaved = true;
    digest->distinct = 0;
    digest->count += part->event_count;
    if (digest->logged)
        add_to_log(digest, part);
    else
        add_to_table(digest, part);
    if (part->unique_hashes != NULL)
        add_unique(digest, part);
    if (part->values != NULL)
        add_values(digest, part);
    if (part->latencies_ms != NULL)
        add_latencies(digest, part);
}
