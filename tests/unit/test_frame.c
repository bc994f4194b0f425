/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <runnel/v1/frame.pb-c.h>

#include "alloc.h"
#include "frame.h"
#include "wire.h"

#define FRAME_MAX RNL_FRAME_BYTES_DEFAULT

/* Frames as protobuf writes them, and what they are. */
struct golden {
    const char *bytes;
    size_t len;
    uint32_t stream_id;
    enum rnl_frame_kind kind;
    const char *body;
    size_t body_len;
};

#define BYTES(text) (text), sizeof(text) - 1

static const struct golden goldens[] = {
    {BYTES("\x00"), 0, RNL_FRAME_NONE, BYTES("")},
    {BYTES("\x04\x12\x02\x08\x01"), 0, RNL_FRAME_HELLO, BYTES("\x08\x01")},
    {BYTES("\x06\x08\x01\x22\x02hi"), 1, RNL_FRAME_MESSAGE, BYTES("hi")},
    {BYTES("\x04\x08\x03\x2a\x00"), 3, RNL_FRAME_HALF_CLOSE, BYTES("")},
    {BYTES("\x08\x08\xff\xff\xff\xff\x0f\x32\x00"), UINT32_MAX,
     RNL_FRAME_CANCEL, BYTES("")},
    /* The body before the stream id. */
    {BYTES("\x05\x22\x01x\x08\x05"), 5, RNL_FRAME_MESSAGE, BYTES("x")},
    /* Unknown fields of each wire type around it. */
    {BYTES("\x19\x60\x80\x01\x69\x01\x02\x03\x04\x05\x06\x07\x08\x08\x07\x22"
           "\x01y\x72\x01z\x7d\x01\x02\x03\x04"),
     7, RNL_FRAME_MESSAGE, BYTES("y")},
    /* A body of a later version of the protocol. */
    {BYTES("\x05\x08\x09\xa2\x06\x00"), 9, RNL_FRAME_NONE, BYTES("")},
    /* Of two bodies the last counts. */
    {BYTES("\x07\x4a\x02\x08\x01\x22\x01q"), 0, RNL_FRAME_MESSAGE, BYTES("q")},
    /* Padded varints are legal protobuf. */
    {BYTES("\x86\x00\x08\x81\x00\x22\x01p"), 1, RNL_FRAME_MESSAGE, BYTES("p")},
};

static void check(const struct golden *golden, const struct rnl_frame *frame)
{
    assert_int_equal(frame->stream_id, golden->stream_id);
    assert_int_equal(frame->kind, golden->kind);
    assert_int_equal(frame->body_len, golden->body_len);
    if (golden->body_len > 0)
        assert_memory_equal(frame->body, golden->body, golden->body_len);
}

/* Each part is copied to a block of its exact size, so that a read past its
 * end is seen by AddressSanitizer. */
static enum rnl_code decode_exact(const char *bytes, size_t len,
                                  struct rnl_frame *frame, size_t *used,
                                  size_t *need)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    enum rnl_code code =
        rnl_frame_decode(copy, len, FRAME_MAX, frame, used, need);
    if (code == RNL_OK && *used > 0 && frame->body_len > 0)
        frame->body = (const uint8_t *)bytes + (frame->body - copy);
    free(copy);
    return code;
}

static void golden_frames_decode_and_every_prefix_asks_for_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
        const struct golden *golden = &goldens[i];
        struct rnl_frame frame;
        size_t used = 99, need = 0;
        for (size_t cut = 0; cut < golden->len; cut++) {
            assert_int_equal(
                decode_exact(golden->bytes, cut, &frame, &used, &need), RNL_OK);
            assert_int_equal(used, 0);
            assert_true(need > cut && need <= golden->len);
        }
        assert_int_equal(
            decode_exact(golden->bytes, golden->len, &frame, &used, &need),
            RNL_OK);
        assert_int_equal(used, golden->len);
        check(golden, &frame);
    }
}

