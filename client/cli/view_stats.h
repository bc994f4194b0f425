/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of a stream, drawn: once for `stats get`, again and again for
 * `stats watch`. The input is what --json would print (StreamStats, Anomaly,
 * StatsSnapshot).
 */
#ifndef RNL_CLI_VIEW_STATS_H
#define RNL_CLI_VIEW_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"
#include "term.h"

/* Points of the sparkline that are kept: more than a terminal is wide. */
#define CLI_RATE_COUNT_MAX ((size_t)256)

/* Anomalies that are shown. */
#define CLI_ANOMALY_COUNT_MAX ((size_t)5)

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

/* What a live view knows. Zero-initialise and set stream. */
struct cli_live {
    const char *stream;
    /* The window shown in detail, in seconds. */
    uint32_t focus_seconds;
    /* "live", "reconnecting…"; bad colours it. */
    const char *status;
    bool status_bad;
    /* Newest state of each window, by window; owned. */
    json_t *windows;
    json_t *anomalies;
    /* Events a second at each tick, a ring. */
    double rates[CLI_RATE_COUNT_MAX];
    size_t rate_count;
    uint64_t count_before;
    int64_t tick_before_ms;
};

void cli_live_fini(struct cli_live *live);

/* Takes in the windows of a snapshot; older states of them are replaced. */
void cli_live_snapshot(struct cli_live *live, const json_t *snapshot);

void cli_live_anomaly(struct cli_live *live, const json_t *anomaly);

/* Adds a point to the sparkline: the events since the last tick. now_ms is
 * monotonic. */
void cli_live_tick(struct cli_live *live, int64_t now_ms);

/* Adds the whole view, fitted to the terminal. clock is the time of day,
 * "11:12:03". */
void cli_live_draw(const struct cli_live *live, const struct cli_term *term,
                   struct cli_buf *buf, const char *clock);

#endif
