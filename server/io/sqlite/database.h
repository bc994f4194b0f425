/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the file of jobs, checks that it is ours, and brings it up to date. */
#ifndef RNL_IO_SQLITE_DATABASE_H
#define RNL_IO_SQLITE_DATABASE_H

#include <sqlite3.h>

#include "journal_sqlite.h"

#define RNL_EPOCH_LEN  32
#define RNL_SECRET_LEN 64

/* What a writer waits for the other one: token_table.c writes beside the
 * journal, for one small commit. */
#define RNL_BUSY_MS 10000

struct rnl_database {
    /* Owned. */
    sqlite3 *writer;
    sqlite3 *reader;
    /* Holds the lock of the folder. */
    int lock_fd;
    char epoch[RNL_EPOCH_LEN + 1];
    char lease_key[RNL_SECRET_LEN + 1];
};

/* Fills a zeroed database. On failure it is closed, and error says why. Errors
 * are those of rnl_journal_sqlite_create. */
RNL_MUST_USE enum rnl_code rnl_database_open(
    struct rnl_database *database,
    const struct rnl_journal_sqlite_options *options,
    char error[RNL_JOURNAL_ERROR_MAX]);

/* Accepts one that is half open. */
void rnl_database_close(struct rnl_database *database);

/* Size of the file and its write-ahead log. */
uint64_t rnl_database_disk_bytes(const struct rnl_database *database);

/* The code that a failure of SQLite is told by. */
enum rnl_code rnl_database_code(int result);

/* Prepares a statement that lives as long as the connection; NULL on failure.
 */
sqlite3_stmt *rnl_database_prepare(sqlite3 *connection, const char *sql);

/* The same for several, of which ret_statements has room for count and is
 * zeroed. Errors: as of SQLite; finalize them all the same. */
RNL_MUST_USE enum rnl_code rnl_database_prepare_all(
    sqlite3 *connection, const char *const *sql, int count,
    sqlite3_stmt **ret_statements);
void rnl_database_finalize_all(sqlite3_stmt *const *statements, int count);

/* Runs a statement that returns no row, and makes it ready for the next.
 * Returns SQLite's result. */
int rnl_database_run(sqlite3_stmt *statement);

#endif
