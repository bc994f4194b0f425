/* SPDX-License-Identifier: Apache-2.0 */
/* Reads back the event streams at the start, on the core's thread. */
#ifndef RNL_IO_SQLITE_STATS_READER_H
#define RNL_IO_SQLITE_STATS_READER_H

#include <sqlite3.h>

#include "stats_journal.h"

/* See recover of struct rnl_stats_journal_ops. */
RNL_MUST_USE enum rnl_code rnl_stats_reader_all(sqlite3 *connection,
                                                rnl_stats_take_fn *take,
                                                void *arg);

#endif
