/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of CSV: however the input is cut, the rows are the same. */
#include "fuzz.h"

#include "csv.h"

struct result {
    uint64_t hash;
    size_t rows;
    size_t bad;
};

static void note(struct result *result, uint64_t word)
{
    result->hash = (result->hash ^ word) * UINT64_C(0x100000001B3);
}

static void take(struct result *result, const struct rnl_csv *csv,
                 enum rnl_csv_result got)
{
    if (got == RNL_CSV_BAD) {
        FUZZ_CHECK(csv->error != NULL);
        result->bad++;
    }
    if (got != RNL_CSV_ROW)
        return;
    result->rows++;
    FUZZ_CHECK(csv->field_count <= RNL_CSV_FIELD_COUNT_MAX);
    note(result, csv->line);
    for (size_t i = 0; i < csv->field_count; i++) {
        note(result, csv->fields[i].len);
        for (size_t j = 0; j < csv->fields[i].len; j++)
            note(result, (uint8_t)csv->fields[i].data[j]);
    }
}

static struct result parse(const uint8_t *data, size_t size, uint8_t cut)
{
    struct result result = {0};
    struct rnl_csv csv;
    rnl_csv_init(&csv, ',');
    for (size_t at = 0; at < size;) {
        size_t len = cut == 0 ? size - at : fuzz_cut(cut, at, size - at);
        size_t used;
        take(&result, &csv,
             rnl_csv_feed(&csv, (const char *)data + at, len, &used));
        FUZZ_CHECK(used <= len);
        at += used;
    }
    enum rnl_csv_result got;
    while ((got = rnl_csv_finish(&csv)) != RNL_CSV_MORE) {
        FUZZ_CHECK(got != RNL_CSV_NO_MEMORY);
        take(&result, &csv, got);
    }
    rnl_csv_fini(&csv);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t cut = (uint8_t)(fuzz_byte(&data, &size) | 1);
    struct result whole = parse(data, size, 0);
    struct result pieces = parse(data, size, cut);
    FUZZ_CHECK(whole.hash == pieces.hash && whole.rows == pieces.rows &&
               whole.bad == pieces.bad);
    return 0;
}
