/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The newest frames of a topic, bounded by count and bytes. Frames are
 * numbered 0, 1, 2… as they are pushed; tail is the oldest kept, head the next
 * to come. Their sequences rise, and a frame stands for first_sequence to
 * last_sequence (0 for a frame without any).
 */
#ifndef RNL_BRIDGE_RING_H
#define RNL_BRIDGE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

struct rnl_frame;

struct rnl_ring {
    uint64_t tail;
    uint64_t head;
    /* Of the newest frame that had one, or where the ring began. */
    uint64_t last_sequence;
    size_t bytes;
    struct rnl_frame **frames;
};

/* An empty ring of what comes after a sequence. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_ring_init(struct rnl_ring *ring, uint64_t after);

/* Releases the frames. A zeroed ring may be given. */
void rnl_ring_fini(struct rnl_ring *ring);

/* Whether the oldest frame must go before one of len bytes comes. An empty
 * ring takes a frame of any size. */
bool rnl_ring_is_full(const struct rnl_ring *ring, size_t len);

/* Takes over the reference. Not when full. */
void rnl_ring_push(struct rnl_ring *ring, struct rnl_frame *frame);

/* Releases the oldest frame. */
void rnl_ring_drop(struct rnl_ring *ring);

/* A frame from tail to head - 1. */
struct rnl_frame *rnl_ring_at(const struct rnl_ring *ring, uint64_t number);

/* Whether a reader that had everything up to cursor can go on in the ring, and
 * with which frame: the one that begins just after cursor, or the next to come.
 * A reader ahead of the ring can: it skips what it has had. */
bool rnl_ring_find(const struct rnl_ring *ring, uint64_t cursor,
                   uint64_t *ret_number);

#endif
