/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is everything there and right? First SQLite's own check of the file, then
 * what has to hold between our tables:
 *
 *   - a job's events have the sequences first_sequence to last_sequence,
 * without a hole, their types are known, and their bytes add up to event_bytes;
 *   - the last event of a job, and no other, is its end, if it has ended;
 *   - its record can be decoded, and says what the columns say;
 *   - each event and input has a job.
 *
 * All of it in one transaction: it sees one moment, whatever is written.
 */
#include "upkeep_sqlite.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <runnel/v1/jobs.pb-c.h>

#include "alloc.h"
#include "database.h"
#include "store_memory.h"

/* SQLite tells the first problems, each of which may be a long text. */
#define SQL_INTEGRITY "PRAGMA integrity_check(100)"

#define SQL_JOBS                                                     \
    "SELECT number, id, kind, state, first_sequence, last_sequence," \
    " event_bytes, ended, record FROM job ORDER BY number"

/* 6 is the end (enum rnl_event_type). */
#define SQL_EVENTS                                                          \
    "SELECT count(*), min(sequence), max(sequence),"                        \
    " sum(length(data)), sum(type = 6), max(CASE type WHEN 6 THEN sequence" \
    " END), sum(type NOT BETWEEN 1 AND 6) FROM job_event WHERE job = ?1"    \
    " AND sequence >= ?2"

/* Those in front, unless they are about to go (sweep.h). */
#define SQL_FORMER                                                    \
    "SELECT count(*) FROM job_event WHERE job = ?1 AND sequence < ?2" \
    " AND NOT EXISTS (SELECT 1 FROM job_trash WHERE job = ?1)"

#define SQL_LOST_EVENTS                                         \
    "SELECT count(*) FROM (SELECT DISTINCT job FROM job_event)" \
    " WHERE job NOT IN (SELECT number FROM job)"                \
    " AND job NOT IN (SELECT job FROM job_trash)"

#define SQL_LOST_INPUTS              \
    "SELECT count(*) FROM job_input" \
    " WHERE job NOT IN (SELECT number FROM job)"

struct check {
    struct rnl_upkeep_work *work;
    sqlite3 *connection;
    sqlite3_stmt *events;
    sqlite3_stmt *former;
};

