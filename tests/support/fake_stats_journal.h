/* SPDX-License-Identifier: Apache-2.0 */
/* A journal of event streams in memory, the plainest there is. A test says when
 * a group is written and with which outcome, so that a crash can be had at any
 * moment. */
#ifndef RNL_TESTS_FAKE_STATS_JOURNAL_H
#define RNL_TESTS_FAKE_STATS_JOURNAL_H

#include <stdbool.h>

#include "stats_journal.h"

struct fake_record {
    struct rnl_stats_record record;
    /* Owned. */
    uint8_t *data;
};

struct fake_stats_journal {
    struct rnl_stats_journal journal;
    /* In flight; NULL: nothing is. */
    const struct rnl_stats_group *group;
    /* What flush answers. */
    enum rnl_code flush_code;
    /* What is kept: STREAM, PART and LOG, in the order of writing. */
    struct fake_record *kept;
    size_t count;
    size_t cap;
    /* Written so far, of each kind. */
    size_t written[RNL_STATS_PART + 1];
};

void fake_stats_init(struct fake_stats_journal *fake);
void fake_stats_fini(struct fake_stats_journal *fake);

/* Writes the group in flight, or, for another code than RNL_OK, does not, and
 * reports it. */
void fake_stats_complete(struct fake_stats_journal *fake, enum rnl_code code);

/* The process dies: the group in flight is written or is not, and nobody is
 * told. */
void fake_stats_crash(struct fake_stats_journal *fake, bool written);

/* The newest record of that kind and key; NULL: there is none. */
struct fake_record *fake_stats_find(struct fake_stats_journal *fake,
                                    enum rnl_stats_kind kind, uint32_t key);

#endif
