/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fnv.h"
#include "schema.sql.h"
#include "wal_vfs.h"

/* Pages of 4 KiB: what a group touches stays at hand. The table of its pages
 * grows with it, and a commit often walks all of that table. */
#define CACHE_KIB "4096"

/* After a large burst the WAL is cut back to this. */
#define WAL_BYTES_MAX "67108864"

/* Pages of the WAL at which they go to the file. A page that many groups
 * change goes once, and the disk is waited for as often; a reader looks for a
 * page in one hash table of the WAL's index for each 4,096. */
#define WAL_PAGES "4000"

enum rnl_code rnl_database_code(int result)
{
    switch (result & 0xFF) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return RNL_OK;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
        return RNL_RESOURCE_EXHAUSTED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return RNL_DATA_LOSS;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
        return RNL_PERMISSION_DENIED;
    default:
        return RNL_UNAVAILABLE;
    }
}

static enum rnl_code fail(char error[RNL_JOURNAL_ERROR_MAX], enum rnl_code code,
                          const char *what, const char *why)
{
    snprintf(error, RNL_JOURNAL_ERROR_MAX, "%.300s: %.200s", what, why);
    return code;
}

static enum rnl_code fail_sql(char error[RNL_JOURNAL_ERROR_MAX],
                              const char *path, sqlite3 *connection)
{
    return fail(error, rnl_database_code(sqlite3_errcode(connection)), path,
                sqlite3_errmsg(connection));
}

/* ---- the folder ---- */

