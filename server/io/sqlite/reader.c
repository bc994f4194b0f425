/* SPDX-License-Identifier: Apache-2.0 */
#include "reader.h"

#include <string.h>

#include "alloc.h"
#include "database.h"

/* States below are those of jobs that go on: QUEUED and RUNNING. */
#define SQL_ACTIVE "state < 3"

static const char *const sql[RNL_READER_STATEMENTS] = {
    [RNL_READER_RECORD] = "SELECT record FROM job WHERE number = ?1",
    [RNL_READER_INPUT] = "SELECT payload FROM job_input WHERE job = ?1",
    [RNL_READER_EVENTS] =
        "SELECT sequence, time_ns, type, data FROM job_event WHERE job ="
        " ?1 AND sequence > ?2 AND sequence <= ?3 ORDER BY sequence LIMIT ?4",
    [RNL_READER_ALL] =
        "SELECT id, state, kind, idempotency_key, hash_low, hash_high,"
        " input_bytes, expire_ns, last_sequence, event_bytes, ended,"
        " length(record), first_sequence, number, end_ns, CASE WHEN " SQL_ACTIVE
        " THEN record END"
        " FROM job ORDER BY number",
};

enum rnl_code rnl_reader_init(struct rnl_reader *reader, sqlite3 *connection)
{
    *reader = (struct rnl_reader){.connection = connection};
    return rnl_database_prepare_all(connection, sql, RNL_READER_STATEMENTS,
                                    reader->statements);
}

void rnl_reader_fini(struct rnl_reader *reader)
{
    rnl_database_finalize_all(reader->statements, RNL_READER_STATEMENTS);
    rnl_free(reader->bytes);
    *reader = (struct rnl_reader){0};
}

/* Copies a blob behind what was kept so far, since SQLite takes its own back
 * at the next step. */
static enum rnl_code keep(struct rnl_reader *reader, size_t at,
                          const void *data, size_t len)
{
    if (at + len > reader->cap) {
        size_t cap = 2 * (at + len) + 64;
        uint8_t *bytes = rnl_realloc(reader->bytes, cap);
        if (bytes == NULL)
            return RNL_RESOURCE_EXHAUSTED;
        reader->bytes = bytes;
        reader->cap = cap;
    }
    if (len > 0)
        memcpy(reader->bytes + at, data, len);
    return RNL_OK;
}

enum rnl_code rnl_reader_blob(struct rnl_reader *reader,
                              enum rnl_reader_statement which, uint64_t number,
                              struct rnl_blob *ret_blob)
{
    sqlite3_stmt *statement = reader->statements[which];
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)number);
    enum rnl_code code = RNL_NOT_FOUND;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        const void *data = sqlite3_column_blob(statement, 0);
        size_t len = (size_t)sqlite3_column_bytes(statement, 0);
        code = keep(reader, 0, data, len);
        *ret_blob = (struct rnl_blob){reader->bytes, len};
    }
    int result = sqlite3_reset(statement);
    return result == SQLITE_OK ? code : rnl_database_code(result);
}

/* ---- events ---- */

/* The data is placed by offset at first: the block may still move. */
static enum rnl_code keep_event(struct rnl_reader *reader,
                                sqlite3_stmt *statement, size_t at,
                                struct rnl_event *ret_event)
{
    const void *data = sqlite3_column_blob(statement, 3);
    *ret_event = (struct rnl_event){
        .sequence = (uint64_t)sqlite3_column_int64(statement, 0),
        .time_ns = sqlite3_column_int64(statement, 1),
        .type = (enum rnl_event_type)sqlite3_column_int(statement, 2),
        .len = (size_t)sqlite3_column_bytes(statement, 3),
    };
    return keep(reader, at, data, ret_event->len);
}

static enum rnl_code read_page(struct rnl_reader *reader,
                               sqlite3_stmt *statement, size_t bytes_max,
                               struct rnl_store_page *page)
{
    size_t bytes = 0;
    while (page->count < RNL_STORE_PAGE_MAX &&
           sqlite3_step(statement) == SQLITE_ROW) {
        struct rnl_event *event = &page->events[page->count];
        size_t len = (size_t)sqlite3_column_bytes(statement, 3);
        if (page->count > 0 && bytes + len > bytes_max)
            break;
        enum rnl_code code = keep_event(reader, statement, bytes, event);
        if (code != RNL_OK)
            return code;
        bytes += len;
        page->count++;
    }
    return RNL_OK;
}

