/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call opens a stream; Message, HalfClose, Cancel and Credit belong to one. A
 * fault in them costs that stream alone, unless the two sides no longer agree
 * on which streams there are: that is a fault of the connection.
 */
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "session_private.h"
#include "tokens.h"
#include "utf8.h"
#include "wire.h"

enum call_field {
    CALL_METHOD = 1,
    CALL_TIMEOUT_MS = 2,
    CALL_METADATA = 3,
};

/* Longer names are shown cut. */
#define METHOD_SHOWN_MAX 100

struct call {
    struct rnl_bytes method;
    uint32_t timeout_ms;
    unsigned metadata_count;
    /* Room for all keys and values with a NUL each. */
    size_t metadata_len;
    /* The metadata "authorization"; data is NULL when it is not there. */
    struct rnl_bytes authorization;
};

struct entry {
    struct rnl_bytes key;
    struct rnl_bytes value;
};

/* --- reading a Call --- */

static bool is_text(struct rnl_bytes bytes)
{
    return memchr(bytes.data, '\0', bytes.len) == NULL &&
           rnl_utf8_valid(bytes.data, bytes.len);
}

static bool is_named(struct rnl_bytes key, const char *name)
{
    return key.len == strlen(name) && memcmp(key.data, name, key.len) == 0;
}

static bool read_entry(const struct rnl_wire_field *field,
                       struct entry *ret_entry)
{
    static const uint8_t nothing[1];
    struct entry entry = {{nothing, 0}, {nothing, 0}};
    struct rnl_wire wire = {field->data, field->data + field->len};
    struct rnl_wire_field part;
    enum rnl_wire_result result;
    while ((result = rnl_wire_next(&wire, &part)) == RNL_WIRE_FIELD) {
        if (part.number > 2)
            continue;
        if (part.type != RNL_WIRE_BYTES)
            return false;
        struct rnl_bytes bytes = {part.data, part.len};
        if (part.number == 1)
            entry.key = bytes;
        else
            entry.value = bytes;
    }
    *ret_entry = entry;
    return result == RNL_WIRE_END && is_text(entry.key) && is_text(entry.value);
}

/* Returns NULL, or what is wrong with the Call. */
static const char *take_call_field(struct call *call,
                                   const struct rnl_wire_field *field)
{
    static const char unreadable[] = "the Call cannot be read";
    struct entry entry;
    switch (field->number) {
    case CALL_METHOD:
        call->method = (struct rnl_bytes){field->data, field->len};
        return field->type == RNL_WIRE_BYTES ? NULL : unreadable;
    case CALL_TIMEOUT_MS:
        call->timeout_ms = (uint32_t)field->value;
        return field->type == RNL_WIRE_VARINT && field->value <= UINT32_MAX
                   ? NULL
                   : unreadable;
    case CALL_METADATA:
        if (field->type != RNL_WIRE_BYTES || !read_entry(field, &entry))
            return unreadable;
        if (++call->metadata_count > RNL_METADATA_ENTRIES_MAX)
            return "metadata: must have at most 32 entries";
        if (entry.key.len + entry.value.len > RNL_METADATA_BYTES_MAX)
            return "metadata: an entry must have at most 1024 bytes";
        if (is_named(entry.key, "authorization"))
            call->authorization = entry.value;
        else
            call->metadata_len += entry.key.len + entry.value.len + 2;
        return NULL;
    default:
        return NULL;
    }
}

static const char *read_call(const struct rnl_frame *frame,
                             struct call *ret_call)
{
    struct call call = {0};
    struct rnl_wire wire = {frame->body, frame->body + frame->body_len};
    struct rnl_wire_field field;
    enum rnl_wire_result result;
    while ((result = rnl_wire_next(&wire, &field)) == RNL_WIRE_FIELD) {
        const char *wrong = take_call_field(&call, &field);
        if (wrong != NULL)
            return wrong;
    }
    if (result == RNL_WIRE_BROKEN)
        return "the Call cannot be read";
    *ret_call = call;
    return NULL;
}

static char *put_text(char *out, struct rnl_bytes text)
{
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return out + text.len + 1;
}

/* Copies the metadata out of a Call that was found to be sound; a handler has
 * no use for the token. */
static bool copy_metadata(struct rnl_stream *stream,
                          const struct rnl_frame *frame,
                          const struct call *call)
{
    if (call->metadata_len == 0)
        return true;
    stream->metadata = rnl_malloc(call->metadata_len);
    if (stream->metadata == NULL)
        return false;
    stream->metadata_len = call->metadata_len;
    char *out = stream->metadata;
    struct rnl_wire wire = {frame->body, frame->body + frame->body_len};
    struct rnl_wire_field field;
    struct entry entry;
    while (rnl_wire_next(&wire, &field) == RNL_WIRE_FIELD) {
        if (field.number != CALL_METADATA || !read_entry(&field, &entry) ||
            is_named(entry.key, "authorization"))
            continue;
        out = put_text(out, entry.key);
        out = put_text(out, entry.value);
    }
    return true;
}

