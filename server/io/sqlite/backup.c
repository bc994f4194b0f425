/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy of the file as it is at one moment. The source is read in one
 * transaction, so that what is written meanwhile does not begin the copy anew;
 * the log (WAL) grows for that time, since it cannot be cut in front of a
 * reader. The copy lies beside the file until it has been handed out.
 *
 * The copy gets an epoch of its own: what is restored goes on in another way
 * than the original did, so those who watched that must be told.
 */
#include "upkeep_sqlite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "alloc.h"

#define COPY_NAME "runnel.backup."

/* Pages of 4 KiB that are copied in one step, after which a cancel is seen. */
#define STEP_PAGES 256

/* What is handed out at once. */
#define PIECE_BYTES ((size_t)256 * 1024)

/* Room that a copy leaves: the store must not stall because of it. */
#define SPARE_BYTES (UINT64_C(256) << 20)

void rnl_backup_clean(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, COPY_NAME, sizeof(COPY_NAME) - 1) == 0)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}

static void fail_errno(struct rnl_upkeep_work *work, const char *what)
{
    char text[RNL_UPKEEP_TEXT_MAX];
    int error = errno;
    snprintf(text, sizeof(text), "%.150s: %.100s", what, strerror(error));
    rnl_upkeep_fail(work,
                    error == ENOSPC || error == EDQUOT ? RNL_RESOURCE_EXHAUSTED
                                                       : RNL_UNAVAILABLE,
                    text);
}

static bool has_room(struct rnl_upkeep_work *work)
{
    struct statvfs disk;
    struct stat file;
    if (statvfs(work->folder, &disk) != 0 || stat(work->path, &file) != 0) {
        fail_errno(work, work->path);
        return false;
    }
    uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (room >= (uint64_t)file.st_size + SPARE_BYTES)
        return true;
    char text[RNL_UPKEEP_TEXT_MAX];
    snprintf(text, sizeof(text),
             "a copy takes %llu bytes beside the store for a while, and %llu "
             "are to stay free, but there are only %llu",
             (unsigned long long)file.st_size, (unsigned long long)SPARE_BYTES,
             (unsigned long long)room);
    rnl_upkeep_fail(work, RNL_RESOURCE_EXHAUSTED, text);
    return false;
}

/* ---- copying ---- */

static int copy_pages(struct rnl_upkeep_work *work, sqlite3_backup *backup)
{
    int result = SQLITE_OK;
    while (result == SQLITE_OK && !rnl_upkeep_cancelled(work->upkeep))
        result = sqlite3_backup_step(backup, STEP_PAGES);
    return result;
}

/* One file, without a log beside it, whose epoch is its own. */
static int finish_copy(sqlite3 *copy)
{
    return sqlite3_exec(copy,
                        "PRAGMA journal_mode=DELETE;"
                        "UPDATE meta SET value = lower(hex(randomblob(16)))"
                        " WHERE name = 'epoch'",
                        NULL, NULL, NULL);
}

static bool copy_into(struct rnl_upkeep_work *work, sqlite3 *source,
                      sqlite3 *copy)
{
    sqlite3_backup *backup = NULL;
    if (sqlite3_exec(copy, "PRAGMA synchronous=OFF", NULL, NULL, NULL) !=
            SQLITE_OK ||
        (backup = sqlite3_backup_init(copy, "main", source, "main")) == NULL) {
        rnl_upkeep_fail_sql(work, copy);
        return false;
    }
    int result = copy_pages(work, backup);
    int finished = sqlite3_backup_finish(backup);
    if (result != SQLITE_DONE || finished != SQLITE_OK ||
        finish_copy(copy) != SQLITE_OK) {
        rnl_upkeep_fail_sql(work, copy);
        return false;
    }
    return true;
}

/* Copies into the file of that name. */
static bool copy_to(struct rnl_upkeep_work *work, const char *path)
{
    sqlite3 *copy = NULL;
    bool copied = false;
    sqlite3 *source = rnl_upkeep_open(work, SQLITE_OPEN_READONLY);
    if (source == NULL)
        return false;
    if (sqlite3_open_v2(path, &copy,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                            SQLITE_OPEN_EXRESCODE,
                        NULL) != SQLITE_OK)
        rnl_upkeep_fail_sql(work, copy);
    else if (sqlite3_exec(source, "BEGIN; SELECT count(*) FROM meta", NULL,
                          NULL, NULL) != SQLITE_OK)
        rnl_upkeep_fail_sql(work, source);
    else
        copied = copy_into(work, source, copy);
    sqlite3_close_v2(copy);
    sqlite3_close_v2(source);
    return copied;
}

/* ---- handing out ---- */

static bool read_full(int fd, uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t got = read(fd, data, len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        data += got;
        len -= (size_t)got;
    }
    return true;
}

static void hand_out(struct rnl_upkeep_work *work, int fd)
{
    struct stat file;
    uint8_t *piece = rnl_malloc(PIECE_BYTES);
    if (piece == NULL || fstat(fd, &file) != 0) {
        rnl_upkeep_fail(work, RNL_RESOURCE_EXHAUSTED, "memory is out");
        rnl_free(piece);
        return;
    }
    uint64_t total = (uint64_t)file.st_size;
    uint64_t left = total;
    while (left > 0) {
        size_t len = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        if (!read_full(fd, piece, len)) {
            fail_errno(work, "the copy cannot be read");
            break;
        }
        left -= len;
        if (!rnl_upkeep_hand_out(work->upkeep, piece, len, total))
            break;
    }
    work->report->total_bytes = total;
    rnl_free(piece);
}

void rnl_backup_run(struct rnl_upkeep_work *work)
{
    char path[PATH_MAX];
    if (!has_room(work))
        return;
    if (snprintf(path, sizeof(path), "%s/" COPY_NAME "XXXXXX", work->folder) >=
        (int)sizeof(path)) {
        rnl_upkeep_fail(work, RNL_INVALID_ARGUMENT, "the path is too long");
        return;
    }
    /* Only its owner may read it. */
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        fail_errno(work, path);
        return;
    }
    bool copied = copy_to(work, path);
    (void)unlink(path);
    if (copied)
        hand_out(work, fd);
    close(fd);
}
