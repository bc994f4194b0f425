/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about a stream that have one answer. */
#include "core_internal.h"
#include "core_json.h"

static json_t *stats_json(const struct rnl_stats *stats)
{
    json_t *answer = cli_json_object();
    json_t *anomalies = cli_json_array();
    if (stats->window_count > 0)
        cli_json_set(answer, "stats",
                     cli_window_json(stats->stream, &stats->windows[0]));
    for (size_t i = 0; i < stats->anomaly_count; i++)
        json_array_append_new(anomalies,
                              cli_anomaly_json(&stats->anomalies[i]));
    cli_json_set(answer, "anomalies", anomalies);
    return answer;
}

int cli_core_get_stats(struct cli_context *context, const char *stream,
                       uint32_t window_seconds, uint32_t top,
                       json_t **ret_answer)
{
    struct rnl_stats *stats;
    struct cli_subject subject;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    status = cli_core_end(
        context, cli_stream_subject(&subject, stream),
        rnl_stats_get(context->client, stream, window_seconds, top, &stats));
    if (status != CLI_EXIT_OK)
        return status;
    *ret_answer = stats_json(stats);
    rnl_stats_destroy(stats);
    return CLI_EXIT_OK;
}

int cli_core_get_frequency(struct cli_context *context, const char *stream,
                           uint32_t window_seconds, const struct cli_keys *keys,
                           json_t **ret_answer)
{
    struct rnl_frequency_query query = RNL_OPTIONS_INIT(query);
    struct rnl_frequencies *found;
    struct cli_subject subject;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    query.stream = stream;
    query.window_seconds = window_seconds;
    query.keys = keys->keys;
    query.key_count = keys->count;
    status = cli_core_end(context, cli_stream_subject(&subject, stream),
                          rnl_stats_frequency(context->client, &query, &found));
    if (status != CLI_EXIT_OK)
        return status;
    json_t *list = cli_json_array();
    for (size_t i = 0; i < found->key_count; i++)
        json_array_append_new(list, cli_frequency_json(&found->keys[i]));
    *ret_answer = cli_json_object();
    cli_json_set(*ret_answer, "frequencies", list);
    cli_json_set_u64(*ret_answer, "count", found->count);
    rnl_frequencies_destroy(found);
    return CLI_EXIT_OK;
}

int cli_core_get_quantiles(struct cli_context *context,
                           const struct cli_quantile_query *query,
                           json_t **ret_answer)
{
    struct rnl_quantile_query asked = RNL_OPTIONS_INIT(asked);
    struct rnl_quantiles *found;
    struct cli_subject subject;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    asked.stream = query->stream;
    asked.window_seconds = query->window_seconds;
    asked.metric = query->latency ? RNL_METRIC_LATENCY : RNL_METRIC_VALUE;
    asked.q = query->qs;
    asked.q_count = query->q_count;
    status = cli_core_end(context, cli_stream_subject(&subject, query->stream),
                          rnl_stats_quantiles(context->client, &asked, &found));
    if (status != CLI_EXIT_OK)
        return status;
    *ret_answer = cli_json_object();
    cli_json_set(*ret_answer, "quantiles",
                 cli_quantiles_json(found->quantiles, found->quantile_count));
    cli_json_set_number(*ret_answer, "relativeError", found->relative_error);
    cli_json_set_u64(*ret_answer, "count", found->count);
    rnl_quantiles_destroy(found);
    return CLI_EXIT_OK;
}

int cli_core_get_ranks(struct cli_context *context,
                       const struct cli_quantile_query *query,
                       json_t **ret_answer)
{
    struct rnl_rank_query asked = RNL_OPTIONS_INIT(asked);
    struct rnl_ranks *found;
    struct cli_subject subject;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    asked.stream = query->stream;
    asked.window_seconds = query->window_seconds;
    asked.metric = query->latency ? RNL_METRIC_LATENCY : RNL_METRIC_VALUE;
    asked.values = query->qs;
    asked.value_count = query->q_count;
    status = cli_core_end(context, cli_stream_subject(&subject, query->stream),
                          rnl_stats_rank(context->client, &asked, &found));
    if (status != CLI_EXIT_OK)
        return status;
    json_t *ranks = cli_json_array();
    for (size_t i = 0; i < found->rank_count; i++)
        json_array_append_new(ranks, cli_json_must(json_real(found->ranks[i])));
    *ret_answer = cli_json_object();
    cli_json_set(*ret_answer, "ranks", ranks);
    cli_json_set_u64(*ret_answer, "count", found->count);
    rnl_ranks_destroy(found);
    return CLI_EXIT_OK;
}

int cli_core_export(struct cli_context *context, const struct cli_export *what,
                    json_t **ret_answer, struct cli_buf *ret_bytes)
{
    struct rnl_export_query asked = RNL_OPTIONS_INIT(asked);
    struct rnl_exported *exported;
    struct cli_subject subject;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    asked.stream = what->stream;
    asked.window_seconds = what->window_seconds;
    asked.kind = (enum rnl_export_kind)what->kind;
    asked.format = (enum rnl_export_format)what->format;
    status = cli_core_end(context, cli_stream_subject(&subject, what->stream),
                          rnl_stats_export(context->client, &asked, &exported));
    if (status != CLI_EXIT_OK)
        return status;
    *ret_answer = cli_json_object();
    cli_json_set_bytes(*ret_answer, "sketch", exported->sketch,
                       exported->sketch_len);
    cli_json_set_text(*ret_answer, "contentType", exported->content_type);
    cli_buf_add(ret_bytes, exported->sketch, exported->sketch_len);
    rnl_exported_destroy(exported);
    return CLI_EXIT_OK;
}

int cli_core_merge(struct cli_context *context, const struct cli_merge *what,
                   const struct cli_buf *bytes, json_t **ret_answer)
{
    struct rnl_merge_request request = RNL_OPTIONS_INIT(request);
    struct rnl_merged merged;
    struct cli_subject subject;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    request.stream = what->stream;
    request.kind = (enum rnl_export_kind)what->kind;
    request.format = (enum rnl_export_format)what->format;
    request.sketch = cli_buf_str(bytes);
    request.sketch_len = bytes->len;
    request.producer_id = what->id;
    request.producer_sequence = what->id ? 1 : 0;
    status = cli_core_end(context, cli_stream_subject(&subject, what->stream),
                          rnl_stats_merge(context->client, &request, &merged));
    if (status != CLI_EXIT_OK)
        return status;
    *ret_answer = cli_json_object();
    cli_json_set_u64(*ret_answer, "count", merged.count);
    cli_json_set_bool(*ret_answer, "duplicate", merged.duplicate);
    return CLI_EXIT_OK;
}
