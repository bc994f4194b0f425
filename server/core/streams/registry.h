/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of event streams, shared by the files of this folder:
 *
 *   registry.c       streams by name, and their limits
 *   keeper.h         what of them survives a restart
 *   ack.c            answers that wait until it does
 *   measure.c        the server's own streams
 *   intake.c         the one way in for events
 *   producers.c      who has sent what
 *   event_batch.c    the wire's batch to the engine's
 *   event_service.c  the methods of EventService
 *   stream_config.c  a configuration, from and to the contract
 *   stream_service.c the methods of StatsService about streams
 *   sketch_service.c ExportSketch and MergeSketch
 *   stats_service.c  those that answer statistics
 *   stats_message.c  a view as the StreamStats of the contract
 *   stats_snapshot.c figures of some windows, encoded
 *   watch_hub.c      watchers, in groups that want the same
 *   stats_watch.c    WatchStats
 */
#ifndef RNL_STREAMS_REGISTRY_H
#define RNL_STREAMS_REGISTRY_H

#include "ack.h"
#include "core.h"
#include "event_batch.h"
#include "import.h"
#include "keeper.h"
#include "producers.h"
#include "sorted.h"
#include "stream_bounds.h"
#include "streams.h"

#define RNL_NS_PER_MS INT64_C(1000000)

struct rnl_watch_hub;

struct rnl_event_stream {
    char name[RNL_STREAM_NAME_LEN_MAX + 1];
    struct rnl_streams *streams;
    struct rnl_meter *meter;
    int64_t create_wall_ns;
    struct rnl_producers producers;
    struct rnl_kept kept;
    /* NULL while nobody watches. */
    struct rnl_watch_hub *hub;
    /* Of the last snapshot sent to a watcher. */
    uint64_t watch_sequence;
    /* As it is in the sum of all; when it was asked for, and events taken
     * since. */
    uint64_t memory_bytes;
    int64_t counted_ns;
    uint64_t uncounted_events;
};

struct rnl_streams {
    struct rnl_core *core;
    struct rnl_sorted by_name;
    struct rnl_event_decoder decoder;
    uint64_t events;
    /* Of the streams, and of what is kept for watchers. */
    uint64_t memory_bytes;
    uint64_t watch_bytes;
    /* When all streams were asked what they take. */
    int64_t counted_ns;
    /* Streams of the server itself. */
    size_t own_count;
    struct rnl_measures *measures;
    /* Owned; NULL: nothing is kept. */
    struct rnl_keeper *keeper;
    /* Calls that are held until the journal has caught up. */
    struct rnl_acks_list held;
};

/* Names that clients cannot choose. */
static inline bool rnl_streams_is_own(const char *name)
{
    return name[0] == '_';
}

/* NULL when there is none. name is any text. */
struct rnl_event_stream *rnl_streams_find(const struct rnl_streams *streams,
                                          const char *name);

/* Finds a stream, or creates it with a checked configuration. Errors:
 * RNL_RESOURCE_EXHAUSTED with error filled. */
RNL_MUST_USE enum rnl_code rnl_streams_open(
    struct rnl_streams *streams, const char *name,
    const struct rnl_meter_config *config, struct rnl_event_stream **ret_stream,
    struct rnl_field_error *error);

/* The same with the default configuration. */
RNL_MUST_USE enum rnl_code rnl_streams_open_default(
    struct rnl_streams *streams, const char *name,
    struct rnl_event_stream **ret_stream, struct rnl_field_error *error);

/* What a stream had before a restart. */
struct rnl_stream_origin {
    const char *name;
    int64_t create_wall_ns;
    /* In the journal. */
    uint64_t number;
};

/* Makes a stream of a restored meter, which it owns, also on failure. No limit
 * counts. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_streams_adopt(
    struct rnl_streams *streams, const struct rnl_stream_origin *origin,
    struct rnl_meter *meter, struct rnl_event_stream **ret_stream);

/* Ends the stream and its watches. request, which may be NULL, is told when
 * that is durable. Errors: RNL_RESOURCE_EXHAUSTED, and the stream stays; never
 * for one that was only just made. */
RNL_MUST_USE enum rnl_code rnl_streams_remove(struct rnl_event_stream *stream,
                                              struct rnl_keep_request *request);

/* What became of a batch of a producer. */
struct rnl_event_receipt {
    /* It belongs to; wait for that (keeper.h). */
    struct rnl_event_stream *stream;
    struct rnl_meter_taken taken;
    bool duplicate;
    /* The producer numbers its batches: the same one counts once. */
    bool numbered;
};

/* Counts a batch of the wire, once. Errors: RNL_INVALID_ARGUMENT,
 * RNL_PERMISSION_DENIED, RNL_RESOURCE_EXHAUSTED, RNL_ALREADY_EXISTS: the
 * producer's last batch had this number and said something else; error is
 * filled. */
RNL_MUST_USE enum rnl_code rnl_streams_take_batch(
    struct rnl_streams *streams, const struct rnl_event_batch *batch,
    struct rnl_event_receipt *ret_receipt, struct rnl_field_error *error);

