/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <string.h>

#include "alloc.h"
#include "text.h"

struct rnl_frame *rnl_frame_create(const void *data, size_t len)
{
    struct rnl_frame *frame = rnl_malloc(sizeof(*frame) + len);
    if (frame == NULL)
        return NULL;
    *frame = (struct rnl_frame){.refs = 1, .len = len};
    if (len > 0)
        memcpy(frame->data, data, len);
    return frame;
}

struct rnl_frame *rnl_frame_of_text(struct rnl_text *text)
{
    struct rnl_frame *frame =
        text->failed ? NULL : rnl_frame_create(text->data, text->len);
    rnl_text_fini(text);
    return frame;
}

struct rnl_frame *rnl_frame_ref(struct rnl_frame *frame)
{
    frame->refs++;
    return frame;
}

void rnl_frame_unref(struct rnl_frame *frame)
{
    if (frame != NULL && --frame->refs == 0)
        rnl_free(frame);
}

void rnl_frame_queue_drop(struct rnl_frame_queue *queue)
{
    struct rnl_frame *frame;
    while ((frame = STAILQ_FIRST(queue)) != NULL) {
        STAILQ_REMOVE_HEAD(queue, link);
        rnl_frame_unref(frame);
    }
}
