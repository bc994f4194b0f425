/* SPDX-License-Identifier: Apache-2.0 */
#include "core_json.h"

#include <stdio.h>
#include <string.h>

#include "utf8.h"

/* "JOB_STATE_" and "RUNNING" */
static void set_enum(json_t *object, const char *name, const char *prefix,
                     const char *value)
{
    char text[64];
    snprintf(text, sizeof(text), "%s%s", prefix, value);
    cli_json_set_text(object, name, text);
}

/* RFC 4648, with padding. */
static void add_base64(struct cli_buf *buf, const unsigned char *data,
                       size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        size_t rest = len - i;
        unsigned bits = (unsigned)data[i] << 16;
        bits |= rest > 1 ? (unsigned)data[i + 1] << 8 : 0;
        bits |= rest > 2 ? (unsigned)data[i + 2] : 0;
        char group[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                         rest > 1 ? digits[bits >> 6 & 63] : '=',
                         rest > 2 ? digits[bits & 63] : '='};
        cli_buf_add(buf, group, sizeof(group));
    }
}

void cli_json_set_bytes(json_t *object, const char *name, const void *data,
                        size_t len)
{
    struct cli_buf text = {0};
    add_base64(&text, data, len);
    cli_json_set_text(object, name, cli_buf_str(&text));
    cli_buf_fini(&text);
}

void cli_json_set_content(json_t *object, const void *data, size_t len)
{
    if (len == 0 || (rnl_utf8_valid(data, len) && !memchr(data, 0, len))) {
        cli_json_set(object, "text", json_stringn(len ? data : "", len));
        return;
    }
    cli_json_set_bytes(object, "data", data, len);
}

static json_t *map_json(const struct rnl_pair *pairs, size_t count)
{
    json_t *map = cli_json_object();
    for (size_t i = 0; i < count; i++)
        cli_json_set_text(map, pairs[i].key, pairs[i].value);
    return map;
}

json_t *cli_progress_json(const struct rnl_progress *progress)
{
    json_t *object = cli_json_object();
    cli_json_set_number(object, "done", progress->done);
    cli_json_set_number(object, "total", progress->total);
    cli_json_set_text(object, "unit", progress->unit);
    cli_json_set_text(object, "message", progress->message);
    return object;
}

static json_t *error_json(enum rnl_code code, const char *message,
                          uint32_t attempt)
{
    json_t *object = cli_json_object();
    set_enum(object, "code", "CODE_", rnl_code_name((int)code));
    cli_json_set_text(object, "message", message);
    cli_json_set_u32(object, "attempt", attempt);
    return object;
}

json_t *cli_state_json(const struct rnl_job_event *event)
{
    json_t *object = cli_json_object();
    set_enum(object, "state", "JOB_STATE_", rnl_job_state_name(event->state));
    cli_json_set_u32(object, "attempt", event->attempt);
    if (event->error_code != RNL_OK)
        cli_json_set(object, "error",
                     error_json(event->error_code, event->error_message,
                                event->attempt));
    return object;
}

/* Duration of the canonical mapping: "86400s", "1.500s". */
static void set_duration(json_t *object, const char *name, int64_t ms)
{
    char text[40];
    if (ms % 1000 == 0)
        snprintf(text, sizeof(text), "%llds", (long long)(ms / 1000));
    else
        snprintf(text, sizeof(text), "%lld.%03llds", (long long)(ms / 1000),
                 (long long)(ms % 1000));
    cli_json_set_text(object, name, text);
}

static void set_job_times(json_t *object, const struct rnl_job *job)
{
    cli_json_set_time(object, "createTime", job->create_time_ms);
    cli_json_set_time(object, "startTime", job->start_time_ms);
    cli_json_set_time(object, "attemptTime", job->attempt_time_ms);
    cli_json_set_time(object, "endTime", job->end_time_ms);
    cli_json_set_time(object, "notBefore", job->not_before_ms);
    cli_json_set_time(object, "deadline", job->deadline_ms);
    set_duration(object, "retention", job->retention_ms);
}

static void set_job_content(json_t *object, const struct rnl_job *job)
{
    if (job->input) {
        json_t *input = cli_json_object();
        cli_json_set_content(input, job->input, job->input_len);
        cli_json_set_text(input, "contentType", job->input_content_type);
        cli_json_set(object, "input", input);
    }
    cli_json_set_u64(object, "inputBytes", job->input_bytes);
    cli_json_set_u64(object, "outputBytes", job->output_bytes);
    cli_json_set_text(object, "outputContentType", job->output_content_type);
    cli_json_set_u64(object, "lastSequence", job->last_sequence);
    cli_json_set_u64(object, "firstSequence", job->first_sequence);
    cli_json_set_u64(object, "keepNewestBytes", job->keep_newest_bytes);
    cli_json_set_u64(object, "attemptSequence", job->attempt_sequence);
    cli_json_set_u64(object, "attemptOutputOffset", job->attempt_output_offset);
}

