/* SPDX-License-Identifier: Apache-2.0 */
/*
 * librunnel against a core that is broken or hostile: it closes at each byte
 * of a conversation, twists its bytes, breaks each rule of the protocol. The
 * client ends with a clear status, and under AddressSanitizer without a leak.
 *
 * RUNNEL_FUZZ_ROUNDS sets the rounds of twisted bytes (default 300 a
 * conversation), RUNNEL_FUZZ_SEED their seed.
 */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <runnel/runnel.h>

#include "fake_core.h"
#include "script.h"
#include "wire.h"

#define ROUNDS_DEFAULT 300

/* What the core sends: a greeting, and after the client's request the rest. */
struct play {
    struct script greeting;
    struct script sent;
    /* The request is there with so many frames of this kind. */
    enum rnl_frame_kind request_kind;
    unsigned request_count;
};

/* Being written, and what the next connection gets. One core plays them all:
 * a port for each would use up those of the machine. */
static struct play play;
static struct play next_play;
static pthread_mutex_t next_lock = PTHREAD_MUTEX_INITIALIZER;
static struct fake_core core_of_plays;

static bool await_request(struct fake_conn *conn, const struct play *now)
{
    struct rnl_frame frame;
    for (unsigned i = 0; i < now->request_count; i++) {
        if (!fake_read_kind(conn, now->request_kind, &frame))
            return false;
    }
    return true;
}

static void serve_play(struct fake_conn *conn, void *arg)
{
    static struct play now;
    struct rnl_frame frame;
    (void)arg;
    pthread_mutex_lock(&next_lock);
    now = next_play;
    pthread_mutex_unlock(&next_lock);
    if (fake_read_kind(conn, RNL_FRAME_HELLO, &frame) &&
        fake_write_bytes(conn, now.greeting.data, now.greeting.len) &&
        (now.sent.len == 0 || await_request(conn, &now)))
        (void)fake_write_bytes(conn, now.sent.data, now.sent.len);
    (void)shutdown(conn->fd, SHUT_WR);
    fake_wait_end(conn);
}

static int start_plays(void **state)
{
    (void)state;
    fake_core_start(&core_of_plays, serve_play, NULL);
    return 0;
}

static int stop_plays(void **state)
{
    (void)state;
    fake_core_stop(&core_of_plays);
    return 0;
}

/* --- what a client does --- */

/* What a result lends is read, so that a sanitizer sees a bad pointer. */
static volatile size_t touched;

typedef enum rnl_code act_fn(struct rnl_client *client);

static enum rnl_code watch_job(struct rnl_client *client)
{
    struct rnl_watch *watch;
    const struct rnl_job_event *event = NULL;
    assert_int_equal(rnl_watch_start(client, "job", NULL, &watch), RNL_OK);
    enum rnl_code code;
    do {
        code = rnl_watch_next(watch, FAKE_DEADLINE_MS, &event);
        /* Touches what the event lends. */
        if (code == RNL_OK && event != NULL)
            touched +=
                event->len + strlen(event->error_message) +
                strlen(event->progress.unit) + event->encoded[0] +
                (event->len > 0 ? (size_t)event->data[event->len - 1] : 0);
    } while (code == RNL_OK && event != NULL);
    rnl_watch_destroy(watch);
    return code;
}

static enum rnl_code list_jobs(struct rnl_client *client)
{
    struct rnl_job_page *page;
    enum rnl_code code = rnl_job_list(client, NULL, &page);
    if (code != RNL_OK)
        return code;
    for (size_t i = 0; i < page->job_count; i++) {
        const struct rnl_job *job = page->jobs[i];
        touched += strlen(job->id) + strlen(job->error_message) +
                   strlen(job->progress.unit);
        for (size_t k = 0; k < job->label_count; k++)
            touched +=
                strlen(job->labels[k].key) + strlen(job->labels[k].value);
    }
    rnl_job_page_destroy(page);
    return RNL_OK;
}

