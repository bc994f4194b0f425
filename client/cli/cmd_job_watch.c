/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "follow.h"

static int run(struct cli_context *context, const struct cli_args *args)
{
    int64_t after = 0;
    int status = cli_flag_integer(context, args, "after", 0, INT64_MAX, &after);
    if (status != CLI_EXIT_OK)
        return status;
    return cli_follow_job(context, args->operands[0], (uint64_t)after);
}

static const struct cli_flag flags[] = {
    {.name = "after",
     .value = "N",
     .help = "only events after this sequence; default 0, all"},
    {0},
};

const struct cli_command cli_job_watch_command = {
    .group = "job",
    .name = "watch",
    .operands = "ID",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .summary = "Follow a job: past and coming output, then its outcome",
    .details =
        "Output goes to stdout, byte for byte; log lines and progress go to\n"
        "stderr. A lost connection is resumed without a gap or a repetition.\n"
        "The exit status is 0 when the job succeeded, 5 when it failed, 6\n"
        "when it was cancelled or expired. Ctrl-C ends the watch, not the "
        "job.\n"
        "With --json every event is one line.",
    .examples = "  $ runnel job watch 01JDF8Q6Z5N3M4K2P1R7S8T9V0 > result.txt\n"
                "  $ runnel job watch 01JDF8Q6Z5N3M4K2P1R7S8T9V0 --after 120",
    .flags = flags,
    .run = run,
};
