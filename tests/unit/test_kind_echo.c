/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "job_fixture.h"
#include "utf8.h"

/* Runs a job to its end and watches it from the start. */
static void run(struct rnl_core *core, const struct job_request *request,
                struct rnl_stream *stream)
{
    char id[RNL_JOB_ID_LEN + 1];
    job_create(core, request, id);
    job_watch(stream, core, id, 0);
    fake_core_advance(core, 3600 * SECOND);
    assert_true(stream->finished);
    assert_int_equal(stream->code, RNL_OK);
}

static void text_is_never_cut_inside_a_character(void **state)
{
    (void)state;
    static const char text[] = "\xe2\x82\xac"
                               "a\xc3\xa9\xf0\x9f\x98\x80z\xe2\x82\xac";
    static const char *const sizes[] = {"1", "2", "3", "5", "8192"};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct rnl_core core;
        jobs_setup(&core);
        struct job_request request;
        job_request_init(&request, "echo", text);
        job_request_option(&request, "chunk_bytes", sizes[i]);
        struct rnl_stream stream;
        run(&core, &request, &stream);
        for (size_t k = 0; k < stream.sent_count; k++) {
            Runnel__V1__WatchJobResponse *response = watched(&stream, k);
            if (response->event->payload_case ==
                RUNNEL__V1__JOB_EVENT__PAYLOAD_DELTA)
                assert_int_equal(response->event->delta->content_case,
                                 RUNNEL__V1__OUTPUT_DELTA__CONTENT_TEXT);
            rnl_request_free(response);
        }
        size_t len;
        char *output = watched_output(&stream, 0, &len);
        assert_string_equal(output, text);
        free(output);
        fake_close(&stream);
        jobs_teardown(&core);
    }
}

/* A NUL, and bytes that are no text, come back as data. */
static void any_bytes_come_back_as_they_were(void **state)
{
    (void)state;
    static uint8_t data[70000];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 167 + i / 256);
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", NULL);
    job_request_data(&request, data, sizeof(data), "image/x-noise");
    job_request_option(&request, "chunk_bytes", "1000");
    struct rnl_stream stream;
    run(&core, &request, &stream);
    size_t len;
    char *output = watched_output(&stream, 0, &len);
    assert_int_equal(len, sizeof(data));
    assert_memory_equal(output, data, len);
    free(output);
    fake_close(&stream);
    jobs_teardown(&core);
}

static void no_input_gives_no_output(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", NULL);
    struct rnl_stream stream;
    run(&core, &request, &stream);
    assert_int_equal(stream.sent_count, 3);
    fake_close(&stream);
    jobs_teardown(&core);
}

static void the_pace_is_kept(void **state)
{
    (void)state;
    struct rnl_core core;
    jobs_setup(&core);
    struct job_request request;
    job_request_init(&request, "echo", "0123456789");
    job_request_option(&request, "chunk_bytes", "1");
    job_request_option(&request, "pace_ms", "250");
    char id[RNL_JOB_ID_LEN + 1];
    job_create(&core, &request, id);
    fake_core_advance(&core, 1000 * MS);
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
    assert_int_equal(response->job->output_bytes, 5);
    assert_string_equal(response->job->progress->unit, "bytes");
    rnl_request_free(response);
    jobs_teardown(&core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_never_cut_inside_a_character),
        cmocka_unit_test(any_bytes_come_back_as_they_were),
        cmocka_unit_test(no_input_gives_no_output),
        cmocka_unit_test(the_pace_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
