/* SPDX-License-Identifier: Apache-2.0 */
/* Credit in both directions, order and fairness of output, bounds of memory,
 * and what happens when there is none. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <runnel/v1/frame.pb-c.h>

#include "bounds.h"
#include "fault.h"
#include "peer.h"
#include "session_private.h"
#include "session_service.h"

static struct rnl_core *core;
static struct peer peer;

static int setup_core(void **state)
{
    (void)state;
    struct rnl_core_options options = peer_core_options();
    probe = (struct session_probe){0};
    peer = (struct peer){0};
    core = peer_core_create(&options);
    assert_non_null(core);
    rnl_methods_add(&core->rpc->methods, &session_test_service);
    return 0;
}

static void open_with(uint32_t credit, uint32_t frame_max)
{
    assert_true(peer_open(&peer, core));
    peer_hello(&peer, credit, frame_max);
    peer_expect(&peer, RNL_FRAME_HELLO);
}

static int setup(void **state)
{
    setup_core(state);
    open_with(0, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    peer_close(&peer);
    rnl_core_destroy(core);
    assert_true(probe.depth_max <= 1);
    return 0;
}

static void start_flow(uint32_t id, size_t len, int count)
{
    probe.message_len = len;
    probe.message_count = count;
    peer_call(&peer, id, "test/Flow", 0);
    peer_request(&peer, id, "", 0);
}

/* Fetches, and counts the messages of a stream; others fail the test. */
static int count_messages(uint32_t id)
{
    struct rnl_frame frame;
    int count = 0;
    peer_fetch(&peer);
    while (peer_next(&peer, &frame)) {
        assert_int_equal(frame.kind, RNL_FRAME_MESSAGE);
        assert_int_equal(frame.stream_id, id);
        count++;
    }
    return count;
}

/* --- credit that the peer grants --- */

/* 10 bytes of credit, messages of 4: the third may be sent whole while the
 * balance is 2, and leaves it at -2. */
static void a_balance_may_fall_below_zero_by_one_message(void **state)
{
    (void)state;
    open_with(10, 0);
    start_flow(1, 4, 100);
    assert_int_equal(count_messages(1), 3);
    peer_credit(&peer, 1, 2);
    assert_int_equal(count_messages(1), 0);
    assert_int_equal(probe.writables, 0);
    peer_credit(&peer, 1, 1);
    assert_int_equal(count_messages(1), 1);
    assert_int_equal(probe.writables, 1);
    peer_credit(&peer, 1, 11);
    assert_int_equal(count_messages(1), 2);
    assert_int_equal(probe.writables, 2);
}

static void the_status_needs_no_credit_but_comes_last(void **state)
{
    (void)state;
    open_with(1, 0);
    probe.message_len = 10;
    probe.message_count = 3;
    peer_call(&peer, 1, "test/Push", 0);
    peer_request(&peer, 1, "", 0);
    assert_int_equal(probe.closes, 1);
    assert_int_equal(count_messages(1), 1);
    peer_credit(&peer, 1, 9);
    assert_int_equal(count_messages(1), 0);
    peer_credit(&peer, 1, 1);
    assert_int_equal(count_messages(1), 1);
    peer_credit(&peer, 1, 10);
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_MESSAGE);
    assert_true(peer_next(&peer, &frame));
    assert_int_equal(frame.kind, RNL_FRAME_STATUS);
    assert_int_equal(core->rpc->stream_count, 0);
}

/* The handler has finished, and its Status waits behind a message. */
static void what_comes_after_the_end_does_not_change_it(void **state)
{
    (void)state;
    open_with(1, 0);
    probe.message_len = 10;
    probe.message_count = 2;
    peer_call(&peer, 1, "test/Push", 0);
    peer_request(&peer, 1, "", 0);
    assert_int_equal(count_messages(1), 1);
    peer_send(&peer, 1, RNL_FRAME_MESSAGE, "x", 1);
    peer_send(&peer, 1, RNL_FRAME_HALF_CLOSE, "", 0);
    assert_int_equal(count_messages(1), 0);
    peer_credit(&peer, 1, 10);
    peer_expect(&peer, RNL_FRAME_MESSAGE);
    peer_expect_status(&peer, 1, RNL_OK, "");
    assert_int_equal(probe.messages, 1);
    assert_int_equal(probe.closes, 1);
}

