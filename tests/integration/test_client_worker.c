/* SPDX-License-Identifier: Apache-2.0 */
/* Workers by librunnel: jobs done end to end, each report once whatever becomes
 * of connections, the end of a job told to who works on it. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <runnel/runnel.h>

#include "cut_proxy.h"
#include "daemon.h"

/* Below a lease: nothing that is lost here waits for one. */
#define RUN_DEADLINE_MS 20000

#define OUTPUT_BYTES 300000u
#define LOG_LINES    200u
#define HANDS        32u
#define HANDS_ROUNDS 4u

static struct daemon server;

/* What a worker is to do, and what has happened. */
struct shop {
    struct rnl_client *client;
    struct rnl_worker *worker;
    /* The newest, and all since the caller has emptied this. */
    struct rnl_work *work;
    struct rnl_work *hands[HANDS];
    char hand_ids[HANDS][64];
    unsigned hand_count;
    unsigned jobs;
    unsigned stops;
    unsigned writable;
    unsigned ends;
    char input[64];
    char color[16];
    enum rnl_code end_code;
    char end_text[256];
};

static struct rnl_client *connect_to(const char *address)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_client *client = NULL;
    options.address = address;
    options.reconnect_min_ms = 1;
    options.reconnect_max_ms = 4;
    assert_int_equal(rnl_client_create(&options, &client), RNL_OK);
    return client;
}

static void on_job(struct rnl_worker *worker, struct rnl_work *work,
                   const struct rnl_job *job, void *arg)
{
    struct shop *shop = arg;
    (void)worker;
    shop->jobs++;
    shop->work = work;
    if (shop->hand_count < HANDS) {
        shop->hands[shop->hand_count] = work;
        snprintf(shop->hand_ids[shop->hand_count++], 64, "%s", job->id);
    }
    rnl_work_set_context(work, shop);
    assert_true(job->input_len < sizeof(shop->input));
    memcpy(shop->input, job->input, job->input_len);
    for (size_t i = 0; i < job->option_count; i++) {
        if (strcmp(job->options[i].key, "color") == 0)
            snprintf(shop->color, sizeof(shop->color), "%s",
                     job->options[i].value);
    }
}

static void on_stop(struct rnl_worker *worker, struct rnl_work *work,
                    const char *reason, void *arg)
{
    struct shop *shop = arg;
    (void)worker;
    assert_ptr_equal(rnl_work_context(work), shop);
    assert_true(reason[0] != '\0');
    shop->stops++;
}

static void on_writable(struct rnl_worker *worker, struct rnl_work *work,
                        void *arg)
{
    struct shop *shop = arg;
    (void)worker;
    assert_true(rnl_work_writable(work));
    shop->writable++;
}

static void on_end(struct rnl_worker *worker,
                   const struct rnl_status_info *status, void *arg)
{
    struct shop *shop = arg;
    (void)worker;
    shop->ends++;
    shop->end_code = status->code;
    snprintf(shop->end_text, sizeof(shop->end_text), "%s", status->message);
    for (size_t i = 0; i < status->violation_count; i++)
        snprintf(shop->end_text, sizeof(shop->end_text), "%s",
                 status->violations[i].field);
}

static void open_large_shop(struct shop *shop, const char *address,
                            const char *kind, size_t buffer_bytes,
                            uint32_t concurrency)
{
    struct rnl_worker_options options = RNL_OPTIONS_INIT(options);
    const char *const kinds[] = {kind};
    *shop = (struct shop){.client = connect_to(address)};
    options.kinds = kinds;
    options.kind_count = 1;
    options.name = "test";
    options.concurrency = concurrency;
    options.work_buffer_bytes = buffer_bytes;
    options.wait_for_connection = true;
    options.on_job = on_job;
    options.on_stop = on_stop;
    options.on_writable = on_writable;
    options.on_end = on_end;
    options.arg = shop;
    assert_int_equal(rnl_worker_start(shop->client, &options, &shop->worker),
                     RNL_OK);
}

static void open_shop(struct shop *shop, const char *address, const char *kind,
                      size_t buffer_bytes)
{
    open_large_shop(shop, address, kind, buffer_bytes, 1);
}

static void turn(struct shop *shop)
{
    assert_int_equal(rnl_client_poll(shop->client, RUN_DEADLINE_MS), RNL_OK);
}

static void await_job(struct shop *shop)
{
    while (shop->work == NULL)
        turn(shop);
}

static void await_idle(struct shop *shop)
{
    while (!rnl_worker_idle(shop->worker))
        turn(shop);
}

