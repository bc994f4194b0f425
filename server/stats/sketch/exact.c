/* SPDX-License-Identifier: Apache-2.0 */
#include "exact.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "alloc.h"

#define LIMB_BITS 64

/* Rounds down, as >> does with the compilers that we use, for any sign. */
static int limb_of(int place)
{
    return place >= 0 ? place / LIMB_BITS
                      : -((LIMB_BITS - 1 - place) / LIMB_BITS);
}

static uint64_t *limbs_of(struct rnl_exact *exact)
{
    return exact->heap != NULL ? exact->heap : exact->inside;
}

/* All ones or all zeros, as the sign of limb. */
static uint64_t sign_of(uint64_t limb)
{
    return 0 - (limb >> (LIMB_BITS - 1));
}

void rnl_exact_init(struct rnl_exact *exact)
{
    *exact = (struct rnl_exact){.cap = RNL_EXACT_INLINE};
}

void rnl_exact_fini(struct rnl_exact *exact)
{
    rnl_free(exact->heap);
    rnl_exact_init(exact);
}

void rnl_exact_reset(struct rnl_exact *exact)
{
    exact->count = 0;
}

/* Bits up to the highest that differs from the sign; the magnitude is at most
 * 2^top. Not for 0. */
static int top_of(const struct rnl_exact_view *view)
{
    uint64_t last = view->limbs[view->count - 1];
    uint64_t bits = last ^ sign_of(last);
    int used = bits == 0 ? 0 : LIMB_BITS - __builtin_clzll(bits);
    return (view->base + (int)view->count - 1) * LIMB_BITS + used;
}

/* Places the limbs in use in target, which has count limbs from base on. */
static void spread_limbs(const struct rnl_exact *exact, uint64_t *target,
                         int32_t base, uint32_t count)
{
    const uint64_t *limbs = exact->heap != NULL ? exact->heap : exact->inside;
    uint32_t below = (uint32_t)(exact->base - base);
    uint64_t sign = sign_of(limbs[exact->count - 1]);
    memmove(target + below, limbs, exact->count * sizeof(*target));
    memset(target, 0, below * sizeof(*target));
    for (uint32_t i = below + exact->count; i < count; i++)
        target[i] = sign;
}

static enum rnl_code resize(struct rnl_exact *exact, int32_t base,
                            uint32_t count)
{
    uint64_t *limbs = limbs_of(exact);
    if (count > exact->cap) {
        limbs = rnl_malloc(count * sizeof(*limbs));
        if (limbs == NULL)
            return RNL_RESOURCE_EXHAUSTED;
    }
    if (exact->count > 0)
        spread_limbs(exact, limbs, base, count);
    else
        memset(limbs, 0, count * sizeof(*limbs));
    if (count > exact->cap) {
        rnl_free(exact->heap);
        exact->heap = limbs;
        exact->cap = count;
    }
    exact->base = base;
    exact->count = count;
    return RNL_OK;
}

enum rnl_code rnl_exact_reserve(struct rnl_exact *exact, int low, int high)
{
    int32_t first = limb_of(low);
    if (exact->count > 0) {
        struct rnl_exact_view view = rnl_exact_view(exact);
        if (view.count > 0 && top_of(&view) > high)
            high = top_of(&view);
        if (exact->base < first)
            first = exact->base;
    }
    /* The sum of two numbers of at most 2^high is at most 2^(high + 1), which
     * with its sign takes two bits more than high. */
    int32_t last = limb_of(high + 2);
    int32_t end = exact->base + (int32_t)exact->count;
    if (exact->count > 0 && first == exact->base && last < end)
        return RNL_OK;
    if (exact->count > 0 && last < end - 1)
        last = end - 1;
    if (first < RNL_EXACT_LIMB_LOW || last >= RNL_EXACT_LIMB_HIGH)
        return RNL_OUT_OF_RANGE;
    return resize(exact, first, (uint32_t)(last - first + 1));
}

/* Adds to limb index; carry and sign run on as far as they change a limb. */
static void add_limbs(struct rnl_exact *exact, const uint64_t *parts,
                      uint32_t part_count, uint32_t index)
{
    uint64_t *limbs = limbs_of(exact);
    uint64_t sign = sign_of(parts[part_count - 1]);
    uint64_t carry = 0;
    for (uint32_t i = index; i < exact->count; i++) {
        if (i - index >= part_count && sign + carry == 0)
            return;
        uint64_t part = i - index < part_count ? parts[i - index] : sign;
        unsigned __int128 sum = (unsigned __int128)limbs[i] + part + carry;
        limbs[i] = (uint64_t)sum;
        carry = (uint64_t)(sum >> LIMB_BITS);
    }
}

/* Shifts a signed number of limbs left by less than a limb; parts has one limb
 * more. */
