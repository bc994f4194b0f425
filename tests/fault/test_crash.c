/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 of runneld at random moments, under load, against a ledger of what
 * it had acknowledged: threads create, cancel and delete jobs, others watch
 * them over all restarts. In the end every job acknowledged is there, every
 * cancel and every delete too, and every byte that a watcher saw comes again,
 * in its place, when the job is replayed.
 *
 * RUNNEL_CRASH_KILLS and RUNNEL_CRASH_SEED say how often and when.
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

#include "daemon.h"
#include "store_folder.h"

#define KILLS_DEFAULT 25

#define CREATORS 3
#define WATCHERS 3

#define ENTRIES_MAX 200000

#define INPUT_MAX 4000

/* A job as the clients know it. Written by the thread that made it; observed
 * by one watcher. */
struct entry {
    char id[32];
    char key[32];
    uint32_t seed;
    bool cancelled;
    bool deleted;
    /* A delete was asked for and not answered: both is right. */
    bool maybe_deleted;
    /* The output that a watcher was given: its length and hash. */
    uint64_t seen_bytes;
    uint64_t seen_hash;
    bool saw_end;
};

static struct entry *entries;
static atomic_size_t entry_count;
static atomic_size_t watch_next;
static atomic_bool stopping;
static char address[80];
static char folder[64];
static uint64_t first_seed;
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

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001B3);
    return hash;
}

/* Input and pace of a job follow from its seed. */
static size_t make_input(uint32_t seed, char out[INPUT_MAX])
{
    uint64_t state = seed;
    size_t len = 1 + splitmix(&state) % (INPUT_MAX - 1);
    for (size_t i = 0; i < len; i++)
        out[i] = (char)('a' + splitmix(&state) % 26);
    return len;
}

/* ---- clients ---- */

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

static enum rnl_code create_job(struct rnl_client *client, const char *key,
                                uint32_t seed, struct rnl_job **ret_job)
{
    char input[INPUT_MAX];
    const struct rnl_pair options[] = {{"chunk_bytes", "16"},
                                       {"pace_ms", seed % 4 == 0 ? "1" : "0"}};
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    spec.kind = "echo";
    spec.input = input;
    spec.input_len = make_input(seed, input);
    spec.options = options;
    spec.option_count = 2;
    spec.max_attempts = 100;
    spec.idempotency_key = key;
    return rnl_job_create(client, &spec, ret_job);
}

static void add_entry(struct rnl_client *client, uint64_t *chance, int thread)
{
    struct entry entry = {.seed = (uint32_t)splitmix(chance)};
    struct rnl_job *job;
    snprintf(entry.key, sizeof(entry.key), "%d-%016llx", thread,
             (unsigned long long)splitmix(chance));
    if (create_job(client, entry.key, entry.seed, &job) != RNL_OK)
        return;
    snprintf(entry.id, sizeof(entry.id), "%s", job->id);
    rnl_job_destroy(job);
    size_t at = atomic_load(&entry_count);
    /* Others add too. */
    do {
        if (at == ENTRIES_MAX)
            return;
    } while (!atomic_compare_exchange_weak(&entry_count, &at, at + 1));
    entries[at] = entry;
    if (splitmix(chance) % 5 == 0 &&
        rnl_job_cancel(client, entry.id, "the test", &job) == RNL_OK) {
        entries[at].cancelled = job->state == RNL_JOB_CANCELLED;
        rnl_job_destroy(job);
    }
    if (splitmix(chance) % 7 == 0) {
        entries[at].maybe_deleted = true;
        entries[at].deleted = rnl_job_delete(client, entry.id) == RNL_OK;
    }
}

static void *create_jobs(void *arg)
{
    int thread = (int)(intptr_t)arg;
    uint64_t chance = first_seed + 1 + (uint64_t)thread;
    struct rnl_client *client = new_client();
    while (!atomic_load(&stopping))
        add_entry(client, &chance, thread);
    rnl_client_destroy(client);
    return NULL;
}

/* ---- watching ---- */

