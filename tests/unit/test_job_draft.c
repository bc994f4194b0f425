/* SPDX-License-Identifier: Apache-2.0 */
/* What CreateJob refuses, each with the field that it names. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draft.h"
#include "job_fixture.h"
#include "job_id.h"

static char long_text[8000];

static const char *text_of(size_t len)
{
    memset(long_text, 'k', len);
    long_text[len] = '\0';
    return long_text;
}

static void expect_refused(const struct job_request *request,
                           const char *expected_field)
{
    struct rnl_core core;
    jobs_setup(&core);
    char field[128];
    assert_int_equal(job_refused(&core, request, field, sizeof(field)),
                     RNL_INVALID_ARGUMENT);
    assert_string_equal(field, expected_field);
    struct rnl_jobs_counts counts;
    rnl_jobs_count(core.jobs, &counts);
    assert_int_equal(counts.stored, 0);
    jobs_teardown(&core);
}

static void expect_taken(const struct job_request *request)
{
    struct rnl_core core;
    jobs_setup(&core);
    char id[RNL_JOB_ID_LEN + 1];
    job_create(&core, request, id);
    jobs_teardown(&core);
}

static void a_kind_must_be_a_name(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "Echo", "e cho", "echo/", "\xc3\xa9"};
    struct job_request request;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        job_request_init(&request, bad[i], "x");
        expect_refused(&request, "kind");
    }
    job_request_init(&request, text_of(65), "x");
    expect_refused(&request, "kind");
}

static void input_is_bounded_and_of_its_form(void **state)
{
    (void)state;
    struct job_request request;
    size_t max = 1024 * 1024 - 64 * 1024;
    char *big = malloc(max + 2);
    memset(big, 'b', max + 1);
    job_request_init(&request, "echo", NULL);
    job_request_data(&request, big, max, "");
    expect_taken(&request);
    job_request_data(&request, big, max + 1, "");
    expect_refused(&request, "input.data");
    free(big);
    job_request_init(&request, "echo", "\xff");
    expect_refused(&request, "input.text");
    job_request_init(&request, "echo", "x");
    request.input.content_type = (char *)"text/\n";
    expect_refused(&request, "input.content_type");
    request.input.content_type = (char *)text_of(129);
    expect_refused(&request, "input.content_type");
    request.input.content_type = (char *)text_of(128);
    expect_taken(&request);
    job_request_init(&request, "echo", NULL);
    expect_taken(&request);
}

static void maps_are_bounded_in_every_way(void **state)
{
    (void)state;
    struct job_request request;
    static char names[100][16];
    job_request_init(&request, "echo", "x");
    for (int i = 0; i < 32; i++) {
        snprintf(names[i], sizeof(names[i]), "l%d", i);
        job_request_label(&request, names[i], "v");
    }
    expect_taken(&request);
    job_request_label(&request, "one too many", "v");
    expect_refused(&request, "labels");

    job_request_init(&request, "echo", "x");
    job_request_label(&request, "a", text_of(256));
    expect_taken(&request);
    job_request_init(&request, "echo", "x");
    job_request_label(&request, "a", text_of(257));
    expect_refused(&request, "labels[a]");
    job_request_init(&request, "echo", "x");
    job_request_label(&request, "", "v");
    expect_refused(&request, "labels[]");
    job_request_init(&request, "echo", "x");
    job_request_label(&request, "a", "1");
    job_request_label(&request, "b", "1");
    job_request_label(&request, "a", "2");
    expect_refused(&request, "labels[a]");
    job_request_init(&request, "echo", "x");
    job_request_label(&request, "a", "\xc0\x80");
    expect_refused(&request, "labels[a]");
    job_request_init(&request, "echo", "x");
    job_request_label(&request, "\xc0\x80", "v");
    expect_refused(&request, "labels");
    job_request_init(&request, "echo", "x");
    char field[sizeof(long_text) + 16];
    snprintf(field, sizeof(field), "labels[%s]", text_of(64));
    job_request_label(&request, text_of(65), "v");
    expect_refused(&request, field);

    job_request_init(&request, "echo", "x");
    for (int i = 0; i < 65; i++) {
        snprintf(names[i], sizeof(names[i]), "o%d", i);
        job_request_option(&request, names[i], "v");
    }
    expect_refused(&request, "options");
    job_request_init(&request, "echo", "x");
    job_request_option(&request, "a", text_of(4097));
    expect_refused(&request, "options[a]");
}

static void options_of_a_kind_are_checked_by_their_range(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "-1", "60001", "1.5", "", "ten", "1 ", "99999999999999999999"};
    struct job_request request;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        job_request_init(&request, "echo", "x");
        job_request_option(&request, "pace_ms", bad[i]);
        expect_refused(&request, "options.pace_ms");
    }
    job_request_init(&request, "echo", "x");
    job_request_option(&request, "pace_ms", "60000");
    job_request_option(&request, "chunk_bytes", "1");
    expect_taken(&request);
    job_request_init(&request, "echo", "x");
    job_request_option(&request, "colour", "red");
    expect_refused(&request, "options.colour");
}

static void numbers_and_times_have_their_ranges(void **state)
{
    (void)state;
    struct job_request request;
    job_request_init(&request, "echo", "x");
    request.request.priority = 101;
    expect_refused(&request, "priority");
    request.request.priority = -101;
    expect_refused(&request, "priority");
    request.request.priority = 0;
    request.request.idempotency_key = (char *)text_of(129);
    expect_refused(&request, "idempotency_key");
    request.request.idempotency_key = (char *)text_of(128);
    expect_taken(&request);

    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    request.request.deadline = &time;
    time.seconds = 1700000000;
    expect_refused(&request, "deadline");
    time.seconds = INT64_MAX;
    expect_refused(&request, "deadline");
    time.seconds = 1700000000 + 367 * 86400;
    expect_refused(&request, "deadline");
    time.seconds = 1700000001;
    time.nanos = 1000000000;
    expect_refused(&request, "deadline");
    time.nanos = 0;
    expect_taken(&request);
    Google__Protobuf__Timestamp start = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    start.seconds = 1700000001;
    request.request.not_before = &start;
    expect_refused(&request, "deadline");
    request.request.deadline = NULL;
    start.seconds = -1;
    expect_refused(&request, "not_before");
    start.seconds = 1700000000 + 367 * 86400;
    expect_refused(&request, "not_before");
}

static void retry_and_retention_have_their_ranges(void **state)
{
    (void)state;
    struct job_request request;
    job_request_init(&request, "echo", "x");
    Runnel__V1__RetryPolicy retry = RUNNEL__V1__RETRY_POLICY__INIT;
    Google__Protobuf__Duration initial = GOOGLE__PROTOBUF__DURATION__INIT;
    Google__Protobuf__Duration longest = GOOGLE__PROTOBUF__DURATION__INIT;
    request.request.retry = &retry;
    retry.max_attempts = 101;
    expect_refused(&request, "retry.max_attempts");
    retry.max_attempts = 100;
    retry.initial_backoff = &initial;
    initial.seconds = -1;
    expect_refused(&request, "retry.initial_backoff");
    initial.seconds = 86400;
    expect_taken(&request);
    initial.nanos = 1;
    expect_refused(&request, "retry.initial_backoff");
    initial.nanos = 0;
    initial.seconds = 10;
    retry.max_backoff = &longest;
    longest.seconds = 9;
    expect_refused(&request, "retry.max_backoff");
    longest.seconds = 10;
    expect_taken(&request);
    request.request.retry = NULL;
    request.request.retention = &longest;
    longest.seconds = 0;
    expect_refused(&request, "retention");
    longest.seconds = 30 * 86400 + 1;
    expect_refused(&request, "retention");
}

static void an_id_is_26_sortable_characters(void **state)
{
    (void)state;
    static const uint8_t zero[RNL_JOB_ID_RANDOM_LEN] = {0};
    uint8_t ones[RNL_JOB_ID_RANDOM_LEN];
    memset(ones, 0xff, sizeof(ones));
    char id[RNL_JOB_ID_LEN + 1];
    rnl_job_id_make(0, zero, id);
    assert_string_equal(id, "00000000000000000000000000");
    rnl_job_id_make((UINT64_C(1) << 48) - 1, ones, id);
    assert_string_equal(id, "7zzzzzzzzzzzzzzzzzzzzzzzzz");
    /* The time of the example in the ULID specification. */
    rnl_job_id_make(1469922850259, ones, id);
    assert_memory_equal(id, "01arz3ndek", 10);
    assert_true(rnl_job_id_valid(id));
    assert_false(rnl_job_id_valid("0000000000000000000000000"));
    assert_false(rnl_job_id_valid("0000000000000000000000000u"));
    assert_false(rnl_job_id_valid("0000000000000000000000000A"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kind_must_be_a_name),
        cmocka_unit_test(input_is_bounded_and_of_its_form),
        cmocka_unit_test(maps_are_bounded_in_every_way),
        cmocka_unit_test(options_of_a_kind_are_checked_by_their_range),
        cmocka_unit_test(numbers_and_times_have_their_ranges),
        cmocka_unit_test(retry_and_retention_have_their_ranges),
        cmocka_unit_test(an_id_is_26_sortable_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
