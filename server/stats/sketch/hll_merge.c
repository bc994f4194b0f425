/* SPDX-License-Identifier: Apache-2.0 */
#include "hyperloglog.h"

#include "alloc.h"
#include "hll_private.h"

/* Byte by byte the higher one. Compilers make 16 or more of them one
 * instruction (pmaxub, vpmaxub, umax). */
static void max_bytes(uint8_t *restrict into, const uint8_t *restrict from,
                      size_t len)
{
    for (size_t i = 0; i < len; i++)
        into[i] = into[i] > from[i] ? into[i] : from[i];
}

/* Registers that differ only in the upper bits of their address fall together,
 * since the lower bits choose. */
static enum rnl_code absorb_dense(struct rnl_hll *target,
                                  const struct rnl_hll *source)
{
    size_t m = rnl_hll_registers(target->precision);
    size_t end = rnl_hll_registers(source->precision);
    enum rnl_code code = rnl_hll_make_dense(target);
    for (size_t from = 0; code == RNL_OK && from < end; from += m) {
        if (target->kind == HLL_KIND_ULTRA)
            rnl_ull_unite(target->registers, source->registers + from, m);
        else
            max_bytes(target->registers, source->registers + from, m);
    }
    return code;
}

/* Adds a source of the same or a higher precision. On failure some of it may
 * have been added. */
static enum rnl_code absorb(struct rnl_hll *target,
                            const struct rnl_hll *source)
{
    if (source->dense)
        return absorb_dense(target, source);
    RNL_HLL_FOR_COUPONS(source, coupon)
    {
        enum rnl_code code = coupon ? rnl_hll_put(target, coupon) : RNL_OK;
        if (code != RNL_OK)
            return code;
    }
    return RNL_OK;
}

/* An empty sketch with the settings of another, but for precision. */
static struct rnl_hll empty_like(const struct rnl_hll *hll, unsigned precision)
{
    return (struct rnl_hll){.kind = hll->kind,
                            .precision = (uint8_t)precision,
                            .profile = hll->profile,
                            .seed_check = hll->seed_check};
}

enum rnl_code rnl_hll_fold(struct rnl_hll *hll, unsigned precision)
{
    if (precision < RNL_HLL_PRECISION_MIN || precision > hll->precision ||
        (hll->profile == RNL_HASH_REDIS && precision != hll->precision))
        return RNL_INVALID_ARGUMENT;
    if (precision == hll->precision)
        return RNL_OK;
    struct rnl_hll folded = empty_like(hll, precision);
    return rnl_hll_finish(hll, &folded, absorb(&folded, hll));
}

static enum rnl_code merge_lower(struct rnl_hll *target,
                                 const struct rnl_hll *source)
{
    struct rnl_hll merged = empty_like(target, source->precision);
    enum rnl_code code = absorb(&merged, target);
    if (code == RNL_OK)
        code = absorb(&merged, source);
    return rnl_hll_finish(target, &merged, code);
}

enum rnl_code rnl_hll_merge(struct rnl_hll *target,
                            const struct rnl_hll *source)
{
    enum rnl_code code = RNL_OK;
    if (target->kind != source->kind || target->profile != source->profile ||
        target->seed_check != source->seed_check)
        return RNL_FAILED_PRECONDITION;
    if (target == source)
        return RNL_OK;
    if (target->precision > source->precision)
        return merge_lower(target, source);
    bool spare = target->registers != NULL;
    if (!source->dense)
        code = rnl_hll_reserve(target, source->count);
    if (code == RNL_OK)
        code = absorb(target, source);
    if (!target->dense && !spare) {
        rnl_free(target->registers);
        target->registers = NULL;
    }
    return code;
}

/* ---- an estimate of a union that is not kept ---- */

/* The hashes that a sparse sketch has not seen, in a sketch of their own. */
static enum rnl_code collect_new(const struct rnl_hll *hll,
                                 const uint64_t *hashes, size_t count,
                                 struct rnl_hll *more)
{
    enum rnl_hash_profile profile = (enum rnl_hash_profile)hll->profile;
    if (rnl_hll_reserve(more, count) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < count; i++) {
        uint32_t coupon = rnl_hll_coupon(profile, hashes[i]);
        if (!rnl_hll_has(hll, coupon) && rnl_hll_put(more, coupon) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
    }
    return RNL_OK;
}

static enum rnl_code estimate_dense(const struct rnl_hll *hll,
                                    const uint64_t *hashes, size_t count,
                                    struct rnl_hll_estimate *ret_estimate)
{
    struct rnl_hll all = empty_like(hll, hll->precision);
    enum rnl_code code = rnl_hll_make_dense(&all);
    if (code == RNL_OK)
        code = absorb(&all, hll);
    if (code == RNL_OK)
        code = rnl_hll_update_batch(&all, hashes, count);
    if (code == RNL_OK)
        rnl_hll_estimate(&all, ret_estimate);
    rnl_hll_fini(&all);
    return code;
}

enum rnl_code rnl_hll_estimate_with(const struct rnl_hll *hll,
                                    const uint64_t *hashes, size_t hash_count,
                                    struct rnl_hll_estimate *ret_estimate)
{
    /* Where coupons share addresses, their number alone does not tell. */
    bool countable = !hll->dense && hll->profile != RNL_HASH_REDIS;
    struct rnl_hll more = empty_like(hll, hll->precision);
    enum rnl_code code =
        countable ? collect_new(hll, hashes, hash_count, &more) : RNL_OK;
    struct rnl_hll sum = *hll;
    sum.count += more.count;
    bool sparse = countable && !more.dense &&
                  sum.count <= rnl_hll_coupons_max(hll->precision);
    rnl_hll_fini(&more);
    if (code != RNL_OK)
        return code;
    if (!sparse)
        return estimate_dense(hll, hashes, hash_count, ret_estimate);
    rnl_hll_estimate(&sum, ret_estimate);
    return RNL_OK;
}
