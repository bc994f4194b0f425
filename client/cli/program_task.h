/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs done by a program: the input on its stdin, its stdout the output, its
 * stderr lines of log and progress (program_log.h), its exit status the
 * outcome. It leads a process group of its own.
 *
 * The job ends when the program has ended and its pipes are closed; its group
 * is killed then. Others that still have the pipes have grace_ms from their
 * last output to close them. A process that leaves the group is on its own.
 */
#ifndef RNL_CLI_PROGRAM_TASK_H
#define RNL_CLI_PROGRAM_TASK_H

#include "task.h"

/* The arg of cli_program_ops. Borrowed. */
struct cli_program {
    /* Ends with NULL; argv[0] is looked for in PATH. */
    char *const *argv;
    /* Media type of the output, or NULL. */
    const char *content_type;
    /* From SIGTERM to SIGKILL. */
    int64_t grace_ms;
};

extern const struct cli_task_ops cli_program_ops;

#endif
