/* SPDX-License-Identifier: Apache-2.0 */
/* Watching jobs: replay, live, lagging and stopped watchers. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "core.h"
#include "engine.h"
#include "fault.h"
#include "job_fixture.h"
#include "watch_encode.h"

#define WATCHER_COUNT 1000

static char text[20001];

static void fill_text(void)
{
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = (char)('a' + (i * 7 + i / 26) % 26);
}

/* A job that echoes len bytes of text in chunks with a pace. */
static void create_echo(struct rnl_core *core, size_t len, const char *chunk,
                        const char *pace, char id[RNL_JOB_ID_LEN + 1])
{
    static char input[sizeof(text)];
    fill_text();
    memcpy(input, text, len);
    input[len] = '\0';
    struct job_request request;
    job_request_init(&request, "echo", input);
    job_request_option(&request, "chunk_bytes", chunk);
    job_request_option(&request, "pace_ms", pace);
    job_create(core, &request, id);
}

static void check_output(const struct rnl_stream *stream, uint64_t after,
                         const char *expected, size_t expected_len)
{
    size_t len;
    char *output = watched_output(stream, after, &len);
    assert_int_equal(len, expected_len);
    assert_memory_equal(output, expected, len);
    free(output);
}

static void a_watcher_sees_every_event_and_the_end(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    char id[RNL_JOB_ID_LEN + 1];
    create_echo(&core, 48, "16", "10", id);
    struct rnl_stream stream;
    job_watch(&stream, &core, id, 0);
    fake_core_advance(&core, SECOND);
    assert_true(stream.finished);
    assert_int_equal(stream.code, RNL_OK);
    check_output(&stream, 0, text, 48);

    static const int cases[] = {
        RUNNEL__V1__JOB_EVENT__PAYLOAD_STATE,
        RUNNEL__V1__JOB_EVENT__PAYLOAD_STATE,
        RUNNEL__V1__JOB_EVENT__PAYLOAD_DELTA,
        RUNNEL__V1__JOB_EVENT__PAYLOAD_PROGRESS,
        RUNNEL__V1__JOB_EVENT__PAYLOAD_DELTA,
        RUNNEL__V1__JOB_EVENT__PAYLOAD_PROGRESS,
        RUNNEL__V1__JOB_EVENT__PAYLOAD_DELTA,
        RUNNEL__V1__JOB_EVENT__PAYLOAD_PROGRESS,
        RUNNEL__V1__JOB_EVENT__PAYLOAD_STATE,
    };
    assert_int_equal(stream.sent_count, sizeof(cases) / sizeof(cases[0]));
    for (size_t i = 0; i < stream.sent_count; i++) {
        Runnel__V1__WatchJobResponse *response = watched(&stream, i);
        assert_int_equal(response->event->payload_case, cases[i]);
        assert_int_equal(response->event->sequence, i + 1);
        assert_int_equal(response->event->first_sequence, 0);
        assert_true(response->event->time->seconds >= 1700000000);
        rnl_request_free(response);
    }
    Runnel__V1__WatchJobResponse *last = watched(&stream, 8);
    assert_int_equal(last->event->state->state,
                     RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED);
    rnl_request_free(last);
    fake_close(&stream);
    jobs_teardown(&core);
}

/* The hand-made encoding is what protobuf-c makes of the same event. */
static void the_encoding_is_canonical(void **state)
{
    (void)state;
    static const enum rnl_event_type types[] = {
        RNL_EVENT_TEXT,  RNL_EVENT_DATA, RNL_EVENT_PROGRESS,
        RNL_EVENT_STATE, RNL_EVENT_LOG,  RNL_EVENT_END,
    };
    static const size_t lens[] = {0, 1, 127, 128, 300, 20000};
    static const int64_t times[] = {0, 1, 1700000000123456789};
    static const uint64_t sequences[] = {1, 127, 128, UINT64_MAX};
    for (size_t i = 0; i < 6 * 6 * 3 * 4; i++) {
        struct rnl_event event = {
            .type = types[i % 6],
            .len = lens[i / 6 % 6],
            .time_ns = times[i / 36 % 3],
            .sequence = sequences[i / 108],
            .data = (const uint8_t *)text,
        };
        fill_text();
        if (event.type != RNL_EVENT_TEXT && event.type != RNL_EVENT_DATA)
            event.len = 0;
        struct rnl_buf *buf = rnl_watch_encode(&event, i % 2 * 77);
        assert_non_null(buf);
        assert_in_range(buf->len, 0, event.len + RNL_WATCH_ENCODE_OVERHEAD);
        Runnel__V1__WatchJobResponse *response =
            runnel__v1__watch_job_response__unpack(&rnl_pb_allocator, buf->len,
                                                   buf->data);
        assert_non_null(response);
        assert_int_equal(response->event->sequence, event.sequence);
        assert_int_equal(response->event->first_sequence, i % 2 * 77);
        assert_int_equal(response->event->time->seconds * SECOND +
                             response->event->time->nanos,
                         event.time_ns);
        struct rnl_buf *again = rnl_buf_pack(&response->base);
        assert_int_equal(again->len, buf->len);
        assert_memory_equal(again->data, buf->data, buf->len);
        rnl_buf_unref(again);
        rnl_buf_unref(buf);
        rnl_request_free(response);
    }
}

