/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "core.h"
#include "view_job.h"

static int run(struct cli_context *context, const struct cli_args *args)
{
    json_t *streams;
    struct cli_buf buf = {0};
    size_t i;
    json_t *stream;
    (void)args;
    int status = cli_core_list_streams(context, &streams);
    if (status != CLI_EXIT_OK)
        return status;
    if (context->json) {
        json_array_foreach(streams, i, stream)
        {
            cli_print_json(json_incref(stream));
        }
    } else if (json_array_size(streams) == 0) {
        cli_note(context, "no streams; runnel ingest makes one");
    } else {
        cli_view_streams(&buf, &context->out, streams, cli_wall_ms());
        cli_print(&buf);
    }
    json_decref(streams);
    return CLI_EXIT_OK;
}

const struct cli_command cli_stats_list = {
    .group = "stats",
    .name = "list",
    .operands = "",
    .summary = "List the streams",
    .examples = "  $ runnel stats list\n"
                "  $ runnel stats list --json | jq -r .config.name",
    .run = run,
};
