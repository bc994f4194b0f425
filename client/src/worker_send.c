/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker says to the core about itself. */
#include "alloc.h"
#include "typed.h"
#include "worker_private.h"

static enum rnl_code send(struct rnl_worker *worker,
                          const Runnel__V1__WorkRequest *request)
{
    size_t len = runnel__v1__work_request__get_packed_size(request);
    uint8_t *data = rnl_malloc(len + 1);
    if (data == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    runnel__v1__work_request__pack(request, data);
    enum rnl_code code = rnl_call_send(worker->call, data, len);
    rnl_free(data);
    return code;
}

/* What rnl_worker_send_leases sends. */
static uint32_t count_claims(const struct rnl_worker *worker)
{
    const struct rnl_work *work;
    uint32_t count = 0;
    TAILQ_FOREACH(work, &worker->works, link)
    count += !work->stopped;
    return count;
}

enum rnl_code rnl_worker_send_registration(struct rnl_worker *worker)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__RegisterWorker registration = RUNNEL__V1__REGISTER_WORKER__INIT;
    registration.kinds = worker->kinds;
    registration.n_kinds = worker->options.kind_count;
    registration.concurrency = worker->options.concurrency;
    registration.name = worker->name;
    registration.instance = worker->instance;
    registration.claims = count_claims(worker);
    registration.draining = worker->draining;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_REGISTRATION;
    request.registration = &registration;
    return send(worker, &request);
}

/* One message a lease: with 2,048 of them in one, a server with small frames
 * would not take it. */
static enum rnl_code send_lease(struct rnl_worker *worker,
                                const struct rnl_work *work)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__Heartbeat heartbeat = RUNNEL__V1__HEARTBEAT__INIT;
    Runnel__V1__Lease lease;
    Runnel__V1__Lease *leases[] = {&lease};
    Runnel__V1__Acknowledge last = RUNNEL__V1__ACKNOWLEDGE__INIT;
    Runnel__V1__Acknowledge *acknowledged[] = {&last};
    rnl_work_lease(work, &lease);
    heartbeat.leases = leases;
    heartbeat.n_leases = 1;
    last.job_id = rnl_typed_text(work->job_id);
    last.attempt = work->attempt;
    last.report_sequence = work->acked_number;
    last.sequence = work->acked_sequence;
    heartbeat.acknowledged = acknowledged;
    heartbeat.n_acknowledged = 1;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_HEARTBEAT;
    request.heartbeat = &heartbeat;
    return send(worker, &request);
}

enum rnl_code rnl_worker_send_leases(struct rnl_worker *worker)
{
    struct rnl_work *work;
    enum rnl_code code = RNL_OK;
    TAILQ_FOREACH(work, &worker->works, link)
    {
        if (code == RNL_OK && !work->stopped)
            code = send_lease(worker, work);
    }
    return code;
}

enum rnl_code rnl_worker_send_drain(struct rnl_worker *worker)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__DrainWorker drain = RUNNEL__V1__DRAIN_WORKER__INIT;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_DRAIN;
    request.drain = &drain;
    return send(worker, &request);
}
