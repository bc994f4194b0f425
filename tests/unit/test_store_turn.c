/* SPDX-License-Identifier: Apache-2.0 */
/* When the store makes a group of what has changed, what of it is told when,
 * and that nothing is told that a loss of power could take back. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "fake_journal.h"
#include "splitmix.h"
#include "store_memory.h"

#define JOBS     24
#define REQUESTS 4000

/* Of records, of which three fit: each is of some 60 bytes. */
#define CACHE_BYTES 210
/* Of which twenty fit. */
#define LARGE_CACHE_BYTES 1300

/* The store tries again after a second. */
#define RETRY_NS INT64_C(1000000000)

static struct fake_journal journal;
static struct rnl_timers timers;
static struct rnl_store *store;
static int64_t now_ns;

/* What a job is to the test; its number at the store is known, since numbers
 * are given out in turn. */
struct job {
    char id[RNL_JOB_ID_LEN + 1];
    uint64_t number;
    uint32_t record;
    uint64_t last_sequence;
    bool is_there;
    bool ended;
    /* The listener was told. */
    uint64_t told_sequence;
};

static struct job jobs[JOBS];
static uint64_t last_number;

enum promise { PUT, UPDATED, REMOVED };

/* What done promises. */
struct ask {
    struct rnl_store_request request;
    enum promise promise;
    struct job *job;
    uint64_t number;
    uint32_t record;
    int done_count;
    enum rnl_code code;
};

static struct ask asks[REQUESTS];
static size_t ask_count;
static int told_removed;

static const struct fake_disk_job *disk_of(uint64_t number)
{
    return &journal.disk[number];
}

static void on_done(struct rnl_store_request *request, enum rnl_code code)
{
    struct ask *ask = (struct ask *)request;
    const struct fake_disk_job *disk = disk_of(ask->number);
    ask->done_count++;
    ask->code = code;
    if (code != RNL_OK) {
        assert_int_equal(ask->promise, PUT);
        assert_false(disk->is_there);
        if (ask->job->number == ask->number)
            ask->job->is_there = false;
    } else if (ask->promise == REMOVED) {
        assert_false(disk->is_there);
    } else if (disk->is_there) {
        assert_true(disk->record >= ask->record);
    } else {
        /* Removed in the same group. */
        assert_true(ask->job->number != ask->number || !ask->job->is_there);
    }
}

static void on_committed(void *arg, const char *job_id, uint64_t sequence)
{
    (void)arg;
    for (size_t i = 0; i < JOBS; i++) {
        struct job *job = &jobs[i];
        if (job->number == 0 || strcmp(job->id, job_id) != 0)
            continue;
        assert_true(disk_of(job->number)->is_there);
        assert_true(disk_of(job->number)->last_sequence >= sequence);
        assert_true(sequence >= job->told_sequence);
        job->told_sequence = sequence;
    }
}

static void on_removed(void *arg, const char *job_id)
{
    (void)arg;
    (void)job_id;
    told_removed++;
}

static void on_ready(void *arg)
{
    (void)arg;
}

static struct ask *ask(struct job *job, enum promise promise)
{
    assert_true(ask_count < REQUESTS);
    struct ask *made = &asks[ask_count++];
    *made = (struct ask){
        .request = {.done = on_done},
        .promise = promise,
        .job = job,
        .number = job->number,
        .record = job->record,
    };
    return made;
}

static int start_store(uint64_t cache_bytes)
{
    fake_journal_init(&journal);
    rnl_timers_init(&timers);
    now_ns = 0;
    last_number = 0;
    ask_count = 0;
    told_removed = 0;
    memset(jobs, 0, sizeof(jobs));
    const struct rnl_store_memory_options options = {
        .timers = &timers,
        .jobs_max = 1000,
        .log_bytes_max = 1 << 20,
        .bytes_max = 64 << 20,
        .cache_bytes = cache_bytes,
        .journal = &journal.journal,
        .now_ns = &now_ns,
    };
    assert_int_equal(rnl_store_memory_create(&options, &store), RNL_OK);
    store->listener =
        (struct rnl_store_listener){on_committed, on_removed, on_ready, NULL};
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return start_store(CACHE_BYTES);
}

