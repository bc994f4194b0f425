/* SPDX-License-Identifier: Apache-2.0 */
/* librunnel against a real runneld. */
#include "test.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <runnel/runnel.h>

#include "daemon.h"

#define INPUT_BYTES 60000

static struct daemon server;
static struct rnl_client *client;
static char input[INPUT_BYTES + 1];

static int start(void **state)
{
    (void)state;
    for (size_t i = 0; i < INPUT_BYTES; i++)
        input[i] = (char)('a' + i % 26);
    daemon_start(&server, "runneld", NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    return daemon_stop(&server) == 0 ? 0 : -1;
}

static int connect_client(void **state)
{
    (void)state;
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    options.address = server.address;
    options.reconnect_min_ms = 1;
    options.reconnect_max_ms = 50;
    return rnl_client_create(&options, &client) == RNL_OK ? 0 : -1;
}

static int drop_client(void **state)
{
    (void)state;
    rnl_client_destroy(client);
    client = NULL;
    return 0;
}

static struct rnl_job *create_echo(const char *chunk_bytes, const char *pace_ms)
{
    const struct rnl_pair options[] = {{"chunk_bytes", chunk_bytes},
                                       {"pace_ms", pace_ms}};
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    spec.kind = "echo";
    spec.input = input;
    spec.input_len = INPUT_BYTES;
    spec.input_is_text = true;
    spec.options = options;
    spec.option_count = 2;
    struct rnl_job *job;
    assert_int_equal(rnl_job_create(client, &spec, &job), RNL_OK);
    return job;
}

struct output {
    char data[INPUT_BYTES + 1];
    size_t len;
};

static bool collect(const void *data, size_t len, void *arg)
{
    struct output *output = arg;
    assert_true(output->len + len <= INPUT_BYTES);
    memcpy(output->data + output->len, data, len);
    output->len += len;
    return true;
}

static void the_output_of_a_job_is_its_input(void **state)
{
    (void)state;
    static struct output output;
    output.len = 0;
    struct rnl_job *job = create_echo("1000", "1");
    assert_string_equal(job->kind, "echo");
    assert_int_equal(strlen(job->id), 26);
    assert_int_equal(job->input_bytes, INPUT_BYTES);
    enum rnl_job_state end;
    assert_int_equal(rnl_job_output(client, job->id, collect, &output, &end),
                     RNL_OK);
    assert_int_equal(end, RNL_JOB_SUCCEEDED);
    assert_int_equal(output.len, INPUT_BYTES);
    assert_memory_equal(output.data, input, INPUT_BYTES);

    struct rnl_job *after;
    assert_int_equal(rnl_job_get(client, job->id, true, &after), RNL_OK);
    assert_int_equal(after->state, RNL_JOB_SUCCEEDED);
    assert_int_equal(after->input_len, INPUT_BYTES);
    assert_memory_equal(after->input, input, INPUT_BYTES);
    assert_int_equal(after->output_bytes, INPUT_BYTES);
    assert_int_equal(after->option_count, 2);
    rnl_job_destroy(after);
    assert_int_equal(rnl_job_delete(client, job->id), RNL_OK);
    assert_int_equal(rnl_job_get(client, job->id, false, &after),
                     RNL_NOT_FOUND);
    assert_true(strlen(rnl_client_status(client)->message) > 0);
    rnl_job_destroy(job);
}

static void a_bad_request_names_its_field(void **state)
{
    (void)state;
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    spec.kind = "No Such Kind";
    struct rnl_job *job;
    assert_int_equal(rnl_job_create(client, &spec, &job), RNL_INVALID_ARGUMENT);
    const struct rnl_status_info *status = rnl_client_status(client);
    assert_int_equal(status->violation_count, 1);
    assert_string_equal(status->violations[0].field, "kind");
}

static void a_cancelled_job_ends_its_watch(void **state)
{
    (void)state;
    struct rnl_job *job = create_echo("1", "20");
    struct rnl_watch *watch;
    const struct rnl_job_event *event;
    assert_int_equal(rnl_watch_start(client, job->id, NULL, &watch), RNL_OK);
    do {
        assert_int_equal(rnl_watch_next(watch, DAEMON_DEADLINE_MS, &event),
                         RNL_OK);
    } while (event->kind != RNL_JOB_EVENT_DELTA);
    assert_int_equal(rnl_job_cancel(client, job->id, "enough", NULL), RNL_OK);
    enum rnl_job_state last = RNL_JOB_UNSPECIFIED;
    for (;;) {
        assert_int_equal(rnl_watch_next(watch, DAEMON_DEADLINE_MS, &event),
                         RNL_OK);
        if (event == NULL)
            break;
        last = event->state;
    }
    assert_int_equal(last, RNL_JOB_CANCELLED);
    rnl_watch_destroy(watch);
    rnl_job_destroy(job);
}

static void jobs_are_listed_in_pages(void **state)
{
    (void)state;
    const struct rnl_pair label = {"group", "pages"};
    for (int i = 0; i < 5; i++) {
        struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
        spec.kind = "echo";
        spec.input = "";
        spec.labels = &label;
        spec.label_count = 1;
        struct rnl_job *job;
        assert_int_equal(rnl_job_create(client, &spec, &job), RNL_OK);
        rnl_job_destroy(job);
    }
    struct rnl_job_filter filter = RNL_OPTIONS_INIT(filter);
    filter.page_size = 2;
    filter.labels = &label;
    filter.label_count = 1;
    size_t pages = 0;
    size_t jobs = 0;
    char token[256] = "";
    do {
        struct rnl_job_page *page;
        filter.page_token = token;
        assert_int_equal(rnl_job_list(client, &filter, &page), RNL_OK);
        pages++;
        jobs += page->job_count;
        for (size_t i = 0; i < page->job_count; i++)
            assert_string_equal(page->jobs[i]->labels[0].value, "pages");
        assert_true(strlen(page->next_page_token) < sizeof(token));
        snprintf(token, sizeof(token), "%s", page->next_page_token);
        rnl_job_page_destroy(page);
    } while (token[0] != '\0');
    assert_int_equal(pages, 3);
    assert_int_equal(jobs, 5);
}

static void an_unknown_job_is_not_found(void **state)
{
    (void)state;
    struct rnl_watch *watch;
    const struct rnl_job_event *event;
    assert_int_equal(
        rnl_watch_start(client, "00000000000000000000000000", NULL, &watch),
        RNL_OK);
    assert_int_equal(rnl_watch_next(watch, DAEMON_DEADLINE_MS, &event),
                     RNL_NOT_FOUND);
    rnl_watch_destroy(watch);
}

static void a_core_that_cannot_be_reached_is_unavailable(void **state)
{
    (void)state;
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    /* Port 1 is nobody's. */
    options.address = "127.0.0.1:1";
    struct rnl_client *lonely;
    struct rnl_job *job;
    assert_int_equal(rnl_client_create(&options, &lonely), RNL_OK);
    assert_int_equal(rnl_job_get(lonely, "x", false, &job), RNL_UNAVAILABLE);
    assert_string_equal(rnl_client_status(lonely)->message,
                        "cannot connect to 127.0.0.1:1: Connection refused");
    rnl_client_destroy(lonely);
}

/* A restarted core with a store in memory does not know the job: the watcher
 * must hear that, and why. */
static void a_restart_of_the_core_ends_a_watch_with_the_reason(void **state)
{
    (void)state;
    struct daemon first, second;
    daemon_start(&first, "runneld", NULL);
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    options.address = first.address;
    options.reconnect_min_ms = 1;
    options.reconnect_max_ms = 20;
    struct rnl_client *own = NULL;
    assert_int_equal(rnl_client_create(&options, &own), RNL_OK);
    struct rnl_client *shared = client;
    client = own;
    struct rnl_job *job = create_echo("1", "50");
    struct rnl_watch *watch;
    const struct rnl_job_event *event;
    assert_int_equal(rnl_watch_start(client, job->id, NULL, &watch), RNL_OK);
    assert_int_equal(rnl_watch_next(watch, DAEMON_DEADLINE_MS, &event), RNL_OK);
    const char *const args[] = {"--listen", first.address, NULL};
    assert_int_equal(daemon_stop(&first), 0);
    daemon_start(&second, "runneld", args);
    enum rnl_code code;
    do {
        code = rnl_watch_next(watch, DAEMON_DEADLINE_MS, &event);
    } while (code == RNL_OK && event != NULL);
    assert_int_equal(code, RNL_NOT_FOUND);
    assert_non_null(strstr(rnl_client_status(client)->message, "restarted"));
    rnl_watch_destroy(watch);
    rnl_job_destroy(job);
    rnl_client_destroy(own);
    client = shared;
    assert_int_equal(daemon_stop(&second), 0);
}

int main(void)
{
#define CASE(name) \
    cmocka_unit_test_setup_teardown(name, connect_client, drop_client)
    const struct CMUnitTest tests[] = {
        CASE(the_output_of_a_job_is_its_input),
        CASE(a_bad_request_names_its_field),
        CASE(a_cancelled_job_ends_its_watch),
        CASE(jobs_are_listed_in_pages),
        CASE(an_unknown_job_is_not_found),
        CASE(a_core_that_cannot_be_reached_is_unavailable),
        CASE(a_restart_of_the_core_ends_a_watch_with_the_reason),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
