/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of the wire that does exactly what a test says, wrong things too:
 * frames by hand over a blocking socket with time-outs. Failures fail the
 * test.
 */
#ifndef RNL_TESTS_RAW_CLIENT_H
#define RNL_TESTS_RAW_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "frame.h"

#define RAW_BUFFER_BYTES (2 * 1024 * 1024)

struct raw_client {
    int fd;
    uint8_t *buf;
    size_t len;
    /* Bytes of the last frame received, still at the start of buf. */
    size_t used;
};

void raw_connect(struct raw_client *client, uint16_t port);
void raw_close(struct raw_client *client);

void raw_send_bytes(struct raw_client *client, const void *data, size_t len);
void raw_send(struct raw_client *client, uint32_t stream_id,
              enum rnl_frame_kind kind, const ProtobufCMessage *body);
void raw_send_message(struct raw_client *client, uint32_t stream_id,
                      const void *data, size_t len);

/* Hello with defaults, and the server's Hello awaited. */
void raw_hello(struct raw_client *client);

/* Call, Message (request may be NULL: empty) and HalfClose. */
void raw_call(struct raw_client *client, uint32_t stream_id, const char *method,
              const ProtobufCMessage *request);

/* Waits for the next frame; its body is valid until the next wait. False when
 * the server has closed the connection. */
bool raw_receive(struct raw_client *client, struct rnl_frame *ret_frame);

/* Waits for frames until the Status of a stream; returns its code and copies
 * its message. Frames of others are thrown away. */
int raw_await_status(struct raw_client *client, uint32_t stream_id,
                     char *ret_text, size_t cap);

/* Waits until the server closes, throwing frames away. */
void raw_await_close(struct raw_client *client);

/* Calls GetInfo on a stream and demands an answer. */
void raw_check_served(struct raw_client *client, uint32_t stream_id);

#endif
