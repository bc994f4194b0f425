/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sketches of distinct keys, in our bytes and in those of others. The first
 * byte chooses the format. What is taken answers, and survives being written
 * and read again.
 */
#include "fuzz.h"

#include <string.h>

#include "hll_datasketches.h"
#include "hll_redis.h"
#include "ultraloglog.h"

#define CHECK_AT 16

typedef size_t (*len_fn)(const struct rnl_hll *hll);
typedef void (*write_fn)(const struct rnl_hll *hll, uint8_t *out);
typedef enum rnl_code (*read_fn)(struct rnl_hll *hll, const uint8_t *bytes,
                                 size_t len);

static const struct {
    len_fn len;
    write_fn write;
    read_fn read;
} formats[] = {
    {rnl_hll_serialized_len, rnl_hll_serialize, rnl_hll_deserialize},
    {rnl_hll_redis_len, rnl_hll_redis_write, rnl_hll_redis_read},
    {rnl_hll_datasketches_len, rnl_hll_datasketches_write,
     rnl_hll_datasketches_read},
};

/* So that damage gets past the check. */
static void sign(uint8_t *bytes, size_t len)
{
    if (len < RNL_HLL_HEADER_LEN)
        return;
    uint64_t check = rnl_hash(bytes, CHECK_AT, 0);
    check =
        rnl_hash(bytes + RNL_HLL_HEADER_LEN, len - RNL_HLL_HEADER_LEN, check);
    for (size_t i = 0; i < 8; i++)
        bytes[CHECK_AT + i] = (uint8_t)(check >> (8 * i));
}

static struct rnl_hll make(bool ultra)
{
    struct rnl_hll hll;
    enum rnl_code code = ultra ? rnl_ull_init(&hll, 10, 1)
                               : rnl_hll_init(&hll, 10, RNL_HASH_NATIVE, 1);
    FUZZ_CHECK(code == RNL_OK);
    return hll;
}

static void check_answer(const struct rnl_hll *hll)
{
    struct rnl_hll_estimate estimate;
    rnl_hll_estimate(hll, &estimate);
    FUZZ_CHECK(estimate.value >= 0 && estimate.value <= RNL_HLL_ESTIMATE_MAX);
    FUZZ_CHECK(estimate.lower <= estimate.value);
    FUZZ_CHECK(estimate.value <= estimate.upper);
}

/* Written and read, it merges with itself into what it was. */
static void check_again(const struct rnl_hll *hll, size_t format, bool ultra)
{
    size_t len = formats[format].len(hll);
    struct rnl_hll again = make(ultra);
    uint8_t *first = malloc(len);
    uint8_t *second = malloc(len);
    FUZZ_CHECK(len > 0 && first && second);
    formats[format].write(hll, first);
    FUZZ_CHECK(formats[format].read(&again, first, len) == RNL_OK);
    FUZZ_CHECK(rnl_hll_merge(&again, hll) == RNL_OK);
    FUZZ_CHECK(formats[format].len(&again) == len);
    formats[format].write(&again, second);
    FUZZ_CHECK(memcmp(first, second, len) == 0);
    free(first);
    free(second);
    rnl_hll_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t format = data[0] % 3;
    bool ultra = format == 0 && data[0] / 3 % 2 == 1;
    struct rnl_hll hll = make(ultra);
    size_t len = size - 1;
    uint8_t *bytes = malloc(size);
    FUZZ_CHECK(bytes != NULL);
    memcpy(bytes, data + 1, len);
    if (format == 0)
        sign(bytes, len);
    if (formats[format].read(&hll, bytes, len) == RNL_OK) {
        check_answer(&hll);
        check_again(&hll, format, ultra);
    }
    rnl_hll_fini(&hll);
    free(bytes);
    return 0;
}
