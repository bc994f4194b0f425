/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts of built-in kinds over restarts of the server: what recovery does
 * with a store that stays. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "job_fixture.h"
#include "stream_fixture.h"
#include "timestamp.h"
#include "workers.h"

#define QUEUED    RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED
#define RUNNING   RUNNEL__V1__JOB_STATE__JOB_STATE_RUNNING
#define SUCCEEDED RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED
#define CANCELLED RUNNEL__V1__JOB_STATE__JOB_STATE_CANCELLED
#define EXPIRED   RUNNEL__V1__JOB_STATE__JOB_STATE_EXPIRED

/* The euro sign is cut by pieces of any even size that are counted in bytes. */
#define TEXT                                                         \
    "0123456789\xe2\x82\xac"                                         \
    "abcdefghijklmnopqrstuvwxyz\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac" \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ."

static struct rnl_core core;

/* A job whose pieces come once a second. */
static void slow_echo(struct job_request *request, const char *text,
                      const char *chunk_bytes)
{
    job_request_init(request, "echo", text);
    job_request_option(request, "chunk_bytes", chunk_bytes);
    job_request_option(request, "pace_ms", "1000");
}

/* Puts out so many pieces. */
static void begin(const struct job_request *request, int pieces,
                  char ret_id[RNL_JOB_ID_LEN + 1])
{
    job_create(&core, request, ret_id);
    fake_core_advance(&core, (pieces - 1) * SECOND);
    assert_int_equal(job_state(&core, ret_id), RUNNING);
}

/* The process ends: what it knew of a job is gone, and what it had
 * written is in the store. */
static void crash(const char *id)
{
    struct rnl_job *job = rnl_jobs_find(core.jobs, id);
    rnl_id_table_remove(&core.jobs->active, &job->node);
    rnl_job_halt(job);
    if (job->state == RUNNING) {
        core.jobs->running_count--;
        core.jobs->built_in_running--;
        job->queue->running--;
    } else {
        core.jobs->queued_count--;
    }
    rnl_job_free(job);
    fake_core_advance(&core, 0);
}

static void restart(const char *id)
{
    crash(id);
    assert_int_equal(rnl_jobs_recover(core.jobs), RNL_OK);
}

static uint64_t output_bytes(const char *id)
{
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
    uint64_t bytes = response->job->output_bytes;
    rnl_request_free(response);
    return bytes;
}

static void expect_attempt(const char *id, Runnel__V1__JobState state,
                           uint32_t attempt)
{
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
    assert_int_equal(response->job->state, state);
    assert_int_equal(response->job->attempt, attempt);
    rnl_request_free(response);
}

/* Runs it to its end. All of its output is text, and no sequence is missing. */
static void expect_end(const char *id, uint32_t attempt, const char *text)
{
    struct rnl_stream watch;
    size_t len;
    fake_core_advance(&core, 1000 * SECOND);
    expect_attempt(id, SUCCEEDED, attempt);
    job_watch(&watch, &core, id, 0);
    fake_core_advance(&core, 0);
    assert_true(watch.finished);
    char *output = watched_output(&watch, 0, &len);
    assert_string_equal(output, text);
    assert_int_equal(output_bytes(id), len);
    free(output);
    fake_close(&watch);
}

static void expect_lost(const char *id)
{
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
    assert_int_equal(response->job->state, QUEUED);
    assert_string_equal(response->job->error->message, RNL_LOST_BY_RESTART);
    rnl_request_free(response);
}

/* After each piece, several times, at any size of it. */
static void an_echo_goes_on_where_its_output_ends(void **state)
{
    (void)state;
    static const char *const sizes[] = {"1", "4", "7", "8192"};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct job_request request;
        struct rnl_stream watch;
        char id[RNL_JOB_ID_LEN + 1];
        jobs_setup(&core);
        slow_echo(&request, TEXT TEXT, sizes[i]);
        job_create(&core, &request, id);
        job_watch(&watch, &core, id, 0);
        for (size_t k = 0; k < strlen(TEXT TEXT) - 1; k++) {
            if (job_state(&core, id) == RUNNING)
                restart(id);
            fake_core_advance(&core, 0);
        }
        expect_end(id, 1, TEXT TEXT);
        /* Who watches meanwhile sees the same. */
        size_t len;
        char *output = watched_output(&watch, 0, &len);
        assert_true(watch.finished);
        assert_string_equal(output, TEXT TEXT);
        free(output);
        fake_close(&watch);
        jobs_teardown(&core);
    }
}

