/* SPDX-License-Identifier: Apache-2.0 */
/* The connection of a client, its blocking functions and its event loop's
 * view, against cores that misbehave. */
#include "test.h"

#include <pthread.h>
#include <string.h>

#include <runnel/runnel.h>

#include "client_private.h"
#include "fake_jobs.h"

static struct rnl_client *connect_with(const struct fake_core *core,
                                       struct rnl_client_options *options)
{
    struct rnl_client *client = NULL;
    options->address = core->address;
    assert_int_equal(rnl_client_create(options, &client), RNL_OK);
    return client;
}

static void expect_text(const struct rnl_client *client, const char *part)
{
    const char *message = rnl_client_status(client)->message;
    if (strstr(message, part) == NULL)
        fail_msg("'%s' is not in '%s'", part, message);
}

/* --- options --- */

static void options_without_a_size_are_refused(void **state)
{
    struct rnl_client_options options = {.address = "127.0.0.1:1"};
    struct rnl_client *client = NULL;
    (void)state;
    assert_int_equal(rnl_client_create(&options, &client),
                     RNL_INVALID_ARGUMENT);
    assert_null(client);
    assert_non_null(strstr(rnl_client_options_fault(&options), "size"));
    assert_int_equal(rnl_client_create(NULL, &client), RNL_OK);
    struct rnl_job_spec spec = {.kind = "echo"};
    assert_int_equal(rnl_job_create(client, &spec, NULL), RNL_INVALID_ARGUMENT);
    expect_text(client, "RNL_OPTIONS_INIT");
    rnl_client_destroy(client);
}

/* Options of a newer header: what this library does not know must be 0, or a
 * program would believe that it was heeded. */
static void unknown_options_are_refused_unless_zero(void **state)
{
    struct {
        struct rnl_client_options known;
        int64_t unknown;
    } options = {.known = {.size = sizeof(options)}};
    (void)state;
    assert_null(rnl_client_options_fault(&options.known));
    options.unknown = 1;
    assert_non_null(rnl_client_options_fault(&options.known));
}

static void a_bad_option_is_named(void **state)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    char token[4098];
    (void)state;
    memset(token, 'x', sizeof(token) - 1);
    token[sizeof(token) - 1] = '\0';
#define CHECK(field, bad)                                                   \
    do {                                                                    \
        struct rnl_client_options one = options;                            \
        one.field = (bad);                                                  \
        const char *fault = rnl_client_options_fault(&one);                 \
        assert_non_null(fault);                                             \
        assert_memory_equal(fault, #field " must", strlen(#field " must")); \
    } while (0)
    CHECK(address, "localhost:x");
    CHECK(address, "localhost:0");
    CHECK(address, "localhost:65536");
    CHECK(address, "[::1");
    CHECK(address, "");
    CHECK(token, token);
    CHECK(agent, token);
    CHECK(connect_timeout_ms, -1);
    CHECK(connect_timeout_ms, 86400001);
    CHECK(reconnect_min_ms, -1);
    CHECK(reconnect_max_ms, 99);
    CHECK(keepalive_ms, 86400001);
    CHECK(max_frame_bytes, 16383);
    CHECK(max_frame_bytes, 67108865);
    CHECK(credit_bytes, UINT32_C(2147483648));
#undef CHECK
    assert_null(rnl_client_options_fault(&options));
    assert_null(rnl_client_options_fault(NULL));
}

/* A file is looked at where it is read: both say the same of it. */
static void bad_options_of_tls_are_named_and_refused(void **state)
{
    const struct rnl_client_options bad[] = {
        {.size = sizeof(bad[0]), .tls_insecure = true},
        {.size = sizeof(bad[0]), .tls = true, .tls_server_name = ""},
        {.size = sizeof(bad[0]), .tls = true, .tls_ca_file = "/dev/null"},
        {.size = sizeof(bad[0]), .tls = true, .tls_ca_file = "/none/such"},
        {.size = sizeof(bad[0]), .tls = true, .tls_ca_file = "/"},
    };
    static const char *const faults[] = {
        "tls must", "tls_server_name must", "tls_ca_file must",
        "tls_ca_file: there is no such file", "tls_ca_file: is a directory"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct rnl_client *client = NULL;
        const char *fault = rnl_client_options_fault(&bad[i]);
        assert_non_null(fault);
        assert_memory_equal(fault, faults[i], strlen(faults[i]));
        assert_int_equal(rnl_client_create(&bad[i], &client),
                         RNL_INVALID_ARGUMENT);
        assert_null(client);
    }
}

