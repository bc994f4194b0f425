/* SPDX-License-Identifier: Apache-2.0 */
/* WorkerService.Work: one stream a worker. Its messages are reports on the
 * jobs that it holds leases of; a report under a lease that it does not hold
 * is answered with StopJob, and the other jobs of the stream go on. */
#include <stdio.h>
#include <string.h>

#include <runnel/v1/workers.pb-c.h>

#include "alloc.h"
#include "draft.h"
#include "job_id.h"
#include "utf8.h"
#include "workers.h"

static void send(struct rnl_worker *worker, Runnel__V1__WorkResponse *response)
{
    rnl_stream_send(worker->stream, &response->base);
}

/* ---- registration ---- */

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
    return check_kinds(stream, request);
}

static enum rnl_code add_kinds(struct rnl_worker *worker,
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
        TAILQ_INSERT_TAIL(&kind->queue->workers, kind, link);
    }
    return RNL_OK;
}

static void send_registered(struct rnl_worker *worker)
{
    Runnel__V1__WorkResponse response = RUNNEL__V1__WORK_RESPONSE__INIT;
    Runnel__V1__WorkerRegistered registered =
        RUNNEL__V1__WORKER_REGISTERED__INIT;
    Google__Protobuf__Duration interval = GOOGLE__PROTOBUF__DURATION__INIT;
    interval.seconds = RNL_HEARTBEAT_NS / RNL_SECOND_NS;
    registered.worker_id = worker->id;
    registered.heartbeat_interval = &interval;
    response.order_case = RUNNEL__V1__WORK_RESPONSE__ORDER_REGISTERED;
    response.registered = &registered;
    send(worker, &response);
}

static void take_registration(struct rnl_worker *worker,
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
    snprintf(worker->name, sizeof(worker->name), "%s", request->name);
    worker->concurrency = request->concurrency;
    if (add_kinds(worker, request) != RNL_OK) {
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED,
                          "there are %d kinds that jobs wait for or workers "
                          "serve, the limit, or memory is out",
                          RNL_KIND_QUEUES_MAX);
        return;
    }
    worker->registered = true;
    send_registered(worker);
    rnl_jobs_kick(worker->jobs);
}

/* ---- reports ---- */

void rnl_worker_send_ack(struct rnl_worker *worker, const char *job_id,
                         uint32_t attempt, uint64_t report)
{
    Runnel__V1__WorkResponse response = RUNNEL__V1__WORK_RESPONSE__INIT;
    Runnel__V1__Acknowledge ack = RUNNEL__V1__ACKNOWLEDGE__INIT;
    ack.job_id = (char *)(uintptr_t)job_id;
    ack.attempt = attempt;
    ack.report_sequence = report;
    response.order_case = RUNNEL__V1__WORK_RESPONSE__ORDER_ACKNOWLEDGE;
    response.acknowledge = &ack;
    send(worker, &response);
}

static void refuse_lease(struct rnl_worker *worker,
                         const Runnel__V1__Lease *held)
{
    Runnel__V1__WorkResponse response = RUNNEL__V1__WORK_RESPONSE__INIT;
    Runnel__V1__StopJob stop = RUNNEL__V1__STOP_JOB__INIT;
    Runnel__V1__Lease copy = *held;
    stop.lease = &copy;
    stop.reason = (char *)"this lease is not held any more";
    response.order_case = RUNNEL__V1__WORK_RESPONSE__ORDER_STOP;
    response.stop = &stop;
    send(worker, &response);
}

/* What every report has. */
struct report {
    const char *name;
    const Runnel__V1__Lease *held;
    uint64_t number;
};

/* Returns the lease if the report is the next one, else NULL: it has been
 * dealt with. */
static struct rnl_lease *take_report(struct rnl_worker *worker,
                                     const struct report *report)
{
    char field[64];
    if (report->held == NULL) {
        snprintf(field, sizeof(field), "%s.lease", report->name);
        rnl_stream_finish_field(worker->stream, field, "is missing");
        return NULL;
    }
    struct rnl_lease *lease = rnl_lease_find(worker, report->held);
    if (lease == NULL) {
        refuse_lease(worker, report->held);
        return NULL;
    }
    rnl_lease_renew(lease);
    if (report->number == lease->last_report + 1)
        return lease;
    if (report->number <= lease->last_report && report->number > 0) {
        /* Sent again, over a new connection: what is not acknowledged now
         * will be. */
        if (lease->report_count == 0)
            rnl_worker_send_ack(worker, lease->job->node.id,
                                lease->job->attempt, lease->last_report);
        return NULL;
    }
    snprintf(field, sizeof(field), "%s.report_sequence", report->name);
    rnl_stream_finish_field(
        worker->stream, field, "must be %llu for job %s, not %llu",
        (unsigned long long)lease->last_report + 1, lease->job->node.id,
        (unsigned long long)report->number);
    return NULL;
}

