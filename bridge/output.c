/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/jobs/{job_id}/output: the job's output as plain bytes with its own
 * content type. Of a running job it streams until the job has ended, or, with
 * ?follow=false, ends with what there is when it is asked. When the output
 * cannot be had to its end the answer is cut, so that a client sees an
 * error and not a shorter output.
 */
#include <string.h>

#include <runnel/v1/jobs.pb-c.h>

#include "alloc.h"
#include "feed.h"
#include "handlers.h"
#include "jobs.h"
#include "pbjson.h"
#include "sse.h"
#include "streaming.h"
#include "unary.h"

/* An answer; in the request's pool. */
struct output {
    struct rnl_streaming streaming;
    ProtobufCMessage *request;
    struct rnl_feed *feed;
    struct rnl_piece_queue queue;
    /* The event after which it ends; 0: the job's last. */
    uint64_t last_sequence;
};

static ProtobufCBinaryData bytes_of(const Runnel__V1__OutputDelta *delta)
{
    ProtobufCBinaryData bytes = delta->data;
    if (delta->content_case == RUNNEL__V1__OUTPUT_DELTA__CONTENT_TEXT) {
        bytes.data = (uint8_t *)delta->text;
        bytes.len = strlen(delta->text);
    } else if (delta->content_case != RUNNEL__V1__OUTPUT_DELTA__CONTENT_DATA) {
        bytes.len = 0;
    }
    return bytes;
}

/* Every event makes a piece, since the feed goes on after the last one; those
 * that are no output are empty. */
