/* SPDX-License-Identifier: Apache-2.0 */
/* The progress line and the summary of an ingest. */
#ifndef RNL_CLI_VIEW_INGEST_H
#define RNL_CLI_VIEW_INGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "core.h"

struct cli_ingest_view {
    enum cli_format format;
    uint64_t events;
    uint64_t skipped;
    uint64_t without_value;
    uint64_t without_latency;
    uint64_t bytes;
    /* 0: not known, a pipe. */
    uint64_t bytes_total;
    int64_t elapsed_ms;
    /* Events a second just now, for the progress line. */
    double rate;
    /* The input waits for the core to come back. */
    bool reconnecting;
    /* The person asked for that field, so that its absence is worth a word. */
    bool wants_value;
    bool wants_latency;
};

/* One line without a line end: share, events, rate, time left. */
void cli_view_ingest_progress(struct cli_buf *buf, const struct cli_term *term,
                              const struct cli_ingest_view *view);

/* One line. */
void cli_view_ingest_summary(struct cli_buf *buf, const struct cli_term *term,
                             const char *stream,
                             const struct cli_ingest_view *view,
                             const struct cli_ingest_totals *totals);

/* The same for programs. */
json_t *cli_ingest_json(const char *stream, const struct cli_ingest_view *view,
                        const struct cli_ingest_totals *totals);

#endif
