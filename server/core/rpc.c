/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <runnel/v1/frame.pb-c.h>

#include "alloc.h"
#include "request_check.h"
#include "session_private.h"
#include "utf8.h"

struct rnl_core *rnl_stream_core(const struct rnl_stream *stream)
{
    return stream->session->core;
}

void *rnl_stream_state(const struct rnl_stream *stream)
{
    return stream->state;
}

void rnl_stream_set_state(struct rnl_stream *stream, void *state)
{
    stream->state = state;
}

const struct rnl_token *rnl_stream_token(const struct rnl_stream *stream)
{
    return stream->token;
}

const char *rnl_stream_metadata(const struct rnl_stream *stream,
                                const char *key)
{
    if (stream->metadata == NULL)
        return NULL;
    const char *at = stream->metadata;
    const char *end = at + stream->metadata_len;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (strcmp(at, key) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

/* --- requests --- */

/* protobuf-c answers NULL both for bytes that are no message and for lack of
 * memory; this tells which it was. */
static void *alloc_noting_failure(void *arg, size_t size)
{
    void *block = rnl_malloc(size);
    if (block == NULL)
        *(bool *)arg = true;
    return block;
}

static void free_block(void *arg, void *block)
{
    (void)arg;
    rnl_free(block);
}

static void *check_text(struct rnl_stream *stream, void *message)
{
    char path[RNL_FIELD_PATH_MAX];
    if (rnl_request_check_text(message, path))
        return message;
    rnl_stream_finish_field(stream, path, "must be UTF-8");
    rnl_request_free(message);
    return NULL;
}

void *rnl_stream_unpack(struct rnl_stream *stream,
                        const ProtobufCMessageDescriptor *descriptor,
                        const uint8_t *data, size_t len)
{
    bool out_of_memory = false;
    ProtobufCAllocator allocator = {alloc_noting_failure, free_block,
                                    &out_of_memory};
    void *message =
        protobuf_c_message_unpack(descriptor, &allocator, len, data);
    if (message != NULL)
        return check_text(stream, message);
    if (out_of_memory)
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED,
                          "the server is out of memory");
    else
        rnl_stream_finish(stream, RNL_INVALID_ARGUMENT,
                          "the bytes are not a %s", descriptor->name);
    return NULL;
}

void rnl_request_free(void *message)
{
    if (message != NULL)
        protobuf_c_message_free_unpacked(message, &rnl_pb_allocator);
}

/* --- answers --- */

bool rnl_stream_writable(struct rnl_stream *stream)
{
    if (stream->finished)
        return false;
    if (rnl_stream_has_credit(stream) &&
        rnl_session_backlog(stream->session) < RNL_SESSION_OUTPUT_BYTES_MAX)
        return true;
    stream->wants_room = true;
    rnl_stream_update_waiting(stream);
    return false;
}

size_t rnl_stream_message_max(const struct rnl_stream *stream)
{
    return stream->session->peer_frame_max - RNL_FRAME_OVERHEAD_MAX;
}

/* Returns NULL, or why a message of len bytes cannot be queued. */
static const char *refusal(const struct rnl_stream *stream, size_t len)
{
    const struct rnl_session *session = stream->session;
    if (len + RNL_FRAME_OVERHEAD_MAX > session->peer_frame_max)
        return "the answer is larger than the frames that you accept";
    if (session->queued_bytes > RNL_SESSION_QUEUE_BYTES_MAX ||
        stream->item_count >= RNL_STREAM_QUEUE_COUNT_MAX)
        return "too much waits for your credit";
    return NULL;
}

/* Takes over the reference to buf, which is NULL when memory was out. */
static void put(struct rnl_stream *stream, struct rnl_buf *buf)
{
    const char *reason = "the server is out of memory";
    if (buf != NULL) {
        reason = refusal(stream, buf->len);
        if (reason == NULL && rnl_stream_put_item(stream, buf))
            return;
        if (reason == NULL)
            reason = "the server is out of memory";
    }
    rnl_buf_unref(buf);
    rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED, "%s", reason);
}

void rnl_stream_send(struct rnl_stream *stream, const ProtobufCMessage *message)
{
    if (!stream->finished)
        put(stream, rnl_buf_pack(message));
}

