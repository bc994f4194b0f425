/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the moments, and their bytes:
 *
 *     "RMOM" | 1 | count | min | max | sum | squares | hash
 *     sum, squares: place of the first limb | number of limbs | limbs
 *
 * with nothing after a count of 0. See bytes.h. */
#include <float.h>
#include <math.h>

#include "bytes.h"
#include "moments.h"

#define VERSION 1

static const char letters[4] = {'R', 'M', 'O', 'M'};

/* Both sums are in RNL_EXACT_LIMB_LOW..HIGH, so that the square of one and the
 * product of the other with a count, from twice LOW to twice HIGH, fit. */
#define WORK_LOW   (2 * RNL_EXACT_LIMB_LOW)
#define WORK_LIMBS (2 * (RNL_EXACT_LIMB_HIGH - RNL_EXACT_LIMB_LOW) + 2)

/* work += factor * view, at its place. view is not negative. */
static void add_product(uint64_t *work, const struct rnl_exact_view *view,
                        uint64_t factor)
{
    uint64_t *at = work + (view->base - WORK_LOW);
    uint64_t carry = 0;
    for (uint32_t i = 0; i < view->count; i++) {
        unsigned __int128 sum =
            (unsigned __int128)view->limbs[i] * factor + at[i] + carry;
        at[i] = (uint64_t)sum;
        carry = (uint64_t)(sum >> 64);
    }
    at[view->count] += carry;
}

/* at -= factor * limbs; the borrow runs on to the end of work. */
static void subtract_row(uint64_t *at, const uint64_t *end,
                         const uint64_t *limbs, uint32_t count, uint64_t factor)
{
    uint64_t carry = 0, borrow = 0;
    for (uint32_t i = 0; at + i < end; i++) {
        unsigned __int128 product = carry;
        if (i < count)
            product += (unsigned __int128)limbs[i] * factor;
        else if (carry == 0 && borrow == 0)
            return;
        uint64_t low = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
        unsigned __int128 rest = (unsigned __int128)at[i] - low - borrow;
        at[i] = (uint64_t)rest;
        borrow = (uint64_t)(rest >> 64) & 1;
    }
}

static void subtract_square(uint64_t *work, const struct rnl_exact_view *view)
{
    uint64_t magnitude[RNL_EXACT_LIMBS_MAX];
    bool negative = view->limbs[view->count - 1] >> 63 != 0;
    for (uint32_t i = 0; i < view->count; i++) {
        magnitude[i] = view->limbs[i];
        if (negative)
            magnitude[i] = i == 0 ? 0 - view->limbs[i] : ~view->limbs[i];
    }
    uint64_t *at = work + (2 * view->base - WORK_LOW);
    for (uint32_t i = 0; i < view->count; i++)
        subtract_row(at + i, work + WORK_LIMBS, magnitude, view->count,
                     magnitude[i]);
}

/* n * sum(x^2) - sum(x)^2, as a fraction and an exponent. */
static void deviation(const struct rnl_moments *moments, double *ret_fraction,
                      int *ret_exponent)
{
    uint64_t work[WORK_LIMBS] = {0};
    struct rnl_exact_view sum = rnl_exact_view(&moments->sum);
    struct rnl_exact_view squares = rnl_exact_view(&moments->squares);
    add_product(work, &squares, moments->count);
    if (sum.count > 0)
        subtract_square(work, &sum);
    struct rnl_exact_view rest = rnl_exact_view_of(work, WORK_LIMBS, WORK_LOW);
    rnl_exact_round(&rest, ret_fraction, ret_exponent);
}

/* fraction * 2^exponent, or the largest number of that sign. */
static double scaled(double fraction, int exponent)
{
    double number = ldexp(fraction, exponent);
    return isinf(number) ? copysign(DBL_MAX, number) : number;
}

static double root(double fraction, int exponent)
{
    if (exponent % 2 != 0) {
        fraction *= 2;
        exponent--;
    }
    return ldexp(sqrt(fraction), exponent / 2);
}

void rnl_moments_read(const struct rnl_moments *moments,
                      struct rnl_moments_summary *ret_summary)
{
    struct rnl_moments_summary summary = {
        .count = moments->count,
        .min = moments->min,
        .max = moments->max,
        .saturated = moments->count == UINT64_MAX,
    };
    if (moments->count > 0) {
        double count = (double)moments->count;
        double fraction;
        int exponent;
        struct rnl_exact_view sum = rnl_exact_view(&moments->sum);
        rnl_exact_round(&sum, &fraction, &exponent);
        summary.sum = scaled(fraction, exponent);
        /* Rounding must not push the mean of equal values beside them. */
        summary.mean = fmin(
            fmax(scaled(fraction / count, exponent), summary.min), summary.max);
        deviation(moments, &fraction, &exponent);
        /* Only a saturated count can make it negative. */
        fraction = fmax(fraction, 0);
        summary.m2 = scaled(fraction / count, exponent);
        summary.variance = scaled(fraction / count / count, exponent);
        summary.stddev = root(fraction / count / count, exponent);
    }
    *ret_summary = summary;
}

size_t rnl_moments_heap_bytes(const struct rnl_moments *moments)
{
    size_t limbs = (moments->sum.heap != NULL ? moments->sum.cap : 0) +
                   (moments->squares.heap != NULL ? moments->squares.cap : 0);
    return limbs * sizeof(uint64_t);
}

/* ---- bytes ---- */

