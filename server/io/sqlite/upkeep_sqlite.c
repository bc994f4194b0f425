/* SPDX-License-Identifier: Apache-2.0 */
#include "upkeep_sqlite.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "database.h"
#include "thread.h"

/* SQLite asks so often whether to go on: some 10,000 of its instructions are
 * a millisecond at most. */
#define CANCEL_LOOK_STEPS 10000

struct sqlite_upkeep {
    struct rnl_upkeep upkeep;
    struct rnl_upkeep_options options;
    char path[PATH_MAX];
    /* The loop's. NULL: nobody waits for a report. */
    struct rnl_upkeep_task *task;
    enum rnl_upkeep_kind kind;
    /* Its thread runs, or has ended and is to be joined. */
    bool has_thread;
    pthread_t thread;

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Under the mutex: */
    bool cancelled;
    /* A report waits for the loop; its thread stands still until then. */
    bool reporting;
    /* The loop has it, and wants no more yet. */
    bool lent;
    /* The thread's, while it is not reporting. */
    struct rnl_upkeep_report report;
    char error[RNL_JOURNAL_ERROR_MAX];
};

static struct sqlite_upkeep *upkeep_of(struct rnl_upkeep *upkeep)
{
    return (struct sqlite_upkeep *)upkeep;
}

/* ---- on the thread of the task ---- */

bool rnl_upkeep_cancelled(struct rnl_upkeep *base)
{
    struct sqlite_upkeep *upkeep = upkeep_of(base);
    pthread_mutex_lock(&upkeep->mutex);
    bool cancelled = upkeep->cancelled;
    pthread_mutex_unlock(&upkeep->mutex);
    return cancelled;
}

bool rnl_upkeep_hand_out(struct rnl_upkeep *base, const uint8_t *data,
                         size_t len, uint64_t total_bytes)
{
    struct sqlite_upkeep *upkeep = upkeep_of(base);
    pthread_mutex_lock(&upkeep->mutex);
    upkeep->report = (struct rnl_upkeep_report){
        .data = data,
        .len = len,
        .total_bytes = total_bytes,
    };
    upkeep->reporting = !upkeep->cancelled;
    if (upkeep->reporting)
        upkeep->options.wake(upkeep->options.arg);
    while ((upkeep->reporting || upkeep->lent) && !upkeep->cancelled)
        pthread_cond_wait(&upkeep->changed, &upkeep->mutex);
    bool goes_on = !upkeep->cancelled;
    pthread_mutex_unlock(&upkeep->mutex);
    return goes_on;
}

static int look_for_cancel(void *arg)
{
    return rnl_upkeep_cancelled(arg);
}

void rnl_upkeep_fail(struct rnl_upkeep_work *work, enum rnl_code code,
                     const char *why)
{
    work->report->code = code;
    snprintf(work->error, RNL_JOURNAL_ERROR_MAX, "%s", why);
}

void rnl_upkeep_fail_sql(struct rnl_upkeep_work *work, sqlite3 *connection)
{
    rnl_upkeep_fail(work, rnl_database_code(sqlite3_errcode(connection)),
                    sqlite3_errmsg(connection));
}

