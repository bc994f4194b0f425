/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams over crashes: what is acknowledged, and counted once. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "keeper_rig.h"

/* ---- acknowledgements ---- */

static void a_batch_is_acknowledged_when_it_is_durable(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream call;
    rig_set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    rig_begin_ingest(&rig, &batch, &call);
    assert_false(call.finished);
    rig_turn(&rig);
    assert_non_null(rig.fake.group);
    assert_false(call.finished);
    fake_stats_complete(&rig.fake, RNL_OK);
    call_ended(&call, RNL_OK);
    rig_crash_and_start(&rig, false);
    rig_has_events(&rig, "s", 1);
    rig_tear_down(&rig);
}

static void what_was_not_durable_is_not_there(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream calls[2];
    rig_set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    rig_ingest_settled(&rig, &batch);
    rig_begin_ingest(&rig, &batch, &calls[0]);
    rig_turn(&rig);
    rig_begin_ingest(&rig, &batch, &calls[1]);
    fake_close(&calls[0]);
    fake_close(&calls[1]);
    rig_crash_and_start(&rig, true);
    rig_has_events(&rig, "s", 2);
    rig_tear_down(&rig);
}

/* Answers of one call come in its order, and its end after them. */
static void a_call_ends_after_its_answers(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream call;
    static const char *const names[] = {"a", "b", "a"};
    rig_set_up(&rig);
    fake_open(&call, &rig.core, &rnl_event_service, "Ingest");
    for (size_t i = 0; i < 3; i++) {
        Runnel__V1__IngestRequest request = RUNNEL__V1__INGEST_REQUEST__INIT;
        batch_one(&batch, names[i], "k", 1);
        request.batch = &batch.batch;
        fake_request(&call, &request.base);
    }
    call.method->on_half_close(&call);
    assert_int_equal(call.sent_count, 0);
    assert_false(call.finished);
    rig_settle(&rig);
    assert_int_equal(call.sent_count, 3);
    for (size_t i = 0; i < 3; i++) {
        Runnel__V1__IngestResponse *answer =
            fake_sent(&call, i, &runnel__v1__ingest_response__descriptor);
        assert_int_equal(answer->batch_number, i + 1);
        rnl_request_free(answer);
    }
    assert_true(call.finished && call.code == RNL_OK);
    fake_close(&call);
    rig_tear_down(&rig);
}

static void streams_come_and_go_durably(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream calls[3];
    rig_set_up(&rig);
    rig_begin_create(&rig, "s", &calls[0]);
    assert_false(calls[0].finished);
    rig_settle(&rig);
    call_ended(&calls[0], RNL_OK);
    rig_crash_and_start(&rig, false);
    struct outcome outcome = get_stream(&rig.core, "s");
    Runnel__V1__GetStreamResponse *answer = outcome.answer;
    assert_int_equal(answer->stream->config->top_capacity, 7);
    expect(outcome, RNL_OK, NULL);

    /* Goes, and another of the name comes, in one group. */
    batch_one(&batch, "s", "k", 1);
    rig_ingest_settled(&rig, &batch);
    rig_begin_delete(&rig, "s", &calls[0]);
    assert_false(calls[0].finished);
    rig_is_missing(&rig, "s");
    rig_begin_ingest(&rig, &batch, &calls[1]);
    rig_settle(&rig);
    call_ended(&calls[0], RNL_OK);
    call_ended(&calls[1], RNL_OK);
    rig_crash_and_start(&rig, false);
    rig_has_events(&rig, "s", 1);

    rig_begin_ingest(&rig, &batch, &calls[0]);
    rig_begin_delete(&rig, "s", &calls[1]);
    rig_settle(&rig);
    call_ended(&calls[0], RNL_OK);
    call_ended(&calls[1], RNL_OK);
    rig_crash_and_start(&rig, false);
    rig_is_missing(&rig, "s");
    /* What the journal never saw need not be told it. */
    rig_begin_create(&rig, "t", &calls[0]);
    rig_begin_delete(&rig, "t", &calls[1]);
    rig_settle(&rig);
    call_ended(&calls[0], RNL_OK);
    call_ended(&calls[1], RNL_OK);
    assert_int_equal(rig.fake.count, 0);
    rig_tear_down(&rig);
}

static void a_bad_batch_leaves_nothing(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream call;
    rig_set_up(&rig);
    batch_one(&batch, "s", "", 1);
    rig_begin_ingest(&rig, &batch, &call);
    call_ended(&call, RNL_INVALID_ARGUMENT);
    rig_settle(&rig);
    assert_int_equal(rig.fake.written[RNL_STATS_STREAM], 0);
    rig_tear_down(&rig);
}

/* ---- once ---- */

