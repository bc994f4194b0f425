/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watchers of a stream hang on its hub, in groups that want the same:
 * windows, length of the top list, interval. A group computes and encodes one
 * snapshot an interval, whatever the number of its watchers.
 *
 * A watcher has no queue: it is owed nothing, the changes of the newest
 * snapshot, or the whole of it. One that could not be written to when a
 * snapshot came is owed the whole of the next one, so that what it has missed
 * is in it; it costs the same memory however long it does not read. For
 * anomalies it has a cursor into those that the engine keeps.
 *
 * A watcher that joins gets a snapshot of that moment, not of the group's last
 * interval; the next one of the group is then whole for it.
 *
 * The files that share this:
 *
 *   watcher.c       what one watcher is owed
 *   watch_group.c   those that want the same
 *   watch_hub.c     all of a stream
 */
#ifndef RNL_STREAMS_WATCH_HUB_PRIVATE_H
#define RNL_STREAMS_WATCH_HUB_PRIVATE_H

#include <sys/queue.h>

#include "timer.h"
#include "watch_hub.h"

enum rnl_owed {
    RNL_OWED_NOTHING,
    RNL_OWED_CHANGES,
    RNL_OWED_WHOLE,
};

struct rnl_watcher {
    struct rnl_stream *stream;
    struct rnl_watch_group *group;
    TAILQ_ENTRY(rnl_watcher) link;
    enum rnl_owed owed;
    /* What it has, or is owed, is the group's snapshot for joiners. */
    bool apart;
    /* Version of what it has. */
    uint64_t version;
    /* Last anomaly that was sent, or the one that the caller has. */
    uint64_t anomaly;
    bool finished;
};

struct rnl_watch_group {
    TAILQ_ENTRY(rnl_watch_group) link;
    struct rnl_watch_hub *hub;
    struct rnl_snapshot_spec spec;
    uint32_t interval_ms;
    struct rnl_timer tick;
    TAILQ_HEAD(, rnl_watcher) watchers;
    /* That of the last interval, and one for those that joined since. */
    struct rnl_snapshot current;
    struct rnl_snapshot fresh;
    /* As it is in the sum of all. */
    uint64_t memory_bytes;
};

struct rnl_watch_hub {
    struct rnl_streams *streams;
    /* NULL when it has ended. */
    struct rnl_event_stream *stream;
    TAILQ_HEAD(, rnl_watch_group) groups;
    size_t group_count;
    /* Always started. */
    struct rnl_timer judge;
    /* Newest anomaly that was looked at, and the encoded ones: that of
     * sequence s is at s % RNL_METER_ANOMALIES_MAX. */
    uint64_t anomaly;
    struct rnl_buf *anomalies[RNL_METER_ANOMALIES_MAX];
    uint64_t anomaly_sequences[RNL_METER_ANOMALIES_MAX];
    /* Of snapshots. */
    uint64_t sequence;
};

/* ---- watcher.c ---- */

void rnl_watcher_finish(struct rnl_watcher *watcher, enum rnl_code code,
                        const char *message);

/* Sends what it is owed, as far as it can be written to. */
void rnl_watcher_pump(struct rnl_watcher *watcher);

/* A new snapshot of the group has come. */
void rnl_watcher_owe(struct rnl_watcher *watcher,
                     const struct rnl_snapshot *current);

/* ---- watch_group.c ---- */

/* NULL: nobody wants that yet. */
struct rnl_watch_group *rnl_watch_group_find(
    const struct rnl_watch_hub *hub, const struct rnl_snapshot_spec *spec,
    uint32_t interval_ms);

/* Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_watch_group_create(
    struct rnl_watch_hub *hub, const struct rnl_snapshot_spec *spec,
    uint32_t interval_ms, struct rnl_watch_group **ret_group);

/* Takes the watcher in, and sends it the first of what it wants. */
void rnl_watch_group_join(struct rnl_watch_group *group,
                          struct rnl_watcher *watcher);

/* A watcher has left: without any the group goes. */
void rnl_watch_group_leave(struct rnl_watch_group *group);

/* Sends to all of them. */
void rnl_watch_group_pump(struct rnl_watch_group *group);

/* Takes note of what its snapshots take. */
void rnl_watch_group_account(struct rnl_watch_group *group);

/* ---- watch_hub.c ---- */

/* An anomaly encoded, once for all. Borrowed; NULL when memory is out. */
struct rnl_buf *rnl_watch_hub_anomaly(struct rnl_watch_hub *hub,
                                      const struct rnl_meter_anomaly *anomaly);

#endif
