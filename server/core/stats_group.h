/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group of changes of event streams, as one block of bytes that the core
 * makes and a journal (stats_journal.h) writes. Records that are found in a
 * journal have the same form. The bytes never leave the process.
 *
 * A stream is known by a number, which is never used again.
 */
#ifndef RNL_CORE_STATS_GROUP_H
#define RNL_CORE_STATS_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

enum rnl_stats_kind {
    /* A new stream: data is the encoded StreamConfig, with its name;
     * time_ns its birth by the wall clock. */
    RNL_STATS_STREAM = 1,
    /* The stream and all that is known of it goes. */
    RNL_STATS_GONE = 2,
    /* data is added to the stream's log. */
    RNL_STATS_LOG = 3,
    /* The log so far is no longer needed: parts follow. data is a struct
     * rnl_stats_summary, time_ns the wall clock. */
    RNL_STATS_SAVE = 4,
    /* data takes the place of what is under that key. */
    RNL_STATS_PART = 5,
};

struct rnl_stats_record {
    enum rnl_stats_kind kind;
    uint32_t key;
    uint64_t stream;
    int64_t time_ns;
    /* Lent by the group. */
    const uint8_t *data;
    size_t len;
};

/* What people are told of a stream by the views of a journal. */
struct rnl_stats_summary {
    uint64_t events;
    uint64_t late_events;
    uint64_t duplicate_batches;
    /* 0: no event yet. */
    int64_t first_event_ms;
    int64_t last_event_ms;
    int64_t watermark_ms;
};

/* Zero it before the first use. */
struct rnl_stats_group {
    /* Owned. */
    uint8_t *bytes;
    size_t len;
    size_t cap;
};

void rnl_stats_group_fini(struct rnl_stats_group *group);

/* Empties it and keeps its memory, up to what a usual group takes. */
void rnl_stats_group_reset(struct rnl_stats_group *group);

/* Adds a record with room for record->len bytes of data, which are written
 * before the next call; record->data is not looked at. NULL: memory is out, and
 * the group is as before. */
uint8_t *rnl_stats_group_add(struct rnl_stats_group *group,
                             const struct rnl_stats_record *record);

/* Reads the next record; *at begins with 0. False at the end. */
bool rnl_stats_group_next(const struct rnl_stats_group *group, size_t *at,
                          struct rnl_stats_record *ret_record);

#endif
