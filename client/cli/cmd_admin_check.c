/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "core.h"
#include "text.h"

static void print_problem(const char *problem)
{
    struct cli_buf safe = {0};
    cli_text_add_safe(&safe, problem, strlen(problem), 0);
    printf("%s\n", cli_buf_str(&safe));
    cli_buf_fini(&safe);
}

static int print_result(const json_t *result)
{
    uint64_t count = cli_json_u64(result, "problemCount");
    size_t i;
    json_t *problem;
    json_array_foreach(cli_json_at(result, "problems"), i, problem)
        print_problem(json_string_value(problem));
    if (count > i)
        printf("and %" PRIu64 " more\n", count - i);
    printf("%" PRIu64 " jobs, %" PRIu64 " events: ",
           cli_json_u64(result, "jobs"), cli_json_u64(result, "events"));
    if (count == 0)
        printf("nothing is wrong\n");
    else
        printf("%" PRIu64 " findings\n", count);
    return count == 0 ? CLI_EXIT_OK : CLI_EXIT_ERROR;
}

static int run(struct cli_context *context, const struct cli_args *args)
{
    json_t *result;
    (void)args;
    cli_interrupt_catch();
    int status = cli_core_check(context, &result);
    if (status != CLI_EXIT_OK)
        return status;
    if (context->json) {
        status = cli_json_u64(result, "problemCount") == 0 ? CLI_EXIT_OK
                                                           : CLI_EXIT_ERROR;
        cli_print_json(json_incref(result));
    } else {
        status = print_result(result);
    }
    json_decref(result);
    return status;
}

const struct cli_command cli_admin_check = {
    .group = "admin",
    .name = "check",
    .operands = "",
    .summary = "Read all of the store and say what is wrong",
    .details = "Exit status 1 when something is.",
    .examples = "  $ runnel admin check",
    .run = run,
};
