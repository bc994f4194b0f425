/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "core.h"

/* All are tried; the first failure is the exit status. */
static int run(struct cli_context *context, const struct cli_args *args)
{
    int first = CLI_EXIT_OK;
    for (size_t i = 0; i < args->operand_count; i++) {
        int status = cli_core_delete_stream(context, args->operands[i]);
        if (status == CLI_EXIT_OK)
            cli_note(context, "stream %s deleted", args->operands[i]);
        first = first == CLI_EXIT_OK ? status : first;
    }
    return first;
}

const struct cli_command cli_stats_delete = {
    .group = "stats",
    .name = "delete",
    .operands = "STREAM...",
    .operand_count_min = 1,
    .operand_count_max = (size_t)-1,
    .summary = "Delete streams with their statistics",
    .examples = "  $ runnel stats delete web",
    .run = run,
};
