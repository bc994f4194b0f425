/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events of one job in memory, in blocks: data grows from the front of a
 * block, its index of fixed entries from the back, as in a page of a database.
 * A small delta so costs its bytes and 16 more, and no allocation of its own.
 *
 *     +--------+--------+----+ - - - - - - +---------+---------+---------+
 *     | data 0 | data 1 | .. |    free     | entry 2 | entry 1 | entry 0 |
 *     +--------+--------+----+ - - - - - - +---------+---------+---------+
 *
 * The last block always has room for one terminal event of
 * RNL_STORE_END_MAX bytes, so that a job can end when memory is out.
 */
#ifndef RNL_CORE_EVENT_LOG_H
#define RNL_CORE_EVENT_LOG_H

#include "store.h"

struct rnl_log_block;

struct rnl_event_log {
    struct rnl_log_block **blocks;
    size_t block_count;
    size_t block_cap;
    uint64_t last_sequence;
    /* Bytes of events, RNL_STORE_EVENT_BYTES included. */
    uint64_t event_bytes;
    /* Bytes of memory. */
    uint64_t memory_bytes;
    bool ended;
};

/* A place to go back to. */
struct rnl_log_mark {
    size_t block_count;
    uint64_t last_sequence;
    uint64_t event_bytes;
    uint32_t used;
    uint32_t count;
};

void rnl_event_log_init(struct rnl_event_log *log);
void rnl_event_log_fini(struct rnl_event_log *log);

/* Upper bound of the memory that appending len bytes would allocate. */
size_t rnl_event_log_need(const struct rnl_event_log *log, size_t len,
                          bool end);

/* Adds an event, whose sequence must be the next one. Errors:
 * RNL_RESOURCE_EXHAUSTED, never for an RNL_EVENT_END of at most
 * RNL_STORE_END_MAX bytes once there is another event. */
RNL_MUST_USE enum rnl_code rnl_event_log_append(struct rnl_event_log *log,
                                                const struct rnl_event *event);

struct rnl_log_mark rnl_event_log_mark(const struct rnl_event_log *log);

/* Forgets everything appended since the mark; not for an ended log. */
void rnl_event_log_rewind(struct rnl_event_log *log,
                          const struct rnl_log_mark *mark);

/* Gives the room that an ended log will not need back, if memory allows. */
void rnl_event_log_seal(struct rnl_event_log *log);

/* Makes a log whose events are elsewhere, and only counted here, ready for
 * more. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_event_log_resume(struct rnl_event_log *log);

/* Sequence of the first event that is here; last_sequence + 1 if none is. */
uint64_t rnl_event_log_first(const struct rnl_event_log *log);

/* Frees the oldest events in whole blocks, none above sequence, and not below
 * keep_bytes of memory. Only counts of them stay. */
void rnl_event_log_drop(struct rnl_event_log *log, uint64_t sequence,
                        uint64_t keep_bytes);

/* Frees all events of an ended log. Only counts of them stay. */
void rnl_event_log_forget(struct rnl_event_log *log);

/* Lends the events from sequence, which is here, to last: as many as the page
 * and bytes_max take, one at least; none when sequence is above last. */
void rnl_event_log_page(const struct rnl_event_log *log, uint64_t sequence,
                        uint64_t last, size_t bytes_max,
                        struct rnl_store_page *ret_page);

#endif
