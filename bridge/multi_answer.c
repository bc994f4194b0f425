/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent on an answer of several subscriptions: their events wrapped, and
 * its own. */
#include <string.h>

#include "core_link.h"
#include "multi.h"
#include "worker.h"

#define REASON_BYTES_MAX 4096
#define PIECE_BYTES_MAX  ((size_t)128 << 20)

/* --- events --- */

/* Appends an event of a subscription; data is NULL when there is none. */
static void put_event(struct rnl_subscription *sub, struct rnl_text *text,
                      const struct rnl_event_text *event)
{
    struct rnl_text id, data;
    struct rnl_event_text own = *event;
    rnl_text_init(&id, REASON_BYTES_MAX);
    rnl_text_init(&data, PIECE_BYTES_MAX);
    rnl_cursor_put(&id, &sub->multi->cursor);
    rnl_text_printf(&data, "{\"%s\":", sub->type);
    rnl_text_put_json(&data, sub->name, strlen(sub->name));
    if (event->data != NULL) {
        rnl_text_puts(&data, ",\"event\":");
        rnl_text_put(&data, event->data, event->data_len);
    }
    rnl_text_put_byte(&data, '}');
    own.id = id.data;
    own.id_len = id.len;
    own.has_id = true;
    own.data = data.data;
    own.data_len = data.len;
    if (id.failed || data.failed)
        text->failed = true;
    else
        rnl_event_text_put(text, sub->multi->format, &own);
    rnl_text_fini(&id);
    rnl_text_fini(&data);
}

static bool is_named(const struct rnl_event_text *event, const char *name)
{
    return event->name_len == strlen(name) &&
           memcmp(event->name, name, event->name_len) == 0;
}

/* The same events as they are sent here; NULL when memory is out. */
static struct rnl_piece *wrap(struct rnl_subscription *sub,
                              const struct rnl_piece *piece)
{
    struct rnl_text text;
    struct rnl_event_text event;
    struct rnl_cursor *cursor = &sub->multi->cursor;
    const char *at = piece->data;
    rnl_text_init(&text, PIECE_BYTES_MAX);
    if (piece->last_sequence > cursor->after[sub->index])
        cursor->after[sub->index] = piece->last_sequence;
    while (rnl_event_text_next(&at, piece->data + piece->len, &event)) {
        if (is_named(&event, "end"))
            cursor->over[sub->index] = true;
        put_event(sub, &text, &event);
    }
    return rnl_piece_of_text(&text);
}

/* An event of the answer's own; when memory is out it ends. */
static void push_event(struct rnl_subscription *sub, const char *name,
                       const struct rnl_text *data)
{
    struct rnl_multi *multi = sub->multi;
    struct rnl_text text;
    const struct rnl_event_text event = {
        .name = name,
        .name_len = strlen(name),
        .data = data != NULL ? data->data : NULL,
        .data_len = data != NULL ? data->len : 0};
    rnl_text_init(&text, PIECE_BYTES_MAX);
    put_event(sub, &text, &event);
    struct rnl_piece *piece = rnl_piece_of_text(&text);
    if (piece != NULL)
        STAILQ_INSERT_TAIL(&multi->queue, piece, link);
    else
        rnl_streaming_finish(&multi->streaming, true);
}

/* --- sending --- */

bool rnl_multi_is_over(const struct rnl_multi *multi)
{
    for (size_t i = 0; i < multi->count; i++)
        if (!multi->cursor.over[i])
            return false;
    return true;
}

/* What is to be done after a send is done in on_ready. */
static void send_some(struct rnl_multi *multi, struct rnl_piece **pieces,
                      size_t count)
{
    rnl_streaming_send(&multi->streaming, pieces, count);
    rnl_streaming_wake(&multi->streaming);
}

void rnl_multi_send_own(struct rnl_multi *multi)
{
    struct rnl_piece *pieces[RNL_STREAMING_PIECES_MAX];
    struct rnl_piece *piece;
    size_t count = 0;
    if (!rnl_streaming_ready(&multi->streaming))
        return;
    while (count < RNL_STREAMING_PIECES_MAX &&
           (piece = STAILQ_FIRST(&multi->queue)) != NULL) {
        STAILQ_REMOVE_HEAD(&multi->queue, link);
        pieces[count++] = piece;
    }
    if (count > 0)
        send_some(multi, pieces, count);
    else if (rnl_multi_is_over(multi))
        rnl_streaming_finish(&multi->streaming, false);
}

static struct rnl_subscription *sub_of(struct rnl_member *member)
{
    return H2O_STRUCT_FROM_MEMBER(struct rnl_subscription, member, member);
}

/* Own pieces go first: a `reset` before what begins anew. */
static bool is_ready(struct rnl_member *member)
{
    const struct rnl_multi *multi = sub_of(member)->multi;
    return rnl_streaming_ready(&multi->streaming) &&
           STAILQ_EMPTY(&multi->queue);
}

static void send_pieces(struct rnl_member *member, struct rnl_piece **pieces,
                        size_t count)
{
    struct rnl_subscription *sub = sub_of(member);
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        struct rnl_piece *own = wrap(sub, pieces[i]);
        ok = ok && own != NULL;
        rnl_piece_unref(pieces[i]);
        pieces[i] = own;
    }
    if (ok) {
        send_some(sub->multi, pieces, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        rnl_piece_unref(pieces[i]);
    rnl_streaming_finish(&sub->multi->streaming, true);
}

/* The job or stream is gone, or must be followed from elsewhere. */
void rnl_multi_reset(struct rnl_subscription *sub,
                     const struct rnl_status_info *status)
{
    struct rnl_multi *multi = sub->multi;
    struct rnl_cursor *cursor = &multi->cursor;
    uint64_t first = status->first_available_sequence;
    struct rnl_text data;
    /* What it had not been sent is of no use any more. */
    rnl_topic_leave(&sub->member);
    rnl_cursor_epoch(
        rnl_core_link_epoch(multi->streaming.exchange->worker->core),
        cursor->epoch);
    cursor->over[sub->index] = status->code != RNL_OUT_OF_RANGE;
    cursor->after[sub->index] = first > 0 ? first - 1 : 0;
    sub->wants_join = status->code == RNL_OUT_OF_RANGE;
    rnl_text_init(&data, REASON_BYTES_MAX);
    rnl_sse_put_reason(&data, status);
    push_event(sub, "reset", &data);
    rnl_text_fini(&data);
}

/* A job that had ended where the client was has nothing to send but that. */
static void on_over(struct rnl_member *member,
                    const struct rnl_status_info *status)
{
    struct rnl_subscription *sub = sub_of(member);
    struct rnl_multi *multi = sub->multi;
    bool *over = &multi->cursor.over[sub->index];
    if (rnl_sse_is_reset(status)) {
        rnl_multi_reset(sub, status);
    } else if (status->code != RNL_OK) {
        rnl_streaming_finish(&multi->streaming, false);
        return;
    } else if (!*over) {
        *over = true;
        push_event(sub, "end", NULL);
    }
    rnl_multi_send_own(multi);
}

const struct rnl_member_sink rnl_multi_sink = {
    .is_ready = is_ready, .send = send_pieces, .on_over = on_over};
