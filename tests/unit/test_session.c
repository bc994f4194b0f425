/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol: handshake, calls, errors, time, the end. test_session_flow.c
 * has credit, queues and memory. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include <runnel/v1/admin.pb-c.h>
#include <runnel/v1/events.pb-c.h>
#include <runnel/v1/frame.pb-c.h>
#include <runnel/v1/jobs.pb-c.h>
#include <runnel/v1/stats.pb-c.h>
#include <runnel/v1/workers.pb-c.h>

#include "bounds.h"
#include "peer.h"
#include "session_private.h"
#include "session_service.h"

static struct rnl_core *core;
static struct peer peer;

static void start_core(const struct rnl_core_options *options)
{
    probe = (struct session_probe){0};
    core = peer_core_create(options);
    assert_non_null(core);
    rnl_methods_add(&core->rpc->methods, &session_test_service);
    assert_true(peer_open(&peer, core));
}

static int setup_silent(void **state)
{
    (void)state;
    struct rnl_core_options options = peer_core_options();
    start_core(&options);
    return 0;
}

static int setup(void **state)
{
    setup_silent(state);
    peer_hello(&peer, 0, 0);
    peer_expect(&peer, RNL_FRAME_HELLO);
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

static void reopen(void)
{
    peer_close(&peer);
    assert_true(peer_open(&peer, core));
    peer_hello(&peer, 0, 0);
}

/* The session must have told why, on stream 0, and be done. */
static void expect_end(enum rnl_code code, const char *text)
{
    peer_expect_status(&peer, 0, code, text);
    peer_expect_nothing(&peer);
    assert_true(rnl_session_done(peer.session));
    const char *reason;
    assert_int_equal(rnl_session_reason(peer.session, &reason), code);
    assert_string_equal(reason, text);
}

/* --- handshake --- */

static void hello_is_answered_with_the_limits(void **state)
{
    (void)state;
    peer_hello(&peer, 0, 0);
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_HELLO);
    Runnel__V1__Hello *hello =
        runnel__v1__hello__unpack(NULL, frame.body_len, frame.body);
    assert_non_null(hello);
    assert_int_equal(hello->protocol_version, 1);
    assert_int_equal(hello->max_frame_bytes, RNL_FRAME_BYTES_DEFAULT);
    assert_int_equal(hello->initial_credit_bytes, RNL_CREDIT_BYTES_DEFAULT);
    assert_int_equal(hello->max_streams, RNL_STREAMS_MAX_DEFAULT);
    assert_string_equal(hello->epoch, core->epoch);
    assert_int_equal(strlen(hello->epoch), 32);
    assert_string_equal(hello->token, "");
    assert_string_equal(rnl_session_agent(peer.session), "test/1");
    runnel__v1__hello__free_unpacked(hello, NULL);
}

static void refuse_hello(const Runnel__V1__Hello *hello, enum rnl_code code,
                         const char *text)
{
    peer_close(&peer);
    assert_true(peer_open(&peer, core));
    peer_send_packed(&peer, 0, RNL_FRAME_HELLO, &hello->base);
    expect_end(code, text);
}

static void a_hello_beyond_the_limits_is_refused(void **state)
{
    (void)state;
    static char agent[130], token[RNL_TOKEN_BYTES_MAX + 2];
    Runnel__V1__Hello hello = RUNNEL__V1__HELLO__INIT;
    refuse_hello(&hello, RNL_UNIMPLEMENTED,
                 "protocol_version: this server speaks 1, not 0");
    hello.protocol_version = 1;
    hello.agent = memset(agent, 'a', 129);
    refuse_hello(&hello, RNL_INVALID_ARGUMENT,
                 "agent: must be UTF-8 of at most 128 bytes");
    hello.agent = (char *)"\xff";
    refuse_hello(&hello, RNL_INVALID_ARGUMENT,
                 "agent: must be UTF-8 of at most 128 bytes");
    hello.agent = (char *)"";
    hello.token = memset(token, 't', sizeof(token) - 1);
    refuse_hello(&hello, RNL_INVALID_ARGUMENT,
                 "token: must have at most 4096 bytes");
    hello.token = (char *)"";
    hello.max_frame_bytes = 16383;
    refuse_hello(&hello, RNL_INVALID_ARGUMENT,
                 "max_frame_bytes: must be at least 16384, not 16383");
    hello.max_frame_bytes = 16384;
    hello.initial_credit_bytes = UINT32_C(1) << 31;
    refuse_hello(&hello, RNL_INVALID_ARGUMENT,
                 "initial_credit_bytes: must be at most 2147483647, "
                 "not 2147483648");
}

static void the_first_frame_must_be_hello_and_come_once(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Echo", 0);
    expect_end(RNL_FAILED_PRECONDITION,
               "the first frame must be a Hello on stream 0");
    peer_close(&peer);
    assert_true(peer_open(&peer, core));
    peer_hello(&peer, 0, 0);
    peer_hello(&peer, 0, 0);
    expect_end(RNL_INVALID_ARGUMENT, "the Hello came twice");
}

