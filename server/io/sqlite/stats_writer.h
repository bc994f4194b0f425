/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a group of changes of event streams (core/stats_group.h) into their
 * tables, within a transaction of the caller's. */
#ifndef RNL_IO_SQLITE_STATS_WRITER_H
#define RNL_IO_SQLITE_STATS_WRITER_H

#include <sqlite3.h>

#include "stats_group.h"

enum rnl_stats_writer_statement {
    RNL_STATS_WRITER_STREAM,
    RNL_STATS_WRITER_LOG,
    RNL_STATS_WRITER_DROP_LOG,
    RNL_STATS_WRITER_SUMMARY,
    RNL_STATS_WRITER_PART,
    RNL_STATS_WRITER_DROP_PARTS,
    RNL_STATS_WRITER_DROP_STREAM,
    RNL_STATS_WRITER_STATEMENTS,
};

struct rnl_stats_writer {
    sqlite3_stmt *statements[RNL_STATS_WRITER_STATEMENTS];
};

/* Errors: as of SQLite; finish it all the same. */
RNL_MUST_USE enum rnl_code rnl_stats_writer_init(
    struct rnl_stats_writer *writer, sqlite3 *connection);
void rnl_stats_writer_fini(struct rnl_stats_writer *writer);

/* Returns a result of SQLite: SQLITE_OK, or what went wrong first. */
int rnl_stats_writer_apply(struct rnl_stats_writer *writer,
                           const struct rnl_stats_group *group);

#endif
