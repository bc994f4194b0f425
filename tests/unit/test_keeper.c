/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event streams over crashes, with a journal that the test commands: it says
 * when a group is written, when the disk is full, and when the process dies.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_stats_journal.h"
#include "fault.h"
#include "registry.h"
#include "stream_fixture.h"

/* ---- a core that dies and comes again ---- */

struct rig {
    struct rnl_core core;
    struct fake_stats_journal fake;
};

static enum rnl_code try_start(struct rig *rig)
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

static void start(struct rig *rig)
{
    assert_int_equal(try_start(rig), RNL_OK);
}

static void set_up(struct rig *rig)
{
    *rig = (struct rig){0};
    fake_stats_init(&rig->fake);
    start(rig);
}

static void end(struct rig *rig)
{
    rnl_streams_destroy(rig->core.streams);
    assert_int_equal(rig->core.timers.count, 0);
    fake_core_fini(&rig->core);
}

static void stop(struct rig *rig)
{
    rnl_streams_close(rig->core.streams);
    end(rig);
}

static void tear_down(struct rig *rig)
{
    stop(rig);
    fake_stats_fini(&rig->fake);
}

static void crash(struct rig *rig, bool written)
{
    fake_stats_crash(&rig->fake, written);
    rnl_streams_abandon(rig->core.streams);
    end(rig);
}

static void crash_and_start(struct rig *rig, bool written)
{
    crash(rig, written);
    start(rig);
}

static void turn(struct rig *rig)
{
    fake_core_advance(&rig->core, 0);
}

/* Until nothing is left to write. */
static void settle(struct rig *rig)
{
    turn(rig);
    while (rig->fake.group != NULL) {
        fake_stats_complete(&rig->fake, RNL_OK);
        turn(rig);
    }
}

/* ---- calls that wait ---- */

static void begin_ingest(struct rig *rig, const struct event_batch *batch,
                         struct rnl_stream *call)
{
    Runnel__V1__IngestBatchRequest request =
        RUNNEL__V1__INGEST_BATCH_REQUEST__INIT;
    request.batch = (Runnel__V1__EventBatch *)(uintptr_t)&batch->batch;
    fake_call(call, &rig->core, &rnl_event_service, "IngestBatch",
              &request.base);
}