static void create_job(struct rnl_client *client, const char *kind, char id[64])
{
    static const struct rnl_pair color = {"color", "green"};
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    struct rnl_job *job = NULL;
    spec.kind = kind;
    spec.input = "to do";
    spec.input_len = 5;
    spec.input_is_text = true;
    spec.options = &color;
    spec.option_count = 1;
    spec.max_attempts = 3;
    assert_int_equal(rnl_job_create(client, &spec, &job), RNL_OK);
    snprintf(id, 64, "%s", job->id);
    rnl_job_destroy(job);
}

/* --- what became of a job --- */

struct seen {
    char *output;
    size_t len;
    unsigned logs;
    double done;
    enum rnl_job_state state;
    uint32_t attempt;
    enum rnl_code error_code;
    char error[128];
};

static void note_state(struct seen *seen, const struct rnl_job_event *event)
{
    seen->state = event->state;
    seen->attempt = event->attempt;
    seen->error_code = event->error_code;
    snprintf(seen->error, sizeof(seen->error), "%s",
             event->error_message == NULL ? "" : event->error_message);
}

static void note(struct seen *seen, const struct rnl_job_event *event)
{
    char line[32];
    switch (event->kind) {
    case RNL_JOB_EVENT_DELTA:
        assert_true(seen->len + event->len <= OUTPUT_BYTES);
        memcpy(seen->output + seen->len, event->data, event->len);
        seen->len += event->len;
        break;
    case RNL_JOB_EVENT_LOG:
        /* The server's own: that a connection was lost. */
        if (strncmp(event->data, "line ", 5) != 0)
            break;
        snprintf(line, sizeof(line), "line %u", seen->logs++);
        assert_string_equal(event->data, line);
        break;
    case RNL_JOB_EVENT_PROGRESS:
        seen->done = event->progress.done;
        break;
    case RNL_JOB_EVENT_STATE:
        note_state(seen, event);
        break;
    default:
        fail_msg("an event of no kind");
    }
}

/* Until the job has ended. */
static void look(struct rnl_client *client, const char *id, struct seen *seen)
{
    struct rnl_watch *watch = NULL;
    const struct rnl_job_event *event = NULL;
    *seen = (struct seen){.output = malloc(OUTPUT_BYTES)};
    assert_non_null(seen->output);
    assert_int_equal(rnl_watch_start(client, id, NULL, &watch), RNL_OK);
    while (rnl_watch_next(watch, DAEMON_DEADLINE_MS, &event) == RNL_OK &&
           event != NULL)
        note(seen, event);
    assert_null(event);
    rnl_watch_destroy(watch);
}

/* --- end to end --- */

static void a_job_is_done_end_to_end(void **state)
{
    struct shop shop;
    struct seen seen;
    struct rnl_progress progress = {.done = 2, .total = 3, .unit = "parts"};
    char id[64];
    (void)state;
    struct rnl_client *client = connect_to(server.address);
    /* The job is there before anybody serves its kind. */
    create_job(client, "greet", id);
    open_shop(&shop, server.address, "greet", 0);
    await_job(&shop);
    assert_string_equal(shop.input, "to do");
    assert_string_equal(shop.color, "green");
    assert_int_equal(rnl_work_output(shop.work, "hello, ", 7), RNL_OK);
    assert_int_equal(rnl_work_log(shop.work, "line 0"), RNL_OK);
    assert_int_equal(rnl_work_progress(shop.work, &progress), RNL_OK);
    assert_int_equal(rnl_work_output(shop.work, "worker", 6), RNL_OK);
    assert_int_equal(rnl_work_complete(shop.work, "text/plain"), RNL_OK);
    assert_int_equal(rnl_work_output(shop.work, "late", 4), RNL_CANCELLED);
    await_idle(&shop);
    look(client, id, &seen);
    assert_int_equal(seen.state, RNL_JOB_SUCCEEDED);
    assert_int_equal(seen.len, 13);
    assert_memory_equal(seen.output, "hello, worker", 13);
    assert_int_equal(seen.logs, 1);
    assert_true(seen.done == 2.0);
    struct rnl_job *job = NULL;
    assert_int_equal(rnl_job_get(client, id, false, &job), RNL_OK);
    assert_string_equal(job->output_content_type, "text/plain");
    rnl_job_destroy(job);
    free(seen.output);
    rnl_client_destroy(shop.client);
    rnl_client_destroy(client);
}

