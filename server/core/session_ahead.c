/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that came together are handled one after the other, and each would wait
 * for memory by itself. So their methods see them all before the first one
 * is handled, and the waits go on side by side ("group prefetching": Chen,
 * Ailamaki, Gibbons and Mowry, "Improving hash join performance through
 * prefetching", 2004).
 */
#include <string.h>

#include "session_private.h"
#include "wire.h"

/* Method, the first field of a Call. */
#define CALL_METHOD 1

/* Messages in a row that are for one method. */
struct row {
    const struct rnl_method *method;
    struct rnl_bytes messages[RNL_AHEAD_MAX];
    size_t count;
    /* The newest Calls in a row of one method, which have no streams yet. */
    const struct rnl_method *call_method;
    uint32_t first_call;
    uint32_t last_call;
};

static void tell(const struct rnl_session *session, struct row *row)
{
    if (row->count > 1)
        row->method->on_ahead(session->core, row->messages, row->count);
    row->count = 0;
}

static bool has_name(const struct rnl_method *method,
                     const struct rnl_wire_field *name)
{
    return method != NULL && strlen(method->name) == name->len &&
           memcmp(method->name, name->data, name->len) == 0;
}

static void take_call(const struct rnl_session *session, struct row *row,
                      const struct rnl_frame *frame)
{
    struct rnl_wire wire = {frame->body, frame->body + frame->body_len};
    struct rnl_wire_field name;
    row->last_call = frame->stream_id;
    bool is_named = rnl_wire_next(&wire, &name) == RNL_WIRE_FIELD &&
                    name.number == CALL_METHOD && name.type == RNL_WIRE_BYTES;
    if (is_named && has_name(row->call_method, &name))
        return;
    row->first_call = frame->stream_id;
    row->call_method = is_named ? rnl_methods_find(&session->core->rpc->methods,
                                                   name.data, name.len)
                                : NULL;
}

/* Each Call may be followed by its Message, or all Calls come first. */
static const struct rnl_method *method_of(const struct rnl_session *session,
                                          const struct row *row,
                                          const struct rnl_frame *frame)
{
    if (frame->stream_id >= row->first_call &&
        frame->stream_id <= row->last_call)
        return row->call_method;
    const struct rnl_stream *stream =
        rnl_stream_find(session, frame->stream_id);
    return stream == NULL ? NULL : stream->method;
}

static void take_message(const struct rnl_session *session, struct row *row,
                         const struct rnl_frame *frame)
{
    const struct rnl_method *method = method_of(session, row, frame);
    if (method == NULL || method->on_ahead == NULL)
        return;
    if (method != row->method)
        tell(session, row);
    row->method = method;
    row->messages[row->count++] =
        (struct rnl_bytes){frame->body, frame->body_len};
}

size_t rnl_session_look_ahead(const struct rnl_session *session,
                              struct rnl_bytes bytes)
{
    if (session->state != RNL_SESSION_OPEN)
        return 0;
    struct row row = {.method = NULL};
    size_t seen = 0;
    for (int left = RNL_AHEAD_FRAMES_MAX; left > 0 && row.count < RNL_AHEAD_MAX;
         left--) {
        struct rnl_frame frame;
        size_t used, need;
        if (rnl_frame_decode(bytes.data + seen, bytes.len - seen,
                             session->core->options.max_frame_bytes, &frame,
                             &used, &need) != RNL_OK ||
            used == 0)
            break;
        seen += used;
        if (frame.kind == RNL_FRAME_CALL)
            take_call(session, &row, &frame);
        else if (frame.kind == RNL_FRAME_MESSAGE)
            take_message(session, &row, &frame);
    }
    tell(session, &row);
    return seen;
}
