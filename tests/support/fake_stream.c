/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "test.h"

#define START_WALL_NS     INT64_C(1700000000000000000)
#define START_NOW_NS      INT64_C(5000000000)
#define TURNS_MAX         10000000
#define MESSAGE_MAX_BYTES (1024 * 1024)

/* ---- core and time ---- */

static void fake_random(void *arg, uint8_t *out, size_t len)
{
    uint64_t *state = arg;
    for (size_t i = 0; i < len; i++) {
        *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407U;
        out[i] = (uint8_t)(*state >> 56);
    }
}

void fake_core_init(struct rnl_core *core, uint64_t seed)
{
    static uint64_t random_state;
    random_state = seed;
    *core = (struct rnl_core){
        .options = {.random = fake_random, .random_arg = &random_state},
        .now_ns = START_NOW_NS,
        .wall_ns = START_WALL_NS,
        .start_wall_ns = START_WALL_NS,
    };
    rnl_timers_init(&core->timers);
}

void fake_core_fini(struct rnl_core *core)
{
    rnl_timers_fini(&core->timers);
}

static void move_to(struct rnl_core *core, int64_t now_ns)
{
    if (now_ns <= core->now_ns)
        return;
    core->wall_ns += now_ns - core->now_ns;
    core->now_ns = now_ns;
}

void fake_core_advance(struct rnl_core *core, int64_t ns)
{
    int64_t end_ns = core->now_ns + ns;
    for (int turns = 0; rnl_timers_next(&core->timers) <= end_ns; turns++) {
        assert_in_range(turns, 0, TURNS_MAX);
        move_to(core, rnl_timers_next(&core->timers));
        rnl_timers_run(&core->timers, core->now_ns);
    }
    move_to(core, end_ns);
}

/* ---- what a test does ---- */

void fake_open(struct rnl_stream *stream, struct rnl_core *core,
               const struct rnl_service *service, const char *method)
{
    *stream = (struct rnl_stream){.core = core, .room = SIZE_MAX};
    for (size_t i = 0; i < service->method_count; i++) {
        const char *name = strchr(service->methods[i].name, '/') + 1;
        if (strcmp(name, method) == 0)
            stream->method = &service->methods[i];
    }
    assert_non_null(stream->method);
}

void fake_request(struct rnl_stream *stream, const ProtobufCMessage *request)
{
    size_t len = protobuf_c_message_get_packed_size(request);
    uint8_t *bytes = malloc(len + 1);
    assert_non_null(bytes);
    protobuf_c_message_pack(request, bytes);
    stream->method->on_message(stream, bytes, len);
    free(bytes);
}

void fake_call(struct rnl_stream *stream, struct rnl_core *core,
               const struct rnl_service *service, const char *method,
               const ProtobufCMessage *request)
{
    fake_open(stream, core, service, method);
    fake_request(stream, request);
}

void fake_give_room(struct rnl_stream *stream, size_t room)
{
    stream->room = room;
    if (stream->wants_room && room > 0 && !stream->finished) {
        stream->wants_room = false;
        stream->method->on_writable(stream);
    }
}

void fake_close(struct rnl_stream *stream)
{
    stream->finished = true;
    if (stream->method->on_close != NULL)
        stream->method->on_close(stream, stream->code);
    for (size_t i = 0; i < stream->sent_count; i++)
        rnl_buf_unref(stream->sent[i]);
    free(stream->sent);
    stream->sent = NULL;
    stream->sent_count = 0;
}

void *fake_sent(const struct rnl_stream *stream, size_t index,
                const ProtobufCMessageDescriptor *descriptor)
{
    assert_in_range(index, 0, stream->sent_count - 1);
    const struct rnl_buf *buf = stream->sent[index];
    void *message = protobuf_c_message_unpack(descriptor, &rnl_pb_allocator,
                                              buf->len, buf->data);
    assert_non_null(message);
    return message;
}

/* ---- rpc.h ---- */

struct rnl_buf *rnl_buf_create(size_t len)
{
    struct rnl_buf *buf = rnl_malloc(sizeof(*buf) + len);
    if (buf != NULL)
        *buf = (struct rnl_buf){.refs = 1, .len = (uint32_t)len};
    return buf;
}

struct rnl_buf *rnl_buf_pack(const ProtobufCMessage *message)
{
    struct rnl_buf *buf =
        rnl_buf_create(protobuf_c_message_get_packed_size(message));
    if (buf != NULL)
        protobuf_c_message_pack(message, buf->data);
    return buf;
}

struct rnl_buf *rnl_buf_ref(struct rnl_buf *buf)
{
    buf->refs++;
    return buf;
}

