/* SPDX-License-Identifier: Apache-2.0 */
/* The store on an SQLite journal: what every store does, and that a store
 * begun anew has all that was done. */
#include "test.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "journal_sqlite.h"
#include "store_folder.h"
#include "store_memory.h"
#include "store_suite.h"
#include "wake.h"

#define EPOCH "0123456789abcdef0123456789abcdef"

static struct rnl_timers timers;
static struct rnl_journal *journal;
static int64_t now_ns;
static char folder[64];

/* ---- the loop ---- */

static struct wake wake = WAKE_INIT;

static void await_groups(void)
{
    while (!rnl_journal_sqlite_idle(journal)) {
        wake_await(&wake);
        rnl_journal_sqlite_poll(journal);
    }
}

/* Groups until nothing is open: each is begun by a timer, or at the end of the
 * one before, and ends with a wake-up. After one that memory forbade, time
 * passes. */
static void settle(struct rnl_store *store)
{
    (void)store;
    await_groups();
    for (int rounds = 0; rounds < 4; rounds++) {
        while (rnl_timers_next(&timers) <= now_ns) {
            rnl_timers_run(&timers, now_ns);
            await_groups();
        }
        now_ns += INT64_C(2000000000);
    }
}

static struct rnl_store *open_store(const struct store_limits *limits)
{
    char error[RNL_JOURNAL_ERROR_MAX];
    struct rnl_journal_sqlite_options options = {
        .folder = folder,
        .durability = RNL_DURABILITY_NORMAL,
        .epoch = EPOCH,
        .wake = wake_send,
        .arg = &wake,
    };
    rnl_timers_init(&timers);
    now_ns = 0;
    wake_forget(&wake);
    if (rnl_journal_sqlite_create(&options, &journal, error) != RNL_OK)
        return NULL;
    struct rnl_store_memory_options memory = {
        .timers = &timers,
        .jobs_max = limits->jobs_max,
        .log_bytes_max = limits->log_bytes_max,
        .bytes_max = limits->bytes_max,
        .journal = journal,
        .now_ns = &now_ns,
    };
    struct rnl_store *store;
    return rnl_store_memory_create(&memory, &store) == RNL_OK ? store : NULL;
}

