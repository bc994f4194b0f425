/* SPDX-License-Identifier: Apache-2.0 */
/* Large frames read straight behind their begin: the bytes are those sent,
 * however they were cut, and the memory is bounded and used again. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "fault.h"
#include "peer.h"
#include "session_private.h"
#include "session_service.h"

#define FRAME_BYTES 300000

static struct rnl_core *core;
static struct peer peer;
static uint8_t *payload;

/* What one read of a transport brings at most. */
static size_t read_max;
/* Bytes that went into room lent. */
static size_t roomed;

static int setup(void **state)
{
    (void)state;
    struct rnl_core_options options = peer_core_options();
    probe = (struct session_probe){0};
    peer = (struct peer){0};
    core = peer_core_create(&options);
    assert_non_null(core);
    rnl_methods_add(&core->rpc->methods, &session_test_service);
    assert_true(peer_open(&peer, core));
    peer_hello(&peer, 1 << 30, 0);
    peer_expect(&peer, RNL_FRAME_HELLO);
    payload = malloc(FRAME_BYTES);
    assert_non_null(payload);
    for (size_t i = 0; i < FRAME_BYTES; i++)
        payload[i] = (uint8_t)(i * 2654435761u >> 13);
    read_max = 65536;
    roomed = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    peer_close(&peer);
    rnl_core_destroy(core);
    free(payload);
    return 0;
}

/* One read(2), as conn.c does it. Returns what it took. */
static size_t read_once(const uint8_t *data, size_t len)
{
    uint8_t *room;
    size_t size = rnl_session_room(peer.session, &room);
    size_t take = len < read_max ? len : read_max;
    if (size == 0) {
        peer_feed(&peer, data, take);
        return take;
    }
    take = take < size ? take : size;
    memcpy(room, data, take);
    rnl_session_filled(peer.session, take);
    roomed += take;
    return take;
}

static void read_all(const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t taken = read_once(data, len);
        data += taken;
        len -= taken;
    }
}

/* Sends the payload on test/Mirror and demands it back. */
static void mirror(uint32_t id)
{
    uint8_t *bytes = malloc(RNL_FRAME_HEAD_MAX + FRAME_BYTES + 2);
    assert_non_null(bytes);
    size_t head = rnl_frame_head(bytes, id, RNL_FRAME_MESSAGE, FRAME_BYTES);
    memcpy(bytes + head, payload, FRAME_BYTES);
    read_all(bytes, head + FRAME_BYTES);
    free(bytes);
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_MESSAGE);
    assert_int_equal(frame.stream_id, id);
    assert_int_equal(frame.body_len, FRAME_BYTES);
    assert_memory_equal(frame.body, payload, FRAME_BYTES);
}

static void a_large_frame_is_read_in_place_and_stays_whole(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Mirror", 0);
    for (int i = 0; i < 3; i++)
        mirror(1);
    /* All but the first read of each. */
    assert_true(roomed >= (size_t)3 * (FRAME_BYTES - 65536 - 64));
}

static void however_it_is_cut_it_stays_whole(void **state)
{
    (void)state;
    static const size_t cuts[] = {1, 7, 4095, 4096, 4097, 65535, 299999};
    peer_call(&peer, 1, "test/Mirror", 0);
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        read_max = cuts[i];
        mirror(1);
    }
}

static void blocks_are_used_again_by_any_session(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Mirror", 0);
    mirror(1);
    assert_int_equal(core->rpc->spare_count, 1);
    uint8_t *block = core->rpc->spares[0].data;
    struct peer first = peer;
    peer = (struct peer){0};
    assert_true(peer_open(&peer, core));
    peer_hello(&peer, 1 << 30, 0);
    peer_expect(&peer, RNL_FRAME_HELLO);
    peer_call(&peer, 1, "test/Mirror", 0);
    mirror(1);
    assert_int_equal(core->rpc->spare_count, 1);
    assert_ptr_equal(core->rpc->spares[0].data, block);
    peer_close(&first);
}

