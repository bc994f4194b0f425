/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ceilings of the core's connections, calls and buffers, each with its
 * reason. Those marked (setting) are defaults of struct rnl_core_options. (Not
 * limits.h: the C library's would be hidden.)
 */
#ifndef RNL_CORE_BOUNDS_H
#define RNL_CORE_BOUNDS_H

#include <stdint.h>

#include "frame.h"

/* (setting) Sockets; each takes about 2 KiB while idle. */
#define RNL_CONNECTIONS_MAX_DEFAULT 4096

/* (setting) Open calls of a connection. A bridge watches every job that any of
 * its browsers looks at over one connection; a call takes about 300 bytes. */
#define RNL_STREAMS_MAX_DEFAULT 1024

/* Nothing of a peer that has not said Hello is worth more memory than this;
 * also the smallest limit that a peer may set for us. */
#define RNL_HELLO_FRAME_BYTES_MAX RNL_FRAME_BYTES_MIN

#define RNL_AGENT_BYTES_MAX 128

/* A token is at most a page: a signed one with claims fits. */
#define RNL_TOKEN_BYTES_MAX 4096

/* (setting) Time for Hello. */
#define RNL_HANDSHAKE_MS_DEFAULT 10000

/* (setting) Silence after which the server sends a Ping, and again this long
 * until it takes the peer for gone. Below the 60 s after which common NATs and
 * proxies forget a connection. */
#define RNL_KEEPALIVE_MS_DEFAULT 30000

/* Time to write out the Status that ends a connection. */
#define RNL_CLOSING_MS 5000

/* frame.proto: metadata of a Call. */
#define RNL_METADATA_ENTRIES_MAX 32
#define RNL_METADATA_BYTES_MAX   1024

/* Balance of credit beyond which a peer's arithmetic must be wrong; a 64-bit
 * balance cannot overflow on the way there. */
#define RNL_CREDIT_BALANCE_MAX INT32_MAX

/* Output that waits for the socket, all streams of a connection together:
 * handlers pause above it. Enough to fill 10 Gbit/s for 0.8 ms, the time of a
 * busy loop's round. */
#define RNL_SESSION_OUTPUT_BYTES_MAX (1024 * 1024)

/* Handlers go on below this, so that they do not wake for each frame. */
#define RNL_SESSION_OUTPUT_BYTES_LOW (RNL_SESSION_OUTPUT_BYTES_MAX / 2)

/* Answers to unary calls may exceed that; above this no more calls are read
 * from the peer until it has taken some. */
#define RNL_SESSION_PAUSE_BYTES (4 * RNL_SESSION_OUTPUT_BYTES_MAX)

/* Control frames (Pong, Credit, Status of refused calls) that wait: above this
 * the peer is not read from. What one read of 64 KiB can add to it is bounded
 * by the ratio of the shortest Call (8 bytes) to the Status that refuses it
 * (below 160). */
#define RNL_SESSION_CONTROL_BYTES_MAX (64 * 1024)

/* Messages queued on a connection, those without credit too: one more is
 * refused. It is reached only by a peer that calls and does not grant
 * credit for the answers. */
#define RNL_SESSION_QUEUE_BYTES_MAX (32 * 1024 * 1024)

/* Messages, of any size, queued on one stream. */
#define RNL_STREAM_QUEUE_COUNT_MAX 65536

/* Requests of a connection that wait for their half-close. */
#define RNL_SESSION_REQUEST_BYTES_MAX (16 * 1024 * 1024)

/* Blocks of large frames that are kept for the next ones: as many connections
 * can send batches at once without allocating. Larger blocks are freed. */
#define RNL_INPUT_SPARES_MAX      8
#define RNL_INPUT_SPARE_BYTES_MAX ((size_t)2 * RNL_FRAME_BYTES_DEFAULT)

/* Calls that came together and are looked at together: waits for memory that
 * go on side by side, of which a processor has some 20 at a time; and their
 * frames, a Call, a Message and a HalfClose each. */
#define RNL_AHEAD_MAX        32
#define RNL_AHEAD_FRAMES_MAX (3 * RNL_AHEAD_MAX)

/* A Status message for a person. */
#define RNL_STATUS_TEXT_MAX 512

_Static_assert(RNL_HELLO_FRAME_BYTES_MAX >
                   RNL_TOKEN_BYTES_MAX + RNL_AGENT_BYTES_MAX + 64,
               "any legal Hello fits the frame limit before Hello");
_Static_assert(RNL_SESSION_REQUEST_BYTES_MAX >= RNL_FRAME_BYTES_DEFAULT,
               "the largest request fits");

#endif
