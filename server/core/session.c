/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <runnel/v1/frame.pb-c.h>

#include "alloc.h"
#include "session_private.h"
#include "tokens.h"
#include "wire.h"

#define NS_PER_MS INT64_C(1000000)

/* --- the end --- */

void rnl_session_start_timer(struct rnl_session *session, uint32_t delay_ms)
{
    struct rnl_core *core = session->core;
    if (rnl_timer_start(&core->timers, &session->timer,
                        core->now_ns + delay_ms * NS_PER_MS) == RNL_OK)
        return;
    session->state = RNL_SESSION_DEAD;
    rnl_session_announce(session);
}

static void abandon_streams(struct rnl_session *session, enum rnl_code code)
{
    for (size_t i = 0; i < session->table_cap; i++)
        while (session->table[i] != NULL)
            rnl_stream_abandon(session->table[i], code);
}

void rnl_session_fail(struct rnl_session *session, enum rnl_code code,
                      const char *format, ...)
{
    if (session->state >= RNL_SESSION_CLOSING)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(session->reason, sizeof(session->reason), format, args);
    va_end(args);
    session->reason_code = code;
    abandon_streams(session, RNL_UNAVAILABLE);
    session->state = RNL_SESSION_CLOSING;
    rnl_session_put_status(session, 0, code, session->reason);
    rnl_session_start_timer(session, RNL_CLOSING_MS);
}

bool rnl_session_done(const struct rnl_session *session)
{
    if (session->state == RNL_SESSION_DEAD)
        return true;
    bool ending = session->state == RNL_SESSION_CLOSING ||
                  (session->going_away && session->stream_count == 0);
    return ending && session->ring_count == 0 && session->control == NULL;
}

enum rnl_code rnl_session_reason(const struct rnl_session *session,
                                 const char **ret_text)
{
    *ret_text = session->reason;
    return session->reason_code;
}

const char *rnl_session_agent(const struct rnl_session *session)
{
    return session->agent;
}

uint64_t rnl_session_calls(const struct rnl_session *session)
{
    return session->calls;
}

/* --- time --- */

static void send_ping(struct rnl_session *session)
{
    rnl_session_put_control(session, 0, RNL_FRAME_PING,
                            (struct rnl_bytes){NULL, 0});
    session->ping_sent = true;
}

static void check_alive(struct rnl_session *session)
{
    uint32_t period_ms = session->core->options.keepalive_ms;
    int64_t silence = session->core->now_ns - session->last_alive_ns;
    int64_t period = period_ms * NS_PER_MS;
    if (silence >= 2 * period && session->ping_sent) {
        rnl_session_fail(session, RNL_UNAVAILABLE,
                         "no answer to a Ping for %u ms", period_ms);
        return;
    }
    if (silence < period)
        session->ping_sent = false;
    else if (!session->ping_sent)
        send_ping(session);
    int64_t next = silence < period ? period - silence : 2 * period - silence;
    rnl_session_start_timer(
        session, (uint32_t)(next <= 0 ? period_ms : next / NS_PER_MS + 1));
}

static void on_timer(struct rnl_timer *timer, void *arg)
{
    (void)timer;
    struct rnl_session *session = arg;
    switch (session->state) {
    case RNL_SESSION_HELLO:
        rnl_session_fail(session, RNL_DEADLINE_EXCEEDED,
                         "no Hello within %u ms",
                         session->core->options.handshake_ms);
        break;
    case RNL_SESSION_OPEN:
        check_alive(session);
        break;
    case RNL_SESSION_CLOSING:
    case RNL_SESSION_DEAD:
        session->state = RNL_SESSION_DEAD;
        rnl_session_announce(session);
        break;
    }
}

/* --- frames --- */

/* The Pong is the Ping's body under another tag. Anything but its one field is
 * refused, lest we echo a megabyte. */
static void take_ping(struct rnl_session *session,
                      const struct rnl_frame *frame)
{
    if (frame->body_len > 1 + RNL_VARINT_MAX) {
        rnl_session_fail(session, RNL_INVALID_ARGUMENT,
                         "a Ping must have at most %d bytes",
                         1 + RNL_VARINT_MAX);
        return;
    }
    rnl_session_put_control(session, 0, RNL_FRAME_PONG,
                            (struct rnl_bytes){frame->body, frame->body_len});
}

/* Ping, Pong, GoAway, and what a client must not send. */
static void take_connection_frame(struct rnl_session *session,
                                  const struct rnl_frame *frame)
{
    bool allowed = frame->kind == RNL_FRAME_PING ||
                   frame->kind == RNL_FRAME_PONG ||
                   frame->kind == RNL_FRAME_GO_AWAY;
    if (!allowed)
        rnl_session_fail(session, RNL_INVALID_ARGUMENT,
                         frame->kind == RNL_FRAME_HELLO
                             ? "the Hello came twice"
                             : "a Status is sent by a server alone");
    else if (frame->stream_id != 0)
        rnl_session_fail(session, RNL_INVALID_ARGUMENT,
                         "Ping, Pong and GoAway must be on stream 0, not %u",
                         frame->stream_id);
    else if (frame->kind == RNL_FRAME_PING)
        take_ping(session, frame);
}