static size_t read_windows(const struct rnl_stats *stats)
{
    size_t sum = 0;
    for (size_t i = 0; i < stats->window_count; i++) {
        const struct rnl_window_stats *window = &stats->windows[i];
        for (size_t k = 0; k < window->top_key_count; k++)
            sum += strlen(window->top_keys[k].key);
        for (size_t k = 0; k < window->value.quantile_count; k++)
            sum += window->value.quantiles[k].q > 0;
        for (size_t k = 0; k < window->value.bucket_count; k++)
            sum += window->value.histogram[k].count > 0;
    }
    for (size_t i = 0; i < stats->anomaly_count; i++)
        sum += strlen(stats->anomalies[i].key);
    return sum;
}

static enum rnl_code get_stats(struct rnl_client *client)
{
    struct rnl_stats *stats;
    enum rnl_code code = rnl_stats_get(client, "web", 0, 2, &stats);
    if (code != RNL_OK)
        return code;
    touched += read_windows(stats);
    rnl_stats_destroy(stats);
    return RNL_OK;
}

struct stats_end {
    bool ended;
    enum rnl_code code;
};

static void on_update(struct rnl_stats_watch *watch,
                      const struct rnl_stats_update *update, void *arg)
{
    (void)arg;
    (void)watch;
    touched += read_windows(&update->stats);
}

static void on_stats_end(struct rnl_stats_watch *watch,
                         const struct rnl_status_info *status, void *arg)
{
    struct stats_end *end = arg;
    (void)watch;
    end->ended = true;
    end->code = status->code;
}

static enum rnl_code watch_stats(struct rnl_client *client)
{
    struct rnl_stats_watch_options options = RNL_OPTIONS_INIT(options);
    struct rnl_stats_watch *watch;
    struct stats_end end = {false, RNL_OK};
    options.on_update = on_update;
    options.on_end = on_stats_end;
    options.arg = &end;
    assert_int_equal(rnl_stats_watch_start(client, "web", &options, &watch),
                     RNL_OK);
    while (!end.ended)
        assert_int_equal(rnl_client_poll(client, FAKE_DEADLINE_MS), RNL_OK);
    rnl_stats_watch_destroy(watch);
    return end.code;
}

static enum rnl_code ingest(struct rnl_client *client)
{
    struct rnl_ingest_options options = RNL_OPTIONS_INIT(options);
    struct rnl_ingest *opened;
    struct rnl_event event = {.key = "a", .key_len = 1};
    options.batch_events = 1;
    assert_int_equal(rnl_ingest_open(client, "web", &options, &opened), RNL_OK);
    enum rnl_code code = RNL_OK;
    for (int i = 0; i < 2 && code == RNL_OK; i++)
        code = rnl_ingest_event(opened, &event);
    if (code == RNL_OK)
        code = rnl_ingest_drain(opened, FAKE_DEADLINE_MS);
    rnl_ingest_destroy(opened);
    return code;
}

struct conversation {
    const char *name;
    act_fn *act;
    void (*answer)(struct script *script);
    enum rnl_frame_kind request_kind;
    unsigned request_count;
};

static const struct conversation conversations[] = {
    {"watch_job", watch_job, script_watch_job, RNL_FRAME_HALF_CLOSE, 1},
    {"list_jobs", list_jobs, script_list_jobs, RNL_FRAME_HALF_CLOSE, 1},
    {"get_stats", get_stats, script_get_stats, RNL_FRAME_HALF_CLOSE, 1},
    {"watch_stats", watch_stats, script_watch_stats, RNL_FRAME_HALF_CLOSE, 1},
    {"ingest", ingest, script_ingest, RNL_FRAME_MESSAGE, 2},
};
#define CONVERSATION_COUNT (sizeof(conversations) / sizeof(conversations[0]))

static void greet(void)
{
    play.greeting.len = 0;
    script_hello(&play.greeting);
}

