/* SPDX-License-Identifier: Apache-2.0 */
#include "hll_datasketches.h"

#include <math.h>
#include <string.h>

#include "hll_private.h"

#define VERSION 1
#define FAMILY  7

#define FLAG_EMPTY   4
#define FLAG_COMPACT 8
#define FLAG_MERGED  16

#define LIST_LEN      8
#define LIST_MAX      7
#define LIST_SLOTS    8
#define SET_LEN       12
#define REGISTERS_LEN 40

/* The smallest precision with sets, and the logarithm of their first table. */
#define SET_PRECISION_MIN 8
#define SET_TABLE_LOG2    5

#define KEYS_AT_LOWEST_AT 32
#define EXCEPTIONS_AT     36

enum mode { LIST = 0, SET = 1, REGISTERS = 2 };
enum form { HLL_4 = 0, HLL_6 = 1, HLL_8 = 2 };

/* What a nibble of 15 says; no rank is that high. */
#define EXCEPTION 255

/* ---- writing ---- */

/* DataSketches would have made registers of more: three quarters of a table of
 * m / 8. */
static uint32_t set_max(unsigned precision)
{
    return (UINT32_C(3) << (precision - 3)) / 4;
}

static enum mode mode_for(const struct rnl_hll *hll)
{
    if (hll->dense)
        return REGISTERS;
    if (hll->count <= LIST_MAX)
        return LIST;
    bool fits = hll->precision >= SET_PRECISION_MIN &&
                hll->count <= set_max(hll->precision);
    return fits ? SET : REGISTERS;
}

size_t rnl_hll_datasketches_len(const struct rnl_hll *hll)
{
    if (hll->profile != RNL_HASH_DATASKETCHES)
        return 0;
    switch (mode_for(hll)) {
    case LIST:
        return LIST_LEN + (size_t)hll->count * 4;
    case SET:
        return SET_LEN + (size_t)hll->count * 4;
    default:
        return REGISTERS_LEN + rnl_hll_registers(hll->precision);
    }
}

static void put_double(uint8_t *out, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof(bits));
    rnl_hll_put_u32(out, (uint32_t)bits);
    rnl_hll_put_u32(out + 4, (uint32_t)(bits >> 32));
}

/* Ranks of coupons are raised in the output itself. */
static void put_ranks(const struct rnl_hll *hll, uint8_t *ranks)
{
    size_t m = rnl_hll_registers(hll->precision);
    if (hll->dense)
        memcpy(ranks, hll->registers, m);
    else
        memset(ranks, 0, m);
    RNL_HLL_FOR_COUPONS(hll, coupon)
    {
        uint8_t rank = (uint8_t)(coupon >> HLL_ADDRESS_BITS);
        uint8_t *at = ranks + (coupon & (m - 1));
        *at = *at > rank ? *at : rank;
    }
}

/* Sums from small to large: exact, as 2^-31 is the smallest of the first and
 * m is at most 2^21. */
static void put_registers(const struct rnl_hll *hll, uint8_t *out)
{
    size_t m = rnl_hll_registers(hll->precision);
    const uint8_t *ranks = out + REGISTERS_LEN;
    double low = 0;
    double high = 0;
    uint32_t empty = 0;
    put_ranks(hll, out + REGISTERS_LEN);
    for (size_t i = 0; i < m; i++) {
        if (ranks[i] < 32)
            low += 1.0 / (double)(UINT64_C(1) << ranks[i]);
        else
            high += 1.0 / (double)(UINT64_C(1) << ranks[i]);
        empty += ranks[i] == 0;
    }
    put_double(out + 8, 0);
    put_double(out + 16, low);
    put_double(out + 24, high);
    rnl_hll_put_u32(out + KEYS_AT_LOWEST_AT, empty);
    rnl_hll_put_u32(out + EXCEPTIONS_AT, 0);
}

/* The logarithm of the table that DataSketches would have. */
static uint8_t table_log2(uint32_t count)
{
    uint8_t log2 = SET_TABLE_LOG2;
    while (count > (UINT32_C(3) << log2) / 4)
        log2++;
    return log2;
}

