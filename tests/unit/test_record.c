/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include <runnel/v1/jobs.pb-c.h>

#include "record.h"

#define BYTES_MAX 4096

/* A job with every field that a record has. */
struct sample {
    Runnel__V1__Job job;
    Runnel__V1__Job__LabelsEntry label;
    Runnel__V1__Job__LabelsEntry *labels[1];
    Runnel__V1__Job__OptionsEntry option;
    Runnel__V1__Job__OptionsEntry *options[1];
    Runnel__V1__JobError error;
    Runnel__V1__Progress progress;
    Runnel__V1__RetryPolicy retry;
    Google__Protobuf__Duration retention;
    Google__Protobuf__Timestamp times[5];
};

static void fill_times(struct sample *sample)
{
    for (int i = 0; i < 5; i++) {
        sample->times[i] =
            (Google__Protobuf__Timestamp)GOOGLE__PROTOBUF__TIMESTAMP__INIT;
        sample->times[i].seconds = 1700000000 + i;
        sample->times[i].nanos = 999999999 - i;
    }
    sample->job.create_time = &sample->times[0];
    sample->job.start_time = &sample->times[1];
    sample->job.end_time = &sample->times[2];
    sample->job.not_before = &sample->times[3];
    sample->job.deadline = &sample->times[4];
}

static void fill(struct sample *sample)
{
    *sample = (struct sample){
        .job = RUNNEL__V1__JOB__INIT,
        .label = RUNNEL__V1__JOB__LABELS_ENTRY__INIT,
        .option = RUNNEL__V1__JOB__OPTIONS_ENTRY__INIT,
        .error = RUNNEL__V1__JOB_ERROR__INIT,
        .progress = RUNNEL__V1__PROGRESS__INIT,
        .retry = RUNNEL__V1__RETRY_POLICY__INIT,
        .retention = GOOGLE__PROTOBUF__DURATION__INIT,
    };
    Runnel__V1__Job *job = &sample->job;
    job->id = (char *)"01234567890123456789012345";
    job->kind = (char *)"echo";
    job->state = RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED;
    sample->label.key = sample->option.key = (char *)"key";
    sample->label.value = sample->option.value = (char *)"value";
    sample->labels[0] = &sample->label;
    sample->options[0] = &sample->option;
    job->labels = sample->labels;
    job->options = sample->options;
    job->n_labels = job->n_options = 1;
    job->priority = -7;
    job->input_bytes = 5;
    job->output_bytes = UINT64_C(1) << 40;
    job->last_sequence = 9;
    job->first_sequence = 2;
    sample->progress.done = 0.5;
    job->progress = &sample->progress;
    job->attempt = 3;
    sample->error.code = RUNNEL__V1__CODE__CODE_INTERNAL;
    sample->error.message = (char *)"it broke";
    sample->error.attempt = 3;
    job->error = &sample->error;
    fill_times(sample);
    job->retry = &sample->retry;
    job->retention = &sample->retention;
    job->idempotency_key = (char *)"the key";
    job->keep_newest_bytes = 65536;
}

static void expect_text(struct rnl_record_text text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, strlen(expected));
}

static void expect_time(struct rnl_record_time time, int number)
{
    assert_true(time.is_set);
    assert_int_equal(time.ns, (1700000000 + number) * INT64_C(1000000000) +
                                  999999999 - number);
}

static void every_column_is_read(void **state)
{
    (void)state;
    uint8_t bytes[BYTES_MAX];
    struct sample sample;
    struct rnl_record record;
    fill(&sample);
    size_t len = runnel__v1__job__pack(&sample.job, bytes);
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
    struct sample sample;
    struct rnl_record record;
    int whole = 0;
    fill(&sample);
    size_t len = runnel__v1__job__pack(&sample.job, bytes);
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
