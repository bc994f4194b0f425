/* SPDX-License-Identifier: Apache-2.0 */
#include "hyperloglog.h"

#include <string.h>

#include "alloc.h"
#include "hll_private.h"

#define TABLE_CAP_MIN 8

/* ---- the table of coupons ---- */

/* Slots for that many coupons at a load of at most 3/4: a power of two, and
 * m / 4 at most. */
static uint32_t cap_for(unsigned precision, uint32_t count)
{
    uint32_t most = (uint32_t)(rnl_hll_registers(precision) / 4);
    uint32_t cap = most < TABLE_CAP_MIN ? most : TABLE_CAP_MIN;
    if (count == 0)
        return 0;
    while (cap < most && count > cap / 4 * 3)
        cap *= 2;
    return cap;
}

/* The slot of the coupon, or the free one where it belongs. The place of the
 * table in memory goes into the multiplier, so that nobody can write a sketch
 * whose coupons all meet in one slot. */
static uint32_t *find_slot(uint32_t *table, uint32_t cap, uint32_t coupon)
{
    uint32_t odd = (uint32_t)((uintptr_t)table >> 4) * UINT32_C(0x9E3779B2) + 1;
    uint32_t mixed = (coupon * UINT32_C(0x85EBCA6B) >> 6 ^ coupon) * odd;
    uint32_t i = (uint32_t)((uint64_t)mixed * cap >> 32);
    while (table[i] != 0 && table[i] != coupon)
        i = (i + 1) & (cap - 1);
    return table + i;
}

/* Makes a table of cap slots, which has room for them, with the coupons of the
 * source. */
