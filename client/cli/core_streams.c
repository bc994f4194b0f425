/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: create, look, delete. */
#include <string.h>

#include "core_internal.h"
#include "core_json.h"

static void fill_config(struct rnl_stream_config *config,
                        const struct cli_new_stream *stream)
{
    config->name = stream->name;
    memcpy(config->window_seconds, stream->windows,
           sizeof(config->window_seconds));
    config->window_count = stream->window_count;
    config->unique_precision = stream->unique_precision;
    config->top_capacity = stream->top_capacity;
    config->has_value_threshold = stream->value_threshold_set;
    config->value_threshold = stream->value_threshold;
    config->latency_threshold_ms = stream->latency_threshold_ms;
    config->anomaly_threshold = stream->anomaly_threshold;
    config->unique_algorithm =
        (enum rnl_unique_algorithm)stream->unique_algorithm;
    config->key_hash = (enum rnl_stream_hash)stream->key_hash;
    config->time_basis = (enum rnl_stream_time)stream->time_basis;
}

_Static_assert(sizeof(((struct cli_new_stream *)0)->windows) ==
                   sizeof(((struct rnl_stream_config *)0)->window_seconds),
               "the windows of a stream");

int cli_core_create_stream(struct cli_context *context,
                           const struct cli_new_stream *stream,
                           bool *ret_existing)
{
    struct rnl_stream_config config = RNL_OPTIONS_INIT(config);
    struct cli_subject subject;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    fill_config(&config, stream);
    return cli_core_end(
        context, cli_stream_subject(&subject, stream->name),
        rnl_stream_create(context->client, &config, ret_existing));
}

int cli_core_get_stream(struct cli_context *context, const char *name,
                        json_t **ret_stream)
{
    struct rnl_stream_list *list;
    struct cli_subject subject;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    status = cli_core_end(context, cli_stream_subject(&subject, name),
                          rnl_stream_get(context->client, name, &list));
    if (status != CLI_EXIT_OK)
        return status;
    *ret_stream = cli_stream_json(&list->streams[0]);
    rnl_stream_list_destroy(list);
    return CLI_EXIT_OK;
}

int cli_core_list_streams(struct cli_context *context, json_t **ret_streams)
{
    struct rnl_stream_list *list;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    status = cli_core_end(context, "stats list",
                          rnl_stream_list(context->client, &list));
    if (status != CLI_EXIT_OK)
        return status;
    *ret_streams = cli_json_array();
    for (size_t i = 0; i < list->stream_count; i++)
        json_array_append_new(*ret_streams, cli_stream_json(&list->streams[i]));
    rnl_stream_list_destroy(list);
    return CLI_EXIT_OK;
}

int cli_core_delete_stream(struct cli_context *context, const char *name)
{
    struct cli_subject subject;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    return cli_core_end(context, cli_stream_subject(&subject, name),
                        rnl_stream_delete(context->client, name));
}
