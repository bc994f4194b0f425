/* SPDX-License-Identifier: Apache-2.0 */
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "load.h"
#include "timing.h"

/* Bytes of a new record, of that of a job that has ended, and of an event:
 * those of runneld for a job of this bench. */
#define NEW_BYTES   100
#define ENDED_BYTES 131
#define EVENT_BYTES 4

/* Rows and indexes are those of runneld (server/io/sqlite/schema.sql.h), and so
 * are the settings, but for auto_vacuum, which a bare SQLite need not have. */
static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "PRAGMA cache_size = -4096; PRAGMA wal_autocheckpoint = 4000;"
    "DROP TABLE IF EXISTS job; DROP TABLE IF EXISTS job_event;"
    "CREATE TABLE job (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " state INTEGER NOT NULL, kind TEXT NOT NULL,"
    " idempotency_key TEXT NOT NULL, hash_low INTEGER NOT NULL,"
    " hash_high INTEGER NOT NULL, priority INTEGER NOT NULL,"
    " attempt INTEGER NOT NULL, create_ns INTEGER, start_ns INTEGER,"
    " end_ns INTEGER, expire_ns INTEGER NOT NULL, error_code INTEGER,"
    " error TEXT, input_bytes INTEGER NOT NULL, output_bytes INTEGER NOT NULL,"
    " last_sequence INTEGER NOT NULL, event_bytes INTEGER NOT NULL,"
    " ended INTEGER NOT NULL, record BLOB NOT NULL,"
    " first_sequence INTEGER NOT NULL);"
    "CREATE TABLE job_event (job INTEGER NOT NULL, sequence INTEGER NOT NULL,"
    " time_ns INTEGER NOT NULL, type INTEGER NOT NULL, data BLOB NOT NULL,"
    " PRIMARY KEY (job, sequence)) WITHOUT ROWID;";

/* A time, or a hash: 8 bytes in a row. */
#define WIDE "1795696409352435310"

static const char insert_job[] =
    "INSERT INTO job VALUES (?1, ?2, 1, 'bench', '', " WIDE ", " WIDE
    ", 0, 0, " WIDE ", NULL, NULL, " WIDE
    ", NULL, NULL, 0, 0, 1, 20, 0, ?3, 1)";
static const char update_job[] =
    "UPDATE job SET state = 3, attempt = 1, start_ns = " WIDE ", end_ns = " WIDE
    ", expire_ns = " WIDE ", error_code = NULL, error = NULL, output_bytes = 0,"
    " last_sequence = 3, event_bytes = 58, ended = 1, record = ?1,"
    " first_sequence = 1 WHERE number = ?2";
static const char insert_event[] =
    "INSERT INTO job_event VALUES (?, ?, ?, 4, ?)";

struct floor {
    sqlite3 *db;
    sqlite3_stmt *begin;
    sqlite3_stmt *commit;
    sqlite3_stmt *insert;
    sqlite3_stmt *update;
    sqlite3_stmt *event;
    size_t group;
    size_t count;
    sqlite3_int64 next;
};

static void check(struct floor *floor, int rc)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        bench_die("sqlite: %s", sqlite3_errmsg(floor->db));
}

static void step(struct floor *floor, sqlite3_stmt *statement)
{
    check(floor, sqlite3_step(statement));
    check(floor, sqlite3_reset(statement));
}

static sqlite3_stmt *prepare(struct floor *floor, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    check(floor, sqlite3_prepare_v2(floor->db, sql, -1, &statement, NULL));
    return statement;
}

static void add_event(struct floor *floor, sqlite3_int64 job, int sequence)
{
    static const char data[EVENT_BYTES];
    sqlite3_bind_int64(floor->event, 1, job);
    sqlite3_bind_int(floor->event, 2, sequence);
    sqlite3_bind_int64(floor->event, 3, INT64_MAX - sequence);
    sqlite3_bind_blob(floor->event, 4, data, sizeof(data), SQLITE_STATIC);
    step(floor, floor->event);
}

static void create(struct floor *floor, sqlite3_int64 job)
{
    static const char record[NEW_BYTES];
    char id[32];
    snprintf(id, sizeof(id), "%026lld", (long long)job);
    sqlite3_bind_int64(floor->insert, 1, job);
    sqlite3_bind_text(floor->insert, 2, id, -1, SQLITE_STATIC);
    sqlite3_bind_blob(floor->insert, 3, record, sizeof(record), SQLITE_STATIC);
    step(floor, floor->insert);
    add_event(floor, job, 1);
}

static void complete(struct floor *floor, sqlite3_int64 job)
{
    static const char record[ENDED_BYTES];
    sqlite3_bind_blob(floor->update, 1, record, sizeof(record), SQLITE_STATIC);
    sqlite3_bind_int64(floor->update, 2, job);
    step(floor, floor->update);
    add_event(floor, job, 2);
    add_event(floor, job, 3);
}

/* A cycle needs two commits, one after the other; so of in_flight cycles half
 * are created and half completed in one. */
static void run(void *arg)
{
    struct floor *floor = arg;
    sqlite3_int64 completed = floor->next;
    sqlite3_int64 last = floor->next + (sqlite3_int64)floor->count;
    while (completed < last) {
        sqlite3_int64 created = floor->next;
        step(floor, floor->begin);
        for (size_t i = 0; i < floor->group && floor->next < last; i++)
            create(floor, floor->next++);
        while (completed < created)
            complete(floor, completed++);
        step(floor, floor->commit);
    }
}

void bench_sqlite(const struct bench_task *task)
{
    struct floor floor = {.group = task->in_flight / 2, .count = task->count};
    if (task->path == NULL || floor.group == 0)
        bench_die("sqlite wants path=, and in_flight of 2 or more");
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    check(&floor, sqlite3_open_v2(task->path, &floor.db,
                                  SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                                      SQLITE_OPEN_NOMUTEX,
                                  NULL));
    check(&floor, sqlite3_exec(floor.db, schema, NULL, NULL, NULL));
    floor.begin = prepare(&floor, "BEGIN");
    floor.commit = prepare(&floor, "COMMIT");
    floor.insert = prepare(&floor, insert_job);
    floor.update = prepare(&floor, update_job);
    floor.event = prepare(&floor, insert_event);
    const struct bench_rounds rounds = {.task = task,
                                        .name = "cycles",
                                        .run = run,
                                        .arg = &floor,
                                        .work = task->count};
    bench_rounds(&rounds);
    sqlite3_finalize(floor.begin);
    sqlite3_finalize(floor.commit);
    sqlite3_finalize(floor.insert);
    sqlite3_finalize(floor.update);
    sqlite3_finalize(floor.event);
    sqlite3_close(floor.db);
}