static int setup_large_cache(void **state)
{
    (void)state;
    return start_store(LARGE_CACHE_BYTES);
}

static int teardown(void **state)
{
    (void)state;
    if (store != NULL)
        store->ops->destroy(store);
    store = NULL;
    rnl_timers_fini(&timers);
    return 0;
}

/* ---- what the engine does ---- */

static Runnel__V1__Job message(struct job *job)
{
    static Google__Protobuf__Timestamp end = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    static Google__Protobuf__Duration hour = GOOGLE__PROTOBUF__DURATION__INIT;
    Runnel__V1__Job made = RUNNEL__V1__JOB__INIT;
    hour.seconds = 3600;
    made.id = job->id;
    made.kind = (char *)"echo";
    made.state = job->ended ? RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED
                            : RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED;
    made.attempt = job->record;
    made.retention = &hour;
    made.end_time = job->ended ? &end : NULL;
    return made;
}

static struct ask *put(struct job *job)
{
    const struct rnl_request_hash hash = {1, 2};
    const struct rnl_event first = {.sequence = 1, .type = RNL_EVENT_STATE};
    *job = (struct job){.number = last_number + 1,
                        .record = 1,
                        .last_sequence = 1,
                        .is_there = true};
    snprintf(job->id, sizeof(job->id), "%026llu",
             (unsigned long long)job->number);
    Runnel__V1__Job record = message(job);
    struct ask *made = ask(job, PUT);
    enum rnl_code code =
        store->ops->put(store, &record, &hash, &first, &made->request);
    if (code == RNL_OK) {
        last_number++;
        return made;
    }
    /* Only while the disk is full; it was not even taken. */
    assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
    *job = (struct job){0};
    ask_count--;
    return NULL;
}

static void append(struct job *job, enum rnl_event_type type)
{
    const struct rnl_event event = {.sequence = ++job->last_sequence,
                                    .type = type};
    assert_int_equal(store->ops->append(store, job->id, &event, 1), RNL_OK);
}

static struct ask *update(struct job *job, bool awaited)
{
    job->record++;
    Runnel__V1__Job record = message(job);
    struct ask *made = awaited ? ask(job, UPDATED) : NULL;
    assert_int_equal(
        store->ops->update(store, &record, awaited ? &made->request : NULL),
        RNL_OK);
    return made;
}

static void start(struct job *job)
{
    append(job, RNL_EVENT_STATE);
    (void)update(job, false);
    store->ops->linger(store, job->id);
}

static struct ask *end(struct job *job)
{
    job->ended = true;
    append(job, RNL_EVENT_END);
    return update(job, true);
}

static struct ask *drop(struct job *job)
{
    struct ask *made = ask(job, REMOVED);
    job->is_there = false;
    assert_int_equal(store->ops->remove(store, job->id, &made->request),
                     RNL_OK);
    return made;
}

/* ---- the loop ---- */

static void between_frames(void)
{
    if (rnl_timers_next(&timers) <= RNL_STORE_DUE_AT_ONCE)
        rnl_timers_run(&timers, RNL_STORE_DUE_AT_ONCE);
}

static void end_of_turn(void)
{
    rnl_timers_run(&timers, now_ns);
}

static void settle(void)
{
    do {
        while (journal.is_writing)
            fake_journal_finish(&journal, RNL_OK);
        now_ns += 2 * RETRY_NS;
        end_of_turn();
    } while (journal.is_writing);
}

/* ---- cases ---- */

static void the_first_caller_does_not_wait_for_the_turn(void **state)
{
    (void)state;
    struct ask *made = put(&jobs[0]);
    assert_false(journal.is_writing);
    between_frames();
    assert_true(journal.is_writing);
    assert_int_equal(made->done_count, 0);
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(made->done_count, 1);
}

