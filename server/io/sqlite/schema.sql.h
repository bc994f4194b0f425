/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables, as the steps that lead to them: step n makes version n of n - 1.
 * A step is never changed once released; a new one is added.
 *
 *   job        one row a job. record is the encoded runnel.v1.Job without its
 *              input; the columns beside it repeat what people ask for.
 *   job_input  its encoded Payload, apart since it never changes
 *   job_event  the event log; type is enum rnl_event_type of core/store.h
 *   job_trash  jobs, there or not, whose events in front of a sequence go
 *   meta       epoch: identity of the file; lease_key: a secret
 *   event_stream  one row a stream of events: its encoded StreamConfig, and
 *              what people ask for as of the last save
 *   event_part what core/stats_group.h calls parts
 *   event_log  its log since the last save
 *   token      bearer tokens, hashed (core/token_store.h); expire_ns 0: never
 *
 * Views are for the sqlite3 shell, and are made anew at each start.
 */
#ifndef RNL_IO_SQLITE_SCHEMA_H
#define RNL_IO_SQLITE_SCHEMA_H

/* "RNL1" */
#define RNL_APPLICATION_ID 0x524E4C31

static const char *const rnl_schema_steps[] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE job ("
    " number INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE,"
    " state INTEGER NOT NULL,"
    " kind TEXT NOT NULL,"
    " idempotency_key TEXT NOT NULL,"
    " hash_low INTEGER NOT NULL,"
    " hash_high INTEGER NOT NULL,"
    " priority INTEGER NOT NULL,"
    " attempt INTEGER NOT NULL,"
    " create_ns INTEGER,"
    " start_ns INTEGER,"
    " end_ns INTEGER,"
    " expire_ns INTEGER NOT NULL,"
    " error_code INTEGER,"
    " error TEXT,"
    " input_bytes INTEGER NOT NULL,"
    " output_bytes INTEGER NOT NULL,"
    " last_sequence INTEGER NOT NULL,"
    " event_bytes INTEGER NOT NULL,"
    " ended INTEGER NOT NULL,"
    " record BLOB NOT NULL);"
    "CREATE TABLE job_input ("
    " job INTEGER PRIMARY KEY REFERENCES job(number),"
    " payload BLOB NOT NULL);"
    "CREATE TABLE job_event ("
    " job INTEGER NOT NULL REFERENCES job(number),"
    " sequence INTEGER NOT NULL,"
    " time_ns INTEGER NOT NULL,"
    " type INTEGER NOT NULL,"
    " data BLOB NOT NULL,"
    " PRIMARY KEY (job, sequence)) WITHOUT ROWID;",
    "CREATE TABLE token ("
    " id TEXT PRIMARY KEY,"
    " name TEXT NOT NULL,"
    " hash BLOB NOT NULL UNIQUE,"
    " scopes TEXT NOT NULL,"
    " create_ns INTEGER NOT NULL,"
    " expire_ns INTEGER NOT NULL) WITHOUT ROWID;",
    /* The oldest event kept. */
    "ALTER TABLE job ADD COLUMN first_sequence INTEGER NOT NULL DEFAULT 1;",
    "CREATE TABLE event_stream ("
    " number INTEGER PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE,"
    " config BLOB NOT NULL,"
    " create_ns INTEGER NOT NULL,"
    " save_ns INTEGER,"
    " events INTEGER,"
    " late_events INTEGER,"
    " duplicate_batches INTEGER,"
    " first_event_ms INTEGER,"
    " last_event_ms INTEGER,"
    " watermark_ms INTEGER);"
    "CREATE TABLE event_part ("
    " stream INTEGER NOT NULL REFERENCES event_stream(number),"
    " key INTEGER NOT NULL,"
    " data BLOB NOT NULL,"
    " UNIQUE (stream, key));"
    "CREATE TABLE event_log ("
    " number INTEGER PRIMARY KEY,"
    " stream INTEGER NOT NULL REFERENCES event_stream(number),"
    " data BLOB NOT NULL);"
    "CREATE INDEX event_log_stream ON event_log(stream);",
    /* Events that are to go (sweep.h). */
    "CREATE TABLE job_trash ("
    " job INTEGER PRIMARY KEY,"
    " before INTEGER NOT NULL);",
};

