/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "full_job.h"
#include "record.h"

#define BYTES_MAX 4096

static void expect_text(struct rnl_record_text text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, strlen(expected));
}

static void expect_time(struct rnl_record_time time, int number)
{
    assert_true(time.is_set);
    assert_int_equal(time.ns, (FULL_JOB_S + number) * INT64_C(1000000000) +
                                  FULL_JOB_NS - number);
}

static void every_column_is_read(void **state)
{
    (void)state;
    uint8_t bytes[BYTES_MAX];
    struct full_job full;
    struct rnl_record record;
    full_job_init(&full);
    size_t len = runnel__v1__job__pack(&full.job, bytes);
    assert_true(rnl_record_read(bytes, len, &record));
    assert_int_equal(record.state, RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED);
    expect_text(record.kind, "echo");
    expect_text(record.key, "the key");
    assert_int_equal(record.priority, -7);
    assert_int_equal(record.attempt, 3);
    expect_time(record.create, 0);
    expect_time(record.start, 1);
    expect_time(record.end, 2);
    assert_true(record.has_error);
    assert_int_equal(record.error_code, RUNNEL__V1__CODE__CODE_INTERNAL);
    expect_text(record.error, "it broke");
    assert_int_equal(record.output_bytes, INT64_C(1) << 40);
}

static void what_is_not_there_is_empty(void **state)
{
    (void)state;
    struct rnl_record record;
    assert_true(rnl_record_read((const uint8_t *)"", 0, &record));
    expect_text(record.kind, "");
    expect_text(record.key, "");
    expect_text(record.error, "");
    assert_false(record.create.is_set || record.start.is_set ||
                 record.end.is_set || record.has_error);
    assert_int_equal(record.state, 0);
    assert_int_equal(record.output_bytes, 0);
}

/* At most as many cuts are whole as there are fields. */
static void one_that_is_cut_off_is_not_a_record(void **state)
{
    (void)state;
    uint8_t bytes[BYTES_MAX];
    struct full_job full;
    struct rnl_record record;
    int whole = 0;
    full_job_init(&full);
    size_t len = runnel__v1__job__pack(&full.job, bytes);
    for (size_t cut = 0; cut < len; cut++)
        whole += rnl_record_read(bytes, cut, &record);
    assert_in_range(whole, 1, 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_is_read),
        cmocka_unit_test(what_is_not_there_is_empty),
        cmocka_unit_test(one_that_is_cut_off_is_not_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
