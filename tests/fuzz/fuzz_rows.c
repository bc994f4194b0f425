/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a job's input: what comes out keeps the promises of rows.h. */
#include "fuzz.h"

#include <math.h>

#include "rows.h"
#include "utf8.h"

static void check(const struct rnl_row *row)
{
    FUZZ_CHECK(row->key_len >= 1 && row->key_len <= RNL_ROW_KEY_MAX);
    FUZZ_CHECK(rnl_utf8_valid((const uint8_t *)row->key, row->key_len));
    FUZZ_CHECK(!row->has_value || isfinite(row->value));
    FUZZ_CHECK(!row->has_latency ||
               (isfinite(row->latency_ms) && row->latency_ms >= 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[RNL_ROW_FIELD_COUNT] = {
        [RNL_ROW_KEY] = "k",
        [RNL_ROW_VALUE] = "v",
        [RNL_ROW_LATENCY] = "l",
        [RNL_ROW_TIME] = "t",
    };
    uint8_t choice = fuzz_byte(&data, &size);
    struct rnl_rows rows = {0};
    for (int i = 0; i < RNL_ROW_FIELD_COUNT; i++) {
        rows.fields[i] = names[i];
        rows.required[i] = i == RNL_ROW_KEY || (choice >> 2 & 1 << i) != 0;
    }
    rnl_rows_init(&rows, (enum rnl_rows_format)(choice % 3), data, size);
    /* Each call takes a byte at least, but at the end. */
    for (size_t left = 2 * size + 4; left > 0; left--) {
        struct rnl_row row;
        enum rnl_rows_result got = rnl_rows_next(&rows, &row);
        if (got == RNL_ROWS_ROW)
            check(&row);
        FUZZ_CHECK(got != RNL_ROWS_NO_MEMORY);
        if (got == RNL_ROWS_END || got == RNL_ROWS_FATAL) {
            rnl_rows_fini(&rows);
            return 0;
        }
    }
    abort();
}
