/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite's own way to files, but for the write-ahead log: its writes are
 * gathered, since SQLite writes a head of 24 bytes and a page in turn, and one
 * long write costs the processor less than many short ones.
 *
 * A transaction is in the file before SQLite makes it known to anybody: the
 * page behind the head of a commit ends the gathering. What cannot be written
 * fails the transaction. It is neither a cache nor a queue: between
 * transactions nothing is held.
 */
#ifndef RNL_IO_SQLITE_WAL_VFS_H
#define RNL_IO_SQLITE_WAL_VFS_H

/* What is gathered at most: SQLite's files take no write of 128 KiB or more. A
 * group of 64 callers is some 80 KiB. */
#define RNL_WAL_GATHER_MAX ((size_t)127 * 1024)

/* Its name for sqlite3_open_v2, on top of what is SQLite's default at the first
 * call; NULL, which stands for that default, if it cannot be registered. Any
 * thread. */
const char *rnl_wal_vfs(void);

#endif