static void what_cannot_start_says_why(void **state)
{
    struct rnl_client *client;
    struct rnl_watch *watch;
    struct rnl_stats_watch *stats;
    struct rnl_ingest *ingest;
    struct rnl_call *call;
    struct rnl_call_options call_options = RNL_OPTIONS_INIT(call_options);
    struct rnl_ingest_options ingest_options = RNL_OPTIONS_INIT(ingest_options);
    (void)state;
    assert_int_equal(rnl_client_create(NULL, &client), RNL_OK);
    assert_int_equal(rnl_watch_start(client, "", NULL, &watch),
                     RNL_INVALID_ARGUMENT);
    expect_text(client, "job_id must have 1 to 128 bytes");
    assert_int_equal(rnl_stats_watch_start(client, NULL, NULL, &stats),
                     RNL_INVALID_ARGUMENT);
    expect_text(client, "stream must have");
    ingest_options.in_flight_max = 1025;
    assert_int_equal(rnl_ingest_open(client, "s", &ingest_options, &ingest),
                     RNL_INVALID_ARGUMENT);
    expect_text(client, "in_flight_max must be 1 to 1024");
    ingest_options.in_flight_max = 0;
    ingest_options.producer_id = "";
    assert_int_equal(rnl_ingest_open(client, "s", &ingest_options, &ingest),
                     RNL_INVALID_ARGUMENT);
    expect_text(client, "producer_id must have 1 to 64 bytes");
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    spec.kind = "echo";
    spec.content_type = "text/plain";
    spec.input_len = 1;
    assert_int_equal(rnl_job_create(client, &spec, NULL), RNL_INVALID_ARGUMENT);
    expect_text(client, "input must not be NULL");
    call_options.timeout_ms = -1;
    assert_int_equal(rnl_call_start(client, "a/b", &call_options, &call),
                     RNL_INVALID_ARGUMENT);
    expect_text(client, "timeout_ms");
    call_options.timeout_ms = 0;
    const struct rnl_pair pair = {"key", NULL};
    call_options.metadata = &pair;
    call_options.metadata_count = 1;
    assert_int_equal(rnl_call_start(client, "a/b", &call_options, &call),
                     RNL_INVALID_ARGUMENT);
    expect_text(client, "metadata");
    rnl_client_destroy(client);
}

/* --- time --- */

static int64_t fake_now_ns;

static int64_t fake_clock(void)
{
    return fake_now_ns;
}

static void serve_hello_and_leave(struct fake_conn *conn, void *arg)
{
    (void)arg;
    (void)fake_hello(conn, "one");
}

/* Runs the client over its real socket until a state, without letting its
 * clock go on. */
static void run_to_state(struct rnl_client *client, enum rnl_client_state to)
{
    do {
        assert_int_equal(rnl_client_poll(client, FAKE_DEADLINE_MS), RNL_OK);
    } while (client->state != to);
}

/* A core that takes every connection and drops it must not be hammered. */
static void short_connections_lengthen_the_wait(void **state)
{
    struct fake_core core;
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    (void)state;
    fake_core_start(&core, serve_hello_and_leave, NULL);
    options.reconnect_min_ms = 100;
    options.reconnect_max_ms = 1000;
    struct rnl_client *client = connect_with(&core, &options);
    fake_now_ns = 1000 * RNL_NS_PER_MS;
    client->clock_ns = fake_clock;
    rnl_client_connect(client);
    const int64_t steps_ms[] = {100, 200, 400, 800, 1000, 1000};
    for (size_t i = 0; i < sizeof(steps_ms) / sizeof(steps_ms[0]); i++) {
        run_to_state(client, RNL_CLIENT_WAITING);
        int64_t wait_ms = rnl_client_timeout_ms(client);
        assert_in_range(wait_ms, steps_ms[i] / 2, steps_ms[i]);
        fake_now_ns += wait_ms * RNL_NS_PER_MS;
    }
    /* One that lasts begins from the start. */
    run_to_state(client, RNL_CLIENT_CONNECTED);
    fake_now_ns += 1000 * RNL_NS_PER_MS;
    run_to_state(client, RNL_CLIENT_WAITING);
    assert_in_range(rnl_client_timeout_ms(client), 50, 100);
    rnl_client_destroy(client);
    fake_core_stop(&core);
}

