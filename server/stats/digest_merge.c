/* SPDX-License-Identifier: Apache-2.0 */
/* Digests added up. */
#include "digest_private.h"

/* The metrics of a digest as they were. */
struct undo {
    struct rnl_moments moments[RNL_METER_METRICS];
    /* What they are to have when all is well. */
    struct rnl_rough *rough[RNL_METER_METRICS];
    bool histogram_merged[RNL_METER_METRICS];
};

static void undo_begin(struct undo *undo)
{
    for (size_t m = 0; m < RNL_METER_METRICS; m++) {
        rnl_moments_init(&undo->moments[m]);
        undo->rough[m] = NULL;
        undo->histogram_merged[m] = false;
    }
}

static void undo_end(struct undo *undo)
{
    for (size_t m = 0; m < RNL_METER_METRICS; m++) {
        rnl_moments_fini(&undo->moments[m]);
        rnl_rough_destroy(undo->rough[m]);
    }
}

static enum rnl_code merge_metrics(struct rnl_digest *target,
                                   const struct rnl_digest *source,
                                   struct undo *undo)
{
    for (size_t m = 0; m < RNL_METER_METRICS; m++) {
        struct rnl_digest_metric *metric = &target->metrics[m];
        const struct rnl_digest_metric *from = &source->metrics[m];
        if (from->rough != NULL && rnl_rough_unite(metric->rough, from->rough,
                                                   &undo->rough[m]) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
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
        rnl_digest_reserved(rnl_histogram_subtract(
            &metric->histogram, &source->metrics[m].histogram));
        struct rnl_moments now = metric->moments;
        metric->moments = undo->moments[m];
        undo->moments[m] = now;
    }
}

/* What was prepared beside undoing. */
static void take_rough(struct rnl_digest *target, struct undo *undo)
{
    for (size_t m = 0; m < RNL_METER_METRICS; m++) {
        if (undo->rough[m] == NULL)
            continue;
        struct rnl_rough *before = target->metrics[m].rough;
        target->metrics[m].rough = undo->rough[m];
        undo->rough[m] = before;
    }
}

/* ---- keys ---- */

static size_t rows_of(const struct rnl_digest *digest)
{
    return digest->logged ? digest->log.count : digest->keys.entry_count;
}

static size_t key_bytes_of(const struct rnl_digest *digest)
{
    return digest->logged ? rnl_key_log_bytes(&digest->log)
                          : digest->keys.keys_len;
}

static uint64_t offset_of(const struct rnl_digest *digest)
{
    return digest->logged ? digest->log.offset : digest->keys.offset;
}

static bool reserve_merge(struct rnl_digest *target,
                          const struct rnl_digest *source)
{
    if (rnl_digest_make_room(target, source->count, rows_of(source),
                             key_bytes_of(source)) != RNL_OK ||
        rnl_rest_reserve(&target->rest, &source->rest) != RNL_OK)
        return false;
    bool nothing_fell = offset_of(source) == 0 &&
                        (!rnl_digest_counts_fallen(source) ||
                         (!source->fallen.dense && source->fallen.count == 0));
    return target->logged || nothing_fell ||
           rnl_digest_prepare_fall(target, rows_of(source) +
                                               source->fallen.count) == RNL_OK;
}

static void merge_keys(struct rnl_digest *target,
                       const struct rnl_digest *source)
{
    if (target->logged) {
        if (source->logged)
            rnl_key_log_add_log(&target->log, &source->log);
        else
            rnl_key_log_add_table(&target->log, &source->keys);
    } else if (source->logged) {
        rnl_key_log_pour(&source->log, &target->keys);
    } else {
        rnl_digest_reserved(rnl_frequent_merge(&target->keys, &source->keys));
    }
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
    take_rough(target, &undo);
    undo_end(&undo);
    target->unsaved = true;
    target->distinct = 0;
    target->count += source->count;
    target->anomaly_count += source->anomaly_count;
    target->lost_events += source->lost_events;
    target->lost_offset += source->lost_offset;
    target->merged_keys = target->merged_keys || source->merged_keys;
    rnl_rest_merge(&target->rest, &source->rest);
    merge_keys(target, source);
    return RNL_OK;
}
