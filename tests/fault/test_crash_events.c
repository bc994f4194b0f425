/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 of runneld at random moments while events come in, against a ledger:
 * some threads feed events through librunnel's ingest, which sends again by
 * itself what was not acknowledged; others send numbered batches by hand, and
 * again until they are acknowledged; one makes and deletes streams. In the end,
 * and after one more kill, every event of the ledger is counted, once: in
 * number, in sum, key by key, of all time and in the window of an hour.
 *
 * RUNNEL_CRASH_KILLS, RUNNEL_CRASH_SEED, RUNNEL_CRASH_LEVEL (normal, full) and
 * RUNNEL_CRASH_THREADS say how often, when, at which level, and how many count.
 */
#include "test.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <runnel/runnel.h>
#include <runnel/v1/events.pb-c.h>

#include "daemon.h"
#include "store_folder.h"

#define KILLS_DEFAULT 15

#define FEEDERS 2
#define SENDERS 2
#define THREADS (FEEDERS + SENDERS + 1)

/* So few that all frequencies are exact. */
#define KEYS 200

#define BATCH_EVENTS_MAX 3000

/* What one thread has sent and knows to be taken. */
struct ledger {
    uint64_t seed;
    uint64_t events;
    double sum;
    uint64_t keys[KEYS];
    /* Of numbered batches: repeated by hand, and told to be repeated. */
    uint64_t repeats;
    uint64_t duplicates;
    uint64_t batches;
};

static struct ledger ledgers[THREADS];
static atomic_bool stopping;
static char address[80];
static char folder[64];
static const char *level;
static const char *threads_count;
/* The main thread's. */
static uint64_t random_state;

/* ---- chance ---- */

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static struct rnl_client *new_client(void)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_client *client;
    options.address = address;
    options.reconnect_min_ms = 1;
    options.reconnect_max_ms = 20;
    options.call_timeout_ms = DAEMON_DEADLINE_MS;
    assert_int_equal(rnl_client_create(&options, &client), RNL_OK);
    return client;
}

/* Whole numbers: their sum is exact. */
static void note(struct ledger *ledger, size_t key, double value)
{
    ledger->events++;
    ledger->sum += value;
    ledger->keys[key]++;
}

/* ---- librunnel's ingest ---- */

static void feed_one(struct rnl_client *client, struct rnl_ingest *ingest,
                     struct ledger *ledger)
{
    char key[16];
    uint64_t roll = splitmix(&ledger->seed);
    size_t at = (roll % KEYS) * (roll >> 32 & 0xFFFF) >> 16;
    struct rnl_event event = {
        .key = key,
        .key_len = (size_t)snprintf(key, sizeof(key), "k%zu", at),
        .has_value = true,
        .value = (double)(roll >> 48),
    };
    enum rnl_code code;
    while ((code = rnl_ingest_event(ingest, &event)) == RNL_RESOURCE_EXHAUSTED)
        (void)rnl_client_poll(client, 10);
    if (code != RNL_OK)
        fail_msg("an event was refused: %s",
                 rnl_ingest_status(ingest)->message);
    note(ledger, at, event.value);
}

static void *feed(void *arg)
{
    struct ledger *ledger = arg;
    struct rnl_client *client = new_client();
    struct rnl_ingest_options options = RNL_OPTIONS_INIT(options);
    struct rnl_ingest *ingest;
    options.batch_events = 500;
    options.linger_ms = 1;
    options.wait_for_connection = true;
    assert_int_equal(rnl_ingest_open(client, "fed", &options, &ingest), RNL_OK);
    while (!atomic_load(&stopping)) {
        uint64_t count = splitmix(&ledger->seed) % 2000;
        for (uint64_t i = 0; i < count; i++)
            feed_one(client, ingest, ledger);
        (void)rnl_client_poll(client, 1);
    }
    if (rnl_ingest_drain(ingest, DAEMON_DEADLINE_MS) != RNL_OK)
        fail_msg("not drained: %s", rnl_ingest_status(ingest)->message);
    struct rnl_ingest_counts counts;
    rnl_ingest_counts(ingest, &counts);
    assert_int_equal(counts.events, ledger->events);
    ledger->repeats = counts.batches_repeated;
    ledger->batches = counts.batches_acknowledged;
    rnl_ingest_destroy(ingest);
    rnl_client_destroy(client);
    return NULL;
}