static void shift_limbs(uint64_t *parts, uint32_t count, unsigned shift)
{
    parts[count] = sign_of(parts[count - 1]);
    if (shift == 0)
        return;
    for (uint32_t i = count; i > 0; i--)
        parts[i] = parts[i] << shift | parts[i - 1] >> (LIMB_BITS - shift);
    parts[0] <<= shift;
}

void rnl_exact_add(struct rnl_exact *exact, int64_t value, int place)
{
    if (value == 0)
        return;
    int below = exact->base * LIMB_BITS - place;
    if (below > 0) {
        assert(below < LIMB_BITS - 1 && value % (INT64_C(1) << below) == 0);
        value /= INT64_C(1) << below;
        place += below;
    }
    int limb = limb_of(place);
    uint64_t parts[2] = {(uint64_t)value};
    shift_limbs(parts, 1, (unsigned)(place - limb * LIMB_BITS));
    add_limbs(exact, parts, 2, (uint32_t)(limb - exact->base));
}

void rnl_exact_add_wide(struct rnl_exact *exact, uint64_t low, uint64_t high,
                        int place)
{
    int limb = limb_of(place);
    uint64_t parts[4] = {low, high, 0};
    shift_limbs(parts, 3, (unsigned)(place - limb * LIMB_BITS));
    add_limbs(exact, parts, 4, (uint32_t)(limb - exact->base));
}

enum rnl_code rnl_exact_reserve_merge(struct rnl_exact *target,
                                      const struct rnl_exact *source)
{
    struct rnl_exact_view view = rnl_exact_view(source);
    if (view.count == 0)
        return RNL_OK;
    return rnl_exact_reserve(target, view.base * LIMB_BITS, top_of(&view));
}

void rnl_exact_merge(struct rnl_exact *target, const struct rnl_exact *source)
{
    struct rnl_exact_view view = rnl_exact_view(source);
    if (view.count > 0)
        add_limbs(target, view.limbs, view.count,
                  (uint32_t)(view.base - target->base));
}

struct rnl_exact_view rnl_exact_view_of(const uint64_t *limbs, uint32_t count,
                                        int32_t base)
{
    while (count > 0 && limbs[0] == 0) {
        limbs++;
        count--;
        base++;
    }
    while (count > 1 && limbs[count - 1] == sign_of(limbs[count - 2]))
        count--;
    return (struct rnl_exact_view){limbs, count, count > 0 ? base : 0};
}

struct rnl_exact_view rnl_exact_view(const struct rnl_exact *exact)
{
    const uint64_t *limbs = exact->heap != NULL ? exact->heap : exact->inside;
    return rnl_exact_view_of(limbs, exact->count, exact->base);
}

enum rnl_code rnl_exact_set(struct rnl_exact *exact,
                            const struct rnl_exact_view *view)
{
    struct rnl_exact made;
    rnl_exact_init(&made);
    if (view->count > 0) {
        enum rnl_code code = resize(&made, view->base, view->count);
        if (code != RNL_OK)
            return code;
        memcpy(limbs_of(&made), view->limbs,
               view->count * sizeof(*view->limbs));
    }
    rnl_exact_fini(exact);
    *exact = made;
    return RNL_OK;
}

/* A limb of the magnitude. To negate is to flip all bits and to add 1, which
 * carries no further than the lowest limb, since that one is not 0. */
static uint64_t magnitude_limb(const struct rnl_exact_view *view,
                               uint32_t index)
{
    uint64_t limb = view->limbs[index];
    if (sign_of(view->limbs[view->count - 1]) == 0)
        return limb;
    return index == 0 ? 0 - limb : ~limb;
}

void rnl_exact_round(const struct rnl_exact_view *view, double *ret_fraction,
                     int *ret_exponent)
{
    *ret_fraction = 0;
    *ret_exponent = 0;
    if (view->count == 0)
        return;
    uint32_t top = view->count - 1;
    uint64_t high = magnitude_limb(view, top);
    if (high == 0)
        high = magnitude_limb(view, --top); /* It was there for the sign. */
    uint64_t low = top > 0 ? magnitude_limb(view, top - 1) : 0;
    bool more = top > 1;
    int shift = __builtin_clzll(high);
    if (shift > 0) {
        uint64_t taken = high << shift | low >> (LIMB_BITS - shift);
        more |= low << shift != 0;
        high = taken;
    } else {
        more |= low != 0;
    }
    /* 64 bits become 53: a bit for all that is below decides between halves,
     * and the conversion then rounds to even. */
    double fraction = ldexp((double)(high | (more ? 1 : 0)), 1 - LIMB_BITS);
    int exponent = (view->base + (int)top) * LIMB_BITS + LIMB_BITS - 1 - shift;
    bool negative = sign_of(view->limbs[view->count - 1]) != 0;
    *ret_fraction = negative ? -fraction : fraction;
    *ret_exponent = exponent;
}