static void write_script(const struct conversation *conversation, bool failed,
                         struct script *script)
{
    static const uint8_t credit[] = {0x08, 0xe8, 0x07};
    greet();
    play.request_kind = conversation->request_kind;
    play.request_count = conversation->request_count;
    script->len = 0;
    script_frame(script, 0, RNL_FRAME_PING, "\x08\x07", 2);
    conversation->answer(script);
    script_frame(script, 1, RNL_FRAME_CREDIT, credit, sizeof(credit));
    script_status(script, 1, failed);
}

/* Runs one client against the play; the core closes after it. */
static enum rnl_code act(act_fn *act_with)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_client *client;
    pthread_mutex_lock(&next_lock);
    next_play = play;
    pthread_mutex_unlock(&next_lock);
    options.address = core_of_plays.address;
    options.no_reconnect = true;
    options.max_frame_bytes = 65536;
    assert_int_equal(rnl_client_create(&options, &client), RNL_OK);
    enum rnl_code code = act_with(client);
    rnl_client_destroy(client);
    return code;
}

/* --- cases --- */

/* The scripts are what the client expects: else nothing is tested here. */
static void the_whole_conversation_ends_well(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONVERSATION_COUNT; i++) {
        bool streams = conversations[i].act == watch_stats;
        write_script(&conversations[i], false, &play.sent);
        enum rnl_code code = act(conversations[i].act);
        if (code != RNL_OK && !streams)
            fail_msg("%s: %s", conversations[i].name, rnl_code_name((int)code));
    }
}

static void a_core_that_closes_at_any_byte_is_survived(void **state)
{
    static struct script whole;
    (void)state;
    for (size_t i = 0; i < CONVERSATION_COUNT; i++) {
        write_script(&conversations[i], true, &whole);
        for (size_t len = 0; len < whole.len; len++) {
            memcpy(play.sent.data, whole.data, len);
            play.sent.len = len;
            enum rnl_code code = act(conversations[i].act);
            if (code != RNL_UNAVAILABLE && code != RNL_OK)
                fail_msg("%s cut at %zu: %s", conversations[i].name, len,
                         rnl_code_name((int)code));
        }
    }
    greet();
    play.sent.len = 0;
    for (size_t len = play.greeting.len; len > 0; len--) {
        play.greeting.len = len - 1;
        assert_int_equal(act(watch_job), RNL_UNAVAILABLE);
    }
}

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static uint64_t next_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = *state;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Changes, drops, doubles or inserts some bytes. */
static void twist(struct script *script, uint64_t *random)
{
    uint64_t changes = 1 + next_random(random) % 4;
    for (; changes > 0 && script->len > 0; changes--) {
        size_t at = next_random(random) % script->len;
        uint8_t byte = (uint8_t)next_random(random);
        switch (next_random(random) % 4) {
        case 0:
            script->data[at] = byte;
            break;
        case 1:
            script->data[at] ^= (uint8_t)(1u << (byte % 8));
            break;
        case 2:
            memmove(script->data + at, script->data + at + 1,
                    script->len - at - 1);
            script->len -= script->len > 1;
            break;
        default:
            if (script->len == SCRIPT_BYTES_MAX)
                break;
            memmove(script->data + at + 1, script->data + at, script->len - at);
            script->data[at] = byte;
            script->len++;
        }
    }
}

static void twisted_bytes_are_survived(void **state)
{
    static struct script whole;
    uint64_t rounds = number_of("RUNNEL_FUZZ_ROUNDS", ROUNDS_DEFAULT);
    uint64_t seed = number_of("RUNNEL_FUZZ_SEED", 1);
    uint64_t random = seed;
    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    play.sent.len = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        greet();
        twist(&play.greeting, &random);
        assert_in_range(act(watch_job), RNL_CANCELLED, RNL_UNAUTHENTICATED);
    }
    for (size_t i = 0; i < CONVERSATION_COUNT; i++) {
        write_script(&conversations[i], true, &whole);
        for (uint64_t round = 0; round < rounds; round++) {
            play.sent = whole;
            twist(&play.sent, &random);
            enum rnl_code code = act(conversations[i].act);
            assert_in_range(code, RNL_OK, RNL_UNAUTHENTICATED);
        }
    }
}

