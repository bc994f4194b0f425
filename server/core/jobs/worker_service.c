/* SPDX-License-Identifier: Apache-2.0 */
/* WorkerService.Work: one stream a worker. */
#include <string.h>

#include <runnel/v1/workers.pb-c.h>

#include "alloc.h"
#include "job_id.h"
#include "workers.h"

/* ---- what a worker is told ---- */

void rnl_worker_send(struct rnl_worker *worker,
                     Runnel__V1__WorkResponse *response)
{
    rnl_stream_send(worker->stream, &response->base);
}

void rnl_worker_send_ack(struct rnl_worker *worker, const struct rnl_ack *from)
{
    Runnel__V1__WorkResponse response = RUNNEL__V1__WORK_RESPONSE__INIT;
    Runnel__V1__Acknowledge ack = RUNNEL__V1__ACKNOWLEDGE__INIT;
    ack.job_id = (char *)(uintptr_t)from->job_id;
    ack.attempt = from->attempt;
    ack.report_sequence = from->report;
    ack.sequence = from->sequence;
    response.order_case = RUNNEL__V1__WORK_RESPONSE__ORDER_ACKNOWLEDGE;
    response.acknowledge = &ack;
    rnl_worker_send(worker, &response);
}

/* ---- settling ---- */

void rnl_worker_settle_later(struct rnl_worker *worker)
{
    struct rnl_jobs *jobs = worker->jobs;
    if (!worker->unsettled)
        TAILQ_INSERT_TAIL(&jobs->unsettled, worker, unsettled_link);
    worker->unsettled = true;
    rnl_jobs_kick(jobs);
}

static void settled(struct rnl_worker *worker)
{
    if (worker->unsettled)
        TAILQ_REMOVE(&worker->jobs->unsettled, worker, unsettled_link);
    worker->unsettled = false;
}

static void finish_if_drained(struct rnl_worker *worker)
{
    if (!worker->draining || worker->busy > 0 || worker->claims > 0 ||
        !TAILQ_EMPTY(&worker->acks))
        return;
    settled(worker);
    if (worker->jobs->core->draining)
        rnl_stream_finish(worker->stream, RNL_UNAVAILABLE,
                          "the server is draining");
    else
        rnl_stream_finish(worker->stream, RNL_OK, NULL);
}

void rnl_workers_settle(struct rnl_jobs *jobs)
{
    struct rnl_worker *worker = TAILQ_FIRST(&jobs->unsettled);
    while (worker != NULL) {
        struct rnl_worker *next = TAILQ_NEXT(worker, unsettled_link);
        if (worker->held)
            rnl_stream_hold(worker->stream, false);
        worker->held = false;
        if (worker->draining)
            finish_if_drained(worker);
        else
            settled(worker);
        worker = next;
    }
}

/* ---- the stream ---- */

/* NULL: memory is out, and the stream ends so. */
static struct rnl_worker *worker_of(struct rnl_stream *stream)
{
    struct rnl_worker *worker = rnl_stream_state(stream);
    if (worker != NULL)
        return worker;
    struct rnl_core *core = rnl_stream_core(stream);
    uint8_t random[RNL_JOB_ID_RANDOM_LEN];
    worker = rnl_calloc(1, sizeof(*worker));
    if (worker == NULL) {
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED, "memory is out");
        return NULL;
    }
    worker->jobs = core->jobs;
    worker->stream = stream;
    TAILQ_INIT(&worker->leases);
    TAILQ_INIT(&worker->acks);
    core->options.random(core->options.random_arg, random, sizeof(random));
    rnl_job_id_make((uint64_t)(core->wall_ns / 1000000), random, worker->id);
    rnl_stream_set_state(stream, worker);
    return worker;
}

static void on_message(struct rnl_stream *stream, const uint8_t *data,
                       size_t len)
{
    struct rnl_worker *worker = worker_of(stream);
    if (worker == NULL)
        return;
    Runnel__V1__WorkRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__work_request__descriptor, data, len);
    if (request == NULL)
        return;
    if (request->report_case == RUNNEL__V1__WORK_REQUEST__REPORT_REGISTRATION)
        rnl_worker_register(worker, request->registration);
    else if (!worker->registered)
        rnl_stream_finish_field(stream, "registration",
                                "must be the first message of a worker");
    else
        rnl_worker_take(worker, request);
    rnl_request_free(request);
}

/* It says nothing more: neither of new jobs nor of those in hand. */
static void on_half_close(struct rnl_stream *stream)
{
    struct rnl_worker *worker = rnl_stream_state(stream);
    struct rnl_lease *lease;
    if (worker == NULL || !worker->registered) {
        rnl_stream_finish(stream, RNL_OK, NULL);
        return;
    }
    worker->claims = 0;
    rnl_worker_drain(worker);
    while ((lease = TAILQ_FIRST(&worker->leases)) != NULL)
        rnl_lease_let_go(lease, true, "the worker ended its call", NULL);
}

static void on_drain(struct rnl_stream *stream)
{
    struct rnl_worker *worker = rnl_stream_state(stream);
    Runnel__V1__WorkResponse response = RUNNEL__V1__WORK_RESPONSE__INIT;
    Runnel__V1__DrainWorker drain = RUNNEL__V1__DRAIN_WORKER__INIT;
    if (worker == NULL || !worker->registered) {
        rnl_stream_finish(stream, RNL_UNAVAILABLE, "the server is draining");
        return;
    }
    drain.reason = (char *)"the server is draining";
    response.order_case = RUNNEL__V1__WORK_RESPONSE__ORDER_DRAIN;
    response.drain = &drain;
    rnl_worker_send(worker, &response);
    rnl_worker_drain(worker);
}

static void on_writable(struct rnl_stream *stream)
{
    rnl_worker_match(rnl_stream_state(stream));
}

static void on_close(struct rnl_stream *stream, enum rnl_code code)
{
    (void)code;
    struct rnl_worker *worker = rnl_stream_state(stream);
    if (worker == NULL)
        return;
    rnl_worker_leave(worker);
    settled(worker);
    struct rnl_work_ack *ack;
    while ((ack = TAILQ_FIRST(&worker->acks)) != NULL) {
        TAILQ_REMOVE(&worker->acks, ack, link);
        ack->worker = NULL;
    }
    rnl_free(worker->kinds);
    rnl_free(worker);
}

static const struct rnl_method methods[] = {
    {
        .name = "runnel.v1.WorkerService/Work",
        .scope = RNL_SCOPE_WORK,
        .shape = RNL_BIDI_STREAM,
        .on_message = on_message,
        .on_half_close = on_half_close,
        .on_writable = on_writable,
        .on_close = on_close,
        .on_drain = on_drain,
    },
};

const struct rnl_service rnl_worker_service = {methods, sizeof(methods) /
                                                            sizeof(methods[0])};