static enum rnl_code make_table(const struct rnl_hll *source, uint32_t cap,
                                uint32_t **ret_table)
{
    uint32_t *table;
    if (cap == 0) {
        *ret_table = NULL;
        return RNL_OK;
    }
    table = rnl_calloc(cap, sizeof(*table));
    if (table == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    RNL_HLL_FOR_COUPONS(source, coupon)
    {
        if (coupon != 0)
            *find_slot(table, cap, coupon) = coupon;
    }
    *ret_table = table;
    return RNL_OK;
}

static enum rnl_code resize_table(struct rnl_hll *hll, uint32_t cap)
{
    uint32_t *table;
    if (cap == hll->cap)
        return RNL_OK;
    if (make_table(hll, cap, &table) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    rnl_free(hll->coupons);
    hll->coupons = table;
    hll->cap = cap;
    return RNL_OK;
}

static void drop_table(struct rnl_hll *hll)
{
    rnl_free(hll->coupons);
    hll->coupons = NULL;
    hll->count = 0;
    hll->cap = 0;
}

/* ---- registers ---- */

static void raise(struct rnl_hll *hll, uint32_t coupon)
{
    uint8_t rank = (uint8_t)(coupon >> HLL_ADDRESS_BITS);
    size_t mask = rnl_hll_registers(hll->precision) - 1;
    uint8_t *at = hll->registers + (coupon & mask);
    if (hll->kind == HLL_KIND_ULTRA)
        *at = rnl_ull_raised(*at, rank);
    else if (*at < rank)
        *at = rank;
}

enum rnl_code rnl_hll_make_dense(struct rnl_hll *hll)
{
    size_t m = rnl_hll_registers(hll->precision);
    if (hll->dense)
        return RNL_OK;
    if (hll->registers == NULL)
        hll->registers = rnl_malloc(m);
    if (hll->registers == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    memset(hll->registers, 0, m);
    RNL_HLL_FOR_COUPONS(hll, coupon)
    {
        if (coupon != 0)
            raise(hll, coupon);
    }
    drop_table(hll);
    hll->dense = true;
    return RNL_OK;
}

static void drop_registers(struct rnl_hll *hll)
{
    rnl_free(hll->registers);
    hll->registers = NULL;
    hll->dense = false;
}

/* ---- life ---- */

enum rnl_code rnl_hll_init(struct rnl_hll *hll, unsigned precision,
                           enum rnl_hash_profile profile, uint64_t seed)
{
    if (precision < RNL_HLL_PRECISION_MIN ||
        precision > RNL_HLL_PRECISION_MAX ||
        (unsigned)profile >= RNL_HASH_PROFILES)
        return RNL_INVALID_ARGUMENT;
    if (profile == RNL_HASH_REDIS && precision != RNL_HLL_PRECISION_REDIS)
        return RNL_INVALID_ARGUMENT;
    memset(hll, 0, sizeof(*hll));
    hll->precision = (uint8_t)precision;
    hll->profile = (uint8_t)profile;
    hll->seed_check = rnl_hash_seed_check(profile, seed);
    return RNL_OK;
}

void rnl_hll_fini(struct rnl_hll *hll)
{
    drop_table(hll);
    drop_registers(hll);
}

void rnl_hll_reset(struct rnl_hll *hll)
{
    if (hll->cap > 0)
        memset(hll->coupons, 0, hll->cap * sizeof(*hll->coupons));
    hll->count = 0;
    hll->dense = false;
}

static enum rnl_code copy_dense(struct rnl_hll *target,
                                const struct rnl_hll *source)
{
    size_t m = rnl_hll_registers(source->precision);
    bool fits = target->registers && target->precision == source->precision;
    uint8_t *registers = fits ? target->registers : rnl_malloc(m);
    if (registers == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    memcpy(registers, source->registers, m);
    drop_table(target);
    if (!fits)
        drop_registers(target);
    *target = *source;
    target->registers = registers;
    return RNL_OK;
}

enum rnl_code rnl_hll_copy(struct rnl_hll *target, const struct rnl_hll *source)
{
    struct rnl_hll copy = *source;
    if (target == source)
        return RNL_OK;
    if (source->dense)
        return copy_dense(target, source);
    copy.registers = NULL;
    copy.cap = cap_for(source->precision, source->count);
    if (make_table(source, copy.cap, &copy.coupons) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    rnl_hll_fini(target);
    *target = copy;
    return RNL_OK;
}

enum rnl_code rnl_hll_finish(struct rnl_hll *target, struct rnl_hll *made,
                             enum rnl_code code)
{
    if (code != RNL_OK) {
        rnl_hll_fini(made);
        return code;
    }
    rnl_hll_fini(target);
    *target = *made;
    return RNL_OK;
}

/* ---- memory in advance ---- */

enum rnl_code rnl_hll_reserve(struct rnl_hll *hll, size_t hash_count)
{
    uint32_t most = rnl_hll_coupons_max(hll->precision);
    if (hll->dense)
        return RNL_OK;
    bool beyond = hash_count > most - hll->count;
    uint32_t count = beyond ? most : hll->count + (uint32_t)hash_count;
    uint32_t cap = cap_for(hll->precision, count);
    if (cap > hll->cap && resize_table(hll, cap) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    if (beyond && hll->registers == NULL)
        hll->registers = rnl_malloc(rnl_hll_registers(hll->precision));
    return beyond && !hll->registers ? RNL_RESOURCE_EXHAUSTED : RNL_OK;
}

/* A coupon is shared by one pair of keys in 200 million: some more than the
 * most that fit are enough to be sure. */
enum rnl_code rnl_hll_expect(struct rnl_hll *hll, size_t distinct)
{
    uint32_t most = rnl_hll_coupons_max(hll->precision);
    return distinct > most + most / 16 ? rnl_hll_make_dense(hll) : RNL_OK;
}

void rnl_hll_trim(struct rnl_hll *hll)
{
    if (hll->dense)
        return;
    drop_registers(hll);
    /* Without memory for a smaller table it keeps the larger one. */
    enum rnl_code code = resize_table(hll, cap_for(hll->precision, hll->count));
    (void)code;
}

size_t rnl_hll_heap_bytes(const struct rnl_hll *hll)
{
    size_t bytes = hll->cap * sizeof(*hll->coupons);
    return hll->registers ? bytes + rnl_hll_registers(hll->precision) : bytes;
}

/* ---- counting ---- */

static enum rnl_code put_dense(struct rnl_hll *hll, uint32_t coupon)
{
    if (rnl_hll_make_dense(hll) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    raise(hll, coupon);
    return RNL_OK;
}

enum rnl_code rnl_hll_put(struct rnl_hll *hll, uint32_t coupon)
{
    uint32_t *slot = NULL;
    /* A rank of 0 is of no key. */
    if (coupon >> HLL_ADDRESS_BITS == 0)
        return RNL_OK;
    if (hll->dense)
        return put_dense(hll, coupon);
    if (hll->cap > 0)
        slot = find_slot(hll->coupons, hll->cap, coupon);
    if (slot && *slot == coupon)
        return RNL_OK;
    if (hll->count == rnl_hll_coupons_max(hll->precision))
        return put_dense(hll, coupon);
    if (slot == NULL || hll->count == hll->cap / 4 * 3) {
        uint32_t cap = cap_for(hll->precision, hll->count + 1);
        if (resize_table(hll, cap) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
        slot = find_slot(hll->coupons, hll->cap, coupon);
    }
    *slot = coupon;
    hll->count++;
    return RNL_OK;
}

static inline uint32_t address_of(enum rnl_hash_profile profile, uint64_t hash)
{
    uint64_t mask = HLL_ADDRESS_MASK;
    if (profile == RNL_HASH_REDIS)
        mask = rnl_hll_registers(RNL_HLL_PRECISION_REDIS) - 1;
    return (uint32_t)(hash & mask);
}

/* A bit set where the tosses end bounds the count of zeros. */
static inline uint32_t rank_of(enum rnl_hash_profile profile, uint64_t hash)
{
    uint64_t tosses;
    switch (profile) {
    case RNL_HASH_REDIS:
        tosses = hash >> RNL_HLL_PRECISION_REDIS | UINT64_C(1) << 50;
        return 1 + (uint32_t)__builtin_ctzll(tosses);
    case RNL_HASH_DATASKETCHES:
        return (uint32_t)hash >> HLL_ADDRESS_BITS;
    default:
        tosses = hash | UINT64_C(1) << (HLL_ADDRESS_BITS - 1);
        return 1 + (uint32_t)__builtin_clzll(tosses);
    }
}

static inline void raise_batch(struct rnl_hll *hll,
                               enum rnl_hash_profile profile,
                               const uint64_t *restrict hashes, size_t count)
{
    uint8_t *restrict registers = hll->registers;
    size_t mask = rnl_hll_registers(hll->precision) - 1;
    for (size_t i = 0; i < count; i++) {
        uint8_t rank = (uint8_t)rank_of(profile, hashes[i]);
        uint8_t *at = registers + (address_of(profile, hashes[i]) & mask);
        if (*at < rank)
            *at = rank;
    }
}

static void raise_ultra_batch(struct rnl_hll *hll,
                              const uint64_t *restrict hashes, size_t count)
{
    uint8_t *restrict registers = hll->registers;
    size_t mask = rnl_hll_registers(hll->precision) - 1;
    for (size_t i = 0; i < count; i++) {
        uint32_t rank = rank_of(RNL_HASH_NATIVE, hashes[i]);
        uint8_t *at = registers + (hashes[i] & mask);
        *at = rnl_ull_raised(*at, rank);
    }
}

/* One loop for each profile: the constant is seen through. */
static void update_dense(struct rnl_hll *hll, const uint64_t *hashes,
                         size_t count)
{
    if (hll->kind == HLL_KIND_ULTRA) {
        raise_ultra_batch(hll, hashes, count);
        return;
    }
    switch ((enum rnl_hash_profile)hll->profile) {
    case RNL_HASH_REDIS:
        raise_batch(hll, RNL_HASH_REDIS, hashes, count);
        break;
    case RNL_HASH_DATASKETCHES:
        raise_batch(hll, RNL_HASH_DATASKETCHES, hashes, count);
        break;
    default:
        raise_batch(hll, RNL_HASH_NATIVE, hashes, count);
        break;
    }
}

uint32_t rnl_hll_coupon(enum rnl_hash_profile profile, uint64_t hash)
{
    return rank_of(profile, hash) << HLL_ADDRESS_BITS |
           address_of(profile, hash);
}

bool rnl_hll_has(const struct rnl_hll *hll, uint32_t coupon)
{
    return hll->cap > 0 && *find_slot(hll->coupons, hll->cap, coupon) == coupon;
}

enum rnl_code rnl_hll_update(struct rnl_hll *hll, uint64_t hash)
{
    enum rnl_hash_profile profile = (enum rnl_hash_profile)hll->profile;
    return rnl_hll_put(hll, rnl_hll_coupon(profile, hash));
}

enum rnl_code rnl_hll_update_batch(struct rnl_hll *hll, const uint64_t *hashes,
                                   size_t hash_count)
{
    size_t i = 0;
    for (; i < hash_count && !hll->dense; i++) {
        enum rnl_code code = rnl_hll_update(hll, hashes[i]);
        if (code != RNL_OK)
            return code;
    }
    if (hll->dense)
        update_dense(hll, hashes + i, hash_count - i);
    return RNL_OK;
}