/* --- opening a stream --- */

/* Answers a call for which there will be no stream. */
static void refuse(struct rnl_session *session, uint32_t id, enum rnl_code code,
                   const char *text)
{
    rnl_session_put_status(session, id, code, text);
}

static void refuse_method(struct rnl_session *session, uint32_t id,
                          struct rnl_bytes name)
{
    char text[RNL_STATUS_TEXT_MAX];
    if (name.len == 0)
        snprintf(text, sizeof(text), "the Call names no method");
    else if (rnl_methods_in_schema(name.data, name.len))
        snprintf(text, sizeof(text), "method %.*s is not served yet",
                 (int)name.len, (const char *)name.data);
    else if (!is_text(name) || name.len > METHOD_SHOWN_MAX)
        snprintf(text, sizeof(text), "unknown method");
    else
        snprintf(text, sizeof(text), "unknown method %.*s", (int)name.len,
                 (const char *)name.data);
    refuse(session, id, RNL_UNIMPLEMENTED, text);
}

static void open_stream(struct rnl_session *session,
                        const struct rnl_frame *frame, const struct call *call,
                        const struct rnl_method *method)
{
    struct rnl_stream *stream;
    struct rnl_token *token;
    char text[RNL_STATUS_TEXT_MAX];
    enum rnl_code code = rnl_session_authorize(
        session, method, call->authorization, &token, text);
    if (code != RNL_OK) {
        refuse(session, frame->stream_id, code, text);
        return;
    }
    if (rnl_stream_create(session, frame->stream_id, method, &stream) !=
        RNL_OK) {
        refuse(session, frame->stream_id, RNL_RESOURCE_EXHAUSTED,
               "the server is out of memory");
        return;
    }
    stream->token = rnl_token_ref(token);
    if (!copy_metadata(stream, frame, call) ||
        (call->timeout_ms > 0 &&
         rnl_stream_start_deadline(stream, call->timeout_ms) != RNL_OK))
        rnl_stream_end(stream, RNL_RESOURCE_EXHAUSTED,
                       "the server is out of memory", true);
}

static void admit(struct rnl_session *session, const struct rnl_frame *frame)
{
    uint32_t id = frame->stream_id;
    if (session->going_away) {
        refuse(session, id, RNL_UNAVAILABLE, "the server is draining");
        return;
    }
    if (session->stream_count >= session->core->options.max_streams) {
        refuse(session, id, RNL_RESOURCE_EXHAUSTED,
               "the connection has too many open calls");
        return;
    }
    struct call call;
    const char *wrong = read_call(frame, &call);
    if (wrong != NULL) {
        refuse(session, id, RNL_INVALID_ARGUMENT, wrong);
        return;
    }
    const struct rnl_method *method = rnl_methods_find(
        &session->core->rpc->methods, call.method.data, call.method.len);
    if (method == NULL)
        refuse_method(session, id, call.method);
    else
        open_stream(session, frame, &call, method);
}

void rnl_session_take_call(struct rnl_session *session,
                           const struct rnl_frame *frame)
{
    uint32_t id = frame->stream_id;
    if (id % 2 == 0 || id <= session->last_stream_id) {
        rnl_session_fail(session, RNL_INVALID_ARGUMENT,
                         "Call with stream id %u: must be odd and above %u", id,
                         session->last_stream_id);
        return;
    }
    session->last_stream_id = id;
    session->calls++;
    session->core->rpc->calls++;
    admit(session, frame);
}

/* --- the frames of a stream --- */

static bool takes_one_message(const struct rnl_stream *stream)
{
    return stream->method->shape == RNL_UNARY ||
           stream->method->shape == RNL_SERVER_STREAM;
}

static void end_bad(struct rnl_stream *stream, const char *text)
{
    rnl_stream_end(stream, RNL_INVALID_ARGUMENT, text, true);
}

static void deliver(struct rnl_stream *stream, struct rnl_bytes message)
{
    stream->called = true;
    stream->method->on_message(stream, message.data, message.len);
}

/* Whether the bytes after a frame begin with the HalfClose of its stream. */
static bool half_close_follows(const struct rnl_stream *stream,
                               struct rnl_bytes next)
{
    struct rnl_frame frame;
    size_t used, need;
    return rnl_frame_decode(next.data, next.len, RNL_FRAME_BYTES_MIN, &frame,
                            &used, &need) == RNL_OK &&
           used > 0 && frame.kind == RNL_FRAME_HALF_CLOSE &&
           frame.stream_id == stream->id;
}