static void begin_create(struct rig *rig, const char *name,
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

static void begin_delete(struct rig *rig, const char *name,
                         struct rnl_stream *call)
{
    Runnel__V1__DeleteStreamRequest request =
        RUNNEL__V1__DELETE_STREAM_REQUEST__INIT;
    request.stream = (char *)(uintptr_t)name;
    fake_call(call, &rig->core, &rnl_stats_service, "DeleteStream",
              &request.base);
}

static void ended(struct rnl_stream *call, enum rnl_code code)
{
    assert_true(call->finished);
    if (call->code != code)
        fail_msg("code %d, expected %d: %s", call->code, code, call->message);
    assert_int_equal(call->sent_count, code == RNL_OK ? 1 : 0);
    fake_close(call);
}

static void ingest_settled(struct rig *rig, const struct event_batch *batch)
{
    struct rnl_stream call;
    begin_ingest(rig, batch, &call);
    settle(rig);
    ended(&call, RNL_OK);
}

static Runnel__V1__StreamStats *stats_of(struct outcome *outcome)
{
    assert_string_equal(outcome->message, "");
    return ((Runnel__V1__GetStatsResponse *)outcome->answer)->stats;
}

static void has_events(struct rig *rig, const char *name, uint64_t count)
{
    struct outcome outcome = get_stats(&rig->core, name, 0, 0);
    assert_int_equal(stats_of(&outcome)->count, count);
    expect(outcome, RNL_OK, NULL);
}

static void is_missing(struct rig *rig, const char *name)
{
    expect(get_stream(&rig->core, name), RNL_NOT_FOUND, NULL);
}

/* ---- acknowledgements ---- */

static void a_batch_is_acknowledged_when_it_is_durable(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream call;
    set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    begin_ingest(&rig, &batch, &call);
    assert_false(call.finished);
    turn(&rig);
    assert_non_null(rig.fake.group);
    assert_false(call.finished);
    fake_stats_complete(&rig.fake, RNL_OK);
    ended(&call, RNL_OK);
    crash_and_start(&rig, false);
    has_events(&rig, "s", 1);
    tear_down(&rig);
}

static void what_was_not_durable_is_not_there(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream calls[2];
    set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    ingest_settled(&rig, &batch);
    begin_ingest(&rig, &batch, &calls[0]);
    turn(&rig);
    begin_ingest(&rig, &batch, &calls[1]);
    fake_close(&calls[0]);
    fake_close(&calls[1]);
    crash_and_start(&rig, true);
    has_events(&rig, "s", 2);
    tear_down(&rig);
}

/* Answers of one call come in its order, and its end after them. */
static void a_call_ends_after_its_answers(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream call;
    static const char *const names[] = {"a", "b", "a"};
    set_up(&rig);
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
    settle(&rig);
    assert_int_equal(call.sent_count, 3);
    for (size_t i = 0; i < 3; i++) {
        Runnel__V1__IngestResponse *answer =
            fake_sent(&call, i, &runnel__v1__ingest_response__descriptor);
        assert_int_equal(answer->batch_number, i + 1);
        rnl_request_free(answer);
    }
    assert_true(call.finished && call.code == RNL_OK);
    fake_close(&call);
    tear_down(&rig);
}

static void streams_come_and_go_durably(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream calls[3];
    set_up(&rig);
    begin_create(&rig, "s", &calls[0]);
    assert_false(calls[0].finished);
    settle(&rig);
    ended(&calls[0], RNL_OK);
    crash_and_start(&rig, false);
    struct outcome outcome = get_stream(&rig.core, "s");
    Runnel__V1__GetStreamResponse *answer = outcome.answer;
    assert_int_equal(answer->stream->config->top_capacity, 7);
    expect(outcome, RNL_OK, NULL);

    /* Goes, and another of the name comes, in one group. */
    batch_one(&batch, "s", "k", 1);
    ingest_settled(&rig, &batch);
    begin_delete(&rig, "s", &calls[0]);
    assert_false(calls[0].finished);
    is_missing(&rig, "s");
    begin_ingest(&rig, &batch, &calls[1]);
    settle(&rig);
    ended(&calls[0], RNL_OK);
    ended(&calls[1], RNL_OK);
    crash_and_start(&rig, false);
    has_events(&rig, "s", 1);

    begin_ingest(&rig, &batch, &calls[0]);
    begin_delete(&rig, "s", &calls[1]);
    settle(&rig);
    ended(&calls[0], RNL_OK);
    ended(&calls[1], RNL_OK);
    crash_and_start(&rig, false);
    is_missing(&rig, "s");
    /* What the journal never saw need not be told it. */
    begin_create(&rig, "t", &calls[0]);
    begin_delete(&rig, "t", &calls[1]);
    settle(&rig);
    ended(&calls[0], RNL_OK);
    ended(&calls[1], RNL_OK);
    assert_int_equal(rig.fake.count, 0);
    tear_down(&rig);
}

static void a_bad_batch_leaves_nothing(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream call;
    set_up(&rig);
    batch_one(&batch, "s", "", 1);
    begin_ingest(&rig, &batch, &call);
    ended(&call, RNL_INVALID_ARGUMENT);
    settle(&rig);
    assert_int_equal(rig.fake.written[RNL_STATS_STREAM], 0);
    tear_down(&rig);
}

/* ---- once ---- */

static bool ingest_numbered(struct rig *rig, const char *producer,
                            uint64_t sequence)
{
    struct event_batch batch;
    struct rnl_stream call;
    batch_one(&batch, "s", "k", (double)sequence);
    batch_number(&batch, producer, sequence);
    begin_ingest(rig, &batch, &call);
    settle(rig);
    assert_true(call.finished && call.code == RNL_OK);
    Runnel__V1__IngestBatchResponse *answer =
        fake_sent(&call, 0, &runnel__v1__ingest_batch_response__descriptor);
    bool duplicate = answer->duplicate;
    rnl_request_free(answer);
    fake_close(&call);
    return duplicate;
}

static void a_repeated_batch_counts_once_over_a_crash(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig);
    for (uint64_t i = 1; i <= 300; i++) {
        assert_false(ingest_numbered(&rig, "a", i));
        crash_and_start(&rig, i % 2 == 0);
        assert_true(ingest_numbered(&rig, "a", i));
        assert_false(ingest_numbered(&rig, "b", i));
    }
    struct outcome outcome = get_stats(&rig.core, "s", 0, 0);
    assert_int_equal(stats_of(&outcome)->count, 600);
    assert_int_equal(stats_of(&outcome)->duplicate_batches, 300);
    expect(outcome, RNL_OK, NULL);
    /* Some were logged, and the log was cut. */
    assert_true(rig.fake.written[RNL_STATS_LOG] > 0 &&
                rig.fake.written[RNL_STATS_SAVE] > 1);
    tear_down(&rig);
}