static void half_as_many_callers_as_before_are_a_group(void **state)
{
    (void)state;
    for (size_t i = 0; i < 8; i++)
        (void)put(&jobs[i]);
    end_of_turn();
    fake_journal_finish(&journal, RNL_OK);
    for (size_t i = 8; i < 12; i++) {
        between_frames();
        assert_false(journal.is_writing);
        (void)put(&jobs[i]);
    }
    between_frames();
    assert_true(journal.is_writing);
    assert_int_equal(journal.changes_writing, 4);
    /* Fewer go at the end of the turn. */
    fake_journal_finish(&journal, RNL_OK);
    (void)put(&jobs[12]);
    between_frames();
    assert_false(journal.is_writing);
    end_of_turn();
    assert_true(journal.is_writing);
}

static void note_next_group(struct rnl_store_request *request,
                            enum rnl_code code)
{
    on_done(request, code);
    assert_true(journal.is_writing);
    assert_int_equal(journal.changes_writing, 1);
}

static void the_next_group_begins_before_anybody_is_told(void **state)
{
    (void)state;
    put(&jobs[0])->request.done = note_next_group;
    between_frames();
    struct ask *second = put(&jobs[1]);
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(asks[0].done_count, 1);
    assert_int_equal(second->done_count, 0);
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(second->done_count, 1);
}

static void what_somebody_waits_for_joins_the_next_group(void **state)
{
    (void)state;
    (void)put(&jobs[0]);
    between_frames();
    for (size_t i = 1; i < 3; i++) {
        (void)put(&jobs[i]);
        /* Not in the middle of a turn, which may bring more. */
        between_frames();
        assert_int_equal(journal.changes_next, i - 1);
        end_of_turn();
        assert_int_equal(journal.changes_next, i);
    }
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(journal.changes_writing, 2);
    assert_int_equal(asks[0].done_count, 1);
    assert_int_equal(asks[1].done_count, 0);
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(asks[1].done_count, 1);
    assert_int_equal(asks[2].done_count, 1);
    assert_false(journal.is_writing);
}

static void a_journal_that_takes_no_more_gets_it_with_the_report(void **state)
{
    (void)state;
    journal.is_full = true;
    (void)put(&jobs[0]);
    between_frames();
    struct ask *second = put(&jobs[1]);
    end_of_turn();
    assert_int_equal(journal.changes_next, 0);
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(journal.changes_writing, 1);
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(second->done_count, 1);
}

static void a_group_that_fails_takes_the_next_along(void **state)
{
    (void)state;
    (void)put(&jobs[0]);
    between_frames();
    (void)put(&jobs[1]);
    end_of_turn();
    assert_int_equal(journal.joins, 1);
    fake_journal_finish(&journal, RNL_RESOURCE_EXHAUSTED);
    assert_false(journal.is_writing);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(asks[i].done_count, 1);
        assert_int_equal(asks[i].code, RNL_RESOURCE_EXHAUSTED);
    }
}

static void begin_job(struct job *job)
{
    (void)put(job);
    end_of_turn();
    fake_journal_finish(&journal, RNL_OK);
}

static void a_start_is_written_with_its_end(void **state)
{
    (void)state;
    begin_job(&jobs[0]);
    start(&jobs[0]);
    end_of_turn();
    assert_false(journal.is_writing);
    (void)put(&jobs[1]);
    end_of_turn();
    assert_int_equal(journal.changes_writing, 1);
    struct ask *made = end(&jobs[0]);
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(journal.changes_writing, 1);
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(made->done_count, 1);
    assert_int_equal(disk_of(1)->last_sequence, 3);
    assert_int_equal(jobs[0].told_sequence, 3);
}

static void a_start_lingers_for_a_moment_only(void **state)
{
    (void)state;
    begin_job(&jobs[0]);
    start(&jobs[0]);
    end_of_turn();
    assert_int_equal(rnl_timers_next(&timers), RNL_STORE_LINGER_NS);
    now_ns = RNL_STORE_LINGER_NS - 1;
    end_of_turn();
    assert_false(journal.is_writing);
    now_ns++;
    end_of_turn();
    assert_true(journal.is_writing);
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(jobs[0].told_sequence, 2);
}

/* The other groups go on, and it goes with the one after its time. */
static void what_lingers_is_not_forgotten_while_groups_are_written(void **state)
{
    (void)state;
    begin_job(&jobs[0]);
    start(&jobs[0]);
    (void)put(&jobs[1]);
    end_of_turn();
    assert_int_equal(journal.changes_writing, 1);
    now_ns = RNL_STORE_LINGER_NS;
    end_of_turn();
    fake_journal_finish(&journal, RNL_OK);
    end_of_turn();
    assert_true(journal.is_writing);
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(jobs[0].told_sequence, 2);
}