#define RNL_SCHEMA_VERSION \
    ((int)(sizeof(rnl_schema_steps) / sizeof(rnl_schema_steps[0])))

/* Nanoseconds since 1970 as text. */
#define RNL_SQL_TIME(column) \
    "strftime('%Y-%m-%dT%H:%M:%fZ', " column " / 1e9, 'unixepoch')"
#define RNL_SQL_CREATE_TIME RNL_SQL_TIME("create_ns") " AS create_time, "
#define RNL_SQL_START_TIME  RNL_SQL_TIME("start_ns") " AS start_time, "
#define RNL_SQL_END_TIME    RNL_SQL_TIME("end_ns") " AS end_time, "
#define RNL_SQL_EVENT_TIME  RNL_SQL_TIME("event.time_ns") " AS time, "
#define RNL_SQL_SAVE_TIME   RNL_SQL_TIME("save_ns") " AS snapshot_time, "
#define RNL_SQL_FIRST_EVENT \
    RNL_SQL_TIME("first_event_ms * 1e6") " AS first_event_time, "
#define RNL_SQL_LAST_EVENT \
    RNL_SQL_TIME("last_event_ms * 1e6") " AS last_event_time, "
#define RNL_SQL_WATERMARK RNL_SQL_TIME("watermark_ms * 1e6") " AS watermark, "
#define RNL_SQL_EXPIRE_TIME \
    RNL_SQL_TIME("nullif(expire_ns, 0)") " AS expire_time "

/* clang-format off */
static const char rnl_schema_views[] =
    "DROP VIEW IF EXISTS jobs;"
    "CREATE VIEW jobs AS SELECT id, kind,"
    " CASE state WHEN 1 THEN 'QUEUED' WHEN 2 THEN 'RUNNING'"
    "  WHEN 3 THEN 'SUCCEEDED' WHEN 4 THEN 'FAILED' WHEN 5 THEN 'CANCELLED'"
    "  WHEN 6 THEN 'EXPIRED' ELSE state END AS state,"
    " priority, attempt, error_code, error, "
    RNL_SQL_CREATE_TIME RNL_SQL_START_TIME RNL_SQL_END_TIME
    " (start_ns - create_ns) / 1e9 AS wait_s,"
    " (end_ns - start_ns) / 1e9 AS run_s,"
    " input_bytes, output_bytes, last_sequence,"
    " nullif(idempotency_key, '') AS idempotency_key FROM job;"

    "DROP VIEW IF EXISTS job_events;"
    "CREATE VIEW job_events AS SELECT job.id AS job_id, event.sequence, "
    RNL_SQL_EVENT_TIME
    " CASE event.type WHEN 1 THEN 'delta' WHEN 2 THEN 'delta'"
    "  WHEN 3 THEN 'progress' WHEN 4 THEN 'status' WHEN 5 THEN 'log'"
    "  WHEN 6 THEN 'end' END AS event,"
    " CASE event.type WHEN 1 THEN CAST(event.data AS TEXT)"
    "  ELSE event.data END AS data"
    " FROM job_event AS event JOIN job ON job.number = event.job;"

    "DROP VIEW IF EXISTS tokens;"
    "CREATE VIEW tokens AS SELECT id, name, scopes, "
    RNL_SQL_CREATE_TIME RNL_SQL_EXPIRE_TIME
    "FROM token;"

    "DROP VIEW IF EXISTS stats_snapshots;"
    "CREATE VIEW stats_snapshots AS SELECT name AS stream, "
    RNL_SQL_CREATE_TIME RNL_SQL_SAVE_TIME
    "events, late_events, duplicate_batches, "
    RNL_SQL_FIRST_EVENT RNL_SQL_LAST_EVENT RNL_SQL_WATERMARK
    "(SELECT coalesce(sum(length(data)), 0) FROM event_part"
    "  WHERE stream = number) AS snapshot_bytes,"
    " (SELECT coalesce(sum(length(data)), 0) FROM event_log"
    "  WHERE stream = event_stream.number) AS log_bytes"
    " FROM event_stream;";
/* clang-format on */

#endif
