/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include "alloc.h"
#include "piece.h"
#include "topic.h"

_Static_assert((RNL_TOPIC_PIECES_MAX & (RNL_TOPIC_PIECES_MAX - 1)) == 0,
               "positions are taken by a mask");

static struct rnl_piece **slot(const struct rnl_ring *ring, uint64_t number)
{
    return &ring->pieces[number & (RNL_TOPIC_PIECES_MAX - 1)];
}

enum rnl_code rnl_ring_init(struct rnl_ring *ring, uint64_t after)
{
    *ring = (struct rnl_ring){.last_sequence = after};
    ring->pieces = rnl_calloc(RNL_TOPIC_PIECES_MAX, sizeof(*ring->pieces));
    return ring->pieces != NULL ? RNL_OK : RNL_RESOURCE_EXHAUSTED;
}

void rnl_ring_fini(struct rnl_ring *ring)
{
    while (ring->tail < ring->head)
        rnl_ring_drop(ring);
    rnl_free(ring->pieces);
    ring->pieces = NULL;
}

bool rnl_ring_is_full(const struct rnl_ring *ring, size_t len)
{
    return ring->head - ring->tail == RNL_TOPIC_PIECES_MAX ||
           (ring->head > ring->tail && ring->bytes + len > RNL_TOPIC_BYTES_MAX);
}

void rnl_ring_push(struct rnl_ring *ring, struct rnl_piece *piece)
{
    *slot(ring, ring->head) = piece;
    ring->head++;
    ring->bytes += piece->len;
    if (piece->last_sequence > 0)
        ring->last_sequence = piece->last_sequence;
}

void rnl_ring_drop(struct rnl_ring *ring)
{
    struct rnl_piece *piece = *slot(ring, ring->tail);
    ring->tail++;
    ring->bytes -= piece->len;
    rnl_piece_unref(piece);
}

struct rnl_piece *rnl_ring_at(const struct rnl_ring *ring, uint64_t number)
{
    return *slot(ring, number);
}

bool rnl_ring_find(const struct rnl_ring *ring, uint64_t cursor,
                   uint64_t *ret_number)
{
    uint64_t low = ring->tail, high = ring->head;
    if (cursor >= ring->last_sequence) {
        *ret_number = ring->head;
        return true;
    }
    /* The first piece that ends after the cursor. */
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (rnl_ring_at(ring, middle)->last_sequence > cursor)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == ring->head ||
        rnl_ring_at(ring, low)->first_sequence != cursor + 1)
        return false;
    *ret_number = low;
    return true;
}