/* Joined at any event, a watch cut in two gives the same output. */
static void a_watch_resumes_exactly_anywhere(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    char id[RNL_JOB_ID_LEN + 1];
    create_echo(&core, 640, "16", "0", id);
    fake_core_advance(&core, SECOND);
    Runnel__V1__GetJobResponse *job = job_get(&core, id, false);
    uint64_t last = job->job->last_sequence;
    rnl_request_free(job);
    assert_true(last > 40);
    struct rnl_stream whole;
    job_watch(&whole, &core, id, 0);
    check_output(&whole, 0, text, 640);
    fake_close(&whole);
    size_t before = 640;
    for (uint64_t after = 0; after <= last; after++) {
        struct rnl_stream stream;
        job_watch(&stream, &core, id, after);
        assert_true(stream.finished);
        assert_int_equal(stream.code, RNL_OK);
        size_t len;
        char *output = watched_output(&stream, after, &len);
        assert_true(len <= before);
        assert_memory_equal(output, text + 640 - len, len);
        before = len;
        free(output);
        fake_close(&stream);
    }
    assert_int_equal(before, 0);
    jobs_teardown(&core);
}

static void a_cursor_outside_the_log_is_out_of_range(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    char id[RNL_JOB_ID_LEN + 1];
    create_echo(&core, 48, "16", "1000", id);
    struct rnl_stream stream;
    job_watch(&stream, &core, id, 99);
    assert_int_equal(stream.code, RNL_OUT_OF_RANGE);
    assert_int_equal(stream.first_available, 1);
    fake_close(&stream);
    job_watch(&stream, &core, "00000000000000000000000000", 0);
    assert_int_equal(stream.code, RNL_NOT_FOUND);
    fake_close(&stream);
    jobs_teardown(&core);
}

/* ---- many watchers ---- */

static void a_thousand_watchers_get_the_same_bytes(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    char id[RNL_JOB_ID_LEN + 1];
    create_echo(&core, 1600, "16", "10", id);
    static struct rnl_stream streams[WATCHER_COUNT];
    size_t opened = 0;
    /* They come one after the other while the job runs. */
    while (opened < WATCHER_COUNT) {
        job_watch(&streams[opened++], &core, id, 0);
        fake_core_advance(&core, MS);
    }
    fake_core_advance(&core, 10 * SECOND);
    for (size_t i = 0; i < WATCHER_COUNT; i++) {
        assert_true(streams[i].finished);
        assert_int_equal(streams[i].code, RNL_OK);
        check_output(&streams[i], 0, text, 1600);
    }
    for (size_t i = 0; i < WATCHER_COUNT; i++)
        fake_close(&streams[i]);
    jobs_teardown(&core);
}

/* Watchers at the head share one encoded event. */
static void an_event_is_encoded_once_for_all(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    char id[RNL_JOB_ID_LEN + 1];
    create_echo(&core, 160, "16", "10", id);
    static struct rnl_stream streams[WATCHER_COUNT];
    for (size_t i = 0; i < WATCHER_COUNT; i++)
        job_watch(&streams[i], &core, id, 0);
    fake_core_advance(&core, 55 * MS);
    for (size_t i = 1; i < WATCHER_COUNT; i++) {
        assert_int_equal(streams[i].sent_count, streams[0].sent_count);
        for (size_t k = 0; k < streams[0].sent_count; k++)
            assert_ptr_equal(streams[i].sent[k], streams[0].sent[k]);
    }
    for (size_t i = 0; i < WATCHER_COUNT; i++)
        fake_close(&streams[i]);
    jobs_teardown(&core);
}

