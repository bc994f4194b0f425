/* SPDX-License-Identifier: Apache-2.0 */
/* The reports on one job: each is encoded once, under its number, and stays
 * until it is acknowledged. */
#include <string.h>

#include "alloc.h"
#include "fnv.h"
#include "typed.h"
#include "worker_private.h"

/* One report, so that a server with the smallest frames takes it. */
#define OUTPUT_BYTES_MAX ((size_t)8192)

/* The ids are the server's, so that a bad distribution costs the time of a
 * server's own making. */
static struct rnl_work_bucket *bucket_of(struct rnl_worker *worker,
                                         const char *job_id)
{
    uint32_t hash = rnl_fnv1a(job_id, strlen(job_id));
    return &worker->buckets[hash & (worker->bucket_count - 1)];
}

static void set_next(struct rnl_work *work, struct rnl_work_report *next)
{
    struct rnl_worker *worker = work->worker;
    if (work->next == NULL && next != NULL)
        TAILQ_INSERT_TAIL(&worker->unsent, work, unsent_link);
    if (work->next != NULL && next == NULL)
        TAILQ_REMOVE(&worker->unsent, work, unsent_link);
    work->next = next;
}

/* Takes it from where it is. */
static void lift(struct rnl_work *work)
{
    if (work->place == RNL_WORK_WAITS)
        TAILQ_REMOVE(&work->worker->waiting, work, waiting_link);
    if (work->place == RNL_WORK_IN_HAND)
        work->worker->in_hand--;
}

void rnl_work_put(struct rnl_work *work, enum rnl_work_place place)
{
    lift(work);
    work->place = place;
    if (place == RNL_WORK_WAITS)
        TAILQ_INSERT_TAIL(&work->worker->waiting, work, waiting_link);
    if (place == RNL_WORK_IN_HAND)
        work->worker->in_hand++;
}

struct rnl_work *rnl_work_create(struct rnl_worker *worker,
                                 const Runnel__V1__Lease *lease)
{
    size_t len = strlen(lease->job_id);
    struct rnl_work *work = NULL;
    if (len < RNL_WORK_ID_SIZE)
        work = rnl_calloc(1, sizeof(*work));
    if (work == NULL)
        return NULL;
    work->worker = worker;
    memcpy(work->job_id, lease->job_id, len);
    work->attempt = lease->attempt;
    work->token = lease->token;
    STAILQ_INIT(&work->reports);
    work->place = RNL_WORK_IN_HAND;
    worker->in_hand++;
    TAILQ_INSERT_TAIL(&worker->works, work, link);
    LIST_INSERT_HEAD(bucket_of(worker, work->job_id), work, hash_link);
    return work;
}

static void drop_first(struct rnl_work *work)
{
    struct rnl_work_report *report = STAILQ_FIRST(&work->reports);
    if (work->next == report)
        set_next(work, STAILQ_NEXT(report, link));
    STAILQ_REMOVE_HEAD(&work->reports, link);
    work->pending_bytes -= report->len;
    rnl_free(report);
}

void rnl_work_destroy(struct rnl_work *work)
{
    while (!STAILQ_EMPTY(&work->reports))
        drop_first(work);
    lift(work);
    TAILQ_REMOVE(&work->worker->works, work, link);
    LIST_REMOVE(work, hash_link);
    rnl_free(work->assignment);
    rnl_free(work);
}

struct rnl_work *rnl_work_find(struct rnl_worker *worker, const char *job_id,
                               uint32_t attempt)
{
    struct rnl_work *work;
    LIST_FOREACH(work, bucket_of(worker, job_id), hash_link)
    {
        if (work->attempt == attempt && strcmp(work->job_id, job_id) == 0)
            return work;
    }
    return NULL;
}

void rnl_work_lease(const struct rnl_work *work, Runnel__V1__Lease *ret_lease)
{
    runnel__v1__lease__init(ret_lease);
    ret_lease->job_id = rnl_typed_text(work->job_id);
    ret_lease->attempt = work->attempt;
    ret_lease->token = work->token;
}

void rnl_work_sent(struct rnl_work *work)
{
    set_next(work, STAILQ_NEXT(work->next, link));
}

void rnl_work_acknowledge(struct rnl_work *work, uint64_t number)
{
    struct rnl_work_report *report;
    while ((report = STAILQ_FIRST(&work->reports)) != NULL &&
           report->number <= number)
        drop_first(work);
}

void rnl_work_rewind(struct rnl_work *work)
{
    set_next(work, STAILQ_FIRST(&work->reports));
}

/* --- reports --- */

static struct rnl_work_report *encode(const Runnel__V1__WorkRequest *request,
                                      uint64_t number)
{
    size_t len = runnel__v1__work_request__get_packed_size(request);
    struct rnl_work_report *report = rnl_malloc(sizeof(*report) + len);
    if (report == NULL)
        return NULL;
    runnel__v1__work_request__pack(request, report->data);
    report->len = len;
    report->number = number;
    return report;
}