static void credit_beyond_31_bits_ends_the_stream(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Mirror", 0);
    peer_credit(&peer, 1, INT32_MAX - RNL_CREDIT_BYTES_DEFAULT);
    peer_expect_nothing(&peer);
    peer_credit(&peer, 1, 1);
    peer_expect_status(&peer, 1, RNL_INVALID_ARGUMENT,
                       "the balance of credit is above 2147483647");
    peer_call(&peer, 3, "test/Mirror", 0);
    peer_send(&peer, 3, RNL_FRAME_CREDIT, "\x08\xff\xff\xff\xff\x1f", 6);
    peer_expect_status(&peer, 3, RNL_INVALID_ARGUMENT,
                       "the Credit cannot be read");
    peer_call(&peer, 5, "test/Mirror", 0);
    peer_send(&peer, 5, RNL_FRAME_CREDIT, "\x0d\x00\x00\x01\x00", 5);
    peer_expect_status(&peer, 5, RNL_INVALID_ARGUMENT,
                       "the Credit cannot be read");
}

/* Without credit a Cancel must still be answered, at once. */
static void cancel_drops_what_waits_for_credit(void **state)
{
    (void)state;
    open_with(1, 0);
    probe.message_len = 1000;
    probe.message_count = 100;
    peer_call(&peer, 1, "test/Push", 0);
    peer_request(&peer, 1, "", 0);
    assert_int_equal(count_messages(1), 1);
    assert_int_equal(peer.session->queued_bytes, 99000);
    peer_send(&peer, 1, RNL_FRAME_CANCEL, "", 0);
    peer_expect_status(&peer, 1, RNL_CANCELLED, NULL);
    assert_int_equal(peer.session->queued_bytes, 0);
    assert_int_equal(core->rpc->stream_count, 0);
}

/* --- credit that the server grants --- */

static void consumed_messages_earn_new_credit(void **state)
{
    (void)state;
    static uint8_t data[RNL_CREDIT_BYTES_DEFAULT / 4];
    peer_call(&peer, 1, "test/Swallow", 0);
    peer_send(&peer, 1, RNL_FRAME_MESSAGE, data, sizeof(data));
    peer_expect_nothing(&peer);
    peer_send(&peer, 1, RNL_FRAME_MESSAGE, data, sizeof(data));
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_CREDIT);
    Runnel__V1__Credit *credit =
        runnel__v1__credit__unpack(NULL, frame.body_len, frame.body);
    assert_int_equal(frame.stream_id, 1);
    assert_int_equal(credit->bytes, 2 * sizeof(data));
    runnel__v1__credit__free_unpacked(credit, NULL);
    for (int i = 0; i < 100; i++)
        peer_send(&peer, 1, RNL_FRAME_MESSAGE, data, sizeof(data));
    peer_expect(&peer, RNL_FRAME_CREDIT);
    assert_int_equal(probe.messages, 102);
}

/* A handler that cannot keep up lets the peer wait. */
static void a_stream_that_is_held_earns_none(void **state)
{
    (void)state;
    static uint8_t data[RNL_CREDIT_BYTES_DEFAULT];
    peer_call(&peer, 1, "test/Keep", 0);
    peer_send(&peer, 1, RNL_FRAME_MESSAGE, "", 0);
    rnl_stream_hold(probe.held, true);
    peer_send(&peer, 1, RNL_FRAME_MESSAGE, data, sizeof(data));
    peer_expect_nothing(&peer);
    assert_int_equal(probe.messages, 2);
    rnl_stream_hold(probe.held, false);
    peer_expect(&peer, RNL_FRAME_CREDIT);
    rnl_stream_hold(probe.held, true);
    peer_send(&peer, 1, RNL_FRAME_MESSAGE, data, sizeof(data));
    peer_send(&peer, 1, RNL_FRAME_MESSAGE, "x", 1);
    assert_int_equal(probe.messages, 3);
    peer_expect_status(&peer, 1, RNL_RESOURCE_EXHAUSTED,
                       "a Message was sent without credit");
}

