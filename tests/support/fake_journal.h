/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal (journal.h) whose disk is an array. Groups are written when the
 * test says so, or fail; between the two the "power" may go. Each change is
 * checked against what is on the disk: it follows it without a gap. Groups that
 * join the one in flight are one, which is begun when that one has ended.
 *
 * A record's attempt is the test's number of the record. What is read back is
 * only counted: it is a record of zeros.
 */
#ifndef RNL_TESTS_FAKE_JOURNAL_H
#define RNL_TESTS_FAKE_JOURNAL_H

#include "journal.h"

/* Numbers of jobs are below. */
#define FAKE_DISK_JOBS 1024

struct fake_disk_job {
    bool is_there;
    uint32_t record;
    uint64_t last_sequence;
    bool ended;
};

struct fake_journal {
    struct rnl_journal journal;
    struct fake_disk_job disk[FAKE_DISK_JOBS];
    /* The group that gathers changes, the one that comes next, and the one that
     * is being written: the whole disk after them. */
    struct fake_disk_job filling[FAKE_DISK_JOBS];
    struct fake_disk_job next[FAKE_DISK_JOBS];
    struct fake_disk_job writing[FAKE_DISK_JOBS];
    size_t changes;
    size_t changes_next;
    size_t changes_writing;
    bool is_writing;
    bool has_next;
    /* Nothing joins. */
    bool is_full;
    uint64_t commits;
    uint64_t next_commit;
    uint64_t writing_commit;
    uint64_t joins;
    uint64_t groups;
    uint64_t refused;
    uint64_t loads;
    uint8_t loaded[8];
};

void fake_journal_init(struct fake_journal *journal);

/* Ends the group in flight. */
void fake_journal_finish(struct fake_journal *journal, enum rnl_code code);

#endif