/* ---- numbered batches by hand ---- */

struct batch {
    Runnel__V1__EventBatch batch;
    uint8_t keys[KEYS * 4];
    uint32_t key_lengths[KEYS];
    uint32_t key_indexes[BATCH_EVENTS_MAX];
    double values[BATCH_EVENTS_MAX];
};

static void make_batch(struct batch *batch, struct ledger *ledger)
{
    batch->batch = (Runnel__V1__EventBatch)RUNNEL__V1__EVENT_BATCH__INIT;
    batch->batch.stream = (char *)(uintptr_t) "sent";
    batch->batch.keys.data = batch->keys;
    for (uint32_t k = 0; k < KEYS; k++) {
        char key[16];
        batch->key_lengths[k] =
            (uint32_t)snprintf(key, sizeof(key), "%u", (unsigned)k);
        memcpy(batch->keys + batch->batch.keys.len, key, batch->key_lengths[k]);
        batch->batch.keys.len += batch->key_lengths[k];
    }
    uint64_t roll = splitmix(&ledger->seed);
    /* Mostly small ones, which are logged; some that make a save. */
    size_t count = 1 + roll % (roll >> 60 == 0 ? BATCH_EVENTS_MAX : 20);
    for (size_t i = 0; i < count; i++) {
        roll = splitmix(&ledger->seed);
        batch->key_indexes[i] = (uint32_t)(roll % KEYS);
        batch->values[i] = (double)(roll >> 40);
        note(ledger, roll % KEYS, batch->values[i]);
    }
    batch->batch.key_lengths = batch->key_lengths;
    batch->batch.n_key_lengths = KEYS;
    batch->batch.key_indexes = batch->key_indexes;
    batch->batch.n_key_indexes = count;
    batch->batch.values = batch->values;
    batch->batch.n_values = count;
}

static bool send_once(struct rnl_client *client, struct ledger *ledger,
                      const struct rnl_buffer *request)
{
    const struct rnl_request unary = {.data = request->data,
                                      .len = request->len};
    struct rnl_buffer answer = {0};
    if (rnl_call_unary(client, "runnel.v1.EventService/IngestBatch", &unary,
                       &answer) != RNL_OK)
        return false;
    Runnel__V1__IngestBatchResponse *response =
        runnel__v1__ingest_batch_response__unpack(NULL, answer.len,
                                                  answer.data);
    assert_non_null(response);
    ledger->duplicates += response->duplicate;
    runnel__v1__ingest_batch_response__free_unpacked(response, NULL);
    rnl_buffer_fini(&answer);
    return true;
}

static void send_batch(struct rnl_client *client, struct ledger *ledger)
{
    static _Thread_local struct batch batch;
    char id[16];
    Runnel__V1__IngestBatchRequest request =
        RUNNEL__V1__INGEST_BATCH_REQUEST__INIT;
    make_batch(&batch, ledger);
    snprintf(id, sizeof(id), "sender-%d", (int)(ledger - ledgers));
    batch.batch.producer_id = id;
    batch.batch.producer_sequence = ++ledger->batches;
    request.batch = &batch.batch;
    struct rnl_buffer bytes = {
        .len = runnel__v1__ingest_batch_request__get_packed_size(&request)};
    bytes.data = malloc(bytes.len);
    assert_non_null(bytes.data);
    runnel__v1__ingest_batch_request__pack(&request, bytes.data);
    while (!send_once(client, ledger, &bytes)) {
        ledger->repeats++;
        (void)rnl_client_poll(client, 2);
    }
    /* Some that were acknowledged come again all the same. */
    if (splitmix(&ledger->seed) % 16 == 0) {
        ledger->repeats++;
        (void)send_once(client, ledger, &bytes);
    }
    free(bytes.data);
}