/* A retryable failure brings the job back, another one ends it. */
static void a_failure_is_told_with_its_reason(void **state)
{
    struct shop shop;
    struct seen seen;
    char id[64];
    (void)state;
    struct rnl_client *client = connect_to(server.address);
    create_job(client, "break", id);
    open_shop(&shop, server.address, "break", 0);
    await_job(&shop);
    assert_int_equal(rnl_work_fail(shop.work, RNL_UNAVAILABLE, "later", true),
                     RNL_OK);
    shop.work = NULL;
    await_job(&shop);
    assert_int_equal(shop.jobs, 2);
    assert_int_equal(rnl_work_retry(shop.work, RNL_UNAVAILABLE, "x", -1),
                     RNL_INVALID_ARGUMENT);
    assert_int_equal(rnl_work_retry(shop.work, RNL_UNAVAILABLE, "x", 86400001),
                     RNL_INVALID_ARGUMENT);
    assert_int_equal(rnl_work_retry(shop.work, RNL_UNAVAILABLE, "soon", 2),
                     RNL_OK);
    shop.work = NULL;
    await_job(&shop);
    assert_int_equal(shop.jobs, 3);
    assert_int_equal(
        rnl_work_fail(shop.work, RNL_DATA_LOSS, "beyond repair", false),
        RNL_OK);
    await_idle(&shop);
    look(client, id, &seen);
    assert_int_equal(seen.state, RNL_JOB_FAILED);
    assert_int_equal(seen.attempt, 3);
    assert_int_equal(seen.error_code, RNL_DATA_LOSS);
    assert_string_equal(seen.error, "beyond repair");
    free(seen.output);
    rnl_client_destroy(shop.client);
    rnl_client_destroy(client);
}

static void cancel_reaches_the_worker(void **state)
{
    struct shop shop;
    struct seen seen;
    char id[64];
    (void)state;
    struct rnl_client *client = connect_to(server.address);
    create_job(client, "endless", id);
    open_shop(&shop, server.address, "endless", 0);
    await_job(&shop);
    assert_int_equal(rnl_work_output(shop.work, "begun", 5), RNL_OK);
    assert_int_equal(rnl_job_cancel(client, id, "enough", NULL), RNL_OK);
    while (shop.stops == 0)
        turn(&shop);
    assert_int_equal(rnl_work_output(shop.work, "more", 4), RNL_CANCELLED);
    assert_int_equal(rnl_work_complete(shop.work, NULL), RNL_CANCELLED);
    assert_false(rnl_worker_idle(shop.worker));
    rnl_work_release(shop.work, NULL);
    assert_true(rnl_worker_idle(shop.worker));
    look(client, id, &seen);
    assert_int_equal(seen.state, RNL_JOB_CANCELLED);
    free(seen.output);
    /* It has room for the next one. */
    shop.work = NULL;
    create_job(client, "endless", id);
    await_job(&shop);
    rnl_client_destroy(shop.client);
    rnl_client_destroy(client);
}

/* The core has given its place away, but the program may still be busy. */
static void a_stopped_job_keeps_its_place_until_it_is_released(void **state)
{
    struct shop shop;
    struct rnl_job *job = NULL;
    char id[64];
    char next_id[64];
    (void)state;
    struct rnl_client *client = connect_to(server.address);
    create_job(client, "busy", id);
    open_shop(&shop, server.address, "busy", 0);
    await_job(&shop);
    create_job(client, "busy", next_id);
    assert_int_equal(rnl_job_cancel(client, id, "enough", NULL), RNL_OK);
    while (shop.stops == 0)
        turn(&shop);
    do {
        rnl_job_destroy(job);
        assert_int_equal(rnl_job_get(client, next_id, false, &job), RNL_OK);
    } while (job->state != RNL_JOB_RUNNING);
    rnl_job_destroy(job);
    /* Its assignment has been sent. */
    (void)rnl_client_poll(shop.client, 50);
    assert_int_equal(shop.jobs, 1);
    rnl_work_release(shop.work, NULL);
    assert_int_equal(shop.jobs, 1);
    while (shop.jobs == 1)
        turn(&shop);
    assert_string_equal(shop.input, "to do");
    assert_int_equal(rnl_work_complete(shop.work, NULL), RNL_OK);
    await_idle(&shop);
    rnl_client_destroy(shop.client);
    rnl_client_destroy(client);
}

/* --- cut connections --- */

static void make_output(char *output, uint64_t seed)
{
    for (size_t i = 0; i < OUTPUT_BYTES; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        output[i] = (char)(seed >> 56);
    }
}

/* Reports of many sizes, with a line of log now and then; what has no room is
 * given again. */
