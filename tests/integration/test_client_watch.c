/* SPDX-License-Identifier: Apache-2.0 */
/* Watches of jobs: exact over lost connections, honest about everything
 * else. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <runnel/runnel.h>

#include "cut_proxy.h"
#include "daemon.h"
#include "fake_jobs.h"
#include "store_folder.h"

#define INPUT_BYTES 60000

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

static struct rnl_watch *watch_any(struct rnl_client *client, uint64_t after)
{
    struct rnl_watch_options options = RNL_OPTIONS_INIT(options);
    struct rnl_watch *watch = NULL;
    options.after_sequence = after;
    assert_int_equal(rnl_watch_start(client, "job", &options, &watch), RNL_OK);
    return watch;
}

/* --- a core that does what it likes --- */

struct scene {
    struct fake_core core;
    struct rnl_client *client;
    struct rnl_watch *watch;
    const struct rnl_job_event *event;
};

static void begin(struct scene *scene, fake_serve_fn *serve, uint64_t after)
{
    *scene = (struct scene){.client = NULL};
    fake_core_start(&scene->core, serve, NULL);
    scene->client = connect_to(scene->core.address);
    scene->watch = watch_any(scene->client, after);
}

static enum rnl_code next(struct scene *scene)
{
    return rnl_watch_next(scene->watch, FAKE_DEADLINE_MS, &scene->event);
}

static void expect_event(struct scene *scene, uint64_t sequence)
{
    char text[FAKE_TEXT_SIZE];
    assert_int_equal(next(scene), RNL_OK);
    assert_non_null(scene->event);
    assert_int_equal(scene->event->sequence, sequence);
    fake_text(sequence, text);
    assert_string_equal(scene->event->data, text);
    assert_int_equal(rnl_watch_sequence(scene->watch), sequence);
}

/* Demands the end, which stays the same when asked for again. */
static void expect_failure(struct scene *scene, enum rnl_code code,
                           const char *part)
{
    for (int i = 0; i < 2; i++) {
        assert_int_equal(next(scene), code);
        const struct rnl_status_info *status = rnl_client_status(scene->client);
        assert_int_equal(status->code, code);
        if (strstr(status->message, part) == NULL)
            fail_msg("'%s' is not in '%s'", part, status->message);
    }
}

static void finish(struct scene *scene)
{
    rnl_watch_destroy(scene->watch);
    rnl_client_destroy(scene->client);
    fake_core_stop(&scene->core);
}

static void serve_pieces(struct fake_conn *conn, void *arg)
{
    uint32_t id;
    uint64_t after;
    (void)arg;
    if (!fake_hello(conn, "one") || !fake_watch(conn, &id, &after))
        return;
    /* Two events a connection; the fourth connection has the end. */
    if (conn->number < 3) {
        if (fake_delta(conn, id, after + 1))
            (void)fake_delta(conn, id, after + 2);
        return;
    }
    if (fake_end(conn, id, after + 1) && fake_status(conn, id, RNL_OK, NULL))
        fake_wait_end(conn);
}

static void a_watch_asks_for_what_follows_the_last_event(void **state)
{
    struct scene scene;
    (void)state;
    begin(&scene, serve_pieces, 0);
    for (uint64_t i = 1; i <= 6; i++)
        expect_event(&scene, i);
    assert_int_equal(next(&scene), RNL_OK);
    assert_int_equal(scene.event->kind, RNL_JOB_EVENT_STATE);
    assert_int_equal(next(&scene), RNL_OK);
    assert_null(scene.event);
    finish(&scene);
}

/* A time-out of 0 takes what is there and lets the client run: a program that
 * only looks in now and then gets everything too. */
static void a_watch_that_is_only_looked_at_gets_on(void **state)
{
    struct scene scene;
    uint64_t seen = 0;
    (void)state;
    begin(&scene, serve_pieces, 0);
    enum rnl_code code;
    do {
        scene.event = NULL;
        code = rnl_watch_next(scene.watch, 0, &scene.event);
        if (code == RNL_OK && scene.event != NULL)
            assert_int_equal(scene.event->sequence, ++seen);
    } while (code == RNL_DEADLINE_EXCEEDED || scene.event != NULL);
    assert_int_equal(code, RNL_OK);
    assert_int_equal(seen, 7);
    finish(&scene);
}

/* Pieces without end, until the credit is used up, and then the connection is
 * lost; the second watch gets the end. */
#define PIECE_BYTES 1000