/* One whose answers are not taken is not granted more to send. */
static void a_peer_without_credit_of_its_own_overruns_ours(void **state)
{
    (void)state;
    static uint8_t data[RNL_CREDIT_BYTES_DEFAULT / 2];
    open_with(1, 0);
    peer_call(&peer, 1, "test/Mirror", 0);
    for (int i = 0; i < 2; i++)
        peer_send(&peer, 1, RNL_FRAME_MESSAGE, data, sizeof(data));
    assert_int_equal(count_messages(1), 1);
    peer_send(&peer, 1, RNL_FRAME_MESSAGE, "x", 1);
    assert_int_equal(probe.messages, 2);
    peer_expect_status(&peer, 1, RNL_RESOURCE_EXHAUSTED,
                       "a Message was sent without credit");
    peer_call(&peer, 3, "test/Mirror", 0);
    for (int i = 0; i < 2; i++)
        peer_send(&peer, 3, RNL_FRAME_MESSAGE, data, sizeof(data));
    peer_credit(&peer, 3, 10 * sizeof(data));
    peer_expect(&peer, RNL_FRAME_CREDIT);
    peer_send(&peer, 3, RNL_FRAME_MESSAGE, "x", 1);
    assert_int_equal(probe.messages, 5);
}

/* --- order and fairness --- */

static void streams_take_turns_message_by_message(void **state)
{
    (void)state;
    start_flow(1, 1000, 40);
    start_flow(3, 1000, 20);
    start_flow(5, 1000, 20);
    struct rnl_frame frame;
    int place = 0;
    peer_fetch(&peer);
    while (place < 60 && peer_next(&peer, &frame)) {
        assert_int_equal(frame.kind, RNL_FRAME_MESSAGE);
        assert_int_equal(frame.stream_id, 1 + 2 * (place % 3));
        place++;
        if (place == 57)
            break;
    }
    assert_int_equal(place, 57);
}

/* Two streams that could fill the connection for ever: woken in turn. */
static void handlers_that_wait_for_room_are_woken_in_turn(void **state)
{
    (void)state;
    open_with(INT32_MAX, 0);
    start_flow(1, 60000, 1000);
    start_flow(3, 60000, 1000);
    struct rnl_frame frame;
    int count[2] = {0, 0};
    peer_fetch(&peer);
    while (peer_next(&peer, &frame))
        if (frame.kind == RNL_FRAME_MESSAGE) {
            count[frame.stream_id / 2]++;
            assert_true(abs(count[0] - count[1]) <= 40);
            if (count[0] == 1000 || count[1] == 1000)
                break;
        }
    assert_true(count[0] > 900 && count[1] > 900);
}

/* A handler pauses when the connection's output is full, however much credit
 * it has; what waits is bounded. */
static void output_that_nobody_takes_is_bounded(void **state)
{
    (void)state;
    open_with(INT32_MAX, 0);
    start_flow(1, 10000, 1000000);
    start_flow(3, 10000, 1000000);
    assert_true(peer.session->queued_bytes <
                RNL_SESSION_OUTPUT_BYTES_MAX + 2 * 10000);
    assert_true(rnl_session_reading(peer.session));
    assert_int_equal(probe.writables, 0);
}

/* A stream without credit must not hold up the others. */
static void a_slow_reader_stops_its_own_stream_only(void **state)
{
    (void)state;
    open_with(100, 0);
    start_flow(1, 60, 1000);
    probe.message_len = 30000;
    probe.message_count = 200;
    peer_call(&peer, 3, "test/Push", 0);
    peer_request(&peer, 3, "", 0);
    assert_true(peer.session->queued_bytes > RNL_SESSION_OUTPUT_BYTES_MAX);
    assert_int_equal(probe.closes, 1);
    peer_fetch(&peer);
    peer_call(&peer, 5, "test/Flow", 0);
    probe.message_len = 10;
    probe.message_count = 5;
    peer_request(&peer, 5, "", 0);
    peer_expect_status(&peer, 5, RNL_OK, "");
}

