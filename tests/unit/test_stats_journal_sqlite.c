/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of event streams in an SQLite file. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "journal_sqlite.h"
#include "stats_journal_suite.h"

static struct rnl_journal *jobs;
static char folder[64];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
static int wakes;

static void wake(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&mutex);
    wakes++;
    pthread_cond_signal(&woken);
    pthread_mutex_unlock(&mutex);
}

static void settle(struct rnl_stats_journal *journal)
{
    (void)journal;
    while (!rnl_journal_sqlite_idle(jobs)) {
        pthread_mutex_lock(&mutex);
        while (wakes == 0)
            pthread_cond_wait(&woken, &mutex);
        wakes--;
        pthread_mutex_unlock(&mutex);
        rnl_journal_sqlite_poll(jobs);
    }
}

static struct rnl_stats_journal *open_journal(void)
{
    char error[RNL_JOURNAL_ERROR_MAX];
    struct rnl_journal_sqlite_options options = {
        .folder = folder,
        .durability = RNL_DURABILITY_NORMAL,
        .epoch = "0123456789abcdef0123456789abcdef",
        .wake = wake,
    };
    assert_int_equal(rnl_journal_sqlite_create(&options, &jobs, error), RNL_OK);
    return rnl_journal_sqlite_stats(jobs);
}

static struct rnl_stats_journal *create(void)
{
    snprintf(folder, sizeof(folder), "/tmp/runnel-stats-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return open_journal();
}

static struct rnl_stats_journal *reopen(struct rnl_stats_journal *journal)
{
    (void)journal;
    jobs->ops->destroy(jobs);
    return open_journal();
}

static void destroy(struct rnl_stats_journal *journal)
{
    static const char *const names[] = {"runnel.db", "runnel.db-wal",
                                        "runnel.db-shm", "lock"};
    char path[128];
    (void)journal;
    jobs->ops->destroy(jobs);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

int main(void)
{
    static const struct stats_journal_factory factory = {
        .name = "SQLite journal",
        .create = create,
        .settle = settle,
        .reopen = reopen,
        .destroy = destroy,
    };
    return stats_journal_suite_run(&factory);
}
