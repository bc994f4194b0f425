/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two lanes, jobs and event streams, that come together in the writer's thread:
 * it takes what both have committed and writes it as one transaction.
 *
 * Jobs have three groups: one that the store fills, one that comes next, one
 * that the writer has. They change places at a commit, and when the writer is
 * done, so that a group that is being written is never touched, and the writer
 * need not wait for the store's thread. The group of event streams is lent.
 */
#include "journal_sqlite.h"

#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "alloc.h"
#include "database.h"
#include "group.h"
#include "reader.h"
#include "stats_reader.h"
#include "thread.h"
#include "writer.h"

/* A group's memory that is kept for the next one. */
#define GROUP_KEEP_BYTES ((size_t)1 << 20)

/* From this on nothing joins the group that comes next: it waits in memory
 * besides what it is a copy of. */
#define NEXT_BYTES ((size_t)1 << 20)

enum lane { LANE_JOBS, LANE_STATS, LANE_COUNT };

enum state {
    /* Nothing is in flight. */
    STATE_IDLE,
    /* It waits for the writer, or the writer is at it. */
    STATE_WRITING,
    /* Written, or failed; not reported yet. Of event streams alone: those of
     * jobs are counted. */
    STATE_DONE,
};

/* Groups of jobs. Numbers are of the store's commits. */
struct jobs {
    /* The store's. */
    struct rnl_group filling;
    uint64_t commits;
    uint64_t reported;
    /* Under the mutex: */
    struct rnl_group next;
    bool has_next;
    uint64_t next_commit;
    uint64_t written;
    /* Not RNL_OK: a group has failed, and that is not reported. */
    enum rnl_code failure;
    uint64_t writing_commit;
    /* The writer's while WRITING, the store's else. */
    struct rnl_group writing;
};

struct sqlite_journal {
    struct rnl_journal journal;
    struct rnl_stats_journal stats;
    struct rnl_journal_sqlite_options options;
    struct rnl_database database;
    struct rnl_reader reader;
    struct jobs jobs;
    pthread_t thread;
    bool has_thread;
    uint64_t last_number;
    /* The reason of the last failure, once it was reported. */
    char error[RNL_JOURNAL_ERROR_MAX];

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Under the mutex: */
    enum state states[LANE_COUNT];
    enum rnl_code stats_code;
    bool stop;
    char writer_error[RNL_JOURNAL_ERROR_MAX];
    uint64_t commits;
    uint64_t failed_commits;
    int64_t commit_ns;
    /* The writer's while WRITING, the store's else. */
    const struct rnl_stats_group *stats_writing;
    struct rnl_writer writer;
};

static struct sqlite_journal *journal_of(struct rnl_journal *journal)
{
    return (struct sqlite_journal *)journal;
}

/* ---- the writer's thread ---- */

/* Takes the groups that are committed, or none when there is something to
 * sweep; false: it is time to stop. */
static bool await_work(struct sqlite_journal *journal,
                       struct rnl_writer_groups *ret_groups)
{
    const enum state *states = journal->states;
    pthread_mutex_lock(&journal->mutex);
    while (states[LANE_JOBS] != STATE_WRITING &&
           states[LANE_STATS] != STATE_WRITING && !journal->stop &&
           !journal->writer.sweep.is_due)
        pthread_cond_wait(&journal->changed, &journal->mutex);
    *ret_groups = (struct rnl_writer_groups){
        .jobs =
            states[LANE_JOBS] == STATE_WRITING ? &journal->jobs.writing : NULL,
        .stats =
            states[LANE_STATS] == STATE_WRITING ? journal->stats_writing : NULL,
    };
    bool goes_on = !journal->stop;
    pthread_mutex_unlock(&journal->mutex);
    return goes_on;
}

static int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void swap_groups(struct rnl_group *left, struct rnl_group *right)
{
    struct rnl_group group = *left;
    *left = *right;
    *right = group;
}

