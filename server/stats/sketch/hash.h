/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash of a key: 64 bits, computed once and then shared by all sketches
 * that count it.
 *
 * Runnel's own hash is XXH3 with a seed (Yann Collet's xxHash; about 2 ns for a
 * short key). The seed keeps others from choosing keys that collide; sketches
 * that are to be merged have the same one.
 *
 * A sketch can be read by another program only if both hash alike, so there
 * are foreign profiles, fixed at creation, for the formats of hll_redis.h and
 * hll_datasketches.h. Their seeds are part of those formats, so their keys can
 * be chosen to collide: for a stream of trusted keys only.
 *
 * Only counting of distinct keys (hyperloglog.h) knows the profile. Everything
 * else (Count-Min, tables) takes the native hash, whatever the profile.
 *
 * XXH3 is compiled in here and nowhere else: with XXH_INLINE_ALL a key of known
 * length costs a third of the call into the shared library.
 */
#ifndef RNL_SKETCH_HASH_H
#define RNL_SKETCH_HASH_H

#include <stddef.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* The numbers are part of serialized sketches. */
enum rnl_hash_profile {
    /* XXH3, 64 bits, with any seed. */
    RNL_HASH_NATIVE = 0,
    /* MurmurHash64A with Redis' seed. */
    RNL_HASH_REDIS = 1,
    /* MurmurHash3 x64-128 with Apache DataSketches' default seed. */
    RNL_HASH_DATASKETCHES = 2,
    RNL_HASH_PROFILES = 3,
};

#define RNL_HASH_REDIS_SEED        UINT64_C(0xadc83b19)
#define RNL_HASH_DATASKETCHES_SEED UINT64_C(9001)

/* Runnel's own hash. */
static inline uint64_t rnl_hash(const void *key, size_t len, uint64_t seed)
{
    return XXH3_64bits_withSeed(key, len, seed);
}

/*
 * The hash that a sketch of distinct keys of that profile takes. seed is that
 * of the native profile; the others have their own.
 *
 * native        all 64 bits of rnl_hash
 * redis         all 64 bits of MurmurHash64A
 * datasketches  its coupon in the low 32 bits (26 bits of the first half of the
 *               hash, and 1 + the leading zeros of the second, at most 63), and
 *               32 other bits of the first half above them
 */
uint64_t rnl_hash_profiled(enum rnl_hash_profile profile, const void *key,
                           size_t len, uint64_t seed);

/* Tells seeds apart without giving them away easily: what a sketch remembers
 * of its seed. The same for all seeds of a foreign profile. */
uint32_t rnl_hash_seed_check(enum rnl_hash_profile profile, uint64_t seed);

/* Austin Appleby's public domain hashes, as on a little-endian machine. */
uint64_t rnl_hash_murmur64a(const void *key, size_t len, uint64_t seed);
void rnl_hash_murmur3_128(const void *key, size_t len, uint64_t seed,
                          uint64_t ret_hash[2]);

#endif