/* One rule broken each; the bytes follow the Hello. */
static void expect_broken(const void *data, size_t len, enum rnl_code code)
{
    write_script(&conversations[0], false, &play.sent);
    memcpy(play.sent.data, data, len);
    play.sent.len = len;
    enum rnl_code got = act(watch_job);
    if (got != code)
        fail_msg("%s, not %s", rnl_code_name((int)got),
                 rnl_code_name((int)code));
}
#define EXPECT_BROKEN(bytes, code) expect_broken(bytes, sizeof(bytes) - 1, code)

static void what_is_not_a_frame_loses_the_connection(void **state)
{
    (void)state;
    /* Length above the limit; of six bytes; field 0; stream id as bytes; a
     * group; a stream id of 33 bits. */
    EXPECT_BROKEN("\xff\xff\xff\x7f", RNL_UNAVAILABLE);
    EXPECT_BROKEN("\x80\x80\x80\x80\x80\x01", RNL_UNAVAILABLE);
    EXPECT_BROKEN("\x02\x00\x00", RNL_UNAVAILABLE);
    EXPECT_BROKEN("\x03\x0a\x01\x01", RNL_UNAVAILABLE);
    EXPECT_BROKEN("\x01\x0b", RNL_UNAVAILABLE);
    EXPECT_BROKEN("\x06\x08\xff\xff\xff\xff\x7f", RNL_UNAVAILABLE);
    EXPECT_BROKEN("HTTP/1.1 400 Bad Request\r\n\r\n", RNL_UNAVAILABLE);
}

static void what_belongs_to_nobody_is_ignored(void **state)
{
    (void)state;
    write_script(&conversations[1], false, &play.sent);
    play.sent.len = 0;
    script_hello(&play.sent);
    /* Streams that were never opened, or cannot be. */
    script_frame(&play.sent, 77, RNL_FRAME_MESSAGE, "abc", 3);
    script_status(&play.sent, 99, true);
    script_frame(&play.sent, 2, RNL_FRAME_CREDIT, "\x08\x01", 2);
    script_frame(&play.sent, 0, RNL_FRAME_MESSAGE, "abc", 3);
    /* A kind of frame that is not known, and one that is the client's. */
    script_frame(&play.sent, 1, (enum rnl_frame_kind)15, "abc", 3);
    script_frame(&play.sent, 1, RNL_FRAME_HALF_CLOSE, NULL, 0);
    script_frame(&play.sent, 0, RNL_FRAME_PONG, NULL, 0);
    script_list_jobs(&play.sent);
    script_status(&play.sent, 1, false);
    assert_int_equal(act(list_jobs), RNL_OK);
}

/* More than 256 KiB at once, in messages that nobody has asked for more of. */
static void serve_flood(struct fake_conn *conn, void *arg)
{
    static const uint8_t payload[8000];
    uint32_t id;
    uint8_t message[256];
    size_t len;
    (void)arg;
    if (!fake_hello(conn, "one") ||
        !fake_request(conn, &id, message, sizeof(message), &len))
        return;
    while (fake_write(conn, id, RNL_FRAME_MESSAGE, payload, sizeof(payload)))
        ;
}

static void ignore_message(struct rnl_call *call, const uint8_t *data,
                           size_t len, void *arg)
{
    (void)call;
    (void)data;
    *(size_t *)arg += len;
}

static void end_call(struct rnl_call *call,
                     const struct rnl_status_info *status, void *arg)
{
    (void)call;
    *(size_t *)arg |= (size_t)1 << 40;
    assert_int_equal(status->code, RNL_INTERNAL);
    assert_string_equal(status->message,
                        "the server sent more than it was granted");
}