struct seen {
    uint64_t sequence;
    uint64_t bytes;
    uint64_t hash;
    bool ended;
    /* Look no further than this; the hash of what came up to it. */
    uint64_t bytes_max;
};

static void take_output(struct seen *seen, const char *data, size_t len)
{
    uint64_t left = seen->bytes_max - seen->bytes;
    size_t take = len < left ? len : (size_t)left;
    seen->hash = hash_bytes(seen->hash, data, take);
    seen->bytes += take;
}

static void take_event(struct seen *seen, const struct rnl_job_event *event)
{
    if (event->first_sequence != seen->sequence + 1)
        fail_msg("event %llu followed event %llu",
                 (unsigned long long)event->first_sequence,
                 (unsigned long long)seen->sequence);
    seen->sequence = event->sequence;
    if (event->kind == RNL_JOB_EVENT_DELTA)
        take_output(seen, event->data, event->len);
    seen->ended |= event->kind == RNL_JOB_EVENT_STATE &&
                   rnl_job_state_terminal(event->state);
}

/* Waits for events of one job, of 50 ms each, before the next one's turn: a
 * job may wait long for its next attempt. */
#define IDLE_MAX 6

/* Watches one job to its end, or until nothing comes. */
static void watch_job(struct rnl_client *client, struct entry *entry)
{
    struct rnl_watch_options options = RNL_OPTIONS_INIT(options);
    struct seen seen = {.bytes_max = UINT64_MAX};
    struct rnl_watch *watch;
    options.wait_for_connection = true;
    assert_int_equal(rnl_watch_start(client, entry->id, &options, &watch),
                     RNL_OK);
    for (int idle = 0; !seen.ended && idle < IDLE_MAX; idle++) {
        const struct rnl_job_event *event;
        enum rnl_code code = rnl_watch_next(watch, 50, &event);
        if (code == RNL_OK && event != NULL) {
            take_event(&seen, event);
            idle = 0;
        } else if (code != RNL_DEADLINE_EXCEEDED) {
            break;
        }
    }
    rnl_watch_destroy(watch);
    entry->seen_bytes = seen.bytes;
    entry->seen_hash = seen.hash;
    entry->saw_end = seen.ended;
}

static void *watch_jobs(void *arg)
{
    (void)arg;
    struct rnl_client *client = new_client();
    while (!atomic_load(&stopping)) {
        size_t at = atomic_load(&watch_next);
        /* Not one that is deleted under our eyes. */
        if (at + 8 >= atomic_load(&entry_count)) {
            (void)rnl_client_poll(client, 1);
            continue;
        }
        if (!atomic_compare_exchange_weak(&watch_next, &at, at + 1))
            continue;
        if (!entries[at].maybe_deleted)
            watch_job(client, &entries[at]);
    }
    rnl_client_destroy(client);
    return NULL;
}

/* ---- the end ---- */

/* A job that waits for its next attempt is replayed as far as it was seen. */
static void check_replay(struct rnl_client *client, const struct entry *entry,
                         bool has_ended)
{
    struct rnl_watch_options options = RNL_OPTIONS_INIT(options);
    struct seen seen = {.bytes_max = entry->seen_bytes};
    struct rnl_watch *watch;
    assert_int_equal(rnl_watch_start(client, entry->id, &options, &watch),
                     RNL_OK);
    while (has_ended ? !seen.ended : seen.bytes < seen.bytes_max) {
        const struct rnl_job_event *event;
        assert_int_equal(rnl_watch_next(watch, DAEMON_DEADLINE_MS, &event),
                         RNL_OK);
        assert_non_null(event);
        take_event(&seen, event);
    }
    rnl_watch_destroy(watch);
    if (seen.bytes != entry->seen_bytes || seen.hash != entry->seen_hash)
        fail_msg("job %s: %llu bytes were seen, which replay differently",
                 entry->id, (unsigned long long)entry->seen_bytes);
}