static bool serve_piece(struct fake_conn *conn, uint32_t id, uint64_t sequence)
{
    /* WatchJobResponse{event{sequence, delta{data}}}; sequences of two bytes
     * as a varint. */
    static uint8_t message[3 + 3 + 3 + 3 + PIECE_BYTES] = {
        0x0a, 0xf1, 0x07, 0x08, 0, 0, 0x22, 0xeb, 0x07, 0x12, 0xe8, 0x07};
    message[4] = (uint8_t)(0x80 | (sequence & 0x7f));
    message[5] = (uint8_t)(sequence >> 7);
    return fake_write(conn, id, RNL_FRAME_MESSAGE, message, sizeof(message));
}

static void serve_credit(struct fake_conn *conn, void *arg)
{
    uint32_t id;
    uint64_t after;
    atomic_uint *watches = arg;
    if (!fake_hello(conn, "one"))
        return;
    /* Connections without a watch last until the next is wanted. */
    if (!fake_watch(conn, &id, &after))
        return;
    unsigned watch = atomic_fetch_add(watches, 1);
    if (watch > 0) {
        if (fake_end(conn, id, after + 1) &&
            fake_status(conn, id, RNL_OK, NULL))
            fake_wait_end(conn);
        return;
    }
    for (int64_t credit = 262144; credit > 0; credit -= 12 + PIECE_BYTES) {
        if (!serve_piece(conn, id, ++after))
            return;
    }
}

/* What a program does not fetch stays bounded over any number of lost
 * connections: the watch goes on when it has fetched what was there. */
static void a_watch_that_is_behind_is_not_resumed(void **state)
{
    struct scene scene = {.client = NULL};
    atomic_uint watches;
    (void)state;
    atomic_init(&watches, 0);
    fake_core_start(&scene.core, serve_credit, &watches);
    scene.client = connect_to(scene.core.address);
    scene.watch = watch_any(scene.client, 0);
    /* Nothing is fetched; connected again, and once more, nothing is asked. */
    while (atomic_load(&scene.core.connection_count) < 2 ||
           rnl_client_state(scene.client) != RNL_CLIENT_CONNECTED)
        (void)rnl_client_poll(scene.client, FAKE_DEADLINE_MS);
    assert_int_equal(rnl_client_poll(scene.client, 20), RNL_DEADLINE_EXCEEDED);
    assert_int_equal(atomic_load(&watches), 1);
    uint64_t last = 0;
    do {
        assert_int_equal(next(&scene), RNL_OK);
        if (scene.event != NULL)
            assert_int_equal(scene.event->sequence, ++last);
    } while (scene.event != NULL);
    assert_int_equal(last, 262144 / (12 + PIECE_BYTES) + 2);
    assert_int_equal(atomic_load(&watches), 2);
    finish(&scene);
}

static void serve_another_epoch(struct fake_conn *conn, void *arg)
{
    uint32_t id;
    uint64_t after;
    (void)arg;
    if (!fake_hello(conn, conn->number == 0 ? "one" : "two") ||
        !fake_watch(conn, &id, &after) || !fake_delta(conn, id, after + 1))
        return;
    if (conn->number > 0)
        fake_wait_end(conn);
}

/* Sequences of another store mean nothing, even under the same id. */
static void another_epoch_ends_a_watch(void **state)
{
    struct scene scene;
    (void)state;
    begin(&scene, serve_another_epoch, 0);
    expect_event(&scene, 1);
    expect_failure(&scene, RNL_NOT_FOUND,
                   "was restarted without its earlier jobs");
    finish(&scene);
}

static void serve_early_end(struct fake_conn *conn, void *arg)
{
    uint32_t id;
    uint64_t after;
    (void)arg;
    if (fake_hello(conn, "one") && fake_watch(conn, &id, &after) &&
        fake_delta(conn, id, after + 1) && fake_status(conn, id, RNL_OK, NULL))
        fake_wait_end(conn);
}

static void an_end_without_the_terminal_event_is_a_fault(void **state)
{
    struct scene scene;
    (void)state;
    begin(&scene, serve_early_end, 0);
    expect_event(&scene, 1);
    expect_failure(&scene, RNL_INTERNAL, "before the job had ended");
    finish(&scene);
}

static void serve_nothing_more(struct fake_conn *conn, void *arg)
{
    uint32_t id;
    uint64_t after;
    (void)arg;
    if (fake_hello(conn, "one") && fake_watch(conn, &id, &after) &&
        fake_status(conn, id, RNL_OK, NULL))
        fake_wait_end(conn);
}

static void a_watch_from_the_terminal_event_on_ends_well(void **state)
{
    struct scene scene;
    (void)state;
    begin(&scene, serve_nothing_more, 7);
    assert_int_equal(next(&scene), RNL_OK);
    assert_null(scene.event);
    finish(&scene);
}

