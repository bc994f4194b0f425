/* SPDX-License-Identifier: Apache-2.0 */
/* The store on an SQLite journal: what every store does, and that a store
 * begun anew has all that was done. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal_sqlite.h"
#include "store_memory.h"
#include "store_suite.h"

#define EPOCH "0123456789abcdef0123456789abcdef"

static struct rnl_timers timers;
static struct rnl_journal *journal;
static int64_t now_ns;
static char folder[64];

/* ---- the loop ---- */

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

/* Takes a wake-up that is there, or waits for one. */
static void await_wake(void)
{
    pthread_mutex_lock(&mutex);
    while (wakes == 0)
        pthread_cond_wait(&woken, &mutex);
    wakes--;
    pthread_mutex_unlock(&mutex);
}

/* Groups until nothing is open: each is begun by a timer and ends with a
 * wake-up. After one that memory forbade, time passes. */
static void settle(struct rnl_store *store)
{
    (void)store;
    for (int rounds = 0; rounds < 4; rounds++) {
        while (rnl_timers_next(&timers) <= now_ns) {
            rnl_timers_run(&timers, now_ns);
            if (!rnl_journal_sqlite_idle(journal)) {
                await_wake();
                rnl_journal_sqlite_poll(journal);
            }
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
        .wake = wake,
    };
    rnl_timers_init(&timers);
    now_ns = 0;
    wakes = 0;
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

static void remove_folder(void)
{
    static const char *const names[] = {"runnel.db", "runnel.db-wal",
                                        "runnel.db-shm", "lock"};
    char path[128];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void destroy(struct rnl_store *store)
{
    if (store != NULL)
        store->ops->destroy(store);
    rnl_timers_fini(&timers);
    remove_folder();
}

int main(void)
{
    static const struct store_factory factory = {
        .name = "SQLite store",
        .create = create,
        .settle = settle,
        .destroy = destroy,
    };
    return store_suite_run(&factory);
}