static void any_bytes_go_on(void **state)
{
    (void)state;
    static const uint8_t data[] = "\xff\0\xe2\x82\xac\0\0\xff\xe2\x82\xac";
    struct job_request request;
    struct rnl_stream watch;
    char id[RNL_JOB_ID_LEN + 1];
    size_t len;
    slow_echo(&request, NULL, "4");
    job_request_data(&request, data, sizeof(data), "image/x-noise");
    begin(&request, 2, id);
    restart(id);
    fake_core_advance(&core, 10 * SECOND);
    expect_attempt(id, SUCCEEDED, 1);
    job_watch(&watch, &core, id, 0);
    fake_core_advance(&core, 0);
    char *output = watched_output(&watch, 0, &len);
    assert_int_equal(len, sizeof(data));
    assert_memory_equal(output, data, len);
    free(output);
    fake_close(&watch);
}

static void expect_progress(const char *id, int done)
{
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
    assert_non_null(response->job->progress);
    assert_int_equal((int)response->job->progress->done, done);
    assert_int_equal((int)response->job->progress->total, 10);
    assert_string_equal(response->job->progress->unit, "bytes");
    rnl_request_free(response);
}

/* From the log, of a running job; of one that waits, from its record. */
static void progress_stays_known(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    slow_echo(&request, "0123456789", "3");
    begin(&request, 2, id);
    restart(id);
    expect_progress(id, 6);
    restart(id);
    expect_lost(id);
    restart(id);
    expect_progress(id, 6);
}

/* The job waits for its next attempt, and the reason is still told. */
static void the_error_of_an_attempt_stays_known(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    slow_echo(&request, TEXT, "8");
    begin(&request, 2, id);
    restart(id);
    restart(id);
    expect_lost(id);
    restart(id);
    expect_lost(id);
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
    assert_int_equal(response->job->error->attempt, 1);
    assert_int_equal((int)response->job->error->code, RNL_UNAVAILABLE);
    rnl_request_free(response);
    expect_attempt(id, QUEUED, 1);
    fake_core_advance(&core, 2 * SECOND);
    restart(id);
    expect_attempt(id, RUNNING, 2);
    fake_core_advance(&core, 1000 * SECOND);
    response = job_get(&core, id, false);
    assert_int_equal(response->job->state, SUCCEEDED);
    assert_null(response->job->error);
    rnl_request_free(response);
}

/* Between two attempts, too. */
static void output_stays_counted(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    slow_echo(&request, "0123456789", "4");
    begin(&request, 2, id);
    restart(id);
    restart(id);
    expect_lost(id);
    restart(id);
    assert_int_equal(output_bytes(id), 8);
    expect_end(id, 2, "012345670123456789");
}

/* The log says so. */
static void a_restart_is_told(void **state)
{
    (void)state;
    struct job_request request;
    struct rnl_stream watch;
    char id[RNL_JOB_ID_LEN + 1];
    slow_echo(&request, "0123456789", "5");
    begin(&request, 1, id);
    restart(id);
    job_watch(&watch, &core, id, 0);
    fake_core_advance(&core, 0);
    /* QUEUED, RUNNING, the piece, its progress. */
    Runnel__V1__WatchJobResponse *note = watched(&watch, 4);
    assert_string_equal(note->event->log->message,
                        "the server was restarted, and the attempt goes on");
    rnl_request_free(note);
    fake_close(&watch);
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
    assert_int_equal((int)response->job->progress->done, 10);
    rnl_request_free(response);
}

/* Jobs that are in front of it take all slices of the turn in which it
 * begins. */
static void an_attempt_without_output_goes_on(void **state)
{
    (void)state;
    static char text[20000];
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    memset(text, 'x', sizeof(text) - 1);
    job_request_init(&request, "echo", text);
    job_request_option(&request, "chunk_bytes", "1");
    for (int i = 0; i < RNL_JOBS_SLICES_PER_TURN; i++)
        job_create(&core, &request, id);
    slow_echo(&request, TEXT, "8");
    job_create(&core, &request, id);
    while (job_state(&core, id) != RUNNING)
        rnl_timers_run(&core.timers, core.now_ns);
    struct rnl_job *job = rnl_jobs_find(core.jobs, id);
    assert_int_equal(job->output_bytes, 0);
    /* Not by crash, which lets the others go on. */
    rnl_job_halt(job);
    assert_int_equal(rnl_job_resume(job), RNL_OK);
    expect_end(id, 1, TEXT);
}

