/* SPDX-License-Identifier: Apache-2.0 */
/* Upkeep of the core's store. */
#include "core_internal.h"
#include "core_json.h"

int cli_core_backup(struct cli_context *context,
                    bool (*on_piece)(void *arg, const void *data, size_t len,
                                     uint64_t total_bytes),
                    void *arg)
{
    struct rnl_backup_options options = RNL_OPTIONS_INIT(options);
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    options.on_piece = on_piece;
    options.arg = arg;
    return cli_core_end(context, "admin backup",
                        rnl_admin_backup(context->client, &options));
}

int cli_core_check(struct cli_context *context, json_t **ret_result)
{
    struct rnl_check_result *result;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    status = cli_core_end(context, "admin check",
                          rnl_admin_check(context->client, &result));
    if (status != CLI_EXIT_OK)
        return status;
    json_t *object = cli_json_object();
    json_t *problems = cli_json_array();
    for (size_t i = 0; i < result->problems_shown; i++)
        json_array_append_new(problems,
                              cli_json_must(json_string(result->problems[i])));
    cli_json_set_u64(object, "jobs", result->jobs);
    cli_json_set_u64(object, "events", result->events);
    cli_json_set_u64(object, "problemCount", result->problem_count);
    cli_json_set(object, "problems", problems);
    rnl_check_result_destroy(result);
    *ret_result = object;
    return CLI_EXIT_OK;
}

int cli_core_compact(struct cli_context *context, json_t **ret_result)
{
    struct rnl_compact_result result;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    status = cli_core_end(context, "admin compact",
                          rnl_admin_compact(context->client, &result));
    if (status != CLI_EXIT_OK)
        return status;
    json_t *object = cli_json_object();
    cli_json_set_u64(object, "bytesBefore", result.bytes_before);
    cli_json_set_u64(object, "bytesAfter", result.bytes_after);
    *ret_result = object;
    return CLI_EXIT_OK;
}