static enum rnl_code lock_folder(struct rnl_database *database,
                                 const char *folder,
                                 char error[RNL_JOURNAL_ERROR_MAX])
{
    char path[PATH_MAX];
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return fail(error,
                    errno == EACCES || errno == EROFS ? RNL_PERMISSION_DENIED
                                                      : RNL_UNAVAILABLE,
                    folder, strerror(errno));
    if (snprintf(path, sizeof(path), "%s/lock", folder) >= (int)sizeof(path))
        return fail(error, RNL_INVALID_ARGUMENT, folder,
                    "the path is too long");
    database->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (database->lock_fd < 0)
        return fail(error, RNL_PERMISSION_DENIED, path, strerror(errno));
    if (flock(database->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return fail(error, RNL_FAILED_PRECONDITION, folder,
                    "another runneld is using this folder");
    return RNL_OK;
}

/* ---- the file ---- */

static int read_number(sqlite3 *connection, const char *pragma,
                       int64_t *ret_number)
{
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(connection, pragma, -1, &statement, NULL);
    if (result != SQLITE_OK)
        return result;
    result = sqlite3_step(statement);
    *ret_number = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    int ended = sqlite3_finalize(statement);
    return ended != SQLITE_OK ? ended : SQLITE_OK;
}

/* Refuses a file that is not ours to write. */
static enum rnl_code check_file(sqlite3 *connection, const char *path,
                                int64_t *ret_version,
                                char error[RNL_JOURNAL_ERROR_MAX])
{
    int64_t application;
    int64_t tables;
    char note[80];
    if (read_number(connection, "PRAGMA application_id", &application) !=
            SQLITE_OK ||
        read_number(connection, "PRAGMA user_version", ret_version) !=
            SQLITE_OK ||
        read_number(connection, "SELECT count(*) FROM sqlite_master",
                    &tables) != SQLITE_OK)
        return fail_sql(error, path, connection);
    if (tables > 0 && application != RNL_APPLICATION_ID)
        return fail(error, RNL_FAILED_PRECONDITION, path,
                    "is a database of another program");
    if (*ret_version > RNL_SCHEMA_VERSION) {
        snprintf(note, sizeof(note),
                 "was written by a newer version (%d; this one knows %d)",
                 (int)*ret_version, RNL_SCHEMA_VERSION);
        return fail(error, RNL_FAILED_PRECONDITION, path, note);
    }
    return RNL_OK;
}

static int read_meta(sqlite3 *writer, const char *name, char *ret_value,
                     size_t cap)
{
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(
        writer, "SELECT value FROM meta WHERE name = ?", -1, &statement, NULL);
    if (result != SQLITE_OK)
        return result;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW)
        snprintf(ret_value, cap, "%s",
                 (const char *)sqlite3_column_text(statement, 0));
    return sqlite3_finalize(statement);
}

/* A start writes the views only when they are not those of this build: a file
 * that is then found to be damaged has not been touched. */
static int make_views(sqlite3 *connection, const char *hash)
{
    char sql[80];
    int result = sqlite3_exec(connection, rnl_schema_views, NULL, NULL, NULL);
    snprintf(sql, sizeof(sql),
             "INSERT OR REPLACE INTO meta VALUES ('views', '%s')", hash);
    return result == SQLITE_OK ? sqlite3_exec(connection, sql, NULL, NULL, NULL)
                               : result;
}

static int make_schema(sqlite3 *connection, int version, const char *hash)
{
    char pragma[64];
    int result = SQLITE_OK;
    for (; version < RNL_SCHEMA_VERSION && result == SQLITE_OK; version++)
        result = sqlite3_exec(connection, rnl_schema_steps[version], NULL, NULL,
                              NULL);
    if (result == SQLITE_OK)
        result = make_views(connection, hash);
    snprintf(pragma, sizeof(pragma),
             "PRAGMA application_id=%d; PRAGMA user_version=%d",
             RNL_APPLICATION_ID, RNL_SCHEMA_VERSION);
    return result == SQLITE_OK
               ? sqlite3_exec(connection, pragma, NULL, NULL, NULL)
               : result;
}

static int upgrade(sqlite3 *connection, int version)
{
    char have[16] = "";
    char hash[16];
    int result = SQLITE_OK;
    snprintf(hash, sizeof(hash), "%08x",
             rnl_fnv1a(rnl_schema_views, sizeof(rnl_schema_views)));
    if (version == RNL_SCHEMA_VERSION)
        result = read_meta(connection, "views", have, sizeof(have));
    if (result != SQLITE_OK || strcmp(have, hash) == 0)
        return result;
    result = sqlite3_exec(connection, "BEGIN EXCLUSIVE", NULL, NULL, NULL);
    if (result == SQLITE_OK)
        result = make_schema(connection, version, hash);
    if (result == SQLITE_OK)
        return sqlite3_exec(connection, "COMMIT", NULL, NULL, NULL);
    sqlite3_exec(connection, "ROLLBACK", NULL, NULL, NULL);
    return result;
}

/* auto_vacuum is of a file that is made now (compact.c); to say it again would
 * write its first page. */
static int set_up(sqlite3 *connection, bool is_new,
                  enum rnl_durability durability)
{
    int result = sqlite3_busy_timeout(connection, RNL_BUSY_MS);
    if (result == SQLITE_OK && is_new)
        result = sqlite3_exec(connection, "PRAGMA auto_vacuum=INCREMENTAL",
                              NULL, NULL, NULL);
    if (result != SQLITE_OK)
        return result;
    result = sqlite3_exec(connection,
                          "PRAGMA journal_mode=WAL; PRAGMA temp_store=MEMORY;"
                          "PRAGMA cache_size=-" CACHE_KIB
                          "; PRAGMA journal_size_limit=" WAL_BYTES_MAX
                          "; PRAGMA wal_autocheckpoint=" WAL_PAGES,
                          NULL, NULL, NULL);
    if (result != SQLITE_OK)
        return result;
    return sqlite3_exec(connection,
                        durability == RNL_DURABILITY_FULL
                            ? "PRAGMA synchronous=FULL"
                            : "PRAGMA synchronous=NORMAL",
                        NULL, NULL, NULL);
}

/* Adds the value that is given, or 32 random bytes in hex. */
static int add_meta(sqlite3 *writer, const char *name, const char *value)
{
    sqlite3_stmt *statement;
    int result =
        sqlite3_prepare_v2(writer,
                           "INSERT INTO meta VALUES"
                           " (?, coalesce(?, lower(hex(randomblob(32)))))",
                           -1, &statement, NULL);
    if (result != SQLITE_OK)
        return result;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, value, -1, SQLITE_STATIC);
    sqlite3_step(statement);
    return sqlite3_finalize(statement);
}

/* An old file has its own; it is not written, not even in vain. */
static int read_or_add_meta(sqlite3 *writer, const char *name,
                            const char *value, char *ret_value, size_t cap)
{
    ret_value[0] = '\0';
    int result = read_meta(writer, name, ret_value, cap);
    if (result != SQLITE_OK || ret_value[0] != '\0')
        return result;
    result = add_meta(writer, name, value);
    return result == SQLITE_OK ? read_meta(writer, name, ret_value, cap)
                               : result;
}