enum rnl_code rnl_reader_events(struct rnl_reader *reader, uint64_t number,
                                const struct rnl_journal_range *range,
                                struct rnl_store_page *ret_page)
{
    sqlite3_stmt *statement = reader->statements[RNL_READER_EVENTS];
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)number);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)range->after);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)range->last);
    sqlite3_bind_int(statement, 4, RNL_STORE_PAGE_MAX);
    ret_page->count = 0;
    enum rnl_code code =
        read_page(reader, statement, range->bytes_max, ret_page);
    int result = sqlite3_reset(statement);
    if (result != SQLITE_OK)
        return rnl_database_code(result);
    if (code != RNL_OK)
        return code;
    const uint8_t *data = reader->bytes;
    for (size_t i = 0; i < ret_page->count; i++) {
        ret_page->events[i].data = data;
        data += ret_page->events[i].len;
    }
    /* Events that were committed are there. */
    if (ret_page->count == 0 ||
        ret_page->events[0].sequence != range->after + 1)
        return RNL_DATA_LOSS;
    return RNL_OK;
}

/* ---- all jobs ---- */

static bool read_entry(sqlite3_stmt *row, struct rnl_journal_entry *entry)
{
    const char *id = (const char *)sqlite3_column_text(row, 0);
    const char *kind = (const char *)sqlite3_column_text(row, 2);
    const char *key = (const char *)sqlite3_column_text(row, 3);
    if (id == NULL || strlen(id) != RNL_JOB_ID_LEN || kind == NULL ||
        key == NULL)
        return false;
    *entry = (struct rnl_journal_entry){
        .state = (Runnel__V1__JobState)sqlite3_column_int(row, 1),
        .kind = kind,
        .key = key,
        .hash = {.low = (uint64_t)sqlite3_column_int64(row, 4),
                 .high = (uint64_t)sqlite3_column_int64(row, 5)},
        .input_len = (size_t)sqlite3_column_int64(row, 6),
        .expire_ns = sqlite3_column_int64(row, 7),
        .last_sequence = (uint64_t)sqlite3_column_int64(row, 8),
        .event_bytes = (uint64_t)sqlite3_column_int64(row, 9),
        .ended = sqlite3_column_int(row, 10) != 0,
        .record_len = (size_t)sqlite3_column_int64(row, 11),
        .first_sequence = (uint64_t)sqlite3_column_int64(row, 12),
        .number = (uint64_t)sqlite3_column_int64(row, 13),
        .end_ns = sqlite3_column_int64(row, 14),
        .record = sqlite3_column_blob(row, 15),
    };
    memcpy(entry->id, id, sizeof(entry->id));
    return true;
}

enum rnl_code rnl_reader_all(
    struct rnl_reader *reader,
    bool (*take)(void *arg, const struct rnl_journal_entry *entry), void *arg)
{
    sqlite3_stmt *statement = reader->statements[RNL_READER_ALL];
    struct rnl_journal_entry entry;
    enum rnl_code code = RNL_OK;
    while (code == RNL_OK && sqlite3_step(statement) == SQLITE_ROW) {
        if (!read_entry(statement, &entry))
            code = RNL_DATA_LOSS;
        else if (!take(arg, &entry))
            code = RNL_RESOURCE_EXHAUSTED;
    }
    int result = sqlite3_reset(statement);
    return result == SQLITE_OK ? code : rnl_database_code(result);
}

enum rnl_code rnl_reader_last_number(struct rnl_reader *reader,
                                     uint64_t *ret_number)
{
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(
        reader->connection,
        "SELECT max(coalesce((SELECT max(number) FROM job), 0),"
        " coalesce((SELECT max(job) FROM job_trash), 0))",
        -1, &statement, NULL);
    if (result != SQLITE_OK)
        return rnl_database_code(result);
    if (sqlite3_step(statement) == SQLITE_ROW)
        *ret_number = (uint64_t)sqlite3_column_int64(statement, 0);
    result = sqlite3_finalize(statement);
    return result == SQLITE_OK ? RNL_OK : rnl_database_code(result);
}