static void one_buffer_goes_to_a_thousand_streams_uncopied(void **state)
{
    (void)state;
    enum { COUNT = 1000, LEN = 1000 };
    probe.shared = rnl_buf_create(LEN);
    assert_non_null(probe.shared);
    for (uint32_t i = 0; i < COUNT; i++)
        start_flow(2 * i + 1, LEN, 1);
    assert_int_equal(probe.shared->refs, 1 + COUNT);
    struct iovec iov[64];
    size_t messages = 0, count;
    while ((count = rnl_session_output(peer.session, iov, 64)) > 0) {
        size_t total = 0;
        for (size_t i = 0; i < count; i++) {
            total += iov[i].iov_len;
            if (iov[i].iov_len < LEN)
                continue;
            assert_ptr_equal(iov[i].iov_base, probe.shared->data);
            messages++;
        }
        rnl_session_wrote(peer.session, total);
    }
    assert_int_equal(messages, COUNT);
    assert_int_equal(probe.shared->refs, 1);
    rnl_buf_unref(probe.shared);
}

/* --- bounds --- */

static void an_answer_above_the_peers_frame_limit_ends_the_stream(void **state)
{
    (void)state;
    open_with(0, RNL_FRAME_BYTES_MIN);
    start_flow(1, RNL_FRAME_BYTES_MIN - RNL_FRAME_OVERHEAD_MAX, 1);
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_MESSAGE);
    assert_int_equal(frame.body_len,
                     RNL_FRAME_BYTES_MIN - RNL_FRAME_OVERHEAD_MAX);
    peer_expect_status(&peer, 1, RNL_OK, "");
    start_flow(3, RNL_FRAME_BYTES_MIN - RNL_FRAME_OVERHEAD_MAX + 1, 1);
    peer_expect_status(&peer, 3, RNL_RESOURCE_EXHAUSTED,
                       "the answer is larger than the frames that you accept");
    assert_int_equal(probe.last_code, RNL_RESOURCE_EXHAUSTED);
}

static void answers_without_credit_are_bounded(void **state)
{
    (void)state;
    open_with(1, 0);
    probe.message_len = 65536;
    probe.message_count = 2000;
    peer_call(&peer, 1, "test/Push", 0);
    peer_request(&peer, 1, "", 0);
    assert_true(peer.session->queued_bytes <=
                RNL_SESSION_QUEUE_BYTES_MAX + 65536);
    assert_int_equal(probe.last_code, RNL_RESOURCE_EXHAUSTED);
}

static void empty_answers_without_credit_are_bounded_too(void **state)
{
    (void)state;
    open_with(1, 0);
    peer_call(&peer, 1, "test/Mirror", 0);
    peer_send(&peer, 1, RNL_FRAME_MESSAGE, "xx", 2);
    for (int i = 0; i <= RNL_STREAM_QUEUE_COUNT_MAX; i++)
        peer_send(&peer, 1, RNL_FRAME_MESSAGE, "", 0);
    assert_int_equal(probe.last_code, RNL_RESOURCE_EXHAUSTED);
    assert_int_equal(probe.closes, 1);
}

static void requests_that_wait_for_their_half_close_are_bounded(void **state)
{
    (void)state;
    static uint8_t data[RNL_FRAME_BYTES_DEFAULT - 1024];
    uint32_t id = 1;
    for (; id < 100; id += 2) {
        peer_call(&peer, id, "test/Echo", 0);
        peer_send(&peer, id, RNL_FRAME_MESSAGE, data, sizeof(data));
        if (peer.notified)
            break;
    }
    assert_true(peer.session->request_bytes <= RNL_SESSION_REQUEST_BYTES_MAX);
    peer_expect_status(&peer, id, RNL_RESOURCE_EXHAUSTED,
                       "too many requests wait for their HalfClose");
    peer_send(&peer, 1, RNL_FRAME_CANCEL, "", 0);
    peer_expect_status(&peer, 1, RNL_CANCELLED, NULL);
    peer_call(&peer, id + 2, "test/Echo", 0);
    peer_send(&peer, id + 2, RNL_FRAME_MESSAGE, data, sizeof(data));
    peer_expect_nothing(&peer);
}

/* A length is a promise, not a reason to reserve memory. */
static void a_frame_begun_takes_memory_as_it_comes(void **state)
{
    (void)state;
    peer_feed(&peer, "\xff\xff\x3f\x08", 4);
    assert_true(peer.session->partial_cap < 64);
    static uint8_t data[1000];
    for (int i = 0; i < 100; i++)
        peer_feed(&peer, data, i == 0 ? 1 : sizeof(data));
    assert_true(peer.session->partial_cap < 4 * 100 * sizeof(data));
}