json_t *cli_job_json(const struct rnl_job *job)
{
    json_t *object = cli_json_object();
    cli_json_set_text(object, "id", job->id);
    cli_json_set_text(object, "kind", job->kind);
    set_enum(object, "state", "JOB_STATE_", rnl_job_state_name(job->state));
    cli_json_set(object, "labels", map_json(job->labels, job->label_count));
    cli_json_set(object, "priority", json_integer(job->priority));
    cli_json_set(object, "options", map_json(job->options, job->option_count));
    set_job_content(object, job);
    if (job->has_progress)
        cli_json_set(object, "progress", cli_progress_json(&job->progress));
    cli_json_set_u32(object, "attempt", job->attempt);
    if (job->error_code != RNL_OK)
        cli_json_set(
            object, "error",
            error_json(job->error_code, job->error_message, job->attempt));
    set_job_times(object, job);
    cli_json_set_text(object, "idempotencyKey", job->idempotency_key);
    cli_json_set_bool(object, "cancelRequested", job->cancel_requested);
    return object;
}

/* The name of a number that may be one of a later schema. */
static const char *name_of(const char *const *names, size_t count, int number)
{
    return number > 0 && (size_t)number <= count ? names[number - 1]
                                                 : "UNSPECIFIED";
}

static void set_choices(json_t *object, const struct rnl_stream_config *config)
{
    static const char *const algorithms[] = {"HYPERLOGLOG", "ULTRALOGLOG"};
    static const char *const hashes[] = {"RUNNEL", "REDIS", "DATASKETCHES"};
    static const char *const times[] = {"EVENT", "ARRIVAL"};
    set_enum(object, "uniqueAlgorithm", "UNIQUE_ALGORITHM_",
             name_of(algorithms, 2, (int)config->unique_algorithm));
    set_enum(object, "keyHash", "KEY_HASH_",
             name_of(hashes, 3, (int)config->key_hash));
    set_enum(object, "timeBasis", "TIME_BASIS_",
             name_of(times, 2, (int)config->time_basis));
}

static json_t *config_json(const struct rnl_stream_config *config)
{
    json_t *object = cli_json_object();
    json_t *windows = cli_json_array();
    for (size_t i = 0; i < config->window_count; i++)
        json_array_append_new(windows, json_integer(config->window_seconds[i]));
    cli_json_set_text(object, "name", config->name);
    cli_json_set(object, "windowSeconds", windows);
    cli_json_set_u32(object, "uniquePrecision", config->unique_precision);
    cli_json_set_u32(object, "topCapacity", config->top_capacity);
    cli_json_set_number(object, "valueThreshold", config->value_threshold);
    cli_json_set_bool(object, "valueThresholdSet", config->has_value_threshold);
    cli_json_set_number(object, "latencyThresholdMs",
                        config->latency_threshold_ms);
    cli_json_set_number(object, "anomalyThreshold", config->anomaly_threshold);
    set_choices(object, config);
    return object;
}

json_t *cli_stream_json(const struct rnl_stream_info *info)
{
    json_t *object = cli_json_object();
    cli_json_set(object, "config", config_json(&info->config));
    cli_json_set_time(object, "createTime", info->create_time_ms);
    cli_json_set_u64(object, "count", info->count);
    cli_json_set_number(object, "rate", info->rate);
    cli_json_set_time(object, "lastEventTime", info->last_event_time_ms);
    cli_json_set_u64(object, "memoryBytes", info->memory_bytes);
    return object;
}

static json_t *estimate_json(const struct rnl_estimate *estimate)
{
    json_t *object = cli_json_object();
    cli_json_set_number(object, "value", estimate->value);
    cli_json_set_number(object, "lower", estimate->lower);
    cli_json_set_number(object, "upper", estimate->upper);
    cli_json_set_number(object, "confidence", estimate->confidence);
    return object;
}

json_t *cli_frequency_json(const struct rnl_key_frequency *frequency)
{
    json_t *object = cli_json_object();
    cli_json_set_text(object, "key", frequency->key);
    cli_json_set_u64(object, "count", frequency->count);
    cli_json_set_u64(object, "lower", frequency->lower);
    cli_json_set_u64(object, "upper", frequency->upper);
    cli_json_set_number(object, "confidence", frequency->confidence);
    return object;
}

