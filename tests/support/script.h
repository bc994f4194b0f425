/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes that a core would send over one connection, put together in
 * memory, so that a test can cut, twist and repeat them. */
#ifndef RNL_TESTS_SCRIPT_H
#define RNL_TESTS_SCRIPT_H

#include <protobuf-c/protobuf-c.h>

#include "frame.h"

#define SCRIPT_BYTES_MAX 16384

struct script {
    size_t len;
    uint8_t data[SCRIPT_BYTES_MAX];
};

void script_frame(struct script *script, uint32_t stream_id,
                  enum rnl_frame_kind kind, const void *body, size_t len);
void script_packed(struct script *script, uint32_t stream_id,
                   enum rnl_frame_kind kind, const ProtobufCMessage *body);

/* The server's Hello. */
void script_hello(struct script *script);

/* Status of a stream; failed: with two violations and all else that a Status
 * can have. */
void script_status(struct script *script, uint32_t stream_id, bool failed);

/* What a core answers on stream 1, with every field that the client reads. */
void script_watch_job(struct script *script);
void script_list_jobs(struct script *script);
void script_get_stats(struct script *script);
void script_watch_stats(struct script *script);
void script_ingest(struct script *script);

#endif
