/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encoded figures of some windows of a stream at one moment, and the
 * WatchStatsResponse messages made of them. Each message is encoded when it is
 * first wanted and then shared by all who want it.
 */
#ifndef RNL_STREAMS_STATS_SNAPSHOT_H
#define RNL_STREAMS_STATS_SNAPSHOT_H

#include "registry.h"

/* All time and the windows of a stream. */
#define RNL_SNAPSHOT_WINDOWS_MAX (RNL_METER_WINDOWS_MAX + 1)

/* Which figures. */
struct rnl_snapshot_spec {
    /* Rising, each once; 0: all time. */
    uint32_t windows[RNL_SNAPSHOT_WINDOWS_MAX];
    uint32_t window_count;
    uint32_t top;
};

/* Sets of windows, by position: bit 0 is spec.windows[0]. */
typedef uint32_t rnl_window_set;

struct rnl_snapshot {
    /* Of the meter (struct rnl_meter_info). */
    uint64_t version;
    int64_t now_ns;
    int64_t wall_ns;
    uint32_t window_count;
    /* StreamStats without its times, so that figures can be compared, and the
     * times. Owned. */
    struct rnl_buf *figures[RNL_SNAPSHOT_WINDOWS_MAX];
    struct rnl_buf *times[RNL_SNAPSHOT_WINDOWS_MAX];
    /* Messages made so far: of all windows, of the changed ones, of each one
     * alone. Owned. */
    struct rnl_buf *whole;
    struct rnl_buf *changes;
    struct rnl_buf *parts[RNL_SNAPSHOT_WINDOWS_MAX];
    /* Those that differ from the snapshot before. */
    rnl_window_set changed;
};

/* Computes the figures of now. Errors: RNL_RESOURCE_EXHAUSTED; nothing is to be
 * freed then. */
RNL_MUST_USE enum rnl_code rnl_snapshot_take(
    struct rnl_snapshot *snapshot, struct rnl_event_stream *stream,
    const struct rnl_snapshot_spec *spec);

/* Frees what it holds; accepts one that is all 0. */
void rnl_snapshot_fini(struct rnl_snapshot *snapshot);

/* Sets changed: the windows whose figures are others than before. */
void rnl_snapshot_compare(struct rnl_snapshot *snapshot,
                          const struct rnl_snapshot *before);

/* A message of some windows: all, the changed ones, or a single one. Takes the
 * next of *sequence when it has to be encoded. Borrowed. NULL when memory is
 * out. */
struct rnl_buf *rnl_snapshot_message(struct rnl_snapshot *snapshot,
                                     rnl_window_set windows,
                                     uint64_t *sequence);

rnl_window_set rnl_snapshot_all(const struct rnl_snapshot *snapshot);

/* Bytes that it holds. */
size_t rnl_snapshot_memory(const struct rnl_snapshot *snapshot);

#endif
