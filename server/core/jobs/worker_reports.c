/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker says about its jobs. A report under a lease that it does not
 * hold is answered with StopJob, and the other jobs of the stream go on. While
 * the store is busy reports are taken but get no credit, so that a worker can
 * send what it had credit for and then waits.
 */
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "draft.h"
#include "workers.h"

/* ---- reports ---- */

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
    rnl_worker_send(worker, &response);
}

/* It does not say what was acknowledged: nobody knows where it goes on. */
static void lose_by_restart(struct rnl_lease *lease)
{
    struct rnl_job *job = lease->job;
    rnl_lease_end(job, NULL);
    rnl_job_lost(job, RNL_LOST_BY_RESTART, NULL);
}

static void send_ack_again(struct rnl_worker *worker,
                           const struct rnl_lease *lease)
{
    struct rnl_ack ack = {lease->job->node.id, lease->job->attempt,
                          lease->last_report, lease->acked_sequence};
    rnl_worker_send_ack(worker, &ack);
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
    if (lease != NULL && lease->restored) {
        lose_by_restart(lease);
        lease = NULL;
    }
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
            send_ack_again(worker, lease);
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

static void hold_if_busy(struct rnl_worker *worker)
{
    struct rnl_store *store = worker->jobs->store;
    if (worker->held || !store->ops->busy(store))
        return;
    worker->held = true;
    rnl_stream_hold(worker->stream, true);
    rnl_worker_settle_later(worker);
}

/* A report that made no event, or none that was not there, may have nothing to
 * wait for. */
static void note_report(struct rnl_lease *lease, uint64_t number,
                        uint64_t before)
{
    rnl_lease_note(lease, number);
    if (lease->job->last_sequence == before)
        rnl_lease_committed(lease, rnl_job_committed(lease->job));
}

static void take_append(struct rnl_worker *worker,
                        const Runnel__V1__AppendOutput *append)
{
    struct report report = {"append", append->lease, append->report_sequence};
    struct rnl_lease *lease = take_report(worker, &report);
    if (lease == NULL)
        return;
    hold_if_busy(worker);
    uint64_t before = lease->job->last_sequence;
    if (append_deltas(lease->job, append) != RNL_OK)
        refuse_output(lease);
    else
        note_report(lease, report.number, before);
}

static void take_progress(struct rnl_worker *worker,
                          const Runnel__V1__ReportProgress *progress)
{
    struct report report = {"progress", progress->lease,
                            progress->report_sequence};
    struct rnl_lease *lease = take_report(worker, &report);
    if (lease == NULL)
        return;
    uint64_t before = lease->job->last_sequence;
    if (progress->progress != NULL &&
        rnl_job_progress(lease->job, progress->progress) != RNL_OK)
        refuse_output(lease);
    else
        note_report(lease, report.number, before);
}

/* ---- the end of a job ---- */

/* The job is out of the worker's hand: it will claim nothing. */
static void send_last_ack(struct rnl_work_ack *last)
{
    struct rnl_ack ack = {last->job_id, last->attempt, last->report, 0};
    rnl_worker_send_ack(last->worker, &ack);
}

static void on_acked(struct rnl_store_request *request, enum rnl_code code)
{
    struct rnl_work_ack *ack = (struct rnl_work_ack *)request;
    if (ack->worker != NULL) {
        TAILQ_REMOVE(&ack->worker->acks, ack, link);
        if (code == RNL_OK)
            send_last_ack(ack);
        if (ack->worker->draining)
            rnl_worker_settle_later(ack->worker);
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

/* False: it is out of range, and the stream has ended. */
static bool take_delay(struct rnl_worker *worker,
                       const Google__Protobuf__Duration *delay,
                       struct rnl_step *ret_step)
{
    struct rnl_field_error error;
    if (delay == NULL)
        return true;
    if (rnl_job_check_duration(delay, 0, RNL_JOB_BACKOFF_S_MAX,
                               "fail.retry_delay", &error) != RNL_OK) {
        rnl_stream_finish_field(worker->stream, error.field, "%s",
                                error.message);
        return false;
    }
    ret_step->has_delay = true;
    ret_step->delay_ns = rnl_duration_ns(delay);
    return true;
}

static void take_fail(struct rnl_worker *worker,
                      const Runnel__V1__FailJob *fail)
{
    struct report report = {"fail", fail->lease, fail->report_sequence};
    struct rnl_lease *lease = take_report(worker, &report);
    if (lease == NULL)
        return;
    struct rnl_job *job = lease->job;
    struct rnl_step step = {.retry = fail->retryable};
    if (!take_delay(worker, fail->retry_delay, &step))
        return;
    struct rnl_work_ack *ack = make_ack(worker, job, report.number);
    if (ack == NULL)
        return;
    const Runnel__V1__JobError *error = fail->error;
    bool has_code = error != NULL && error->code > 0 &&
                    error->code <= RUNNEL__V1__CODE__CODE_UNAUTHENTICATED;
    rnl_step_fail(&step, has_code ? (enum rnl_code)error->code : RNL_UNKNOWN,
                  "%s",
                  error == NULL ? "the worker said no reason" : error->message);
    rnl_lease_end(job, NULL);
    rnl_job_fail(job, &step, &ack->request);
}

static void take_release(struct rnl_worker *worker,
                         const Runnel__V1__ReleaseJob *release)
{
    struct report report = {"release", release->lease,
                            release->report_sequence};
    struct rnl_lease *lease = take_report(worker, &report);
    if (lease == NULL)
        return;
    struct rnl_work_ack *ack = make_ack(worker, lease->job, report.number);
    if (ack == NULL)
        return;
    const char *reason = release->reason[0] == '\0'
                             ? "the worker let go of the job"
                             : release->reason;
    /* A worker that drains gets no other: this cannot go round for ever. */
    rnl_lease_let_go(lease, !worker->draining, reason, &ack->request);
}

/* False: it is lost, since nobody knows which reports are there. */
static bool resume(struct rnl_lease *lease,
                   const Runnel__V1__Heartbeat *heartbeat)
{
    const struct rnl_job *job = lease->job;
    for (size_t i = 0; i < heartbeat->n_acknowledged; i++) {
        const Runnel__V1__Acknowledge *last = heartbeat->acknowledged[i];
        if (last->attempt == job->attempt &&
            strcmp(last->job_id, job->node.id) == 0 &&
            rnl_lease_resume(lease, last))
            return true;
    }
    lose_by_restart(lease);
    return false;
}

static void take_heartbeat(struct rnl_worker *worker,
                           const Runnel__V1__Heartbeat *heartbeat)
{
    for (size_t i = 0; i < heartbeat->n_leases; i++) {
        struct rnl_lease *lease = rnl_lease_find(worker, heartbeat->leases[i]);
        if (lease != NULL && (!lease->restored || resume(lease, heartbeat)))
            rnl_lease_renew(lease);
        else
            refuse_lease(worker, heartbeat->leases[i]);
        rnl_worker_claimed(worker);
    }
}

void rnl_worker_take(struct rnl_worker *worker,
                     const Runnel__V1__WorkRequest *request)
{
    switch (request->report_case) {
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
    case RUNNEL__V1__WORK_REQUEST__REPORT_RELEASE:
        take_release(worker, request->release);
        break;
    case RUNNEL__V1__WORK_REQUEST__REPORT_DRAIN:
        rnl_worker_drain(worker);
        break;
    default:
        rnl_stream_finish_field(worker->stream, "report",
                                "is missing, or of a later version");
        break;
    }
}
