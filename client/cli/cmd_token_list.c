/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "core.h"
#include "view_token.h"

static int run(struct cli_context *context, const struct cli_args *args)
{
    json_t *tokens, *token;
    struct cli_buf buf = {0};
    size_t i;
    (void)args;
    int status = cli_core_list_tokens(context, &tokens);
    if (status != CLI_EXIT_OK)
        return status;
    if (context->json) {
        json_array_foreach(tokens, i, token)
        {
            cli_print_json(json_incref(token));
        }
    } else if (json_array_size(tokens) == 0) {
        cli_note(context, "no tokens: everybody may do everything; "
                          "runnel token create makes one");
    } else {
        cli_view_tokens(&buf, &context->out, tokens, cli_wall_ms());
        cli_print(&buf);
    }
    json_decref(tokens);
    return CLI_EXIT_OK;
}

const struct cli_command cli_token_list = {
    .group = "token",
    .name = "list",
    .operands = "",
    .summary = "List the tokens, without their secrets",
    .examples = "  $ runnel token list\n"
                "  $ runnel token list --json | jq -r '.id + \" \" + .name'",
    .run = run,
};