/* Adds to the output what the process had put out before it ended. */
static void add_output(const char *id, const char *text)
{
    struct rnl_store *store = core.jobs->store;
    struct rnl_store_log log;
    assert_int_equal(store->ops->log(store, id, &log), RNL_OK);
    struct rnl_event event = {
        .sequence = log.last_sequence + 1,
        .time_ns = core.wall_ns,
        .type = RNL_EVENT_TEXT,
        .data = (const uint8_t *)text,
        .len = strlen(text),
    };
    assert_int_equal(store->ops->append(store, id, &event, 1), RNL_OK);
    fake_core_advance(&core, 0);
}

static void an_attempt_with_all_its_output_ends(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    slow_echo(&request, "0123456789", "5");
    begin(&request, 1, id);
    crash(id);
    add_output(id, "56789");
    assert_int_equal(rnl_jobs_recover(core.jobs), RNL_OK);
    fake_core_advance(&core, 0);
    expect_attempt(id, SUCCEEDED, 1);
    expect_end(id, 1, "0123456789");
}

static void more_output_than_input_is_not_gone_on_with(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    slow_echo(&request, "0123456789", "5");
    begin(&request, 1, id);
    crash(id);
    add_output(id, "567890");
    assert_int_equal(rnl_jobs_recover(core.jobs), RNL_OK);
    fake_core_advance(&core, 0);
    expect_lost(id);
    expect_end(id, 2, "012345678900123456789");
}

/* It may be what ends the process: it does nothing before it is known to have
 * been gone on with. */
static void an_attempt_runs_when_the_note_is_durable(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    slow_echo(&request, TEXT, "8");
    begin(&request, 1, id);
    restart(id);
    uint64_t last = rnl_jobs_find(core.jobs, id)->last_sequence;
    rnl_jobs_run(core.jobs);
    rnl_job_committed_to(rnl_jobs_find(core.jobs, id), last - 1);
    rnl_jobs_run(core.jobs);
    assert_int_equal(output_bytes(id), 8);
    fake_core_advance(&core, 0);
    assert_int_equal(output_bytes(id), 16);
}

/* The kind is not even asked where it was. */
static void expect_idle(const char *id)
{
    rnl_jobs_run(core.jobs);
    assert_int_equal(job_state(&core, id), RUNNING);
    assert_null(rnl_jobs_find(core.jobs, id)->kind_state);
}

static void nothing_of_an_attempt_is_done_before_its_note(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    slow_echo(&request, TEXT, "8");
    begin(&request, 1, id);
    restart(id);
    expect_idle(id);
}

/* A job that was there and waited may be what ended the process, too. */
static void a_recovered_job_begins_when_that_is_durable(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    Google__Protobuf__Timestamp not_before;
    slow_echo(&request, TEXT, "8");
    rnl_timestamp_set(&not_before, core.wall_ns + SECOND);
    request.request.not_before = &not_before;
    job_create(&core, &request, id);
    crash(id);
    core.now_ns += SECOND;
    core.wall_ns += SECOND;
    assert_int_equal(rnl_jobs_recover(core.jobs), RNL_OK);
    expect_idle(id);
    fake_core_advance(&core, 0);
    expect_attempt(id, RUNNING, 1);
    assert_int_equal(output_bytes(id), 8);
}

/* The next one, too, until the retries are over. */
static void an_attempt_that_gets_nowhere_is_lost(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    uint32_t attempt;
    slow_echo(&request, TEXT, "8");
    begin(&request, 1, id);
    for (attempt = 1; attempt <= RNL_JOB_LOST_ATTEMPTS_MAX; attempt++) {
        restart(id);
        expect_attempt(id, RUNNING, attempt);
        restart(id);
        expect_lost(id);
        while (job_state(&core, id) == QUEUED)
            fake_core_advance(&core, SECOND / 10);
    }
    restart(id);
    restart(id);
    expect_attempt(id, RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED, attempt);
}

