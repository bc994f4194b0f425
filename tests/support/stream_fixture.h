/* SPDX-License-Identifier: Apache-2.0 */
/* A core with event streams and nothing else, and calls of EventService and
 * StatsService in one line. */
#ifndef RNL_TESTS_STREAM_FIXTURE_H
#define RNL_TESTS_STREAM_FIXTURE_H

#include <runnel/v1/events.pb-c.h>
#include <runnel/v1/stats.pb-c.h>

#include "fake_stream.h"
#include "streams.h"

#define MS     INT64_C(1000000)
#define SECOND INT64_C(1000000000)

/* Wall clock of a new core (fake_stream.h). */
#define START_MS INT64_C(1700000000000)

#define BATCH_EVENTS 2048

/* A batch under construction. */
struct event_batch {
    Runnel__V1__EventBatch batch;
    uint8_t keys[16384];
    uint32_t key_lengths[BATCH_EVENTS];
    uint32_t key_indexes[BATCH_EVENTS];
    double values[BATCH_EVENTS];
    float latencies[BATCH_EVENTS];
    uint32_t offsets[BATCH_EVENTS];
};

/* stream is borrowed. */
void batch_init(struct event_batch *batch, const char *stream);

/* Adds an event with a key of its own in the dictionary. */
void batch_add(struct event_batch *batch, const char *key, double value,
               double latency_ms);

/* From producer id, which is borrowed. */
void batch_number(struct event_batch *batch, const char *producer_id,
                  uint64_t sequence);

/* All events have this time. */
void batch_time(struct event_batch *batch, int64_t time_ms);

/* One event. */
void batch_one(struct event_batch *batch, const char *stream, const char *key,
               double value);

void streams_setup(struct rnl_core *core);

/* 0: the default. */
void streams_setup_limited(struct rnl_core *core, uint32_t max_streams,
                           uint64_t max_bytes);

/* Demands that no timer is left. */
void streams_teardown(struct rnl_core *core);

/* What a call came to. */
struct outcome {
    enum rnl_code code;
    char message[512];
    char field[128];
    /* The answer, to be freed by rnl_request_free, when code is RNL_OK. */
    void *answer;
};

/* Makes a unary call, which must end at once. */
struct outcome call(struct rnl_core *core, const char *method,
                    const ProtobufCMessage *request,
                    const ProtobufCMessageDescriptor *answer);

/* IngestBatch. */
struct outcome ingest(struct rnl_core *core, const struct event_batch *batch);

/* The same, which must be taken. */
void ingest_ok(struct rnl_core *core, const struct event_batch *batch);

struct outcome create_stream(struct rnl_core *core,
                             const Runnel__V1__StreamConfig *config);
struct outcome delete_stream(struct rnl_core *core, const char *name);
struct outcome get_stream(struct rnl_core *core, const char *name);
struct outcome get_stats(struct rnl_core *core, const char *name,
                         uint32_t window_seconds, uint32_t top);

/* Demands a code, and a field if not NULL; frees the answer. */
void expect(struct outcome outcome, enum rnl_code code, const char *field);

#endif
