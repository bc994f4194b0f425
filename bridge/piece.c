/* SPDX-License-Identifier: Apache-2.0 */
#include "piece.h"

#include <string.h>

#include "alloc.h"
#include "text.h"

struct rnl_piece *rnl_piece_create(const void *data, size_t len)
{
    struct rnl_piece *piece = rnl_malloc(sizeof(*piece) + len);
    if (piece == NULL)
        return NULL;
    *piece = (struct rnl_piece){.refs = 1, .len = len};
    if (len > 0)
        memcpy(piece->data, data, len);
    return piece;
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
