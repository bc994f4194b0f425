/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams and a core without a wire: rpc.h implemented for tests of handlers.
 * A test says when a stream can be written to, sees what was sent, and drives
 * time by hand. Link it instead of runnel_core.
 */
#ifndef RNL_TESTS_FAKE_STREAM_H
#define RNL_TESTS_FAKE_STREAM_H

#include <stdint.h>

#include "core.h"

struct rnl_stream {
    struct rnl_core *core;
    const struct rnl_method *method;
    void *state;
    const char *idempotency_key;
    /* Messages that may still be sent until the stream is not writable. */
    size_t room;
    /* 0 means 1 MiB. */
    size_t message_max;
    bool wants_room;
    /* What the handler said by rnl_stream_hold. */
    bool held;
    bool finished;
    enum rnl_code code;
    char message[512];
    char field[128];
    uint64_t first_available;
    uint32_t retry_delay_ms;
    struct rnl_buf **sent;
    size_t sent_count;
    size_t sent_cap;
};

/* A core with options.random seeded by seed, at 1,700,000,000 s after 1970,
 * and no services; zero options for defaults. */
void fake_core_init(struct rnl_core *core, uint64_t seed);
void fake_core_fini(struct rnl_core *core);

/* Lets time pass and timers fire, each at its time. Fails the test when they
 * do not come to rest. */
void fake_core_advance(struct rnl_core *core, int64_t ns);

/* Opens a stream of a method and gives it the request. room is SIZE_MAX. */
void fake_call(struct rnl_stream *stream, struct rnl_core *core,
               const struct rnl_service *service, const char *method,
               const ProtobufCMessage *request);

/* The same for a stream prepared by fake_open. */
void fake_open(struct rnl_stream *stream, struct rnl_core *core,
               const struct rnl_service *service, const char *method);
void fake_request(struct rnl_stream *stream, const ProtobufCMessage *request);

/* Gives room for more messages, and calls on_writable if it was asked for. */
void fake_give_room(struct rnl_stream *stream, size_t room);

/* on_close, and frees what was sent. */
void fake_close(struct rnl_stream *stream);

/* Decodes a message that was sent; free it with rnl_request_free. */
void *fake_sent(const struct rnl_stream *stream, size_t index,
                const ProtobufCMessageDescriptor *descriptor);

#endif