sqlite3 *rnl_upkeep_open(struct rnl_upkeep_work *work, int flags)
{
    sqlite3 *connection = NULL;
    if (sqlite3_open_v2(work->path, &connection,
                        flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                        NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(connection, RNL_BUSY_MS) != SQLITE_OK) {
        rnl_upkeep_fail_sql(work, connection);
        sqlite3_close_v2(connection);
        return NULL;
    }
    sqlite3_progress_handler(connection, CANCEL_LOOK_STEPS, look_for_cancel,
                             work->upkeep);
    return connection;
}

int64_t rnl_upkeep_number(sqlite3 *connection, const char *sql)
{
    sqlite3_stmt *statement;
    int64_t number = -1;
    if (sqlite3_prepare_v2(connection, sql, -1, &statement, NULL) != SQLITE_OK)
        return -1;
    if (sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    return sqlite3_finalize(statement) == SQLITE_OK ? number : -1;
}

static void *run(void *arg)
{
    static void (*const runs[])(struct rnl_upkeep_work *) = {
        [RNL_UPKEEP_BACKUP] = rnl_backup_run,
        [RNL_UPKEEP_CHECK] = rnl_check_run,
        [RNL_UPKEEP_COMPACT] = rnl_compact_run,
    };
    struct sqlite_upkeep *upkeep = arg;
    struct rnl_upkeep_report last = {.done = true};
    struct rnl_upkeep_work work = {
        .upkeep = &upkeep->upkeep,
        .folder = upkeep->options.folder,
        .path = upkeep->path,
        .report = &last,
        .error = upkeep->error,
    };
    runs[upkeep->kind](&work);
    last.error = upkeep->error;
    pthread_mutex_lock(&upkeep->mutex);
    upkeep->report = last;
    upkeep->reporting = true;
    upkeep->options.wake(upkeep->options.arg);
    pthread_mutex_unlock(&upkeep->mutex);
    return NULL;
}

/* ---- on the loop's thread ---- */

static enum rnl_code begin(struct rnl_upkeep *base, enum rnl_upkeep_kind kind,
                           struct rnl_upkeep_task *task)
{
    struct sqlite_upkeep *upkeep = upkeep_of(base);
    if (upkeep->has_thread)
        return RNL_FAILED_PRECONDITION;
    upkeep->kind = kind;
    upkeep->cancelled = false;
    upkeep->reporting = false;
    upkeep->lent = false;
    upkeep->error[0] = '\0';
    upkeep->has_thread = rnl_thread_start(&upkeep->thread, run, upkeep);
    if (!upkeep->has_thread)
        return RNL_RESOURCE_EXHAUSTED;
    upkeep->task = task;
    return RNL_OK;
}

static void more(struct rnl_upkeep *base)
{
    struct sqlite_upkeep *upkeep = upkeep_of(base);
    pthread_mutex_lock(&upkeep->mutex);
    upkeep->lent = false;
    pthread_cond_signal(&upkeep->changed);
    pthread_mutex_unlock(&upkeep->mutex);
}

static void cancel(struct rnl_upkeep *base)
{
    struct sqlite_upkeep *upkeep = upkeep_of(base);
    upkeep->task = NULL;
    pthread_mutex_lock(&upkeep->mutex);
    upkeep->cancelled = true;
    pthread_cond_signal(&upkeep->changed);
    pthread_mutex_unlock(&upkeep->mutex);
}

static void join(struct sqlite_upkeep *upkeep)
{
    if (upkeep->has_thread)
        pthread_join(upkeep->thread, NULL);
    upkeep->has_thread = false;
}

void rnl_upkeep_sqlite_poll(struct rnl_upkeep *base)
{
    struct sqlite_upkeep *upkeep = upkeep_of(base);
    pthread_mutex_lock(&upkeep->mutex);
    bool reporting = upkeep->reporting;
    struct rnl_upkeep_report report = upkeep->report;
    upkeep->reporting = false;
    upkeep->lent = reporting && !report.done;
    pthread_mutex_unlock(&upkeep->mutex);
    if (!reporting)
        return;
    struct rnl_upkeep_task *task = upkeep->task;
    if (report.done) {
        join(upkeep);
        upkeep->task = NULL;
    }
    if (task != NULL)
        task->report(task, &report);
    if (report.done)
        rnl_free(report.problems);
}

static const struct rnl_upkeep_ops ops = {
    .begin = begin,
    .more = more,
    .cancel = cancel,
};

enum rnl_code rnl_upkeep_sqlite_create(const struct rnl_upkeep_options *options,
                                       struct rnl_upkeep **ret_upkeep)
{
    struct sqlite_upkeep *upkeep = rnl_calloc(1, sizeof(*upkeep));
    if (upkeep == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    upkeep->upkeep.ops = &ops;
    upkeep->options = *options;
    snprintf(upkeep->path, sizeof(upkeep->path), "%s/runnel.db",
             options->folder);
    pthread_mutex_init(&upkeep->mutex, NULL);
    pthread_cond_init(&upkeep->changed, NULL);
    rnl_backup_clean(options->folder);
    *ret_upkeep = &upkeep->upkeep;
    return RNL_OK;
}

void rnl_upkeep_sqlite_destroy(struct rnl_upkeep *base)
{
    struct sqlite_upkeep *upkeep = upkeep_of(base);
    if (upkeep == NULL)
        return;
    cancel(base);
    join(upkeep);
    if (upkeep->reporting && upkeep->report.done)
        rnl_free(upkeep->report.problems);
    pthread_cond_destroy(&upkeep->changed);
    pthread_mutex_destroy(&upkeep->mutex);
    rnl_free(upkeep);
}