/* Those that are kept are bounded in number and size. */
static void blocks_kept_are_bounded(void **state)
{
    (void)state;
    struct peer peers[RNL_INPUT_SPARES_MAX + 4] = {0};
    uint8_t head[RNL_FRAME_HEAD_MAX];
    size_t head_len = rnl_frame_head(head, 1, RNL_FRAME_MESSAGE, FRAME_BYTES);
    struct peer own = peer;
    for (size_t i = 0; i < RNL_INPUT_SPARES_MAX + 4; i++) {
        assert_true(peer_open(&peers[i], core));
        peer_hello(&peers[i], 0, 0);
        peer = peers[i];
        read_all(head, head_len);
        read_all(payload, FRAME_BYTES / 2);
        peers[i] = peer;
        assert_true(peers[i].session->partial_cap <=
                    2 * peers[i].session->partial_len + 4096);
    }
    peer = own;
    for (size_t i = 0; i < RNL_INPUT_SPARES_MAX + 4; i++)
        peer_close(&peers[i]);
    assert_int_equal(core->rpc->spare_count, RNL_INPUT_SPARES_MAX);
}

static void a_small_frame_gets_no_room(void **state)
{
    (void)state;
    uint8_t *room;
    assert_int_equal(rnl_session_room(peer.session, &room), 0);
    peer_feed(&peer, "\xff\x1f\x08", 3);
    assert_int_equal(rnl_session_room(peer.session, &room), 0);
}

static void without_memory_for_room_bytes_are_fed(void **state)
{
    (void)state;
    peer_feed(&peer, "\xff\xff\x3f\x08", 4);
    uint8_t *room;
    fault_at(1, true);
    size_t size = rnl_session_room(peer.session, &room);
    fault_stop();
    assert_int_equal(size, 0);
    assert_false(rnl_session_done(peer.session));
}

/* What cannot be kept must not be skipped: the connection ends, and says so. */
static void without_memory_for_a_frame_begun_the_connection_ends(void **state)
{
    (void)state;
    fault_at(1, false);
    peer_feed(&peer, "\xff\xff\x3f\x08", 4);
    fault_stop();
    peer_expect_status(&peer, 0, RNL_RESOURCE_EXHAUSTED,
                       "the server is out of memory");
    assert_true(rnl_session_done(peer.session));
}

/* A session that ends in the middle of a frame lends no room. */
static void a_session_that_failed_gets_no_room(void **state)
{
    (void)state;
    uint8_t *room;
    peer_feed(&peer, "\xff\xff\x3f\x08", 4);
    assert_true(rnl_session_room(peer.session, &room) > 0);
    rnl_session_fail(peer.session, RNL_INTERNAL, "the test ends it");
    assert_int_equal(rnl_session_room(peer.session, &room), 0);
}

/* ---- calls that come together ---- */

/* Frames of calls with the message "A", "B" and so on, in one read. */
struct read {
    uint8_t bytes[16384];
    size_t len;
};

static void add_frame(struct read *read, uint32_t id, enum rnl_frame_kind kind,
                      const void *body, size_t len)
{
    assert_true(read->len + RNL_FRAME_HEAD_MAX + len <= sizeof(read->bytes));
    read->len += rnl_frame_head(read->bytes + read->len, id, kind, len);
    memcpy(read->bytes + read->len, body, len);
    read->len += len;
}

static void add_call(struct read *read, uint32_t number, const char *method)
{
    uint8_t body[64] = {0x0a, (uint8_t)strlen(method)};
    memcpy(body + 2, method, strlen(method));
    add_frame(read, 2 * number + 1, RNL_FRAME_CALL, body, 2 + strlen(method));
}

static void add_message(struct read *read, uint32_t number)
{
    uint8_t byte = (uint8_t)('A' + number);
    add_frame(read, 2 * number + 1, RNL_FRAME_MESSAGE, &byte, 1);
}

