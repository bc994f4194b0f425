/* SPDX-License-Identifier: Apache-2.0 */
/* What questions about the distribution of value or latency share. */
#ifndef RNL_CLI_METRIC_H
#define RNL_CLI_METRIC_H

#include "core.h"

/* The schema's limit of one question. */
#define CLI_METRIC_COUNT_MAX 100

#define CLI_FLAG_METRIC                                                 \
    {                                                                   \
        .name = "metric", .value = "METRIC", .letter = 'm',             \
        .help = "default value, or latency where events have no value", \
        .choices = "value latency"                                      \
    }

typedef int (*cli_metric_ask_fn)(struct cli_context *context,
                                 const struct cli_quantile_query *query,
                                 json_t **ret_answer);
typedef void (*cli_metric_print_fn)(const struct cli_context *context,
                                    const json_t *answer, bool latency);

/* Asks about the metric that --metric names and prints the answer; without the
 * flag about latency when no event has a value. Returns an exit status. */
int cli_metric_ask(struct cli_context *context, const struct cli_args *args,
                   struct cli_quantile_query *query, cli_metric_ask_fn ask,
                   cli_metric_print_fn print);

#endif
