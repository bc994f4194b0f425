/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include "alloc.h"
#include "frame.h"
#include "topic.h"

_Static_assert((RNL_TOPIC_FRAMES_MAX & (RNL_TOPIC_FRAMES_MAX - 1)) == 0,
               "positions are taken by a mask");

static struct rnl_frame **slot(const struct rnl_ring *ring, uint64_t number)
{
    return &ring->frames[number & (RNL_TOPIC_FRAMES_MAX - 1)];
}

enum rnl_code rnl_ring_init(struct rnl_ring *ring, uint64_t after)
{
    *ring = (struct rnl_ring){.last_sequence = after};
    ring->frames = rnl_calloc(RNL_TOPIC_FRAMES_MAX, sizeof(*ring->frames));
    return ring->frames != NULL ? RNL_OK : RNL_RESOURCE_EXHAUSTED;
}

void rnl_ring_fini(struct rnl_ring *ring)
{
    while (ring->tail < ring->head)
        rnl_ring_drop(ring);
    rnl_free(ring->frames);
    ring->frames = NULL;
}

bool rnl_ring_is_full(const struct rnl_ring *ring, size_t len)
{
    return ring->head - ring->tail == RNL_TOPIC_FRAMES_MAX ||
           (ring->head > ring->tail && ring->bytes + len > RNL_TOPIC_BYTES_MAX);
}

void rnl_ring_push(struct rnl_ring *ring, struct rnl_frame *frame)
{
    *slot(ring, ring->head) = frame;
    ring->head++;
    ring->bytes += frame->len;
    if (frame->last_sequence > 0)
        ring->last_sequence = frame->last_sequence;
}

void rnl_ring_drop(struct rnl_ring *ring)
{
    struct rnl_frame *frame = *slot(ring, ring->tail);
    ring->tail++;
    ring->bytes -= frame->len;
    rnl_frame_unref(frame);
}

struct rnl_frame *rnl_ring_at(const struct rnl_ring *ring, uint64_t number)
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
    /* The first frame that ends after the cursor. */
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