static void refused_calls_and_pings_unread_pause_reading(void **state)
{
    (void)state;
    uint32_t id = 1;
    while (rnl_session_reading(peer.session) && id < 100000) {
        peer_call(&peer, id, "x", 0);
        id += 2;
    }
    assert_true(id < 100000);
    assert_true(peer.session->control_bytes <
                RNL_SESSION_CONTROL_BYTES_MAX + 100);
    peer_fetch(&peer);
    assert_true(rnl_session_reading(peer.session));
    int pings = 0;
    while (rnl_session_reading(peer.session) && pings < 100000) {
        peer_send(&peer, 0, RNL_FRAME_PING, "", 0);
        pings++;
    }
    assert_true(pings < 100000);
    peer_fetch(&peer);
    assert_true(rnl_session_reading(peer.session));
}

static void large_answers_unread_pause_reading(void **state)
{
    (void)state;
    static uint8_t data[200 * 1024];
    uint32_t id = 1;
    for (; rnl_session_reading(peer.session) && id < 1000; id += 2) {
        peer_call(&peer, id, "test/Echo", 0);
        peer_request(&peer, id, data, sizeof(data));
    }
    assert_true(id < 100);
    peer_fetch(&peer);
    assert_true(rnl_session_reading(peer.session));
    assert_int_equal(peer.session->queued_bytes, 0);
    assert_int_equal(rnl_session_backlog(peer.session), 0);
}

/* --- out of memory --- */

/* Everything that a session allocates for, once. Where memory ends, calls or
 * the connection end, and nothing else. */
static void scenario(void)
{
    struct rnl_core_options options = peer_core_options();
    struct peer one = {0};
    probe = (struct session_probe){0};
    struct rnl_core *small = peer_core_create(&options);
    if (small == NULL)
        return;
    rnl_methods_add(&small->rpc->methods, &session_test_service);
    if (peer_open(&one, small)) {
        peer_hello(&one, 20, 0);
        for (uint32_t id = 1; id < 41; id += 2) {
            static const char *const methods[] = {"test/Echo", "test/Flow",
                                                  "test/Push", "test/Mirror",
                                                  "test/Nothing"};
            peer_call(&one, id, methods[id / 2 % 5], 1000);
            probe.message_len = 10;
            probe.message_count = 6;
            peer_send(&one, id, RNL_FRAME_MESSAGE, "request", 7);
            peer_send(&one, id, RNL_FRAME_HALF_CLOSE, "", 0);
            peer_credit(&one, id, 10);
        }
        Runnel__V1__Call call = RUNNEL__V1__CALL__INIT;
        Runnel__V1__Call__MetadataEntry entry =
            RUNNEL__V1__CALL__METADATA_ENTRY__INIT;
        Runnel__V1__Call__MetadataEntry *entries[] = {&entry};
        call.method = (char *)"runnel.v1.AdminService/GetInfo";
        entry.key = (char *)"key";
        entry.value = (char *)"value";
        call.metadata = entries;
        call.n_metadata = 1;
        peer_send_packed(&one, 41, RNL_FRAME_CALL, &call.base);
        peer_request(&one, 41, "", 0);
        peer_fetch(&one);
        peer_feed(&one, "\x40\x08", 2);
        peer_advance(small, 2000);
        peer_fetch(&one);
        rnl_core_drain(small);
        peer_fetch(&one);
        peer_close(&one);
    }
    assert_int_equal(small->rpc->stream_count, 0);
    rnl_core_destroy(small);
}

static void memory_that_ends_anywhere_ends_a_call_or_connection(void **state)
{
    (void)state;
    fault_everywhere(scenario, 61, 5000);
}

/* Another connection is not touched by it. */
static void memory_that_ends_for_one_call_spares_the_next(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Echo", 0);
    fault_at(1, true);
    peer_request(&peer, 1, "hi", 2);
    fault_stop();
    peer_expect_status(&peer, 1, RNL_RESOURCE_EXHAUSTED, NULL);
    peer_call(&peer, 3, "test/Echo", 0);
    peer_request(&peer, 3, "hi", 2);
    peer_expect(&peer, RNL_FRAME_MESSAGE);
    peer_expect_status(&peer, 3, RNL_OK, "");
}

