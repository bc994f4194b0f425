/* SPDX-License-Identifier: Apache-2.0 */
#include "job_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "streams.h"
#include "test.h"

void job_request_init(struct job_request *request, const char *kind,
                      const char *text)
{
    *request = (struct job_request){
        .request = RUNNEL__V1__CREATE_JOB_REQUEST__INIT,
        .input = RUNNEL__V1__PAYLOAD__INIT,
    };
    request->request.kind = (char *)kind;
    request->request.options = request->option_refs;
    request->request.labels = request->label_refs;
    if (text == NULL)
        return;
    request->input.content_case = RUNNEL__V1__PAYLOAD__CONTENT_TEXT;
    request->input.text = (char *)text;
    request->request.input = &request->input;
}

void job_request_data(struct job_request *request, const void *data, size_t len,
                      const char *content_type)
{
    request->input.content_case = RUNNEL__V1__PAYLOAD__CONTENT_DATA;
    request->input.data.data = (uint8_t *)data;
    request->input.data.len = len;
    request->input.content_type = (char *)content_type;
    request->request.input = &request->input;
}

void job_request_option(struct job_request *request, const char *key,
                        const char *value)
{
    size_t at = request->request.n_options++;
    Runnel__V1__CreateJobRequest__OptionsEntry *entry = &request->options[at];
    *entry = (Runnel__V1__CreateJobRequest__OptionsEntry)
        RUNNEL__V1__CREATE_JOB_REQUEST__OPTIONS_ENTRY__INIT;
    entry->key = (char *)key;
    entry->value = (char *)value;
    request->option_refs[at] = entry;
}

void job_request_label(struct job_request *request, const char *key,
                       const char *value)
{
    size_t at = request->request.n_labels++;
    Runnel__V1__CreateJobRequest__LabelsEntry *entry = &request->labels[at];
    *entry = (Runnel__V1__CreateJobRequest__LabelsEntry)
        RUNNEL__V1__CREATE_JOB_REQUEST__LABELS_ENTRY__INIT;
    entry->key = (char *)key;
    entry->value = (char *)value;
    request->label_refs[at] = entry;
}

void jobs_setup_limited(struct rnl_core *core, uint64_t max_jobs,
                        uint64_t max_output_bytes)
{
    fake_core_init(core, 42);
    core->options.max_jobs = max_jobs;
    core->options.max_job_output_bytes = max_output_bytes;
    assert_int_equal(rnl_streams_create(core, &core->streams), RNL_OK);
    assert_int_equal(rnl_jobs_create(core, &core->jobs), RNL_OK);
}

void jobs_setup(struct rnl_core *core)
{
    jobs_setup_limited(core, 0, 0);
}

void jobs_teardown(struct rnl_core *core)
{
    rnl_jobs_destroy(core->jobs);
    rnl_streams_destroy(core->streams);
    assert_int_equal(core->timers.count, 0);
    fake_core_fini(core);
}

void job_create(struct rnl_core *core, const struct job_request *request,
                char ret_id[RNL_JOB_ID_LEN + 1])
{
    struct rnl_stream stream;
    fake_call(&stream, core, &rnl_job_service, "CreateJob",
              &request->request.base);
    for (int turns = 0; !stream.finished && turns < 10; turns++)
        rnl_timers_run(&core->timers, core->now_ns);
    assert_true(stream.finished);
    assert_string_equal(stream.message, "");
    assert_int_equal(stream.code, RNL_OK);
    Runnel__V1__CreateJobResponse *response =
        fake_sent(&stream, 0, &runnel__v1__create_job_response__descriptor);
    assert_int_equal(strlen(response->job->id), RNL_JOB_ID_LEN);
    memcpy(ret_id, response->job->id, RNL_JOB_ID_LEN + 1);
    rnl_request_free(response);
    fake_close(&stream);
}

enum rnl_code job_refused(struct rnl_core *core,
                          const struct job_request *request, char *ret_field,
                          size_t field_cap)
{
    struct rnl_stream stream;
    fake_call(&stream, core, &rnl_job_service, "CreateJob",
              &request->request.base);
    assert_true(stream.finished);
    assert_int_equal(stream.sent_count, 0);
    assert_true(strlen(stream.message) > 0);
    snprintf(ret_field, field_cap, "%s", stream.field);
    enum rnl_code code = stream.code;
    fake_close(&stream);
    return code;
}

