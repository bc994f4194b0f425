/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "commands.h"
#include "core.h"
#include "flags.h"
#include "input.h"
#include "sketch_names.h"

static void tell(const struct cli_context *context,
                 const struct cli_merge *what, json_t *answer)
{
    static const char *const counted[] = {"distinct keys", "events", "values",
                                          "latencies"};
    if (context->json) {
        cli_print_json(answer);
        return;
    }
    if (cli_json_bool(answer, "duplicate"))
        cli_note(context, "not merged: --id %s was there already", what->id);
    else
        cli_note(context, "merged %" PRIu64 " %s into stream %s",
                 cli_json_u64(answer, "count"), counted[what->kind - 1],
                 what->stream);
    json_decref(answer);
}

static int run(struct cli_context *context, const struct cli_args *args)
{
    const char *kind = cli_args_get(args, "kind");
    const char *format = cli_args_get(args, "format");
    const char *path = args->operands[1];
    struct cli_merge what = {
        .stream = args->operands[0],
        .kind = kind ? cli_sketch_kind(kind) : 0,
        .format = cli_sketch_format(format ? format : "runnel"),
        .id = cli_args_get(args, "id"),
    };
    struct cli_buf bytes = {0};
    json_t *answer;
    if (!kind)
        return cli_usage_error(context, "--kind is needed: unique, frequency, "
                                        "value or latency");
    int status = cli_input_read(context, path, path, &bytes);
    if (status == CLI_EXIT_OK)
        status = cli_core_merge(context, &what, &bytes, &answer);
    cli_buf_fini(&bytes);
    if (status == CLI_EXIT_OK)
        tell(context, &what, answer);
    return status;
}

static const struct cli_flag flags[] = {
    {.name = "kind",
     .value = "KIND",
     .help = "what the sketch is of",
     .choices = CLI_SKETCH_KINDS,
     .letter = 'k'},
    {.name = "format",
     .value = "FORMAT",
     .help = "layout of the bytes; default runnel",
     .choices = CLI_SKETCH_FORMATS,
     .letter = 'f'},
    {.name = "id",
     .value = "ID",
     .help = "merge only once what comes with this name, of at most 64 bytes"},
    CLI_FLAG_END,
};

const struct cli_command cli_stats_merge = {
    .group = "stats",
    .name = "merge",
    .operands = "STREAM FILE|-",
    .operand_count_min = 2,
    .operand_count_max = 2,
    .summary = "Merge a sketch into the figures of all time of a stream",
    .details =
        "The stream must be there. A sketch of another program's unique keys\n"
        "goes into a stream that was created with its --key-hash.\n"
        "docs/streams.md says which formats each kind has and what a merge\n"
        "changes.",
    .examples =
        "  $ runnel stats export web latency | runnel stats merge all --kind "
        "latency -\n"
        "  $ runnel stats create visitors --key-hash redis\n"
        "  $ redis-cli get web:unique | head -c -1 |\n"
        "        runnel stats merge visitors --kind unique --format redis -",
    .flags = flags,
    .operand_choices = "@file",
    .run = run,
};
