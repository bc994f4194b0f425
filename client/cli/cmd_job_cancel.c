/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "core.h"
#include "view_job.h"

static int cancel(struct cli_context *context, const char *id,
                  const char *reason)
{
    json_t *job;
    int status = cli_core_cancel_job(context, id, reason, &job);
    if (status != CLI_EXIT_OK)
        return status;
    if (context->json) {
        cli_print_json(job);
        return CLI_EXIT_OK;
    }
    const char *state = cli_json_text(job, "state");
    bool going = cli_json_bool(job, "cancelRequested") &&
                 cli_json_time_ms(job, "endTime") == 0;
    cli_note(context, "%s  %s", id,
             going ? "cancel requested" : cli_state_name(state));
    json_decref(job);
    return CLI_EXIT_OK;
}

/* All are tried; the first failure is the exit status. */
static int run(struct cli_context *context, const struct cli_args *args)
{
    const char *reason = cli_args_get(args, "reason");
    int first = CLI_EXIT_OK;
    for (size_t i = 0; i < args->operand_count; i++) {
        int status = cancel(context, args->operands[i], reason ? reason : "");
        first = first == CLI_EXIT_OK ? status : first;
    }
    return first;
}

static const struct cli_flag flags[] = {
    {.name = "reason",
     .value = "TEXT",
     .help = "shown in the job's error; at most 256 bytes"},
    {0},
};

const struct cli_command cli_job_cancel = {
    .group = "job",
    .name = "cancel",
    .operands = "ID...",
    .operand_count_min = 1,
    .operand_count_max = (size_t)-1,
    .summary = "Cancel jobs; one that has ended stays as it is",
    .examples = "  $ runnel job cancel 01JDF8Q6Z5N3M4K2P1R7S8T9V0 --reason "
                "\"wrong input\"",
    .flags = flags,
    .run = run,
};
