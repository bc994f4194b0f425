/* SPDX-License-Identifier: Apache-2.0 */
#include "workers.h"

#include <stdio.h>
#include <string.h>

#include <openssl/sha.h>

#include "alloc.h"
#include "job_wire.h"
#include "timestamp.h"

int64_t rnl_lease_ns(const struct rnl_jobs *jobs)
{
    uint32_t ms = jobs->core->options.lease_ms;
    return (int64_t)(ms == 0 ? RNL_LEASE_MS_DEFAULT : ms) * 1000000;
}

static void fill_message(const struct rnl_lease *lease,
                         Runnel__V1__Lease *message)
{
    *message = (Runnel__V1__Lease)RUNNEL__V1__LEASE__INIT;
    message->job_id = lease->job->node.id;
    message->attempt = lease->job->attempt;
    message->token = lease->token;
}

/* ---- grant ---- */

/* Nobody can guess it without the key, no other attempt has it, and the server
 * finds it again after a restart. The time is that of the attempt's RUNNING
 * event: if a crash takes that away, the attempt that is given out in its place
 * has its sequence, and must not have its token. False: OpenSSL has no
 * memory. */
static bool make_token(const struct rnl_job *job, uint64_t *ret_token)
{
    char text[RNL_LEASE_KEY_LEN + RNL_JOB_ID_LEN + 64];
    uint8_t hash[SHA256_DIGEST_LENGTH];
    int len =
        snprintf(text, sizeof(text), "%s %s %llu %lld", job->jobs->lease_key,
                 job->node.id, (unsigned long long)job->attempt_sequence,
                 (long long)job->attempt_wall_ns);
    if (SHA256((const uint8_t *)text, (size_t)len, hash) == NULL)
        return false;
    memcpy(ret_token, hash, sizeof(*ret_token));
    return true;
}

