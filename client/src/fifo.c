/* SPDX-License-Identifier: Apache-2.0 */
#include "fifo.h"

#include <assert.h>
#include <string.h>

#include "alloc.h"

#define FIFO_CAP_MIN ((size_t)4096)

void rnl_fifo_fini(struct rnl_fifo *fifo)
{
    rnl_free(fifo->data);
    *fifo = (struct rnl_fifo){0};
}

void rnl_fifo_reset(struct rnl_fifo *fifo)
{
    fifo->start = 0;
    fifo->len = 0;
}

size_t rnl_fifo_room(const struct rnl_fifo *fifo)
{
    return fifo->cap - fifo->start - fifo->len;
}

static void move_to_front(struct rnl_fifo *fifo)
{
    if (fifo->start == 0)
        return;
    memmove(fifo->data, fifo->data + fifo->start, fifo->len);
    fifo->start = 0;
}

static bool grow(struct rnl_fifo *fifo, size_t need)
{
    size_t cap = fifo->cap < FIFO_CAP_MIN ? FIFO_CAP_MIN : fifo->cap;
    while (cap < need)
        cap *= 2;
    uint8_t *data = rnl_realloc(fifo->data, cap);
    if (data == NULL)
        return false;
    fifo->data = data;
    fifo->cap = cap;
    return true;
}

uint8_t *rnl_fifo_reserve(struct rnl_fifo *fifo, size_t len)
{
    if (fifo->data == NULL && !grow(fifo, len))
        return NULL;
    if (rnl_fifo_room(fifo) < len) {
        move_to_front(fifo);
        if (fifo->cap - fifo->len < len && !grow(fifo, fifo->len + len))
            return NULL;
    }
    return fifo->data + fifo->start + fifo->len;
}

void rnl_fifo_added(struct rnl_fifo *fifo, size_t len)
{
    assert(len <= rnl_fifo_room(fifo));
    fifo->len += len;
}

const uint8_t *rnl_fifo_peek(const struct rnl_fifo *fifo)
{
    return fifo->data + fifo->start;
}

void rnl_fifo_taken(struct rnl_fifo *fifo, size_t len)
{
    assert(len <= fifo->len);
    fifo->start += len;
    fifo->len -= len;
    if (fifo->len == 0)
        fifo->start = 0;
}
