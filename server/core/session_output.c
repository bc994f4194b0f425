/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output of a session has three stations. Messages wait on their streams;
 * control frames wait, encoded, in one block; and the ring holds the frames
 * that the next write takes, in an order that no longer changes, since a part
 * of the first may be written already. The ring is filled from the control
 * block first, then from the ready streams in turn.
 */
#include <string.h>

#include <runnel/v1/frame.pb-c.h>

#include "alloc.h"
#include "session_private.h"
#include "wire.h"

#define CONTROL_CAP_FIRST 256
#define STATUS_FIELD_CODE 1

void rnl_session_announce(struct rnl_session *session)
{
    if (session->announced)
        return;
    session->announced = true;
    session->host.on_output(session, session->host.arg);
}

size_t rnl_session_backlog(const struct rnl_session *session)
{
    return session->control_bytes + session->ready_bytes + session->ring_bytes;
}

bool rnl_session_reading(const struct rnl_session *session)
{
    return session->control_bytes <= RNL_SESSION_CONTROL_BYTES_MAX &&
           rnl_session_backlog(session) <= RNL_SESSION_PAUSE_BYTES;
}

/* --- control frames --- */

static bool reserve_control(struct rnl_session *session, size_t len)
{
    size_t have = session->control == NULL ? 0 : session->control->len;
    if (session->control != NULL && session->control_cap - have >= len)
        return true;
    size_t cap = have == 0 ? CONTROL_CAP_FIRST : session->control_cap * 2;
    while (cap < have + len)
        cap *= 2;
    struct rnl_buf *grown = rnl_realloc(session->control, sizeof(*grown) + cap);
    if (grown == NULL)
        return false;
    if (session->control == NULL) {
        grown->refs = 1;
        grown->len = 0;
    }
    session->control = grown;
    session->control_cap = cap;
    return true;
}

static void append_control(struct rnl_session *session, const uint8_t *data,
                           size_t len)
{
    if (len == 0)
        return;
    memcpy(session->control->data + session->control->len, data, len);
    session->control->len += (uint32_t)len;
    session->control_bytes += len;
}

void rnl_session_put_control(struct rnl_session *session, uint32_t stream_id,
                             enum rnl_frame_kind kind, struct rnl_bytes body)
{
    if (session->state == RNL_SESSION_DEAD)
        return;
    if (!reserve_control(session, RNL_FRAME_HEAD_MAX + body.len)) {
        session->state = RNL_SESSION_DEAD;
        rnl_session_announce(session);
        return;
    }
    uint8_t head[RNL_FRAME_HEAD_MAX];
    size_t head_len = rnl_frame_head(head, stream_id, kind, body.len);
    append_control(session, head, head_len);
    append_control(session, body.data, body.len);
    rnl_session_announce(session);
}

void rnl_session_put_status(struct rnl_session *session, uint32_t stream_id,
                            enum rnl_code code, const char *text)
{
    Runnel__V1__Status status = RUNNEL__V1__STATUS__INIT;
    status.code = (Runnel__V1__Code)code;
    status.message = (char *)text;
    uint8_t body[RNL_STATUS_TEXT_MAX + 16];
    size_t len = runnel__v1__status__pack(&status, body);
    rnl_session_put_control(session, stream_id, RNL_FRAME_STATUS,
                            (struct rnl_bytes){body, len});
}

/* --- filling the ring --- */

static struct rnl_ring_frame *push_frame(struct rnl_session *session)
{
    size_t index =
        (session->ring_head + session->ring_count++) % RNL_RING_FRAMES;
    session->ring[index] = (struct rnl_ring_frame){0};
    return &session->ring[index];
}

static bool ring_has_room(const struct rnl_session *session)
{
    return session->ring_count < RNL_RING_FRAMES;
}

static void push_control(struct rnl_session *session)
{
    struct rnl_ring_frame *frame = push_frame(session);
    frame->buf = session->control;
    frame->is_control = true;
    session->control = NULL;
    session->control_cap = 0;
}

static void push_message(struct rnl_session *session, struct rnl_stream *stream)
{
    struct rnl_buf *buf = rnl_stream_take_item(stream);
    struct rnl_ring_frame *frame = push_frame(session);
    frame->buf = buf;
    frame->head_len = (uint8_t)rnl_frame_head(frame->head, stream->id,
                                              RNL_FRAME_MESSAGE, buf->len);
    session->ring_bytes += frame->head_len + buf->len;
}