static void keep(struct rnl_work *work, struct rnl_work_report *report)
{
    STAILQ_INSERT_TAIL(&work->reports, report, link);
    if (work->next == NULL)
        set_next(work, report);
    work->last_number = report->number;
    work->pending_bytes += report->len;
}

static enum rnl_code submit(struct rnl_work *work,
                            const Runnel__V1__WorkRequest *request)
{
    struct rnl_work_report *report = encode(request, work->last_number + 1);
    if (report == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    keep(work, report);
    rnl_worker_pump(work->worker);
    rnl_client_report(work->worker->client);
    return RNL_OK;
}

static bool is_over(const struct rnl_work *work)
{
    return work->stopped || work->place == RNL_WORK_FINISHED ||
           work->worker->ended;
}

bool rnl_work_writable(const struct rnl_work *work)
{
    return work->pending_bytes < work->worker->options.work_buffer_bytes;
}

static enum rnl_code check_room(struct rnl_work *work)
{
    if (is_over(work))
        return RNL_CANCELLED;
    if (rnl_work_writable(work))
        return RNL_OK;
    work->was_full = true;
    return RNL_RESOURCE_EXHAUSTED;
}

/* How much of the bytes goes into one report: text is not cut inside of a
 * character. */
static size_t part_len(const uint8_t *bytes, size_t len)
{
    size_t part = len < OUTPUT_BYTES_MAX ? len : OUTPUT_BYTES_MAX;
    for (size_t back = 0; part < len && back < 4; back++) {
        if ((bytes[part - back] & 0xC0) != 0x80)
            return part - back;
    }
    return part;
}

static struct rnl_work_report *encode_output(const struct rnl_work *work,
                                             uint64_t number,
                                             const uint8_t *bytes, size_t len)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__AppendOutput append = RUNNEL__V1__APPEND_OUTPUT__INIT;
    Runnel__V1__OutputDelta delta = RUNNEL__V1__OUTPUT_DELTA__INIT;
    Runnel__V1__OutputDelta *deltas[] = {&delta};
    Runnel__V1__Lease lease;
    rnl_work_lease(work, &lease);
    delta.content_case = RUNNEL__V1__OUTPUT_DELTA__CONTENT_DATA;
    delta.data.data = (uint8_t *)(uintptr_t)bytes;
    delta.data.len = len;
    append.lease = &lease;
    append.report_sequence = number;
    append.deltas = deltas;
    append.n_deltas = 1;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_APPEND;
    request.append = &append;
    return encode(&request, number);
}

STAILQ_HEAD(report_list, rnl_work_report);

static void drop_list(struct report_list *list)
{
    struct rnl_work_report *report;
    while ((report = STAILQ_FIRST(list)) != NULL) {
        STAILQ_REMOVE_HEAD(list, link);
        rnl_free(report);
    }
}

enum rnl_code rnl_work_output(struct rnl_work *work, const void *data,
                              size_t len)
{
    struct report_list list = STAILQ_HEAD_INITIALIZER(list);
    const uint8_t *bytes = data;
    uint64_t number = work->last_number;
    enum rnl_code code = check_room(work);
    if (code != RNL_OK)
        return code;
    while (len > 0) {
        size_t part = part_len(bytes, len);
        struct rnl_work_report *report =
            encode_output(work, ++number, bytes, part);
        if (report == NULL) {
            drop_list(&list);
            return RNL_RESOURCE_EXHAUSTED;
        }
        STAILQ_INSERT_TAIL(&list, report, link);
        bytes += part;
        len -= part;
    }
    struct rnl_work_report *report;
    while ((report = STAILQ_FIRST(&list)) != NULL) {
        STAILQ_REMOVE_HEAD(&list, link);
        keep(work, report);
    }
    rnl_worker_pump(work->worker);
    rnl_client_report(work->worker->client);
    return RNL_OK;
}

enum rnl_code rnl_work_log(struct rnl_work *work, const char *line)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__AppendOutput append = RUNNEL__V1__APPEND_OUTPUT__INIT;
    Runnel__V1__LogEntry entry = RUNNEL__V1__LOG_ENTRY__INIT;
    Runnel__V1__LogEntry *logs[] = {&entry};
    Runnel__V1__Lease lease;
    enum rnl_code code = check_room(work);
    if (code != RNL_OK)
        return code;
    rnl_work_lease(work, &lease);
    entry.message = rnl_typed_text(line);
    append.lease = &lease;
    append.report_sequence = work->last_number + 1;
    append.logs = logs;
    append.n_logs = 1;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_APPEND;
    request.append = &append;
    return submit(work, &request);
}