static void serve_silence(struct fake_conn *conn, void *arg)
{
    (void)arg;
    fake_wait_end(conn);
}

static void a_call_without_a_connection_says_so_at_its_deadline(void **state)
{
    struct fake_core core;
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_server_info *info;
    (void)state;
    fake_core_start(&core, serve_silence, NULL);
    options.call_timeout_ms = 20;
    struct rnl_client *client = connect_with(&core, &options);
    assert_int_equal(rnl_server_info_get(client, &info), RNL_DEADLINE_EXCEEDED);
    expect_text(client, "not connected to 127.0.0.1:");
    assert_true(rnl_client_status(client)->not_started);
    assert_int_equal(rnl_client_await_connected(client, 1),
                     RNL_DEADLINE_EXCEEDED);
    expect_text(client, "not connected to 127.0.0.1:");
    rnl_client_destroy(client);
    fake_core_stop(&core);
}

static void serve_hello_only(struct fake_conn *conn, void *arg)
{
    (void)arg;
    if (fake_hello(conn, "one"))
        fake_wait_end(conn);
}

static void a_call_without_an_answer_ends_at_its_deadline(void **state)
{
    struct fake_core core;
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_server_info *info;
    (void)state;
    fake_core_start(&core, serve_hello_only, NULL);
    options.call_timeout_ms = 20;
    struct rnl_client *client = connect_with(&core, &options);
    assert_int_equal(rnl_client_await_connected(client, -1), RNL_OK);
    assert_int_equal(rnl_server_info_get(client, &info), RNL_DEADLINE_EXCEEDED);
    expect_text(client, "not done within 20 ms");
    assert_false(rnl_client_status(client)->not_started);
    rnl_client_destroy(client);
    fake_core_stop(&core);
}

/* --- GoAway --- */

static void serve_drain_first(struct fake_conn *conn, void *arg)
{
    struct rnl_frame frame;
    (void)arg;
    if (!fake_hello(conn, "one"))
        return;
    if (conn->number > 0) {
        if (fake_info(conn))
            fake_wait_end(conn);
        return;
    }
    /* No stream was begun. */
    if (fake_read_kind(conn, RNL_FRAME_CALL, &frame) &&
        fake_write(conn, 0, RNL_FRAME_GO_AWAY, NULL, 0) &&
        fake_status(conn, frame.stream_id, RNL_UNAVAILABLE, "draining"))
        fake_wait_end(conn);
}

/* The server has certainly not begun the call, so that repeating it is safe;
 * the user notices nothing. */
static void a_call_that_was_not_begun_is_repeated(void **state)
{
    struct fake_core core;
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_server_info *info;
    (void)state;
    fake_core_start(&core, serve_drain_first, NULL);
    options.reconnect_min_ms = 1;
    struct rnl_client *client = connect_with(&core, &options);
    assert_int_equal(rnl_server_info_get(client, &info), RNL_OK);
    assert_string_equal(info->version, "fake");
    assert_int_equal(core.connection_count, 2);
    rnl_server_info_destroy(info);
    rnl_client_destroy(client);
    fake_core_stop(&core);
}

/* --- streams --- */

#define CALLS 20
/* What fake_hello allows. */
#define STREAMS_MAX 16

