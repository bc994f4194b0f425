/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event streams as the core sees them: named meters (stats/meter.h), born with
 * the first event or on request. Serves EventService and StatsService, and
 * takes the events of the core's own jobs. docs/streams.md tells the rules.
 */
#ifndef RNL_STREAMS_STREAMS_H
#define RNL_STREAMS_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

#include "field_error.h"
#include "meter.h"
#include "rpc.h"

struct rnl_core;
struct rnl_streams;

struct rnl_streams_counts {
    /* Without those of the server itself (measure.h). */
    uint64_t streams;
    /* Taken since the start, by streams that were deleted since too. */
    uint64_t events;
    /* See stats_bytes_max of struct rnl_core_options. */
    uint64_t memory_bytes;
    /* Of the journal, if there is one: the last group could not be written;
     * answers that wait; bytes of logs. */
    bool stalled;
    uint64_t answers_waiting;
    uint64_t log_bytes;
};

/* For the core's table of services. */
extern const struct rnl_service rnl_event_service;
extern const struct rnl_service rnl_stats_service;

/* Uses core->options (max_event_streams and max_stats_bytes, in which it
 * replaces 0 by the default; stats_journal), core->timers and the time; core
 * outlives it. Errors: RNL_RESOURCE_EXHAUSTED; RNL_DATA_LOSS and
 * RNL_UNIMPLEMENTED: what the journal has cannot be read. */
RNL_MUST_USE enum rnl_code rnl_streams_create(struct rnl_core *core,
                                              struct rnl_streams **ret_streams);

/* Waits until all that was taken is durable, and acknowledges it: the server is
 * going down. */
void rnl_streams_flush(struct rnl_streams *streams);

/* Writes what the journal of statistics does not have yet, and waits for it;
 * nothing is taken afterwards. Accepts NULL. */
void rnl_streams_close(struct rnl_streams *streams);

/* The same when the journal is gone. */
void rnl_streams_abandon(struct rnl_streams *streams);

/* Accepts NULL. All calls of the two services must have ended, and it was
 * closed while the journal was there. */
void rnl_streams_destroy(struct rnl_streams *streams);

void rnl_streams_count(const struct rnl_streams *streams,
                       struct rnl_streams_counts *ret_counts);

/* NULL, or what is wrong with the name of a stream that somebody else than the
 * server itself may create. */
const char *rnl_streams_name_fault(const char *name, size_t len);

/* Counts a batch in a stream, which is created with the default configuration
 * if there is none. For jobs; the name was checked. Errors as those of
 * rnl_meter_ingest, and RNL_RESOURCE_EXHAUSTED when a limit is reached; error
 * is filled. */
RNL_MUST_USE enum rnl_code rnl_streams_take(struct rnl_streams *streams,
                                            const char *name,
                                            const struct rnl_meter_batch *batch,
                                            struct rnl_meter_taken *ret_taken,
                                            struct rnl_field_error *error);

/* Who sends to a stream, and under which number: above that of its batch
 * before, if there is one. Names as above; the producer's has 1 to 64 bytes. */
struct rnl_stream_source {
    const char *stream;
    const char *producer;
    uint64_t number;
};

/* The same with a number, which is remembered with the events: they survive a
 * crash together or not at all. */
RNL_MUST_USE enum rnl_code rnl_streams_take_numbered(
    struct rnl_streams *streams, const struct rnl_stream_source *source,
    const struct rnl_meter_batch *batch, struct rnl_field_error *error);

/* The number of the producer's last batch; 0: there is none, or no stream. */
uint64_t rnl_streams_last_number(struct rnl_streams *streams,
                                 const char *stream, const char *producer);

#endif
