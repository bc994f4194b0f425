/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame codec: finds frames in a byte stream and writes the envelope of a
 * frame. Both ends of the wire use it. It never allocates and never copies a
 * payload: a decoded frame points into the caller's buffer, and an envelope is
 * written in front of a payload that stays where it is.
 *
 * It is not the session: it knows no streams, no credit and no order of
 * frames. The bodies of control frames are left encoded; wire.h or protobuf-c
 * reads them where they are wanted.
 */
#ifndef RNL_PROTO_FRAME_H
#define RNL_PROTO_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

#define RNL_PROTOCOL_VERSION 1

#define RNL_FRAME_BYTES_DEFAULT  (1024 * 1024)
#define RNL_FRAME_BYTES_MIN      (16 * 1024)
#define RNL_FRAME_BYTES_MAX      (64 * 1024 * 1024)
#define RNL_CREDIT_BYTES_DEFAULT (256 * 1024)

/* Length prefix (5) + stream id (1 + 5) + body tag and length (1 + 5). */
#define RNL_FRAME_HEAD_MAX 17

/* Room that a Message frame needs besides its payload, for checking a payload
 * against the frame limit: the head without the length prefix. */
#define RNL_FRAME_OVERHEAD_MAX 12

/* Field numbers of Frame.body in frame.proto. */
enum rnl_frame_kind {
    RNL_FRAME_NONE = 0,
    RNL_FRAME_HELLO = 2,
    RNL_FRAME_CALL = 3,
    RNL_FRAME_MESSAGE = 4,
    RNL_FRAME_HALF_CLOSE = 5,
    RNL_FRAME_CANCEL = 6,
    RNL_FRAME_CREDIT = 7,
    RNL_FRAME_STATUS = 8,
    RNL_FRAME_PING = 9,
    RNL_FRAME_PONG = 10,
    RNL_FRAME_GO_AWAY = 11,
};

struct rnl_frame {
    uint32_t stream_id;
    /* RNL_FRAME_NONE when the body is one that this version does not know. */
    enum rnl_frame_kind kind;
    /* Borrowed from the buffer given to rnl_frame_decode. */
    const uint8_t *body;
    size_t body_len;
};

/*
 * Decodes the frame at the start of buf.
 *
 * Sets *ret_used to the bytes that the frame took, or to 0 when buf does not
 * hold the whole frame yet; *ret_need is then the total number of bytes that
 * the frame needs, as far as known (at least len + 1), so that a caller can
 * size its buffer. Unknown fields are skipped; of several bodies the last
 * counts, as protobuf has it.
 *
 * Errors: RNL_RESOURCE_EXHAUSTED when the length prefix is above frame_max,
 * as soon as the prefix is seen; RNL_INVALID_ARGUMENT when the bytes are not a
 * Frame. Framing is lost after either; outputs are not written.
 */
RNL_MUST_USE enum rnl_code rnl_frame_decode(const uint8_t *buf, size_t len,
                                            size_t frame_max,
                                            struct rnl_frame *ret_frame,
                                            size_t *ret_used, size_t *ret_need);

/*
 * Writes everything of a frame that precedes its body of body_len bytes
 * (at most RNL_FRAME_BYTES_MAX) to out, and returns the number of bytes
 * written, at most RNL_FRAME_HEAD_MAX.
 */
size_t rnl_frame_head(uint8_t out[RNL_FRAME_HEAD_MAX], uint32_t stream_id,
                      enum rnl_frame_kind kind, size_t body_len);

#endif
