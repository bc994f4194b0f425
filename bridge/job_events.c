/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/jobs/{job_id}/events: the job's events as delta, progress, status and
 * log, each with its sequence as id and the JobEvent as data; the terminal one
 * is followed by `end` with the same data.
 */
#include "job_events.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <runnel/v1/jobs.pb-c.h>

#include "alloc.h"
#include "handlers.h"
#include "jobs.h"
#include "sse.h"
#include "unary.h"

/* A delta of the largest piece in base64, or fully escaped, twice over. */
#define PIECE_BYTES_MAX ((size_t)64 << 20)

typedef Runnel__V1__JobEvent event_message;

static const char *event_name(const event_message *event)
{
    switch (event->payload_case) {
    case RUNNEL__V1__JOB_EVENT__PAYLOAD_DELTA:
        return "delta";
    case RUNNEL__V1__JOB_EVENT__PAYLOAD_PROGRESS:
        return "progress";
    case RUNNEL__V1__JOB_EVENT__PAYLOAD_STATE:
        return "status";
    case RUNNEL__V1__JOB_EVENT__PAYLOAD_LOG:
        return "log";
    default:
        return "message";
    }
}

static bool is_terminal(const event_message *event)
{
    return event->payload_case == RUNNEL__V1__JOB_EVENT__PAYLOAD_STATE &&
           rnl_job_state_is_terminal(event->state->state);
}

static enum rnl_code write_event(const event_message *event,
                                 struct rnl_text *text)
{
    struct rnl_pbjson_error error;
    struct rnl_text data;
    char id[24];
    rnl_text_init(&data, PIECE_BYTES_MAX);
    enum rnl_code code = rnl_pbjson_write(&event->base, &data, &error);
    snprintf(id, sizeof(id), "%" PRIu64, event->sequence);
    rnl_sse_put(text, id, event_name(event), &data);
    if (is_terminal(event))
        rnl_sse_put(text, id, "end", &data);
    rnl_text_fini(&data);
    if (code == RNL_OK && text->failed)
        code = RNL_RESOURCE_EXHAUSTED;
    return code;
}

static enum rnl_code encode(const ProtobufCMessage *message, void *state,
                            struct rnl_piece **ret_piece)
{
    const Runnel__V1__WatchJobResponse *response = (const void *)message;
    const event_message *event = response->event;
    struct rnl_text text;
    (void)state;
    if (event == NULL)
        return RNL_OK;
    rnl_text_init(&text, PIECE_BYTES_MAX);
    enum rnl_code code = write_event(event, &text);
    struct rnl_piece *piece = NULL;
    if (code == RNL_OK) {
        piece = rnl_piece_create(text.data, text.len);
        code = piece != NULL ? RNL_OK : RNL_RESOURCE_EXHAUSTED;
    }
    if (piece != NULL) {
        piece->last_sequence = event->sequence;
        piece->first_sequence = rnl_job_event_first(event);
        piece->terminal = is_terminal(event);
        *ret_piece = piece;
    }
    rnl_text_fini(&text);
    return code;
}

const struct rnl_topic_kind rnl_job_events = {
    .feed = {.rpc = "runnel.v1.JobService/WatchJob",
             .response = &runnel__v1__watch_job_response__descriptor,
             .set_after = rnl_watch_job_set_after,
             .encode = encode},
};

/* --- the path --- */

static void follow(struct rnl_exchange *exchange, uint64_t after)
{
    const char *id = rnl_exchange_param(exchange, "job_id");
    const struct rnl_sse_source source = {
        .kind = &rnl_job_events,
        .key = id,
        .request = rnl_watch_job_request(id),
        .after = after,
    };
    if (source.request != NULL)
        rnl_sse_start(exchange, &source);
    else
        rnl_exchange_fail_text(exchange, 0, RNL_RESOURCE_EXHAUSTED, NULL);
}

static void reset(struct rnl_exchange *exchange, const char *reason,
                  uint64_t first_sequence)
{
    const struct rnl_status_info status = {.code = RNL_OUT_OF_RANGE,
                                           .message = reason,
                                           .first_available_sequence =
                                               first_sequence};
    rnl_sse_reset(exchange, &status);
}

static void decide(struct rnl_exchange *exchange, const Runnel__V1__Job *job)
{
    struct rnl_cursor cursor;
    uint64_t first = job->first_sequence, last = job->last_sequence;
    if (!rnl_sse_take_cursor(exchange, 1, &cursor))
        return;
    uint64_t after = cursor.after[0];
    /* From the oldest that is kept; when none is, from what comes. */
    if (!cursor.given)
        after = first > 0 ? first - 1 : last;
    if (after > last)
        reset(exchange, "the job has fewer events than that", first);
    else if (first > 0 && after + 1 < first)
        reset(exchange, "events after that are no longer kept", first);
    else if (rnl_job_state_is_terminal(job->state) && after == last)
        rnl_exchange_reply(exchange, 204, NULL, "", 0);
    else
        follow(exchange, after);
}

static void on_job(struct rnl_exchange *exchange,
                   const ProtobufCMessage *response,
                   const struct rnl_status_info *status)
{
    const Runnel__V1__GetJobResponse *got = (const void *)response;
    if (got == NULL || got->job == NULL)
        rnl_exchange_fail_status(exchange, status);
    else
        decide(exchange, got->job);
}

void rnl_handle_job_events(struct rnl_exchange *exchange)
{
    static const struct rnl_probe probe = {
        .rpc = "runnel.v1.JobService/GetJob",
        .response = &runnel__v1__get_job_response__descriptor,
        .on_done = on_job};
    Runnel__V1__GetJobRequest request = RUNNEL__V1__GET_JOB_REQUEST__INIT;
    if (!rnl_exchange_check_query(exchange, "after"))
        return;
    request.job_id = (char *)(uintptr_t)rnl_exchange_param(exchange, "job_id");
    rnl_probe_start(exchange, &probe, &request.base);
}