/* The next group is at hand at once, unless this one has failed: then none goes
 * on without it. */
static void end_jobs(struct sqlite_journal *journal, enum rnl_code code)
{
    struct jobs *jobs = &journal->jobs;
    bool goes_on = code == RNL_OK && jobs->has_next;
    if (code == RNL_OK)
        jobs->written = jobs->writing_commit;
    else
        jobs->failure = code;
    if (goes_on) {
        swap_groups(&jobs->writing, &jobs->next);
        jobs->writing_commit = jobs->next_commit;
    }
    jobs->has_next = false;
    jobs->next.len = 0;
    journal->states[LANE_JOBS] = goes_on ? STATE_WRITING : STATE_IDLE;
}

static void end_stats(struct sqlite_journal *journal, enum rnl_code code)
{
    journal->states[LANE_STATS] = STATE_DONE;
    journal->stats_code = code;
}

/* Writes groups as one transaction, and reports them. */
static enum rnl_code write_together(struct sqlite_journal *journal,
                                    const struct rnl_writer_groups *groups,
                                    bool final)
{
    char error[RNL_JOURNAL_ERROR_MAX];
    int64_t begin_ns = monotonic_ns();
    enum rnl_code code = rnl_writer_apply(&journal->writer, groups, error);
    int64_t end_ns = monotonic_ns();
    if (code != RNL_OK && !final)
        return code;
    pthread_mutex_lock(&journal->mutex);
    journal->commit_ns = end_ns - begin_ns;
    journal->commits += code == RNL_OK;
    journal->failed_commits += code != RNL_OK;
    memcpy(journal->writer_error, error, sizeof(error));
    if (groups->jobs != NULL)
        end_jobs(journal, code);
    if (groups->stats != NULL)
        end_stats(journal, code);
    pthread_cond_broadcast(&journal->changed);
    pthread_mutex_unlock(&journal->mutex);
    return code;
}

/* A lane does not fail for what the other has too much of. */
static void write_all(struct sqlite_journal *journal,
                      const struct rnl_writer_groups *groups)
{
    bool both = groups->jobs != NULL && groups->stats != NULL;
    if (write_together(journal, groups, !both) == RNL_OK || !both)
        return;
    const struct rnl_writer_groups jobs = {.jobs = groups->jobs};
    const struct rnl_writer_groups stats = {.stats = groups->stats};
    (void)!write_together(journal, &jobs, true);
    (void)!write_together(journal, &stats, true);
}

/* One step of the sweep for each group, so that a busy store is swept too. */
static void *write_groups(void *arg)
{
    struct sqlite_journal *journal = arg;
    struct rnl_writer_groups groups;
    while (await_work(journal, &groups)) {
        if (groups.jobs != NULL || groups.stats != NULL) {
            write_all(journal, &groups);
            journal->options.wake(journal->options.arg);
        }
        if (journal->writer.sweep.is_due)
            rnl_sweep_step(&journal->writer.sweep);
    }
    return NULL;
}

static enum rnl_code start_thread(struct sqlite_journal *journal)
{
    journal->has_thread =
        rnl_thread_start(&journal->thread, write_groups, journal);
    return journal->has_thread ? RNL_OK : RNL_RESOURCE_EXHAUSTED;
}

/* ---- what the store calls ---- */

static enum rnl_code add_change(struct rnl_journal *journal,
                                const struct rnl_journal_change *change)
{
    return rnl_group_add(&journal_of(journal)->jobs.filling, change);
}

/* Under the mutex. */
static void begin(struct sqlite_journal *journal, enum lane lane)
{
    assert(journal->states[lane] == STATE_IDLE);
    journal->states[lane] = STATE_WRITING;
    pthread_cond_broadcast(&journal->changed);
}