static struct rnl_store *create(const struct store_limits *limits)
{
    snprintf(folder, sizeof(folder), "/tmp/runnel-store-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return open_store(limits);
}

static void destroy(struct rnl_store *store)
{
    if (store != NULL)
        store->ops->destroy(store);
    rnl_timers_fini(&timers);
    (void)store_folder_remove(folder);
}

/* ---- a store begun anew ---- */

static const struct store_limits roomy = {100, 1 << 20, 1 << 24};

static void on_committed(void *arg, const char *job_id, uint64_t sequence)
{
    (void)arg;
    (void)job_id;
    (void)sequence;
}

static void on_removed(void *arg, const char *job_id)
{
    (void)arg;
    (void)job_id;
}

static void on_ready(void *arg)
{
    (void)arg;
}

static void on_done(struct rnl_store_request *request, enum rnl_code code)
{
    (void)request;
    assert_int_equal(code, RNL_OK);
}

static void listen(struct rnl_store *store)
{
    store->listener =
        (struct rnl_store_listener){on_committed, on_removed, on_ready, NULL};
}

static struct rnl_store *reopen(struct rnl_store *store,
                                const struct store_limits *limits)
{
    store->ops->destroy(store);
    rnl_timers_fini(&timers);
    store = open_store(limits);
    assert_non_null(store);
    listen(store);
    return store;
}

/* A job as the engine would make it. */
struct sample {
    Runnel__V1__Job job;
    char id[RNL_JOB_ID_LEN + 1];
    Google__Protobuf__Timestamp end_time;
    Google__Protobuf__Duration retention;
    Runnel__V1__Payload input;
};

/* The store's until it has settled. */
static struct rnl_store_request requests[10];

static struct sample *sample(int number)
{
    static struct sample samples[10];
    struct sample *made = &samples[number];
    *made = (struct sample){
        .job = RUNNEL__V1__JOB__INIT,
        .end_time = GOOGLE__PROTOBUF__TIMESTAMP__INIT,
        .retention = GOOGLE__PROTOBUF__DURATION__INIT,
        .input = RUNNEL__V1__PAYLOAD__INIT,
    };
    snprintf(made->id, sizeof(made->id), "%026d", number);
    made->job.id = made->id;
    made->job.kind = (char *)"echo";
    made->job.state = RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED;
    made->job.idempotency_key = (char *)(number == 1 ? "the key" : "");
    made->retention.seconds = 1000;
    made->job.retention = &made->retention;
    made->input.content_case = RUNNEL__V1__PAYLOAD__CONTENT_TEXT;
    made->input.text = (char *)"the input";
    made->job.input = &made->input;
    return made;
}

static enum rnl_code append(struct rnl_store *store, const char *id,
                            uint64_t sequence, enum rnl_event_type type,
                            const char *text)
{
    struct rnl_event event = {
        .sequence = sequence,
        .time_ns = (int64_t)sequence,
        .type = type,
        .data = (const uint8_t *)text,
        .len = strlen(text),
    };
    return store->ops->append(store, id, &event, 1);
}

static void put(struct rnl_store *store, int number)
{
    struct sample *made = sample(number);
    requests[number].done = on_done;
    const struct rnl_request_hash hash = {7, (uint64_t)number};
    const struct rnl_event first = {
        .sequence = 1, .time_ns = 1, .type = RNL_EVENT_STATE};
    assert_int_equal(
        store->ops->put(store, &made->job, &hash, &first, &requests[number]),
        RNL_OK);
}

static void end(struct rnl_store *store, int number, uint64_t sequence,
                int64_t end_s)
{
    struct sample *made = sample(number);
    made->job.input = NULL;
    made->job.state = RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED;
    made->end_time.seconds = end_s;
    made->job.end_time = &made->end_time;
    assert_int_equal(append(store, made->id, sequence, RNL_EVENT_END, ""),
                     RNL_OK);
    assert_int_equal(store->ops->update(store, &made->job, NULL), RNL_OK);
}

static bool is_there(struct rnl_store *store, int number)
{
    struct rnl_store_log log;
    return store->ops->log(store, sample(number)->id, &log) == RNL_OK;
}

static void expect_events(struct rnl_store *store, int number, uint64_t first,
                          uint64_t last)
{
    struct rnl_store_page page;
    struct rnl_store_log log;
    const char *id = sample(number)->id;
    assert_int_equal(store->ops->log(store, id, &log), RNL_OK);
    assert_int_equal(log.first_sequence, first);
    assert_int_equal(log.last_sequence, last);
    assert_int_equal(log.committed_sequence, last);
    while (first <= last) {
        assert_int_equal(
            store->ops->read(store, id, first - 1, SIZE_MAX, &page), RNL_OK);
        for (size_t i = 0; i < page.count; i++)
            assert_int_equal(page.events[i].time_ns, first++);
    }
}

static void a_store_begun_anew_has_all_that_was_done(void **state)
{
    (void)state;
    struct rnl_store *store = create(&roomy);
    struct rnl_request_hash hash;
    char id[RNL_JOB_ID_LEN + 1];
    listen(store);
    for (int number = 1; number <= 4; number++) {
        put(store, number);
        for (uint64_t sequence = 2; sequence <= 200; sequence++)
            assert_int_equal(append(store, sample(number)->id, sequence,
                                    RNL_EVENT_TEXT, "0123456789"),
                             RNL_OK);
    }
    settle(store);
    end(store, 2, 201, 10);
    /* The first has no text. */
    assert_int_equal(store->ops->trim(store, sample(3)->id, 150,
                                      150 * RNL_STORE_EVENT_BYTES + 149 * 10),
                     RNL_OK);
    assert_int_equal(store->ops->remove(store, sample(4)->id, NULL), RNL_OK);
    for (int times = 0; times < 2; times++) {
        settle(store);
        store = reopen(store, &roomy);
        expect_events(store, 1, 1, 200);
        expect_events(store, 2, 1, 201);
        expect_events(store, 3, 151, 200);
        assert_false(is_there(store, 4));
        assert_int_equal(store->ops->find_key(store, "the key", id, &hash),
                         RNL_OK);
        assert_string_equal(id, sample(1)->id);
        assert_int_equal(hash.high, 1);
        Runnel__V1__Job *job;
        assert_int_equal(store->ops->get(store, id, true, &job), RNL_OK);
        assert_string_equal(job->input->text, "the input");
        runnel__v1__job__free_unpacked(job, &rnl_pb_allocator);
    }
    /* And goes on. */
    assert_int_equal(append(store, sample(3)->id, 201, RNL_EVENT_TEXT, "more"),
                     RNL_OK);
    put(store, 5);
    settle(store);
    expect_events(store, 3, 151, 201);
    expect_events(store, 5, 1, 1);
    destroy(store);
}

/* As before: those that ended first, whenever they were created. */
static void after_a_restart_the_same_jobs_make_room(void **state)
{
    (void)state;
    static const struct store_limits three = {3, 1 << 20, 1 << 24};
    struct rnl_store *store = create(&three);
    listen(store);
    for (int number = 1; number <= 3; number++)
        put(store, number);
    end(store, 3, 2, 10);
    end(store, 1, 2, 20);
    end(store, 2, 2, 30);
    settle(store);
    store = reopen(store, &three);
    put(store, 4);
    assert_false(is_there(store, 3));
    assert_true(is_there(store, 1) && is_there(store, 2));
    put(store, 5);
    assert_false(is_there(store, 1));
    assert_true(is_there(store, 2));
    settle(store);
    destroy(store);
}

/* ---- groups behind one that is being written ---- */

/* Another connection, which keeps the writer waiting. */
static sqlite3 *other;

static void other_runs(const char *sql)
{
    assert_int_equal(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void open_other(void)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/runnel.db", folder);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    /* The writer may be at work still. */
    sqlite3_busy_timeout(other, 60000);
}

static int done_count;
static enum rnl_code done_codes[10];

static void on_awaited(struct rnl_store_request *request, enum rnl_code code)
{
    done_codes[request - requests] = code;
    done_count++;
}

/* A turn of the loop in which a job is made. */
static void put_in_turn(struct rnl_store *store, int number)
{
    put(store, number);
    requests[number].done = on_awaited;
    rnl_timers_run(&timers, now_ns);
}

/* A store whose writer waits: the first job is in flight, the second begins the
 * next group and the third joins it. */
static struct rnl_store *create_behind_one(void)
{
    struct rnl_store *store = create(&roomy);
    listen(store);
    open_other();
    other_runs("BEGIN IMMEDIATE");
    done_count = 0;
    for (int number = 1; number <= 3; number++)
        put_in_turn(store, number);
    rnl_journal_sqlite_poll(journal);
    assert_int_equal(done_count, 0);
    return store;
}

static uint64_t commits(void)
{
    struct rnl_journal_state state;
    journal->ops->state(journal, &state);
    return state.commits;
}

static void what_joins_is_written_without_the_loop(void **state)
{
    (void)state;
    struct rnl_store *store = create_behind_one();
    other_runs("ROLLBACK");
    /* Nothing is polled. */
    journal->ops->flush(journal);
    assert_int_equal(commits(), 2);
    sqlite3_close(other);
    store = reopen(store, &roomy);
    for (int number = 1; number <= 3; number++)
        assert_true(is_there(store, number));
    destroy(store);
}

static void what_joins_is_told_with_its_own_group(void **state)
{
    (void)state;
    struct rnl_store *store = create_behind_one();
    other_runs("ROLLBACK");
    settle(store);
    assert_int_equal(done_count, 3);
    assert_int_equal(commits(), 2);
    for (int number = 1; number <= 3; number++) {
        assert_int_equal(done_codes[number], RNL_OK);
        expect_events(store, number, 1, 1);
    }
    sqlite3_close(other);
    destroy(store);
}

static void what_joins_a_group_that_fails_fails_too(void **state)
{
    (void)state;
    struct rnl_store *store = create_behind_one();
    other_runs("CREATE TRIGGER wrong BEFORE INSERT ON job WHEN NEW.id LIKE '%1'"
               " BEGIN SELECT RAISE(ABORT, 'wrong'); END; COMMIT");
    settle(store);
    assert_int_equal(done_count, 3);
    for (int number = 1; number <= 3; number++) {
        assert_int_equal(done_codes[number], RNL_UNAVAILABLE);
        assert_false(is_there(store, number));
    }
    store = reopen(store, &roomy);
    for (int number = 1; number <= 3; number++)
        assert_false(is_there(store, number));
    /* And goes on. */
    put_in_turn(store, 4);
    settle(store);
    assert_int_equal(done_codes[4], RNL_OK);
    sqlite3_close(other);
    destroy(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_begun_anew_has_all_that_was_done),
        cmocka_unit_test(after_a_restart_the_same_jobs_make_room),
        cmocka_unit_test(what_joins_is_written_without_the_loop),
        cmocka_unit_test(what_joins_is_told_with_its_own_group),
        cmocka_unit_test(what_joins_a_group_that_fails_fails_too),
    };
    static const struct store_factory factory = {
        .name = "SQLite store",
        .create = create,
        .settle = settle,
        .destroy = destroy,
    };
    return store_suite_run(&factory) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
