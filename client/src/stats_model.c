/* SPDX-License-Identifier: Apache-2.0 */
#include "stats_model.h"

#include "typed.h"

const struct rnl_key_frequency *rnl_stats_keys(
    struct rnl_arena *arena, Runnel__V1__KeyFrequency *const *from,
    size_t count)
{
    struct rnl_key_frequency *keys =
        rnl_arena_alloc(arena, count, sizeof(*keys));
    for (size_t i = 0; keys != NULL && i < count; i++)
        keys[i] = (struct rnl_key_frequency){
            .key = from[i]->key,
            .count = from[i]->count,
            .lower = from[i]->lower,
            .upper = from[i]->upper,
            .confidence = from[i]->confidence,
        };
    return keys;
}

const struct rnl_quantile *rnl_stats_quantile_list(
    struct rnl_arena *arena, Runnel__V1__Quantile *const *from, size_t count)
{
    struct rnl_quantile *quantiles =
        rnl_arena_alloc(arena, count, sizeof(*quantiles));
    for (size_t i = 0; quantiles != NULL && i < count; i++)
        quantiles[i] = (struct rnl_quantile){from[i]->q, from[i]->value};
    return quantiles;
}

static const struct rnl_histogram_bucket *convert_histogram(
    struct rnl_arena *arena, const Runnel__V1__Distribution *from)
{
    struct rnl_histogram_bucket *buckets =
        rnl_arena_alloc(arena, from->n_histogram, sizeof(*buckets));
    for (size_t i = 0; buckets != NULL && i < from->n_histogram; i++)
        buckets[i] = (struct rnl_histogram_bucket){
            .lower = from->histogram[i]->lower,
            .upper = from->histogram[i]->upper,
            .count = from->histogram[i]->count,
        };
    return buckets;
}

static struct rnl_distribution convert_distribution(
    struct rnl_arena *arena, const Runnel__V1__Distribution *from)
{
    if (from == NULL)
        return (struct rnl_distribution){0};
    return (struct rnl_distribution){
        .count = from->count,
        .sum = from->sum,
        .min = from->min,
        .max = from->max,
        .mean = from->mean,
        .variance = from->variance,
        .stddev = from->stddev,
        .rough_count = from->rough_count,
        .sum_error = from->sum_error,
        .mean_error = from->mean_error,
        .stddev_error = from->stddev_error,
        .quantiles =
            rnl_stats_quantile_list(arena, from->quantiles, from->n_quantiles),
        .quantile_count = from->n_quantiles,
        .quantile_relative_error = from->quantile_relative_error,
        .histogram = convert_histogram(arena, from),
        .bucket_count = from->n_histogram,
    };
}

static struct rnl_estimate convert_estimate(const Runnel__V1__Estimate *from)
{
    if (from == NULL)
        return (struct rnl_estimate){0};
    return (struct rnl_estimate){
        .value = from->value,
        .lower = from->lower,
        .upper = from->upper,
        .confidence = from->confidence,
    };
}

static struct rnl_window_stats convert_window(
    struct rnl_arena *arena, const Runnel__V1__StreamStats *from)
{
    return (struct rnl_window_stats){
        .window_seconds = from->window_seconds,
        .start_time_ms = rnl_typed_time_ms(from->start_time),
        .end_time_ms = rnl_typed_time_ms(from->end_time),
        .count = from->count,
        .rate = from->rate,
        .unique_keys = convert_estimate(from->unique_keys),
        .top_keys = rnl_stats_keys(arena, from->top_keys, from->n_top_keys),
        .top_key_count = from->n_top_keys,
        .value = convert_distribution(arena, from->value),
        .latency_ms = convert_distribution(arena, from->latency_ms),
        .late_events = from->late_events,
        .duplicate_batches = from->duplicate_batches,
        .anomaly_count = from->anomaly_count,
        .merged_events = from->merged_events,
    };
}

const struct rnl_window_stats *rnl_stats_windows(
    struct rnl_arena *arena, Runnel__V1__StreamStats *const *from, size_t count)
{
    struct rnl_window_stats *windows =
        rnl_arena_alloc(arena, count, sizeof(*windows));
    for (size_t i = 0; windows != NULL && i < count; i++)
        windows[i] = convert_window(arena, from[i]);
    return windows;
}

const struct rnl_anomaly *rnl_stats_anomalies(struct rnl_arena *arena,
                                              Runnel__V1__Anomaly *const *from,
                                              size_t count)
{
    struct rnl_anomaly *anomalies =
        rnl_arena_alloc(arena, count, sizeof(*anomalies));
    for (size_t i = 0; anomalies != NULL && i < count; i++)
        anomalies[i] = (struct rnl_anomaly){
            .sequence = from[i]->sequence,
            .time_ms = rnl_typed_time_ms(from[i]->time),
            .metric = (enum rnl_anomaly_metric)from[i]->metric,
            .method = (enum rnl_anomaly_method)from[i]->method,
            .observed = from[i]->observed,
            .baseline = from[i]->baseline,
            .score = from[i]->score,
            .threshold = from[i]->threshold,
            .key = from[i]->key,
        };
    return anomalies;
}

static struct rnl_stream_config convert_config(
    const Runnel__V1__StreamConfig *from)
{
    struct rnl_stream_config config = {.size = sizeof(config), .name = ""};
    if (from == NULL)
        return config;
    config.name = from->name;
    for (size_t i = 0; i < from->n_window_seconds && i < RNL_STREAM_WINDOWS_MAX;
         i++)
        config.window_seconds[config.window_count++] = from->window_seconds[i];
    config.unique_precision = from->unique_precision;
    config.top_capacity = from->top_capacity;
    config.has_value_threshold = from->value_threshold_set;
    config.value_threshold = from->value_threshold;
    config.latency_threshold_ms = from->latency_threshold_ms;
    config.anomaly_threshold = from->anomaly_threshold;
    config.unique_algorithm = (enum rnl_unique_algorithm)from->unique_algorithm;
    config.key_hash = (enum rnl_stream_hash)from->key_hash;
    config.time_basis = (enum rnl_stream_time)from->time_basis;
    return config;
}

const struct rnl_stream_info *rnl_stats_streams(
    struct rnl_arena *arena, Runnel__V1__StreamInfo *const *from, size_t count)
{
    struct rnl_stream_info *streams =
        rnl_arena_alloc(arena, count, sizeof(*streams));
    for (size_t i = 0; streams != NULL && i < count; i++)
        streams[i] = (struct rnl_stream_info){
            .config = convert_config(from[i]->config),
            .create_time_ms = rnl_typed_time_ms(from[i]->create_time),
            .count = from[i]->count,
            .rate = from[i]->rate,
            .last_event_time_ms = rnl_typed_time_ms(from[i]->last_event_time),
            .memory_bytes = from[i]->memory_bytes,
        };
    return streams;
}