/* What the last batch said is known again, be it from a log or a save. */
static void a_number_stays_taken_over_a_crash(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch other;
    struct rnl_stream call;
    set_up(&rig);
    for (uint64_t i = 1; i <= 900; i++) {
        assert_false(ingest_numbered(&rig, "a", i));
        crash_and_start(&rig, false);
        batch_one(&other, "s", "k", -1);
        batch_number(&other, "a", i);
        begin_ingest(&rig, &other, &call);
        ended(&call, RNL_ALREADY_EXISTS);
        assert_true(ingest_numbered(&rig, "a", i));
    }
    has_events(&rig, "s", 900);
    assert_true(rig.fake.written[RNL_STATS_SAVE] > 1);
    tear_down(&rig);
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
    set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    ingest_settled(&rig, &batch);
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
        settle(&rig);
        ended(&stream, RNL_OK);
        crash_and_start(&rig, false);
        struct outcome stats = get_stats(&rig.core, "s", 0, 0);
        assert_int_equal(stats_of(&stats)->value->count, 2);
        assert_int_equal(stats_of(&stats)->duplicate_batches, i);
        expect(stats, RNL_OK, NULL);
    }
    expect(outcome, RNL_OK, NULL);
    tear_down(&rig);
}

/* ---- a disk that is full ---- */

static void a_full_disk_loses_nothing(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream calls[3];
    set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    ingest_settled(&rig, &batch);
    begin_ingest(&rig, &batch, &calls[0]);
    batch_number(&batch, "p", 1);
    begin_ingest(&rig, &batch, &calls[1]);
    turn(&rig);
    fake_stats_complete(&rig.fake, RNL_RESOURCE_EXHAUSTED);
    /* It can be sent again; the other waits. */
    assert_int_equal(calls[1].retry_delay_ms, 1000);
    ended(&calls[1], RNL_RESOURCE_EXHAUSTED);
    assert_false(calls[0].finished);
    begin_ingest(&rig, &batch, &calls[1]);
    assert_int_equal(calls[1].retry_delay_ms, 1000);
    ended(&calls[1], RNL_RESOURCE_EXHAUSTED);
    begin_create(&rig, "t", &calls[1]);
    ended(&calls[1], RNL_RESOURCE_EXHAUSTED);
    is_missing(&rig, "t");
    has_events(&rig, "s", 3);

    fake_core_advance(&rig.core, SECOND / 2);
    assert_null(rig.fake.group);
    fake_core_advance(&rig.core, SECOND);
    fake_stats_complete(&rig.fake, RNL_RESOURCE_EXHAUSTED);
    fake_core_advance(&rig.core, 2 * SECOND);
    fake_stats_complete(&rig.fake, RNL_OK);
    ended(&calls[0], RNL_OK);
    begin_ingest(&rig, &batch, &calls[1]);
    settle(&rig);
    ended(&calls[1], RNL_OK);
    crash_and_start(&rig, false);
    struct outcome outcome = get_stats(&rig.core, "s", 0, 0);
    assert_int_equal(stats_of(&outcome)->count, 3);
    assert_int_equal(stats_of(&outcome)->duplicate_batches, 1);
    expect(outcome, RNL_OK, NULL);
    tear_down(&rig);
}

