/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of an answer, encoded once and sent to any number of peers of one
 * worker, as they are or as a chunk of HTTP/1.1. One thread. */
#ifndef RNL_BRIDGE_PIECE_H
#define RNL_BRIDGE_PIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct rnl_text;

/* Up to 8 hexadecimal digits and a line break. */
#define RNL_CHUNK_HEAD_MAX 10

struct rnl_piece {
    uint32_t refs;
    /* Of a job's event: the sequences it stands for; 0 for none. */
    uint64_t first_sequence;
    uint64_t last_sequence;
    /* Bytes of the core's message that it was made of: its credit. */
    size_t wire_len;
    /* Nothing comes after it. */
    bool terminal;
    /* Of a piece that only one reader has. */
    STAILQ_ENTRY(rnl_piece) link;
    size_t len;
    /* The last bytes of head, data and a line break after it are the chunk. */
    uint8_t chunk_head_len;
    char chunk_head[RNL_CHUNK_HEAD_MAX];
    char data[];
};

/* Pieces that one reader alone has. */
STAILQ_HEAD(rnl_piece_queue, rnl_piece);

/* A piece with one reference and a copy of data; NULL when memory is out. */
struct rnl_piece *rnl_piece_create(const void *data, size_t len);

/* The same of a text, which is emptied; NULL also when it has failed. */
struct rnl_piece *rnl_piece_of_text(struct rnl_text *text);

/* The piece as a chunk (RFC 9112, 7.1); it begins in chunk_head. */
const char *rnl_piece_chunk(const struct rnl_piece *piece, size_t *ret_len);

struct rnl_piece *rnl_piece_ref(struct rnl_piece *piece);

/* Accepts NULL. */
void rnl_piece_unref(struct rnl_piece *piece);

/* Releases all pieces of a queue. */
void rnl_piece_queue_drop(struct rnl_piece_queue *queue);

#endif