static void *send_batches(void *arg)
{
    struct rnl_client *client = new_client();
    while (!atomic_load(&stopping))
        send_batch(client, arg);
    rnl_client_destroy(client);
    return NULL;
}

/* ---- streams that come and go ---- */

/* Of stream n there is an odd number of changes when it is there. */
static atomic_uint_fast64_t changes[8];

static void *change_streams(void *arg)
{
    struct ledger *ledger = arg;
    struct rnl_client *client = new_client();
    while (!atomic_load(&stopping)) {
        struct rnl_stream_config config = RNL_OPTIONS_INIT(config);
        char name[16];
        size_t at = splitmix(&ledger->seed) % 8;
        bool is_there = atomic_load(&changes[at]) % 2 == 1;
        enum rnl_code code;
        snprintf(name, sizeof(name), "s%zu", at);
        config.name = name;
        do {
            code = is_there ? rnl_stream_delete(client, name)
                            : rnl_stream_create(client, &config, NULL);
            if (code != RNL_OK)
                (void)rnl_client_poll(client, 2);
        } while (code != RNL_OK && code != RNL_NOT_FOUND);
        atomic_fetch_add(&changes[at], 1);
    }
    rnl_client_destroy(client);
    return NULL;
}

/* ---- the end ---- */

static void check_keys(struct rnl_client *client, const char *stream,
                       const struct ledger *ledger, const char *prefix)
{
    char names[KEYS][16];
    const char *keys[KEYS];
    struct rnl_frequency_query query = RNL_OPTIONS_INIT(query);
    struct rnl_frequencies *found;
    for (size_t k = 0; k < KEYS; k++) {
        snprintf(names[k], sizeof(names[k]), "%s%zu", prefix, k);
        keys[k] = names[k];
    }
    query.stream = stream;
    query.keys = keys;
    query.key_count = KEYS;
    assert_int_equal(rnl_stats_frequency(client, &query, &found), RNL_OK);
    for (size_t k = 0; k < KEYS; k++) {
        assert_int_equal(found->keys[k].lower, ledger->keys[k]);
        assert_int_equal(found->keys[k].upper, ledger->keys[k]);
    }
    rnl_frequencies_destroy(found);
}

static void check_window(struct rnl_client *client, const char *stream,
                         const struct ledger *ledger, uint32_t seconds)
{
    struct rnl_stats *stats;
    assert_int_equal(rnl_stats_get(client, stream, seconds, 1, &stats), RNL_OK);
    const struct rnl_window_stats *window = &stats->windows[0];
    if (window->count != ledger->events)
        fail_msg("%s has %llu events in %u s, not %llu", stream,
                 (unsigned long long)window->count, seconds,
                 (unsigned long long)ledger->events);
    assert_true(window->value.sum == ledger->sum);
    assert_int_equal(window->late_events, 0);
    assert_true(window->duplicate_batches <= ledger->repeats);
    assert_true(window->duplicate_batches >= ledger->duplicates);
    rnl_stats_destroy(stats);
}

/* The ledger of the threads from first on. */
static struct ledger sum_up(size_t first, size_t count)
{
    struct ledger all = {0};
    for (size_t t = first; t < first + count; t++) {
        const struct ledger *ledger = &ledgers[t];
        all.events += ledger->events;
        all.sum += ledger->sum;
        all.repeats += ledger->repeats;
        all.duplicates += ledger->duplicates;
        all.batches += ledger->batches;
        for (size_t k = 0; k < KEYS; k++)
            all.keys[k] += ledger->keys[k];
    }
    return all;
}

static void check_streams(struct rnl_client *client)
{
    for (size_t at = 0; at < 8; at++) {
        char name[16];
        struct rnl_stream_list *list;
        snprintf(name, sizeof(name), "s%zu", at);
        enum rnl_code code = rnl_stream_get(client, name, &list);
        assert_int_equal(code, changes[at] % 2 == 1 ? RNL_OK : RNL_NOT_FOUND);
        if (code == RNL_OK)
            rnl_stream_list_destroy(list);
    }
}

