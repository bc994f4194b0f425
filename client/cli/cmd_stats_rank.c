/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "commands.h"
#include "core.h"
#include "flags.h"
#include "metric.h"
#include "view_answers.h"

/* The values asked for: print is only given the answer. */
static double values[CLI_METRIC_COUNT_MAX];

static void print(const struct cli_context *context, const json_t *answer,
                  bool latency)
{
    struct cli_buf buf = {0};
    cli_view_ranks(&buf, &context->out, answer, values, latency);
    cli_print(&buf);
}

static int run(struct cli_context *context, const struct cli_args *args)
{
    struct cli_quantile_query query = {.stream = args->operands[0],
                                       .qs = values,
                                       .q_count = args->operand_count - 1};
    for (size_t i = 1; i < args->operand_count; i++) {
        const char *text = args->operands[i];
        if (!cli_parse_number(text, strlen(text), &values[i - 1]))
            return cli_usage_error(context, "%s: not a number", text);
    }
    int status =
        cli_flag_window(context, args, "window", &query.window_seconds);
    return status == CLI_EXIT_OK ? cli_metric_ask(context, args, &query,
                                                  cli_core_get_ranks, print)
                                 : status;
}

static const struct cli_flag flags[] = {
    CLI_FLAG_WINDOW,
    CLI_FLAG_METRIC,
    CLI_FLAG_END,
};

const struct cli_command cli_stats_rank = {
    .group = "stats",
    .name = "rank",
    .operands = "STREAM VALUE...",
    .operand_count_min = 2,
    .operand_count_max = CLI_METRIC_COUNT_MAX + 1,
    .summary = "Tell the share of events at or below values",
    .details = "Values of latency are milliseconds.",
    .examples = "  $ runnel stats rank web 100 500 1000 --metric latency\n"
                "  $ runnel stats rank flights -15 0 15",
    .flags = flags,
    .run = run,
};
