/* SPDX-License-Identifier: Apache-2.0 */
/* The methods of StatsService that answer statistics, and its table. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <runnel/v1/stats.pb-c.h>

#include "alloc.h"
#include "registry.h"
#include "stats_message.h"

struct rnl_meter_view *rnl_stats_view(struct rnl_stream *stream,
                                      struct rnl_event_stream *subject,
                                      uint32_t window_seconds)
{
    struct rnl_meter_view *view;
    enum rnl_code code =
        rnl_meter_view_create(subject->meter, window_seconds,
                              rnl_streams_wall_ms(subject->streams), &view);
    if (code == RNL_OK) {
        rnl_event_stream_on_viewed(subject);
        return view;
    }
    if (code == RNL_INVALID_ARGUMENT)
        rnl_stream_finish_field(stream, "window_seconds",
                                "stream %s has no window of %u s",
                                subject->name, window_seconds);
    else
        rnl_stream_finish(stream, code, "memory is out");
    return NULL;
}

static uint64_t count_of(const struct rnl_meter_view *view,
                         enum rnl_meter_metric metric)
{
    struct rnl_meter_moments moments;
    rnl_meter_view_moments(view, metric, &moments);
    return moments.count;
}

/* ---- GetStats ---- */

struct anomaly_list {
    struct rnl_anomaly_message messages[RNL_METER_ANOMALIES_MAX];
    Runnel__V1__Anomaly *refs[RNL_METER_ANOMALIES_MAX];
    size_t count;
};

static void list_anomalies(const struct rnl_meter *meter,
                           struct anomaly_list *list)
{
    struct rnl_meter_anomalies kept;
    list->count = 0;
    rnl_meter_anomalies(meter, 0, &kept);
    for (size_t part = 0; part < 2; part++) {
        for (size_t i = 0; i < kept.counts[part]; i++) {
            struct rnl_anomaly_message *to = &list->messages[list->count];
            rnl_anomaly_message_fill(to, &kept.parts[part][i]);
            list->refs[list->count++] = &to->anomaly;
        }
    }
}

static void reply_stats(struct rnl_stream *stream,
                        const struct rnl_meter *meter,
                        const struct rnl_stats_message *message)
{
    Runnel__V1__GetStatsResponse response =
        RUNNEL__V1__GET_STATS_RESPONSE__INIT;
    struct anomaly_list *list = rnl_malloc(sizeof(*list));
    if (list == NULL) {
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED, "memory is out");
        return;
    }
    list_anomalies(meter, list);
    response.stats = (Runnel__V1__StreamStats *)(uintptr_t)&message->stats;
    response.anomalies = list->refs;
    response.n_anomalies = list->count;
    rnl_stream_reply(stream, &response.base);
    rnl_free(list);
}

static void get_stats(struct rnl_stream *stream,
                      struct rnl_event_stream *subject,
                      const Runnel__V1__GetStatsRequest *request)
{
    struct rnl_stats_subject of = {.stream = subject->name};
    if (!rnl_stats_top(stream, subject, request->top, &of.top))
        return;
    struct rnl_meter_view *view =
        rnl_stats_view(stream, subject, request->window_seconds);
    if (view == NULL)
        return;
    struct rnl_stats_message message;
    rnl_meter_info(subject->meter, rnl_streams_wall_ms(subject->streams),
                   &of.info);
    if (rnl_stats_message_fill(&message, view, &of) == RNL_OK) {
        reply_stats(stream, subject->meter, &message);
        rnl_stats_message_fini(&message);
    } else {
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED, "memory is out");
    }
    rnl_meter_view_destroy(view);
}

bool rnl_stats_top(struct rnl_stream *stream,
                   const struct rnl_event_stream *subject, uint32_t asked,
                   uint32_t *ret_top)
{
    uint32_t cap = rnl_meter_config(subject->meter)->top_capacity;
    if (asked > cap) {
        rnl_stream_finish_field(
            stream, "top", "must be at most %u, the top_capacity of stream %s",
            cap, subject->name);
        return false;
    }
    *ret_top = asked != 0 ? asked : RNL_TOP_DEFAULT;
    if (*ret_top > cap)
        *ret_top = cap;
    return true;
}

static void on_get_stats(struct rnl_stream *stream, const uint8_t *data,
                         size_t len)
{
    Runnel__V1__GetStatsRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__get_stats_request__descriptor, data, len);
    if (request == NULL)
        return;
    struct rnl_event_stream *subject =
        rnl_stream_subject(stream, request->stream);
    if (subject != NULL)
        get_stats(stream, subject, request);
    rnl_request_free(request);
}

/* ---- GetFrequency ---- */

