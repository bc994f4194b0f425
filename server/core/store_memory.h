/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store of store.h in memory, bounded in jobs and bytes. Alone, nothing of
 * it outlives the process. With a journal (journal.h) what it has reported is
 * durable, it begins with what the journal has, and keeps in memory only what
 * is running, and of all others where to find them.
 */
#ifndef RNL_CORE_STORE_MEMORY_H
#define RNL_CORE_STORE_MEMORY_H

#include "journal.h"
#include "store.h"
#include "timer.h"

/* With a journal: when a timer of the store is due by this, a group is large
 * enough to begin. Who runs the timers does so up to this time as often as he
 * can, and else at the end of his turn. */
#define RNL_STORE_DUE_AT_ONCE INT64_C(-2)

struct rnl_store_memory_options {
    /* Borrowed; commits are reported from a timer of it. */
    struct rnl_timers *timers;
    uint64_t jobs_max;
    /* Of one job's event log: the bytes of its events and
     * RNL_STORE_EVENT_BYTES for each of them. */
    uint64_t log_bytes_max;
    /* Of all jobs: inputs, records and logs. */
    uint64_t bytes_max;
    /* With a journal: memory for records of jobs that have ended, so that they
     * are not read back. One is kept in any case. */
    uint64_t cache_bytes;
    /* NULL: none. Owned from the create call on, whether it succeeds or
     * not. */
    struct rnl_journal *journal;
    /* With a journal: the monotonic time that the timers run by. Borrowed. */
    const int64_t *now_ns;
};

/* What an event counts besides its data. */
#define RNL_STORE_EVENT_BYTES 16

/* Errors: RNL_RESOURCE_EXHAUSTED; RNL_DATA_LOSS of the journal. Destroy through
 * ops. */
RNL_MUST_USE enum rnl_code rnl_store_memory_create(
    const struct rnl_store_memory_options *options,
    struct rnl_store **ret_store);

#endif
