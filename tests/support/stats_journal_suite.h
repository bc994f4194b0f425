/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every journal of event streams must do (server/core/stats_journal.h), as
 * one group of cases. A journal's test gives a factory and runs them.
 */
#ifndef RNL_TESTS_STATS_JOURNAL_SUITE_H
#define RNL_TESTS_STATS_JOURNAL_SUITE_H

#include "stats_journal.h"

struct stats_journal_factory {
    const char *name;
    /* Returns an empty journal. */
    struct rnl_stats_journal *(*create)(void);
    /* Lets the journal report the group in flight. */
    void (*settle)(struct rnl_stats_journal *journal);
    /* Ends it and begins anew with what it kept. */
    struct rnl_stats_journal *(*reopen)(struct rnl_stats_journal *journal);
    void (*destroy)(struct rnl_stats_journal *journal);
};

/* Returns the number of failed cases. */
int stats_journal_suite_run(const struct stats_journal_factory *factory);

#endif
