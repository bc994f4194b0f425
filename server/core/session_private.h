/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the session share, and nobody else sees:
 *
 *   session.c         life, control frames, time
 *   session_input.c   bytes to frames
 *   session_ahead.c   calls that came together
 *   session_hello.c   the handshake
 *   session_auth.c    who may do what
 *   session_call.c    Call and the frames of its stream
 *   session_output.c  what is written, in which order
 *   stream.c          one call: its queue, credit and end
 *   rpc.c             the handler's view of a stream
 *
 * A stream with a message that its peer has credit for, or with its final
 * Status next, is in the session's ready list, and is served in turn, a
 * message at a time. The final Status needs no credit.
 *
 * Handlers' on_close and on_writable are not called where their cause occurs
 * but noted in the closing and waiting lists, and called by
 * rnl_sessions_run_pending at the end of each entry point of the transport.
 */
#ifndef RNL_CORE_SESSION_PRIVATE_H
#define RNL_CORE_SESSION_PRIVATE_H

#include <sys/queue.h>

#include "bounds.h"
#include "core.h"
#include "frame.h"
#include "methods.h"
#include "rpc.h"
#include "session.h"
#include "timer.h"

/* Frames given to one writev: its IOV_MAX is 1,024, two pieces a frame; 32
 * small frames fill a segment of loopback TCP. */
#define RNL_RING_FRAMES 32

/* Messages that a stream queues without allocating: a unary answer. */
#define RNL_STREAM_ITEMS_INLINE 2

/* A Status of a code alone: tag and value. */
#define RNL_STATUS_BARE_MAX 2

struct rnl_stream {
    struct rnl_session *session;
    struct rnl_stream *hash_next;
    const struct rnl_method *method;
    /* The handler's. */
    void *state;
    uint32_t id;

    /* Which list event_link is in. */
    enum { RNL_EVENT_NONE, RNL_EVENT_WAITING, RNL_EVENT_CLOSING } event;
    bool is_ready;
    /* A callback of the handler was called, so on_close must be. */
    bool called;
    bool has_request;
    bool half_closed;
    /* finish, cancel or the like: final_code counts, no message is taken. */
    bool finished;
    /* on_close was called or need not be. */
    bool closed;
    /* The Status was given to the output, or never will be. */
    bool sent;
    /* rnl_stream_writable said no since the last on_writable. */
    bool wants_room;

    enum rnl_code final_code;
    /* Encoded Status; NULL: final_code alone. Owned. */
    struct rnl_buf *status;

    /* A ring of messages; cap is a power of two. */
    struct rnl_buf **items;
    size_t item_head;
    size_t item_count;
    size_t item_cap;
    struct rnl_buf *items_inline[RNL_STREAM_ITEMS_INLINE];
    size_t queued_bytes;
    int64_t send_balance;

    int64_t receive_balance;
    uint32_t credit_owed;
    /* The handler wants no more than what the peer has credit for. */
    bool held;
    /* The request of a unary or server-streaming call until its half-close.
     * Owned. */
    uint8_t *request;
    size_t request_len;
    /* "key\0value\0key\0value\0". Owned. */
    char *metadata;
    size_t metadata_len;
    /* Admitted the call: the session's, or one that the Call brought. A
     * reference; NULL on a server without tokens. */
    struct rnl_token *token;

    TAILQ_ENTRY(rnl_stream) ready_link;
    TAILQ_ENTRY(rnl_stream) event_link;
    struct rnl_timer deadline;
    /* When the Call came (rnl_core_clock). */
    int64_t start_ns;
};

TAILQ_HEAD(rnl_stream_list, rnl_stream);

/* A frame on its way to the socket. */
struct rnl_ring_frame {
    /* Body; owned; NULL when the head says all. */
    struct rnl_buf *buf;
    uint8_t head_len;
    bool is_control;
    uint8_t head[RNL_FRAME_HEAD_MAX + RNL_STATUS_BARE_MAX];
};