enum rnl_code rnl_work_progress(struct rnl_work *work,
                                const struct rnl_progress *progress)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__ReportProgress report = RUNNEL__V1__REPORT_PROGRESS__INIT;
    Runnel__V1__Progress value = RUNNEL__V1__PROGRESS__INIT;
    Runnel__V1__Lease lease;
    enum rnl_code code = check_room(work);
    if (code != RNL_OK)
        return code;
    rnl_work_lease(work, &lease);
    value.done = progress->done;
    value.total = progress->total;
    value.unit = rnl_typed_text(progress->unit);
    value.message = rnl_typed_text(progress->message);
    report.lease = &lease;
    report.report_sequence = work->last_number + 1;
    report.progress = &value;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_PROGRESS;
    request.progress = &report;
    return submit(work, &request);
}

/* --- the end --- */

static enum rnl_code submit_last(struct rnl_work *work,
                                 const Runnel__V1__WorkRequest *request)
{
    enum rnl_code code = submit(work, request);
    if (code == RNL_OK)
        rnl_work_put(work, RNL_WORK_FINISHED);
    rnl_worker_hand_free(work->worker);
    return code;
}

enum rnl_code rnl_work_complete(struct rnl_work *work, const char *content_type)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__CompleteJob complete = RUNNEL__V1__COMPLETE_JOB__INIT;
    Runnel__V1__Lease lease;
    if (is_over(work))
        return RNL_CANCELLED;
    rnl_work_lease(work, &lease);
    complete.lease = &lease;
    complete.report_sequence = work->last_number + 1;
    complete.output_content_type = rnl_typed_text(content_type);
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_COMPLETE;
    request.complete = &complete;
    return submit_last(work, &request);
}

/* fail has what the two kinds of failure differ in. */
static enum rnl_code submit_failure(struct rnl_work *work, enum rnl_code code,
                                    const char *message,
                                    Runnel__V1__FailJob *fail)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__JobError error = RUNNEL__V1__JOB_ERROR__INIT;
    Runnel__V1__Lease lease;
    if (is_over(work))
        return RNL_CANCELLED;
    rnl_work_lease(work, &lease);
    error.code = (Runnel__V1__Code)code;
    error.message = rnl_typed_text(message);
    fail->lease = &lease;
    fail->report_sequence = work->last_number + 1;
    fail->error = &error;
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_FAIL;
    request.fail = fail;
    return submit_last(work, &request);
}

enum rnl_code rnl_work_fail(struct rnl_work *work, enum rnl_code code,
                            const char *message, bool retryable)
{
    Runnel__V1__FailJob fail = RUNNEL__V1__FAIL_JOB__INIT;
    fail.retryable = retryable;
    return submit_failure(work, code, message, &fail);
}

enum rnl_code rnl_work_retry(struct rnl_work *work, enum rnl_code code,
                             const char *message, int64_t delay_ms)
{
    Runnel__V1__FailJob fail = RUNNEL__V1__FAIL_JOB__INIT;
    Google__Protobuf__Duration delay;
    if (delay_ms < 0 || delay_ms > RNL_RETRY_DELAY_MS_MAX)
        return rnl_client_fail(work->worker->client, RNL_INVALID_ARGUMENT,
                               "delay_ms must be 0 to 86400000");
    /* 0 is said, too: it is not the policy's backoff. */
    (void)rnl_typed_duration(&delay, delay_ms);
    fail.retryable = true;
    fail.retry_delay = &delay;
    return submit_failure(work, code, message, &fail);
}

static enum rnl_code submit_release(struct rnl_work *work, const char *reason)
{
    Runnel__V1__WorkRequest request = RUNNEL__V1__WORK_REQUEST__INIT;
    Runnel__V1__ReleaseJob release = RUNNEL__V1__RELEASE_JOB__INIT;
    Runnel__V1__Lease lease;
    rnl_work_lease(work, &lease);
    release.lease = &lease;
    release.report_sequence = work->last_number + 1;
    release.reason = rnl_typed_text(reason);
    request.report_case = RUNNEL__V1__WORK_REQUEST__REPORT_RELEASE;
    request.release = &release;
    return submit_last(work, &request);
}

/* Should there be no memory to say so, the lease runs out. */
void rnl_work_release(struct rnl_work *work, const char *reason)
{
    if (work == NULL || work->place == RNL_WORK_FINISHED)
        return;
    struct rnl_worker *worker = work->worker;
    if (is_over(work) || submit_release(work, reason) != RNL_OK)
        rnl_work_destroy(work);
    rnl_worker_hand_free(worker);
}

void rnl_work_set_context(struct rnl_work *work, void *context)
{
    work->context = context;
}

void *rnl_work_context(const struct rnl_work *work)
{
    return work->context;
}