/* It ends while the disk is full: what was acknowledged is there. */
static void an_end_on_a_full_disk_keeps_what_was_acknowledged(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream call;
    set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    ingest_settled(&rig, &batch);
    begin_ingest(&rig, &batch, &call);
    fake_close(&call);
    rig.fake.flush_code = RNL_RESOURCE_EXHAUSTED;
    stop(&rig);
    rig.fake.flush_code = RNL_OK;
    start(&rig);
    has_events(&rig, "s", 1);
    tear_down(&rig);
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
    set_up(&rig);
    assert_int_equal(
        rnl_streams_take(rig.core.streams, "s", &batch, &taken, &error),
        RNL_OK);
    fake_core_advance(&rig.core, SECOND / 2);
    assert_null(rig.fake.group);
    fake_core_advance(&rig.core, SECOND);
    settle(&rig);
    crash_and_start(&rig, false);
    has_events(&rig, "s", 1);
    tear_down(&rig);
}

static void an_orderly_end_keeps_all(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream calls[2];
    set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    begin_ingest(&rig, &batch, &calls[0]);
    turn(&rig);
    begin_ingest(&rig, &batch, &calls[1]);
    fake_close(&calls[0]);
    fake_close(&calls[1]);
    stop(&rig);
    start(&rig);
    has_events(&rig, "s", 2);
    tear_down(&rig);
}

/* ---- a slow disk ---- */

static void senders_are_held_while_too_much_waits(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream call;
    Runnel__V1__IngestRequest request = RUNNEL__V1__INGEST_REQUEST__INIT;
    set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    request.batch = &batch.batch;
    fake_open(&call, &rig.core, &rnl_event_service, "Ingest");
    size_t sent = 0;
    while (!call.held) {
        fake_request(&call, &request.base);
        turn(&rig);
        assert_true(++sent < 100000);
    }
    settle(&rig);
    assert_false(call.held);
    assert_int_equal(call.sent_count, sent);
    fake_close(&call);
    has_events(&rig, "s", sent);
    tear_down(&rig);
}

/* ---- crashes at any moment ---- */

#define PRODUCERS 3
#define KEYS      50

struct producer {
    char id[8];
    uint64_t sequence;
    bool is_out;
    struct rnl_stream call;
};

static uint64_t chance;

static uint64_t roll(uint64_t sides)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (chance >> 11) % sides;
}

/* Events of a batch follow from its number. */
static uint64_t seed_of(const struct producer *from)
{
    return from->sequence * 7919 + (uint64_t)from->id[1] * 104729;
}

static size_t events_of(uint64_t seed)
{
    return 1 + seed % 40;
}

static size_t key_of(uint64_t seed, size_t i)
{
    return (seed + i * i) % KEYS;
}

static double value_of(uint64_t seed, size_t i)
{
    return (double)((seed * 31 + i) % 1000);
}

static void make_batch(struct event_batch *batch, const struct producer *from)
{
    char key[16];
    uint64_t seed = seed_of(from);
    batch_init(batch, "s");
    for (size_t i = 0; i < events_of(seed); i++) {
        snprintf(key, sizeof(key), "k%zu", key_of(seed, i));
        batch_add(batch, key, value_of(seed, i), 1);
    }
    batch_number(batch, from->id, from->sequence);
}

static void send(struct rig *rig, struct producer *producer)
{
    struct event_batch batch;
    if (producer->is_out)
        return;
    make_batch(&batch, producer);
    begin_ingest(rig, &batch, &producer->call);
    producer->is_out = true;
}

/* Takes answers; what failed is sent again, under its number. */
static void look(struct producer *producer)
{
    if (!producer->is_out || !producer->call.finished)
        return;
    assert_true(producer->call.code == RNL_OK ||
                producer->call.code == RNL_RESOURCE_EXHAUSTED);
    producer->sequence += producer->call.code == RNL_OK;
    producer->is_out = false;
    fake_close(&producer->call);
}

static void lose_calls(struct producer *producers)
{
    for (size_t i = 0; i < PRODUCERS; i++) {
        if (producers[i].is_out)
            fake_close(&producers[i].call);
        producers[i].is_out = false;
    }
}

