/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed batches stay in the queue, in the order of their numbers, until the
 * core has acknowledged them:
 *
 *   acknowledged | sent, in flight | not sent
 *                ^ first           ^ next
 *
 * When the connection is lost, next goes back to first. The core knows the
 * numbers, so that a batch that it had taken counts once.
 */
#include "alloc.h"
#include "ingest_private.h"
#include "wire.h"

/* When the server itself answers UNAVAILABLE over a connection that stays. */
#define RETRY_MS 200

static void tell_room(struct rnl_ingest *ingest)
{
    const struct rnl_ingest_options *options = &ingest->options;
    rnl_ingest_enter(ingest);
    if (ingest->was_full && !rnl_ingest_full(ingest)) {
        ingest->was_full = false;
        if (options->on_writable != NULL)
            options->on_writable(ingest, options->arg);
    }
    if (ingest->was_busy && !ingest->doomed && rnl_ingest_drained(ingest)) {
        ingest->was_busy = false;
        if (options->on_drained != NULL)
            options->on_drained(ingest, options->arg);
    }
    (void)rnl_ingest_leave(ingest);
}

void rnl_ingest_fail(struct rnl_ingest *ingest)
{
    ingest->ended = true;
    rnl_call_destroy(ingest->call);
    ingest->call = NULL;
    rnl_ingest_enter(ingest);
    if (ingest->options.on_error != NULL && !ingest->doomed)
        ingest->options.on_error(ingest, &ingest->status.info,
                                 ingest->options.arg);
    (void)rnl_ingest_leave(ingest);
}

/* --- the call --- */

/* Sends what the call takes; the rest follows when it is writable again. */
static enum rnl_code pump(struct rnl_ingest *ingest)
{
    while (ingest->next != NULL && ingest->call != NULL) {
        struct rnl_sealed *batch = ingest->next;
        enum rnl_code code =
            rnl_call_send(ingest->call, batch->data, batch->len);
        if (code != RNL_OK && !rnl_call_writable(ingest->call))
            return RNL_OK;
        if (code != RNL_OK) {
            rnl_status_set(&ingest->status, code,
                           "a batch of %zu bytes is above what the server "
                           "takes, or memory is out",
                           batch->len);
            return code;
        }
        ingest->next = STAILQ_NEXT(batch, link);
        ingest->sent_count++;
        ingest->counts.batches_sent++;
        ingest->counts.bytes_sent += batch->len;
    }
    return RNL_OK;
}

static void on_writable(struct rnl_call *call, void *arg)
{
    struct rnl_ingest *ingest = arg;
    (void)call;
    if (!ingest->ended && pump(ingest) != RNL_OK)
        rnl_ingest_fail(ingest);
}

static void on_open(struct rnl_call *call, void *arg)
{
    struct rnl_ingest *ingest = arg;
    (void)call;
    ingest->opened = true;
}

/* Field numbers of IngestResponse. */
enum {
    ACK_ACCEPTED_EVENTS = 2,
    ACK_LATE_EVENTS = 3,
    ACK_DUPLICATE = 4,
};

static void count_ack(struct rnl_ingest *ingest, const struct rnl_sealed *batch,
                      const uint8_t *data, size_t len)
{
    struct rnl_wire wire = {data, data + len};
    struct rnl_wire_field field;
    struct rnl_ingest_counts *counts = &ingest->counts;
    counts->batches_acknowledged++;
    while (rnl_wire_next(&wire, &field) == RNL_WIRE_FIELD) {
        if (field.number == ACK_ACCEPTED_EVENTS)
            counts->accepted_events += field.value;
        else if (field.number == ACK_LATE_EVENTS)
            counts->late_events += field.value;
        else if (field.number == ACK_DUPLICATE && field.value != 0) {
            counts->duplicate_batches++;
            counts->duplicate_events += batch->event_count;
        }
    }
}

