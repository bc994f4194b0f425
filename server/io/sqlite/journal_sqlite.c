/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two groups: one that the store fills, one that the writer's thread has. They
 * change places at a commit, so that a group in flight is never touched.
 */
#include "journal_sqlite.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "alloc.h"
#include "database.h"
#include "group.h"
#include "reader.h"
#include "writer.h"

/* A group's memory that is kept for the next one. */
#define GROUP_KEEP_BYTES ((size_t)1 << 20)

enum state {
    /* Nothing is in flight. */
    STATE_IDLE,
    STATE_WRITING,
    /* Written, or failed; not reported yet. */
    STATE_DONE,
    STATE_STOP,
};

struct sqlite_journal {
    struct rnl_journal journal;
    struct rnl_journal_sqlite_options options;
    struct rnl_database database;
    struct rnl_reader reader;
    struct rnl_group filling;
    pthread_t thread;
    bool has_thread;
    uint64_t last_number;
    /* The reason of the last failure, once it was reported. */
    char error[RNL_JOURNAL_ERROR_MAX];

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Under the mutex: */
    enum state state;
    enum rnl_code code;
    char writer_error[RNL_JOURNAL_ERROR_MAX];
    uint64_t commits;
    uint64_t failed_commits;
    int64_t commit_ns;
    /* The writer's while WRITING, the store's else. */
    struct rnl_group writing;
    struct rnl_writer writer;
};

static struct sqlite_journal *journal_of(struct rnl_journal *journal)
{
    return (struct sqlite_journal *)journal;
}

/* ---- the writer's thread ---- */

/* What there is to do: STATE_WRITING a group, STATE_IDLE to sweep, or
 * STATE_STOP. */
static enum state await_work(struct sqlite_journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    while (journal->state != STATE_WRITING && journal->state != STATE_STOP &&
           !journal->writer.sweep.is_due)
        pthread_cond_wait(&journal->changed, &journal->mutex);
    enum state state = journal->state;
    pthread_mutex_unlock(&journal->mutex);
    return state;
}

static int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void write_group(struct sqlite_journal *journal)
{
    char error[RNL_JOURNAL_ERROR_MAX];
    int64_t begin_ns = monotonic_ns();
    enum rnl_code code =
        rnl_writer_apply(&journal->writer, &journal->writing, error);
    int64_t end_ns = monotonic_ns();
    pthread_mutex_lock(&journal->mutex);
    journal->code = code;
    journal->commit_ns = end_ns - begin_ns;
    journal->commits += code == RNL_OK;
    journal->failed_commits += code != RNL_OK;
    memcpy(journal->writer_error, error, sizeof(error));
    journal->state = STATE_DONE;
    pthread_cond_broadcast(&journal->changed);
    pthread_mutex_unlock(&journal->mutex);
    journal->options.wake(journal->options.arg);
}

/* One step of the sweep for each group, so that a busy store is swept too. */
static void *write_groups(void *arg)
{
    struct sqlite_journal *journal = arg;
    enum state state;
    while ((state = await_work(journal)) != STATE_STOP) {
        if (state == STATE_WRITING)
            write_group(journal);
        if (journal->writer.sweep.is_due)
            rnl_sweep_step(&journal->writer.sweep);
    }
    return NULL;
}

/* Signals are the main thread's. */
static enum rnl_code start_thread(struct sqlite_journal *journal)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&journal->thread, NULL, write_groups, journal);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    journal->has_thread = result == 0;
    return result == 0 ? RNL_OK : RNL_RESOURCE_EXHAUSTED;
}

/* ---- what the store calls ---- */

static enum rnl_code add_change(struct rnl_journal *journal,
                                const struct rnl_journal_change *change)
{
    return rnl_group_add(&journal_of(journal)->filling, change);
}

static void commit(struct rnl_journal *base)
{
    struct sqlite_journal *journal = journal_of(base);
    pthread_mutex_lock(&journal->mutex);
    assert(journal->state == STATE_IDLE);
    struct rnl_group group = journal->writing;
    journal->writing = journal->filling;
    journal->state = STATE_WRITING;
    pthread_cond_broadcast(&journal->changed);
    pthread_mutex_unlock(&journal->mutex);
    if (group.cap > GROUP_KEEP_BYTES)
        rnl_group_fini(&group);
    group.len = 0;
    journal->filling = group;
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

static void flush(struct rnl_journal *base)
{
    struct sqlite_journal *journal = journal_of(base);
    pthread_mutex_lock(&journal->mutex);
    while (journal->state == STATE_WRITING)
        pthread_cond_wait(&journal->changed, &journal->mutex);
    journal->state = STATE_IDLE;
    pthread_mutex_unlock(&journal->mutex);
}

static void stop_thread(struct sqlite_journal *journal)
{
    if (!journal->has_thread)
        return;
    flush(&journal->journal);
    pthread_mutex_lock(&journal->mutex);
    journal->state = STATE_STOP;
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
    rnl_group_fini(&journal->filling);
    rnl_group_fini(&journal->writing);
    pthread_cond_destroy(&journal->changed);
    pthread_mutex_destroy(&journal->mutex);
    rnl_free(journal);
}

static const struct rnl_journal_ops ops = {
    .name = "sqlite",
    .change = add_change,
    .commit = commit,
    .recover = recover,
    .load_record = load_record,
    .load_input = load_input,
    .load_events = load_events,
    .state = state,
    .flush = flush,
    .destroy = destroy,
};

/* ---- life ---- */

void rnl_journal_sqlite_poll(struct rnl_journal *base)
{
    struct sqlite_journal *journal = journal_of(base);
    pthread_mutex_lock(&journal->mutex);
    bool done = journal->state == STATE_DONE;
    enum rnl_code code = journal->code;
    if (done) {
        journal->state = STATE_IDLE;
        memcpy(journal->error, journal->writer_error, sizeof(journal->error));
    }
    pthread_mutex_unlock(&journal->mutex);
    if (done)
        base->committed(base->arg, code);
}

bool rnl_journal_sqlite_idle(struct rnl_journal *base)
{
    struct sqlite_journal *journal = journal_of(base);
    pthread_mutex_lock(&journal->mutex);
    bool idle = journal->state == STATE_IDLE;
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

enum rnl_code rnl_journal_sqlite_create(
    const struct rnl_journal_sqlite_options *options,
    struct rnl_journal **ret_journal, char ret_error[RNL_JOURNAL_ERROR_MAX])
{
    struct sqlite_journal *journal = rnl_calloc(1, sizeof(*journal));
    if (journal == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    journal->journal.ops = &ops;
    journal->options = *options;
    pthread_mutex_init(&journal->mutex, NULL);
    pthread_cond_init(&journal->changed, NULL);
    enum rnl_code code =
        rnl_database_open(&journal->database, options, ret_error);
    if (code == RNL_OK)
        code = rnl_writer_init(&journal->writer, journal->database.writer);
    if (code == RNL_OK)
        code = rnl_reader_init(&journal->reader, journal->database.reader);
    if (code == RNL_OK)
        code = rnl_reader_last_number(&journal->reader, &journal->last_number);
    if (code == RNL_OK)
        code = start_thread(journal);
    if (code != RNL_OK) {
        destroy(&journal->journal);
        return code;
    }
    *ret_journal = &journal->journal;
    return RNL_OK;
}