static void some_event(struct rig *rig, struct producer *producers)
{
    uint64_t what = roll(20);
    if (what < 9) {
        send(rig, &producers[roll(PRODUCERS)]);
    } else if (what < 12) {
        turn(rig);
    } else if (what < 15) {
        if (rig->fake.group != NULL)
            fake_stats_complete(
                &rig->fake, roll(12) == 0 ? RNL_RESOURCE_EXHAUSTED : RNL_OK);
    } else if (what < 17) {
        fake_core_advance(&rig->core, (int64_t)roll(1500) * MS);
    } else if (what < 19) {
        struct outcome outcome = get_stats(&rig->core, "s", 60, 5);
        rnl_request_free(outcome.answer);
    } else {
        lose_calls(producers);
        crash_and_start(rig, roll(2) == 0);
    }
    for (size_t i = 0; i < PRODUCERS; i++)
        look(&producers[i]);
}

/* All that the producers were told, once. */
static void check_all(struct rig *rig, struct producer *producers)
{
    uint64_t count = 0;
    double sum = 0;
    uint64_t keys[KEYS] = {0};
    for (size_t p = 0; p < PRODUCERS; p++) {
        struct producer from = producers[p];
        for (from.sequence = 1; from.sequence < producers[p].sequence;
             from.sequence++) {
            uint64_t seed = seed_of(&from);
            for (size_t i = 0; i < events_of(seed); i++) {
                keys[key_of(seed, i)]++;
                sum += value_of(seed, i);
                count++;
            }
        }
    }
    struct outcome outcome = get_stats(&rig->core, "s", 0, KEYS);
    Runnel__V1__StreamStats *stats = stats_of(&outcome);
    assert_int_equal(stats->count, count);
    assert_true(stats->value->sum == sum);
    for (size_t i = 0; i < stats->n_top_keys; i++)
        assert_int_equal(stats->top_keys[i]->count,
                         keys[strtoul(stats->top_keys[i]->key + 1, NULL, 10)]);
    expect(outcome, RNL_OK, NULL);
}

static void crashes_at_any_moment_lose_and_double_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 25; seed++) {
        struct rig rig;
        struct producer producers[PRODUCERS] = {
            {.id = "p0", .sequence = 1},
            {.id = "p1", .sequence = 1},
            {.id = "p2", .sequence = 1},
        };
        chance = seed * UINT64_C(0x9E3779B97F4A7C15);
        set_up(&rig);
        for (size_t i = 0; i < 700; i++)
            some_event(&rig, producers);
        /* The end: what is out is answered, the rest is sent again. */
        fake_core_advance(&rig.core, 3 * SECOND);
        settle(&rig);
        for (size_t i = 0; i < PRODUCERS; i++) {
            look(&producers[i]);
            send(&rig, &producers[i]);
        }
        settle(&rig);
        for (size_t i = 0; i < PRODUCERS; i++)
            look(&producers[i]);
        crash_and_start(&rig, false);
        check_all(&rig, producers);
        tear_down(&rig);
    }
}

/* ---- as if it had not happened ---- */

static void same_answers(struct rig *a, struct rnl_core *b, const char *name)
{
    static const uint32_t windows[] = {0, 60, 300, 3600};
    for (size_t w = 0; w < 4; w++) {
        struct outcome x = get_stats(&a->core, name, windows[w], 100);
        struct outcome y = get_stats(b, name, windows[w], 100);
        uint8_t *bytes[2];
        size_t lens[2];
        assert_int_equal(x.code, RNL_OK);
        assert_int_equal(y.code, RNL_OK);
        lens[0] = protobuf_c_message_get_packed_size(x.answer);
        lens[1] = protobuf_c_message_get_packed_size(y.answer);
        assert_int_equal(lens[0], lens[1]);
        bytes[0] = malloc(lens[0]);
        bytes[1] = malloc(lens[1]);
        assert_true(bytes[0] != NULL && bytes[1] != NULL);
        protobuf_c_message_pack(x.answer, bytes[0]);
        protobuf_c_message_pack(y.answer, bytes[1]);
        assert_memory_equal(bytes[0], bytes[1], lens[0]);
        free(bytes[0]);
        free(bytes[1]);
        expect(x, RNL_OK, NULL);
        expect(y, RNL_OK, NULL);
    }
}

/* Beside a core that is never restarted: logs are replayed at the times that
 * things had, saves go on where they were. */
