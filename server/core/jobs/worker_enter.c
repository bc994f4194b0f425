/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker comes, comes back, and goes. One that comes back says how many
 * leases it will claim, and enters the queues of its kinds when it has: so it
 * is never given more than it asked for. What its instance had and did not
 * claim was lost on the way to it.
 */
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "draft.h"
#include "timestamp.h"
#include "workers.h"

/* ---- checks ---- */

static bool check_kinds(struct rnl_stream *stream,
                        const Runnel__V1__RegisterWorker *request)
{
    if (request->n_kinds < 1 || request->n_kinds > RNL_WORKER_KINDS_MAX) {
        rnl_stream_finish_field(stream, "registration.kinds",
                                "must have 1 to %d entries, not %zu",
                                RNL_WORKER_KINDS_MAX, request->n_kinds);
        return false;
    }
    for (size_t i = 0; i < request->n_kinds; i++) {
        char field[64];
        snprintf(field, sizeof(field), "registration.kinds[%zu]", i);
        if (!rnl_job_kind_valid(request->kinds[i])) {
            rnl_stream_finish_field(stream, field, "%s", RNL_JOB_KIND_RULE);
            return false;
        }
        if (rnl_job_kind_built_in(request->kinds[i])) {
            rnl_stream_finish_field(stream, field,
                                    "is a kind that the server does itself");
            return false;
        }
    }
    return true;
}

static bool check_registration(struct rnl_stream *stream,
                               const Runnel__V1__RegisterWorker *request)
{
    if (request->concurrency < 1 ||
        request->concurrency > RNL_WORKER_CONCURRENCY_MAX) {
        rnl_stream_finish_field(stream, "registration.concurrency",
                                "must be between 1 and %d, not %u",
                                RNL_WORKER_CONCURRENCY_MAX,
                                request->concurrency);
        return false;
    }
    if (strlen(request->name) > RNL_WORKER_NAME_LEN_MAX) {
        rnl_stream_finish_field(stream, "registration.name",
                                "must have at most %d bytes",
                                RNL_WORKER_NAME_LEN_MAX);
        return false;
    }
    if (strlen(request->instance) > RNL_WORKER_INSTANCE_LEN_MAX) {
        rnl_stream_finish_field(stream, "registration.instance",
                                "must have at most %d bytes",
                                RNL_WORKER_INSTANCE_LEN_MAX);
        return false;
    }
    return check_kinds(stream, request);
}

/* ---- queues ---- */

static enum rnl_code use_kinds(struct rnl_worker *worker,
                               const Runnel__V1__RegisterWorker *request)
{
    worker->kinds = rnl_calloc(request->n_kinds, sizeof(worker->kinds[0]));
    if (worker->kinds == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < request->n_kinds; i++) {
        struct rnl_worker_kind *kind = &worker->kinds[worker->kind_count];
        enum rnl_code code =
            rnl_kind_queue_use(worker->jobs, request->kinds[i], &kind->queue);
        if (code != RNL_OK)
            return code;
        kind->worker = worker;
        worker->kind_count++;
    }
    return RNL_OK;
}

static void enter_queues(struct rnl_worker *worker)
{
    if (worker->queued || worker->draining)
        return;
    worker->queued = true;
    for (size_t i = 0; i < worker->kind_count; i++) {
        struct rnl_worker_kind *kind = &worker->kinds[i];
        TAILQ_INSERT_TAIL(&kind->queue->workers, kind, link);
    }
    rnl_jobs_kick(worker->jobs);
}

static void leave_queues(struct rnl_worker *worker)
{
    for (size_t i = 0; i < worker->kind_count; i++) {
        struct rnl_worker_kind *kind = &worker->kinds[i];
        if (worker->queued)
            TAILQ_REMOVE(&kind->queue->workers, kind, link);
        rnl_kind_queue_leave(worker->jobs, kind->queue);
    }
    worker->queued = false;
    worker->kind_count = 0;
}

static void abandon_leases(struct rnl_worker *worker)
{
    while (!TAILQ_EMPTY(&worker->leases))
        rnl_lease_abandon(TAILQ_FIRST(&worker->leases));
}

/* ---- registration ---- */

/* The server may learn of the new connection before it learns that the old one
 * is lost. */
static void replace_instance(const struct rnl_worker *worker)
{
    struct rnl_worker *old;
    TAILQ_FOREACH(old, &worker->jobs->workers, link)
    {
        if (strcmp(old->instance, worker->instance) != 0)
            continue;
        abandon_leases(old);
        leave_queues(old);
        rnl_stream_finish(old->stream, RNL_ABORTED,
                          "this worker has connected again");
    }
}

static void send_registered(struct rnl_worker *worker)
{
    Runnel__V1__WorkResponse response = RUNNEL__V1__WORK_RESPONSE__INIT;
    Runnel__V1__WorkerRegistered registered =
        RUNNEL__V1__WORKER_REGISTERED__INIT;
    Google__Protobuf__Duration interval;
    rnl_duration_set(&interval,
                     rnl_lease_ns(worker->jobs) / RNL_HEARTBEATS_PER_LEASE);
    registered.worker_id = worker->id;
    registered.heartbeat_interval = &interval;
    response.order_case = RUNNEL__V1__WORK_RESPONSE__ORDER_REGISTERED;
    response.registered = &registered;
    rnl_worker_send(worker, &response);
}

static void finish_claims(struct rnl_worker *worker)
{
    if (worker->instance[0] != '\0')
        rnl_leases_return(worker->jobs, worker->instance);
    enter_queues(worker);
    rnl_jobs_kick(worker->jobs);
}

static void enter(struct rnl_worker *worker,
                  const Runnel__V1__RegisterWorker *request)
{
    snprintf(worker->name, sizeof(worker->name), "%s", request->name);
    snprintf(worker->instance, sizeof(worker->instance), "%s",
             request->instance);
    worker->concurrency = request->concurrency;
    worker->claims = request->claims;
    if (worker->instance[0] != '\0')
        replace_instance(worker);
    worker->registered = true;
    TAILQ_INSERT_TAIL(&worker->jobs->workers, worker, link);
    send_registered(worker);
    if (request->draining)
        rnl_worker_drain(worker);
    if (worker->claims == 0)
        finish_claims(worker);
}

void rnl_worker_register(struct rnl_worker *worker,
                         const Runnel__V1__RegisterWorker *request)
{
    struct rnl_stream *stream = worker->stream;
    if (worker->registered) {
        rnl_stream_finish_field(stream, "registration",
                                "this worker is registered already");
        return;
    }
    if (!check_registration(stream, request))
        return;
    if (use_kinds(worker, request) == RNL_OK)
        enter(worker, request);
    else
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED,
                          "there are %d kinds that jobs wait for or workers "
                          "serve, the limit, or memory is out",
                          RNL_KIND_QUEUES_MAX);
}

void rnl_worker_claimed(struct rnl_worker *worker)
{
    if (worker->claims > 0 && --worker->claims == 0)
        finish_claims(worker);
}

/* ---- the end ---- */

void rnl_worker_drain(struct rnl_worker *worker)
{
    worker->draining = true;
    leave_queues(worker);
    rnl_worker_settle_later(worker);
}

void rnl_worker_leave(struct rnl_worker *worker)
{
    abandon_leases(worker);
    leave_queues(worker);
    if (worker->registered)
        TAILQ_REMOVE(&worker->jobs->workers, worker, link);
}