void rnl_session_take_frame(struct rnl_session *session,
                            const struct rnl_frame *frame,
                            struct rnl_bytes next)
{
    if (session->state == RNL_SESSION_HELLO) {
        rnl_session_take_hello(session, frame);
        return;
    }
    switch (frame->kind) {
    case RNL_FRAME_NONE:
        break; /* Of a later version: ignored. */
    case RNL_FRAME_CALL:
        rnl_session_take_call(session, frame);
        break;
    case RNL_FRAME_MESSAGE:
    case RNL_FRAME_HALF_CLOSE:
    case RNL_FRAME_CANCEL:
    case RNL_FRAME_CREDIT:
        rnl_session_take_stream_frame(session, frame, next);
        break;
    default:
        take_connection_frame(session, frame);
        break;
    }
}

/* --- life --- */

enum rnl_code rnl_session_create(struct rnl_core *core,
                                 const struct rnl_session_host *host,
                                 struct rnl_session **ret_session)
{
    struct rnl_session *session = rnl_calloc(1, sizeof(*session));
    if (session == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    session->core = core;
    session->host = *host;
    session->last_alive_ns = core->now_ns;
    session->timer.fire = on_timer;
    session->timer.arg = session;
    TAILQ_INIT(&session->ready);
    TAILQ_INIT(&session->waiting);
    TAILQ_INIT(&session->closing);
    TAILQ_INSERT_TAIL(&core->rpc->sessions, session, link);
    core->rpc->session_count++;
    rnl_session_start_timer(session, core->options.handshake_ms);
    if (session->state == RNL_SESSION_DEAD) {
        rnl_session_destroy(session);
        return RNL_RESOURCE_EXHAUSTED;
    }
    if (core->draining)
        rnl_session_fail(session, RNL_UNAVAILABLE, "the server is draining");
    else if (core->rpc->session_count > core->options.max_connections)
        rnl_session_fail(session, RNL_RESOURCE_EXHAUSTED,
                         "the server has %u connections, its limit",
                         core->options.max_connections);
    *ret_session = session;
    return RNL_OK;
}

void rnl_session_destroy(struct rnl_session *session)
{
    if (session == NULL)
        return;
    struct rnl_core *core = session->core;
    session->state = RNL_SESSION_DEAD;
    /* A caller that is gone wants no answer; nothing failed here. */
    abandon_streams(session, core->draining ? RNL_UNAVAILABLE : RNL_CANCELLED);
    while (!TAILQ_EMPTY(&session->closing))
        rnl_stream_close(TAILQ_FIRST(&session->closing));
    if (session->is_pending)
        TAILQ_REMOVE(&core->rpc->pending, session, pending_link);
    TAILQ_REMOVE(&core->rpc->sessions, session, link);
    core->rpc->session_count--;
    rnl_timer_stop(&core->timers, &session->timer);
    rnl_session_drop_output(session);
    rnl_session_drop_input(session);
    rnl_token_unref(session->token);
    rnl_free(session->table);
    rnl_free(session);
    rnl_sessions_run_pending(core);
}

static void drain_stream(struct rnl_stream *stream)
{
    const struct rnl_method *method = stream->method;
    if (method->on_drain != NULL && stream->called && !stream->finished)
        method->on_drain(stream);
    else if (method->shape != RNL_UNARY)
        rnl_stream_end(stream, RNL_UNAVAILABLE, "the server is draining",
                       false);
}

void rnl_session_drain(struct rnl_session *session)
{
    if (session->state == RNL_SESSION_HELLO)
        rnl_session_fail(session, RNL_UNAVAILABLE, "the server is draining");
    if (session->state != RNL_SESSION_OPEN || session->going_away)
        return;
    session->going_away = true;
    Runnel__V1__GoAway go_away = RUNNEL__V1__GO_AWAY__INIT;
    go_away.last_stream_id = session->last_stream_id;
    go_away.reason = (char *)"the server is draining";
    uint8_t body[64];
    size_t len = runnel__v1__go_away__pack(&go_away, body);
    rnl_session_put_control(session, 0, RNL_FRAME_GO_AWAY,
                            (struct rnl_bytes){body, len});
    for (size_t i = 0; i < session->table_cap; i++)
        for (struct rnl_stream *stream = session->table[i]; stream != NULL;
             stream = stream->hash_next)
            drain_stream(stream);
}

/* --- deferred callbacks --- */

void rnl_session_mark_pending(struct rnl_session *session)
{
    if (session->is_pending)
        return;
    session->is_pending = true;
    TAILQ_INSERT_TAIL(&session->core->rpc->pending, session, pending_link);
}

static void wake_next(struct rnl_session *session)
{
    struct rnl_stream *stream = TAILQ_FIRST(&session->waiting);
    TAILQ_REMOVE(&session->waiting, stream, event_link);
    stream->event = RNL_EVENT_NONE;
    if (!rnl_stream_has_credit(stream))
        return; /* Comes back with the peer's next Credit. */
    stream->wants_room = false;
    if (stream->method->on_writable != NULL)
        stream->method->on_writable(stream);
}

static void run_session(struct rnl_session *session)
{
    for (;;) {
        if (!TAILQ_EMPTY(&session->closing))
            rnl_stream_close(TAILQ_FIRST(&session->closing));
        else if (!TAILQ_EMPTY(&session->waiting) &&
                 rnl_session_backlog(session) < RNL_SESSION_OUTPUT_BYTES_MAX)
            wake_next(session);
        else
            break;
    }
}

void rnl_sessions_run_pending(struct rnl_core *core)
{
    struct rnl_session *session;
    while ((session = TAILQ_FIRST(&core->rpc->pending)) != NULL) {
        TAILQ_REMOVE(&core->rpc->pending, session, pending_link);
        session->is_pending = false;
        run_session(session);
    }
}
