/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a call: see call.h. */
#ifndef RNL_CLIENT_CALL_PRIVATE_H
#define RNL_CLIENT_CALL_PRIVATE_H

#include <sys/queue.h>

#include <runnel/call.h>

#include "client_private.h"

#define RNL_CALL_SEND_BUFFER_DEFAULT ((size_t)256 * 1024)

/* The limit of the server; a longer reason is cut. */
#define RNL_CANCEL_REASON_MAX ((size_t)256)

enum rnl_call_state {
    /* For a connection, or a free stream on it. */
    RNL_CALL_WAITING,
    RNL_CALL_RUNNING,
    /* on_end is to be called. */
    RNL_CALL_ENDED,
    /* on_end was called. */
    RNL_CALL_DONE,
};

/* A request message in the queue. */
struct rnl_outgoing {
    STAILQ_ENTRY(rnl_outgoing) link;
    size_t len;
    uint8_t data[];
};

struct rnl_call {
    struct rnl_client *client;
    /* metadata in it is not valid. */
    struct rnl_call_options options;
    enum rnl_call_state state;
    TAILQ_ENTRY(rnl_call) link;
    TAILQ_ENTRY(rnl_call) ready_link;
    bool ready;
    /* 0 until it was sent. */
    uint32_t id;
    /* Body of the Call frame but for the timeout; freed when sent. */
    uint8_t *head;
    size_t head_len;
    struct rnl_timer timer;
    int64_t deadline_ns;

    STAILQ_HEAD(, rnl_outgoing) queue;
    size_t queued_bytes;
    int64_t send_credit;
    bool half_close_wanted;
    bool half_close_sent;
    bool cancel_wanted;
    bool cancel_sent;
    char *cancel_reason;
    /* rnl_call_send was refused: on_writable is owed. */
    bool refused;

    /* What the server may still send, and what is consumed and not yet
     * granted again. */
    int64_t receive_credit;
    uint32_t consumed;
    /* Received, and not consumed. */
    uint64_t held;

    /* For this library itself, set after the start: the Call was sent. Given
     * options.arg. */
    void (*on_open)(struct rnl_call *call, void *arg);
    /* Callbacks of this call that are running. */
    unsigned busy;
    /* rnl_call_destroy came while busy. */
    bool doomed;
    /* For this library itself: all is sent and answered, so that to destroy the
     * call is its end and cancels nothing. */
    bool complete;
    struct rnl_status_box end;
};

/* --- call_head.c --- */

/* NULL, or how method or metadata are above the server's limits. */
const char *rnl_call_head_fault(const struct rnl_call_options *options,
                                const char *method);

/* Encodes method and metadata. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_call_encode_head(struct rnl_call *call,
                                                const char *method);

/* Sends it with the time that is left. False when memory is out. */
bool rnl_call_send_head(struct rnl_call *call);

/* --- call.c --- */

/* Of a connection that was made: opens the stream. Without memory for it the
 * call fails. */
void rnl_call_open(struct rnl_call *call);

/* Ends the call: on_end follows in this or the next process. The stream stays
 * in the table when the server still has to answer. */
void rnl_call_end(struct rnl_call *call, const struct rnl_status_info *info);
void rnl_call_fail(struct rnl_call *call, enum rnl_code code,
                   const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Calls on_end of all that ended. */
void rnl_calls_deliver(struct rnl_client *client);

/* Ends all in running, with code, or those above last_id as not started. */
void rnl_calls_lose(struct rnl_client *client,
                    const struct rnl_status_info *info, uint32_t last_id);

/* Ends waiting calls: all, or those that do not want to wait. */
void rnl_calls_refuse(struct rnl_client *client,
                      const struct rnl_status_info *info, bool all);

/* Frees every call, without calling back. */
void rnl_calls_free(struct rnl_client *client);

/* After a callback, before which busy was raised: frees the call when it asked
 * for that. True: it is gone. */
bool rnl_call_leave(struct rnl_call *call);

void rnl_call_drop_queue(struct rnl_call *call);

/* --- call_flow.c --- */

/* Puts the call on the list of those that have something to send, if it
 * has. */
void rnl_call_make_ready(struct rnl_call *call);
void rnl_call_unready(struct rnl_call *call);

/* Makes one frame of what a ready call has; without memory for it the call
 * fails. Callbacks may free the call. */
void rnl_call_produce(struct rnl_call *call);

/* The longest message that the server takes. */
size_t rnl_call_message_max(const struct rnl_call *call);

/* What frames of the server do to a call. Callbacks may free it. */
void rnl_call_take_message(struct rnl_call *call, const uint8_t *data,
                           size_t len);
void rnl_call_take_credit(struct rnl_call *call, uint32_t bytes);

/* --- streams.c: the table of streams --- */

struct rnl_open_stream *rnl_streams_find(struct rnl_client *client,
                                         uint32_t id);
bool rnl_streams_add(struct rnl_client *client, struct rnl_call *call);
void rnl_streams_remove(struct rnl_client *client,
                        struct rnl_open_stream *stream);

#endif
