/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps event streams in a journal (stats_journal.h), so that what was
 * acknowledged is there after a restart, and goes on exactly.
 *
 * Two forms. The meter's answer to the same batches in the same order, and at
 * the same times, is the same to the last bit; so a batch can be kept as it
 * came, in the stream's log. Or the parts of the meter that have changed are
 * written (stats/meter_bytes.h), and the log so far can go. A batch of some
 * hundred events is smaller than what it changes, many batches are larger, by
 * far: 130,000 events of the benchmark are 3.7 MB, and change 170 KB. So a
 * stream is logged while its log is shorter than its last save, and saved when
 * it would become longer. What is written is then at most twice the smaller of
 * the two, and a start replays at most that much.
 *
 * Groups. All that is new is written as one group, while the next one gathers;
 * who waits for a stream is told when the group that has it is durable. A group
 * waits some milliseconds while more batches come in, since a save costs the
 * same for few as for many.
 *
 * Changes that nobody waits for (events of jobs) are kept within a second, and
 * those of the server's own streams, and time that has passed without an event
 * but was looked at, within ten.
 *
 * When a group cannot be written (the disk is full), it stays and is tried
 * again each second. Until it succeeds nothing new is taken; what is in it is
 * counted and will be kept, and is told so then. Those who can safely ask again
 * are told at once that it failed.
 *
 * All functions take a keeper or a stream without one (NULL) and then do
 * nothing: `--durability memory`.
 */
#ifndef RNL_STREAMS_KEEPER_H
#define RNL_STREAMS_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <runnel/status.h>

#include "field_error.h"
#include "keep_queue.h"

struct rnl_event_batch;
struct rnl_event_stream;
struct rnl_keeper;
struct rnl_stats_journal;
struct rnl_streams;
struct rnl_streams_counts;

/* Keys of parts from RNL_METER_PART_END on are the keeper's own. */
#define RNL_KEEP_PART_PRODUCERS (1U << 20)

/* After a group that could not be written, the time until the next try, ours
 * and that of those who were refused. */
#define RNL_KEEP_RETRY_MS 1000

/* What the keeper knows of a stream; embedded in it. */
struct rnl_kept {
    struct rnl_event_stream *stream;
    /* In the journal; 0: it is not kept. */
    uint64_t number;
    /* The journal has not seen it. */
    bool is_new;
    /* It has changed in a way that is not in the log. */
    bool must_save;
    /* The producers have changed since the last save. */
    bool producers_changed;
    enum { RNL_KEPT_CLEAN, RNL_KEPT_LAZY, RNL_KEPT_OPEN } state;
    /* In the list of lazy or of open ones. */
    TAILQ_ENTRY(rnl_kept) link;
    /* Which of the lazy ones, and since when it is due. */
    size_t lazy;
    int64_t due_ns;
    /* Records that the journal does not have. Owned. */
    uint8_t *log;
    size_t log_len;
    size_t log_cap;
    /* Of the last of them, if it is an advance: its place and second. */
    size_t advance_at;
    int64_t advance_second;
    /* Bytes of log in the journal, and of the last save. */
    uint64_t logged_bytes;
    uint64_t saved_bytes;
    struct rnl_keep_queue waiting;
};

TAILQ_HEAD(rnl_kept_list, rnl_kept);

/* journal outlives the keeper. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_keeper_create(struct rnl_streams *streams,
                                             struct rnl_stats_journal *journal,
                                             struct rnl_keeper **ret_keeper);

/* Makes the streams that the journal has. Errors: RNL_RESOURCE_EXHAUSTED;
 * RNL_DATA_LOSS or RNL_UNIMPLEMENTED: what it has cannot be read, or is of a
 * later version. */
RNL_MUST_USE enum rnl_code rnl_keeper_recover(struct rnl_keeper *keeper);

/* Writes all that somebody waits for, waits for it, and tells them. Accepts
 * NULL. */
void rnl_keeper_flush(struct rnl_keeper *keeper);

/* The same with all that is new, and the end. */
void rnl_keeper_close(struct rnl_keeper *keeper);

/* Nothing is written any more. Accepts NULL. */
void rnl_keeper_abandon(struct rnl_keeper *keeper);

/* Frees it; the streams are gone, and it was closed or abandoned. Accepts
 * NULL. */
void rnl_keeper_destroy(struct rnl_keeper *keeper);

/* ---- a stream ---- */

/* A new stream, of which the journal knows nothing. */
void rnl_keep_new(struct rnl_event_stream *stream);

/* It is the one that the journal has under that number, as it is there. */
void rnl_keep_found(struct rnl_event_stream *stream, uint64_t number);

/* The stream goes. request may be NULL; it is told when the journal has let go
 * of it, and those who wait for the stream are told before. Errors:
 * RNL_RESOURCE_EXHAUSTED, and nothing has changed; not for a stream that the
 * journal has never seen. */
RNL_MUST_USE enum rnl_code rnl_keep_remove(struct rnl_event_stream *stream,
                                           struct rnl_keep_request *request);

/* A batch of the wire was counted. */
void rnl_keep_batch(struct rnl_event_stream *stream,
                    const struct rnl_event_batch *batch, int64_t wall_ms);

/* A batch (or a sketch) that came before was not. */
void rnl_keep_duplicate(struct rnl_event_stream *stream,
                        const uint8_t *producer_id, size_t len);

/* Something else has changed (a sketch was merged, say); it is saved within a
 * second, or when somebody waits. */
void rnl_keep_changed(struct rnl_event_stream *stream);

/* Has request told when all that was done to the stream is durable. */
void rnl_keep_wait(struct rnl_event_stream *stream,
                   struct rnl_keep_request *request);

/* ---- the state of all ---- */

/* Whether streams are kept at all: else nobody has to wait. */
static inline bool rnl_keep_durable(const struct rnl_keeper *keeper)
{
    return keeper != NULL;
}

/* Nothing may be taken; error is filled. */
bool rnl_keeper_refuses(const struct rnl_keeper *keeper,
                        struct rnl_field_error *error);

/* So many wait that senders should pause. */
bool rnl_keeper_busy(const struct rnl_keeper *keeper);

/* relieved is called when busy has turned false. One listener. */
void rnl_keeper_on_relief(struct rnl_keeper *keeper,
                          void (*relieved)(void *arg), void *arg);

/* Fills in what is about the journal. */
void rnl_keeper_count(const struct rnl_keeper *keeper,
                      struct rnl_streams_counts *counts);

/* Bytes of memory besides those of the streams. */
uint64_t rnl_kept_bytes(const struct rnl_event_stream *stream);

#endif
