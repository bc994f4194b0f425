/* SPDX-License-Identifier: Apache-2.0 */
#include "hyperloglog.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "hll_private.h"

#define VERSION     1
#define CHECK_AT    16
#define FORM_SPARSE 0
#define FORM_DENSE  1

/* By kind. */
static const uint8_t magics[][4] = {{'R', 'H', 'L', 'L'}, {'R', 'U', 'L', 'L'}};

void rnl_hll_put_u32(uint8_t *out, uint32_t word)
{
    for (size_t i = 0; i < 4; i++)
        out[i] = (uint8_t)(word >> (8 * i));
}

uint32_t rnl_hll_get_u32(const uint8_t *in)
{
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 |
           (uint32_t)in[3] << 24;
}

static void put_u64(uint8_t *out, uint64_t word)
{
    rnl_hll_put_u32(out, (uint32_t)word);
    rnl_hll_put_u32(out + 4, (uint32_t)(word >> 32));
}

static uint64_t get_u64(const uint8_t *in)
{
    return rnl_hll_get_u32(in) | (uint64_t)rnl_hll_get_u32(in + 4) << 32;
}

/* Of all bytes but the eight of the check. */
static uint64_t check_of(const uint8_t *bytes, size_t len)
{
    uint64_t head = rnl_hash(bytes, CHECK_AT, 0);
    return rnl_hash(bytes + RNL_HLL_HEADER_LEN, len - RNL_HLL_HEADER_LEN, head);
}

size_t rnl_hll_serialized_len(const struct rnl_hll *hll)
{
    return RNL_HLL_HEADER_LEN + (hll->dense ? rnl_hll_registers(hll->precision)
                                            : (size_t)hll->count * 4);
}

static int compare_coupons(const void *a, const void *b)
{
    uint32_t left = rnl_hll_get_u32(a);
    uint32_t right = rnl_hll_get_u32(b);
    return (left > right) - (left < right);
}

void rnl_hll_put_coupons(const struct rnl_hll *hll, uint8_t *out)
{
    uint8_t *at = out;
    RNL_HLL_FOR_COUPONS(hll, coupon)
    {
        if (coupon != 0) {
            rnl_hll_put_u32(at, coupon);
            at += 4;
        }
    }
    qsort(out, hll->count, 4, compare_coupons);
}

void rnl_hll_serialize(const struct rnl_hll *hll, uint8_t *out)
{
    memcpy(out, magics[hll->kind], 4);
    out[4] = VERSION;
    out[5] = hll->profile;
    out[6] = hll->precision;
    out[7] = hll->dense ? FORM_DENSE : FORM_SPARSE;
    rnl_hll_put_u32(out + 8, hll->seed_check);
    rnl_hll_put_u32(out + 12, hll->dense ? 0 : hll->count);
    if (hll->dense)
        memcpy(out + RNL_HLL_HEADER_LEN, hll->registers,
               rnl_hll_registers(hll->precision));
    else
        rnl_hll_put_coupons(hll, out + RNL_HLL_HEADER_LEN);
    put_u64(out + CHECK_AT, check_of(out, rnl_hll_serialized_len(hll)));
}

/* Reads the header of that kind into an empty sketch and checks it against the
 * length. */
static enum rnl_code read_header(struct rnl_hll *hll, uint8_t kind,
                                 const uint8_t *bytes, size_t len)
{
    if (len < RNL_HLL_HEADER_LEN || memcmp(bytes, magics[kind], 4) != 0)
        return RNL_INVALID_ARGUMENT;
    if (bytes[4] != VERSION)
        return bytes[4] > VERSION ? RNL_UNIMPLEMENTED : RNL_INVALID_ARGUMENT;
    if (get_u64(bytes + CHECK_AT) != check_of(bytes, len) ||
        bytes[7] > FORM_DENSE || bytes[5] >= RNL_HASH_PROFILES)
        return RNL_INVALID_ARGUMENT;
    enum rnl_code code =
        rnl_hll_init(hll, bytes[6], (enum rnl_hash_profile)bytes[5], 0);
    if (code != RNL_OK)
        return code;
    if (kind == HLL_KIND_ULTRA && hll->profile != RNL_HASH_NATIVE)
        return RNL_INVALID_ARGUMENT;
    hll->kind = kind;
    hll->seed_check = rnl_hll_get_u32(bytes + 8);
    hll->count = rnl_hll_get_u32(bytes + 12);
    hll->dense = bytes[7] == FORM_DENSE;
    bool fits =
        hll->count <= (hll->dense ? 0 : rnl_hll_coupons_max(hll->precision));
    bool seeded = hll->profile == RNL_HASH_NATIVE || hll->seed_check == 0;
    return fits && seeded && len == rnl_hll_serialized_len(hll)
               ? RNL_OK
               : RNL_INVALID_ARGUMENT;
}

static bool registers_valid(const struct rnl_hll *hll, const uint8_t *in)
{
    size_t m = rnl_hll_registers(hll->precision);
    uint32_t most = rnl_hll_rank_max((enum rnl_hash_profile)hll->profile);
    uint32_t highest = 0;
    if (hll->kind == HLL_KIND_ULTRA)
        return rnl_ull_valid(in, m);
    for (size_t i = 0; i < m; i++)
        highest = in[i] > highest ? in[i] : highest;
    return highest <= most;
}

static enum rnl_code read_registers(struct rnl_hll *hll, const uint8_t *in)
{
    if (!registers_valid(hll, in))
        return RNL_INVALID_ARGUMENT;
    enum rnl_code code = rnl_hll_make_dense(hll);
    if (code == RNL_OK)
        memcpy(hll->registers, in, rnl_hll_registers(hll->precision));
    return code;
}

/* Rising, so that there is one serialized form. */
static enum rnl_code read_coupons(struct rnl_hll *hll, const uint8_t *in,
                                  uint32_t count)
{
    uint32_t most = rnl_hll_rank_max((enum rnl_hash_profile)hll->profile);
    uint32_t addresses = rnl_hll_addresses(hll);
    uint32_t last = HLL_ADDRESS_MASK;
    enum rnl_code code = rnl_hll_reserve(hll, count);
    for (size_t i = 0; code == RNL_OK && i < count; i++) {
        uint32_t coupon = rnl_hll_get_u32(in + 4 * i);
        if (coupon <= last || coupon >> HLL_ADDRESS_BITS > most ||
            (coupon & HLL_ADDRESS_MASK) >= addresses)
            return RNL_INVALID_ARGUMENT;
        last = coupon;
        code = rnl_hll_put(hll, coupon);
    }
    return code;
}

enum rnl_code rnl_hll_deserialize(struct rnl_hll *target, const uint8_t *bytes,
                                  size_t len)
{
    struct rnl_hll header;
    enum rnl_code code = read_header(&header, target->kind, bytes, len);
    if (code != RNL_OK)
        return code;
    struct rnl_hll read = {.kind = header.kind,
                           .precision = header.precision,
                           .profile = header.profile,
                           .seed_check = header.seed_check};
    if (header.dense)
        code = read_registers(&read, bytes + RNL_HLL_HEADER_LEN);
    else
        code = read_coupons(&read, bytes + RNL_HLL_HEADER_LEN, header.count);
    return rnl_hll_finish(target, &read, code);
}
