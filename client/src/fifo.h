/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes in at the end, out at the front: the read and write buffers of a
 * connection. It grows as asked and gives memory back only as a whole; its
 * users bound what they put in.
 */
#ifndef RNL_CLIENT_FIFO_H
#define RNL_CLIENT_FIFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero it before the first use. */
struct rnl_fifo {
    uint8_t *data;
    /* The bytes are data[start] to data[start + len - 1]. */
    size_t start;
    size_t len;
    size_t cap;
};

void rnl_fifo_fini(struct rnl_fifo *fifo);

/* Forgets the bytes and keeps the memory. */
void rnl_fifo_reset(struct rnl_fifo *fifo);

/* Returns room for at least len bytes behind the last one, or NULL when memory
 * is out. What was written there counts after rnl_fifo_added. */
uint8_t *rnl_fifo_reserve(struct rnl_fifo *fifo, size_t len);
void rnl_fifo_added(struct rnl_fifo *fifo, size_t len);

/* The first byte; len says how many follow. */
const uint8_t *rnl_fifo_peek(const struct rnl_fifo *fifo);

/* Drops the first len bytes. */
void rnl_fifo_taken(struct rnl_fifo *fifo, size_t len);

/* Bytes that rnl_fifo_reserve gives without growing. */
size_t rnl_fifo_room(const struct rnl_fifo *fifo);

#endif
