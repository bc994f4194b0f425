/* SPDX-License-Identifier: Apache-2.0 */
#include "stream_fixture.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

/* ---- batches ---- */

void batch_init(struct event_batch *batch, const char *stream)
{
    Runnel__V1__EventBatch *message = &batch->batch;
    *message = (Runnel__V1__EventBatch)RUNNEL__V1__EVENT_BATCH__INIT;
    message->stream = (char *)(uintptr_t)stream;
    message->keys.data = batch->keys;
    message->key_lengths = batch->key_lengths;
    message->key_indexes = batch->key_indexes;
    message->values = batch->values;
    message->latencies_ms = batch->latencies;
    message->time_offsets_ms = batch->offsets;
}

void batch_add(struct event_batch *batch, const char *key, double value,
               double latency_ms)
{
    Runnel__V1__EventBatch *message = &batch->batch;
    size_t at = message->n_key_indexes;
    size_t len = strlen(key);
    assert_true(at < BATCH_EVENTS);
    assert_true(message->keys.len + len <= sizeof(batch->keys));
    memcpy(batch->keys + message->keys.len, key, len);
    message->keys.len += len;
    batch->key_lengths[at] = (uint32_t)len;
    batch->key_indexes[at] = (uint32_t)at;
    batch->values[at] = value;
    batch->latencies[at] = (float)latency_ms;
    message->n_key_lengths = at + 1;
    message->n_key_indexes = at + 1;
    message->n_values = at + 1;
    message->n_latencies_ms = at + 1;
}

void batch_number(struct event_batch *batch, const char *producer_id,
                  uint64_t sequence)
{
    batch->batch.producer_id = (char *)(uintptr_t)producer_id;
    batch->batch.producer_sequence = sequence;
}

void batch_time(struct event_batch *batch, int64_t time_ms)
{
    batch->batch.time_base_ms = time_ms;
}

void batch_one(struct event_batch *batch, const char *stream, const char *key,
               double value)
{
    batch_init(batch, stream);
    batch_add(batch, key, value, 1);
}

/* ---- the core ---- */

void streams_setup_limited(struct rnl_core *core, uint32_t max_streams,
                           uint64_t max_bytes)
{
    fake_core_init(core, 42);
    core->options.max_event_streams = max_streams;
    core->options.max_stats_bytes = max_bytes;
    assert_int_equal(rnl_streams_create(core, &core->streams), RNL_OK);
}

void streams_setup(struct rnl_core *core)
{
    streams_setup_limited(core, 0, 0);
}

void streams_teardown(struct rnl_core *core)
{
    rnl_streams_destroy(core->streams);
    assert_int_equal(core->timers.count, 0);
    fake_core_fini(core);
}

/* ---- calls ---- */

static const struct rnl_service *service_of(const char *method)
{
    return strncmp(method, "Ingest", 6) == 0 ? &rnl_event_service
                                             : &rnl_stats_service;
}

struct outcome call(struct rnl_core *core, const char *method,
                    const ProtobufCMessage *request,
                    const ProtobufCMessageDescriptor *answer)
{
    struct rnl_stream stream;
    struct outcome outcome = {0};
    fake_call(&stream, core, service_of(method), method, request);
    assert_true(stream.finished);
    outcome.code = stream.code;
    snprintf(outcome.message, sizeof(outcome.message), "%s", stream.message);
    snprintf(outcome.field, sizeof(outcome.field), "%s", stream.field);
    assert_int_equal(stream.sent_count, stream.code == RNL_OK ? 1 : 0);
    if (stream.code == RNL_OK)
        outcome.answer = fake_sent(&stream, 0, answer);
    else
        assert_true(strlen(outcome.message) > 0);
    fake_close(&stream);
    return outcome;
}

struct outcome ingest(struct rnl_core *core, const struct event_batch *batch)
{
    Runnel__V1__IngestBatchRequest request =
        RUNNEL__V1__INGEST_BATCH_REQUEST__INIT;
    request.batch = (Runnel__V1__EventBatch *)(uintptr_t)&batch->batch;
    return call(core, "IngestBatch", &request.base,
                &runnel__v1__ingest_batch_response__descriptor);
}

void ingest_ok(struct rnl_core *core, const struct event_batch *batch)
{
    struct outcome outcome = ingest(core, batch);
    assert_string_equal(outcome.message, "");
    Runnel__V1__IngestBatchResponse *answer = outcome.answer;
    assert_int_equal(answer->accepted_events, batch->batch.n_key_indexes);
    assert_false(answer->duplicate);
    expect(outcome, RNL_OK, NULL);
}

struct outcome create_stream(struct rnl_core *core,
                             const Runnel__V1__StreamConfig *config)
{
    Runnel__V1__CreateStreamRequest request =
        RUNNEL__V1__CREATE_STREAM_REQUEST__INIT;
    request.config = (Runnel__V1__StreamConfig *)(uintptr_t)config;
    return call(core, "CreateStream", &request.base,
                &runnel__v1__create_stream_response__descriptor);
}

struct outcome delete_stream(struct rnl_core *core, const char *name)
{
    Runnel__V1__DeleteStreamRequest request =
        RUNNEL__V1__DELETE_STREAM_REQUEST__INIT;
    request.stream = (char *)(uintptr_t)name;
    return call(core, "DeleteStream", &request.base,
                &runnel__v1__delete_stream_response__descriptor);
}

struct outcome get_stream(struct rnl_core *core, const char *name)
{
    Runnel__V1__GetStreamRequest request = RUNNEL__V1__GET_STREAM_REQUEST__INIT;
    request.stream = (char *)(uintptr_t)name;
    return call(core, "GetStream", &request.base,
                &runnel__v1__get_stream_response__descriptor);
}

struct outcome get_stats(struct rnl_core *core, const char *name,
                         uint32_t window_seconds, uint32_t top)
{
    Runnel__V1__GetStatsRequest request = RUNNEL__V1__GET_STATS_REQUEST__INIT;
    request.stream = (char *)(uintptr_t)name;
    request.window_seconds = window_seconds;
    request.top = top;
    return call(core, "GetStats", &request.base,
                &runnel__v1__get_stats_response__descriptor);
}

void expect(struct outcome outcome, enum rnl_code code, const char *field)
{
    if (outcome.code != code)
        fail_msg("code %d, expected %d: %s", outcome.code, code,
                 outcome.message);
    if (field != NULL)
        assert_string_equal(outcome.field, field);
    rnl_request_free(outcome.answer);
}
