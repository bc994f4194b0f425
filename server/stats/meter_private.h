/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the meter share. */
#ifndef RNL_STATS_METER_PRIVATE_H
#define RNL_STATS_METER_PRIVATE_H

#include "anomaly.h"
#include "batch.h"
#include "panes.h"

/* Seconds of the rate, and the one that is running. */
#define RATE_SECONDS 61

struct rnl_deferred;

struct rnl_meter {
    struct rnl_meter_config config;
    struct rnl_panes panes;
    /* Newest event; INT64_MIN: none. */
    int64_t newest_ms;
    int64_t oldest_ms;
    int64_t watermark_ms;
    /* The watermark follows the wall clock. */
    bool live;
    /* Events that were taken, and those that merged sketches counted. */
    uint64_t count;
    uint64_t merged_events;
    uint64_t late_events;
    uint64_t duplicate_batches;
    uint64_t version;
    /* Events in each of the newest seconds: that of second s is at
     * s % RATE_SECONDS. */
    uint64_t seconds[RATE_SECONDS];
    int64_t newest_second;
    struct rnl_judge judge;
    struct rnl_anomalies anomalies;
    /* Sequence of the newest anomaly that was saved: meter_bytes.h. */
    uint64_t saved_anomalies;
    /* Where batches wait (deferred.h); NULL: they are counted at once. Owned.
     */
    struct rnl_deferred *deferred;
    /* Told when time alone has changed it; may be NULL. */
    void (*advanced)(void *arg, int64_t wall_ms);
    void *advanced_arg;
    /* The newest view of all time and of each window; owned, may be NULL. */
    struct rnl_meter_view *views[RNL_METER_WINDOWS_MAX + 1];
};

/* A view: a digest of its own (view.c). */
struct rnl_meter_view {
    /* The meter's own, and one for each holder. */
    size_t refs;
    /* Version and second of the meter that it shows. */
    uint64_t version;
    int64_t second;
    uint64_t hash_seed;
    struct rnl_meter_window window;
    struct rnl_meter_estimate unique;
    struct rnl_rough_summary summaries[RNL_METER_METRICS];
    struct rnl_digest digest;
    /* Most frequent keys, falling. */
    struct rnl_meter_top *top;
    size_t top_count;
    size_t top_cap;
};

/* Where a stream's time has come to. */
struct rnl_meter_time {
    int64_t newest_ms;
    int64_t watermark_ms;
    bool live;
};

struct rnl_meter_time rnl_meter_time_of(const struct rnl_meter *meter);

/* Takes note of a batch; and moves the watermark to where it then belongs. */
void rnl_meter_time_note(struct rnl_meter_time *time,
                         const struct rnl_batch_facts *facts, int64_t wall_ms);
void rnl_meter_time_move(struct rnl_meter_time *time, int64_t wall_ms);

/* Counts a batch that was checked: the part of rnl_meter_ingest that may be
 * deferred. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_meter_count(struct rnl_meter *meter,
                                           const struct rnl_meter_batch *batch,
                                           const struct rnl_batch_facts *facts,
                                           int64_t wall_ms,
                                           struct rnl_meter_taken *ret_taken);

/* Counts what is posted, before anything else is done with the meter. */
void rnl_meter_settle(const struct rnl_meter *meter);

/* Bytes of memory, without what is posted. */
uint64_t rnl_meter_memory_now(const struct rnl_meter *meter);

/* Moves the watermark to where it belongs at wall_ms. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_meter_move(struct rnl_meter *meter,
                                          int64_t wall_ms);

/* Judges the panes that are over. */
void rnl_meter_judge(struct rnl_meter *meter);

/* Counts anomalies of that time in the windows that it is in. */
void rnl_meter_count_anomalies(struct rnl_meter *meter, int64_t time_ms,
                               uint64_t count);

/* Events in the seconds from start_ms, a whole second, to the watermark. */
uint64_t rnl_meter_seconds_sum(const struct rnl_meter *meter, int64_t start_ms);

/* Events a second of count events in [start_ms, end_ms): a stream that is
 * younger than that has had less time. */
double rnl_meter_rate(const struct rnl_meter *meter, uint64_t count,
                      int64_t start_ms, int64_t end_ms);

/* Bytes of memory of a view. */
size_t rnl_meter_view_bytes(const struct rnl_meter_view *view);

/* Drops the views that are older than the meter's version. */
void rnl_meter_drop_views(struct rnl_meter *meter);

#endif
