/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "core.h"
#include "view_job.h"

static int run(struct cli_context *context, const struct cli_args *args)
{
    json_t *info;
    struct cli_buf buf = {0};
    (void)args;
    int status = cli_core_get_info(context, &info);
    if (status != CLI_EXIT_OK)
        return status;
    if (context->json) {
        cli_print_json(info);
        return CLI_EXIT_OK;
    }
    cli_view_info(&buf, &context->out, info, context->address, cli_wall_ms());
    cli_print(&buf);
    json_decref(info);
    return CLI_EXIT_OK;
}

const struct cli_command cli_info = {
    .name = "info",
    .operands = "",
    .summary = "Show what the core is and does",
    .examples = "  $ runnel info\n"
                "  $ runnel info --json | jq -r '.kinds[]'\n"
                "  $ runnel info --json | jq .limits",
    .run = run,
};
