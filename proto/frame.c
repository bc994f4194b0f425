/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame of a Message "hi" on stream 1:
 *
 *   06            length of the Frame
 *   08 01         field 1, varint: stream_id = 1
 *   22 02 68 69   field 4, bytes: message = "hi"
 *
 * The body is always written last, so that a head can be put in front of a
 * payload that lies elsewhere; it is read in any order.
 */
#include "frame.h"

#include "wire.h"

#define FIELD_STREAM_ID   1
#define TAG(number, type) ((uint64_t)(number) << 3 | (type))

_Static_assert(RNL_FRAME_HEAD_MAX == RNL_VARINT32_MAX + 1 + RNL_VARINT32_MAX +
                                         1 + RNL_VARINT32_MAX,
               "a head is three varints of 32 bits and two tags");
_Static_assert(RNL_FRAME_OVERHEAD_MAX == RNL_FRAME_HEAD_MAX - RNL_VARINT32_MAX,
               "the overhead is the head without its length prefix");
_Static_assert(RNL_FRAME_GO_AWAY < 16, "the body's tag takes one byte");

/* Reads the length prefix. Returns the bytes that it took, 0 when it is cut
 * off, -1 when it is longer than any length that could be meant. */
static int read_prefix(const uint8_t *buf, size_t len, uint64_t *ret_value)
{
    size_t have = len < RNL_VARINT32_MAX ? len : RNL_VARINT32_MAX;
    struct rnl_wire wire = {buf, buf + have};
    if (rnl_wire_varint(&wire, ret_value))
        return (int)(wire.at - buf);
    return have == RNL_VARINT32_MAX ? -1 : 0;
}

static bool take_field(struct rnl_frame *frame,
                       const struct rnl_wire_field *field)
{
    if (field->number == FIELD_STREAM_ID) {
        frame->stream_id = (uint32_t)field->value;
        return field->type == RNL_WIRE_VARINT && field->value <= UINT32_MAX;
    }
    if (field->number > RNL_FRAME_GO_AWAY)
        return true;
    frame->kind = (enum rnl_frame_kind)field->number;
    frame->body = field->data;
    frame->body_len = field->len;
    return field->type == RNL_WIRE_BYTES;
}

static enum rnl_code read_frame(const uint8_t *buf, size_t len,
                                struct rnl_frame *ret_frame)
{
    struct rnl_wire wire = {buf, buf + len};
    struct rnl_frame frame = {0};
    struct rnl_wire_field field;
    enum rnl_wire_result result;
    while ((result = rnl_wire_next(&wire, &field)) == RNL_WIRE_FIELD)
        if (!take_field(&frame, &field))
            return RNL_INVALID_ARGUMENT;
    if (result == RNL_WIRE_BROKEN)
        return RNL_INVALID_ARGUMENT;
    *ret_frame = frame;
    return RNL_OK;
}

enum rnl_code rnl_frame_decode(const uint8_t *buf, size_t len, size_t frame_max,
                               struct rnl_frame *ret_frame, size_t *ret_used,
                               size_t *ret_need)
{
    uint64_t frame_len;
    int prefix = read_prefix(buf, len, &frame_len);
    if (prefix < 0)
        return RNL_INVALID_ARGUMENT;
    if (prefix == 0) {
        *ret_used = 0;
        *ret_need = len + 1;
        return RNL_OK;
    }
    if (frame_len > frame_max)
        return RNL_RESOURCE_EXHAUSTED;
    size_t total = (size_t)prefix + (size_t)frame_len;
    if (len < total) {
        *ret_used = 0;
        *ret_need = total;
        return RNL_OK;
    }
    enum rnl_code code = read_frame(buf + prefix, (size_t)frame_len, ret_frame);
    if (code != RNL_OK)
        return code;
    *ret_used = total;
    *ret_need = total;
    return RNL_OK;
}

size_t rnl_frame_head(uint8_t out[RNL_FRAME_HEAD_MAX], uint32_t stream_id,
                      enum rnl_frame_kind kind, size_t body_len)
{
    uint8_t inner[RNL_FRAME_OVERHEAD_MAX];
    size_t inner_len = 0;
    if (stream_id != 0) {
        inner[inner_len++] = TAG(FIELD_STREAM_ID, RNL_WIRE_VARINT);
        inner_len += rnl_wire_put_varint(inner + inner_len, stream_id);
    }
    inner[inner_len++] = (uint8_t)TAG(kind, RNL_WIRE_BYTES);
    inner_len += rnl_wire_put_varint(inner + inner_len, body_len);
    size_t len = rnl_wire_put_varint(out, inner_len + body_len);
    for (size_t i = 0; i < inner_len; i++)
        out[len++] = inner[i];
    return len;
}