json_t *cli_quantiles_json(const struct rnl_quantile *quantiles, size_t count)
{
    json_t *array = cli_json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *object = cli_json_object();
        cli_json_set_number(object, "q", quantiles[i].q);
        cli_json_set_number(object, "value", quantiles[i].value);
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *histogram_json(const struct rnl_histogram_bucket *buckets,
                              size_t count)
{
    json_t *array = cli_json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *object = cli_json_object();
        cli_json_set_number(object, "lower", buckets[i].lower);
        cli_json_set_number(object, "upper", buckets[i].upper);
        cli_json_set_u64(object, "count", buckets[i].count);
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *distribution_json(const struct rnl_distribution *d)
{
    json_t *object = cli_json_object();
    cli_json_set_u64(object, "count", d->count);
    cli_json_set_number(object, "sum", d->sum);
    cli_json_set_number(object, "min", d->min);
    cli_json_set_number(object, "max", d->max);
    cli_json_set_number(object, "mean", d->mean);
    cli_json_set_number(object, "variance", d->variance);
    cli_json_set_number(object, "stddev", d->stddev);
    cli_json_set_u64(object, "roughCount", d->rough_count);
    cli_json_set_number(object, "sumError", d->sum_error);
    cli_json_set_number(object, "meanError", d->mean_error);
    cli_json_set_number(object, "stddevError", d->stddev_error);
    cli_json_set(object, "quantiles",
                 cli_quantiles_json(d->quantiles, d->quantile_count));
    cli_json_set_number(object, "quantileRelativeError",
                        d->quantile_relative_error);
    cli_json_set(object, "histogram",
                 histogram_json(d->histogram, d->bucket_count));
    return object;
}

static json_t *top_json(const struct rnl_window_stats *stats)
{
    json_t *array = cli_json_array();
    for (size_t i = 0; i < stats->top_key_count; i++)
        json_array_append_new(array, cli_frequency_json(&stats->top_keys[i]));
    return array;
}

json_t *cli_window_json(const char *stream,
                        const struct rnl_window_stats *stats)
{
    json_t *object = cli_json_object();
    cli_json_set_text(object, "stream", stream);
    cli_json_set_u32(object, "windowSeconds", stats->window_seconds);
    cli_json_set_time(object, "startTime", stats->start_time_ms);
    cli_json_set_time(object, "endTime", stats->end_time_ms);
    cli_json_set_u64(object, "count", stats->count);
    cli_json_set_number(object, "rate", stats->rate);
    cli_json_set(object, "uniqueKeys", estimate_json(&stats->unique_keys));
    cli_json_set(object, "topKeys", top_json(stats));
    cli_json_set(object, "value", distribution_json(&stats->value));
    cli_json_set(object, "latencyMs", distribution_json(&stats->latency_ms));
    cli_json_set_u64(object, "lateEvents", stats->late_events);
    cli_json_set_u64(object, "duplicateBatches", stats->duplicate_batches);
    cli_json_set_u64(object, "anomalyCount", stats->anomaly_count);
    cli_json_set_u64(object, "mergedEvents", stats->merged_events);
    return object;
}

json_t *cli_anomaly_json(const struct rnl_anomaly *anomaly)
{
    static const char *const metrics[] = {
        "UNSPECIFIED", "RATE",        "VALUE_MEAN",   "LATENCY_P99",
        "UNIQUE_KEYS", "EVENT_VALUE", "EVENT_LATENCY"};
    static const char *const methods[] = {"UNSPECIFIED", "EWMA", "MEDIAN_MAD",
                                          "THRESHOLD"};
    json_t *object = cli_json_object();
    cli_json_set_u64(object, "sequence", anomaly->sequence);
    cli_json_set_time(object, "time", anomaly->time_ms);
    set_enum(object, "metric", "ANOMALY_METRIC_",
             metrics[(unsigned)anomaly->metric % 7]);
    set_enum(object, "method", "ANOMALY_METHOD_",
             methods[(unsigned)anomaly->method % 4]);
    cli_json_set_number(object, "observed", anomaly->observed);
    cli_json_set_number(object, "baseline", anomaly->baseline);
    cli_json_set_number(object, "score", anomaly->score);
    cli_json_set_number(object, "threshold", anomaly->threshold);
    cli_json_set_text(object, "key", anomaly->key);
    return object;
}

static json_t *kind_info_json(const struct rnl_kind_info *info)
{
    json_t *object = cli_json_object();
    cli_json_set_text(object, "kind", info->kind);
    cli_json_set_bool(object, "builtIn", info->built_in);
    cli_json_set_u32(object, "workers", info->workers);
    cli_json_set_u64(object, "jobsWaiting", info->jobs_waiting);
    cli_json_set_u64(object, "jobsRunning", info->jobs_running);
    cli_json_set_u32(object, "maxRunning", info->max_running);
    return object;
}

static json_t *store_info_json(const struct rnl_server_info *info)
{
    json_t *object = cli_json_object();
    char commit[32];
    snprintf(commit, sizeof(commit), "%.6fs", info->store_commit_ms / 1e3);
    cli_json_set_text(object, "state",
                      info->store_stalled ? "STORE_STATE_STALLED"
                                          : "STORE_STATE_WRITABLE");
    cli_json_set_text(object, "error", info->store_error);
    cli_json_set_u64(object, "bytes", info->store_bytes);
    cli_json_set_u64(object, "maxBytes", info->store_bytes_max);
    cli_json_set_u64(object, "diskBytes", info->store_disk_bytes);
    cli_json_set_u64(object, "waitingBytes", info->store_waiting_bytes);
    cli_json_set_u64(object, "commits", info->store_commits);
    cli_json_set_u64(object, "failedCommits", info->store_failed_commits);
    if (info->store_commits > 0)
        cli_json_set_text(object, "lastCommit", commit);
    cli_json_set_u64(object, "eventAnswersWaiting",
                     info->store_event_answers_waiting);
    cli_json_set_u64(object, "eventLogBytes", info->store_event_log_bytes);
    return object;
}

static json_t *limits_json(const struct rnl_server_limits *limits)
{
    json_t *object = cli_json_object();
    cli_json_set_u32(object, "maxFrameBytes", limits->max_frame_bytes);
    cli_json_set_u32(object, "maxStreams", limits->max_streams);
    cli_json_set_u32(object, "maxConnections", limits->max_connections);
    cli_json_set_u64(object, "maxJobOutputBytes", limits->max_job_output_bytes);
    cli_json_set_u64(object, "maxJobs", limits->max_jobs);
    cli_json_set_u32(object, "maxEventStreams", limits->max_event_streams);
    if (limits->max_message_bytes == 0)
        return object;
    cli_json_set_u64(object, "maxStatsBytes", limits->max_stats_bytes);
    cli_json_set_u32(object, "maxMessageBytes", limits->max_message_bytes);
    cli_json_set_u32(object, "maxJobInputBytes", limits->max_job_input_bytes);
    cli_json_set_u32(object, "maxBatchEvents", limits->max_batch_events);
    cli_json_set_u32(object, "maxKeyBytes", limits->max_key_bytes);
    cli_json_set_u32(object, "maxStreamNameBytes",
                     limits->max_stream_name_bytes);
    cli_json_set_u32(object, "maxProducerIdBytes",
                     limits->max_producer_id_bytes);
    cli_json_set_u32(object, "maxSketchBytes", limits->max_sketch_bytes);
    cli_json_set_u32(object, "maxPageSize", limits->max_page_size);
    cli_json_set_u32(object, "maxFrequencyKeys", limits->max_frequency_keys);
    cli_json_set_u32(object, "maxQuantiles", limits->max_quantiles);
    cli_json_set_u32(object, "maxTop", limits->max_top);
    cli_json_set_u32(object, "minStatsIntervalMs",
                     limits->min_stats_interval_ms);
    return object;
}

json_t *cli_info_json(const struct rnl_server_info *info)
{
    json_t *object = cli_json_object();
    json_t *kinds = cli_json_array();
    for (size_t i = 0; i < info->kind_count; i++)
        json_array_append_new(kinds, json_string(info->kinds[i]));
    cli_json_set_text(object, "version", info->version);
    cli_json_set_text(object, "epoch", info->epoch);
    cli_json_set_time(object, "startTime", info->start_time_ms);
    cli_json_set_text(object, "store", info->store);
    cli_json_set_u32(object, "connections", info->connections);
    cli_json_set_u32(object, "streamsOpen", info->streams_open);
    cli_json_set_u64(object, "calls", info->calls);
    cli_json_set_u64(object, "jobsQueued", info->jobs_queued);
    cli_json_set_u64(object, "jobsRunning", info->jobs_running);
    cli_json_set_u64(object, "jobsStored", info->jobs_stored);
    cli_json_set_u64(object, "eventStreams", info->event_streams);
    cli_json_set_u64(object, "eventsIngested", info->events_ingested);
    cli_json_set(object, "kinds", kinds);
    /* No server is without this one: it does not say. */
    if (info->limits.max_frame_bytes > 0)
        cli_json_set(object, "limits", limits_json(&info->limits));
    cli_json_set_bool(object, "draining", info->draining);
    json_t *kind_infos = cli_json_array();
    for (size_t i = 0; i < info->kind_info_count; i++)
        json_array_append_new(kind_infos, kind_info_json(&info->kind_infos[i]));
    cli_json_set(object, "kindInfos", kind_infos);
    cli_json_set_text(object, "fairLabel", info->fair_label);
    cli_json_set(object, "storeInfo", store_info_json(info));
    return object;
}
