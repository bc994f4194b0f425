/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes received to frames, frames to the connection and its calls. */
#include <errno.h>
#include <string.h>

#include "call_private.h"
#include "wire.h"

/* --- frames --- */

/* A Ping's body goes back as a Pong's: both hold the one number. */
static void take_ping(struct rnl_client *client, const struct rnl_frame *frame)
{
    if (client->out.len > RNL_OUT_MAX - RNL_READ_BYTES ||
        !rnl_output_frame(client, 0, RNL_FRAME_PONG, frame->body,
                          frame->body_len))
        rnl_link_lost(client, RNL_RESOURCE_EXHAUSTED,
                      "no memory for the answers to the server's Pings");
}

static void take_status(struct rnl_client *client,
                        const struct rnl_frame *frame)
{
    struct rnl_status_box box;
    rnl_status_box_init(&box);
    rnl_status_decode(&box, frame->body, frame->body_len);
    struct rnl_open_stream *stream = rnl_streams_find(client, frame->stream_id);
    if (frame->stream_id == 0) {
        rnl_link_refused(client, &box.info);
    } else if (stream != NULL) {
        struct rnl_call *call = stream->call;
        rnl_streams_remove(client, stream);
        if (call != NULL)
            rnl_call_end(call, &box.info);
    }
    rnl_status_box_fini(&box);
}

static void take_credit(struct rnl_call *call, const struct rnl_frame *frame)
{
    struct rnl_wire wire = {frame->body, frame->body + frame->body_len};
    struct rnl_wire_field field;
    while (rnl_wire_next(&wire, &field) == RNL_WIRE_FIELD) {
        if (field.number == 1 && field.value <= UINT32_MAX)
            rnl_call_take_credit(call, (uint32_t)field.value);
    }
}

/* A stream that is not known any more is no fault: its frames crossed the
 * call's end. */
static void take_stream_frame(struct rnl_client *client,
                              const struct rnl_frame *frame)
{
    struct rnl_open_stream *stream = rnl_streams_find(client, frame->stream_id);
    if (stream == NULL || stream->call == NULL)
        return;
    if (frame->kind == RNL_FRAME_MESSAGE)
        rnl_call_take_message(stream->call, frame->body, frame->body_len);
    else if (frame->kind == RNL_FRAME_CREDIT)
        take_credit(stream->call, frame);
}

static void take_frame(struct rnl_client *client, const struct rnl_frame *frame)
{
    bool early = client->phase == RNL_PHASE_HELLO;
    if (early && frame->kind != RNL_FRAME_HELLO &&
        frame->kind != RNL_FRAME_STATUS) {
        rnl_link_lost(client, RNL_UNAVAILABLE,
                      "%s does not speak Runnel: no Hello",
                      client->address.text);
        return;
    }
    switch (frame->kind) {
    case RNL_FRAME_HELLO:
        if (early)
            rnl_link_take_hello(client, frame);
        break;
    case RNL_FRAME_STATUS:
        take_status(client, frame);
        break;
    case RNL_FRAME_PING:
        take_ping(client, frame);
        break;
    case RNL_FRAME_GO_AWAY:
        rnl_link_take_go_away(client, frame);
        break;
    default:
        take_stream_frame(client, frame);
    }
}

/* --- bytes --- */

static void lose_framing(struct rnl_client *client, enum rnl_code code)
{
    if (code == RNL_RESOURCE_EXHAUSTED)
        rnl_link_lost(client, RNL_UNAVAILABLE,
                      "the server sent a frame above %u bytes, or is none of "
                      "Runnel",
                      client->options.max_frame_bytes);
    else
        rnl_link_lost(client, RNL_UNAVAILABLE,
                      "%s does not speak Runnel, or lost its way",
                      client->address.text);
}

/* Handles every whole frame; returns the bytes that the next one needs, 0 when
 * the connection has gone. */
static size_t take_frames(struct rnl_client *client)
{
    size_t need = 1;
    while (client->fd >= 0 && client->in.len > 0) {
        struct rnl_frame frame;
        size_t used;
        enum rnl_code code = rnl_frame_decode(
            rnl_fifo_peek(&client->in), client->in.len,
            client->options.max_frame_bytes, &frame, &used, &need);
        if (code != RNL_OK) {
            lose_framing(client, code);
            return 0;
        }
        if (used == 0)
            break;
        take_frame(client, &frame);
        if (client->fd < 0)
            return 0;
        rnl_fifo_taken(&client->in, used);
    }
    return client->fd < 0 ? 0 : need;
}

/* The connection has ended, or there is nothing to read for now. */
static void on_no_bytes(struct rnl_client *client, ssize_t got)
{
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    rnl_link_lost(client, RNL_UNAVAILABLE, "the connection to %s %s: %s",
                  client->address.text,
                  client->phase == RNL_PHASE_UP ? "was lost" : "was refused",
                  got == 0 ? "closed by the server" : rnl_link_failure(client));
}

/* Reads once, need bytes or more in all. False when that was all there is for
 * now, or the connection has gone. */
static bool read_some(struct rnl_client *client, size_t need)
{
    size_t want = need > client->in.len + RNL_READ_BYTES ? need - client->in.len
                                                         : RNL_READ_BYTES;
    uint8_t *room = rnl_fifo_reserve(&client->in, want);
    if (room == NULL) {
        rnl_link_lost(client, RNL_RESOURCE_EXHAUSTED, "out of memory");
        return false;
    }
    ssize_t got = rnl_link_recv(client, room, want);
    if (got <= 0) {
        on_no_bytes(client, got);
        return false;
    }
    rnl_fifo_added(&client->in, (size_t)got);
    rnl_link_heard(client);
    return (size_t)got == want;
}

void rnl_input_run(struct rnl_client *client)
{
    size_t need = 1;
    bool more = true;
    for (int i = 0; i < RNL_READ_COUNT_MAX && more && need != 0; i++) {
        more = read_some(client, need);
        need = take_frames(client);
    }
}