void rnl_hll_datasketches_write(const struct rnl_hll *hll, uint8_t *out)
{
    enum mode mode = mode_for(hll);
    static const uint8_t preambles[] = {2, 3, 10};
    out[0] = preambles[mode];
    out[1] = VERSION;
    out[2] = FAMILY;
    out[3] = hll->precision;
    out[4] = 0;
    out[5] = FLAG_COMPACT;
    out[6] = 0;
    out[7] = (uint8_t)((unsigned)HLL_8 << 2 | (unsigned)mode);
    if (mode == LIST) {
        out[4] = 3;
        out[5] |= hll->count == 0 ? FLAG_EMPTY : 0;
        out[6] = (uint8_t)hll->count;
        rnl_hll_put_coupons(hll, out + LIST_LEN);
    } else if (mode == SET) {
        out[4] = table_log2(hll->count);
        rnl_hll_put_u32(out + LIST_LEN, hll->count);
        rnl_hll_put_coupons(hll, out + SET_LEN);
    } else {
        out[5] |= FLAG_MERGED;
        put_registers(hll, out);
    }
}

/* ---- reading ---- */

/* The bytes, and what the first eight of them say. */
struct image {
    const uint8_t *bytes;
    size_t len;
    unsigned precision;
    bool compact;
    enum form form;
};

/* slots of 4 bytes at from, some of which may be free, with count coupons. */
static enum rnl_code get_coupons(struct rnl_hll *hll, const struct image *image,
                                 size_t from, uint32_t slots, uint32_t count)
{
    enum rnl_code code = RNL_OK;
    uint32_t found = 0;
    if ((image->len - from) / 4 < slots ||
        (image->compact && image->len - from != (size_t)slots * 4))
        return RNL_INVALID_ARGUMENT;
    for (size_t i = 0; code == RNL_OK && i < slots; i++) {
        uint32_t coupon = rnl_hll_get_u32(image->bytes + from + 4 * i);
        if (coupon == 0 && !image->compact)
            continue;
        if (coupon >> HLL_ADDRESS_BITS == 0)
            return RNL_INVALID_ARGUMENT;
        found++;
        code = rnl_hll_put(hll, coupon);
    }
    return code == RNL_OK && found != count ? RNL_INVALID_ARGUMENT : code;
}

static enum rnl_code get_list(struct rnl_hll *hll, const struct image *image)
{
    uint32_t count = image->bytes[6];
    if (count > LIST_SLOTS)
        return RNL_INVALID_ARGUMENT;
    /* An empty one may end after the preamble, table or not. */
    if (count == 0 && image->len == LIST_LEN)
        return RNL_OK;
    return get_coupons(hll, image, LIST_LEN,
                       image->compact ? count : LIST_SLOTS, count);
}

static enum rnl_code get_set(struct rnl_hll *hll, const struct image *image)
{
    if (image->len < SET_LEN || image->precision < SET_PRECISION_MIN)
        return RNL_INVALID_ARGUMENT;
    uint32_t count = rnl_hll_get_u32(image->bytes + LIST_LEN);
    unsigned log2 = image->bytes[4];
    if (log2 > image->precision || count > rnl_hll_registers(image->precision))
        return RNL_INVALID_ARGUMENT;
    uint32_t slots = image->compact ? count : UINT32_C(1) << log2;
    return get_coupons(hll, image, SET_LEN, slots, count);
}

static size_t form_len(enum form form, unsigned precision)
{
    size_t m = rnl_hll_registers(precision);
    switch (form) {
    case HLL_4:
        return m / 2;
    case HLL_6:
        return m / 4 * 3 + 1;
    default:
        return m;
    }
}

static void get_ranks(uint8_t *ranks, const struct image *image)
{
    const uint8_t *in = image->bytes + REGISTERS_LEN;
    unsigned lowest = image->bytes[6];
    size_t m = rnl_hll_registers(image->precision);
    if (image->form == HLL_8)
        memcpy(ranks, in, m);
    for (size_t i = 0; image->form == HLL_6 && i < m; i++) {
        size_t bit = i * 6;
        unsigned two = in[bit / 8] | (unsigned)in[bit / 8 + 1] << 8;
        ranks[i] = two >> bit % 8 & 0x3f;
    }
    for (size_t i = 0; image->form == HLL_4 && i < m; i++) {
        unsigned nibble = in[i / 2] >> i % 2 * 4 & 0xf;
        ranks[i] = (uint8_t)(nibble == 15 ? EXCEPTION : lowest + nibble);
    }
}