static void add_end(struct read *read, uint32_t number)
{
    add_frame(read, 2 * number + 1, RNL_FRAME_HALF_CLOSE, "", 0);
}

static void add_whole(struct read *read, uint32_t number, const char *method)
{
    add_call(read, number, method);
    add_message(read, number);
    add_end(read, number);
}

static void assert_ahead(size_t at, size_t count, char first, int before)
{
    assert_true(at < probe.ahead_calls);
    assert_int_equal(probe.ahead[at].count, count);
    assert_int_equal(probe.ahead[at].first, first);
    assert_int_equal(probe.ahead[at].last, (uint8_t)first + count - 1);
    assert_int_equal(probe.ahead[at].messages_before, before);
}

static void calls_that_come_together_are_seen_before_the_first(void **state)
{
    (void)state;
    struct read read = {.len = 0};
    const uint32_t count = RNL_AHEAD_MAX + 8;
    for (uint32_t i = 0; i < count; i++)
        add_whole(&read, i, "test/Echo");
    peer_feed(&peer, read.bytes, read.len);
    assert_int_equal(probe.messages, count);
    assert_int_equal(probe.ahead_calls, 2);
    assert_ahead(0, RNL_AHEAD_MAX, 'A', 0);
    assert_ahead(1, 8, 'A' + RNL_AHEAD_MAX, RNL_AHEAD_MAX);
}

/* As librunnel writes them: Calls are control frames. */
static void their_calls_may_all_come_first(void **state)
{
    (void)state;
    struct read read = {.len = 0};
    for (uint32_t i = 0; i < 20; i++)
        add_call(&read, i, "test/Echo");
    peer_feed(&peer, read.bytes, read.len);
    read.len = 0;
    for (uint32_t i = 20; i < 30; i++)
        add_call(&read, i, "test/Echo");
    for (uint32_t i = 0; i < 30; i++)
        add_message(&read, i);
    for (uint32_t i = 0; i < 30; i++)
        add_end(&read, i);
    peer_feed(&peer, read.bytes, read.len);
    assert_int_equal(probe.messages, 30);
    assert_int_equal(probe.ahead_calls, 1);
    assert_ahead(0, 30, 'A', 0);
}

static void calls_of_other_methods_part_them(void **state)
{
    (void)state;
    struct read read = {.len = 0};
    add_whole(&read, 0, "test/Echo");
    add_whole(&read, 1, "test/Echo");
    add_whole(&read, 2, "test/Hold");
    add_whole(&read, 3, "test/None");
    add_whole(&read, 4, "test/Flow");
    add_frame(&read, 11, RNL_FRAME_CALL, "\x10\x05", 2);
    add_message(&read, 5);
    peer_feed(&peer, read.bytes, read.len);
    assert_int_equal(probe.ahead_calls, 1);
    assert_ahead(0, 2, 'A', 0);
}

static void a_lone_call_is_not_seen_ahead(void **state)
{
    (void)state;
    struct read read = {.len = 0};
    add_whole(&read, 0, "test/Echo");
    peer_feed(&peer, read.bytes, read.len);
    read.len = 0;
    add_whole(&read, 1, "test/Echo");
    add_call(&read, 2, "test/Echo");
    peer_feed(&peer, read.bytes, read.len);
    assert_int_equal(probe.messages, 2);
    assert_int_equal(probe.ahead_calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_large_frame_is_read_in_place_and_stays_whole),
        TEST(however_it_is_cut_it_stays_whole),
        TEST(blocks_are_used_again_by_any_session),
        TEST(blocks_kept_are_bounded),
        TEST(a_small_frame_gets_no_room),
        TEST(without_memory_for_room_bytes_are_fed),
        TEST(without_memory_for_a_frame_begun_the_connection_ends),
        TEST(a_session_that_failed_gets_no_room),
        TEST(calls_that_come_together_are_seen_before_the_first),
        TEST(their_calls_may_all_come_first),
        TEST(calls_of_other_methods_part_them),
        TEST(a_lone_call_is_not_seen_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
