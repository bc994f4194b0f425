/* SPDX-License-Identifier: Apache-2.0 */
#include "rate_limit.h"

#include <xxhash.h>

#include "alloc.h"

#define PROBES 8

/* Room of a bucket, in seconds of the rate. */
#define BURST_S 2

/* Parts of a request, so that slow rates fill evenly. */
#define UNIT 1000

struct bucket {
    /* 0: free. */
    uint64_t key;
    uint64_t at_ms;
    /* Requests that may be made, in parts of one. */
    uint64_t level;
};

struct rnl_rate_limit {
    uint64_t per_s;
    uint64_t seed;
    struct bucket buckets[RNL_RATE_CLIENTS];
};

enum rnl_code rnl_rate_limit_create(uint64_t per_s, uint64_t seed,
                                    struct rnl_rate_limit **ret_limit)
{
    struct rnl_rate_limit *limit = rnl_calloc(1, sizeof(*limit));
    if (limit == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    limit->per_s = per_s;
    limit->seed = seed;
    *ret_limit = limit;
    return RNL_OK;
}

void rnl_rate_limit_destroy(struct rnl_rate_limit *limit)
{
    rnl_free(limit);
}

uint64_t rnl_rate_limit_key(const struct rnl_rate_limit *limit,
                            const void *data, size_t len)
{
    uint64_t key = XXH3_64bits_withSeed(data, len, limit->seed);
    return key != 0 ? key : 1;
}

static uint64_t room(const struct rnl_rate_limit *limit)
{
    return limit->per_s * BURST_S * UNIT;
}

/* A rate a second is as many thousandths a millisecond. */
static void fill(const struct rnl_rate_limit *limit, struct bucket *bucket,
                 uint64_t now_ms)
{
    uint64_t passed_ms = now_ms > bucket->at_ms ? now_ms - bucket->at_ms : 0;
    uint64_t missing = room(limit) - bucket->level;
    if (passed_ms >= missing / limit->per_s + 1)
        bucket->level = room(limit);
    else
        bucket->level += passed_ms * limit->per_s;
    bucket->at_ms = now_ms;
}

static bool is_idle(const struct rnl_rate_limit *limit,
                    const struct bucket *bucket, uint64_t now_ms)
{
    struct bucket copy = *bucket;
    if (bucket->key == 0)
        return true;
    fill(limit, &copy, now_ms);
    return copy.level == room(limit);
}

static struct bucket *find(struct rnl_rate_limit *limit, uint64_t key,
                           uint64_t now_ms)
{
    struct bucket *spare = NULL, *oldest = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        struct bucket *bucket = &limit->buckets[(key + i) % RNL_RATE_CLIENTS];
        if (bucket->key == key)
            return bucket;
        if (spare == NULL && is_idle(limit, bucket, now_ms))
            spare = bucket;
        if (oldest == NULL || bucket->at_ms < oldest->at_ms)
            oldest = bucket;
    }
    struct bucket *bucket = spare != NULL ? spare : oldest;
    *bucket =
        (struct bucket){.key = key, .at_ms = now_ms, .level = room(limit)};
    return bucket;
}

bool rnl_rate_limit_take(struct rnl_rate_limit *limit, uint64_t key,
                         uint32_t cost, uint64_t now_ms, uint32_t *ret_wait_s)
{
    struct bucket *bucket = find(limit, key, now_ms);
    fill(limit, bucket, now_ms);
    if (bucket->level < UNIT) {
        uint64_t wait_ms = (UNIT - bucket->level) / limit->per_s + 1;
        *ret_wait_s = (uint32_t)(wait_ms / 1000 + 1);
        return false;
    }
    uint64_t price = (uint64_t)cost * UNIT;
    bucket->level -= price < bucket->level ? price : bucket->level;
    return true;
}
