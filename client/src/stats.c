/* SPDX-License-Identifier: Apache-2.0 */
/* Reading statistics: the unary methods of StatsService that only look. */
#include <stddef.h>

#include "alloc.h"
#include "client_private.h"
#include "stats_model.h"
#include "typed.h"

/* Results and the memory that they lie in. */
struct stats_box {
    struct rnl_stats stats;
    struct rnl_arena arena;
};

struct frequencies_box {
    struct rnl_frequencies frequencies;
    struct rnl_arena arena;
};

struct quantiles_box {
    struct rnl_quantiles quantiles;
    struct rnl_arena arena;
};

struct ranks_box {
    struct rnl_ranks ranks;
    struct rnl_arena arena;
};

_Static_assert(offsetof(struct stats_box, stats) == 0 &&
                   offsetof(struct frequencies_box, frequencies) == 0 &&
                   offsetof(struct quantiles_box, quantiles) == 0 &&
                   offsetof(struct ranks_box, ranks) == 0,
               "a result is its box");

void rnl_stats_destroy(struct rnl_stats *stats)
{
    struct stats_box *box = (struct stats_box *)stats;
    if (box == NULL)
        return;
    rnl_arena_fini(&box->arena);
    rnl_free(box);
}

void rnl_frequencies_destroy(struct rnl_frequencies *frequencies)
{
    struct frequencies_box *box = (struct frequencies_box *)frequencies;
    if (box == NULL)
        return;
    rnl_arena_fini(&box->arena);
    rnl_free(box);
}

void rnl_quantiles_destroy(struct rnl_quantiles *quantiles)
{
    struct quantiles_box *box = (struct quantiles_box *)quantiles;
    if (box == NULL)
        return;
    rnl_arena_fini(&box->arena);
    rnl_free(box);
}

void rnl_ranks_destroy(struct rnl_ranks *ranks)
{
    struct ranks_box *box = (struct ranks_box *)ranks;
    if (box == NULL)
        return;
    rnl_arena_fini(&box->arena);
    rnl_free(box);
}

static enum rnl_code fill_stats(struct rnl_client *client,
                                const Runnel__V1__GetStatsResponse *response,
                                struct stats_box *box)
{
    size_t window_count = response->stats == NULL ? 0 : 1;
    box->stats = (struct rnl_stats){
        .stream = window_count == 0 ? "" : response->stats->stream,
        .windows =
            rnl_stats_windows(&box->arena, &response->stats, window_count),
        .window_count = window_count,
        .anomalies = rnl_stats_anomalies(&box->arena, response->anomalies,
                                         response->n_anomalies),
        .anomaly_count = response->n_anomalies,
    };
    return box->arena.exhausted ? rnl_typed_no_memory(client) : RNL_OK;
}

enum rnl_code rnl_stats_get(struct rnl_client *client, const char *stream,
                            uint32_t window_seconds, uint32_t top,
                            struct rnl_stats **ret_stats)
{
    static const struct rnl_method_type method = {
        "runnel.v1.StatsService/GetStats",
        &runnel__v1__get_stats_response__descriptor,
    };
    Runnel__V1__GetStatsRequest request = RUNNEL__V1__GET_STATS_REQUEST__INIT;
    request.stream = rnl_typed_text(stream);
    request.window_seconds = window_seconds;
    request.top = top;
    struct stats_box *box = rnl_calloc(1, sizeof(*box));
    if (box == NULL)
        return rnl_typed_no_memory(client);
    void *answer;
    enum rnl_code code =
        rnl_typed_call(client, &method, &request.base, &box->arena, &answer);
    if (code == RNL_OK)
        code = fill_stats(client, answer, box);
    if (code == RNL_OK)
        *ret_stats = &box->stats;
    else
        rnl_stats_destroy(&box->stats);
    return code;
}

/* The strings of protobuf-c's requests are not const. */
static char **copy_keys(struct rnl_arena *arena,
                        const struct rnl_frequency_query *query)
{
    char **keys = rnl_arena_alloc(arena, query->key_count, sizeof(char *));
    for (size_t i = 0; keys != NULL && i < query->key_count; i++)
        keys[i] = rnl_typed_text(query->keys[i]);
    return keys;
}

static enum rnl_code fill_frequencies(
    struct rnl_client *client, const Runnel__V1__GetFrequencyResponse *response,
    struct frequencies_box *box)
{
    box->frequencies = (struct rnl_frequencies){
        .keys = rnl_stats_keys(&box->arena, response->frequencies,
                               response->n_frequencies),
        .key_count = response->n_frequencies,
        .count = response->count,
    };
    return box->arena.exhausted ? rnl_typed_no_memory(client) : RNL_OK;
}

