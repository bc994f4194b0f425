/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The producers of a stream and the last batch that each had counted, so that
 * a batch that comes twice counts once. Bounded: the producer that was silent
 * for longest is forgotten first.
 */
#ifndef RNL_STREAMS_PRODUCERS_H
#define RNL_STREAMS_PRODUCERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <runnel/status.h>

#include "stream_bounds.h"

/* A power of two, so that chains stay short. */
#define RNL_PRODUCER_BUCKETS 1024

struct rnl_producer {
    struct rnl_producer *next;
    TAILQ_ENTRY(rnl_producer) link;
    /* Of the last batch that was counted; 0: none. */
    uint64_t sequence;
    /* What it said (content_hash.h). */
    uint64_t content;
    /* Of the id. */
    uint64_t hash;
    uint8_t id_len;
    uint8_t id[RNL_PRODUCER_ID_LEN_MAX];
};

TAILQ_HEAD(rnl_producer_list, rnl_producer);

struct rnl_producers {
    /* NULL until the first producer. */
    struct rnl_producer **buckets;
    /* The one heard last comes first. */
    struct rnl_producer_list list;
    size_t count;
    /* The one that had to go for the one added last; NULL: none. */
    struct rnl_producer *gone;
};

void rnl_producers_init(struct rnl_producers *producers);
void rnl_producers_fini(struct rnl_producers *producers);

/* Finds or adds a producer and moves it to the front. The id has 1 to
 * RNL_PRODUCER_ID_LEN_MAX bytes. Valid until the next call. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_producers_touch(
    struct rnl_producers *producers, const uint8_t *id, size_t id_len,
    struct rnl_producer **ret_producer);

/* Takes back what touch has just added, when nothing of it was counted: who had
 * to go for it is there again, as the first to go. */
void rnl_producers_forget(struct rnl_producers *producers,
                          struct rnl_producer *producer);

size_t rnl_producers_memory(const struct rnl_producers *producers);

#endif
