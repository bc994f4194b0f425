/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rests on the format of the log (sqlite.org/fileformat2.html, 4.1): a head is
 * the one write of 24 bytes, and its second word is zero but in a commit. Only
 * a write right behind the one before is gathered. Others go through, and so do
 * the heads that SQLite writes anew once a page that was written early has
 * changed.
 */
#include "wal_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Bytes of the head of a page, and of that of the log. */
#define PAGE_HEAD_BYTES 24
#define LOG_HEAD_BYTES  32

/* No write is right behind it. */
#define NOWHERE (-1)

struct wal_file {
    sqlite3_file base;
    /* Behind this struct. */
    sqlite3_file *real;
    /* Owned: RNL_WAL_GATHER_MAX, NULL before the first use. */
    uint8_t *bytes;
    size_t len;
    /* Where the gathered bytes go. */
    sqlite3_int64 start;
    /* Where the last write ended, or NOWHERE. */
    sqlite3_int64 end;
    /* The last head is that of a commit. */
    bool is_commit;
    /* Why gathered bytes were lost; SQLITE_OK: they were not. They were said to
     * be written, so nothing goes behind them before SQLite has taken the
     * transaction back. */
    int lost;
    sqlite3_int64 lost_start;
};

static struct wal_file *wal_of(sqlite3_file *file)
{
    return (struct wal_file *)file;
}

/* ---- writing ---- */

static int flush(struct wal_file *wal)
{
    size_t len = wal->len;
    if (len == 0)
        return SQLITE_OK;
    wal->len = 0;
    int result = wal->real->pMethods->xWrite(wal->real, wal->bytes, (int)len,
                                             wal->start);
    if (result != SQLITE_OK) {
        wal->lost = result;
        wal->lost_start = wal->start;
        wal->end = NOWHERE;
    }
    return result;
}

static int write_through(struct wal_file *wal, const void *data, int len,
                         sqlite3_int64 at)
{
    int result = flush(wal);
    if (result != SQLITE_OK)
        return result;
    result = wal->real->pMethods->xWrite(wal->real, data, len, at);
    wal->end = result == SQLITE_OK ? at + len : NOWHERE;
    return result;
}

static bool can_gather(struct wal_file *wal, int len, sqlite3_int64 at)
{
    if (at != wal->end || (size_t)len > RNL_WAL_GATHER_MAX)
        return false;
    if (wal->bytes == NULL)
        wal->bytes = sqlite3_malloc((int)RNL_WAL_GATHER_MAX);
    return wal->bytes != NULL;
}

static int gather(struct wal_file *wal, const void *data, int len,
                  sqlite3_int64 at)
{
    if (wal->len + (size_t)len > RNL_WAL_GATHER_MAX) {
        int result = flush(wal);
        if (result != SQLITE_OK)
            return result;
    }
    if (wal->len == 0)
        wal->start = at;
    memcpy(wal->bytes + wal->len, data, (size_t)len);
    wal->len += (size_t)len;
    wal->end = at + len;
    return SQLITE_OK;
}

/* SQLite writes pages in order, so a head at or in front of what was lost is
 * that of another transaction. */
static bool begins_anew(const struct wal_file *wal, int len, sqlite3_int64 at)
{
    return (len == PAGE_HEAD_BYTES || len == LOG_HEAD_BYTES) &&
           at <= wal->lost_start;
}

static int wal_write(sqlite3_file *file, const void *data, int len,
                     sqlite3_int64 at)
{
    static const uint8_t zero[4];
    struct wal_file *wal = wal_of(file);
    if (wal->lost != SQLITE_OK && !begins_anew(wal, len, at))
        return wal->lost;
    wal->lost = SQLITE_OK;
    if (len == PAGE_HEAD_BYTES)
        wal->is_commit = memcmp((const uint8_t *)data + 4, zero, 4) != 0;
    int result = can_gather(wal, len, at) ? gather(wal, data, len, at)
                                          : write_through(wal, data, len, at);
    if (result == SQLITE_OK && wal->is_commit && len != PAGE_HEAD_BYTES)
        result = flush(wal);
    return result;
}

/* ---- all else sees what was gathered ---- */