static void produce(struct shop *shop, const char *output)
{
    size_t done = 0;
    unsigned logs = 0;
    char line[32];
    while (done < OUTPUT_BYTES || logs < LOG_LINES) {
        enum rnl_code code;
        bool log = logs < LOG_LINES &&
                   (size_t)logs * (OUTPUT_BYTES / LOG_LINES) <= done;
        size_t len = 1 + (done * 7919) % 12000;
        if (len > OUTPUT_BYTES - done)
            len = OUTPUT_BYTES - done;
        snprintf(line, sizeof(line), "line %u", logs);
        code = log ? rnl_work_log(shop->work, line)
                   : rnl_work_output(shop->work, output + done, len);
        if (code == RNL_OK && log)
            logs++;
        else if (code == RNL_OK)
            done += len;
        else
            assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
        if (code != RNL_OK)
            turn(shop);
    }
}

static void work_over_cuts(uint64_t seed)
{
    struct cut_proxy proxy = {
        .target_port = server.port,
        .bytes_max = 30000,
        .random = seed,
    };
    struct shop shop;
    struct seen seen;
    char id[64];
    char *output = malloc(OUTPUT_BYTES);
    assert_non_null(output);
    make_output(output, seed);
    struct rnl_client *client = connect_to(server.address);
    cut_proxy_start(&proxy);
    open_shop(&shop, proxy.address, "cut", 20000);
    create_job(client, "cut", id);
    await_job(&shop);
    produce(&shop, output);
    assert_int_equal(rnl_work_complete(shop.work, NULL), RNL_OK);
    await_idle(&shop);
    assert_int_equal(shop.stops, 0);
    assert_true(shop.writable > 0);
    assert_true(atomic_load(&proxy.cut_count) >= 3);
    look(client, id, &seen);
    assert_int_equal(seen.state, RNL_JOB_SUCCEEDED);
    assert_int_equal(seen.len, OUTPUT_BYTES);
    assert_memory_equal(seen.output, output, OUTPUT_BYTES);
    assert_int_equal(seen.logs, LOG_LINES);
    free(seen.output);
    free(output);
    rnl_client_destroy(shop.client);
    cut_proxy_stop(&proxy);
    rnl_client_destroy(client);
}

static void reports_over_cut_connections_count_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        work_over_cuts(seed);
}

/* Each writes the id of its job, the last one first. */
static void finish_hands(struct shop *shop)
{
    while (shop->hand_count > 0) {
        struct rnl_work *work = shop->hands[--shop->hand_count];
        const char *id = shop->hand_ids[shop->hand_count];
        assert_int_equal(rnl_work_output(work, id, strlen(id)), RNL_OK);
        assert_int_equal(rnl_work_complete(work, NULL), RNL_OK);
    }
}

static void many_in_hand_keep_their_reports_apart(void **state)
{
    struct cut_proxy proxy = {
        .target_port = server.port,
        .bytes_max = 5000,
        .random = 1,
    };
    static struct shop shop;
    static char ids[HANDS * HANDS_ROUNDS][64];
    struct seen seen;
    (void)state;
    struct rnl_client *client = connect_to(server.address);
    for (size_t i = 0; i < HANDS * HANDS_ROUNDS; i++)
        create_job(client, "many", ids[i]);
    cut_proxy_start(&proxy);
    open_large_shop(&shop, proxy.address, "many", 0, HANDS);
    for (unsigned round = 1; round <= HANDS_ROUNDS; round++) {
        while (shop.hand_count < HANDS)
            turn(&shop);
        assert_int_equal(shop.jobs, round * HANDS);
        finish_hands(&shop);
    }
    await_idle(&shop);
    assert_int_equal(shop.stops, 0);
    assert_true(atomic_load(&proxy.cut_count) >= 3);
    for (size_t i = 0; i < HANDS * HANDS_ROUNDS; i++) {
        look(client, ids[i], &seen);
        assert_int_equal(seen.state, RNL_JOB_SUCCEEDED);
        assert_int_equal(seen.len, strlen(ids[i]));
        assert_memory_equal(seen.output, ids[i], seen.len);
        free(seen.output);
    }
    rnl_client_destroy(shop.client);
    cut_proxy_stop(&proxy);
    rnl_client_destroy(client);
}

/* --- the end --- */

static void a_worker_that_drains_ends_with_its_last_job(void **state)
{
    struct shop shop;
    struct seen seen;
    char id[64];
    char next_id[64];
    (void)state;
    struct rnl_client *client = connect_to(server.address);
    create_job(client, "last", id);
    open_shop(&shop, server.address, "last", 0);
    await_job(&shop);
    rnl_worker_drain(shop.worker);
    create_job(client, "last", next_id);
    assert_int_equal(rnl_work_output(shop.work, "the end", 7), RNL_OK);
    assert_int_equal(rnl_work_complete(shop.work, NULL), RNL_OK);
    while (shop.ends == 0)
        turn(&shop);
    assert_int_equal(shop.end_code, RNL_OK);
    assert_int_equal(shop.jobs, 1);
    look(client, id, &seen);
    assert_int_equal(seen.state, RNL_JOB_SUCCEEDED);
    free(seen.output);
    rnl_client_destroy(shop.client);
    rnl_client_destroy(client);
}

