/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks that views of statistics are made of. The input is JSON of the
 * schema: StreamStats and Distribution. */
#ifndef RNL_CLI_VIEW_PARTS_H
#define RNL_CLI_VIEW_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "json.h"
#include "term.h"

/* The value of that quantile in a Distribution; NAN when it has none. */
double cli_view_quantile(const json_t *distribution, double q);

/* Name, window, events, rate and unique keys. */
void cli_view_headline(struct cli_buf *buf, const struct cli_term *term,
                       const json_t *stats);

/* A table of windows, one a row; focus, one of them or NULL, is marked. */
void cli_view_windows(struct cli_buf *buf, const struct cli_term *term,
                      const json_t *windows, const json_t *focus);

/* The most frequent keys with bars; at most count_max of them. */
void cli_view_top(struct cli_buf *buf, const struct cli_term *term,
                  const json_t *stats, size_t columns, size_t count_max);

/* How a distribution is drawn. */
struct cli_block {
    /* Latency, not value. */
    bool is_ms;
    size_t columns;
    /* Height of the histogram; 0: none. */
    size_t histogram_rows;
};

/* Moments, quantiles and histogram; nothing when it counted no event. */
void cli_view_distribution(struct cli_buf *buf, const struct cli_term *term,
                           const json_t *distribution,
                           const struct cli_block *block);

/* Lines that cli_view_distribution adds. */
size_t cli_view_distribution_lines(const json_t *distribution,
                                   const struct cli_block *block);

#endif