static void serve_gap(struct fake_conn *conn, void *arg)
{
    uint32_t id;
    uint64_t after;
    (void)arg;
    if (fake_hello(conn, "one") && fake_watch(conn, &id, &after) &&
        fake_delta(conn, id, 1) && fake_delta(conn, id, 3))
        fake_wait_end(conn);
}

static void serve_repetition(struct fake_conn *conn, void *arg)
{
    uint32_t id;
    uint64_t after;
    (void)arg;
    if (fake_hello(conn, "one") && fake_watch(conn, &id, &after) &&
        fake_delta(conn, id, 1) && fake_delta(conn, id, 1))
        fake_wait_end(conn);
}

static void a_gap_or_a_repetition_is_data_loss(void **state)
{
    fake_serve_fn *const serve[] = {serve_gap, serve_repetition};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        begin(&scene, serve[i], 0);
        expect_event(&scene, 1);
        expect_failure(&scene, RNL_DATA_LOSS, "event 2");
        finish(&scene);
    }
}

static void serve_unreadable(struct fake_conn *conn, void *arg)
{
    /* WatchJobResponse{event{sequence: 2, delta: <cut off>}} */
    static const uint8_t broken[] = {0x0a, 0x05, 0x08, 0x02, 0x22, 0x7f, 0x0a};
    uint32_t id;
    uint64_t after;
    (void)arg;
    if (fake_hello(conn, "one") && fake_watch(conn, &id, &after) &&
        fake_delta(conn, id, 1) &&
        fake_write(conn, id, RNL_FRAME_MESSAGE, broken, sizeof(broken)) &&
        fake_delta(conn, id, 3))
        fake_wait_end(conn);
}

static void nothing_follows_an_event_that_cannot_be_read(void **state)
{
    struct scene scene;
    (void)state;
    begin(&scene, serve_unreadable, 0);
    expect_event(&scene, 1);
    expect_failure(&scene, RNL_INTERNAL, "after sequence 1 cannot be read");
    finish(&scene);
}

static void on_event(struct rnl_watch *watch, const struct rnl_job_event *event,
                     void *arg)
{
    (void)watch;
    *(uint64_t *)arg = event->sequence;
}

static void next_is_refused_where_events_are_called_back(void **state)
{
    struct scene scene;
    uint64_t seen = 0;
    struct rnl_watch_options options = RNL_OPTIONS_INIT(options);
    (void)state;
    begin(&scene, serve_pieces, 0);
    rnl_watch_destroy(scene.watch);
    options.on_event = on_event;
    options.arg = &seen;
    assert_int_equal(
        rnl_watch_start(scene.client, "job", &options, &scene.watch), RNL_OK);
    assert_int_equal(next(&scene), RNL_FAILED_PRECONDITION);
    while (seen < 7)
        assert_int_equal(rnl_client_poll(scene.client, FAKE_DEADLINE_MS),
                         RNL_OK);
    finish(&scene);
}

/* --- a real core behind a proxy that cuts --- */

static char input[INPUT_BYTES + 1];

static struct rnl_job *create_echo(struct rnl_client *client)
{
    static const struct rnl_pair options[] = {{"chunk_bytes", "500"},
                                              {"pace_ms", "1"}};
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    struct rnl_job *job = NULL;
    spec.kind = "echo";
    spec.input = input;
    spec.input_len = INPUT_BYTES;
    spec.options = options;
    spec.option_count = 2;
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
    if (output->len + len > INPUT_BYTES)
        return false;
    memcpy(output->data + output->len, data, len);
    output->len += len;
    return true;
}

static void check_over_cuts(const struct daemon *server, uint64_t seed)
{
    static struct output output;
    struct cut_proxy proxy = {
        .target_port = server->port,
        .bytes_max = 6000,
        .random = seed,
    };
    struct rnl_client *direct = connect_to(server->address);
    struct rnl_job *job = create_echo(direct);
    cut_proxy_start(&proxy);
    struct rnl_client *client = connect_to(proxy.address);
    /* The first connection may be cut before the watch has begun. */
    enum rnl_job_state end = RNL_JOB_UNSPECIFIED;
    enum rnl_code code;
    do {
        output.len = 0;
        code = rnl_job_output(client, job->id, collect, &output, &end);
    } while (code == RNL_UNAVAILABLE);
    assert_int_equal(code, RNL_OK);
    assert_int_equal(end, RNL_JOB_SUCCEEDED);
    assert_int_equal(output.len, INPUT_BYTES);
    assert_memory_equal(output.data, input, INPUT_BYTES);
    assert_true(proxy.cut_count >= 5);
    rnl_client_destroy(client);
    cut_proxy_stop(&proxy);
    rnl_job_destroy(job);
    rnl_client_destroy(direct);
}

