/* SPDX-License-Identifier: Apache-2.0 */
#include "job_model.h"

#include <string.h>

#include "status_box.h"
#include "typed.h"

const char *rnl_job_state_name(enum rnl_job_state state)
{
    static const char *const names[] = {
        "UNSPECIFIED", "QUEUED",    "RUNNING", "SUCCEEDED",
        "FAILED",      "CANCELLED", "EXPIRED",
    };
    return (unsigned)state < sizeof(names) / sizeof(names[0]) ? names[state]
                                                              : names[0];
}

bool rnl_job_state_terminal(enum rnl_job_state state)
{
    return state >= RNL_JOB_SUCCEEDED && state <= RNL_JOB_EXPIRED;
}

static struct rnl_progress convert_progress(const Runnel__V1__Progress *from)
{
    return (struct rnl_progress){
        .done = from->done,
        .total = from->total,
        .unit = from->unit,
        .message = from->message,
    };
}

static void convert_input(const Runnel__V1__Payload *from, struct rnl_job *job)
{
    if (from->content_case == RUNNEL__V1__PAYLOAD__CONTENT_TEXT) {
        job->input = from->text;
        job->input_len = strlen(from->text);
    } else if (from->content_case == RUNNEL__V1__PAYLOAD__CONTENT_DATA) {
        job->input = from->data.data;
        job->input_len = from->data.len;
    }
    /* No bytes, but an input all the same. */
    if (job->input == NULL)
        job->input = "";
    job->input_content_type = from->content_type;
}

static void convert_times(const Runnel__V1__Job *from, struct rnl_job *job)
{
    job->create_time_ms = rnl_typed_time_ms(from->create_time);
    job->start_time_ms = rnl_typed_time_ms(from->start_time);
    job->attempt_time_ms = rnl_typed_time_ms(from->attempt_time);
    job->end_time_ms = rnl_typed_time_ms(from->end_time);
    job->not_before_ms = rnl_typed_time_ms(from->not_before);
    job->deadline_ms = rnl_typed_time_ms(from->deadline);
    job->retention_ms = rnl_typed_duration_ms(from->retention);
}

static void convert_parts(const Runnel__V1__Job *from, struct rnl_job *job)
{
    if (from->input != NULL)
        convert_input(from->input, job);
    job->has_progress = from->progress != NULL;
    if (job->has_progress)
        job->progress = convert_progress(from->progress);
    if (from->error != NULL) {
        job->error_code = rnl_status_code((int)from->error->code);
        job->error_message = from->error->message;
    }
    job->keep_newest_bytes = from->keep_newest_bytes;
    job->attempt_sequence = from->attempt_sequence;
    job->attempt_output_offset = from->attempt_output_offset;
    convert_times(from, job);
}

bool rnl_job_convert(struct rnl_arena *arena, const Runnel__V1__Job *from,
                     struct rnl_job *ret_job)
{
    struct rnl_job job = {
        .id = from->id,
        .kind = from->kind,
        .state = (enum rnl_job_state)from->state,
        .labels = rnl_typed_pairs(arena, from->labels, from->n_labels),
        .label_count = from->n_labels,
        .options = rnl_typed_pairs(arena, from->options, from->n_options),
        .option_count = from->n_options,
        .priority = from->priority,
        .input_content_type = "",
        .input_bytes = from->input_bytes,
        .output_bytes = from->output_bytes,
        .output_content_type = from->output_content_type,
        .last_sequence = from->last_sequence,
        .first_sequence = from->first_sequence,
        .progress = {.unit = "", .message = ""},
        .attempt = from->attempt,
        .error_message = "",
        .idempotency_key = from->idempotency_key,
        .cancel_requested = from->cancel_requested,
    };
    convert_parts(from, &job);
    *ret_job = job;
    return !arena->exhausted;
}

static void convert_delta(const Runnel__V1__OutputDelta *from,
                          struct rnl_job_event *event)
{
    event->kind = RNL_JOB_EVENT_DELTA;
    if (from->content_case == RUNNEL__V1__OUTPUT_DELTA__CONTENT_TEXT) {
        event->is_text = true;
        event->data = from->text;
        event->len = strlen(from->text);
    } else if (from->content_case == RUNNEL__V1__OUTPUT_DELTA__CONTENT_DATA) {
        event->data = (const char *)from->data.data;
        event->len = from->data.len;
    }
}

static void convert_state(const Runnel__V1__StateChange *from,
                          struct rnl_job_event *event)
{
    event->kind = RNL_JOB_EVENT_STATE;
    event->state = (enum rnl_job_state)from->state;
    event->attempt = from->attempt;
    if (from->error == NULL)
        return;
    event->error_code = rnl_status_code((int)from->error->code);
    event->error_message = from->error->message;
}

void rnl_job_event_convert(const Runnel__V1__JobEvent *from,
                           struct rnl_job_event *ret_event)
{
    struct rnl_job_event event = {
        .kind = RNL_JOB_EVENT_OTHER,
        .sequence = from->sequence,
        .first_sequence =
            from->first_sequence == 0 ? from->sequence : from->first_sequence,
        .time_ms = rnl_typed_time_ms(from->time),
        .data = "",
        .progress = {.unit = "", .message = ""},
        .error_message = "",
    };
    switch (from->payload_case) {
    case RUNNEL__V1__JOB_EVENT__PAYLOAD_DELTA:
        convert_delta(from->delta, &event);
        break;
    case RUNNEL__V1__JOB_EVENT__PAYLOAD_PROGRESS:
        event.kind = RNL_JOB_EVENT_PROGRESS;
        event.progress = convert_progress(from->progress);
        break;
    case RUNNEL__V1__JOB_EVENT__PAYLOAD_STATE:
        convert_state(from->state, &event);
        break;
    case RUNNEL__V1__JOB_EVENT__PAYLOAD_LOG:
        event.kind = RNL_JOB_EVENT_LOG;
        event.is_text = true;
        event.data = from->log->message;
        event.len = strlen(from->log->message);
        break;
    default:
        break;
    }
    /* protobuf-c keeps empty bytes as NULL. */
    if (event.data == NULL)
        event.data = "";
    *ret_event = event;
}
