/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "store_memory.h"
#include "trim.h"
#include "utf8.h"

void rnl_job_clean_text(char *text, size_t len_max)
{
    size_t len = strlen(text);
    if (len > len_max)
        len = rnl_utf8_cut(text, len, len_max);
    text[len] = '\0';
    if (rnl_utf8_valid(text, len))
        return;
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
}

enum rnl_code rnl_job_read_events(
    const struct rnl_job *job, uint64_t after,
    void (*take)(void *arg, const struct rnl_store_page *page), void *arg)
{
    struct rnl_store *store = job->jobs->store;
    while (after < job->last_sequence) {
        struct rnl_store_page page;
        enum rnl_code code = store->ops->read(store, job->node.id, after,
                                              RNL_STORE_PAGE_BYTES, &page);
        if (code != RNL_OK)
            return code;
        take(arg, &page);
        after += page.count;
    }
    return RNL_OK;
}

enum rnl_code rnl_job_write_record(struct rnl_job *job,
                                   struct rnl_store_request *request)
{
    struct rnl_store *store = job->jobs->store;
    struct rnl_job_view view;
    rnl_job_view_active(&view, job);
    return store->ops->update(store, &view.job, request);
}

/* An event of so many bytes was added: old ones go if it is time. The record
 * goes along, since it counts the output that recovery cannot (recover.c). */
static void trim(struct rnl_job *job, uint64_t bytes)
{
    struct rnl_store *store = job->jobs->store;
    uint64_t sequence;
    uint64_t gone_bytes;
    rnl_trim_add(job->trim, job->last_sequence, bytes);
    if (!rnl_trim_take(job->trim, &sequence, &gone_bytes))
        return;
    (void)!store->ops->trim(store, job->node.id, sequence, gone_bytes);
    (void)!rnl_job_write_record(job, NULL);
}

static enum rnl_code append(struct rnl_job *job, enum rnl_event_type type,
                            const void *data, size_t len)
{
    struct rnl_store *store = job->jobs->store;
    if (job->replay_count > 0) {
        job->replay_count--;
        if (type == RNL_EVENT_TEXT || type == RNL_EVENT_DATA)
            job->replay_bytes -= len;
        return RNL_OK;
    }
    struct rnl_event event = {
        .sequence = job->last_sequence + 1,
        .time_ns = job->jobs->core->wall_ns,
        .type = type,
        .data = data,
        .len = len,
    };
    enum rnl_code code = store->ops->append(store, job->node.id, &event, 1);
    if (code != RNL_OK)
        return code;
    job->last_sequence++;
    /* Before the trim, which writes down both. */
    if (type == RNL_EVENT_TEXT || type == RNL_EVENT_DATA)
        job->output_bytes += len;
    if (job->trim != NULL && type != RNL_EVENT_END)
        trim(job, len + RNL_STORE_EVENT_BYTES);
    return RNL_OK;
}

static enum rnl_code append_message(struct rnl_job *job,
                                    enum rnl_event_type type,
                                    const ProtobufCMessage *message)
{
    uint8_t bytes[RNL_JOB_LOG_LEN_MAX + 64];
    size_t len = protobuf_c_message_get_packed_size(message);
    if (len > sizeof(bytes))
        return RNL_RESOURCE_EXHAUSTED;
    protobuf_c_message_pack(message, bytes);
    return append(job, type, bytes, len);
}

enum rnl_code rnl_job_write_state(struct rnl_job *job, enum rnl_event_type type)
{
    Runnel__V1__StateChange change = RUNNEL__V1__STATE_CHANGE__INIT;
    Runnel__V1__JobError error = RUNNEL__V1__JOB_ERROR__INIT;
    change.state = job->state;
    change.attempt = job->attempt;
    if (job->error_code != RNL_OK &&
        job->state != RUNNEL__V1__JOB_STATE__JOB_STATE_RUNNING) {
        error.code = (Runnel__V1__Code)job->error_code;
        error.message = job->error_message;
        error.attempt = job->error_attempt;
        change.error = &error;
    }
    return append_message(job, type, &change.base);
}

/* ---- what kinds call ---- */

/* Length of the next event of an output: whole characters, if it is text. */
static size_t event_len(const uint8_t *data, size_t len)
{
    return rnl_utf8_cut(data, len, RNL_JOB_EVENT_BYTES_MAX);
}

enum rnl_code rnl_run_output(struct rnl_run *run, const void *data, size_t len)
{
    struct rnl_job *job = run->job;
    const uint8_t *bytes = data;
    while (len > 0) {
        size_t part = event_len(bytes, len);
        bool is_text =
            memchr(bytes, '\0', part) == NULL && rnl_utf8_valid(bytes, part);
        enum rnl_code code =
            append(job, is_text ? RNL_EVENT_TEXT : RNL_EVENT_DATA, bytes, part);
        if (code != RNL_OK)
            return code;
        rnl_job_measure_output(job);
        bytes += part;
        len -= part;
    }
    return RNL_OK;
}

enum rnl_code rnl_run_log(struct rnl_run *run, const char *format, ...)
{
    char text[RNL_JOB_LOG_LEN_MAX + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    rnl_job_clean_text(text, RNL_JOB_LOG_LEN_MAX);
    Runnel__V1__LogEntry entry = RUNNEL__V1__LOG_ENTRY__INIT;
    entry.message = text;
    return append_message(run->job, RNL_EVENT_LOG, &entry.base);
}

enum rnl_code rnl_run_progress(struct rnl_run *run, double done, double total,
                               const char *unit)
{
    struct rnl_job *job = run->job;
    if (job->replay_count == 0) {
        job->progress_done = done;
        job->progress_total = total;
        job->progress_unit = unit;
    }
    Runnel__V1__Progress progress = RUNNEL__V1__PROGRESS__INIT;
    progress.done = done;
    progress.total = total;
    progress.unit = (char *)unit;
    return append_message(job, RNL_EVENT_PROGRESS, &progress.base);
}

enum rnl_code rnl_job_progress(struct rnl_job *job,
                               const Runnel__V1__Progress *progress)
{
    Runnel__V1__Progress copy = *progress;
    char message[RNL_JOB_PROGRESS_MESSAGE_LEN_MAX + 1];
    snprintf(job->unit_text, sizeof(job->unit_text), "%s", progress->unit);
    rnl_job_clean_text(job->unit_text, RNL_JOB_UNIT_LEN_MAX);
    snprintf(message, sizeof(message), "%s", progress->message);
    rnl_job_clean_text(message, RNL_JOB_PROGRESS_MESSAGE_LEN_MAX);
    job->progress_done = progress->done;
    job->progress_total = progress->total;
    job->progress_unit = job->unit_text;
    copy.unit = job->unit_text;
    copy.message = message;
    return append_message(job, RNL_EVENT_PROGRESS, &copy.base);
}

void rnl_job_set_content_type(struct rnl_job *job, const char *type)
{
    char *copy = type[0] == '\0' ? NULL : rnl_strdup(type);
    if (copy == NULL)
        return;
    rnl_free(job->content_type);
    job->content_type = copy;
    job->base->output_content_type = copy;
}

uint64_t rnl_job_committed(const struct rnl_job *job)
{
    struct rnl_store *store = job->jobs->store;
    struct rnl_store_log log;
    enum rnl_code code = store->ops->log(store, job->node.id, &log);
    return code == RNL_OK ? log.committed_sequence : 0;
}
