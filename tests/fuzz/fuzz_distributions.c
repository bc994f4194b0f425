/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of moments and log histograms, ours and foreign: what is accepted is in
 * its one form, and can be asked, merged and subtracted. */
#include "fuzz.h"

#include <math.h>
#include <string.h>

#include "bytes.h"
#include "hash.h"
#include "histogram_ddsketch.h"
#include "histogram_otlp.h"
#include "moments.h"

#define BUCKETS 20

/* Puts the frame around a content: no fuzzer guesses a hash. */
static uint8_t *framed(const char letters[4], const uint8_t *data, size_t size,
                       size_t *ret_len)
{
    *ret_len = RNL_SKETCH_HEAD_LEN + size + RNL_SKETCH_CHECK_LEN;
    uint8_t *bytes = malloc(*ret_len);
    FUZZ_CHECK(bytes != NULL);
    uint8_t *at = rnl_sketch_head(bytes, letters, 1);
    if (size > 0)
        memcpy(at, data, size);
    rnl_sketch_seal(bytes, at + size);
    return bytes;
}

static void use(struct rnl_histogram *histogram)
{
    struct rnl_histogram_bucket buckets[BUCKETS];
    uint64_t count = rnl_histogram_count(histogram);
    size_t found = rnl_histogram_buckets(histogram, buckets, BUCKETS);
    FUZZ_CHECK((found == 0) == (count == 0) && found <= BUCKETS);
    FUZZ_CHECK(isnan(rnl_histogram_quantile(histogram, 0.5)) == (count == 0));
    FUZZ_CHECK(rnl_histogram_collapsed(histogram) <= count);
    FUZZ_CHECK(rnl_histogram_heap_bytes(histogram) <=
               2 * 8 * (RNL_HISTOGRAM_BINS_MAX + 1));
    struct rnl_histogram copy;
    rnl_histogram_init(&copy);
    FUZZ_CHECK(rnl_histogram_copy(&copy, histogram) == RNL_OK);
    FUZZ_CHECK(rnl_histogram_merge(&copy, histogram) == RNL_OK);
    if (!rnl_histogram_saturated(&copy)) {
        FUZZ_CHECK(rnl_histogram_subtract(&copy, histogram) == RNL_OK);
        FUZZ_CHECK(rnl_histogram_count(&copy) == count);
    }
    FUZZ_CHECK(rnl_histogram_update(&copy, 1e300, 1) == RNL_OK);
    FUZZ_CHECK(rnl_histogram_update(&copy, -1e-300, 1) == RNL_OK);
    rnl_histogram_fini(&copy);
}

static void try_own(const uint8_t *data, size_t size)
{
    size_t len;
    uint8_t *bytes = framed("RLHG", data, size, &len);
    struct rnl_histogram histogram;
    rnl_histogram_init(&histogram);
    if (rnl_histogram_deserialize(&histogram, bytes, len) == RNL_OK) {
        FUZZ_CHECK(rnl_histogram_serialized_len(&histogram) == len);
        uint8_t *again = malloc(len);
        FUZZ_CHECK(again != NULL);
        rnl_histogram_serialize(&histogram, again);
        FUZZ_CHECK(memcmp(again, bytes, len) == 0);
        free(again);
        use(&histogram);
    }
    rnl_histogram_fini(&histogram);
    free(bytes);
}

static void try_moments(const uint8_t *data, size_t size)
{
    size_t len;
    uint8_t *bytes = framed("RMOM", data, size, &len);
    struct rnl_moments moments;
    struct rnl_moments_summary summary;
    rnl_moments_init(&moments);
    if (rnl_moments_deserialize(&moments, bytes, len) == RNL_OK) {
        FUZZ_CHECK(rnl_moments_serialized_len(&moments) == len);
        uint8_t again[RNL_MOMENTS_SERIALIZED_MAX];
        FUZZ_CHECK(len <= sizeof(again));
        rnl_moments_serialize(&moments, again);
        FUZZ_CHECK(memcmp(again, bytes, len) == 0);
        enum rnl_code code = rnl_moments_merge(&moments, &moments);
        FUZZ_CHECK(code == RNL_OK || code == RNL_OUT_OF_RANGE);
        code = rnl_moments_update(&moments, 1e300);
        FUZZ_CHECK(code == RNL_OK || code == RNL_OUT_OF_RANGE);
        rnl_moments_read(&moments, &summary);
        FUZZ_CHECK(summary.variance >= 0 && isfinite(summary.mean));
    }
    rnl_moments_fini(&moments);
    free(bytes);
}

static void try_foreign(uint8_t format, const uint8_t *data, size_t size)
{
    static const double value = 2;
    const char *what = NULL;
    struct rnl_histogram histogram;
    rnl_histogram_init(&histogram);
    FUZZ_CHECK(rnl_histogram_update(&histogram, value, 1) == RNL_OK);
    enum rnl_code code =
        format == 0 ? rnl_histogram_merge_otlp(&histogram, data, size, &what)
                    : rnl_histogram_merge_ddsketch(
                          &histogram,
                          format == 1 ? RNL_DDSKETCH_FLOOR : RNL_DDSKETCH_CEIL,
                          data, size, &what);
    FUZZ_CHECK(code == RNL_OK || what != NULL);
    FUZZ_CHECK(code == RNL_OK || rnl_histogram_count(&histogram) == 1);
    use(&histogram);
    rnl_histogram_fini(&histogram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t format = fuzz_byte(&data, &size) % 5;
    if (format == 3)
        try_own(data, size);
    else if (format == 4)
        try_moments(data, size);
    else
        try_foreign(format, data, size);
    return 0;
}