/* Acknowledgements come in the order of the batches. */
static void on_message(struct rnl_call *call, const uint8_t *data, size_t len,
                       void *arg)
{
    struct rnl_ingest *ingest = arg;
    if (ingest->sent_count == 0) {
        rnl_call_fail(call, RNL_INTERNAL,
                      "the server acknowledged a batch that was not sent");
        return;
    }
    struct rnl_sealed *batch = STAILQ_FIRST(&ingest->queue);
    count_ack(ingest, batch, data, len);
    STAILQ_REMOVE_HEAD(&ingest->queue, link);
    ingest->sent_count--;
    ingest->sealed_count--;
    rnl_free(batch);
    tell_room(ingest);
}

static bool resumable(const struct rnl_ingest *ingest,
                      const struct rnl_status_info *status)
{
    if (ingest->client->options.no_reconnect)
        return false;
    if (status->code == RNL_RESOURCE_EXHAUSTED)
        return status->retry_delay_ms > 0;
    return status->code == RNL_UNAVAILABLE &&
           (ingest->opened || ingest->options.wait_for_connection);
}

/* The next call begins with the oldest batch that is not acknowledged. */
static void rewind_queue(struct rnl_ingest *ingest)
{
    ingest->counts.batches_repeated += ingest->sent_count;
    ingest->sent_count = 0;
    ingest->next = STAILQ_FIRST(&ingest->queue);
}

static void go_on(struct rnl_ingest *ingest, uint32_t retry_delay_ms)
{
    struct rnl_client *client = ingest->client;
    int64_t wait_ms = retry_delay_ms > 0 ? retry_delay_ms : RETRY_MS;
    bool wait = retry_delay_ms > 0 || client->state == RNL_CLIENT_CONNECTED;
    if (wait &&
        rnl_timer_start(&client->timers, &ingest->retry,
                        client->now_ns + wait_ms * RNL_NS_PER_MS) == RNL_OK)
        return;
    if (rnl_ingest_send(ingest) != RNL_OK)
        rnl_ingest_fail(ingest);
}

static void on_end(struct rnl_call *call, const struct rnl_status_info *status,
                   void *arg)
{
    struct rnl_ingest *ingest = arg;
    bool again = resumable(ingest, status);
    uint32_t retry_delay_ms = status->retry_delay_ms;
    if (!again)
        rnl_status_copy(&ingest->status, status);
    /* Nobody but this side ends an ingest well. */
    if (!again && status->code == RNL_OK)
        rnl_status_set(&ingest->status, RNL_INTERNAL,
                       "the server ended the ingest");
    rnl_call_destroy(call);
    ingest->call = NULL;
    rewind_queue(ingest);
    if (!again)
        rnl_ingest_fail(ingest);
    else
        go_on(ingest, retry_delay_ms);
}

void rnl_ingest_on_retry(struct rnl_timer *timer, void *arg)
{
    struct rnl_ingest *ingest = arg;
    (void)timer;
    if (rnl_ingest_send(ingest) != RNL_OK)
        rnl_ingest_fail(ingest);
}

static enum rnl_code start_call(struct rnl_ingest *ingest)
{
    struct rnl_call_options options = {
        .size = sizeof(options),
        .wait_for_connection =
            ingest->opened || ingest->options.wait_for_connection,
        .on_message = on_message,
        .on_writable = on_writable,
        .on_end = on_end,
        .arg = ingest,
    };
    enum rnl_code code =
        rnl_call_start(ingest->client, "runnel.v1.EventService/Ingest",
                       &options, &ingest->call);
    if (code != RNL_OK)
        rnl_status_set(&ingest->status, code, "%s", rnl_code_text(code));
    else
        ingest->call->on_open = on_open;
    return code;
}

enum rnl_code rnl_ingest_send(struct rnl_ingest *ingest)
{
    if (ingest->ended)
        return ingest->status.info.code;
    if (ingest->next == NULL || ingest->retry.slot != 0)
        return RNL_OK;
    enum rnl_code code = ingest->call == NULL ? start_call(ingest) : RNL_OK;
    if (code == RNL_OK)
        code = pump(ingest);
    ingest->ended = code != RNL_OK;
    return code;
}
