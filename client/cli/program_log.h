/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program says on stderr: each line is a line of the job's log, but
 *
 *   ::progress DONE[/TOTAL] [UNIT [MESSAGE]]
 *
 * which is its progress, and
 *
 *   ::retry-after SECONDS
 *
 * which says when another attempt may begin, should this one fail for a reason
 * that may pass; the last such line holds. A line of these forms that is wrong
 * is a line of log.
 */
#ifndef RNL_CLI_PROGRAM_LOG_H
#define RNL_CLI_PROGRAM_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/runnel.h>

/* The core cuts a line here; a longer one becomes several. */
#define CLI_LOG_LINE_MAX ((size_t)4096)

/* Zero-initialised is empty. */
struct cli_program_log {
    /* What was read and is not looked at yet. */
    char in[2048];
    size_t in_at;
    size_t in_len;
    /* The line that is not complete. */
    char line[CLI_LOG_LINE_MAX + 1];
    size_t len;
    /* The last line of log, for the error of a job that fails. */
    char last[256];
    bool has_retry_after;
    int64_t retry_after_ms;
};

/* All that was read has been looked at: in may be filled anew. */
bool cli_program_log_empty(const struct cli_program_log *log);

/* Reports lines as far as there is room; flush takes one without an end for a
 * line, too. Errors: as rnl_work_log, but not for want of room. */
RNL_MUST_USE enum rnl_code cli_program_log_report(struct cli_program_log *log,
                                                  struct rnl_work *work,
                                                  bool flush);

/* Reads a line of progress; *ret_progress borrows from it, and changes it. */
bool cli_progress_parse(char *line, struct rnl_progress *ret_progress);

/* Reads a line of ::retry-after: 0 to RNL_RETRY_DELAY_MS_MAX. */
bool cli_retry_after_parse(const char *line, int64_t *ret_ms);

#endif
