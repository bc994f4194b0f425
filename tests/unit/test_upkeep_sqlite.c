/* SPDX-License-Identifier: Apache-2.0 */
/* The upkeep of an SQLite file: tasks that are cancelled, come after each
 * other, and are left when the process ends. */
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "upkeep_sqlite.h"
#include "wake.h"

/* The part of a file that one piece is. */
#define PIECES_MIN 4

static char folder[64];
static struct rnl_upkeep *upkeep;

/* ---- the loop ---- */

static struct wake wake = WAKE_INIT;

static void turn(void)
{
    wake_await(&wake);
    rnl_upkeep_sqlite_poll(upkeep);
}

/* ---- a task ---- */

struct task {
    struct rnl_upkeep_task task;
    int pieces;
    uint64_t bytes;
    bool done;
    enum rnl_code code;
    uint64_t problem_count;
    char problem[RNL_UPKEEP_TEXT_MAX];
};

static void on_report(struct rnl_upkeep_task *base,
                      const struct rnl_upkeep_report *report)
{
    struct task *task = (struct task *)base;
    assert_false(task->done);
    task->done = report->done;
    task->code = report->code;
    task->problem_count = report->problem_count;
    if (report->problem_count > 0)
        snprintf(task->problem, sizeof(task->problem), "%s",
                 report->problems[0]);
    if (!report->done) {
        task->pieces++;
        task->bytes += report->len;
    } else if (task->pieces > 0) {
        assert_int_equal(task->bytes, report->total_bytes);
    }
}

static void begin(struct task *task, enum rnl_upkeep_kind kind)
{
    *task = (struct task){.task = {on_report}};
    /* One that was cancelled may still be at its last step. */
    while (upkeep->ops->begin(upkeep, kind, &task->task) != RNL_OK)
        turn();
}

static void finish(struct task *task)
{
    while (!task->done) {
        int pieces = task->pieces;
        turn();
        if (task->pieces > pieces)
            upkeep->ops->more(upkeep);
    }
}

/* ---- a store ---- */

static void run_sql(const char *sql)
{
    char path[128];
    sqlite3 *connection;
    snprintf(path, sizeof(path), "%s/runnel.db", folder);
    assert_int_equal(sqlite3_open(path, &connection), SQLITE_OK);
    assert_int_equal(sqlite3_exec(connection, sql, NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(connection);
}

static void create_upkeep(void)
{
    struct rnl_upkeep_options options = {
        .folder = folder, .wake = wake_send, .arg = &wake};
    wake_forget(&wake);
    assert_int_equal(rnl_upkeep_sqlite_create(&options, &upkeep), RNL_OK);
}

/* A store with a few MB that belong to nobody. */
static int setup(void **state)
{
    char error[RNL_JOURNAL_ERROR_MAX];
    struct rnl_journal *journal;
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/runnel-upkeep-XXXXXX");
    assert_non_null(mkdtemp(folder));
    struct rnl_journal_sqlite_options options = {
        .folder = folder,
        .durability = RNL_DURABILITY_NORMAL,
        .epoch = "0123456789abcdef0123456789abcdef",
        .wake = wake_send,
        .arg = &wake,
    };
    assert_int_equal(rnl_journal_sqlite_create(&options, &journal, error),
                     RNL_OK);
    journal->ops->destroy(journal);
    run_sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            " WHERE i < 1000) INSERT INTO job_event SELECT 1, i, 0, 2,"
            " zeroblob(4000) FROM n");
    create_upkeep();
    return 0;
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    rnl_upkeep_sqlite_destroy(upkeep);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static int leftovers(void)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    int count = 0;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        count += strncmp(entry->d_name, "runnel.backup.", 14) == 0;
    closedir(dir);
    return count;
}

/* ---- cases ---- */

static void one_task_at_a_time(void **state)
{
    (void)state;
    struct task backup;
    struct task other = {.task = {on_report}};
    begin(&backup, RNL_UPKEEP_BACKUP);
    assert_int_equal(upkeep->ops->begin(upkeep, RNL_UPKEEP_CHECK, &other.task),
                     RNL_FAILED_PRECONDITION);
    finish(&backup);
    assert_int_equal(backup.code, RNL_OK);
    assert_true(backup.pieces >= PIECES_MIN);
    assert_int_equal(leftovers(), 0);
    begin(&other, RNL_UPKEEP_CHECK);
    finish(&other);
    assert_int_equal(other.code, RNL_OK);
    /* What setup did. */
    assert_int_equal(other.problem_count, 1);
    assert_string_equal(other.problem,
                        "there are events of 1 jobs that are not there");
}

static void a_cancelled_task_makes_way_wherever_it_is(void **state)
{
    (void)state;
    struct task task;
    for (int i = 0; i < 12; i++) {
        begin(&task, (enum rnl_upkeep_kind)(i % 3));
        if (i >= 6) {
            turn();
            assert_true(task.done || task.pieces == 1);
        }
        if (!task.done)
            upkeep->ops->cancel(upkeep);
    }
    begin(&task, RNL_UPKEEP_BACKUP);
    finish(&task);
    assert_int_equal(task.code, RNL_OK);
    assert_int_equal(leftovers(), 0);
}

static void the_end_of_the_process_ends_a_task(void **state)
{
    (void)state;
    struct task task;
    for (int i = 0; i < 6; i++) {
        begin(&task, (enum rnl_upkeep_kind)(i % 3));
        rnl_upkeep_sqlite_destroy(upkeep);
        assert_false(task.done);
        create_upkeep();
    }
    assert_int_equal(leftovers(), 0);
}

static void what_a_killed_process_left_is_removed(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof(path), "%s/runnel.backup.abcdef", folder);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(leftovers(), 1);
    rnl_upkeep_sqlite_destroy(upkeep);
    create_upkeep();
    assert_int_equal(leftovers(), 0);
}

static void unused_room_is_given_back(void **state)
{
    (void)state;
    struct task task;
    run_sql("DELETE FROM job_event WHERE sequence <= 700");
    begin(&task, RNL_UPKEEP_COMPACT);
    finish(&task);
    assert_int_equal(task.code, RNL_OK);
    begin(&task, RNL_UPKEEP_BACKUP);
    finish(&task);
    /* 300 events of 4,000 bytes, of which one takes a page or a little
     * more. */
    assert_true(task.bytes > 300 * 4000 && task.bytes < 2 * 300 * 4200);
}

static void a_file_that_cannot_be_compacted_is_refused(void **state)
{
    (void)state;
    struct task task;
    run_sql("PRAGMA journal_mode=DELETE; PRAGMA auto_vacuum=NONE; VACUUM;"
            "PRAGMA journal_mode=WAL");
    begin(&task, RNL_UPKEEP_COMPACT);
    finish(&task);
    assert_int_equal(task.code, RNL_FAILED_PRECONDITION);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_task_at_a_time),
        TEST(a_cancelled_task_makes_way_wherever_it_is),
        TEST(the_end_of_the_process_ends_a_task),
        TEST(what_a_killed_process_left_is_removed),
        TEST(unused_room_is_given_back),
        TEST(a_file_that_cannot_be_compacted_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
