/* SPDX-License-Identifier: Apache-2.0 */
#include "stats_message.h"

#include <string.h>

#include "alloc.h"
#include "timestamp.h"

static const double quantiles[RNL_STATS_QUANTILES] = {
    0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999,
};

/* ---- distributions ---- */

static void fill_quantiles(struct rnl_distribution_message *message,
                           const struct rnl_meter_view *view,
                           enum rnl_meter_metric metric)
{
    for (size_t i = 0; i < RNL_STATS_QUANTILES; i++) {
        Runnel__V1__Quantile *to = &message->quantiles[i];
        *to = (Runnel__V1__Quantile)RUNNEL__V1__QUANTILE__INIT;
        to->q = quantiles[i];
        to->value = rnl_meter_view_quantile(view, metric, quantiles[i]);
        message->quantile_refs[i] = to;
    }
    message->distribution.quantiles = message->quantile_refs;
    message->distribution.n_quantiles = RNL_STATS_QUANTILES;
}

static void fill_histogram(struct rnl_distribution_message *message,
                           const struct rnl_meter_view *view,
                           enum rnl_meter_metric metric)
{
    struct rnl_meter_bucket buckets[RNL_STATS_BUCKETS];
    size_t count =
        rnl_meter_view_histogram(view, metric, buckets, RNL_STATS_BUCKETS);
    for (size_t i = 0; i < count; i++) {
        Runnel__V1__HistogramBucket *to = &message->buckets[i];
        *to = (Runnel__V1__HistogramBucket)RUNNEL__V1__HISTOGRAM_BUCKET__INIT;
        to->lower = buckets[i].lower;
        to->upper = buckets[i].upper;
        to->count = buckets[i].count;
        message->bucket_refs[i] = to;
    }
    message->distribution.histogram = message->bucket_refs;
    message->distribution.n_histogram = count;
}

/* NULL when no event has that metric. */
static Runnel__V1__Distribution *fill_distribution(
    struct rnl_distribution_message *message, const struct rnl_meter_view *view,
    enum rnl_meter_metric metric)
{
    struct rnl_meter_moments moments;
    rnl_meter_view_moments(view, metric, &moments);
    if (moments.count == 0)
        return NULL;
    Runnel__V1__Distribution *to = &message->distribution;
    *to = (Runnel__V1__Distribution)RUNNEL__V1__DISTRIBUTION__INIT;
    to->count = moments.count;
    to->sum = moments.sum;
    to->min = moments.min;
    to->max = moments.max;
    to->mean = moments.mean;
    to->variance = moments.variance;
    to->stddev = moments.stddev;
    to->rough_count = moments.rough_count;
    to->sum_error = moments.sum_error;
    to->mean_error = moments.mean_error;
    to->stddev_error = moments.stddev_error;
    to->quantile_relative_error = rnl_meter_quantile_error();
    fill_quantiles(message, view, metric);
    fill_histogram(message, view, metric);
    return to;
}

/* ---- keys ---- */

void rnl_frequency_message_fill(const struct rnl_meter_frequency *frequency,
                                Runnel__V1__KeyFrequency *to)
{
    *to = (Runnel__V1__KeyFrequency)RUNNEL__V1__KEY_FREQUENCY__INIT;
    to->count = frequency->count;
    to->lower = frequency->lower;
    to->upper = frequency->upper;
    to->confidence = frequency->confidence;
}

