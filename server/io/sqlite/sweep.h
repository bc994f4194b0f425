/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deletes the events of jobs with many of them a few at a time, so that no
 * group waits for a gigabyte: each event's pages have to be read to be freed.
 *
 * What is to go is noted in the table job_trash, in the transaction that
 * removes the job or moves its first_sequence; from then on nobody reads these
 * events. Steps between groups, and while there are none, delete them. What is
 * left at the end of the process is taken up by the next one.
 */
#ifndef RNL_IO_SQLITE_SWEEP_H
#define RNL_IO_SQLITE_SWEEP_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include <runnel/status.h>

/* Events of one step: 512 KiB at most, some milliseconds. So many are deleted
 * at once as well. */
#define RNL_SWEEP_EVENTS 64

enum rnl_sweep_statement {
    RNL_SWEEP_NOTE,
    RNL_SWEEP_BEGIN,
    RNL_SWEEP_NEXT,
    RNL_SWEEP_DELETE,
    RNL_SWEEP_DONE,
    RNL_SWEEP_COMMIT,
    RNL_SWEEP_STATEMENTS,
};

struct rnl_sweep {
    /* Borrowed. */
    sqlite3 *connection;
    sqlite3_stmt *statements[RNL_SWEEP_STATEMENTS];
    /* Something was noted, now or by an earlier process, and no step has found
     * that nothing is left. */
    bool is_noted;
    /* Is noted, and no step has failed since the last group. */
    bool is_due;
};

/* Errors: as of SQLite; finish it all the same. */
RNL_MUST_USE enum rnl_code rnl_sweep_init(struct rnl_sweep *sweep,
                                          sqlite3 *connection);
void rnl_sweep_fini(struct rnl_sweep *sweep);

/* Within a transaction: the job's events in front of a sequence are to go.
 * Returns SQLite's result. */
int rnl_sweep_note(struct rnl_sweep *sweep, int64_t job, int64_t before);

/* One step, in a transaction of its own. */
void rnl_sweep_step(struct rnl_sweep *sweep);

#endif
