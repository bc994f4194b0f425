/* SPDX-License-Identifier: Apache-2.0 */
#include "rank.h"

/* Counters from BUCKETS - 1 on share the last bucket. */
#define BUCKETS 256

static size_t counter_bucket(const struct rnl_rank *rank)
{
    return rank->counter < BUCKETS - 1 ? (size_t)rank->counter : BUCKETS - 1;
}

/* The highest counters come first, and the lowest hashes. */
static size_t hash_bucket(const struct rnl_rank *rank)
{
    return BUCKETS - 1 - (size_t)(rank->hash >> 56);
}

typedef size_t bucket_fn(const struct rnl_rank *rank);

/* Keeps, at the front of scratch, the ranks of the bucket that the n-th of all
 * is in. *n becomes its position among them; returns their number. */
static inline __attribute__((always_inline)) size_t narrow(
    const struct rnl_rank *ranks, size_t count, bucket_fn *bucket_of, size_t *n,
    struct rnl_rank *scratch, size_t *ret_bucket)
{
    /* Neighbours often share a bucket, and would wait for each other. */
    uint32_t even[BUCKETS] = {0};
    uint32_t odd[BUCKETS] = {0};
    size_t i = 0;
    for (; i + 1 < count; i += 2) {
        even[bucket_of(&ranks[i])]++;
        odd[bucket_of(&ranks[i + 1])]++;
    }
    if (i < count)
        even[bucket_of(&ranks[i])]++;
    size_t bucket = BUCKETS - 1;
    while (*n >= even[bucket] + odd[bucket]) {
        *n -= even[bucket] + odd[bucket];
        bucket--;
    }
    size_t kept = 0;
    for (i = 0; i < count; i++) {
        struct rnl_rank rank = ranks[i];
        scratch[kept] = rank;
        kept += bucket_of(&rank) == bucket;
    }
    *ret_bucket = bucket;
    return kept;
}

/* Moves the ranks that come before pivot to the front; returns their number. */
static size_t part(struct rnl_rank *ranks, size_t count, struct rnl_rank pivot)
{
    size_t front = 0;
    for (size_t i = 0; i < count; i++) {
        struct rnl_rank rank = ranks[i];
        ranks[i] = ranks[front];
        ranks[front] = rank;
        front += rnl_rank_before(&rank, &pivot);
    }
    return front;
}

/* Hoare's quickselect. Hashes are random, so that the middle one is as good a
 * pivot as any. */
static struct rnl_rank select_nth(struct rnl_rank *ranks, size_t count,
                                  size_t n)
{
    while (count > 1) {
        struct rnl_rank pivot = ranks[count / 2];
        size_t before = part(ranks, count, pivot);
        if (n < before) {
            count = before;
            continue;
        }
        if (n == before)
            return pivot;
        /* Leaves the pivot out of the rest. */
        ranks += before;
        count -= before;
        n -= before + 1;
        for (size_t i = 0; i < count; i++) {
            if (ranks[i].hash == pivot.hash) {
                ranks[i] = ranks[0];
                break;
            }
        }
        ranks++;
        count--;
    }
    return ranks[0];
}

struct rnl_rank rnl_rank_nth(const struct rnl_rank *ranks, size_t count,
                             size_t n, struct rnl_rank *scratch)
{
    size_t bucket;
    count = narrow(ranks, count, counter_bucket, &n, scratch, &bucket);
    /* All have one counter. */
    if (bucket < BUCKETS - 1)
        count = narrow(scratch, count, hash_bucket, &n, scratch, &bucket);
    return select_nth(scratch, count, n);
}
