/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes event streams durable: a journal that writes groups of changes
 * (stats_group.h), each whole or not at all, and gives back at the start what
 * they amount to. server/io has one on SQLite, in the file of the jobs.
 *
 * Of each stream it keeps a row, its parts by key (the newest of each), and the
 * log since the last save. The core decides what goes into which.
 *
 * All calls come from the core's thread, and none but flush waits for a write.
 */
#ifndef RNL_CORE_STATS_JOURNAL_H
#define RNL_CORE_STATS_JOURNAL_H

#include "stats_group.h"

/* Gets each record; another code than RNL_OK ends the walk with it. */
typedef enum rnl_code rnl_stats_take_fn(void *arg,
                                        const struct rnl_stats_record *record);

struct rnl_stats_journal;

struct rnl_stats_journal_ops {
    /* "sqlite"; static. */
    const char *name;

    /* Begins to write a group, which is lent until committed, never called from
     * inside. One at a time. */
    void (*commit)(struct rnl_stats_journal *journal,
                   const struct rnl_stats_group *group);

    /* Gives the records of each stream by rising number: STREAM, its parts by
     * rising key, its log in the order of the groups. Errors: RNL_DATA_LOSS,
     * RNL_RESOURCE_EXHAUSTED, and those of take. */
    enum rnl_code (*recover)(struct rnl_stats_journal *journal,
                             rnl_stats_take_fn *take, void *arg);

    /* Waits for the group in flight; its committed is not called. Returns what
     * it would have told; RNL_OK when there is none. */
    enum rnl_code (*flush)(struct rnl_stats_journal *journal);
};

/* A journal begins with this. */
struct rnl_stats_journal {
    const struct rnl_stats_journal_ops *ops;
    /* Set by the core. The group is durable, or (not RNL_OK) nothing of it is:
     * RNL_RESOURCE_EXHAUSTED, the disk is full. */
    void (*committed)(void *arg, enum rnl_code code);
    void *arg;
};

#endif
