/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a program for a job: pipes, environment, process group. */
#ifndef RNL_CLI_PROGRAM_SPAWN_H
#define RNL_CLI_PROGRAM_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include <runnel/runnel.h>

#include "buf.h"

struct cli_process {
    /* Also its process group. */
    pid_t pid;
    /* Its stdin, stdout and stderr; they do not block on this side. */
    int in, out, err;
    /* Readable once it has ended (pidfd). */
    int end;
};

/*
 * Starts argv for a job. Its environment is this program's, without
 * RUNNEL_TOKEN, and with
 *
 *   RUNNEL_JOB_ID, RUNNEL_ATTEMPT, RUNNEL_KIND, RUNNEL_CONTENT_TYPE (of the
 *   input), and RUNNEL_OPTION_name and RUNNEL_LABEL_name for each option and
 *   label; what a shell cannot name is "_".
 *
 * It gets SIGTERM when this program is gone. False: *why says what failed,
 * also that the program cannot be executed. The caller closes the four, and
 * waits for the process.
 */
bool cli_process_start(char *const *argv, const struct rnl_job *job,
                       struct cli_process *ret_process, struct cli_buf *why);

#endif