/* What comes next is being filled again. */
static bool join(struct rnl_journal *base)
{
    struct sqlite_journal *journal = journal_of(base);
    struct jobs *jobs = &journal->jobs;
    pthread_mutex_lock(&journal->mutex);
    bool can = jobs->failure == RNL_OK && jobs->next.len < NEXT_BYTES;
    if (can && jobs->has_next) {
        swap_groups(&jobs->next, &jobs->filling);
        jobs->has_next = false;
    }
    pthread_mutex_unlock(&journal->mutex);
    return can;
}

/* Under the mutex. What was filled when another group failed goes with it. */
static void hand_over(struct sqlite_journal *journal)
{
    struct jobs *jobs = &journal->jobs;
    if (jobs->failure != RNL_OK)
        return;
    if (journal->states[LANE_JOBS] == STATE_WRITING) {
        swap_groups(&jobs->next, &jobs->filling);
        jobs->has_next = true;
        jobs->next_commit = jobs->commits;
        return;
    }
    swap_groups(&jobs->writing, &jobs->filling);
    jobs->writing_commit = jobs->commits;
    begin(journal, LANE_JOBS);
}

static void commit(struct rnl_journal *base)
{
    struct sqlite_journal *journal = journal_of(base);
    struct rnl_group *filling = &journal->jobs.filling;
    journal->jobs.commits++;
    pthread_mutex_lock(&journal->mutex);
    hand_over(journal);
    pthread_mutex_unlock(&journal->mutex);
    if (filling->cap > GROUP_KEEP_BYTES)
        rnl_group_fini(filling);
    filling->len = 0;
}

static enum rnl_code recover(struct rnl_journal *journal,
                             bool (*take)(void *arg,
                                          const struct rnl_journal_entry *),
                             void *arg)
{
    return rnl_reader_all(&journal_of(journal)->reader, take, arg);
}

static enum rnl_code load(struct rnl_journal *journal,
                          enum rnl_reader_statement which, uint64_t number,
                          const uint8_t **ret_data, size_t *ret_len)
{
    struct rnl_blob blob;
    enum rnl_code code =
        rnl_reader_blob(&journal_of(journal)->reader, which, number, &blob);
    if (code != RNL_OK)
        return code;
    *ret_data = blob.data;
    *ret_len = blob.len;
    return RNL_OK;
}

static enum rnl_code load_record(struct rnl_journal *journal, uint64_t number,
                                 const uint8_t **ret_data, size_t *ret_len)
{
    return load(journal, RNL_READER_RECORD, number, ret_data, ret_len);
}

static enum rnl_code load_input(struct rnl_journal *journal, uint64_t number,
                                const uint8_t **ret_data, size_t *ret_len)
{
    return load(journal, RNL_READER_INPUT, number, ret_data, ret_len);
}

static enum rnl_code load_events(struct rnl_journal *journal, uint64_t number,
                                 const struct rnl_journal_range *range,
                                 struct rnl_store_page *ret_page)
{
    return rnl_reader_events(&journal_of(journal)->reader, number, range,
                             ret_page);
}

static void state(struct rnl_journal *base, struct rnl_journal_state *ret_state)
{
    struct sqlite_journal *journal = journal_of(base);
    pthread_mutex_lock(&journal->mutex);
    *ret_state = (struct rnl_journal_state){
        .error = journal->error,
        .commits = journal->commits,
        .failed_commits = journal->failed_commits,
        .commit_ns = journal->commit_ns,
    };
    pthread_mutex_unlock(&journal->mutex);
    ret_state->last_number = journal->last_number;
    ret_state->disk_bytes = rnl_database_disk_bytes(&journal->database);
}

/* Under the mutex. Waits until nothing of the lane is written or to be. */
static void await_lane(struct sqlite_journal *journal, enum lane lane)
{
    while (journal->states[lane] == STATE_WRITING)
        pthread_cond_wait(&journal->changed, &journal->mutex);
}

static void flush(struct rnl_journal *base)
{
    struct sqlite_journal *journal = journal_of(base);
    struct jobs *jobs = &journal->jobs;
    pthread_mutex_lock(&journal->mutex);
    await_lane(journal, LANE_JOBS);
    jobs->failure = RNL_OK;
    jobs->written = jobs->reported = jobs->commits;
    pthread_mutex_unlock(&journal->mutex);
}

