/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "core.h"

/* All are tried; the first failure is the exit status. */
static int run(struct cli_context *context, const struct cli_args *args)
{
    int first = CLI_EXIT_OK;
    for (size_t i = 0; i < args->operand_count; i++) {
        int status = cli_core_revoke_token(context, args->operands[i]);
        if (status == CLI_EXIT_OK)
            cli_note(context, "%s  revoked", args->operands[i]);
        first = first == CLI_EXIT_OK ? status : first;
    }
    return first;
}

const struct cli_command cli_token_revoke = {
    .group = "token",
    .name = "revoke",
    .operands = "ID...",
    .operand_count_min = 1,
    .operand_count_max = (size_t)-1,
    .summary = "End tokens, with their connections and calls",
    .examples = "  $ runnel token revoke 9f86d081884c",
    .run = run,
};
