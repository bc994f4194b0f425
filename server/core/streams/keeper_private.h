/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the keeper share:
 *
 *   keeper.c        groups, and when they are made
 *   keep_queue.c    who waits for them
 *   keep_stream.c   what happens to a stream
 *   keep_log.c      a stream's log: batches and advances as records
 *   keep_save.c     a stream into a group
 *   keep_recover.c  streams from what the journal has
 */
#ifndef RNL_STREAMS_KEEPER_PRIVATE_H
#define RNL_STREAMS_KEEPER_PRIVATE_H

#include "keeper.h"
#include "producers.h"
#include "registry.h"
#include "stats_journal.h"
#include "timer.h"

/* Changes that are kept within one second, and within ten. */
enum { RNL_KEEP_SOON, RNL_KEEP_LATER, RNL_KEEP_LAZY_LISTS };

struct rnl_keeper {
    struct rnl_streams *streams;
    /* Borrowed. */
    struct rnl_stats_journal *journal;
    /* Always started, so that moving it cannot fail. */
    struct rnl_timer timer;
    struct rnl_kept_list open;
    struct rnl_kept_list lazy[RNL_KEEP_LAZY_LISTS];
    /* The group that is made, and the one that the journal has, or that could
     * not be written. */
    struct rnl_stats_group filling;
    struct rnl_stats_group flight;
    struct rnl_keep_queue filling_waiting;
    struct rnl_keep_queue flight_waiting;
    bool in_flight;
    bool stalled;
    bool closed;
    bool was_busy;
    /* When a group is tried again after a failure. */
    int64_t retry_ns;
    /* Changes so far, as of the last look, and when looking ends. */
    uint64_t changes;
    uint64_t changes_seen;
    int64_t gather_end_ns;
    size_t waiting_count;
    uint64_t next_number;
    /* Of all streams in the journal. */
    uint64_t logged_bytes;
    void (*relieved)(void *arg);
    void *relieved_arg;
};

/* The log's records. */
enum rnl_keep_kind {
    RNL_KEEP_BATCH = 1,
    RNL_KEEP_ADVANCE = 2,
    RNL_KEEP_DUPLICATE = 3,
};

struct rnl_keep_record {
    enum rnl_keep_kind kind;
    int64_t wall_ms;
    /* The request as it came; the producer of a duplicate. Borrowed. */
    const uint8_t *data;
    size_t len;
};

/* NULL when the stream is not kept. */
static inline struct rnl_keeper *rnl_keeper_of(
    const struct rnl_event_stream *stream)
{
    return stream->kept.number == 0 ? NULL : stream->streams->keeper;
}

/* ---- keeper.c ---- */

/* Sets the timer to what is due next. */
void rnl_keeper_schedule(struct rnl_keeper *keeper);

/* The stream is in the next group; or in no list. */
void rnl_kept_open(struct rnl_keeper *keeper, struct rnl_kept *kept);
void rnl_kept_leave_list(struct rnl_keeper *keeper, struct rnl_kept *kept);

/* Has the stream kept without anybody waiting. */
void rnl_kept_later(struct rnl_kept *kept, size_t lazy);

/* ---- keep_log.c ---- */

/* Adds a record; the stream has to be saved when that is too much. */
void rnl_kept_log(struct rnl_kept *kept, const struct rnl_keep_record *record);

/* Forgets the records: they are in a save. */
void rnl_kept_drop_log(struct rnl_kept *kept);

/* Most bytes of log, those in the journal included. */
uint64_t rnl_kept_log_max(const struct rnl_kept *kept);

/* The meter's report. */
void rnl_kept_advanced(void *arg, int64_t wall_ms);

/* Does again what a log in the journal says. Errors: RNL_DATA_LOSS,
 * RNL_UNIMPLEMENTED, RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_kept_replay(struct rnl_event_stream *stream,
                                           const uint8_t *log, size_t len);

/* ---- keep_save.c ---- */

/* Adds all that is new of a stream to the group that is made. Errors:
 * RNL_RESOURCE_EXHAUSTED, and nothing was added. */
RNL_MUST_USE enum rnl_code rnl_kept_write(struct rnl_keeper *keeper,
                                          struct rnl_kept *kept,
                                          uint64_t *saved_bytes);

#endif