/* --- hostile conversations --- */

/* Frames of all kinds in random order, with random faults: whatever comes, the
 * books must balance at the end. */
static void random_frame(unsigned *seed)
{
    static const char *const methods[] = {
        "test/Echo", "test/Flow", "test/Mirror", "test/Swallow", "test/Hold"};
    uint32_t id = (uint32_t)rand_r(seed) % 40;
    uint8_t body[16];
    size_t len = (size_t)rand_r(seed) % sizeof(body);
    for (size_t i = 0; i < len; i++)
        body[i] = (uint8_t)rand_r(seed);
    int dice = rand_r(seed) % 100;
    if (dice < 35)
        peer_call(&peer,
                  peer.session->last_stream_id + 1 +
                      peer.session->last_stream_id % 2,
                  methods[id % 5], id % 3 == 0 ? 5 : 0);
    else if (dice < 55)
        peer_send(&peer, id | 1, RNL_FRAME_MESSAGE, body, len);
    else if (dice < 70)
        peer_send(&peer, id | 1, RNL_FRAME_HALF_CLOSE, body, len % 2);
    else if (dice < 80)
        peer_send(&peer, id | 1, RNL_FRAME_CANCEL, "", 0);
    else if (dice < 90)
        peer_credit(&peer, id | 1, id * 10);
    else if (dice < 98)
        peer_advance(core, 1);
    else
        peer_send(&peer, id, (enum rnl_frame_kind)(2 + dice % 10), body, len);
}

static void random_conversations_leave_nothing_behind(void **state)
{
    (void)state;
    /* Those of a core without sessions, and that of its own measures. */
    size_t timers = core->timers.count;
    for (unsigned round = 0; round < 300; round++) {
        unsigned seed = round;
        probe = (struct session_probe){.message_len = 50, .message_count = 9};
        open_with(round % 7 * 40, 0);
        for (int i = 0; i < 300; i++) {
            random_frame(&seed);
            if (rand_r(&seed) % 4 == 0)
                peer_fetch(&peer);
        }
        struct rnl_session *session = peer.session;
        if (rnl_session_done(session))
            assert_int_equal(session->stream_count, 0);
        if (session->stream_count == 0)
            assert_int_equal(session->queued_bytes, 0);
        peer_close(&peer);
        assert_int_equal(core->rpc->stream_count, 0);
        assert_in_range(core->timers.count, timers, timers + 1);
        assert_true(probe.depth_max <= 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_CORE(name) \
    cmocka_unit_test_setup_teardown(name, setup_core, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CORE(a_balance_may_fall_below_zero_by_one_message),
        TEST_CORE(the_status_needs_no_credit_but_comes_last),
        TEST_CORE(what_comes_after_the_end_does_not_change_it),
        TEST(credit_beyond_31_bits_ends_the_stream),
        TEST_CORE(cancel_drops_what_waits_for_credit),
        TEST(consumed_messages_earn_new_credit),
        TEST(a_stream_that_is_held_earns_none),
        TEST_CORE(a_peer_without_credit_of_its_own_overruns_ours),
        TEST(streams_take_turns_message_by_message),
        TEST_CORE(handlers_that_wait_for_room_are_woken_in_turn),
        TEST_CORE(output_that_nobody_takes_is_bounded),
        TEST_CORE(a_slow_reader_stops_its_own_stream_only),
        TEST(one_buffer_goes_to_a_thousand_streams_uncopied),
        TEST_CORE(an_answer_above_the_peers_frame_limit_ends_the_stream),
        TEST_CORE(answers_without_credit_are_bounded),
        TEST_CORE(empty_answers_without_credit_are_bounded_too),
        TEST(requests_that_wait_for_their_half_close_are_bounded),
        TEST(a_frame_begun_takes_memory_as_it_comes),
        TEST(refused_calls_and_pings_unread_pause_reading),
        TEST(large_answers_unread_pause_reading),
        cmocka_unit_test(memory_that_ends_anywhere_ends_a_call_or_connection),
        TEST(memory_that_ends_for_one_call_spares_the_next),
        TEST_CORE(random_conversations_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
