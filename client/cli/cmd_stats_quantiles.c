/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "commands.h"
#include "core.h"
#include "flags.h"
#include "metric.h"
#include "view_answers.h"

/* "p999" is how many write p99.9. */
static double add_point(double percent)
{
    while (percent > 100)
        percent /= 10;
    return percent;
}

/* "p99", "p99.9", "99%", "0.99". */
static bool parse_quantile(const char *text, double *ret_q)
{
    size_t len = strlen(text);
    bool has_p = text[0] == 'p' || text[0] == 'P';
    bool has_percent = len > 0 && text[len - 1] == '%';
    double number;
    if (has_p && has_percent)
        return false;
    if (!cli_parse_number(text + has_p, len - has_p - has_percent, &number))
        return false;
    if (has_p && !strchr(text, '.'))
        number = add_point(number);
    if (has_p || has_percent)
        number /= 100;
    *ret_q = number;
    return number >= 0 && number <= 1;
}

static void print(const struct cli_context *context, const json_t *answer,
                  bool latency)
{
    struct cli_buf buf = {0};
    cli_view_quantiles(&buf, &context->out, answer, latency);
    cli_print(&buf);
}

static int run(struct cli_context *context, const struct cli_args *args)
{
    double qs[CLI_METRIC_COUNT_MAX] = {0.5, 0.9, 0.95, 0.99, 0.999};
    struct cli_quantile_query query = {
        .stream = args->operands[0], .qs = qs, .q_count = 5};
    for (size_t i = 1; i < args->operand_count; i++) {
        if (!parse_quantile(args->operands[i], &qs[i - 1]))
            return cli_usage_error(context,
                                   "%s: not a quantile; write p99, 99%% or "
                                   "0.99",
                                   args->operands[i]);
        query.q_count = i;
    }
    int status =
        cli_flag_window(context, args, "window", &query.window_seconds);
    return status == CLI_EXIT_OK ? cli_metric_ask(context, args, &query,
                                                  cli_core_get_quantiles, print)
                                 : status;
}

static const struct cli_flag flags[] = {
    CLI_FLAG_WINDOW,
    CLI_FLAG_METRIC,
    CLI_FLAG_END,
};

const struct cli_command cli_stats_quantiles = {
    .group = "stats",
    .name = "quantiles",
    .operands = "STREAM [Q]...",
    .operand_count_min = 1,
    .operand_count_max = CLI_METRIC_COUNT_MAX + 1,
    .summary = "Tell quantiles of value or latency",
    .details = "Q is p99, 99% or 0.99; by default p50, p90, p95, p99, p99.9.",
    .examples = "  $ runnel stats quantiles web p50 p99.9 --metric latency\n"
                "  $ runnel stats quantiles flights --window 1h",
    .flags = flags,
    .run = run,
};