static int read_identity(struct rnl_database *database, const char *epoch)
{
    int result = read_or_add_meta(database->writer, "epoch", epoch,
                                  database->epoch, sizeof(database->epoch));
    return result == SQLITE_OK ? read_or_add_meta(database->writer, "lease_key",
                                                  NULL, database->lease_key,
                                                  sizeof(database->lease_key))
                               : result;
}

/* Counting of memory, which takes a lock for each allocation and which nobody
 * asks for. Refused once SQLite is in use; then it goes on counting. */
static void configure(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static enum rnl_code open_file(struct rnl_database *database, const char *path,
                               const struct rnl_journal_sqlite_options *options,
                               char error[RNL_JOURNAL_ERROR_MAX])
{
    const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int64_t version = 0;
    if (sqlite3_open_v2(path, &database->writer,
                        flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                        rnl_wal_vfs()) != SQLITE_OK)
        return fail_sql(error, path, database->writer);
    enum rnl_code code = check_file(database->writer, path, &version, error);
    if (code != RNL_OK)
        return code;
    if (set_up(database->writer, version == 0, options->durability) !=
            SQLITE_OK ||
        upgrade(database->writer, (int)version) != SQLITE_OK ||
        read_identity(database, options->epoch) != SQLITE_OK)
        return fail_sql(error, path, database->writer);
    if (sqlite3_open_v2(path, &database->reader, flags | SQLITE_OPEN_READWRITE,
                        NULL) != SQLITE_OK ||
        sqlite3_exec(database->reader,
                     "PRAGMA query_only=1; PRAGMA cache_size=-" CACHE_KIB, NULL,
                     NULL, NULL) != SQLITE_OK)
        return fail_sql(error, path, database->reader);
    return RNL_OK;
}

/* Closes a file that is not to be written. What a crash left in its log is not
 * moved into it either, which closing does otherwise. */
static void leave_alone(struct rnl_database *database)
{
    if (database->writer != NULL)
        (void)sqlite3_db_config(database->writer,
                                SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    rnl_database_close(database);
}

enum rnl_code rnl_database_open(
    struct rnl_database *database,
    const struct rnl_journal_sqlite_options *options,
    char error[RNL_JOURNAL_ERROR_MAX])
{
    static pthread_once_t configured = PTHREAD_ONCE_INIT;
    char path[PATH_MAX];
    pthread_once(&configured, configure);
    database->lock_fd = -1;
    enum rnl_code code = lock_folder(database, options->folder, error);
    if (code == RNL_OK) {
        snprintf(path, sizeof(path), "%s/runnel.db", options->folder);
        mode_t mask = umask(0077);
        code = open_file(database, path, options, error);
        umask(mask);
    }
    if (code != RNL_OK)
        leave_alone(database);
    return code;
}

void rnl_database_close(struct rnl_database *database)
{
    sqlite3_close_v2(database->reader);
    sqlite3_close_v2(database->writer);
    if (database->lock_fd >= 0)
        close(database->lock_fd);
    *database = (struct rnl_database){.lock_fd = -1};
}

sqlite3_stmt *rnl_database_prepare(sqlite3 *connection, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v3(connection, sql, -1, SQLITE_PREPARE_PERSISTENT,
                           &statement, NULL) != SQLITE_OK)
        return NULL;
    return statement;
}

enum rnl_code rnl_database_prepare_all(sqlite3 *connection,
                                       const char *const *sql, int count,
                                       sqlite3_stmt **ret_statements)
{
    for (int i = 0; i < count; i++) {
        ret_statements[i] = rnl_database_prepare(connection, sql[i]);
        if (ret_statements[i] == NULL)
            return rnl_database_code(sqlite3_errcode(connection));
    }
    return RNL_OK;
}

void rnl_database_finalize_all(sqlite3_stmt *const *statements, int count)
{
    for (int i = 0; i < count; i++)
        sqlite3_finalize(statements[i]);
}

int rnl_database_run(sqlite3_stmt *statement)
{
    sqlite3_step(statement);
    return sqlite3_reset(statement);
}

uint64_t rnl_database_disk_bytes(const struct rnl_database *database)
{
    struct stat file;
    uint64_t bytes = 0;
    const char *path = sqlite3_db_filename(database->reader, "main");
    const char *log = path == NULL ? NULL : sqlite3_filename_wal(path);
    if (path != NULL && stat(path, &file) == 0)
        bytes += (uint64_t)file.st_size;
    if (log != NULL && stat(log, &file) == 0)
        bytes += (uint64_t)file.st_size;
    return bytes;
}
