/* SPDX-License-Identifier: Apache-2.0 */
#include "writer.h"

#include <stdio.h>
#include <string.h>

#include "database.h"
#include "record.h"

static const char *const sql[RNL_WRITER_STATEMENTS] = {
    [RNL_WRITER_BEGIN] = "BEGIN IMMEDIATE",
    [RNL_WRITER_COMMIT] = "COMMIT",
    [RNL_WRITER_INSERT] =
        "INSERT INTO job VALUES (?21, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
        " ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?22)",
    [RNL_WRITER_INSERT_INPUT] = "INSERT INTO job_input VALUES (?1, ?2)",
    /* What can change since the job was new. */
    [RNL_WRITER_UPDATE] =
        "UPDATE job SET state = ?2, attempt = ?8, start_ns = ?10,"
        " end_ns = ?11, expire_ns = ?12, error_code = ?13, error = ?14,"
        " output_bytes = ?16, last_sequence = ?17, event_bytes = ?18,"
        " ended = ?19, record = ?20, first_sequence = ?22"
        " WHERE number = ?21",
    [RNL_WRITER_UPDATE_LOG] = "UPDATE job SET last_sequence = ?17,"
                              " event_bytes = ?18, ended = ?19,"
                              " first_sequence = ?22"
                              " WHERE number = ?21",
    [RNL_WRITER_INSERT_EVENT] =
        "INSERT INTO job_event VALUES (?1, ?2, ?3, ?4, ?5)",
    [RNL_WRITER_TRIM] =
        "DELETE FROM job_event WHERE job = ?1 AND sequence < ?2",
    [RNL_WRITER_DELETE_EVENTS] = "DELETE FROM job_event WHERE job = ?1",
    [RNL_WRITER_DELETE_INPUT] = "DELETE FROM job_input WHERE job = ?1",
    [RNL_WRITER_DELETE] = "DELETE FROM job WHERE number = ?1",
};

/* Numbers of the parameters of INSERT and the two UPDATEs. */
enum {
    AT_ID = 1,
    AT_STATE,
    AT_KIND,
    AT_KEY,
    AT_HASH_LOW,
    AT_HASH_HIGH,
    AT_PRIORITY,
    AT_ATTEMPT,
    AT_CREATE,
    AT_START,
    AT_END,
    AT_EXPIRE,
    AT_ERROR_CODE,
    AT_ERROR,
    AT_INPUT_BYTES,
    AT_OUTPUT_BYTES,
    AT_LAST_SEQUENCE,
    AT_EVENT_BYTES,
    AT_ENDED,
    AT_RECORD,
    AT_NUMBER,
    AT_FIRST_SEQUENCE,
};

enum rnl_code rnl_writer_init(struct rnl_writer *writer, sqlite3 *connection)
{
    *writer = (struct rnl_writer){.connection = connection};
    enum rnl_code code = rnl_database_prepare_all(
        connection, sql, RNL_WRITER_STATEMENTS, writer->statements);
    if (code == RNL_OK)
        code = rnl_stats_writer_init(&writer->stats, connection);
    return code == RNL_OK ? rnl_sweep_init(&writer->sweep, connection) : code;
}

void rnl_writer_fini(struct rnl_writer *writer)
{
    rnl_database_finalize_all(writer->statements, RNL_WRITER_STATEMENTS);
    rnl_sweep_fini(&writer->sweep);
    rnl_stats_writer_fini(&writer->stats);
    *writer = (struct rnl_writer){0};
}

/* ---- a record ---- */

/* Texts and blobs are bound as they are: they stay until the statement has run,
 * and each run binds all of its parameters anew. */

static void bind_time(sqlite3_stmt *statement, int at,
                      struct rnl_record_time time)
{
    if (time.is_set)
        sqlite3_bind_int64(statement, at, time.ns);
    else
        sqlite3_bind_null(statement, at);
}

static void bind_text(sqlite3_stmt *statement, int at,
                      struct rnl_record_text text)
{
    sqlite3_bind_text(statement, at, text.data, text.len, SQLITE_STATIC);
}

static void bind_error(sqlite3_stmt *statement, const struct rnl_record *record)
{
    if (!record->has_error) {
        sqlite3_bind_null(statement, AT_ERROR_CODE);
        sqlite3_bind_null(statement, AT_ERROR);
        return;
    }
    sqlite3_bind_int(statement, AT_ERROR_CODE, record->error_code);
    bind_text(statement, AT_ERROR, record->error);
}

