/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The newest pieces of a topic, bounded by count and bytes. Pieces are
 * numbered 0, 1, 2… as they are pushed; tail is the oldest kept, head the next
 * to come. Their sequences rise, and a piece stands for first_sequence to
 * last_sequence (0 for a piece without any).
 */
#ifndef RNL_BRIDGE_RING_H
#define RNL_BRIDGE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

struct rnl_piece;

struct rnl_ring {
    uint64_t tail;
    uint64_t head;
    /* Of the newest piece that had one, or where the ring began. */
    uint64_t last_sequence;
    size_t bytes;
    struct rnl_piece **pieces;
};

/* An empty ring of what comes after a sequence. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_ring_init(struct rnl_ring *ring, uint64_t after);

/* Releases the pieces. A zeroed ring may be given. */
void rnl_ring_fini(struct rnl_ring *ring);

/* Whether the oldest piece must go before one of len bytes comes. An empty
 * ring takes a piece of any size. */
bool rnl_ring_is_full(const struct rnl_ring *ring, size_t len);

/* Takes over the reference. Not when full. */
void rnl_ring_push(struct rnl_ring *ring, struct rnl_piece *piece);

/* Releases the oldest piece. */
void rnl_ring_drop(struct rnl_ring *ring);

/* A piece from tail to head - 1. */
struct rnl_piece *rnl_ring_at(const struct rnl_ring *ring, uint64_t number);

/* Whether a reader that had everything up to cursor can go on in the ring, and
 * with which piece: the one that begins just after cursor, or the next to come.
 * A reader ahead of the ring can: it skips what it has had. */
bool rnl_ring_find(const struct rnl_ring *ring, uint64_t cursor,
                   uint64_t *ret_number);

#endif