static void stop_thread(struct sqlite_journal *journal)
{
    if (!journal->has_thread)
        return;
    flush(&journal->journal);
    pthread_mutex_lock(&journal->mutex);
    await_lane(journal, LANE_STATS);
    journal->stop = true;
    pthread_cond_broadcast(&journal->changed);
    pthread_mutex_unlock(&journal->mutex);
    pthread_join(journal->thread, NULL);
}

static void destroy(struct rnl_journal *base)
{
    struct sqlite_journal *journal = journal_of(base);
    stop_thread(journal);
    rnl_writer_fini(&journal->writer);
    rnl_reader_fini(&journal->reader);
    rnl_database_close(&journal->database);
    rnl_group_fini(&journal->jobs.filling);
    rnl_group_fini(&journal->jobs.next);
    rnl_group_fini(&journal->jobs.writing);
    pthread_cond_destroy(&journal->changed);
    pthread_mutex_destroy(&journal->mutex);
    rnl_free(journal);
}

static const struct rnl_journal_ops ops = {
    .name = "sqlite",
    .change = add_change,
    .join = join,
    .commit = commit,
    .recover = recover,
    .load_record = load_record,
    .load_input = load_input,
    .load_events = load_events,
    .state = state,
    .flush = flush,
    .destroy = destroy,
};

/* ---- what the core calls for event streams ---- */

static struct sqlite_journal *journal_of_stats(struct rnl_stats_journal *stats)
{
    return (struct sqlite_journal *)((char *)stats -
                                     offsetof(struct sqlite_journal, stats));
}

static void commit_stats(struct rnl_stats_journal *stats,
                         const struct rnl_stats_group *group)
{
    struct sqlite_journal *journal = journal_of_stats(stats);
    pthread_mutex_lock(&journal->mutex);
    journal->stats_writing = group;
    begin(journal, LANE_STATS);
    pthread_mutex_unlock(&journal->mutex);
}

static enum rnl_code recover_stats(struct rnl_stats_journal *stats,
                                   rnl_stats_take_fn *take, void *arg)
{
    return rnl_stats_reader_all(journal_of_stats(stats)->database.reader, take,
                                arg);
}

static enum rnl_code flush_stats(struct rnl_stats_journal *stats)
{
    struct sqlite_journal *journal = journal_of_stats(stats);
    enum state *state = &journal->states[LANE_STATS];
    pthread_mutex_lock(&journal->mutex);
    await_lane(journal, LANE_STATS);
    enum rnl_code code = *state == STATE_DONE ? journal->stats_code : RNL_OK;
    *state = STATE_IDLE;
    pthread_mutex_unlock(&journal->mutex);
    return code;
}

static const struct rnl_stats_journal_ops stats_ops = {
    .name = "sqlite",
    .commit = commit_stats,
    .recover = recover_stats,
    .flush = flush_stats,
};

struct rnl_stats_journal *rnl_journal_sqlite_stats(struct rnl_journal *journal)
{
    return &journal_of(journal)->stats;
}

/* ---- life ---- */

/* Under the mutex. */
static void take_error(struct sqlite_journal *journal)
{
    memcpy(journal->error, journal->writer_error, sizeof(journal->error));
}

/* Takes the report of groups that are written. */
static bool take_written(struct sqlite_journal *journal)
{
    struct jobs *jobs = &journal->jobs;
    pthread_mutex_lock(&journal->mutex);
    bool is_new = jobs->written > jobs->reported;
    if (is_new) {
        jobs->reported = jobs->written;
        take_error(journal);
    }
    pthread_mutex_unlock(&journal->mutex);
    return is_new;
}

/* Takes that of a failure, which is of all that is not reported; RNL_OK: there
 * is none. */
