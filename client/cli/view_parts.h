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

/* A table of windows, one a row. */
void cli_view_windows(struct cli_buf *buf, const struct cli_term *term,
                      const json_t *windows);

/* The most frequent keys with bars; at most count_max of them. */
void cli_view_top(struct cli_buf *buf, const struct cli_term *term,
                  const json_t *stats, size_t columns, size_t count_max);

/* Moments, quantiles and histogram; nothing when it counted no event. */
void cli_view_distribution(struct cli_buf *buf, const struct cli_term *term,
                           const json_t *distribution, const char *title,
                           bool is_ms, size_t columns);

#endif