/* Nothing of a stranger is kept beyond what a Hello can need. */
static void before_hello_frames_are_short(void **state)
{
    (void)state;
    peer_feed(&peer, "\x81\x80\x01", 3);
    expect_end(RNL_RESOURCE_EXHAUSTED, "a frame must have at most 16384 bytes");
}

static void without_hello_the_peer_is_closed_in_time(void **state)
{
    (void)state;
    peer_advance(core, RNL_HANDSHAKE_MS_DEFAULT - 1);
    peer_expect_nothing(&peer);
    peer_advance(core, 1);
    expect_end(RNL_DEADLINE_EXCEEDED, "no Hello within 10000 ms");
}

static void a_token_must_be_equal_in_every_byte(void **state)
{
    (void)state;
    teardown(state);
    struct rnl_core_options options = peer_core_options();
    options.token = "abc";
    start_core(&options);
    static const char *const wrong[] = {"a",   "ab",     "abd", "abcd",
                                        "Abc", "abcabc", " abc"};
    Runnel__V1__Hello hello = RUNNEL__V1__HELLO__INIT;
    hello.protocol_version = 1;
    refuse_hello(&hello, RNL_UNAUTHENTICATED, "a token is needed");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        hello.token = (char *)wrong[i];
        refuse_hello(&hello, RNL_UNAUTHENTICATED, "the token is not valid");
    }
    hello.token = (char *)"abc";
    peer_close(&peer);
    assert_true(peer_open(&peer, core));
    peer_send_packed(&peer, 0, RNL_FRAME_HELLO, &hello.base);
    peer_expect(&peer, RNL_FRAME_HELLO);
}

/* --- calls --- */

static void a_unary_call_is_answered_by_message_and_status(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Echo", 0);
    peer_expect_nothing(&peer);
    peer_request(&peer, 1, "hi", 2);
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_MESSAGE);
    assert_int_equal(frame.stream_id, 1);
    assert_int_equal(frame.body_len, 2);
    assert_memory_equal(frame.body, "hi", 2);
    assert_true(peer_next(&peer, &frame));
    assert_int_equal(frame.kind, RNL_FRAME_STATUS);
    assert_int_equal(frame.body_len, 0);
    assert_int_equal(probe.closes, 1);
    assert_int_equal(core->rpc->stream_count, 0);
}

/* A whole call with its request, as bytes. */
static size_t write_echo(uint8_t bytes[64], uint32_t id)
{
    static const char call[] = "\x0a\x09test/Echo";
    size_t len = rnl_frame_head(bytes, id, RNL_FRAME_CALL, sizeof(call) - 1);
    memcpy(bytes + len, call, sizeof(call) - 1);
    len += sizeof(call) - 1;
    len += rnl_frame_head(bytes + len, id, RNL_FRAME_MESSAGE, 2);
    bytes[len++] = 'h';
    bytes[len++] = 'i';
    return len + rnl_frame_head(bytes + len, id, RNL_FRAME_HALF_CLOSE, 0);
}

static void expect_echo(uint32_t id)
{
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_MESSAGE);
    assert_int_equal(frame.stream_id, id);
    assert_int_equal(frame.body_len, 2);
    assert_memory_equal(frame.body, "hi", 2);
    peer_expect_status(&peer, id, RNL_OK, "");
}

/* The same conversation, cut into single bytes on both ways. */
static void bytes_may_come_and_go_one_by_one(void **state)
{
    (void)state;
    uint8_t bytes[64];
    size_t len = write_echo(bytes, 1);
    peer.write_max = 1;
    for (size_t i = 0; i < len; i++) {
        peer_expect_nothing(&peer);
        peer_feed(&peer, bytes + i, 1);
    }
    expect_echo(1);
    assert_int_equal(probe.closes, 1);
}

static void a_conversation_may_be_cut_anywhere(void **state)
{
    (void)state;
    uint8_t bytes[64];
    size_t len = write_echo(bytes, 1);
    for (size_t cut = 0; cut <= len; cut++) {
        uint32_t id = (uint32_t)(2 * cut + 1);
        assert_int_equal(write_echo(bytes, id), len);
        peer_feed(&peer, bytes, cut);
        peer_feed(&peer, bytes + cut, len - cut);
        expect_echo(id);
    }
}

/* The bytes of docs/protocol.md. */
static void the_documented_exchange_is_true(void **state)
{
    (void)state;
    static const char bytes[] = "\x0a\x12\x08\x08\x01\x12\x04"
                                "demo"
                                "\x24\x08\x01\x1a\x20\x0a\x1e"
                                "runnel.v1.AdminService/GetInfo"
                                "\x04\x08\x01\x22\x00"
                                "\x04\x08\x01\x2a\x00"
                                "\x09\x08\x03\x1a\x05\x0a\x03"
                                "foo";
    peer_feed(&peer, bytes, sizeof(bytes) - 1);
    peer_fetch(&peer);
    static const char hello[] =
        "\x40\x12\x3e\x08\x01\x12\x0drunneld/0.1.0\x20\x80\x80\x40"
        "\x28\x80\x80\x10\x30\x80\x08\x3a\x20";
    assert_memory_equal(peer.out, hello, sizeof(hello) - 1);
    static const char refusal[] =
        "\x1a\x08\x03\x42\x16\x08\x0c\x12\x12unknown method foo";
    assert_memory_equal(peer.out + 65, refusal, sizeof(refusal) - 1);
    static const char status[] = "\x04\x08\x01\x42\x00";
    assert_memory_equal(peer.out + peer.out_len - 5, status, 5);
}

