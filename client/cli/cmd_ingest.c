/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "commands.h"
#include "flags.h"
#include "ingest.h"

/* Long enough to gather a batch from a busy pipe, short enough that a person
 * who looks at the statistics sees an event at once. */
#define LINGER_MS_DEFAULT 20

/* 0 when it was not given. */
static double latency_unit_ms(const struct cli_args *args)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"s", 1e3}, {"ms", 1}, {"us", 1e-3}, {"ns", 1e-6}};
    const char *text = cli_args_get(args, "latency-unit");
    for (size_t i = 0; text && i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(units[i].name, text) == 0)
            return units[i].ms;
    }
    return 0;
}

static int read_time(const struct cli_context *context,
                     const struct cli_args *args,
                     struct cli_reader_options *reader)
{
    const char *format = cli_args_get(args, "time-format");
    reader->arrival_time = cli_args_has(args, "arrival-time");
    if (reader->arrival_time && reader->fields[CLI_COLUMN_TIME])
        return cli_usage_error(context,
                               "--arrival-time and --time exclude each other");
    if (!format || cli_time_format_parse(format, &reader->time_format))
        return CLI_EXIT_OK;
    return cli_usage_error(context,
                           "--time-format %s: must be auto, rfc3339, s, ms, "
                           "us, ns, clf or a strptime pattern with a %%",
                           format);
}

static int read_reader(const struct cli_context *context,
                       const struct cli_args *args,
                       struct cli_ingest_options *options)
{
    struct cli_reader_options *reader = &options->reader;
    const char *format = cli_args_get(args, "format");
    options->has_format = format && cli_format_parse(format, &reader->format);
    reader->fields[CLI_COLUMN_KEY] = cli_args_get(args, "key");
    reader->fields[CLI_COLUMN_VALUE] = cli_args_get(args, "value");
    reader->fields[CLI_COLUMN_LATENCY] = cli_args_get(args, "latency");
    reader->fields[CLI_COLUMN_TIME] = cli_args_get(args, "time");
    reader->no_header = cli_args_has(args, "no-header");
    reader->latency_unit_ms = latency_unit_ms(args);
    return read_time(context, args, reader);
}

static int run(struct cli_context *context, const struct cli_args *args)
{
    static const char *const stdin_only[] = {"-"};
    struct cli_ingest_options options = {.stream = args->operands[0],
                                         .files = args->operands + 1,
                                         .file_count = args->operand_count - 1,
                                         .strict = cli_args_has(args, "strict"),
                                         .linger_ms = LINGER_MS_DEFAULT};
    if (options.file_count == 0) {
        options.files = stdin_only;
        options.file_count = 1;
    }
    int status = cli_flag_duration(context, args, "linger", &options.linger_ms);
    if (status == CLI_EXIT_OK &&
        (options.linger_ms < 1 || options.linger_ms > 60000))
        status = cli_usage_error(context, "--linger: must be 1ms to 1m");
    if (status == CLI_EXIT_OK)
        status = read_reader(context, args, &options);
    return status == CLI_EXIT_OK ? cli_ingest_run(context, &options) : status;
}

static const struct cli_flag flags[] = {
    {.name = "format",
     .value = "FORMAT",
     .help = "how the input is written; else the file's name tells it",
     .choices = "csv tsv ndjson json logfmt common combined lines",
     .letter = 'f'},
    {.name = "key",
     .value = "FIELD",
     .help = "what is counted; default \"key\", of an access log the host",
     .letter = 'k'},
    {.name = "value", .value = "FIELD", .help = "a number", .letter = 'v'},
    {.name = "latency",
     .value = "FIELD",
     .help = "how long it took; of an access log the request time",
     .letter = 'l'},
    {.name = "latency-unit",
     .value = "UNIT",
     .help = "unit of the latency; default ms",
     .choices = "s ms us ns"},
    {.name = "time",
     .value = "FIELD",
     .help = "when it happened; without it, when it arrives",
     .letter = 't'},
    {.name = "time-format",
     .value = "FORMAT",
     .help = "auto, rfc3339, s, ms, us, ns (since 1970), clf, or a pattern of "
             "strptime in UTC; default auto"},
    {.name = "arrival-time",
     .help = "ignore the time of an access log: events happen as they arrive"},
    {.name = "no-header",
     .help = "csv and tsv: the first row is data, fields are numbers from 1"},
    {.name = "strict", .help = "end at the first line that cannot be read"},
    {.name = "linger",
     .value = "DUR",
     .help = "how long an event may wait for others to travel with; default "
             "20ms"},
    CLI_FLAG_END,
};

const struct cli_command cli_ingest = {
    .name = "ingest",
    .operands = "STREAM [FILE|-]...",
    .operand_count_min = 1,
    .operand_count_max = (size_t)-1,
    .operand_choices = "@file",
    .summary = "Send events from files or a pipe into a statistics stream",
    .details =
        "Without a FILE, or for -, reads stdin and follows it: events count\n"
        "as they come. The stream is made when it is not there. Lines that\n"
        "cannot be read are skipped, the first ones are told. A lost\n"
        "connection is resumed; every event counts once. Ctrl-C sends what\n"
        "was read, prints the summary and ends; the exit status is then 130\n"
        "when a file was not read to its end, else 0.",
    .examples =
        "  $ tail -f access.log | runnel ingest web --format combined\n"
        "  $ runnel ingest flights flights.csv --key origin --value delay\n"
        "  $ journalctl -f -o json | runnel ingest log -f ndjson -k "
        "SYSLOG_IDENTIFIER",
    .flags = flags,
    .run = run,
};