static enum rnl_code take_failure(struct sqlite_journal *journal)
{
    struct jobs *jobs = &journal->jobs;
    pthread_mutex_lock(&journal->mutex);
    enum rnl_code code = jobs->failure;
    if (code != RNL_OK) {
        jobs->failure = RNL_OK;
        jobs->written = jobs->reported = jobs->commits;
        take_error(journal);
    }
    pthread_mutex_unlock(&journal->mutex);
    return code;
}

static bool take_stats(struct sqlite_journal *journal, enum rnl_code *ret_code)
{
    pthread_mutex_lock(&journal->mutex);
    bool done = journal->states[LANE_STATS] == STATE_DONE;
    *ret_code = journal->stats_code;
    if (done) {
        journal->states[LANE_STATS] = STATE_IDLE;
        take_error(journal);
    }
    pthread_mutex_unlock(&journal->mutex);
    return done;
}

void rnl_journal_sqlite_poll(struct rnl_journal *base)
{
    struct sqlite_journal *journal = journal_of(base);
    enum rnl_code code;
    if (take_written(journal))
        base->committed(base->arg, journal->jobs.reported, RNL_OK);
    if ((code = take_failure(journal)) != RNL_OK)
        base->committed(base->arg, journal->jobs.reported, code);
    if (take_stats(journal, &code))
        journal->stats.committed(journal->stats.arg, code);
}

bool rnl_journal_sqlite_idle(struct rnl_journal *base)
{
    struct sqlite_journal *journal = journal_of(base);
    pthread_mutex_lock(&journal->mutex);
    bool idle = journal->states[LANE_JOBS] == STATE_IDLE &&
                journal->jobs.commits == journal->jobs.reported &&
                journal->states[LANE_STATS] == STATE_IDLE;
    pthread_mutex_unlock(&journal->mutex);
    return idle;
}

const char *rnl_journal_sqlite_error(const struct rnl_journal *journal)
{
    return ((const struct sqlite_journal *)journal)->error;
}

const char *rnl_journal_sqlite_epoch(const struct rnl_journal *journal)
{
    return ((const struct sqlite_journal *)journal)->database.epoch;
}

const char *rnl_journal_sqlite_lease_key(const struct rnl_journal *journal)
{
    return ((const struct sqlite_journal *)journal)->database.lease_key;
}

static enum rnl_code prepare(struct sqlite_journal *journal,
                             char ret_error[RNL_JOURNAL_ERROR_MAX])
{
    struct rnl_database *database = &journal->database;
    enum rnl_code code = rnl_writer_init(&journal->writer, database->writer);
    if (code == RNL_OK)
        code = rnl_reader_init(&journal->reader, database->reader);
    if (code == RNL_OK)
        code = rnl_reader_last_number(&journal->reader, &journal->last_number);
    if (code == RNL_DATA_LOSS)
        snprintf(ret_error, RNL_JOURNAL_ERROR_MAX, "%.300s: %s",
                 sqlite3_db_filename(database->reader, "main"),
                 sqlite3_errstr(SQLITE_CORRUPT));
    return code;
}

enum rnl_code rnl_journal_sqlite_create(
    const struct rnl_journal_sqlite_options *options,
    struct rnl_journal **ret_journal, char ret_error[RNL_JOURNAL_ERROR_MAX])
{
    struct sqlite_journal *journal = rnl_calloc(1, sizeof(*journal));
    if (journal == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    journal->journal.ops = &ops;
    journal->stats.ops = &stats_ops;
    journal->options = *options;
    pthread_mutex_init(&journal->mutex, NULL);
    pthread_cond_init(&journal->changed, NULL);
    enum rnl_code code =
        rnl_database_open(&journal->database, options, ret_error);
    if (code == RNL_OK)
        code = prepare(journal, ret_error);
    if (code == RNL_OK)
        code = start_thread(journal);
    if (code != RNL_OK) {
        destroy(&journal->journal);
        return code;
    }
    *ret_journal = &journal->journal;
    return RNL_OK;
}
