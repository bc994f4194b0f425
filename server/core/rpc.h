/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a method handler sees: a table entry that it fills in and a stream
 * object that it talks to. A handler never sees a socket, a frame or credit,
 * so that another transport can carry the same methods.
 *
 * Everything here runs on the core's one thread. No function calls a handler
 * back before it returns, except rnl_core_* of the transport below.
 */
#ifndef RNL_CORE_RPC_H
#define RNL_CORE_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>
#include <runnel/status.h>

#include "scope.h"

struct rnl_core;
struct rnl_stream;
struct rnl_token;

struct rnl_bytes {
    const uint8_t *data;
    size_t len;
};

/* An encoded message that several streams can send without copying it. */
struct rnl_buf {
    uint32_t refs;
    uint32_t len;
    uint8_t data[];
};

/* Returns a buffer with one reference and room for len bytes, or NULL when
 * memory is out. */
struct rnl_buf *rnl_buf_create(size_t len);

/* Encodes a message into a new buffer; NULL when memory is out. */
struct rnl_buf *rnl_buf_pack(const ProtobufCMessage *message);

struct rnl_buf *rnl_buf_ref(struct rnl_buf *buf);

/* Accepts NULL. */
void rnl_buf_unref(struct rnl_buf *buf);

enum rnl_shape {
    RNL_UNARY,
    RNL_SERVER_STREAM,
    RNL_CLIENT_STREAM,
    RNL_BIDI_STREAM,
};

/*
 * One method. The session calls, for each call of it:
 *
 *   on_message     for every request message; for RNL_UNARY and
 *                  RNL_SERVER_STREAM exactly once, after the half-close.
 *                  data is borrowed for the duration of the call.
 *   on_half_close  (client and bidi streams) no further message comes.
 *   on_writable    rnl_stream_writable() turned true again after it was
 *                  asked and said false.
 *   on_drain       the server goes down: finish the stream as soon as what it
 *                  does has ended. Streams of other methods than RNL_UNARY
 *                  without it are ended at once.
 *   on_close       exactly once and last, whatever ended the stream (finish,
 *                  cancel, deadline, lost connection), if any other callback
 *                  was called: free the stream's state here. code tells why.
 *
 *   on_ahead       messages of several calls have come at once and are about
 *                  to be given to on_message, one after the other, most likely:
 *                  a hint to have what all of them need from memory fetched
 *                  together. Nothing about them has been checked, and nothing
 *                  may change. Not for streams of requests.
 *
 * on_half_close, on_writable, on_close, on_drain and on_ahead may be NULL.
 */
struct rnl_method {
    /* "runnel.v1.JobService/GetJob". */
    const char *name;
    enum rnl_shape shape;
    void (*on_message)(struct rnl_stream *stream, const uint8_t *data,
                       size_t len);
    void (*on_half_close)(struct rnl_stream *stream);
    void (*on_writable)(struct rnl_stream *stream);
    void (*on_close)(struct rnl_stream *stream, enum rnl_code code);
    /* What a caller's token must have. */
    enum rnl_scope scope;
    void (*on_drain)(struct rnl_stream *stream);
    void (*on_ahead)(struct rnl_core *core, const struct rnl_bytes *messages,
                     size_t count);
};

/* A service's methods; the array is static. */
struct rnl_service {
    const struct rnl_method *methods;
    size_t method_count;
};

/* The core that the stream belongs to; its services hang there (core.h). */
struct rnl_core *rnl_stream_core(const struct rnl_stream *stream);

/* The handler's own state: NULL until set. Not owned by the stream. */
void *rnl_stream_state(const struct rnl_stream *stream);
void rnl_stream_set_state(struct rnl_stream *stream, void *state);

/* The token that the call was admitted by (tokens.h); NULL on a server without
 * tokens. Borrowed for the stream's life. */
const struct rnl_token *rnl_stream_token(const struct rnl_stream *stream);

/* A metadata value of the Call, or NULL. Borrowed for the stream's life. */
const char *rnl_stream_metadata(const struct rnl_stream *stream,
                                const char *key);

/*
 * Unpacks a request; its strings are then UTF-8. On failure the stream has been
 * finished with RNL_INVALID_ARGUMENT (or RNL_RESOURCE_EXHAUSTED) and NULL is
 * returned.
 * Free the result with rnl_request_free.
 */
void *rnl_stream_unpack(struct rnl_stream *stream,
                        const ProtobufCMessageDescriptor *descriptor,
                        const uint8_t *data, size_t len);
void rnl_request_free(void *message);

/*
 * Whether the peer's credit and the connection's output buffer have room. A
 * handler that streams stops producing while it is false and goes on in
 * on_writable; a message sent all the same is queued (unary answers need not
 * look). False once the stream is finished. Only a handler that was told false
 * gets on_writable.
 */
bool rnl_stream_writable(struct rnl_stream *stream);

/* While held, the peer gets no credit for what it has sent: it may send what it
 * has credit for, at most RNL_CREDIT_BYTES_DEFAULT and one message, and then
 * waits. For streams of requests; not held at first. */
void rnl_stream_hold(struct rnl_stream *stream, bool held);

/* The largest message that fits the peer's frame limit, in bytes. */
size_t rnl_stream_message_max(const struct rnl_stream *stream);

/* Queues one response message; encodes at once, so that message may be freed.
 * When memory is out or the message is above the peer's frame limit the stream
 * is finished with RNL_RESOURCE_EXHAUSTED. Does nothing on a finished
 * stream. */
void rnl_stream_send(struct rnl_stream *stream,
                     const ProtobufCMessage *message);

/* The same for a message encoded before; takes its own reference. */
void rnl_stream_send_buf(struct rnl_stream *stream, struct rnl_buf *buf);

/* rnl_stream_send and rnl_stream_finish(RNL_OK): the end of a unary call. */
void rnl_stream_reply(struct rnl_stream *stream,
                      const ProtobufCMessage *message);

/* The same for a message encoded before, whose reference it takes over; NULL:
 * memory was out. */
void rnl_stream_reply_buf(struct rnl_stream *stream, struct rnl_buf *buf);

/*
 * Ends the stream with a Status, sent after all queued messages. format may be
 * NULL for RNL_OK. The first finish counts, further ones do nothing; on_close
 * follows later, never from inside this call.
 */
void rnl_stream_finish(struct rnl_stream *stream, enum rnl_code code,
                       const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Ends the stream with RNL_INVALID_ARGUMENT and one field violation. field is
 * a path in the request: "options.pace_ms". */
void rnl_stream_finish_field(struct rnl_stream *stream, const char *field,
                             const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Ends the stream with a code and the time after which the same call may
 * succeed. */
void rnl_stream_finish_retry(struct rnl_stream *stream, enum rnl_code code,
                             uint32_t retry_delay_ms, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* RNL_OUT_OF_RANGE with the first sequence that can still be asked for. */
void rnl_stream_finish_out_of_range(struct rnl_stream *stream,
                                    uint64_t first_available,
                                    const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
