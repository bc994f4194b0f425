/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does the jobs of `runnel work`: a program for each (program_task.h), or
 * another server. work_loop.h holds the connection to the core, waits for all
 * that may happen, and drives tasks by the functions below.
 *
 * A task holds one attempt of a job. It begins in start; the loop polls its
 * descriptors and calls process after each wait; when ended says so, finish
 * reports the outcome and frees it. In between it reports output, log and
 * progress by librunnel (rnl_work_output and so on), and only while
 * rnl_work_writable: what has no room stays where it comes from, a pipe or a
 * socket, so that memory is bounded. process is also called when there may be
 * room again.
 *
 * All is on one thread, and nothing may block.
 */
#ifndef RNL_CLI_TASK_H
#define RNL_CLI_TASK_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <runnel/runnel.h>

#include "buf.h"

#define CLI_TASK_NEVER INT64_MAX

/* A task begins with this. */
struct cli_task {
    TAILQ_ENTRY(cli_task) link;
    /* Set by start; the loop keeps the rest. */
    struct rnl_work *work;
    char job_id[64];
    /* Its reports are not wanted any more. */
    bool stopped;
};

/* arg is that of struct cli_work_options. */
struct cli_task_ops {
    /* Begins a job; job is borrowed for the call. A job that is no good is a
     * task that has ended. NULL: the system has no room for it, *why says what
     * for; the job goes back to the core. */
    struct cli_task *(*start)(void *arg, struct rnl_work *work,
                              const struct rnl_job *job, struct cli_buf *why);
    /* Descriptors of each task, and what is awaited on them; an fd of -1 is
     * passed over. poll may be NULL when there are none. */
    size_t fd_count;
    void (*poll)(const struct cli_task *task, struct pollfd *fds);
    /* Does what there is to do. */
    void (*process)(struct cli_task *task, const struct pollfd *fds);
    /* On the clock of cli_now_ms: when process must be called at the latest;
     * CLI_TASK_NEVER: no need. */
    int64_t (*due_ms)(const struct cli_task *task);
    /* Cancelled, or the worker is to end: the task must end soon, and what it
     * says is dropped. Called again: at once. */
    void (*stop)(struct cli_task *task);
    /* Its end is known, and there is room to report it. */
    bool (*ended)(const struct cli_task *task);
    /* Reports the outcome, unless stopped, and frees the task. False: the work
     * is still in hand, and the loop lets go of it. */
    bool (*finish)(struct cli_task *task);
    /* What all tasks share: a descriptor that is readable when process_shared
     * has something to do. Both NULL: nothing. */
    int (*shared_fd)(void *arg);
    void (*process_shared)(void *arg);
};

#endif