static void bind_job(sqlite3_stmt *statement, const struct rnl_record *record)
{
    sqlite3_bind_int(statement, AT_STATE, record->state);
    sqlite3_bind_int(statement, AT_ATTEMPT, record->attempt);
    bind_time(statement, AT_START, record->start);
    bind_time(statement, AT_END, record->end);
    bind_error(statement, record);
    sqlite3_bind_int64(statement, AT_OUTPUT_BYTES, record->output_bytes);
}

/* What never changes. */
static void bind_new(sqlite3_stmt *statement,
                     const struct rnl_group_change *change,
                     const struct rnl_record *record)
{
    sqlite3_bind_text(statement, AT_ID, change->id, RNL_JOB_ID_LEN,
                      SQLITE_STATIC);
    bind_text(statement, AT_KIND, record->kind);
    bind_text(statement, AT_KEY, record->key);
    sqlite3_bind_int64(statement, AT_HASH_LOW, (sqlite3_int64)change->hash.low);
    sqlite3_bind_int64(statement, AT_HASH_HIGH,
                       (sqlite3_int64)change->hash.high);
    sqlite3_bind_int(statement, AT_PRIORITY, record->priority);
    bind_time(statement, AT_CREATE, record->create);
    sqlite3_bind_int64(statement, AT_INPUT_BYTES, change->input_len);
}

static void bind_log(sqlite3_stmt *statement,
                     const struct rnl_group_change *change)
{
    sqlite3_bind_int64(statement, AT_LAST_SEQUENCE,
                       (sqlite3_int64)change->last_sequence);
    sqlite3_bind_int64(statement, AT_EVENT_BYTES,
                       (sqlite3_int64)change->event_bytes);
    sqlite3_bind_int(statement, AT_ENDED, change->ended);
    sqlite3_bind_int64(statement, AT_FIRST_SEQUENCE,
                       (sqlite3_int64)change->first_sequence);
}

/* A place in the group: the change at hand. */
struct work {
    struct rnl_writer *writer;
    struct rnl_group_cursor cursor;
    struct rnl_group_change change;
    struct rnl_group_parts parts;
    /* The job's row. */
    sqlite3_int64 number;
};

/* The same for a statement that changes the job's row, which must be there. */
static int run_on_job(const struct work *work, sqlite3_stmt *statement)
{
    int result = rnl_database_run(statement);
    if (result == SQLITE_OK && sqlite3_changes(work->writer->connection) != 1)
        return SQLITE_CORRUPT;
    return result;
}

static int put_record(struct work *work)
{
    const struct rnl_group_change *change = &work->change;
    sqlite3_stmt *statement =
        work->writer->statements[change->is_new ? RNL_WRITER_INSERT
                                                : RNL_WRITER_UPDATE];
    struct rnl_record record;
    if (!rnl_record_read(work->parts.record, change->record_len, &record))
        return SQLITE_CORRUPT;
    bind_job(statement, &record);
    bind_log(statement, change);
    sqlite3_bind_int64(statement, AT_EXPIRE, change->expire_ns);
    sqlite3_bind_blob(statement, AT_RECORD, work->parts.record,
                      (int)change->record_len, SQLITE_STATIC);
    sqlite3_bind_int64(statement, AT_NUMBER, work->number);
    if (change->is_new)
        bind_new(statement, change, &record);
    return run_on_job(work, statement);
}

static int put_input(struct work *work)
{
    sqlite3_stmt *statement = work->writer->statements[RNL_WRITER_INSERT_INPUT];
    if (!work->change.is_new || work->change.input_len == 0)
        return SQLITE_OK;
    sqlite3_bind_int64(statement, 1, work->number);
    sqlite3_bind_blob(statement, 2, work->parts.input,
                      (int)work->change.input_len, SQLITE_STATIC);
    return rnl_database_run(statement);
}

static int put_log(struct work *work)
{
    sqlite3_stmt *statement = work->writer->statements[RNL_WRITER_UPDATE_LOG];
    bind_log(statement, &work->change);
    sqlite3_bind_int64(statement, AT_NUMBER, work->number);
    return run_on_job(work, statement);
}

