/* SPDX-License-Identifier: Apache-2.0 */
#include "metric.h"

#include <string.h>

int cli_metric_ask(struct cli_context *context, const struct cli_args *args,
                   struct cli_quantile_query *query, cli_metric_ask_fn ask,
                   cli_metric_print_fn print)
{
    const char *metric = cli_args_get(args, "metric");
    json_t *answer;
    query->latency = metric && strcmp(metric, "latency") == 0;
    int status = ask(context, query, &answer);
    if (status == CLI_EXIT_OK && !metric &&
        cli_json_u64(answer, "count") == 0) {
        json_decref(answer);
        query->latency = true;
        status = ask(context, query, &answer);
    }
    if (status != CLI_EXIT_OK)
        return status;
    if (context->json) {
        cli_print_json(answer);
        return CLI_EXIT_OK;
    }
    if (cli_json_u64(answer, "count") == 0)
        cli_note(context, "no event has a %s",
                 metric ? metric : "value or a latency");
    else
        print(context, answer, query->latency);
    json_decref(answer);
    return CLI_EXIT_OK;
}