static void refuse_output(struct rnl_lease *lease)
{
    struct rnl_job *job = lease->job;
    rnl_job_end(job, RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED,
                RNL_RESOURCE_EXHAUSTED,
                "the job's output is at its limit, or memory is out", NULL);
}

static enum rnl_code append_deltas(struct rnl_job *job,
                                   const Runnel__V1__AppendOutput *append)
{
    enum rnl_code code = RNL_OK;
    for (size_t i = 0; i < append->n_deltas && code == RNL_OK; i++) {
        const Runnel__V1__OutputDelta *delta = append->deltas[i];
        if (delta->content_case == RUNNEL__V1__OUTPUT_DELTA__CONTENT_TEXT)
            code = rnl_run_output(&job->run, delta->text, strlen(delta->text));
        else if (delta->content_case == RUNNEL__V1__OUTPUT_DELTA__CONTENT_DATA)
            code = rnl_run_output(&job->run, delta->data.data, delta->data.len);
    }
    for (size_t i = 0; i < append->n_logs && code == RNL_OK; i++)
        code = rnl_run_log(&job->run, "%s", append->logs[i]->message);
    return code;
}

static void take_append(struct rnl_worker *worker,
                        const Runnel__V1__AppendOutput *append)
{
    struct report report = {"append", append->lease, append->report_sequence};
    struct rnl_lease *lease = take_report(worker, &report);
    if (lease == NULL)
        return;
    if (append_deltas(lease->job, append) != RNL_OK) {
        refuse_output(lease);
        return;
    }
    rnl_lease_note(lease, report.number);
    /* A report that made no event waits for nothing. */
    if (append->n_deltas + append->n_logs == 0)
        rnl_lease_committed(lease, rnl_job_committed(lease->job));
}

static void take_progress(struct rnl_worker *worker,
                          const Runnel__V1__ReportProgress *progress)
{
    struct report report = {"progress", progress->lease,
                            progress->report_sequence};
    struct rnl_lease *lease = take_report(worker, &report);
    if (lease == NULL)
        return;
    if (progress->progress != NULL &&
        rnl_job_progress(lease->job, progress->progress) != RNL_OK)
        refuse_output(lease);
    else
        rnl_lease_note(lease, report.number);
}

/* ---- the end of a job ---- */

static void on_acked(struct rnl_store_request *request, enum rnl_code code)
{
    struct rnl_work_ack *ack = (struct rnl_work_ack *)request;
    if (ack->worker != NULL) {
        TAILQ_REMOVE(&ack->worker->acks, ack, link);
        if (code == RNL_OK)
            rnl_worker_send_ack(ack->worker, ack->job_id, ack->attempt,
                                ack->report);
    }
    rnl_free(ack);
}

/* NULL: memory is out, and the stream ends so. */
static struct rnl_work_ack *make_ack(struct rnl_worker *worker,
                                     const struct rnl_job *job, uint64_t report)
{
    struct rnl_work_ack *ack = rnl_calloc(1, sizeof(*ack));
    if (ack == NULL) {
        rnl_stream_finish(worker->stream, RNL_RESOURCE_EXHAUSTED,
                          "memory is out");
        return NULL;
    }
    ack->request.done = on_acked;
    ack->worker = worker;
    memcpy(ack->job_id, job->node.id, sizeof(ack->job_id));
    ack->attempt = job->attempt;
    ack->report = report;
    TAILQ_INSERT_TAIL(&worker->acks, ack, link);
    return ack;
}