static void a_repeated_batch_counts_once_over_a_crash(void **state)
{
    (void)state;
    struct rig rig;
    rig_set_up(&rig);
    for (uint64_t i = 1; i <= 300; i++) {
        assert_false(rig_ingest_numbered(&rig, "a", i));
        rig_crash_and_start(&rig, i % 2 == 0);
        assert_true(rig_ingest_numbered(&rig, "a", i));
        assert_false(rig_ingest_numbered(&rig, "b", i));
    }
    struct outcome outcome = get_stats(&rig.core, "s", 0, 0);
    assert_int_equal(stats_of(&outcome)->count, 600);
    assert_int_equal(stats_of(&outcome)->duplicate_batches, 300);
    expect(outcome, RNL_OK, NULL);
    /* Some were logged, and the log was cut. */
    assert_true(rig.fake.written[RNL_STATS_LOG] > 0 &&
                rig.fake.written[RNL_STATS_SAVE] > 1);
    rig_tear_down(&rig);
}

/* A producer that the log alone knew is in the save that ends the log, also
 * when it was silent since the start. */
static void a_producer_of_a_log_outlives_the_log(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    rig_set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    rig_ingest_settled(&rig, &batch);
    assert_false(rig_ingest_numbered(&rig, "a", 1));
    rig_crash_and_start(&rig, false);
    size_t saves = rig.fake.written[RNL_STATS_SAVE];
    uint64_t count = 2;
    for (; rig.fake.written[RNL_STATS_SAVE] == saves; count++)
        rig_ingest_settled(&rig, &batch);
    rig_crash_and_start(&rig, false);
    assert_true(rig_ingest_numbered(&rig, "a", 1));
    rig_has_events(&rig, "s", count);
    rig_tear_down(&rig);
}

/* What the last batch said is known again, be it from a log or a save. */
static void a_number_stays_taken_over_a_crash(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch other;
    struct rnl_stream call;
    rig_set_up(&rig);
    for (uint64_t i = 1; i <= 900; i++) {
        assert_false(rig_ingest_numbered(&rig, "a", i));
        rig_crash_and_start(&rig, false);
        batch_one(&other, "s", "k", -1);
        batch_number(&other, "a", i);
        rig_begin_ingest(&rig, &other, &call);
        call_ended(&call, RNL_ALREADY_EXISTS);
        assert_true(rig_ingest_numbered(&rig, "a", i));
    }
    rig_has_events(&rig, "s", 900);
    assert_true(rig.fake.written[RNL_STATS_SAVE] > 1);
    rig_tear_down(&rig);
}

/* What a sketch was merged into, and who sent it. */
static void a_merged_sketch_counts_once_over_a_crash(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream stream;
    Runnel__V1__ExportSketchRequest export =
        RUNNEL__V1__EXPORT_SKETCH_REQUEST__INIT;
    Runnel__V1__MergeSketchRequest merge =
        RUNNEL__V1__MERGE_SKETCH_REQUEST__INIT;
    rig_set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    rig_ingest_settled(&rig, &batch);
    export.stream = (char *)(uintptr_t) "s";
    export.kind = RUNNEL__V1__SKETCH_KIND__SKETCH_KIND_VALUE;
    export.format = RUNNEL__V1__SKETCH_FORMAT__SKETCH_FORMAT_RUNNEL;
    struct outcome outcome =
        call(&rig.core, "ExportSketch", &export.base,
             &runnel__v1__export_sketch_response__descriptor);
    assert_int_equal(outcome.code, RNL_OK);
    merge.stream = export.stream;
    merge.kind = export.kind;
    merge.format = export.format;
    merge.sketch = ((Runnel__V1__ExportSketchResponse *)outcome.answer)->sketch;
    merge.producer_id = (char *)(uintptr_t) "m";
    merge.producer_sequence = 1;
    for (int i = 0; i < 3; i++) {
        fake_call(&stream, &rig.core, &rnl_stats_service, "MergeSketch",
                  &merge.base);
        assert_false(stream.finished);
        rig_settle(&rig);
        call_ended(&stream, RNL_OK);
        rig_crash_and_start(&rig, false);
        struct outcome stats = get_stats(&rig.core, "s", 0, 0);
        assert_int_equal(stats_of(&stats)->value->count, 2);
        assert_int_equal(stats_of(&stats)->duplicate_batches, i);
        expect(stats, RNL_OK, NULL);
    }
    expect(outcome, RNL_OK, NULL);
    rig_tear_down(&rig);
}

/* ---- what nobody waits for ---- */

