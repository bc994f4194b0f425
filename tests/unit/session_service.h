/* SPDX-License-Identifier: Apache-2.0 */
/* A service whose handlers do what the tests of the session need, and count
 * how they were called. */
#ifndef RNL_TESTS_SESSION_SERVICE_H
#define RNL_TESTS_SESSION_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#include "rpc.h"

/*
 *   test/Echo     unary: the request
 *   test/Hold     unary: keeps the stream in probe.held, answers nothing
 *   test/Keep     bidi: the same; it is told that the server drains
 *   test/Flow     server stream: messages of probe.message_len bytes while
 *                 there is room, probe.message_count in all, then RNL_OK
 *   test/Push     the same, but all at once, room or not
 *   test/Mirror   bidi: each message, ends with the half-close
 *   test/Swallow  client stream: answers the number of messages as text
 */
extern const struct rnl_service session_test_service;

struct session_probe {
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
