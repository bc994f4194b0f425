/* SPDX-License-Identifier: Apache-2.0 */
#include "piece.h"

#include <stddef.h>
#include <string.h>

#include "alloc.h"
#include "text.h"

#define LINE_BREAK_LEN 2

_Static_assert(offsetof(struct rnl_piece, data) ==
                   offsetof(struct rnl_piece, chunk_head) + RNL_CHUNK_HEAD_MAX,
               "a chunk is one run of bytes");

/* From the right, so that the data follows. */
static void write_chunk_head(struct rnl_piece *piece)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = RNL_CHUNK_HEAD_MAX - LINE_BREAK_LEN, rest = piece->len;
    memcpy(piece->chunk_head + at, "\r\n", LINE_BREAK_LEN);
    do {
        piece->chunk_head[--at] = digits[rest % 16];
        rest /= 16;
    } while (rest > 0 && at > 0);
    piece->chunk_head_len = (uint8_t)(RNL_CHUNK_HEAD_MAX - at);
}

struct rnl_piece *rnl_piece_create(const void *data, size_t len)
{
    struct rnl_piece *piece =
        len <= UINT32_MAX ? rnl_malloc(sizeof(*piece) + len + LINE_BREAK_LEN)
                          : NULL;
    if (piece == NULL)
        return NULL;
    *piece = (struct rnl_piece){.refs = 1, .len = len};
    if (len > 0)
        memcpy(piece->data, data, len);
    memcpy(piece->data + len, "\r\n", LINE_BREAK_LEN);
    write_chunk_head(piece);
    return piece;
}

const char *rnl_piece_chunk(const struct rnl_piece *piece, size_t *ret_len)
{
    /* An empty one would end the answer. */
    *ret_len = piece->len > 0
                   ? piece->chunk_head_len + piece->len + LINE_BREAK_LEN
                   : 0;
    return (const char *)piece + offsetof(struct rnl_piece, data) -
           piece->chunk_head_len;
}

struct rnl_piece *rnl_piece_of_text(struct rnl_text *text)
{
    struct rnl_piece *piece =
        text->failed ? NULL : rnl_piece_create(text->data, text->len);
    rnl_text_fini(text);
    return piece;
}

struct rnl_piece *rnl_piece_ref(struct rnl_piece *piece)
{
    piece->refs++;
    return piece;
}

void rnl_piece_unref(struct rnl_piece *piece)
{
    if (piece != NULL && --piece->refs == 0)
        rnl_free(piece);
}

void rnl_piece_queue_drop(struct rnl_piece_queue *queue)
{
    struct rnl_piece *piece;
    while ((piece = STAILQ_FIRST(queue)) != NULL) {
        STAILQ_REMOVE_HEAD(queue, link);
        rnl_piece_unref(piece);
    }
}