static void unacknowledged_changes_are_saved_within_a_second(void **state)
{
    (void)state;
    struct rig rig;
    struct rnl_meter_taken taken;
    struct rnl_field_error error;
    static const uint32_t length = 1;
    static const uint32_t index = 0;
    const struct rnl_meter_batch batch = {.keys = (const uint8_t *)"k",
                                          .keys_len = 1,
                                          .key_lengths = &length,
                                          .key_count = 1,
                                          .key_indexes = &index,
                                          .event_count = 1};
    rig_set_up(&rig);
    assert_int_equal(
        rnl_streams_take(rig.core.streams, "s", &batch, &taken, &error),
        RNL_OK);
    fake_core_advance(&rig.core, SECOND / 2);
    assert_null(rig.fake.group);
    fake_core_advance(&rig.core, SECOND);
    rig_settle(&rig);
    rig_crash_and_start(&rig, false);
    rig_has_events(&rig, "s", 1);
    rig_tear_down(&rig);
}

static void an_orderly_end_keeps_all(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream calls[2];
    rig_set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    rig_begin_ingest(&rig, &batch, &calls[0]);
    rig_turn(&rig);
    rig_begin_ingest(&rig, &batch, &calls[1]);
    fake_close(&calls[0]);
    fake_close(&calls[1]);
    rig_stop(&rig);
    rig_start(&rig);
    rig_has_events(&rig, "s", 2);
    rig_tear_down(&rig);
}

/* ---- a slow disk ---- */

static void senders_are_held_while_too_much_waits(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream call;
    Runnel__V1__IngestRequest request = RUNNEL__V1__INGEST_REQUEST__INIT;
    rig_set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    request.batch = &batch.batch;
    fake_open(&call, &rig.core, &rnl_event_service, "Ingest");
    size_t sent = 0;
    while (!call.held) {
        fake_request(&call, &request.base);
        rig_turn(&rig);
        assert_true(++sent < 100000);
    }
    rig_settle(&rig);
    assert_false(call.held);
    assert_int_equal(call.sent_count, sent);
    fake_close(&call);
    rig_has_events(&rig, "s", sent);
    rig_tear_down(&rig);
}

/* ---- clocks ---- */

static void a_clock_that_was_set_back_loses_nothing(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    rig_set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    rig_ingest_settled(&rig, &batch);
    rig_crash(&rig, false);
    rig.core.wall_ns -= 86400 * SECOND;
    rig_start(&rig);
    rig_ingest_settled(&rig, &batch);
    rig_crash_and_start(&rig, false);
    struct outcome outcome = get_stats(&rig.core, "s", 60, 0);
    Runnel__V1__StreamStats *stats = stats_of(&outcome);
    /* Time does not go back: it is late, and in the figures of all time. */
    assert_int_equal(stats->count, 1);
    assert_int_equal(stats->late_events, 1);
    assert_int_equal(stats->end_time->seconds, START_MS / 1000);
    expect(outcome, RNL_OK, NULL);
    rig_has_events(&rig, "s", 2);
    /* Back in its time, it goes on. */
    rig_crash(&rig, false);
    rig.core.wall_ns += 86400 * SECOND;
    rig_start(&rig);
    rig_ingest_settled(&rig, &batch);
    outcome = get_stats(&rig.core, "s", 60, 0);
    assert_int_equal(stats_of(&outcome)->count, 2);
    expect(outcome, RNL_OK, NULL);
    rig_tear_down(&rig);
}

static void a_clock_that_was_set_forward_empties_windows(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    rig_set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    rig_ingest_settled(&rig, &batch);
    rig_crash(&rig, false);
    rig.core.wall_ns += INT64_C(400) * 86400 * SECOND;
    rig_start(&rig);
    struct outcome outcome = get_stats(&rig.core, "s", 3600, 0);
    assert_int_equal(stats_of(&outcome)->count, 0);
    expect(outcome, RNL_OK, NULL);
    rig_ingest_settled(&rig, &batch);
    outcome = get_stats(&rig.core, "s", 3600, 0);
    assert_int_equal(stats_of(&outcome)->count, 1);
    assert_int_equal(stats_of(&outcome)->late_events, 0);
    expect(outcome, RNL_OK, NULL);
    rig_has_events(&rig, "s", 2);
    rig_tear_down(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_acknowledged_when_it_is_durable),
        cmocka_unit_test(what_was_not_durable_is_not_there),
        cmocka_unit_test(a_call_ends_after_its_answers),
        cmocka_unit_test(streams_come_and_go_durably),
        cmocka_unit_test(a_bad_batch_leaves_nothing),
        cmocka_unit_test(a_repeated_batch_counts_once_over_a_crash),
        cmocka_unit_test(a_producer_of_a_log_outlives_the_log),
        cmocka_unit_test(a_number_stays_taken_over_a_crash),
        cmocka_unit_test(a_merged_sketch_counts_once_over_a_crash),
        cmocka_unit_test(unacknowledged_changes_are_saved_within_a_second),
        cmocka_unit_test(an_orderly_end_keeps_all),
        cmocka_unit_test(senders_are_held_while_too_much_waits),
        cmocka_unit_test(a_clock_that_was_set_back_loses_nothing),
        cmocka_unit_test(a_clock_that_was_set_forward_empties_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