/* The output of the last attempt, which is the input. */
static void check_output(const struct rnl_job *job, const struct entry *entry)
{
    char input[INPUT_MAX];
    size_t len = make_input(entry->seed, input);
    if (job->state != RNL_JOB_SUCCEEDED)
        return;
    assert_true(job->output_bytes >= len);
    if (job->attempt == 1)
        assert_int_equal(job->output_bytes, len);
}

static void check_entry(struct rnl_client *client, const struct entry *entry)
{
    struct rnl_job *job;
    enum rnl_code code = rnl_job_get(client, entry->id, false, &job);
    if (code == RNL_NOT_FOUND && entry->maybe_deleted)
        return;
    if (code != RNL_OK)
        fail_msg("job %s was acknowledged: %s", entry->id, rnl_code_name(code));
    assert_false(entry->deleted);
    if (entry->cancelled)
        assert_int_equal(job->state, RNL_JOB_CANCELLED);
    bool has_ended = rnl_job_state_terminal(job->state);
    rnl_job_destroy(job);
    check_replay(client, entry, has_ended);
    assert_int_equal(rnl_job_get(client, entry->id, false, &job), RNL_OK);
    check_output(job, entry);
    rnl_job_destroy(job);
    /* The same request finds it: it was not made twice. */
    assert_int_equal(create_job(client, entry->key, entry->seed, &job), RNL_OK);
    assert_string_equal(job->id, entry->id);
    rnl_job_destroy(job);
}

static void start_core(struct daemon *daemon)
{
    const char *const args[] = {"--listen",
                                address[0] == '\0' ? "127.0.0.1:0" : address,
                                "--data",
                                folder,
                                "--durability",
                                "normal",
                                "--max-jobs",
                                "1000000",
                                "--log-level",
                                "warn",
                                NULL};
    daemon_start(daemon, "runneld", args);
    snprintf(address, sizeof(address), "%s", daemon->address);
}

/* Lives for a random time, then dies. */
static void live_and_die(struct daemon *daemon)
{
    struct pollfd fd = {.fd = daemon->pidfd, .events = POLLIN};
    int life_ms = 5 + (int)(splitmix(&random_state) % 100);
    if (poll(&fd, 1, life_ms) != 0)
        fail_msg("runneld ended by itself");
    daemon_signal(daemon, SIGKILL);
    assert_int_equal(daemon_wait(daemon), -1);
}

static long setting(const char *name, long preset)
{
    const char *text = getenv(name);
    return text == NULL ? preset : strtol(text, NULL, 10);
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
    (void)state;
    pthread_t threads[CREATORS + WATCHERS];
    struct daemon daemon;
    long kills = setting("RUNNEL_CRASH_KILLS", KILLS_DEFAULT);
    first_seed = (uint64_t)setting("RUNNEL_CRASH_SEED", getpid());
    random_state = first_seed;
    printf("seed %llu, %ld kills\n", (unsigned long long)first_seed, kills);
    entries = calloc(ENTRIES_MAX, sizeof(*entries));
    assert_non_null(entries);
    snprintf(folder, sizeof(folder), "/tmp/runnel-crash-XXXXXX");
    assert_non_null(mkdtemp(folder));
    start_core(&daemon);
    for (int i = 0; i < CREATORS + WATCHERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL,
                                        i < CREATORS ? create_jobs : watch_jobs,
                                        (void *)(intptr_t)i),
                         0);
    for (; kills > 0; kills--) {
        live_and_die(&daemon);
        start_core(&daemon);
    }
    atomic_store(&stopping, true);
    for (int i = 0; i < CREATORS + WATCHERS; i++)
        pthread_join(threads[i], NULL);

    struct rnl_client *client = new_client();
    size_t count = atomic_load(&entry_count);
    size_t watched = 0;
    for (size_t i = 0; i < count; i++) {
        check_entry(client, &entries[i]);
        watched += entries[i].seen_bytes > 0;
    }
    printf("%zu jobs acknowledged, %zu of them watched\n", count, watched);
    assert_true(count > 0 && watched > 0);
    rnl_client_destroy(client);
    assert_int_equal(daemon_stop(&daemon), 0);
    free(entries);
    assert_int_equal(store_folder_remove(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_survives_kill_9),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
