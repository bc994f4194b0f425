/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of event streams in an SQLite file. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "journal_sqlite.h"
#include "stats_journal_suite.h"
#include "store_folder.h"
#include "wake.h"

static struct rnl_journal *jobs;
static char folder[64];

static struct wake wake = WAKE_INIT;

static void settle(struct rnl_stats_journal *journal)
{
    (void)journal;
    while (!rnl_journal_sqlite_idle(jobs)) {
        wake_await(&wake);
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
        .wake = wake_send,
        .arg = &wake,
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
    (void)journal;
    jobs->ops->destroy(jobs);
    (void)store_folder_remove(folder);
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
