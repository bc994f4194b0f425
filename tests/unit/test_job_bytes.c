/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that are copied and sent without going through a decoder. */
#include "test.h"

#include <string.h>

#include <runnel/v1/workers.pb-c.h>

#include "alloc.h"
#include "fault.h"
#include "full_job.h"
#include "job_base.h"
#include "job_wire.h"

#define BYTES_MAX 4096

static size_t pack(const Runnel__V1__Job *job, uint8_t bytes[BYTES_MAX])
{
    assert_true(runnel__v1__job__get_packed_size(job) <= BYTES_MAX);
    return runnel__v1__job__pack(job, bytes);
}

static void expect_same(const Runnel__V1__Job *job,
                        const Runnel__V1__Job *expected)
{
    uint8_t bytes[BYTES_MAX];
    uint8_t expected_bytes[BYTES_MAX];
    size_t len = pack(job, bytes);
    assert_int_equal(len, pack(expected, expected_bytes));
    assert_memory_equal(bytes, expected_bytes, len);
}

/* ---- the part that does not change ---- */

static void clear_what_changes(Runnel__V1__Job *job)
{
    job->input = NULL;
    job->progress = NULL;
    job->error = NULL;
    job->start_time = NULL;
    job->end_time = NULL;
}

static void a_copy_is_whole_and_its_own(void **state)
{
    (void)state;
    struct full_job full;
    struct full_job expected;
    full_job_init(&full);
    Runnel__V1__Job *copy = rnl_job_base_copy(&full.job);
    assert_non_null(copy);
    memset(&full, 0xff, sizeof(full));
    full_job_init(&expected);
    clear_what_changes(&expected.job);
    expect_same(copy, &expected.job);
    rnl_free(copy);
}

static void an_empty_job_is_copied(void **state)
{
    (void)state;
    const Runnel__V1__Job none = RUNNEL__V1__JOB__INIT;
    Runnel__V1__Job *copy = rnl_job_base_copy(&none);
    assert_non_null(copy);
    expect_same(copy, &none);
    assert_int_equal(copy->n_labels, 0);
    rnl_free(copy);
}

static void want_of_memory_is_no_copy(void **state)
{
    (void)state;
    struct full_job full;
    full_job_init(&full);
    fault_at(1, false);
    assert_null(rnl_job_base_copy(&full.job));
    (void)fault_stop();
}

/* ---- on the wire ---- */

/* As the store lends it: the input apart, and no first_sequence. */
struct stored {
    struct full_job full;
    struct rnl_store_record record;
    uint8_t bytes[BYTES_MAX];
    uint8_t input[BYTES_MAX];
};

static void store(struct stored *stored, const char *text)
{
    static Runnel__V1__Payload payload;
    full_job_init(&stored->full);
    stored->full.job.first_sequence = 0;
    stored->record = (struct rnl_store_record){
        .record = stored->bytes,
        .record_len = pack(&stored->full.job, stored->bytes),
        .first_sequence = 77,
    };
    stored->full.job.first_sequence = 77;
    if (text == NULL)
        return;
    payload = (Runnel__V1__Payload)RUNNEL__V1__PAYLOAD__INIT;
    payload.content_case = RUNNEL__V1__PAYLOAD__CONTENT_TEXT;
    payload.text = (char *)text;
    stored->full.job.input = &payload;
    stored->record.input = stored->input;
    stored->record.input_len =
        runnel__v1__payload__pack(&payload, stored->input);
}

static void the_answer_has_the_job(void **state)
{
    (void)state;
    struct stored stored;
    store(&stored, NULL);
    struct rnl_buf *buf = rnl_job_wire_created(&stored.record);
    assert_non_null(buf);
    Runnel__V1__CreateJobResponse *response =
        runnel__v1__create_job_response__unpack(NULL, buf->len, buf->data);
    assert_non_null(response);
    assert_false(response->existing);
    expect_same(response->job, &stored.full.job);
    runnel__v1__create_job_response__free_unpacked(response, NULL);
    rnl_buf_unref(buf);
}

static void expect_assignment(const struct stored *stored)
{
    Runnel__V1__AssignJob assign = RUNNEL__V1__ASSIGN_JOB__INIT;
    Runnel__V1__Lease lease = RUNNEL__V1__LEASE__INIT;
    Google__Protobuf__Duration duration = GOOGLE__PROTOBUF__DURATION__INIT;
    lease.job_id = stored->full.job.id;
    lease.attempt = 3;
    lease.token = UINT64_MAX;
    duration.seconds = 10;
    assign.lease = &lease;
    assign.lease_duration = &duration;
    struct rnl_buf *buf = rnl_job_wire_assigned(&stored->record, &assign);
    assert_non_null(buf);
    Runnel__V1__WorkResponse *response =
        runnel__v1__work_response__unpack(NULL, buf->len, buf->data);
    assert_non_null(response);
    assert_int_equal(response->order_case,
                     RUNNEL__V1__WORK_RESPONSE__ORDER_ASSIGN);
    assert_int_equal(response->assign->lease->token, UINT64_MAX);
    assert_int_equal(response->assign->lease_duration->seconds, 10);
    expect_same(response->assign->job, &stored->full.job);
    runnel__v1__work_response__free_unpacked(response, NULL);
    rnl_buf_unref(buf);
}

static void an_assignment_has_job_and_input(void **state)
{
    (void)state;
    struct stored stored;
    store(&stored, "the input");
    expect_assignment(&stored);
    store(&stored, NULL);
    expect_assignment(&stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_whole_and_its_own),
        cmocka_unit_test(an_empty_job_is_copied),
        cmocka_unit_test(want_of_memory_is_no_copy),
        cmocka_unit_test(the_answer_has_the_job),
        cmocka_unit_test(an_assignment_has_job_and_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
