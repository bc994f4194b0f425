/* SPDX-License-Identifier: Apache-2.0 */
#include "keeper_rig.h"

#include "test.h"

/* ---- a core that dies and comes again ---- */

enum rnl_code rig_try_start(struct rig *rig)
{
    int64_t wall_ns = rig->core.wall_ns;
    int64_t now_ns = rig->core.now_ns;
    fake_core_init(&rig->core, 42);
    if (wall_ns != 0) {
        rig->core.wall_ns = wall_ns;
        rig->core.now_ns = now_ns;
    }
    rig->core.options.stats_journal = &rig->fake.journal;
    return rnl_streams_create(&rig->core, &rig->core.streams);
}

void rig_start(struct rig *rig)
{
    assert_int_equal(rig_try_start(rig), RNL_OK);
}

void rig_set_up(struct rig *rig)
{
    *rig = (struct rig){0};
    fake_stats_init(&rig->fake);
    rig_start(rig);
}

static void end(struct rig *rig)
{
    rnl_streams_destroy(rig->core.streams);
    assert_int_equal(rig->core.timers.count, 0);
    fake_core_fini(&rig->core);
}

void rig_stop(struct rig *rig)
{
    rnl_streams_close(rig->core.streams);
    end(rig);
}

void rig_tear_down(struct rig *rig)
{
    rig_stop(rig);
    fake_stats_fini(&rig->fake);
}

void rig_crash(struct rig *rig, bool written)
{
    fake_stats_crash(&rig->fake, written);
    rnl_streams_abandon(rig->core.streams);
    end(rig);
}

void rig_crash_and_start(struct rig *rig, bool written)
{
    rig_crash(rig, written);
    rig_start(rig);
}

void rig_turn(struct rig *rig)
{
    fake_core_advance(&rig->core, 0);
}

void rig_settle(struct rig *rig)
{
    rig_turn(rig);
    while (rig->fake.group != NULL) {
        fake_stats_complete(&rig->fake, RNL_OK);
        rig_turn(rig);
    }
}

/* ---- calls that wait ---- */

void rig_begin_ingest(struct rig *rig, const struct event_batch *batch,
                      struct rnl_stream *call)
{
    Runnel__V1__IngestBatchRequest request =
        RUNNEL__V1__INGEST_BATCH_REQUEST__INIT;
    request.batch = (Runnel__V1__EventBatch *)(uintptr_t)&batch->batch;
    fake_call(call, &rig->core, &rnl_event_service, "IngestBatch",
              &request.base);
}

void rig_begin_create(struct rig *rig, const char *name,
                      struct rnl_stream *call)
{
    Runnel__V1__StreamConfig config = RUNNEL__V1__STREAM_CONFIG__INIT;
    Runnel__V1__CreateStreamRequest request =
        RUNNEL__V1__CREATE_STREAM_REQUEST__INIT;
    config.name = (char *)(uintptr_t)name;
    config.top_capacity = 7;
    request.config = &config;
    fake_call(call, &rig->core, &rnl_stats_service, "CreateStream",
              &request.base);
}

void rig_begin_delete(struct rig *rig, const char *name,
                      struct rnl_stream *call)
{
    Runnel__V1__DeleteStreamRequest request =
        RUNNEL__V1__DELETE_STREAM_REQUEST__INIT;
    request.stream = (char *)(uintptr_t)name;
    fake_call(call, &rig->core, &rnl_stats_service, "DeleteStream",
              &request.base);
}

void call_ended(struct rnl_stream *call, enum rnl_code code)
{
    assert_true(call->finished);
    if (call->code != code)
        fail_msg("code %d, expected %d: %s", call->code, code, call->message);
    assert_int_equal(call->sent_count, code == RNL_OK ? 1 : 0);
    fake_close(call);
}

void rig_ingest_settled(struct rig *rig, const struct event_batch *batch)
{
    struct rnl_stream call;
    rig_begin_ingest(rig, batch, &call);
    rig_settle(rig);
    call_ended(&call, RNL_OK);
}

Runnel__V1__StreamStats *stats_of(struct outcome *outcome)
{
    assert_string_equal(outcome->message, "");
    return ((Runnel__V1__GetStatsResponse *)outcome->answer)->stats;
}

void rig_has_events(struct rig *rig, const char *name, uint64_t count)
{
    struct outcome outcome = get_stats(&rig->core, name, 0, 0);
    assert_int_equal(stats_of(&outcome)->count, count);
    expect(outcome, RNL_OK, NULL);
}

void rig_is_missing(struct rig *rig, const char *name)
{
    expect(get_stream(&rig->core, name), RNL_NOT_FOUND, NULL);
}

bool rig_ingest_numbered(struct rig *rig, const char *producer,
                         uint64_t sequence)
{
    struct event_batch batch;
    struct rnl_stream call;
    batch_one(&batch, "s", "k", (double)sequence);
    batch_number(&batch, producer, sequence);
    rig_begin_ingest(rig, &batch, &call);
    rig_settle(rig);
    assert_true(call.finished && call.code == RNL_OK);
    Runnel__V1__IngestBatchResponse *answer =
        fake_sent(&call, 0, &runnel__v1__ingest_batch_response__descriptor);
    bool duplicate = answer->duplicate;
    rnl_request_free(answer);
    fake_close(&call);
    return duplicate;
}