enum rnl_code rnl_lease_send(struct rnl_lease *lease)
{
    struct rnl_job *job = lease->job;
    struct rnl_store *store = job->jobs->store;
    struct rnl_stream *stream = lease->worker->stream;
    struct rnl_store_record record;
    enum rnl_code code = store->ops->peek(store, job->node.id, true, &record);
    if (code != RNL_OK)
        return code;
    Runnel__V1__AssignJob assign = RUNNEL__V1__ASSIGN_JOB__INIT;
    Runnel__V1__Lease message;
    Google__Protobuf__Duration duration;
    fill_message(lease, &message);
    rnl_duration_set(&duration, rnl_lease_ns(job->jobs));
    assign.lease = &message;
    assign.lease_duration = &duration;
    struct rnl_buf *buf = rnl_job_wire_assigned(&record, &assign);
    if (buf == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    if (buf->len > rnl_stream_message_max(stream))
        code = RNL_FAILED_PRECONDITION;
    else
        rnl_stream_send_buf(stream, buf);
    rnl_buf_unref(buf);
    return code;
}

/* The server itself did not run (it was stopped, or its machine was): the
 * heartbeats of that time wait to be read. False: there is no memory to wait.
 */
static bool wait_after_stall(struct rnl_lease *lease)
{
    struct rnl_core *core = lease->job->jobs->core;
    int64_t beat_ns = rnl_lease_ns(lease->job->jobs) / RNL_HEARTBEATS_PER_LEASE;
    return core->now_ns - lease->expiry.due_ns > beat_ns &&
           rnl_timer_start(&core->timers, &lease->expiry,
                           core->now_ns + beat_ns) == RNL_OK;
}

static void on_expiry(struct rnl_timer *timer, void *arg)
{
    (void)timer;
    struct rnl_lease *lease = arg;
    if (wait_after_stall(lease))
        return;
    if (lease->worker != NULL)
        rnl_worker_goes_last(lease->worker);
    rnl_job_lost(lease->job,
                 "the worker was not heard of for the time of its lease", NULL);
}

static void attach(struct rnl_lease *lease, struct rnl_worker *worker)
{
    lease->worker = worker;
    memcpy(lease->instance, worker->instance, sizeof(lease->instance));
    TAILQ_INSERT_TAIL(&worker->leases, lease, link);
    worker->busy++;
}

static void detach(struct rnl_lease *lease)
{
    struct rnl_worker *worker = lease->worker;
    if (worker == NULL) {
        TAILQ_REMOVE(&lease->job->jobs->orphans, lease, link);
        return;
    }
    TAILQ_REMOVE(&worker->leases, lease, link);
    worker->busy--;
    lease->worker = NULL;
}

/* A lease that runs, and that neither a worker nor the job has yet. NULL:
 * memory is out. */
static struct rnl_lease *make_lease(struct rnl_job *job)
{
    struct rnl_core *core = job->jobs->core;
    struct rnl_lease *lease = rnl_calloc(1, sizeof(*lease));
    if (lease == NULL)
        return NULL;
    lease->job = job;
    lease->expiry.fire = on_expiry;
    lease->expiry.arg = lease;
    if (make_token(job, &lease->token) &&
        rnl_timer_start(&core->timers, &lease->expiry,
                        core->now_ns + rnl_lease_ns(job->jobs)) == RNL_OK)
        return lease;
    rnl_free(lease);
    return NULL;
}

enum rnl_code rnl_lease_grant(struct rnl_job *job, struct rnl_worker *worker)
{
    struct rnl_lease *lease = make_lease(job);
    if (lease == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    attach(lease, worker);
    job->lease = lease;
    return RNL_OK;
}

/* ---- restart ---- */

enum rnl_code rnl_lease_restore(struct rnl_job *job)
{
    struct rnl_lease *lease = make_lease(job);
    if (lease == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    lease->restored = true;
    TAILQ_INSERT_TAIL(&job->jobs->orphans, lease, link);
    job->lease = lease;
    return RNL_OK;
}

/* An acknowledged event that is not there was lost with the power. */
bool rnl_lease_resume(struct rnl_lease *lease,
                      const Runnel__V1__Acknowledge *last)
{
    struct rnl_job *job = lease->job;
    uint64_t known = last->sequence > job->attempt_sequence
                         ? last->sequence
                         : job->attempt_sequence;
    if (known > job->last_sequence)
        return false;
    job->replay_count = job->last_sequence - known;
    lease->last_report = last->report_sequence;
    lease->acked_sequence = known;
    lease->restored = false;
    return true;
}

/* ---- end ---- */

static void tell_stop(const struct rnl_lease *lease, const char *reason)
{
    Runnel__V1__WorkResponse response = RUNNEL__V1__WORK_RESPONSE__INIT;
    Runnel__V1__StopJob stop = RUNNEL__V1__STOP_JOB__INIT;
    Runnel__V1__Lease message;
    fill_message(lease, &message);
    stop.lease = &message;
    stop.reason = (char *)(uintptr_t)reason;
    response.order_case = RUNNEL__V1__WORK_RESPONSE__ORDER_STOP;
    response.stop = &stop;
    rnl_stream_send(lease->worker->stream, &response.base);
}

void rnl_lease_end(struct rnl_job *job, const char *told)
{
    struct rnl_lease *lease = job->lease;
    if (lease == NULL)
        return;
    struct rnl_worker *worker = lease->worker;
    /* It does not know of an assignment that waits to be sent. */
    if (worker != NULL && told != NULL && job->awaited_sequence == 0)
        tell_stop(lease, told);
    rnl_timer_stop(&job->jobs->core->timers, &lease->expiry);
    detach(lease);
    job->lease = NULL;
    job->replay_count = 0;
    rnl_free(lease);
    /* It has room now; not from here, where a job is being ended. */
    if (worker != NULL)
        rnl_jobs_kick(job->jobs);
}

/* ---- holding ---- */

struct rnl_lease *rnl_lease_find(struct rnl_worker *worker,
                                 const Runnel__V1__Lease *held)
{
    struct rnl_job *job =
        held == NULL ? NULL : rnl_jobs_find(worker->jobs, held->job_id);
    if (job == NULL || job->lease == NULL || job->lease->token != held->token ||
        job->attempt != held->attempt)
        return NULL;
    struct rnl_lease *lease = job->lease;
    if (lease->worker != worker) {
        detach(lease);
        attach(lease, worker);
    }
    return lease;
}

void rnl_lease_renew(struct rnl_lease *lease)
{
    struct rnl_core *core = lease->job->jobs->core;
    /* Cannot fail: it runs. */
    (void)!rnl_timer_start(&core->timers, &lease->expiry,
                           core->now_ns + rnl_lease_ns(lease->job->jobs));
}

void rnl_lease_abandon(struct rnl_lease *lease)
{
    detach(lease);
    TAILQ_INSERT_TAIL(&lease->job->jobs->orphans, lease, link);
}

void rnl_lease_let_go(struct rnl_lease *lease, bool begun, const char *why,
                      struct rnl_store_request *request)
{
    struct rnl_job *job = lease->job;
    begun |= lease->last_report > 0;
    rnl_lease_end(job, NULL);
    if (begun)
        rnl_job_lost(job, why, request);
    else
        rnl_job_return(job, why, request);
}

void rnl_leases_return(struct rnl_jobs *jobs, const char *instance)
{
    struct rnl_lease *lease = TAILQ_FIRST(&jobs->orphans);
    while (lease != NULL) {
        struct rnl_lease *next = TAILQ_NEXT(lease, link);
        if (strcmp(lease->instance, instance) == 0)
            rnl_lease_let_go(
                lease, false,
                "the worker's connection was lost, and the assignment with it",
                NULL);
        lease = next;
    }
}

/* ---- acknowledging ---- */

void rnl_lease_note(struct rnl_lease *lease, uint64_t report)
{
    lease->last_report = report;
    if (lease->report_count == RNL_LEASE_REPORTS_MAX)
        lease->report_count--;
    lease->reports[lease->report_count++] = (struct rnl_lease_report){
        .number = report,
        .sequence = lease->job->last_sequence - lease->job->replay_count,
    };
}

void rnl_lease_committed(struct rnl_lease *lease, uint64_t sequence)
{
    size_t done = 0;
    while (done < lease->report_count &&
           lease->reports[done].sequence <= sequence)
        done++;
    if (done == 0)
        return;
    uint64_t report = lease->reports[done - 1].number;
    lease->acked_sequence = lease->reports[done - 1].sequence;
    lease->report_count -= done;
    memmove(lease->reports, lease->reports + done,
            lease->report_count * sizeof(lease->reports[0]));
    if (lease->worker == NULL)
        return;
    struct rnl_ack ack = {lease->job->node.id, lease->job->attempt, report,
                          lease->acked_sequence};
    rnl_worker_send_ack(lease->worker, &ack);
}
