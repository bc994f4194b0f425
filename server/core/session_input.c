/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From bytes to frames. Frames that lie whole in what was read are decoded
 * where they are. The begin of an unfinished one is kept in a block, and the
 * transport may read the rest of it right behind (rnl_session_room): a batch
 * of events is then copied once, by the kernel.
 *
 * A length is a promise, not a reason to reserve memory: a block doubles with
 * what has come. But blocks of frames done with are kept for the next ones,
 * of whatever session, so that a busy connection allocates nothing.
 */
#include <assert.h>
#include <string.h>

#include "alloc.h"
#include "session_private.h"

/* What a read call should be worth: less is copied. */
#define ROOM_MIN 4096

/* Shorter frames are not worth a spare block: they mostly lie whole in what
 * was read. */
#define SPARE_MIN (64 * 1024)

static size_t frame_max(const struct rnl_session *session)
{
    return session->state == RNL_SESSION_HELLO
               ? RNL_HELLO_FRAME_BYTES_MAX
               : session->core->options.max_frame_bytes;
}

static bool is_open(const struct rnl_session *session)
{
    return session->state < RNL_SESSION_CLOSING;
}

/* Takes one frame off the bytes. Returns the bytes used, 0 when the frame is
 * not whole (*ret_need is then set) or the session has failed. */
static size_t take_one(struct rnl_session *session, struct rnl_bytes bytes,
                       size_t *ret_need)
{
    struct rnl_frame frame;
    size_t used;
    enum rnl_code code = rnl_frame_decode(
        bytes.data, bytes.len, frame_max(session), &frame, &used, ret_need);
    if (code == RNL_RESOURCE_EXHAUSTED)
        rnl_session_fail(session, code, "a frame must have at most %zu bytes",
                         frame_max(session));
    else if (code != RNL_OK)
        rnl_session_fail(session, code, "the bytes are not a frame");
    if (code != RNL_OK || used == 0)
        return 0;
    rnl_session_take_frame(
        session, &frame,
        (struct rnl_bytes){bytes.data + used, bytes.len - used});
    rnl_core_run_urgent(session->core);
    return used;
}

/* ---- the unfinished frame ---- */

static void take_spare(struct rnl_session *session)
{
    struct rnl_rpc *rpc = session->core->rpc;
    if (rpc->spare_count == 0)
        return;
    struct rnl_input_block *spare = &rpc->spares[--rpc->spare_count];
    session->partial = spare->data;
    session->partial_cap = spare->cap;
}

void rnl_session_drop_input(struct rnl_session *session)
{
    struct rnl_rpc *rpc = session->core->rpc;
    if (session->partial_cap >= SPARE_MIN &&
        session->partial_cap <= RNL_INPUT_SPARE_BYTES_MAX &&
        rpc->spare_count < RNL_INPUT_SPARES_MAX)
        rpc->spares[rpc->spare_count++] =
            (struct rnl_input_block){session->partial, session->partial_cap};
    else
        rnl_free(session->partial);
    session->partial = NULL;
    session->partial_len = 0;
    session->partial_cap = 0;
}

/* Makes the block cap long, unless it is. False when memory is out. */
static bool grow(struct rnl_session *session, size_t cap)
{
    if (cap <= session->partial_cap)
        return true;
    uint8_t *grown = rnl_realloc(session->partial, cap);
    if (grown == NULL)
        return false;
    session->partial = grown;
    session->partial_cap = cap;
    return true;
}

/* Appends to the unfinished frame, which needs so many bytes in all as far as
 * known. */
static bool keep_partial(struct rnl_session *session, struct rnl_bytes bytes,
                         size_t need)
{
    size_t len = session->partial_len + bytes.len;
    if (session->partial == NULL && need >= SPARE_MIN)
        take_spare(session);
    size_t cap = 2 * len < need ? 2 * len : need > len ? need : len;
    if (len > session->partial_cap && !grow(session, cap)) {
        rnl_session_fail(session, RNL_RESOURCE_EXHAUSTED,
                         "the server is out of memory");
        return false;
    }
    assert(session->partial != NULL);
    memcpy(session->partial + session->partial_len, bytes.data, bytes.len);
    session->partial_len = len;
    session->partial_need = need;
    return true;
}

/* Looks whether the unfinished frame is whole now, and takes it if so. */
static bool complete_partial(struct rnl_session *session)
{
    struct rnl_bytes frame = {session->partial, session->partial_len};
    if (take_one(session, frame, &session->partial_need) == 0)
        return false;
    rnl_session_drop_input(session);
    return true;
}

/* Completes the unfinished frame from the bytes; returns how many of them were
 * used. */
static size_t feed_partial(struct rnl_session *session, struct rnl_bytes bytes)
{
    size_t taken = 0;
    while (is_open(session) && !complete_partial(session)) {
        if (!is_open(session) || taken == bytes.len)
            break;
        size_t need = session->partial_need;
        size_t missing = need - session->partial_len;
        size_t left = bytes.len - taken;
        struct rnl_bytes part = {bytes.data + taken,
                                 missing < left ? missing : left};
        if (!keep_partial(session, part, need))
            break;
        taken += part.len;
    }
    return taken;
}

/* ---- what the transport calls ---- */

void rnl_session_feed(struct rnl_session *session, const uint8_t *data,
                      size_t len)
{
    struct rnl_bytes bytes = {data, len};
    session->last_alive_ns = session->core->now_ns;
    if (session->partial_len > 0) {
        size_t used = feed_partial(session, bytes);
        bytes = (struct rnl_bytes){bytes.data + used, bytes.len - used};
    }
    size_t need = 0;
    size_t seen = 0;
    while (is_open(session) && bytes.len > 0) {
        if (seen == 0)
            seen = rnl_session_look_ahead(session, bytes);
        size_t used = take_one(session, bytes, &need);
        if (used == 0)
            break;
        seen -= used < seen ? used : seen;
        bytes = (struct rnl_bytes){bytes.data + used, bytes.len - used};
    }
    if (is_open(session) && bytes.len > 0)
        (void)keep_partial(session, bytes, need);
    rnl_sessions_run_pending(session->core);
}

size_t rnl_session_room(struct rnl_session *session, uint8_t **ret_room)
{
    size_t len = session->partial_len;
    size_t need = session->partial_need;
    if (!is_open(session) || len == 0 || need < len + ROOM_MIN)
        return 0;
    if (session->partial_cap < len + ROOM_MIN &&
        !grow(session, need < 2 * len ? need : 2 * len + ROOM_MIN))
        return 0;
    *ret_room = session->partial + len;
    return (session->partial_cap < need ? session->partial_cap : need) - len;
}

void rnl_session_filled(struct rnl_session *session, size_t len)
{
    session->last_alive_ns = session->core->now_ns;
    session->partial_len += len;
    if (session->partial_len == session->partial_need)
        (void)complete_partial(session);
    rnl_sessions_run_pending(session->core);
}