static void what_is_in_flight_waits_for_its_report(void **state)
{
    (void)state;
    begin_job(&jobs[0]);
    struct ask *first = update(&jobs[0], true);
    end_of_turn();
    struct ask *second = update(&jobs[0], true);
    end_of_turn();
    assert_int_equal(journal.joins, 0);
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(first->done_count, 1);
    assert_int_equal(journal.changes_writing, 1);
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(second->done_count, 1);
}

/* Else those that come after it, one group always behind another, would keep
 * it from the disk. */
static void nothing_joins_in_front_of_what_has_lingered(void **state)
{
    (void)state;
    begin_job(&jobs[0]);
    start(&jobs[0]);
    (void)put(&jobs[1]);
    end_of_turn();
    (void)put(&jobs[2]);
    end_of_turn();
    assert_int_equal(journal.joins, 1);
    now_ns = RNL_STORE_LINGER_NS;
    (void)put(&jobs[3]);
    end_of_turn();
    assert_int_equal(journal.joins, 1);
    fake_journal_finish(&journal, RNL_OK);
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(journal.changes_writing, 2);
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(jobs[0].told_sequence, 2);
}

static void what_nobody_waits_for_does_not_join(void **state)
{
    (void)state;
    begin_job(&jobs[0]);
    (void)put(&jobs[1]);
    end_of_turn();
    append(&jobs[0], RNL_EVENT_TEXT);
    (void)put(&jobs[2]);
    end_of_turn();
    assert_int_equal(journal.joins, 0);
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(journal.changes_writing, 2);
}

static void what_somebody_waits_for_does_not_linger(void **state)
{
    (void)state;
    begin_job(&jobs[0]);
    struct ask *made = update(&jobs[0], true);
    start(&jobs[0]);
    end_of_turn();
    assert_true(journal.is_writing);
    fake_journal_finish(&journal, RNL_OK);
    assert_int_equal(made->done_count, 1);
    assert_int_equal(disk_of(1)->last_sequence, 2);
}

static void the_last_group_has_all(void **state)
{
    (void)state;
    begin_job(&jobs[0]);
    begin_job(&jobs[1]);
    begin_job(&jobs[2]);
    start(&jobs[0]);
    append(&jobs[1], RNL_EVENT_TEXT);
    append(&jobs[2], RNL_EVENT_TEXT);
    end_of_turn();
    assert_true(journal.is_writing);
    /* Changes again, and goes, while it is being written. */
    append(&jobs[1], RNL_EVENT_TEXT);
    (void)drop(&jobs[2]);
    store->ops->destroy(store);
    store = NULL;
    assert_int_equal(disk_of(1)->last_sequence, 2);
    assert_int_equal(disk_of(2)->last_sequence, 3);
    assert_false(disk_of(3)->is_there);
}

static uint64_t loads_of(const struct job *job)
{
    struct rnl_store_record record;
    uint64_t before = journal.loads;
    assert_int_equal(store->ops->peek(store, job->id, false, &record), RNL_OK);
    return journal.loads - before;
}

static void end_job(struct job *job)
{
    begin_job(job);
    (void)end(job);
    end_of_turn();
    fake_journal_finish(&journal, RNL_OK);
}

static void records_of_ended_jobs_stay_while_there_is_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        end_job(&jobs[i]);
    /* The one that was used stays, though it came first. */
    assert_int_equal(loads_of(&jobs[0]), 0);
    end_job(&jobs[3]);
    assert_int_equal(loads_of(&jobs[0]), 0);
    assert_int_equal(loads_of(&jobs[1]), 1);
    assert_int_equal(loads_of(&jobs[1]), 0);
    /* All were used: the first of them goes. */
    assert_int_equal(loads_of(&jobs[3]), 0);
    end_job(&jobs[4]);
    assert_int_equal(loads_of(&jobs[0]), 0);
    assert_int_equal(loads_of(&jobs[1]), 0);
    assert_int_equal(loads_of(&jobs[4]), 0);
    assert_int_equal(loads_of(&jobs[3]), 1);
    /* A job that is removed gives its place back. */
    (void)drop(&jobs[1]);
    settle();
    assert_int_equal(loads_of(&jobs[0]), 0);
    assert_int_equal(loads_of(&jobs[3]), 0);
    assert_int_equal(loads_of(&jobs[4]), 0);
}

