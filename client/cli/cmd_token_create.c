/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "buf.h"
#include "commands.h"
#include "core.h"
#include "flags.h"
#include "parse.h"

/* More would repeat some. */
#define SCOPES_MAX 16

static const char scope_names[] =
    "jobs:read jobs:write events:write stats:read work bridge admin";

static int read_flags(struct cli_context *context, const struct cli_args *args,
                      struct cli_new_token *token,
                      const char *scopes[SCOPES_MAX])
{
    const char *scope, *expires = cli_args_get(args, "expires");
    size_t at = 0;
    token->name = cli_args_get(args, "name");
    if (!token->name)
        return cli_usage_error(context, "--name is missing: for whom is it?");
    while ((scope = cli_args_next(args, "scope", &at)) != NULL) {
        if (token->scope_count == SCOPES_MAX)
            return cli_usage_error(context, "too many --scope");
        scopes[token->scope_count++] = scope;
    }
    if (token->scope_count == 0)
        return cli_usage_error(context, "--scope is missing: %s", scope_names);
    if (expires && (!cli_parse_duration_ms(expires, &token->lifetime_ms) ||
                    token->lifetime_ms < 1000))
        return cli_usage_error(context,
                               "--expires %s: write a time of 1s or "
                               "more, 30d for example",
                               expires);
    token->scopes = scopes;
    return CLI_EXIT_OK;
}

static int run(struct cli_context *context, const struct cli_args *args)
{
    const char *scopes[SCOPES_MAX];
    struct cli_new_token token = {0};
    json_t *made;
    int status = read_flags(context, args, &token, scopes);
    if (status == CLI_EXIT_OK)
        status = cli_core_create_token(context, &token, &made);
    if (status != CLI_EXIT_OK)
        return status;
    if (context->json) {
        cli_print_json(made);
        return CLI_EXIT_OK;
    }
    puts(cli_json_text(made, "secret"));
    cli_note(context, "token %s; this is the only time that it is shown",
             cli_json_text(made, "token.id"));
    json_decref(made);
    return CLI_EXIT_OK;
}

static const struct cli_flag flags[] = {
    {.name = "name", .value = "NAME", .help = "for whom or what it is"},
    {.name = "scope",
     .value = "SCOPE",
     .help = "what it allows; may be repeated",
     .choices = "jobs:read jobs:write events:write stats:read work bridge "
                "admin",
     .repeats = true},
    {.name = "expires",
     .value = "DUR",
     .help = "it ends after this time, 30d for example; default never"},
    CLI_FLAG_END,
};

const struct cli_command cli_token_create = {
    .group = "token",
    .name = "create",
    .operands = "",
    .summary = "Make a token and print it, once",
    .details =
        "The token goes to stdout, its id to stderr. The core keeps a hash of\n"
        "it alone. The first token of a core must have the scope admin; from\n"
        "then on every client needs one.\n"
        "\n"
        "Scopes:\n"
        "  jobs:read     see jobs, and watch their output\n"
        "  jobs:write    create, cancel and delete jobs\n"
        "  events:write  send events; make and delete streams\n"
        "  stats:read    read and watch statistics\n"
        "  work          work on jobs\n"
        "  bridge        connect, and pass on what others ask for\n"
        "  admin         everything, tokens too",
    .examples =
        "  $ (umask 077; runnel token create --name root --scope admin "
        ">root.token)\n"
        "  $ runnel token create --name dashboard --scope jobs:read \\\n"
        "        --scope stats:read --expires 30d --token-file root.token",
    .flags = flags,
    .run = run,
};