static size_t exact_len(const struct rnl_exact *exact)
{
    struct rnl_exact_view view = rnl_exact_view(exact);
    return rnl_varint_len(rnl_zigzag(view.base)) + rnl_varint_len(view.count) +
           view.count * sizeof(uint64_t);
}

static uint8_t *put_exact(uint8_t *out, const struct rnl_exact *exact)
{
    struct rnl_exact_view view = rnl_exact_view(exact);
    out = rnl_put_varint(out, rnl_zigzag(view.base));
    out = rnl_put_varint(out, view.count);
    for (uint32_t i = 0; i < view.count; i++)
        out = rnl_put_word(out, view.limbs[i]);
    return out;
}

size_t rnl_moments_serialized_len(const struct rnl_moments *moments)
{
    size_t len = RNL_SKETCH_HEAD_LEN + rnl_varint_len(moments->count) +
                 RNL_SKETCH_CHECK_LEN;
    if (moments->count > 0)
        len += 2 * sizeof(double) + exact_len(&moments->sum) +
               exact_len(&moments->squares);
    return len;
}

void rnl_moments_serialize(const struct rnl_moments *moments, uint8_t *out)
{
    uint8_t *at = rnl_sketch_head(out, letters, VERSION);
    at = rnl_put_varint(at, moments->count);
    if (moments->count > 0) {
        at = rnl_put_double(at, moments->min);
        at = rnl_put_double(at, moments->max);
        at = put_exact(at, &moments->sum);
        at = put_exact(at, &moments->squares);
    }
    rnl_sketch_seal(out, at);
}

static enum rnl_code get_exact(struct rnl_wire *in, struct rnl_exact *exact)
{
    uint64_t limbs[RNL_EXACT_LIMBS_MAX];
    uint64_t place, count;
    if (!rnl_get_varint(in, &place) || !rnl_get_varint(in, &count) ||
        place > 2 * RNL_EXACT_LIMBS_MAX || count > RNL_EXACT_LIMBS_MAX)
        return RNL_INVALID_ARGUMENT;
    for (uint64_t i = 0; i < count; i++) {
        if (!rnl_get_word(in, &limbs[i]))
            return RNL_INVALID_ARGUMENT;
    }
    int32_t base = (int32_t)rnl_unzigzag(place);
    struct rnl_exact_view view =
        rnl_exact_view_of(limbs, (uint32_t)count, base);
    if (view.count != count || view.base != base || base < RNL_EXACT_LIMB_LOW ||
        base + (int32_t)count > RNL_EXACT_LIMB_HIGH)
        return RNL_INVALID_ARGUMENT;
    return rnl_exact_set(exact, &view);
}

static bool plain(double number)
{
    return isfinite(number) && !(number == 0 && signbit(number));
}

/* Whether a sum of powers is below 2 * count * (largest magnitude)^power, in
 * powers of two: a forged one beyond that could leave no room for a true one
 * that is added to it. */
static bool fits(const struct rnl_exact *exact,
                 const struct rnl_moments *moments, int power)
{
    struct rnl_exact_view view = rnl_exact_view(exact);
    double fraction;
    int exponent, largest, number;
    if (view.count == 0)
        return true;
    rnl_exact_round(&view, &fraction, &exponent);
    double magnitude = fmax(fabs(moments->min), fabs(moments->max));
    if (magnitude == 0)
        return false;
    (void)frexp(magnitude, &largest);
    (void)frexp((double)moments->count, &number);
    return exponent <= power * largest + number + 1;
}

/* What every set of values fulfils, as far as it is cheap to see. */
static bool possible(const struct rnl_moments *moments)
{
    struct rnl_exact_view squares = rnl_exact_view(&moments->squares);
    if (!plain(moments->min) || !plain(moments->max) ||
        moments->min > moments->max ||
        (squares.count > 0 && squares.limbs[squares.count - 1] >> 63 != 0))
        return false;
    double fraction;
    int exponent;
    deviation(moments, &fraction, &exponent);
    return (fraction >= 0 || moments->count == UINT64_MAX) &&
           fits(&moments->sum, moments, 1) &&
           fits(&moments->squares, moments, 2);
}

static enum rnl_code get_content(struct rnl_wire *in,
                                 struct rnl_moments *moments)
{
    if (!rnl_get_varint(in, &moments->count))
        return RNL_INVALID_ARGUMENT;
    if (moments->count > 0) {
        if (!rnl_get_double(in, &moments->min) ||
            !rnl_get_double(in, &moments->max))
            return RNL_INVALID_ARGUMENT;
        enum rnl_code code = get_exact(in, &moments->sum);
        if (code == RNL_OK)
            code = get_exact(in, &moments->squares);
        if (code != RNL_OK)
            return code;
    }
    return in->at == in->end && possible(moments) ? RNL_OK
                                                  : RNL_INVALID_ARGUMENT;
}

enum rnl_code rnl_moments_deserialize(struct rnl_moments *target,
                                      const uint8_t *bytes, size_t len)
{
    struct rnl_wire content;
    enum rnl_code code =
        rnl_sketch_open(bytes, len, letters, VERSION, &content);
    if (code != RNL_OK)
        return code;
    struct rnl_moments read;
    rnl_moments_init(&read);
    code = get_content(&content, &read);
    if (code != RNL_OK) {
        rnl_moments_fini(&read);
        return code;
    }
    rnl_moments_fini(target);
    *target = read;
    return RNL_OK;
}