static void answers_are_as_if_nothing_had_happened(void **state)
{
    (void)state;
    static struct event_batch batch;
    struct rig rig;
    struct rnl_core other;
    set_up(&rig);
    streams_setup(&other);
    chance = 77;
    for (size_t i = 0; i < 800; i++) {
        size_t events = 1 + roll(roll(20) == 0 ? 2000 : 30);
        batch_init(&batch, "s");
        for (size_t e = 0; e < events; e++) {
            char key[16];
            snprintf(key, sizeof(key), "%d", (int)roll(1 + roll(4000)));
            batch_add(&batch, key, (double)roll(1000), (double)roll(100));
        }
        if (roll(3) == 0)
            batch_time(&batch, rig.core.wall_ns / MS - (int64_t)roll(90000));
        size_t times = 1;
        if (roll(4) == 0) {
            batch_number(&batch, "p", 1 + i);
            times += roll(2);
        }
        for (; times > 0; times--) {
            ingest_settled(&rig, &batch);
            expect(ingest(&other, &batch), RNL_OK, NULL);
        }
        if (roll(10) == 0) {
            int64_t ns = (int64_t)roll(8000) * MS;
            fake_core_advance(&rig.core, ns);
            settle(&rig);
            fake_core_advance(&other, ns);
        }
        /* Long silence that is looked at now and then: each look judges. */
        for (uint64_t looks = roll(60) == 0 ? 30 : 0; looks > 0; looks--) {
            fake_core_advance(&rig.core, 7 * SECOND);
            settle(&rig);
            fake_core_advance(&other, 7 * SECOND);
            same_answers(&rig, &other, "s");
        }
        if (roll(12) == 0)
            same_answers(&rig, &other, "s");
        if (roll(15) == 0)
            crash_and_start(&rig, false);
    }
    same_answers(&rig, &other, "s");
    assert_true(rig.fake.written[RNL_STATS_LOG] > 300);
    assert_true(rig.fake.written[RNL_STATS_SAVE] > 10);
    streams_teardown(&other);
    tear_down(&rig);
}

/* ---- clocks ---- */

static void a_clock_that_was_set_back_loses_nothing(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    ingest_settled(&rig, &batch);
    crash(&rig, false);
    rig.core.wall_ns -= 86400 * SECOND;
    start(&rig);
    ingest_settled(&rig, &batch);
    crash_and_start(&rig, false);
    struct outcome outcome = get_stats(&rig.core, "s", 60, 0);
    Runnel__V1__StreamStats *stats = stats_of(&outcome);
    /* Time does not go back: it is late, and in the figures of all time. */
    assert_int_equal(stats->count, 1);
    assert_int_equal(stats->late_events, 1);
    assert_int_equal(stats->end_time->seconds, START_MS / 1000);
    expect(outcome, RNL_OK, NULL);
    has_events(&rig, "s", 2);
    /* Back in its time, it goes on. */
    crash(&rig, false);
    rig.core.wall_ns += 86400 * SECOND;
    start(&rig);
    ingest_settled(&rig, &batch);
    outcome = get_stats(&rig.core, "s", 60, 0);
    assert_int_equal(stats_of(&outcome)->count, 2);
    expect(outcome, RNL_OK, NULL);
    tear_down(&rig);
}

static void a_clock_that_was_set_forward_empties_windows(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    ingest_settled(&rig, &batch);
    crash(&rig, false);
    rig.core.wall_ns += INT64_C(400) * 86400 * SECOND;
    start(&rig);
    struct outcome outcome = get_stats(&rig.core, "s", 3600, 0);
    assert_int_equal(stats_of(&outcome)->count, 0);
    expect(outcome, RNL_OK, NULL);
    ingest_settled(&rig, &batch);
    outcome = get_stats(&rig.core, "s", 3600, 0);
    assert_int_equal(stats_of(&outcome)->count, 1);
    assert_int_equal(stats_of(&outcome)->late_events, 0);
    expect(outcome, RNL_OK, NULL);
    has_events(&rig, "s", 2);
    tear_down(&rig);
}

/* ---- what is refused ---- */

static void does_not_start(struct rig *rig, enum rnl_code code)
{
    assert_int_equal(try_start(rig), code);
    fake_core_fini(&rig->core);
}

