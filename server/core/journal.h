/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes a memory store (store_memory.h) durable: a journal that takes
 * changes of jobs, writes them as a group, and can give back what memory has
 * let go. server/io has one on SQLite.
 *
 * The store calls change() for each job that has changed since the last group,
 * with all that is new about it, then commit(). While that group is in flight
 * it gathers the next one, or adds to the one that is to be written next
 * (join). So every group is a state that the store was in, and a job that
 * changes often is written once a group.
 *
 * All calls come from the store's thread, and none of them waits for a write.
 */
#ifndef RNL_CORE_JOURNAL_H
#define RNL_CORE_JOURNAL_H

#include "event_log.h"

/* All that is new about one job. Borrowed for the call. */
struct rnl_journal_change {
    /* The store's own name of the job: above 0, never used for two jobs that
     * are there at once. A journal finds it quickly. */
    uint64_t number;
    const char *id;
    /* Nothing else counts. */
    bool removed;
    /* The journal has not seen this job: hash, key and input are given. */
    bool is_new;
    struct rnl_request_hash hash;
    /* "" for none. */
    const char *key;
    const uint8_t *input;
    size_t input_len;
    /* The encoded Job without its input; NULL: as before. */
    const uint8_t *record;
    size_t record_len;
    /* Wall clock; INT64_MAX while the job has not ended. */
    int64_t expire_ns;
    /* The oldest event kept; those in front of it go, if that is new. */
    uint64_t first_sequence;
    bool trimmed;
    /* How many go so. */
    uint64_t trimmed_count;
    /* Events after this sequence are new. */
    const struct rnl_event_log *log;
    uint64_t after_sequence;
};

/* What a journal knows of one job when the store begins. */
struct rnl_journal_entry {
    uint64_t number;
    char id[RNL_JOB_ID_LEN + 1];
    Runnel__V1__JobState state;
    struct rnl_request_hash hash;
    /* Borrowed for the call. */
    const char *kind;
    const char *key;
    /* The record of a job that has not ended; NULL of others. */
    const uint8_t *record;
    size_t record_len;
    size_t input_len;
    int64_t expire_ns;
    /* Wall clock; 0 while the job has not ended. */
    int64_t end_ns;
    uint64_t first_sequence;
    uint64_t last_sequence;
    uint64_t event_bytes;
    bool ended;
};

/* Which events are asked for. */
struct rnl_journal_range {
    uint64_t after;
    uint64_t last;
    size_t bytes_max;
};

/* How the journal is. */
struct rnl_journal_state {
    /* Why the last group could not be written; "" if it was. Lent until the
     * next call. */
    const char *error;
    /* Size of its files. */
    uint64_t disk_bytes;
    uint64_t commits;
    uint64_t failed_commits;
    /* Of the last group. */
    int64_t commit_ns;
    /* The highest number that the journal knew when it was opened. */
    uint64_t last_number;
};

struct rnl_journal;

struct rnl_journal_ops {
    /* "sqlite"; static. */
    const char *name;

    /* Adds a change to the group that is being made. Errors:
     * RNL_RESOURCE_EXHAUSTED: memory is out; nothing was added. */
    enum rnl_code (*change)(struct rnl_journal *journal,
                            const struct rnl_journal_change *change);

    /* While a group is in flight: changes may follow, and with a commit become
     * part of the group that is written right after it, or begin that group.
     * False: not now; wait until all that is in flight is committed. */
    bool (*join)(struct rnl_journal *journal);

    /* Begins to write the group, or after join ends the adding to it; committed
     * follows, later. */
    void (*commit)(struct rnl_journal *journal);

    /* Gives each job to take, by rising number; false of it ends the walk with
     * RNL_RESOURCE_EXHAUSTED. Errors: RNL_DATA_LOSS. */
    enum rnl_code (*recover)(
        struct rnl_journal *journal,
        bool (*take)(void *arg, const struct rnl_journal_entry *entry),
        void *arg);

    /* Reads a committed record, its encoded Payload, lent until the next call.
     * Errors: RNL_NOT_FOUND, RNL_DATA_LOSS, RNL_RESOURCE_EXHAUSTED. */
    enum rnl_code (*load_record)(struct rnl_journal *journal, uint64_t number,
                                 const uint8_t **ret_data, size_t *ret_len);
    enum rnl_code (*load_input)(struct rnl_journal *journal, uint64_t number,
                                const uint8_t **ret_data, size_t *ret_len);

    /* Reads committed events after a sequence and up to last, as many as fit
     * a page and bytes_max, one at least; lent until the next call. Errors: as
     * above. */
    enum rnl_code (*load_events)(struct rnl_journal *journal, uint64_t number,
                                 const struct rnl_journal_range *range,
                                 struct rnl_store_page *ret_page);

    void (*state)(struct rnl_journal *journal,
                  struct rnl_journal_state *ret_state);

    /* Waits for all that is in flight; its committed is not called. */
    void (*flush)(struct rnl_journal *journal);

    /* The same, and the end. */
    void (*destroy)(struct rnl_journal *journal);
};

/* A journal begins with this. */
struct rnl_journal {
    const struct rnl_journal_ops *ops;
    /* Set by the store. What the first commits of so many gave is durable, or
     * (not RNL_OK) nothing is that was not reported so before, and commits is
     * the number of all: RNL_RESOURCE_EXHAUSTED, the disk is full. Never called
     * from inside of the calls above. */
    void (*committed)(void *arg, uint64_t commits, enum rnl_code code);
    void *arg;
};

#endif
