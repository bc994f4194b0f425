/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of any method of the schema (proto/runnel/v1): requests and answers
 * are encoded protobuf messages, which this library does not look into. For
 * programs that have the schema themselves; job.h, stats.h and ingest.h need
 * none.
 */
#ifndef RNL_CALL_H
#define RNL_CALL_H

#include <runnel/client.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rnl_call;

/* A metadata entry of a call, a label or an option of a job. */
struct rnl_pair {
    const char *key;
    const char *value;
};

struct rnl_call_options {
    size_t size;
    /* Until the end of the call, with the time that it waits for a connection;
     * counted here and by the server. 0: none. */
    int64_t timeout_ms;
    /* "traceparent", "idempotency-key"; copied. At most 32. */
    const struct rnl_pair *metadata;
    size_t metadata_count;
    /* Wait for a connection while the core cannot be reached. By default such
     * a call ends with RNL_UNAVAILABLE as soon as an attempt to connect has
     * failed; a first attempt under way is always awaited. */
    bool wait_for_connection;
    /* Received bytes count as consumed when rnl_call_consume says so, not when
     * on_message returns: the server stops sending while too many are not. */
    bool manual_consume;
    /* Messages that wait here for the server to take them are bounded by this
     * many bytes, and one message. Default 256 KiB. */
    size_t send_buffer_bytes;
    /* One answer; data is borrowed until it returns. */
    void (*on_message)(struct rnl_call *call, const uint8_t *data, size_t len,
                       void *arg);
    /* rnl_call_writable turned true after rnl_call_send had been refused. */
    void (*on_writable)(struct rnl_call *call, void *arg);
    /* The end, exactly once and last; status is borrowed. The call is still to
     * be destroyed, here or later. */
    void (*on_end)(struct rnl_call *call, const struct rnl_status_info *status,
                   void *arg);
    void *arg;
};

/*
 * Starts a call of "runnel.v1.JobService/WatchJob". It is sent with the next
 * rnl_client_process. *ret_call is the caller's, to be given to
 * rnl_call_destroy.
 *
 * A call that was sent and whose connection is lost ends with
 * RNL_UNAVAILABLE; it is not repeated, since it may have been carried out. The
 * watches of job.h and stats.h and the ingest resume by themselves.
 *
 * Errors: RNL_INVALID_ARGUMENT for options out of range (rnl_client_status
 * names them); RNL_RESOURCE_EXHAUSTED.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_call_start(
    struct rnl_client *client, const char *method,
    const struct rnl_call_options *options, struct rnl_call **ret_call);

/*
 * Queues one request message; the bytes are copied.
 *
 * Errors: RNL_RESOURCE_EXHAUSTED when the send buffer is full (on_writable
 * follows), when memory is out, or when the message does not fit into a frame
 * that the server takes; RNL_FAILED_PRECONDITION after half-close or end.
 * Nothing was taken then.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_call_send(struct rnl_call *call,
                                                 const void *data, size_t len);

/* Whether rnl_call_send has room. */
RNL_API bool rnl_call_writable(const struct rnl_call *call);

/* Says that no more requests follow; sent after those queued. Unary and
 * server-streaming methods begin to work with it. */
RNL_API void rnl_call_half_close(struct rnl_call *call);

/* Says that len bytes of answers were dealt with (manual_consume). More than
 * were received are ignored. */
RNL_API void rnl_call_consume(struct rnl_call *call, size_t len);

/* Asks for the end; on_end follows with RNL_CANCELLED, or with what the server
 * had sent before. reason is for the server's log and may be NULL. */
RNL_API void rnl_call_cancel(struct rnl_call *call, const char *reason);

/* Frees a call, and cancels it if it has not ended; nothing is called back.
 * May be called inside of its own callbacks. Accepts NULL. */
RNL_API void rnl_call_destroy(struct rnl_call *call);

RNL_API struct rnl_client *rnl_call_client(const struct rnl_call *call);

/* Bytes that belong to the caller: give them to rnl_buffer_fini. */
struct rnl_buffer {
    uint8_t *data;
    size_t len;
};

/* Frees the bytes and zeroes the buffer. Accepts a zeroed one. */
RNL_API void rnl_buffer_fini(struct rnl_buffer *buffer);

/* What a unary call sends. */
struct rnl_request {
    const void *data;
    size_t len;
    /* 0 means the client's call_timeout_ms; negative: none. */
    int64_t timeout_ms;
};

/*
 * Blocks: one request, one answer. A call that the server has certainly not
 * seen is repeated on the next connection while there is time.
 *
 * Errors: the call's status, see rnl_client_status.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_call_unary(
    struct rnl_client *client, const char *method,
    const struct rnl_request *request, struct rnl_buffer *ret_answer);

#ifdef __cplusplus
}
#endif

#endif
