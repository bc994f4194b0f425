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

/* Later, when memory may be there; or never, when not even that can be. */
static enum rnl_code try_later(struct rnl_ingest *ingest)
{
    struct rnl_client *client = ingest->client;
    enum rnl_code code =
        rnl_timer_start(&client->timers, &ingest->retry,
                        client->clock_ns() + RETRY_MS * RNL_NS_PER_MS);
    if (code != RNL_OK)
        rnl_status_set(&ingest->status, code, "out of memory");
    return code;
}

static enum rnl_code refuse_batch(struct rnl_ingest *ingest, size_t len)
{
    rnl_status_set(&ingest->status, RNL_RESOURCE_EXHAUSTED,
                   "a batch of %zu bytes is above the server's limit of %zu: "
                   "lower batch_bytes",
                   len, rnl_call_message_max(ingest->call));
    return RNL_RESOURCE_EXHAUSTED;
}

/* Batches are copied into a call that runs, whose server's limit is known. */
static bool can_pump(const struct rnl_ingest *ingest)
{
    return ingest->next != NULL && ingest->call != NULL &&
           ingest->call->state == RNL_CALL_RUNNING;
}

/* Sends what the call takes; the rest follows when it is writable again. */
static enum rnl_code pump(struct rnl_ingest *ingest)
{
    while (can_pump(ingest)) {
        struct rnl_sealed *batch = ingest->next;
        if (batch->len > rnl_call_message_max(ingest->call))
            return refuse_batch(ingest, batch->len);
        enum rnl_code code =
            rnl_call_send(ingest->call, batch->data, batch->len);
        if (code != RNL_OK && !rnl_call_writable(ingest->call))
            return RNL_OK;
        if (code != RNL_OK)
            return try_later(ingest);
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
    ingest->opened = true;
    on_writable(call, arg);
}

/* Field numbers of IngestResponse. */
enum {
    ACK_BATCH_NUMBER = 1,
    ACK_ACCEPTED_EVENTS = 2,
    ACK_LATE_EVENTS = 3,
    ACK_DUPLICATE = 4,
};

struct ack {
    uint64_t batch_number;
    uint64_t accepted_events;
    uint64_t late_events;
    bool duplicate;
};

static struct ack read_ack(const uint8_t *data, size_t len)
{
    struct ack ack = {0};
    struct rnl_wire wire = {data, data + len};
    struct rnl_wire_field field;
    while (rnl_wire_next(&wire, &field) == RNL_WIRE_FIELD) {
        if (field.number == ACK_BATCH_NUMBER)
            ack.batch_number = field.value;
        else if (field.number == ACK_ACCEPTED_EVENTS)
            ack.accepted_events = field.value;
        else if (field.number == ACK_LATE_EVENTS)
            ack.late_events = field.value;
        else if (field.number == ACK_DUPLICATE)
            ack.duplicate = field.value != 0;
    }
    return ack;
}

static void count_ack(struct rnl_ingest *ingest, const struct ack *ack,
                      const struct rnl_sealed *batch)
{
    struct rnl_ingest_counts *counts = &ingest->counts;
    counts->batches_acknowledged++;
    counts->accepted_events += ack->accepted_events;
    counts->late_events += ack->late_events;
    if (ack->duplicate) {
        counts->duplicate_batches++;
        counts->duplicate_events += batch->event_count;
    }
}

/* Acknowledgements come in the order of the batches. */
static void on_message(struct rnl_call *call, const uint8_t *data, size_t len,
                       void *arg)
{
    struct rnl_ingest *ingest = arg;
    struct ack ack = read_ack(data, len);
    if (ingest->sent_count == 0 ||
        ack.batch_number != ingest->acked_count + 1) {
        rnl_call_fail(
            call, RNL_INTERNAL,
            "the server acknowledged batch %llu of the call, not %llu",
            (unsigned long long)ack.batch_number,
            (unsigned long long)ingest->acked_count + 1);
        return;
    }
    ingest->acked_count++;
    struct rnl_sealed *batch = STAILQ_FIRST(&ingest->queue);
    count_ack(ingest, &ack, batch);
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
    ingest->acked_count = 0;
    ingest->next = STAILQ_FIRST(&ingest->queue);
}

static void go_on(struct rnl_ingest *ingest, uint32_t retry_delay_ms)
{
    struct rnl_client *client = ingest->client;
    int64_t wait_ms = retry_delay_ms > 0 ? retry_delay_ms : RETRY_MS;
    bool wait = retry_delay_ms > 0 || client->state == RNL_CLIENT_CONNECTED;
    enum rnl_code code =
        wait ? rnl_timer_start(&client->timers, &ingest->retry,
                               client->now_ns + wait_ms * RNL_NS_PER_MS)
             : rnl_ingest_send(ingest);
    if (wait && code != RNL_OK)
        rnl_status_set(&ingest->status, code, "out of memory");
    if (code != RNL_OK)
        rnl_ingest_fail(ingest);
}

/* True: the ingest is gone. */
static bool tell_refused(struct rnl_ingest *ingest,
                         const struct rnl_status_info *status)
{
    if (ingest->options.on_refused == NULL ||
        status->code != RNL_RESOURCE_EXHAUSTED)
        return false;
    rnl_ingest_enter(ingest);
    ingest->options.on_refused(ingest, status, ingest->options.arg);
    return rnl_ingest_leave(ingest);
}

static void on_end(struct rnl_call *call, const struct rnl_status_info *status,
                   void *arg)
{
    struct rnl_ingest *ingest = arg;
    /* With nothing on its way, an end that is none of ours changes nothing:
     * the next batch begins another call. */
    bool idle = status->code == RNL_OK && ingest->sealed_count == 0;
    bool again = idle || resumable(ingest, status);
    uint32_t retry_delay_ms = status->retry_delay_ms;
    if (again && tell_refused(ingest, status))
        return;
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
    else if (!idle)
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
        return try_later(ingest);
    ingest->call->on_open = on_open;
    return RNL_OK;
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
