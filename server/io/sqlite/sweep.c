/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep.h"

#include "database.h"

static const char *const sql[RNL_SWEEP_STATEMENTS] = {
    [RNL_SWEEP_NOTE] = "INSERT INTO job_trash VALUES (?1, ?2)"
                       " ON CONFLICT DO UPDATE SET before = ?2",
    [RNL_SWEEP_BEGIN] = "BEGIN IMMEDIATE",
    /* The first that goes; NULL when all have gone. */
    [RNL_SWEEP_NEXT] =
        "SELECT job, before, (SELECT min(sequence) FROM job_event"
        " WHERE job = trash.job AND sequence < trash.before)"
        " FROM job_trash AS trash LIMIT 1",
    [RNL_SWEEP_DELETE] = "DELETE FROM job_event WHERE job = ?1"
                         " AND sequence < ?2",
    [RNL_SWEEP_DONE] = "DELETE FROM job_trash WHERE job = ?1",
    [RNL_SWEEP_COMMIT] = "COMMIT",
};

enum rnl_code rnl_sweep_init(struct rnl_sweep *sweep, sqlite3 *connection)
{
    *sweep = (struct rnl_sweep){
        .connection = connection, .is_noted = true, .is_due = true};
    return rnl_database_prepare_all(connection, sql, RNL_SWEEP_STATEMENTS,
                                    sweep->statements);
}

void rnl_sweep_fini(struct rnl_sweep *sweep)
{
    rnl_database_finalize_all(sweep->statements, RNL_SWEEP_STATEMENTS);
    *sweep = (struct rnl_sweep){0};
}

static int run(struct rnl_sweep *sweep, enum rnl_sweep_statement which)
{
    return rnl_database_run(sweep->statements[which]);
}

int rnl_sweep_note(struct rnl_sweep *sweep, int64_t job, int64_t before)
{
    sqlite3_stmt *note = sweep->statements[RNL_SWEEP_NOTE];
    sqlite3_bind_int64(note, 1, job);
    sqlite3_bind_int64(note, 2, before);
    sweep->is_noted = true;
    return run(sweep, RNL_SWEEP_NOTE);
}

/* What the next step does. */
struct step {
    bool is_any;
    int64_t job;
    int64_t before;
    bool is_last;
};

static int find(struct rnl_sweep *sweep, struct step *ret_step)
{
    sqlite3_stmt *next = sweep->statements[RNL_SWEEP_NEXT];
    *ret_step = (struct step){.is_any = sqlite3_step(next) == SQLITE_ROW};
    if (ret_step->is_any) {
        ret_step->job = sqlite3_column_int64(next, 0);
        ret_step->before = sqlite3_column_int64(next, 1);
        int64_t first = sqlite3_column_int64(next, 2);
        ret_step->is_last = sqlite3_column_type(next, 2) == SQLITE_NULL ||
                            first > ret_step->before - RNL_SWEEP_EVENTS;
        if (!ret_step->is_last)
            ret_step->before = first + RNL_SWEEP_EVENTS;
    }
    return sqlite3_reset(next);
}

static int delete_some(struct rnl_sweep *sweep, const struct step *step)
{
    sqlite3_stmt *events = sweep->statements[RNL_SWEEP_DELETE];
    sqlite3_stmt *done = sweep->statements[RNL_SWEEP_DONE];
    sqlite3_bind_int64(events, 1, step->job);
    sqlite3_bind_int64(events, 2, step->before);
    int result = run(sweep, RNL_SWEEP_DELETE);
    if (result != SQLITE_OK || !step->is_last)
        return result;
    sqlite3_bind_int64(done, 1, step->job);
    return run(sweep, RNL_SWEEP_DONE);
}

void rnl_sweep_step(struct rnl_sweep *sweep)
{
    struct step step = {.is_any = false};
    int result = run(sweep, RNL_SWEEP_BEGIN);
    if (result == SQLITE_OK)
        result = find(sweep, &step);
    if (result == SQLITE_OK && step.is_any)
        result = delete_some(sweep, &step);
    if (result == SQLITE_OK)
        result = run(sweep, RNL_SWEEP_COMMIT);
    /* A full disk, for example: not before a group could be written. */
    sweep->is_due = result == SQLITE_OK && step.is_any;
    sweep->is_noted = result != SQLITE_OK || step.is_any;
    if (!sqlite3_get_autocommit(sweep->connection))
        sqlite3_exec(sweep->connection, "ROLLBACK", NULL, NULL, NULL);
}