static int wal_read(sqlite3_file *file, void *data, int len, sqlite3_int64 at)
{
    struct wal_file *wal = wal_of(file);
    if (at + len > wal->start) {
        int result = flush(wal);
        if (result != SQLITE_OK)
            return result;
    }
    return wal->real->pMethods->xRead(wal->real, data, len, at);
}

static int wal_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct wal_file *wal = wal_of(file);
    int result = flush(wal);
    wal->end = NOWHERE;
    return result == SQLITE_OK ? wal->real->pMethods->xTruncate(wal->real, size)
                               : result;
}

static int wal_sync(sqlite3_file *file, int flags)
{
    struct wal_file *wal = wal_of(file);
    int result = flush(wal);
    return result == SQLITE_OK ? wal->real->pMethods->xSync(wal->real, flags)
                               : result;
}

static int wal_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    struct wal_file *wal = wal_of(file);
    int result = flush(wal);
    return result == SQLITE_OK
               ? wal->real->pMethods->xFileSize(wal->real, ret_size)
               : result;
}

/* What is gathered now belongs to a transaction that never ended. */
static int wal_close(sqlite3_file *file)
{
    struct wal_file *wal = wal_of(file);
    sqlite3_free(wal->bytes);
    return wal->real->pMethods->xClose(wal->real);
}

static int wal_lock(sqlite3_file *file, int level)
{
    sqlite3_file *real = wal_of(file)->real;
    return real->pMethods->xLock(real, level);
}

static int wal_unlock(sqlite3_file *file, int level)
{
    sqlite3_file *real = wal_of(file)->real;
    return real->pMethods->xUnlock(real, level);
}

static int wal_check_lock(sqlite3_file *file, int *ret_locked)
{
    sqlite3_file *real = wal_of(file)->real;
    return real->pMethods->xCheckReservedLock(real, ret_locked);
}

static int wal_control(sqlite3_file *file, int operation, void *arg)
{
    sqlite3_file *real = wal_of(file)->real;
    return real->pMethods->xFileControl(real, operation, arg);
}

static int wal_sector_size(sqlite3_file *file)
{
    sqlite3_file *real = wal_of(file)->real;
    return real->pMethods->xSectorSize(real);
}

static int wal_characteristics(sqlite3_file *file)
{
    sqlite3_file *real = wal_of(file)->real;
    return real->pMethods->xDeviceCharacteristics(real);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = wal_close,
    .xRead = wal_read,
    .xWrite = wal_write,
    .xTruncate = wal_truncate,
    .xSync = wal_sync,
    .xFileSize = wal_size,
    .xLock = wal_lock,
    .xUnlock = wal_unlock,
    .xCheckReservedLock = wal_check_lock,
    .xFileControl = wal_control,
    .xSectorSize = wal_sector_size,
    .xDeviceCharacteristics = wal_characteristics,
};

/* ---- opening ---- */

static sqlite3_vfs *below;

static int open_log(const char *name, struct wal_file *wal, int flags,
                    int *ret_flags)
{
    *wal = (struct wal_file){
        .real = (sqlite3_file *)(wal + 1),
        .end = NOWHERE,
    };
    memset(wal->real, 0, sizeof(*wal->real));
    int result = below->xOpen(below, name, wal->real, flags, ret_flags);
    if (result == SQLITE_OK)
        wal->base.pMethods = &methods;
    else if (wal->real->pMethods != NULL)
        (void)wal->real->pMethods->xClose(wal->real);
    return result;
}

/* All files but the log are those of SQLite itself. */
static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
                     int flags, int *ret_flags)
{
    (void)vfs;
    if ((flags & SQLITE_OPEN_WAL) == 0)
        return below->xOpen(below, name, file, flags, ret_flags);
    return open_log(name, wal_of(file), flags, ret_flags);
}

static sqlite3_vfs self;
static const char *self_name;

/* What is not about open files is done by the functions of the one below, which
 * use nothing of their first argument but what is copied here. */
static void register_self(void)
{
    below = sqlite3_vfs_find(NULL);
    if (below == NULL)
        return;
    self = *below;
    self.zName = "runnel-wal";
    self.pNext = NULL;
    self.szOsFile = (int)sizeof(struct wal_file) + below->szOsFile;
    self.xOpen = open_file;
    if (sqlite3_vfs_register(&self, 0) == SQLITE_OK)
        self_name = self.zName;
}

const char *rnl_wal_vfs(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_self);
    return self_name;
}
