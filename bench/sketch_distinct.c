/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What counting distinct keys costs:
 *
 *     cmake --build --preset release --target bench_sketch_distinct
 *     build/release/bin/bench_sketch_distinct
 *
 * Lines "name: figure", in nanoseconds an item; medians. Hashes are random and
 * ready, 4,096 a batch, as the engine has them; the sketch has seen a million.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hll_datasketches.h"
#include "hll_redis.h"
#include "ingest/timing.h"
#include "ultraloglog.h"

#define BATCH     4096
#define SPARSE    1500
#define PRECISION 14
#define REPEATS   101
#define KEY_LEN   12

struct bench {
    const char *name;
    struct rnl_hll hll;
    struct rnl_hll other;
    uint64_t hashes[BATCH];
    uint8_t keys[BATCH][KEY_LEN];
    uint8_t *bytes;
    size_t len;
    enum rnl_hash_profile profile;
};

typedef void (*work_fn)(struct bench *bench);

static void check(enum rnl_code code)
{
    if (code != RNL_OK)
        bench_die("%s", rnl_code_name((int)code));
}

/* Median time of one call, shared by its items. */
static void measure(struct bench *bench, const char *what, work_fn work,
                    double items)
{
    double times[REPEATS];
    char name[64];
    for (size_t i = 0; i < REPEATS; i++) {
        double from = bench_now();
        for (int k = 0; k < 10; k++)
            work(bench);
        times[i] = (bench_now() - from) / 10;
    }
    snprintf(name, sizeof(name), "%s_%s_ns", bench->name, what);
    bench_say(name, bench_median(times, REPEATS) * 1e9 / items);
}

static void hash_keys(struct bench *bench)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < BATCH; i++)
        sum += rnl_hash_profiled(bench->profile, bench->keys[i], KEY_LEN, 1);
    bench_keep(sum);
}

static void update_batch(struct bench *bench)
{
    check(rnl_hll_update_batch(&bench->hll, bench->hashes, BATCH));
}

static void update_single(struct bench *bench)
{
    for (size_t i = 0; i < BATCH; i++)
        check(rnl_hll_update(&bench->hll, bench->hashes[i]));
}

static void fill_sparse(struct bench *bench)
{
    rnl_hll_reset(&bench->other);
    rnl_hll_trim(&bench->other);
    check(rnl_hll_update_batch(&bench->other, bench->hashes, SPARSE));
}

static void update_sparse(struct bench *bench)
{
    check(rnl_hll_update_batch(&bench->other, bench->hashes, SPARSE));
}

static void serialize(struct bench *bench)
{
    rnl_hll_serialize(&bench->other, bench->bytes);
}

static void deserialize(struct bench *bench)
{
    check(rnl_hll_deserialize(&bench->other, bench->bytes, bench->len));
}

static void merge(struct bench *bench)
{
    check(rnl_hll_merge(&bench->other, &bench->hll));
}

static void estimate(struct bench *bench)
{
    struct rnl_hll_estimate estimate;
    rnl_hll_estimate(&bench->hll, &estimate);
    bench_keep((uint64_t)estimate.value);
}

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* The last batch is new to the sketch at its first update, and mostly without
 * effect later: as in a stream that repeats its keys. */
static void feed_million(struct bench *bench)
{
    uint64_t state = 1;
    for (size_t i = 0; i < 250; i++) {
        for (size_t k = 0; k < BATCH; k++) {
            uint64_t key[2] = {next(&state), next(&state)};
            memcpy(bench->keys[k], key, KEY_LEN);
            bench->hashes[k] =
                rnl_hash_profiled(bench->profile, bench->keys[k], KEY_LEN, 1);
        }
        update_batch(bench);
    }
}

static void measure_all(struct bench *bench)
{
    feed_million(bench);
    measure(bench, "hash_12_bytes", hash_keys, BATCH);
    measure(bench, "update_batch", update_batch, BATCH);
    measure(bench, "update_single", update_single, BATCH);
    measure(bench, "sparse_new_key", fill_sparse, SPARSE);
    measure(bench, "sparse_known_key", update_sparse, SPARSE);
    bench->len = rnl_hll_serialized_len(&bench->other);
    bench->bytes = bench_alloc(bench->len);
    measure(bench, "sparse_serialize", serialize, 1);
    measure(bench, "sparse_deserialize", deserialize, 1);
    measure(bench, "merge_dense", merge, 1);
    measure(bench, "estimate_dense", estimate, 1);
    free(bench->bytes);
    rnl_hll_fini(&bench->hll);
    rnl_hll_fini(&bench->other);
}

int main(void)
{
    static struct bench bench;
    static const char *const names[] = {"hll", "hll_redis", "hll_datasketches"};
    for (size_t i = 0; i < RNL_HASH_PROFILES; i++) {
        bench.name = names[i];
        bench.profile = (enum rnl_hash_profile)i;
        check(rnl_hll_init(&bench.hll, PRECISION, bench.profile, 1));
        check(rnl_hll_init(&bench.other, PRECISION, bench.profile, 1));
        measure_all(&bench);
    }
    bench.name = "ull";
    bench.profile = RNL_HASH_NATIVE;
    check(rnl_ull_init(&bench.hll, PRECISION, 1));
    check(rnl_ull_init(&bench.other, PRECISION, 1));
    measure_all(&bench);
    return 0;
}
