/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator asks of a store's files while it is in use: a copy, a check,
 * unused room given back. server/io has it for SQLite (sqlite/upkeep_sqlite.h);
 * the core only passes on what is reported (admin_upkeep.c).
 *
 * One task at a time. It works elsewhere; its reports come on the core's
 * thread, never from inside of the calls below.
 */
#ifndef RNL_CORE_UPKEEP_H
#define RNL_CORE_UPKEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

enum rnl_upkeep_kind {
    /* A copy as of one moment: a report for each piece, then the last one. */
    RNL_UPKEEP_BACKUP,
    /* Reads everything, and says what is wrong: one report. */
    RNL_UPKEEP_CHECK,
    /* Gives unused room back to the file system: one report. */
    RNL_UPKEEP_COMPACT,
};

/* Problems that one check tells; it only counts the others. */
#define RNL_UPKEEP_PROBLEMS_MAX 100
#define RNL_UPKEEP_TEXT_MAX     256

struct rnl_upkeep_report {
    /* The last one. Not RNL_OK: the task has failed, and why. */
    bool done;
    enum rnl_code code;
    const char *error;
    /* RNL_UPKEEP_BACKUP: the next piece, lent until more or cancel; and the
     * size of the copy. */
    const uint8_t *data;
    size_t len;
    uint64_t total_bytes;
    /* RNL_UPKEEP_CHECK: what was read, what is wrong. Lent for the call. */
    uint64_t jobs;
    uint64_t events;
    uint64_t problem_count;
    char (*problems)[RNL_UPKEEP_TEXT_MAX];
    /* RNL_UPKEEP_COMPACT: of the file. */
    uint64_t bytes_before;
    uint64_t bytes_after;
};

/* The caller's storage, until the report that is done or cancel. */
struct rnl_upkeep_task {
    void (*report)(struct rnl_upkeep_task *task,
                   const struct rnl_upkeep_report *report);
};

struct rnl_upkeep;

struct rnl_upkeep_ops {
    /* Errors: RNL_FAILED_PRECONDITION: another task has not ended;
     * RNL_RESOURCE_EXHAUSTED. */
    enum rnl_code (*begin)(struct rnl_upkeep *upkeep, enum rnl_upkeep_kind kind,
                           struct rnl_upkeep_task *task);
    /* The piece has been dealt with: have the next one. */
    void (*more)(struct rnl_upkeep *upkeep);
    /* No report follows. */
    void (*cancel)(struct rnl_upkeep *upkeep);
};

/* Begins with this. */
struct rnl_upkeep {
    const struct rnl_upkeep_ops *ops;
};

#endif
