/* SPDX-License-Identifier: Apache-2.0 */
/* What core.c and the other files core_*.c share; for nobody else. */
#ifndef RNL_CLI_CORE_INTERNAL_H
#define RNL_CLI_CORE_INTERNAL_H

#include <runnel/runnel.h>

#include "core.h"

/* "stream web" for messages, in a buffer of the caller. */
struct cli_subject {
    char text[160];
};

const char *cli_stream_subject(struct cli_subject *subject, const char *name);

/* Connects, once; cli_context_fini closes. Returns an exit status. */
int cli_core_open(struct cli_context *context);

/* Runs the client until it did something, input_fd (-1: none) is readable, a
 * signal came, or timeout_ms (negative: none) is over. ret_readable may be
 * NULL. */
void cli_core_wait(struct cli_context *context, int input_fd,
                   int64_t timeout_ms, bool *ret_readable);

/* Calls on_tick every so many ms; 0 or NULL: never. */
struct cli_ticker {
    int64_t every_ms;
    void (*on_tick)(void *arg);
    void *arg;
    /* Private. */
    int64_t next_ms;
};

/* Runs the client until *done or a signal (CLI_EXIT_INTERRUPTED). */
int cli_core_run(struct cli_context *context, const bool *done,
                 struct cli_ticker *ticker);

/* Tells an error of the core; what is the subject, "job 01J...". Returns the
 * exit status. */
int cli_core_fail(struct cli_context *context, const char *what,
                  const struct rnl_status_info *info);

/* Turns the result of a blocking function into an exit status, and tells it
 * when it is an error. */
int cli_core_end(struct cli_context *context, const char *what,
                 enum rnl_code code);

#endif
