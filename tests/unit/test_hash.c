/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "hash.h"

/* The verification of SMHasher, the hash functions' own test suite: the keys
 * of the bytes 0, 1, 2... of each length 0 to 255, with seed 256 - length; all
 * their hashes hashed once more; its low 32 bits. */
#define KEYS 256

static void store(uint8_t *out, uint64_t word)
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(word >> (8 * i));
}

static void murmur64a_passes_the_smhasher_verification(void **state)
{
    (void)state;
    uint8_t key[KEYS];
    uint8_t hashes[KEYS * 8];
    for (size_t i = 0; i < KEYS; i++) {
        key[i] = (uint8_t)i;
        store(hashes + i * 8, rnl_hash_murmur64a(key, i, KEYS - i));
    }
    uint64_t all = rnl_hash_murmur64a(hashes, sizeof(hashes), 0);
    assert_int_equal((uint32_t)all, 0x1F0D3804);
}

static void murmur3_passes_the_smhasher_verification(void **state)
{
    (void)state;
    uint8_t key[KEYS];
    uint8_t hashes[KEYS * 16];
    uint64_t half[2];
    for (size_t i = 0; i < KEYS; i++) {
        key[i] = (uint8_t)i;
        rnl_hash_murmur3_128(key, i, KEYS - i, half);
        store(hashes + i * 16, half[0]);
        store(hashes + i * 16 + 8, half[1]);
    }
    rnl_hash_murmur3_128(hashes, sizeof(hashes), 0, half);
    assert_int_equal((uint32_t)half[0], 0x6384BA69);
}

/* Values of the Python package mmh3 with seed 9001. */
static void murmur3_agrees_with_mmh3(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        uint64_t low;
        uint64_t high;
    } known[] = {
        {"", 0x1e70a32266491bb9, 0x609736b252406b94},
        {"a", 0xf6020f0aa43b822f, 0xc51f4ded6e1eb0fe},
        {"12345678", 0x056420c747363c4e, 0x4f32cbdaea199a52},
        {"123456789abcdef", 0x0c86cded37befcef, 0xb893fb596fc416d5},
        {"123456789abcdefg", 0x4e73043c364e7c89, 0xca621f8e2cd3d521},
        {"The quick brown fox jumps over the lazy dog", 0x2f67dcdbc56dbf23,
         0x8a0a2fafd6b2155c},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        uint64_t half[2];
        rnl_hash_murmur3_128(known[i].key, strlen(known[i].key),
                             RNL_HASH_DATASKETCHES_SEED, half);
        assert_int_equal(half[0], known[i].low);
        assert_int_equal(half[1], known[i].high);
    }
}

/* xxHash's documented result for the empty input and seed 0. */
static void native_is_xxh3(void **state)
{
    (void)state;
    assert_int_equal(rnl_hash("", 0, 0), 0x2D06800538D394C2);
    assert_int_not_equal(rnl_hash("key", 3, 1), rnl_hash("key", 3, 2));
    assert_int_equal(rnl_hash_profiled(RNL_HASH_NATIVE, "key", 3, 7),
                     rnl_hash("key", 3, 7));
}

static void foreign_profiles_know_their_seed(void **state)
{
    (void)state;
    assert_int_equal(rnl_hash_profiled(RNL_HASH_REDIS, "key", 3, 7),
                     rnl_hash_murmur64a("key", 3, 0xadc83b19));
    uint64_t half[2];
    rnl_hash_murmur3_128("key", 3, 9001, half);
    uint64_t hash = rnl_hash_profiled(RNL_HASH_DATASKETCHES, "key", 3, 7);
    assert_int_equal(hash & 0x3ffffff, half[0] & 0x3ffffff);
    assert_int_equal(hash >> 26 & 63, 1 + __builtin_clzll(half[1]));
    assert_int_equal(hash >> 32, half[0] >> 32);
}

static void seed_check_tells_native_seeds_apart(void **state)
{
    (void)state;
    assert_int_not_equal(rnl_hash_seed_check(RNL_HASH_NATIVE, 0),
                         rnl_hash_seed_check(RNL_HASH_NATIVE, 1));
    assert_int_equal(rnl_hash_seed_check(RNL_HASH_REDIS, 0),
                     rnl_hash_seed_check(RNL_HASH_REDIS, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(murmur64a_passes_the_smhasher_verification),
        cmocka_unit_test(murmur3_passes_the_smhasher_verification),
        cmocka_unit_test(murmur3_agrees_with_mmh3),
        cmocka_unit_test(native_is_xxh3),
        cmocka_unit_test(foreign_profiles_know_their_seed),
        cmocka_unit_test(seed_check_tells_native_seeds_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