static enum rnl_code encode(const ProtobufCMessage *message, void *state,
                            struct rnl_piece **ret_piece)
{
    const Runnel__V1__JobEvent *event =
        ((const Runnel__V1__WatchJobResponse *)(const void *)message)->event;
    ProtobufCBinaryData bytes = {.len = 0, .data = NULL};
    (void)state;
    if (event == NULL)
        return RNL_OK;
    if (event->payload_case == RUNNEL__V1__JOB_EVENT__PAYLOAD_DELTA)
        bytes = bytes_of(event->delta);
    struct rnl_piece *piece = rnl_piece_create(
        bytes.len > 0 ? bytes.data : (const uint8_t *)"", bytes.len);
    if (piece == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    piece->last_sequence = event->sequence;
    piece->terminal =
        event->payload_case == RUNNEL__V1__JOB_EVENT__PAYLOAD_STATE &&
        rnl_job_state_is_terminal(event->state->state);
    *ret_piece = piece;
    return RNL_OK;
}

static const struct rnl_feed_type feed_type = {
    .rpc = "runnel.v1.JobService/WatchJob",
    .response = &runnel__v1__watch_job_response__descriptor,
    .set_after = rnl_watch_job_set_after,
    .encode = encode};

static struct rnl_piece *take(struct output *output)
{
    struct rnl_piece *piece = STAILQ_FIRST(&output->queue);
    if (piece == NULL)
        return NULL;
    STAILQ_REMOVE_HEAD(&output->queue, link);
    if (output->feed != NULL)
        rnl_feed_consume(output->feed, piece->wire_len);
    return piece;
}

static bool is_last(const struct output *output, const struct rnl_piece *piece)
{
    return piece->terminal || (output->last_sequence > 0 &&
                               piece->last_sequence >= output->last_sequence);
}

/* Sends once; false when there is nothing, or no room. */
static bool pump_once(struct output *output)
{
    struct rnl_piece *pieces[RNL_STREAMING_PIECES_MAX];
    struct rnl_piece *piece;
    size_t count = 0, bytes = 0;
    bool is_over = false;
    if (!rnl_streaming_ready(&output->streaming))
        return false;
    while (!is_over && count < RNL_STREAMING_PIECES_MAX &&
           bytes < RNL_MEMBER_BYTES_MAX && (piece = take(output)) != NULL) {
        is_over = is_last(output, piece);
        bytes += piece->len;
        if (piece->len > 0)
            pieces[count++] = piece;
        else
            rnl_piece_unref(piece);
    }
    if (count > 0)
        rnl_streaming_send(&output->streaming, pieces, count);
    if (is_over)
        rnl_streaming_finish(&output->streaming, false);
    return count > 0;
}

static void pump(struct rnl_streaming *streaming)
{
    struct output *output =
        H2O_STRUCT_FROM_MEMBER(struct output, streaming, streaming);
    while (pump_once(output))
        ;
}

static void on_piece(void *arg, struct rnl_piece *piece)
{
    struct output *output = arg;
    STAILQ_INSERT_TAIL(&output->queue, piece, link);
    rnl_streaming_wake(&output->streaming);
}

/* With RNL_OK the terminal event is on its way through the queue. */
static void on_end(void *arg, const struct rnl_status_info *status)
{
    struct output *output = arg;
    if (status->code != RNL_OK)
        rnl_streaming_finish(&output->streaming, true);
}

static void on_gone(struct rnl_streaming *streaming)
{
    struct output *output =
        H2O_STRUCT_FROM_MEMBER(struct output, streaming, streaming);
    struct rnl_piece *piece;
    rnl_feed_destroy(output->feed);
    output->feed = NULL;
    rnl_pbjson_free(output->request);
    while ((piece = take(output)) != NULL)
        rnl_piece_unref(piece);
}

static const char *content_type(const Runnel__V1__Job *job)
{
    return *job->output_content_type != '\0' ? job->output_content_type
                                             : "application/octet-stream";
}

/* Whether the answer goes on with a job that runs. */
static bool follows(const struct rnl_exchange *exchange)
{
    const char *follow = rnl_query_get(&exchange->query, "follow");
    return follow == NULL || strcmp(follow, "true") == 0;
}

static void stream(struct rnl_exchange *exchange, const Runnel__V1__Job *job)
{
    struct output *output =
        h2o_mem_alloc_pool(&exchange->req->pool, sizeof(*output));
    memset(output, 0, sizeof(*output));
    STAILQ_INIT(&output->queue);
    output->streaming.on_ready = pump;
    output->streaming.on_gone = on_gone;
    output->streaming.cut_is_error = true;
    output->last_sequence = follows(exchange) ? 0 : job->last_sequence;
    output->request = rnl_watch_job_request(job->id);
    const struct rnl_feed_owner owner = {.on_piece = on_piece,
                                         .on_end = on_end,
                                         .arg = output,
                                         .request = output->request,
                                         .authorization =
                                             exchange->authorization};
    if (output->request == NULL ||
        rnl_feed_create(exchange->worker, &feed_type, &owner, 0,
                        &output->feed) != RNL_OK) {
        rnl_pbjson_free(output->request);
        rnl_sse_fail_full(exchange);
        return;
    }
    rnl_streaming_start(&output->streaming, exchange, content_type(job));
}

/* The terminal event is always kept, so that none is there only before the
 * first. */
static bool has_beginning(const Runnel__V1__Job *job)
{
    return job->first_sequence == 1 || job->last_sequence == 0;
}

static void on_job(struct rnl_exchange *exchange,
                   const ProtobufCMessage *response,
                   const struct rnl_status_info *status)
{
    const Runnel__V1__GetJobResponse *got = (const void *)response;
    if (got == NULL || got->job == NULL)
        rnl_exchange_fail_status(exchange, status);
    else if (!has_beginning(got->job))
        rnl_exchange_fail_text(exchange, 410, RNL_OUT_OF_RANGE,
                               "the beginning of the output is no longer "
                               "kept");
    else if (got->job->last_sequence == 0 && !follows(exchange))
        rnl_exchange_reply(exchange, 200, content_type(got->job), "", 0);
    else
        stream(exchange, got->job);
}

static bool check_query(struct rnl_exchange *exchange)
{
    const char *follow = rnl_query_get(&exchange->query, "follow");
    const struct rnl_pbjson_error error = {.field = "follow",
                                           .what = "must be true or false"};
    if (!rnl_exchange_check_query(exchange, "follow"))
        return false;
    if (follows(exchange) || strcmp(follow, "false") == 0)
        return true;
    rnl_exchange_fail_mapping(exchange, RNL_INVALID_ARGUMENT, &error);
    return false;
}

void rnl_handle_output(struct rnl_exchange *exchange)
{
    static const struct rnl_probe probe = {
        .rpc = "runnel.v1.JobService/GetJob",
        .response = &runnel__v1__get_job_response__descriptor,
        .on_done = on_job};
    Runnel__V1__GetJobRequest request = RUNNEL__V1__GET_JOB_REQUEST__INIT;
    if (!check_query(exchange))
        return;
    request.job_id = (char *)(uintptr_t)rnl_exchange_param(exchange, "job_id");
    rnl_probe_start(exchange, &probe, &request.base);
}
