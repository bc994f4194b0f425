/* SPDX-License-Identifier: Apache-2.0 */
/* Those who wait until the keeper has written something, in their order. */
#ifndef RNL_STREAMS_KEEP_QUEUE_H
#define RNL_STREAMS_KEEP_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include <runnel/status.h>

/* Told when a change is durable. The caller's storage, until done. */
struct rnl_keep_request {
    /* code is not RNL_OK only if it is repeatable, or at the end. */
    void (*done)(struct rnl_keep_request *request, enum rnl_code code);
    /* The same request again does no harm: it is not counted twice. */
    bool repeatable;
    /* The keeper's. */
    struct rnl_keep_request *next;
};

/* Not to be moved. */
struct rnl_keep_queue {
    struct rnl_keep_request *first;
    struct rnl_keep_request **tail;
};

void rnl_keep_queue_init(struct rnl_keep_queue *queue);

void rnl_keep_queue_add(struct rnl_keep_queue *queue,
                        struct rnl_keep_request *request);

/* Puts the requests of one queue behind those of another. */
void rnl_keep_queue_move(struct rnl_keep_queue *to,
                         struct rnl_keep_queue *from);

/* Takes those out that can safely ask again. */
void rnl_keep_queue_part(struct rnl_keep_queue *queue,
                         struct rnl_keep_queue *repeatable);

/* Empties the queue and lowers the count by each; a request may be gone once it
 * is told. */
void rnl_keep_queue_tell(struct rnl_keep_queue *queue, enum rnl_code code,
                         size_t *waiting_count);

#endif
