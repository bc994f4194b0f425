/* SPDX-License-Identifier: Apache-2.0 */
/* The journal that the tests of the core use does what every journal does. */
#include "test.h"

#include "fake_stats_journal.h"
#include "stats_journal_suite.h"

static struct fake_stats_journal fake;

static struct rnl_stats_journal *create(void)
{
    fake_stats_init(&fake);
    return &fake.journal;
}

static void settle(struct rnl_stats_journal *journal)
{
    (void)journal;
    fake_stats_complete(&fake, RNL_OK);
}

static struct rnl_stats_journal *reopen(struct rnl_stats_journal *journal)
{
    return journal;
}

static void destroy(struct rnl_stats_journal *journal)
{
    (void)journal;
    fake_stats_fini(&fake);
}

int main(void)
{
    static const struct stats_journal_factory factory = {
        .name = "fake journal",
        .create = create,
        .settle = settle,
        .reopen = reopen,
        .destroy = destroy,
    };
    return stats_journal_suite_run(&factory);
}