/* Answers calls when there are as many as may be, and no more come. */
static void serve_few_streams(struct fake_conn *conn, void *arg)
{
    bool *too_many = arg;
    struct rnl_frame frame;
    if (!fake_hello(conn, "one"))
        return;
    unsigned calls = 0;
    unsigned whole = 0;
    (void)fake_write(conn, 0, RNL_FRAME_PING, NULL, 0);
    bool ponged = false;
    while (whole < STREAMS_MAX || !ponged) {
        if (!fake_read(conn, &frame))
            return;
        calls += frame.kind == RNL_FRAME_CALL;
        whole += frame.kind == RNL_FRAME_HALF_CLOSE;
        ponged = ponged || frame.kind == RNL_FRAME_PONG;
    }
    *too_many = calls > STREAMS_MAX;
    for (uint32_t id = 1; id < 2 * CALLS; id += 2)
        (void)fake_status(conn, id, RNL_OK, NULL);
    for (unsigned i = STREAMS_MAX; i < CALLS; i++) {
        if (!fake_read_kind(conn, RNL_FRAME_HALF_CLOSE, &frame) ||
            !fake_status(conn, frame.stream_id, RNL_OK, NULL))
            return;
    }
    fake_wait_end(conn);
}

static void count_end(struct rnl_call *call,
                      const struct rnl_status_info *status, void *arg)
{
    assert_int_equal(status->code, RNL_OK);
    ++*(unsigned *)arg;
    rnl_call_destroy(call);
}

static void calls_wait_for_a_free_stream(void **state)
{
    struct fake_core core;
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_call_options call_options = RNL_OPTIONS_INIT(call_options);
    bool too_many = false;
    unsigned ended = 0;
    (void)state;
    fake_core_start(&core, serve_few_streams, &too_many);
    struct rnl_client *client = connect_with(&core, &options);
    call_options.on_end = count_end;
    call_options.arg = &ended;
    for (unsigned i = 0; i < CALLS; i++) {
        struct rnl_call *call;
        assert_int_equal(rnl_call_start(client, "a/b", &call_options, &call),
                         RNL_OK);
        rnl_call_half_close(call);
    }
    while (ended < CALLS)
        assert_int_equal(rnl_client_poll(client, FAKE_DEADLINE_MS), RNL_OK);
    rnl_client_destroy(client);
    fake_core_stop(&core);
    assert_false(too_many);
}

/* --- interrupt --- */

static void *interrupt_from_thread(void *arg)
{
    rnl_client_interrupt(arg);
    return NULL;
}

static void serve_one_event(struct fake_conn *conn, void *arg)
{
    uint32_t id;
    uint64_t after;
    (void)arg;
    if (fake_hello(conn, "one") && fake_watch(conn, &id, &after) &&
        fake_delta(conn, id, 1))
        fake_wait_end(conn);
}

static void another_thread_ends_a_blocking_function(void **state)
{
    struct fake_core core;
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_watch *watch;
    const struct rnl_job_event *event;
    struct rnl_server_info *info;
    pthread_t thread;
    (void)state;
    fake_core_start(&core, serve_one_event, NULL);
    struct rnl_client *client = connect_with(&core, &options);
    assert_int_equal(rnl_watch_start(client, "job", NULL, &watch), RNL_OK);
    assert_int_equal(rnl_watch_next(watch, -1, &event), RNL_OK);
    assert_int_equal(
        pthread_create(&thread, NULL, interrupt_from_thread, client), 0);
    assert_int_equal(rnl_watch_next(watch, -1, &event), RNL_CANCELLED);
    expect_text(client, "interrupted");
    assert_int_equal(pthread_join(thread, NULL), 0);
    /* Once only; and one that comes early is not lost. */
    assert_int_equal(rnl_watch_next(watch, 1, &event), RNL_DEADLINE_EXCEEDED);
    rnl_client_interrupt(client);
    rnl_client_interrupt(client);
    assert_int_equal(rnl_server_info_get(client, &info), RNL_CANCELLED);
    assert_int_equal(rnl_watch_next(watch, 1, &event), RNL_DEADLINE_EXCEEDED);
    assert_int_equal(rnl_watch_sequence(watch), 1);
    rnl_watch_destroy(watch);
    rnl_client_destroy(client);
    fake_core_stop(&core);
}

/* --- inside of callbacks --- */

struct seen {
    struct rnl_client *client;
    unsigned events;
};

