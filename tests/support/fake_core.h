/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core that does what a test says, wrong things too: a thread that listens
 * on loopback, and gives each connection to a function of the test. One
 * connection is served at a time, in the order in which they come.
 *
 * The functions of a connection return false when the peer has gone, the test
 * wants to stop, or a deadline passed; the test's function then returns. It
 * runs in the thread, so it must not assert; and nothing here comes through
 * alloc.h, so that faults can be injected into the client meanwhile.
 */
#ifndef RNL_TESTS_FAKE_CORE_H
#define RNL_TESTS_FAKE_CORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "frame.h"

#define FAKE_BUFFER_BYTES ((size_t)2 * 1024 * 1024)

/* Far above what anything takes. */
#define FAKE_DEADLINE_MS 20000

struct fake_conn {
    int fd;
    /* Readable when the test wants to stop. */
    int stop_fd;
    /* 0 for the first connection. */
    unsigned number;
    uint8_t *buf;
    size_t len;
    /* Of the last frame read, still at the start of buf. */
    size_t used;
};

/* The connection is closed when it returns. */
typedef void fake_serve_fn(struct fake_conn *conn, void *arg);

struct fake_core {
    /* "127.0.0.1:PORT" */
    char address[32];
    int listen_fd;
    int stop_pipe[2];
    pthread_t thread;
    fake_serve_fn *serve;
    void *arg;
    /* Connections taken so far. */
    atomic_uint connection_count;
};

void fake_core_start(struct fake_core *core, fake_serve_fn *serve, void *arg);

/* Ends what is being served and waits for the thread. */
void fake_core_stop(struct fake_core *core);

/* Waits for the next frame; its body is valid until the next read. */
bool fake_read(struct fake_conn *conn, struct rnl_frame *ret_frame);

/* Waits for a frame of a kind, ignoring others. */
bool fake_read_kind(struct fake_conn *conn, enum rnl_frame_kind kind,
                    struct rnl_frame *ret_frame);

bool fake_write_bytes(struct fake_conn *conn, const void *data, size_t len);
bool fake_write(struct fake_conn *conn, uint32_t stream_id,
                enum rnl_frame_kind kind, const void *body, size_t len);
bool fake_write_packed(struct fake_conn *conn, uint32_t stream_id,
                       enum rnl_frame_kind kind, const ProtobufCMessage *body);

/* Awaits the client's Hello and answers with one of this epoch. */
bool fake_hello(struct fake_conn *conn, const char *epoch);

/* Awaits the next whole request, up to its HalfClose. message, of cap bytes,
 * receives the request. */
bool fake_request(struct fake_conn *conn, uint32_t *ret_stream_id,
                  uint8_t *message, size_t cap, size_t *ret_len);

/* A Status; text may be NULL. */
bool fake_status(struct fake_conn *conn, uint32_t stream_id, int code,
                 const char *text);

/* Throws away what comes until the peer closes or the test stops. */
void fake_wait_end(struct fake_conn *conn);

#endif
