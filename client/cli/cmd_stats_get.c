/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "core.h"
#include "flags.h"
#include "view_stats.h"

static void print(const struct cli_context *context, const json_t *answer)
{
    struct cli_buf buf = {0};
    const json_t *anomalies = cli_json_at(answer, "anomalies");
    size_t i;
    json_t *anomaly;
    cli_view_stats(&buf, &context->out, cli_json_at(answer, "stats"));
    if (json_array_size(anomalies) > 0) {
        cli_buf_text(&buf, "\n");
        cli_term_add(&context->out, &buf, CLI_FAINT, "ANOMALIES");
        cli_buf_text(&buf, "\n");
    }
    json_array_foreach(anomalies, i, anomaly)
    {
        cli_view_anomaly(&buf, &context->out, anomaly);
    }
    cli_print(&buf);
}

static int run(struct cli_context *context, const struct cli_args *args)
{
    uint32_t window_seconds = 0;
    int64_t top = 0;
    json_t *answer;
    int status = cli_flag_window(context, args, "window", &window_seconds);
    if (status == CLI_EXIT_OK)
        status = cli_flag_integer(context, args, "top", 1, 1000, &top);
    if (status == CLI_EXIT_OK)
        status = cli_core_get_stats(context, args->operands[0], window_seconds,
                                    (uint32_t)top, &answer);
    if (status != CLI_EXIT_OK)
        return status;
    if (context->json) {
        cli_print_json(answer);
        return CLI_EXIT_OK;
    }
    print(context, answer);
    json_decref(answer);
    return CLI_EXIT_OK;
}

static const struct cli_flag flags[] = {
    CLI_FLAG_WINDOW,
    {.name = "top",
     .value = "N",
     .help = "keys to show, at most as many as the stream keeps; default 10"},
    CLI_FLAG_END,
};

const struct cli_command cli_stats_get = {
    .group = "stats",
    .name = "get",
    .operands = "STREAM",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .summary = "Show the statistics of a stream now",
    .examples = "  $ runnel stats get web\n"
                "  $ runnel stats get web --window 5m --top 20\n"
                "  $ runnel stats get web --json | jq .stats.uniqueKeys.value",
    .flags = flags,
    .run = run,
};
