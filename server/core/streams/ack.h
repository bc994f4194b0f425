/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that wait until what they acknowledge is durable (keeper.h). A call
 * that has gone by then leaves its answer behind, which is dropped. Those of
 * one call are sent in the order in which they were begun.
 *
 * While too many wait, calls that send batches are held: they get no more
 * credit until the disk has caught up.
 */
#ifndef RNL_STREAMS_ACK_H
#define RNL_STREAMS_ACK_H

#include <sys/queue.h>

#include "keeper.h"
#include "rpc.h"

struct rnl_acks;

/* One answer. */
struct rnl_ack {
    struct rnl_keep_request request;
    /* NULL: the call has gone. */
    struct rnl_acks *acks;
    TAILQ_ENTRY(rnl_ack) link;
    /* Encoded; NULL: memory was out. Owned. */
    struct rnl_buf *message;
    bool is_done;
    enum rnl_code code;
};

/* Those of one call: its state (rnl_stream_set_state). */
struct rnl_acks {
    struct rnl_stream *call;
    struct rnl_streams *streams;
    TAILQ_HEAD(, rnl_ack) list;
    /* Answers begun so far. */
    uint64_t count;
    /* Nothing more comes: the call ends with the last of them. */
    bool is_last;
    bool held;
    TAILQ_ENTRY(rnl_acks) held_link;
};

TAILQ_HEAD(rnl_acks_list, rnl_acks);

/* The call's state, made at the first call. NULL: memory is out, and the call
 * has ended. */
struct rnl_acks *rnl_acks_of(struct rnl_stream *call);

/* Begins an answer; do it before what it acknowledges, since memory may be out:
 * NULL, and the call has ended. */
struct rnl_ack *rnl_ack_begin(struct rnl_acks *acks);

/* It will not be given; the call is to be ended otherwise. */
void rnl_ack_drop(struct rnl_ack *ack);

/* Encodes the answer. It is sent when request.done is called: give &request to
 * the keeper, or call it yourself when there is nothing to wait for. */
void rnl_ack_set(struct rnl_ack *ack, const ProtobufCMessage *message);

/* The same, sent when all that was done to a stream so far is durable. */
void rnl_ack_await(struct rnl_ack *ack, struct rnl_event_stream *subject,
                   const ProtobufCMessage *message);

/* The one answer of a unary call, begun. NULL: the call has ended. */
struct rnl_ack *rnl_ack_unary(struct rnl_stream *call);

/* Ends the call with its last answer. */
void rnl_acks_end(struct rnl_acks *acks);

/* For the method's on_close. */
void rnl_acks_on_close(struct rnl_stream *call, enum rnl_code code);

/* Holds the call while the keeper is busy. */
void rnl_acks_hold(struct rnl_acks *acks);

/* The keeper's report. */
void rnl_acks_relieve(void *streams);

#endif
