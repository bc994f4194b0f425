/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room of what was deleted stays in the file, for what comes next. Compacting
 * moves pages from the end of the file into it, and cuts the end off
 * (incremental vacuum). A slice is one short transaction; the writer, who can
 * wait for one at most, has its turn in between.
 */
#include "upkeep_sqlite.h"

#include <time.h>

#include "database.h"

/* 2 MiB. */
#define SLICE_PAGES 512

/* SQLite's PRAGMA auto_vacuum: INCREMENTAL. */
#define AUTO_VACUUM_INCREMENTAL 2

static uint64_t file_bytes(sqlite3 *connection)
{
    int64_t pages = rnl_upkeep_number(connection, "PRAGMA page_count");
    int64_t size = rnl_upkeep_number(connection, "PRAGMA page_size");
    return pages < 0 || size < 0 ? 0 : (uint64_t)(pages * size);
}

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* As long as the slice took: the writer, which looks for the lock again after
 * some time, finds it free half of the time at least. */
static void pause_as_long(int64_t since_ns)
{
    int64_t took = clock_ns() - since_ns;
    struct timespec pause = {.tv_sec = took / 1000000000,
                             .tv_nsec = took % 1000000000};
    (void)nanosleep(&pause, NULL);
}

static bool run_slice(sqlite3 *connection)
{
    char sql[64];
    sqlite3_snprintf(sizeof(sql), sql, "PRAGMA incremental_vacuum(%d)",
                     SLICE_PAGES);
    return sqlite3_exec(connection, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static void compact(struct rnl_upkeep_work *work, sqlite3 *connection)
{
    int64_t unused = rnl_upkeep_number(connection, "PRAGMA freelist_count");
    /* New unused pages may come all the while: it ends with those of now. */
    int64_t slices = unused / SLICE_PAGES + 1;
    while (unused > 0 && slices-- > 0 && !rnl_upkeep_cancelled(work->upkeep)) {
        int64_t begin_ns = clock_ns();
        if (!run_slice(connection)) {
            rnl_upkeep_fail_sql(work, connection);
            return;
        }
        pause_as_long(begin_ns);
        unused = rnl_upkeep_number(connection, "PRAGMA freelist_count");
    }
    /* The file is cut when the log has been brought into it. */
    (void)sqlite3_wal_checkpoint_v2(connection, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                    NULL, NULL);
}

void rnl_compact_run(struct rnl_upkeep_work *work)
{
    sqlite3 *connection = rnl_upkeep_open(work, SQLITE_OPEN_READWRITE);
    if (connection == NULL)
        return;
    work->report->bytes_before = file_bytes(connection);
    if (rnl_upkeep_number(connection, "PRAGMA auto_vacuum") !=
        AUTO_VACUUM_INCREMENTAL)
        rnl_upkeep_fail(work, RNL_FAILED_PRECONDITION,
                        "the file was made by an early version that could not "
                        "be compacted while in use: stop the server, run "
                        "sqlite3 runnel.db 'PRAGMA auto_vacuum=2; VACUUM' in "
                        "its folder, and start it again");
    else
        compact(work, connection);
    work->report->bytes_after = file_bytes(connection);
    sqlite3_close_v2(connection);
}
