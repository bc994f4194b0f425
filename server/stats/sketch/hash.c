/* SPDX-License-Identifier: Apache-2.0 */
#include "hash.h"

/* Bytes as on a little-endian machine, which is where the foreign formats were
 * born; missing ones are 0. */
static uint64_t load(const uint8_t *bytes, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len && i < 8; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

static uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

uint64_t rnl_hash_murmur64a(const void *key, size_t len, uint64_t seed)
{
    const uint64_t m = UINT64_C(0xc6a4a7935bd1e995);
    const uint8_t *bytes = key;
    size_t i = 0;
    uint64_t hash = seed ^ len * m;
    for (; i + 8 <= len; i += 8) {
        uint64_t word = load(bytes + i, 8) * m;
        word = (word ^ word >> 47) * m;
        hash = (hash ^ word) * m;
    }
    if (i < len)
        hash = (hash ^ load(bytes + i, len - i)) * m;
    hash = (hash ^ hash >> 47) * m;
    return hash ^ hash >> 47;
}

#define MURMUR3_1 UINT64_C(0x87c37b91114253d5)
#define MURMUR3_2 UINT64_C(0x4cf5ad432745937f)

static uint64_t scramble_low(uint64_t word)
{
    return rotate(word * MURMUR3_1, 31) * MURMUR3_2;
}

static uint64_t scramble_high(uint64_t word)
{
    return rotate(word * MURMUR3_2, 33) * MURMUR3_1;
}

static uint64_t avalanche(uint64_t word)
{
    word = (word ^ word >> 33) * UINT64_C(0xff51afd7ed558ccd);
    word = (word ^ word >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return word ^ word >> 33;
}

void rnl_hash_murmur3_128(const void *key, size_t len, uint64_t seed,
                          uint64_t ret_hash[2])
{
    const uint8_t *bytes = key;
    uint64_t low = seed;
    uint64_t high = seed;
    size_t i = 0;
    for (; i + 16 <= len; i += 16) {
        low ^= scramble_low(load(bytes + i, 8));
        low = (rotate(low, 27) + high) * 5 + 0x52dce729;
        high ^= scramble_high(load(bytes + i + 8, 8));
        high = (rotate(high, 31) + low) * 5 + 0x38495ab5;
    }
    if (len - i > 8)
        high ^= scramble_high(load(bytes + i + 8, len - i - 8));
    if (len > i)
        low ^= scramble_low(load(bytes + i, len - i));
    low ^= len;
    high ^= len;
    low += high;
    high += low;
    low = avalanche(low);
    high = avalanche(high);
    low += high;
    ret_hash[0] = low;
    ret_hash[1] = high + low;
}

/* DataSketches' coupon: see HllUtil.hpp of datasketches-cpp. */
static uint64_t coupon(const void *key, size_t len)
{
    uint64_t half[2];
    rnl_hash_murmur3_128(key, len, RNL_HASH_DATASKETCHES_SEED, half);
    /* 62 zeros at most. */
    uint64_t rank = 1 + (uint64_t)__builtin_clzll(half[1] | 2);
    return (half[0] & UINT64_C(0xffffffff00000000)) | rank << 26 |
           (half[0] & 0x3ffffff);
}

uint64_t rnl_hash_profiled(enum rnl_hash_profile profile, const void *key,
                           size_t len, uint64_t seed)
{
    switch (profile) {
    case RNL_HASH_REDIS:
        return rnl_hash_murmur64a(key, len, RNL_HASH_REDIS_SEED);
    case RNL_HASH_DATASKETCHES:
        return coupon(key, len);
    default:
        return rnl_hash(key, len, seed);
    }
}

uint32_t rnl_hash_seed_check(enum rnl_hash_profile profile, uint64_t seed)
{
    static const char text[] = "runnel sketch seed";
    if (profile != RNL_HASH_NATIVE)
        return 0;
    return (uint32_t)(rnl_hash(text, sizeof(text) - 1, seed) >> 32);
}