enum rnl_code rnl_stats_frequency(struct rnl_client *client,
                                  const struct rnl_frequency_query *query,
                                  struct rnl_frequencies **ret_frequencies)
{
    static const struct rnl_method_type method = {
        "runnel.v1.StatsService/GetFrequency",
        &runnel__v1__get_frequency_response__descriptor,
    };
    struct rnl_frequency_query own;
    if (!rnl_options_copy(&own, sizeof(own), query))
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT, RNL_OPTIONS_FAULT);
    struct frequencies_box *box = rnl_calloc(1, sizeof(*box));
    if (box == NULL)
        return rnl_typed_no_memory(client);
    Runnel__V1__GetFrequencyRequest request =
        RUNNEL__V1__GET_FREQUENCY_REQUEST__INIT;
    request.stream = rnl_typed_text(own.stream);
    request.window_seconds = own.window_seconds;
    request.keys = copy_keys(&box->arena, &own);
    request.n_keys = own.key_count;
    if (box->arena.exhausted) {
        rnl_frequencies_destroy(&box->frequencies);
        return rnl_typed_no_memory(client);
    }
    void *answer;
    enum rnl_code code =
        rnl_typed_call(client, &method, &request.base, &box->arena, &answer);
    if (code == RNL_OK)
        code = fill_frequencies(client, answer, box);
    if (code == RNL_OK)
        *ret_frequencies = &box->frequencies;
    else
        rnl_frequencies_destroy(&box->frequencies);
    return code;
}

static enum rnl_code fill_quantiles(
    struct rnl_client *client, const Runnel__V1__GetQuantilesResponse *response,
    struct quantiles_box *box)
{
    box->quantiles = (struct rnl_quantiles){
        .quantiles = rnl_stats_quantile_list(&box->arena, response->quantiles,
                                             response->n_quantiles),
        .quantile_count = response->n_quantiles,
        .relative_error = response->relative_error,
        .count = response->count,
    };
    return box->arena.exhausted ? rnl_typed_no_memory(client) : RNL_OK;
}

enum rnl_code rnl_stats_quantiles(struct rnl_client *client,
                                  const struct rnl_quantile_query *query,
                                  struct rnl_quantiles **ret_quantiles)
{
    static const struct rnl_method_type method = {
        "runnel.v1.StatsService/GetQuantiles",
        &runnel__v1__get_quantiles_response__descriptor,
    };
    struct rnl_quantile_query own;
    if (!rnl_options_copy(&own, sizeof(own), query))
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT, RNL_OPTIONS_FAULT);
    struct quantiles_box *box = rnl_calloc(1, sizeof(*box));
    if (box == NULL)
        return rnl_typed_no_memory(client);
    Runnel__V1__GetQuantilesRequest request =
        RUNNEL__V1__GET_QUANTILES_REQUEST__INIT;
    request.stream = rnl_typed_text(own.stream);
    request.window_seconds = own.window_seconds;
    request.metric = (Runnel__V1__Metric)own.metric;
    request.q = (double *)own.q;
    request.n_q = own.q_count;
    void *answer;
    enum rnl_code code =
        rnl_typed_call(client, &method, &request.base, &box->arena, &answer);
    if (code == RNL_OK)
        code = fill_quantiles(client, answer, box);
    if (code == RNL_OK)
        *ret_quantiles = &box->quantiles;
    else
        rnl_quantiles_destroy(&box->quantiles);
    return code;
}

/* The unpacked answer lies in the arena of the result already. */
enum rnl_code rnl_stats_rank(struct rnl_client *client,
                             const struct rnl_rank_query *query,
                             struct rnl_ranks **ret_ranks)
{
    static const struct rnl_method_type method = {
        "runnel.v1.StatsService/GetRank",
        &runnel__v1__get_rank_response__descriptor,
    };
    struct rnl_rank_query own;
    if (!rnl_options_copy(&own, sizeof(own), query))
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT, RNL_OPTIONS_FAULT);
    struct ranks_box *box = rnl_calloc(1, sizeof(*box));
    if (box == NULL)
        return rnl_typed_no_memory(client);
    Runnel__V1__GetRankRequest request = RUNNEL__V1__GET_RANK_REQUEST__INIT;
    request.stream = rnl_typed_text(own.stream);
    request.window_seconds = own.window_seconds;
    request.metric = (Runnel__V1__Metric)own.metric;
    request.values = (double *)own.values;
    request.n_values = own.value_count;
    void *answer;
    enum rnl_code code =
        rnl_typed_call(client, &method, &request.base, &box->arena, &answer);
    if (code != RNL_OK) {
        rnl_ranks_destroy(&box->ranks);
        return code;
    }
    const Runnel__V1__GetRankResponse *response = answer;
    box->ranks = (struct rnl_ranks){
        .ranks = response->ranks,
        .rank_count = response->n_ranks,
        .count = response->count,
        .relative_error = response->relative_error,
    };
    *ret_ranks = &box->ranks;
    return RNL_OK;
}
