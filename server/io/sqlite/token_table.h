/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens in the SQLite file of the journal (journal_sqlite.h), which must have
 * been opened before: it makes the table. A connection of its own, so that a
 * rare write here never waits in the group of the jobs, whose writer waits
 * for it instead, for the time of one commit.
 *
 * put and remove block and may be called from any thread, one at a time or
 * several.
 */
#ifndef RNL_IO_SQLITE_TOKEN_TABLE_H
#define RNL_IO_SQLITE_TOKEN_TABLE_H

#include "journal_sqlite.h"
#include "token_store.h"

struct rnl_token_table;

/* Errors: as of rnl_journal_sqlite_create. */
RNL_MUST_USE enum rnl_code rnl_token_table_open(
    const char *folder, struct rnl_token_table **ret_table,
    char ret_error[RNL_JOURNAL_ERROR_MAX]);

/* Accepts NULL. */
void rnl_token_table_close(struct rnl_token_table *table);

/* Gives each record to take; as rnl_token_store_ops.load. */
RNL_MUST_USE enum rnl_code rnl_token_table_load(
    struct rnl_token_table *table,
    bool (*take)(void *arg, const struct rnl_token_record *record), void *arg);

/* Durable when they return RNL_OK. Errors: as of SQLite. */
RNL_MUST_USE enum rnl_code rnl_token_table_put(
    struct rnl_token_table *table, const struct rnl_token_record *record);
RNL_MUST_USE enum rnl_code rnl_token_table_remove(struct rnl_token_table *table,
                                                  const char *id);

#endif