Runnel__V1__GetJobResponse *job_get(struct rnl_core *core, const char *id,
                                    bool with_input)
{
    Runnel__V1__GetJobRequest request = RUNNEL__V1__GET_JOB_REQUEST__INIT;
    request.job_id = (char *)id;
    request.include_input = with_input;
    struct rnl_stream stream;
    fake_call(&stream, core, &rnl_job_service, "GetJob", &request.base);
    assert_true(stream.finished);
    Runnel__V1__GetJobResponse *response = NULL;
    if (stream.code == RNL_OK)
        response =
            fake_sent(&stream, 0, &runnel__v1__get_job_response__descriptor);
    else
        assert_int_equal(stream.code, RNL_NOT_FOUND);
    fake_close(&stream);
    return response;
}

Runnel__V1__JobState job_state(struct rnl_core *core, const char *id)
{
    Runnel__V1__GetJobResponse *response = job_get(core, id, false);
    assert_non_null(response);
    Runnel__V1__JobState state = response->job->state;
    rnl_request_free(response);
    return state;
}

/* Calls and awaits the answer of a store that settles. */
static enum rnl_code call(struct rnl_core *core, const char *method,
                          const ProtobufCMessage *request)
{
    struct rnl_stream stream;
    fake_call(&stream, core, &rnl_job_service, method, request);
    for (int turns = 0; !stream.finished && turns < 10; turns++)
        rnl_timers_run(&core->timers, core->now_ns);
    assert_true(stream.finished);
    enum rnl_code code = stream.code;
    fake_close(&stream);
    return code;
}

enum rnl_code job_cancel(struct rnl_core *core, const char *id,
                         const char *reason)
{
    Runnel__V1__CancelJobRequest request = RUNNEL__V1__CANCEL_JOB_REQUEST__INIT;
    request.job_id = (char *)id;
    request.reason = (char *)reason;
    return call(core, "CancelJob", &request.base);
}

enum rnl_code job_delete(struct rnl_core *core, const char *id)
{
    Runnel__V1__DeleteJobRequest request = RUNNEL__V1__DELETE_JOB_REQUEST__INIT;
    request.job_id = (char *)id;
    return call(core, "DeleteJob", &request.base);
}

void job_watch(struct rnl_stream *stream, struct rnl_core *core, const char *id,
               uint64_t after)
{
    Runnel__V1__WatchJobRequest request = RUNNEL__V1__WATCH_JOB_REQUEST__INIT;
    request.job_id = (char *)id;
    request.after_sequence = after;
    fake_call(stream, core, &rnl_job_service, "WatchJob", &request.base);
}

Runnel__V1__WatchJobResponse *watched(const struct rnl_stream *stream,
                                      size_t index)
{
    return fake_sent(stream, index,
                     &runnel__v1__watch_job_response__descriptor);
}

static const ProtobufCBinaryData *delta_of(const Runnel__V1__JobEvent *event,
                                           ProtobufCBinaryData *text)
{
    if (event->payload_case != RUNNEL__V1__JOB_EVENT__PAYLOAD_DELTA)
        return NULL;
    if (event->delta->content_case == RUNNEL__V1__OUTPUT_DELTA__CONTENT_DATA)
        return &event->delta->data;
    text->data = (uint8_t *)event->delta->text;
    text->len = strlen(event->delta->text);
    return text;
}

char *watched_output(const struct rnl_stream *stream, uint64_t after,
                     size_t *ret_len)
{
    char *output = malloc(1);
    size_t len = 0;
    for (size_t i = 0; i < stream->sent_count; i++) {
        Runnel__V1__WatchJobResponse *response = watched(stream, i);
        const Runnel__V1__JobEvent *event = response->event;
        uint64_t first = event->first_sequence == 0 ? event->sequence
                                                    : event->first_sequence;
        assert_int_equal(first, after + 1);
        assert_true(event->sequence >= first);
        after = event->sequence;
        ProtobufCBinaryData text;
        const ProtobufCBinaryData *delta = delta_of(event, &text);
        if (delta != NULL) {
            output = realloc(output, len + delta->len + 1);
            assert_non_null(output);
            memcpy(output + len, delta->data, delta->len);
            len += delta->len;
        }
        rnl_request_free(response);
    }
    output[len] = '\0';
    *ret_len = len;
    return output;
}
