/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "flags.h"
#include "follow_stats.h"

#define INTERVAL_MS_DEFAULT 1000
#define INTERVAL_MS_MIN     100
#define INTERVAL_MS_MAX     3600000

static int run(struct cli_context *context, const struct cli_args *args)
{
    struct cli_follow_stats options = {
        .stream = args->operands[0],
        .has_window = cli_args_has(args, "window"),
        .wait = cli_args_has(args, "wait"),
    };
    int64_t interval_ms = INTERVAL_MS_DEFAULT;
    int64_t top = 0;
    int status =
        cli_flag_window(context, args, "window", &options.window_seconds);
    if (status == CLI_EXIT_OK)
        status = cli_flag_duration(context, args, "interval", &interval_ms);
    if (status == CLI_EXIT_OK &&
        (interval_ms < INTERVAL_MS_MIN || interval_ms > INTERVAL_MS_MAX))
        status =
            cli_usage_error(context, "--interval %s: must be from 100ms to 1h",
                            cli_args_get(args, "interval"));
    if (status == CLI_EXIT_OK)
        status = cli_flag_integer(context, args, "top", 1, 1000, &top);
    if (status != CLI_EXIT_OK)
        return status;
    options.interval_ms = (uint32_t)interval_ms;
    options.top = (uint32_t)top;
    return cli_follow_stats(context, &options);
}

static const struct cli_flag flags[] = {
    {.name = "window",
     .value = "DUR",
     .help = "the window to show in detail, and the only one in a pipe: 1m, "
             "5m, 1h, or all for all time",
     .letter = 'w'},
    {.name = "interval",
     .value = "DUR",
     .help = "time between updates, 100ms to 1h; default 1s",
     .letter = 'n'},
    {.name = "top",
     .value = "N",
     .help = "most frequent keys, at most as many as the stream keeps; default "
             "10, and on a terminal all that fit"},
    {.name = "wait",
     .help = "wait for a stream that is not there, as on a terminal"},
    CLI_FLAG_END,
};

const struct cli_command cli_stats_watch_command = {
    .group = "stats",
    .name = "watch",
    .operands = "STREAM",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .summary = "Follow the statistics of a stream as they change",
    .details =
        "On a terminal a view that is redrawn in place; w or Tab goes to the\n"
        "next window, q or Ctrl-C ends it. In a pipe a line of name=value for\n"
        "each window that changed and for each anomaly; with --json one\n"
        "object for each update. A lost connection is resumed. On a terminal\n"
        "a stream that is not there yet is waited for, in a pipe only with\n"
        "--wait.",
    .examples = "  $ runnel stats watch web\n"
                "  $ runnel stats watch web --window 1m --interval 5s >> "
                "web.log\n"
                "  $ runnel stats watch web --json --wait | jq .snapshot.time",
    .flags = flags,
    .run = run,
};
