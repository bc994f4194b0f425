/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of a stream, drawn once. The input is what --json would print
 * (StreamStats, Anomaly, StatsSnapshot).
 */
#ifndef RNL_CLI_VIEW_STATS_H
#define RNL_CLI_VIEW_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"
#include "term.h"

/* Adds the statistics of one window, in blocks. */
void cli_view_stats(struct cli_buf *buf, const struct cli_term *term,
                    const json_t *stats);

/* Adds one line about an anomaly. */
void cli_view_anomaly(struct cli_buf *buf, const struct cli_term *term,
                      const json_t *anomaly);

/* Adds one line of name=value for each window of a snapshot, for pipes. */
void cli_view_snapshot_lines(struct cli_buf *buf, const json_t *snapshot);

/* Adds one line of name=value for an anomaly. */
void cli_view_anomaly_line(struct cli_buf *buf, const char *stream,
                           const json_t *anomaly);

#endif
