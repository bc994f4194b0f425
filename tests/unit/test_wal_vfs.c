/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_folder.h"
#include "wal_vfs.h"

#define PAGE 4096

/* ---- below: files whose write-ahead log counts, and can fail ---- */

static struct {
    size_t writes;
    /* Writes from this one on, from 1, write half and find the disk full; 0:
     * none does. */
    size_t fail_at;
    size_t fail_count;
    sqlite3_vfs *real;
    sqlite3_vfs vfs;
    const sqlite3_io_methods *real_methods;
    sqlite3_io_methods methods;
} below;

static int faulty_write(sqlite3_file *file, const void *data, int len,
                        sqlite3_int64 at)
{
    size_t number = ++below.writes;
    bool fails = below.fail_at != 0 && number >= below.fail_at &&
                 number - below.fail_at < below.fail_count;
    int result =
        below.real_methods->xWrite(file, data, fails ? len / 2 : len, at);
    return fails ? SQLITE_FULL : result;
}

/* All files share their methods, so a log gets a copy. */
static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
                       int flags, int *ret_flags)
{
    (void)vfs;
    int result = below.real->xOpen(below.real, name, file, flags, ret_flags);
    if (result != SQLITE_OK || (flags & SQLITE_OPEN_WAL) == 0)
        return result;
    below.real_methods = file->pMethods;
    below.methods = *file->pMethods;
    below.methods.xWrite = faulty_write;
    file->pMethods = &below.methods;
    return SQLITE_OK;
}

static int use_faulty_files(void **state)
{
    (void)state;
    below.real = sqlite3_vfs_find(NULL);
    below.vfs = *below.real;
    below.vfs.zName = "faulty";
    below.vfs.pNext = NULL;
    below.vfs.xOpen = faulty_open;
    return sqlite3_vfs_register(&below.vfs, 1) == SQLITE_OK &&
                   strcmp(rnl_wal_vfs(), "runnel-wal") == 0
               ? 0
               : -1;
}

/* ---- a folder with a database ---- */

static char folder[64];
/* SQLite wants two zeroes behind a name. */
static char path[128];
static sqlite3 *db;

static void run(sqlite3 *connection, const char *sql)
{
    assert_int_equal(sqlite3_exec(connection, sql, NULL, NULL, NULL),
                     SQLITE_OK);
}

static int open_database(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/runnel-wal-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/runnel.db", folder);
    below.fail_at = 0;
    assert_int_equal(sqlite3_open_v2(path, &db,
                                     SQLITE_OPEN_READWRITE |
                                         SQLITE_OPEN_CREATE |
                                         SQLITE_OPEN_EXRESCODE,
                                     rnl_wal_vfs()),
                     SQLITE_OK);
    run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
            "PRAGMA wal_autocheckpoint=0;"
            "CREATE TABLE t (n INTEGER PRIMARY KEY, round INT, data BLOB)");
    below.writes = 0;
    return 0;
}

static int close_database(void **state)
{
    (void)state;
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return store_folder_remove(folder);
}

/* Rows whose round is that one. */
static int rows_of(sqlite3 *connection, int round)
{
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(connection,
                                        "SELECT count(*) FROM t WHERE round = ?"
                                        " AND length(data) = 3000",
                                        -1, &statement, NULL),
                     SQLITE_OK);
    sqlite3_bind_int(statement, 1, round);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int rows = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return rows;
}

