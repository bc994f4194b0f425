/* SPDX-License-Identifier: Apache-2.0 */
/* Events on their way to the core. */
#include <stdio.h>
#include <string.h>

#include "core_internal.h"

struct cli_sink {
    struct cli_context *context;
    struct rnl_ingest *ingest;
    struct cli_subject subject;
    /* Set when the ingest ended with an error, which was told then. */
    int status;
    /* The last refusal, and the batches that had been taken by then. */
    char refusal[256];
    uint64_t taken;
};

static void on_error(struct rnl_ingest *ingest,
                     const struct rnl_status_info *status, void *arg)
{
    struct cli_sink *sink = arg;
    (void)ingest;
    if (sink->status == CLI_EXIT_OK)
        sink->status = cli_core_fail(sink->context, sink->subject.text, status);
}

static void on_refused(struct rnl_ingest *ingest,
                       const struct rnl_status_info *status, void *arg)
{
    struct cli_sink *sink = arg;
    struct rnl_ingest_counts counts;
    rnl_ingest_counts(ingest, &counts);
    snprintf(sink->refusal, sizeof(sink->refusal), "%s", status->message);
    sink->taken = counts.batches_acknowledged;
}

int cli_sink_open(struct cli_context *context, const char *stream,
                  int64_t linger_ms, struct cli_sink **ret_sink)
{
    struct rnl_ingest_options options = RNL_OPTIONS_INIT(options);
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    struct cli_sink *sink = cli_calloc(1, sizeof(*sink));
    sink->context = context;
    cli_stream_subject(&sink->subject, stream);
    options.linger_ms = linger_ms;
    /* The core was reached just now; from here on it is waited for, also
     * before the first batch. */
    options.wait_for_connection = true;
    options.on_error = on_error;
    options.on_refused = on_refused;
    options.arg = sink;
    enum rnl_code code =
        rnl_ingest_open(context->client, stream, &options, &sink->ingest);
    if (code == RNL_OK) {
        *ret_sink = sink;
        return CLI_EXIT_OK;
    }
    cli_error(context, "%s: %s", sink->subject.text,
              code == RNL_INVALID_ARGUMENT ? "a name has 1 to 128 characters"
                                           : rnl_code_text((int)code));
    cli_free(sink);
    return CLI_EXIT_ERROR;
}

void cli_sink_close(struct cli_sink *sink)
{
    if (!sink)
        return;
    rnl_ingest_destroy(sink->ingest);
    cli_free(sink);
}

/* What a function of the ingest returned, as an exit status. */
static int end(struct cli_sink *sink, enum rnl_code code)
{
    if (code != RNL_OK)
        on_error(sink->ingest, rnl_ingest_status(sink->ingest), sink);
    return sink->status;
}

int cli_sink_add(struct cli_sink *sink, const struct cli_record *record)
{
    struct rnl_event event = {.key = record->key,
                              .key_len = record->key_len,
                              .has_value = record->has_value,
                              .has_latency = record->has_latency,
                              .has_time = record->has_time,
                              .value = record->value,
                              .latency_ms = record->latency_ms,
                              .time_ms = record->time_ms};
    return end(sink, rnl_ingest_event(sink->ingest, &event));
}

bool cli_sink_full(const struct cli_sink *sink)
{
    return rnl_ingest_full(sink->ingest);
}

bool cli_sink_reconnecting(const struct cli_sink *sink)
{
    enum rnl_client_state state = rnl_client_state(sink->context->client);
    return state == RNL_CLIENT_WAITING || state == RNL_CLIENT_CONNECTING;
}

const char *cli_sink_refusal(const struct cli_sink *sink)
{
    struct rnl_ingest_counts counts;
    rnl_ingest_counts(sink->ingest, &counts);
    bool refused =
        sink->refusal[0] != '\0' && counts.batches_acknowledged == sink->taken;
    return refused ? sink->refusal : NULL;
}

int cli_sink_wait(struct cli_sink *sink, int input_fd, int64_t timeout_ms,
                  bool *ret_readable)
{
    cli_core_wait(sink->context, input_fd, timeout_ms, ret_readable);
    return sink->status;
}

int cli_sink_flush(struct cli_sink *sink)
{
    return end(sink, rnl_ingest_flush(sink->ingest));
}

bool cli_sink_drained(const struct cli_sink *sink)
{
    return rnl_ingest_drained(sink->ingest);
}

void cli_sink_totals(const struct cli_sink *sink,
                     struct cli_ingest_totals *ret_totals)
{
    struct rnl_ingest_counts counts;
    rnl_ingest_counts(sink->ingest, &counts);
    ret_totals->accepted_events = counts.accepted_events;
    ret_totals->late_events = counts.late_events;
    ret_totals->duplicate_batches = counts.duplicate_batches;
}