static void methods_not_known_are_refused_on_their_stream(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Nothing", 0);
    peer_expect_status(&peer, 1, RNL_UNIMPLEMENTED,
                       "unknown method test/Nothing");
    peer_call(&peer, 3, "", 0);
    peer_expect_status(&peer, 3, RNL_UNIMPLEMENTED, "the Call names no method");
    peer_send(&peer, 5, RNL_FRAME_CALL, "\x0a\x02\xff\xfe", 4);
    peer_expect_status(&peer, 5, RNL_UNIMPLEMENTED, "unknown method");
    peer_send(&peer, 7, RNL_FRAME_CALL, "\x0a\x0dtest/Echo\0xyz", 15);
    peer_expect_status(&peer, 7, RNL_UNIMPLEMENTED, "unknown method");
    peer_call(&peer, 9, "test/Echo", 0);
    peer_request(&peer, 9, "", 0);
    peer_expect_status(&peer, 9, RNL_OK, "");
}

/* Each method of the schema is served or says that it is not served yet. */
static void every_method_of_the_schema_is_known(void **state)
{
    (void)state;
    static const ProtobufCServiceDescriptor *const services[] = {
        &runnel__v1__admin_service__descriptor,
        &runnel__v1__event_service__descriptor,
        &runnel__v1__job_service__descriptor,
        &runnel__v1__stats_service__descriptor,
        &runnel__v1__worker_service__descriptor,
    };
    uint32_t id = 1;
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
        for (unsigned m = 0; m < services[i]->n_methods; m++) {
            char name[128], text[256];
            snprintf(name, sizeof(name), "%s/%s", services[i]->name,
                     services[i]->methods[m].name);
            if (rnl_methods_find(&core->rpc->methods, (const uint8_t *)name,
                                 strlen(name)) != NULL)
                continue;
            snprintf(text, sizeof(text), "method %s is not served yet", name);
            peer_call(&peer, id, name, 0);
            peer_expect_status(&peer, id, RNL_UNIMPLEMENTED, text);
            id += 2;
        }
    }
}

static void get_info_tells_of_the_server(void **state)
{
    (void)state;
    peer_call(&peer, 1, "runnel.v1.AdminService/GetInfo", 0);
    peer_request(&peer, 1, "", 0);
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_MESSAGE);
    Runnel__V1__GetInfoResponse *info =
        runnel__v1__get_info_response__unpack(NULL, frame.body_len, frame.body);
    assert_non_null(info);
    assert_string_equal(info->version, RNL_VERSION);
    assert_string_equal(info->epoch, core->epoch);
    assert_int_equal(info->start_time->seconds, 1769860800);
    assert_int_equal(info->connections, 1);
    assert_int_equal(info->streams_open, 1);
    assert_int_equal(info->calls, 1);
    const Runnel__V1__Limits *limits = info->limits;
    assert_int_equal(limits->max_streams, RNL_STREAMS_MAX_DEFAULT);
    assert_int_equal(limits->max_stats_bytes, INT64_C(2) << 30);
    assert_int_equal(limits->max_message_bytes, (1 << 20) - 12);
    assert_int_equal(limits->max_job_input_bytes, 15 << 16);
    assert_int_equal(limits->max_batch_events, 65536);
    assert_int_equal(limits->max_key_bytes, 256);
    assert_int_equal(limits->max_stream_name_bytes, 128);
    assert_int_equal(limits->max_producer_id_bytes, 64);
    assert_int_equal(limits->max_sketch_bytes, (1 << 20) - 12);
    assert_int_equal(limits->max_page_size, 1000);
    assert_int_equal(limits->max_frequency_keys, 1000);
    assert_int_equal(limits->max_quantiles, 100);
    assert_int_equal(limits->max_top, 1000);
    assert_int_equal(limits->min_stats_interval_ms, 100);
    assert_null(info->http_limits);
    assert_false(info->draining);
    runnel__v1__get_info_response__free_unpacked(info, NULL);
}

static void a_request_that_is_no_message_is_refused(void **state)
{
    (void)state;
    peer_call(&peer, 1, "runnel.v1.AdminService/GetInfo", 0);
    peer_request(&peer, 1, "\x0f", 1);
    peer_expect_status(&peer, 1, RNL_INVALID_ARGUMENT,
                       "the bytes are not a runnel.v1.GetInfoRequest");
}

