/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of an ingest: ingest.c gathers events into batches, and
 * ingest_send.c brings batches to the core. */
#ifndef RNL_CLIENT_INGEST_PRIVATE_H
#define RNL_CLIENT_INGEST_PRIVATE_H

#include "batch.h"
#include "call_private.h"

#define RNL_INGEST_STREAM_SIZE   129
#define RNL_INGEST_PRODUCER_SIZE 65

/* An encoded batch. */
struct rnl_sealed {
    STAILQ_ENTRY(rnl_sealed) link;
    uint32_t event_count;
    size_t len;
    uint8_t data[];
};

struct rnl_ingest {
    struct rnl_attachment attachment;
    struct rnl_client *client;
    struct rnl_ingest_options options;
    char stream[RNL_INGEST_STREAM_SIZE];
    char producer_id[RNL_INGEST_PRODUCER_SIZE];
    struct rnl_batch builders[RNL_COLUMN_SETS];
    struct rnl_timer linger;
    struct rnl_timer retry;
    uint64_t next_sequence;

    STAILQ_HEAD(, rnl_sealed) queue;
    uint32_t sealed_count;
    /* Of the queue: on their way over the present call. */
    uint32_t sent_count;
    /* Acknowledged on the present call. */
    uint64_t acked_count;
    /* The first one that is not; NULL: all are. */
    struct rnl_sealed *next;

    struct rnl_call *call;
    /* The core was reached once. */
    bool opened;
    /* on_writable, on_drained are owed. */
    bool was_full;
    bool was_busy;
    bool ended;
    unsigned busy;
    bool doomed;
    struct rnl_ingest_counts counts;
    struct rnl_status_box status;
};

/* Around a callback of the user. True: the ingest is gone. */
void rnl_ingest_enter(struct rnl_ingest *ingest);
bool rnl_ingest_leave(struct rnl_ingest *ingest);

/* Ends it with ingest->status and tells the user; from process only. */
void rnl_ingest_fail(struct rnl_ingest *ingest);

/* Sends what was sealed, as far as there is room. On failure the ingest has
 * ended, with ingest->status, and the user is still to be told. */
RNL_MUST_USE enum rnl_code rnl_ingest_send(struct rnl_ingest *ingest);

/* Of the timer for sending again. */
void rnl_ingest_on_retry(struct rnl_timer *timer, void *arg);

#endif
