/* SPDX-License-Identifier: Apache-2.0 */
/* Reads back what was committed, on the store's thread. What is lent is valid
 * until the next call. */
#ifndef RNL_IO_SQLITE_READER_H
#define RNL_IO_SQLITE_READER_H

#include <sqlite3.h>

#include "journal.h"

enum rnl_reader_statement {
    RNL_READER_RECORD,
    RNL_READER_INPUT,
    RNL_READER_EVENTS,
    RNL_READER_ALL,
    RNL_READER_STATEMENTS,
};

struct rnl_reader {
    /* Borrowed. */
    sqlite3 *connection;
    sqlite3_stmt *statements[RNL_READER_STATEMENTS];
    /* What was read last. Owned. */
    uint8_t *bytes;
    size_t cap;
};

/* Errors: as of SQLite; finish it all the same. */
RNL_MUST_USE enum rnl_code rnl_reader_init(struct rnl_reader *reader,
                                           sqlite3 *connection);
void rnl_reader_fini(struct rnl_reader *reader);

/* The highest number of a job that is there, or of which events are left. */
RNL_MUST_USE enum rnl_code rnl_reader_last_number(struct rnl_reader *reader,
                                                  uint64_t *ret_number);

/* See struct rnl_journal_ops. */
struct rnl_blob {
    const uint8_t *data;
    size_t len;
};
RNL_MUST_USE enum rnl_code rnl_reader_blob(struct rnl_reader *reader,
                                           enum rnl_reader_statement which,
                                           uint64_t number,
                                           struct rnl_blob *ret_blob);
RNL_MUST_USE enum rnl_code rnl_reader_events(
    struct rnl_reader *reader, uint64_t number,
    const struct rnl_journal_range *range, struct rnl_store_page *ret_page);
RNL_MUST_USE enum rnl_code rnl_reader_all(
    struct rnl_reader *reader,
    bool (*take)(void *arg, const struct rnl_journal_entry *entry), void *arg);

#endif