static void a_unary_call_takes_exactly_one_message(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Echo", 0);
    peer_send(&peer, 1, RNL_FRAME_MESSAGE, "a", 1);
    peer_send(&peer, 1, RNL_FRAME_MESSAGE, "b", 1);
    peer_expect_status(&peer, 1, RNL_INVALID_ARGUMENT,
                       "the method takes one request message");
    peer_call(&peer, 3, "test/Echo", 0);
    peer_send(&peer, 3, RNL_FRAME_HALF_CLOSE, NULL, 0);
    peer_expect_status(&peer, 3, RNL_INVALID_ARGUMENT,
                       "the HalfClose came without a request message");
    assert_int_equal(probe.messages, 0);
    assert_int_equal(probe.closes, 0);
}

static void after_its_half_close_a_peer_is_silent_on_the_stream(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Hold", 0);
    peer_request(&peer, 1, "a", 1);
    peer_send(&peer, 1, RNL_FRAME_MESSAGE, "b", 1);
    peer_expect_status(&peer, 1, RNL_INVALID_ARGUMENT,
                       "a Message followed the HalfClose");
    assert_int_equal(probe.closes, 1);
    assert_int_equal(probe.last_code, RNL_INVALID_ARGUMENT);
}

/* Only its own HalfClose lets a request pass. */
static void a_request_is_not_let_go_by_another_frame(void **state)
{
    (void)state;
    uint8_t bytes[64];
    peer_call(&peer, 1, "test/Echo", 0);
    peer_call(&peer, 3, "test/Mirror", 0);
    size_t len = rnl_frame_head(bytes, 1, RNL_FRAME_MESSAGE, 0);
    len += rnl_frame_head(bytes + len, 3, RNL_FRAME_HALF_CLOSE, 0);
    peer_feed(&peer, bytes, len);
    assert_int_equal(probe.messages, 0);
    peer_expect_status(&peer, 3, RNL_OK, "");
    peer_call(&peer, 5, "test/Echo", 0);
    len = rnl_frame_head(bytes, 5, RNL_FRAME_MESSAGE, 0);
    len += rnl_frame_head(bytes + len, 5, RNL_FRAME_CANCEL, 0);
    peer_feed(&peer, bytes, len);
    assert_int_equal(probe.messages, 0);
    peer_expect_status(&peer, 5, RNL_CANCELLED, NULL);
}

/* Message and HalfClose in different reads: the request is kept. */
static void a_request_waits_for_its_half_close(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Echo", 0);
    peer_send(&peer, 1, RNL_FRAME_MESSAGE, "abc", 3);
    assert_int_equal(probe.messages, 0);
    peer_send(&peer, 1, RNL_FRAME_HALF_CLOSE, NULL, 0);
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_MESSAGE);
    assert_memory_equal(frame.body, "abc", 3);
    peer_expect_status(&peer, 1, RNL_OK, "");
}

static void streams_of_both_ways_end_with_the_half_close(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Mirror", 0);
    peer_call(&peer, 3, "test/Swallow", 0);
    for (int i = 0; i < 3; i++) {
        peer_send(&peer, 1, RNL_FRAME_MESSAGE, "abc", 3);
        struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_MESSAGE);
        assert_int_equal(frame.stream_id, 1);
        assert_int_equal(frame.body_len, 3);
    }
    peer_send(&peer, 1, RNL_FRAME_HALF_CLOSE, NULL, 0);
    peer_expect_status(&peer, 1, RNL_OK, "");
    probe.messages = 0;
    peer_send(&peer, 3, RNL_FRAME_MESSAGE, "x", 1);
    peer_send(&peer, 3, RNL_FRAME_MESSAGE, "", 0);
    peer_send(&peer, 3, RNL_FRAME_HALF_CLOSE, NULL, 0);
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_MESSAGE);
    assert_memory_equal(frame.body, "2", 1);
    peer_expect_status(&peer, 3, RNL_OK, "");
    assert_int_equal(probe.closes, 2);
}

static void metadata_reaches_the_handler_and_is_bounded(void **state)
{
    (void)state;
    Runnel__V1__Call call = RUNNEL__V1__CALL__INIT;
    Runnel__V1__Call__MetadataEntry entries[33], *list[33];
    char keys[33][16];
    call.method = (char *)"test/Hold";
    call.metadata = list;
    for (int i = 0; i < 33; i++) {
        entries[i] = (Runnel__V1__Call__MetadataEntry)
            RUNNEL__V1__CALL__METADATA_ENTRY__INIT;
        snprintf(keys[i], sizeof(keys[i]), "key-%d", i);
        entries[i].key = keys[i];
        entries[i].value = i % 2 == 0 ? keys[32 - i] : (char *)"";
        list[i] = &entries[i];
    }
    snprintf(keys[32], sizeof(keys[32]), "last");
    call.n_metadata = 32;
    peer_send_packed(&peer, 1, RNL_FRAME_CALL, &call.base);
    peer_request(&peer, 1, "", 0);
    assert_non_null(probe.held);
    assert_string_equal(rnl_stream_metadata(probe.held, "key-0"), "last");
    assert_string_equal(rnl_stream_metadata(probe.held, "key-31"), "");
    assert_null(rnl_stream_metadata(probe.held, "key"));
    assert_null(rnl_stream_metadata(probe.held, "last"));
    call.n_metadata = 33;
    peer_send_packed(&peer, 3, RNL_FRAME_CALL, &call.base);
    peer_expect_status(&peer, 3, RNL_INVALID_ARGUMENT,
                       "metadata: must have at most 32 entries");
    static char big[1024];
    entries[0].value = memset(big, 'v', 1023);
    call.n_metadata = 1;
    peer_send_packed(&peer, 5, RNL_FRAME_CALL, &call.base);
    peer_expect_status(&peer, 5, RNL_INVALID_ARGUMENT,
                       "metadata: an entry must have at most 1024 bytes");
    entries[0].value = (char *)"\xc0";
    peer_send_packed(&peer, 7, RNL_FRAME_CALL, &call.base);
    peer_expect_status(&peer, 7, RNL_INVALID_ARGUMENT,
                       "the Call cannot be read");
}

