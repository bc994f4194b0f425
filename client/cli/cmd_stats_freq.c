/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "core.h"
#include "flags.h"
#include "view_answers.h"

/* The schema's limit of one question. */
#define KEY_COUNT_MAX 1000

static int run(struct cli_context *context, const struct cli_args *args)
{
    uint32_t window_seconds = 0;
    struct cli_keys keys = {args->operands + 1, args->operand_count - 1};
    struct cli_buf buf = {0};
    json_t *answer;
    int status = cli_flag_window(context, args, "window", &window_seconds);
    if (status == CLI_EXIT_OK)
        status = cli_core_get_frequency(context, args->operands[0],
                                        window_seconds, &keys, &answer);
    if (status != CLI_EXIT_OK)
        return status;
    if (context->json) {
        cli_print_json(answer);
        return CLI_EXIT_OK;
    }
    cli_view_frequencies(&buf, &context->out, answer);
    cli_print(&buf);
    json_decref(answer);
    return CLI_EXIT_OK;
}

static const struct cli_flag flags[] = {
    CLI_FLAG_WINDOW,
    CLI_FLAG_END,
};

const struct cli_command cli_stats_freq = {
    .group = "stats",
    .name = "freq",
    .operands = "STREAM KEY...",
    .operand_count_min = 2,
    .operand_count_max = KEY_COUNT_MAX + 1,
    .summary = "Tell how often keys occurred, with bounds",
    .examples = "  $ runnel stats freq web 203.0.113.9 198.51.100.7\n"
                "  $ runnel stats freq flights ORD --window 1h",
    .flags = flags,
    .run = run,
};
