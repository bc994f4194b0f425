/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <runnel/v1/frame.pb-c.h>

#define PIECES 64
#define START  INT64_C(1000000000)
#define WALL   INT64_C(1769860800000000000)

static void fixed_random(void *arg, uint8_t *out, size_t len)
{
    (void)arg;
    static uint64_t state;
    for (size_t i = 0; i < len; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        out[i] = (uint8_t)(state >> 56);
    }
}

struct rnl_core_options peer_core_options(void)
{
    return (struct rnl_core_options){.random = fixed_random};
}

struct rnl_core *peer_core_create(const struct rnl_core_options *options)
{
    struct rnl_core *core = NULL;
    enum rnl_code code = rnl_core_create(options, START, WALL, &core);
    assert_true(code == RNL_OK || code == RNL_RESOURCE_EXHAUSTED);
    return core;
}

void peer_advance(struct rnl_core *core, int64_t ms)
{
    rnl_core_set_time(core, core->now_ns + ms * PEER_MS,
                      core->wall_ns + ms * PEER_MS);
    rnl_core_run_timers(core);
}

static void on_output(struct rnl_session *session, void *arg)
{
    (void)session;
    struct peer *peer = arg;
    assert_false(peer->notified);
    peer->notified = true;
}

bool peer_open(struct peer *peer, struct rnl_core *core)
{
    *peer = (struct peer){0};
    struct rnl_session_host host = {on_output, peer};
    return rnl_session_create(core, &host, &peer->session) == RNL_OK;
}

void peer_close(struct peer *peer)
{
    rnl_session_destroy(peer->session);
    peer->session = NULL;
    free(peer->out);
    peer->out = NULL;
}

/* From a block of the exact size, so that a read past its end shows. */
void peer_feed(struct peer *peer, const void *data, size_t len)
{
    uint8_t *copy = malloc(len + (len == 0));
    assert_non_null(copy);
    memcpy(copy, data, len);
    rnl_session_feed(peer->session, copy, len);
    free(copy);
}

void peer_send(struct peer *peer, uint32_t stream_id, enum rnl_frame_kind kind,
               const void *body, size_t len)
{
    uint8_t *bytes = malloc(RNL_FRAME_HEAD_MAX + len);
    assert_non_null(bytes);
    size_t head = rnl_frame_head(bytes, stream_id, kind, len);
    if (len > 0)
        memcpy(bytes + head, body, len);
    peer_feed(peer, bytes, head + len);
    free(bytes);
}

void peer_send_packed(struct peer *peer, uint32_t stream_id,
                      enum rnl_frame_kind kind, const ProtobufCMessage *body)
{
    uint8_t bytes[8192];
    assert_true(protobuf_c_message_get_packed_size(body) <= sizeof(bytes));
    size_t len = protobuf_c_message_pack(body, bytes);
    peer_send(peer, stream_id, kind, bytes, len);
}

void peer_hello(struct peer *peer, uint32_t credit, uint32_t frame_max)
{
    Runnel__V1__Hello hello = RUNNEL__V1__HELLO__INIT;
    hello.protocol_version = RNL_PROTOCOL_VERSION;
    hello.agent = (char *)"test/1";
    hello.initial_credit_bytes = credit;
    hello.max_frame_bytes = frame_max;
    peer_send_packed(peer, 0, RNL_FRAME_HELLO, &hello.base);
}

void peer_call(struct peer *peer, uint32_t stream_id, const char *method,
               uint32_t timeout_ms)
{
    Runnel__V1__Call call = RUNNEL__V1__CALL__INIT;
    call.method = (char *)method;
    call.timeout_ms = timeout_ms;
    peer_send_packed(peer, stream_id, RNL_FRAME_CALL, &call.base);
}

void peer_request(struct peer *peer, uint32_t stream_id, const void *data,
                  size_t len)
{
    uint8_t *bytes = malloc(2 * RNL_FRAME_HEAD_MAX + len);
    assert_non_null(bytes);
    size_t at = rnl_frame_head(bytes, stream_id, RNL_FRAME_MESSAGE, len);
    if (len > 0)
        memcpy(bytes + at, data, len);
    at += len;
    at += rnl_frame_head(bytes + at, stream_id, RNL_FRAME_HALF_CLOSE, 0);
    peer_feed(peer, bytes, at);
    free(bytes);
}

void peer_credit(struct peer *peer, uint32_t stream_id, uint32_t bytes)
{
    Runnel__V1__Credit credit = RUNNEL__V1__CREDIT__INIT;
    credit.bytes = bytes;
    peer_send_packed(peer, stream_id, RNL_FRAME_CREDIT, &credit.base);
}

static void keep(struct peer *peer, const uint8_t *data, size_t len)
{
    if (peer->out_len + len > peer->out_cap) {
        peer->out_cap = 2 * (peer->out_len + len);
        peer->out = realloc(peer->out, peer->out_cap);
        assert_non_null(peer->out);
    }
    memcpy(peer->out + peer->out_len, data, len);
    peer->out_len += len;
}

void peer_fetch(struct peer *peer)
{
    struct iovec iov[PIECES];
    size_t count;
    peer->notified = false;
    while ((count = rnl_session_output(peer->session, iov, PIECES)) > 0) {
        size_t room = peer->write_max > 0 ? peer->write_max : SIZE_MAX;
        size_t written = 0;
        for (size_t i = 0; i < count && room > 0; i++) {
            size_t len = iov[i].iov_len < room ? iov[i].iov_len : room;
            keep(peer, iov[i].iov_base, len);
            written += len;
            room -= len;
        }
        peer->notified = false;
        rnl_session_wrote(peer->session, written);
        peer->notified = false;
    }
}

bool peer_next(struct peer *peer, struct rnl_frame *ret_frame)
{
    size_t used, need;
    if (peer->out_seen == peer->out_len)
        return false;
    assert_int_equal(rnl_frame_decode(peer->out + peer->out_seen,
                                      peer->out_len - peer->out_seen,
                                      RNL_FRAME_BYTES_MAX, ret_frame, &used,
                                      &need),
                     RNL_OK);
    peer->out_seen += used;
    return used > 0;
}

struct rnl_frame peer_expect(struct peer *peer, enum rnl_frame_kind kind)
{
    struct rnl_frame frame = {0};
    peer_fetch(peer);
    while (peer_next(peer, &frame))
        if (frame.kind == kind)
            return frame;
    fail_msg("no frame of kind %d came", (int)kind);
    return frame;
}

void peer_expect_status(struct peer *peer, uint32_t stream_id,
                        enum rnl_code code, const char *text)
{
    struct rnl_frame frame = peer_expect(peer, RNL_FRAME_STATUS);
    Runnel__V1__Status *status =
        runnel__v1__status__unpack(NULL, frame.body_len, frame.body);
    assert_non_null(status);
    if (text != NULL)
        assert_string_equal(status->message, text);
    assert_int_equal(status->code, code);
    assert_int_equal(frame.stream_id, stream_id);
    runnel__v1__status__free_unpacked(status, NULL);
}

void peer_expect_nothing(struct peer *peer)
{
    struct rnl_frame frame;
    peer_fetch(peer);
    if (peer_next(peer, &frame))
        fail_msg("a frame of kind %d on stream %u came", (int)frame.kind,
                 frame.stream_id);
}