static void tell(struct check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void tell(struct check *check, const char *format, ...)
{
    struct rnl_upkeep_report *report = check->work->report;
    va_list args;
    if (report->problem_count++ >= RNL_UPKEEP_PROBLEMS_MAX)
        return;
    va_start(args, format);
    vsnprintf(report->problems[report->problem_count - 1], RNL_UPKEEP_TEXT_MAX,
              format, args);
    va_end(args);
}

/* ---- the file ---- */

static bool check_file(struct check *check)
{
    sqlite3_stmt *rows;
    if (sqlite3_prepare_v2(check->connection, SQL_INTEGRITY, -1, &rows, NULL) !=
        SQLITE_OK)
        return false;
    while (sqlite3_step(rows) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(rows, 0);
        if (text != NULL && strcmp(text, "ok") != 0)
            tell(check, "the file: %.200s", text);
    }
    return sqlite3_finalize(rows) == SQLITE_OK;
}

/* ---- a job ---- */

/* What its row says. */
struct row {
    int64_t number;
    const char *id;
    const char *kind;
    int state;
    int64_t first;
    int64_t last;
    int64_t event_bytes;
    bool ended;
    const void *record;
    size_t record_len;
};

static struct row row_of(sqlite3_stmt *jobs)
{
    struct row row = {
        .number = sqlite3_column_int64(jobs, 0),
        .id = (const char *)sqlite3_column_text(jobs, 1),
        .kind = (const char *)sqlite3_column_text(jobs, 2),
        .state = sqlite3_column_int(jobs, 3),
        .first = sqlite3_column_int64(jobs, 4),
        .last = sqlite3_column_int64(jobs, 5),
        .event_bytes = sqlite3_column_int64(jobs, 6),
        .ended = sqlite3_column_int(jobs, 7) != 0,
        .record = sqlite3_column_blob(jobs, 8),
        .record_len = (size_t)sqlite3_column_bytes(jobs, 8),
    };
    if (row.id == NULL)
        row.id = "";
    if (row.kind == NULL)
        row.kind = "";
    return row;
}

static void check_record(struct check *check, const struct row *row)
{
    /* Not on the core's thread, so not by its allocator. */
    Runnel__V1__Job *job =
        runnel__v1__job__unpack(NULL, row->record_len, row->record);
    if (job == NULL) {
        tell(check, "job %.40s: its record cannot be decoded", row->id);
        return;
    }
    if (strcmp(job->id, row->id) != 0 || strcmp(job->kind, row->kind) != 0 ||
        (int)job->state != row->state)
        tell(check, "job %.40s: its record says %.40s, %.70s, state %d",
             row->id, job->id, job->kind, (int)job->state);
    bool is_terminal = row->state >= RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED;
    if (is_terminal != row->ended)
        tell(check, "job %.40s: it is in state %d, and its log has%s ended",
             row->id, row->state, row->ended ? "" : " not");
    runnel__v1__job__free_unpacked(job, NULL);
}

static void judge_events(struct check *check, const struct row *row)
{
    sqlite3_stmt *events = check->events;
    int64_t count = sqlite3_column_int64(events, 0);
    int64_t first = sqlite3_column_int64(events, 1);
    int64_t last = sqlite3_column_int64(events, 2);
    int64_t bytes =
        sqlite3_column_int64(events, 3) + count * RNL_STORE_EVENT_BYTES;
    int64_t ends = sqlite3_column_int64(events, 4);
    check->work->report->events += (uint64_t)count;
    if (first != row->first || last != row->last)
        tell(check,
             "job %.40s: it has the events %lld to %lld, but there are %lld "
             "to %lld",
             row->id, (long long)row->first, (long long)row->last,
             (long long)first, (long long)last);
    else if (count != last - first + 1)
        tell(check, "job %.40s: %lld of the events %lld to %lld are missing",
             row->id, (long long)(last - first + 1 - count), (long long)first,
             (long long)last);
    else if (bytes != row->event_bytes)
        tell(check, "job %.40s: its events have %lld bytes, not %lld", row->id,
             (long long)bytes, (long long)row->event_bytes);
    if (ends != row->ended ||
        (row->ended && sqlite3_column_int64(events, 5) != last))
        tell(check, "job %.40s: its end is not its last event", row->id);
    if (sqlite3_column_int64(events, 6) != 0)
        tell(check, "job %.40s: it has events of an unknown type", row->id);
}

static bool check_events(struct check *check, const struct row *row)
{
    sqlite3_bind_int64(check->events, 1, row->number);
    sqlite3_bind_int64(check->events, 2, row->first);
    if (sqlite3_step(check->events) == SQLITE_ROW)
        judge_events(check, row);
    if (sqlite3_reset(check->events) != SQLITE_OK)
        return false;
    sqlite3_bind_int64(check->former, 1, row->number);
    sqlite3_bind_int64(check->former, 2, row->first);
    if (sqlite3_step(check->former) == SQLITE_ROW &&
        sqlite3_column_int64(check->former, 0) > 0)
        tell(check, "job %.40s: it has events in front of its first, %lld",
             row->id, (long long)row->first);
    return sqlite3_reset(check->former) == SQLITE_OK;
}

static bool check_jobs(struct check *check)
{
    sqlite3_stmt *jobs;
    bool goes_on = true;
    if (sqlite3_prepare_v2(check->connection, SQL_JOBS, -1, &jobs, NULL) !=
        SQLITE_OK)
        return false;
    while (goes_on && sqlite3_step(jobs) == SQLITE_ROW) {
        struct row row = row_of(jobs);
        check->work->report->jobs++;
        check_record(check, &row);
        goes_on = check_events(check, &row);
    }
    return sqlite3_finalize(jobs) == SQLITE_OK && goes_on;
}

/* ---- all ---- */

static bool check_lost(struct check *check)
{
    int64_t events = rnl_upkeep_number(check->connection, SQL_LOST_EVENTS);
    int64_t inputs = rnl_upkeep_number(check->connection, SQL_LOST_INPUTS);
    if (events > 0)
        tell(check, "there are events of %lld jobs that are not there",
             (long long)events);
    if (inputs > 0)
        tell(check, "there are inputs of %lld jobs that are not there",
             (long long)inputs);
    return events >= 0 && inputs >= 0;
}

static bool check_all(struct check *check)
{
    return sqlite3_exec(check->connection, "BEGIN", NULL, NULL, NULL) ==
               SQLITE_OK &&
           sqlite3_prepare_v2(check->connection, SQL_EVENTS, -1, &check->events,
                              NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(check->connection, SQL_FORMER, -1, &check->former,
                              NULL) == SQLITE_OK &&
           check_file(check) && check_jobs(check) && check_lost(check);
}

void rnl_check_run(struct rnl_upkeep_work *work)
{
    struct check check = {.work = work};
    work->report->problems =
        rnl_calloc(RNL_UPKEEP_PROBLEMS_MAX, RNL_UPKEEP_TEXT_MAX);
    if (work->report->problems == NULL) {
        rnl_upkeep_fail(work, RNL_RESOURCE_EXHAUSTED, "memory is out");
        return;
    }
    check.connection = rnl_upkeep_open(work, SQLITE_OPEN_READONLY);
    if (check.connection == NULL)
        return;
    /* A file that cannot be read to its end is a finding too. */
    if (!check_all(&check)) {
        enum rnl_code code =
            rnl_database_code(sqlite3_errcode(check.connection));
        if (code == RNL_DATA_LOSS)
            tell(&check, "the file cannot be read to its end: %.150s",
                 sqlite3_errmsg(check.connection));
        else
            rnl_upkeep_fail_sql(work, check.connection);
    }
    sqlite3_finalize(check.events);
    sqlite3_finalize(check.former);
    sqlite3_close_v2(check.connection);
}
