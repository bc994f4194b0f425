/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "core.h"

/* All are tried; the first failure is the exit status. */
static int run(struct cli_context *context, const struct cli_args *args)
{
    int first = CLI_EXIT_OK;
    for (size_t i = 0; i < args->operand_count; i++) {
        int status = cli_core_delete_job(context, args->operands[i]);
        if (status == CLI_EXIT_OK)
            cli_note(context, "%s  deleted", args->operands[i]);
        first = first == CLI_EXIT_OK ? status : first;
    }
    return first;
}

const struct cli_command cli_job_delete = {
    .group = "job",
    .name = "delete",
    .operands = "ID...",
    .operand_count_min = 1,
    .operand_count_max = (size_t)-1,
    .summary = "Forget jobs that have ended, with their output",
    .examples =
        "  $ runnel job delete 01JDF8Q6Z5N3M4K2P1R7S8T9V0\n"
        "  $ runnel job list --state failed --all --json | jq -r .id |\n"
        "        xargs runnel job delete",
    .run = run,
};