void rnl_buf_unref(struct rnl_buf *buf)
{
    if (buf != NULL && --buf->refs == 0)
        rnl_free(buf);
}

struct rnl_core *rnl_stream_core(const struct rnl_stream *stream)
{
    return stream->core;
}

void *rnl_stream_state(const struct rnl_stream *stream)
{
    return stream->state;
}

void rnl_stream_set_state(struct rnl_stream *stream, void *state)
{
    stream->state = state;
}

const char *rnl_stream_metadata(const struct rnl_stream *stream,
                                const char *key)
{
    return strcmp(key, "idempotency-key") == 0 ? stream->idempotency_key : NULL;
}

void *rnl_stream_unpack(struct rnl_stream *stream,
                        const ProtobufCMessageDescriptor *descriptor,
                        const uint8_t *data, size_t len)
{
    void *message =
        protobuf_c_message_unpack(descriptor, &rnl_pb_allocator, len, data);
    if (message == NULL)
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED, "memory is out");
    return message;
}

void rnl_request_free(void *message)
{
    if (message != NULL)
        protobuf_c_message_free_unpacked(message, &rnl_pb_allocator);
}

bool rnl_stream_writable(struct rnl_stream *stream)
{
    if (stream->finished)
        return false;
    stream->wants_room = stream->room == 0;
    return stream->room > 0;
}

void rnl_stream_hold(struct rnl_stream *stream, bool held)
{
    stream->held = held;
}

size_t rnl_stream_message_max(const struct rnl_stream *stream)
{
    return stream->message_max == 0 ? MESSAGE_MAX_BYTES : stream->message_max;
}

void rnl_stream_send_buf(struct rnl_stream *stream, struct rnl_buf *buf)
{
    if (stream->finished)
        return;
    if (buf->len > rnl_stream_message_max(stream)) {
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED, "too large");
        return;
    }
    if (stream->sent_count == stream->sent_cap) {
        stream->sent_cap = stream->sent_cap * 2 + 8;
        stream->sent =
            realloc(stream->sent, stream->sent_cap * sizeof(stream->sent[0]));
        assert_non_null(stream->sent);
    }
    stream->sent[stream->sent_count++] = rnl_buf_ref(buf);
    if (stream->room > 0 && stream->room != SIZE_MAX)
        stream->room--;
}

/* Takes over buf; NULL: memory was out. */
static void put(struct rnl_stream *stream, struct rnl_buf *buf)
{
    if (buf == NULL)
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED, "memory is out");
    else
        rnl_stream_send_buf(stream, buf);
    rnl_buf_unref(buf);
}

void rnl_stream_send(struct rnl_stream *stream, const ProtobufCMessage *message)
{
    put(stream, rnl_buf_pack(message));
}

void rnl_stream_reply(struct rnl_stream *stream,
                      const ProtobufCMessage *message)
{
    rnl_stream_send(stream, message);
    rnl_stream_finish(stream, RNL_OK, NULL);
}

void rnl_stream_reply_buf(struct rnl_stream *stream, struct rnl_buf *buf)
{
    put(stream, buf);
    rnl_stream_finish(stream, RNL_OK, NULL);
}

static void finish(struct rnl_stream *stream, enum rnl_code code,
                   const char *format, va_list args)
{
    if (stream->finished)
        return;
    stream->finished = true;
    stream->code = code;
    if (format != NULL)
        vsnprintf(stream->message, sizeof(stream->message), format, args);
}

void rnl_stream_finish(struct rnl_stream *stream, enum rnl_code code,
                       const char *format, ...)
{
    va_list args;
    va_start(args, format);
    finish(stream, code, format, args);
    va_end(args);
}

void rnl_stream_finish_field(struct rnl_stream *stream, const char *field,
                             const char *format, ...)
{
    va_list args;
    va_start(args, format);
    snprintf(stream->field, sizeof(stream->field), "%s", field);
    finish(stream, RNL_INVALID_ARGUMENT, format, args);
    va_end(args);
}

void rnl_stream_finish_retry(struct rnl_stream *stream, enum rnl_code code,
                             uint32_t retry_delay_ms, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    stream->retry_delay_ms = retry_delay_ms;
    finish(stream, code, format, args);
    va_end(args);
}

void rnl_stream_finish_out_of_range(struct rnl_stream *stream,
                                    uint64_t first_available,
                                    const char *format, ...)
{
    va_list args;
    va_start(args, format);
    stream->first_available = first_available;
    finish(stream, RNL_OUT_OF_RANGE, format, args);
    va_end(args);
}
