/* SPDX-License-Identifier: Apache-2.0 */
#include "stats_reader.h"

#include "database.h"

/* One walk; the statements are prepared for it alone. */
struct walk {
    sqlite3 *connection;
    sqlite3_stmt *streams;
    sqlite3_stmt *parts;
    sqlite3_stmt *logs;
    rnl_stats_take_fn *take;
    void *arg;
};

static bool prepare(struct walk *walk)
{
    walk->streams = rnl_database_prepare(
        walk->connection,
        "SELECT number, create_ns, config FROM event_stream ORDER BY number");
    walk->parts = rnl_database_prepare(
        walk->connection,
        "SELECT key, data FROM event_part WHERE stream = ?1 ORDER BY key");
    walk->logs = rnl_database_prepare(
        walk->connection,
        "SELECT number, data FROM event_log WHERE stream = ?1 ORDER BY number");
    return walk->streams != NULL && walk->parts != NULL && walk->logs != NULL;
}

static void finalize(struct walk *walk)
{
    sqlite3_finalize(walk->streams);
    sqlite3_finalize(walk->parts);
    sqlite3_finalize(walk->logs);
}

/* Lends the data of a row's column until the next step. */
static void set_data(struct rnl_stats_record *record, sqlite3_stmt *row,
                     int column)
{
    static const uint8_t nothing[1];
    const void *data = sqlite3_column_blob(row, column);
    record->data = data == NULL ? nothing : data;
    record->len = (size_t)sqlite3_column_bytes(row, column);
}

/* Rows of (key or number, data) of one stream. */
static enum rnl_code walk_rows(const struct walk *walk, sqlite3_stmt *rows,
                               enum rnl_stats_kind kind, uint64_t stream)
{
    enum rnl_code code = RNL_OK;
    sqlite3_bind_int64(rows, 1, (sqlite3_int64)stream);
    while (code == RNL_OK && sqlite3_step(rows) == SQLITE_ROW) {
        struct rnl_stats_record record = {.kind = kind, .stream = stream};
        if (kind == RNL_STATS_PART)
            record.key = (uint32_t)sqlite3_column_int64(rows, 0);
        set_data(&record, rows, 1);
        code = walk->take(walk->arg, &record);
    }
    int result = sqlite3_reset(rows);
    return result == SQLITE_OK ? code : rnl_database_code(result);
}

static enum rnl_code walk_stream(const struct walk *walk)
{
    struct rnl_stats_record record = {
        .kind = RNL_STATS_STREAM,
        .stream = (uint64_t)sqlite3_column_int64(walk->streams, 0),
        .time_ns = sqlite3_column_int64(walk->streams, 1),
    };
    set_data(&record, walk->streams, 2);
    enum rnl_code code = walk->take(walk->arg, &record);
    if (code == RNL_OK)
        code = walk_rows(walk, walk->parts, RNL_STATS_PART, record.stream);
    if (code == RNL_OK)
        code = walk_rows(walk, walk->logs, RNL_STATS_LOG, record.stream);
    return code;
}

enum rnl_code rnl_stats_reader_all(sqlite3 *connection, rnl_stats_take_fn *take,
                                   void *arg)
{
    struct walk walk = {.connection = connection, .take = take, .arg = arg};
    enum rnl_code code = RNL_OK;
    if (!prepare(&walk)) {
        finalize(&walk);
        return rnl_database_code(sqlite3_errcode(connection));
    }
    while (code == RNL_OK && sqlite3_step(walk.streams) == SQLITE_ROW)
        code = walk_stream(&walk);
    int result = sqlite3_reset(walk.streams);
    finalize(&walk);
    return result == SQLITE_OK ? code : rnl_database_code(result);
}
