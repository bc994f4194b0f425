/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include "test.h"

#include <string.h>

#include <runnel/v1/events.pb-c.h>
#include <runnel/v1/frame.pb-c.h>
#include <runnel/v1/jobs.pb-c.h>
#include <runnel/v1/stats.pb-c.h>

#define TEXT(text) ((char *)(text))

void script_frame(struct script *script, uint32_t stream_id,
                  enum rnl_frame_kind kind, const void *body, size_t len)
{
    assert_true(script->len + RNL_FRAME_HEAD_MAX + len <= SCRIPT_BYTES_MAX);
    script->len +=
        rnl_frame_head(script->data + script->len, stream_id, kind, len);
    if (len > 0)
        memcpy(script->data + script->len, body, len);
    script->len += len;
}

void script_packed(struct script *script, uint32_t stream_id,
                   enum rnl_frame_kind kind, const ProtobufCMessage *body)
{
    uint8_t packed[4096];
    assert_true(protobuf_c_message_get_packed_size(body) <= sizeof(packed));
    size_t len = protobuf_c_message_pack(body, packed);
    script_frame(script, stream_id, kind, packed, len);
}

void script_hello(struct script *script)
{
    Runnel__V1__Hello hello = RUNNEL__V1__HELLO__INIT;
    hello.protocol_version = RNL_PROTOCOL_VERSION;
    hello.agent = TEXT("script/1");
    hello.max_frame_bytes = RNL_FRAME_BYTES_DEFAULT;
    hello.initial_credit_bytes = 1000;
    hello.max_streams = 16;
    hello.epoch = TEXT("1f2e3d");
    script_packed(script, 0, RNL_FRAME_HELLO, &hello.base);
}

void script_status(struct script *script, uint32_t stream_id, bool failed)
{
    Runnel__V1__Status status = RUNNEL__V1__STATUS__INIT;
    Runnel__V1__FieldViolation one = RUNNEL__V1__FIELD_VIOLATION__INIT;
    Runnel__V1__FieldViolation two = RUNNEL__V1__FIELD_VIOLATION__INIT;
    Runnel__V1__FieldViolation *violations[] = {&one, &two};
    if (failed) {
        one.field = TEXT("options.pace_ms");
        one.description = TEXT("must be between 0 and 60000");
        status.code = RUNNEL__V1__CODE__CODE_INVALID_ARGUMENT;
        status.message = TEXT("the request has faults");
        status.violations = violations;
        status.n_violations = 2;
        status.first_available_sequence = 7;
    }
    script_packed(script, stream_id, RNL_FRAME_STATUS, &status.base);
}

/* Times that a client multiplies must not overflow there. */
static Google__Protobuf__Timestamp far_time(void)
{
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    time.seconds = INT64_MAX;
    time.nanos = INT32_MIN;
    return time;
}

/* --- jobs --- */

static void put_event(struct script *script, Runnel__V1__JobEvent *event,
                      uint64_t sequence)
{
    Runnel__V1__WatchJobResponse response =
        RUNNEL__V1__WATCH_JOB_RESPONSE__INIT;
    Google__Protobuf__Timestamp time = far_time();
    event->sequence = sequence;
    event->time = &time;
    response.event = event;
    script_packed(script, 1, RNL_FRAME_MESSAGE, &response.base);
}

static void put_delta(struct script *script, uint64_t sequence, bool text)
{
    Runnel__V1__JobEvent event = RUNNEL__V1__JOB_EVENT__INIT;
    Runnel__V1__OutputDelta delta = RUNNEL__V1__OUTPUT_DELTA__INIT;
    event.payload_case = RUNNEL__V1__JOB_EVENT__PAYLOAD_DELTA;
    event.delta = &delta;
    if (text) {
        delta.content_case = RUNNEL__V1__OUTPUT_DELTA__CONTENT_TEXT;
        delta.text = TEXT("some output");
    } else {
        delta.content_case = RUNNEL__V1__OUTPUT_DELTA__CONTENT_DATA;
        delta.data.data = (uint8_t *)TEXT("\x00\xff\x01");
        delta.data.len = 3;
    }
    put_event(script, &event, sequence);
}

static void put_progress(struct script *script, uint64_t sequence)
{
    Runnel__V1__JobEvent event = RUNNEL__V1__JOB_EVENT__INIT;
    Runnel__V1__Progress progress = RUNNEL__V1__PROGRESS__INIT;
    progress.done = 1;
    progress.total = 2;
    progress.unit = TEXT("rows");
    progress.message = TEXT("half");
    event.payload_case = RUNNEL__V1__JOB_EVENT__PAYLOAD_PROGRESS;
    event.progress = &progress;
    put_event(script, &event, sequence);
}

static void put_failed(struct script *script, uint64_t sequence)
{
    Runnel__V1__JobEvent event = RUNNEL__V1__JOB_EVENT__INIT;
    Runnel__V1__StateChange change = RUNNEL__V1__STATE_CHANGE__INIT;
    Runnel__V1__JobError error = RUNNEL__V1__JOB_ERROR__INIT;
    error.code = RUNNEL__V1__CODE__CODE_INTERNAL;
    error.message = TEXT("it broke");
    change.state = RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED;
    change.attempt = 1;
    change.error = &error;
    event.payload_case = RUNNEL__V1__JOB_EVENT__PAYLOAD_STATE;
    event.state = &change;
    put_event(script, &event, sequence);
}

