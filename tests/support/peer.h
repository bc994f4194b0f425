/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end of a session, in memory: a core with a clock driven by hand
 * and a seeded generator, and peers that feed frames to a session and look at
 * what it writes. Failures of the harness itself fail the test; a session that
 * has no memory is the test's to judge.
 */
#ifndef RNL_TESTS_PEER_H
#define RNL_TESTS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "core.h"
#include "frame.h"
#include "session.h"

#define PEER_MS INT64_C(1000000)

struct peer {
    struct rnl_session *session;
    /* on_output was called since the last peer_fetch. */
    bool notified;
    /* Bytes that the session wrote. */
    uint8_t *out;
    size_t out_len;
    size_t out_cap;
    /* Of them, looked at by peer_next. */
    size_t out_seen;
    /* If not 0: no write takes more than this. */
    size_t write_max;
};

/* Options with a generator whose bytes are always the same. */
struct rnl_core_options peer_core_options(void);

/* A core at time 1 s; NULL when memory is out. */
struct rnl_core *peer_core_create(const struct rnl_core_options *options);

/* Moves the clock and fires what is due. */
void peer_advance(struct rnl_core *core, int64_t ms);

/* False when memory is out. */
bool peer_open(struct peer *peer, struct rnl_core *core);

/* Accepts a peer that was never opened. */
void peer_close(struct peer *peer);

void peer_feed(struct peer *peer, const void *data, size_t len);
void peer_send(struct peer *peer, uint32_t stream_id, enum rnl_frame_kind kind,
               const void *body, size_t len);
void peer_send_packed(struct peer *peer, uint32_t stream_id,
                      enum rnl_frame_kind kind, const ProtobufCMessage *body);

/* Hello with these (0: default), without looking at the answer. */
void peer_hello(struct peer *peer, uint32_t credit, uint32_t frame_max);

/* Call alone. */
void peer_call(struct peer *peer, uint32_t stream_id, const char *method,
               uint32_t timeout_ms);

/* Message and HalfClose, in one feed. */
void peer_request(struct peer *peer, uint32_t stream_id, const void *data,
                  size_t len);

void peer_credit(struct peer *peer, uint32_t stream_id, uint32_t bytes);

/* Takes all output of the session. */
void peer_fetch(struct peer *peer);

/* The next frame of the output fetched; false when there is none. */
bool peer_next(struct peer *peer, struct rnl_frame *ret_frame);

/* Fetches, and skips to the next frame of a kind; fails when there is none. */
struct rnl_frame peer_expect(struct peer *peer, enum rnl_frame_kind kind);

/* Fetches, skips to the next Status, and demands stream, code and, if not
 * NULL, text. */
void peer_expect_status(struct peer *peer, uint32_t stream_id,
                        enum rnl_code code, const char *text);

/* Fetches and demands that there is no frame. */
void peer_expect_nothing(struct peer *peer);

#endif
