/* SPDX-License-Identifier: Apache-2.0 */
/* runnel: the command line of Runnel. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "context.h"
#include "core.h"

/* Where the help of what was typed so far is. */
static void say_help_is(const struct cli_args *args)
{
    const struct cli_command *command = args->command;
    const char *group = command ? command->group : args->group;
    fprintf(stderr, "Try: runnel%s%s%s%s --help\n", group ? " " : "",
            group ? group : "", command ? " " : "",
            command ? command->name : "");
}

static int help(const struct cli_args *args, int status)
{
    struct cli_buf buf = {0};
    cli_help_add(&buf, args->command, args->group);
    fputs(cli_buf_str(&buf), status == CLI_EXIT_OK ? stdout : stderr);
    cli_buf_fini(&buf);
    return status;
}

static int run(const struct cli_args *args)
{
    struct cli_context context;
    int status = cli_context_init(&context, args);
    if (status == CLI_EXIT_OK)
        status = args->command->run(&context, args);
    cli_core_close(&context);
    cli_context_fini(&context);
    return status;
}

int main(int argc, char **argv)
{
    struct cli_args args;
    struct cli_buf error = {0};
    int status;
    /* `runnel job output ID | head` ends quietly, as cat does; a write to a
     * core that went away must not end the program. */
    signal(SIGPIPE, SIG_IGN);
    if (!cli_args_parse(argc, argv, &args, &error)) {
        fprintf(stderr, "runnel: %s\n", cli_buf_str(&error));
        say_help_is(&args);
        status = CLI_EXIT_USAGE;
    } else if (cli_args_has(&args, "version")) {
        puts("runnel " RNL_VERSION);
        status = CLI_EXIT_OK;
    } else if (cli_args_has(&args, "help")) {
        status = help(&args, CLI_EXIT_OK);
    } else if (!args.command) {
        status = help(&args, CLI_EXIT_USAGE);
    } else {
        status = run(&args);
    }
    cli_buf_fini(&error);
    cli_args_fini(&args);
    return status;
}
