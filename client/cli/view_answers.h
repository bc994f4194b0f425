/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to questions about a stream, as tables. The input is JSON of the
 * schema. */
#ifndef RNL_CLI_VIEW_ANSWERS_H
#define RNL_CLI_VIEW_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>

#include "json.h"
#include "term.h"

/* A GetFrequencyResponse. */
void cli_view_frequencies(struct cli_buf *buf, const struct cli_term *term,
                          const json_t *answer);

/* A GetQuantilesResponse; is_ms: of latency. */
void cli_view_quantiles(struct cli_buf *buf, const struct cli_term *term,
                        const json_t *answer, bool is_ms);

/* A GetRankResponse to a question about these values. */
void cli_view_ranks(struct cli_buf *buf, const struct cli_term *term,
                    const json_t *answer, const double *values, bool is_ms);

#endif
