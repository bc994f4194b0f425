/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of an answer, encoded once and sent to any number of peers of one
 * worker. One thread. */
#ifndef RNL_BRIDGE_FRAME_H
#define RNL_BRIDGE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct rnl_text;

struct rnl_frame {
    uint32_t refs;
    /* Of a job's event: the sequences it stands for; 0 for none. */
    uint64_t first_sequence;
    uint64_t last_sequence;
    /* Bytes of the core's message that it was made of: its credit. */
    size_t wire_len;
    /* Nothing comes after it. */
    bool terminal;
    /* Of a frame that only one reader has. */
    STAILQ_ENTRY(rnl_frame) link;
    size_t len;
    char data[];
};

/* Frames that one reader alone has. */
STAILQ_HEAD(rnl_frame_queue, rnl_frame);

/* A frame with one reference and a copy of data; NULL when memory is out. */
struct rnl_frame *rnl_frame_create(const void *data, size_t len);

/* The same of a text, which is emptied; NULL also when it has failed. */
struct rnl_frame *rnl_frame_of_text(struct rnl_text *text);

struct rnl_frame *rnl_frame_ref(struct rnl_frame *frame);

/* Accepts NULL. */
void rnl_frame_unref(struct rnl_frame *frame);

/* Releases all frames of a queue. */
void rnl_frame_queue_drop(struct rnl_frame_queue *queue);

#endif
