/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "context.h"

static int run(struct cli_context *context, const struct cli_args *args)
{
    struct cli_buf buf = {0};
    if (!cli_completion_add(&buf, args->operands[0]))
        return cli_usage_error(context,
                               "completion %s: must be bash, zsh or fish",
                               args->operands[0]);
    cli_print(&buf);
    return CLI_EXIT_OK;
}

const struct cli_command cli_completion = {
    .name = "completion",
    .operands = "bash|zsh|fish",
    .operand_choices = "bash zsh fish",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .summary = "Print a script that completes runnel's commands and flags",
    .examples =
        "  $ source <(runnel completion bash)\n"
        "  $ runnel completion zsh > \"${fpath[1]}/_runnel\"\n"
        "  $ runnel completion fish > ~/.config/fish/completions/runnel.fish",
    .run = run,
};
