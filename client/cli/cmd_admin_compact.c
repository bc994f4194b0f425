/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "commands.h"
#include "core.h"
#include "text.h"

static int run(struct cli_context *context, const struct cli_args *args)
{
    json_t *result;
    struct cli_buf text = {0};
    (void)args;
    cli_interrupt_catch();
    int status = cli_core_compact(context, &result);
    if (status != CLI_EXIT_OK)
        return status;
    if (context->json) {
        cli_print_json(result);
        return CLI_EXIT_OK;
    }
    cli_text_add_bytes(&text, (double)cli_json_u64(result, "bytesBefore"));
    cli_buf_text(&text, " before, ");
    cli_text_add_bytes(&text, (double)cli_json_u64(result, "bytesAfter"));
    cli_buf_text(&text, " now\n");
    cli_print(&text);
    json_decref(result);
    return CLI_EXIT_OK;
}

const struct cli_command cli_admin_compact = {
    .group = "admin",
    .name = "compact",
    .operands = "",
    .summary = "Give unused room of the store back to the file system",
    .examples = "  $ runnel admin compact",
    .run = run,
};