static void a_frame_leaves_the_bytes_after_it_alone(void **state)
{
    (void)state;
    struct rnl_frame frame;
    size_t used, need;
    assert_int_equal(decode_exact(BYTES("\x06\x08\x01\x22\x02hi\xff\xff"),
                                  &frame, &used, &need),
                     RNL_OK);
    assert_int_equal(used, 7);
    assert_int_equal(frame.body_len, 2);
}

static void bytes_that_are_no_frame_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        /* Length prefix of six bytes. */
        {BYTES("\x80\x80\x80\x80\x80\x00")},
        /* stream_id above 32 bits, and of eleven bytes. */
        {BYTES("\x06\x08\x80\x80\x80\x80\x10")},
        {BYTES("\x0c\x08\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00")},
        /* stream_id as bytes; a body as varint; a body as fixed32. */
        {BYTES("\x03\x0a\x01\x01")},
        {BYTES("\x02\x20\x01")},
        {BYTES("\x05\x25\x01\x02\x03\x04")},
        /* A body longer than its frame; by all of 64 bits. */
        {BYTES("\x03\x22\x02x")},
        {BYTES("\x0b\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
        /* Field number 0, a field number above 2^29 - 1. */
        {BYTES("\x02\x02\x00")},
        {BYTES("\x06\x80\x80\x80\x80\x10\x00")},
        /* Groups, wire types 6 and 7. */
        {BYTES("\x02\x63\x64")},
        {BYTES("\x01\x66")},
        {BYTES("\x01\x67")},
        /* Cut off inside of the frame: tag, varint, fixed32, fixed64. */
        {BYTES("\x01\x80")},
        {BYTES("\x02\x08\x80")},
        {BYTES("\x03\x7d\x01\x02")},
        {BYTES("\x03\x79\x01\x02")},
        {BYTES("\x47"
               "ET / HTTP/1.1\r\nHost: localhost:7400\r\n"
               "User-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n")},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct rnl_frame frame;
        size_t used = 99, need = 99;
        assert_int_equal(
            decode_exact(bad[i].bytes, bad[i].len, &frame, &used, &need),
            RNL_INVALID_ARGUMENT);
        assert_int_equal(used, 99);
        assert_int_equal(need, 99);
    }
}

static void a_length_above_the_limit_is_refused_once_seen(void **state)
{
    (void)state;
    uint8_t prefix[RNL_VARINT_MAX];
    size_t len = rnl_wire_put_varint(prefix, FRAME_MAX + 1);
    struct rnl_frame frame;
    size_t used = 99, need = 99;
    assert_int_equal(
        rnl_frame_decode(prefix, len, FRAME_MAX, &frame, &used, &need),
        RNL_RESOURCE_EXHAUSTED);
    len = rnl_wire_put_varint(prefix, UINT32_MAX);
    assert_int_equal(
        rnl_frame_decode(prefix, len, FRAME_MAX, &frame, &used, &need),
        RNL_RESOURCE_EXHAUSTED);
    assert_int_equal(used, 99);
    len = rnl_wire_put_varint(prefix, FRAME_MAX);
    assert_int_equal(
        rnl_frame_decode(prefix, len, FRAME_MAX, &frame, &used, &need), RNL_OK);
    assert_int_equal(used, 0);
    assert_int_equal(need, len + FRAME_MAX);
}

