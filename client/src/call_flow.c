/* SPDX-License-Identifier: Apache-2.0 */
/* What goes through a call: requests with the server's credit, answers with
 * ours. */
#include <string.h>

#include "alloc.h"
#include "call_private.h"
#include "wire.h"

#define TAG(number, type) ((uint8_t)((number) << 3 | (type)))

/* --- requests --- */

bool rnl_call_writable(const struct rnl_call *call)
{
    return (call->state == RNL_CALL_WAITING ||
            call->state == RNL_CALL_RUNNING) &&
           !call->half_close_wanted && !call->cancel_wanted &&
           call->queued_bytes < call->options.send_buffer_bytes;
}

size_t rnl_call_message_max(const struct rnl_call *call)
{
    uint32_t frame_max = call->client->server.max_frame_bytes;
    /* Before the first Hello it is the largest of any server. */
    if (frame_max == 0 || frame_max > RNL_FRAME_BYTES_MAX)
        frame_max = RNL_FRAME_BYTES_MAX;
    return frame_max - RNL_FRAME_OVERHEAD_MAX;
}

static enum rnl_code check_send(struct rnl_call *call, size_t len)
{
    if (call->half_close_wanted || call->cancel_wanted ||
        call->state == RNL_CALL_ENDED || call->state == RNL_CALL_DONE)
        return RNL_FAILED_PRECONDITION;
    if (len > rnl_call_message_max(call))
        return RNL_RESOURCE_EXHAUSTED;
    if (!rnl_call_writable(call)) {
        call->refused = true;
        return RNL_RESOURCE_EXHAUSTED;
    }
    return RNL_OK;
}

enum rnl_code rnl_call_send(struct rnl_call *call, const void *data, size_t len)
{
    enum rnl_code code = check_send(call, len);
    if (code != RNL_OK)
        return code;
    struct rnl_outgoing *message = rnl_malloc(sizeof(*message) + len);
    if (message == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    message->len = len;
    if (len > 0)
        memcpy(message->data, data, len);
    STAILQ_INSERT_TAIL(&call->queue, message, link);
    call->queued_bytes += len;
    rnl_call_make_ready(call);
    rnl_client_report(call->client);
    return RNL_OK;
}

void rnl_call_half_close(struct rnl_call *call)
{
    call->half_close_wanted = true;
    rnl_call_make_ready(call);
    rnl_client_report(call->client);
}

/* --- output --- */

/* Half of what was granted is consumed: often enough to never stall, seldom
 * enough to cost nothing. */
static bool credit_due(const struct rnl_call *call)
{
    return call->consumed > 0 &&
           call->consumed >= call->client->options.credit_bytes / 2;
}

static bool has_output(const struct rnl_call *call)
{
    if (call->state != RNL_CALL_RUNNING)
        return false;
    if (call->cancel_wanted)
        return !call->cancel_sent;
    if (credit_due(call))
        return true;
    if (!STAILQ_EMPTY(&call->queue))
        return call->send_credit > 0;
    return call->half_close_wanted && !call->half_close_sent;
}

void rnl_call_unready(struct rnl_call *call)
{
    if (call->ready)
        TAILQ_REMOVE(&call->client->ready, call, ready_link);
    call->ready = false;
}

void rnl_call_make_ready(struct rnl_call *call)
{
    if (call->ready || !has_output(call))
        return;
    call->ready = true;
    TAILQ_INSERT_TAIL(&call->client->ready, call, ready_link);
}

static bool send_cancel(struct rnl_call *call)
{
    uint8_t body[1 + RNL_VARINT32_MAX + RNL_CANCEL_REASON_MAX];
    size_t len = 0;
    if (call->cancel_reason != NULL) {
        size_t reason_len = strlen(call->cancel_reason);
        body[len++] = TAG(1, RNL_WIRE_BYTES);
        len += rnl_wire_put_varint(body + len, reason_len);
        memcpy(body + len, call->cancel_reason, reason_len);
        len += reason_len;
    }
    call->cancel_sent =
        rnl_output_frame(call->client, call->id, RNL_FRAME_CANCEL, body, len);
    return call->cancel_sent;
}

static bool send_credit(struct rnl_call *call)
{
    uint8_t body[1 + RNL_VARINT32_MAX];
    body[0] = TAG(1, RNL_WIRE_VARINT);
    size_t len = 1 + rnl_wire_put_varint(body + 1, call->consumed);
    if (!rnl_output_frame(call->client, call->id, RNL_FRAME_CREDIT, body, len))
        return false;
    call->receive_credit += call->consumed;
    call->consumed = 0;
    return true;
}

static void tell_writable(struct rnl_call *call)
{
    if (!call->refused || !rnl_call_writable(call))
        return;
    call->refused = false;
    call->busy++;
    if (call->options.on_writable != NULL)
        call->options.on_writable(call, call->options.arg);
    (void)rnl_call_leave(call);
}

static bool send_message(struct rnl_call *call)
{
    struct rnl_outgoing *message = STAILQ_FIRST(&call->queue);
    if (message->len > rnl_call_message_max(call)) {
        rnl_call_fail(call, RNL_RESOURCE_EXHAUSTED,
                      "a message of %zu bytes is above the server's limit of "
                      "%zu",
                      message->len, rnl_call_message_max(call));
        return true;
    }
    if (!rnl_output_frame(call->client, call->id, RNL_FRAME_MESSAGE,
                          message->data, message->len))
        return false;
    call->send_credit -= (int64_t)message->len;
    call->queued_bytes -= message->len;
    STAILQ_REMOVE_HEAD(&call->queue, link);
    rnl_free(message);
    return true;
}

static bool produce(struct rnl_call *call)
{
    if (call->cancel_wanted)
        return send_cancel(call);
    if (credit_due(call))
        return send_credit(call);
    if (!STAILQ_EMPTY(&call->queue))
        return send_message(call);
    call->half_close_sent =
        rnl_output_frame(call->client, call->id, RNL_FRAME_HALF_CLOSE, NULL, 0);
    return call->half_close_sent;
}

void rnl_call_produce(struct rnl_call *call)
{
    rnl_call_unready(call);
    if (!produce(call)) {
        rnl_call_fail(call, RNL_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    rnl_call_make_ready(call);
    tell_writable(call);
}

/* --- answers --- */

void rnl_call_take_credit(struct rnl_call *call, uint32_t bytes)
{
    call->send_credit += bytes;
    rnl_call_make_ready(call);
}

static void consume(struct rnl_call *call, uint64_t len)
{
    uint64_t taken = len < call->held ? len : call->held;
    call->held -= taken;
    call->consumed += (uint32_t)taken;
    rnl_call_make_ready(call);
}

void rnl_call_consume(struct rnl_call *call, size_t len)
{
    consume(call, len);
    rnl_client_report(call->client);
}

void rnl_call_take_message(struct rnl_call *call, const uint8_t *data,
                           size_t len)
{
    if (call->receive_credit <= 0) {
        rnl_call_fail(call, RNL_INTERNAL,
                      "the server sent more than it was granted");
        return;
    }
    call->receive_credit -= (int64_t)len;
    call->held += len;
    if (call->cancel_wanted) {
        consume(call, len);
        return;
    }
    call->busy++;
    if (call->options.on_message != NULL)
        call->options.on_message(call, data, len, call->options.arg);
    if (!rnl_call_leave(call) && !call->options.manual_consume)
        consume(call, len);
}