/* What was let go of is another worker's, without the wait for a lease. */
static void released_work_goes_to_another_worker(void **state)
{
    struct shop shop;
    struct shop other;
    struct seen seen;
    char id[64];
    (void)state;
    struct rnl_client *client = connect_to(server.address);
    create_job(client, "pass", id);
    open_shop(&shop, server.address, "pass", 0);
    await_job(&shop);
    assert_int_equal(rnl_work_output(shop.work, "one ", 4), RNL_OK);
    rnl_worker_drain(shop.worker);
    rnl_work_release(shop.work, "going home");
    while (shop.ends == 0)
        turn(&shop);
    assert_int_equal(shop.end_code, RNL_OK);
    open_shop(&other, server.address, "pass", 0);
    await_job(&other);
    assert_int_equal(rnl_work_output(other.work, "two", 3), RNL_OK);
    assert_int_equal(rnl_work_complete(other.work, NULL), RNL_OK);
    await_idle(&other);
    look(client, id, &seen);
    assert_int_equal(seen.state, RNL_JOB_SUCCEEDED);
    assert_int_equal(seen.attempt, 2);
    assert_memory_equal(seen.output, "one two", 7);
    free(seen.output);
    rnl_client_destroy(other.client);
    rnl_client_destroy(shop.client);
    rnl_client_destroy(client);
}

/* Nobody is there to be told. */
static void a_worker_without_a_core_drains_at_once(void **state)
{
    struct shop shop;
    (void)state;
    open_shop(&shop, "127.0.0.1:1", "none", 0);
    assert_int_equal(rnl_client_poll(shop.client, 0), RNL_OK);
    rnl_worker_drain(shop.worker);
    assert_int_equal(shop.ends, 0);
    while (shop.ends == 0)
        turn(&shop);
    assert_int_equal(shop.end_code, RNL_OK);
    rnl_client_destroy(shop.client);
}

/* --- refusals --- */

static void a_kind_of_the_core_is_refused_by_name(void **state)
{
    struct shop shop;
    (void)state;
    open_shop(&shop, server.address, "echo", 0);
    while (shop.end_code == RNL_OK)
        turn(&shop);
    assert_int_equal(shop.end_code, RNL_INVALID_ARGUMENT);
    assert_string_equal(shop.end_text, "registration.kinds[0]");
    rnl_client_destroy(shop.client);
}

static void bad_options_are_refused(void **state)
{
    static const char *const kinds[] = {"a"};
    struct rnl_worker_options options = RNL_OPTIONS_INIT(options);
    struct rnl_worker *worker = NULL;
    (void)state;
    struct rnl_client *client = connect_to(server.address);
    options.on_job = on_job;
    assert_int_equal(rnl_worker_start(client, &options, &worker),
                     RNL_INVALID_ARGUMENT);
    assert_string_equal(rnl_client_status(client)->message,
                        "kinds must have 1 to 64 entries");
    options.kinds = kinds;
    options.kind_count = 1;
    options.concurrency = 1025;
    assert_int_equal(rnl_worker_start(client, &options, &worker),
                     RNL_INVALID_ARGUMENT);
    assert_string_equal(rnl_client_status(client)->message,
                        "concurrency must be 1 to 1024");
    assert_null(worker);
    rnl_client_destroy(client);
}

static int start_server(void **state)
{
    (void)state;
    daemon_start(&server, "runneld", NULL);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    return daemon_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_done_end_to_end),
        cmocka_unit_test(a_failure_is_told_with_its_reason),
        cmocka_unit_test(cancel_reaches_the_worker),
        cmocka_unit_test(a_stopped_job_keeps_its_place_until_it_is_released),
        cmocka_unit_test(reports_over_cut_connections_count_once),
        cmocka_unit_test(many_in_hand_keep_their_reports_apart),
        cmocka_unit_test(a_worker_that_drains_ends_with_its_last_job),
        cmocka_unit_test(released_work_goes_to_another_worker),
        cmocka_unit_test(a_worker_without_a_core_drains_at_once),
        cmocka_unit_test(a_kind_of_the_core_is_refused_by_name),
        cmocka_unit_test(bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