/* What the first one put out stays in front. */
static void a_second_attempt_goes_on(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    slow_echo(&request, "0123456789", "3");
    begin(&request, 2, id);
    restart(id);
    restart(id);
    expect_lost(id);
    fake_core_advance(&core, 2 * SECOND);
    expect_attempt(id, RUNNING, 2);
    restart(id);
    expect_attempt(id, RUNNING, 2);
    expect_end(id, 2, "0123450123456789");
}

static void a_job_may_be_cancelled_meanwhile(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    slow_echo(&request, TEXT, "8");
    begin(&request, 2, id);
    restart(id);
    assert_int_equal(job_cancel(&core, id, ""), RNL_OK);
    fake_core_advance(&core, 10 * SECOND);
    expect_attempt(id, CANCELLED, 1);
    assert_int_equal(output_bytes(id), 16);
}

static void a_deadline_may_pass_meanwhile(void **state)
{
    (void)state;
    struct job_request request;
    Google__Protobuf__Timestamp deadline;
    char id[RNL_JOB_ID_LEN + 1];
    slow_echo(&request, TEXT, "8");
    rnl_timestamp_set(&deadline, core.wall_ns + 5 * SECOND);
    request.request.deadline = &deadline;
    begin(&request, 2, id);
    crash(id);
    core.now_ns += 10 * SECOND;
    core.wall_ns += 10 * SECOND;
    assert_int_equal(rnl_jobs_recover(core.jobs), RNL_OK);
    fake_core_advance(&core, 0);
    expect_attempt(id, EXPIRED, 1);
    /* The note may be durable first. */
    assert_in_range(output_bytes(id), 16, 24);
}

/* ---- the oldest output has gone ---- */

#define KEEP ((size_t)64 << 10)

static char *long_text(void)
{
    static char text[4 * KEEP + 1];
    for (size_t i = 0; i < 4 * KEEP; i++)
        text[i] = (char)('a' + i * 7 % 26 + i / 1000 % 2);
    return text;
}

/* The output from the oldest event that is kept. */
static void expect_newest(const char *id, const char *text)
{
    struct rnl_stream watch;
    size_t len;
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
    uint64_t first = response->job->first_sequence;
    assert_int_equal(response->job->output_bytes, strlen(text));
    rnl_request_free(response);
    assert_true(first > 1);
    job_watch(&watch, &core, id, first - 1);
    fake_core_advance(&core, 0);
    char *output = watched_output(&watch, first - 1, &len);
    assert_true(len > KEEP / 2);
    assert_true(len < strlen(text));
    assert_string_equal(output, text + strlen(text) - len);
    free(output);
    fake_close(&watch);
}

/* Every event of these trims or is near one that does. */
static void dropped_output_counts(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    slow_echo(&request, long_text(), "4000");
    request.request.keep_newest_bytes = KEEP;
    begin(&request, 30, id);
    assert_int_equal(output_bytes(id), 120000);
    uint64_t bytes = 120000;
    while (job_state(&core, id) == RUNNING) {
        assert_int_equal(output_bytes(id), bytes);
        restart(id);
        assert_int_equal(output_bytes(id), bytes);
        fake_core_advance(&core, 0);
        bytes += 4000;
    }
    expect_attempt(id, SUCCEEDED, 1);
    expect_newest(id, long_text());
}

static uint64_t output_offset(const char *id)
{
    Runnel__V1__GetJobResponse *response = job_get(&core, id, false);
    uint64_t bytes = response->job->attempt_output_offset;
    rnl_request_free(response);
    return bytes;
}

/* Its start is in the record alone: neither attempt's RUNNING event is kept. */
static void a_second_attempt_goes_on_though_its_start_has_gone(void **state)
{
    (void)state;
    static char whole[30 * 4000 + 4 * KEEP + 1];
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    slow_echo(&request, long_text(), "4000");
    request.request.keep_newest_bytes = KEEP;
    begin(&request, 29, id);
    restart(id);
    fake_core_advance(&core, 0);
    restart(id);
    restart(id);
    expect_lost(id);
    assert_int_equal(output_bytes(id), 120000);
    fake_core_advance(&core, 31 * SECOND);
    uint64_t bytes = output_bytes(id);
    assert_in_range(bytes, 240000, 248000);
    restart(id);
    expect_attempt(id, RUNNING, 2);
    assert_int_equal(output_offset(id), 120000);
    fake_core_advance(&core, 1000 * SECOND);
    expect_attempt(id, SUCCEEDED, 2);
    assert_int_equal(output_offset(id), 120000);
    snprintf(whole, sizeof(whole), "%.120000s%s", long_text(), long_text());
    expect_newest(id, whole);
}