void script_watch_job(struct script *script)
{
    put_delta(script, 1, true);
    put_delta(script, 2, false);
    put_progress(script, 3);
    put_failed(script, 4);
}

void script_list_jobs(struct script *script)
{
    Runnel__V1__ListJobsResponse response =
        RUNNEL__V1__LIST_JOBS_RESPONSE__INIT;
    Runnel__V1__Job job = RUNNEL__V1__JOB__INIT;
    Runnel__V1__Job *jobs[] = {&job, &job};
    Runnel__V1__Job__LabelsEntry label = RUNNEL__V1__JOB__LABELS_ENTRY__INIT;
    Runnel__V1__Job__LabelsEntry *labels[] = {&label};
    Google__Protobuf__Timestamp time = far_time();
    Google__Protobuf__Duration retention = GOOGLE__PROTOBUF__DURATION__INIT;
    Runnel__V1__JobError error = RUNNEL__V1__JOB_ERROR__INIT;
    label.key = TEXT("team");
    label.value = TEXT("red");
    retention.seconds = INT64_MIN;
    error.message = TEXT("it broke");
    job.id = TEXT("01j");
    job.kind = TEXT("echo");
    job.labels = labels;
    job.n_labels = 1;
    job.error = &error;
    job.create_time = &time;
    job.end_time = &time;
    job.retention = &retention;
    response.jobs = jobs;
    response.n_jobs = 2;
    response.next_page_token = TEXT("more");
    script_packed(script, 1, RNL_FRAME_MESSAGE, &response.base);
}

/* --- statistics --- */

static void put_stats(struct script *script,
                      void (*put)(struct script *script,
                                  Runnel__V1__StreamStats *stats,
                                  Runnel__V1__Anomaly *anomaly))
{
    Runnel__V1__StreamStats stats = RUNNEL__V1__STREAM_STATS__INIT;
    Runnel__V1__Distribution value = RUNNEL__V1__DISTRIBUTION__INIT;
    Runnel__V1__Quantile quantile = RUNNEL__V1__QUANTILE__INIT;
    Runnel__V1__Quantile *quantiles[] = {&quantile, &quantile};
    Runnel__V1__HistogramBucket bucket = RUNNEL__V1__HISTOGRAM_BUCKET__INIT;
    Runnel__V1__HistogramBucket *buckets[] = {&bucket};
    Runnel__V1__KeyFrequency key = RUNNEL__V1__KEY_FREQUENCY__INIT;
    Runnel__V1__KeyFrequency *keys[] = {&key, &key};
    Runnel__V1__Estimate unique = RUNNEL__V1__ESTIMATE__INIT;
    Runnel__V1__Anomaly anomaly = RUNNEL__V1__ANOMALY__INIT;
    Google__Protobuf__Timestamp time = far_time();
    key.key = TEXT("GET /");
    key.count = 17;
    unique.value = 2;
    quantile.q = 0.5;
    quantile.value = 3;
    bucket.upper = 4;
    bucket.count = 17;
    value.count = 17;
    value.quantiles = quantiles;
    value.n_quantiles = 2;
    value.histogram = buckets;
    value.n_histogram = 1;
    stats.stream = TEXT("web");
    stats.count = 17;
    stats.start_time = &time;
    stats.unique_keys = &unique;
    stats.top_keys = keys;
    stats.n_top_keys = 2;
    stats.value = &value;
    stats.latency_ms = &value;
    anomaly.sequence = 1;
    anomaly.time = &time;
    anomaly.key = TEXT("GET /");
    put(script, &stats, &anomaly);
}

static void put_answer(struct script *script, Runnel__V1__StreamStats *stats,
                       Runnel__V1__Anomaly *anomaly)
{
    Runnel__V1__GetStatsResponse response =
        RUNNEL__V1__GET_STATS_RESPONSE__INIT;
    response.stats = stats;
    response.anomalies = &anomaly;
    response.n_anomalies = 1;
    script_packed(script, 1, RNL_FRAME_MESSAGE, &response.base);
}

void script_get_stats(struct script *script)
{
    put_stats(script, put_answer);
}

static void put_updates(struct script *script, Runnel__V1__StreamStats *stats,
                        Runnel__V1__Anomaly *anomaly)
{
    Runnel__V1__WatchStatsResponse response =
        RUNNEL__V1__WATCH_STATS_RESPONSE__INIT;
    Runnel__V1__StatsSnapshot snapshot = RUNNEL__V1__STATS_SNAPSHOT__INIT;
    response.update_case = RUNNEL__V1__WATCH_STATS_RESPONSE__UPDATE_ANOMALY;
    response.anomaly = anomaly;
    script_packed(script, 1, RNL_FRAME_MESSAGE, &response.base);
    snapshot.windows = &stats;
    snapshot.n_windows = 1;
    response.update_case = RUNNEL__V1__WATCH_STATS_RESPONSE__UPDATE_SNAPSHOT;
    response.snapshot = &snapshot;
    script_packed(script, 1, RNL_FRAME_MESSAGE, &response.base);
}

void script_watch_stats(struct script *script)
{
    put_stats(script, put_updates);
}

void script_ingest(struct script *script)
{
    Runnel__V1__IngestResponse response = RUNNEL__V1__INGEST_RESPONSE__INIT;
    for (response.batch_number = 1; response.batch_number <= 2;
         response.batch_number++) {
        response.accepted_events = 1;
        script_packed(script, 1, RNL_FRAME_MESSAGE, &response.base);
    }
}