static bool check_keys(struct rnl_stream *stream,
                       const Runnel__V1__GetFrequencyRequest *request)
{
    if (request->n_keys == 0 || request->n_keys > RNL_FREQUENCY_KEYS_MAX) {
        rnl_stream_finish_field(stream, "keys", "must have 1 to %d entries",
                                RNL_FREQUENCY_KEYS_MAX);
        return false;
    }
    for (size_t i = 0; i < request->n_keys; i++) {
        size_t len = strlen(request->keys[i]);
        if (len > 0 && len <= RNL_METER_KEY_BYTES_MAX)
            continue;
        char field[32];
        snprintf(field, sizeof(field), "keys[%zu]", i);
        rnl_stream_finish_field(stream, field, "must have 1 to %d bytes",
                                RNL_METER_KEY_BYTES_MAX);
        return false;
    }
    return true;
}

static void reply_frequencies(struct rnl_stream *stream,
                              const struct rnl_meter_view *view,
                              const Runnel__V1__GetFrequencyRequest *request)
{
    Runnel__V1__KeyFrequency messages[RNL_FREQUENCY_KEYS_MAX];
    Runnel__V1__KeyFrequency *refs[RNL_FREQUENCY_KEYS_MAX];
    Runnel__V1__GetFrequencyResponse response =
        RUNNEL__V1__GET_FREQUENCY_RESPONSE__INIT;
    struct rnl_meter_window window;
    rnl_meter_view_window(view, &window);
    for (size_t i = 0; i < request->n_keys; i++) {
        struct rnl_meter_frequency frequency;
        char *key = request->keys[i];
        rnl_meter_view_frequency(view, (const uint8_t *)key, strlen(key),
                                 &frequency);
        rnl_frequency_message_fill(&frequency, &messages[i]);
        messages[i].key = key;
        refs[i] = &messages[i];
    }
    response.frequencies = refs;
    response.n_frequencies = request->n_keys;
    response.count = window.count;
    rnl_stream_reply(stream, &response.base);
}

static void on_get_frequency(struct rnl_stream *stream, const uint8_t *data,
                             size_t len)
{
    Runnel__V1__GetFrequencyRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__get_frequency_request__descriptor, data, len);
    if (request == NULL)
        return;
    struct rnl_event_stream *subject =
        rnl_stream_subject(stream, request->stream);
    if (subject != NULL && check_keys(stream, request)) {
        struct rnl_meter_view *view =
            rnl_stats_view(stream, subject, request->window_seconds);
        if (view != NULL)
            reply_frequencies(stream, view, request);
        rnl_meter_view_destroy(view);
    }
    rnl_request_free(request);
}

/* ---- GetQuantiles, GetRank ---- */

static bool read_metric(struct rnl_stream *stream, Runnel__V1__Metric metric,
                        enum rnl_meter_metric *ret_metric)
{
    if (metric != RUNNEL__V1__METRIC__METRIC_VALUE &&
        metric != RUNNEL__V1__METRIC__METRIC_LATENCY) {
        rnl_stream_finish_field(stream, "metric",
                                "must be METRIC_VALUE or METRIC_LATENCY");
        return false;
    }
    *ret_metric = metric == RUNNEL__V1__METRIC__METRIC_VALUE
                      ? RNL_METER_VALUE
                      : RNL_METER_LATENCY;
    return true;
}

/* Each of them finite and in range. */
static bool check_numbers(struct rnl_stream *stream, const char *name,
                          const double *numbers, size_t count, double low,
                          double high)
{
    if (count == 0 || count > RNL_QUANTILES_MAX) {
        rnl_stream_finish_field(stream, name, "must have 1 to %d entries",
                                RNL_QUANTILES_MAX);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (isfinite(numbers[i]) && numbers[i] >= low && numbers[i] <= high)
            continue;
        char field[32];
        snprintf(field, sizeof(field), "%s[%zu]", name, i);
        if (isfinite(low))
            rnl_stream_finish_field(stream, field, "must be from %g to %g", low,
                                    high);
        else
            rnl_stream_finish_field(stream, field, "must be finite");
        return false;
    }
    return true;
}

static void reply_quantiles(struct rnl_stream *stream,
                            const struct rnl_meter_view *view,
                            enum rnl_meter_metric metric,
                            const Runnel__V1__GetQuantilesRequest *request)
{
    Runnel__V1__Quantile messages[RNL_QUANTILES_MAX];
    Runnel__V1__Quantile *refs[RNL_QUANTILES_MAX];
    Runnel__V1__GetQuantilesResponse response =
        RUNNEL__V1__GET_QUANTILES_RESPONSE__INIT;
    response.count = count_of(view, metric);
    response.relative_error = rnl_meter_quantile_error();
    for (size_t i = 0; response.count > 0 && i < request->n_q; i++) {
        messages[i] = (Runnel__V1__Quantile)RUNNEL__V1__QUANTILE__INIT;
        messages[i].q = request->q[i];
        messages[i].value =
            rnl_meter_view_quantile(view, metric, request->q[i]);
        refs[i] = &messages[i];
        response.n_quantiles = i + 1;
    }
    response.quantiles = refs;
    rnl_stream_reply(stream, &response.base);
}

