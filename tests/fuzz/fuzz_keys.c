/* SPDX-License-Identifier: Apache-2.0 */
/* Count-Min and tables of frequent keys from foreign bytes. The input is the
 * content; head and seal are made around it, which no mutant would hit. What is
 * taken writes the same bytes again, and counts on. */
#include "fuzz.h"

#include <string.h>

#include "bytes.h"
#include "frequent.h"

static uint8_t *sealed(const uint8_t *data, size_t size, const char letters[4])
{
    uint8_t *bytes = malloc(size + RNL_SKETCH_HEAD_LEN + RNL_SKETCH_CHECK_LEN);
    FUZZ_CHECK(bytes != NULL);
    uint8_t *at = rnl_sketch_head(bytes, letters, 1);
    if (size > 0)
        memcpy(at, data, size);
    rnl_sketch_seal(bytes, at + size);
    return bytes;
}

static void try_count_min(const uint8_t *bytes, size_t len)
{
    struct rnl_count_min *sketch;
    if (rnl_count_min_deserialize(bytes, len, &sketch) != RNL_OK)
        return;
    FUZZ_CHECK(rnl_count_min_serialized_len(sketch) == len);
    uint8_t *again = malloc(len);
    FUZZ_CHECK(again != NULL);
    rnl_count_min_serialize(sketch, again);
    FUZZ_CHECK(memcmp(again, bytes, len) == 0);
    rnl_count_min_fold(&sketch, RNL_COUNT_MIN_WIDTH_LOG2_MIN);
    rnl_count_min_update(sketch, 12345, 1);
    FUZZ_CHECK(rnl_count_min_estimate(sketch, 12345) >= 1);
    free(again);
    rnl_count_min_destroy(sketch);
}

static void try_frequent(const uint8_t *bytes, size_t len)
{
    struct rnl_frequent frequent;
    struct rnl_frequent other;
    rnl_frequent_init(&frequent, 8);
    rnl_frequent_init(&other, 8);
    if (rnl_frequent_deserialize(&frequent, bytes, len) == RNL_OK) {
        FUZZ_CHECK(rnl_frequent_serialized_len(&frequent) == len);
        uint8_t *again = malloc(len);
        FUZZ_CHECK(again != NULL);
        FUZZ_CHECK(rnl_frequent_serialize(&frequent, again) == RNL_OK);
        FUZZ_CHECK(memcmp(again, bytes, len) == 0);
        free(again);
        FUZZ_CHECK(rnl_frequent_merge(&other, &frequent) == RNL_OK);
        FUZZ_CHECK(rnl_frequent_trim(&frequent, 4) == RNL_OK);
        FUZZ_CHECK(frequent.entry_count <= 4);
    }
    rnl_frequent_fini(&frequent);
    rnl_frequent_fini(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool table = (fuzz_byte(&data, &size) & 1) != 0;
    uint8_t *bytes = sealed(data, size, table ? "RFRQ" : "RCMS");
    size_t len = size + RNL_SKETCH_HEAD_LEN + RNL_SKETCH_CHECK_LEN;
    if (table)
        try_frequent(bytes, len);
    else
        try_count_min(bytes, len);
    free(bytes);
    return 0;
}
