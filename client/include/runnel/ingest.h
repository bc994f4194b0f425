/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ingest: events into a statistics stream, fast. Events are gathered into
 * columnar batches, several of which are on their way at once. A batch that
 * was not acknowledged when a connection is lost is sent again under its
 * number, so that every event counts exactly once.
 */
#ifndef RNL_INGEST_H
#define RNL_INGEST_H

#include <runnel/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A key has 1 to so many bytes of UTF-8. */
#define RNL_EVENT_KEY_LEN_MAX 256

struct rnl_event {
    const char *key;
    size_t key_len;
    bool has_value;
    bool has_latency;
    /* Without it the time is that of arrival at the core. */
    bool has_time;
    /* Finite. */
    double value;
    /* Finite, not negative. */
    double latency_ms;
    /* 1 or more. */
    int64_t time_ms;
};

/* What has happened so far. */
struct rnl_ingest_counts {
    /* Taken by rnl_ingest_event. */
    uint64_t events;
    /* Acknowledged: counted by the core. */
    uint64_t accepted_events;
    /* Of them, too old for any window; all-time figures have them. */
    uint64_t late_events;
    /* In batches that had been counted before (a repeated producer number). */
    uint64_t duplicate_events;
    uint64_t duplicate_batches;
    uint64_t batches_sent;
    uint64_t batches_acknowledged;
    /* Sent again after a lost connection. */
    uint64_t batches_repeated;
    uint64_t bytes_sent;
};

struct rnl_ingest;

struct rnl_ingest_options {
    size_t size;
    /* A batch is sent when it has so many events (1 to 65,536; default
     * 8,192), */
    uint32_t batch_events;
    /* or so many bytes (4 KiB to 8 MiB; default 256 KiB), */
    uint32_t batch_bytes;
    /* or when its first event is so old; default 100, negative: never. Needs
     * the client to run. */
    int64_t linger_ms;
    /* Batches sent and not acknowledged, 1 to 1,024; default 16. With
     * batch_bytes this bounds the memory. */
    uint32_t in_flight_max;
    /* Wait for the core also when it cannot be reached at the start; by
     * default the ingest then ends with RNL_UNAVAILABLE. Once it was reached,
     * the ingest always waits for it to come back. */
    bool wait_for_connection;
    /* How long rnl_ingest_event may block for room; default 0: not at all,
     * negative: for ever. */
    int64_t block_ms;
    /* Names this producer of events to the core, 1 to 64 bytes; NULL: a random
     * name, unique to the ingest. */
    const char *producer_id;
    /* Number of the first batch, default 1: with the producer_id of an earlier
     * run, batches up to its last number count as repeated. That last batch has
     * to be the same again (RNL_ALREADY_EXISTS ends the ingest), so cut them at
     * the same places: linger_ms below 0, and no flush elsewhere. */
    uint64_t first_sequence;
    /* rnl_ingest_full turned false. */
    void (*on_writable)(struct rnl_ingest *ingest, void *arg);
    /* All events taken so far are acknowledged. */
    void (*on_drained)(struct rnl_ingest *ingest, void *arg);
    /* The ingest ended with an error, once; status is borrowed. Not called when
     * a function of the ingest has returned that error. */
    void (*on_error)(struct rnl_ingest *ingest,
                     const struct rnl_status_info *status, void *arg);
    /* The core takes nothing for now, its disk is full for example: the ingest
     * waits and sends again. Called each time; status, which says why, is
     * borrowed. */
    void (*on_refused)(struct rnl_ingest *ingest,
                       const struct rnl_status_info *status, void *arg);
    void *arg;
};

/*
 * Opens an ingest into a stream, which the core creates when there is none.
 * options may be NULL. *ret_ingest is the caller's, to be given to
 * rnl_ingest_destroy.
 *
 * Errors: RNL_INVALID_ARGUMENT for options out of range or a stream name of
 * more than 128 bytes; RNL_RESOURCE_EXHAUSTED.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_ingest_open(
    struct rnl_client *client, const char *stream,
    const struct rnl_ingest_options *options, struct rnl_ingest **ret_ingest);

/*
 * Takes one event; its key is copied. Blocks for at most block_ms, and not at
 * all by default or inside of a callback.
 *
 * Errors, which rnl_ingest_status explains: RNL_INVALID_ARGUMENT for a bad
 * event, which is not taken (the message names it by its number, from 0);
 * RNL_RESOURCE_EXHAUSTED when full, or when memory is out, and RNL_CANCELLED
 * when interrupted: the event was not taken and may be given again; the error
 * with which the ingest ended.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_ingest_event(
    struct rnl_ingest *ingest, const struct rnl_event *event);

/* So many batches are unacknowledged that the next event has no room. */
RNL_API bool rnl_ingest_full(const struct rnl_ingest *ingest);

/* Everything taken is acknowledged. */
RNL_API bool rnl_ingest_drained(const struct rnl_ingest *ingest);

/* Sends what has been gathered without waiting for more. Errors:
 * RNL_RESOURCE_EXHAUSTED when memory is out; the error with which the ingest
 * ended. */
RNL_API enum rnl_code rnl_ingest_flush(struct rnl_ingest *ingest);

/*
 * Blocks: flushes, and waits until all is acknowledged, for at most timeout_ms
 * (negative: for ever).
 *
 * Errors: RNL_DEADLINE_EXCEEDED: it goes on; the error with which the ingest
 * ended (rnl_ingest_status).
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_ingest_drain(struct rnl_ingest *ingest,
                                                    int64_t timeout_ms);

RNL_API void rnl_ingest_counts(const struct rnl_ingest *ingest,
                               struct rnl_ingest_counts *ret_counts);

/* The last error of this ingest: of a bad event, or of its end. Never NULL;
 * valid until the next function on this ingest. */
RNL_API const struct rnl_status_info *rnl_ingest_status(
    const struct rnl_ingest *ingest);

/* Frees an ingest; what was not acknowledged may be lost. May be called inside
 * of its own callbacks. Accepts NULL. */
RNL_API void rnl_ingest_destroy(struct rnl_ingest *ingest);

#ifdef __cplusplus
}
#endif

#endif
