/* SPDX-License-Identifier: Apache-2.0 */
#include "session_service.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct session_probe probe;

static void enter(void)
{
    probe.depth++;
    if (probe.depth > probe.depth_max)
        probe.depth_max = probe.depth;
}

static void leave(void)
{
    probe.depth--;
}

static void note_message(size_t len)
{
    probe.messages++;
    probe.last_len = len;
}

static void send_bytes(struct rnl_stream *stream, const void *data, size_t len)
{
    struct rnl_buf *buf = rnl_buf_create(len);
    if (buf == NULL) {
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED, "no memory");
        return;
    }
    if (len > 0)
        memcpy(buf->data, data, len);
    rnl_stream_send_buf(stream, buf);
    rnl_buf_unref(buf);
}

static void on_close(struct rnl_stream *stream, enum rnl_code code)
{
    (void)stream;
    enter();
    probe.closes++;
    probe.last_code = code;
    free(rnl_stream_state(stream));
    leave();
}

static void echo(struct rnl_stream *stream, const uint8_t *data, size_t len)
{
    enter();
    note_message(len);
    send_bytes(stream, data, len);
    rnl_stream_finish(stream, RNL_OK, NULL);
    leave();
}

static void hold(struct rnl_stream *stream, const uint8_t *data, size_t len)
{
    (void)data;
    note_message(len);
    probe.held = stream;
}

/* --- Flow and Push --- */

static void send_one(struct rnl_stream *stream)
{
    static const uint8_t zeros[1 << 16];
    if (probe.shared != NULL)
        rnl_stream_send_buf(stream, probe.shared);
    else
        send_bytes(stream, zeros, probe.message_len);
}

static void pump(struct rnl_stream *stream)
{
    int *left = rnl_stream_state(stream);
    while (*left > 0 && rnl_stream_writable(stream)) {
        --*left;
        send_one(stream);
    }
    if (*left == 0)
        rnl_stream_finish(stream, RNL_OK, NULL);
}

static void flow(struct rnl_stream *stream, const uint8_t *data, size_t len)
{
    (void)data;
    enter();
    note_message(len);
    int *left = malloc(sizeof(*left));
    *left = probe.message_count;
    rnl_stream_set_state(stream, left);
    pump(stream);
    leave();
}

static void flow_on(struct rnl_stream *stream)
{
    enter();
    probe.writables++;
    pump(stream);
    leave();
}

static void push(struct rnl_stream *stream, const uint8_t *data, size_t len)
{
    (void)data;
    enter();
    note_message(len);
    for (int i = 0; i < probe.message_count; i++)
        send_one(stream);
    rnl_stream_finish(stream, RNL_OK, NULL);
    leave();
}

/* --- Mirror and Swallow --- */

static void mirror(struct rnl_stream *stream, const uint8_t *data, size_t len)
{
    note_message(len);
    send_bytes(stream, data, len);
}

static void end_mirror(struct rnl_stream *stream)
{
    probe.half_closes++;
    rnl_stream_finish(stream, RNL_OK, NULL);
}

static void swallow(struct rnl_stream *stream, const uint8_t *data, size_t len)
{
    (void)stream;
    (void)data;
    note_message(len);
}

static void end_swallow(struct rnl_stream *stream)
{
    char text[16];
    probe.half_closes++;
    int len = snprintf(text, sizeof(text), "%d", probe.messages);
    send_bytes(stream, text, (size_t)len);
    rnl_stream_finish(stream, RNL_OK, NULL);
}

static void on_drain(struct rnl_stream *stream)
{
    (void)stream;
    probe.drains++;
}

static void echo_ahead(struct rnl_core *core, const struct rnl_bytes *messages,
                       size_t count)
{
    (void)core;
    assert(probe.ahead_calls < PROBE_AHEAD_MAX);
    probe.ahead[probe.ahead_calls++] = (struct probe_ahead){
        .count = count,
        .first = messages[0].data[0],
        .last = messages[count - 1].data[0],
        .messages_before = probe.messages,
    };
}

static const struct rnl_method methods[] = {
    {"test/Keep", RNL_BIDI_STREAM, hold, NULL, NULL, on_close, RNL_SCOPE_ANY,
     on_drain, NULL},
    {"test/Echo", RNL_UNARY, echo, NULL, NULL, on_close, RNL_SCOPE_ANY, NULL,
     echo_ahead},
    {"test/Hold", RNL_UNARY, hold, NULL, NULL, on_close, RNL_SCOPE_JOBS_READ,
     NULL, NULL},
    {"test/Flow", RNL_SERVER_STREAM, flow, NULL, flow_on, on_close,
     RNL_SCOPE_JOBS_READ, NULL, NULL},
    {"test/Push", RNL_SERVER_STREAM, push, NULL, NULL, on_close,
     RNL_SCOPE_STATS_READ, NULL, NULL},
    {"test/Mirror", RNL_BIDI_STREAM, mirror, end_mirror, NULL, on_close,
     RNL_SCOPE_WORK, NULL, NULL},
    {"test/Swallow", RNL_CLIENT_STREAM, swallow, end_swallow, NULL, on_close,
     RNL_SCOPE_EVENTS_WRITE, NULL, NULL},
};

const struct rnl_service session_test_service = {
    methods, sizeof(methods) / sizeof(methods[0])};
