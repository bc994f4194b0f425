/* SPDX-License-Identifier: Apache-2.0 */
#include "stats_writer.h"

#include <string.h>

#include <runnel/v1/stats.pb-c.h>

#include "database.h"

static const char *const sql[RNL_STATS_WRITER_STATEMENTS] = {
    [RNL_STATS_WRITER_STREAM] =
        "INSERT INTO event_stream (number, name, config, create_ns)"
        " VALUES (?1, ?2, ?3, ?4)",
    [RNL_STATS_WRITER_LOG] = "INSERT INTO event_log VALUES (NULL, ?1, ?2)",
    [RNL_STATS_WRITER_DROP_LOG] = "DELETE FROM event_log WHERE stream = ?1",
    [RNL_STATS_WRITER_SUMMARY] =
        "UPDATE event_stream SET save_ns = ?2, events = ?3, late_events = ?4,"
        " duplicate_batches = ?5, first_event_ms = ?6, last_event_ms = ?7,"
        " watermark_ms = ?8 WHERE number = ?1",
    [RNL_STATS_WRITER_PART] =
        "INSERT INTO event_part VALUES (?1, ?2, ?3)"
        " ON CONFLICT (stream, key) DO UPDATE SET data = excluded.data",
    [RNL_STATS_WRITER_DROP_PARTS] = "DELETE FROM event_part WHERE stream = ?1",
    [RNL_STATS_WRITER_DROP_STREAM] =
        "DELETE FROM event_stream WHERE number = ?1",
};

enum rnl_code rnl_stats_writer_init(struct rnl_stats_writer *writer,
                                    sqlite3 *connection)
{
    return rnl_database_prepare_all(
        connection, sql, RNL_STATS_WRITER_STATEMENTS, writer->statements);
}

void rnl_stats_writer_fini(struct rnl_stats_writer *writer)
{
    rnl_database_finalize_all(writer->statements, RNL_STATS_WRITER_STATEMENTS);
    *writer = (struct rnl_stats_writer){0};
}

static sqlite3_stmt *statement_for(struct rnl_stats_writer *writer,
                                   enum rnl_stats_writer_statement which,
                                   const struct rnl_stats_record *record)
{
    sqlite3_stmt *statement = writer->statements[which];
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)record->stream);
    return statement;
}

static int drop(struct rnl_stats_writer *writer,
                enum rnl_stats_writer_statement which,
                const struct rnl_stats_record *record)
{
    return rnl_database_run(statement_for(writer, which, record));
}

static int put_stream(struct rnl_stats_writer *writer,
                      const struct rnl_stats_record *record)
{
    sqlite3_stmt *statement =
        statement_for(writer, RNL_STATS_WRITER_STREAM, record);
    /* On the writer's thread, so not by the core's allocator. */
    Runnel__V1__StreamConfig *config =
        runnel__v1__stream_config__unpack(NULL, record->len, record->data);
    if (config == NULL)
        return SQLITE_NOMEM;
    sqlite3_bind_text(statement, 2, config->name, -1, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 3, record->data, (int)record->len,
                      SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, record->time_ns);
    int result = rnl_database_run(statement);
    runnel__v1__stream_config__free_unpacked(config, NULL);
    return result;
}

static int put_log(struct rnl_stats_writer *writer,
                   const struct rnl_stats_record *record)
{
    sqlite3_stmt *statement =
        statement_for(writer, RNL_STATS_WRITER_LOG, record);
    sqlite3_bind_blob(statement, 2, record->data, (int)record->len,
                      SQLITE_STATIC);
    return rnl_database_run(statement);
}

static int put_part(struct rnl_stats_writer *writer,
                    const struct rnl_stats_record *record)
{
    sqlite3_stmt *statement =
        statement_for(writer, RNL_STATS_WRITER_PART, record);
    sqlite3_bind_int64(statement, 2, record->key);
    sqlite3_bind_blob(statement, 3, record->data, (int)record->len,
                      SQLITE_STATIC);
    return rnl_database_run(statement);
}

static int put_save(struct rnl_stats_writer *writer,
                    const struct rnl_stats_record *record)
{
    struct rnl_stats_summary summary;
    memcpy(&summary, record->data, sizeof(summary));
    sqlite3_stmt *statement =
        statement_for(writer, RNL_STATS_WRITER_SUMMARY, record);
    sqlite3_bind_int64(statement, 2, record->time_ns);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)summary.events);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)summary.late_events);
    sqlite3_bind_int64(statement, 5, (sqlite3_int64)summary.duplicate_batches);
    const int64_t times[] = {summary.first_event_ms, summary.last_event_ms,
                             summary.watermark_ms};
    for (int i = 0; i < 3; i++) {
        if (times[i] == 0)
            sqlite3_bind_null(statement, 6 + i);
        else
            sqlite3_bind_int64(statement, 6 + i, times[i]);
    }
    int result = rnl_database_run(statement);
    return result == SQLITE_OK ? drop(writer, RNL_STATS_WRITER_DROP_LOG, record)
                               : result;
}

static int drop_stream(struct rnl_stats_writer *writer,
                       const struct rnl_stats_record *record)
{
    static const enum rnl_stats_writer_statement order[] = {
        RNL_STATS_WRITER_DROP_LOG, RNL_STATS_WRITER_DROP_PARTS,
        RNL_STATS_WRITER_DROP_STREAM};
    int result = SQLITE_OK;
    for (size_t i = 0; i < 3 && result == SQLITE_OK; i++)
        result = drop(writer, order[i], record);
    return result;
}

static int apply(struct rnl_stats_writer *writer,
                 const struct rnl_stats_record *record)
{
    switch (record->kind) {
    case RNL_STATS_STREAM:
        return put_stream(writer, record);
    case RNL_STATS_GONE:
        return drop_stream(writer, record);
    case RNL_STATS_LOG:
        return put_log(writer, record);
    case RNL_STATS_SAVE:
        return put_save(writer, record);
    case RNL_STATS_PART:
        return put_part(writer, record);
    }
    return SQLITE_MISUSE;
}

int rnl_stats_writer_apply(struct rnl_stats_writer *writer,
                           const struct rnl_stats_group *group)
{
    struct rnl_stats_record record;
    size_t at = 0;
    int result = SQLITE_OK;
    while (result == SQLITE_OK && rnl_stats_group_next(group, &at, &record))
        result = apply(writer, &record);
    return result;
}
