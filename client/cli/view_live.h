/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live view of a stream: takes in updates of a watch (StatsSnapshot and
 * Anomaly of the schema, as JSON) and draws all that is known, fitted to the
 * terminal.
 */
#ifndef RNL_CLI_VIEW_LIVE_H
#define RNL_CLI_VIEW_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"
#include "term.h"

/* Points of the sparkline that are kept: more than a terminal is wide. */
#define CLI_RATE_COUNT_MAX ((size_t)256)

/* Anomalies that are shown. */
#define CLI_ANOMALY_COUNT_MAX ((size_t)5)

/* What a live view knows. Zero-initialise and set stream, interval_ms and, if
 * a window was asked for, focus. */
struct cli_live {
    const char *stream;
    uint32_t interval_ms;
    /* The window shown in detail, in seconds, 0 being all time; until one is
     * chosen it is the shortest that has events. */
    uint32_t focus_seconds;
    bool focus_chosen;
    /* "live", "reconnecting…"; bad colours it. */
    const char *status;
    bool status_bad;
    /* Keys work: say which. */
    bool has_keys;
    /* Newest state of each window, by window; owned. */
    json_t *windows;
    json_t *anomalies;
    /* Events a second in each interval, a ring. */
    double rates[CLI_RATE_COUNT_MAX];
    size_t rate_count;
    /* Events until, and time of, the last point; the time in the clock of the
     * core and in ours. */
    uint64_t count_before;
    int64_t core_ms_before;
    int64_t own_ms_before;
};

void cli_live_fini(struct cli_live *live);

/* Forgets what was received: the stream is gone. */
void cli_live_reset(struct cli_live *live);

/* Takes in the windows of a snapshot, older states of them are replaced, and
 * adds a point to the sparkline. now_ms is monotonic. */
void cli_live_snapshot(struct cli_live *live, const json_t *snapshot,
                       int64_t now_ms);

void cli_live_anomaly(struct cli_live *live, const json_t *anomaly);

/* A core sends no snapshot while nothing changes: adds points of rate 0 for
 * intervals without one. */
void cli_live_tick(struct cli_live *live, int64_t now_ms);

/* Shows the next window in detail, after the last the first. */
void cli_live_next_window(struct cli_live *live);

bool cli_live_has_window(const struct cli_live *live, uint32_t seconds);

/* Adds the whole view, fitted to the terminal. clock is the time of day,
 * "11:12:03". */
void cli_live_draw(const struct cli_live *live, const struct cli_term *term,
                   struct cli_buf *buf, const char *clock);

#endif
