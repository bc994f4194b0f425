/* SPDX-License-Identifier: Apache-2.0 */
#include "token_table.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "database.h"

struct rnl_token_table {
    sqlite3 *connection;
};

enum rnl_code rnl_token_table_open(const char *folder,
                                   struct rnl_token_table **ret_table,
                                   char ret_error[RNL_JOURNAL_ERROR_MAX])
{
    char path[PATH_MAX];
    struct rnl_token_table *table = rnl_calloc(1, sizeof(*table));
    if (table == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    snprintf(path, sizeof(path), "%s/runnel.db", folder);
    int result = sqlite3_open_v2(path, &table->connection,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX |
                                     SQLITE_OPEN_EXRESCODE,
                                 NULL);
    /* A token that was shown or revoked is never forgotten, whatever jobs
     * may. */
    if (result == SQLITE_OK)
        result = sqlite3_exec(table->connection,
                              "PRAGMA synchronous=FULL;"
                              "PRAGMA cache_size=-256",
                              NULL, NULL, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_busy_timeout(table->connection, RNL_BUSY_MS);
    if (result != SQLITE_OK) {
        snprintf(ret_error, RNL_JOURNAL_ERROR_MAX, "%.300s: %.200s", path,
                 sqlite3_errmsg(table->connection));
        rnl_token_table_close(table);
        return rnl_database_code(result);
    }
    *ret_table = table;
    return RNL_OK;
}

void rnl_token_table_close(struct rnl_token_table *table)
{
    if (table == NULL)
        return;
    sqlite3_close_v2(table->connection);
    rnl_free(table);
}

static bool copy_text(sqlite3_stmt *row, int column, char *out, size_t cap)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    int len = sqlite3_column_bytes(row, column);
    if (text == NULL || len < 1 || (size_t)len >= cap)
        return false;
    memcpy(out, text, (size_t)len + 1);
    return true;
}

static bool read_row(sqlite3_stmt *row, struct rnl_token_record *ret_record)
{
    struct rnl_token_record record = {.scopes = 0};
    const unsigned char *scopes = sqlite3_column_text(row, 3);
    const void *hash = sqlite3_column_blob(row, 2);
    if (!copy_text(row, 0, record.id, sizeof(record.id)) ||
        !copy_text(row, 1, record.name, sizeof(record.name)) || hash == NULL ||
        sqlite3_column_bytes(row, 2) != RNL_TOKEN_HASH_SIZE || scopes == NULL ||
        !rnl_scopes_parse((const char *)scopes, &record.scopes))
        return false;
    memcpy(record.hash, hash, RNL_TOKEN_HASH_SIZE);
    record.create_ns = sqlite3_column_int64(row, 4);
    record.expire_ns = sqlite3_column_int64(row, 5);
    *ret_record = record;
    return true;
}

enum rnl_code rnl_token_table_load(
    struct rnl_token_table *table,
    bool (*take)(void *arg, const struct rnl_token_record *record), void *arg)
{
    struct rnl_token_record record;
    enum rnl_code code = RNL_OK;
    sqlite3_stmt *rows = rnl_database_prepare(
        table->connection, "SELECT id, name, hash, scopes, create_ns, expire_ns"
                           " FROM token ORDER BY id");
    if (rows == NULL)
        return rnl_database_code(sqlite3_errcode(table->connection));
    while (code == RNL_OK && sqlite3_step(rows) == SQLITE_ROW) {
        if (!read_row(rows, &record))
            code = RNL_DATA_LOSS;
        else if (!take(arg, &record))
            code = RNL_RESOURCE_EXHAUSTED;
    }
    int result = sqlite3_finalize(rows);
    return code != RNL_OK ? code : rnl_database_code(result);
}

static enum rnl_code run(sqlite3_stmt *statement)
{
    sqlite3_step(statement);
    return rnl_database_code(sqlite3_finalize(statement));
}

enum rnl_code rnl_token_table_put(struct rnl_token_table *table,
                                  const struct rnl_token_record *record)
{
    char scopes[RNL_SCOPES_TEXT_MAX];
    sqlite3_stmt *statement = rnl_database_prepare(
        table->connection, "INSERT INTO token VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    if (statement == NULL)
        return rnl_database_code(sqlite3_errcode(table->connection));
    rnl_scopes_write(record->scopes, scopes);
    sqlite3_bind_text(statement, 1, record->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, record->name, -1, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 3, record->hash, RNL_TOKEN_HASH_SIZE,
                      SQLITE_STATIC);
    sqlite3_bind_text(statement, 4, scopes, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 5, record->create_ns);
    sqlite3_bind_int64(statement, 6, record->expire_ns);
    return run(statement);
}

enum rnl_code rnl_token_table_remove(struct rnl_token_table *table,
                                     const char *id)
{
    sqlite3_stmt *statement = rnl_database_prepare(
        table->connection, "DELETE FROM token WHERE id = ?1");
    if (statement == NULL)
        return rnl_database_code(sqlite3_errcode(table->connection));
    sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
    return run(statement);
}