static void on_get_quantiles(struct rnl_stream *stream, const uint8_t *data,
                             size_t len)
{
    Runnel__V1__GetQuantilesRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__get_quantiles_request__descriptor, data, len);
    if (request == NULL)
        return;
    enum rnl_meter_metric metric;
    struct rnl_event_stream *subject =
        rnl_stream_subject(stream, request->stream);
    if (subject != NULL && read_metric(stream, request->metric, &metric) &&
        check_numbers(stream, "q", request->q, request->n_q, 0, 1)) {
        struct rnl_meter_view *view =
            rnl_stats_view(stream, subject, request->window_seconds);
        if (view != NULL)
            reply_quantiles(stream, view, metric, request);
        rnl_meter_view_destroy(view);
    }
    rnl_request_free(request);
}

static void reply_ranks(struct rnl_stream *stream,
                        const struct rnl_meter_view *view,
                        enum rnl_meter_metric metric,
                        const Runnel__V1__GetRankRequest *request)
{
    double ranks[RNL_QUANTILES_MAX];
    Runnel__V1__GetRankResponse response = RUNNEL__V1__GET_RANK_RESPONSE__INIT;
    response.count = count_of(view, metric);
    for (size_t i = 0; response.count > 0 && i < request->n_values; i++) {
        ranks[i] = rnl_meter_view_rank(view, metric, request->values[i]);
        response.n_ranks = i + 1;
    }
    response.ranks = ranks;
    response.relative_error = rnl_meter_rank_error();
    rnl_stream_reply(stream, &response.base);
}

static void on_get_rank(struct rnl_stream *stream, const uint8_t *data,
                        size_t len)
{
    Runnel__V1__GetRankRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__get_rank_request__descriptor, data, len);
    if (request == NULL)
        return;
    enum rnl_meter_metric metric;
    struct rnl_event_stream *subject =
        rnl_stream_subject(stream, request->stream);
    if (subject != NULL && read_metric(stream, request->metric, &metric) &&
        check_numbers(stream, "values", request->values, request->n_values,
                      -INFINITY, INFINITY)) {
        struct rnl_meter_view *view =
            rnl_stats_view(stream, subject, request->window_seconds);
        if (view != NULL)
            reply_ranks(stream, view, metric, request);
        rnl_meter_view_destroy(view);
    }
    rnl_request_free(request);
}

/* ---- the table ---- */

static const struct rnl_method methods[] = {
    {
        .name = "runnel.v1.StatsService/CreateStream",
        .scope = RNL_SCOPE_EVENTS_WRITE,
        .shape = RNL_UNARY,
        .on_message = rnl_stream_on_create,
        .on_close = rnl_acks_on_close,
    },
    {
        .name = "runnel.v1.StatsService/ListStreams",
        .scope = RNL_SCOPE_STATS_READ,
        .shape = RNL_UNARY,
        .on_message = rnl_stream_on_list,
    },
    {
        .name = "runnel.v1.StatsService/GetStream",
        .scope = RNL_SCOPE_STATS_READ,
        .shape = RNL_UNARY,
        .on_message = rnl_stream_on_get,
    },
    {
        .name = "runnel.v1.StatsService/DeleteStream",
        .scope = RNL_SCOPE_EVENTS_WRITE,
        .shape = RNL_UNARY,
        .on_message = rnl_stream_on_delete,
        .on_close = rnl_acks_on_close,
    },
    {
        .name = "runnel.v1.StatsService/GetStats",
        .scope = RNL_SCOPE_STATS_READ,
        .shape = RNL_UNARY,
        .on_message = on_get_stats,
    },
    {
        .name = "runnel.v1.StatsService/WatchStats",
        .scope = RNL_SCOPE_STATS_READ,
        .shape = RNL_SERVER_STREAM,
        .on_message = rnl_stats_watch_on_message,
        .on_writable = rnl_stats_watch_on_writable,
        .on_close = rnl_stats_watch_on_close,
    },
    {
        .name = "runnel.v1.StatsService/GetFrequency",
        .scope = RNL_SCOPE_STATS_READ,
        .shape = RNL_UNARY,
        .on_message = on_get_frequency,
    },
    {
        .name = "runnel.v1.StatsService/GetQuantiles",
        .scope = RNL_SCOPE_STATS_READ,
        .shape = RNL_UNARY,
        .on_message = on_get_quantiles,
    },
    {
        .name = "runnel.v1.StatsService/GetRank",
        .scope = RNL_SCOPE_STATS_READ,
        .shape = RNL_UNARY,
        .on_message = on_get_rank,
    },
    {
        .name = "runnel.v1.StatsService/ExportSketch",
        .scope = RNL_SCOPE_STATS_READ,
        .shape = RNL_UNARY,
        .on_message = rnl_sketch_on_export,
    },
    {
        .name = "runnel.v1.StatsService/MergeSketch",
        .scope = RNL_SCOPE_EVENTS_WRITE,
        .shape = RNL_UNARY,
        .on_message = rnl_sketch_on_merge,
        .on_close = rnl_acks_on_close,
    },
};

const struct rnl_service rnl_stats_service = {
    .methods = methods,
    .method_count = sizeof(methods) / sizeof(methods[0]),
};