enum rnl_session_state {
    RNL_SESSION_HELLO,
    RNL_SESSION_OPEN,
    /* The final Status is in the output; input is ignored. */
    RNL_SESSION_CLOSING,
    /* Nothing more can be said. */
    RNL_SESSION_DEAD,
};

struct rnl_session {
    struct rnl_core *core;
    struct rnl_session_host host;
    TAILQ_ENTRY(rnl_session) link;
    TAILQ_ENTRY(rnl_session) pending_link;
    bool is_pending;
    /* on_output was called and output not fetched since. */
    bool announced;
    bool going_away;
    bool ping_sent;
    /* The last write took less than was lent. */
    bool blocked;
    enum rnl_session_state state;

    /* What the peer said in Hello. */
    uint32_t peer_frame_max;
    uint32_t peer_credit;
    char agent[RNL_AGENT_BYTES_MAX + 1];
    /* A reference; NULL: none was needed. */
    struct rnl_token *token;

    enum rnl_code reason_code;
    char reason[RNL_STATUS_TEXT_MAX];

    /* Handshake, keepalive or closing, by state. */
    struct rnl_timer timer;
    int64_t last_alive_ns;

    /* The begin of an unfinished frame. Owned. need is the length of the
     * whole, as far as known. */
    uint8_t *partial;
    size_t partial_len;
    size_t partial_cap;
    size_t partial_need;

    /* By id; chained. */
    struct rnl_stream **table;
    size_t table_cap;
    uint32_t stream_count;
    uint32_t last_stream_id;
    uint64_t calls;
    size_t request_bytes;

    struct rnl_stream_list ready;
    struct rnl_stream_list waiting;
    struct rnl_stream_list closing;

    /* Encoded control frames. Owned. */
    struct rnl_buf *control;
    size_t control_cap;
    /* Control bytes not yet written, those in the ring too. */
    size_t control_bytes;
    /* Of messages: queued on any stream; on ready streams; in the ring. */
    size_t queued_bytes;
    size_t ready_bytes;
    size_t ring_bytes;

    struct rnl_ring_frame ring[RNL_RING_FRAMES];
    size_t ring_head;
    size_t ring_count;
    /* Of the first frame of the ring, already written. */
    size_t head_done;
};

TAILQ_HEAD(rnl_session_list, rnl_session);

struct rnl_input_block {
    uint8_t *data;
    size_t cap;
};

/* All sessions of a core, and what they count. */
struct rnl_rpc {
    struct rnl_methods methods;
    struct rnl_session_list sessions;
    struct rnl_session_list pending;
    uint32_t session_count;
    uint32_t stream_count;
    uint64_t calls;
    /* For unfinished frames, of any session. Owned. */
    struct rnl_input_block spares[RNL_INPUT_SPARES_MAX];
    size_t spare_count;
};

/* session.c */

/* Deals with one frame. next are the bytes that follow it. */
void rnl_session_take_frame(struct rnl_session *session,
                            const struct rnl_frame *frame,
                            struct rnl_bytes next);

