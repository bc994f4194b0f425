/* SPDX-License-Identifier: Apache-2.0 */
#include "producers.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "alloc.h"

_Static_assert((RNL_PRODUCER_BUCKETS & (RNL_PRODUCER_BUCKETS - 1)) == 0,
               "a bucket is found by a mask");
_Static_assert(RNL_PRODUCER_ID_LEN_MAX <= UINT8_MAX, "the length has a byte");

void rnl_producers_init(struct rnl_producers *producers)
{
    *producers = (struct rnl_producers){0};
    TAILQ_INIT(&producers->list);
}

void rnl_producers_fini(struct rnl_producers *producers)
{
    struct rnl_producer *producer;
    while ((producer = TAILQ_FIRST(&producers->list)) != NULL) {
        TAILQ_REMOVE(&producers->list, producer, link);
        rnl_free(producer);
    }
    rnl_free(producers->gone);
    rnl_free(producers->buckets);
    *producers = (struct rnl_producers){0};
}

static struct rnl_producer **place_of(const struct rnl_producers *producers,
                                      uint64_t hash, const uint8_t *id,
                                      size_t id_len)
{
    struct rnl_producer **at =
        &producers->buckets[hash & (RNL_PRODUCER_BUCKETS - 1)];
    while (*at != NULL && ((*at)->hash != hash || (*at)->id_len != id_len ||
                           memcmp((*at)->id, id, id_len) != 0))
        at = &(*at)->next;
    return at;
}

static void unlink_producer(struct rnl_producers *producers,
                            struct rnl_producer *producer)
{
    *place_of(producers, producer->hash, producer->id, producer->id_len) =
        producer->next;
    TAILQ_REMOVE(&producers->list, producer, link);
    producers->count--;
}

/* Memory for one more: new, or that of one that went before. Where there are
 * too many, the oldest goes. */
static struct rnl_producer *take_block(struct rnl_producers *producers)
{
    struct rnl_producer *block = producers->gone;
    if (block == NULL)
        block = rnl_malloc(sizeof(*block));
    if (block == NULL)
        return NULL;
    producers->gone = NULL;
    if (producers->count == RNL_PRODUCERS_MAX) {
        producers->gone = TAILQ_LAST(&producers->list, rnl_producer_list);
        unlink_producer(producers, producers->gone);
    }
    return block;
}

static enum rnl_code reserve_buckets(struct rnl_producers *producers)
{
    if (producers->buckets == NULL)
        producers->buckets =
            rnl_calloc(RNL_PRODUCER_BUCKETS, sizeof(producers->buckets[0]));
    return producers->buckets == NULL ? RNL_RESOURCE_EXHAUSTED : RNL_OK;
}

enum rnl_code rnl_producers_touch(struct rnl_producers *producers,
                                  const uint8_t *id, size_t id_len,
                                  struct rnl_producer **ret_producer)
{
    if (reserve_buckets(producers) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    uint64_t hash = XXH3_64bits(id, id_len);
    struct rnl_producer *producer = *place_of(producers, hash, id, id_len);
    if (producer != NULL) {
        TAILQ_REMOVE(&producers->list, producer, link);
    } else {
        producer = take_block(producers);
        if (producer == NULL)
            return RNL_RESOURCE_EXHAUSTED;
        *producer = (struct rnl_producer){
            .hash = hash,
            .id_len = (uint8_t)id_len,
        };
        memcpy(producer->id, id, id_len);
        *place_of(producers, hash, id, id_len) = producer;
        producers->count++;
    }
    TAILQ_INSERT_HEAD(&producers->list, producer, link);
    *ret_producer = producer;
    return RNL_OK;
}

void rnl_producers_forget(struct rnl_producers *producers,
                          struct rnl_producer *producer)
{
    struct rnl_producer *gone = producers->gone;
    unlink_producer(producers, producer);
    rnl_free(producer);
    if (gone == NULL)
        return;
    producers->gone = NULL;
    gone->next = NULL;
    *place_of(producers, gone->hash, gone->id, gone->id_len) = gone;
    TAILQ_INSERT_TAIL(&producers->list, gone, link);
    producers->count++;
}

size_t rnl_producers_memory(const struct rnl_producers *producers)
{
    size_t buckets =
        producers->buckets == NULL ? 0 : RNL_PRODUCER_BUCKETS * sizeof(void *);
    return buckets + (producers->count + (producers->gone != NULL)) *
                         sizeof(struct rnl_producer);
}