/* Each row takes a page. */
static int put_rows(int count, int round)
{
    char sql[256];
    snprintf(sql, sizeof(sql),
             "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c"
             " WHERE n < %d) INSERT OR REPLACE INTO t"
             " SELECT n, %d, zeroblob(3000) FROM c",
             count, round);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static void copy(const char *from, const char *to)
{
    static char bytes[1 << 16];
    int source = open(from, O_RDONLY | O_CLOEXEC);
    int target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t got;
    assert_true(source >= 0 && target >= 0);
    while ((got = read(source, bytes, sizeof(bytes))) > 0)
        assert_int_equal(write(target, bytes, (size_t)got), got);
    close(source);
    close(target);
}

static void check_whole(sqlite3 *connection)
{
    sqlite3_stmt *check;
    assert_int_equal(sqlite3_prepare_v2(connection, "PRAGMA integrity_check",
                                        -1, &check, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(check), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(check, 0), "ok");
    sqlite3_finalize(check);
}

/* What a process finds that starts after this one was killed now. */
static void check_after_kill(int rows, int round)
{
    char other[] = "/tmp/runnel-wal-XXXXXX";
    char from[160];
    char to[160];
    sqlite3 *found;
    assert_non_null(mkdtemp(other));
    snprintf(to, sizeof(to), "%s/runnel.db-wal", other);
    snprintf(from, sizeof(from), "%s-wal", path);
    copy(from, to);
    snprintf(to, sizeof(to), "%s/runnel.db", other);
    copy(path, to);
    assert_int_equal(sqlite3_open(to, &found), SQLITE_OK);
    assert_int_equal(rows_of(found, round), rows);
    check_whole(found);
    sqlite3_close(found);
    assert_int_equal(store_folder_remove(other), 0);
}

/* ---- through SQLite ---- */

/* The first write finds out where the log ends. */
static void a_transaction_is_one_write(void **state)
{
    (void)state;
    assert_int_equal(put_rows(3, 1), SQLITE_OK);
    below.writes = 0;
    assert_int_equal(put_rows(20, 2), SQLITE_OK);
    assert_int_equal(below.writes, 1);
    check_after_kill(20, 2);
}

static void a_long_transaction_is_a_few(void **state)
{
    (void)state;
    assert_int_equal(put_rows(200, 1), SQLITE_OK);
    assert_in_range(below.writes, 4, 9);
    check_after_kill(200, 1);
}

static void others_see_what_is_committed(void **state)
{
    sqlite3 *other;
    (void)state;
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    for (int round = 1; round < 20; round++) {
        assert_int_equal(put_rows(round, round), SQLITE_OK);
        assert_int_equal(rows_of(other, round), round);
        check_after_kill(round, round);
    }
    sqlite3_close(other);
}

/* Another one writes to the same log, and begins it anew. */
static void writers_take_turns(void **state)
{
    sqlite3 *other;
    (void)state;
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    for (int round = 1; round < 20; round++) {
        assert_int_equal(put_rows(round, round), SQLITE_OK);
        run(other, "DELETE FROM t WHERE n = 1");
        if (round % 5 == 0)
            run(other, "PRAGMA wal_checkpoint(RESTART)");
        assert_int_equal(rows_of(db, round), round - 1);
        check_after_kill(round - 1, round);
    }
    sqlite3_close(other);
}

/* With a cache of few pages most are written before the commit, then read
 * back, changed, written over, and their heads made anew. */
static void pages_written_early_are_read_back(void **state)
{
    (void)state;
    run(db, "PRAGMA cache_size=10");
    assert_int_equal(put_rows(100, 1), SQLITE_OK);
    for (int round = 2; round < 6; round++) {
        run(db, "BEGIN");
        assert_int_equal(put_rows(100, 100), SQLITE_OK);
        assert_int_equal(rows_of(db, 100), 100);
        assert_int_equal(put_rows(100, round), SQLITE_OK);
        run(db, round % 2 == 0 ? "COMMIT" : "ROLLBACK");
        check_after_kill(100, round - round % 2);
    }
}

/* Fails the k-th write, and those behind it, of four transactions. Returns
 * whether there was one. */
static bool fail_from(size_t k, size_t count, const char *cache)
{
    int round = 0;
    assert_int_equal(open_database(NULL), 0);
    run(db, cache);
    below.writes = 0;
    assert_int_equal(put_rows(40, 0), SQLITE_OK);
    size_t fail_at = below.writes + k;
    below.fail_at = fail_at;
    below.fail_count = count;
    for (int next = 1; next <= 4; next++) {
        bool good = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK &&
                    put_rows(40, 100) == SQLITE_OK &&
                    put_rows(40, next) == SQLITE_OK &&
                    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
        if (good)
            round = next;
        else if (!sqlite3_get_autocommit(db))
            run(db, "ROLLBACK");
        check_after_kill(40, round);
    }
    bool failed = below.writes >= fail_at;
    below.fail_at = 0;
    assert_int_equal(put_rows(40, 5), SQLITE_OK);
    assert_int_equal(rows_of(db, 5), 40);
    check_after_kill(40, 5);
    assert_int_equal(close_database(NULL), 0);
    return failed;
}

static void a_write_that_fails_fails_its_transaction(void **state)
{
    size_t k = 1;
    (void)state;
    while (fail_from(k, 1, "PRAGMA cache_size=2000"))
        k++;
    assert_true(k > 4);
    for (k = 1; fail_from(k, 1, "PRAGMA cache_size=10"); k += 7)
        assert_true(k < 1000);
    for (k = 1; fail_from(k, 3, "PRAGMA cache_size=10"); k += 11)
        assert_true(k < 1000);
}

/* ---- the file itself ---- */

static sqlite3_file *open_log(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(rnl_wal_vfs());
    sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
    assert_non_null(file);
    snprintf(path, sizeof(path) - 1, "%s/runnel.db", folder);
    path[strlen(path) + 1] = '\0';
    assert_int_equal(
        vfs->xOpen(vfs, path, file,
                   SQLITE_OPEN_WAL | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                   NULL),
        SQLITE_OK);
    below.writes = 0;
    below.fail_at = 0;
    return file;
}

static sqlite3_file *log_file;

static int set_up_log(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/runnel-wal-XXXXXX");
    assert_non_null(mkdtemp(folder));
    log_file = open_log();
    return 0;
}

static int tear_down_log(void **state)
{
    (void)state;
    assert_int_equal(log_file->pMethods->xClose(log_file), SQLITE_OK);
    free(log_file);
    return store_folder_remove(folder);
}

/* Offset of the n-th page's head. */
static sqlite3_int64 at(int n)
{
    return 32 + (sqlite3_int64)n * (24 + PAGE);
}

static int put_page(int n, bool is_commit)
{
    uint8_t head[24] = {[7] = is_commit};
    uint8_t page[PAGE];
    memset(page, n + 1, sizeof(page));
    int result = log_file->pMethods->xWrite(log_file, head, 24, at(n));
    if (result != SQLITE_OK)
        return result;
    return log_file->pMethods->xWrite(log_file, page, PAGE, at(n) + 24);
}

static void put_head(void)
{
    static const uint8_t head[32];
    assert_int_equal(log_file->pMethods->xWrite(log_file, head, 32, 0),
                     SQLITE_OK);
}

static void whatever_asks_sees_what_was_gathered(void **state)
{
    uint8_t byte;
    sqlite3_int64 size;
    (void)state;
    put_head();
    assert_int_equal(put_page(0, false), SQLITE_OK);
    assert_int_equal(below.writes, 1);
    assert_int_equal(log_file->pMethods->xRead(log_file, &byte, 1, at(1) - 1),
                     SQLITE_OK);
    assert_int_equal(byte, 1);
    assert_int_equal(put_page(1, false), SQLITE_OK);
    assert_int_equal(log_file->pMethods->xFileSize(log_file, &size), SQLITE_OK);
    assert_int_equal(size, at(2));
    assert_int_equal(put_page(2, false), SQLITE_OK);
    assert_int_equal(log_file->pMethods->xSync(log_file, SQLITE_SYNC_NORMAL),
                     SQLITE_OK);
    assert_int_equal(below.writes, 4);
    assert_int_equal(put_page(3, false), SQLITE_OK);
    assert_int_equal(log_file->pMethods->xTruncate(log_file, at(1)), SQLITE_OK);
    assert_int_equal(log_file->pMethods->xFileSize(log_file, &size), SQLITE_OK);
    assert_int_equal(size, at(1));
}

/* The head of a commit may be written anew, alone. */
static void a_head_alone_is_not_held(void **state)
{
    const uint8_t head[24] = {[7] = 1};
    (void)state;
    put_head();
    assert_int_equal(put_page(0, false), SQLITE_OK);
    assert_int_equal(put_page(1, true), SQLITE_OK);
    assert_int_equal(below.writes, 2);
    assert_int_equal(log_file->pMethods->xWrite(log_file, head, 24, at(1)),
                     SQLITE_OK);
    assert_int_equal(below.writes, 3);
}

/* What was lost was said to be written: nothing goes behind it until SQLite
 * begins anew at its place or in front of it. */
static void what_was_lost_fails_all_behind_it(void **state)
{
    (void)state;
    put_head();
    assert_int_equal(put_page(0, true), SQLITE_OK);
    assert_int_equal(put_page(1, false), SQLITE_OK);
    below.fail_at = below.writes + 1;
    below.fail_count = 1;
    assert_int_equal(log_file->pMethods->xSync(log_file, SQLITE_SYNC_NORMAL),
                     SQLITE_FULL);
    assert_int_equal(put_page(2, false), SQLITE_FULL);
    assert_int_equal(put_page(2, true), SQLITE_FULL);
    assert_int_equal(put_page(1, true), SQLITE_OK);
    assert_int_equal(put_page(2, true), SQLITE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_transaction_is_one_write,
                                        open_database, close_database),
        cmocka_unit_test_setup_teardown(a_long_transaction_is_a_few,
                                        open_database, close_database),
        cmocka_unit_test_setup_teardown(others_see_what_is_committed,
                                        open_database, close_database),
        cmocka_unit_test_setup_teardown(writers_take_turns, open_database,
                                        close_database),
        cmocka_unit_test_setup_teardown(pages_written_early_are_read_back,
                                        open_database, close_database),
        cmocka_unit_test(a_write_that_fails_fails_its_transaction),
        cmocka_unit_test_setup_teardown(whatever_asks_sees_what_was_gathered,
                                        set_up_log, tear_down_log),
        cmocka_unit_test_setup_teardown(a_head_alone_is_not_held, set_up_log,
                                        tear_down_log),
        cmocka_unit_test_setup_teardown(what_was_lost_fails_all_behind_it,
                                        set_up_log, tear_down_log),
    };
    return cmocka_run_group_tests(tests, use_faulty_files, NULL);
}