/* ---- analyses ---- */

#define ROWS 5000

/* Waits for a second, so that a test can begin it by hand. */
static void slow_analysis(struct job_request *request, const char *top)
{
    static char rows[ROWS * 32];
    static Google__Protobuf__Timestamp not_before;
    size_t len = 0;
    for (int i = 0; i < ROWS; i++) {
        int key = i * i % 1999;
        int more = i % 999 == 0
                       ? snprintf(rows + len, sizeof(rows) - len, "no row\n")
                       : snprintf(rows + len, sizeof(rows) - len,
                                  "{\"k\":\"%d\",\"v\":%d.1}\n", key, i);
        len += (size_t)more;
    }
    job_request_init(request, "analyze", rows);
    request->input.content_type = (char *)"application/x-ndjson";
    job_request_option(request, "key", "k");
    job_request_option(request, "value", "v");
    job_request_option(request, "top", top);
    rnl_timestamp_set(&not_before, core.wall_ns + SECOND);
    request->request.not_before = &not_before;
}

/* So many slices of it, and the process ends. */
static void run_and_crash(const char *id, int turns)
{
    struct rnl_job *job = rnl_jobs_find(core.jobs, id);
    if (job->awaited_sequence > 0)
        rnl_job_committed_to(job, job->last_sequence);
    while (turns-- > 0)
        rnl_jobs_run(core.jobs);
    assert_int_equal(job_state(&core, id), RUNNING);
    crash(id);
    core.now_ns += 100 * SECOND;
    core.wall_ns += 100 * SECOND;
}

/* The process that begins it ends when it has said something. */
static void begin_analysis(const struct job_request *request,
                           char ret_id[RNL_JOB_ID_LEN + 1])
{
    job_create(&core, request, ret_id);
    crash(ret_id);
    core.now_ns += SECOND;
    core.wall_ns += SECOND;
    assert_int_equal(rnl_jobs_recover(core.jobs), RNL_OK);
    rnl_jobs_run(core.jobs);
    run_and_crash(ret_id, 1);
    assert_true(rnl_jobs_find(core.jobs, ret_id) == NULL);
}

/* Output, and lines of the log that are no notes. */
static char *story_of(const char *id, size_t *ret_logs)
{
    struct rnl_stream watch;
    size_t len;
    job_watch(&watch, &core, id, 0);
    fake_core_advance(&core, 0);
    assert_true(watch.finished);
    *ret_logs = 0;
    for (size_t i = 0; i < watch.sent_count; i++) {
        Runnel__V1__WatchJobResponse *response = watched(&watch, i);
        *ret_logs += response->event->payload_case ==
                         RUNNEL__V1__JOB_EVENT__PAYLOAD_LOG &&
                     strstr(response->event->log->message, "restart") == NULL;
        rnl_request_free(response);
    }
    char *output = watched_output(&watch, 0, &len);
    fake_close(&watch);
    return output;
}

/* Nothing is said twice, and what is said does not depend on when. */
static void an_analysis_is_done_again_in_silence(void **state)
{
    (void)state;
    struct job_request request;
    char ids[2][RNL_JOB_ID_LEN + 1];
    char *outputs[2];
    size_t logs[2];
    slow_analysis(&request, "10");
    begin_analysis(&request, ids[0]);
    assert_int_equal(rnl_jobs_recover(core.jobs), RNL_OK);
    run_and_crash(ids[0], 3);
    assert_int_equal(rnl_jobs_recover(core.jobs), RNL_OK);
    uint64_t bytes = output_bytes(ids[0]);
    assert_true(bytes > 1000);
    rnl_job_committed_to(rnl_jobs_find(core.jobs, ids[0]), UINT64_MAX);
    rnl_jobs_run(core.jobs);
    assert_int_equal(output_bytes(ids[0]), bytes);
    slow_analysis(&request, "10");
    job_create(&core, &request, ids[1]);
    fake_core_advance(&core, 10 * SECOND);
    for (int i = 0; i < 2; i++) {
        expect_attempt(ids[i], SUCCEEDED, 1);
        outputs[i] = story_of(ids[i], &logs[i]);
    }
    assert_int_equal(logs[0], logs[1]);
    assert_int_equal(logs[0], 6);
    assert_string_equal(outputs[0], outputs[1]);
    free(outputs[0]);
    free(outputs[1]);
}

