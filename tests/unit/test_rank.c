/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "rank.h"

#define COUNT 3000

static int by_rank(const void *a, const void *b)
{
    if (rnl_rank_before(a, b))
        return -1;
    return rnl_rank_before(b, a);
}

/* Each n of a list is what sorting says it is, in place and beside it. */
static void check_all(const struct rnl_rank *ranks, size_t count)
{
    static struct rnl_rank sorted[COUNT];
    static struct rnl_rank scratch[COUNT];
    memcpy(sorted, ranks, count * sizeof(*ranks));
    qsort(sorted, count, sizeof(*sorted), by_rank);
    for (size_t n = 0; n < count; n += 1 + count / 97) {
        struct rnl_rank found = rnl_rank_nth(ranks, count, n, scratch);
        assert_memory_equal(&found, &sorted[n], sizeof(found));
        memcpy(scratch, ranks, count * sizeof(*ranks));
        found = rnl_rank_nth(scratch, count, n, scratch);
        assert_memory_equal(&found, &sorted[n], sizeof(found));
    }
}

static uint64_t hash_of(uint64_t i)
{
    return rnl_hash(&i, sizeof(i), 3);
}

static void check_counters(uint64_t (*counter)(uint64_t i), size_t count)
{
    static struct rnl_rank ranks[COUNT];
    for (size_t i = 0; i < count; i++)
        ranks[i] = (struct rnl_rank){counter(i), hash_of(i)};
    check_all(ranks, count);
}

static uint64_t all_one(uint64_t i)
{
    (void)i;
    return 1;
}

static uint64_t long_tail(uint64_t i)
{
    return 1 + 100000 / (i + 1);
}

static uint64_t all_large(uint64_t i)
{
    return UINT64_MAX - i % 7 * i;
}

/* Around the counter from which on all share a bucket. */
static uint64_t around_the_last_bucket(uint64_t i)
{
    return 250 + i % 10;
}

static void any_list_is_ranked_as_if_sorted(void **state)
{
    (void)state;
    const size_t counts[] = {1, 2, 3, 256, COUNT};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        check_counters(all_one, counts[i]);
        check_counters(long_tail, counts[i]);
        check_counters(all_large, counts[i]);
        check_counters(around_the_last_bucket, counts[i]);
    }
}

/* Hashes that all begin alike: no honest ones do, but nothing breaks. */
static void hashes_may_crowd(void **state)
{
    (void)state;
    static struct rnl_rank ranks[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        ranks[i] = (struct rnl_rank){i % 3, (i * 7919) % 65536 + 1};
    check_all(ranks, COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_list_is_ranked_as_if_sorted),
        cmocka_unit_test(hashes_may_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
