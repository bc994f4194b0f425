/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "commands.h"
#include "core.h"
#include "flags.h"

/* The next window of "10s,2m"; the text is moved behind it. */
static bool take_window(const char **text, uint32_t *ret_seconds)
{
    char part[32];
    size_t len = strcspn(*text, ",");
    if (len >= sizeof(part))
        return false;
    memcpy(part, *text, len);
    part[len] = '\0';
    *text += len + ((*text)[len] == ',');
    return cli_parse_window(part, ret_seconds) && *ret_seconds > 0;
}

static int read_windows(const struct cli_context *context,
                        const struct cli_args *args,
                        struct cli_new_stream *stream)
{
    const char *text = cli_args_get(args, "windows");
    const char *at = text;
    size_t room = sizeof(stream->windows) / sizeof(stream->windows[0]);
    while (at && (*at || stream->window_count == 0)) {
        if (stream->window_count == room)
            return cli_usage_error(context, "--windows %s: at most %zu", text,
                                   room);
        if (!take_window(&at, &stream->windows[stream->window_count++]))
            return cli_usage_error(
                context, "--windows %s: not a window; write 10s,5m", text);
    }
    return CLI_EXIT_OK;
}

static int read_number(const struct cli_context *context,
                       const struct cli_args *args, const char *name,
                       double *ret_number)
{
    const char *text = cli_args_get(args, name);
    if (!text || cli_parse_number(text, strlen(text), ret_number))
        return CLI_EXIT_OK;
    return cli_usage_error(context, "--%s %s: not a number", name, text);
}

static int read_thresholds(const struct cli_context *context,
                           const struct cli_args *args,
                           struct cli_new_stream *stream)
{
    int64_t latency_ms = 0;
    int status =
        cli_flag_duration(context, args, "latency-threshold", &latency_ms);
    stream->latency_threshold_ms = (double)latency_ms;
    stream->value_threshold_set = cli_args_has(args, "value-threshold");
    if (status == CLI_EXIT_OK)
        status = read_number(context, args, "value-threshold",
                             &stream->value_threshold);
    if (status == CLI_EXIT_OK)
        status = read_number(context, args, "anomaly-score",
                             &stream->anomaly_threshold);
    return status;
}

static int read_sizes(const struct cli_context *context,
                      const struct cli_args *args,
                      struct cli_new_stream *stream)
{
    int64_t precision = 0;
    int64_t top = 0;
    int status =
        cli_flag_integer(context, args, "precision", 4, 18, &precision);
    if (status == CLI_EXIT_OK)
        status = cli_flag_integer(context, args, "top", 1, 1000, &top);
    stream->unique_precision = (uint32_t)precision;
    stream->top_capacity = (uint32_t)top;
    return status;
}

/* In the order of the schema, from 1. */
#define UNIQUE_CHOICES "hyperloglog ultraloglog"
#define HASH_CHOICES   "runnel redis datasketches"
#define TIME_CHOICES   "event arrival"

/* The number of the word that was chosen; 0: none. */
static int read_choice(const struct cli_args *args, const char *name,
                       const char *choices)
{
    const char *text = cli_args_get(args, name);
    size_t len = text ? strlen(text) : 0;
    int number = 1;
    for (const char *at = choices; text && *at; number++) {
        size_t word = strcspn(at, " ");
        if (word == len && memcmp(at, text, len) == 0)
            return number;
        at += word + (at[word] == ' ');
    }
    return 0;
}

static int create(struct cli_context *context,
                  const struct cli_new_stream *stream)
{
    bool existing = false;
    json_t *info;
    int status = cli_core_create_stream(context, stream, &existing);
    if (status != CLI_EXIT_OK)
        return status;
    if (!context->json) {
        cli_note(context, "stream %s %s", stream->name,
                 existing ? "was there, with this configuration" : "created");
        return CLI_EXIT_OK;
    }
    status = cli_core_get_stream(context, stream->name, &info);
    if (status == CLI_EXIT_OK)
        cli_print_json(info);
    return status;
}

static int run(struct cli_context *context, const struct cli_args *args)
{
    struct cli_new_stream stream = {.name = args->operands[0]};
    int status = read_windows(context, args, &stream);
    if (status == CLI_EXIT_OK)
        status = read_sizes(context, args, &stream);
    if (status == CLI_EXIT_OK)
        status = read_thresholds(context, args, &stream);
    stream.unique_algorithm = read_choice(args, "unique", UNIQUE_CHOICES);
    stream.key_hash = read_choice(args, "key-hash", HASH_CHOICES);
    stream.time_basis = read_choice(args, "time", TIME_CHOICES);
    return status == CLI_EXIT_OK ? create(context, &stream) : status;
}

static const struct cli_flag flags[] = {
    {.name = "windows",
     .value = "DUR,...",
     .help = "sliding windows, at most 8; default 1m,5m,1h. All time is "
             "always kept"},
    {.name = "top",
     .value = "N",
     .help = "keys in the top list, 1 to 1000; default 100"},
    {.name = "precision",
     .value = "P",
     .help = "of unique keys: 2^P registers, 4 to 18; default 14, an error "
             "of 0.8%"},
    {.name = "value-threshold",
     .value = "X",
     .help = "an event above this value is an anomaly"},
    {.name = "latency-threshold",
     .value = "DUR",
     .help = "an event that took longer is an anomaly"},
    {.name = "anomaly-score",
     .value = "S",
     .help = "robust standard deviations from the usual that make a rate, "
             "mean, p99 or number of keys an anomaly, 3 to 100; default 6"},
    {.name = "unique",
     .value = "ALGORITHM",
     .help = "how unique keys are counted; ultraloglog has a quarter less "
             "error and is read by no other program; default hyperloglog",
     .choices = UNIQUE_CHOICES},
    {.name = "key-hash",
     .value = "HASH",
     .help = "the hash that unique keys are counted by: with that of another "
             "program its sketches can be written and merged; default runnel",
     .choices = HASH_CHOICES},
    {.name = "time",
     .value = "BASIS",
     .help = "the time that sorts events into windows: their own, or that of "
             "their arrival; default event",
     .choices = TIME_CHOICES},
    CLI_FLAG_END,
};

const struct cli_command cli_stats_create = {
    .group = "stats",
    .name = "create",
    .operands = "STREAM",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .summary = "Create a stream with windows and thresholds of its own",
    .details = "A stream that is ingested into without this has the defaults.",
    .examples = "  $ runnel stats create web --windows 10s,1m,1h "
                "--latency-threshold 2s\n"
                "  $ runnel stats create visitors --key-hash redis",
    .flags = flags,
    .run = run,
};