static void more_calls_than_allowed_are_refused_until_one_ends(void **state)
{
    (void)state;
    teardown(state);
    struct rnl_core_options options = peer_core_options();
    options.max_streams = 2;
    start_core(&options);
    peer_hello(&peer, 0, 0);
    peer_call(&peer, 1, "test/Mirror", 0);
    peer_call(&peer, 3, "test/Mirror", 0);
    peer_call(&peer, 5, "test/Mirror", 0);
    peer_expect_status(&peer, 5, RNL_RESOURCE_EXHAUSTED,
                       "the connection has too many open calls");
    peer_send(&peer, 1, RNL_FRAME_HALF_CLOSE, NULL, 0);
    peer_expect_status(&peer, 1, RNL_OK, "");
    peer_call(&peer, 7, "test/Mirror", 0);
    peer_expect_nothing(&peer);
}

/* Many open at once, ended in another order: the table of streams. */
static void a_thousand_streams_are_told_apart(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    for (uint32_t i = 0; i < COUNT; i++)
        peer_call(&peer, 2 * i + 1, "test/Mirror", 0);
    assert_int_equal(core->rpc->stream_count, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t id = 2 * (i * 7 % COUNT) + 1;
        uint8_t byte = (uint8_t)id;
        peer_send(&peer, id, RNL_FRAME_MESSAGE, &byte, 1);
        struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_MESSAGE);
        assert_int_equal(frame.stream_id, id);
        assert_int_equal(frame.body[0], byte);
        peer_send(&peer, id, RNL_FRAME_HALF_CLOSE, NULL, 0);
        peer_expect_status(&peer, id, RNL_OK, "");
    }
    assert_int_equal(core->rpc->stream_count, 0);
    assert_int_equal(probe.closes, COUNT);
}

/* --- faults of the connection --- */

static void stream_ids_are_odd_and_rise(void **state)
{
    (void)state;
    static const uint32_t wrong[] = {0, 2, 3, 5, 8};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[128];
        reopen();
        peer_call(&peer, 5, "test/Mirror", 0);
        peer_call(&peer, wrong[i], "test/Mirror", 0);
        snprintf(text, sizeof(text),
                 "Call with stream id %u: must be odd and above 5", wrong[i]);
        expect_end(RNL_INVALID_ARGUMENT, text);
    }
}

static void frames_of_streams_never_opened_end_the_connection(void **state)
{
    (void)state;
    static const enum rnl_frame_kind kinds[] = {
        RNL_FRAME_MESSAGE, RNL_FRAME_HALF_CLOSE, RNL_FRAME_CANCEL,
        RNL_FRAME_CREDIT};
    static const uint32_t ids[] = {0, 2, 7};
    for (size_t i = 0; i < 12; i++) {
        char text[128];
        reopen();
        peer_call(&peer, 5, "test/Mirror", 0);
        peer_send(&peer, ids[i % 3], kinds[i / 3], "", 0);
        snprintf(text, sizeof(text),
                 "frame on stream %u, which was never opened", ids[i % 3]);
        expect_end(RNL_INVALID_ARGUMENT, text);
    }
}

static void late_frames_of_ended_streams_are_ignored(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Nothing", 0);
    peer_expect_status(&peer, 1, RNL_UNIMPLEMENTED, NULL);
    peer_call(&peer, 5, "test/Echo", 0);
    peer_request(&peer, 5, "", 0);
    peer_expect_status(&peer, 5, RNL_OK, "");
    static const uint32_t ids[] = {1, 3, 5};
    for (int i = 0; i < 3; i++) {
        peer_send(&peer, ids[i], RNL_FRAME_MESSAGE, "x", 1);
        peer_send(&peer, ids[i], RNL_FRAME_HALF_CLOSE, "", 0);
        peer_send(&peer, ids[i], RNL_FRAME_CANCEL, "", 0);
        peer_credit(&peer, ids[i], 100);
    }
    peer_expect_nothing(&peer);
    assert_false(rnl_session_done(peer.session));
}