static void check_all(void)
{
    struct rnl_client *client = new_client();
    const struct ledger fed = sum_up(0, FEEDERS);
    const struct ledger sent = sum_up(FEEDERS, SENDERS);
    for (uint32_t seconds = 0; seconds <= 3600; seconds += 3600) {
        check_window(client, "fed", &fed, seconds);
        check_window(client, "sent", &sent, seconds);
    }
    check_keys(client, "fed", &fed, "k");
    check_keys(client, "sent", &sent, "");
    check_streams(client);
    printf("%llu events fed, %llu batches repeated; %llu events sent in %llu "
           "batches, %llu repeated\n",
           (unsigned long long)fed.events, (unsigned long long)fed.repeats,
           (unsigned long long)sent.events, (unsigned long long)sent.batches,
           (unsigned long long)sent.repeats);
    assert_true(fed.events > 0 && sent.events > 0);
    rnl_client_destroy(client);
}

/* ---- lives and deaths ---- */

static void start_core(struct daemon *daemon)
{
    const char *const args[] = {"--listen",
                                address[0] == '\0' ? "127.0.0.1:0" : address,
                                "--data",
                                folder,
                                "--durability",
                                level,
                                "--threads",
                                threads_count,
                                "--log-level",
                                "warn",
                                NULL};
    daemon_start(daemon, "runneld", args);
    snprintf(address, sizeof(address), "%s", daemon->address);
}

static void die(struct daemon *daemon)
{
    daemon_signal(daemon, SIGKILL);
    assert_int_equal(daemon_wait(daemon), -1);
}

/* Lives for a random time, then dies. */
static void live_and_die(struct daemon *daemon)
{
    struct pollfd fd = {.fd = daemon->pidfd, .events = POLLIN};
    int life_ms = 5 + (int)(splitmix(&random_state) % 120);
    if (poll(&fd, 1, life_ms) != 0)
        fail_msg("runneld ended by itself");
    die(daemon);
}

static long setting(const char *name, long preset)
{
    const char *text = getenv(name);
    return text == NULL ? preset : strtol(text, NULL, 10);
}

static void begin(pthread_t *threads)
{
    for (size_t t = 0; t < THREADS; t++) {
        ledgers[t].seed = random_state + t;
        assert_int_equal(pthread_create(&threads[t], NULL,
                                        t < FEEDERS ? feed
                                        : t < FEEDERS + SENDERS
                                            ? send_batches
                                            : change_streams,
                                        &ledgers[t]),
                         0);
    }
}

static void every_event_counts_once_over_kill_9(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    struct daemon daemon;
    long kills = setting("RUNNEL_CRASH_KILLS", KILLS_DEFAULT);
    level = getenv("RUNNEL_CRASH_LEVEL");
    level = level == NULL ? "normal" : level;
    threads_count = getenv("RUNNEL_CRASH_THREADS");
    threads_count = threads_count == NULL ? "2" : threads_count;
    random_state = (uint64_t)setting("RUNNEL_CRASH_SEED", getpid());
    printf("seed %llu, %ld kills, %s\n", (unsigned long long)random_state,
           kills, level);
    snprintf(folder, sizeof(folder), "/tmp/runnel-crash-XXXXXX");
    assert_non_null(mkdtemp(folder));
    start_core(&daemon);
    begin(threads);
    for (; kills > 0; kills--) {
        live_and_die(&daemon);
        start_core(&daemon);
    }
    atomic_store(&stopping, true);
    for (size_t t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    check_all();
    die(&daemon);
    start_core(&daemon);
    check_all();
    assert_int_equal(daemon_stop(&daemon), 0);
    start_core(&daemon);
    check_all();
    assert_int_equal(daemon_stop(&daemon), 0);
    assert_int_equal(store_folder_remove(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_counts_once_over_kill_9),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