static void take_complete(struct rnl_worker *worker,
                          const Runnel__V1__CompleteJob *complete)
{
    struct report report = {"complete", complete->lease,
                            complete->report_sequence};
    struct rnl_lease *lease = take_report(worker, &report);
    if (lease == NULL)
        return;
    struct rnl_job *job = lease->job;
    if (strlen(complete->output_content_type) > RNL_JOB_CONTENT_TYPE_LEN_MAX) {
        rnl_stream_finish_field(worker->stream, "complete.output_content_type",
                                "must have at most %d bytes",
                                RNL_JOB_CONTENT_TYPE_LEN_MAX);
        return;
    }
    struct rnl_work_ack *ack = make_ack(worker, job, report.number);
    if (ack == NULL)
        return;
    rnl_job_set_content_type(job, complete->output_content_type);
    rnl_lease_end(job, NULL);
    rnl_job_end(job, RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED, RNL_OK, NULL,
                &ack->request);
}

static void take_fail(struct rnl_worker *worker,
                      const Runnel__V1__FailJob *fail)
{
    struct report report = {"fail", fail->lease, fail->report_sequence};
    struct rnl_lease *lease = take_report(worker, &report);
    if (lease == NULL)
        return;
    struct rnl_job *job = lease->job;
    struct rnl_work_ack *ack = make_ack(worker, job, report.number);
    if (ack == NULL)
        return;
    const Runnel__V1__JobError *error = fail->error;
    bool has_code = error != NULL && error->code > 0 &&
                    error->code <= RUNNEL__V1__CODE__CODE_UNAUTHENTICATED;
    struct rnl_step step = {.retry = fail->retryable};
    rnl_step_fail(&step, has_code ? (enum rnl_code)error->code : RNL_UNKNOWN,
                  "%s",
                  error == NULL ? "the worker said no reason" : error->message);
    rnl_lease_end(job, NULL);
    rnl_job_fail(job, &step, &ack->request);
}

static void take_heartbeat(struct rnl_worker *worker,
                           const Runnel__V1__Heartbeat *heartbeat)
{
    for (size_t i = 0; i < heartbeat->n_leases; i++) {
        struct rnl_lease *lease = rnl_lease_find(worker, heartbeat->leases[i]);
        if (lease != NULL)
            rnl_lease_renew(lease);
        else
            refuse_lease(worker, heartbeat->leases[i]);
    }
}

/* ---- the stream ---- */

static void take(struct rnl_worker *worker,
                 const Runnel__V1__WorkRequest *request)
{
    switch (request->report_case) {
    case RUNNEL__V1__WORK_REQUEST__REPORT_REGISTRATION:
        take_registration(worker, request->registration);
        break;
    case RUNNEL__V1__WORK_REQUEST__REPORT_APPEND:
        take_append(worker, request->append);
        break;
    case RUNNEL__V1__WORK_REQUEST__REPORT_PROGRESS:
        take_progress(worker, request->progress);
        break;
    case RUNNEL__V1__WORK_REQUEST__REPORT_COMPLETE:
        take_complete(worker, request->complete);
        break;
    case RUNNEL__V1__WORK_REQUEST__REPORT_FAIL:
        take_fail(worker, request->fail);
        break;
    case RUNNEL__V1__WORK_REQUEST__REPORT_HEARTBEAT:
        take_heartbeat(worker, request->heartbeat);
        break;
    default:
        rnl_stream_finish_field(worker->stream, "report",
                                "is missing, or of a later version");
        break;
    }
}

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
    if (!worker->registered &&
        request->report_case != RUNNEL__V1__WORK_REQUEST__REPORT_REGISTRATION)
        rnl_stream_finish_field(stream, "registration",
                                "must be the first message of a worker");
    else
        take(worker, request);
    rnl_request_free(request);
}

static void on_half_close(struct rnl_stream *stream)
{
    rnl_stream_finish(stream, RNL_OK, NULL);
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
    while (!TAILQ_EMPTY(&worker->leases))
        rnl_lease_abandon(TAILQ_FIRST(&worker->leases));
    struct rnl_work_ack *ack;
    while ((ack = TAILQ_FIRST(&worker->acks)) != NULL) {
        TAILQ_REMOVE(&worker->acks, ack, link);
        ack->worker = NULL;
    }
    for (size_t i = 0; i < worker->kind_count; i++) {
        TAILQ_REMOVE(&worker->kinds[i].queue->workers, &worker->kinds[i], link);
        rnl_kind_queue_leave(worker->jobs, worker->kinds[i].queue);
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
    },
};

const struct rnl_service rnl_worker_service = {methods, sizeof(methods) /
                                                            sizeof(methods[0])};
