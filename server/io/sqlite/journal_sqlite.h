/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of jobs (core/journal.h) in an SQLite file. All SQL of Runnel is
 * in this folder:
 *
 *   database.c   opens and upgrades the file
 *   schema.sql.h its tables, and the views for people
 *   group.c      changes as bytes, from the store's thread to the writer's
 *   wal_vfs.c    fewer writes to SQLite's log
 *   writer.c     the thread that writes a group in one transaction
 *   reader.c     what the store reads back
 *   stats_writer.c, stats_reader.c  the same for event streams
 *   token_table.c  bearer tokens, beside the journal
 *
 * Two connections: the writer's, and one that reads on the store's thread; in
 * WAL mode neither waits for the other.
 *
 * Threads: create, destroy, poll and the journal's calls belong to one thread;
 * wake is called on the writer's.
 */
#ifndef RNL_IO_JOURNAL_SQLITE_H
#define RNL_IO_JOURNAL_SQLITE_H

#include "journal.h"
#include "stats_journal.h"

/* What survives what: docs/durability.md. */
enum rnl_durability {
    /* A commit waits for the disk: survives a loss of power. */
    RNL_DURABILITY_FULL,
    /* A commit is with the operating system: survives kill -9. */
    RNL_DURABILITY_NORMAL,
};

struct rnl_journal_sqlite_options {
    /* Folder; made if it is not there, for its owner alone. */
    const char *folder;
    enum rnl_durability durability;
    /* Identity of a new file, 32 hex digits. */
    const char *epoch;
    /* A group is written or has failed: call rnl_journal_sqlite_poll soon. */
    void (*wake)(void *arg);
    void *arg;
};

#define RNL_JOURNAL_ERROR_MAX 512

/*
 * Opens folder/runnel.db and starts the writer. On failure ret_error has a
 * sentence for the operator, and nothing was changed.
 *
 * Errors: RNL_FAILED_PRECONDITION: another process has it, it is not Runnel's,
 * or of a newer version; RNL_DATA_LOSS: it is damaged; RNL_PERMISSION_DENIED;
 * RNL_RESOURCE_EXHAUSTED; RNL_UNAVAILABLE.
 */
RNL_MUST_USE enum rnl_code rnl_journal_sqlite_create(
    const struct rnl_journal_sqlite_options *options,
    struct rnl_journal **ret_journal, char ret_error[RNL_JOURNAL_ERROR_MAX]);

/* The journal of event streams in the same file: its groups share transactions
 * and thread with those of jobs, and poll reports both. It lives as long as
 * journal. */
struct rnl_stats_journal *rnl_journal_sqlite_stats(struct rnl_journal *journal);

/* Identity of the file: of the first process that opened it. */
const char *rnl_journal_sqlite_epoch(const struct rnl_journal *journal);

/* A secret of the file: struct rnl_core_options, lease_key. */
const char *rnl_journal_sqlite_lease_key(const struct rnl_journal *journal);

/* Reports a group that is done, by the journal's committed. */
void rnl_journal_sqlite_poll(struct rnl_journal *journal);

/* No group is being written, nor done and not reported. */
bool rnl_journal_sqlite_idle(struct rnl_journal *journal);

/* Why the last group failed; "" if it did not. */
const char *rnl_journal_sqlite_error(const struct rnl_journal *journal);

#endif