static int put_events(struct work *work)
{
    const struct rnl_group_change *change = &work->change;
    sqlite3_stmt *statement = work->writer->statements[RNL_WRITER_INSERT_EVENT];
    uint64_t sequence = change->last_sequence - change->event_count;
    int result = SQLITE_OK;
    for (uint64_t i = 0; i < change->event_count; i++) {
        struct rnl_group_event event;
        const uint8_t *data = rnl_group_next_event(&work->cursor, &event);
        sqlite3_bind_int64(statement, 1, work->number);
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)++sequence);
        sqlite3_bind_int64(statement, 3, event.time_ns);
        sqlite3_bind_int(statement, 4, (int)event.type);
        sqlite3_bind_blob(statement, 5, data, (int)event.len, SQLITE_STATIC);
        if (result == SQLITE_OK)
            result = rnl_database_run(statement);
    }
    return result;
}

static int trim(const struct work *work)
{
    sqlite3_stmt *statement = work->writer->statements[RNL_WRITER_TRIM];
    if (!work->change.trimmed)
        return SQLITE_OK;
    sqlite3_bind_int64(statement, 1, work->number);
    sqlite3_bind_int64(statement, 2,
                       (sqlite3_int64)work->change.first_sequence);
    if (work->change.gone_count > RNL_SWEEP_EVENTS)
        return rnl_sweep_note(&work->writer->sweep, work->number,
                              (sqlite3_int64)work->change.first_sequence);
    return rnl_database_run(statement);
}

/* ---- a change ---- */

static int delete_job(struct work *work)
{
    static const enum rnl_writer_statement order[] = {
        RNL_WRITER_DELETE_EVENTS, RNL_WRITER_DELETE_INPUT, RNL_WRITER_DELETE};
    bool many = work->change.gone_count > RNL_SWEEP_EVENTS;
    int result = SQLITE_OK;
    if (many)
        result = rnl_sweep_note(&work->writer->sweep, work->number, INT64_MAX);
    for (size_t i = many; i < 3 && result == SQLITE_OK; i++) {
        sqlite3_stmt *statement = work->writer->statements[order[i]];
        sqlite3_bind_int64(statement, 1, work->number);
        /* The row itself is the last. */
        result =
            i < 2 ? rnl_database_run(statement) : run_on_job(work, statement);
    }
    return result;
}

static int apply_change(struct work *work)
{
    const struct rnl_group_change *change = &work->change;
    work->number = (sqlite3_int64)change->number;
    if (change->removed)
        return delete_job(work);
    int result = change->has_record ? put_record(work) : put_log(work);
    if (result == SQLITE_OK)
        result = put_input(work);
    /* In any case, since it moves the cursor on. */
    int events = put_events(work);
    if (result == SQLITE_OK)
        result = events;
    /* Last, since new events may be among those that go. */
    return result == SQLITE_OK ? trim(work) : result;
}

static int apply_jobs(struct rnl_writer *writer, const struct rnl_group *group)
{
    struct work work = {
        .writer = writer,
        .cursor = {group->bytes, group->bytes + group->len},
    };
    int result = SQLITE_OK;
    while (result == SQLITE_OK &&
           rnl_group_next(&work.cursor, &work.change, &work.parts))
        result = apply_change(&work);
    return result;
}

enum rnl_code rnl_writer_apply(struct rnl_writer *writer,
                               const struct rnl_writer_groups *groups,
                               char error[RNL_JOURNAL_ERROR_MAX])
{
    int result = rnl_database_run(writer->statements[RNL_WRITER_BEGIN]);
    if (result == SQLITE_OK && groups->jobs != NULL)
        result = apply_jobs(writer, groups->jobs);
    if (result == SQLITE_OK && groups->stats != NULL)
        result = rnl_stats_writer_apply(&writer->stats, groups->stats);
    if (result == SQLITE_OK)
        result = rnl_database_run(writer->statements[RNL_WRITER_COMMIT]);
    error[0] = '\0';
    writer->sweep.is_due = result == SQLITE_OK && writer->sweep.is_noted;
    if (result == SQLITE_OK)
        return RNL_OK;
    snprintf(error, RNL_JOURNAL_ERROR_MAX, "%s",
             sqlite3_errmsg(writer->connection));
    if (!sqlite3_get_autocommit(writer->connection))
        sqlite3_exec(writer->connection, "ROLLBACK", NULL, NULL, NULL);
    return rnl_database_code(result);
}
