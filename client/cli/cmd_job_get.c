/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "core.h"
#include "view_job.h"

static int run(struct cli_context *context, const struct cli_args *args)
{
    json_t *job;
    struct cli_buf buf = {0};
    int status = cli_core_get_job(context, args->operands[0],
                                  cli_args_has(args, "input"), &job);
    if (status != CLI_EXIT_OK)
        return status;
    if (context->json) {
        cli_print_json(job);
        return CLI_EXIT_OK;
    }
    cli_view_job(&buf, &context->out, job);
    cli_print(&buf);
    json_decref(job);
    return CLI_EXIT_OK;
}

static const struct cli_flag flags[] = {
    {.name = "input", .help = "show the input as well"},
    {0},
};

const struct cli_command cli_job_get = {
    .group = "job",
    .name = "get",
    .operands = "ID",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .summary = "Show one job",
    .examples = "  $ runnel job get 01JDF8Q6Z5N3M4K2P1R7S8T9V0\n"
                "  $ runnel job get 01JDF8Q6Z5N3M4K2P1R7S8T9V0 --json | jq "
                "-r .state",
    .flags = flags,
    .run = run,
};