static void frames_of_a_server_and_garbage_end_the_connection(void **state)
{
    (void)state;
    peer_send(&peer, 0, RNL_FRAME_STATUS, "", 0);
    expect_end(RNL_INVALID_ARGUMENT, "a Status is sent by a server alone");
    reopen();
    peer_send(&peer, 1, RNL_FRAME_PING, "", 0);
    expect_end(RNL_INVALID_ARGUMENT,
               "Ping, Pong and GoAway must be on stream 0, not 1");
    reopen();
    peer_feed(&peer, "\x02\xff\xff", 3);
    expect_end(RNL_INVALID_ARGUMENT, "the bytes are not a frame");
    reopen();
    peer_feed(&peer, "\x81\x80\x40", 3);
    expect_end(RNL_RESOURCE_EXHAUSTED,
               "a frame must have at most 1048576 bytes");
}

static void frames_of_a_later_version_are_ignored(void **state)
{
    (void)state;
    peer_feed(&peer, "\x00\x05\x08\x09\xa2\x06\x00", 7);
    peer_expect_nothing(&peer);
    peer_call(&peer, 1, "test/Echo", 0);
    peer_request(&peer, 1, "", 0);
    peer_expect_status(&peer, 1, RNL_OK, "");
}

/* What was fed after the fault is not looked at. */
static void after_a_fault_nothing_is_taken(void **state)
{
    (void)state;
    peer_send(&peer, 0, RNL_FRAME_STATUS, "", 0);
    peer_call(&peer, 1, "test/Echo", 0);
    peer_request(&peer, 1, "", 0);
    expect_end(RNL_INVALID_ARGUMENT, "a Status is sent by a server alone");
    assert_int_equal(probe.messages, 0);
}

/* A peer that does not take the last Status cannot hold the connection. */
static void a_fault_that_cannot_be_told_ends_all_the_same(void **state)
{
    (void)state;
    peer_send(&peer, 0, RNL_FRAME_STATUS, "", 0);
    assert_false(rnl_session_done(peer.session));
    peer_advance(core, RNL_CLOSING_MS);
    assert_true(rnl_session_done(peer.session));
    assert_true(peer.notified);
}

/* --- cancel, deadline, lost connection --- */

static void cancel_ends_the_call_at_once(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Hold", 0);
    peer_request(&peer, 1, "", 0);
    peer_send(&peer, 1, RNL_FRAME_CANCEL, "", 0);
    assert_int_equal(probe.closes, 1);
    assert_int_equal(probe.last_code, RNL_CANCELLED);
    peer_expect_status(&peer, 1, RNL_CANCELLED, "cancelled by the caller");
    peer_send(&peer, 1, RNL_FRAME_CANCEL, "", 0);
    peer_expect_nothing(&peer);
    assert_int_equal(probe.closes, 1);
}

/* No handler has seen it: none must be told of its end. */
static void cancel_before_the_request_calls_no_handler(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Hold", 0);
    peer_send(&peer, 1, RNL_FRAME_CANCEL, "", 0);
    peer_expect_status(&peer, 1, RNL_CANCELLED, NULL);
    assert_int_equal(probe.closes, 0);
}

static void a_deadline_ends_the_call_in_time(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Hold", 250);
    peer_request(&peer, 1, "", 0);
    peer_advance(core, 249);
    peer_expect_nothing(&peer);
    peer_advance(core, 1);
    assert_int_equal(probe.closes, 1);
    assert_int_equal(probe.last_code, RNL_DEADLINE_EXCEEDED);
    peer_expect_status(&peer, 1, RNL_DEADLINE_EXCEEDED,
                       "the call's deadline has passed");
    peer_call(&peer, 3, "test/Echo", 250);
    peer_request(&peer, 3, "", 0);
    peer_expect_status(&peer, 3, RNL_OK, "");
    peer_advance(core, 500);
    peer_expect_nothing(&peer);
}

static void a_lost_connection_ends_its_calls_once(void **state)
{
    (void)state;
    size_t timers = core->timers.count;
    peer_call(&peer, 1, "test/Hold", 1000);
    peer_request(&peer, 1, "", 0);
    peer_call(&peer, 3, "test/Mirror", 0);
    peer_send(&peer, 3, RNL_FRAME_MESSAGE, "x", 1);
    peer_close(&peer);
    assert_int_equal(probe.closes, 2);
    assert_int_equal(probe.last_code, RNL_CANCELLED);
    /* The session's has gone, that of the server's own measures has come. */
    assert_int_equal(core->timers.count, timers);
    assert_int_equal(core->rpc->stream_count, 0);
}

