/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_journal.h"

#include <string.h>

#include <runnel/v1/jobs.pb-c.h>

#include "test.h"

static struct fake_journal *of(struct rnl_journal *journal)
{
    return (struct fake_journal *)journal;
}

static uint32_t record_number(const struct rnl_journal_change *change)
{
    Runnel__V1__Job *job =
        runnel__v1__job__unpack(NULL, change->record_len, change->record);
    assert_non_null(job);
    uint32_t number = job->attempt;
    runnel__v1__job__free_unpacked(job, NULL);
    return number;
}

static enum rnl_code add_change(struct rnl_journal *base,
                                const struct rnl_journal_change *change)
{
    struct fake_journal *journal = of(base);
    assert_in_range(change->number, 1, FAKE_DISK_JOBS - 1);
    struct fake_disk_job *job = &journal->filling[change->number];
    journal->changes++;
    assert_int_equal(job->is_there, !change->is_new);
    if (change->removed) {
        *job = (struct fake_disk_job){0};
        return RNL_OK;
    }
    assert_int_equal(change->after_sequence, job->last_sequence);
    job->is_there = true;
    job->last_sequence = change->log->last_sequence;
    job->ended = change->log->ended;
    if (change->record != NULL)
        job->record = record_number(change);
    return RNL_OK;
}

static bool join(struct rnl_journal *base)
{
    struct fake_journal *journal = of(base);
    assert_true(journal->is_writing);
    assert_int_equal(journal->changes, 0);
    journal->joins += !journal->is_full;
    return !journal->is_full;
}

static void begin(struct fake_journal *journal)
{
    journal->is_writing = true;
    journal->has_next = false;
    journal->writing_commit = journal->next_commit;
    journal->changes_writing = journal->changes_next;
    journal->changes_next = 0;
    memcpy(journal->writing, journal->next, sizeof(journal->writing));
}

static void commit(struct rnl_journal *base)
{
    struct fake_journal *journal = of(base);
    journal->has_next = true;
    journal->next_commit = ++journal->commits;
    journal->changes_next += journal->changes;
    journal->changes = 0;
    memcpy(journal->next, journal->filling, sizeof(journal->next));
    if (!journal->is_writing)
        begin(journal);
}

void fake_journal_finish(struct fake_journal *journal, enum rnl_code code)
{
    assert_true(journal->is_writing);
    journal->is_writing = false;
    uint64_t commits = journal->writing_commit;
    if (code == RNL_OK) {
        memcpy(journal->disk, journal->writing, sizeof(journal->disk));
        journal->groups++;
        if (journal->has_next)
            begin(journal);
    } else {
        /* No other has begun. */
        assert_int_equal(journal->changes, 0);
        memcpy(journal->filling, journal->disk, sizeof(journal->filling));
        journal->refused++;
        journal->has_next = false;
        journal->changes_next = 0;
        commits = journal->commits;
    }
    journal->journal.committed(journal->journal.arg, commits, code);
}

static enum rnl_code recover(struct rnl_journal *journal,
                             bool (*take)(void *arg,
                                          const struct rnl_journal_entry *),
                             void *arg)
{
    (void)journal;
    (void)take;
    (void)arg;
    return RNL_OK;
}

static void state(struct rnl_journal *journal,
                  struct rnl_journal_state *ret_state)
{
    (void)journal;
    *ret_state = (struct rnl_journal_state){.error = ""};
}

static enum rnl_code load_record(struct rnl_journal *base, uint64_t number,
                                 const uint8_t **ret_data, size_t *ret_len)
{
    struct fake_journal *journal = of(base);
    (void)number;
    journal->loads++;
    *ret_data = journal->loaded;
    *ret_len = sizeof(journal->loaded);
    return RNL_OK;
}

static void flush(struct rnl_journal *base)
{
    struct fake_journal *journal = of(base);
    if (!journal->is_writing)
        return;
    if (journal->has_next)
        begin(journal);
    journal->is_writing = false;
    memcpy(journal->disk, journal->writing, sizeof(journal->disk));
}

static const struct rnl_journal_ops ops = {
    .name = "fake",
    .change = add_change,
    .join = join,
    .commit = commit,
    .recover = recover,
    .load_record = load_record,
    .state = state,
    .flush = flush,
    /* The struct is the test's. */
    .destroy = flush,
};

void fake_journal_init(struct fake_journal *journal)
{
    *journal = (struct fake_journal){.journal = {.ops = &ops}};
}
