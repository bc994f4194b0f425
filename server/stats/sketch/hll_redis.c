/* SPDX-License-Identifier: Apache-2.0 */
#include "hll_redis.h"

#include <string.h>

#include "hll_private.h"

#define REGISTERS     (1 << RNL_HLL_PRECISION_REDIS)
#define FORM_AT       4
#define STALE_AT      15
#define STALE         0x80
#define FORM_DENSE    0
#define FORM_SPARSE   1
#define RUN_RANK_MAX  32
#define RUN_LEN_MAX   4
#define RUN_ZERO_MAX  64
#define RUN_XZERO_MAX 16384

static const uint8_t magic[4] = {'H', 'Y', 'L', 'L'};

/* ---- writing ---- */

/* Counts when out is NULL. */
struct writer {
    uint8_t *out;
    size_t len;
};

static void put(struct writer *writer, size_t byte)
{
    if (writer->out != NULL)
        writer->out[writer->len] = (uint8_t)byte;
    writer->len++;
}

static void put_run(struct writer *writer, uint8_t rank, size_t len)
{
    size_t most = rank == 0 ? RUN_XZERO_MAX : RUN_LEN_MAX;
    for (size_t now; len > 0; len -= now) {
        now = len < most ? len : most;
        if (rank > 0) {
            put(writer, 0x80 | (size_t)(rank - 1) << 2 | (now - 1));
        } else if (now <= RUN_ZERO_MAX) {
            put(writer, now - 1);
        } else {
            put(writer, 0x40 | (now - 1) >> 8);
            put(writer, (now - 1) & 0xff);
        }
    }
}

static void put_sparse(struct writer *writer, const uint8_t *registers)
{
    size_t from = 0;
    for (size_t i = 1; i <= REGISTERS; i++) {
        if (i < REGISTERS && registers[i] == registers[from])
            continue;
        put_run(writer, registers[from], i - from);
        from = i;
    }
}

/* Four registers of 6 bits are three bytes. */
static void put_dense(struct writer *writer, const uint8_t *registers)
{
    for (size_t i = 0; i < REGISTERS; i += 4) {
        uint32_t four = registers[i] | (uint32_t)registers[i + 1] << 6 |
                        (uint32_t)registers[i + 2] << 12 |
                        (uint32_t)registers[i + 3] << 18;
        put(writer, four & 0xff);
        put(writer, four >> 8 & 0xff);
        put(writer, four >> 16);
    }
}

static void get_registers(const struct rnl_hll *hll, uint8_t *registers)
{
    if (hll->dense)
        memcpy(registers, hll->registers, REGISTERS);
    else
        memset(registers, 0, REGISTERS);
    RNL_HLL_FOR_COUPONS(hll, coupon)
    {
        uint8_t rank = (uint8_t)(coupon >> HLL_ADDRESS_BITS);
        uint8_t *at = registers + (coupon & (REGISTERS - 1));
        *at = *at > rank ? *at : rank;
    }
}

/* Bytes of the runs; 0 when they are too long or cannot say it. */
static size_t sparse_len(const uint8_t *registers)
{
    struct writer counter = {0};
    for (size_t i = 0; i < REGISTERS; i++) {
        if (registers[i] > RUN_RANK_MAX)
            return 0;
    }
    put_sparse(&counter, registers);
    return counter.len <= RNL_HLL_REDIS_SPARSE_MAX ? counter.len : 0;
}

size_t rnl_hll_redis_len(const struct rnl_hll *hll)
{
    uint8_t registers[REGISTERS];
    if (hll->profile != RNL_HASH_REDIS)
        return 0;
    get_registers(hll, registers);
    size_t len = sparse_len(registers);
    return len > 0 ? RNL_HLL_REDIS_HEADER_LEN + len : RNL_HLL_REDIS_DENSE_LEN;
}

void rnl_hll_redis_write(const struct rnl_hll *hll, uint8_t *out)
{
    uint8_t registers[REGISTERS];
    struct writer writer = {.out = out + RNL_HLL_REDIS_HEADER_LEN};
    get_registers(hll, registers);
    bool sparse = sparse_len(registers) > 0;
    memset(out, 0, RNL_HLL_REDIS_HEADER_LEN);
    memcpy(out, magic, sizeof(magic));
    out[FORM_AT] = sparse ? FORM_SPARSE : FORM_DENSE;
    out[STALE_AT] = STALE;
    if (sparse)
        put_sparse(&writer, registers);
    else
        put_dense(&writer, registers);
}

/* ---- reading ---- */

/* Reads one run at in and returns its bytes; 0: cut off. */
static size_t get_run(const uint8_t *in, size_t len, uint8_t *ret_rank,
                      size_t *ret_run)
{
    *ret_rank = 0;
    if (in[0] & 0x80) {
        *ret_rank = (uint8_t)((in[0] >> 2 & 0x1f) + 1);
        *ret_run = (in[0] & 3) + (size_t)1;
        return 1;
    }
    *ret_run = (in[0] & 0x3f) + (size_t)1;
    if (!(in[0] & 0x40))
        return 1;
    if (len < 2)
        return 0;
    *ret_run = ((size_t)(in[0] & 0x3f) << 8 | in[1]) + 1;
    return 2;
}

static bool get_sparse(const uint8_t *in, size_t len, uint8_t *registers)
{
    size_t filled = 0;
    for (size_t used; len > 0; in += used, len -= used) {
        uint8_t rank;
        size_t run;
        used = get_run(in, len, &rank, &run);
        if (used == 0 || run > REGISTERS - filled)
            return false;
        memset(registers + filled, rank, run);
        filled += run;
    }
    return filled == REGISTERS;
}

static bool get_dense(const uint8_t *in, size_t len, uint8_t *registers)
{
    uint8_t highest = 0;
    if (len != RNL_HLL_REDIS_DENSE_LEN - RNL_HLL_REDIS_HEADER_LEN)
        return false;
    for (size_t i = 0; i < REGISTERS; i += 4, in += 3) {
        uint32_t four = in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16;
        for (size_t k = 0; k < 4; k++, four >>= 6) {
            registers[i + k] = four & 0x3f;
            highest = highest > (four & 0x3f) ? highest : four & 0x3f;
        }
    }
    return highest <= HLL_RANK_MAX_REDIS;
}

enum rnl_code rnl_hll_redis_read(struct rnl_hll *target, const uint8_t *bytes,
                                 size_t len)
{
    uint8_t registers[REGISTERS];
    struct rnl_hll read;
    if (len < RNL_HLL_REDIS_HEADER_LEN ||
        memcmp(bytes, magic, sizeof(magic)) != 0 ||
        bytes[FORM_AT] > FORM_SPARSE || target->kind != HLL_KIND_HYPER)
        return RNL_INVALID_ARGUMENT;
    const uint8_t *in = bytes + RNL_HLL_REDIS_HEADER_LEN;
    len -= RNL_HLL_REDIS_HEADER_LEN;
    if (!(bytes[FORM_AT] == FORM_SPARSE ? get_sparse(in, len, registers)
                                        : get_dense(in, len, registers)))
        return RNL_INVALID_ARGUMENT;
    enum rnl_code code =
        rnl_hll_init(&read, RNL_HLL_PRECISION_REDIS, RNL_HASH_REDIS, 0);
    if (code == RNL_OK)
        code = rnl_hll_make_dense(&read);
    if (code == RNL_OK)
        memcpy(read.registers, registers, REGISTERS);
    return rnl_hll_finish(target, &read, code);
}