/* Fills frame with the body that belongs to kind, as protobuf-c has it. */
static void build(Runnel__V1__Frame *frame, int kind, size_t size)
{
    static uint8_t payload[70000];
    static char text[70001];
    static Runnel__V1__Hello hello = RUNNEL__V1__HELLO__INIT;
    static Runnel__V1__Call call = RUNNEL__V1__CALL__INIT;
    static Runnel__V1__HalfClose half_close = RUNNEL__V1__HALF_CLOSE__INIT;
    static Runnel__V1__Cancel cancel = RUNNEL__V1__CANCEL__INIT;
    static Runnel__V1__Credit credit = RUNNEL__V1__CREDIT__INIT;
    static Runnel__V1__Status status = RUNNEL__V1__STATUS__INIT;
    static Runnel__V1__Ping ping = RUNNEL__V1__PING__INIT;
    static Runnel__V1__Pong pong = RUNNEL__V1__PONG__INIT;
    static Runnel__V1__GoAway go_away = RUNNEL__V1__GO_AWAY__INIT;
    memset(text, 'a', size);
    text[size] = '\0';
    hello.agent = call.method = cancel.reason = status.message =
        go_away.reason = text;
    credit.bytes = (uint32_t)size;
    ping.opaque = pong.opaque = size;
    frame->body_case = (Runnel__V1__Frame__BodyCase)kind;
    ProtobufCMessage *bodies[] = {
        [RNL_FRAME_HELLO] = &hello.base,
        [RNL_FRAME_CALL] = &call.base,
        [RNL_FRAME_HALF_CLOSE] = &half_close.base,
        [RNL_FRAME_CANCEL] = &cancel.base,
        [RNL_FRAME_CREDIT] = &credit.base,
        [RNL_FRAME_STATUS] = &status.base,
        [RNL_FRAME_PING] = &ping.base,
        [RNL_FRAME_PONG] = &pong.base,
        [RNL_FRAME_GO_AWAY] = &go_away.base,
    };
    if (kind == RNL_FRAME_MESSAGE)
        frame->message = (ProtobufCBinaryData){size, payload};
    else
        frame->hello = (Runnel__V1__Hello *)bodies[kind];
}

static void heads_and_frames_equal_those_of_protobuf(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 127, 128, 16383, 16384, 70000};
    static const uint32_t ids[] = {0, 1, 127, 128, 65537, UINT32_MAX};
    static uint8_t packed[80000];
    for (int kind = RNL_FRAME_HELLO; kind <= RNL_FRAME_GO_AWAY; kind++) {
        for (size_t i = 0; i < 42; i++) {
            Runnel__V1__Frame message = RUNNEL__V1__FRAME__INIT;
            message.stream_id = ids[i % 6];
            build(&message, kind, sizes[i / 6]);
            size_t packed_len = runnel__v1__frame__get_packed_size(&message);
            size_t prefix = rnl_wire_put_varint(packed, packed_len);
            runnel__v1__frame__pack(&message, packed + prefix);
            struct rnl_frame frame;
            size_t used, need;
            assert_int_equal(rnl_frame_decode(packed, prefix + packed_len,
                                              FRAME_MAX, &frame, &used, &need),
                             RNL_OK);
            assert_int_equal(used, prefix + packed_len);
            assert_int_equal(frame.stream_id, ids[i % 6]);
            assert_int_equal(frame.kind, kind);
            uint8_t head[RNL_FRAME_HEAD_MAX];
            size_t head_len = rnl_frame_head(head, frame.stream_id, frame.kind,
                                             frame.body_len);
            assert_int_equal(head_len + frame.body_len, used);
            assert_memory_equal(head, packed, head_len);
            assert_ptr_equal(frame.body, packed + head_len);
        }
    }
}

/* Random bytes must give a verdict within the buffer, whatever it is. */
static void random_bytes_never_read_past_their_end(void **state)
{
    (void)state;
    unsigned seed = 20260101;
    for (int round = 0; round < 20000; round++) {
        char bytes[40];
        size_t len = (size_t)rand_r(&seed) % sizeof(bytes);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)rand_r(&seed);
        if (len > 0 && round % 2 == 0)
            bytes[0] = (char)(len - 1);
        struct rnl_frame frame;
        size_t used, need;
        if (decode_exact(bytes, len, &frame, &used, &need) == RNL_OK)
            assert_true(used == 0 ? need > len : used <= len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_frames_decode_and_every_prefix_asks_for_more),
        cmocka_unit_test(a_frame_leaves_the_bytes_after_it_alone),
        cmocka_unit_test(bytes_that_are_no_frame_are_refused),
        cmocka_unit_test(a_length_above_the_limit_is_refused_once_seen),
        cmocka_unit_test(heads_and_frames_equal_those_of_protobuf),
        cmocka_unit_test(random_bytes_never_read_past_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