/* However many were used, one more passes over 16 of them only. */
static void the_search_for_room_among_used_records_is_bounded(void **state)
{
    (void)state;
    for (size_t i = 0; i < 20; i++)
        end_job(&jobs[i]);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(loads_of(&jobs[i]), 0);
    end_job(&jobs[20]);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(loads_of(&jobs[i]), 0);
    assert_int_equal(loads_of(&jobs[16]), 1);
}

/* ---- chance ---- */

static void change_something(uint64_t *random)
{
    struct job *job = &jobs[splitmix(random) % JOBS];
    uint64_t what = splitmix(random) % 8;
    if (!job->is_there)
        (void)put(job);
    else if (job->ended || what == 0)
        (void)drop(job);
    else if (what < 3)
        start(job);
    else if (what < 5)
        append(job, RNL_EVENT_TEXT);
    else if (what < 6)
        (void)update(job, true);
    else
        (void)end(job);
}

static void let_time_pass(uint64_t *random)
{
    uint64_t what = splitmix(random) % 16;
    if (what < 4)
        between_frames();
    else if (what < 6)
        end_of_turn();
    else if (what < 8)
        now_ns += RNL_STORE_LINGER_NS / 2;
    else if (what == 15)
        journal.is_full = !journal.is_full;
    else if (what == 8)
        now_ns += RETRY_NS;
    else if (what < 12 && journal.is_writing)
        fake_journal_finish(&journal, splitmix(random) % 8 == 0
                                          ? RNL_RESOURCE_EXHAUSTED
                                          : RNL_OK);
}

/* on_done and on_committed check each promise against the disk of that moment,
 * which is what a crash would leave. */
static void no_promise_is_broken_by_a_crash(void **state)
{
    uint64_t refused = 0;
    uint64_t joins = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        uint64_t random = seed;
        for (int i = 0; i < 1000; i++) {
            change_something(&random);
            let_time_pass(&random);
        }
        joins += journal.joins;
        settle();
        for (size_t i = 0; i < ask_count; i++)
            assert_int_equal(asks[i].done_count, 1);
        for (size_t i = 0; i < JOBS; i++) {
            const struct job *job = &jobs[i];
            if (job->number == 0 || !job->is_there)
                continue;
            assert_int_equal(disk_of(job->number)->record, job->record);
            assert_int_equal(disk_of(job->number)->last_sequence,
                             job->last_sequence);
            assert_int_equal(job->told_sequence, job->last_sequence);
        }
        assert_true(journal.groups > 20 && told_removed > 0);
        refused += journal.refused;
        (void)teardown(state);
        (void)setup(state);
    }
    assert_true(refused > 100 && joins > 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_caller_does_not_wait_for_the_turn),
        TEST(half_as_many_callers_as_before_are_a_group),
        TEST(the_next_group_begins_before_anybody_is_told),
        TEST(what_somebody_waits_for_joins_the_next_group),
        TEST(a_journal_that_takes_no_more_gets_it_with_the_report),
        TEST(a_group_that_fails_takes_the_next_along),
        TEST(what_is_in_flight_waits_for_its_report),
        TEST(nothing_joins_in_front_of_what_has_lingered),
        TEST(what_nobody_waits_for_does_not_join),
        TEST(a_start_is_written_with_its_end),
        TEST(records_of_ended_jobs_stay_while_there_is_room),
        cmocka_unit_test_setup_teardown(
            the_search_for_room_among_used_records_is_bounded,
            setup_large_cache, teardown),
        TEST(a_start_lingers_for_a_moment_only),
        TEST(what_lingers_is_not_forgotten_while_groups_are_written),
        TEST(what_somebody_waits_for_does_not_linger),
        TEST(the_last_group_has_all),
        TEST(no_promise_is_broken_by_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