static void keep_request(struct rnl_stream *stream, struct rnl_bytes message)
{
    struct rnl_session *session = stream->session;
    if (session->request_bytes + message.len > RNL_SESSION_REQUEST_BYTES_MAX) {
        rnl_stream_end(stream, RNL_RESOURCE_EXHAUSTED,
                       "too many requests wait for their HalfClose", true);
        return;
    }
    stream->request = rnl_malloc(message.len + 1);
    if (stream->request == NULL) {
        rnl_stream_end(stream, RNL_RESOURCE_EXHAUSTED,
                       "the server is out of memory", true);
        return;
    }
    if (message.len > 0)
        memcpy(stream->request, message.data, message.len);
    stream->request_len = message.len;
    session->request_bytes += message.len;
}

/* The one request of a call. The handler sees it after the half-close; that
 * mostly follows at once, and the request is then handed on without a copy. */
static void take_request(struct rnl_stream *stream, struct rnl_bytes message,
                         struct rnl_bytes next)
{
    if (stream->has_request) {
        end_bad(stream, "the method takes one request message");
        return;
    }
    stream->has_request = true;
    if (!half_close_follows(stream, next)) {
        keep_request(stream, message);
        return;
    }
    stream->half_closed = true;
    deliver(stream, message);
}

static void take_streamed(struct rnl_stream *stream, struct rnl_bytes message)
{
    if (stream->receive_balance <= 0) {
        rnl_stream_end(stream, RNL_RESOURCE_EXHAUSTED,
                       "a Message was sent without credit", true);
        return;
    }
    stream->receive_balance -= (int64_t)message.len;
    deliver(stream, message);
    stream->credit_owed += (uint32_t)message.len;
    rnl_stream_return_credit(stream);
}

static void take_message(struct rnl_stream *stream, struct rnl_bytes message,
                         struct rnl_bytes next)
{
    if (stream->half_closed)
        end_bad(stream, "a Message followed the HalfClose");
    else if (takes_one_message(stream))
        take_request(stream, message, next);
    else
        take_streamed(stream, message);
}

static void take_half_close(struct rnl_stream *stream)
{
    if (stream->half_closed) {
        /* That of a unary request was taken together with the Message. */
        if (!takes_one_message(stream))
            end_bad(stream, "the HalfClose came twice");
        return;
    }
    stream->half_closed = true;
    if (!takes_one_message(stream)) {
        stream->called = true;
        if (stream->method->on_half_close != NULL)
            stream->method->on_half_close(stream);
        return;
    }
    if (!stream->has_request) {
        end_bad(stream, "the HalfClose came without a request message");
        return;
    }
    deliver(stream, (struct rnl_bytes){stream->request, stream->request_len});
    rnl_stream_drop_request(stream);
}

static void take_credit(struct rnl_stream *stream,
                        const struct rnl_frame *frame)
{
    struct rnl_wire wire = {frame->body, frame->body + frame->body_len};
    struct rnl_wire_field field;
    enum rnl_wire_result result;
    uint64_t bytes = 0;
    while ((result = rnl_wire_next(&wire, &field)) == RNL_WIRE_FIELD)
        if (field.number == 1)
            bytes = field.type == RNL_WIRE_VARINT ? field.value : UINT64_MAX;
    if (result == RNL_WIRE_BROKEN || bytes > UINT32_MAX) {
        end_bad(stream, "the Credit cannot be read");
        return;
    }
    stream->send_balance += (int64_t)bytes;
    if (stream->send_balance > RNL_CREDIT_BALANCE_MAX) {
        end_bad(stream, "the balance of credit is above 2147483647");
        return;
    }
    rnl_stream_update_ready(stream);
    rnl_stream_update_waiting(stream);
    rnl_stream_return_credit(stream);
}

void rnl_session_take_stream_frame(struct rnl_session *session,
                                   const struct rnl_frame *frame,
                                   struct rnl_bytes next)
{
    uint32_t id = frame->stream_id;
    if (id % 2 == 0 || id > session->last_stream_id) {
        rnl_session_fail(session, RNL_INVALID_ARGUMENT,
                         "frame on stream %u, which was never opened", id);
        return;
    }
    struct rnl_stream *stream = rnl_stream_find(session, id);
    if (stream == NULL)
        return; /* Late: the Status of the stream is on its way. */
    if (frame->kind == RNL_FRAME_CREDIT)
        take_credit(stream, frame);
    else if (frame->kind == RNL_FRAME_CANCEL)
        rnl_stream_end(stream, RNL_CANCELLED, "cancelled by the caller", true);
    else if (stream->finished)
        return; /* Late as well. */
    else if (frame->kind == RNL_FRAME_MESSAGE)
        take_message(stream, (struct rnl_bytes){frame->body, frame->body_len},
                     next);
    else
        take_half_close(stream);
}