/* A job that makes many events a turn: watchers lag together, and share what
 * is joined for them. */
static void a_joined_delta_is_encoded_once_for_all(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    char id[RNL_JOB_ID_LEN + 1];
    create_echo(&core, 20000, "16", "0", id);
    struct rnl_stream streams[10];
    size_t replayed[10];
    for (size_t i = 0; i < 10; i++) {
        job_watch(&streams[i], &core, id, 0);
        replayed[i] = streams[i].sent_count;
    }
    fake_core_advance(&core, SECOND);
    bool shared = false;
    size_t live = streams[0].sent_count - replayed[0];
    for (size_t i = 0; i < 10; i++) {
        check_output(&streams[i], 0, text, 20000);
        assert_int_equal(streams[i].sent_count - replayed[i], live);
        for (size_t k = 0; k < live; k++) {
            struct rnl_buf *buf = streams[i].sent[replayed[i] + k];
            assert_ptr_equal(buf, streams[0].sent[replayed[0] + k]);
            shared = shared || buf->len > 500;
        }
    }
    assert_true(shared);
    for (size_t i = 0; i < 10; i++)
        fake_close(&streams[i]);
    jobs_teardown(&core);
}

/* One that does not read costs no allocation, delays nobody, and gets all in
 * the end. */
static void a_watcher_that_stops_reading_costs_nothing(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    char id[RNL_JOB_ID_LEN + 1];
    create_echo(&core, 16000, "16", "1", id);
    struct rnl_stream quick;
    struct rnl_stream slow;
    job_watch(&quick, &core, id, 0);
    job_watch(&slow, &core, id, 0);
    fake_core_advance(&core, 10 * MS);
    slow.room = 0;
    size_t held = slow.sent_count;
    fake_core_advance(&core, 500 * MS);
    size_t got = quick.sent_count;
    assert_true(got > 500);

    /* The same second with and without the slow one takes the same number of
     * allocations. */
    fault_count();
    fake_core_advance(&core, 200 * MS);
    size_t with_slow = fault_stop();
    assert_int_equal(slow.sent_count, held);
    assert_in_range(with_slow, 200, 230);
    fake_core_advance(&core, 10 * SECOND);
    assert_true(quick.finished);
    assert_false(slow.finished);
    check_output(&quick, 0, text, 16000);

    fake_give_room(&slow, 3);
    fake_give_room(&slow, SIZE_MAX);
    assert_true(slow.finished);
    assert_int_equal(slow.code, RNL_OK);
    check_output(&slow, 0, text, 16000);
    /* Joined, it needed far fewer messages. */
    assert_in_range(slow.sent_count, held + 1, 100);
    fake_close(&quick);
    fake_close(&slow);
    jobs_teardown(&core);
}

static void joined_deltas_are_text_only_if_all_are(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    /* 50 chunks of text, one that is not, then text again. */
    static uint8_t data[1616];
    memset(data, 'x', sizeof(data));
    data[805] = 0xff;
    struct job_request request;
    job_request_init(&request, "echo", NULL);
    job_request_data(&request, data, sizeof(data), "application/octet-stream");
    char id[RNL_JOB_ID_LEN + 1];
    job_create(&core, &request, id);
    fake_core_advance(&core, SECOND);
    struct rnl_stream stream;
    job_watch(&stream, &core, id, 0);
    bool saw_text = false;
    bool saw_data = false;
    for (size_t i = 0; i < stream.sent_count; i++) {
        Runnel__V1__WatchJobResponse *response = watched(&stream, i);
        if (response->event->payload_case ==
            RUNNEL__V1__JOB_EVENT__PAYLOAD_DELTA) {
            bool is_text = response->event->delta->content_case ==
                           RUNNEL__V1__OUTPUT_DELTA__CONTENT_TEXT;
            saw_text = saw_text || is_text;
            saw_data = saw_data || !is_text;
        }
        rnl_request_free(response);
    }
    assert_true(saw_text);
    assert_true(saw_data);
    check_output(&stream, 0, (const char *)data, sizeof(data));
    fake_close(&stream);
    jobs_teardown(&core);
}

