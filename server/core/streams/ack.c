/* SPDX-License-Identifier: Apache-2.0 */
#include "ack.h"

#include "alloc.h"
#include "registry.h"

/* ---- sending ---- */

static void ack_free(struct rnl_ack *ack)
{
    rnl_buf_unref(ack->message);
    rnl_free(ack);
}

static void take_out(struct rnl_ack *ack)
{
    TAILQ_REMOVE(&ack->acks->list, ack, link);
    ack->acks = NULL;
}

static void refuse(struct rnl_stream *call, enum rnl_code code)
{
    rnl_stream_finish_retry(call, code, RNL_KEEP_RETRY_MS,
                            "this could not be stored (the disk is full?): "
                            "send it again, it counts once");
}

static void send(struct rnl_stream *call, struct rnl_ack *ack)
{
    if (ack->code != RNL_OK)
        refuse(call, ack->code);
    else if (ack->message == NULL)
        rnl_stream_finish(call, RNL_RESOURCE_EXHAUSTED, "memory is out");
    else
        rnl_stream_send_buf(call, ack->message);
}

/* Those that are done, up to the first that is not. */
static void send_done(struct rnl_acks *acks)
{
    struct rnl_ack *ack;
    while ((ack = TAILQ_FIRST(&acks->list)) != NULL && ack->is_done) {
        take_out(ack);
        send(acks->call, ack);
        ack_free(ack);
    }
    if (acks->is_last && TAILQ_EMPTY(&acks->list))
        rnl_stream_finish(acks->call, RNL_OK, NULL);
}

static void on_done(struct rnl_keep_request *request, enum rnl_code code)
{
    /* The request comes first. */
    struct rnl_ack *ack = (struct rnl_ack *)request;
    if (ack->acks == NULL) {
        ack_free(ack);
        return;
    }
    ack->is_done = true;
    ack->code = code;
    send_done(ack->acks);
}

/* ---- one call ---- */

struct rnl_acks *rnl_acks_of(struct rnl_stream *call)
{
    struct rnl_acks *acks = rnl_stream_state(call);
    if (acks != NULL)
        return acks;
    acks = rnl_calloc(1, sizeof(*acks));
    if (acks == NULL) {
        rnl_stream_finish(call, RNL_RESOURCE_EXHAUSTED, "memory is out");
        return NULL;
    }
    acks->call = call;
    acks->streams = rnl_stream_core(call)->streams;
    TAILQ_INIT(&acks->list);
    rnl_stream_set_state(call, acks);
    return acks;
}

struct rnl_ack *rnl_ack_begin(struct rnl_acks *acks)
{
    struct rnl_ack *ack = rnl_calloc(1, sizeof(*ack));
    if (ack == NULL) {
        rnl_stream_finish(acks->call, RNL_RESOURCE_EXHAUSTED, "memory is out");
        return NULL;
    }
    ack->request.done = on_done;
    ack->acks = acks;
    TAILQ_INSERT_TAIL(&acks->list, ack, link);
    acks->count++;
    return ack;
}

void rnl_ack_drop(struct rnl_ack *ack)
{
    take_out(ack);
    ack_free(ack);
}

void rnl_ack_set(struct rnl_ack *ack, const ProtobufCMessage *message)
{
    ack->message = rnl_buf_pack(message);
}

void rnl_ack_await(struct rnl_ack *ack, struct rnl_event_stream *subject,
                   const ProtobufCMessage *message)
{
    rnl_ack_set(ack, message);
    if (rnl_keep_durable(subject->streams->keeper))
        rnl_keep_wait(subject, &ack->request);
    else
        ack->request.done(&ack->request, RNL_OK);
}

struct rnl_ack *rnl_ack_unary(struct rnl_stream *call)
{
    struct rnl_acks *acks = rnl_acks_of(call);
    struct rnl_ack *ack = acks == NULL ? NULL : rnl_ack_begin(acks);
    if (ack != NULL)
        acks->is_last = true;
    return ack;
}

void rnl_acks_end(struct rnl_acks *acks)
{
    acks->is_last = true;
    send_done(acks);
}

static void let_go(struct rnl_acks *acks)
{
    if (!acks->held)
        return;
    acks->held = false;
    TAILQ_REMOVE(&acks->streams->held, acks, held_link);
}

void rnl_acks_on_close(struct rnl_stream *call, enum rnl_code code)
{
    struct rnl_acks *acks = rnl_stream_state(call);
    struct rnl_ack *ack;
    (void)code;
    if (acks == NULL)
        return;
    /* They are freed when they are done. */
    while ((ack = TAILQ_FIRST(&acks->list)) != NULL)
        take_out(ack);
    let_go(acks);
    rnl_free(acks);
    rnl_stream_set_state(call, NULL);
}

void rnl_acks_hold(struct rnl_acks *acks)
{
    if (acks->held || !rnl_keeper_busy(acks->streams->keeper))
        return;
    acks->held = true;
    TAILQ_INSERT_TAIL(&acks->streams->held, acks, held_link);
    rnl_stream_hold(acks->call, true);
}

void rnl_acks_relieve(void *arg)
{
    struct rnl_streams *streams = arg;
    struct rnl_acks *acks;
    while ((acks = TAILQ_FIRST(&streams->held)) != NULL) {
        let_go(acks);
        rnl_stream_hold(acks->call, false);
    }
}
