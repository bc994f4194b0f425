/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows the statistics of a stream: a view that is redrawn on a terminal,
 * lines of name=value in a pipe, or, with --json, one object an update.
 */
#ifndef RNL_CLI_FOLLOW_STATS_H
#define RNL_CLI_FOLLOW_STATS_H

#include <stdint.h>

#include "context.h"

struct cli_follow_stats {
    const char *stream;
    /* The only window; without has_window all of them. */
    bool has_window;
    uint32_t window_seconds;
    uint32_t interval_ms;
    /* 0: as many as fit, or the core's default in a pipe. */
    uint32_t top;
    /* Wait for a stream that is not there also where no person looks on. */
    bool wait;
};

/* Follows until a signal or the key q, which is CLI_EXIT_OK, or an error. */
int cli_follow_stats(struct cli_context *context,
                     const struct cli_follow_stats *options);

#endif