/* It was another version of the server, say. */
static void an_analysis_that_says_something_else_is_lost(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    slow_analysis(&request, "10");
    begin_analysis(&request, id);
    add_output(id, "as it was once");
    assert_int_equal(rnl_jobs_recover(core.jobs), RNL_OK);
    fake_core_advance(&core, 0);
    expect_lost(id);
    fake_core_advance(&core, 10 * SECOND);
    expect_attempt(id, SUCCEEDED, 2);
}

/* How much it had said is not known. */
static void an_analysis_whose_beginning_has_gone_is_lost(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    slow_analysis(&request, "1000");
    job_request_option(&request, "snapshots", "100");
    request.request.keep_newest_bytes = KEEP;
    begin_analysis(&request, id);
    assert_int_equal(rnl_jobs_recover(core.jobs), RNL_OK);
    expect_lost(id);
}

/* ---- simulations ---- */

static void begin_simulation(struct job_request *request, const char *count,
                             char ret_id[RNL_JOB_ID_LEN + 1])
{
    job_request_init(request, "simulate", NULL);
    job_request_option(request, "stream", "web");
    job_request_option(request, "rate", "100");
    job_request_option(request, "duration_s", "20");
    job_request_option(request, "count", count);
    job_request_option(request, "incident_every_s", "4");
    job_request_option(request, "incident_s", "2");
    job_create(&core, request, ret_id);
}

/* The numbers of the incidents that it told of, one digit each. */
static void expect_incidents(const char *id, const char *numbers)
{
    struct rnl_stream watch;
    size_t found = 0;
    job_watch(&watch, &core, id, 0);
    fake_core_advance(&core, 0);
    for (size_t i = 0; i < watch.sent_count; i++) {
        Runnel__V1__WatchJobResponse *response = watched(&watch, i);
        char digit;
        if (response->event->payload_case ==
                RUNNEL__V1__JOB_EVENT__PAYLOAD_LOG &&
            sscanf(response->event->log->message, "incident number=%c",
                   &digit) == 1)
            assert_int_equal(digit, numbers[found++]);
        rnl_request_free(response);
    }
    assert_int_equal(found, strlen(numbers));
    fake_close(&watch);
}

static uint64_t sent_of(const char *id)
{
    return rnl_streams_last_number(core.streams, "web", id);
}

/* Its clock goes on while there is no server, and earns nothing. */
static void a_simulation_goes_on(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    begin_simulation(&request, "0", id);
    int64_t start_ns = core.now_ns;
    fake_core_advance(&core, 5 * SECOND);
    uint64_t sent = sent_of(id);
    assert_true(sent > 300);
    restart(id);
    fake_core_advance(&core, 4 * SECOND);
    crash(id);
    sent = sent_of(id);
    core.now_ns += 7 * SECOND / 2;
    core.wall_ns += 7 * SECOND / 2;
    assert_int_equal(rnl_jobs_recover(core.jobs), RNL_OK);
    fake_core_advance(&core, SECOND / 2);
    assert_in_range(sent_of(id), sent + 20, sent + 60);
    expect_attempt(id, RUNNING, 1);
    while (job_state(&core, id) == RUNNING)
        fake_core_advance(&core, SECOND / 10);
    expect_attempt(id, SUCCEEDED, 1);
    assert_in_range((core.now_ns - start_ns) / MS, 19900, 20200);
    expect_incidents(id, "1234");
}

/* Whatever becomes of its attempts, and when the clock is set back. */
static void a_simulation_counts_each_event_once(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    begin_simulation(&request, "1000", id);
    fake_core_advance(&core, 3 * SECOND);
    restart(id);
    restart(id);
    expect_lost(id);
    fake_core_advance(&core, 5 * SECOND);
    expect_attempt(id, RUNNING, 2);
    crash(id);
    core.wall_ns -= 3600 * SECOND;
    assert_int_equal(rnl_jobs_recover(core.jobs), RNL_OK);
    fake_core_advance(&core, 100 * SECOND);
    expect_attempt(id, SUCCEEDED, 2);
    assert_int_equal(sent_of(id), 1000);
    struct outcome outcome = get_stats(&core, "web", 0, 1);
    assert_int_equal(
        ((Runnel__V1__GetStatsResponse *)outcome.answer)->stats->count, 1000);
    expect(outcome, RNL_OK, NULL);
}

