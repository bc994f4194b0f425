/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "core.h"

struct output {
    struct cli_context *context;
    uint64_t last_sequence;
};

/* Ends at the event that was the newest when the command began. */
static bool on_event(void *arg, const struct cli_job_event *event)
{
    struct output *output = arg;
    if (event->kind == CLI_EVENT_DELTA &&
        !cli_write_out(output->context, event->data, event->len))
        return false;
    return event->sequence < output->last_sequence;
}

static int run(struct cli_context *context, const struct cli_args *args)
{
    json_t *job;
    const char *id = args->operands[0];
    int status = cli_core_get_job(context, id, false, &job);
    if (status != CLI_EXIT_OK)
        return status;
    struct output output = {context, cli_json_u64(job, "lastSequence")};
    uint64_t first = cli_json_u64(job, "firstSequence");
    struct cli_job_watch watch = {.job_id = id,
                                  .after_sequence = first > 0 ? first - 1 : 0,
                                  .on_event = on_event,
                                  .arg = &output};
    json_decref(job);
    if (first > 1)
        cli_note(context, "its oldest output is no longer kept");
    if (output.last_sequence == 0)
        return CLI_EXIT_OK;
    cli_interrupt_catch();
    return cli_core_watch_job(context, &watch);
}

const struct cli_command cli_job_output = {
    .group = "job",
    .name = "output",
    .operands = "ID",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .summary = "Print the output that a job has so far, and end",
    .examples = "  $ runnel job output 01JDF8Q6Z5N3M4K2P1R7S8T9V0 > result.txt",
    .run = run,
};