/* A client may accept small frames only: nothing sent is above its limit. */
static void a_joined_delta_fits_the_frames_of_its_watcher(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    char id[RNL_JOB_ID_LEN + 1];
    create_echo(&core, 20000, "100", "0", id);
    fake_core_advance(&core, SECOND);
    struct rnl_stream stream;
    fake_open(&stream, &core, &rnl_job_service, "WatchJob");
    stream.message_max = 1000;
    Runnel__V1__WatchJobRequest request = RUNNEL__V1__WATCH_JOB_REQUEST__INIT;
    request.job_id = id;
    fake_request(&stream, &request.base);
    assert_true(stream.finished);
    assert_int_equal(stream.code, RNL_OK);
    check_output(&stream, 0, text, 20000);
    fake_close(&stream);
    jobs_teardown(&core);
}

static void a_cancel_is_seen_by_all_watchers_at_once(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    char id[RNL_JOB_ID_LEN + 1];
    create_echo(&core, 1600, "16", "1000", id);
    static struct rnl_stream streams[10];
    for (size_t i = 0; i < 10; i++)
        job_watch(&streams[i], &core, id, 0);
    fake_core_advance(&core, 2500 * MS);
    assert_int_equal(job_cancel(&core, id, "stop"), RNL_OK);
    fake_core_advance(&core, 0);
    for (size_t i = 0; i < 10; i++) {
        assert_true(streams[i].finished);
        assert_int_equal(streams[i].code, RNL_OK);
        Runnel__V1__WatchJobResponse *last =
            watched(&streams[i], streams[i].sent_count - 1);
        assert_int_equal(last->event->state->state,
                         RUNNEL__V1__JOB_STATE__JOB_STATE_CANCELLED);
        assert_string_equal(last->event->state->error->message, "stop");
        rnl_request_free(last);
        fake_close(&streams[i]);
    }
    jobs_teardown(&core);
}

static void watchers_of_a_removed_job_are_told(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    char id[RNL_JOB_ID_LEN + 1];
    create_echo(&core, 1600, "16", "0", id);
    fake_core_advance(&core, SECOND);
    struct rnl_stream stream;
    fake_open(&stream, &core, &rnl_job_service, "WatchJob");
    stream.room = 2;
    Runnel__V1__WatchJobRequest request = RUNNEL__V1__WATCH_JOB_REQUEST__INIT;
    request.job_id = id;
    fake_request(&stream, &request.base);
    assert_false(stream.finished);
    assert_int_equal(job_delete(&core, id), RNL_OK);
    fake_core_advance(&core, 0);
    assert_true(stream.finished);
    assert_int_equal(stream.code, RNL_NOT_FOUND);
    fake_give_room(&stream, 10);
    assert_int_equal(stream.sent_count, 2);
    fake_close(&stream);
    jobs_teardown(&core);
}

/* ---- at random ---- */

static uint64_t seed_state;

static uint64_t draw(uint64_t below)
{
    seed_state =
        seed_state * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (seed_state >> 33) % below;
}

/* A watcher that may stop, go on in small steps, and reconnect. */
struct wanderer {
    struct rnl_stream stream;
    uint64_t after;
    char output[sizeof(text)];
    size_t len;
};

/* Moves what came into the wanderer, and opens its watch again. */
static void reconnect(struct wanderer *wanderer, struct rnl_core *core,
                      const char *id)
{
    size_t len;
    char *output = watched_output(&wanderer->stream, wanderer->after, &len);
    memcpy(wanderer->output + wanderer->len, output, len);
    wanderer->len += len;
    free(output);
    if (wanderer->stream.sent_count > 0) {
        Runnel__V1__WatchJobResponse *last =
            watched(&wanderer->stream, wanderer->stream.sent_count - 1);
        wanderer->after = last->event->sequence;
        rnl_request_free(last);
    }
    fake_close(&wanderer->stream);
    job_watch(&wanderer->stream, core, id, wanderer->after);
}

static void wander(struct wanderer *wanderer, struct rnl_core *core,
                   const char *id)
{
    switch (draw(4)) {
    case 0:
        wanderer->stream.room = 0;
        break;
    case 1:
        fake_give_room(&wanderer->stream, 1 + draw(5));
        break;
    case 2:
        fake_give_room(&wanderer->stream, SIZE_MAX);
        break;
    default:
        reconnect(wanderer, core, id);
    }
}