static void more_than_was_granted_ends_the_call(void **state)
{
    struct fake_core core;
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_call_options call_options = RNL_OPTIONS_INIT(call_options);
    struct rnl_client *client;
    struct rnl_call *call;
    size_t seen = 0;
    (void)state;
    fake_core_start(&core, serve_flood, NULL);
    options.address = core.address;
    assert_int_equal(rnl_client_create(&options, &client), RNL_OK);
    call_options.manual_consume = true;
    call_options.on_message = ignore_message;
    call_options.on_end = end_call;
    call_options.arg = &seen;
    assert_int_equal(rnl_call_start(client, "a/b", &call_options, &call),
                     RNL_OK);
    rnl_call_half_close(call);
    while (seen >> 40 == 0)
        assert_int_equal(rnl_client_poll(client, FAKE_DEADLINE_MS), RNL_OK);
    /* The credit, and one message. */
    assert_in_range(seen & 0xffffffff, 262144, 262144 + 8000);
    rnl_client_destroy(client);
    fake_core_stop(&core);
}

/* Pings without end by a core that reads no answers: what waits for it is
 * bounded. */
static void serve_pings(struct fake_conn *conn, void *arg)
{
    static uint8_t pings[6 * 1000];
    (void)arg;
    for (size_t i = 0; i < sizeof(pings); i += 6)
        memcpy(pings + i, "\x05\x4a\x03\x08\xff\x01", 6);
    if (!fake_hello(conn, "one"))
        return;
    while (fake_write_bytes(conn, pings, sizeof(pings)))
        ;
}

static void a_flood_of_pings_is_bounded(void **state)
{
    struct fake_core core;
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_client *client;
    (void)state;
    fake_core_start(&core, serve_pings, NULL);
    options.address = core.address;
    options.no_reconnect = true;
    assert_int_equal(rnl_client_create(&options, &client), RNL_OK);
    rnl_client_connect(client);
    do {
        assert_int_equal(rnl_client_poll(client, FAKE_DEADLINE_MS), RNL_OK);
    } while (rnl_client_state(client) != RNL_CLIENT_CLOSED);
    rnl_client_destroy(client);
    fake_core_stop(&core);
}

static void serve_endless_list(struct fake_conn *conn, void *arg)
{
    /* ListStreamsResponse{next_page_token: "x"} */
    static const uint8_t page[] = {0x12, 0x01, 'x'};
    uint32_t id;
    uint8_t message[256];
    size_t len;
    (void)arg;
    if (!fake_hello(conn, "one"))
        return;
    while (fake_request(conn, &id, message, sizeof(message), &len) &&
           fake_write(conn, id, RNL_FRAME_MESSAGE, page, sizeof(page)) &&
           fake_status(conn, id, RNL_OK, NULL))
        ;
}

static void a_list_without_end_is_given_up(void **state)
{
    struct fake_core core;
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_client *client;
    struct rnl_stream_list *list;
    (void)state;
    fake_core_start(&core, serve_endless_list, NULL);
    options.address = core.address;
    assert_int_equal(rnl_client_create(&options, &client), RNL_OK);
    assert_int_equal(rnl_stream_list(client, &list), RNL_INTERNAL);
    rnl_client_destroy(client);
    fake_core_stop(&core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_conversation_ends_well),
        cmocka_unit_test(a_core_that_closes_at_any_byte_is_survived),
        cmocka_unit_test(twisted_bytes_are_survived),
        cmocka_unit_test(what_is_not_a_frame_loses_the_connection),
        cmocka_unit_test(what_belongs_to_nobody_is_ignored),
        cmocka_unit_test(more_than_was_granted_ends_the_call),
        cmocka_unit_test(a_flood_of_pings_is_bounded),
        cmocka_unit_test(a_list_without_end_is_given_up),
    };
    return cmocka_run_group_tests(tests, start_plays, stop_plays);
}