static void block_inside(struct rnl_watch *watch,
                         const struct rnl_job_event *event, void *arg)
{
    struct seen *seen = arg;
    struct rnl_client *client = seen->client;
    struct rnl_server_info *info;
    (void)watch;
    (void)event;
    seen->events++;
    rnl_client_process(client, 0);
    assert_int_equal(rnl_server_info_get(client, &info),
                     RNL_FAILED_PRECONDITION);
    expect_text(client, "inside of a callback");
    assert_int_equal(rnl_client_poll(client, -1), RNL_FAILED_PRECONDITION);
    assert_int_equal(rnl_client_await_connected(client, -1),
                     RNL_FAILED_PRECONDITION);
}

static void nothing_blocks_inside_of_a_callback(void **state)
{
    struct fake_core core;
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct seen seen = {NULL, 0};
    struct rnl_watch_options watch_options = RNL_OPTIONS_INIT(watch_options);
    struct rnl_watch *watch;
    (void)state;
    fake_core_start(&core, serve_one_event, NULL);
    seen.client = connect_with(&core, &options);
    watch_options.on_event = block_inside;
    watch_options.arg = &seen;
    assert_int_equal(
        rnl_watch_start(seen.client, "job", &watch_options, &watch), RNL_OK);
    while (seen.events == 0)
        assert_int_equal(rnl_client_poll(seen.client, FAKE_DEADLINE_MS),
                         RNL_OK);
    rnl_client_destroy(seen.client);
    fake_core_stop(&core);
}

/* --- what an event loop is told --- */

struct loop_view {
    int fd;
    int events;
    int64_t timeout_ms;
};

static void on_poll(struct rnl_client *client, int fd, int events, void *arg)
{
    struct loop_view *view = arg;
    (void)client;
    /* One socket at a time, and the old one is given up first. */
    assert_true(view->events == 0 || view->fd == fd);
    view->fd = fd;
    view->events = events;
}

static void on_timer(struct rnl_client *client, int64_t timeout_ms, void *arg)
{
    struct loop_view *view = arg;
    (void)client;
    view->timeout_ms = timeout_ms;
}

/* What was told and what can be asked are the same, at every step; and after
 * the end nothing is left to be watched. */
static void an_event_loop_is_told_all_and_released(void **state)
{
    struct fake_core core;
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct loop_view view = {-1, 0, -1};
    struct rnl_watch *watch;
    (void)state;
    fake_core_start(&core, serve_one_event, NULL);
    options.on_poll = on_poll;
    options.on_timer = on_timer;
    options.arg = &view;
    struct rnl_client *client = connect_with(&core, &options);
    assert_int_equal(rnl_watch_start(client, "job", NULL, &watch), RNL_OK);
    assert_int_equal(view.timeout_ms, 0);
    do {
        assert_int_equal(rnl_client_poll(client, FAKE_DEADLINE_MS), RNL_OK);
        assert_int_equal(view.events, rnl_client_events(client));
        if (view.events != 0)
            assert_int_equal(view.fd, rnl_client_fd(client));
    } while (rnl_watch_sequence(watch) == 0 &&
             rnl_client_state(client) != RNL_CLIENT_CONNECTED);
    assert_true(view.timeout_ms >= 0);
    rnl_client_destroy(client);
    assert_int_equal(view.events, 0);
    assert_int_equal(view.timeout_ms, -1);
    fake_core_stop(&core);
}

static void the_version_is_that_of_the_build(void **state)
{
    (void)state;
    assert_string_equal(rnl_version(), RNL_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_without_a_size_are_refused),
        cmocka_unit_test(unknown_options_are_refused_unless_zero),
        cmocka_unit_test(a_bad_option_is_named),
        cmocka_unit_test(bad_options_of_tls_are_named_and_refused),
        cmocka_unit_test(what_cannot_start_says_why),
        cmocka_unit_test(short_connections_lengthen_the_wait),
        cmocka_unit_test(a_call_without_a_connection_says_so_at_its_deadline),
        cmocka_unit_test(a_call_without_an_answer_ends_at_its_deadline),
        cmocka_unit_test(a_call_that_was_not_begun_is_repeated),
        cmocka_unit_test(calls_wait_for_a_free_stream),
        cmocka_unit_test(another_thread_ends_a_blocking_function),
        cmocka_unit_test(nothing_blocks_inside_of_a_callback),
        cmocka_unit_test(an_event_loop_is_told_all_and_released),
        cmocka_unit_test(the_version_is_that_of_the_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
