/* SPDX-License-Identifier: Apache-2.0 */
/* The handshake: the client's Hello is checked and answered by ours. */
#include <assert.h>
#include <string.h>

#include <runnel/v1/frame.pb-c.h>

#include "session_private.h"
#include "utf8.h"
#include "wire.h"

enum hello_field {
    HELLO_VERSION = 1,
    HELLO_AGENT = 2,
    HELLO_TOKEN = 3,
    HELLO_FRAME_MAX = 4,
    HELLO_CREDIT = 5,
};

struct hello {
    uint32_t version;
    struct rnl_bytes agent;
    struct rnl_bytes token;
    uint32_t frame_max;
    uint32_t credit;
};

static bool take_hello_field(struct hello *hello,
                             const struct rnl_wire_field *field)
{
    struct rnl_bytes bytes = {field->data, field->len};
    switch (field->number) {
    case HELLO_VERSION:
        hello->version = (uint32_t)field->value;
        break;
    case HELLO_FRAME_MAX:
        hello->frame_max = (uint32_t)field->value;
        break;
    case HELLO_CREDIT:
        hello->credit = (uint32_t)field->value;
        break;
    case HELLO_AGENT:
        hello->agent = bytes;
        return field->type == RNL_WIRE_BYTES;
    case HELLO_TOKEN:
        hello->token = bytes;
        return field->type == RNL_WIRE_BYTES;
    default:
        return true;
    }
    return field->type == RNL_WIRE_VARINT && field->value <= UINT32_MAX;
}

static bool read_hello(const struct rnl_frame *frame, struct hello *ret_hello)
{
    static const uint8_t nothing[1];
    *ret_hello = (struct hello){.agent = {nothing, 0}, .token = {nothing, 0}};
    struct rnl_wire wire = {frame->body, frame->body + frame->body_len};
    struct rnl_wire_field field;
    enum rnl_wire_result result;
    while ((result = rnl_wire_next(&wire, &field)) == RNL_WIRE_FIELD)
        if (!take_hello_field(ret_hello, &field))
            return false;
    return result == RNL_WIRE_END;
}

static bool check_hello(struct rnl_session *session, const struct hello *hello)
{
    if (hello->version != RNL_PROTOCOL_VERSION) {
        rnl_session_fail(session, RNL_UNIMPLEMENTED,
                         "protocol_version: this server speaks %d, not %u",
                         RNL_PROTOCOL_VERSION, hello->version);
    } else if (hello->agent.len > RNL_AGENT_BYTES_MAX ||
               !rnl_utf8_valid(hello->agent.data, hello->agent.len)) {
        rnl_session_fail(session, RNL_INVALID_ARGUMENT,
                         "agent: must be UTF-8 of at most %d bytes",
                         RNL_AGENT_BYTES_MAX);
    } else if (hello->token.len > RNL_TOKEN_BYTES_MAX) {
        rnl_session_fail(session, RNL_INVALID_ARGUMENT,
                         "token: must have at most %d bytes",
                         RNL_TOKEN_BYTES_MAX);
    } else if (hello->frame_max != 0 &&
               hello->frame_max < RNL_FRAME_BYTES_MIN) {
        rnl_session_fail(session, RNL_INVALID_ARGUMENT,
                         "max_frame_bytes: must be at least %d, not %u",
                         RNL_FRAME_BYTES_MIN, hello->frame_max);
    } else if (hello->credit > RNL_CREDIT_BALANCE_MAX) {
        rnl_session_fail(session, RNL_INVALID_ARGUMENT,
                         "initial_credit_bytes: must be at most %d, not %u",
                         RNL_CREDIT_BALANCE_MAX, hello->credit);
    } else {
        rnl_session_take_token(session, hello->token);
    }
    return session->state == RNL_SESSION_HELLO;
}

static void answer_hello(struct rnl_session *session)
{
    struct rnl_core *core = session->core;
    Runnel__V1__Hello hello = RUNNEL__V1__HELLO__INIT;
    hello.protocol_version = RNL_PROTOCOL_VERSION;
    hello.agent = (char *)"runneld/" RNL_VERSION;
    hello.max_frame_bytes = core->options.max_frame_bytes;
    hello.initial_credit_bytes = RNL_CREDIT_BYTES_DEFAULT;
    hello.max_streams = core->options.max_streams;
    hello.epoch = core->epoch;
    uint8_t body[256];
    assert(runnel__v1__hello__get_packed_size(&hello) <= sizeof(body));
    size_t len = runnel__v1__hello__pack(&hello, body);
    rnl_session_put_control(session, 0, RNL_FRAME_HELLO,
                            (struct rnl_bytes){body, len});
}

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value != 0 ? value : fallback;
}

void rnl_session_take_hello(struct rnl_session *session,
                            const struct rnl_frame *frame)
{
    struct hello hello;
    if (frame->kind != RNL_FRAME_HELLO || frame->stream_id != 0) {
        rnl_session_fail(session, RNL_FAILED_PRECONDITION,
                         "the first frame must be a Hello on stream 0");
        return;
    }
    if (!read_hello(frame, &hello)) {
        rnl_session_fail(session, RNL_INVALID_ARGUMENT,
                         "the Hello cannot be read");
        return;
    }
    if (!check_hello(session, &hello))
        return;
    memcpy(session->agent, hello.agent.data, hello.agent.len);
    session->agent[hello.agent.len] = '\0';
    session->peer_frame_max =
        or_default(hello.frame_max, RNL_FRAME_BYTES_DEFAULT);
    session->peer_credit = or_default(hello.credit, RNL_CREDIT_BYTES_DEFAULT);
    session->state = RNL_SESSION_OPEN;
    answer_hello(session);
    rnl_session_start_timer(session, session->core->options.keepalive_ms);
}