/* Whatever watchers do, their parts join to the output, from any seed. */
static void watchers_that_come_and_go_miss_nothing(void **state)
{
    (void)state;
    static struct wanderer wanderers[8];
    static const char *const paces[] = {"0", "1", "7"};
    for (uint64_t seed = 1; seed <= 60; seed++) {
        seed_state = seed;
        struct rnl_core core;
        jobs_setup(&core);
        char id[RNL_JOB_ID_LEN + 1];
        create_echo(&core, 8000, seed % 2 == 0 ? "16" : "100", paces[seed % 3],
                    id);
        for (size_t i = 0; i < 8; i++) {
            wanderers[i].after = 0;
            wanderers[i].len = 0;
            job_watch(&wanderers[i].stream, &core, id, 0);
        }
        for (int i = 0; i < 400; i++) {
            fake_core_advance(&core, (int64_t)draw(12) * MS);
            wander(&wanderers[draw(8)], &core, id);
        }
        fake_core_advance(&core, 60 * SECOND);
        for (size_t i = 0; i < 8; i++) {
            fake_give_room(&wanderers[i].stream, SIZE_MAX);
            assert_true(wanderers[i].stream.finished);
            assert_int_equal(wanderers[i].stream.code, RNL_OK);
            reconnect(&wanderers[i], &core, id);
            fake_close(&wanderers[i].stream);
            if (wanderers[i].len != 8000 ||
                memcmp(wanderers[i].output, text, 8000) != 0)
                fail_msg("seed %u, watcher %zu", (unsigned)seed, i);
        }
        jobs_teardown(&core);
    }
}

/* ---- a store that trims ---- */

static struct rnl_store_ops trimming;
static const struct rnl_store_ops *real_ops;
static uint64_t first_kept;

static enum rnl_code trimmed_log(struct rnl_store *store, const char *job_id,
                                 struct rnl_store_log *ret_log)
{
    enum rnl_code code = real_ops->log(store, job_id, ret_log);
    ret_log->first_sequence = first_kept;
    return code;
}

static enum rnl_code trimmed_read(struct rnl_store *store, const char *job_id,
                                  uint64_t after, size_t bytes_max,
                                  struct rnl_store_page *ret_page)
{
    if (after + 1 < first_kept)
        return RNL_OUT_OF_RANGE;
    return real_ops->read(store, job_id, after, bytes_max, ret_page);
}

/* A durable store may forget old events, also while they are being watched. */
static void events_that_are_no_longer_kept_are_out_of_range(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct rnl_store *store = core.jobs->store;
    real_ops = store->ops;
    trimming = *real_ops;
    trimming.log = trimmed_log;
    trimming.read = trimmed_read;
    store->ops = &trimming;
    first_kept = 1;
    char id[RNL_JOB_ID_LEN + 1];
    create_echo(&core, 1600, "16", "0", id);
    fake_core_advance(&core, SECOND);
    struct rnl_stream slow;
    fake_open(&slow, &core, &rnl_job_service, "WatchJob");
    slow.room = 2;
    Runnel__V1__WatchJobRequest request = RUNNEL__V1__WATCH_JOB_REQUEST__INIT;
    request.job_id = id;
    fake_request(&slow, &request.base);
    first_kept = 50;
    fake_give_room(&slow, 10);
    assert_int_equal(slow.code, RNL_OUT_OF_RANGE);
    assert_int_equal(slow.first_available, 50);
    fake_close(&slow);
    struct rnl_stream stream;
    job_watch(&stream, &core, id, 48);
    assert_int_equal(stream.code, RNL_OUT_OF_RANGE);
    assert_int_equal(stream.first_available, 50);
    fake_close(&stream);
    job_watch(&stream, &core, id, 49);
    assert_int_equal(stream.code, RNL_OK);
    fake_close(&stream);
    jobs_teardown(&core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watcher_sees_every_event_and_the_end),
        cmocka_unit_test(the_encoding_is_canonical),
        cmocka_unit_test(a_watch_resumes_exactly_anywhere),
        cmocka_unit_test(a_cursor_outside_the_log_is_out_of_range),
        cmocka_unit_test(a_thousand_watchers_get_the_same_bytes),
        cmocka_unit_test(an_event_is_encoded_once_for_all),
        cmocka_unit_test(a_joined_delta_is_encoded_once_for_all),
        cmocka_unit_test(a_watcher_that_stops_reading_costs_nothing),
        cmocka_unit_test(joined_deltas_are_text_only_if_all_are),
        cmocka_unit_test(a_joined_delta_fits_the_frames_of_its_watcher),
        cmocka_unit_test(a_cancel_is_seen_by_all_watchers_at_once),
        cmocka_unit_test(watchers_of_a_removed_job_are_told),
        cmocka_unit_test(watchers_that_come_and_go_miss_nothing),
        cmocka_unit_test(events_that_are_no_longer_kept_are_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
