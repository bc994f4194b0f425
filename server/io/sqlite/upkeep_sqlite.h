/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/upkeep.h for the SQLite file, on a thread of its own with connections of
 * its own, so that neither the loop nor the writer waits for more than a slice:
 *
 *   upkeep_sqlite.c  the thread, and its reports
 *   backup.c         a copy by SQLite's backup API, then read in pieces
 *   check.c          SQLite's own check, and what has to hold between our
 * tables compact.c        unused pages moved to the end and cut off, a few at a
 * time
 */
#ifndef RNL_IO_UPKEEP_SQLITE_H
#define RNL_IO_UPKEEP_SQLITE_H

#include <sqlite3.h>

#include "journal_sqlite.h"
#include "upkeep.h"

struct rnl_upkeep_options {
    /* Of the store, which is open. Borrowed. */
    const char *folder;
    /* Something is to be reported: call rnl_upkeep_sqlite_poll soon. On the
     * thread of the task. */
    void (*wake)(void *arg);
    void *arg;
};

/* Removes what an earlier process left in the folder. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_upkeep_sqlite_create(
    const struct rnl_upkeep_options *options, struct rnl_upkeep **ret_upkeep);

/* Reports what there is. */
void rnl_upkeep_sqlite_poll(struct rnl_upkeep *upkeep);

/* Cancels and waits for what is running. Accepts NULL. */
void rnl_upkeep_sqlite_destroy(struct rnl_upkeep *upkeep);

/* ---- for its files ---- */

/* A task at work; all calls on its thread. */
struct rnl_upkeep_work {
    struct rnl_upkeep *upkeep;
    const char *folder;
    /* "FOLDER/runnel.db". */
    const char *path;
    /* What the last report will say. */
    struct rnl_upkeep_report *report;
    char *error;
};

/* It is no longer wanted. */
bool rnl_upkeep_cancelled(struct rnl_upkeep *upkeep);

/* Reports a piece and waits until the next is wanted. False: cancelled. */
bool rnl_upkeep_hand_out(struct rnl_upkeep *upkeep, const uint8_t *data,
                         size_t len, uint64_t total_bytes);

/* Opens the file; the connection gives up when the task is cancelled. NULL:
 * error says why, and the code is in the report. */
sqlite3 *rnl_upkeep_open(struct rnl_upkeep_work *work, int flags);

/* Sets the report's code and error from a connection, or from errno's text. */
void rnl_upkeep_fail_sql(struct rnl_upkeep_work *work, sqlite3 *connection);
void rnl_upkeep_fail(struct rnl_upkeep_work *work, enum rnl_code code,
                     const char *why);

/* Of a pragma that answers with a number; -1 on failure. */
int64_t rnl_upkeep_number(sqlite3 *connection, const char *sql);

void rnl_backup_run(struct rnl_upkeep_work *work);
void rnl_check_run(struct rnl_upkeep_work *work);
void rnl_compact_run(struct rnl_upkeep_work *work);

/* Copies that a process left behind when it was killed. */
void rnl_backup_clean(const char *folder);

#endif
