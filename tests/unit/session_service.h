/* SPDX-License-Identifier: Apache-2.0 */
/* A service whose handlers do what the tests of the session need, and count
 * how they were called. */
#ifndef RNL_TESTS_SESSION_SERVICE_H
#define RNL_TESTS_SESSION_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#include "rpc.h"

/*
 *   test/Echo     unary: the request; looks ahead
 *   test/Hold     unary: keeps the stream in probe.held, answers nothing
 *   test/Keep     bidi: the same; it is told that the server drains
 *   test/Flow     server stream: messages of probe.message_len bytes while
 *                 there is room, probe.message_count in all, then RNL_OK
 *   test/Push     the same, but all at once, room or not
 *   test/Mirror   bidi: each message, ends with the half-close
 *   test/Swallow  client stream: answers the number of messages as text
 */
extern const struct rnl_service session_test_service;

#define PROBE_AHEAD_MAX 8

/* A call of Echo's on_ahead: how many messages, the first byte of the first and
 * of the last one, and what was handled before. */
struct probe_ahead {
    size_t count;
    uint8_t first;
    uint8_t last;
    int messages_before;
};

struct session_probe {
    struct probe_ahead ahead[PROBE_AHEAD_MAX];
    size_t ahead_calls;
    int messages;
    int half_closes;
    int writables;
    int closes;
    int drains;
    enum rnl_code last_code;
    size_t last_len;
    struct rnl_stream *held;
    size_t message_len;
    int message_count;
    /* Sent by Flow instead of new buffers, if set. */
    struct rnl_buf *shared;
    /* Handlers that run at this moment. */
    int depth;
    int depth_max;
};

extern struct session_probe probe;

#endif