/* Ends the connection with a Status on stream 0. */
void rnl_session_fail(struct rnl_session *session, enum rnl_code code,
                      const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* (Re)starts the session's timer; without memory for it the session is dead. */
void rnl_session_start_timer(struct rnl_session *session, uint32_t delay_ms);

/* Has rnl_sessions_run_pending look at the session. */
void rnl_session_mark_pending(struct rnl_session *session);

/* Calls on_close and on_writable of all sessions that were marked. */
void rnl_sessions_run_pending(struct rnl_core *core);

/* session_input.c */

/* Forgets an unfinished frame. */
void rnl_session_drop_input(struct rnl_session *session);

/* session_ahead.c */

/* Tells methods of calls that came together (on_ahead). Returns how many of
 * the bytes, in whole frames, it looked at. */
size_t rnl_session_look_ahead(const struct rnl_session *session,
                              struct rnl_bytes bytes);

/* session_hello.c */

void rnl_session_take_hello(struct rnl_session *session,
                            const struct rnl_frame *frame);

/* session_auth.c */

/* Checks the token of a Hello, and keeps it; or fails the session. */
void rnl_session_take_token(struct rnl_session *session,
                            struct rnl_bytes token);

/* Finds the token that admits a call of method: that of the metadata
 * "authorization" when it is there (data not NULL), else the session's. Returns
 * RNL_OK, or a code and what to say with it. */
RNL_MUST_USE enum rnl_code rnl_session_authorize(
    const struct rnl_session *session, const struct rnl_method *method,
    struct rnl_bytes authorization, struct rnl_token **ret_token,
    char ret_text[RNL_STATUS_TEXT_MAX]);

/* Ends the sessions and calls whose token is no longer in force. Not from
 * inside of a handler. */
void rnl_sessions_check_tokens(struct rnl_core *core);

/* session_call.c */

void rnl_session_take_call(struct rnl_session *session,
                           const struct rnl_frame *frame);

/* Message, HalfClose, Cancel or Credit. next are the bytes after the frame:
 * when they begin with the stream's HalfClose the request need not be
 * copied. */
void rnl_session_take_stream_frame(struct rnl_session *session,
                                   const struct rnl_frame *frame,
                                   struct rnl_bytes next);

/* session_output.c */

/* Tells the transport that there is something to do. */
void rnl_session_announce(struct rnl_session *session);

/* Queues a control frame; body may be NULL when len is 0. When memory is out
 * the session is dead. */
void rnl_session_put_control(struct rnl_session *session, uint32_t stream_id,
                             enum rnl_frame_kind kind, struct rnl_bytes body);

/* The same for a Status of a code and a sentence. */
void rnl_session_put_status(struct rnl_session *session, uint32_t stream_id,
                            enum rnl_code code, const char *text);

/* Bytes that wait for the socket alone. */
size_t rnl_session_backlog(const struct rnl_session *session);

/* Frees the output. */
void rnl_session_drop_output(struct rnl_session *session);

/* stream.c */

RNL_MUST_USE enum rnl_code rnl_stream_create(struct rnl_session *session,
                                             uint32_t id,
                                             const struct rnl_method *method,
                                             struct rnl_stream **ret_stream);
struct rnl_stream *rnl_stream_find(const struct rnl_session *session,
                                   uint32_t id);

/* Puts the stream into the ready list, or takes it out, as its queue and
 * credit are. */
void rnl_stream_update_ready(struct rnl_stream *stream);

/* Ends the stream with a Status, text may be "". With drop, messages queued
 * are forgotten. */
void rnl_stream_end(struct rnl_stream *stream, enum rnl_code code,
                    const char *text, bool drop);

/* The same with an encoded Status, whose reference it takes; NULL: the code
 * alone. */
void rnl_stream_end_encoded(struct rnl_stream *stream, enum rnl_code code,
                            struct rnl_buf *status, bool drop);

/* Ends the stream without a word to the peer. */
void rnl_stream_abandon(struct rnl_stream *stream, enum rnl_code code);

/* Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_stream_start_deadline(struct rnl_stream *stream,
                                                     uint32_t timeout_ms);

/* The Status is out: forgets the id. The stream is freed when on_close has been
 * called as well. */
void rnl_stream_sent(struct rnl_stream *stream);

/* Queues a message and takes over its reference; false when memory is out. */
bool rnl_stream_put_item(struct rnl_stream *stream, struct rnl_buf *buf);

/* Whether the peer's credit covers more than what is queued. */
bool rnl_stream_has_credit(const struct rnl_stream *stream);

/* Takes the next message off the queue, and its price off the balance; its
 * reference is the caller's. */
struct rnl_buf *rnl_stream_take_item(struct rnl_stream *stream);

/* Moves the stream to the waiting list if it wants room and has credit. */
void rnl_stream_update_waiting(struct rnl_stream *stream);

/* Grants the credit that is owed, once it is worth a frame and the peer takes
 * the answers. */
void rnl_stream_return_credit(struct rnl_stream *stream);

/* Frees what the handler has consumed. */
void rnl_stream_drop_request(struct rnl_stream *stream);

/* Calls on_close, if due, and frees the stream if it is sent. */
void rnl_stream_close(struct rnl_stream *stream);

#endif