/* In the stream _rpc, which the next call can read. */
static void calls_are_measured(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Hold", 30);
    peer_request(&peer, 1, "", 0);
    peer_advance(core, 30);
    peer_expect_status(&peer, 1, RNL_DEADLINE_EXCEEDED, NULL);
    peer_advance(core, 1000);
    Runnel__V1__GetStatsRequest request = RUNNEL__V1__GET_STATS_REQUEST__INIT;
    uint8_t bytes[64];
    request.stream = (char *)"_rpc";
    peer_call(&peer, 3, "runnel.v1.StatsService/GetStats", 0);
    peer_request(&peer, 3, bytes,
                 runnel__v1__get_stats_request__pack(&request, bytes));
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_MESSAGE);
    Runnel__V1__GetStatsResponse *response =
        runnel__v1__get_stats_response__unpack(NULL, frame.body_len,
                                               frame.body);
    assert_non_null(response);
    assert_int_equal(response->stats->count, 1);
    assert_string_equal(response->stats->top_keys[0]->key,
                        "test/Hold DEADLINE_EXCEEDED");
    assert_int_equal((int)response->stats->latency_ms->max, 30);
    runnel__v1__get_stats_response__free_unpacked(response, NULL);
    peer_expect_status(&peer, 3, RNL_OK, NULL);
}

static void texts_are_made_utf8(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Hold", 0);
    peer_request(&peer, 1, "", 0);
    rnl_stream_finish(probe.held, RNL_NOT_FOUND, "no job %s", "a\xff\xc3z");
    peer_expect_status(&peer, 1, RNL_NOT_FOUND, "no job a??z");
}

static void a_field_violation_names_field_and_fault(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Hold", 0);
    peer_request(&peer, 1, "", 0);
    rnl_stream_finish_field(probe.held, "options.pace_ms", "must be at most %d",
                            60000);
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_STATUS);
    Runnel__V1__Status *status =
        runnel__v1__status__unpack(NULL, frame.body_len, frame.body);
    assert_int_equal(status->code, RNL_INVALID_ARGUMENT);
    assert_string_equal(status->message,
                        "options.pace_ms: must be at most 60000");
    assert_int_equal(status->n_violations, 1);
    assert_string_equal(status->violations[0]->field, "options.pace_ms");
    assert_string_equal(status->violations[0]->description,
                        "must be at most 60000");
    runnel__v1__status__free_unpacked(status, NULL);
}

static void out_of_range_tells_what_is_left(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Hold", 0);
    peer_request(&peer, 1, "", 0);
    rnl_stream_finish_out_of_range(probe.held, 42, "gone");
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_STATUS);
    Runnel__V1__Status *status =
        runnel__v1__status__unpack(NULL, frame.body_len, frame.body);
    assert_int_equal(status->code, RNL_OUT_OF_RANGE);
    assert_int_equal(status->first_available_sequence, 42);
    runnel__v1__status__free_unpacked(status, NULL);
}

/* --- ping, keepalive, drain --- */

static void a_ping_is_answered_with_its_value(void **state)
{
    (void)state;
    peer_send(&peer, 0, RNL_FRAME_PING, "\x08\xff\x01", 3);
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_PONG);
    assert_int_equal(frame.body_len, 3);
    assert_memory_equal(frame.body, "\x08\xff\x01", 3);
    static uint8_t big[1000];
    peer_send(&peer, 0, RNL_FRAME_PING, big, sizeof(big));
    expect_end(RNL_INVALID_ARGUMENT, "a Ping must have at most 11 bytes");
}

static void silence_is_answered_with_a_ping_and_then_an_end(void **state)
{
    (void)state;
    peer_advance(core, RNL_KEEPALIVE_MS_DEFAULT / 2);
    peer_send(&peer, 0, RNL_FRAME_PONG, "", 0);
    peer_advance(core, RNL_KEEPALIVE_MS_DEFAULT / 2 + 1);
    peer_expect_nothing(&peer);
    peer_advance(core, RNL_KEEPALIVE_MS_DEFAULT / 2 + 1);
    peer_expect(&peer, RNL_FRAME_PING);
    peer_send(&peer, 0, RNL_FRAME_PONG, "", 0);
    peer_advance(core, RNL_KEEPALIVE_MS_DEFAULT - 1);
    peer_expect_nothing(&peer);
    peer_advance(core, 2);
    peer_expect(&peer, RNL_FRAME_PING);
    peer_advance(core, RNL_KEEPALIVE_MS_DEFAULT - 2);
    peer_expect_nothing(&peer);
    peer_advance(core, 10);
    expect_end(RNL_UNAVAILABLE, "no answer to a Ping for 30000 ms");
}

static void drain_ends_streams_and_waits_for_unary_calls(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Hold", 0);
    peer_request(&peer, 1, "", 0);
    probe.message_count = 1;
    probe.message_len = 10;
    peer_call(&peer, 3, "test/Mirror", 0);
    peer_send(&peer, 3, RNL_FRAME_MESSAGE, "abc", 3);
    rnl_core_drain(core);
    assert_int_equal(probe.closes, 1);
    assert_int_equal(probe.last_code, RNL_UNAVAILABLE);
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_GO_AWAY);
    Runnel__V1__GoAway *go_away =
        runnel__v1__go_away__unpack(NULL, frame.body_len, frame.body);
    assert_int_equal(go_away->last_stream_id, 3);
    runnel__v1__go_away__free_unpacked(go_away, NULL);
    assert_true(peer_next(&peer, &frame));
    assert_int_equal(frame.kind, RNL_FRAME_MESSAGE);
    peer_expect_status(&peer, 3, RNL_UNAVAILABLE, "the server is draining");
    peer_call(&peer, 5, "test/Echo", 0);
    peer_expect_status(&peer, 5, RNL_UNAVAILABLE, "the server is draining");
    assert_false(rnl_session_done(peer.session));
    rnl_stream_finish(probe.held, RNL_OK, NULL);
    peer_expect_status(&peer, 1, RNL_OK, "");
    assert_true(rnl_session_done(peer.session));
}

