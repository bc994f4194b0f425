/* SPDX-License-Identifier: Apache-2.0 */
#include "keep_queue.h"

void rnl_keep_queue_init(struct rnl_keep_queue *queue)
{
    queue->first = NULL;
    queue->tail = &queue->first;
}

void rnl_keep_queue_add(struct rnl_keep_queue *queue,
                        struct rnl_keep_request *request)
{
    request->next = NULL;
    *queue->tail = request;
    queue->tail = &request->next;
}

void rnl_keep_queue_move(struct rnl_keep_queue *to, struct rnl_keep_queue *from)
{
    if (from->first == NULL)
        return;
    *to->tail = from->first;
    to->tail = from->tail;
    rnl_keep_queue_init(from);
}

void rnl_keep_queue_part(struct rnl_keep_queue *queue,
                         struct rnl_keep_queue *repeatable)
{
    struct rnl_keep_request *next = queue->first;
    rnl_keep_queue_init(queue);
    while (next != NULL) {
        struct rnl_keep_request *request = next;
        next = request->next;
        rnl_keep_queue_add(request->repeatable ? repeatable : queue, request);
    }
}

void rnl_keep_queue_tell(struct rnl_keep_queue *queue, enum rnl_code code,
                         size_t *waiting_count)
{
    struct rnl_keep_request *request = queue->first;
    rnl_keep_queue_init(queue);
    while (request != NULL) {
        struct rnl_keep_request *next = request->next;
        (*waiting_count)--;
        request->done(request, code);
        request = next;
    }
}