static void a_watch_over_cut_connections_is_exact(void **state)
{
    struct daemon server;
    (void)state;
    daemon_start(&server, "runneld", NULL);
    for (uint64_t seed = 1; seed <= 6; seed++)
        check_over_cuts(&server, seed);
    assert_int_equal(daemon_stop(&server), 0);
}

/* --- a core that is killed and has its jobs in a file --- */

struct kept_core {
    char data[64];
    struct daemon daemon;
};

static void start_kept(struct kept_core *core, const char *listen)
{
    const char *const args[] = {"--listen", listen,   "--durability",
                                "normal",   "--data", core->data,
                                NULL};
    daemon_start(&core->daemon, "runneld", args);
}

static struct rnl_job *create_twice(struct rnl_client *client)
{
    static const struct rnl_pair options[] = {{"chunk_bytes", "500"},
                                              {"pace_ms", "4"}};
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    struct rnl_job *job = NULL;
    spec.kind = "echo";
    spec.input = input;
    spec.input_len = INPUT_BYTES;
    spec.options = options;
    spec.option_count = 2;
    spec.max_attempts = 2;
    assert_int_equal(rnl_job_create(client, &spec, &job), RNL_OK);
    return job;
}

/* Collects the output of the last attempt; the library checks the sequences.
 * Returns when some output was seen, or at the end. */
static enum rnl_job_state follow(struct rnl_watch *watch, struct output *output,
                                 size_t bytes)
{
    const struct rnl_job_event *event;
    enum rnl_job_state state = RNL_JOB_UNSPECIFIED;
    while (output->len < bytes) {
        assert_int_equal(rnl_watch_next(watch, DAEMON_DEADLINE_MS, &event),
                         RNL_OK);
        if (event == NULL)
            break;
        if (event->kind == RNL_JOB_EVENT_STATE) {
            state = event->state;
            output->len = state == RNL_JOB_RUNNING ? 0 : output->len;
        } else if (event->kind == RNL_JOB_EVENT_DELTA) {
            assert_true(collect(event->data, event->len, output));
        }
    }
    return state;
}

/* The epoch is that of the file: the watch goes on where it was, over the
 * failure of the first attempt, into the second. */
static void a_watch_goes_on_over_kill_9(void **state)
{
    static struct output output;
    struct kept_core core = {.data = "/tmp/runnel-data-XXXXXX"};
    char address[80];
    struct rnl_watch *watch;
    (void)state;
    assert_non_null(mkdtemp(core.data));
    start_kept(&core, "127.0.0.1:0");
    snprintf(address, sizeof(address), "%s", core.daemon.address);
    struct rnl_client *client = connect_to(address);
    struct rnl_job *job = create_twice(client);
    assert_int_equal(rnl_watch_start(client, job->id, NULL, &watch), RNL_OK);
    (void)follow(watch, &output, 5000);
    daemon_signal(&core.daemon, SIGKILL);
    (void)daemon_wait(&core.daemon);
    start_kept(&core, address);
    enum rnl_job_state end = follow(watch, &output, SIZE_MAX);
    assert_int_equal(end, RNL_JOB_SUCCEEDED);
    assert_int_equal(output.len, INPUT_BYTES);
    assert_memory_equal(output.data, input, INPUT_BYTES);
    rnl_job_destroy(job);
    rnl_client_destroy(client);
    assert_int_equal(daemon_stop(&core.daemon), 0);
    assert_int_equal(store_folder_remove(core.data), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watch_asks_for_what_follows_the_last_event),
        cmocka_unit_test(a_watch_that_is_only_looked_at_gets_on),
        cmocka_unit_test(a_watch_that_is_behind_is_not_resumed),
        cmocka_unit_test(another_epoch_ends_a_watch),
        cmocka_unit_test(an_end_without_the_terminal_event_is_a_fault),
        cmocka_unit_test(a_watch_from_the_terminal_event_on_ends_well),
        cmocka_unit_test(a_gap_or_a_repetition_is_data_loss),
        cmocka_unit_test(nothing_follows_an_event_that_cannot_be_read),
        cmocka_unit_test(next_is_refused_where_events_are_called_back),
        cmocka_unit_test(a_watch_over_cut_connections_is_exact),
        cmocka_unit_test(a_watch_goes_on_over_kill_9),
    };
    for (size_t i = 0; i < INPUT_BYTES; i++)
        input[i] = (char)('a' + i % 26 + (i / 26) % 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