/* Messages, then references to them, then their keys. */
static enum rnl_code copy_top(struct rnl_stats_message *message,
                              const struct rnl_meter_top *top, size_t count)
{
    size_t text = 0;
    for (size_t i = 0; i < count; i++)
        text += top[i].key_len + 1;
    Runnel__V1__KeyFrequency *keys =
        rnl_malloc(count * (sizeof(keys[0]) + sizeof(&keys[0])) + text);
    if (keys == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    Runnel__V1__KeyFrequency **refs =
        (Runnel__V1__KeyFrequency **)(void *)(keys + count);
    char *out = (char *)(refs + count);
    for (size_t i = 0; i < count; i++) {
        rnl_frequency_message_fill(&top[i].frequency, &keys[i]);
        memcpy(out, top[i].key, top[i].key_len);
        out[top[i].key_len] = '\0';
        keys[i].key = out;
        refs[i] = &keys[i];
        out += top[i].key_len + 1;
    }
    message->top = keys;
    message->stats.top_keys = refs;
    message->stats.n_top_keys = count;
    return RNL_OK;
}

static enum rnl_code fill_top(struct rnl_stats_message *message,
                              const struct rnl_meter_view *view, uint32_t cap)
{
    struct rnl_meter_top *top = rnl_malloc(cap * sizeof(top[0]));
    if (top == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    size_t count = rnl_meter_view_top(view, top, cap);
    enum rnl_code code = count == 0 ? RNL_OK : copy_top(message, top, count);
    rnl_free(top);
    return code;
}

/* ---- the whole ---- */

static void fill_window(struct rnl_stats_message *message,
                        const struct rnl_meter_view *view)
{
    struct rnl_meter_window window;
    rnl_meter_view_window(view, &window);
    message->stats.window_seconds = window.window_seconds;
    message->stats.count = window.count;
    message->stats.rate = window.rate;
    message->stats.anomaly_count = window.anomaly_count;
    message->stats.merged_events = window.merged_events;
    /* All time has no times before its first event. */
    if (window.start_ms == 0 && window.end_ms == 0)
        return;
    rnl_timestamp_set_ms(&message->start_time, window.start_ms);
    rnl_timestamp_set_ms(&message->end_time, window.end_ms);
    message->stats.start_time = &message->start_time;
    message->stats.end_time = &message->end_time;
}

static void fill_unique(struct rnl_stats_message *message,
                        const struct rnl_meter_view *view)
{
    struct rnl_meter_estimate estimate;
    rnl_meter_view_unique(view, &estimate);
    message->unique_keys = (Runnel__V1__Estimate)RUNNEL__V1__ESTIMATE__INIT;
    message->unique_keys.value = estimate.value;
    message->unique_keys.lower = estimate.lower;
    message->unique_keys.upper = estimate.upper;
    message->unique_keys.confidence = estimate.confidence;
    message->stats.unique_keys = &message->unique_keys;
}

enum rnl_code rnl_stats_message_fill(struct rnl_stats_message *message,
                                     const struct rnl_meter_view *view,
                                     const struct rnl_stats_subject *subject)
{
    message->stats = (Runnel__V1__StreamStats)RUNNEL__V1__STREAM_STATS__INIT;
    message->top = NULL;
    message->stats.stream = (char *)(uintptr_t)subject->stream;
    message->stats.late_events = subject->info.late_events;
    message->stats.duplicate_batches = subject->info.duplicate_batches;
    fill_window(message, view);
    fill_unique(message, view);
    message->stats.value =
        fill_distribution(&message->value, view, RNL_METER_VALUE);
    message->stats.latency_ms =
        fill_distribution(&message->latency_ms, view, RNL_METER_LATENCY);
    return fill_top(message, view, subject->top);
}

void rnl_stats_message_fini(struct rnl_stats_message *message)
{
    rnl_free(message->top);
    message->top = NULL;
}

/* ---- anomalies ---- */

void rnl_anomaly_message_fill(struct rnl_anomaly_message *message,
                              const struct rnl_meter_anomaly *anomaly)
{
    Runnel__V1__Anomaly *to = &message->anomaly;
    *to = (Runnel__V1__Anomaly)RUNNEL__V1__ANOMALY__INIT;
    rnl_timestamp_set_ms(&message->time, anomaly->time_ms);
    memcpy(message->key, anomaly->key, anomaly->key_len);
    message->key[anomaly->key_len] = '\0';
    to->sequence = anomaly->sequence;
    to->time = &message->time;
    to->metric = (Runnel__V1__AnomalyMetric)anomaly->metric;
    to->method = (Runnel__V1__AnomalyMethod)anomaly->method;
    to->observed = anomaly->observed;
    to->baseline = anomaly->baseline;
    to->score = anomaly->score;
    to->threshold = anomaly->threshold;
    to->key = message->key;
}