/* A sketch to be merged. All pointers are borrowed. */
struct rnl_sketch_offer {
    const char *stream;
    struct rnl_import import;
    /* producer_id_len 0: none. */
    const uint8_t *producer_id;
    size_t producer_id_len;
    uint64_t producer_sequence;
};

struct rnl_sketch_receipt {
    /* See rnl_meter_import. */
    uint64_t count;
    bool duplicate;
    /* It belongs to; wait for that (keeper.h). */
    struct rnl_event_stream *into;
};

/* Merges a sketch, once: the one way in for sketches, as
 * rnl_streams_take_batch is for batches. Errors: RNL_NOT_FOUND: no such stream,
 * RNL_INVALID_ARGUMENT, RNL_PERMISSION_DENIED, RNL_FAILED_PRECONDITION,
 * RNL_ALREADY_EXISTS (as above), RNL_RESOURCE_EXHAUSTED; error is filled. */
RNL_MUST_USE enum rnl_code rnl_streams_take_sketch(
    struct rnl_streams *streams, const struct rnl_sketch_offer *offer,
    struct rnl_sketch_receipt *ret_receipt, struct rnl_field_error *error);

/* Counts a batch again that was counted before a restart, at the same time.
 * Errors: as of rnl_meter_ingest. */
RNL_MUST_USE enum rnl_code rnl_intake_replay(
    struct rnl_event_stream *stream, const struct rnl_event_batch *batch,
    int64_t wall_ms);

/* Says what is wrong with a batch: "batch.values[17]". */
enum rnl_code rnl_streams_say_fault(const struct rnl_meter_fault *fault,
                                    struct rnl_field_error *error);

/* Errors: RNL_INVALID_ARGUMENT, or RNL_PERMISSION_DENIED for a name that
 * belongs to the server; error is filled, field names the request's field. */
RNL_MUST_USE enum rnl_code rnl_streams_check_name(
    const char *name, size_t len, const char *field,
    struct rnl_field_error *error);

/* Asks the meter what the stream takes. */
void rnl_event_stream_account(struct rnl_event_stream *stream);

/* The same when views of it were made, which its meter keeps for the next who
 * asks; not when memory is short. */
void rnl_event_stream_on_viewed(struct rnl_event_stream *stream);

/* The same once batches of it were counted in a lane, without waiting for
 * those that are not yet; and tells its watchers. */
void rnl_event_stream_on_counted(void *stream);

/* Whether the memory that statistics may take is taken. */
bool rnl_streams_full(struct rnl_streams *streams);

/* Fills error for it and returns RNL_RESOURCE_EXHAUSTED. */
enum rnl_code rnl_streams_say_full(const struct rnl_streams *streams,
                                   struct rnl_field_error *error);

int64_t rnl_streams_wall_ms(const struct rnl_streams *streams);

/* ---- for the methods ---- */

/* Ends a call with an error that was filled. */
void rnl_stream_finish_error(struct rnl_stream *stream, enum rnl_code code,
                             const struct rnl_field_error *error);

/* The event stream that a request names. NULL: the call has ended. */
struct rnl_event_stream *rnl_stream_subject(struct rnl_stream *stream,
                                            const char *name);

/* Length of the top list that is sent, as asked for (0: the default). False:
 * the call has ended. */
bool rnl_stats_top(struct rnl_stream *stream,
                   const struct rnl_event_stream *subject, uint32_t asked,
                   uint32_t *ret_top);

/* A view of a window, to be destroyed; NULL: the call has ended. */
struct rnl_meter_view *rnl_stats_view(struct rnl_stream *stream,
                                      struct rnl_event_stream *subject,
                                      uint32_t window_seconds);

/* ---- sketch_service.c ---- */

void rnl_sketch_on_export(struct rnl_stream *stream, const uint8_t *data,
                          size_t len);
void rnl_sketch_on_merge(struct rnl_stream *stream, const uint8_t *data,
                         size_t len);

/* ---- stream_service.c ---- */

void rnl_stream_on_create(struct rnl_stream *stream, const uint8_t *data,
                          size_t len);
void rnl_stream_on_list(struct rnl_stream *stream, const uint8_t *data,
                        size_t len);
void rnl_stream_on_get(struct rnl_stream *stream, const uint8_t *data,
                       size_t len);
void rnl_stream_on_delete(struct rnl_stream *stream, const uint8_t *data,
                          size_t len);

/* ---- stats_watch.c ---- */

void rnl_stats_watch_on_message(struct rnl_stream *stream, const uint8_t *data,
                                size_t len);
void rnl_stats_watch_on_writable(struct rnl_stream *stream);
void rnl_stats_watch_on_close(struct rnl_stream *stream, enum rnl_code code);

/* ---- watch_hub.c; hub may be NULL ---- */

/* The stream has taken events: there may be anomalies to tell. */
void rnl_watch_hub_notice(struct rnl_watch_hub *hub);

/* The stream goes: every watch ends. The hub lives until the last of them has
 * been closed. */
void rnl_watch_hub_end(struct rnl_watch_hub *hub);

#endif