static void a_stream_that_wants_to_ends_itself_in_a_drain(void **state)
{
    (void)state;
    peer_call(&peer, 1, "test/Keep", 0);
    peer_send(&peer, 1, RNL_FRAME_MESSAGE, "a", 1);
    /* Its handler does not know of this one yet. */
    peer_call(&peer, 3, "test/Keep", 0);
    rnl_core_drain(core);
    assert_int_equal(probe.drains, 1);
    peer_expect_status(&peer, 3, RNL_UNAVAILABLE, "the server is draining");
    assert_false(rnl_session_done(peer.session));
    peer_send(&peer, 1, RNL_FRAME_MESSAGE, "b", 1);
    assert_int_equal(probe.messages, 2);
    rnl_stream_finish(probe.held, RNL_OK, NULL);
    peer_expect_status(&peer, 1, RNL_OK, "");
    assert_true(rnl_session_done(peer.session));
}

static void a_connection_during_a_drain_is_refused(void **state)
{
    (void)state;
    rnl_core_drain(core);
    peer_fetch(&peer);
    assert_true(rnl_session_done(peer.session));
    peer_close(&peer);
    assert_true(peer_open(&peer, core));
    expect_end(RNL_UNAVAILABLE, "the server is draining");
}

static void a_connection_above_the_limit_is_refused(void **state)
{
    (void)state;
    teardown(state);
    struct rnl_core_options options = peer_core_options();
    options.max_connections = 1;
    start_core(&options);
    struct peer second;
    assert_true(peer_open(&second, core));
    peer_expect_status(&second, 0, RNL_RESOURCE_EXHAUSTED,
                       "the server has 1 connections, its limit");
    peer_close(&second);
    assert_true(peer_open(&second, core));
    peer_close(&second);
    peer_hello(&peer, 0, 0);
    peer_expect(&peer, RNL_FRAME_HELLO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_SILENT(name) \
    cmocka_unit_test_setup_teardown(name, setup_silent, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_SILENT(hello_is_answered_with_the_limits),
        TEST_SILENT(a_hello_beyond_the_limits_is_refused),
        TEST_SILENT(the_first_frame_must_be_hello_and_come_once),
        TEST_SILENT(before_hello_frames_are_short),
        TEST_SILENT(without_hello_the_peer_is_closed_in_time),
        TEST_SILENT(a_token_must_be_equal_in_every_byte),
        TEST(a_unary_call_is_answered_by_message_and_status),
        TEST(bytes_may_come_and_go_one_by_one),
        TEST(a_conversation_may_be_cut_anywhere),
        TEST_SILENT(the_documented_exchange_is_true),
        TEST(methods_not_known_are_refused_on_their_stream),
        TEST(every_method_of_the_schema_is_known),
        TEST(get_info_tells_of_the_server),
        TEST(a_request_that_is_no_message_is_refused),
        TEST(a_unary_call_takes_exactly_one_message),
        TEST(after_its_half_close_a_peer_is_silent_on_the_stream),
        TEST(a_request_is_not_let_go_by_another_frame),
        TEST(a_request_waits_for_its_half_close),
        TEST(streams_of_both_ways_end_with_the_half_close),
        TEST(metadata_reaches_the_handler_and_is_bounded),
        TEST(more_calls_than_allowed_are_refused_until_one_ends),
        TEST(a_thousand_streams_are_told_apart),
        TEST(stream_ids_are_odd_and_rise),
        TEST(frames_of_streams_never_opened_end_the_connection),
        TEST(late_frames_of_ended_streams_are_ignored),
        TEST(frames_of_a_server_and_garbage_end_the_connection),
        TEST(frames_of_a_later_version_are_ignored),
        TEST(after_a_fault_nothing_is_taken),
        TEST(a_fault_that_cannot_be_told_ends_all_the_same),
        TEST(cancel_ends_the_call_at_once),
        TEST(cancel_before_the_request_calls_no_handler),
        TEST(a_deadline_ends_the_call_in_time),
        TEST(a_lost_connection_ends_its_calls_once),
        TEST(calls_are_measured),
        TEST(texts_are_made_utf8),
        TEST(a_field_violation_names_field_and_fault),
        TEST(out_of_range_tells_what_is_left),
        TEST(a_ping_is_answered_with_its_value),
        TEST(silence_is_answered_with_a_ping_and_then_an_end),
        TEST(drain_ends_streams_and_waits_for_unary_calls),
        TEST(a_stream_that_wants_to_ends_itself_in_a_drain),
        TEST(a_connection_during_a_drain_is_refused),
        TEST(a_connection_above_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
