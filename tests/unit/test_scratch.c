/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdbool.h>

#include "scratch.h"

static struct rnl_scratch scratch;

/* Packs a job with so many labels; returns the length. */
static size_t pack(uint8_t *bytes, size_t label_count)
{
    static Runnel__V1__Job__LabelsEntry labels[500];
    static Runnel__V1__Job__LabelsEntry *list[500];
    Runnel__V1__Job job = RUNNEL__V1__JOB__INIT;
    job.kind = (char *)"echo";
    for (size_t i = 0; i < label_count; i++) {
        labels[i] =
            (Runnel__V1__Job__LabelsEntry)RUNNEL__V1__JOB__LABELS_ENTRY__INIT;
        labels[i].key = (char *)"key";
        labels[i].value = (char *)"value";
        list[i] = &labels[i];
    }
    job.labels = list;
    job.n_labels = label_count;
    return runnel__v1__job__pack(&job, bytes);
}

static bool is_within(const Runnel__V1__Job *job)
{
    const uint8_t *at = (const uint8_t *)job;
    return at >= scratch.bytes && at < scratch.bytes + sizeof(scratch.bytes);
}

static void records_use_the_same_memory_again(void **state)
{
    (void)state;
    uint8_t bytes[256];
    size_t len = pack(bytes, 3);
    for (int i = 0; i < 1000; i++) {
        Runnel__V1__Job *job = rnl_scratch_job(&scratch, bytes, len);
        assert_non_null(job);
        assert_true(is_within(job));
        assert_string_equal(job->kind, "echo");
        assert_string_equal(job->labels[2]->value, "value");
        rnl_scratch_release(&scratch, job);
    }
}

static void one_that_does_not_fit_is_decoded_all_the_same(void **state)
{
    (void)state;
    static uint8_t bytes[16384];
    for (size_t labels = 1; labels < 500; labels++) {
        size_t len = pack(bytes, labels);
        Runnel__V1__Job *job = rnl_scratch_job(&scratch, bytes, len);
        assert_non_null(job);
        assert_int_equal(job->n_labels, labels);
        assert_string_equal(job->labels[labels - 1]->value, "value");
        assert_true(is_within(job) || labels > 16);
        rnl_scratch_release(&scratch, job);
    }
}

static void what_is_no_record_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[256];
    size_t len = pack(bytes, 3);
    assert_null(rnl_scratch_job(&scratch, bytes, len - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_use_the_same_memory_again),
        cmocka_unit_test(one_that_does_not_fit_is_decoded_all_the_same),
        cmocka_unit_test(what_is_no_record_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
