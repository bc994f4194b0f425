/* SPDX-License-Identifier: Apache-2.0 */
/* Writes groups of changes, of jobs and of event streams, in one transaction.
 */
#ifndef RNL_IO_SQLITE_WRITER_H
#define RNL_IO_SQLITE_WRITER_H

#include <sqlite3.h>

#include "group.h"
#include "journal_sqlite.h"
#include "stats_writer.h"
#include "sweep.h"

enum rnl_writer_statement {
    RNL_WRITER_BEGIN,
    RNL_WRITER_COMMIT,
    RNL_WRITER_INSERT,
    RNL_WRITER_INSERT_INPUT,
    RNL_WRITER_UPDATE,
    RNL_WRITER_UPDATE_LOG,
    RNL_WRITER_INSERT_EVENT,
    RNL_WRITER_TRIM,
    RNL_WRITER_DELETE_EVENTS,
    RNL_WRITER_DELETE_INPUT,
    RNL_WRITER_DELETE,
    RNL_WRITER_STATEMENTS,
};

struct rnl_writer {
    /* Borrowed. */
    sqlite3 *connection;
    sqlite3_stmt *statements[RNL_WRITER_STATEMENTS];
    struct rnl_sweep sweep;
    struct rnl_stats_writer stats;
};

/* What one transaction writes; NULL: nothing of that. */
struct rnl_writer_groups {
    const struct rnl_group *jobs;
    const struct rnl_stats_group *stats;
};

/* Errors: as of SQLite; finish it all the same. */
RNL_MUST_USE enum rnl_code rnl_writer_init(struct rnl_writer *writer,
                                           sqlite3 *connection);
void rnl_writer_fini(struct rnl_writer *writer);

/* Writes all of the groups, or nothing of them and says why. */
RNL_MUST_USE enum rnl_code rnl_writer_apply(
    struct rnl_writer *writer, const struct rnl_writer_groups *groups,
    char error[RNL_JOURNAL_ERROR_MAX]);

#endif