/* Every record, at some of its bytes. */
static void damage_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig);
    for (uint64_t i = 1; i <= 9; i++)
        (void)ingest_numbered(&rig, "a", i);
    crash(&rig, false);
    assert_non_null(fake_stats_find(&rig.fake, RNL_STATS_LOG, 0));
    for (size_t i = 0; i < rig.fake.count; i++) {
        struct fake_record *kept = &rig.fake.kept[i];
        size_t step = kept->record.len / 16 + 1;
        for (size_t at = 6; at < kept->record.len; at += step) {
            kept->data[at] ^= 0x41;
            if (kept->record.kind != RNL_STATS_STREAM)
                does_not_start(&rig, RNL_DATA_LOSS);
            else if (try_start(&rig) == RNL_OK)
                crash(&rig, false);
            else
                fake_core_fini(&rig.core);
            kept->data[at] ^= 0x41;
        }
    }
    start(&rig);
    has_events(&rig, "s", 9);
    tear_down(&rig);
}

static void a_later_version_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig);
    (void)ingest_numbered(&rig, "a", 1);
    (void)ingest_numbered(&rig, "a", 2);
    crash(&rig, false);
    struct fake_record *log = fake_stats_find(&rig.fake, RNL_STATS_LOG, 0);
    assert_non_null(log);
    log->data[4]++;
    does_not_start(&rig, RNL_UNIMPLEMENTED);
    log->data[4]--;
    start(&rig);
    tear_down(&rig);
}

/* ---- memory ---- */

/* Each allocation fails in turn: a batch is taken or refused, and what was
 * acknowledged is there afterwards, once. */
static void want_of_memory_loses_nothing(void **state)
{
    (void)state;
    for (size_t k = 1;; k++) {
        struct rig rig;
        struct event_batch batch;
        struct rnl_stream call;
        set_up(&rig);
        batch_one(&batch, "s", "k", 1);
        batch_number(&batch, "p", 1);
        fault_at(k, false);
        begin_ingest(&rig, &batch, &call);
        turn(&rig);
        bool over = fault_stop() < k;
        fake_core_advance(&rig.core, 2 * SECOND);
        settle(&rig);
        assert_true(call.finished);
        enum rnl_code code = call.code;
        assert_true(code == RNL_OK || code == RNL_RESOURCE_EXHAUSTED);
        fake_close(&call);
        crash_and_start(&rig, false);
        if (code == RNL_OK)
            has_events(&rig, "s", 1);
        begin_ingest(&rig, &batch, &call);
        settle(&rig);
        ended(&call, RNL_OK);
        has_events(&rig, "s", 1);
        tear_down(&rig);
        if (over)
            break;
    }
}

static void a_start_without_memory_says_so(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig);
    for (uint64_t i = 1; i <= 3; i++)
        (void)ingest_numbered(&rig, "a", i);
    crash(&rig, false);
    for (size_t k = 1;; k++) {
        fault_at(k, false);
        enum rnl_code code = try_start(&rig);
        bool over = fault_stop() < k;
        if (over) {
            assert_int_equal(code, RNL_OK);
            break;
        }
        if (code == RNL_OK)
            crash(&rig, false);
        else
            fake_core_fini(&rig.core);
        assert_true(code == RNL_OK || code == RNL_RESOURCE_EXHAUSTED);
    }
    has_events(&rig, "s", 3);
    tear_down(&rig);
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
        cmocka_unit_test(a_number_stays_taken_over_a_crash),
        cmocka_unit_test(a_merged_sketch_counts_once_over_a_crash),
        cmocka_unit_test(a_full_disk_loses_nothing),
        cmocka_unit_test(an_end_on_a_full_disk_keeps_what_was_acknowledged),
        cmocka_unit_test(unacknowledged_changes_are_saved_within_a_second),
        cmocka_unit_test(an_orderly_end_keeps_all),
        cmocka_unit_test(senders_are_held_while_too_much_waits),
        cmocka_unit_test(crashes_at_any_moment_lose_and_double_nothing),
        cmocka_unit_test(answers_are_as_if_nothing_had_happened),
        cmocka_unit_test(a_clock_that_was_set_back_loses_nothing),
        cmocka_unit_test(a_clock_that_was_set_forward_empties_windows),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(a_later_version_is_refused),
        cmocka_unit_test(want_of_memory_loses_nothing),
        cmocka_unit_test(a_start_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