/* Each exception belongs to one register that asks for it. */
static bool get_exceptions(uint8_t *ranks, const struct image *image)
{
    size_t from = REGISTERS_LEN + form_len(image->form, image->precision);
    uint32_t count = rnl_hll_get_u32(image->bytes + EXCEPTIONS_AT);
    size_t mask = rnl_hll_registers(image->precision) - 1;
    size_t slots = count;
    if (image->form != HLL_4)
        return count == 0;
    if (!image->compact && count > 0) {
        if (image->bytes[4] > image->precision)
            return false;
        slots = (size_t)1 << image->bytes[4];
    }
    if ((image->len - from) / 4 < slots)
        return false;
    for (size_t i = 0; i < slots; i++) {
        uint32_t coupon = rnl_hll_get_u32(image->bytes + from + 4 * i);
        if (coupon == 0 && !image->compact)
            continue;
        uint8_t *at = ranks + (coupon & mask);
        uint8_t rank = (uint8_t)(coupon >> HLL_ADDRESS_BITS);
        if (*at != EXCEPTION || rank < image->bytes[6] + 15)
            return false;
        *at = rank;
        count--;
    }
    return count == 0;
}

static bool ranks_valid(const struct rnl_hll *hll)
{
    uint8_t highest = 0;
    for (size_t i = 0; i < rnl_hll_registers(hll->precision); i++)
        highest = highest > hll->registers[i] ? highest : hll->registers[i];
    return highest <= HLL_RANK_MAX_DATASKETCHES;
}

static enum rnl_code get_registers(struct rnl_hll *hll,
                                   const struct image *image)
{
    size_t len = REGISTERS_LEN + form_len(image->form, image->precision);
    if (image->form > HLL_8 || image->len < len ||
        image->bytes[6] > HLL_RANK_MAX_DATASKETCHES)
        return RNL_INVALID_ARGUMENT;
    if (image->compact && image->form == HLL_4)
        len += (size_t)rnl_hll_get_u32(image->bytes + EXCEPTIONS_AT) * 4;
    if (image->compact && image->len != len)
        return RNL_INVALID_ARGUMENT;
    enum rnl_code code = rnl_hll_make_dense(hll);
    if (code != RNL_OK)
        return code;
    get_ranks(hll->registers, image);
    return get_exceptions(hll->registers, image) && ranks_valid(hll)
               ? RNL_OK
               : RNL_INVALID_ARGUMENT;
}

static enum rnl_code get_image(struct rnl_hll *hll, const struct image *image)
{
    switch (image->bytes[0]) {
    case 2:
        return get_list(hll, image);
    case 3:
        return get_set(hll, image);
    default:
        return get_registers(hll, image);
    }
}

enum rnl_code rnl_hll_datasketches_read(struct rnl_hll *target,
                                        const uint8_t *bytes, size_t len)
{
    static const uint8_t modes[] = {[2] = LIST, [3] = SET, [10] = REGISTERS};
    struct rnl_hll read;
    if (target->kind != HLL_KIND_HYPER || len < LIST_LEN || bytes[2] != FAMILY)
        return RNL_INVALID_ARGUMENT;
    if (bytes[1] != VERSION)
        return bytes[1] > VERSION ? RNL_UNIMPLEMENTED : RNL_INVALID_ARGUMENT;
    bool known = bytes[0] == 2 || bytes[0] == 3 || bytes[0] == 10;
    if (!known || (bytes[7] & 3) != modes[bytes[0]] || bytes[7] >> 4 != 0)
        return RNL_INVALID_ARGUMENT;
    struct image image = {.bytes = bytes,
                          .len = len,
                          .precision = bytes[3],
                          .compact = bytes[5] & FLAG_COMPACT,
                          .form = (enum form)(bytes[7] >> 2)};
    enum rnl_code code =
        rnl_hll_init(&read, image.precision, RNL_HASH_DATASKETCHES, 0);
    if (code == RNL_OK)
        code = get_image(&read, &image);
    else
        return code;
    return rnl_hll_finish(target, &read, code);
}
