/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker until it ends: jobs from the core, each done by a task (task.h).
 *
 * SIGINT and SIGTERM drain: no new job, those in hand are finished. A second
 * one stops them, a third one does not wait for that. Jobs that were stopped
 * so go back to the core as lost attempts.
 */
#ifndef RNL_CLI_WORK_LOOP_H
#define RNL_CLI_WORK_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "context.h"
#include "task.h"

/* Borrowed for the call. */
struct cli_work_options {
    const char *const *kinds;
    size_t kind_count;
    /* Jobs at once. */
    uint32_t concurrency;
    /* Of the worker, for people; or NULL. */
    const char *name;
    const struct cli_task_ops *ops;
    void *arg;
};

/* Connects, works, and returns an exit status. */
int cli_work_loop(struct cli_context *context,
                  const struct cli_work_options *options);

#endif
