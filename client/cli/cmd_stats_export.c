/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "commands.h"
#include "core.h"
#include "flags.h"
#include "sketch_names.h"

static int write_file(const struct cli_context *context, const char *path,
                      const struct cli_buf *bytes)
{
    FILE *file = fopen(path, "wb");
    bool ok =
        file && fwrite(cli_buf_str(bytes), 1, bytes->len, file) == bytes->len;
    if (file && fclose(file) != 0)
        ok = false;
    if (ok)
        return CLI_EXIT_OK;
    cli_error(context, "--output %s: %s", path, strerror(errno));
    return CLI_EXIT_ERROR;
}

static int export(struct cli_context *context, const struct cli_export *what,
                  const char *path)
{
    struct cli_buf bytes = {0};
    json_t *answer;
    int status = cli_core_export(context, what, &answer, &bytes);
    if (status != CLI_EXIT_OK)
        return status;
    if (path)
        status = write_file(context, path, &bytes);
    else if (context->json)
        cli_print_json(json_incref(answer));
    else if (!cli_write_out(context, cli_buf_str(&bytes), bytes.len))
        status = CLI_EXIT_ERROR;
    json_decref(answer);
    cli_buf_fini(&bytes);
    return status;
}

static int run(struct cli_context *context, const struct cli_args *args)
{
    const char *format = cli_args_get(args, "format");
    const char *path = cli_args_get(args, "output");
    struct cli_export what = {
        .stream = args->operands[0],
        .kind = cli_sketch_kind(args->operands[1]),
        .format = cli_sketch_format(format ? format : "runnel"),
    };
    if (what.kind == 0)
        return cli_usage_error(context,
                               "%s: must be unique, frequency, value or "
                               "latency",
                               args->operands[1]);
    if (context->out.is_tty && !context->json && !path)
        return cli_usage_error(context,
                               "a sketch is no text; use --output FILE or a "
                               "pipe");
    int status = cli_flag_window(context, args, "window", &what.window_seconds);
    return status == CLI_EXIT_OK ? export(context, &what, path) : status;
}

static const struct cli_flag flags[] = {
    {.name = "format",
     .value = "FORMAT",
     .help = "layout of the bytes; default runnel",
     .choices = CLI_SKETCH_FORMATS,
     .letter = 'f'},
    {.name = "output",
     .value = "FILE",
     .help = "write to a file, not to stdout",
     .choices = "@file",
     .letter = 'o'},
    CLI_FLAG_WINDOW,
    CLI_FLAG_END,
};

const struct cli_command cli_stats_export = {
    .group = "stats",
    .name = "export",
    .operands = "STREAM unique|frequency|value|latency",
    .operand_count_min = 2,
    .operand_count_max = 2,
    .summary = "Write a sketch of a stream as bytes for other programs",
    .details = "docs/streams.md says which formats each kind has.",
    .examples =
        "  $ runnel stats export web unique --format redis |\n"
        "        redis-cli -x set web:unique && redis-cli pfcount web:unique\n"
        "  $ runnel stats export web latency --window 1h -o latency.bin",
    .flags = flags,
    .run = run,
};