void rnl_stream_send_buf(struct rnl_stream *stream, struct rnl_buf *buf)
{
    if (!stream->finished)
        put(stream, rnl_buf_ref(buf));
}

void rnl_stream_reply(struct rnl_stream *stream,
                      const ProtobufCMessage *message)
{
    rnl_stream_send(stream, message);
    rnl_stream_finish(stream, RNL_OK, NULL);
}

void rnl_stream_reply_buf(struct rnl_stream *stream, struct rnl_buf *buf)
{
    if (stream->finished) {
        rnl_buf_unref(buf);
        return;
    }
    put(stream, buf);
    rnl_stream_finish(stream, RNL_OK, NULL);
}

/* --- the end --- */

/* Texts repeat what peers sent: a cut or hostile one must not make the Status
 * unreadable for a strict protobuf library. */
static void make_utf8(char *text)
{
    if (rnl_utf8_valid(text, strlen(text)))
        return;
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x80)
            *text = '?';
}

static void format_text(char text[RNL_STATUS_TEXT_MAX], const char *format,
                        va_list args)
{
    vsnprintf(text, RNL_STATUS_TEXT_MAX, format, args);
    make_utf8(text);
}

void rnl_stream_finish(struct rnl_stream *stream, enum rnl_code code,
                       const char *format, ...)
{
    if (stream->finished)
        return;
    char text[RNL_STATUS_TEXT_MAX] = "";
    if (format != NULL) {
        va_list args;
        va_start(args, format);
        format_text(text, format, args);
        va_end(args);
    }
    rnl_stream_end(stream, code, text, false);
}

void rnl_stream_finish_field(struct rnl_stream *stream, const char *field,
                             const char *format, ...)
{
    if (stream->finished)
        return;
    char description[RNL_STATUS_TEXT_MAX];
    va_list args;
    va_start(args, format);
    format_text(description, format, args);
    va_end(args);
    char text[2 * RNL_STATUS_TEXT_MAX];
    snprintf(text, sizeof(text), "%s: %s", field, description);
    make_utf8(text);
    Runnel__V1__FieldViolation violation = RUNNEL__V1__FIELD_VIOLATION__INIT;
    violation.field = (char *)field;
    violation.description = description;
    Runnel__V1__FieldViolation *violations[] = {&violation};
    Runnel__V1__Status status = RUNNEL__V1__STATUS__INIT;
    status.code = RUNNEL__V1__CODE__CODE_INVALID_ARGUMENT;
    status.message = text;
    status.n_violations = 1;
    status.violations = violations;
    rnl_stream_end_encoded(stream, RNL_INVALID_ARGUMENT,
                           rnl_buf_pack(&status.base), false);
}

/* Ends the stream with a Status whose message is the text. */
static void finish_status(struct rnl_stream *stream, Runnel__V1__Status status,
                          const char *format, va_list args)
{
    char text[RNL_STATUS_TEXT_MAX];
    if (stream->finished)
        return;
    format_text(text, format, args);
    status.message = text;
    rnl_stream_end_encoded(stream, (enum rnl_code)(int)status.code,
                           rnl_buf_pack(&status.base), false);
}

void rnl_stream_finish_retry(struct rnl_stream *stream, enum rnl_code code,
                             uint32_t retry_delay_ms, const char *format, ...)
{
    Runnel__V1__Status status = RUNNEL__V1__STATUS__INIT;
    status.code = (Runnel__V1__Code)(int)code;
    status.retry_delay_ms = retry_delay_ms;
    va_list args;
    va_start(args, format);
    finish_status(stream, status, format, args);
    va_end(args);
}

void rnl_stream_finish_out_of_range(struct rnl_stream *stream,
                                    uint64_t first_available,
                                    const char *format, ...)
{
    Runnel__V1__Status status = RUNNEL__V1__STATUS__INIT;
    status.code = RUNNEL__V1__CODE__CODE_OUT_OF_RANGE;
    status.first_available_sequence = first_available;
    va_list args;
    va_start(args, format);
    finish_status(stream, status, format, args);
    va_end(args);
}