static void push_status(struct rnl_session *session, struct rnl_stream *stream)
{
    struct rnl_ring_frame *frame = push_frame(session);
    uint8_t bare[RNL_STATUS_BARE_MAX] = {STATUS_FIELD_CODE << 3,
                                         (uint8_t)stream->final_code};
    bool is_bare = stream->status == NULL && stream->final_code != RNL_OK;
    size_t body_len = is_bare                  ? sizeof(bare)
                      : stream->status == NULL ? 0
                                               : stream->status->len;
    size_t len =
        rnl_frame_head(frame->head, stream->id, RNL_FRAME_STATUS, body_len);
    if (is_bare) {
        memcpy(frame->head + len, bare, sizeof(bare));
        len += sizeof(bare);
    }
    frame->head_len = (uint8_t)len;
    frame->buf = stream->status;
    stream->status = NULL;
    session->ring_bytes += len + (frame->buf == NULL ? 0 : frame->buf->len);
}

/* Serves the first ready stream: one message, and the Status if that was the
 * last one. */
static void serve_next(struct rnl_session *session)
{
    struct rnl_stream *stream = TAILQ_FIRST(&session->ready);
    if (stream->item_count > 0)
        push_message(session, stream);
    if (stream->item_count == 0 && stream->finished && ring_has_room(session)) {
        push_status(session, stream);
        rnl_stream_sent(stream);
        return;
    }
    rnl_stream_update_ready(stream);
    if (stream->is_ready) {
        TAILQ_REMOVE(&session->ready, stream, ready_link);
        TAILQ_INSERT_TAIL(&session->ready, stream, ready_link);
    }
}

static void fill_ring(struct rnl_session *session)
{
    if (session->control != NULL && ring_has_room(session))
        push_control(session);
    while (ring_has_room(session) && !TAILQ_EMPTY(&session->ready))
        serve_next(session);
}

/* --- lending it --- */

/* Adds a piece without its first *skip bytes. */
static size_t add_piece(struct iovec *iov, const uint8_t *data, size_t len,
                        size_t *skip)
{
    if (*skip >= len) {
        *skip -= len;
        return 0;
    }
    iov->iov_base = (void *)(data + *skip);
    iov->iov_len = len - *skip;
    *skip = 0;
    return 1;
}

size_t rnl_session_output(struct rnl_session *session, struct iovec *iov,
                          size_t max)
{
    session->announced = false;
    if (session->state == RNL_SESSION_DEAD)
        return 0;
    fill_ring(session);
    size_t count = 0;
    size_t skip = session->head_done;
    for (size_t i = 0; i < session->ring_count && max - count >= 2; i++) {
        struct rnl_ring_frame *frame =
            &session->ring[(session->ring_head + i) % RNL_RING_FRAMES];
        count += add_piece(&iov[count], frame->head, frame->head_len, &skip);
        if (frame->buf != NULL)
            count += add_piece(&iov[count], frame->buf->data, frame->buf->len,
                               &skip);
    }
    return count;
}

static size_t frame_len(const struct rnl_ring_frame *frame)
{
    return frame->head_len + (frame->buf == NULL ? 0 : frame->buf->len);
}

static void pop_frame(struct rnl_session *session)
{
    struct rnl_ring_frame *frame = &session->ring[session->ring_head];
    if (frame->is_control)
        session->control_bytes -= frame_len(frame);
    else
        session->ring_bytes -= frame_len(frame);
    rnl_buf_unref(frame->buf);
    frame->buf = NULL;
    session->ring_head = (session->ring_head + 1) % RNL_RING_FRAMES;
    session->ring_count--;
}

void rnl_session_wrote(struct rnl_session *session, size_t len)
{
    /* What a full socket takes again, the peer must have read. What an empty
     * one takes is no sign of life. */
    if (session->blocked)
        session->last_alive_ns = session->core->now_ns;
    session->head_done += len;
    while (session->ring_count > 0) {
        size_t first = frame_len(&session->ring[session->ring_head]);
        if (session->head_done < first)
            break;
        session->head_done -= first;
        pop_frame(session);
    }
    session->blocked = session->ring_count > 0;
    if (!TAILQ_EMPTY(&session->waiting) &&
        rnl_session_backlog(session) < RNL_SESSION_OUTPUT_BYTES_LOW)
        rnl_session_mark_pending(session);
    rnl_sessions_run_pending(session->core);
}

void rnl_session_drop_output(struct rnl_session *session)
{
    while (session->ring_count > 0)
        pop_frame(session);
    rnl_buf_unref(session->control);
    session->control = NULL;
}