/* ---- faults ---- */

static enum rnl_code (*whole_read)(struct rnl_store *, const char *, uint64_t,
                                   size_t, struct rnl_store_page *);

/* A look at the newest event fails. */
static enum rnl_code bad_read(struct rnl_store *store, const char *id,
                              uint64_t after, size_t bytes_max,
                              struct rnl_store_page *ret_page)
{
    if (bytes_max == 1)
        return RNL_UNAVAILABLE;
    return whole_read(store, id, after, bytes_max, ret_page);
}

static void an_attempt_is_lost_when_the_store_cannot_be_read(void **state)
{
    (void)state;
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    struct rnl_store *store = core.jobs->store;
    const struct rnl_store_ops *whole = store->ops;
    struct rnl_store_ops bad = *whole;
    whole_read = whole->read;
    bad.read = bad_read;
    slow_echo(&request, "0123456789", "5");
    begin(&request, 1, id);
    store->ops = &bad;
    restart(id);
    store->ops = whole;
    expect_lost(id);
    expect_end(id, 2, "012340123456789");
}

/* One job's restart. Without memory the server does not start, or the job is
 * tried again; or it fails, where it puts something out. */
static bool recover_once(size_t fault, size_t *ret_total)
{
    struct job_request request;
    char id[RNL_JOB_ID_LEN + 1];
    jobs_setup(&core);
    slow_echo(&request, "0123456789", "5");
    begin(&request, 1, id);
    crash(id);
    if (fault == 0)
        fault_count();
    else
        fault_at(fault, false);
    enum rnl_code code = rnl_jobs_recover(core.jobs);
    if (code == RNL_OK)
        fake_core_advance(&core, 0);
    *ret_total = fault_stop();
    Runnel__V1__JobState after = job_state(&core, id);
    bool lost = code == RNL_OK && after == QUEUED;
    if (code == RNL_OK && after == RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED)
        assert_int_equal(output_bytes(id), 5);
    else if (code == RNL_OK)
        expect_end(id, lost ? 2 : 1, lost ? "012340123456789" : "0123456789");
    else
        assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
    jobs_teardown(&core);
    return lost;
}

static void want_of_memory_costs_the_attempt(void **state)
{
    (void)state;
    size_t total;
    size_t lost = 0;
    size_t ignored;
    assert_false(recover_once(0, &total));
    assert_true(total > 5);
    for (size_t k = 1; k <= total; k++)
        lost += recover_once(k, &ignored);
    /* The input, its copy, and the kind's state. */
    assert_true(lost >= 3);
}

static int setup(void **state)
{
    (void)state;
    jobs_setup(&core);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    jobs_teardown(&core);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_echo_goes_on_where_its_output_ends),
        TEST(any_bytes_go_on),
        TEST(a_restart_is_told),
        TEST(progress_stays_known),
        TEST(output_stays_counted),
        TEST(the_error_of_an_attempt_stays_known),
        TEST(an_attempt_without_output_goes_on),
        TEST(an_attempt_with_all_its_output_ends),
        TEST(more_output_than_input_is_not_gone_on_with),
        TEST(an_attempt_runs_when_the_note_is_durable),
        TEST(nothing_of_an_attempt_is_done_before_its_note),
        TEST(a_recovered_job_begins_when_that_is_durable),
        TEST(an_attempt_that_gets_nowhere_is_lost),
        TEST(a_second_attempt_goes_on),
        TEST(a_job_may_be_cancelled_meanwhile),
        TEST(a_deadline_may_pass_meanwhile),
        TEST(dropped_output_counts),
        TEST(a_second_attempt_goes_on_though_its_start_has_gone),
        TEST(an_analysis_is_done_again_in_silence),
        TEST(an_analysis_that_says_something_else_is_lost),
        TEST(an_analysis_whose_beginning_has_gone_is_lost),
        TEST(a_simulation_goes_on),
        TEST(a_simulation_counts_each_event_once),
        TEST(an_attempt_is_lost_when_the_store_cannot_be_read),
        cmocka_unit_test(want_of_memory_costs_the_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
